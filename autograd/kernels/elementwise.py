"""Kernels of the activations and their gradients, one pass over memory each.

The gradients are the rules' values, computed so that they stay accurate where the rule's own formula cancels: in the
tails, where 1 − σ(x) and 1 − tanh²(x) have no correct digit left.

Where a function is rarely more than a formula, the formula comes first, for all, and then what it does not hold for,
if there is any: LLVM finds the extremes of integers, and so of the bits of floats, at no cost.
"""

from __future__ import annotations

import math

import numpy as np

from . import functions as f
from .each import elementwise, gradient
from .jit import Array, fused_helper, helper, wide

TWO_BY_ROOT_PI = 2 / math.sqrt(math.pi)
# erfc(a) for 0 ≤ a ≤ 0.75, of a − 0.375; and from there on a erfc(a) e^(a²), of (a − 3) / (a + 2).
erfc_near = f.polynomial(
    (
        0.595883090565, -0.980352807313, 0.367632276655, 0.234875984891, -0.166580844294, -0.0454701298099,
        0.0500416171267, 0.00541195875352, -0.0106294219255,
    ),
    (
        0.5958830905651777, -0.9803528095459079, 0.36763230357971544, 0.23487619395371817, -0.16658338755955335,
        -0.045475350053275354, 0.050106655438553305, 0.005458894121369006, -0.011248911747476147,
        -0.0001240434654128201, 0.0020091091658543075, -0.00011667142052250733, -0.00029711032734684197,
        3.347838596633291e-05, 3.732459926124021e-05, -5.541591888285705e-06, -3.850285347230238e-06,
    ),
)  # fmt: skip
erfc_tail = f.polynomial(
    (
        0.537003453726, 0.0794218620473, -0.0885568237504, 0.0492241110671, -0.0136807476216, -0.00039732955875,
        0.00140187430573, -8.76906657708e-05, -0.000169920678813, 1.3952083254e-05, 1.97325275153e-05,
        -2.88952599188e-06,
    ),
    (
        0.5370034535441699, 0.0794218557993566, -0.08855680738961616, 0.04922429251562485,
        -0.013681007761228617, -0.0003988124776407169, 0.0014034954621041798, -8.265751017906295e-05,
        -0.0001747306490808656, 6.125979786539453e-06, 2.6641241961475542e-05, 2.3560031707975817e-06,
        -4.1365469976720624e-06, -1.2642892304763984e-06, 4.753123912913195e-07, 3.7909130653291593e-07,
        1.7726195287656983e-08, -7.966814279578358e-08, -3.2009587888558364e-08, 1.151644972541791e-08,
        1.052981669505964e-08, -1.5520983868484877e-09, -1.640606610444496e-09, 3.1983170337366207e-10,
    ),
    -4.047569040733284e-17,
)  # fmt: skip


@elementwise
def exp(x, out):
    """eˣ, of any shape."""
    wide()
    reach = most = f.reach(x)
    for i in range(x.size):
        out[i] = f.scaled(x[i], 0)
        most = max(most, f.bits(abs(x[i])))
    if most > reach:
        for i in range(x.size):
            if f.bits(abs(x[i])) > reach:
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
    low, high = f.bits(f.least(x.dtype.type(1))), f.bits(x.dtype.type(np.inf))
    smallest = largest = low
    for i in range(x.size):
        out[i] = f.ln(x[i], 0)
        smallest, largest = min(smallest, f.bits(x[i])), max(largest, f.bits(x[i]))
    if smallest < low or largest >= high:
        for i in range(x.size):
            if f.bits(x[i]) < low or f.bits(x[i]) >= high:
                out[i] = f.log(x[i])


@elementwise
def log1p(x, out):
    """ln(1 + x), of any shape, with all its digits near 0."""
    wide()
    for i in range(x.size):
        out[i] = f.log1p(x[i])


@elementwise
def sqrt(x, out):
    """√x, of any shape; NumPy's loop takes twice as long."""
    wide()
    for i in range(x.size):
        out[i] = np.sqrt(x[i])


