"""The layers and losses as functions."""

from __future__ import annotations

import math
from typing import Any

import autograd
from autograd import Tensor
from autograd.ops.loss import check_reduction, check_same_shape

__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "linear", "mse_loss", "relu",
    "sigmoid", "softmax", "tanh",
]  # fmt: skip

sigmoid = autograd.sigmoid
tanh = autograd.tanh
relu = autograd.relu
softmax = autograd.softmax


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``input @ weight.T + bias`` for input (…, in), weight (out, in), bias (out,).

    Raises
    ------
    ShapeError
        If the last axis of the input is not that of the weight.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.linear(autograd.ones(5, 3), autograd.ones(2, 3)).shape
    (5, 2)
    """
    if bias is None:
        return input @ weight.mT
    if input.ndim == 2:
        return autograd.linear(input, weight, bias)  # type: ignore[no-any-return]
    lead = input.shape[:-1]
    rows = input.reshape(math.prod(lead), -1) if input.ndim else input
    out: Tensor = autograd.linear(rows, weight, bias)
    return out.reshape(*lead, weight.shape[0])


def binary_cross_entropy(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Binary cross-entropy on probabilities; see :func:`autograd.bce`."""
    return autograd.bce(input, target, reduction)  # type: ignore[no-any-return]


def binary_cross_entropy_with_logits(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Binary cross-entropy on scores; see :func:`autograd.bce_with_logits`."""
    return autograd.bce_with_logits(input, target, reduction)  # type: ignore[no-any-return]


def cross_entropy(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Cross-entropy of scores (n, K) against class labels (n,); see :func:`autograd.cross_entropy`."""
    return autograd.cross_entropy(input, target, reduction)  # type: ignore[no-any-return]


def mse_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """(input − target)², averaged, summed (the slides' quadratic loss) or elementwise.

    Raises
    ------
    ShapeError
        If the shapes differ: PyTorch only warns, and broadcasts.

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
