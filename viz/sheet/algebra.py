"""What a lecturer does before writing a line down: numbers multiplied out, equal factors cancelled, one stroke for all.

>>> from viz import Symbol
>>> from viz.sheet.algebra import simplified
>>> U, y = Symbol("U", (5, 1)), Symbol("y", (5, 1))
>>> simplified((U - y) / (U * (1 - U)) / 5 * U * (1 - U)).text
'(U − y)/5'
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..notation import Size, Symbol

__all__ = ["nodes", "simplified", "wraps"]

INSIDE = ("add", "subtract", "negative", "matmul", "transpose", "scale", "hadamard", "divide")
PRODUCTS = ("scale", "hadamard", "divide", "negative")


def nodes(x: Symbol, most: int = 10_000) -> int:
    """How many nodes ``x`` has, counted up to ``most``: how long it reads."""
    count, stack = 0, [x]
    while stack and count < most:
        count += 1
        stack += [a for a in stack.pop().args if isinstance(a, Symbol)]
    return count


def wraps(x: Symbol) -> bool:
    """Whether ``x`` reads as something simpler than what it computes: it is guarded against 0 · ∞, say."""
    return x.means is not None and x.means.guards is not None


def total(terms: list[Symbol]) -> Symbol:
    """Their sum, as a tree that is never deep: a variable may be used a thousand times."""
    while len(terms) > 1:
        pairs = [a + b for a, b in zip(terms[::2], terms[1::2], strict=False)]
        terms = pairs + terms[len(terms) // 2 * 2 :]
    return terms[0]


def simplified(x: Symbol) -> Symbol:
    """The same value in fewer signs. Only sums and products are touched, not what stands inside of a function."""
    if x.head not in INSIDE or x.means is not None:
        return x
    args = tuple(simplified(a) for a in x.args)
    if any(a is not b for a, b in zip(args, x.args, strict=True)):
        x = Symbol.made(x.head, args, x.own).shaped(x.shape)
    if x.head == "transpose" and x.args[0].head == "matmul" and x.args[0].means is None:
        a, b = x.args[0].args
        if "transpose" in (a.head, b.head) and a.ndim == b.ndim == 2:  # (Aᵀ B)ᵀ is Bᵀ A
            return (b.mT @ a.mT).shaped(x.shape)
    if x.head not in PRODUCTS:
        return x
    for unwrap in (True, False):  # a guard goes only if what it guards against is cancelled
        product = _Product(unwrap)
        product.take(x, False)
        if product.cancel() or not unwrap:
            break
    if not product.cancelled and not product.below and not product.numbers:
        return x
    return product.written(x.shape)


@dataclass
class _Product:
    """A product and quotient taken apart."""

    unwrap: bool
    above: list[Symbol] = field(default_factory=list)
    below: list[Symbol] = field(default_factory=list)
    number: float = 1
    divisor: float = 1
    numbers: int = 0
    cancelled: bool = False

    def take(self, x: Symbol, below: bool) -> None:
        if x.head == "number" and not isinstance(x.args[0], Size) and math.isfinite(x.args[0]) and x.args[0] != 0:
            self.numbers += 1
            if below:
                self.divisor *= x.args[0]
            else:
                self.number *= x.args[0]
        elif x.head not in PRODUCTS or (x.means is not None and not (wraps(x) and self.unwrap)):
            (self.below if below else self.above).append(x)
        elif x.head == "negative":
            self.number = -self.number
            self.take(x.args[0], below)
        else:
            self.take(x.args[0], below)
            self.take(x.args[1], below != (x.head == "divide"))

    def cancel(self) -> bool:
        for x in self.below[:]:
            for y in self.above:
                if _key(x) == _key(y):
                    self.below = [a for a in self.below if a is not x]
                    self.above = [a for a in self.above if a is not y]
                    self.cancelled = True
                    break
        return self.cancelled

    def written(self, shape: tuple[int, ...]) -> Symbol:
        number, divisor = self.number, self.divisor
        if divisor < 0:
            number, divisor = -number, -divisor
        if number % divisor == 0:
            number, divisor = number / divisor, 1
        elif divisor % number == 0:
            number, divisor = math.copysign(1, number), divisor / abs(number)
        over: Any = _product(self.above)
        under: Any = _product(self.below)
        factor = _tidy(abs(number))
        out = Symbol.number(factor) if over is None else over if factor == 1 else factor * over
        if under is not None or divisor != 1:
            out = out / (_tidy(divisor) if under is None else under if divisor == 1 else _tidy(divisor) * under)
        return (-out if number < 0 else out).shaped(shape)


def _product(factors: list[Symbol]) -> Symbol | None:
    out = None
    for x in factors:
        out = x if out is None else out * x
    return out


def _tidy(x: float) -> float:
    return int(x) if float(x).is_integer() else float(f"{x:.15g}")  # 0.1 · 3 is 0.3 on paper


def _key(x: Any) -> Any:
    """Equal for expressions that surely have the same value."""
    if not isinstance(x, Symbol):
        return x
    about: Any = None
    if x.means is not None and not wraps(x):
        params = () if isinstance(x.means.function, np.ufunc) else x.means.params  # all of a ufunc's arguments are read
        simple = isinstance(params, tuple) and all(isinstance(p, (int, float, str, type(None))) for p in params)
        about = (id(x.means.function), params if simple else id(params))
    return (x.head, x.shape, about, *map(_key, x.args))
