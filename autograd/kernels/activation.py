"""Kernels of the activations beyond the slides' first three, and of their gradients.

All compute in float64 and round once, without a branch, so that LLVM makes vector code of them; for float32 the
polynomials are shorter. Two things need care. In the tails e^z multiplies the error of z, so z comes with what its
rounding has lost, and e^z in parts. And GELU, SiLU and Mish have a least value, at r, around which the terms of the
derivative cancel: there it is a polynomial in d = x − r times d, with r in two parts. The polynomials are Chebyshev
interpolants, computed with 250 bits.
"""

from __future__ import annotations

import numpy as np

from . import functions as f
from .each import elementwise, gradient
from .functions import log1p_near, polynomial, product, raised
from .jit import Array, fused_helper, helper, wide

BY_ROOT_2_PI = 0.3989422804014327

# GELU's approximation is x σ(z) with z = x (SLOPE + CUBIC x²), each in two parts: √(8/π), and 0.044715 of that.
SLOPE = (1.5957691216057308, -9.96930880911092e-17)
CUBIC = (0.07135481627260025, -6.175149918155315e-19)

# Where each has its least value, in two parts.
GELU_LEAST = (-0.7517915246935645, 1.4956759177009883e-17)
TANH_LEAST = (-0.7524614220710163, 3.635560509207687e-17)
SILU_LEAST = (-1.2784645427610737, -1.0946994183093437e-16)
MISH_LEAST = (-1.1924312145154952, -4.8484829848031044e-17)

# The derivative at r + d, divided by d: for |d| ≤ 1, GELU's for |d| ≤ 0.752.
gelu_near_least = polynomial(
    (
        0.431493992314, 0.388284976439, -0.018199680694, -0.114008001331, -0.0147713699159, 0.0194193759774,
        0.00453771265867, -0.0022301708475, -0.000738633104647, 0.000169562850312, 7.49447960676e-05,
    ),
    (
        0.4314939923140469, 0.38828498299055203, -0.018199676398671122, -0.11400823329722719,
        -0.014771522148240696, 0.019421679838360035, 0.0045392283790119505, -0.002239538070498802,
        -0.0007448268370669212, 0.00018633976489618442, 8.61594662601535e-05, -1.121446474828662e-05,
        -7.74840549715857e-06, 4.330775016957053e-07, 5.701237321489688e-07, -1.986983735834254e-09,
        -3.52102523311177e-08, -1.0462596886972968e-09, 1.6776914423946569e-09,
    ),
)  # fmt: skip
tanh_near_least = polynomial(
    (
        0.430400091191, 0.387518446062, -0.0157828698431, -0.113944475875, -0.0166190648083, 0.0196821932334,
        0.00525944899405, -0.00242202317883, -0.000922690691218, 0.000261844801276, 0.000116863134305,
        -3.1741635408e-05, -9.88304178392e-06, 3.32374601284e-06,
    ),
    (
        0.4304000910248585, 0.3875184461357889, -0.01578285352184805, -0.11394448308095759,
        -0.016619328343050285, 0.019682309459789764, 0.005261059254851575, -0.0024227318452533257,
        -0.0009274420220104447, 0.00026392763552379484, 0.00012425226988297766, -3.49561467499975e-05,
        -1.5950856157962168e-05, 5.918530200176945e-06, 2.4334180800221895e-06, -9.896849126457762e-07,
        -4.307284966560505e-07, 1.413047797770202e-07, 7.475760192304524e-08, -1.6702330756781735e-08,
        -1.1497597363799372e-08, 1.5793335854685396e-09, 1.427652916432528e-09, -9.50760646618862e-11,
        -1.0703473740426143e-10,
    ),
)  # fmt: skip
silu_near_least = polynomial(
    (
        0.21781170572, 0.146648797235, 0.0188748144675, -0.0152226618674, -0.00660659597784, 0.000126679870931,
        0.000798576913485, 0.000185531939194, -4.10960410387e-05, -2.94561645514e-05, -2.61859322283e-06,
        2.15122955725e-06, 5.90333147407e-07,
    ),
    (
        0.2178117057198001, 0.1466487969969469, 0.018874814223781657, -0.015222655223188088,
        -0.0066065891383304135, 0.0001266274100833801, 0.0007985218814285861, 0.00018570724357623193,
        -4.0905339069687775e-05, -2.973354192309926e-05, -2.942647412328676e-06, 2.3460282930854907e-06,
        8.600150933080318e-07, -3.0508254540973076e-08, -9.27528271345398e-08, -1.8885882783897444e-08,
        4.725254712467189e-09, 2.928493744435752e-09, 1.547401919019925e-10, -2.342253864382832e-10,
        -3.817025780478777e-11, 8.820653728534347e-12,
    ),
)  # fmt: skip
mish_near_least = polynomial(
    (
        0.26694791412, 0.204731264063, 0.0419078141668, -0.0202718210636, -0.0158210151409, -0.00336071099833,
        0.00109172033697, 0.000989969936173, 0.000256171342206, -4.23715084961e-05, -5.90489586559e-05,
        -1.67642208229e-05, 3.62944812739e-06, 2.6282480946e-06,
    ),
    (
        0.2669479140495345, 0.20473126408010586, 0.04190782104361013, -0.02027182271668372,
        -0.015821126561745277, -0.003360684927048324, 0.0010924055411614551, 0.0009898181025965974,
        0.0002541293618481978, -4.19615005408431e-05, -5.5828904859285605e-05, -1.7299245166213213e-05,
        9.427004469705092e-07, 2.90872752485914e-06, 1.0717500160107294e-06, 2.709845335497254e-08,
        -1.4126152578040174e-07, -6.208998051309652e-08, -5.412642653823696e-09, 6.748634044966033e-09,
        3.3828722671120225e-09, 2.4783451297229697e-10, -3.208482896803459e-10, -9.017261985524187e-11,
    ),
)  # fmt: skip

