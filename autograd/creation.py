"""Tensors from nothing: constants and ranges."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import ops
from .engine import leaf
from .tensor import Tensor, check_differentiable, sizes

__all__ = ["arange", "eye", "full", "linspace", "ones", "ones_like", "zeros", "zeros_like"]


def _made(array: Any, requires_grad: bool = False) -> Tensor:
    if requires_grad:
        check_differentiable(array)
    return leaf(array, requires_grad)


def full(size: Any, fill_value: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of shape ``size`` (an int or a tuple) whose every element is ``fill_value``."""
    shape = sizes(size if isinstance(size, tuple) else (size,))
    kind = dtype if dtype is not None else np.asarray(fill_value).dtype if not isinstance(fill_value, float) else None
    return _made(np.full(shape, fill_value, ops.check_dtype(kind or ops.DEFAULT)), requires_grad)


def zeros(*size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros, float32 unless ``dtype`` says otherwise: ``zeros(2, 3)`` or ``zeros((2, 3))``.

    Examples
    --------
    >>> import autograd
    >>> autograd.zeros(2, dtype="int64")
    tensor([0, 0])
    """
    return full(sizes(size), 0, dtype or ops.DEFAULT, requires_grad)


def ones(*size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones, float32 unless ``dtype`` says otherwise."""
    return full(sizes(size), 1, dtype or ops.DEFAULT, requires_grad)


def zeros_like(x: Tensor, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros of the shape and dtype of ``x``."""
    return full(x.shape, 0, dtype or x.dtype, requires_grad)


def ones_like(x: Tensor, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones of the shape and dtype of ``x``."""
    return full(x.shape, 1, dtype or x.dtype, requires_grad)


def eye(n: int, m: int | None = None, dtype: Any = None) -> Tensor:
    """The identity matrix, (n, m)."""
    return _made(np.eye(n, m, dtype=ops.check_dtype(dtype or ops.DEFAULT)))


def arange(start: Any, end: Any = None, step: Any = 1, dtype: Any = None) -> Tensor:
    """start, start + step, … below ``end``; int64 if all are integers, else float32."""
    if end is None:
        start, end = 0, start
    if dtype is None:
        dtype = np.int64 if all(isinstance(v, int) for v in (start, end, step)) else ops.DEFAULT
    return _made(np.arange(start, end, step, dtype=ops.check_dtype(dtype)))


def linspace(start: float, end: float, steps: int, dtype: Any = None) -> Tensor:
    """``steps`` values from ``start`` to ``end``, both included."""
    return _made(np.linspace(start, end, steps, dtype=ops.check_dtype(dtype or ops.DEFAULT)))
