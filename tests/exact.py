"""The exact values: every elementwise function and loss once more, in mpmath, with derivatives and where to try it.

What is exact is the value for the very floats that go in, at 60 digits. An infinite argument stands for a number beyond
all floats, 10⁷⁰⁰, so that the exact value there is the limit; outside of the domain it is nan.

A sum whose terms cancel is measured by its largest term: the error of the terms alone, which are rounded
before they are added, is any number of ulps of what is left. ``terms`` says which sums those are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from typing import Any

import mpmath
import numpy as np

import autograd
import nn
from autograd import ops
from autograd.ops.loss import at_least

mp = mpmath.mp.clone()
mp.prec = 200
F = nn.functional
inf, nan = math.inf, math.nan
ZERO, HALF, ONE = mp.mpf(0), mp.mpf("0.5"), mp.mpf(1)
BEYOND = mp.mpf(10) ** 700
FORWARD, BACKWARD, LOSS = 2.5, 4.0, 4.0


# -- how far off


def ulps(found: Any, exact: Sequence[Any], size: Sequence[Any] | None = None) -> Any:
    """The distances of ``found`` from the ``exact`` values, in units of the last place of these (or of ``size``).

    An overflow counts as the power of two above all floats. nan agrees with nan only; None with anything.
    """
    limit = np.finfo(found.dtype)
    top = mp.mpf(2) ** limit.maxexp
    least = int(math.log2(float(limit.smallest_subnormal)))
    off = np.empty(found.size)
    for k, (a, e) in enumerate(zip(found.ravel().tolist(), exact, strict=True)):
        if e is None or (size is not None and size[k] > top):  # of terms that overflow ∞ − ∞ may be left
            off[k] = 0
            continue
        if e != e or a != a:
            off[k] = 0 if e != e and a != a else inf
            continue
        s = abs(e) if size is None or size[k] != size[k] else max(abs(e), abs(size[k]))
        power = least if s == 0 else max(min(mp.mag(s), limit.maxexp) - limit.nmant - 1, least)
        a = mp.sign(a) * top if abs(a) == inf else mp.mpf(a)
        e = mp.sign(e) * top if abs(e) > top else e
        off[k] = float(mp.ldexp(abs(a - e), -power))
    return off


# -- where to try


def floats(rng: Any, dtype: Any, n: int) -> Any:
    """Finite floats of all magnitudes and both signs, subnormal ones too."""
    kind = np.uint32 if dtype == np.float32 else np.uint64
    x = rng.integers(0, np.iinfo(kind).max, 2 * n + 8, dtype=kind, endpoint=True).view(dtype)
    return x[np.isfinite(x)][:n]


def edges(dtype: Any) -> Any:
    """What arithmetic trips over."""
    limit = np.finfo(dtype)
    some = [0, limit.smallest_subnormal, 3 * limit.smallest_subnormal, limit.tiny * 0.75, limit.tiny, limit.eps,
            limit.max / 2, limit.max, inf, 0.5, 1, 2]  # fmt: skip
    return np.array([nan, *some, *(-v for v in some)], dtype)


def near(mark: float, dtype: Any) -> Any:
    """A number, its neighbours, and what lies at ever smaller distances from it."""
    x = np.array(mark, dtype)
    beside = [x, *(np.nextafter(x, dtype(to)) for to in (-inf, inf))]
    powers = range(2, 24 if dtype == np.float32 else 53, 3)
    return np.array([*beside, *(mark + s * 2.0**-k for s in (-1, 1) for k in powers)], dtype)


Span = tuple[float, float]


@dataclass
class Case:
    """A function, its exact value, and its exact derivative with respect to each argument.

    Attributes
    ----------
    name : str
        The first word is the name that PyTorch has for it.
    exact : callable
        Of mpmath numbers.
    slopes : tuple
        The derivatives, of the same numbers; None: not looked at (the function is flat, or has none).
    spans : tuple
        For each argument, intervals within which most points lie, those for float64 only in a second tuple.
    marks : tuple
        Of the first argument: where something changes.
    ours, theirs : callable
        Of tensors; ``theirs`` of the module torch and its tensors, None where it has no such function.
    points : callable, optional
        Arguments that ``spans`` cannot describe: (rng, dtype, n) to arrays.
    terms : callable, optional
        The largest term of a sum that may cancel; one for the value and one for each slope, or a single one for all.
    smooth : bool
        A nan has the derivative nan.
    at_infinity : bool
        There is a limit.
    """

    name: str
    exact: Callable[..., Any]
    slopes: tuple[Callable[..., Any] | None, ...]
    spans: tuple[Any, ...] = ((-3.0, 3.0),)
    marks: tuple[float, ...] = ()
    ours: Callable[..., Any] = None  # type: ignore[assignment]
    theirs: Any = ""
    points: Callable[..., Any] | None = None
    terms: Any = None
    smooth: bool = True
    at_infinity: bool = True
    covers: tuple[str, ...] = field(default=())
    bound: float = FORWARD
    backward: float = BACKWARD

    def __post_init__(self) -> None:
        word = self.name.split()[0]
        self.covers = self.covers or (word,)
        if self.ours is None:
            self.ours = next(getattr(m, word) for m in (autograd, F, ops) if hasattr(m, word))
        if self.theirs == "":
            self.theirs = lambda torch, *xs: (getattr(torch, word, None) or getattr(torch.nn.functional, word))(*xs)

    def arguments(self, dtype: Any, n: int, seed: int = 0) -> tuple[Any, ...]:
        """About ``n`` points: half of all magnitudes, half within the spans; and all edges."""
        rng = np.random.default_rng(seed)
        if self.points is not None:
            return tuple(np.asarray(x, dtype) for x in self.points(rng, dtype, n))
        return self._one(rng, dtype, n) if len(self.spans) == 1 else self._pairs(rng, dtype, n)

    def _within(self, k: int, rng: Any, dtype: Any, n: int) -> Any:
        span = self.spans[k]
        low, high = span[dtype == np.float64] if isinstance(span[0], tuple) else span
        x = rng.uniform(low, high, n)
        x[: n // 4] *= 10.0 ** -rng.uniform(0, 9, n // 4)  # and near 0
        return x.astype(dtype)

    def _one(self, rng: Any, dtype: Any, n: int) -> tuple[Any, ...]:
        marked = [near(mark, dtype) for mark in self.marks]
        x = np.concatenate([edges(dtype), *marked, floats(rng, dtype, n // 2), self._within(0, rng, dtype, n // 2)])
        return (x if self.at_infinity else x[~np.isinf(x)],)

    def _pairs(self, rng: Any, dtype: Any, n: int) -> tuple[Any, ...]:
        """Also pairs of about the same size, of all magnitudes; and nan at each place."""
        count, third = len(self.spans), n // 3
        wild = [floats(rng, dtype, third) for _ in self.spans]
        alike = floats(rng, dtype, third)
        with np.errstate(all="ignore"):
            factors = rng.uniform(0.3, 3, (count - 1, third)) * rng.choice([-1, 1], (count - 1, third))
            beside = [(alike * factor).astype(dtype) for factor in factors]
        rest = [self._within(k, rng, dtype, third) for k in range(count)]
        parts = [list(x) for x in zip(wild, [alike, *beside], rest, strict=True)]
        some = edges(dtype)
        some = some[~np.isinf(some)]
        for k in range(count):
            parts[k].append(rng.permuted(np.resize(some, 40)))
            parts[k].append(np.array([nan if j == k else 1 for j in range(count)]))
        columns = [np.concatenate(x).astype(dtype) for x in parts]
        fine = np.logical_and.reduce([~np.isinf(x) for x in columns])
        return tuple(x[fine] for x in columns)

    def expected(self, columns: Sequence[Any]) -> tuple[list[list[Any]], list[list[Any] | None]]:
        """The exact value and slopes at the points, each with the size that errors are measured by."""
        functions = (self.exact, *self.slopes)
        terms = self.terms if isinstance(self.terms, tuple) else (self.terms,) * len(functions)
        rows = [tuple(map(_exact, point)) for point in zip(*(x.tolist() for x in columns), strict=True)]
        values = [[_call(f, row) for row in rows] for f in functions if f is not None]
        sizes = [
            None if t is None else [_call(t, row) for row in rows]
            for f, t in zip(functions, terms, strict=True)
            if f is not None
        ]
        unknown = nan if self.smooth else None  # the derivative where there is no value
        for slope in values[1:]:
            slope[:] = [unknown if v != v else s for v, s in zip(values[0], slope, strict=True)]
        return values, sizes

    def run(self, columns: Sequence[Any]) -> list[Any]:
        """Our value and gradients there."""
        xs = [autograd.tensor(x, requires_grad=s is not None) for x, s in zip(columns, self.slopes, strict=True)]
        y = self.ours(*xs)
        if any(s is not None for s in self.slopes):
            y.backward(autograd.ones(y.shape, dtype=y.dtype))
        return [y.detach().numpy(), *(x.grad.numpy() for x in xs if x.requires_grad)]

    def errors(self, columns: Sequence[Any], found: Sequence[Any], expected: Any) -> list[Any]:
        """The distances in ulp of the value and of each gradient, at each point."""
        values, sizes = expected
        return [ulps(*three) for three in zip(found, values, sizes, strict=True)]

    @property
    def directions(self) -> list[str]:
        """What :meth:`errors` has rows for."""
        count = len(self.slopes)
        return ["value", *("gradient" if count == 1 else f"gradient {k + 1}" for k, s in enumerate(self.slopes) if s)]


def _exact(v: float) -> Any:
    return nan if v != v else math.copysign(1, v) * BEYOND if abs(v) == inf else mp.mpf(v)


def _call(f: Callable[..., Any], row: tuple[Any, ...]) -> Any:
    if any(v != v for v in row):
        return nan
    y = f(*row)
    return y if y is None else nan if isinstance(y, mp.mpc) else mp.mpf(y)


# -- functions of one argument

ROOT_PI, LN2, LN10 = mp.sqrt(mp.pi), mp.log(2), mp.log(10)
LAMBDA, ALPHA = mp.mpf("1.0507009873554804934193349852946"), mp.mpf("1.6732632423543772848170429916717")
EXP, DOUBLE_EXP = (-104.0, 89.0), (-746.0, 710.0)
UP_TO_1 = (-1.0, 1.0)


def sigmoid(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x))


def softplus(x: Any, beta: Any = 1) -> Any:
    x = x * mp.mpf(beta)
    return (mp.log1p(mp.exp(x)) if x < 0 else x + mp.log1p(mp.exp(-x))) / mp.mpf(beta)


def square(x: Any) -> Any:
    return x * x


def zero(*xs: Any) -> Any:
    return ZERO


def one(*xs: Any) -> Any:
    return ONE


def domain(condition: Callable[..., bool], f: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *xs: f(*xs) if condition(*xs) else nan


def log_at(f: Callable[..., Any], pole: float) -> Callable[..., Any]:
    """``f``, a logarithm, with −∞ at its ``pole`` and nothing below."""
    return lambda x: -mp.inf if x == pole else mp.inf if x == BEYOND else f(x) if x > pole else nan


def infinite_at(f: Callable[..., Any], *poles: float, sign: int = 1) -> Callable[..., Any]:
    return lambda x: sign * mp.inf if x in poles else f(x)


def tanh_z(x: Any) -> Any:
    return mp.sqrt(8 / mp.pi) * (x + mp.mpf("0.044715") * x**3)


def gelu_tanh_slope(x: Any) -> Any:
    if abs(x) > 1000:
        return ONE if x > 0 else ZERO
    s, rise = sigmoid(tanh_z(x)), mp.sqrt(8 / mp.pi) * (1 + 3 * mp.mpf("0.044715") * x**2)
    return s + x * s * sigmoid(-tanh_z(x)) * rise


def gelu_slope(x: Any) -> Any:
    if abs(x) > 1000:
        return ONE if x > 0 else ZERO
    return mp.erfc(-x / mp.sqrt(2)) / 2 + x * mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)


def gated(f: Callable[..., Any]) -> Callable[..., Any]:
    """``f`` of what is not so large that e^x would be a number of many thousand digits."""
    return lambda x: ZERO if x < -10**4 else x if x > 10**4 else f(x)


def gated_slope(f: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x: ZERO if x < -10**4 else ONE if x > 10**4 else f(x)


def mish(x: Any) -> Any:
    n = mp.exp(x) * (mp.exp(x) + 2)
    return x * n / (n + 2)


def mish_slope(x: Any) -> Any:
    e = mp.exp(x)
    n = e * (e + 2)
    return n / (n + 2) + 4 * x * e * (e + 1) / (n + 2) ** 2


def elu(alpha: Any, width: Any = 1, scale: Any = 1) -> tuple[Callable[..., Any], tuple[Callable[..., Any]]]:
    """The function and its derivative."""
    alpha, width, scale = map(mp.mpf, (alpha, width, scale))
    return (
        lambda x: scale * (x if x > 0 else alpha * mp.expm1(x / width)),
        (lambda x: scale * (ONE if x > 0 else alpha / width * mp.exp(x / width)),),
    )


def tanhshrink(x: Any) -> Any:
    return x - mp.tanh(x) if abs(x) > 1e-10 else x**3 / 3 - 2 * x**5 / 15 + 17 * x**7 / 315


def sech2(x: Any) -> Any:
    e = mp.exp(-2 * abs(x))
    return 4 * e / (1 + e) ** 2


def flat(name: str, exact: Callable[..., Any], **options: Any) -> Case:
    options.setdefault("spans", ((-9.0, 9.0),))
    return Case(name, exact, (zero,), smooth=False, **options)


def hard(low: float, high: float) -> tuple[Callable[..., Any], tuple[Callable[..., Any]]]:
    return lambda x: min(max(x, mp.mpf(low)), mp.mpf(high)), (lambda x: ONE if low < x < high else ZERO,)


def one_of(name: str, exact: Any, slope: Any, *spans: Any, **options: Any) -> Case:
    return Case(name, exact, (slope,), *([(spans if len(spans) == 2 else spans[0],)] if spans else []), **options)


UNARY = [
    one_of("neg", lambda x: -x, lambda x: -ONE, smooth=False),
    one_of("abs", abs, mp.sign),
    one_of("positive", lambda x: x, one, smooth=False),
    flat("sign", mp.sign),
    flat("floor", mp.floor, marks=(1, 2, -3, 2.0**23)), flat("ceil", mp.ceil, marks=(1, 2, -3, 2.0**23)),
    flat("trunc", lambda x: mp.floor(x) if x >= 0 else mp.ceil(x), marks=(1, 2, -3)),
    flat("round", lambda x: x if abs(x) > 2**60 else mp.nint(x),
         marks=(0.5, 1.5, -2.5)),
    one_of("frac", lambda x: x - (mp.floor(x) if x >= 0 else mp.ceil(x)), one, (-9.0, 9.0), at_infinity=False,
           smooth=False),
    one_of("clamp", lambda x: min(max(x, -HALF), mp.mpf(2)), lambda x: ONE if -0.5 <= x <= 2 else ZERO, smooth=False,
           marks=(-0.5, 2), ours=lambda x: autograd.clamp(x, -0.5, 2.0), theirs=lambda t, x: t.clamp(x, -0.5, 2.0)),
    one_of("clamp_min", lambda x: max(x, HALF), lambda x: ONE if x >= 0.5 else ZERO, smooth=False, marks=(0.5,),
           ours=lambda x: autograd.clamp_min(x, 0.5), theirs=lambda t, x: t.clamp_min(x, 0.5)),
    one_of("clamp_max", lambda x: min(x, HALF), lambda x: ONE if x <= 0.5 else ZERO, smooth=False, marks=(0.5,),
           ours=lambda x: autograd.clamp_max(x, 0.5), theirs=lambda t, x: t.clamp_max(x, 0.5)),
    one_of("at_least", lambda x: max(x, HALF), lambda x: ONE if x >= 0.5 else ZERO, smooth=False, marks=(0.5,),
           ours=lambda x: at_least(x, 0.5), theirs=None),
    one_of("nan_to_num", lambda x: x, one, at_infinity=False, points=lambda rng, dtype, n: (floats(rng, dtype, n),)),
    one_of("guard", lambda x: ZERO if x > 1 else x, lambda x: ZERO if x > 1 else ONE, smooth=False,
           ours=lambda x: ops.guard(x > 1, x), theirs=None),
    one_of("inside", domain(lambda x: x > 1, lambda x: x), one, ours=lambda x: ops.inside(x > 1, x), theirs=None),
    one_of("exp", mp.exp, mp.exp, EXP, DOUBLE_EXP),
    one_of("exp2", lambda x: mp.mpf(2) ** x if abs(x) < 1e6 else mp.exp(x * LN2),
           lambda x: LN2 * mp.exp(x * LN2), (-150.0, 128.0), (-1075.0, 1024.0)),
    one_of("expm1", mp.expm1, mp.exp, EXP, DOUBLE_EXP),
    one_of("log", log_at(mp.log, 0), infinite_at(lambda x: 1 / x, 0), (0.0, 4.0), marks=(1, 0.5, 2)),
    one_of("log2", log_at(lambda x: mp.log(x) / LN2, 0), infinite_at(lambda x: 1 / x / LN2, 0), (0.0, 4.0),
           marks=(1, 0.5, 8)),
    one_of("log10", log_at(lambda x: mp.log(x) / LN10, 0), infinite_at(lambda x: 1 / x / LN10, 0), (0.0, 4.0),
           marks=(1, 0.1, 1000, 2e-39, 4e-309)),  # where 1 / x is infinite, but not 1 / (x ln 10)
    one_of("log1p", log_at(mp.log1p, -1), infinite_at(lambda x: 1 / (1 + x), -1), (-1.0, 3.0), marks=(-1, 1)),
    one_of("sqrt", mp.sqrt, infinite_at(lambda x: 1 / (2 * mp.sqrt(x)), 0), (0.0, 4.0), marks=(1,)),
    one_of("rsqrt", domain(lambda x: x >= 0, infinite_at(lambda x: 1 / mp.sqrt(x), 0)),
           infinite_at(lambda x: -1 / (2 * x * mp.sqrt(x)), 0, sign=-1), (0.0, 4.0)),
    one_of("reciprocal", lambda x: 1 / x, lambda x: -1 / x**2, (-4.0, 4.0),
           points=lambda rng, dtype, n: (nonzero(rng, dtype, n),)),
    one_of("square", square, lambda x: 2 * x),
    one_of("sin", mp.sin, mp.cos, (-100.0, 100.0), marks=(math.pi, math.pi / 2), at_infinity=False),
    one_of("cos", mp.cos, lambda x: -mp.sin(x), (-100.0, 100.0), marks=(math.pi, math.pi / 2), at_infinity=False),
    one_of("tan", mp.tan, lambda x: 1 + mp.tan(x) ** 2, (-100.0, 100.0), marks=(math.pi, math.pi / 2),
           at_infinity=False),
    one_of("asin", mp.asin, domain(lambda x: abs(x) <= 1, infinite_at(lambda x: 1 / mp.sqrt(1 - x**2), -1, 1)), UP_TO_1,
           marks=(-1, 1, 0.5)),
    one_of("acos", mp.acos,
           domain(lambda x: abs(x) <= 1, infinite_at(lambda x: -1 / mp.sqrt(1 - x**2), -1, 1, sign=-1)), UP_TO_1,
           marks=(-1, 1, 0.5)),
    one_of("atan", mp.atan, lambda x: 1 / (1 + x**2), (-20.0, 20.0), marks=(1,)),
    one_of("sinh", mp.sinh, mp.cosh, (-90.0, 90.0), (-711.0, 711.0)),
    one_of("cosh", mp.cosh, mp.sinh, (-90.0, 90.0), (-711.0, 711.0)),
    one_of("tanh", mp.tanh, sech2, (-52.0, 52.0), (-373.0, 373.0), marks=(0.5,)),
    one_of("asinh", lambda x: x if abs(x) == BEYOND else mp.asinh(x), lambda x: 1 / mp.sqrt(1 + x**2), (-9.0, 9.0)),
    one_of("acosh", domain(lambda x: x >= 1, lambda x: x if x == BEYOND else mp.acosh(x)),
           domain(lambda x: x >= 1, infinite_at(lambda x: 1 / mp.sqrt(x**2 - 1), 1)), (1.0, 9.0), marks=(1,)),
    one_of("atanh", lambda x: mp.sign(x) * mp.inf if abs(x) == 1 else mp.atanh(x) if abs(x) < 1 else nan,
           infinite_at(lambda x: 1 / (1 - x**2), -1, 1), UP_TO_1, marks=(-1, 1, 0.5)),
    one_of("logit", lambda x: -mp.inf if x == 0 else mp.inf if x == 1 else mp.log(x / (1 - x)) if 0 < x < 1 else nan,
           infinite_at(lambda x: 1 / (x * (1 - x)), 0, 1), (0.0, 1.0), marks=(0, 0.5, 1, 0.25, 0.75)),
    one_of("erf", mp.erf, lambda x: 2 / ROOT_PI * mp.exp(-(x**2)), (-11.0, 11.0), (-28.0, 28.0), marks=(1,)),
    one_of("erfc", lambda x: mp.erfc(x) if abs(x) < 1000 else 1 - mp.sign(x), lambda x: -2 / ROOT_PI * mp.exp(-(x**2)),
           (-11.0, 11.0), (-28.0, 28.0), marks=(0.75,)),
    one_of("deg2rad", lambda x: x * mp.pi / 180, lambda x: mp.pi / 180, (-720.0, 720.0), smooth=False),
    one_of("rad2deg", lambda x: x * 180 / mp.pi, lambda x: 180 / mp.pi, (-7.0, 7.0), smooth=False),
    one_of("sigmoid", sigmoid, lambda x: sech2(x / 2) / 4, (-104.0, 104.0), (-746.0, 746.0)),
    one_of("relu", lambda x: max(x, ZERO), lambda x: ONE if x > 0 else ZERO),
    one_of("relu6", *(f[0] if isinstance(f, tuple) else f for f in hard(0, 6)), (-9.0, 9.0), marks=(6,), smooth=False),
    one_of("hardtanh", *(f[0] if isinstance(f, tuple) else f for f in hard(-1, 1)), marks=(-1, 1), smooth=False),
    one_of("hardsigmoid", lambda x: ZERO if x <= -3 else (x + 3) / 6 if x < 3 else ONE,
           lambda x: ONE / 6 if -3 < x < 3 else ZERO, (-4.0, 4.0), marks=(-3, 3), smooth=False),
    one_of("hardswish", lambda x: ZERO if x <= -3 else x * (x + 3) / 6 if x < 3 else x,
           lambda x: ZERO if x <= -3 else (2 * x + 3) / 6 if x < 3 else ONE, (-4.0, 4.0), marks=(-3, -1.5, 3),
           smooth=False),
    one_of("hardshrink", lambda x: ZERO if abs(x) <= 0.5 else x, lambda x: ZERO if abs(x) <= 0.5 else ONE,
           marks=(-0.5, 0.5), smooth=False),
    one_of("softshrink", lambda x: ZERO if abs(x) <= 0.5 else x - HALF * mp.sign(x),
           lambda x: ZERO if abs(x) <= 0.5 else ONE, marks=(-0.5, 0.5), smooth=False, at_infinity=False),
    one_of("threshold", lambda x: mp.mpf(7) if x <= 1 else x, lambda x: ZERO if x <= 1 else ONE, marks=(1,),
           smooth=False, ours=lambda x: F.threshold(x, 1.0, 7.0),
           theirs=lambda t, x: t.nn.functional.threshold(x, 1.0, 7.0)),
    one_of("leaky_relu", lambda x: x if x > 0 else x / 100, lambda x: ONE if x > 0 else ONE / 100, smooth=False,
           ours=F.leaky_relu, theirs=lambda t, x: t.nn.functional.leaky_relu(x)),
    Case("elu", *elu(1), (((-104.0, 9.0), (-746.0, 9.0)),)),
    Case("elu 1.7", *elu(1.7), (((-104.0, 9.0), (-746.0, 9.0)),), ours=lambda x: F.elu(x, 1.7),
         theirs=lambda t, x: t.nn.functional.elu(x, 1.7)),
    Case("celu 1.7", *elu(1.7, 1.7), (((-177.0, 9.0), (-1270.0, 9.0)),), ours=lambda x: F.celu(x, 1.7),
         theirs=lambda t, x: t.nn.functional.celu(x, 1.7)),
    Case("selu", *elu(ALPHA, scale=LAMBDA), (((-104.0, 9.0), (-746.0, 9.0)),)),
    one_of("gelu", gated(lambda x: x * mp.erfc(-x / mp.sqrt(2)) / 2), gelu_slope, (-14.3, 6.0), (-38.7, 9.0),
           marks=(-0.7517915246935645, -1.125)),
    one_of("gelu tanh", gated(lambda x: x * sigmoid(tanh_z(x))), gelu_tanh_slope, (-10.3, 6.0), (-21.7, 9.0),
           marks=(-0.7524614220710163,), ours=lambda x: F.gelu(x, "tanh"),
           theirs=lambda t, x: t.nn.functional.gelu(x, approximate="tanh")),
    one_of("silu", gated(lambda x: x * sigmoid(x)), gated_slope(lambda x: sigmoid(x) * (1 + x * sigmoid(-x))),
           (-108.0, 20.0), (-752.0, 40.0), marks=(-1.2784645427610737,)),
    one_of("mish", gated(mish), gated_slope(mish_slope), (-108.0, 20.0), (-752.0, 40.0), marks=(-1.1924312145154952,)),
    one_of("softplus", softplus, sigmoid, (-104.0, 20.0), (-746.0, 40.0)),
    one_of("softplus 3.3", lambda x: softplus(x, 3.3), lambda x: sigmoid(mp.mpf(3.3) * x), (-32.0, 9.0), (-226.0, 9.0),
           ours=lambda x: F.softplus(x, 3.3), theirs=lambda t, x: t.nn.functional.softplus(x, 3.3)),
    one_of("softplus 0.1", lambda x: softplus(x, 0.1), lambda x: sigmoid(mp.mpf(0.1) * x), (-1040.0, 90.0),
           (-7460.0, 90.0), ours=lambda x: F.softplus(x, 0.1), theirs=lambda t, x: t.nn.functional.softplus(x, 0.1)),
    one_of("logsigmoid", lambda x: -softplus(-x), lambda x: sigmoid(-x), (-20.0, 104.0), (-40.0, 746.0)),
    one_of("softsign", lambda x: x / (1 + abs(x)), lambda x: 1 / (1 + abs(x)) ** 2, (-9.0, 9.0)),
    one_of("tanhshrink", tanhshrink, lambda x: mp.tanh(x) ** 2, (-9.0, 9.0), (-19.0, 19.0), marks=(1,)),
]  # fmt: skip


def nonzero(rng: Any, dtype: Any, n: int) -> Any:
    x = np.concatenate([edges(dtype), floats(rng, dtype, n)])
    return x[x != 0]


# -- functions of several arguments


def quotient(x: Any, y: Any, whole: Callable[[Fraction], int]) -> int:
    """x / y made ``whole``, exactly."""
    return whole(_fraction(x) / _fraction(y))


def _fraction(x: Any) -> Fraction:
    sign, mantissa, power, _ = x._mpf_
    return Fraction((-1) ** sign * int(mantissa)) * Fraction(2) ** power


def rest(whole: Callable[[Fraction], int]) -> Callable[..., Any]:
    def exact(x: Any, y: Any) -> Any:
        if y == 0:
            return nan
        r = _fraction(x) - _fraction(y) * quotient(x, y, whole)
        return mp.mpf(r.numerator) / r.denominator

    return exact


def no_jump(whole: Callable[[Fraction], int]) -> Callable[..., Any]:
    """Minus the whole quotient."""
    return lambda x, y: nan if y == 0 else mp.mpf(-quotient(x, y, whole))


def softer(x: Any, y: Any) -> Any:
    """ln(eˣ + eʸ)."""
    return max(x, y) + mp.log1p(mp.exp(-abs(x - y)))


def power(x: Any, y: Any) -> Any:
    if x < 0:
        if y != mp.floor(y):
            return nan
        return (-1) ** int(mp.fmod(y, 2)) * power(-x, y)
    if x == 0:
        return ONE if y == 0 else ZERO if y > 0 else nan
    return mp.exp(y * mp.log(x))


def power_in_x(x: Any, y: Any) -> Any:
    if x == 0 and y != 0:
        return ZERO if y > 1 else ONE if y == 1 else mp.inf
    return ZERO if y == 0 else y * power(x, y) / x


def power_in_y(x: Any, y: Any) -> Any:
    return ZERO if x == 0 and y >= 0 else nan if x <= 0 else power(x, y) * mp.log(x)


def powers(rng: Any, dtype: Any, n: int) -> tuple[Any, ...]:
    """Bases of all magnitudes, to powers that do not overflow much."""
    third = n // 3
    x = np.abs(floats(rng, dtype, third))
    x = x[x > 0]
    top = 1.05 * math.log(np.finfo(dtype).max)
    y = rng.uniform(-1, 1, x.size) * top / np.maximum(np.abs(np.log(x.astype("f8"))), 1e-3)
    base = rng.uniform(0.5, 2, third)
    high = rng.uniform(-1, 1, third) * top / np.abs(np.log(base))
    small = rng.choice([-1, 1], third) * 10.0 ** rng.uniform(-3, 3, third)
    whole = rng.choice([-3, -2, -1, 0, 1, 2, 3, 4, 7], third)
    usual = np.abs(rng.normal(size=third)), rng.choice([0.5, -0.5, 2, 3, 1 / 3, 1e-9, 1, 1.5], third)
    return np.concatenate([x, base, small, usual[0], [2, 0, 0, 0, 1, nan]]), np.concatenate(
        [y, high, whole, usual[1], [3, 2, 1, 0.5, 0, 2]]
    )


def hypotenuse(x: Any, y: Any) -> Any:
    return mp.sqrt(x * x + y * y)


def ratio(top: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, y: ZERO if x == y == 0 else top(x, y) / hypotenuse(x, y)


def angle(top: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, y: nan if x == y == 0 else top(x, y) / (x * x + y * y)


def largest(*terms: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *xs: max(abs(t(*xs)) for t in terms)


def first(x: Any, y: Any = 0, *more: Any) -> Any:
    return x


def second(x: Any, y: Any, *more: Any) -> Any:
    return y


def without(*bad: str) -> Callable[..., Any]:
    """Points for two arguments without nan, or without a zero in the second."""

    def points(rng: Any, dtype: Any, n: int) -> tuple[Any, ...]:
        x, y = Case("add", zero, (zero, zero), ((-9.0, 9.0),) * 2)._pairs(rng, dtype, n)
        fine = np.ones(x.size, bool)
        if "nan" in bad:
            fine &= ~(np.isnan(x) | np.isnan(y))
        if "zero" in bad:
            fine &= y != 0
        return x[fine], y[fine]

    return points


def way(rng: Any, dtype: Any, n: int) -> tuple[Any, ...]:
    """Two numbers, whose difference is one, and a weight."""
    x, y = without("nan")(rng, dtype, n)
    return x / 2, y / 2, rng.uniform(-1, 2, x.size)


def quotients(rng: Any, dtype: Any, n: int) -> tuple[Any, ...]:
    """Three arguments, the last one not 0."""
    y, z = without("zero", "nan")(rng, dtype, n)
    return np.resize(rng.permuted(y), z.size), y, z


def multiples(rng: Any, dtype: Any, n: int) -> tuple[Any, ...]:
    """Also numbers next to a multiple of the divisor, where a rounded quotient is another integer."""
    x, y = without("zero")(rng, dtype, n // 2)
    divisor = rng.uniform(0.01, 9, n // 2).astype(dtype) * rng.choice([-1, 1], n // 2).astype(dtype)
    multiple = divisor * rng.integers(1, 99, n // 2).astype(dtype)
    multiple = np.nextafter(multiple, rng.choice([0, 1], n // 2).astype(dtype) * 1000 * multiple)
    return np.concatenate([x, multiple]), np.concatenate([y, divisor])


def tails(rng: Any, dtype: Any, n: int) -> tuple[Any, ...]:
    """Small numbers over smaller ones, with a quotient that is subnormal, too."""
    x, y = (np.abs(floats(rng, dtype, n))[: n - 9] for _ in range(2))
    least = np.finfo(dtype).smallest_subnormal
    return x * dtype(2.0 ** (-60 if dtype == np.float32 else -800)), np.minimum(y, 1) + least


def two_of(name: str, exact: Any, slopes: Any, low: float = -9.0, high: float = 9.0, **options: Any) -> Case:
    return Case(name, exact, slopes, ((low, high),) * len(slopes), **options)


def tied(larger: Callable[..., bool], k: int, share: Any = HALF) -> Callable[..., Any]:
    def slope(*xs: Any) -> Any:
        x, y = xs if k == 0 else xs[::-1]
        return share if x == y else ONE if larger(x, y) else ZERO

    return slope


def more(x: Any, y: Any) -> bool:
    return bool(x > y)


def less(x: Any, y: Any) -> bool:
    return bool(x < y)


def gumbel(x: Any, y: Any) -> Any:
    return softer(x * LN2, y * LN2) / LN2


BINARY = [
    two_of("add", lambda x, y: x + y, (one, one), smooth=False),
    two_of("sub", lambda x, y: x - y, (one, lambda x, y: -ONE), smooth=False),
    two_of("mul", lambda x, y: x * y, (second, first), smooth=False),
    two_of("div", lambda x, y: x / y, (lambda x, y: 1 / y, lambda x, y: -x / y**2), points=without("zero", "nan")),
    two_of("add alpha", lambda x, y: x + 3 * y, (one, lambda x, y: mp.mpf(3)), smooth=False,
           terms=(largest(first, lambda x, y: 3 * y), None, None), ours=lambda x, y: autograd.add(x, y, alpha=3),
           theirs=lambda t, x, y: t.add(x, y, alpha=3)),
    two_of("sub alpha", lambda x, y: x - 3 * y, (one, lambda x, y: -mp.mpf(3)), smooth=False,
           terms=(largest(first, lambda x, y: 3 * y), None, None), ours=lambda x, y: autograd.sub(x, y, alpha=3),
           theirs=lambda t, x, y: t.sub(x, y, alpha=3)),
    two_of("maximum", max, (tied(more, 0), tied(more, 1)), smooth=False),
    two_of("minimum", min, (tied(less, 0), tied(less, 1)), smooth=False),
    two_of("fmax", max, (tied(more, 0, ONE), tied(more, 1, ZERO)), points=without("nan")),
    two_of("fmin", min, (tied(less, 0, ONE), tied(less, 1, ZERO)), points=without("nan")),
    two_of("where", lambda x, y: x if x > 1 else y, (lambda x, y: ONE if x > 1 else ZERO,
           lambda x, y: ZERO if x > 1 else ONE), points=without("nan"), ours=lambda x, y: autograd.where(x > 1, x, y),
           theirs=lambda t, x, y: t.where(x > 1, x, y)),
    two_of("heaviside", lambda x, y: ONE if x > 0 else ZERO if x < 0 else y, (zero, zero), points=without("nan"),
           theirs=None),
    two_of("div tails", lambda x, y: x / y, (lambda x, y: 1 / y, lambda x, y: -x / y**2), ours=ops.div,
           theirs=lambda t, x, y: x / y, points=tails),
    two_of("hypot", hypotenuse, (ratio(first), ratio(second))),
    two_of("atan2", lambda x, y: mp.atan2(x, y), (angle(second), angle(lambda x, y: -x)), points=without("zero")),
    two_of("logaddexp", softer, (lambda x, y: sigmoid(x - y), lambda x, y: sigmoid(y - x)), -100.0, 100.0,
           terms=(largest(max, lambda x, y: mp.log1p(mp.exp(-abs(x - y)))), None, None)),
    two_of("logaddexp2", gumbel, (lambda x, y: sigmoid((x - y) * LN2), lambda x, y: sigmoid((y - x) * LN2)), -100.0,
           100.0, terms=(largest(max, lambda x, y: mp.log1p(mp.exp(-abs(x - y) * LN2)) / LN2), None, None)),
    two_of("xlogy", lambda x, y: ZERO if x == 0 and y <= 0 else nan if y < 0 else -mp.sign(x) * mp.inf if y == 0
           else x * mp.log(y), (lambda x, y: ZERO if x == 0 and y <= 0 else -mp.inf if y == 0 else mp.log(y),
           lambda x, y: ZERO if x == 0 and y <= 0 else mp.sign(x) * mp.inf if y == 0 else x / y),
           points=without("nan")),
    two_of("pow", power, (power_in_x, power_in_y), points=powers),
    two_of("float_power", power, (power_in_x, power_in_y), theirs=None,
           points=lambda rng, dtype, n: tuple(x[:-6] for x in powers(rng, np.float32, n))),
    two_of("fmod", rest(math.trunc), (one, no_jump(math.trunc)), smooth=False, points=multiples),
    two_of("remainder", rest(math.floor), (one, no_jump(math.floor)), smooth=False, points=multiples),
    two_of("floor_divide", lambda x, y: -no_jump(math.floor)(x, y), (zero, zero), smooth=False, points=multiples),
    two_of("lerp", lambda x, y, w: x + w * (y - x), (lambda x, y, w: 1 - w, lambda x, y, w: w, lambda x, y, w: y - x),
           smooth=False, terms=(largest(first, lambda x, y, w: w * (y - x)), None, None, None), points=way),
    two_of("addcmul", lambda x, y, z: x + 3 * y * z, (one, lambda x, y, z: 3 * z, lambda x, y, z: 3 * y), smooth=False,
           terms=(largest(first, lambda x, y, z: 3 * y * z), None, None, None),
           ours=lambda *xs: autograd.addcmul(*xs, value=3), theirs=lambda t, *xs: t.addcmul(*xs, value=3)),
    two_of("addcdiv", lambda x, y, z: x + 3 * y / z, (one, lambda x, y, z: 3 / z, lambda x, y, z: -3 * y / z**2),
           0.5, 9.0, smooth=False, terms=(largest(first, lambda x, y, z: 3 * y / z), None, None, None),
           points=quotients,
           ours=lambda *xs: autograd.addcdiv(*xs, value=3), theirs=lambda t, *xs: t.addcdiv(*xs, value=3)),
    two_of("prelu", lambda x, w: x if x > 0 else w * x, (lambda x, w: ONE if x > 0 else w,
           lambda x, w: ZERO if x > 0 else x), points=without("nan"), ours=ops.leaky_relu, theirs=None),
]  # fmt: skip


# -- losses


class Rows(Case):
    """A function of rows: of scores and a label, say. Its exact value and slopes take a list for each row."""

    def expected(self, columns: Sequence[Any]) -> tuple[list[list[Any]], list[list[Any] | None]]:
        """As for a case; all elements of a gradient in one list."""
        count = len(columns[0])
        points = [
            tuple([*map(_exact, x[k].tolist())] if x[k].ndim else x[k].item() for x in columns) for k in range(count)
        ]

        def of_all(f: Any, nan_too: bool) -> Any:
            out: list[Any] = []
            for point in points:
                found = f(*point)
                out += found if isinstance(found, list) else [found]
            return out

        slopes = [s for s in self.slopes if s is not None]
        terms = self.terms or (None,) * (1 + len(slopes))
        return (
            [of_all(f, True) for f in (self.exact, *slopes)],
            [None if t is None else of_all(t, False) for t in terms],
        )


def loss(name: str, exact: Any, slopes: Any, **options: Any) -> Case:
    word = name.split()[0]
    if "ours" not in options:
        options["ours"] = partial(getattr(F, word), reduction="none")
    options.setdefault("theirs", lambda t, *xs: getattr(t.nn.functional, word)(*xs, reduction="none"))
    kind = options.pop("kind", Case)
    options.setdefault("spans", ((-9.0, 9.0),) * len(slopes))
    options.setdefault("bound", LOSS)
    return kind(name, exact, slopes, **options)


def unit(soft: bool) -> Callable[..., Any]:
    """Probabilities of all magnitudes up to 1 and targets in [0, 1]; ``soft`` ones too."""

    def points(rng: Any, dtype: Any, n: int) -> tuple[Any, ...]:
        p = np.concatenate([
            rng.uniform(0, 1, n // 4), np.abs(floats(rng, dtype, 2 * n)), 1 - 10.0 ** -rng.uniform(0, 17, n // 4),
            [0, 1, 0, 1],
        ]).astype(dtype)  # fmt: skip
        p = p[p <= 1]
        y = rng.choice([0, 1, 0.3, 0.999] if soft else [0, 1], p.size)
        return p, y

    return points


def scores(rng: Any, dtype: Any, n: int) -> tuple[Any, ...]:
    """Scores of all magnitudes, and targets in [0, 1]."""
    wide = 104 if dtype == np.float32 else 746
    some = rng.uniform(-wide, wide, n // 2), rng.normal(size=n // 4), floats(rng, dtype, n // 4)
    z = np.concatenate([*some, [0, -0.0, 1000, -1000]])
    return z.astype(dtype), rng.choice([0, 1, 0, 1, 0.3, 0.999, 1e-6], z.size)


def signs(rng: Any, dtype: Any, n: int) -> tuple[Any, ...]:
    z, _ = scores(rng, dtype, n)
    return z, rng.choice([-1, 1], z.size)


def logits(x: Any, y: Any) -> Any:
    y = mp.mpf(y)
    return max(x, ZERO) - x * y + mp.log1p(mp.exp(-abs(x)))


def logit_slope(x: Any, y: Any) -> Any:
    return (1 - y) * sigmoid(x) - y * sigmoid(-x)


def capped(p: Any) -> Any:
    return max(mp.log(p), mp.mpf(-100)) if p > 0 else mp.mpf(-100)


def capped_rest(p: Any) -> Any:
    return max(mp.log1p(-p), mp.mpf(-100)) if p < 1 else mp.mpf(-100)


def positive(rng: Any, dtype: Any, n: int) -> tuple[Any, ...]:
    """Two arguments of either sign and a positive one, above gaussian_nll's eps."""
    x, y = without("nan")(rng, dtype, n)
    x, y = x / 2, y / 2  # their difference is to be a number
    return x, y, np.maximum(np.abs(rng.permutation(floats(rng, dtype, x.size + 50)))[: x.size], 1e-5)


