"""The layers and losses as functions."""

from __future__ import annotations

import math

from autograd import Tensor, as_tensor, ops
from autograd.ops.linalg import check_linear
from autograd.ops.loss import check_reduction, check_same_shape

__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "linear", "mse_loss", "relu",
    "sigmoid", "softmax", "tanh",
]  # fmt: skip

sigmoid = ops.sigmoid
tanh = ops.tanh
relu = ops.relu
softmax = ops.softmax


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``input @ weight.T + bias`` for input (…, in), weight (out, in), bias (out,); gives (…, out).

    Raises
    ------
    ShapeError
        If the last axis of the input is not that of the weight, or the bias is not (out,).

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.linear(autograd.ones(5, 3), autograd.ones(2, 3)).shape
    (5, 2)
    """
    if bias is not None and getattr(input, "ndim", 0) == 2:
        return ops.linear(input, weight, bias)
    input = as_tensor(input)
    check_linear(input.shape, weight.shape)
    if bias is None:
        return input @ weight.mT
    lead = input.shape[:-1]
    rows = input.reshape(math.prod(lead), input.shape[-1])
    return ops.linear(rows, weight, bias).reshape(*lead, weight.shape[0])


def binary_cross_entropy(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """Binary cross-entropy on probabilities, both of one shape; see :func:`autograd.bce`.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.binary_cross_entropy(autograd.tensor([0.0]), autograd.tensor([1.0]))  # not inf, as in PyTorch
    tensor(100.)
    """
    return ops.bce(input, target, reduction)


def binary_cross_entropy_with_logits(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """Binary cross-entropy on scores, both of one shape; see :func:`autograd.bce_with_logits`.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.binary_cross_entropy_with_logits(autograd.tensor([-1000.0]), autograd.tensor([1.0]))
    tensor(1000.)
    """
    return ops.bce_with_logits(input, target, reduction)


def cross_entropy(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """Cross-entropy of scores (n, K) against class labels (n,), integers; see :func:`autograd.cross_entropy`.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.cross_entropy(autograd.zeros(2, 4), autograd.tensor([0, 3])).item()  # ln 4
    1.386...
    """
    return ops.cross_entropy(input, target, reduction)


def mse_loss(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """(input − target)², averaged, summed (the slides' quadratic loss) or elementwise.

    Raises
    ------
    ShapeError
        If the shapes differ: PyTorch only warns, and broadcasts.
    ValueError
        For an empty batch, and for another reduction than mean, sum and none.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.mse_loss(autograd.ones(2), autograd.zeros(2), reduction="sum")
    tensor(2.)
    """
    check_reduction("mse_loss", reduction)
    check_same_shape("mse_loss", input, target)
    return reduce((input - target) ** 2, reduction)


def reduce(each: Tensor, reduction: str) -> Tensor:
    """The terms of a loss as they are, summed, or averaged."""
    return each if reduction == "none" else each.mean() if reduction == "mean" else each.sum()
