"""exp, log and their kin for one number, written so that LLVM computes many at once.

Numba comes without a vector maths library: a loop over ``math.exp`` calls C for every element. What stands here has
no branch, no call and no table, only arithmetic, selects and the bits of floats, so a loop over it becomes vector code,
five to ten times as fast. float32 is computed in float32. The error is below 2.5 ulp everywhere, tails and subnormals
included (tests/test_kernels.py), and nan, inf and −0 mean what they mean in NumPy.

Method: x is written as n ln 2 + r (for a logarithm as 2ⁿ m) with a small rest, for which a short polynomial suffices.
The polynomials are minimax fits (Remez' algorithm, at 60 digits).
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

import numba
import numpy as np
from numba.extending import overload

from .jit import FUSED, PLAIN, fused_helper, helper

__all__ = ["erf", "exp", "expm1", "log", "log1p", "one", "tanh"]

F, I32, I64, F64 = np.float32, np.int32, np.int64, np.float64
ONE, TWO, HALF, F_INF, F_NAN = F(1), F(2), F(0.5), F(np.inf), F(np.nan)
INF, NAN = math.inf, math.nan

LN2, LOG2E, F_LOG2E = math.log(2), 1 / math.log(2), F(1 / math.log(2))
# ln 2 in two parts, the first with so few digits that n times it is exact.
HIGH, LOW = 0.6931471803691238, 1.9082149292705877e-10
F_HIGH, F_LOW = F(0.693359375), F(math.log(2) - 0.693359375)
# Adding 1.5 · 2^52 rounds to an integer, and leaves it in the low bits.
ROUND, F_ROUND = 1.5 * 2.0**52, F(1.5 * 2.0**23)
# Below TAIL the result is computed 2^64 (or 2^128) times too large and scaled down last, so that subnormals round once.
TAIL, F_TAIL, SMALL, F_SMALL = -708.0, F(-87), 2.0**-128, F(2.0**-64)
LEAST, F_LEAST, MOST, F_MOST = -746.0, F(-104), 709.782712893384, F(88.72283)
ROOT_HALF = int(F64(math.sqrt(0.5)).view(I64))
F_ROOT_HALF = int(F(math.sqrt(0.5)).view(I32))
# e⁻⁶⁵², which is a float64 but for 2⁻⁶⁵ of it; and 2²⁷ + 1, to split a float64 in two.
SHIFTED, SPLIT = 6.918274648626584e-284, 134217729.0
NORMAL, F_NORMAL, BIG, F_BIG = 2.0**-1022, F(2.0**-126), 2.0**54, F(2.0**24)


INLINE: Any = {"error_model": "numpy", "fastmath": set(FUSED), "forceinline": True}


def by_dtype(single: Callable[..., Any], double: Callable[..., Any]) -> Callable[..., Any]:
    """A function of numbers made of two, by the dtype of the first, x; kernels call it, and so does plain Python."""
    scope = {"single": single, "double": double, "F": F, "F64": F64, "float32": numba.float32}
    rest = "".join(f", {name}" for name in list(inspect.signature(single).parameters)[1:])
    function: Callable[..., Any]
    function = eval(f"lambda x{rest}: single(x{rest}) if isinstance(x, F) else double(F64(x){rest})", scope)
    if not PLAIN:
        typed = eval(f"lambda x{rest}: single if x == float32 else double", scope)
        overload(function, jit_options=INLINE, strict=False)(typed)
    return function


def _one32(x):
    """1 in the dtype of x: to Numba float32 + 1 is float64."""
    return ONE


def _one64(x):
    return 1.0


one = by_dtype(_one32, _one64)


def _bits32(x):
    return F(x).view(I32)


def _bits64(x):
    return F64(x).view(I64)


bits = by_dtype(_bits32, _bits64)
"""The bits as an integer: for positive numbers larger if the number is, and larger than that of inf for a nan."""


least = by_dtype(lambda x: F_NORMAL, lambda x: NORMAL)
"""The least normal number of the dtype of x."""


def polynomial(short: Sequence[float], full: Sequence[float], low: float = 0.0) -> Callable[..., Any]:
    """A polynomial in a float64 y, its coefficients from the constant on: ``short`` ones where x is a float32.

    What is rounded to float32 needs no more than nine digits. ``low`` is what rounding ``full``'s constant has lost.
    """

    def written(coefficients: Sequence[float]) -> Callable[..., Any]:
        names = {f"c{k}": c for k, c in enumerate(coefficients)}
        first, *rest, text = names
        for name in reversed(rest):
            text = f"({text}) * y + {name}"
        text = f"(({text}) * y + low) + {first}" if low else f"({text}) * y + {first}"
        names["low"] = low
        function: Callable[..., Any] = eval(f"lambda x, y: {text}", names)
        return function

    return by_dtype(written(short), written(full))


def _rest32(r):
    """eʳ − 1 for |r| ≤ ln(2) / 2."""
    p = F(0.0013950639) * r + F(0.008368919)
    p = p * r + F(0.041666202)
    p = p * r + F(0.16666518)
    p = p * r + HALF
    return r + r * r * p


def _rest64(r):
    p = 2.5128165536404288e-08 * r + 2.7627706235569944e-07
    p = p * r + 2.755718967476459e-06
    p = p * r + 2.4801500992629098e-05
    p = p * r + 0.00019841269940043226
    p = p * r + 0.0013888888935082448
    p = p * r + 0.008333333333300384
    p = p * r + 0.041666666666567306
    p = p * r + 0.16666666666666702
    p = p * r + 0.5000000000000006
    return r + r * r * p


rest = by_dtype(_rest32, _rest64)


def _scaled32(y, more):
    t = y * F_LOG2E + F_ROUND
    n = t - F_ROUND
    p = ONE + rest((y - n * F_HIGH) - n * F_LOW)
    k = I32(F(t).view(I32) + more)
    return I32(F(p).view(I32) + (k << 23)).view(F)


def _scaled64(y, more):
    t = y * LOG2E + ROUND
    n = t - ROUND
    p = 1.0 + rest((y - n * HIGH) - n * LOW)
    k = I64(F64(t).view(I64) + more)
    return I64(F64(p).view(I64) + (k << 52)).view(F64)


scaled = by_dtype(_scaled32, _scaled64)
"""eʸ 2^more, if that is a normal number. For |y| ≤ REACH, and no ``more``, :func:`exp` in two thirds of the time."""

REACH = 87.0


@helper
def reach(x):
    """What to compare with the bits of |x|: more are beyond REACH, or of a nan."""
    return bits(x.dtype.type(REACH))


def _exp32(x):
    y = F_LEAST if x < F_LEAST else (F_MOST if x > F_MOST else x)
    tail = y < F_TAIL
    z = scaled(y, 64 if tail else 0) * (F_SMALL if tail else ONE)
    return F_INF if x > F_MOST else z


def _exp64(x):
    y = LEAST if x < LEAST else (MOST if x > MOST else x)
    tail = y < TAIL
    z = scaled(y, 128 if tail else 0) * (SMALL if tail else 1.0)
    return INF if x > MOST else z


exp = by_dtype(_exp32, _exp64)


SHORT_EXP = (1, 1.00000003772, 0.500000004712, 0.16666415496, 0.0416663528735, 0.00837512794728, 0.00139411103688)
short_exp = polynomial(SHORT_EXP, SHORT_EXP)


def _raised32(x, y):
    y = -700.0 if y < -700.0 else y
    t = y * LOG2E + ROUND
    p = short_exp(x, y - (t - ROUND) * LN2)
    return I64(F64(p).view(I64) + (I64(F64(t).view(I64)) << 52)).view(F64), 0.0, 1.0


def _raised64(x, y):
    below = y < -700.0
    y += 652.0 if below else 0.0
    y = TAIL if y < TAIL else y
    t = y * LOG2E + ROUND
    n = t - ROUND
    high, low = y - n * HIGH, n * LOW
    r = high - low
    q = rest(r)
    p = 1.0 + q
    lost = (q - (p - 1.0)) + ((high - r) - low)
    scale = I64((I64(F64(t).view(I64)) << 52) + (1023 << 52)).view(F64)
    return p * scale, lost * scale, (SHIFTED if below else 1.0)


raised = by_dtype(_raised32, _raised64)
"""eʸ for a float64 y, up to 700, as (e + low) small, to be rounded to the dtype of x.