@helper
def _sigmoid_of(x, e):
    """σ(x), with e = e^−|x|: it never overflows, and keeps the tail, σ(−100) = 3.7e−44, not 0."""
    one = f.one(x)
    return (one if x >= 0 else e) / (one + e)


@elementwise
def sigmoid(x, out):
    """σ(x), of any shape."""
    wide()
    reach = most = f.reach(x)
    for i in range(x.size):
        out[i] = _sigmoid_of(x[i], f.scaled(-abs(x[i]), 0))
        most = max(most, f.bits(abs(x[i])))
    if most > reach:
        for i in range(x.size):
            if f.bits(abs(x[i])) > reach:
                out[i] = _sigmoid_of(x[i], f.exp(-abs(x[i])))


@helper
def _sigmoid_slope(g, u, x, e):
    """The gradient g u (1 − u), 1 − u with all its digits; e = e^−|x|."""
    one = f.one(x)
    return g * u * (one - u if x <= 0 else e / (one + e))


@gradient
def sigmoid_vjp(g, u, x, out):
    """The gradient g ⊙ u ⊙ (1 − u)."""
    wide()
    reach = most = f.reach(x)
    for i in range(u.size):
        out[i] = _sigmoid_slope(g[i], u[i], x[i], f.scaled(-abs(x[i]), 0))
        most = max(most, f.bits(abs(x[i])))
    if most > reach:
        for i in range(u.size):
            if f.bits(abs(x[i])) > reach:
                out[i] = _sigmoid_slope(g[i], u[i], x[i], f.exp(-abs(x[i])))


@elementwise
def tanh(x, out):
    """tanh x, of any shape."""
    wide()
    for i in range(x.size):
        out[i] = f.tanh(x[i])


@helper
def _tanh_slope(g, u, x, e):
    """The gradient g (1 − u²), 1 − u² with all its digits; e = e^−2|x|."""
    one = f.one(x)
    near, far = one - u * u, (e + e) * (one + one) / ((one + e) * (one + e))
    return g * (near if abs(x) < one / (one + one) else far)


@gradient
def tanh_vjp(g, u, x, out):
    """The gradient g ⊙ (1 − u²)."""
    wide()
    reach = most = f.reach(x)
    for i in range(u.size):
        out[i] = _tanh_slope(g[i], u[i], x[i], f.scaled(-abs(x[i] + x[i]), 0))
        most = max(most, f.bits(abs(x[i] + x[i])))
    if most > reach:
        for i in range(u.size):
            if f.bits(abs(x[i] + x[i])) > reach:
                out[i] = _tanh_slope(g[i], u[i], x[i], f.exp(-abs(x[i] + x[i])))


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
def _gauss(x, a):
    """e^(−a²) for a ≥ 0, as (e + low) small; with what the square has lost: half an ulp of 700 would be 350 of that."""
    a = 40.0 if a > 40 else a
    square, lost = f.product(x, a, a)
    e, low, small = f.raised(x, -square)
    return e, low - e * lost, small


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
        e, low, small = _gauss(x[i], abs(np.float64(x[i])))
        out[i] = g[i] * (TWO_BY_ROOT_PI * (e + low) * small)


@fused_helper
def _erfc_at(x):
    v = np.float64(x)
    a = 40.0 if abs(v) > 40 else abs(v)
    e, low, small = _gauss(x, a)
    q = erfc_tail(x, (a - 3) / (a + 2)) / a
    high = erfc_near(x, a - 0.375) if a < 0.75 else (q * e + q * low) * small
    return 2 - high if v < 0 else high


@elementwise
def erfc(x, out):
    """1 − erf(x), of any shape, with all its digits in the tail."""
    wide()
    for i in range(x.size):
        out[i] = _erfc_at(x[i])


def erfc_vjp(g: Array, x: Array) -> tuple[Array]:
    """The gradient −g ⊙ 2/√π e^−x²."""
    return erf_vjp(-g, x)
