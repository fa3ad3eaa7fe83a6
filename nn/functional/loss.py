"""The losses as functions."""

from __future__ import annotations

from autograd import Tensor, ops
from autograd.ops.loss import check_reduction, check_same_shape

__all__ = ["binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "mse_loss"]


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
