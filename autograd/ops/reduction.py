"""Reductions: sums, means and extremes over axes. float32 is accumulated in float64."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import DtypeError
from .record import primitive
from .samples import Sampler

__all__ = ["all", "amax", "amin", "any", "argmax", "argmin", "logsumexp", "mean", "softmax", "spread", "sum"]


def _axes(s: Sampler) -> list[tuple[Any, ...]]:
    return [
        (s.distinct(3, 4),), (s.distinct(3, 4), {"dim": 0}), (s.distinct(2, 3, 2), {"dim": (0, 2), "keepdim": True}),
        (s.distinct(5), {"dim": -1}), (s(),), (s.distinct(4, 3).T, {"dim": 1}),
    ]  # fmt: skip


def _axis(s: Sampler) -> list[tuple[Any, ...]]:
    return [(s(3, 4), {"dim": 1}), (s(2, 3, 4), {"dim": 1}), (s(5), {"dim": -1})]


def _count(shape: tuple[int, ...], dim: Any) -> int:
    """How many elements are reduced to one."""
    if dim is None:
        return math.prod(shape)
    return math.prod(shape[d] for d in ((dim,) if isinstance(dim, int) else dim))


@primitive(
    "Σ",
    x=lambda g, x_shape, dim, keepdim: spread(g, x_shape, dim, keepdim),
    numpy=[np.sum],
    promotes=None,
    samples=_axes,
)
def sum(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """The sum of the elements, over ``dim`` (an int, a tuple, or None for all); of integers and bools an int64.

    Examples
    --------
    >>> import autograd
    >>> autograd.sum(autograd.tensor([[1.0, 2.0], [3.0, 4.0]]), dim=0)
    tensor([4., 6.])
    """
    if x.dtype == np.float32:
        return np.sum(x, axis=dim, keepdims=keepdim, dtype=np.float64).astype(np.float32)
    return np.sum(x, axis=dim, keepdims=keepdim, dtype=None if x.dtype.kind == "f" else np.int64)


@primitive(
    "spread",
    x=lambda g, dim, keepdim: sum(g, dim, keepdim),
    promotes=None,
    samples=lambda s: [(s(), (3, 4)), (s(4), (3, 4), 0), (s(3, 1), (3, 4), 1, True)],
    method=False,
)
def spread(x: Any, shape: Any = (), dim: Any = None, keepdim: bool = False) -> Any:
    """The adjoint of :func:`sum`: every element of ``shape`` gets the value of the sum that it went into."""
    if not keepdim:
        x = np.expand_dims(x, tuple(range(len(shape))) if dim is None else dim) if shape else x
    return np.broadcast_to(x, shape)


@primitive(
    "mean",
    x=lambda g, x_shape, dim, keepdim: spread(g, x_shape, dim, keepdim) / _count(x_shape, dim),
    numpy=[np.mean],
    promotes=None,
    samples=_axes,
)
def mean(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """The mean of the elements over ``dim`` (an int, a tuple, or None for all); nan of nothing, with a warning.

    Raises
    ------
    DtypeError
        For integers and bools.
    """
    if x.dtype.kind != "f":
        raise DtypeError(f"mean: expects a floating point dtype, found {x.dtype}; convert with .float()")
    return np.mean(x, axis=dim, keepdims=keepdim, dtype=np.float64).astype(x.dtype)


@primitive(
    "max",
    x=lambda g, u, x, x_shape, dim, keepdim: _to_extremes(g, u, x, x_shape, dim, keepdim),
    numpy=[np.max],
    promotes=None,
    samples=_axes,
)
def amax(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """The largest element over ``dim``; nan if one is nan. Ties share the gradient evenly."""
    return np.max(x, axis=dim, keepdims=keepdim)


@primitive(
    "min",
    x=lambda g, u, x, x_shape, dim, keepdim: _to_extremes(g, u, x, x_shape, dim, keepdim),
    numpy=[np.min],
    promotes=None,
    samples=_axes,
)
def amin(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """The smallest element over ``dim``; nan if one is nan. Ties share the gradient evenly."""
    return np.min(x, axis=dim, keepdims=keepdim)


def _to_extremes(g: Any, u: Any, x: Any, shape: Any, dim: Any, keepdim: bool) -> Any:
    tied = x == spread(u, shape, dim, keepdim)
    return spread(g / sum(tied, dim, keepdim), shape, dim, keepdim) * tied


@primitive(
    "logΣexp",
    x=lambda g, u, x, x_shape, dim, keepdim: spread(g, x_shape, dim, keepdim)
    * np.exp(x - spread(u, x_shape, dim, keepdim)),
    samples=_axes,
)
def logsumexp(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """ln Σ eˣ over ``dim``, without overflow: the largest element is taken out first."""
    top = np.max(x, axis=dim, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    with np.errstate(divide="ignore"):
        total = np.log(np.sum(np.exp(x - top), axis=dim, keepdims=True)) + top
    out = total if keepdim else np.squeeze(total, axis=dim)
    return out.astype(x.dtype)


@primitive(
    "softmax",
    x=lambda g, u, dim: u * (g - sum(g * u, dim, True)),
    samples=_axis,
)
def softmax(x: Any, dim: int = -1) -> Any:
    """eˣ / Σ eˣ along ``dim``: the soft decision among K classes (slide "Common choices for g_O")."""
    e = np.exp(x - np.max(x, axis=dim, keepdims=True))
    return e / np.sum(e, axis=dim, keepdims=True)


@primitive("argmax", promotes=None)
def argmax(x: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The position of the largest element along ``dim``, or in the flattened tensor: the hard decision."""
    return np.argmax(x, axis=dim, keepdims=keepdim)


@primitive("argmin", promotes=None)
def argmin(x: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The position of the smallest element along ``dim``, or in the flattened tensor."""
    return np.argmin(x, axis=dim, keepdims=keepdim)


@primitive("all", promotes=None, numpy=[np.all])
def all(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """Whether all elements over ``dim`` are true."""
    return np.all(x, axis=dim, keepdims=keepdim)


@primitive("any", promotes=None, numpy=[np.any])
def any(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """Whether any element over ``dim`` is true."""
    return np.any(x, axis=dim, keepdims=keepdim)