# Φ(−a) for 0 ≤ a ≤ 1.125, of a − 0.5625; and from there on a Φ(−a) e^(a²/2), of (a − 4) / (a + 3).
normal = polynomial(
    (
        0.286887701996, -0.340567594332, 0.0957846074366, 0.0388016484271, -0.0214198660431, -0.0034104800912,
        0.00316938729771, 0.000151244252094, -0.000327405115945, 5.65026409967e-06,
    ),
    (
        0.2868877018163652, -0.34056759431983075, 0.09578463590245237, 0.038801646488267, -0.02142058752115264,
        -0.003410430877332609, 0.0031758062308269975, 0.00015080496530444747, -0.0003508684260085068,
        7.2676363849463225e-06, 3.077948572085846e-05, -2.168298796300997e-06, -2.2300576168930184e-06,
        2.4844382671580375e-07, 1.3678001260713683e-07, -1.8809252946997404e-08, -6.8304139275641265e-09,
    ),
)  # fmt: skip
normal_tail = polynomial(
    (
        0.377642565111, 0.0644824658426, -0.0764490803184, 0.0470784801816, -0.0156023194017, 0.00072838724718,
        0.00143481095878, -0.000257611752385, -0.00017349401905, 4.22431164442e-05, 2.43827195021e-05,
        -8.54922807702e-06,
    ),
    (
        0.37764256520787576, 0.06448246369418836, -0.0764490890714649, 0.04707855952444439,
        -0.015602209492812267, 0.000727535320773261, 0.0014345118345072516, -0.00025376717653792784,
        -0.00017435753787117917, 3.444902858509065e-05, 2.9067347748047004e-05, -2.4914875745422627e-06,
        -5.463116677825802e-06, -5.892637711055399e-07, 9.189157349694042e-07, 3.665607135468568e-07,
        -8.666073790171173e-08, -1.210564221442599e-07, -1.4628267881340096e-08, 3.3208688521674407e-08,
        5.340302651904475e-09, -7.04969964502403e-09, 9.59708148630061e-10,
    ),
)  # fmt: skip

# (x − tanh x) / x³ for |x| ≤ 1, of x².
shrink = polynomial(
    (
        0.333333333183, -0.133333308995, 0.0539675966915, -0.0218625753816, 0.00882625034386, -0.00347838648959,
        0.00124215749626, -0.000337689810297, 4.84671119587e-05,
    ),
    (
        0.3333333333333333, -0.1333333333333309, 0.05396825396804637, -0.02186948852912909,
        0.008863235404578283, -0.003592126679366341, 0.0014558246920964941, -0.0005899792946300052,
        0.00023895705228738225, -9.646277743313181e-05, 3.8389607893147334e-05, -1.4606131676715378e-05,
        4.987760317520347e-06, -1.3791814499083342e-06, 2.6330772232959337e-07, -2.5155023659382105e-08,
    ),
)  # fmt: skip


@helper
def _within(x, bound):
    """x, but not beyond ±bound; nan stays."""
    return -bound if x < -bound else (bound if x > bound else x)


@helper
def _distance(x, place):
    """x − place, for a place in two parts."""
    return (x - place[0]) - place[1]


# -- GELU


@helper
def _gauss(x, a):
    """a Φ(−a) e^(a²/2), and e^(−a²/2) as (e + low) small."""
    square, lost = product(x, a, a)
    e, low, small = raised(x, -0.5 * square)
    return normal_tail(x, (a - 4) / (a + 3)), e, low - e * (0.5 * lost), small


