"""Kernels of the activations beyond the slides' first three, and of their gradients.

All compute in float64 and round once. Two things need care. In the tails e^z multiplies the error of z, so z comes with
what its rounding has lost. And GELU, SiLU and Mish have a least value, at r, around which the terms of the derivative
cancel: there it is a polynomial in d = x − r times d, with r in two parts.
"""

from __future__ import annotations

import math

import numpy as np

from .each import elementwise, gradient
from .elementwise import TWO_BY_ROOT_PI, erfc_at, product
from .jit import Array, helper

ROOT_HALF = (0.7071067811865476, -4.833646656726457e-17)
BY_ROOT_2_PI = 0.3989422804014327

# GELU's approximation is x σ(z) with z = x (SLOPE + CUBIC x²), each in two parts: √(8/π), and 0.044715 of that.
SLOPE = (1.5957691216057308, -9.96930880911092e-17)
CUBIC = (0.07135481627260025, -6.175149918155315e-19)

# Where each has its least value, in two parts.
GELU_LEAST = (-0.7517915246935645, 1.4956759177009883e-17)
TANH_LEAST = (-0.7524614220710163, 3.635560509207687e-17)
SILU_LEAST = (-1.2784645427610737, -1.0946994183093437e-16)
MISH_LEAST = (-1.1924312145154952, -4.8484829848031044e-17)

# The derivative at r + d, divided by d, for |d| ≤ 1: interpolated in Chebyshev's points with 300 bits.
TANH_NEAR_LEAST = np.array([
    0.4304000910248585, 0.3875184461357889, -0.01578285352184817, -0.11394448308095761, -0.01661932834304472,
    0.019682309459790447, 0.005261059254748061, -0.0024227318452614962, -0.0009274420210155973, 0.0002639276355781279,
    0.000124252264239808, -3.495614697079861e-05, -1.595083586024757e-05, 5.918530776546981e-06,
    2.433370009765899e-06, -9.8968589902252e-07, -4.3065253904224895e-07, 1.4130588051626017e-07,
    7.467831313240556e-08, -1.670310214560599e-08, -1.1445102471396644e-08, 1.579641758254458e-09,
    1.4076845826000363e-09, -9.512959952857827e-11, -1.037111912729133e-10,
])  # fmt: skip
SILU_NEAR_LEAST = np.array([
    0.2178117057198001, 0.1466487969969469, 0.0188748142237823, -0.015222655223188239, -0.006606589138356012,
    0.00012662741008659996, 0.0007985218818270096, 0.0001857072435446357, -4.090534225077021e-05,
    -2.97335417524471e-05, -2.9426325927477705e-06, 2.3460277384578803e-06, 8.599720465674587e-07,
    -3.050712375880901e-08, -9.26725168101844e-08, -1.8887339543519464e-08, 4.6289960068598915e-09,
    2.929645044926598e-09, 2.2638662960406668e-10, -2.347348799491236e-10, -6.830849766851094e-11,
    8.917324736565671e-12, 5.4749645645116234e-12,
])  # fmt: skip
MISH_NEAR_LEAST = np.array([
    0.2669479140495345, 0.20473126408010583, 0.04190782104360983, -0.020271822716681886, -0.01582112656173072,
    -0.003360684927096014, 0.0010924055408855053, 0.0009898181031686392, 0.0002541293645436961,
    -4.196150435299989e-05, -5.582892036437129e-05, -1.729922964576545e-05, 9.427568987860272e-07,
    2.9086869459201096e-06, 1.071614888746827e-06, 2.7167996808081036e-08, -1.4104597924274186e-07,
    -6.21676845538443e-08, -5.63954509184021e-09, 6.803149627979595e-09, 3.5342372745329386e-09,
    2.260332895158551e-10, -3.7881921004293516e-10, -8.638190884439277e-11, 9.708539607783739e-12,
])  # fmt: skip

