"""The losses as modules. All average over the batch by default; the slides sum: ``reduction="sum"``."""

from __future__ import annotations

from autograd import Tensor
from autograd.ops.loss import check_reduction

from . import functional
from .module import Module

__all__ = ["BCELoss", "BCEWithLogitsLoss", "CrossEntropyLoss", "MSELoss"]


class _Loss(Module):
    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__()
        check_reduction(type(self).__name__, reduction)
        self.reduction = reduction


class BCELoss(_Loss):
    """Binary cross-entropy on probabilities u_O = σ(z_O): −(y ln u + (1 − y) ln(1 − u)); slide "PyTorch loss options".

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    ShapeError
        If the target has another shape than the input.
    ValueError
        For an input outside [0, 1].

    Examples
    --------
    >>> import autograd, nn
    >>> nn.BCELoss()(autograd.tensor([0.5]), autograd.tensor([1.0]))
    tensor(0.6931)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Probabilities and targets of one shape → a scalar, or that shape for reduction "none"."""
        return functional.binary_cross_entropy(input, target, reduction=self.reduction)


class BCEWithLogitsLoss(_Loss):
    """Binary cross-entropy on scores z_O: ln(1 + eᶻ) − y z, without overflow; slide "Loss functions for training".

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    ShapeError
        If the target has another shape than the input.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.BCEWithLogitsLoss()(autograd.tensor([0.0]), autograd.tensor([1.0]))
    tensor(0.6931)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Scores and targets of one shape → a scalar, or that shape for reduction "none"."""
        return functional.binary_cross_entropy_with_logits(input, target, reduction=self.reduction)


class CrossEntropyLoss(_Loss):
    """Cross-entropy of scores z_O against class labels y: ln Σ_l e^{z_l} − z_y; slide "Loss functions for training".

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    ShapeError, DtypeError
        If the labels are not (n,), or not integers.
    IndexError
        For a label outside 0 … K − 1.
    ValueError
        For an empty batch.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.CrossEntropyLoss()(autograd.tensor([[0.0, 0.0]]), autograd.tensor([1]))
    tensor(0.6931)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Scores (n, K) and labels (n,) → a scalar, or (n,) for reduction "none"."""
        return functional.cross_entropy(input, target, reduction=self.reduction)


class MSELoss(_Loss):
    """The quadratic loss (z − y)² of regression; with ``reduction="sum"`` the slides' RSS.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    ShapeError
        If the target has another shape than the input.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.MSELoss()(autograd.tensor([1.0, 3.0]), autograd.tensor([1.0, 1.0]))
    tensor(2.)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Input and target of one shape → a scalar, or that shape for reduction "none"."""
        return functional.mse_loss(input, target, reduction=self.reduction)
