"""The losses of the slides, fused: one op each for the forward and the backward pass."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import DtypeError, ShapeError
from ..kernels import loss as kernels
from ..kernels.plans import planned
from .elementwise import sigmoid
from .record import primitive
from .reduction import softmax
from .samples import Sampler

__all__ = ["bce", "bce_with_logits", "cross_entropy", "one_hot"]

REDUCTIONS = ("mean", "sum", "none")


def check_reduction(name: str, reduction: str, known: tuple[str, ...] = REDUCTIONS) -> None:
    """Raise ValueError unless ``reduction`` is one of the ``known``."""
    if not isinstance(reduction, str) or reduction not in known:
        raise ValueError(f"{name}: {reduction!r} is not a valid value for reduction; it is one of {known}")


def check_same_shape(name: str, z: Any, y: Any, called: tuple[str, str] = ("input", "target")) -> None:
    """Raise ShapeError unless input ``z`` and target ``y`` have the same shape, ValueError if that holds nothing."""
    try:
        shape, other = z.shape, y.shape
    except AttributeError:
        raise _no_tensors(name, z, y) from None
    if shape != other:
        try:
            become = f"; they would broadcast to {_tight(np.broadcast_shapes(shape, other))}"
        except ValueError:
            become = ""
        raise ShapeError(
            f"{name}: the {called[0]} has shape {shape}, the {called[1]} {other}{become}. They must be equal: use "
            f"{called[1]}.view(-1, 1), {called[0]}.squeeze(1) or the like"
        )
    if 0 in shape:
        raise ValueError(f"{name}: the batch is empty, shape {shape}")


def check_labels(name: str, z: Any, y: Any) -> None:
    """Raise unless ``y`` are integer labels, one for each vector of floating point scores in ``z``: (n, K, …) or (K,).

    Whether a label is one of the K classes is for :func:`bad_label` to say.
    """
    try:
        shape, labels = z.shape, y.shape
    except AttributeError:
        raise _no_tensors(name, z, y) from None
    if labels != (shape[:1] + shape[2:] if len(shape) > 1 else ()) or not shape:
        raise ShapeError(
            f"{name}: expects scores (n, K) and labels (n,), or scores (n, K, …) and labels (n, …), found {shape} and "
            f"{labels}"
        )
    if y.dtype.kind not in "iu":
        raise DtypeError(f"{name}: expects integer class labels, found {y.dtype}; convert with .long()")
    if z.dtype.kind != "f":
        raise DtypeError(f"{name}: expects floating point scores, found {z.dtype}; convert with .float()")
    if 0 in shape:
        raise ValueError(f"{name}: the batch is empty, shape {shape}")


def bad_label(name: str, label: Any, position: Any, classes: int) -> IndexError:
    """What to raise for a ``label`` that is none of the ``classes``."""
    return IndexError(f"{name}: label {label} at position {position} is out of bounds for {classes} classes")


def _no_tensors(name: str, z: Any, y: Any) -> DtypeError:
    found = f"{type(z).__name__} and {type(y).__name__}"
    return DtypeError(f"{name}: expects tensors as input and target, found {found}")


def _tight(shape: tuple[int, ...]) -> str:
    return str(shape).replace(" ", "")


def _reduce(each: Any, total: float, reduction: str) -> Any:
    """What a loss returns: its terms, or their float64 ``total`` or mean in the dtype of the terms."""
    if reduction == "none":
        return each
    return np.array(total / each.size if reduction == "mean" else total, each.dtype)


def _divisor(shape: Any, reduction: str) -> int:
    return math.prod(shape) if reduction == "mean" else 1


def _targets(s: Sampler, unit: bool) -> list[tuple[Any, ...]]:
    def input_(*shape: int) -> Any:
        return s.between(0.05, 0.95, *shape) if unit else s(*shape)

    return [
        (input_(5, 1), s.between(0, 1, 5, 1)),
        (input_(4), s.between(0, 1, 4), "sum"),
        (input_(2, 3), s.between(0, 1, 2, 3), "none"),
    ]


@primitive(
    formula=lambda x, low: x,
    x=lambda g, x, low: g * (x >= low),
    promotes=None,
    samples=lambda s: [(s(3, 4), 0.0)],
    method=False,
)
def at_least(x: Any, low: float = 0.0) -> Any:
    """x, but not below ``low``: keeps a quotient or a logarithm finite. In an equation it reads as x."""
    return np.maximum(x, np.asarray(low, x.dtype))


@primitive(
    "BCE",
    formula=lambda z, y, reduction: _typeset(np.log(1 + np.exp(z)) - y * z, reduction),
    z=lambda g, z, y, z_shape, reduction: g * (sigmoid(z) - y) / _divisor(z_shape, reduction),
    y=lambda g, z, z_shape, reduction: g * -z / _divisor(z_shape, reduction),
    vjp=kernels.bce_with_logits_vjp,
    samples=lambda s: _targets(s, unit=False),
    method=False,
)
@planned(kernels.bce_with_logits.plan)
def bce_with_logits(z: Any, y: Any, reduction: str = "mean") -> Any:
    """Binary cross-entropy on scores: ln(1 + eᶻ) − y z, computed as max(z, 0) − z y + ln(1 + e^−|z|).

    The first form is the slides' ("Loss functions for training") and overflows at large z; see the errata.

    Raises
    ------
    ShapeError
        If z and y differ in shape.
    ValueError
        For an empty batch, and for another reduction than mean, sum and none.

    Examples
    --------
    >>> import autograd
    >>> z, y = autograd.tensor([1000.0, -1000.0]), autograd.tensor([0.0, 0.0])
    >>> autograd.bce_with_logits(z, y, "none")
    tensor([1000.,    0.])
    """
    check_reduction("bce_with_logits", reduction)
    check_same_shape("bce_with_logits", z, y)
    return kernels.bce_with_logits(z, y, reduction)


@primitive(
    "BCE",
    formula=lambda p, y, reduction: _typeset(-(y * np.log(p) + (1 - y) * np.log(1 - p)), reduction),
    p=lambda g, p, y, p_shape, reduction: g * (p - y) / at_least(p * (1 - p), 1e-12) / _divisor(p_shape, reduction),
    y=lambda g, p, p_shape, reduction: g
    * (at_least(np.log(1 - p), -100.0) - at_least(np.log(p), -100.0))
    / _divisor(p_shape, reduction),
    vjp=kernels.bce_vjp,
    samples=lambda s: _targets(s, unit=True),
    method=False,
)
def bce(p: Any, y: Any, reduction: str = "mean") -> Any:
    """Binary cross-entropy on probabilities: −(y ln p + (1 − y) ln(1 − p)); a logarithm is never below −100.

    The slides' form in the activations u_O ("PyTorch loss options").

    Raises
    ------
    ShapeError
        If p and y differ in shape.
    ValueError
        For p outside [0, 1], an empty batch, and another reduction than mean, sum and none.
    """
    check_reduction("bce", reduction)
    check_same_shape("bce", p, y)
    each, total, outside = kernels.bce(p, y)
    if outside >= 0:
        raise ValueError(
            f"bce: all elements of input should be between 0 and 1, found {p.flat[outside]}; apply a sigmoid, "
            "or use bce_with_logits on the scores"
        )
    return _reduce(each, total, reduction)


@primitive("1[·]", promotes=None, method=False)
def one_hot(y: Any, like: Any) -> Any:
    """Rows of zeros with a one at the label: y (n,) → (n, K), of the shape and dtype of ``like``."""
    out = np.zeros(like.shape, like.dtype)
    out[np.arange(len(y)), y] = 1
    return out


@primitive(
    "CE",
    formula=lambda z, y, reduction: _typeset(np.log(np.exp(z).sum(1)) - (one_hot(y, z) * z).sum(1), reduction),
    z=lambda g, z, y, z_shape, reduction: _rows(g, reduction)
    * (softmax(z) - one_hot(y, z))
    / _divisor(z_shape[:1], reduction),
    vjp=kernels.cross_entropy_vjp,
    promotes=None,
    samples=lambda s: [(s(5, 3), s.integers(3, 5), mode) for mode in REDUCTIONS] + [(s(1, 1), s.integers(1, 1))],
    method=False,
)
def cross_entropy(z: Any, y: Any, reduction: str = "mean") -> Any:
    """Cross-entropy of scores z (n, K) against class labels y (n,): ln Σ_l e^{z_l} − z_y.

    Slide "Loss functions for training" (with the denominator of the likelihood corrected; see the errata).

    Raises
    ------
    ShapeError, DtypeError
        If y is not (n,), or not of an integer dtype; if z is.
    IndexError
        For a label outside 0 … K − 1.
    ValueError
        For an empty batch, and for another reduction than mean, sum and none.
    """
    check_reduction("cross_entropy", reduction)
    check_labels("cross_entropy", z, y)
    if z.ndim != 2:
        raise ShapeError(
            f"cross_entropy: expects scores (n, K) and labels (n,), found {z.shape} and {y.shape}; "
            "nn.functional.cross_entropy takes more axes"
        )
    loss = kernels.cross_entropy(z, y, reduction)
    if loss is None:
        bad = np.flatnonzero((y < 0) | (y >= z.shape[1]))[0]
        raise bad_label("cross_entropy", y[bad], bad, z.shape[1])
    return loss


def _rows(g: Any, reduction: str) -> Any:
    return g[:, None] if reduction == "none" else g


def _typeset(each: Any, reduction: str) -> Any:
    """The reduction in a formula, by the methods that arrays and symbols have."""
    return each if reduction == "none" else each.mean() if reduction == "mean" else each.sum()