# a Φ(−a) e^{a²/2} for a ≥ 1.5, a polynomial in (a − 5.5) / (a + 4): interpolated in Chebyshev's points for a ≥ 0.75.
TAIL = np.array([
    0.3868848171382034, 0.03825313773498422, -0.05056969844499699, 0.03978257553151132, -0.022302152330781866,
    0.00885585852786358, -0.0021205376260917943, 2.8703157880140032e-05, 0.00017645664047661973,
    -4.1798964244133726e-05, -1.1291398887718253e-05, 6.2347364466904895e-06, 7.935738475117028e-07,
    -8.49057536291397e-07, -8.79889911136367e-08, 1.2058919278232215e-07, 1.7491897007078375e-08,
    -1.7623513726918818e-08, -4.3021454505660276e-09, 2.451710521135879e-09, 9.792926577924352e-10,
    -2.7989665288706533e-10, -1.6951665439551953e-10, 1.8836289458857106e-11, 1.589234651047383e-11,
])  # fmt: skip


def _taylor() -> Array:
    """The coefficients of GELU'(r + d) / d at its zero r.

    GELU'' is φ − φ″, and the nth derivative of φ is (−1)ⁿ Heₙ φ; Heₙ are Hermite's polynomials.
    """
    r = GELU_LEAST[0]
    hermite = [1.0, r]
    for n in range(1, 31):
        hermite.append(r * hermite[n] - n * hermite[n - 1])
    density = BY_ROOT_2_PI * math.exp(-r * r / 2)
    terms = [(-1) ** n * (hermite[n] - hermite[n + 2]) / math.factorial(n + 1) for n in range(30)]
    return np.array(terms) * density


GELU_NEAR_LEAST = _taylor()


@helper
def _polynomial(coefficients, x):
    total = 0.0
    for n in range(coefficients.size - 1, -1, -1):
        total = total * x + coefficients[n]
    return total


@helper
def _times_exp(m, x, lost):
    """m e^(x + lost) for x ≤ 0 and a tiny ``lost``; right also where e^x alone has no digits left."""
    if x > -700:
        m *= math.exp(x)
        return m + m * lost
    m *= math.exp(x + 652)
    return (m + m * lost) * 6.918274648626584e-284  # e⁻⁶⁵², which is a float64 but for 2⁻⁶⁵ of it


@helper
def _distance(x, place):
    """x − place, for a place in two parts."""
    return (x - place[0]) - place[1]


# -- GELU


@helper
def _tail(a):
    return _polynomial(TAIL, (a - 5.5) / (a + 4))


@helper
def _gelu_at(x):
    if x < -1.5:
        x = max(x, -100.0)
        square, lost = product(x, x)
        return _times_exp(-_tail(-x), -0.5 * square, -0.5 * lost)
    t, lost = product(-x, ROOT_HALF[0])
    if x < 0:
        lost -= x * ROOT_HALF[1]
        return 0.5 * x * (erfc_at(t) - TWO_BY_ROOT_PI * math.exp(-t * t) * lost)
    return 0.5 * x * erfc_at(t)


@helper
def _gelu_slope(x):
    if x < -1.5:
        x = max(x, -100.0)
        square, lost = product(x, x)
        return _times_exp(x * BY_ROOT_2_PI - _tail(-x) / x, -0.5 * square, -0.5 * lost)
    if x < -0.1:
        d = _distance(x, GELU_LEAST)
        return d * _polynomial(GELU_NEAR_LEAST, d)
    if x > 100:
        return 1.0
    return 0.5 * erfc_at(-x * ROOT_HALF[0]) + x * BY_ROOT_2_PI * math.exp(-0.5 * x * x)


@helper
def _inner(x):
    """Z = x (SLOPE + CUBIC x²), what its rounding has lost, and its derivative."""
    square, square_lost = product(x, x)
    cubic, cubic_lost = product(CUBIC[0], square)
    cubic_lost += CUBIC[1] * square + CUBIC[0] * square_lost
    total = SLOPE[0] + cubic
    shift = total - SLOPE[0]
    lost = (SLOPE[0] - (total - shift)) + (cubic - shift) + cubic_lost + SLOPE[1]
    z, z_lost = product(x, total)
    return z, z_lost + x * lost, total + 2 * cubic