def likely(rng: Any, dtype: Any, n: int) -> tuple[Any, ...]:
    """Logarithms of probabilities, and probabilities."""
    x, _ = unit(True)(rng, dtype, n)
    least = math.log(np.finfo(dtype).tiny)  # below, the rounding of a subnormal probability is multiplied
    return np.maximum(-np.abs(rng.normal(size=x.size)) * 10.0 ** rng.uniform(-3, 3, x.size), least), rng.permutation(x)


def both_likely(rng: Any, dtype: Any, n: int) -> tuple[Any, ...]:
    x, _ = likely(rng, dtype, n)
    return x, rng.permutation(x)


def rates(rng: Any, dtype: Any, n: int) -> tuple[Any, ...]:
    """Positive rates, and counts."""
    x = np.abs(floats(rng, dtype, n))
    return np.where(rng.random(x.size) < 0.5, x, rng.uniform(0, 9, x.size)), rng.integers(0, 20, x.size)


def counts(rng: Any, dtype: Any, n: int) -> tuple[Any, ...]:
    x, _ = Case("add", zero, (zero, zero), (EXP, EXP))._pairs(rng, dtype, n)
    x = x[~np.isnan(x)]
    return x, rng.integers(0, 20, x.size)


def ranks(rng: Any, dtype: Any, n: int) -> tuple[Any, ...]:
    x, y = without("nan")(rng, dtype, n)
    return x, y, rng.choice([-1, 1], x.size)


