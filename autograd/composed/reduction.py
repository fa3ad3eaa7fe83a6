"""Reductions composed of the primitives; those that find a place too give named pairs."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np

from .. import linalg, ops
from ..arrays import check_tensors
from ..engine import leaf
from ..ops.arithmetic import guard
from ..ops.axes import axis
from ..ops.record import NUMPY_NAMES
from ..ops.reduction import check_floating, check_not_empty, count, p_norm
from ..tensor import Tensor, method
from .shape import take_along_dim

__all__ = [
    "aminmax", "count_nonzero", "max", "median", "min", "nanmean", "nanmedian", "nansum", "norm", "std", "std_mean",
    "var", "var_mean",
]  # fmt: skip

F = TypeVar("F", bound=Callable[..., Any])


class Extremes(NamedTuple):
    """What :func:`max`, :func:`min`, :func:`median` and :func:`nanmedian` give along one axis."""

    values: Tensor
    indices: Tensor


class Range(NamedTuple):
    """What :func:`aminmax` gives."""

    min: Tensor
    max: Tensor


def reduction(numpy: Sequence[Any] = ()) -> Callable[[F], F]:
    """A method of Tensor that takes NumPy's names of arguments too, ``axis`` and ``keepdims``, as PyTorch does."""

    def attach(function: F) -> F:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **{NUMPY_NAMES.get(name, name): value for name, value in kwargs.items()})

        return method(numpy=numpy)(call)  # type: ignore[return-value]

    return attach


# -- extremes