@helper
def _gelu_tanh_at(x):
    if x < 0:
        x = max(x, -100.0)
        z, lost, _ = _inner(x)
        e = math.exp(z)
        return _times_exp(x, z, lost - e / (1 + e))  # times σ(−z) = 1 − σ(z)
    return x / (1 + math.exp(-x * (SLOPE[0] + CUBIC[0] * x * x)))


@helper
def _gelu_tanh_slope(x):
    d = _distance(x, TANH_LEAST)
    if abs(d) <= 1:
        return d * _polynomial(TANH_NEAR_LEAST, d)
    if d < 0:
        x = max(x, -100.0)
        z, lost, rise = _inner(x)
        e = math.exp(z)
        return _times_exp(1 + (x * rise + e), z, lost - e * (2 + e) / ((1 + e) * (1 + e)))
    e = math.exp(-x * (SLOPE[0] + CUBIC[0] * x * x))
    if e == 0:
        return 1.0
    return (1 + x * (SLOPE[0] + 3 * CUBIC[0] * x * x) * (e / (1 + e))) / (1 + e)


@elementwise
def _gelu(x, out):
    for i in range(x.size):
        out[i] = _gelu_at(np.float64(x[i]))


@gradient
def _gelu_vjp(g, x, out):
    for i in range(x.size):
        out[i] = g[i] * _gelu_slope(np.float64(x[i]))


@elementwise
def _gelu_tanh(x, out):
    for i in range(x.size):
        out[i] = _gelu_tanh_at(np.float64(x[i]))


@gradient
def _gelu_tanh_vjp(g, x, out):
    for i in range(x.size):
        out[i] = g[i] * _gelu_tanh_slope(np.float64(x[i]))


def gelu(x: Array, approximate: str) -> Array:
    """x Φ(x), or its approximation by a tanh, of any shape."""
    return _gelu(x) if approximate == "none" else _gelu_tanh(x)


def gelu_vjp(g: Array, x: Array, approximate: str) -> tuple[Array]:
    """The gradient g ⊙ (Φ(x) + x φ(x)), or that of the approximation."""
    return _gelu_vjp(g, x) if approximate == "none" else _gelu_tanh_vjp(g, x)


# -- SiLU


@helper
def _silu_at(x):
    e = math.exp(-abs(x))
    if x < 0:
        x = max(x, -2000.0)
        return _times_exp(x, x, -e / (1 + e))
    return x / (1 + e)


@helper
def _silu_slope(x):
    d = _distance(x, SILU_LEAST)
    if abs(d) <= 1:
        return d * _polynomial(SILU_NEAR_LEAST, d)
    if d < 0:
        x = max(x, -2000.0)
        e = math.exp(x)
        return _times_exp(1 + x + e, x, -e * (2 + e) / ((1 + e) * (1 + e)))
    e = math.exp(-x)
    if e == 0:
        return 1.0
    return (1 + x * (e / (1 + e))) / (1 + e)


@elementwise
def silu(x, out):
    """x σ(x), of any shape."""
    for i in range(x.size):
        out[i] = _silu_at(np.float64(x[i]))


@gradient
def silu_vjp(g, x, out):
    """The gradient g ⊙ σ(x) ⊙ (1 + x (1 − σ(x)))."""
    for i in range(x.size):
        out[i] = g[i] * _silu_slope(np.float64(x[i]))


# -- Mish: tanh(ln(1 + e)) is h / (1 + h) for h = e + e²/2


@helper
def _mish_at(x):
    e = math.exp(-abs(x))
    if x < -40:
        x = max(x, -2000.0)
        return _times_exp(x, x, 0.0)
    if x < 0:
        h = e + 0.5 * e * e
        return x * h / (1 + h)
    return x * (1 + 2 * e) / (1 + 2 * e + 2 * e * e)


@helper
def _mish_slope(x):
    d = _distance(x, MISH_LEAST)
    if abs(d) <= 1:
        return d * _polynomial(MISH_NEAR_LEAST, d)
    if d < 0:
        x = max(x, -2000.0)
        e = math.exp(x)
        h = e + 0.5 * e * e
        return _times_exp((1 + x) + e * (1.5 + x + e * (1 + 0.25 * e)), x, -h * (2 + h) / ((1 + h) * (1 + h)))
    e = math.exp(-x)
    if e == 0:
        return 1.0
    bottom = 1 + 2 * e + 2 * e * e
    return (1 + 2 * e + 4 * x * e * e * (1 + e) / bottom) / bottom