@fused_helper
def _gelu_at(x):
    v = np.float64(x)
    a = _within(abs(v), 100.0)
    q, e, low, small = _gauss(x, a)
    far = (q * e + q * low) * small
    below = normal(x, a - 0.5625)
    if a < 1.125:
        return v * (below if v < 0 else 1 - below)
    return -far if v < 0 else v - far


@fused_helper
def _gelu_slope(x):
    v = np.float64(x)
    a = _within(abs(v), 100.0)
    q, e, low, small = _gauss(x, a)
    d = _distance(-a, GELU_LEAST)
    m = q / a - a * BY_ROOT_2_PI
    below = d * gelu_near_least(x, d) if a < 1.5 else (m * e + m * low) * small
    return below if v < 0 else 1 - below


@helper
def _inner(x, y):
    """Z = y (SLOPE + CUBIC y²), what its rounding has lost, and its derivative."""
    square, square_lost = product(x, y, y)
    cubic, cubic_lost = product(x, CUBIC[0], square)
    cubic_lost += CUBIC[1] * square + CUBIC[0] * square_lost
    total = SLOPE[0] + cubic
    shift = total - SLOPE[0]
    lost = (SLOPE[0] - (total - shift)) + (cubic - shift) + cubic_lost + SLOPE[1]
    z, z_lost = product(x, y, total)
    return z, z_lost + y * lost, total + (2 * cubic + (lost + 2 * cubic_lost))


@fused_helper
def _gelu_tanh_at(x):
    v = np.float64(x)
    y = _within(v, 100.0)
    z, lost, _ = _inner(x, y)
    e, low, small = raised(x, -abs(z))
    low += e * lost
    return ((y * e + y * low) * small if v < 0 else v) / (1 + e * small)


@fused_helper
def _gelu_tanh_slope(x):
    v = np.float64(x)
    y = _within(v, 100.0)
    z, lost, rise = _inner(x, y)
    e, low, small = raised(x, -abs(z))
    low += e * lost
    d, s = _distance(v, TANH_LEAST), e * small
    m = y * rise + (1 + s)
    outer = ((m * e + m * low) * small if v < 0 else (1 + s) + y * rise * s) / (1 + s * (2 + s))
    return d * tanh_near_least(x, d) if abs(d) < 1 else outer


@elementwise
def _gelu(x, out):
    wide()
    for i in range(x.size):
        out[i] = _gelu_at(x[i])


@gradient
def _gelu_vjp(g, x, out):
    wide()
    for i in range(x.size):
        out[i] = g[i] * _gelu_slope(x[i])


@elementwise
def _gelu_tanh(x, out):
    wide()
    for i in range(x.size):
        out[i] = _gelu_tanh_at(x[i])


@gradient
def _gelu_tanh_vjp(g, x, out):
    wide()
    for i in range(x.size):
        out[i] = g[i] * _gelu_tanh_slope(x[i])


def gelu(x: Array, approximate: str) -> Array:
    """x Φ(x), or its approximation by a tanh, of any shape."""
    return _gelu(x) if approximate == "none" else _gelu_tanh(x)


def gelu_vjp(g: Array, x: Array, approximate: str) -> tuple[Array]:
    """The gradient g ⊙ (Φ(x) + x φ(x)), or that of the approximation."""
    return _gelu_vjp(g, x) if approximate == "none" else _gelu_tanh_vjp(g, x)


# -- SiLU


@fused_helper
def _silu_at(x):
    v = np.float64(x)
    y = _within(v, 2000.0)
    e, low, small = raised(x, -abs(y))
    return ((y * e + y * low) * small if v < 0 else v) / (1 + e * small)


@fused_helper
def _silu_slope(x):
    v = np.float64(x)
    y = _within(v, 2000.0)
    e, low, small = raised(x, -abs(y))
    d, s = _distance(v, SILU_LEAST), e * small
    m = (1 + y) + s
    outer = ((m * e + m * low) * small if v < 0 else (1 + s) + y * s) / (1 + s * (2 + s))
    return d * silu_near_least(x, d) if abs(d) < 1 else outer


@elementwise
def silu(x, out):
    """x σ(x), of any shape."""
    wide()
    for i in range(x.size):
        out[i] = _silu_at(x[i])


@gradient
def silu_vjp(g, x, out):
    """The gradient g ⊙ σ(x) ⊙ (1 + x (1 − σ(x)))."""
    wide()
    for i in range(x.size):
        out[i] = g[i] * _silu_slope(x[i])


# -- Mish: tanh(ln(1 + e)) is h / (1 + h) for h = e + e²/2


