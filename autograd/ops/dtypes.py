"""Which dtype an operation computes in: PyTorch's rules, in one place.

Three groups have a say: tensors with dimensions, 0-d tensors, and Python numbers. A later group counts only if its
category (bool < integer < float) is higher than that of the groups before it, so ``float32_vector * 2.5`` and
``float32_vector * float64_scalar_tensor`` stay float32, and ``int_vector * 2.5`` becomes the default float32.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import DtypeError

__all__ = ["DEFAULT", "SUPPORTED", "check_dtype", "promote", "result_dtype"]

DEFAULT = np.dtype("float32")
SUPPORTED = tuple(np.dtype(name) for name in ("float32", "float64", "int64", "int32", "int16", "int8", "uint8", "bool"))
_CATEGORY = {"b": 0, "i": 1, "u": 1, "f": 2}
_PYTHON = {bool: np.dtype("bool"), int: np.dtype("int64"), float: DEFAULT}


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
    found = np.dtype(dtype)
    if found.newbyteorder("=") in SUPPORTED:
        return SUPPORTED[SUPPORTED.index(found.newbyteorder("="))]
    names = ", ".join(map(str, SUPPORTED))
    if found.kind in "cfiu":
        raise DtypeError(f"{what}: {found} would lose precision; supported are {names}")
    raise DtypeError(f"{what}: {found} is not a number; supported are {names}")


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
    return DEFAULT if result is None else result


def promote(op: Any, values: list[Any]) -> list[Any]:
    """``values`` in the dtype that ``op`` computes in."""
    dtype = result_dtype(values)
    if op.promotes == "float" and dtype.kind != "f":
        dtype = DEFAULT
    return [_cast(value, dtype) for value in values]


def _cast(value: Any, dtype: np.dtype[Any]) -> Any:
    if isinstance(value, np.ndarray):
        return value if value.dtype is dtype else value.astype(dtype)
    if type(value) is int and dtype.kind in "iu":
        return np.array(value).astype(dtype)  # wraps around as PyTorch does, where NumPy would refuse
    return value
