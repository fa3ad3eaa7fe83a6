"""The losses as functions: of an input and a target of one shape unless they say otherwise.

Where PyTorch takes the old ``size_average`` and ``reduce``, all that comes after them is by keyword here. A ``weight``
that requires a gradient gets one, where PyTorch mostly refuses it.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from autograd import (
    DtypeError,
    ShapeError,
    Tensor,
    arange,
    as_tensor,
    clamp_min,
    full_like,
    gather,
    log_softmax,
    no_grad,
    ones_like,
    ops,
    relu,
    where,
    xlogy,
)
from autograd.arrays import check_integer, check_number, check_tensors
from autograd.ops.loss import REDUCTIONS, bad_label, check_labels, check_reduction, check_same_shape

__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cosine_embedding_loss", "cross_entropy",
    "gaussian_nll_loss", "hinge_embedding_loss", "huber_loss", "kl_div", "l1_loss", "margin_ranking_loss", "mse_loss",
    "multi_margin_loss", "nll_loss", "poisson_nll_loss", "smooth_l1_loss", "soft_margin_loss",
]  # fmt: skip


def reduce(each: Tensor, reduction: str, weight: Tensor | None = None) -> Tensor:
    """The terms of a loss as they are, summed, or averaged; over the sum of ``weight``, if there is one."""
    if reduction == "none":
        return each
    if reduction == "mean":
        return each.mean() if weight is None else each.sum() / weight.sum()
    return each.sum()


def _check(name: str, input: Any, target: Any, reduction: str, weight: Any = None) -> None:
    check_reduction(name, reduction)
    check_same_shape(name, input, target)
    if weight is not None:
        check_same_shape(name, input, weight, ("input", "weight"))


# -- regression


def mse_loss(input: Tensor, target: Tensor, *, reduction: str = "mean", weight: Tensor | None = None) -> Tensor:
    """(input − target)², averaged, summed (the slides' quadratic loss) or elementwise.

    Parameters
    ----------
    weight : Tensor, optional
        A factor of each term, of the input's shape; the mean is then over the sum of the weights.

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
    _check("mse_loss", input, target, reduction, weight)
    each = (input - target) ** 2
    return reduce(each if weight is None else each * weight, reduction, weight)


def l1_loss(input: Tensor, target: Tensor, *, reduction: str = "mean", weight: Tensor | None = None) -> Tensor:
    """|input − target|; the parameters and errors are those of :func:`mse_loss`.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.l1_loss(autograd.tensor([1.0, -3.0]), autograd.zeros(2))
    tensor(2.)
    """
    _check("l1_loss", input, target, reduction, weight)
    each = (input - target).abs()
    return reduce(each if weight is None else each * weight, reduction, weight)


def smooth_l1_loss(input: Tensor, target: Tensor, *, reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """d² / 2β where d = |input − target| < β, elsewhere d − β/2: the L1 loss with its corner rounded.

    Raises
    ------
    ShapeError, ValueError
        As for :func:`mse_loss`; ValueError for a negative β too.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.smooth_l1_loss(autograd.tensor([0.5, -3.0]), autograd.zeros(2), reduction="none")
    tensor([0.1250, 2.5000])
    """
    if not check_number("smooth_l1_loss", "beta", beta) >= 0:
        raise ValueError(f"smooth_l1_loss: does not support negative values for beta, found {beta}")
    _check("smooth_l1_loss", input, target, reduction)
    d = (input - target).abs()
    return reduce(where(d < beta, d**2 * (0.5 / beta), d - 0.5 * beta) if beta else d, reduction)


def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None
) -> Tensor:
    """d²/2 where d = |input − target| ≤ δ, elsewhere δ (d − δ/2).

    Parameters
    ----------
    weight : Tensor, optional
        A factor of each term, of the input's shape; the mean is over the number of terms, as in PyTorch.

    Raises
    ------
    ShapeError, ValueError
        As for :func:`mse_loss`; ValueError for a δ that is not positive too.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.huber_loss(autograd.tensor([1.0, -3.0]), autograd.zeros(2), "none", delta=2.0)
    tensor([0.5000, 4.0000])
    """
    if not check_number("huber_loss", "delta", delta) > 0:
        raise ValueError(f"huber_loss: does not support non-positive values for delta, found {delta}")
    _check("huber_loss", input, target, reduction, weight)
    d = (input - target).abs()
    each = where(d <= delta, 0.5 * d**2, delta * (d - 0.5 * delta))
    return reduce(each if weight is None else each * weight, reduction)


def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    *,
    eps: float = 1e-8,
    reduction: str = "mean",
) -> Tensor:
    """The negative log-likelihood of counts: e^input − target · input.

    Parameters
    ----------
    log_input : bool
        Whether the input is the logarithm of the expected count; else input − target · ln(input + eps).
    full : bool
        Add Stirling's approximation of ln(target!), for targets above 1.
    eps : float
        Keeps the logarithm finite.

    Raises
    ------
    ShapeError, ValueError
        As for :func:`mse_loss`.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.poisson_nll_loss(autograd.zeros(2), autograd.tensor([1.0, 2.0]))
    tensor(1.)
    """
    _check("poisson_nll_loss", input, target, reduction)
    each = input.exp() - target * input if log_input else input - target * (input + eps).log()
    if full:
        count = where(target > 1, target, 1.0)
        stirling = count * count.log() - count + 0.5 * (2 * math.pi * count).log()
        each = each + where(target > 1, stirling, 0.0)
    return reduce(each, reduction)


