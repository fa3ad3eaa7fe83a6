"""``autograd.linalg``: norms of vectors and matrices, with the names and defaults of ``torch.linalg``."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from . import ops
from .arrays import check_number, check_tensors
from .errors import ShapeError
from .ops.axes import axes
from .ops.reduction import check_floating, p_norm, svd_packed
from .tensor import Tensor, composed_by_numpy

__all__ = ["matrix_norm", "norm", "svdvals", "vector_norm"]


def vector_norm(x: Any, ord: Any = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """(Σ |x|ᵖ)^(1/p) over ``dim``, p = ``ord``; inf is the largest |x|, −inf the smallest, 0 how many are not 0.

    Where the norm is 0, the gradient is 0.

    Raises
    ------
    DtypeError
        For integers and bools.
    ShapeError
        If there is no element to choose from, for p = ±inf or negative.

    Examples
    --------
    >>> import autograd
    >>> x = autograd.tensor([3.0, -4.0])
    >>> [autograd.linalg.vector_norm(x, p).item() for p in (2, 1, float("inf"), 0)]
    [5.0, 7.0, 4.0, 2.0]
    """
    check_tensors("vector_norm", x)
    if isinstance(ord, str):
        raise ValueError(f"vector_norm: ord must be a number, found {ord!r}")
    ord = check_number("vector_norm", "ord", ord)
    x = x if dtype is None else x.to(dtype)
    check_floating("vector_norm", x)
    if abs(ord) == math.inf:
        return (ops.amax if ord > 0 else ops.amin)(ops.abs(x), dim, keepdim)
    if ord == 0:
        return ops.sum(ops.abs(ops.sign(x)), dim, keepdim)
    return p_norm(x, ord, dim, keepdim)


def matrix_norm(A: Any, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The norm of a matrix, or of each in a stack, whose rows and columns are the axes ``dim``.

    ``ord`` is "fro" (√Σa²), "nuc" (the sum of the singular values), 2 or −2 (the largest or smallest of them), 1 or −1
    (the largest or smallest sum of |a| down a column), inf or −inf (along a row).

    Raises
    ------
    ValueError
        For another ``ord``.
    ShapeError
        Unless ``dim`` names two axes.

    Examples
    --------
    >>> import autograd
    >>> autograd.linalg.matrix_norm(autograd.tensor([[3.0, 0.0], [0.0, -4.0]]), "nuc")
    tensor(7.)
    """
    check_tensors("matrix_norm", A)
    A = A if dtype is None else A.to(dtype)
    check_floating("matrix_norm", A)
    if A.ndim < 2:
        raise ShapeError(f"matrix_norm: expects a matrix or a stack of them, found shape {A.shape}")
    found = axes(dim, A.ndim, "matrix_norm")
    if len(found) != 2:
        raise ShapeError(f"matrix_norm: dim must name the axes of the rows and of the columns, found {dim}")
    rows, columns = found
    if ord == "fro":
        return vector_norm(A, 2, found, keepdim)
    if ord not in ("nuc", 1, -1, 2, -2, math.inf, -math.inf):
        raise ValueError(f"matrix_norm: order {ord!r} is not supported; it is fro, nuc, ±1, ±2 or ±inf")
    extreme = ops.amin if ord != "nuc" and ord < 0 else ops.amax
    if ord in (1, -1, math.inf, -math.inf):
        sums = ops.sum(ops.abs(A), rows if ord in (1, -1) else columns, True)
        return extreme(sums, found, keepdim)
    values = svdvals(A.movedim(found, (-2, -1)))
    out = (ops.sum if ord == "nuc" else extreme)(values, -1)
    return out.reshape([1 if k in found else n for k, n in enumerate(A.shape)]) if keepdim else out


def norm(A: Any, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The norm of a vector or matrix: over one axis, or without ``ord``, :func:`vector_norm`; else :func:`matrix_norm`.

    Raises
    ------
    ShapeError
        With ``ord`` but no ``dim``, for more than two axes.

    Examples
    --------
    >>> import autograd
    >>> A = autograd.tensor([[3.0, 4.0], [0.0, 0.0]])
    >>> autograd.linalg.norm(A), autograd.linalg.norm(A, 1), autograd.linalg.norm(A, dim=1)
    (tensor(5.), tensor(4.), tensor([5., 0.]))
    """
    check_tensors("norm", A)
    if dim is None and ord is not None and A.ndim not in (1, 2):
        raise ShapeError(f"norm: with ord but no dim, the input must be 1D or 2D, found shape {A.shape}")
    n = A.ndim if dim is None else len(dim) if isinstance(dim, (tuple, list)) else 1
    if ord is None or n == 1:
        return vector_norm(A, 2 if ord is None else ord, dim, keepdim, dtype=dtype)
    return matrix_norm(A, ord, (-2, -1) if dim is None else dim, keepdim, dtype=dtype)


composed_by_numpy[np.linalg.norm] = norm


def svdvals(A: Any) -> Tensor:
    """The singular values of a matrix, or of each in a stack, the largest first.

    Raises
    ------
    ValueError
        For a matrix with a nan or inf.

    Examples
    --------
    >>> import autograd
    >>> autograd.linalg.svdvals(autograd.tensor([[0.0, 2.0], [1.0, 0.0]]))
    tensor([2., 1.])
    """
    check_tensors("svdvals", A)
    if A.ndim < 2:
        raise ShapeError(f"svdvals: expects a matrix or a stack of them, found shape {A.shape}")
    return svd_packed(A)[..., A.shape[-2], :]
