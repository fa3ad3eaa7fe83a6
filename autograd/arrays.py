"""What may become a tensor — numbers, nested sequences, arrays, tensors — and what is said of anything else."""

from __future__ import annotations

import contextlib
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import ops
from .errors import DtypeError
from .node import NUMBERS, Node
from .ops.dtypes import converted

__all__ = ["check_differentiable", "check_integer", "check_number", "check_tensors", "sizes", "to_array"]

Array = np.ndarray[Any, Any]


def to_array(data: Any, dtype: Any = None, what: str = "tensor") -> Array:
    """``data`` as an array of a supported dtype, without a copy where none is needed.

    Python floats become the default dtype; NumPy arrays keep theirs.

    Raises
    ------
    ValueError
        For nested sequences of unequal lengths, and for an integer that the dtype cannot hold.
    DtypeError
        For anything that is not a number, or would lose precision.
    """
    wanted = None if dtype is None else ops.check_dtype(dtype, what)
    if isinstance(data, Node):
        array = data._array
    elif isinstance(data, (np.ndarray, np.generic)):
        array = np.asarray(data)
    else:
        data = _plain(data, (), what)
        try:
            array = np.array(data)
            whole = wanted is not None and wanted.kind in "iu" and array.dtype.kind == "i"
            if (whole or array.dtype.kind in "Ou") and not _holds_arrays(data):  # 300 does not become a uint8
                array = np.array(data, np.int64 if wanted is None else wanted)
        except OverflowError as error:
            raise ValueError(f"{what}: {error}") from None
        except ValueError:
            raise ValueError(f"{what}: {_misfit(data)}") from None
        if wanted is None and array.dtype == np.float64 and not _holds_arrays(data):
            wanted = ops.get_default_dtype()
    found = ops.check_dtype(array.dtype, what)
    if wanted is None:
        wanted = found
    return array if array.dtype is wanted else converted(array, wanted)


def _plain(data: Any, at: tuple[int, ...], what: str) -> Any:
    """``data`` in lists, numbers and arrays only; ``at`` is where in the nesting it was found."""
    if isinstance(data, (list, tuple)):
        if set(map(type, data)) <= NUMBERS:
            return data
        if len(at) >= 64:
            raise ValueError(f"{what}: the sequences are nested more than 64 deep")
        return [_plain(x, (*at, k), what) for k, x in enumerate(data)]
    if isinstance(data, Node):
        return data._array
    if isinstance(data, (int, float, complex, np.ndarray, np.generic)):
        return data
    if not isinstance(data, (str, bytes)):
        if hasattr(data, "__array__"):
            return np.asarray(data)
        with contextlib.suppress(TypeError):  # a buffer: array.array, memoryview
            return np.asarray(memoryview(data))
        if isinstance(data, Sequence):
            return _plain(list(data), at, what)
    place = f" at position {list(at)}" if at else ""
    raise DtypeError(
        f"{what}: expects numbers, nested sequences of numbers, arrays or tensors, found {type(data).__name__}{place}; "
        f"supported dtypes are {', '.join(map(str, ops.SUPPORTED))}"
    )


def _holds_arrays(data: Any) -> bool:
    while isinstance(data, (list, tuple)) and data:
        data = data[0]
    return isinstance(data, (np.ndarray, np.generic))


def _length(x: Any) -> int | None:
    """How many elements a sequence or an array has; None for a number."""
    return len(x) if isinstance(x, (list, tuple)) or (isinstance(x, np.ndarray) and x.ndim) else None


def _misfit(data: Any) -> str:
    """In words: where the shape of nested sequences differs from that of their first elements."""
    shape: list[int] = []
    x = data
    while (n := _length(x)) is not None:
        shape.append(n)
        if not n:
            break
        x = x[0]
    stack: list[tuple[Any, tuple[int, ...]]] = [(data, ())]
    while stack:
        x, at = stack.pop()
        n, expected = _length(x), shape[len(at)] if len(at) < len(shape) else None
        if n != expected:
            wanted = "a number" if expected is None else f"sequence of length {expected}"
            found = "a number" if n is None else n
            return f"expected {wanted} at dim {len(at)} (got {found}): the data is ragged at position {list(at)}"
        if n is not None:
            stack.extend((x[k], (*at, k)) for k in reversed(range(n)))
    return "the data cannot be made one array of numbers"


def check_tensors(name: str, *given: Any, kinds: Any = (Node, np.ndarray)) -> None:
    """Raise unless all that was ``given`` to the function of this name are tensors, or arrays if ``kinds`` says so.

    Raises
    ------
    DtypeError
        For anything else.
    """
    for x in given:
        if not isinstance(x, kinds):
            raise DtypeError(f"{name}: expects tensors, found {type(x).__name__}")


def check_number(name: str, argument: str, x: Any) -> Any:
    """``x``, the ``argument`` of the function of this name, as a Python number; a tensor with one element has one.

    Raises
    ------
    DtypeError
        For what is no number, and for a complex one.
    ValueError
        For a tensor with several elements or none.
    """
    if type(x) in NUMBERS:
        return x
    if isinstance(x, (Node, np.ndarray, np.generic)):
        array = np.asarray(x._array if isinstance(x, Node) else x)
        if array.size != 1:
            raise ValueError(f"{name}: {argument} must be a number, found shape {array.shape}")
        ops.check_dtype(array.dtype, f"{name}: {argument}")
        return array.item()
    if isinstance(x, (int, float)):  # a class of their own
        return x
    raise DtypeError(f"{name}: {argument} must be a number, found {type(x).__name__}")


def check_integer(name: str, argument: str, x: Any) -> int:
    """``x``, the ``argument`` of the function of this name, as an int.

    Raises
    ------
    TypeError
        For what is no integer.
    """
    try:
        return operator.index(x)
    except TypeError:
        raise TypeError(f"{name}: {argument} must be an integer, found {type(x).__name__}") from None


def check_differentiable(array: Array) -> None:
    """Raise unless ``array`` may require a gradient.

    Raises
    ------
    DtypeError
        For integers and bools.
    """
    if array.dtype.kind != "f":
        raise DtypeError(f"only floating point tensors can require gradients, this one is {array.dtype}")


def sizes(sizes: tuple[Any, ...], what: str = "shape", least: int | None = None) -> tuple[int, ...]:
    """``f(2, 3)`` and ``f((2, 3))`` mean the same: the sizes as a tuple of ints.

    Raises
    ------
    TypeError
        If a size is not an integer.
    ValueError
        If one is less than ``least``.
    """
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        sizes = tuple(sizes[0])
    try:
        shape = tuple(map(operator.index, sizes))
    except TypeError:
        raise TypeError(f"{what}: sizes must be integers, found {sizes}") from None
    if least is not None and shape and min(shape) < least:
        raise ValueError(f"{what}: negative dimension {min(shape)} in the shape {shape}; the least is {least}")
    return shape
