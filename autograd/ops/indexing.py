"""What an index means: PyTorch's indexing, said in NumPy's."""

from __future__ import annotations

import operator
from types import EllipsisType
from typing import Any

import numpy as np

__all__ = ["Index", "locate", "resolve"]

Array = np.ndarray[Any, Any]


class Index(tuple[Any, ...]):
    """An index that :func:`resolve` has checked, in terms of ints, slices, None, ..., bools and int64 arrays."""

    __slots__ = ()


class Slices(Index):
    """An index without arrays, so that it gives a view. There is a ... in it: with it one element is a view too."""

    __slots__ = ()


def resolve(index: Any, shape: tuple[int, ...], name: str = "getitem") -> Index:
    """``index`` into an array of ``shape``, checked, with arrays of its own: a record must not change with its user's.

    A mask becomes the positions where it holds, as ``nonzero`` gives them.

    Raises
    ------
    IndexError
        For a position that is out of range, a mask of another shape than what it selects from, too many indices.
    TypeError
        For what is no index: a float, a string.

    Examples
    --------
    >>> from autograd.ops.indexing import resolve
    >>> resolve((0, [True, False, True]), (2, 3))
    (0, array([0, 2]))
    >>> resolve([0, 5], (2, 3))
    Traceback (most recent call last):
    IndexError: getitem: index 5 is out of bounds for axis 0 with size 2 (shape (2, 3))
    """
    if isinstance(index, Index):
        return index
    if type(index) is int:
        return Slices((index, ...))
    items = [_plain(k, name) for k in (index if isinstance(index, tuple) else (index,))]
    arrays = [k for k in items if type(k) is np.ndarray]
    if not arrays:
        return Slices(items if ... in items else (*items, ...))  # NumPy checks ints as it takes them
    rest = len(shape) - sum(_consumed(k) for k in items)
    if rest < 0:
        raise IndexError(f"{name}: too many indices for tensor of dimension {len(shape)}: {len(shape) - rest}")
    out: list[Any] = []
    axis = 0
    for k in items:
        size = _consumed(k)
        if k is ...:
            size = rest
            out += [slice(None)] * rest
        elif type(k) is not np.ndarray:
            out.append(k)
        elif k.dtype == bool:
            if k.shape != shape[axis : axis + size]:
                raise IndexError(
                    f"{name}: the shape of the mask {k.shape} at axis {axis} does not match the shape of the indexed "
                    f"tensor {shape}"
                )
            out += np.nonzero(k)
        else:
            n = shape[axis]
            if k.size and not (-n <= k.min() and k.max() < n):
                bad = k[(k < -n) | (k >= n)].flat[0]
                raise IndexError(f"{name}: index {bad} is out of bounds for axis {axis} with size {n} (shape {shape})")
            out.append(k)
        axis += size
    return Index(out)


def locate(x: Array, index: Any) -> tuple[Array, Any]:
    """(part, key) such that ``part[key]`` is x[index] with PyTorch's meaning, and ``part`` a view of ``x``.

    They differ where an int stands beside arrays: PyTorch takes the int first, NumPy broadcasts it with the arrays.
    """
    index = resolve(index, x.shape)
    if type(index) is Slices or not any(type(k) is int for k in index):
        return x, index
    part = x[tuple(slice(None) if type(k) is np.ndarray else k for k in index if type(k) is not bool)]
    return part, tuple(slice(None) if k is None or type(k) is slice else k for k in index if type(k) is not int)


def _plain(k: Any, name: str) -> Any:
    """One item of an index as an int, a slice of ints, None, ..., a bool, or an array of bools or int64 of our own."""
    if k is None or k is ... or type(k) is int:
        return k
    if type(k) is slice:
        bounds = (k.start, k.stop, k.step)
        if all(b is None or type(b) is int for b in bounds):
            return k
        return slice(*(b if b is None else operator.index(b) for b in bounds))
    try:
        array = np.array(k)  # a copy
    except ValueError:
        array = np.array(k, object)
    if array.size == 0 and not hasattr(k, "dtype"):
        array = array.astype(np.int64)  # x[[]]
    if array.dtype.kind not in "iub":
        found = type(k).__name__ if array.dtype.kind in "OUS" or not array.ndim else f"{array.dtype} values"
        raise TypeError(
            f"{name}: only integers, slices (`:`), ellipsis (`...`), None, and lists, arrays or tensors of integers or "
            f"bools are valid indices, found {found}"
        )
    if not array.ndim:
        return array.item()
    mask = array.dtype in (bool, np.uint8)  # as in PyTorch
    return array.astype(bool if mask else np.int64, copy=False)


def _consumed(k: Any) -> int:
    """How many axes an item takes."""
    if type(k) is np.ndarray:
        return k.ndim if k.dtype == bool else 1
    return 0 if k is None or isinstance(k, (bool, EllipsisType)) else 1