@reduction()
def max(input: Any, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """The largest element; or along ``dim`` (values, indices); or, of two tensors, :func:`maximum`.

    Ties share the gradient evenly, along ``dim`` too, where PyTorch gives all of it to one of them.

    Raises
    ------
    ShapeError
        If there is no element.

    Examples
    --------
    >>> import autograd
    >>> x = autograd.tensor([[1.0, 4.0], [3.0, 2.0]])
    >>> x.max(), x.max(dim=1).indices, autograd.max(x, x.T)[0]
    (tensor(4.), tensor([1, 0]), tensor([1., 4.]))
    """
    return _extreme("max", (ops.amax, ops.argmax, ops.maximum), input, dim, keepdim, other)


@reduction()
def min(input: Any, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """The smallest element; or along ``dim`` (values, indices); or, of two tensors, :func:`minimum`. See :func:`max`.

    Examples
    --------
    >>> import autograd
    >>> values, indices = autograd.tensor([[1.0, 4.0], [3.0, 2.0]]).min(0)
    >>> values
    tensor([1., 2.])
    """
    return _extreme("min", (ops.amin, ops.argmin, ops.minimum), input, dim, keepdim, other)


def _extreme(name: str, how: Any, x: Any, dim: Any, keepdim: bool, other: Any) -> Any:
    value, place, pairwise = how
    if isinstance(dim, (Tensor, np.ndarray)):
        other = dim
    if other is not None:
        return pairwise(x, other)
    if dim is None:
        return value(x, None, keepdim)
    d = axis(dim, x.ndim, name)
    return Extremes(value(x, d, keepdim), place(x, d, keepdim))


@reduction()
def aminmax(input: Any, *, dim: int | None = None, keepdim: bool = False) -> Range:
    """(min, max) of all elements, or along ``dim``.

    Examples
    --------
    >>> import autograd
    >>> autograd.aminmax(autograd.tensor([3.0, 1.0, 2.0])).max
    tensor(3.)
    """
    return Range(ops.amin(input, dim, keepdim), ops.amax(input, dim, keepdim))


@reduction()
def median(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The middle element, the lower of two, or along ``dim`` (values, indices); nan if one is nan.

    The gradient goes to the element that was taken.

    Raises
    ------
    ShapeError
        If there is no element.

    Examples
    --------
    >>> import autograd
    >>> autograd.tensor([4.0, 1.0, 3.0, 2.0]).median()
    tensor(2.)
    """
    return _median("median", input, dim, keepdim, skip_nan=False)


@reduction()
def nanmedian(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """As :func:`median`, of the elements that are not nan.

    Examples
    --------
    >>> import autograd
    >>> autograd.tensor([float("nan"), 1.0, 3.0]).nanmedian()
    tensor(1.)
    """
    return _median("nanmedian", input, dim, keepdim, skip_nan=True)


def _median(name: str, x: Any, dim: int | None, keepdim: bool, skip_nan: bool) -> Any:
    check_not_empty(name, x.shape, dim)
    line = x.reshape(-1) if dim is None or not x.ndim else x
    d = 0 if dim is None else axis(dim, x.ndim, name)
    order = np.argsort(line.array, axis=d, kind="stable")  # nan comes last
    n, valid = line.shape[d], np.sum(line.array == line.array, axis=d, keepdims=True)
    middle = np.where((valid == n) | (skip_nan & (valid > 0)), (valid - 1) // 2, valid)  # else the first nan
    index = leaf(np.take_along_axis(order, np.minimum(middle, n - 1), d))
    values = take_along_dim(line, index, d)
    shape = () if dim is None or not x.ndim else tuple(m for k, m in enumerate(index.shape) if keepdim or k != d)
    return values.reshape(shape) if dim is None else Extremes(values.reshape(shape), index.reshape(shape))


# -- moments


def _deviations(name: str, x: Any, dim: Any, unbiased: Any, correction: Any) -> tuple[Any, Any, float]:
    """The axes that are meant, ``x`` less its mean over them, and what to divide squares by."""
    check_floating(name, x)
    if isinstance(dim, bool):  # var(x, False): PyTorch's first signature
        dim, unbiased = None, dim
    less = 1 if correction is None else correction
    less = less if unbiased is None else int(bool(unbiased))
    if not isinstance(less, (int, float)):
        raise TypeError(f"{name}: correction must be a number, found {type(less).__name__}")
    n = count(x.shape, dim, name)
    if n <= less:
        warnings.warn(
            f"{name}: {n} elements less the correction {less} leave none: a division by 0", RuntimeWarning, 4
        )
    return dim, x - ops.mean(x, dim, True) if n else x, n - less if n > less else 0


@reduction()
def var(
    input: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: float | None = 1
) -> Tensor:
    """The variance Σ (x − mean)² / (n − correction) over ``dim`` (an int, a tuple, or None for all).

    ``unbiased=False`` is the old name of ``correction=0``.

    Raises
    ------
    DtypeError
        For integers and bools.

    Examples
    --------
    >>> import autograd
    >>> x = autograd.tensor([1.0, 2.0, 3.0, 4.0])
    >>> x.var(), x.var(correction=0)
    (tensor(1.6667), tensor(1.2500))
    """
    dim, rest, divisor = _deviations("var", input, dim, unbiased, correction)
    return ops.sum(rest * rest, dim, keepdim) / divisor


@reduction()
def std(
    input: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: float | None = 1
) -> Tensor:
    """The standard deviation, the square root of :func:`var`. Of equal elements it is 0, and so is its gradient.

    Examples
    --------
    >>> import autograd
    >>> autograd.std(autograd.tensor([[1.0, 3.0], [2.0, 2.0]]), dim=1, correction=0)
    tensor([1., 0.])
    """
    dim, rest, divisor = _deviations("std", input, dim, unbiased, correction)
    return p_norm(rest, 2, dim, keepdim) / math.sqrt(divisor)


def _with_mean(function: Callable[..., Any], x: Any, dim: Any, keepdim: bool, **kwargs: Any) -> tuple[Tensor, Tensor]:
    return function(x, dim, keepdim=keepdim, **kwargs), ops.mean(x, None if isinstance(dim, bool) else dim, keepdim)


@reduction()
def var_mean(
    input: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: float | None = 1
) -> tuple[Tensor, Tensor]:
    """(:func:`var`, :func:`mean`)."""
    return _with_mean(var, input, dim, keepdim, unbiased=unbiased, correction=correction)


@reduction()
def std_mean(
    input: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: float | None = 1
) -> tuple[Tensor, Tensor]:
    """(:func:`std`, :func:`mean`)."""
    return _with_mean(std, input, dim, keepdim, unbiased=unbiased, correction=correction)


@reduction()
def norm(input: Any, p: Any = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Tensor:
    """(Σ |x|ᵖ)^(1/p) over ``dim``, by default √Σx² of all; "nuc" is the sum of a matrix's singular values.

    The gradient at 0 is 0. See :func:`autograd.linalg.norm`, which takes the norms of matrices too.

    Examples
    --------
    >>> import autograd
    >>> autograd.tensor([3.0, 4.0]).norm()
    tensor(5.)
    """
    if p == "nuc":
        return linalg.matrix_norm(input, "nuc", (-2, -1) if dim is None else dim, keepdim, dtype=dtype)
    return linalg.vector_norm(input, 2 if p is None or p == "fro" else p, dim, keepdim, dtype=dtype)


# -- without what is nan or 0


@reduction(numpy=[np.nansum])
def nansum(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The sum of the elements that are not nan.

    Examples
    --------
    >>> import autograd
    >>> autograd.nansum(autograd.tensor([1.0, float("nan"), 3.0]))
    tensor(4.)
    """
    return ops.sum(guard(input != input, input), dim, keepdim, dtype)


@reduction(numpy=[np.nanmean])
def nanmean(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The mean of the elements that are not nan; nan if there are none.

    Examples
    --------
    >>> import autograd
    >>> autograd.nanmean(autograd.tensor([1.0, float("nan"), 3.0]))
    tensor(2.)
    """
    x = input if dtype is None else input.to(dtype)
    check_floating("nanmean", x)
    return nansum(x, dim, keepdim) / ops.sum(x == x, dim, keepdim)


@reduction(numpy=[np.count_nonzero])
def count_nonzero(input: Any, dim: Any = None) -> Tensor:
    """How many elements over ``dim`` are not 0, as int64.

    Examples
    --------
    >>> import autograd
    >>> autograd.count_nonzero(autograd.tensor([[1, 0], [2, 3]]), dim=0)
    tensor([2, 1])
    """
    check_tensors("count_nonzero", input)
    return ops.sum(input != 0, dim)
