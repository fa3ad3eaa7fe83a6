"""Which dtype an operation computes in: PyTorch's rules, in one place.

Three groups have a say: tensors with dimensions, 0-d tensors, and Python numbers. A later group counts only if its
category (bool < integer < float) is higher than that of the groups before it, so ``float32_vector * 2.5`` and
``float32_vector * float64_scalar_tensor`` stay float32, and ``int_vector * 2.5`` becomes the default float32.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import DtypeError
from ..kernels.quiet import quiet

__all__ = [
    "SUPPORTED", "check_dtype", "converted", "get_default_dtype", "promote", "result_dtype", "set_default_dtype",
]  # fmt: skip

SUPPORTED = tuple(np.dtype(name) for name in ("float32", "float64", "int64", "int32", "int16", "int8", "uint8", "bool"))
_NAMES = ", ".join(map(str, SUPPORTED))
_CATEGORY = {"b": 0, "i": 1, "u": 1, "f": 2}
_PYTHON = {bool: np.dtype("bool"), int: np.dtype("int64"), float: np.dtype("float32")}


def get_default_dtype() -> np.dtype[Any]:
    """The floating point dtype of Python floats, and of what is made without a dtype: float32 at first.

    Examples
    --------
    >>> import autograd
    >>> autograd.get_default_dtype()
    dtype('float32')
    """
    return _PYTHON[float]


def set_default_dtype(dtype: Any) -> None:
    """Make float32 or float64 the dtype of Python floats, and of what is made without a dtype.

    Raises
    ------
    DtypeError
        For any other dtype.
    """
    found = check_dtype(dtype, "set_default_dtype")
    if found.kind != "f":
        raise DtypeError(f"set_default_dtype: expects float32 or float64, found {found}")
    _PYTHON[float] = found


def check_dtype(dtype: Any, what: str = "tensor") -> np.dtype[Any]:
    """The NumPy dtype meant by ``dtype``; DtypeError if tensors cannot have it.

    Examples
    --------
    >>> from autograd.ops.dtypes import check_dtype
    >>> check_dtype(float)
    dtype('float64')
    >>> check_dtype("complex64")
    Traceback (most recent call last):
    autograd.errors.DtypeError: tensor: complex64 would lose precision; supported are float32, float64, ...
    """
    try:
        if dtype is None:  # for NumPy it would mean float64
            raise TypeError
        found = np.dtype(dtype)
    except TypeError:
        raise DtypeError(f"{what}: {dtype!r} is not a dtype; supported are {_NAMES}") from None
    native = found if found.isnative else found.newbyteorder("=")
    if native in SUPPORTED:
        return SUPPORTED[SUPPORTED.index(native)]  # always the same object, so that the engine may compare with `is`
    if found.kind not in _CATEGORY and found.kind != "c":
        raise DtypeError(f"{what}: {found} is not a number; supported are {_NAMES}")
    wider = next((d for d in SUPPORTED if _holds(d, found)), None)
    fix = "would lose precision" if wider is None else f"is not supported, but {wider} holds the same values"
    raise DtypeError(f"{what}: {found} {fix}; supported are {_NAMES}")


def _holds(wide: np.dtype[Any], narrow: np.dtype[Any]) -> bool:
    return _CATEGORY[wide.kind] == _CATEGORY.get(narrow.kind) and np.can_cast(narrow, wide)


def converted(array: Any, dtype: Any) -> Any:
    """A copy of ``array`` in another dtype, without a warning where that cannot hold a value (1e300, nan as int)."""
    return quiet(array.astype, dtype)


def _wider(a: np.dtype[Any] | None, b: np.dtype[Any]) -> np.dtype[Any]:
    if a is None:
        return b
    if _CATEGORY[a.kind] == _CATEGORY[b.kind]:
        return np.promote_types(a, b)
    return a if _CATEGORY[a.kind] > _CATEGORY[b.kind] else b


def result_dtype(values: list[Any]) -> np.dtype[Any]:
    """The dtype in which arrays and Python numbers are combined."""
    groups: list[np.dtype[Any] | None] = [None, None, None]
    for value in values:
        if isinstance(value, np.ndarray):
            k = 0 if value.ndim else 1
            groups[k] = _wider(groups[k], value.dtype)
        elif type(value) in _PYTHON:
            groups[2] = _wider(groups[2], _PYTHON[type(value)])
    result = None
    for group in groups:
        if group is not None and (result is None or _CATEGORY[group.kind] > _CATEGORY[result.kind]):
            result = group
    return get_default_dtype() if result is None else result


def promote(op: Any, values: list[Any]) -> list[Any]:
    """``values`` in the dtype that ``op`` computes in; what has no rule where others do (a mask) is left alone."""
    joined = [not op.differentiable or op.pull(k) is not None for k in range(len(values))]
    dtype = result_dtype([value for value, join in zip(values, joined, strict=True) if join])
    if op.promotes == "float" and dtype.kind != "f":
        dtype = get_default_dtype()
    try:
        return [_cast(value, dtype) if join else value for value, join in zip(values, joined, strict=True)]
    except OverflowError:
        numbers = ", ".join(str(value) for value in values if type(value) is int)
        raise ValueError(f"{op.name}: {numbers} does not fit in {dtype}; make the tensor a float one") from None


def _cast(value: Any, dtype: np.dtype[Any]) -> Any:
    if isinstance(value, np.ndarray):
        return value if value.dtype is dtype else converted(value, dtype)
    return quiet(np.array(value).astype, dtype)  # an int wraps around as in PyTorch, where NumPy would refuse
