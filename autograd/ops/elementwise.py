"""Elementwise functions of one argument: the activations of the slides, exp, log and their kin."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ..kernels import elementwise as kernels
from .record import primitive
from .samples import unary, unary_positive

__all__ = ["cos", "exp", "log", "log1p", "relu", "sigmoid", "sin", "sqrt", "tanh"]


elementwise = partial(primitive, elementwise=True)


@elementwise("exp", formula=lambda x: np.exp(x), x=lambda g, u: g * u, numpy=[np.exp], samples=unary)
def exp(x: Any) -> Any:
    """eˣ, elementwise.

    Examples
    --------
    >>> import autograd
    >>> autograd.exp(autograd.tensor([0.0, 1.0]))
    tensor([1.0000, 2.7183])
    """
    with np.errstate(over="ignore", under="ignore"):
        return np.exp(x)


@elementwise("ln", x=lambda g, x: g / x, numpy=[np.log], singular=True, samples=unary_positive)
def log(x: Any) -> Any:
    """ln x, elementwise; log(0) is −inf, and a negative number gives nan, as does its gradient."""
    with np.errstate(all="ignore"):
        return np.log(x)


@elementwise("ln(1+·)", x=lambda g, x: g / (1 + x), numpy=[np.log1p], singular=True, samples=unary_positive)
def log1p(x: Any) -> Any:
    """ln(1 + x), elementwise, accurate near 0."""
    with np.errstate(all="ignore"):
        return np.log1p(x)


@elementwise("√", x=lambda g, u: g / (2 * u), numpy=[np.sqrt], singular=True, samples=unary_positive)
def sqrt(x: Any) -> Any:
    """√x, elementwise; the derivative at 0 is inf."""
    with np.errstate(all="ignore"):
        return np.sqrt(x)


@elementwise("sin", x=lambda g, x: g * np.cos(x), numpy=[np.sin], samples=unary)
def sin(x: Any) -> Any:
    """Sine of x in radians, elementwise."""
    with np.errstate(invalid="ignore"):
        return np.sin(x)


@elementwise("cos", x=lambda g, x: -g * np.sin(x), numpy=[np.cos], samples=unary)
def cos(x: Any) -> Any:
    """Cosine of x in radians, elementwise."""
    with np.errstate(invalid="ignore"):
        return np.cos(x)


@elementwise("σ", x=lambda g, u: g * u * (1 - u), vjp=kernels.sigmoid_vjp, samples=unary)
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
def tanh(x: Any) -> Any:
    """The hyperbolic tangent, elementwise: tanh(x) = 2σ(2x) − 1 (the slides print 2σ(x) − 1; see the errata)."""
    return kernels.tanh(x)


@elementwise("ReLU", x=lambda g, x: g * np.heaviside(x, 0), vjp=kernels.relu_vjp, samples=unary)
def relu(x: Any) -> Any:
    """max{0, x}, elementwise; the derivative at 0 is 0. nan stays nan, and so does its gradient."""
    return kernels.relu(x)
