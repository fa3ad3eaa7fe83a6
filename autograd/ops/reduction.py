"""Reductions: sums, products, means, norms and extremes over axes. float32 accumulates in float64."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import DtypeError, ShapeError
from ..kernels import reduction as kernels
from ..kernels.quiet import quiet
from .arithmetic import guard
from .axes import axes, axis
from .dtypes import check_dtype
from .record import primitive
from .samples import Sampler
from .shape import cat, getitem, reshape

__all__ = [
    "all", "amax", "amin", "any", "argmax", "argmin", "cumprod", "cumsum", "log_softmax", "logsumexp", "mean", "prod",
    "softmax", "spread", "sum",
]  # fmt: skip


def _axes(s: Sampler) -> list[tuple[Any, ...]]:
    return [
        (s.distinct(3, 4),), (s.distinct(3, 4), {"dim": 0}), (s.distinct(2, 3, 2), {"dim": (0, -1), "keepdim": True}),
        (s.distinct(5), {"dim": -1}), (s(),), (s(), {"dim": 0}), (s.distinct(4, 3).T, {"dim": 1}),
        (s.distinct(2, 2), {"dim": ()}),
    ]  # fmt: skip


def _axis(s: Sampler) -> list[tuple[Any, ...]]:
    return [(s(3, 4), {"dim": 1}), (s(2, 3, 4), {"dim": 1}), (s(5), {"dim": -1}), (s(), {"dim": 0})]


def _factors(s: Sampler) -> list[tuple[Any, ...]]:
    """Products: without a zero, with one, and with several."""
    zeros = s(3, 5)
    zeros[0, 2] = zeros[1, 0] = zeros[1, 3] = 0
    return [(s(4), {"dim": 0}), (zeros, {"dim": 1}), (zeros, {"dim": 0}), (s(2, 3, 2), {"dim": -2}), (s(), {"dim": 0})]


def over(dim: Any, ndim: int, name: str) -> tuple[int, ...] | None:
    """The axes that ``dim`` reduces; None for all of them, which an empty tuple means too."""
    found = None if dim is None else axes(dim, ndim, name)
    return found if found and ndim else None


def count(shape: tuple[int, ...], dim: Any, name: str) -> int:
    """How many elements the reduction ``name`` makes one of."""
    found = over(dim, len(shape), name)
    return math.prod(shape) if found is None else math.prod(shape[d] for d in found)


def check_not_empty(name: str, shape: tuple[int, ...], dim: Any) -> None:
    """Raise ShapeError if ``dim`` has no element to choose from."""
    if 0 in shape and not count(shape, dim, name):
        over_ = "" if dim is None else f" over dim {dim}"
        raise ShapeError(f"{name}: shape {shape} has no elements{over_}, and an extreme of nothing has no identity")


def check_floating(name: str, x: Any) -> None:
    """Raise DtypeError unless ``x`` is of a floating point dtype."""
    if x.dtype.kind != "f":
        raise DtypeError(f"{name}: expects a floating point dtype, found {x.dtype}; convert with .float()")


def accumulate(reduce: Callable[..., Any], x: Any, dtype: Any, **where: Any) -> Any:
    """``reduce`` in float64 or int64, the result in ``dtype``; without one, as ``x`` is, but int64 of integers."""
    x = _in(x, dtype)
    wide = np.float64 if x.dtype.kind == "f" else np.int64
    out = quiet(reduce, x, dtype=wide, **where)
    return quiet(out.astype, x.dtype if dtype is not None or wide is np.float64 else wide)


def _in(x: Any, dtype: Any) -> Any:
    """``x`` in the ``dtype`` that the user asks to compute in, if any."""
    return x if dtype is None else quiet(x.astype, check_dtype(dtype))


@primitive(
    "Σ",
    x=lambda g, x_shape, dim, keepdim: spread(g, x_shape, dim, keepdim),
    numpy=[np.sum],
    promotes=None,
    samples=_axes,
)
def sum(x: Any, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    """The sum of the elements, over ``dim`` (an int, a tuple, or None for all), in ``dtype``; of integers an int64.

    Raises
    ------
    IndexError, ShapeError
        For an axis that is not there, or is named twice.

    Examples
    --------
    >>> import autograd
    >>> autograd.sum(autograd.tensor([[1.0, 2.0], [3.0, 4.0]]), dim=0)
    tensor([4., 6.])
    """
    where = None if dim is None else over(dim, x.ndim, "sum")
    if dtype is None and kernels.summable(x, where):
        return kernels.sums(x, where, keepdim)
    return accumulate(np.add.reduce, x, dtype, axis=where, keepdims=keepdim)


def _spread(x: Any, shape: Any, dim: Any, keepdim: bool) -> Any:
    found = over(dim, len(shape), "sum")
    if not keepdim and found is not None:
        x = np.expand_dims(x, found)
    return np.broadcast_to(x, shape)


@primitive(
    "spread",
    formula=_spread,
    x=lambda g, dim, keepdim: sum(g, dim, keepdim),
    promotes=None,
    samples=lambda s: [(s(), (3, 4)), (s(4), (3, 4), 0), (s(3, 1), (3, 4), 1, True), (s(), (2, 2), ())],
    method=False,
)
def spread(x: Any, shape: Any = (), dim: Any = None, keepdim: bool = False) -> Any:
    """The adjoint of :func:`sum`: every element of ``shape`` gets the value of the sum that it went into."""
    return _spread(x, shape, dim, keepdim)


@primitive(
    "mean",
    x=lambda g, x_shape, dim, keepdim: spread(g, x_shape, dim, keepdim) / count(x_shape, dim, "mean"),
    numpy=[np.mean],
    promotes=None,
    samples=_axes,
)
def mean(x: Any, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    """The mean of the elements over ``dim`` (an int, a tuple, or None for all); nan of nothing, with a warning.

    Raises
    ------
    DtypeError
        For integers and bools, without a ``dtype``.

    Examples
    --------
    >>> import autograd
    >>> autograd.mean(autograd.tensor([[1.0, 2.0], [3.0, 4.0]]), dim=1, keepdim=True)
    tensor([[1.5000],
            [3.5000]])
    """
    if dtype is not None:
        x = _in(x, dtype)
    check_floating("mean", x)
    where = None if dim is None else over(dim, x.ndim, "mean")
    n = x.size if where is None else math.prod(x.shape[d] for d in where)
    if not n:
        warnings.warn(f"mean: shape {x.shape} has no elements over dim {dim}: the mean is nan", RuntimeWarning, 2)
    if kernels.summable(x, where):
        return kernels.sums(x, where, keepdim, n)
    total = quiet(np.add.reduce, x, axis=where, keepdims=keepdim, dtype=np.float64)
    return quiet((total / (n or math.nan)).astype, x.dtype)


@primitive(
    "Π",
    x=lambda g, x, x_shape, dim, keepdim: spread(g, x_shape, dim, keepdim) * others(x, dim),
    numpy=[np.prod],
    promotes=None,
    samples=lambda s: [(s(3, 4),), (s(3, 2), {"dim": 1, "keepdim": True}), *_factors(s)],
)
def prod(x: Any, dim: int | None = None, keepdim: bool = False, dtype: Any = None) -> Any:
    """The product of the elements along ``dim``, or of all; of integers an int64. Zeros have their exact gradient.

    Examples
    --------
    >>> import autograd
    >>> x = autograd.tensor([2.0, 0.0, 3.0], requires_grad=True)
    >>> x.prod().backward()
    >>> x.grad
    tensor([0., 6., 0.])
    """
    k = None if dim is None else axis(dim, x.ndim, "prod")
    return accumulate(np.multiply.reduce, x, dtype, axis=k if x.ndim else None, keepdims=keepdim)


@primitive("Π≠", x=lambda g, x, x_shape, dim: _of_others(g, x, x_shape, dim), samples=_factors, method=False)
def others(x: Any, dim: int | None = None) -> Any:
    """For each element along ``dim`` the product of all the others: the gradient of a product, zeros or not."""
    line, k = _line(x, x.shape, dim, "prod")
    before, after = (_before(np.cumprod(part, k, dtype=np.float64), k, 1) for part in (line, _flip(line, k)))
    return (before * _flip(after, k)).reshape(x.shape).astype(x.dtype)


def _of_others(g: Any, x: Any, shape: Any, dim: int | None) -> Any:
    """Σ_i g_i Π_{j≠i,k} x_j: how the product before k, times that after k, changes when x does by g."""

    def walk(x: Any, g: Any) -> tuple[Any, Any]:
        before = _before(cumprod(x, k), k, 1)
        return before, recurrence(_before(x, k), _before(before * g, k), k)

    (x, k), (g, _) = _line(x, shape, dim, "prod"), _line(g, shape, dim, "prod")
    (left, left_change), (right, right_change) = walk(x, g), walk(_flip(x, k), _flip(g, k))
    return _shaped(left_change * _flip(right, k) + left * _flip(right_change, k), shape)


@primitive(
    "cumsum",
    x=lambda g, x_shape, dim: _sums_from(g, x_shape, dim),
    numpy=[np.cumsum],
    promotes=None,
    samples=lambda s: [(s(3, 4),), *_axis(s)],
)
def cumsum(x: Any, dim: int | None = None, dtype: Any = None) -> Any:
    """The sum of each element and all before it along ``dim``, or in the flattened tensor; of integers an int64.

    Examples
    --------
    >>> import autograd
    >>> autograd.cumsum(autograd.tensor([1.0, 2.0, 3.0]), dim=0)
    tensor([1., 3., 6.])
    """
    line, k = _line(x, x.shape, dim, "cumsum")
    out = accumulate(np.cumsum, line, dtype, axis=k)
    return out if dim is None else out.reshape(x.shape)


def _sums_from(g: Any, shape: Any, dim: int | None) -> Any:
    g, k = _line(g, shape, dim, "cumsum")
    return _shaped(_flip(cumsum(_flip(g, k), k), k), shape)


@primitive(
    "cumprod",
    x=lambda g, u, x, x_shape, dim: _from_products(g, u, x, x_shape, dim),
    numpy=[np.cumprod],
    promotes=None,
    samples=lambda s: [(s(3, 2),), *_factors(s)],
)
def cumprod(x: Any, dim: int | None = None, dtype: Any = None) -> Any:
    """The product of each element and all before it along ``dim``, or in the flattened tensor; of integers an int64.

    Zeros have their exact gradient.
    """
    line, k = _line(x, x.shape, dim, "cumprod")
    out = accumulate(np.cumprod, line, dtype, axis=k)
    return out if dim is None else out.reshape(x.shape)


def _from_products(g: Any, u: Any, x: Any, shape: Any, dim: int | None) -> Any:
    """Σ_{m≥i} g_m Π_{j≤m, j≠i} x_j: the product before i, times what all that come later make of it."""
    (g, k), (u, _), (x, _) = (_line(each, shape, dim, "cumprod") for each in (g, u, x))
    return _shaped(_before(u, k, 1) * _backwards(g, x, k), shape)


@primitive(
    "recurrence",
    a=lambda g, u, a, dim: _backwards(g, a, dim) * _before(u, dim),
    b=lambda g, a, dim: _backwards(g, a, dim),
    samples=lambda s: [(s(5), s(5)), (s(3, 4), s(3, 4), 1), (s(1), s(1))],
    method=False,
)
def recurrence(a: Any, b: Any, dim: int = 0) -> Any:
    """y_i = a_i y_{i−1} + b_i along ``dim``, from y = 0; a_0 is not used. The gradient of cumulative products.

    By doubling: steps of 1, 2, 4, … elements, each taken everywhere at once.
    """
    factor, y = (np.moveaxis(np.array(part, np.float64), dim, 0) for part in (a, b))
    step = 1
    while step < len(y):
        y[step:] += factor[step:] * y[:-step]
        factor[step:] *= factor[:-step].copy()
        step *= 2
    return np.moveaxis(y, 0, dim).astype(b.dtype)


def _backwards(g: Any, a: Any, k: int) -> Any:
    """r_i = g_i + a_{i+1} r_{i+1}: a recurrence from the end."""
    return _flip(recurrence(_before(_flip(a, k), k), _flip(g, k), k), k)


def _line(x: Any, shape: Any, dim: int | None, name: str) -> tuple[Any, int]:
    """``x``, which goes with an input of this ``shape``, with at least one axis; and the axis that ``dim`` means.

    None means all elements in one line.
    """
    k = 0 if dim is None else axis(dim, len(shape), name)
    return reshape(x, (-1,)) if dim is None or not shape else x, k


def _shaped(x: Any, shape: Any) -> Any:
    return x if x.shape == shape else reshape(x, shape)


def _flip(x: Any, k: int) -> Any:
    return getitem(x, (*[slice(None)] * k, slice(None, None, -1)))


def _before(x: Any, k: int, first: int = 0) -> Any:
    """What stands before each element along axis ``k``; ``first`` before the first."""
    n = min(x.shape[k], 1)
    start = np.full((*x.shape[:k], n, *x.shape[k + 1 :]), first, getattr(x, "dtype", None))
    return cat(start, getitem(x, (*[slice(None)] * k, slice(0, -1))), dim=k)


@primitive(
    "max",
    x=lambda g, u, x, x_shape, dim, keepdim: _to_extremes(g, u, x, x_shape, dim, keepdim),
    numpy=[np.max],
    promotes=None,
    samples=_axes,
)
def amax(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """The largest element over ``dim``; nan if one is nan. Ties share the gradient evenly.

    Raises
    ------
    ShapeError
        If there is no element.

    Examples
    --------
    >>> import autograd
    >>> autograd.amax(autograd.tensor([[1.0, 4.0], [3.0, 2.0]]), dim=1)
    tensor([4., 3.])
    """
    return _extreme("amax", np.maximum, 1, x, dim, keepdim)


@primitive(
    "min",
    x=lambda g, u, x, x_shape, dim, keepdim: _to_extremes(g, u, x, x_shape, dim, keepdim),
    numpy=[np.min],
    promotes=None,
    samples=_axes,
)
def amin(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """The smallest element over ``dim``; nan if one is nan. Ties share the gradient evenly."""
    return _extreme("amin", np.minimum, -1, x, dim, keepdim)


def _extreme(name: str, ufunc: Any, sign: int, x: Any, dim: Any, keepdim: bool) -> Any:
    if dim is None and not keepdim and kernels.contiguous(x):
        return kernels.extreme(x, sign)
    check_not_empty(name, x.shape, dim)
    return ufunc.reduce(x, axis=over(dim, x.ndim, name), keepdims=keepdim)


def _to_extremes(g: Any, u: Any, x: Any, shape: Any, dim: Any, keepdim: bool) -> Any:
    tied = x == spread(u, shape, dim, keepdim)
    return spread(g / sum(tied, dim, keepdim), shape, dim, keepdim) * tied


@primitive(
    "‖·‖",
    x=lambda g, u, x, x_shape, ord, dim, keepdim: (
        spread(g, x_shape, dim, keepdim) * _direction(x, spread(u, x_shape, dim, keepdim), ord)
    ),
    samples=lambda s: [(s(3, 4), p) for p in (2, 1, 3, 0.5, -1.5)] + [(s(2, 3, 2), 2, (0, -1), True), (s(5), 3, -1)],
    method=False,
)
def p_norm(x: Any, ord: float = 2, dim: Any = None, keepdim: bool = False) -> Any:
    """(Σ |x|ᵖ)^(1/p) over ``dim``, for finite p = ``ord`` other than 0. Where the norm is 0 the gradient is 0."""
    size = np.abs(x).astype(np.float64)
    with np.errstate(all="ignore"):
        total = np.sum(size * size if ord == 2 else size**ord, axis=over(dim, x.ndim, "norm"), keepdims=keepdim)
        return (np.sqrt(total) if ord == 2 else total ** (1 / ord)).astype(x.dtype)


def _direction(x: Any, u: Any, ord: float) -> Any:
    """∂‖x‖/∂x; 0 where it does not exist."""
    unit = guard(u == 0, x / u)
    if ord == 2:
        return unit
    out = unit * abs(unit) ** (ord - 2)
    return out if ord > 2 else guard(unit == 0, out)


@primitive(
    "logΣexp",
    x=lambda g, u, x, x_shape, dim, keepdim: (
        spread(g, x_shape, dim, keepdim) * guard(spread(u, x_shape, dim, keepdim) == -np.inf, softmax(x, dim))
    ),
    samples=_axes,
)
def logsumexp(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """ln Σ eˣ over ``dim``, without overflow: the largest element is taken out first. −inf of −inf, or of nothing."""
    if _is_rows(x, dim):
        out = kernels.logsumexp(x)
        return out[..., None] if keepdim else out
    found = over(dim, x.ndim, "logsumexp")
    if not x.size:
        return np.max(x, axis=found, keepdims=keepdim, initial=-np.inf)
    out = kernels.logsumexp(_lines(x, found))
    return np.expand_dims(out, tuple(range(x.ndim)) if found is None else found) if keepdim else out


@primitive(
    "softmax",
    x=lambda g, u, dim: u * (g - sum(g * u, dim, True)),
    samples=_axis,
)
def softmax(x: Any, dim: Any = -1, dtype: Any = None) -> Any:
    """eˣ / Σ eˣ over ``dim``: the soft decision among K classes (slide "Common choices for g_O").

    Examples
    --------
    >>> import autograd
    >>> autograd.softmax(autograd.tensor([0.0, 1000.0]))
    tensor([0., 1.])
    """
    return _along(kernels.softmax, _in(x, dtype), dim, "softmax")


@primitive(
    "ln softmax",
    x=lambda g, u, dim: g - np.exp(u) * sum(g, dim, True),
    vjp=lambda g, x, dim: (_of_log_softmax(g, x, dim),),
    samples=_axis,
)
def log_softmax(x: Any, dim: Any = -1, dtype: Any = None) -> Any:
    """x − ln Σ eˣ over ``dim``: the logarithm of :func:`softmax`, without overflow or loss.

    Examples
    --------
    >>> import autograd
    >>> autograd.log_softmax(autograd.tensor([0.0, 1000.0]))
    tensor([-1000.,     0.])
    """
    return _along(kernels.log_softmax, _in(x, dtype), dim, "log_softmax")


def _of_log_softmax(g: Any, x: Any, dim: Any) -> Any:
    return _along(kernels.log_softmax_vjp, x, dim, "log_softmax", g.astype(x.dtype, copy=False))


def _is_rows(x: Any, dim: Any) -> bool:
    """Whether the rows of a contiguous array are asked for."""
    return kernels.contiguous(x) and x.ndim > 0 and dim in (-1, x.ndim - 1)


def _along(kernel: Callable[..., Any], x: Any, dim: Any, name: str, *above: Any) -> Any:
    """What a ``kernel`` of rows makes of ``above`` and ``x``, over any axes of any arrays."""
    if _is_rows(x, dim):
        return kernel(*above, x)
    found = over(dim, x.ndim, name)
    if not x.size:
        return x.copy()
    out = kernel(*(_lines(each, found) for each in (*above, x)))
    found = tuple(range(x.ndim)) if found is None else found
    last = tuple(range(-len(found), 0))
    return np.array(np.moveaxis(out.reshape(np.moveaxis(x, found, last).shape), last, found), order="C")


def _lines(x: Any, found: tuple[int, ...] | None) -> Any:
    """The axes ``found`` in one, the last, of an array that is contiguous."""
    if found is not None:
        x = np.moveaxis(x, found, tuple(range(-len(found), 0)))
    return np.ascontiguousarray(x).reshape(*(() if found is None else x.shape[: x.ndim - len(found)]), -1)


@primitive("argmax", promotes=None, numpy=[np.argmax])
def argmax(x: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The position of the largest element along ``dim``, or in the flattened tensor: the hard decision.

    The first of several; that of the first nan if there is one.
    """
    return _position(np.argmax, x, dim, keepdim, "argmax")