def hinge(sign: int) -> Callable[..., Any]:
    """The slope of margin_ranking_loss; none so close to the corner that rounding decides."""

    def slope(a: Any, b: Any, y: Any) -> Any:
        gap = HALF - y * (a - b)
        return None if abs(gap) < 1e-6 * max(HALF, abs(a - b)) else sign * y if gap > 0 else ZERO

    return slope


def stirling(x: Any, t: Any) -> Any:
    return t * mp.log(t) - t + mp.log(2 * mp.pi * t) / 2 if t > 1 else ZERO


def huber(delta: float) -> tuple[Any, Any]:
    d = mp.mpf(delta)

    def value(x: Any, y: Any) -> Any:
        a = abs(x - y)
        return a * a / 2 if a <= d else d * (a - d / 2)

    return value, lambda x, y: max(min(x - y, d), -d)


def smooth(beta: float) -> tuple[Any, Any]:
    b = mp.mpf(beta)

    def value(x: Any, y: Any) -> Any:
        a = abs(x - y)
        return a * a / (2 * b) if a < b else a - b / 2

    return value, lambda x, y: (x - y) / b if abs(x - y) < b else mp.sign(x - y)


def minus(f: Any) -> Any:
    return lambda *xs: -f(*xs)


EPS = mp.mpf(1e-8)
ELEMENTWISE_LOSSES = [
    loss("mse_loss", lambda x, y: (x - y) ** 2, (lambda x, y: 2 * (x - y), lambda x, y: 2 * (y - x))),
    loss("l1_loss", lambda x, y: abs(x - y), (lambda x, y: mp.sign(x - y), lambda x, y: mp.sign(y - x))),
    loss("smooth_l1_loss", smooth(1)[0], (smooth(1)[1], minus(smooth(1)[1]))),
    loss("smooth_l1_loss beta", smooth(0.3)[0], (smooth(0.3)[1], minus(smooth(0.3)[1])),
         ours=partial(F.smooth_l1_loss, reduction="none", beta=0.3),
         theirs=lambda t, x, y: t.nn.functional.smooth_l1_loss(x, y, reduction="none", beta=0.3)),
    loss("huber_loss", huber(1)[0], (huber(1)[1], minus(huber(1)[1]))),
    loss("huber_loss delta", huber(2.7)[0], (huber(2.7)[1], minus(huber(2.7)[1])),
         ours=partial(F.huber_loss, reduction="none", delta=2.7),
         theirs=lambda t, x, y: t.nn.functional.huber_loss(x, y, reduction="none", delta=2.7)),
    loss("poisson_nll_loss", lambda x, t: mp.exp(x) - t * x, (lambda x, t: mp.exp(x) - t, lambda x, t: -x),
         points=counts, terms=(largest(lambda x, t: mp.exp(x), lambda x, t: t * x),
                               largest(lambda x, t: mp.exp(x), second), None)),
    loss("poisson_nll_loss rates", lambda x, t: x - t * mp.log(x + EPS),
         (lambda x, t: 1 - t / (x + EPS), lambda x, t: -mp.log(x + EPS)), points=rates,
         terms=(largest(first, second, lambda x, t: t * mp.log(x + EPS)),
                largest(one, lambda x, t: t / (x + EPS)), largest(one, lambda x, t: mp.log(x + EPS))),
         ours=partial(F.poisson_nll_loss, log_input=False, reduction="none"),
         theirs=lambda t, x, y: t.nn.functional.poisson_nll_loss(x, y, log_input=False, reduction="none")),
    loss("poisson_nll_loss full", lambda x, t: mp.exp(x) - t * x + stirling(x, t),
         (lambda x, t: mp.exp(x) - t, lambda x, t: -x + (mp.log(t) + 1 / (2 * t) if t > 1 else 0)), points=counts,
         terms=(largest(lambda x, t: mp.exp(x), lambda x, t: t * x, lambda x, t: t * mp.log(max(t, 1))),
                largest(lambda x, t: mp.exp(x), second), largest(first, lambda x, t: mp.log(max(t, 2)), one)),
         ours=partial(F.poisson_nll_loss, full=True, reduction="none"),
         theirs=lambda t, x, y: t.nn.functional.poisson_nll_loss(x, y, full=True, reduction="none")),
    loss("gaussian_nll_loss", lambda x, y, v: (mp.log(v) + (x - y) ** 2 / v) / 2,
         (lambda x, y, v: (x - y) / v, lambda x, y, v: (y - x) / v, lambda x, y, v: (1 / v - (x - y) ** 2 / v**2) / 2),
         points=positive, terms=(largest(lambda x, y, v: mp.log(v) / 2, lambda x, y, v: (x - y) ** 2 / v / 2), None,
                                 None, largest(lambda x, y, v: 1 / v / 2, lambda x, y, v: (x - y) ** 2 / v**2 / 2))),
    loss("binary_cross_entropy", lambda p, y: -(y * capped(p) + (1 - y) * capped_rest(p)),
         (lambda p, y: (p - y) / max(p * (1 - p), mp.mpf(1e-12)), lambda p, y: capped_rest(p) - capped(p)),
         points=unit(True), terms=(None, None, largest(lambda p, y: capped(p), lambda p, y: capped_rest(p))),
         covers=("binary_cross_entropy", "bce")),
    loss("binary_cross_entropy_with_logits", logits, (logit_slope, lambda x, y: -x), points=scores,
         terms=(None, largest(lambda x, y: y * sigmoid(-x), lambda x, y: (1 - y) * sigmoid(x)), None),
         covers=("binary_cross_entropy_with_logits", "bce_with_logits")),
    loss("binary_cross_entropy_with_logits pos_weight",
         lambda x, y: 3 * y * softplus(-x) + (1 - y) * softplus(x),
         (lambda x, y: (1 - y) * sigmoid(x) - 3 * y * sigmoid(-x), None), points=scores,
         terms=(None, largest(lambda x, y: 3 * y * sigmoid(-x), lambda x, y: (1 - y) * sigmoid(x)), None),
         ours=lambda x, y: F.binary_cross_entropy_with_logits(
             x, y, reduction="none", pos_weight=autograd.tensor(3.0, dtype=x.dtype)),
         theirs=lambda t, x, y: t.nn.functional.binary_cross_entropy_with_logits(
             x, y, reduction="none", pos_weight=t.tensor(3.0, dtype=x.dtype))),
    loss("soft_margin_loss", lambda x, y: softplus(-y * x), (lambda x, y: -y * sigmoid(-y * x), None), points=signs),
    loss("hinge_embedding_loss", lambda x, y: x if y == 1 else max(1 - x, ZERO),
         (lambda x, y: ONE if y == 1 else -ONE if x <= 1 else ZERO, None), points=signs),
    loss("margin_ranking_loss", lambda a, b, y: max(HALF - y * (a - b), ZERO),
         (hinge(-1), hinge(1), None),
         points=ranks,
         terms=(largest(lambda a, b, y: HALF, lambda a, b, y: a - b), None, None, None),
         ours=partial(F.margin_ranking_loss, margin=0.5, reduction="none"),
         theirs=lambda t, *xs: t.nn.functional.margin_ranking_loss(*xs, margin=0.5, reduction="none")),
    loss("kl_div", lambda x, t: (t * mp.log(t) if t > 0 else ZERO) - t * x,
         (lambda x, t: -t, lambda x, t: mp.log(t) + 1 - x if t > 0 else None), points=likely,
         terms=(largest(lambda x, t: t * mp.log(max(t, mp.mpf(1e-400))), lambda x, t: t * x), None,
                largest(lambda x, t: mp.log(t) if t > 0 else ZERO, one, first)), smooth=False),
    loss("kl_div log_target", lambda x, t: mp.exp(t) * (t - x),
         (lambda x, t: -mp.exp(t), lambda x, t: mp.exp(t) * (t - x + 1)),
         points=both_likely, terms=(None, None, lambda x, t: mp.exp(t) * max(abs(t - x), ONE)),
         ours=partial(F.kl_div, log_target=True, reduction="none"),
         theirs=lambda t, *xs: t.nn.functional.kl_div(*xs, log_target=True, reduction="none")),
]  # fmt: skip


