"""The losses as modules. All average over the batch by default; the slides sum: ``reduction="sum"``.

Each does what the function of its name in :mod:`nn.functional` does, whose errors it raises when it is called. Where
PyTorch takes the old ``size_average`` and ``reduce``, all that comes after them is by keyword here.
"""

from __future__ import annotations

from autograd import Tensor
from autograd.ops.loss import REDUCTIONS, check_reduction

from . import functional
from .module import Module

__all__ = [
    "BCELoss", "BCEWithLogitsLoss", "CosineEmbeddingLoss", "CrossEntropyLoss", "GaussianNLLLoss", "HingeEmbeddingLoss",
    "HuberLoss", "KLDivLoss", "L1Loss", "MSELoss", "MarginRankingLoss", "MultiMarginLoss", "NLLLoss", "PoissonNLLLoss",
    "SmoothL1Loss", "SoftMarginLoss",
]  # fmt: skip


class _Loss(Module):
    _reductions: tuple[str, ...] = REDUCTIONS
    weight: Tensor | None  # of the losses that have one: a buffer, which goes along with state_dict() and to()
    pos_weight: Tensor | None

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        check_reduction(type(self).__name__, reduction, self._reductions)
        self.reduction = reduction


class BCELoss(_Loss):
    """Binary cross-entropy on probabilities u_O = σ(z_O): −(y ln u + (1 − y) ln(1 − u)); slide "PyTorch loss options".

    Parameters
    ----------
    weight : Tensor, optional
        A factor of each term, broadcast to the input.
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

    def __init__(self, weight: Tensor | None = None, *, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Probabilities and targets of one shape → a scalar, or that shape for reduction "none"."""
        return functional.binary_cross_entropy(input, target, self.weight, reduction=self.reduction)


class BCEWithLogitsLoss(_Loss):
    """Binary cross-entropy on scores z_O: ln(1 + eᶻ) − y z, without overflow; slide "Loss functions for training".

    Parameters
    ----------
    weight, pos_weight : Tensor, optional
        Factors of each term, and of its positive part, broadcast to the input.
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

    def __init__(
        self, weight: Tensor | None = None, *, reduction: str = "mean", pos_weight: Tensor | None = None
    ) -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Scores and targets of one shape → a scalar, or that shape for reduction "none"."""
        return functional.binary_cross_entropy_with_logits(
            input, target, self.weight, reduction=self.reduction, pos_weight=self.pos_weight
        )


