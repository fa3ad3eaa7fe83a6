"""Names that only PyTorch's scripts use: constructors of old, settings of what is not there, files."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import autograd
import nn
from autograd import Tensor

__all__ = [
    "BoolTensor", "ByteTensor", "CharTensor", "DoubleTensor", "FloatTensor", "IntTensor", "LongTensor", "ShortTensor",
    "Size", "are_deterministic_algorithms_enabled", "compile", "dtype", "e", "inf", "load", "nan",
    "newaxis", "pi", "save", "set_default_tensor_type", "set_float32_matmul_precision",
    "use_deterministic_algorithms",
]  # fmt: skip

dtype, Size = np.dtype, tuple  # what the dtype and the shape of a tensor are
e, inf, nan, pi, newaxis = math.e, math.inf, math.nan, math.pi, None


# -- constructors of old


class _Kind(type):
    """The class of constructors of which every tensor of their dtype is an instance."""

    dtype: Any

    def __call__(cls, *data: Any) -> Tensor:
        if not data or isinstance(data[0], int):
            return autograd.zeros(*data or (0,), dtype=cls.dtype)
        return autograd.tensor(*data, dtype=cls.dtype)

    def __instancecheck__(cls, x: object) -> bool:
        return isinstance(x, Tensor) and x.dtype == cls.dtype


class FloatTensor(metaclass=_Kind):
    """A copy of data as float32, or zeros of a shape, as :class:`autograd.Tensor`; its siblings have other dtypes.

    Examples
    --------
    >>> from nn.as_torch.only_torch import FloatTensor, LongTensor
    >>> LongTensor([0, 2]), isinstance(LongTensor([0]), FloatTensor)
    (tensor([0, 2]), False)
    """

    dtype = autograd.float32


class DoubleTensor(metaclass=_Kind):
    """As :class:`FloatTensor`, float64."""

    dtype = autograd.float64


class LongTensor(metaclass=_Kind):
    """As :class:`FloatTensor`, int64."""

    dtype = autograd.int64


class IntTensor(metaclass=_Kind):
    """As :class:`FloatTensor`, int32."""

    dtype = autograd.int32


class ShortTensor(metaclass=_Kind):
    """As :class:`FloatTensor`, int16."""

    dtype = autograd.int16


class CharTensor(metaclass=_Kind):
    """As :class:`FloatTensor`, int8."""

    dtype = autograd.int8


class ByteTensor(metaclass=_Kind):
    """As :class:`FloatTensor`, uint8."""

    dtype = autograd.uint8


class BoolTensor(metaclass=_Kind):
    """As :class:`FloatTensor`, bool."""

    dtype = autograd.bool


class _AnyTensor(type):
    def __call__(cls, data: Tensor, requires_grad: bool = False) -> Tensor:
        return data.detach().requires_grad_(requires_grad)

    def __instancecheck__(cls, x: object) -> bool:
        return isinstance(x, Tensor)


class Variable(metaclass=_AnyTensor):
    """``Variable(x)`` is ``x`` as a leaf: what recorded a graph before tensors did.

    Examples
    --------
    >>> import autograd
    >>> from nn.as_torch.only_torch import Variable
    >>> Variable(autograd.ones(1), requires_grad=True)
    tensor([1.], requires_grad=True)
    """


# -- settings


def no() -> bool:
    """Whether there is such a device: False."""
    return False


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Nothing: the same program always computes the same here."""


def are_deterministic_algorithms_enabled() -> bool:
    """Whether the same program always computes the same: True."""
    return True


def set_float32_matmul_precision(precision: str) -> None:
    """Nothing: float32 is multiplied in full precision."""


def set_default_tensor_type(t: Any) -> None:
    """The default dtype, as a constructor such as ``torch.DoubleTensor`` or its name.

    Raises
    ------
    TypeError
        For anything else.
    """
    kind = globals().get(t.removeprefix("torch.")) if isinstance(t, str) else t
    if not isinstance(kind, _Kind):
        raise TypeError(f"set_default_tensor_type: expects a type of tensors such as torch.DoubleTensor, found {t!r}")
    autograd.set_default_dtype(kind.dtype)


def compile(model: Callable[..., Any] | None = None, **options: Any) -> Any:
    """``model`` as it is: its operations are compiled kernels already. Without one, a decorator.

    Examples
    --------
    >>> import nn
    >>> from nn.as_torch.only_torch import compile
    >>> model = nn.Linear(1, 1)
    >>> compile(model, mode="max-autotune") is model
    True
    """
    return (lambda function: function) if model is None else model


# -- files


def save(obj: Any, f: Any, pickle_module: Any = None, pickle_protocol: int = 2, **options: Any) -> None:
    """:func:`nn.save`; the options of pickling are passed over."""
    nn.save(obj, f)


def load(
    f: Any,
    map_location: Any = None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
    **options: Any,
) -> Any:
    """:func:`nn.load`, which loads only what ``weights_only=True`` would; the options of pickling are passed over."""
    return nn.load(f, map_location)
