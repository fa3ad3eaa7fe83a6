"""What an expression comes to in numbers: the tree that is read is the tree that is computed.

>>> import numpy as np
>>> from viz import Symbol
>>> from viz.sheet.evaluate import Evaluator
>>> Z, W = Symbol("Z", (2, 3)), Symbol("W", (3,))
>>> Evaluator({"Z": np.ones((2, 3)), "W": np.array([1.0, 2.0, 3.0])})(2 * Z @ W)
array([12., 12.])
"""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..notation import Symbol

__all__ = ["Evaluator"]

Array = np.ndarray[Any, Any]

BINARY = {
    "add": np.add, "subtract": np.subtract, "hadamard": np.multiply, "scale": np.multiply, "divide": np.divide,
    "power": np.power,
}  # fmt: skip
SIGNS: dict[str, Any] = {
    "=": operator.eq, "≠": operator.ne, "<": operator.lt, "≤": operator.le, ">": operator.gt, "≥": operator.ge,
    "∧": np.logical_and,
}  # fmt: skip


class Evaluator:
    """Computes expressions in float64 from the values of their names. It knows nothing of the engine.

    Parameters
    ----------
    values : mapping
        name → array.
    gradients : mapping, optional
        name → array: what ∂𝒥/∂name stands for.
    """

    def __init__(self, values: Mapping[str, Any], gradients: Mapping[str, Any] | None = None) -> None:
        self.values, self.gradients = values, {} if gradients is None else gradients
        self.places: dict[Any, int] = {}
        self.whole: dict[int, tuple[Symbol, Array]] = {}

    def __call__(self, x: Symbol) -> Array:
        """The value of ``x``, in its shape."""
        with np.errstate(all="ignore"):
            return self._value(x)

    def _value(self, x: Symbol) -> Array:
        if x.means is not None:
            value = x.means.run(*map(self._value, x.means.arrays))
        elif x.head in BINARY:
            value = BINARY[x.head](*map(self._value, x.args))
        else:
            value = getattr(self, f"_{x.head}")(*x.args)
        return _conform(_conform(np.asarray(value), x.own), x.shape)

    def each(self, x: Symbol, free: tuple[Any, ...]) -> Array:
        """``x`` for every value of its free indices, an axis for each: by a loop, as the formula says it."""
        sizes = [k.size for k in free]
        values = []
        for places in np.ndindex(*sizes):
            self.places.update(zip(free, places, strict=True))
            values.append(self(x))
        return np.array(values).reshape((*sizes, *x.shape))

    def _name(self, name: str) -> Any:
        return np.asarray(self.values[name])

    def _number(self, value: Any) -> Any:
        return value if isinstance(value, bool) else float(value)

    def _gradient(self, of: Symbol, by: Symbol) -> Any:
        if by.head == "element":
            return self._pick(np.asarray(self.gradients[by.args[0].args[0]]), by.args[2:])
        return np.asarray(self.gradients[by.args[0]])

    def _negative(self, x: Symbol) -> Any:
        return -self._value(x)

    def _matmul(self, x: Symbol, y: Symbol) -> Any:
        left = self._value(x)
        return np.matmul(left[:, None] if left.ndim == 1 else left, self._value(y))  # a vector is a column

    def _transpose(self, x: Symbol) -> Any:
        value = self._value(x)
        return value.mT if value.ndim > 1 else value[None, :]

    def _compare(self, sign: str, x: Symbol, y: Symbol) -> Any:
        return SIGNS[sign](self._value(x), self._value(y))

    # -- in index notation

    def _element(self, of: Symbol, name: str, *indices: Any) -> Any:
        if id(of) not in self.whole:
            self.whole[id(of)] = of, self._value(of)  # with the symbol, so that its id stays its own
        return self._pick(self.whole[id(of)][1], indices)

    def _pick(self, value: Array, indices: tuple[Any, ...]) -> Any:
        """By the indices of the axes longer than 1: the others have none."""
        return value.squeeze()[tuple(self.places[k] for k in indices)]

    def _position(self, index: Any) -> Any:
        return self.places[index]

    def _total(self, index: Any, x: Symbol) -> Any:
        total: Any = 0.0
        for n in range(index.size):
            self.places[index] = n
            total = total + self._value(x)
        return total


def _conform(value: Array, shape: tuple[int, ...]) -> Array:
    """A vector as a column or a row; what is repeated, repeated."""
    if value.shape == shape:
        return value
    return value.reshape(shape) if value.size == math.prod(shape) else np.broadcast_to(value, shape)