def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """The negative log-likelihood of a normal distribution: ½ (ln var + (input − target)² / var).

    Parameters
    ----------
    var : Tensor or float
        The variance: one for each element, or one for each row, without the last axis or with one of length 1.
    full : bool
        Add the constant ½ ln 2π.
    eps : float
        Smaller variances count as this one, and get the gradient of it.

    Raises
    ------
    ShapeError, ValueError
        As for :func:`mse_loss`; for a variance of another shape, or negative.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.gaussian_nll_loss(autograd.zeros(2), autograd.tensor([1.0, 3.0]), autograd.ones(2))
    tensor(2.5000)
    """
    _check("gaussian_nll_loss", input, target, reduction)
    if not isinstance(var, Tensor):
        var = full_like(input, var)
    if (var < 0).any():
        raise ValueError("gaussian_nll_loss: var has negative entry/entries; give a variance, not its logarithm")
    if var.shape != input.shape:
        if var.shape == input.shape[:-1]:
            var = var.unsqueeze(-1)
        else:
            differ = [m for n, m in zip(input.shape, var.shape, strict=False) if n != m]
            if var.ndim != input.ndim or differ != [1]:
                raise ShapeError(
                    f"gaussian_nll_loss: var is of incorrect size: {var.shape}, for an input of shape {input.shape}"
                )
    var = var.clone()
    with no_grad():  # so that the gradient passes
        var.clamp_(min=eps)
    error = input - target
    each = 0.5 * var.log() + 0.5 * error * (error / var)  # its square might overflow
    return reduce(each + 0.5 * math.log(2 * math.pi) if full else each, reduction)


# -- two classes


def binary_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, *, reduction: str = "mean"
) -> Tensor:
    """Binary cross-entropy on probabilities; see :func:`autograd.bce`.

    Parameters
    ----------
    weight : Tensor, optional
        A factor of each term, broadcast to the input.

    Raises
    ------
    ShapeError, ValueError
        As for :func:`mse_loss`; for an input outside [0, 1].

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.binary_cross_entropy(autograd.tensor([0.0]), autograd.tensor([1.0]))  # not inf, as in PyTorch
    tensor(100.)
    """
    if weight is None:
        return ops.bce(input, target, reduction)
    check_reduction("binary_cross_entropy", reduction)
    return reduce(ops.bce(input, target, "none") * _broadcast("binary_cross_entropy", weight, input), reduction)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """Binary cross-entropy on scores; see :func:`autograd.bce_with_logits`.

    Parameters
    ----------
    weight : Tensor, optional
        A factor of each term, broadcast to the input.
    pos_weight : Tensor, optional
        A factor of the positive part of each term, broadcast to the input: for classes of different size.

    Raises
    ------
    ShapeError, ValueError
        As for :func:`mse_loss`.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.binary_cross_entropy_with_logits(autograd.tensor([-1000.0]), autograd.tensor([1.0]))
    tensor(1000.)
    """
    name = "binary_cross_entropy_with_logits"
    if weight is None and pos_weight is None:
        return ops.bce_with_logits(input, target, reduction)
    check_reduction(name, reduction)
    if pos_weight is None:
        each = ops.bce_with_logits(input, target, "none")
    else:
        check_same_shape(name, input, target)
        pos_weight = _broadcast(name, pos_weight, input, "pos_weight")
        each = pos_weight * target * ops.softplus(-input) + (1 - target) * ops.softplus(input)
    return reduce(each if weight is None else each * _broadcast(name, weight, input), reduction)


