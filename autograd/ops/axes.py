"""Axes as a user names them: which one ``dim=-1`` means, and what to say where there is no such axis."""

from __future__ import annotations

import operator
from typing import Any

from ..errors import ShapeError

__all__ = ["axes", "axis"]


def axis(dim: Any, ndim: int, name: str) -> int:
    """``dim`` counted from the front, 0 … ndim − 1; a 0-d tensor has one axis here, as in PyTorch.

    Raises
    ------
    IndexError
        If there is no such axis.
    TypeError
        If ``dim`` is not an integer.

    Examples
    --------
    >>> from autograd.ops.axes import axes, axis
    >>> axis(-1, 3, "sum"), axes((0, -1), 3, "sum")
    (2, (0, 2))
    >>> axis(3, 3, "sum")
    Traceback (most recent call last):
    IndexError: sum: Dimension out of range (expected to be in range of [-3, 2], but got 3)
    """
    try:
        k = operator.index(dim)
    except TypeError:
        raise TypeError(f"{name}: dim must be an integer, found {type(dim).__name__}") from None
    n = max(ndim, 1)
    if not -n <= k < n:
        raise IndexError(f"{name}: Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {k})")
    return k % n


def axes(dim: Any, ndim: int, name: str) -> tuple[int, ...]:
    """Every axis of ``dim`` (an int, a tuple, or None for all) counted from the front.

    Raises
    ------
    IndexError, TypeError
        As :func:`axis`.
    ShapeError
        If an axis is named twice.
    """
    if dim is None:
        return tuple(range(ndim))
    if type(dim) is int:
        return (axis(dim, ndim, name),)
    found = tuple(axis(k, ndim, name) for k in (dim if isinstance(dim, (tuple, list)) else (dim,)))
    if len(set(found)) < len(found):
        raise ShapeError(f"{name}: a dim appears multiple times in the list of dims {tuple(dim)}")
    return found
