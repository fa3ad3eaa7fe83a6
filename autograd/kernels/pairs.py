"""Kernels of functions of two arguments: what their rules would lose by overflow, underflow or rounding, is kept.

All compute in float64, where nothing of a float32 is lost. A float64 is scaled by a power of two where need be.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from . import functions as f
from .each import elementwise, gradient
from .jit import Array, helper, wide

TINY, MOST = 2.0**-1022, 1.7976931348623157e308


@helper
def _alike(x, y):
    """Both times one power of two, so that the larger one is between ½ and 1, and its exponent."""
    _, power = math.frexp(max(abs(x), abs(y)))
    return math.ldexp(x, -power), math.ldexp(y, -power), power


@gradient
def _div_vjp(g, x, y, out):
    """−g x / y²."""
    for i in range(x.size):
        a, b, c = np.float64(g[i]), np.float64(x[i]), np.float64(y[i])
        q = b / c
        p = a * q
        if (abs(q) >= TINY and TINY <= abs(p) <= MOST) or not abs(a * b) > 0 or not 0 < abs(c) <= MOST:
            out[i] = -p / c
        else:  # only the result may leave the range of floats, not what leads to it
            (r, k), (s, m), (t, n) = math.frexp(a), math.frexp(b), math.frexp(c)
            out[i] = math.ldexp(-r * s / t / t, k + m - 2 * n)


@gradient
def hypot_vjp(g, y, x, out):
    """The gradient g x / √(x² + y²); 0 at (0, 0)."""
    for i in range(x.size):
        a, b, _ = _alike(np.float64(x[i]), np.float64(y[i]))
        square = a * a + b * b
        out[i] = g[i] * (a / math.sqrt(square)) if square != 0 else 0


@gradient
def angle_vjp(g, y, x, out):
    """The gradient g x / (x² + y²)."""
    for i in range(x.size):
        a, b, power = _alike(np.float64(x[i]), np.float64(y[i]))
        out[i] = math.ldexp(g[i] * (a / (a * a + b * b)), -power)


@helper
def _gap(x, a, b, scale, scale_low):
    """(a − b) scale, and what rounding has lost of it; not so large that it would overflow."""
    d = a - b
    rest = d - a
    lost = (a - (d - rest)) - (b + rest)
    lost = lost if abs(d) < 2000 else 0.0
    d = 2000.0 if d > 2000 else (-2000.0 if d < -2000 else d)
    z, z_lost = f.product(x, d, scale)
    return z, z_lost + (lost * scale + d * scale_low)


@helper
def _raised_gap(x, z, lost):
    """e^−|z|, as a number and a small factor."""
    e, low, small = f.raised(x, -abs(z))
    return e + (low + e * (lost if z < 0 else -lost)), small


@elementwise
def _logaddexp(scale: float, scale_low: float, x, y, out):
    """ln(e^(s x) + e^(s y)) / s."""
    wide()
    for i in range(x.size):
        a, b = np.float64(x[i]), np.float64(y[i])
        z, lost = _gap(x[i], a, b, scale, scale_low)
        e, small = _raised_gap(x[i], z, lost)
        top = (a if a > b else b) + f.log1p_near(x[i], e * small) / scale
        out[i] = a if a == b and abs(a) == math.inf else top  # their difference is no number


@gradient
def _logaddexp_vjp(g, scale: float, scale_low: float, x, y, out):
    """The gradient g σ(s (x − y))."""
    wide()
    for i in range(x.size):
        z, lost = _gap(x[i], np.float64(x[i]), np.float64(y[i]), scale, scale_low)
        e, small = _raised_gap(x[i], z, lost)
        out[i] = g[i] * ((e if z < 0 else 1.0) / (1 + e * small)) * (small if z < 0 else 1.0)


NATURAL, BINARY = (1.0, 0.0), (math.log(2), 2.3190468138462996e-17)
"""The scales of logaddexp and logaddexp2, in two parts."""


def logaddexp(x: Any, y: Any, scale: tuple[float, float]) -> Array:
    """ln(e^(s x) + e^(s y)) / s, of any two shapes that broadcast."""
    if np.shape(x) != np.shape(y):
        shape = np.broadcast_shapes(np.shape(x), np.shape(y))
        x, y = _spread(np.asarray(x), shape), _spread(np.asarray(y), shape)
    return _logaddexp(*scale, x, y)


def _spread(x: Array, shape: tuple[int, ...]) -> Array:
    """``x`` in that shape; a copy where it is broadcast: NumPy's broadcasts are read-only, for Numba another type."""
    return x if x.shape == shape else np.array(np.broadcast_to(x, shape))


def of_pairs(kernel: Callable[..., Any], g: Array, *xs: Any) -> Array:
    """What ``kernel`` makes of ``g`` and arrays that broadcast to its shape; numbers count as arrays."""
    alike = [_spread(np.asarray(x, g.dtype), g.shape) for x in xs]
    out: Array = kernel(g, *alike)[0]
    return out


def logaddexp_vjp(g: Array, x: Any, y: Any, needs: Any, scale: tuple[float, float]) -> tuple[Any, Any]:
    """The gradients g ⊙ σ(s (x − y)) and g ⊙ σ(s (y − x))."""

    def kernel(g: Array, x: Array, y: Array) -> Any:
        return _logaddexp_vjp(g, *scale, x, y)

    return of_pairs(kernel, g, x, y) if needs[0] else None, of_pairs(kernel, g, y, x) if needs[1] else None


def div_vjp(g: Array, x: Any, y: Any, needs: Any) -> tuple[Any, Any]:
    """The gradients g / y and −g ⊙ x / y²."""
    return g / y if needs[0] else None, of_pairs(_div_vjp, g, x, y) if needs[1] else None


def pow_vjp(g: Array, x: Any, y: Any, needs: Any) -> tuple[Any, Any]:
    """The gradients g y x^(y − 1) and g xʸ ln x.

    y − 1 is rounded, which a large ln x multiplies, and xʸ may have lost digits to underflow that the other factor
    would bring to light; (x^(y/2))² has neither.
    """
    if not needs[1] and isinstance(y, (int, float)) and -3 <= y <= 3 and y * 8 % 1 == 0:  # y − 1 is exact
        return g * (y * x ** (y - 1)) if y else np.zeros_like(g), None
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    size = np.abs(x)
    half = np.power(size, y / 2)
    down: Any = None
    up: Any = None
    if needs[0]:
        down = y * (half / size) * half
        down = np.where(x < 0, down * np.power(np.sign(x), y - 1), down)  # nan but for whole powers
        down = np.where((x == 0) | np.isinf(x) | np.isinf(y), y * np.power(x, y - 1), down)
        down = g * np.where(y == 0, 0.0, down)
    if needs[1]:
        up = g * np.where((x == 0) & (y >= 0), 0.0, half * np.log(x) * half)
    return None if down is None else down.astype(g.dtype), None if up is None else up.astype(g.dtype)
