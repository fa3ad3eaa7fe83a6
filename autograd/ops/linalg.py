"""Linear algebra: products of matrices and tensors, diagonals, and the linear layer of the slides as one fused op."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import ShapeError, check_broadcast
from ..kernels import linalg as kernels
from ..kernels.plans import planned
from ..kernels.quiet import quiet
from .axes import axis
from .record import primitive

__all__ = ["contract", "diagonal", "diagonal_put", "linear", "matmul"]


def _matmul_x(g: Any, x_shape: Any, y: Any) -> Any:
    if len(x_shape) == 1:
        return y @ g if y.ndim <= 2 and g.ndim else (y @ g[..., None])[..., 0] if y.ndim > 1 else g * y
    return g[..., None] * y if y.ndim == 1 else g @ y.mT


def _matmul_y(g: Any, x: Any, y_shape: Any) -> Any:
    if x.ndim == 1:
        return x[:, None] * g[..., None, :] if len(y_shape) > 1 else g * x
    return (x.mT @ g[..., None])[..., 0] if len(y_shape) == 1 else x.mT @ g


@primitive(
    "@",
    formula=lambda x, y: x @ y,
    x=_matmul_x,
    y=_matmul_y,
    numpy=[np.matmul],
    promotes="any",
    samples=lambda s: [
        (s(3, 4), s(4, 2)), (s(4), s(4)), (s(3, 4), s(4)), (s(4), s(4, 2)), (s(2, 3, 4), s(4, 5)),
        (s(2, 1, 3, 4), s(5, 4, 2)), (s(4, 3).T, s(2, 4).T), (s(3), s(2, 3, 4)), (s(2, 3, 4), s(4)),
    ],
)  # fmt: skip
def matmul(x: Any, y: Any) -> Any:
    """The matrix product ``x @ y`` with NumPy's and PyTorch's rules for vectors and stacks of matrices.

    Raises
    ------
    ShapeError
        If the inner sizes differ, or one is 0-d.

    Examples
    --------
    >>> import autograd
    >>> autograd.ones(2, 3) @ autograd.ones(3, 1)
    tensor([[3.],
            [3.]])
    """
    try:
        if x.ndim == 2 == y.ndim:
            return kernels.product(x, y)
        return quiet(np.matmul, x, y)
    except ValueError:  # looked into only now: this is a hot path
        a, b = np.shape(x), np.shape(y)
        if not (a and b):
            raise ShapeError(f"matmul: both must have at least 1 axis, found {a} and {b}; use * to scale") from None
        n, m = a[-1], b[-2 if len(b) > 1 else 0]
        if n != m:
            raise ShapeError(f"matmul: shapes {a} and {b} do not fit: inner {n} ≠ {m}") from None
        check_broadcast("matmul of stacks", [a[:-2], b[:-2]])
        raise


def _adjoint(equation: str, i: int) -> str:
    """The equation of the gradient of operand ``i``: the output and that operand change places."""
    operands, out = equation.split("->")
    names = operands.split(",")
    mine, names[i] = names[i], out
    return f"{','.join(names)}->{mine}"


@primitive(
    "Σ∏",
    xs=lambda g, xs, i, equation: contract(*xs[:i], g, *xs[i + 1 :], equation=_adjoint(equation, i)),
    promotes="any",
    samples=lambda s: [
        (s(3, 4), s(4, 2), {"equation": "ij,jk->ik"}), (s(2, 3, 4), s(2, 4, 5), {"equation": "bij,bjk->kbi"}),
        (s(3), s(4), {"equation": "i,j->ji"}), (s(3, 4), s(3, 4), {"equation": "ij,ij->j"}),
        (s(3, 4), s(3, 4), {"equation": "ij,ij->"}), (s(2, 3), s(3, 4), s(4, 2), {"equation": "ij,jk,ki->ik"}),
        (s(2, 3, 4), s(3), s(4, 2), {"equation": "ijk,j,kl->il"}), (s(4, 3).T, s(3), {"equation": "ij,i->ji"}),
        (s(0, 3), s(3, 2), {"equation": "ij,jk->ik"}),
    ],
    method=False,
)  # fmt: skip
def contract(*xs: Any, equation: str = "") -> Any:
    """The sum over products that ``equation`` says, one index for each axis: ``"ij,jk->ik"`` is the matrix product.

    Two or more operands; in each of them the indices are distinct, and each is in another operand or in the output.
    :func:`einsum` brings any equation into this form. The rule is another contraction, with g in the operand's place.
    """
    operands, out = equation.split("->")
    names = operands.split(",")
    x, have = xs[0], names[0]
    for k in range(1, len(xs)):
        x, have = _pair(x, have, xs[k], names[k], keep={*out, *"".join(names[k + 1 :])})
    return x.transpose([have.index(n) for n in out])


def _pair(x: Any, a: str, y: Any, b: str, keep: set[str]) -> tuple[Any, str]:
    """Two operands, summed over the indices that both have and nobody needs later, as one stack of matrix products."""
    size = dict(zip(a + b, x.shape + y.shape, strict=True))
    stack = "".join(n for n in a if n in b and n in keep)
    inner = "".join(n for n in a if n in b and n not in keep)
    left = "".join(n for n in a if n not in b)
    right = "".join(n for n in b if n not in a)
    batch, rows, between, columns = (tuple(size[n] for n in names) for names in (stack, left, inner, right))
    x = x.transpose([a.index(n) for n in stack + left + inner]).reshape(*batch, math.prod(rows), math.prod(between))
    y = y.transpose([b.index(n) for n in stack + inner + right]).reshape(*batch, math.prod(between), math.prod(columns))
    product = quiet(np.matmul if inner else np.multiply, x, y)
    return product.reshape(batch + rows + columns), stack + left + right


def _diagonal(x: Any, offset: int, dim1: int, dim2: int) -> Any:
    """np.diagonal, but one that can be written through."""
    view = np.diagonal(x, offset, dim1, dim2)
    if x.flags.writeable:
        view.flags.writeable = True
    return view


@primitive(
    "diag",
    x=lambda g, x_shape, offset, dim1, dim2: diagonal_put(g, x_shape, offset, dim1, dim2),
    promotes=None,
    view=True,
    samples=lambda s: [
        (s(3, 4),), (s(4, 3), 1), (s(3, 4), -2), (s(2, 3, 4), 0, 1, 2), (s(2, 3, 4), 1, -1, 0), (s(3, 3), 5),
    ],
)  # fmt: skip
def diagonal(x: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """The elements where index ``dim2`` is index ``dim1`` + ``offset``, as the last axis; a view.

    Raises
    ------
    IndexError
        If there is no such axis.
    ShapeError
        If the two axes are the same.

    Examples
    --------
    >>> import autograd
    >>> autograd.diagonal(autograd.tensor([[1, 2], [3, 4]]))
    tensor([1, 4])
    """
    first, second = axis(dim1, x.ndim, "diagonal"), axis(dim2, x.ndim, "diagonal")
    if first == second:
        raise ShapeError(f"diagonal: needs two different axes, found dim1={dim1} and dim2={dim2} for shape {x.shape}")
    return _diagonal(x, offset, first, second)


@primitive(
    "diag",
    x=lambda g, offset, dim1, dim2: diagonal(g, offset, dim1, dim2),
    promotes=None,
    samples=lambda s: [(s(3), (3, 4)), (s(2), (4, 3), 1), (s(3, 2), (2, 3, 4), -1, -1, 0)],
    method=False,
)
def diagonal_put(x: Any, shape: Any = (), offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """The adjoint of :func:`diagonal`: zeros of ``shape`` with ``x`` on that diagonal."""
    out = np.zeros(shape, x.dtype)
    _diagonal(out, offset, dim1, dim2)[...] = x
    return out


@primitive(
    "XWᵀ+b",
    formula=lambda X, W, b: X @ W.mT + b,
    X=lambda g, W: g @ W,
    W=lambda g, X: g.mT @ X,
    b=lambda g: g.sum(0),
    vjp=kernels.linear_vjp,
    samples=lambda s: [
        (s(5, 3), s(2, 3), s(2)), (s(1, 3), s(2, 3), s(2)), (s(3, 5).T, s(3, 2).T, s(2)), (s(0, 3), s(2, 3), s(2)),
        (s(64, 40), s(30, 40), s(30)),
    ],
    method=False,
)  # fmt: skip
@planned(kernels.linear.plan)
def linear(X: Any, W: Any, b: Any) -> Any:
    """X Wᵀ + b: rows of X (n, in) are samples, W is (out, in), b is (out,); gives (n, out).

    The slides' Z_Hᵀ = W_H Xᵀ + b_H 1ᵀ, and its three gradients ∂𝒥/∂Z W, (∂𝒥/∂Z)ᵀ X and 1ᵀ ∂𝒥/∂Z ("Practical case:
    Matrix/vector formulation").

    Raises
    ------
    ShapeError
        If the last axis of X is not that of W, or b has not one element for each row of W.

    Examples
    --------
    >>> import autograd
    >>> autograd.linear(autograd.ones(1, 2), autograd.tensor([[1.0, 2.0]]), autograd.tensor([0.5]))
    tensor([[3.5000]])
    """
    x, w = X.shape, W.shape
    if len(x) != 2 or len(w) != 2 or x[1] != w[1]:
        check_linear(x, w)
        raise ShapeError(f"linear: expects X (n, in), found shape {x}")
    if b.shape != w[:1]:
        raise ShapeError(f"linear: expects a bias of shape {w[:1]} (W is {w}), found {b.shape}")
    return kernels.linear(X, W, b)


def check_linear(x: tuple[int, ...], w: tuple[int, ...]) -> None:
    """Raise ShapeError unless inputs (…, in) fit a weight (out, in)."""
    if len(w) != 2:
        raise ShapeError(f"linear: expects a weight (out, in), found shape {w}")
    if x[-1:] != w[1:]:
        raise ShapeError(f"linear: expects last dimension {w[1]} (the weight is {w}), found an input of shape {x}")
