"""Elementwise functions: powers, exp, log and their kin, and the activations of the slides."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from ..kernels import elementwise as kernels
from ..kernels import pairs
from ..kernels.each import of_two
from ..kernels.plans import planned
from ..kernels.quiet import accurate
from .arithmetic import guard, inside
from .record import primitive
from .samples import Sampler, binary, unary, unary_positive

__all__ = [
    "acos", "asin", "asinh", "atan2", "cos", "cosh", "erf", "erfc", "exp", "expm1", "hypot", "log", "log10", "log1p",
    "log2", "logaddexp", "logaddexp2", "pow", "relu", "sigmoid", "sin", "sinh", "sqrt", "tanh",
]  # fmt: skip

TWO_BY_ROOT_PI = 2 / math.sqrt(math.pi)
elementwise = partial(primitive, elementwise=True)


def _powers(s: Sampler) -> list[tuple[Any, ...]]:
    return [(s(3, 4), 2), (s(4), 3.0), (s.positive(3), 0.5), (s.positive(3, 1), s(1, 4)), (2.0, s(3)), (s(3), -1)]


def _unit(s: Sampler) -> list[tuple[Any, ...]]:
    return [(s.between(-0.9, 0.9, 3, 4),), (s.between(-0.9, 0.9, 5),), (s.between(-0.9, 0.9),)]


@elementwise(
    "xʸ",
    formula=lambda x, y: x**y,
    x=lambda g, x, y: g * guard(y == 0, y * x ** (y - 1)),
    y=lambda g, u, x, y: g * guard((x == 0) & (y >= 0), u * log(x)),
    vjp=pairs.pow_vjp,
    numpy=[np.power],
    promotes="any",
    singular=True,
    samples=_powers,
)
def pow(x: Any, y: Any) -> Any:
    """xʸ, elementwise and broadcast; (−1) to a fraction is nan.

    Raises
    ------
    ValueError
        For an integer to a negative integer power.
    """
    if isinstance(x, np.ndarray) and not getattr(y, "ndim", 0) and y == 2:
        return of_two(np.multiply, x, x)  # 20 times faster
    if np.result_type(x, y).kind == "f":
        return accurate(np.power, x, y)
    if np.any(np.less(y, 0)):
        raise ValueError("pow: integers to negative integer powers are not allowed; convert with .float()")
    return np.power(x, y).astype(np.result_type(x, y))


@elementwise("exp", formula=lambda x: np.exp(x), x=lambda g, u: g * u, numpy=[np.exp], singular=True, samples=unary)
@planned(kernels.exp.plan)
def exp(x: Any) -> Any:
    """eˣ, elementwise.

    Examples
    --------
    >>> import autograd
    >>> autograd.exp(autograd.tensor([0.0, 1.0]))
    tensor([1.0000, 2.7183])
    """
    return kernels.exp(x)


@elementwise("expm1", x=lambda g, x: g * exp(x), numpy=[np.expm1], singular=True, samples=unary)
def expm1(x: Any) -> Any:
    """eˣ − 1, elementwise, accurate near 0."""
    return kernels.expm1(x)


@elementwise("ln", x=lambda g, x: g / inside(x >= 0, x), numpy=[np.log], singular=True, samples=unary_positive)
@planned(kernels.log.plan)
def log(x: Any) -> Any:
    """ln x, elementwise; log(0) is −inf, and a negative number gives nan, as does its gradient."""
    return kernels.log(x)


@elementwise(
    "ln(1+·)", x=lambda g, x: g / (1 + inside(x >= -1, x)), numpy=[np.log1p], singular=True, samples=unary_positive
)
def log1p(x: Any) -> Any:
    """ln(1 + x), elementwise, accurate near 0."""
    return kernels.log1p(x)


@elementwise(
    "log₂",
    x=lambda g, x: g / math.log(2) / inside(x >= 0, x),
    numpy=[np.log2],
    singular=True,
    samples=unary_positive,
)
def log2(x: Any) -> Any:
    """The logarithm of x to base 2, elementwise, exact at powers of 2."""
    return accurate(np.log2, x)


@elementwise(
    "log₁₀",
    x=lambda g, x: g / math.log(10) / inside(x >= 0, x),
    numpy=[np.log10],
    singular=True,
    samples=unary_positive,
)
def log10(x: Any) -> Any:
    """The logarithm of x to base 10, elementwise, exact at powers of 10."""
    return accurate(np.log10, x)


@elementwise("√", x=lambda g, u: g / (2 * u), numpy=[np.sqrt], singular=True, samples=unary_positive)
@planned(kernels.sqrt.plan)
def sqrt(x: Any) -> Any:
    """√x, elementwise; the derivative at 0 is inf."""
    return kernels.sqrt(x)


@elementwise("sin", x=lambda g, x: g * cos(x), numpy=[np.sin], samples=unary)
def sin(x: Any) -> Any:
    """Sine of x in radians, elementwise."""
    return accurate(np.sin, x)


@elementwise("cos", x=lambda g, x: -g * sin(x), numpy=[np.cos], samples=unary)
def cos(x: Any) -> Any:
    """Cosine of x in radians, elementwise."""
    return accurate(np.cos, x)


# (1 − x) (1 + x) and not 1 − x²: the square would lose what matters near ±1.
@elementwise("arcsin", x=lambda g, x: g / np.sqrt((1 - x) * (1 + x)), numpy=[np.arcsin], singular=True, samples=_unit)
def asin(x: Any) -> Any:
    """The angle between −π/2 and π/2 whose sine is x, elementwise; nan outside [−1, 1]."""
    return accurate(np.arcsin, x)


@elementwise("arccos", x=lambda g, x: -g / np.sqrt((1 - x) * (1 + x)), numpy=[np.arccos], singular=True, samples=_unit)
def acos(x: Any) -> Any:
    """The angle between 0 and π whose cosine is x, elementwise; nan outside [−1, 1]."""
    return accurate(np.arccos, x)


@elementwise(
    "arctan",
    x=lambda g, x, y: g * (y / hypot(x, y)) / hypot(x, y),
    y=lambda g, x, y: -g * (x / hypot(x, y)) / hypot(x, y),
    vjp=lambda g, x, y, needs: (
        pairs.of_pairs(pairs.angle_vjp, g, x, y) if needs[0] else None,
        pairs.of_pairs(pairs.angle_vjp, -g, y, x) if needs[1] else None,
    ),
    numpy=[np.arctan2],
    samples=binary,
)
def atan2(x: Any, y: Any) -> Any:
    """The angle between −π and π whose tangent is x / y and that has the signs of both, elementwise and broadcast."""
    return accurate(np.arctan2, x, y)


@elementwise("sinh", x=lambda g, x: g * cosh(x), numpy=[np.sinh], singular=True, samples=unary)
def sinh(x: Any) -> Any:
    """The hyperbolic sine, elementwise: (eˣ − e⁻ˣ) / 2."""
    return accurate(np.sinh, x)


@elementwise("cosh", x=lambda g, x: g * sinh(x), numpy=[np.cosh], singular=True, samples=unary)
def cosh(x: Any) -> Any:
    """The hyperbolic cosine, elementwise: (eˣ + e⁻ˣ) / 2."""
    return accurate(np.cosh, x)


@elementwise("arsinh", x=lambda g, x: g / hypot(x, 1.0), numpy=[np.arcsinh], samples=unary)
def asinh(x: Any) -> Any:
    """The number whose hyperbolic sine is x, elementwise."""
    return accurate(np.arcsinh, x)


@elementwise(
    "hypot",
    x=lambda g, u, x: g * guard(u == 0, x / u),
    y=lambda g, u, y: g * guard(u == 0, y / u),
    vjp=lambda g, x, y, needs: (
        pairs.of_pairs(pairs.hypot_vjp, g, y, x) if needs[0] else None,
        pairs.of_pairs(pairs.hypot_vjp, g, x, y) if needs[1] else None,
    ),
    numpy=[np.hypot],
    samples=binary,
)
def hypot(x: Any, y: Any) -> Any:
    """√(x² + y²), elementwise and broadcast, without overflow; the gradient at (0, 0) is 0."""
    return accurate(np.hypot, x, y)


@elementwise(
    "logaddexp",
    x=lambda g, x, y: g * sigmoid(x - y),
    y=lambda g, x, y: g * sigmoid(y - x),
    vjp=lambda g, x, y, needs: pairs.logaddexp_vjp(g, x, y, needs, pairs.NATURAL),
    numpy=[np.logaddexp],
    samples=binary,
)
def logaddexp(x: Any, y: Any) -> Any:
    """ln(eˣ + eʸ), elementwise and broadcast, without overflow. ``logaddexp(x, 0.0)`` is the softplus."""
    return pairs.logaddexp(x, y, pairs.NATURAL)


@elementwise(
    "logaddexp2",
    x=lambda g, x, y: g * sigmoid(math.log(2) * (x - y)),
    y=lambda g, x, y: g * sigmoid(math.log(2) * (y - x)),
    vjp=lambda g, x, y, needs: pairs.logaddexp_vjp(g, x, y, needs, pairs.BINARY),
    numpy=[np.logaddexp2],
    samples=binary,
)
def logaddexp2(x: Any, y: Any) -> Any:
    """The logarithm of 2ˣ + 2ʸ to base 2, elementwise and broadcast, without overflow."""
    return pairs.logaddexp(x, y, pairs.BINARY)


@elementwise("erf", x=lambda g, x: g * TWO_BY_ROOT_PI * exp(-(x**2)), vjp=kernels.erf_vjp, samples=unary)
def erf(x: Any) -> Any:
    """2/√π ∫₀ˣ e^−t² dt, elementwise: the error function."""
    return kernels.erf(x)


@elementwise("erfc", x=lambda g, x: -g * TWO_BY_ROOT_PI * exp(-(x**2)), vjp=kernels.erfc_vjp, samples=unary)
def erfc(x: Any) -> Any:
    """1 − erf(x), elementwise, with all its digits in the tail."""
    return kernels.erfc(x)


@elementwise("σ", x=lambda g, u: g * u * (1 - u), vjp=kernels.sigmoid_vjp, samples=unary)
@planned(kernels.sigmoid.plan)
def sigmoid(x: Any) -> Any:
    """σ(x) = 1 / (1 + e⁻ˣ), elementwise: the logistic function of the slides ("Common choices for g_H").

    Examples
    --------
    >>> import autograd
    >>> autograd.sigmoid(autograd.tensor([-1000.0, 0.0, 2.0]))
    tensor([0.0000, 0.5000, 0.8808])
    """
    return kernels.sigmoid(x)


@elementwise("tanh", x=lambda g, u: g * (1 - u**2), vjp=kernels.tanh_vjp, numpy=[np.tanh], samples=unary)
@planned(kernels.tanh.plan)
def tanh(x: Any) -> Any:
    """The hyperbolic tangent, elementwise: tanh(x) = 2σ(2x) − 1 (the slides print 2σ(x) − 1; see the errata)."""
    return kernels.tanh(x)


@elementwise("ReLU", x=lambda g, x: g * np.heaviside(x, 0), vjp=kernels.relu_vjp, samples=unary)
@planned(kernels.relu.plan)
def relu(x: Any) -> Any:
    """max{0, x}, elementwise; the derivative at 0 is 0. nan stays nan, and so does its gradient."""
    return kernels.relu(x)
