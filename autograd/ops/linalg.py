"""Linear algebra: the product of matrices, and the linear layer of the slides as one fused op."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ShapeError
from ..kernels import linalg as kernels
from .record import primitive

__all__ = ["linear", "matmul"]


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
    if x.ndim == 0 or y.ndim == 0:
        raise ShapeError(f"matmul: both must have at least 1 axis, found shapes {x.shape} and {y.shape}")
    inner = x.shape[-1], y.shape[-2 if y.ndim > 1 else 0]
    if inner[0] != inner[1]:
        raise ShapeError(f"matmul: shapes {x.shape} and {y.shape} do not fit: inner {inner[0]} ≠ {inner[1]}")
    return np.matmul(x, y)


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
def linear(X: Any, W: Any, b: Any) -> Any:
    """X Wᵀ + b: rows of X (n, in) are samples, W is (out, in), b is (out,); gives (n, out).

    The slides' Z_Hᵀ = W_H Xᵀ + b_H 1ᵀ, and its three gradients ∂𝒥/∂Z W, (∂𝒥/∂Z)ᵀ X and 1ᵀ ∂𝒥/∂Z ("Practical case:
    Matrix/vector formulation").

    Raises
    ------
    ShapeError
        If the last axis of X is not that of W.

    Examples
    --------
    >>> import autograd
    >>> autograd.linear(autograd.ones(1, 2), autograd.tensor([[1.0, 2.0]]), autograd.tensor([0.5]))
    tensor([[3.5000]])
    """
    if X.ndim != 2 or X.shape[1] != W.shape[1]:
        raise ShapeError(f"linear: expects last dimension {W.shape[1]} (W is {W.shape}), found X of shape {X.shape}")
    return kernels.linear(X, W, b)