def _broadcast(name: str, weight: Tensor, input: Tensor, called: str = "weight") -> Tensor:
    """``weight``, which must broadcast to the input and not make it larger."""
    check_tensors(name, weight)
    try:
        if np.broadcast_shapes(weight.shape, input.shape) == input.shape:
            return weight
    except ValueError:
        pass
    raise ShapeError(f"{name}: {called} of shape {weight.shape} does not broadcast to the input of shape {input.shape}")


def soft_margin_loss(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """ln(1 + e^(−target · input)) for targets of ±1, without overflow.

    Raises
    ------
    ShapeError, ValueError
        As for :func:`mse_loss`.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.soft_margin_loss(autograd.tensor([1000.0]), autograd.tensor([-1.0]))
    tensor(1000.)
    """
    _check("soft_margin_loss", input, target, reduction)
    return reduce(ops.softplus(-target * input), reduction)


def hinge_embedding_loss(
    input: Tensor, target: Tensor, margin: float = 1.0, *, reduction: str = "mean"
) -> Tensor:
    """The input where the target is 1, max{0, margin − input} where it is −1: for distances of pairs.

    Raises
    ------
    ShapeError, ValueError
        As for :func:`mse_loss`.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.hinge_embedding_loss(autograd.tensor([0.5, 0.5]), autograd.tensor([1.0, -1.0]))
    tensor(0.5000)
    """
    _check("hinge_embedding_loss", input, target, reduction)
    near, far = where(target != -1, input, 0.0), where(target != 1, clamp_min(margin - input, 0.0), 0.0)
    return reduce(near + far, reduction)


# -- pairs


def margin_ranking_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, *, reduction: str = "mean"
) -> Tensor:
    """max{0, margin − target · (input1 − input2)}: a target of 1 wants input1 above input2, −1 below.

    Raises
    ------
    ShapeError, ValueError
        As for :func:`mse_loss`; all three have one shape.

    Examples
    --------
    >>> import autograd, nn
    >>> x1, x2, y = autograd.tensor([1.0]), autograd.tensor([3.0]), autograd.tensor([1.0])
    >>> nn.functional.margin_ranking_loss(x1, x2, y)
    tensor(2.)
    """
    _check("margin_ranking_loss", input1, target, reduction)
    check_same_shape("margin_ranking_loss", input1, input2, ("input1", "input2"))
    return reduce(clamp_min(-target * (input1 - input2) + margin, 0.0), reduction)


def cosine_embedding_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, *, reduction: str = "mean"
) -> Tensor:
    """1 − cos of the angle between two vectors where the target is 1, max{0, cos − margin} where it is −1.

    Parameters
    ----------
    input1, input2 : Tensor, (n, d) or (d,)
    target : Tensor, (n,) or ()

    Raises
    ------
    ShapeError
        For other shapes.
    ValueError
        For an empty batch, and for another reduction than mean, sum and none.

    Examples
    --------
    >>> import autograd, nn
    >>> x1, x2 = autograd.tensor([[1.0, 0.0]]), autograd.tensor([[0.0, 1.0]])
    >>> nn.functional.cosine_embedding_loss(x1, x2, autograd.tensor([1]))
    tensor(1.)
    """
    check_reduction("cosine_embedding_loss", reduction)
    check_tensors("cosine_embedding_loss", input1, input2, target)
    check_same_shape("cosine_embedding_loss", input1, input2, ("input1", "input2"))
    if input1.ndim not in (1, 2) or target.shape != input1.shape[:-1]:
        raise ShapeError(
            f"cosine_embedding_loss: expects inputs (n, d) and a target (n,), or (d,) and (), found {input1.shape} and "
            f"{target.shape}"
        )
    tiny = 1e-12  # PyTorch's, so that a vector of zeros has the cosine 0
    lengths = [((x * x).sum(-1) + tiny).sqrt() for x in (input1, input2)]
    # By one after the other: the gradient by way of their product is rounded more often.
    cosine = (input1 * input2).sum(-1) / lengths[0] / lengths[1]
    near, far = where(target == 1, 1 - cosine, 0.0), where(target == -1, clamp_min(cosine - margin, 0.0), 0.0)
    return reduce(near + far, reduction)


