"""Tensors from data, and from nothing: constants and ranges.

Everything here also takes PyTorch's ``requires_grad``, ``device``, ``layout``, ``pin_memory`` and ``memory_format`` by
name; the last four accept what there is (dense tensors on the CPU) and refuse the rest.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from . import ops
from .arrays import Array, check_differentiable, check_number, check_tensors, sizes, to_array
from .devices import check_place
from .engine import around, leaf
from .errors import DtypeError
from .kernels.quiet import quiet
from .ops.dtypes import converted
from .tensor import Tensor, as_tensor

__all__ = [
    "arange", "as_tensor", "empty", "empty_like", "eye", "fill", "finfo", "from_numpy", "full", "full_like", "iinfo",
    "is_floating_point", "is_tensor", "linspace", "logspace", "numel", "ones", "ones_like", "tensor", "zeros",
    "zeros_like",
]  # fmt: skip


def factory(function: Callable[..., Array]) -> Callable[..., Tensor]:
    """``function``, which makes an array, as one that makes a tensor and takes PyTorch's further arguments by name."""
    name = function.__name__

    @functools.wraps(function)
    def made(
        *args: Any,
        device: Any = None,
        layout: Any = None,
        pin_memory: bool = False,
        memory_format: Any = None,
        requires_grad: bool = False,
        **kwargs: Any,
    ) -> Tensor:
        check_place(name, device, layout, pin_memory, memory_format)
        array = function(*args, **kwargs)
        if requires_grad:
            check_differentiable(array)
        return leaf(array, bool(requires_grad))

    own = [p for p in inspect.signature(function).parameters.values() if p.kind is not p.VAR_KEYWORD]
    further = [p for p in inspect.signature(made, follow_wrapped=False).parameters.values() if p.kind is p.KEYWORD_ONLY]
    made.__signature__ = inspect.Signature([*own, *further], return_annotation="Tensor")  # type: ignore[attr-defined]
    return made


def like(maker: Callable[..., Tensor], text: str) -> Callable[..., Tensor]:
    """``maker`` for the shape and dtype of a tensor, ``zeros_like(input)``; also ``input.new_zeros(size)``."""

    def made(input: Tensor, *args: Any, dtype: Any = None, **kwargs: Any) -> Tensor:
        check_tensors(made.__name__, input)
        return maker(input.shape, *args, dtype=input.dtype if dtype is None else dtype, **kwargs)

    made.__name__ = made.__qualname__ = f"{maker.__name__}_like"
    made.__doc__ = f"{text} of the shape and, unless ``dtype`` says otherwise, the dtype of ``input``."
    return made


def new(maker: Callable[..., Tensor], text: str) -> None:
    """Give Tensor a method that makes tensors of its dtype: ``x.new_zeros(2, 3)``."""

    def made(self: Tensor, *args: Any, dtype: Any = None, **kwargs: Any) -> Tensor:
        return maker(*args, dtype=self.dtype if dtype is None else dtype, **kwargs)

    made.__name__ = f"new_{maker.__name__}"
    made.__qualname__ = f"Tensor.{made.__name__}"
    made.__doc__ = f"{text} of the dtype of this tensor, unless ``dtype`` says otherwise."
    setattr(Tensor, made.__name__, made)


def shape_of(what: str, shape: tuple[Any, ...], size: Any = None) -> tuple[int, ...]:
    """The shape that ``f(2, 3)``, ``f((2, 3))`` and ``f(size=(2, 3))`` mean."""
    return sizes(shape if size is None else (size,), what, least=0)


def dtype_of(what: str, dtype: Any) -> np.dtype[Any]:
    """The dtype asked for, or the default one."""
    return ops.get_default_dtype() if dtype is None else ops.check_dtype(dtype, what)


# -- from data