class CrossEntropyLoss(_Loss):
    """Cross-entropy of scores z_O against class labels y: ln Σ_l e^{z_l} − z_y; slide "Loss functions for training".

    Parameters
    ----------
    weight : Tensor, (K,), optional
        A factor for each class.
    ignore_index : int
        A label whose terms count for nothing.
    reduction : {"mean", "sum", "none"}
    label_smoothing : float
        How much of the target, in [0, 1], is spread over all classes.

    Raises
    ------
    ShapeError, DtypeError
        If the labels are not (n,), or not integers; a target of the input's shape are probabilities, floats.
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

    def __init__(
        self,
        weight: Tensor | None = None,
        *,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Scores (n, K, …) and labels (n, …) → a scalar, or (n, …) for reduction "none"."""
        return functional.cross_entropy(
            input,
            target,
            self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


class NLLLoss(_Loss):
    """The negative log-likelihood of class labels, for what :class:`nn.LogSoftmax` makes; slide "PyTorch loss options".

    Parameters
    ----------
    weight : Tensor, (K,), optional
        A factor for each class.
    ignore_index : int
        A label whose terms count for nothing.
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    ShapeError, DtypeError, IndexError, ValueError
        As for :class:`CrossEntropyLoss`.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.NLLLoss()(autograd.tensor([[-0.1, -2.0]]), autograd.tensor([1]))
    tensor(2.)
    """

    def __init__(self, weight: Tensor | None = None, *, ignore_index: int = -100, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Log-probabilities (n, K, …) and labels (n, …) → a scalar, or (n, …) for reduction "none"."""
        return functional.nll_loss(
            input, target, self.weight, ignore_index=self.ignore_index, reduction=self.reduction
        )


class MultiMarginLoss(_Loss):
    """Σ_{k≠y} max{0, margin − z_y + z_k}ᵖ / K of scores against class labels y.

    Parameters
    ----------
    p : {1, 2}
    margin : float
    weight : Tensor, (K,), optional
        A factor for each class.
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    ValueError
        For another p.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.MultiMarginLoss()(autograd.tensor([[0.0, 0.5, 2.0]]), autograd.tensor([2]))
    tensor(0.)
    """

    def __init__(
        self, p: int = 1, margin: float = 1.0, weight: Tensor | None = None, *, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction)
        if p not in (1, 2):
            raise ValueError(f"MultiMarginLoss: only p == 1 and p == 2 supported, found {p}")
        self.p = p
        self.margin = margin
        self.register_buffer("weight", weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Scores (n, K) and labels (n,) → a scalar, or (n,) for reduction "none"."""
        return functional.multi_margin_loss(
            input, target, self.p, self.margin, self.weight, reduction=self.reduction
        )


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

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__(reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Input and target of one shape → a scalar, or that shape for reduction "none"."""
        return functional.mse_loss(input, target, reduction=self.reduction)


class L1Loss(_Loss):
    """|z − y|. The slides' Lasso penalty is not this but λ Σ|w|; see the errata.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}

    Examples
    --------
    >>> import autograd, nn
    >>> nn.L1Loss()(autograd.tensor([1.0, 3.0]), autograd.tensor([1.0, 1.0]))
    tensor(1.)
    """

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__(reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Input and target of one shape → a scalar, or that shape for reduction "none"."""
        return functional.l1_loss(input, target, reduction=self.reduction)


class SmoothL1Loss(_Loss):
    """d² / 2β where d = |z − y| < β, elsewhere d − β/2.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}
    beta : float
        Not negative.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.SmoothL1Loss()(autograd.tensor([0.5]), autograd.tensor([0.0]))
    tensor(0.1250)
    """

    def __init__(self, *, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction)
        self.beta = beta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Input and target of one shape → a scalar, or that shape for reduction "none"."""
        return functional.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class HuberLoss(_Loss):
    """d²/2 where d = |z − y| ≤ δ, elsewhere δ (d − δ/2).

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}
    delta : float
        Positive.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.HuberLoss(delta=2.0)(autograd.tensor([3.0]), autograd.tensor([0.0]))
    tensor(4.)
    """

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction)
        self.delta = delta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Input and target of one shape → a scalar, or that shape for reduction "none"."""
        return functional.huber_loss(input, target, self.reduction, self.delta)


class PoissonNLLLoss(_Loss):
    """The negative log-likelihood of counts y: e^z − y z.

    Parameters
    ----------
    log_input, full, eps
        As for :func:`nn.functional.poisson_nll_loss`.
    reduction : {"mean", "sum", "none"}

    Examples
    --------
    >>> import autograd, nn
    >>> nn.PoissonNLLLoss()(autograd.zeros(2), autograd.tensor([1.0, 2.0]))
    tensor(1.)
    """

    def __init__(
        self, log_input: bool = True, full: bool = False, *, eps: float = 1e-8, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction)
        self.log_input = log_input
        self.full = full
        self.eps = eps

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Input and target of one shape → a scalar, or that shape for reduction "none"."""
        return functional.poisson_nll_loss(
            input, target, self.log_input, self.full, eps=self.eps, reduction=self.reduction
        )


class GaussianNLLLoss(_Loss):
    """The negative log-likelihood of a normal distribution: ½ (ln var + (z − y)² / var).

    Parameters
    ----------
    full, eps
        As for :func:`nn.functional.gaussian_nll_loss`.
    reduction : {"mean", "sum", "none"}

    Examples
    --------
    >>> import autograd, nn
    >>> nn.GaussianNLLLoss()(autograd.zeros(2), autograd.tensor([1.0, 3.0]), autograd.ones(2))
    tensor(2.5000)
    """

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.full = full
        self.eps = eps

    def forward(self, input: Tensor, target: Tensor, var: Tensor | float) -> Tensor:
        """Input and target of one shape, and a variance → a scalar, or that shape for reduction "none"."""
        return functional.gaussian_nll_loss(input, target, var, self.full, self.eps, self.reduction)


class KLDivLoss(_Loss):
    """The Kullback-Leibler divergence y · (ln y − z) of log-probabilities z.

    Parameters
    ----------
    reduction : {"mean", "batchmean", "sum", "none"}
        The divergence is the "batchmean"; "mean" divides by the number of classes too, with a warning, as in PyTorch.
    log_target : bool
        Whether the target is given by its logarithm.

    Examples
    --------
    >>> import autograd, nn
    >>> z, y = autograd.log(autograd.tensor([[0.5, 0.5]])), autograd.tensor([[0.0, 1.0]])
    >>> nn.KLDivLoss(reduction="batchmean")(z, y)
    tensor(0.6931)
    """

    _reductions = ("batchmean", *REDUCTIONS)

    def __init__(self, *, reduction: str = "mean", log_target: bool = False) -> None:
        super().__init__(reduction)
        self.log_target = log_target

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Input and target of one shape → a scalar, or that shape for reduction "none"."""
        return functional.kl_div(input, target, reduction=self.reduction, log_target=self.log_target)


class SoftMarginLoss(_Loss):
    """ln(1 + e^−yz) for targets y of ±1.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}

    Examples
    --------
    >>> import autograd, nn
    >>> nn.SoftMarginLoss()(autograd.tensor([0.0]), autograd.tensor([-1.0]))
    tensor(0.6931)
    """

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__(reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Input and target of one shape → a scalar, or that shape for reduction "none"."""
        return functional.soft_margin_loss(input, target, reduction=self.reduction)


class HingeEmbeddingLoss(_Loss):
    """The distance z where the target is 1, max{0, margin − z} where it is −1.

    Parameters
    ----------
    margin : float
    reduction : {"mean", "sum", "none"}

    Examples
    --------
    >>> import autograd, nn
    >>> nn.HingeEmbeddingLoss()(autograd.tensor([0.5, 0.25]), autograd.tensor([1.0, -1.0]))
    tensor(0.6250)
    """

    def __init__(self, margin: float = 1.0, *, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Input and target of one shape → a scalar, or that shape for reduction "none"."""
        return functional.hinge_embedding_loss(input, target, self.margin, reduction=self.reduction)


class MarginRankingLoss(_Loss):
    """max{0, margin − y (z₁ − z₂)}: a target y of 1 wants z₁ above z₂, −1 below.

    Parameters
    ----------
    margin : float
    reduction : {"mean", "sum", "none"}

    Examples
    --------
    >>> import autograd, nn
    >>> nn.MarginRankingLoss()(autograd.tensor([1.0]), autograd.tensor([3.0]), autograd.tensor([1.0]))
    tensor(2.)
    """

    def __init__(self, margin: float = 0.0, *, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        """Three tensors of one shape → a scalar, or that shape for reduction "none"."""
        return functional.margin_ranking_loss(input1, input2, target, self.margin, reduction=self.reduction)


class CosineEmbeddingLoss(_Loss):
    """1 − cos of the angle between two vectors where the target is 1, max{0, cos − margin} where it is −1.

    Parameters
    ----------
    margin : float
    reduction : {"mean", "sum", "none"}

    Examples
    --------
    >>> import autograd, nn
    >>> x1, x2 = autograd.tensor([[1.0, 0.0]]), autograd.tensor([[0.0, 1.0]])
    >>> nn.CosineEmbeddingLoss()(x1, x2, autograd.tensor([1]))
    tensor(1.)
    """

    def __init__(self, margin: float = 0.0, *, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        """Inputs (n, d) and a target (n,) → a scalar, or (n,) for reduction "none"."""
        return functional.cosine_embedding_loss(input1, input2, target, self.margin, reduction=self.reduction)