def table(rng: Any, dtype: Any, n: int) -> tuple[Any, ...]:
    """Scores of five classes and a label: close ones, far ones, and those of a label that is almost certain."""
    n //= 4
    close = rng.normal(size=(n // 2, 5))
    z = np.concatenate([close, rng.normal(size=close.shape) * 10, rng.uniform(-60, 60, close.shape)])
    label = rng.integers(0, 5, len(z))
    sure = rng.random(len(z)) < 0.5
    z[sure, label[sure]] += 10.0 ** rng.uniform(0, 2, sure.sum())
    special = [[1000, 0, 0, 0, -1000], [0, 0, 0, 0, 0], [3, 3, -1e30, 2, 1]]
    return np.concatenate([z, special]), np.append(label, [4, 0, 1])


def mild(rng: Any, dtype: Any, n: int) -> tuple[Any, ...]:
    """The same without subnormal probabilities, whose rounding a weight would multiply."""
    z, label = table(rng, dtype, n)
    return 0.4 * z[:-3], label[:-3]


def scored(rng: Any, dtype: Any, n: int) -> tuple[Any, ...]:
    """Scores and the probability of each class."""
    z, _ = table(rng, dtype, n)
    q = rng.dirichlet(np.ones(5), len(z))
    q[::3] = np.eye(5)[rng.integers(0, 5, len(q[::3]))]
    return z, q


def spread_out(z: Any) -> tuple[Any, list[Any]]:
    """The largest score, and e^(z − that)."""
    top = max(z)
    return top, [mp.exp(v - top) for v in z]


def log_likelihood(z: Any, k: int) -> Any:
    """ln softmax(z)_k, with all digits where it is small."""
    return -mp.log1p(mp.fsum(mp.exp(v - z[k]) for j, v in enumerate(z) if j != k))


def softmax_less(z: Any, y: int) -> list[Any]:
    """softmax(z) − onehot(y)."""
    _, e = spread_out(z)
    total = mp.fsum(e)
    return [(-mp.fsum(v for j, v in enumerate(e) if j != y) if k == y else e[k]) / total for k in range(len(z))]


WEIGHTS = (0.5, 2.0, 1.0, 0.25, 3.0)
SMOOTHING = mp.mpf(0.1)


def of_labels(y: int) -> list[Any]:
    return [SMOOTHING / 5 + (1 - SMOOTHING) * (k == y) for k in range(5)]


def against(z: Any, q: Any) -> Any:
    return -mp.fsum(p * log_likelihood(z, k) for k, p in enumerate(q) if p)


def against_slope(z: Any, q: Any) -> list[Any]:
    """Σ_j q_j (softmax(z) − onehot(j))."""
    each = [softmax_less(z, j) for j in range(len(z))]
    return [mp.fsum(q[j] * each[j][k] for j in range(len(z))) for k in range(len(z))]


def against_terms(z: Any, q: Any) -> list[Any]:
    _, e = spread_out(z)
    return [max(p, mp.fsum(q) * v / mp.fsum(e)) for p, v in zip(q, e, strict=True)]


# softmax and GLU are neither elementwise nor losses: their gradients multiply two values, each with its error.
PRODUCT: dict[str, Any] = {"bound": LOSS, "backward": 6.0}


def rows(name: str, exact: Any, slopes: Any, **options: Any) -> Case:
    return loss(name, exact, slopes, kind=Rows, **options)


def shortfall(power: int) -> tuple[Any, Any]:
    """multi_margin_loss."""

    def gaps(z: Any, y: Any) -> list[Any]:
        y = int(y)
        return [ZERO if k == y else max(1 - z[y] + v, ZERO) for k, v in enumerate(z)]

    def slope(z: Any, y: int) -> list[Any]:
        each = [g / 5 * 2 if power == 2 else mp.mpf(g > 0) / 5 for g in gaps(z, y)]
        each[int(y)] = -mp.fsum(each)
        return each

    return lambda z, y: mp.fsum(g**power for g in gaps(z, y)) / 5, slope


def margin_terms(power: int) -> tuple[Any, ...]:
    def size(z: Any, y: int) -> Any:
        return max(ONE, *map(abs, z)) ** power * (1 if power == 1 else 2)

    return size, lambda z, y: [size(z, y) if power == 2 else ONE] * 5


def length(a: Any) -> Any:
    """That of a vector, with PyTorch's 10⁻¹² in it: a vector of zeros has the cosine 0."""
    return mp.sqrt(mp.fdot(a, a) + mp.mpf(1e-12))


def cosine(a: Any, b: Any) -> Any:
    return mp.fdot(a, b) / (length(a) * length(b))


def vectors(rng: Any, dtype: Any, n: int) -> tuple[Any, ...]:
    a, b = rng.normal(size=(2, n // 4, 3)) * 10.0 ** rng.uniform(-2, 4, (2, n // 4, 1))
    b[::3] = a[::3] * 2.5 + rng.normal(size=a[::3].shape) * 1e-3
    return a, b, rng.choice([-1, 1], len(a))


def cosine_slope(a: Any, b: Any, y: int) -> list[Any]:
    c, size = cosine(a, b), length(a)
    sign = -1 if y == 1 else 1 if c > 0 else 0
    return [sign * (v / length(b) - c * u / size) / size for u, v in zip(a, b, strict=True)]


def mirrored(z: Any) -> list[Any]:
    return [-v for v in z]


def gates(rng: Any, dtype: Any, n: int) -> tuple[Any, ...]:
    """Numbers up to 4, and their gates: a larger number times a subnormal σ multiplies its rounding."""
    z, _ = scores(rng, dtype, n)
    return (np.stack([0.005 * z, z], 1),)


def labelled(f: Any, **options: Any) -> Any:
    """``f`` of our tensors or PyTorch's, the labels made integers."""
    return lambda z, y: f(z, y.long(), **options)


def weighted(f: Any, make: Any) -> Any:
    return lambda z, y: f(z, y.long(), weight=make(WEIGHTS, dtype=z.dtype), reduction="none")


ROWS = [
    rows("cross_entropy", lambda z, y: -log_likelihood(z, int(y)), (lambda z, y: softmax_less(z, int(y)), None),
         points=table, ours=labelled(F.cross_entropy, reduction="none"),
         theirs=lambda t, z, y: t.nn.functional.cross_entropy(z, y.long(), reduction="none")),
    rows("cross_entropy weight", lambda z, y: -log_likelihood(z, int(y)) * WEIGHTS[int(y)],
         (lambda z, y: [v * WEIGHTS[int(y)] for v in softmax_less(z, int(y))], None), points=mild,
         ours=weighted(F.cross_entropy, autograd.tensor),
         theirs=lambda t, z, y: weighted(t.nn.functional.cross_entropy, t.tensor)(z, y)),
    rows("cross_entropy smoothed", lambda z, y: against(z, of_labels(int(y))),
         (lambda z, y: against_slope(z, of_labels(int(y))), None), points=table,
         terms=(None, lambda z, y: against_terms(z, of_labels(int(y)))),
         ours=labelled(F.cross_entropy, reduction="none", label_smoothing=0.1),
         theirs=lambda t, z, y: t.nn.functional.cross_entropy(z, y.long(), reduction="none", label_smoothing=0.1)),
    rows("cross_entropy probabilities", against, (against_slope, None), points=scored, terms=(None, against_terms),
         ours=partial(F.cross_entropy, reduction="none")),
    rows("nll_loss", lambda z, y: -z[int(y)], (lambda z, y: [-ONE * (k == y) for k in range(5)], None), points=table,
         ours=labelled(F.nll_loss, reduction="none"),
         theirs=lambda t, z, y: t.nn.functional.nll_loss(z, y.long(), reduction="none")),
    *(rows(f"multi_margin_loss {p}", *([f, (g, None)] for f, g in [shortfall(p)]).__next__(), points=table,
           terms=margin_terms(p), ours=labelled(F.multi_margin_loss, reduction="none", p=p),
           theirs=lambda t, z, y, p=p: t.nn.functional.multi_margin_loss(z, y.long(), reduction="none", p=p))
      for p in (1, 2)),
    rows("cosine_embedding_loss", lambda a, b, y: 1 - cosine(a, b) if y == 1 else max(cosine(a, b), ZERO),
         (cosine_slope, None, None), points=vectors,
         terms=(lambda a, b, y: ONE, lambda a, b, y: [1 / length(a)] * 3)),
    rows("softmax", **PRODUCT, exact=lambda z, y: mp.exp(log_likelihood(z, int(y))),
         slopes=(lambda z, y: [-v * mp.exp(log_likelihood(z, int(y))) for v in softmax_less(z, int(y))], None),
         points=table, terms=(None, lambda z, y: [v / mp.fsum(spread_out(z)[1]) for v in spread_out(z)[1]]),
         ours=lambda z, y: F.softmax(z, 1).gather(1, y.long().unsqueeze(1)).squeeze(1),
         theirs=lambda t, z, y: t.softmax(z, 1).gather(1, y.long().unsqueeze(1)).squeeze(1)),
    rows("softmin", **PRODUCT, exact=lambda z, y: mp.exp(log_likelihood(mirrored(z), int(y))),
         slopes=(lambda z, y: [v * mp.exp(log_likelihood(mirrored(z), int(y)))
                               for v in softmax_less(mirrored(z), int(y))], None),
         points=table, terms=(None, lambda z, y: [mp.exp(-v) / mp.fsum(mp.exp(-u) for u in z) for v in z]),
         ours=lambda z, y: F.softmin(z, 1).gather(1, y.long().unsqueeze(1)).squeeze(1),
         theirs=lambda t, z, y: t.nn.functional.softmin(z, 1).gather(1, y.long().unsqueeze(1)).squeeze(1)),
    rows("log_softmax", bound=FORWARD, exact=lambda z, y: log_likelihood(z, int(y)),
         slopes=(lambda z, y: [-v for v in softmax_less(z, int(y))], None), points=table,
         ours=lambda z, y: F.log_softmax(z, 1).gather(1, y.long().unsqueeze(1)).squeeze(1),
         theirs=lambda t, z, y: t.log_softmax(z, 1).gather(1, y.long().unsqueeze(1)).squeeze(1)),
    rows("logsumexp", bound=FORWARD, exact=lambda z: spread_out(z)[0] + mp.log(mp.fsum(spread_out(z)[1])),
         slopes=(lambda z: [v / mp.fsum(spread_out(z)[1]) for v in spread_out(z)[1]],),
         points=lambda rng, dtype, n: table(rng, dtype, n)[:1],
         terms=(lambda z: max(abs(max(z)), mp.log(mp.fsum(spread_out(z)[1]))), None),
         ours=lambda z: autograd.logsumexp(z, 1), theirs=lambda t, z: t.logsumexp(z, 1)),
    rows("glu", **PRODUCT, exact=lambda z: z[0] * sigmoid(z[1]),
         slopes=(lambda z: [sigmoid(z[1]), z[0] * sech2(z[1] / 2) / 4],), points=gates,
         ours=lambda z: F.glu(z, 1).squeeze(1), theirs=lambda t, z: t.nn.functional.glu(z, 1).squeeze(1)),
]  # fmt: skip

CASES = {case.name: case for case in (*UNARY, *BINARY, *ELEMENTWISE_LOSSES, *ROWS)}
assert len(CASES) == len(UNARY) + len(BINARY) + len(ELEMENTWISE_LOSSES) + len(ROWS), "two cases of one name"

# -- what is true or false, or of integers: PyTorch's name, and the same in plain Python

TRUTHS: dict[str, Callable[..., Any]] = {
    "eq": lambda x, y: x == y, "ne": lambda x, y: x != y, "lt": lambda x, y: x < y, "le": lambda x, y: x <= y,
    "gt": lambda x, y: x > y, "ge": lambda x, y: x >= y, "logical_and": lambda x, y: bool(x) and bool(y),
    "logical_or": lambda x, y: bool(x) or bool(y), "logical_xor": lambda x, y: bool(x) != bool(y),
    "logical_not": lambda x: not x, "isnan": lambda x: x != x, "isinf": lambda x: abs(x) == inf,
    "isfinite": lambda x: abs(x) < inf, "signbit": lambda x: math.copysign(1, x) < 0,
    "isclose": lambda x, y: x == y or abs(x - y) <= 1e-8 + 1e-5 * abs(y) < inf,
}  # fmt: skip
INTEGERS: dict[str, Callable[..., int]] = {
    "bitwise_and": lambda x, y: x & y, "bitwise_or": lambda x, y: x | y, "bitwise_xor": lambda x, y: x ^ y,
    "bitwise_not": lambda x: ~x,
}  # fmt: skip
WHOLE = {"allclose", "equal"}
"""Composed of these, and true or false of two tensors at once."""
