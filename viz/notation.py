"""Expressions in the slides' notation that NumPy code builds by being called: an op's rule typesets itself.

>>> from viz import Symbol
>>> Z, W = Symbol("Z_H", (100, 4)), Symbol("W_H", (4, 2))
>>> (Z @ W).text
'Z_H W_H'
>>> import autograd
>>> autograd.sigmoid(Z).text
'σ(Z_H)'

A :class:`Symbol` is one node of an expression tree. It has NumPy's operators and protocols, so that a formula written
for arrays runs on it and leaves its own text behind. What the tree looks like is the business of a :class:`Renderer`;
:class:`Text` and :class:`Html` are the first two, and another notation is another subclass.
"""

from __future__ import annotations

import html
import math
import operator
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd.graph import op_for

__all__ = ["Html", "Renderer", "Size", "Symbol", "Text", "plain"]

Shape = tuple[int, ...]


class Size(int):
    """A size that is shown by a letter: dividing by ``Size(100, "B")`` reads ``/B`` instead of ``/100``.

    Examples
    --------
    >>> from viz.notation import Size, Symbol
    >>> (Symbol("y", (Size(100, "B"), 1)) / Size(100, "B")).text
    'y/B'
    """

    letter: str

    def __new__(cls, value: int, letter: str) -> Size:  # noqa: D102
        size = super().__new__(cls, value)
        size.letter = letter
        return size

    def __mul__(self, other: Any) -> Any:
        if not isinstance(other, int):
            return NotImplemented
        if other == 1:
            return self
        return Size(int(self) * int(other), f"{getattr(other, 'letter', int(other))} {self.letter}")

    __rmul__ = __mul__