@fused_helper
def _mish_at(x):
    v = np.float64(x)
    y = _within(v, 2000.0)
    e, low, small = raised(x, -abs(y))
    s = e * small
    below = e + (0.5 * e * s + low)
    h = below * small if v < 0 else 2 * s + 2 * s * s
    return (y * below * small if v < 0 else v + 2 * y * (s + low)) / (1 + h)


@fused_helper
def _mish_slope(x):
    v = np.float64(x)
    y = _within(v, 2000.0)
    d = _distance(v, MISH_LEAST)
    e, low, small = raised(x, y if d < 0 else -y)
    s = e * small
    m = (1 + y) + s * (1.5 + y + s * (1 + 0.25 * s))
    h = s + 0.5 * s * s if d < 0 else 2 * s + 2 * s * s
    top = (m * e + m * low) * small if d < 0 else (1 + 2 * s) * (1 + h) + 4 * y * s * s * (1 + s)
    return d * mish_near_least(x, d) if abs(d) < 1 else top / (1 + h * (2 + h))


@elementwise
def mish(x, out):
    """x tanh(ln(1 + eˣ)), of any shape."""
    wide()
    for i in range(x.size):
        out[i] = _mish_at(x[i])


@gradient
def mish_vjp(g, x, out):
    """The gradient of x tanh(ln(1 + eˣ)), times g."""
    wide()
    for i in range(x.size):
        out[i] = g[i] * _mish_slope(x[i])


# -- the exponential linear units and the softplus, whose e^(x / w) and e^(b x) are of a rounded product


@helper
def _quotient(x, y, width):
    """Y / width, and what its rounding has lost; y = 0 where x > 0, and not so low that the product overflows."""
    q = y / width
    back, lost = product(x, q, width)
    return q, ((y - back) - lost) / width


@helper
def _lower(x, width):
    v = np.float64(x)
    return _within(0.0 if v > 0 else v, 2000 * width)


@elementwise
def elu(x, high: float, low: float, width: float, out):
    """high · x where x > 0, elsewhere low · (e^(x / width) − 1); of any shape."""
    wide()
    for i in range(x.size):
        q, lost = _quotient(x[i], _lower(x[i], width), width)
        e = f.expm1(q)
        out[i] = high * x[i] if x[i] > 0 else low * (e + (e + 1) * lost)


@gradient
def elu_vjp(g, x, high: float, low: float, width: float, out):
    """The gradient of that, times g."""
    wide()
    for i in range(x.size):
        q, lost = _quotient(x[i], _lower(x[i], width), width)
        e, rest, small = raised(x[i], q)
        out[i] = g[i] * (high if x[i] > 0 else low / width * (e + (rest + e * lost)) * small)


@helper
def _times(x, beta):
    """beta x, and what its rounding has lost."""
    return product(x, _within(np.float64(x), 2000 / beta), beta)


@elementwise
def softplus(x, beta: float, out):
    """ln(1 + e^βx) / β, of any shape."""
    wide()
    for i in range(x.size):
        v = np.float64(x[i])
        z, lost = _times(x[i], beta)
        e, low, small = raised(x[i], -abs(z))
        e += low + e * (lost if z < 0 else -lost)
        out[i] = (v if v > 0 else 0.0) + (log1p_near(x[i], e) if small == 1 else e) / beta * small


@gradient
def softplus_vjp(g, x, beta: float, out):
    """The gradient g ⊙ σ(βx)."""
    wide()
    for i in range(x.size):
        z, lost = _times(x[i], beta)
        e, low, small = raised(x[i], -abs(z))
        e += low + e * (lost if z < 0 else -lost)
        out[i] = g[i] * ((e if z < 0 else 1.0) / (1 + e * small)) * (small if z < 0 else 1.0)


# -- tanhshrink


@elementwise
def tanhshrink(x, out):
    """x − tanh x, of any shape, with all its digits near 0."""
    wide()
    for i in range(x.size):
        v = np.float64(x[i])
        e, _, small = raised(x[i], -2 * abs(v))
        e *= small
        outer = (abs(v) - 1) + 2 * e / (1 + e)
        square, lost = product(x[i], v, v)
        cube, rest = product(x[i], v, square)
        near = (cube + (rest + v * lost)) * shrink(x[i], square)
        out[i] = near if abs(v) < 1 else (-outer if v < 0 else outer)


@gradient
def tanhshrink_vjp(g, x, out):
    """The gradient g ⊙ tanh²(x)."""
    wide()
    for i in range(x.size):
        v = np.float64(x[i])
        e, _, small = raised(x[i], -2 * abs(v))
        e *= small
        square = v * v
        u = v - v * (square * shrink(x[i], square)) if abs(v) < 1 else (1 - e) / (1 + e)
        out[i] = g[i] * (u * u)