@elementwise
def mish(x, out):
    """x tanh(ln(1 + eˣ)), of any shape."""
    for i in range(x.size):
        out[i] = _mish_at(np.float64(x[i]))


@gradient
def mish_vjp(g, x, out):
    """The gradient of x tanh(ln(1 + eˣ)), times g."""
    for i in range(x.size):
        out[i] = g[i] * _mish_slope(np.float64(x[i]))


# -- the exponential linear units and the softplus, whose e^(x / w) and e^(b x) are of a rounded product


@helper
def _quotient(x, width):
    """x / width, and what its rounding has lost."""
    q = x / width
    if width == 1 or abs(q) > 2000:
        return q, 0.0
    back, lost = product(q, width)
    return q, ((x - back) - lost) / width


@elementwise
def elu(x, high: float, low: float, width: float, out):
    """high · x where x > 0, elsewhere low · (e^(x / width) − 1); of any shape."""
    for i in range(x.size):
        v = np.float64(x[i])
        if v > 0:
            out[i] = high * v
        else:
            q, lost = _quotient(v, width)
            out[i] = low * (math.expm1(q) + math.exp(q) * lost)


@gradient
def elu_vjp(g, x, high: float, low: float, width: float, out):
    """The gradient of that, times g."""
    for i in range(x.size):
        v = np.float64(x[i])
        if v > 0:
            out[i] = g[i] * high
        else:
            q, lost = _quotient(v, width)
            out[i] = g[i] * _times_exp(low / width, q, lost)


@helper
def _product(x, beta):
    """beta x, and what its rounding has lost."""
    z = beta * x
    if beta == 1 or abs(z) > 2000:
        return z, 0.0
    return product(x, beta)


@elementwise
def softplus(x, beta: float, out):
    """ln(1 + e^βx) / β, of any shape."""
    for i in range(x.size):
        v = np.float64(x[i])
        z, lost = _product(v, beta)
        if z < -40:
            out[i] = _times_exp(1 / beta, z, lost)
        elif z < 0:
            e = math.exp(z)
            out[i] = math.log1p(e + e * lost) / beta
        else:
            out[i] = v + math.log1p(math.exp(-z)) / beta


@gradient
def softplus_vjp(g, x, beta: float, out):
    """The gradient g ⊙ σ(βx)."""
    for i in range(x.size):
        z, lost = _product(np.float64(x[i]), beta)
        if z < 0:
            out[i] = _times_exp(g[i], z, lost) / (1 + math.exp(z))
        else:
            out[i] = g[i] / (1 + math.exp(-z))


# -- tanhshrink


@helper
def _fraction(square):
    """F = 3 + x²/(5 + x²/(7 + …)), with which tanh x is x − x³/(F + x²); for |x| < 1."""
    total = 21.0
    for odd in range(19, 1, -2):
        total = odd + square / total
    return total


@elementwise
def tanhshrink(x, out):
    """x − tanh x, of any shape, with all its digits near 0."""
    for i in range(x.size):
        v = np.float64(x[i])
        if abs(v) < 1:
            square, lost = product(v, v)
            cube, rest = product(v, square)
            out[i] = (cube + (rest + v * lost)) / (_fraction(square) + square)
        else:
            e = math.exp(-2 * abs(v))
            out[i] = math.copysign((abs(v) - 1) + 2 * e / (1 + e), v)


@gradient
def tanhshrink_vjp(g, x, out):
    """The gradient g ⊙ tanh²(x)."""
    for i in range(x.size):
        v = np.float64(x[i])
        if abs(v) < 1:
            u = v - v * (v * v / (_fraction(v * v) + v * v))
        else:
            e = math.exp(-2 * abs(v))
            u = (1 - e) / (1 + e)
        out[i] = g[i] * (u * u)
