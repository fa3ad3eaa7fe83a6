"""The losses as modules. All average over the batch by default; the slides sum: ``reduction="sum"``."""

from __future__ import annotations

from autograd import Tensor
from autograd.ops.loss import check_reduction

from . import functional
from .module import Module

__all__ = ["BCELoss", "BCEWithLogitsLoss", "CrossEntropyLoss", "MSELoss"]


class _Loss(Module):
    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        check_reduction(type(self).__name__, reduction)
        self.reduction = reduction

    def extra_repr(self) -> str:
        return "" if self.reduction == "mean" else f"reduction={self.reduction!r}"


class BCELoss(_Loss):
    """Binary cross-entropy on probabilities u_O = σ(z_O): −(y ln u + (1 − y) ln(1 − u)).

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
        return functional.binary_cross_entropy(input, target, self.reduction)


class BCEWithLogitsLoss(_Loss):
    """Binary cross-entropy on scores z_O: ln(1 + eᶻ) − y z, without overflow."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return functional.binary_cross_entropy_with_logits(input, target, self.reduction)


class CrossEntropyLoss(_Loss):
    """Cross-entropy of scores z_O (n, K) against class labels y (n,): ln Σ_l e^{z_l} − z_y."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return functional.cross_entropy(input, target, self.reduction)


class MSELoss(_Loss):
    """The quadratic loss (z − y)² of regression; with ``reduction="sum"`` the slides' RSS."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return functional.mse_loss(input, target, self.reduction)
