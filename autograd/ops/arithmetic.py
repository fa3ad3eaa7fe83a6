"""Arithmetic and comparison: the operators of Python."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..kernels.each import of_one, of_two
from ..kernels.pairs import div_vjp
from ..kernels.quiet import quiet
from .record import Op, primitive
from .samples import Sampler, binary, unary

# add, sub and div are public with PyTorch's keywords: autograd.composed.elementwise has them.
__all__ = [
    "abs", "bitwise_and", "bitwise_not", "bitwise_or", "bitwise_xor", "eq", "floor", "floor_divide", "fmod", "ge", "gt",
    "guard", "heaviside", "inside", "isfinite", "isinf", "isnan", "le", "logical_and", "logical_not", "logical_or",
    "logical_xor", "lt", "maximum", "minimum", "mul", "ne", "neg", "remainder", "round", "sign", "signbit",
]  # fmt: skip

ALL = "any"
Declare = Callable[[Callable[..., Any]], Op]
elementwise = partial(primitive, elementwise=True)


def _divisors(s: Sampler) -> list[tuple[Any, ...]]:
    return [(s(3, 4), s.positive(3, 4)), (s(2, 1, 3), s.positive(4, 1)), (s(3), 1.5), (0.5, s.positive(3))]


@elementwise(
    "+",
    formula=lambda x, y: x + y,
    x=lambda g: g,
    y=lambda g: g,
    numpy=[np.add],
    promotes=ALL,
    samples=binary,
)
def add(x: Any, y: Any) -> Any:
    """x + y, elementwise and broadcast.

    Examples
    --------
    >>> import autograd
    >>> autograd.add(autograd.tensor([1.0, 2.0]), 3)
    tensor([4., 5.])
    """
    return of_two(np.add, x, y)


@elementwise(
    "−",
    formula=lambda x, y: x - y,
    x=lambda g: g,
    y=lambda g: -g,
    numpy=[np.subtract],
    promotes=ALL,
    samples=binary,
)
def sub(x: Any, y: Any) -> Any:
    """x − y, elementwise and broadcast."""
    return of_two(np.subtract, x, y)


@elementwise(
    "⊙",
    formula=lambda x, y: x * y,
    x=lambda g, y: g * y,
    y=lambda g, x: g * x,
    numpy=[np.multiply],
    promotes=ALL,
    samples=binary,
)
def mul(x: Any, y: Any) -> Any:
    """x ⊙ y, elementwise and broadcast: the Hadamard product of the slides."""
    return of_two(np.multiply, x, y)


@elementwise(
    "/",
    formula=lambda x, y: x / y,
    x=lambda g, y: g / y,
    y=lambda g, x, y: -g * (x / y) / y,  # y² would overflow, or underflow, at the root of the range
    vjp=div_vjp,
    numpy=[np.divide],
    singular=True,
    samples=_divisors,
)
def div(x: Any, y: Any) -> Any:
    """x / y, elementwise and broadcast; integers give a float. 1/0 is inf."""
    return of_two(np.true_divide, x, y)


@elementwise("−", formula=lambda x: -x, x=lambda g: -g, numpy=[np.negative], promotes=ALL, samples=unary)
def neg(x: Any) -> Any:
    """−x, elementwise."""
    return of_one(np.negative, x)


@elementwise("|·|", x=lambda g, x: g * np.sign(x), numpy=[np.absolute], promotes=ALL, samples=unary)
def abs(x: Any) -> Any:
    """|x|, elementwise; the derivative at 0 is taken as 0."""
    return of_one(np.absolute, x)


@elementwise(
    "max",
    x=lambda g, x, y: g * ((x > y) + 0.5 * (x == y)),
    y=lambda g, x, y: g * ((y > x) + 0.5 * (x == y)),
    numpy=[np.maximum],
    promotes=ALL,
    samples=binary,
)
def maximum(x: Any, y: Any) -> Any:
    """The larger of x and y, elementwise; nan if either is nan. At a tie the gradient is split evenly."""
    return of_two(np.maximum, x, y)


@elementwise(
    "min",
    x=lambda g, x, y: g * ((x < y) + 0.5 * (x == y)),
    y=lambda g, x, y: g * ((y < x) + 0.5 * (x == y)),
    numpy=[np.minimum],
    promotes=ALL,
    samples=binary,
)
def minimum(x: Any, y: Any) -> Any:
    """The smaller of x and y, elementwise; nan if either is nan. At a tie the gradient is split evenly."""
    return of_two(np.minimum, x, y)


@elementwise(
    "where",
    x=lambda g, condition: where(condition, g, 0.0),
    y=lambda g, condition: where(condition, 0.0, g),
    numpy=[np.where],
    promotes=ALL,
    samples=lambda s: [(s(3, 4) > 0, s(3, 4), s(4)), (s(3) > 0, s(3), 2.0), (s(2, 1) > 0, 1.0, s(2, 3))],
    method=False,
)
def where(condition: Any, x: Any, y: Any) -> Any:
    """x where ``condition`` holds, y elsewhere; all three broadcast.

    Examples
    --------
    >>> import autograd
    >>> x = autograd.tensor([-2.0, 3.0])
    >>> autograd.where(x > 0, x, 0.0)
    tensor([0., 3.])
    """
    return np.where(condition, x, y)


@elementwise(
    formula=lambda condition, x: x,
    x=lambda g, condition: guard(condition, g),
    promotes=None,
    samples=lambda s: [(s(3, 4) > 0, s(3, 4))],
    method=False,
)
def guard(condition: Any, x: Any) -> Any:
    """x, but 0 where ``condition`` holds: keeps 0 · ∞ out of a rule. In an equation it reads as x."""
    return np.where(condition, 0, x)


@elementwise(
    formula=lambda domain, x: x,
    x=lambda g, domain: inside(domain, g),
    promotes=None,
    samples=lambda s: [(s(3, 4) < 9, s(3, 4))],
    method=False,
)
def inside(domain: Any, x: Any) -> Any:
    """x, but nan where ``domain`` does not hold: no derivative outside of it. In an equation it reads as x."""
    return np.where(domain, x, np.nan)


def _steps(s: Sampler, *shape: int) -> Any:
    """Values off the jumps of a step function: between a tenth and four tenths above an integer, −4 … 4."""
    return (s.integers(9, *shape) - 4 + s.between(0.1, 0.4, *shape)).astype(s.dtype)


def _quotients(s: Sampler) -> list[tuple[Any, ...]]:
    def powers(*shape: int) -> Any:
        return np.ldexp(s.dtype.type(0.5), s.integers(3, *shape))

    return [(_steps(s, 3, 4), powers(3, 4)), (_steps(s, 2, 1, 3), powers(4, 1)), (_steps(s, 3), 0.5), (3.3, powers(3))]


def _flat(symbol: str, functions: Any, samples: Any, inputs: str = "x", formula: Any = None) -> Declare:
    # Constant between its jumps: the gradient is 0.
    rules: dict[str, Any] = {name: lambda g: g * 0.0 for name in inputs}
    return elementwise(symbol, formula=formula, numpy=functions, promotes=ALL, samples=samples, **rules)


@_flat("sgn", [np.sign], unary)
def sign(x: Any) -> Any:
    """−1, 0 or 1, elementwise; the gradient is 0."""
    return x if x.dtype == bool else np.sign(x)


@_flat("floor", [np.floor], lambda s: [(_steps(s, 3, 4),), (_steps(s, 5),)])
def floor(x: Any) -> Any:
    """The largest integer not above x, elementwise, in the dtype of x; the gradient is 0."""
    return np.floor(x)


@_flat("round", [np.round], lambda s: [(_steps(s, 3, 4), 0), (_steps(s, 5) * 100, -2)])
def round(x: Any, decimals: int = 0) -> Any:
    """x to ``decimals`` places, halves to the even neighbour, elementwise; the gradient is 0.

    Examples
    --------
    >>> import autograd
    >>> autograd.round(autograd.tensor([0.5, 1.5, 2.345]), decimals=2)
    tensor([0.5000, 1.5000, 2.3400])
    """
    return quiet(np.round, x, decimals)


@_flat("1[·>0]", [np.heaviside], lambda s: [(s(3, 4), 0.0), (s(3, 4), s(4))], "xy")
def heaviside(x: Any, y: Any) -> Any:
    """1 where x > 0, 0 where x < 0, y where x = 0; nan stays nan. The gradient is 0."""
    return np.heaviside(x, y).astype(x.dtype)


def _check_divisor(name: str, x: Any, y: Any) -> None:
    if np.result_type(x, y).kind != "f" and not np.all(y):
        raise ZeroDivisionError(f"{name}: division of integers by 0; convert with .float() for inf or nan")


@_flat("//", [np.floor_divide], _quotients, "xy", lambda x, y: floor(x / y))
def floor_divide(x: Any, y: Any) -> Any:
    """⌊x / y⌋, elementwise and broadcast, in the common dtype: the ``//`` of Python. The gradient is 0.

    Raises
    ------
    ZeroDivisionError
        For an integer divided by 0; a float gives inf or nan.
    """
    _check_divisor("floor_divide", x, y)
    return quiet(np.floor_divide, x, y)


@elementwise(
    "mod",
    x=lambda g: g,
    y=lambda g, x, y: -g * np.floor_divide(x, y),
    numpy=[np.remainder],
    promotes=ALL,
    samples=_quotients,
)
def remainder(x: Any, y: Any) -> Any:
    """x − y ⌊x / y⌋, elementwise and broadcast: the ``%`` of Python, with the sign of y.

    Raises
    ------
    ZeroDivisionError
        For an integer divided by 0; a float gives nan.
    """
    _check_divisor("remainder", x, y)
    return quiet(np.remainder, x, y)


@elementwise(
    "fmod",
    x=lambda g: g,
    y=lambda g, x, y: -g * np.round((x - np.fmod(x, y)) / y),  # x / y may be rounded to the next integer
    numpy=[np.fmod],
    promotes=ALL,
    samples=_quotients,
)
def fmod(x: Any, y: Any) -> Any:
    """The rest of x / y rounded towards 0, elementwise and broadcast; it has the sign of x.

    Raises
    ------
    ZeroDivisionError
        For an integer divided by 0; a float gives nan.
    """
    _check_divisor("fmod", x, y)
    return quiet(np.fmod, x, y)


def _comparison(symbol: str, ufunc: Any, formula: Any) -> Declare:
    # No rules: a comparison has no gradient, and its output never requires one.
    return elementwise(symbol, formula=formula, numpy=[ufunc], promotes=ALL, samples=binary)


@_comparison("=", np.equal, lambda x, y: x == y)
def eq(x: Any, y: Any) -> Any:
    """x = y, elementwise: a bool tensor."""
    return np.equal(x, y)


@_comparison("≠", np.not_equal, lambda x, y: x != y)
def ne(x: Any, y: Any) -> Any:
    """x ≠ y, elementwise: a bool tensor."""
    return np.not_equal(x, y)


@_comparison("<", np.less, lambda x, y: x < y)
def lt(x: Any, y: Any) -> Any:
    """x < y, elementwise: a bool tensor."""
    return np.less(x, y)


@_comparison("≤", np.less_equal, lambda x, y: x <= y)
def le(x: Any, y: Any) -> Any:
    """x ≤ y, elementwise: a bool tensor."""
    return np.less_equal(x, y)


@_comparison(">", np.greater, lambda x, y: x > y)
def gt(x: Any, y: Any) -> Any:
    """x > y, elementwise: a bool tensor."""
    return np.greater(x, y)


@_comparison("≥", np.greater_equal, lambda x, y: x >= y)
def ge(x: Any, y: Any) -> Any:
    """x ≥ y, elementwise: a bool tensor."""
    return np.greater_equal(x, y)


def _predicate(symbol: str, ufunc: Any) -> Declare:
    return elementwise(symbol, numpy=[ufunc], promotes=None)


@_predicate("¬", np.logical_not)
def logical_not(x: Any) -> Any:
    """Whether x is 0, elementwise: a bool tensor."""
    return np.logical_not(x)


@_predicate("∧", np.logical_and)
def logical_and(x: Any, y: Any) -> Any:
    """Whether neither x nor y is 0, elementwise and broadcast: a bool tensor."""
    return np.logical_and(x, y)


@_predicate("∨", np.logical_or)
def logical_or(x: Any, y: Any) -> Any:
    """Whether x or y is not 0, elementwise and broadcast: a bool tensor."""
    return np.logical_or(x, y)


@_predicate("⊕", np.logical_xor)
def logical_xor(x: Any, y: Any) -> Any:
    """Whether one of x and y is 0 and the other is not, elementwise and broadcast: a bool tensor."""
    return np.logical_xor(x, y)


@_predicate("nan?", np.isnan)
def isnan(x: Any) -> Any:
    """Whether x is nan, elementwise: a bool tensor."""
    return np.isnan(x)


@_predicate("inf?", np.isinf)
def isinf(x: Any) -> Any:
    """Whether x is inf or −inf, elementwise: a bool tensor."""
    return np.isinf(x)


@_predicate("finite?", np.isfinite)
def isfinite(x: Any) -> Any:
    """Whether x is neither infinite nor nan, elementwise: a bool tensor."""
    return np.isfinite(x)


@_predicate("−?", np.signbit)
def signbit(x: Any) -> Any:
    """Whether the sign of x is −, elementwise: a bool tensor. −0.0 has one."""
    return np.signbit(x)


@elementwise("∧", formula=lambda x, y: x & y, numpy=[np.bitwise_and], promotes=ALL)
def bitwise_and(x: Any, y: Any) -> Any:
    """x and y, bit by bit, of integers or bools."""
    return np.bitwise_and(x, y)


@elementwise("∨", formula=lambda x, y: x | y, numpy=[np.bitwise_or], promotes=ALL)
def bitwise_or(x: Any, y: Any) -> Any:
    """x or y, bit by bit, of integers or bools."""
    return np.bitwise_or(x, y)


@elementwise("⊕", formula=lambda x, y: x ^ y, numpy=[np.bitwise_xor], promotes=ALL)
def bitwise_xor(x: Any, y: Any) -> Any:
    """x or y but not both, bit by bit, of integers or bools."""
    return np.bitwise_xor(x, y)


@elementwise("¬", formula=lambda x: ~x, numpy=[np.bitwise_not], promotes=ALL)
def bitwise_not(x: Any) -> Any:
    """Not x, bit by bit, of an integer or a bool."""
    return np.bitwise_not(x)