@factory
def tensor(data: Any, *, dtype: Any = None) -> Any:
    """A tensor with a copy of ``data``: a number, nested sequences of numbers, an array or a tensor.

    The dtype is kept; Python floats become the default dtype, float32.

    Raises
    ------
    ValueError
        For nested sequences of unequal lengths (the message says where), and an integer too large for the dtype.
    DtypeError
        For what is not a number, for numbers that would lose precision (complex, longdouble), and for
        ``requires_grad`` on integers or bools.

    Examples
    --------
    >>> import autograd
    >>> autograd.tensor([[1, 2], [3, 4]])
    tensor([[1, 2],
            [3, 4]])
    >>> autograd.tensor([[1, 2], [3]])
    Traceback (most recent call last):
    ValueError: tensor: expected sequence of length 2 at dim 1 (got 1): the data is ragged at position [1]
    """
    return np.array(to_array(data, dtype), order="C")


def from_numpy(array: Array) -> Tensor:
    """A tensor that shares the memory of ``array``.

    Raises
    ------
    TypeError
        For anything but an array of a supported dtype.
    ValueError
        For an array in the byte order of another machine, whose memory cannot be shared.

    Examples
    --------
    >>> import autograd, numpy as np
    >>> array = np.zeros(2)
    >>> x = autograd.from_numpy(array)
    >>> array[0] = 7
    >>> x
    tensor([7., 0.], dtype=float64)
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(f"from_numpy: expects an ndarray, found {type(array).__name__}; for other data use tensor()")
    if not array.dtype.isnative:
        raise ValueError("from_numpy: the array is not in this machine's byte order; tensor() makes a copy that is")
    return around(to_array(array, what="from_numpy"), array)


# -- from nothing


@factory
def zeros(*shape: Any, size: Any = None, dtype: Any = None) -> Any:
    """Zeros: ``zeros(2, 3)``, ``zeros((2, 3))`` or ``zeros(size=(2, 3))``.

    Raises
    ------
    ValueError
        For a negative size.

    Examples
    --------
    >>> import autograd
    >>> autograd.zeros(2, dtype="int64")
    tensor([0, 0])
    """
    return np.zeros(shape_of("zeros", shape, size), dtype_of("zeros", dtype))


@factory
def ones(*shape: Any, size: Any = None, dtype: Any = None) -> Any:
    """Ones; the shape as for :func:`zeros`."""
    return np.ones(shape_of("ones", shape, size), dtype_of("ones", dtype))


@factory
def empty(*shape: Any, size: Any = None, dtype: Any = None) -> Any:
    """Whatever is in the memory: a tensor to be filled; the shape as for :func:`zeros`."""
    return np.empty(shape_of("empty", shape, size), dtype_of("empty", dtype))


@factory
def full(size: Any, fill_value: Any, *, dtype: Any = None) -> Any:
    """``fill_value`` in every element; the dtype is that of the value unless given.

    Examples
    --------
    >>> import autograd
    >>> autograd.full((2, 2), 7)
    tensor([[7, 7],
            [7, 7]])
    """
    return np.full(shape_of("full", (size,)), to_array(check_number("full", "fill_value", fill_value), dtype, "full"))


@factory
def eye(n: int, m: int | None = None, *, dtype: Any = None) -> Any:
    """The identity matrix, (n, n) or (n, m)."""
    return np.eye(*shape_of("eye", (n, n if m is None else m)), dtype=dtype_of("eye", dtype))


@factory
def arange(start: Any = 0, end: Any = None, step: Any = 1, *, dtype: Any = None) -> Any:
    """start, start + step, … up to ``end``, which is left out; int64 if all are integers, else the default dtype.

    Raises
    ------
    ValueError
        If the step is 0, or leads away from the end.

    Examples
    --------
    >>> import autograd
    >>> autograd.arange(3), autograd.arange(1, 2, 0.5)
    (tensor([0, 1, 2]), tensor([1.0000, 1.5000]))
    """
    first, last = (0, start) if end is None else (start, end)
    first, last, by = (check_number("arange", *x) for x in (("start", first), ("end", last), ("step", step)))
    whole = all(isinstance(v, int) for v in (first, last, by))
    if not all(map(math.isfinite, (first, last, by))) or by == 0 or (last - first) * by < 0:
        raise ValueError(f"arange: cannot step by {by} from {first} to {last}: the step must be nonzero and lead there")
    n = -((first - last) // by) if whole else math.ceil((last - first) / by)
    found = np.dtype("int64") if dtype is None and whole else dtype_of("arange", dtype)
    try:
        return (first + np.arange(n) * by).astype(found)
    except OverflowError:
        raise ValueError(f"arange: {first}, {last} or {by} does not fit in {found}") from None


@factory
def linspace(start: Any, end: Any, steps: int, *, dtype: Any = None) -> Any:
    """``steps`` values from ``start`` to ``end``, both included, evenly spaced.

    Examples
    --------
    >>> import autograd
    >>> autograd.linspace(0, 1, 5)
    tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])
    """
    (n,) = shape_of("linspace", (steps,))
    first, last = check_number("linspace", "start", start), check_number("linspace", "end", end)
    return np.linspace(float(first), float(last), n).astype(dtype_of("linspace", dtype))


@factory
def logspace(start: Any, end: Any, steps: int, base: float = 10.0, *, dtype: Any = None) -> Any:
    """``base`` to the powers of :func:`linspace`.

    Examples
    --------
    >>> import autograd
    >>> autograd.logspace(0, 2, 3)
    tensor([  1.,  10., 100.])
    """
    (n,) = shape_of("logspace", (steps,))
    first, last = check_number("logspace", "start", start), check_number("logspace", "end", end)
    powers = quiet(np.power, float(check_number("logspace", "base", base)), np.linspace(float(first), float(last), n))
    return converted(powers, dtype_of("logspace", dtype))


zeros_like, ones_like, empty_like = like(zeros, "Zeros"), like(ones, "Ones"), like(empty, "Uninitialised memory")
full_like = like(full, "``fill_value`` everywhere, in a tensor")
for _maker, _text in (
    (tensor, "A copy of ``data``"), (zeros, "Zeros"), (ones, "Ones"), (empty, "Uninitialised memory"),
    (full, "``fill_value`` everywhere, in a tensor"),
):  # fmt: skip
    new(_maker, _text)


def fill(input: Tensor, value: Any) -> Tensor:
    """``value``, a number or a 0-d tensor, everywhere in a tensor like ``input``; the value gets a gradient.

    Examples
    --------
    >>> import autograd
    >>> autograd.fill(autograd.zeros(2), 7)
    tensor([7., 7.])
    """
    check_tensors("fill", input)
    return ops.assign(input, value)


# -- what it is


def is_tensor(x: Any) -> bool:
    """Whether ``x`` is a tensor."""
    return isinstance(x, Tensor)


def is_floating_point(input: Tensor) -> bool:
    """Whether ``input`` has a floating point dtype, and may require a gradient."""
    return input.dtype.kind == "f"


def numel(input: Tensor) -> int:
    """The number of elements."""
    return input.numel()


class finfo:
    """The limits of a floating point dtype, the default one if none is given: eps, max, min, tiny, … as floats.

    Raises
    ------
    DtypeError
        For a dtype that is not floating point.

    Examples
    --------
    >>> import autograd
    >>> autograd.finfo(autograd.float64).eps
    2.220446049250313e-16
    """

    def __init__(self, type: Any = None) -> None:
        found = dtype_of("finfo", type)
        if found.kind != "f":
            raise DtypeError(f"finfo: expects a floating point dtype, found {found}; use iinfo")
        limits = np.finfo(found)
        self.dtype = str(found)
        self.bits = limits.bits
        self.eps, self.max, self.min = float(limits.eps), float(limits.max), float(limits.min)
        self.tiny = self.smallest_normal = float(limits.smallest_normal)
        self.resolution = float(limits.resolution)


class iinfo:
    """The limits of an integer dtype: bits, max, min.

    Raises
    ------
    DtypeError
        For a dtype that is not an integer.

    Examples
    --------
    >>> import autograd
    >>> autograd.iinfo(autograd.uint8).max
    255
    """

    def __init__(self, type: Any) -> None:
        found = dtype_of("iinfo", type)
        if found.kind not in "iu":
            raise DtypeError(f"iinfo: expects an integer dtype, found {found}; use finfo")
        limits = np.iinfo(found)
        self.dtype = str(found)
        self.bits, self.max, self.min = limits.bits, int(limits.max), int(limits.min)
