"""Arithmetic and comparison: the operators of Python."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from .record import Op, primitive
from .samples import Sampler, binary, unary

__all__ = [
    "abs", "add", "bitwise_and", "bitwise_not", "bitwise_or", "bitwise_xor", "div", "eq", "ge", "gt", "guard",
    "heaviside", "le", "logical_not", "lt", "maximum", "minimum", "mul", "ne", "neg", "pow", "sign", "sub", "where",
]  # fmt: skip

ALL = "any"
elementwise = partial(primitive, elementwise=True)


def _powers(s: Sampler) -> list[tuple[Any, ...]]:
    return [(s(3, 4), 2), (s(4), 3.0), (s.positive(3), 0.5), (s.positive(3, 1), s(1, 4)), (2.0, s(3)), (s(3), -1)]


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
    return np.add(x, y)


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
    return np.subtract(x, y)


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
    return np.multiply(x, y)


@elementwise(
    "/",
    formula=lambda x, y: x / y,
    x=lambda g, y: g / y,
    y=lambda g, x, y: -g * x / y**2,
    numpy=[np.divide],
    singular=True,
    samples=lambda s: [(s(3, 4), s.positive(3, 4)), (s(2, 1, 3), s.positive(4, 1)), (s(3), 1.5), (0.5, s.positive(3))],
)
def div(x: Any, y: Any) -> Any:
    """x / y, elementwise and broadcast; integers give a float. 1/0 is inf."""
    with np.errstate(all="ignore"):
        return np.true_divide(x, y)


@elementwise("−", formula=lambda x: -x, x=lambda g: -g, numpy=[np.negative], promotes=ALL, samples=unary)
def neg(x: Any) -> Any:
    """−x, elementwise."""
    return np.negative(x)


@elementwise(
    "xʸ",
    formula=lambda x, y: x**y,
    x=lambda g, x, y: g * guard(y == 0, y * x ** (y - 1)),
    y=lambda g, u, x, y: g * guard((x == 0) & (y >= 0), u * np.log(x)),
    numpy=[np.power],
    promotes=ALL,
    singular=True,
    samples=_powers,
)
def pow(x: Any, y: Any) -> Any:
    """xʸ, elementwise and broadcast; (−1) to a fraction is nan.

    Raises
    ------
    ValueError
        For an integer to a negative integer power.
    """
    with np.errstate(all="ignore"):
        return np.power(x, y)


@elementwise("|·|", x=lambda g, x: g * np.sign(x), numpy=[np.absolute], promotes=ALL, samples=unary)
def abs(x: Any) -> Any:
    """|x|, elementwise; the derivative at 0 is taken as 0."""
    return np.absolute(x)


@elementwise("sgn", x=lambda g: g * 0.0, numpy=[np.sign], promotes=ALL, samples=unary)
def sign(x: Any) -> Any:
    """−1, 0 or 1, elementwise; the gradient is 0."""
    return np.sign(x)


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
    return np.maximum(x, y)


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
    return np.minimum(x, y)


@elementwise(
    "where",
    x=lambda g, condition: where(condition, g, 0.0),
    y=lambda g, condition: where(condition, 0.0, g),
    numpy=[np.where],
    promotes=None,
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


@elementwise("1[·>0]", x=lambda g: g * 0.0, numpy=[np.heaviside], samples=lambda s: [(s(3, 4), 0.0)])
def heaviside(x: Any, values: Any) -> Any:
    """1 where x > 0, 0 where x < 0, ``values`` where x = 0; nan stays nan."""
    return np.heaviside(x, values).astype(x.dtype)


def _comparison(symbol: str, ufunc: Any, formula: Any) -> Callable[[Callable[..., Any]], Op]:
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


@elementwise("¬", numpy=[np.logical_not], promotes=None)
def logical_not(x: Any) -> Any:
    """Whether x is 0, elementwise: a bool tensor."""
    return np.logical_not(x)


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