class Symbol:
    """A name, or an expression in names, that remembers its shape.

    Parameters
    ----------
    name : str
        As on the slides: what follows the first underscore of a short name is a subscript, ``Z_H``.
    shape : tuple of int, optional
        Tells scalars, vectors and matrices apart: ``*`` is ⊙ between arrays, and 1 − U needs no bold 1.

    Attributes
    ----------
    head : str
        What kind of expression it is, e.g. ``"add"``; a renderer has one method for each.
    args : tuple
        Its parts.
    shape : tuple of int

    Examples
    --------
    >>> from viz import Symbol
    >>> g, u = Symbol("g", (5, 3)), Symbol("u", (5, 3))
    >>> (g * u * (1 - u)).text
    'g ⊙ u ⊙ (1 − u)'
    >>> g.sum(0).text
    '1ᵀ g'
    """

    __slots__ = ("args", "head", "shape")
    __hash__ = object.__hash__

    head: str
    args: tuple[Any, ...]
    shape: Shape

    def __init__(self, name: str, shape: Sequence[int] = ()) -> None:
        self._fill("name", (name,), tuple(shape))

    def _fill(self, head: str, args: tuple[Any, ...], shape: Shape) -> None:
        for slot, value in zip(("head", "args", "shape"), (head, args, shape), strict=True):
            object.__setattr__(self, slot, value)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("a Symbol cannot be changed")

    @staticmethod
    def number(value: float, shape: Shape = ()) -> Symbol:
        """A number; with a shape, an array full of it."""
        return _node("number", (value,), shape)

    @staticmethod
    def gradient(of: Symbol, by: Symbol) -> Symbol:
        """∂of/∂by."""
        return _node("gradient", (of, by), by.shape)

    # -- what it looks like

    @property
    def text(self) -> str:
        """In Unicode."""
        return Text().render(self)

    @property
    def html(self) -> str:
        """In the markup of Graphviz's HTML-like labels."""
        return Html().render(self)

    def __repr__(self) -> str:
        return f"<Symbol {self.text}>"

    def __bool__(self) -> bool:
        raise TypeError(f"the symbol {self.text} has no truth value: a formula must not branch on values")

    # -- arithmetic

    def __add__(self, other: Any) -> Symbol:
        return _add(self, _lift(other))

    def __radd__(self, other: Any) -> Symbol:
        return _add(_lift(other), self)

    def __sub__(self, other: Any) -> Symbol:
        return _subtract(self, _lift(other))

    def __rsub__(self, other: Any) -> Symbol:
        return _subtract(_lift(other), self)

    def __mul__(self, other: Any) -> Symbol:
        return _multiply(self, _lift(other))

    def __rmul__(self, other: Any) -> Symbol:
        return _multiply(_lift(other), self)

    def __truediv__(self, other: Any) -> Symbol:
        return _divide(self, _lift(other))

    def __rtruediv__(self, other: Any) -> Symbol:
        return _divide(_lift(other), self)

    def __pow__(self, other: Any) -> Symbol:
        return _power(self, _lift(other))

    def __rpow__(self, other: Any) -> Symbol:
        return _power(_lift(other), self)

    def __matmul__(self, other: Any) -> Symbol:
        return _matmul(self, _lift(other))

    def __rmatmul__(self, other: Any) -> Symbol:
        return _matmul(_lift(other), self)

    def __neg__(self) -> Symbol:
        if self.head == "number":
            return Symbol.number(-self.args[0], self.shape)
        return self.args[0] if self.head == "negative" else _node("negative", (self,), self.shape)

    def __abs__(self) -> Symbol:
        return _speak(np.absolute, (self,), {})

    def __and__(self, other: Any) -> Symbol:
        return _compare("∧", self, other)

    def __eq__(self, other: Any) -> Symbol:  # type: ignore[override]
        return _compare("=", self, other)

    def __ne__(self, other: Any) -> Symbol:  # type: ignore[override]
        return _compare("≠", self, other)

    def __lt__(self, other: Any) -> Symbol:
        return _compare("<", self, other)

    def __le__(self, other: Any) -> Symbol:
        return _compare("≤", self, other)

    def __gt__(self, other: Any) -> Symbol:
        return _compare(">", self, other)

    def __ge__(self, other: Any) -> Symbol:
        return _compare("≥", self, other)

    # -- shape

    @property
    def ndim(self) -> int:
        """How many axes: 0 for a scalar, 1 for a vector, 2 for a matrix."""
        return len(self.shape)

    @property
    def mT(self) -> Symbol:
        """The transpose of the last two axes; a vector is a column, its transpose a row."""
        if self.head == "transpose":
            inner: Symbol = self.args[0]
            return inner
        if not self.ndim:
            return self
        *rest, n, m = self.shape if self.ndim > 1 else (*self.shape, 1)
        return _node("transpose", (self,), (*rest, m, n))

    T = mT

    def sum(self, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> Symbol:
        """A sum over axes; over the rows of a matrix it is 1ᵀ times it. The dtype has no notation."""
        axes = tuple(range(self.ndim)) if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
        axes = tuple(k % self.ndim for k in axes) if self.ndim else ()
        shape = tuple(1 if k in axes else n for k, n in enumerate(self.shape) if keepdims or k not in axes)
        if not axes:
            return self
        if self.ndim == 2 and axes == (0,):
            return _node("matmul", (_ones(self.shape[0]).mT, self), shape)
        if self.ndim == 2 and axes == (1,):
            return _node("matmul", (self, _ones(self.shape[1])), shape)
        return _call("Σ" if len(axes) == self.ndim else f"Σ_{','.join(map(str, axes))}", (self,), shape)

    def mean(self, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> Symbol:
        """A mean over axes. The dtype has no notation."""
        return _call("mean", (self,), self.sum(axis, keepdims).shape)

    def stretch(self, shape: Sequence[int]) -> Symbol:
        """Broadcast to ``shape``, as linear algebra writes it: a row b becomes 1 bᵀ; a scalar stays as it is."""
        shape = tuple(shape)
        if self.head == "number" or all(n == 1 for n in self.shape):
            return _node(self.head, self.args, shape)
        if self.shape == shape or len(shape) != 2 or self.ndim > 2:
            return self
        if self.ndim == 2 and self.shape[1] == 1:
            return _node("matmul", (self, _ones(shape[1]).mT), shape)
        row = self.mT if self.ndim == 1 else self
        return row if shape[0] == 1 else _node("matmul", (_ones(shape[0]), row), shape)

    def shrink(self, shape: Sequence[int]) -> Symbol:
        """Summed over the axes along which ``shape`` was broadcast to this one: the adjoint of :meth:`stretch`."""
        extra = self.ndim - len(shape)
        repeated = tuple(k for k, n in enumerate(self.shape) if k < extra or (shape[k - extra] == 1 != n))
        total = self.sum(repeated) if repeated else self
        return _node(total.head, total.args, tuple(shape))

    def __getitem__(self, index: Any) -> Symbol:
        indices = index if isinstance(index, tuple) else (index,)
        simple = tuple(k if k is None or k is ... or isinstance(k, (int, slice)) else "array" for k in indices)
        last = (..., 0) if self.ndim == 2 and self.shape[1] == 1 else ()
        # A vector as a column or a row, and back, is linear algebra's own reading of it.
        if self.ndim == 1 and simple in ((..., None), (slice(None), None)):
            return _node(self.head, self.args, (*self.shape, 1))
        if self.ndim == 1 and simple in ((..., None, slice(None)), (None, slice(None)), (None,)):
            return self.mT
        if last and simple in (last, (slice(None), 0)):
            return _node(self.head, self.args, self.shape[:1])
        if self.ndim == 0 and all(k is None or k is ... for k in simple):
            return _node(self.head, self.args, (1,) * simple.count(None))
        try:
            shape = np.broadcast_to(0.0, self.shape)[index].shape
        except (IndexError, TypeError, ValueError):
            shape = ()
        return _node("index", (self, ", ".join(map(_index_text, indices))), shape)

    # -- NumPy's protocols, and the ops'

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return NotImplemented if method != "__call__" or kwargs else _speak(ufunc, inputs, {})

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return _speak(function, args, kwargs)

    def __op__(self, op: Any, inputs: tuple[Any, ...], params: tuple[Any, ...]) -> Symbol:
        """Called by an op on its arguments: its formula if it has one, else NumPy's words for it, else symbol(args)."""
        inputs = tuple(map(_lift, inputs))
        if op.formula is not None:
            return _lift(op.formula(*inputs, *params))
        for function, spoken in SPOKEN.items():
            if op_for(function) is op:
                return _lift(spoken(*inputs, *params))
        named = dict(zip(op.params, params, strict=True))
        shape = named.get("shape")
        return _call(op.symbol, inputs, _resolve(shape, inputs) if shape else None)


def _node(head: str, args: tuple[Any, ...], shape: Shape) -> Symbol:
    made = Symbol.__new__(Symbol)
    made._fill(head, args, tuple(shape))
    return made


def _lift(x: Any) -> Symbol:
    if isinstance(x, Symbol):
        return x
    if isinstance(x, Size):
        return Symbol.number(x)
    if isinstance(x, (bool, int, float, np.generic)) or (isinstance(x, np.ndarray) and x.ndim == 0):
        return Symbol.number(x if isinstance(x, (bool, int, float)) else x.item())
    return Symbol("[…]", getattr(x, "shape", ()))


def _ones(n: int) -> Symbol:
    """The column of ones that sums or repeats rows."""
    return Symbol("1", (n, 1))


def _is(x: Symbol, value: float) -> bool:
    return x.head == "number" and bool(x.args[0] == value) and not isinstance(x.args[0], Size)


def _below_zero(x: Symbol) -> bool:
    return x.head == "negative" or (x.head == "number" and bool(x.args[0] < 0))


def _broadcast(*xs: Symbol) -> Shape:
    """The shape of an elementwise result; where shapes do not fit, the largest (a picture is no place to fail)."""
    out: Shape = ()
    for x in xs:
        long, short = (out, x.shape) if len(out) >= len(x.shape) else (x.shape, out)
        padded = (1,) * (len(long) - len(short)) + tuple(short)
        out = tuple(a if b == 1 else b if a == 1 else a for a, b in zip(long, padded, strict=True))
    return out


def _resolve(shape: Any, inputs: tuple[Symbol, ...]) -> Shape:
    """A shape in which one size may be −1."""
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    known = math.prod(n for n in sizes if n != -1)
    return tuple(math.prod(inputs[0].shape) // max(known, 1) if n == -1 else n for n in sizes)


def _numbers(function: Callable[[Any, Any], Any], x: Symbol, y: Symbol) -> Symbol | None:
    """The result if both are plain numbers, so that y − 1 at y = 2 reads 1."""
    if x.head == y.head == "number" and not any(isinstance(a.args[0], Size) for a in (x, y)):
        try:
            return Symbol.number(function(x.args[0], y.args[0]), _broadcast(x, y))
        except (ArithmeticError, TypeError):
            return None
    return None


def _add(x: Symbol, y: Symbol) -> Symbol:
    shape = _broadcast(x, y)
    if (known := _numbers(operator.add, x, y)) is not None:
        return known
    if _is(x, 0) or _is(y, 0):
        return (y if _is(x, 0) else x).stretch(shape)
    if _below_zero(y):
        return _subtract(x, -y)
    return _node("add", (_fit(x, shape), _fit(y, shape)), shape)


def _subtract(x: Symbol, y: Symbol) -> Symbol:
    shape = _broadcast(x, y)
    if (known := _numbers(operator.sub, x, y)) is not None:
        return known
    if _is(x, 0) or _is(y, 0):
        return (-y if _is(x, 0) else x).stretch(shape)
    if _below_zero(y):
        return _add(x, -y)
    return _node("subtract", (_fit(x, shape), _fit(y, shape)), shape)


def _multiply(x: Symbol, y: Symbol) -> Symbol:
    shape = _broadcast(x, y)
    if (known := _numbers(operator.mul, x, y)) is not None:
        return known
    if _is(x, 0) or _is(y, 0):
        return Symbol.number(0, shape)
    if _is(x, 1) or _is(y, 1):
        return _fit(y if _is(x, 1) else x, shape)
    if _below_zero(x):  # the sign goes to the front
        return -(-x * y)
    if _below_zero(y):
        return -(x * -y)
    if y.head == "number":
        x, y = y, x
    if x.head == "number" and y.head == "hadamard":
        return (x * y.args[0]) * y.args[1]
    if x.ndim == 2 and x.shape[1] == 1 and len(shape) == 2 and y.shape[-1:] != (1,) and y.shape[:-1] in ((), (1,)):
        return _node("matmul", (x, y.mT if y.ndim == 1 else y), shape) if y.ndim else _node("scale", (x, y), shape)
    if not x.ndim or not y.ndim:
        return _node("scale", (x, y), shape)
    return _node("hadamard", (_fit(x, shape), _fit(y, shape)), shape)


def _divide(x: Symbol, y: Symbol) -> Symbol:
    shape = _broadcast(x, y)
    if _is(y, 1):
        return _fit(x, shape)
    if _below_zero(x):
        return -(-x / y)
    if x.head == "divide":  # one fraction stroke is enough
        return x.args[0] / (y * x.args[1])
    return _node("divide", (_fit(x, shape), _fit(y, shape)), shape)


def _power(x: Symbol, y: Symbol) -> Symbol:
    return x if _is(y, 1) else _node("power", (x, y), _broadcast(x, y))


def _matmul(x: Symbol, y: Symbol) -> Symbol:
    rows = x.shape[:-1] if x.ndim > 1 else ()
    columns = y.shape[-1:] if y.ndim > 1 else ()
    # A vector is a column; on the left of a product it lies down.
    return _node("matmul", (x.mT if x.ndim == 1 else x, y), (*rows, *columns))


def _compare(sign: str, x: Symbol, other: Any) -> Symbol:
    y = _lift(other)
    return _node("compare", (sign, x, y), _broadcast(x, y))


def _call(symbol: str, args: tuple[Symbol, ...], shape: Shape | None = None) -> Symbol:
    return _node("call", (symbol, *args), _broadcast(*args) if shape is None else shape)


def _fit(x: Symbol, shape: Shape) -> Symbol:
    """An operand of an elementwise operation: what is repeated says so, except a scalar."""
    return x.stretch(shape) if x.ndim and x.shape != shape else x


def _index_text(k: Any) -> str:
    if isinstance(k, slice):
        parts = ["" if p is None else str(p) for p in (k.start, k.stop, k.step)]
        return ":".join(parts if k.step is not None else parts[:2])
    return "…" if k is ... else str(k) if k is None or isinstance(k, int) else "·"


def _transpose(x: Symbol, axes: Any = None) -> Symbol:
    if x.ndim <= 2 and (axes is None or tuple(axes) == (1, 0)):
        return x.mT if x.ndim == 2 else x
    order = tuple(axes) if axes is not None else tuple(reversed(range(x.ndim)))
    return _call("permute", (x,), tuple(x.shape[k] for k in order))


def _expand_dims(x: Symbol, axis: Any) -> Symbol:
    shape = np.expand_dims(np.broadcast_to(0.0, x.shape), axis).shape
    turned = x.mT if x.ndim == 1 and shape[0] == 1 else x
    return _node(turned.head, turned.args, shape)


SPOKEN: dict[Any, Callable[..., Any]] = {
    np.add: operator.add, np.subtract: operator.sub, np.multiply: operator.mul, np.divide: operator.truediv,
    np.power: operator.pow, np.negative: operator.neg, np.matmul: operator.matmul, np.equal: operator.eq,
    np.not_equal: operator.ne, np.less: operator.lt, np.less_equal: operator.le, np.greater: operator.gt,
    np.greater_equal: operator.ge, np.logical_and: operator.and_, np.bitwise_and: operator.and_,
    np.sum: Symbol.sum, np.mean: Symbol.mean, np.transpose: _transpose, np.broadcast_to: Symbol.stretch,
    np.expand_dims: _expand_dims, np.exp: lambda x: math.e**x,
}  # fmt: skip
"""The part of NumPy that has a notation of its own; every other function reads f(x)."""


def _speak(function: Any, args: Any, kwargs: Any) -> Symbol:
    if function in SPOKEN:
        first, *rest = args
        return _lift(SPOKEN[function](_lift(first), *rest, **kwargs))
    op = op_for(function)
    return _call(function.__name__ if op is None else op.symbol, tuple(map(_lift, args)))


# -- rendering

LEVELS = {
    "compare": 1, "add": 2, "subtract": 2, "negative": 2, "hadamard": 3, "divide": 3, "matmul": 4, "scale": 4,
    "gradient": 5, "power": 6, "transpose": 6,
}  # fmt: skip
"""How tightly each kind of expression binds; what is not listed never needs parentheses."""

ATOM = 7


def plain(text: str, longest: int = 40) -> str:
    """``text`` as one line of printable characters, shortened to ``longest``: safe to put into any label."""
    line = "".join(c if c.isprintable() else " " if c.isspace() else "�" for c in str(text))
    return line if len(line) <= longest else line[: longest - 1] + "…"


class Renderer:
    """Turns an expression into text: parentheses and order here, looks in the subclasses.

    A subclass says how to ``_escape`` text of users and how to set a ``_subscript`` and a ``_superscript``; it may
    override the method of any kind of expression, ``_divide`` for a fraction with a bar, say.
    """

    def _escape(self, text: str) -> str:
        raise NotImplementedError

    def _subscript(self, base: str, below: str) -> str:
        raise NotImplementedError

    def _superscript(self, base: str, above: str) -> str:
        raise NotImplementedError

    def render(self, x: Symbol) -> str:
        """The whole expression."""
        method: Callable[..., str] = getattr(self, f"_{x.head}")
        return method(*x.args)

    def pieces(self, x: Symbol) -> list[str]:
        """The expression as parts between which a line may be broken, each with the operator before it."""
        signs = {"add": "+", "subtract": "−", "hadamard": "⊙", "divide": "/"}
        if x.head not in signs:
            return [self.render(x)]
        left, right = x.args
        level = LEVELS[x.head]
        right = self._operand(right, {"divide": 6, "subtract": 3}.get(x.head, level), x.head)
        first = self.pieces(left) if self._level(left) == level else [self._operand(left, level, x.head)]
        return [*first, f"{signs[x.head]} {right}"]

    def _level(self, x: Symbol) -> int:
        negative = x.head == "number" and not isinstance(x.args[0], Size) and x.args[0] < 0
        return 2 if negative else LEVELS.get(x.head, ATOM)

    def _operand(self, x: Symbol, least: int, inside: str = "") -> str:
        """``x`` in parentheses if it binds less than ``least``; a condition in the brackets of Iverson."""
        inner = self.render(x)
        if x.head == "compare":
            return f"[{inner}]"
        # The slides write (∂𝒥/∂Z W) ⊙ …: rows times columns and elementwise products are kept apart.
        return f"({inner})" if self._level(x) < least or (inside == "hadamard" and x.head == "matmul") else inner

    def factor(self, x: Symbol) -> str:
        """The expression as the right-hand side of a product: in parentheses if it is a sum."""
        return self._operand(x, 3, "hadamard")

    def label(self, name: str, longest: int = 40) -> str:
        """A name of anybody's, escaped; of a short one, what follows the underscore is a subscript."""
        shown = plain(name, longest)
        short = re.fullmatch(r"([^\W_]{1,2})_([^_].*)", shown)
        return self._subscript(self._escape(short[1]), self._escape(short[2])) if short else self._escape(shown)

    def _name(self, name: str) -> str:
        return self.label(name)

    def _number(self, value: Any) -> str:
        if isinstance(value, Size):
            return self._escape(value.letter)
        constants = {math.e: "e", math.pi: "π", math.inf: "∞", -math.inf: "−∞"}
        digits = constants.get(value) or (f"{value:g}" if isinstance(value, float) else str(value)).replace("-", "−")
        mantissa, _, exponent = digits.partition("e") if len(digits) > 1 else (digits, "", "")
        if not exponent:
            return digits
        power = self._superscript("10", exponent.replace("+", "").lstrip("0").replace("−0", "−"))
        return power if mantissa == "1" else f"{mantissa}·{power}"

    def _gradient(self, of: Symbol, by: Symbol) -> str:
        return f"∂{self.render(of)}/∂{self.render(by)}"

    def _add(self, x: Symbol, y: Symbol) -> str:
        return f"{self._operand(x, 2)} + {self._operand(y, 2)}"

    def _subtract(self, x: Symbol, y: Symbol) -> str:
        return f"{self._operand(x, 2)} − {self._operand(y, 3)}"

    def _negative(self, x: Symbol) -> str:
        return f"−{self._operand(x, 3)}"

    def _hadamard(self, x: Symbol, y: Symbol) -> str:
        return f"{self._operand(x, 3, 'hadamard')} ⊙ {self._operand(y, 3, 'hadamard')}"

    def _scale(self, x: Symbol, y: Symbol) -> str:
        left, right = self._operand(x, 4), self._operand(y, 4)
        return f"{left} · {right}" if right[:1].isdigit() or left == right else f"{left} {right}"

    def _matmul(self, x: Symbol, y: Symbol) -> str:
        return f"{self._operand(x, 4)} {self._operand(y, 4 + (y.head == 'scale'))}"

    def _divide(self, x: Symbol, y: Symbol) -> str:
        stroke = " / " if self._level(x) in (3, 4, 5) else "/"
        return f"{self._operand(x, 3)}{stroke}{self._operand(y, 6)}"

    def _power(self, x: Symbol, y: Symbol) -> str:
        return self._superscript(self._operand(x, ATOM), self.render(y))

    def _transpose(self, x: Symbol) -> str:
        return self._superscript(self._operand(x, ATOM), "T")

    def _compare(self, sign: str, x: Symbol, y: Symbol) -> str:
        return f"{self._operand(x, 2)} {self._escape(sign)} {self._operand(y, 2)}"

    def _index(self, x: Symbol, where: str) -> str:
        return f"{self._operand(x, ATOM)}[{self._escape(where)}]"

    def _call(self, symbol: str, *args: Symbol) -> str:
        """σ(x); a symbol with a dot shows where its argument goes: |·|."""
        shown = plain(symbol)
        before, dot, after = shown.partition("·")
        if not dot or not args:
            return f"{self.label(shown)}({', '.join(map(self.render, args))})"
        enclosed = before[-1:] in ("(", "[", "|") and after[:1] in (")", "]", "|")
        return self._escape(before) + self._operand(args[0], 0 if enclosed else ATOM) + self._escape(after)


class Text(Renderer):
    """Unicode: ``(∂𝒥/∂Z_H)ᵀ X``."""

    superscripts = str.maketrans("0123456789−T", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻ᵀ")

    def _escape(self, text: str) -> str:
        return text

    def _subscript(self, base: str, below: str) -> str:
        return f"{base}_{below}"

    def _superscript(self, base: str, above: str) -> str:
        if set(above) <= set("0123456789−T"):
            return base + above.translate(self.superscripts)
        return f"{base}^{above}" if above.isalnum() else f"{base}^({above})"


class Html(Renderer):
    """The markup of Graphviz's HTML-like labels: ``Z<SUB>H</SUB>``."""

    def _escape(self, text: str) -> str:
        # A single backslash would begin an escape sequence of Graphviz.
        return html.escape(text, quote=True).replace("\\", "&#92;&#92;")

    def _subscript(self, base: str, below: str) -> str:
        return f"{base}<SUB>{below}</SUB>"

    def _superscript(self, base: str, above: str) -> str:
        return f"{base}<SUP>{above}</SUP>"
