"""Kernels of the activations and their gradients, one pass over memory each.

The gradients are the rules' values, computed so that they stay accurate where the rule's own formula cancels: in the
tails, where 1 − σ(x) and 1 − tanh²(x) have no correct digit left.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .jit import Array, flat, jit

TWO_BY_ROOT_PI = 2 / math.sqrt(math.pi)


def _taylor() -> Array:
    """The coefficients 2/√π e⁻¹ (−1)ⁿ Hₙ(1) / (n + 1)! of (erfc(1) − erfc(1 + d)) / d; Hₙ are Hermite's polynomials."""
    hermite = [1.0, 2.0]
    for n in range(1, 21):
        hermite.append(2 * hermite[n] - 2 * n * hermite[n - 1])
    signed = [(-1) ** n * h / math.factorial(n + 1) for n, h in enumerate(hermite)]
    return np.array(signed) * TWO_BY_ROOT_PI / math.e


ERFC_1 = math.erfc(1)
ERFC_NEAR_1 = _taylor()


def each(kernel: Callable[..., Any], *arrays: Array, numbers: tuple[float, ...] = ()) -> Array:
    """``kernel`` on the elements of ``arrays``, which have one shape; a result of that shape, and of their dtype.

    The kernel gets ``numbers`` too, behind the arrays.
    """
    out = np.empty(arrays[-1].shape, arrays[-1].dtype)
    kernel(*map(flat, arrays), *numbers, out.reshape(-1))
    return out


@jit
def _sigmoid(x, out):
    for i in range(x.size):
        e = math.exp(-abs(x[i]))  # never overflows, and keeps the tail: σ(−100) = 3.7e−44, not 0
        out[i] = (1 if x[i] >= 0 else e) / (1 + e)


@jit
def _sigmoid_vjp(g, u, x, out):
    for i in range(u.size):
        if x[i] <= 0:
            out[i] = g[i] * u[i] * (1 - u[i])
        else:
            e = math.exp(-x[i])
            out[i] = g[i] * u[i] * (e / (1 + e))  # 1 − u, with all its digits


@jit
def _tanh(x, out):
    for i in range(x.size):
        out[i] = math.tanh(x[i])


@jit
def _tanh_vjp(g, u, x, out):
    for i in range(u.size):
        if abs(u[i]) <= 0.5:
            out[i] = g[i] * (1 - u[i] * u[i])
        else:
            e = math.exp(-2 * abs(x[i]))
            out[i] = g[i] * (4 * e / ((1 + e) * (1 + e)))  # 1 − u², with all its digits


@jit
def _relu(x, out):
    for i in range(x.size):
        out[i] = 0 if x[i] <= 0 else x[i]  # nan compares false and stays


@jit
def _relu_vjp(g, x, out):
    for i in range(x.size):
        out[i] = 0 if x[i] <= 0 else (g[i] if x[i] > 0 else x[i])


@jit
def product(x, y):
    """x y, and what its rounding has lost: both factors in two parts, the products of the parts are exact."""
    c, d = 134217729.0 * x, 134217729.0 * y
    x_high, y_high = c - (c - x), d - (d - y)
    x_low, y_low = x - x_high, y - y_high
    rounded = x * y
    return rounded, ((x_high * y_high - rounded) + x_high * y_low + x_low * y_high) + x_low * y_low


@jit
def _gauss(x):
    """exp(−x²), with what the square has lost: half an ulp of x² = 700 would be 350 ulp of the result."""
    if abs(x) > 40:
        return 0.0
    square, lost = product(x, x)
    e = math.exp(-square)
    return e - e * lost


@jit
def _erf(x, out):
    for i in range(x.size):
        out[i] = math.erf(x[i])


@jit
def _erf_vjp(g, x, out):
    for i in range(x.size):
        out[i] = g[i] * (TWO_BY_ROOT_PI * _gauss(np.float64(x[i])))


@jit
def erfc_at(x):
    """1 − erf(x) of one float64."""
    d = x - 1
    if abs(d) > 0.25:
        return math.erfc(x)
    slope = 0.0  # here C libraries are up to 5 ulp off
    for n in range(ERFC_NEAR_1.size - 1, -1, -1):
        slope = slope * d + ERFC_NEAR_1[n]
    return ERFC_1 - d * slope


@jit
def _erfc(x, out):
    for i in range(x.size):
        out[i] = erfc_at(np.float64(x[i]))


def sigmoid(x: Array) -> Array:
    """σ(x), of any shape."""
    return each(_sigmoid, x)


def sigmoid_vjp(g: Array, u: Array, x: Array) -> tuple[Array]:
    """The gradient g ⊙ u ⊙ (1 − u)."""
    return (each(_sigmoid_vjp, g, u, x),)


def tanh(x: Array) -> Array:
    """tanh x, of any shape."""
    return each(_tanh, x)


def tanh_vjp(g: Array, u: Array, x: Array) -> tuple[Array]:
    """The gradient g ⊙ (1 − u²)."""
    return (each(_tanh_vjp, g, u, x),)


def relu(x: Array) -> Array:
    """max{0, x}, of any shape."""
    return each(_relu, x)


def relu_vjp(g: Array, x: Array) -> tuple[Array]:
    """The gradient g where x > 0, else 0."""
    return (each(_relu_vjp, g, x),)


def erf(x: Array) -> Array:
    """The error function, of any shape."""
    return each(_erf, x)


def erf_vjp(g: Array, x: Array) -> tuple[Array]:
    """The gradient g ⊙ 2/√π e^−x²."""
    return (each(_erf_vjp, g, x),)


def erfc(x: Array) -> Array:
    """1 − erf(x), of any shape, with all its digits in the tail."""
    return each(_erfc, x)


def erfc_vjp(g: Array, x: Array) -> tuple[Array]:
    """The gradient −g ⊙ 2/√π e^−x²."""
    return erf_vjp(-g, x)