def kl_div(input: Tensor, target: Tensor, *, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """The Kullback-Leibler divergence target · (ln target − input) of log-probabilities ``input``.

    Parameters
    ----------
    reduction : {"mean", "batchmean", "sum", "none"}
        The divergence is the "batchmean", a sum over the classes and a mean over the rows; "mean" is one over the
        classes too, with a warning, as in PyTorch.
    log_target : bool
        Whether the target is given by its logarithm.

    Raises
    ------
    ShapeError, ValueError
        As for :func:`mse_loss`.

    Examples
    --------
    >>> import autograd, nn
    >>> z, p = autograd.log(autograd.tensor([[0.5, 0.5]])), autograd.tensor([[0.0, 1.0]])
    >>> nn.functional.kl_div(z, p, reduction="batchmean")
    tensor(0.6931)
    """
    check_reduction("kl_div", reduction, ("batchmean", *REDUCTIONS))
    check_tensors("kl_div", input, target, kinds=Tensor)
    check_same_shape("kl_div", input, target)
    if reduction == "mean":
        warnings.warn(
            "kl_div: reduction='mean' divides by the number of classes too; the divergence is reduction='batchmean'",
            stacklevel=2,
        )
    each = target.exp() * (target - input) if log_target else xlogy(target, target) - target * input
    if reduction == "batchmean":
        return each.sum() / (input.shape[0] if input.ndim else 1)
    return reduce(each, reduction)


# -- classes


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """The negative log-likelihood −input[target] of class labels, for log-probabilities: slide "PyTorch loss options".

    Parameters
    ----------
    input : Tensor, (n, K), (K,) or (n, K, …)
        As :func:`log_softmax` makes them.
    target : Tensor, (n,), () or (n, …)
        Labels, of integers.
    weight : Tensor, (K,), optional
        A factor for each class; the mean is over the sum of those of the labels.
    ignore_index : int
        A label whose terms count for nothing.

    Raises
    ------
    ShapeError, DtypeError
        If the labels have another shape, or are not integers; if the weight has another shape.
    IndexError
        For a label outside 0 … K − 1.
    ValueError
        For an empty batch, and for another reduction than mean, sum and none.

    Examples
    --------
    >>> import autograd, nn
    >>> z = nn.functional.log_softmax(autograd.tensor([[0.0, 0.0]]), dim=1)
    >>> nn.functional.nll_loss(z, autograd.tensor([1]))
    tensor(0.6931)
    """
    check_reduction("nll_loss", reduction)
    check_labels("nll_loss", input, target)
    each, counted, _ = _picked("nll_loss", input, target, weight, ignore_index)
    return reduce(each, reduction, counted)


def _picked(
    name: str, input: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """The terms −w_y input_y, their weights w_y if they are not all 1, and which count if not all do."""
    axis = min(input.ndim - 1, 1)
    index, kept = _index(name, target, input.shape[axis], ignore_index)
    weight = _per_class(name, weight, input.shape[axis])
    each = -gather(input, axis, index.unsqueeze(axis)).squeeze(axis)
    if weight is None and kept is None:
        return each, None, None
    counted = ones_like(each) if weight is None else weight[index]
    each = each * counted
    if kept is None:
        return each, counted, None
    return where(kept, each, 0.0), counted * kept, kept


def _index(name: str, target: Tensor, classes: int, ignore_index: int | None) -> tuple[Tensor, Tensor | None]:
    """Where in an axis of ``classes`` to look for each label; and which are not ignored, if some are."""
    labels = target.array
    kept = np.ones(labels.shape, bool) if ignore_index is None else labels != ignore_index
    bad = kept & ((labels < 0) | (labels >= classes))
    if bad.any():
        position = tuple(map(int, np.argwhere(bad)[0]))
        raise bad_label(name, labels[position], position[0] if len(position) == 1 else position, classes)
    if kept.all():
        return target.long(), None
    return as_tensor(np.where(kept, labels, 0)).long(), as_tensor(kept)


def _per_class(name: str, weight: Tensor | None, classes: int) -> Tensor | None:
    if weight is None:
        return None
    check_tensors(name, weight)
    if weight.shape != (classes,):
        raise ShapeError(
            f"{name}: weight tensor should be defined either for all {classes} classes or no classes, found shape "
            f"{weight.shape}"
        )
    return weight


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Cross-entropy of scores against class labels, or against probabilities; see :func:`autograd.cross_entropy`.

    Parameters
    ----------
    input : Tensor, (n, K), (K,) or (n, K, …)
    target : Tensor, (n,), () or (n, …), of integers; or of the input's shape, of floats
        Labels; or the probability of each class.
    weight : Tensor, (K,), optional
        A factor for each class. For labels the mean is over the sum of those of the labels.
    ignore_index : int
        A label whose terms count for nothing.
    label_smoothing : float
        How much of the target, in [0, 1], is spread over all classes.

    Raises
    ------
    ShapeError, DtypeError
        If the target is neither, or the weight has another shape.
    IndexError
        For a label outside 0 … K − 1.
    ValueError
        For an empty batch; for a ``label_smoothing`` outside [0, 1]; for an ``ignore_index`` that is a class, where
        the target are probabilities; for another reduction than mean, sum and none.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.cross_entropy(autograd.zeros(2, 4), autograd.tensor([0, 3])).item()  # ln 4
    1.386...
    >>> nn.functional.cross_entropy(autograd.zeros(2, 4), autograd.full((2, 4), 0.25)).item()
    1.386...
    """
    plain = weight is None and type(label_smoothing) in (float, int) and not label_smoothing
    plain = plain and type(ignore_index) is int and ignore_index < 0
    if plain and getattr(input, "ndim", 2) == 2 and getattr(target, "ndim", 1) == 1:
        try:
            return ops.cross_entropy(input, target, reduction)
        except IndexError:  # perhaps of a label to ignore, which the fused op knows nothing of
            pass
    name = "cross_entropy"
    check_tensors(name, input, target)
    check_reduction(name, reduction)
    ignore_index = check_integer(name, "ignore_index", ignore_index)
    if not 0 <= check_number(name, "label_smoothing", label_smoothing) <= 1:
        raise ValueError(f"{name}: label_smoothing must be between 0 and 1, found {label_smoothing}")
    probable = target.shape == input.shape and target.is_floating_point() and input.ndim > 0
    if probable:
        return _of_probabilities(name, input, target, weight, ignore_index, reduction, label_smoothing)
    check_labels(name, input, target)
    axis = min(input.ndim - 1, 1)
    likely = log_softmax(input, axis)
    each, counted, kept = _picked(name, likely, target, weight, ignore_index)
    if label_smoothing:
        spread = -_times(likely, weight, axis).mean(axis)
        each = each * (1 - label_smoothing) + (spread if kept is None else where(kept, spread, 0.0)) * label_smoothing
    return reduce(each, reduction, counted)


def _of_probabilities(
    name: str,
    input: Tensor,
    target: Tensor,
    weight: Tensor | None,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
) -> Tensor:
    if input.dtype.kind != "f":
        raise DtypeError(f"{name}: expects floating point scores, found {input.dtype}; convert with .float()")
    check_same_shape(name, input, target)
    if ignore_index >= 0:
        raise ValueError(f"{name}: ignore_index is not supported for a target of probabilities, found {ignore_index}")
    axis = min(input.ndim - 1, 1)
    classes = input.shape[axis]
    if label_smoothing:
        target = target * (1 - label_smoothing) + label_smoothing / classes
    likely = _times(log_softmax(input, axis), _per_class(name, weight, classes), axis)
    return reduce(-(likely * target).sum(axis), reduction)


def _times(x: Tensor, weight: Tensor | None, axis: int) -> Tensor:
    """``x`` times a factor for each class, which are along ``axis``."""
    return x if weight is None else x * weight.reshape(-1, *(1,) * (x.ndim - axis - 1))


def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    *,
    reduction: str = "mean",
) -> Tensor:
    """Σ_{k≠y} max{0, margin − input_y + input_k}ᵖ / K of scores against class labels y.

    Parameters
    ----------
    input : Tensor, (n, K) or (K,)
    target : Tensor, (n,), or () or (1,)
        Labels, of integers.
    p : {1, 2}
    weight : Tensor, (K,), optional
        A factor for each class.

    Raises
    ------
    ShapeError, DtypeError, IndexError
        As for :func:`nll_loss`.
    ValueError
        For another p; for an empty batch, and for another reduction than mean, sum and none.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.multi_margin_loss(autograd.tensor([[0.0, 0.5, 2.0]]), autograd.tensor([2]))
    tensor(0.)
    """
    name = "multi_margin_loss"
    check_reduction(name, reduction)
    check_tensors(name, input, target)
    if p not in (1, 2):
        raise ValueError(f"{name}: only p == 1 and p == 2 supported, found {p}")
    shape = target.shape
    if input.ndim < 2 and shape in ((), (1,)):
        input, target = input.reshape(1, -1), target.reshape(1)
    if input.ndim != 2:
        raise ShapeError(f"{name}: expects scores (n, K) and labels (n,), found {input.shape} and {shape}")
    check_labels(name, input, target)
    classes = input.shape[1]
    index = _index(name, target, classes, None)[0].unsqueeze(1)
    gap = relu(margin - gather(input, 1, index) + input) ** p
    weight = _per_class(name, weight, classes)
    gap = gap if weight is None else gap * weight[index]
    each = where(index == arange(classes), 0.0, gap).sum(1) / classes
    return reduce(each.reshape(shape), reduction)