@primitive("argmin", promotes=None, numpy=[np.argmin])
def argmin(x: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The position of the smallest element along ``dim``, or in the flattened tensor."""
    return _position(np.argmin, x, dim, keepdim, "argmin")


def _position(find: Callable[..., Any], x: Any, dim: int | None, keepdim: bool, name: str) -> Any:
    k = None if dim is None else axis(dim, x.ndim, name)
    check_not_empty(name, x.shape, dim)
    return find(x, axis=k if x.ndim else None, keepdims=keepdim)


@primitive("all", promotes=None, numpy=[np.all])
def all(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """Whether all elements over ``dim`` are true."""
    return _truth(np.all, x, dim, keepdim, "all")


@primitive("any", promotes=None, numpy=[np.any])
def any(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """Whether any element over ``dim`` is true."""
    return _truth(np.any, x, dim, keepdim, "any")


def _truth(judge: Callable[..., Any], x: Any, dim: Any, keepdim: bool, name: str) -> Any:
    found = None if dim is None else axes(dim, x.ndim, name)  # here an empty tuple means no axis
    out = judge(x, axis=found if x.ndim else None, keepdims=keepdim)
    return out.astype(np.uint8) if x.dtype == np.uint8 else out


@primitive(
    "SVD",
    x=lambda g, u, x_shape: _of_svd(g, u, x_shape[-2]),
    samples=lambda s: [(s(3, 3),), (s(2, 3),), (s(4, 2),), (s(2, 3, 2),)],
    method=False,
)
def svd_packed(x: Any) -> Any:
    """U, σ and V of x = U diag(σ) Vᵀ, one above the other, (…, m + 1 + n, k): k = min(m, n) columns, σ in row m.

    Raises
    ------
    ValueError
        For a matrix with a nan or inf.
    """
    if not np.isfinite(x).all():
        raise ValueError(f"svd: the input, of shape {x.shape}, holds a nan or inf; singular values need finite numbers")
    U, s, Vh = np.linalg.svd(x.astype(np.float64), full_matrices=False)
    return np.concatenate([U, s[..., None, :], Vh.mT], axis=-2).astype(x.dtype)


def _of_svd(g: Any, u: Any, m: int) -> Any:
    """U (F ⊙ (Uᵀg_U − g_UᵀU) σ + σ F ⊙ (Vᵀg_V − g_VᵀV) + g_σ) Vᵀ with F_ij = 1/(σ_j² − σ_i²).

    To this comes what of g_U lies outside the columns of U (if x is tall), and of g_V outside V (if it is wide).
    """
    (U, s, V), (gU, gs, gV) = ((p[..., :m, :], p[..., m : m + 1, :], p[..., m + 1 :, :]) for p in (u, g))
    k = s.shape[-1]
    gap = s**2 - s.mT**2
    F = guard(gap == 0, 1 / gap)
    inner = F * (U.mT @ gU - gU.mT @ U) * s + s.mT * F * (V.mT @ gV - gV.mT @ V) + gs * np.eye(k)
    out = U @ inner @ V.mT
    if m > k:
        out = out + ((gU - U @ (U.mT @ gU)) * guard(s == 0, 1 / s)) @ V.mT
    if V.shape[-2] > k:
        out = out + U @ ((gV - V @ (V.mT @ gV)) * guard(s == 0, 1 / s)).mT
    return out
