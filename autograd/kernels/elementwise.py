"""Kernels of the activations and their gradients, one pass over memory each.

The gradients are the rules' values, computed so that they stay accurate where the rule's own formula cancels: in the
tails, where 1 − σ(x) and 1 − tanh²(x) have no correct digit left.
"""

from __future__ import annotations

import math

import numpy as np

from . import functions as f
from .each import elementwise, gradient
from .jit import Array, helper, wide

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


@elementwise
def exp(x, out):
    """eˣ, of any shape."""
    wide()
    for i in range(x.size):
        out[i] = f.exp(x[i])


@elementwise
def expm1(x, out):
    """eˣ − 1, of any shape, with all its digits near 0."""
    wide()
    for i in range(x.size):
        out[i] = f.expm1(x[i])


@elementwise
def log(x, out):
    """ln x, of any shape."""
    wide()
    for i in range(x.size):
        out[i] = f.log(x[i])


@elementwise
def log1p(x, out):
    """ln(1 + x), of any shape, with all its digits near 0."""
    wide()
    for i in range(x.size):
        out[i] = f.log1p(x[i])


@elementwise
def _logaddexp(x, y, out):
    wide()
    for i in range(x.size):
        a, b = np.float64(x[i]), np.float64(y[i])
        z = (a if a > b else b) + f.log1p(f.exp(-abs(a - b)))
        out[i] = a if a == b and abs(a) == math.inf else z  # their difference is no number


@elementwise
def sigmoid(x, out):
    """σ(x), of any shape."""
    wide()
    for i in range(x.size):
        e, one = f.exp(-abs(x[i])), f.one(x[i])  # never overflows, and keeps the tail: σ(−100) = 3.7e−44, not 0
        out[i] = (one if x[i] >= 0 else e) / (one + e)


@gradient
def sigmoid_vjp(g, u, x, out):
    """The gradient g ⊙ u ⊙ (1 − u)."""
    wide()
    for i in range(u.size):
        e, one = f.exp(-abs(x[i])), f.one(x[i])
        out[i] = g[i] * u[i] * (one - u[i] if x[i] <= 0 else e / (one + e))  # 1 − u, with all its digits


@elementwise
def tanh(x, out):
    """tanh x, of any shape."""
    wide()
    for i in range(x.size):
        out[i] = f.tanh(x[i])


@gradient
def tanh_vjp(g, u, x, out):
    """The gradient g ⊙ (1 − u²)."""
    wide()
    for i in range(u.size):
        e, one = f.exp(-(abs(x[i]) + abs(x[i]))), f.one(x[i])
        near, far = one - u[i] * u[i], (e + e) * (one + one) / ((one + e) * (one + e))
        out[i] = g[i] * (near if abs(x[i]) < one / (one + one) else far)  # 1 − u², with all its digits


@elementwise
def relu(x, out):
    """max{0, x}, of any shape."""
    for i in range(x.size):
        out[i] = 0 if x[i] <= 0 else x[i]  # nan compares false and stays


@gradient
def relu_vjp(g, x, out):
    """The gradient g where x > 0, else 0."""
    for i in range(x.size):
        out[i] = 0 if x[i] <= 0 else (g[i] if x[i] > 0 else x[i])


@helper
def product(x, y):
    """x y, and what its rounding has lost: both factors in two parts, the products of the parts are exact."""
    c, d = 134217729.0 * x, 134217729.0 * y
    x_high, y_high = c - (c - x), d - (d - y)
    x_low, y_low = x - x_high, y - y_high
    rounded = x * y
    return rounded, ((x_high * y_high - rounded) + x_high * y_low + x_low * y_high) + x_low * y_low


@helper
def _gauss(x):
    """exp(−x²), with what the square has lost: half an ulp of x² = 700 would be 350 ulp of the result."""
    square, lost = product(x, x)
    e = f.exp(-square)
    return 0.0 if abs(x) > 40 else e - e * lost


@elementwise
def erf(x, out):
    """The error function, of any shape."""
    wide()
    for i in range(x.size):
        out[i] = f.erf(x[i])


@gradient
def erf_vjp(g, x, out):
    """The gradient g ⊙ 2/√π e^−x²."""
    wide()
    for i in range(x.size):
        out[i] = g[i] * (TWO_BY_ROOT_PI * _gauss(np.float64(x[i])))


@helper
def erfc_at(x):
    """1 − erf(x) of one float64."""
    d = x - 1
    if abs(d) > 0.25:
        return math.erfc(x)
    slope = 0.0  # here C libraries are up to 5 ulp off
    for n in range(ERFC_NEAR_1.size - 1, -1, -1):
        slope = slope * d + ERFC_NEAR_1[n]
    return ERFC_1 - d * slope


@elementwise
def erfc(x, out):
    """1 − erf(x), of any shape, with all its digits in the tail."""
    for i in range(x.size):
        out[i] = erfc_at(np.float64(x[i]))


def logaddexp(x: Array, y: Array) -> Array:
    """ln(eˣ + eʸ), of any two shapes that broadcast."""
    if np.shape(x) != np.shape(y):
        x, y = np.broadcast_arrays(x, y)
    return _logaddexp(x, y)


def erfc_vjp(g: Array, x: Array) -> tuple[Array]:
    """The gradient −g ⊙ 2/√π e^−x²."""
    return erf_vjp(-g, x)