``low`` is what rounding e has lost, and e has all its digits also where eʸ is subnormal.
"""


def _product32(x, y, z):
    return y * z, 0.0  # nothing that float32 could hold


def _product64(x, y, z):
    c, d = SPLIT * y, SPLIT * z
    y_high, z_high = c - (c - y), d - (d - z)
    y_low, z_low = y - y_high, z - z_high
    rounded = y * z
    return rounded, ((y_high * z_high - rounded) + y_high * z_low + y_low * z_high) + y_low * z_low


product = by_dtype(_product32, _product64)
"""y z of float64s, and what its rounding has lost, if that matters to the dtype of x."""


def _expm1_32(x):
    y = F(-30) if x < F(-30) else (F_MOST if x > F_MOST else x)
    t = y * F_LOG2E + F_ROUND
    n = t - F_ROUND
    high, low = y - n * F_HIGH, n * F_LOW
    r = high - low
    q = rest(r) + ((high - r) - low)  # with what the subtraction rounded away
    half = I32((I32(F(t).view(I32)) << 23) + (126 << 23)).view(F)  # 2ⁿ may be too large for a float, 2ⁿ⁻¹ is not
    z = TWO * (half * q + (half - HALF))
    return x if abs(x) < F(1e-8) else (F_INF if x > F_MOST else z)


def _expm1_64(x):
    y = -60.0 if x < -60.0 else (MOST if x > MOST else x)
    t = y * LOG2E + ROUND
    n = t - ROUND
    high, low = y - n * HIGH, n * LOW
    r = high - low
    q = rest(r) + ((high - r) - low)
    half = I64((I64(F64(t).view(I64)) << 52) + (1022 << 52)).view(F64)
    z = 2.0 * (half * q + (half - 0.5))
    return x if abs(x) < 1e-17 else (INF if x > MOST else z)


expm1 = by_dtype(_expm1_32, _expm1_64)


def _ln32(x, less):
    i = F(x).view(I32)
    k = I32(i - F_ROOT_HALF) >> 23
    f = I32(i - (k << 23)).view(F) - ONE  # x = 2ᵏ (1 + f), and f is exact
    p = F(0.069373064) * f - F(0.118467435)
    p = p * f + F(0.118887976)
    p = p * f - F(0.12377486)
    p = p * f + F(0.14217117)
    p = p * f - F(0.16669483)
    p = p * f + F(0.20002188)
    p = p * f - F(0.24999984)
    p = p * f + F(0.33333313)
    n = F(I32(k - less))
    return n * F_HIGH + (f + (f * f * (f * p - HALF) + n * F_LOW))


def _ln64(x, less):
    i = F64(x).view(I64)
    k = I64(i - ROOT_HALF) >> 52
    f = I64(i - (k << 52)).view(F64) - 1.0
    # With s = f / (2 + f) it is ln(1 + f) = 2 artanh s = f − f²/2 + s (f²/2 + s² p), which loses nothing near 0.
    s = f / (2.0 + f)
    w = s * s
    p = 0.14811936070983345 * w + 0.153130301959158
    p = p * w + 0.18183576430198528
    p = p * w + 0.22222199005406681
    p = p * w + 0.285714287300112
    p = p * w + 0.3999999999951718
    p = p * w + 0.666666666666671
    n = F64(k - less)
    half = 0.5 * f * f
    return n * HIGH - ((half - (s * (half + w * p) + n * LOW)) - f)


ln = by_dtype(_ln32, _ln64)
"""ln x − less ln 2 of a normal number. With no ``less`` it is :func:`log`, in two thirds of the time."""


def _log32(x):
    subnormal = x < F_NORMAL
    z = ln(F(x * (F_BIG if subnormal else ONE)), 24 if subnormal else 0)
    z = x if x == F_INF else z
    return F_NAN if not x >= 0 else (-F_INF if x == 0 else z)


def _log64(x):
    subnormal = x < NORMAL
    z = ln(x * (BIG if subnormal else 1.0), 54 if subnormal else 0)
    z = x if x == INF else z
    return NAN if not x >= 0 else (-INF if x == 0 else z)


log = by_dtype(_log32, _log64)


def _log1p32(x):
    u = ONE + x
    z = log(u) + (x - (u - ONE)) / u  # with what the addition rounded away
    return z if x > -ONE and u < F_INF and x != 0 else (x if x == 0 else log(u))


def _log1p64(x):
    u = 1.0 + x
    z = log(u) + (x - (u - 1.0)) / u
    return z if x > -1.0 and u < INF and x != 0 else (x if x == 0 else log(u))


log1p = by_dtype(_log1p32, _log1p64)


# (ln(1 + y) − y) / y² for 0 ≤ y ≤ 1.
log1p_rest = polynomial(
    (
        -0.499999794914, 0.333324975435, -0.249864964594, 0.19885820285, -0.160876230093, 0.123779958679,
        -0.0818804092358, 0.041006573694, -0.0131878265656, 0.00198669659365,
    ),
    (
        -0.4999999999999908, 0.33333333333197523, -0.24999999992009522, 0.19999999749856523,
        -0.16666661848248537, 0.14285651975275926, -0.12499427063514382, 0.11107211585299538,
        -0.09979768096586568, 0.09009095815198633, -0.08070954578430206, 0.07015296236526472,
        -0.05718978534193906, 0.041925709853904154, -0.026398779480743217, 0.013598778090617254,
        -0.0054217339910016095, 0.0015535244034334333, -0.0002827421139374107, 2.4437973948580947e-05,
    ),
)  # fmt: skip


@fused_helper
def log1p_near(x, y):
    """ln(1 + y) of a float64 0 ≤ y ≤ 1, to be rounded to the dtype of x."""
    return y + y * (y * log1p_rest(x, y))


def _tanh32(x):
    a = abs(x)
    w = a * a
    p = F(0.017241529) * w - F(0.0530455131)
    p = p * w + F(0.133258792)
    p = p * w - F(0.333331439)
    e = scaled(F(-20) if a > F(10) else -(a + a), 0)
    return F(math.copysign(a + a * (w * p) if a < HALF else (ONE - e) / (ONE + e), x))


def _tanh64(x):
    a = abs(x)
    e = expm1(2.0 * a)
    r = (e if a < 0.5 else -2.0) / (e + 2.0)
    return math.copysign(r if a < 0.5 else 1.0 + r, x)


tanh = by_dtype(_tanh32, _tanh64)


def _erf32(x):
    a = abs(x)
    w = a * a
    p = F(7.889095e-05) * w - F(0.0008020834)
    p = p * w + F(0.0051895347)
    p = p * w - F(0.026854444)
    p = p * w + F(0.112836)
    p = p * w - F(0.37612626)
    near = a + a * (p * w + F(0.12837917))
    t = TWO / (TWO + a)  # beyond 1 it is 1 − e^−x² P(t)
    p = -F(0.035622112) * t - F(0.11221672)
    p = p * t + F(0.47315922)
    p = p * t + F(0.05506044)
    p = p * t + F(0.3479761)
    p = p * t + F(0.2702676)
    p = p * t + F(0.000876203)
    far = ONE - exp(-w if w < F(20) else F(-20)) * p
    return F(math.copysign(near if a < ONE else far, x))


def _erf64(x):
    a = abs(x)
    w = a * a
    p = 5.960701739558499e-11 * w - 1.1374964774195256e-09
    p = p * w + 1.4660330858787547e-08
    p = p * w - 1.6350396504903226e-07
    p = p * w + 1.6461008500463625e-06
    p = p * w - 1.4925595773305657e-05
    p = p * w + 0.00012055331132988645
    p = p * w - 0.0008548326981425996
    p = p * w + 0.00522397762482843
    p = p * w - 0.026866170645077875
    p = p * w + 0.11283791670954885
    p = p * w - 0.3761263890318375
    near = a + a * (p * w + 0.1283791670955126)
    t = 2.0 / (2.0 + a)
    p = 0.06072563737603779 * t - 0.4404156666530431
    p = p * t + 1.42389682411458
    p = p * t - 2.661636741888583
    p = p * t + 3.1186093726420467
    p = p * t - 2.360053744595662
    p = p * t + 1.2550931141608916
    p = p * t - 0.5980859221274264
    p = p * t + 0.16410046684334212
    p = p * t + 0.044456394603208674
    p = p * t + 0.18304283129036833
    p = p * t + 0.24601616560712833
    p = p * t + 0.2821602353318087
    p = p * t + 0.28209176699414173
    p = p * t + 5.7526131389994755e-08
    far = 1.0 - exp(-w if w < 40.0 else -40.0) * p
    return math.copysign(near if a < 1.0 else far, x)


erf = by_dtype(_erf32, _erf64)
