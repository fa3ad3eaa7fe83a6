"""Expressions in the slides' notation that NumPy code builds by being called: an op's rule typesets itself.

>>> from viz import Symbol
>>> Z, W = Symbol("Z_H", (100, 4)), Symbol("W_H", (4, 2))
>>> (Z @ W).text
'Z_H W_H'
>>> import autograd
>>> autograd.sigmoid(Z).text
'σ(Z_H)'

A :class:`Symbol` is one node of an expression tree. It has NumPy's operators and protocols, so that a formula written
for arrays runs on it and leaves its own text behind. What the tree looks like is the business of a :class:`Renderer`:
:class:`Text`, :class:`Html`, :class:`Latex` and :class:`MathML`; another notation is another subclass. What the tree
comes to in numbers is told by :mod:`viz.sheet.evaluate`: for that, every node keeps what it means.
"""

from __future__ import annotations

import html
import math
import operator
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from autograd import ops
from autograd.graph import op_for

__all__ = ["HOLE", "Html", "Latex", "MathML", "Meaning", "Renderer", "Size", "Symbol", "Text", "plain"]

Shape = tuple[int, ...]
LARGEST_TRIAL = 100_000  # elements; of more, the shape is taken to be the broadcast one


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


@dataclass(frozen=True)
class Meaning:
    """What a node computes, where its head and args are not enough to say it: σ(x), x[1:], an array without a name.

    Attributes
    ----------
    function : object
        The op or NumPy function, or a word for one of the tree's own.
    arrays : tuple of Symbol
        What it is applied to.
    params : object
        What else it needs to know: axes, an index, an array.
    run : callable
        Arrays in, array out.
    guards : Symbol or None
        The expression that it reads as, where it computes a little more: 0 where that would be 0 · ∞, say.
    """

    function: Any
    arrays: tuple[Symbol, ...]
    params: Any
    run: Callable[..., Any]
    guards: Symbol | None = None


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
    own : tuple of int
        Its shape as it was computed. A vector that is read as a column, and a scalar where an array is due, have
        another ``shape``.
    means : Meaning or None

    Examples
    --------
    >>> from viz import Symbol
    >>> g, u = Symbol("g", (5, 3)), Symbol("u", (5, 3))
    >>> (g * u * (1 - u)).text
    'g ⊙ u ⊙ (1 − u)'
    >>> g.sum(0).text
    '1ᵀ g'
    """

    __slots__ = ("args", "head", "means", "own", "shape")
    __hash__ = object.__hash__

    head: str
    args: tuple[Any, ...]
    shape: Shape
    own: Shape
    means: Meaning | None

    def __init__(self, name: str, shape: Sequence[int] = ()) -> None:
        self._fill("name", (name,), tuple(shape), tuple(shape), None)

    def _fill(self, head: str, args: tuple[Any, ...], shape: Shape, own: Shape, means: Meaning | None) -> None:
        for slot, value in zip(("head", "args", "shape", "own", "means"), (head, args, shape, own, means), strict=True):
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

    @staticmethod
    def made(head: str, args: tuple[Any, ...], shape: Sequence[int] = (), means: Meaning | None = None) -> Symbol:
        """A node of any kind, for those who build trees themselves."""
        return _node(head, args, tuple(shape), means)

    def shaped(self, shape: Sequence[int]) -> Symbol:
        """The same expression where another shape is due: a vector as a column, a scalar for a whole array."""
        shape = tuple(shape)
        same = self.shape == shape and [*map(type, self.shape)] == [*map(type, shape)]  # a Size is more than its number
        return self if same else _reshaped(self, shape)

    # -- what it looks like

    @property
    def text(self) -> str:
        """In Unicode."""
        return Text().render(self)

    @property
    def html(self) -> str:
        """In the markup of Graphviz's HTML-like labels."""
        return Html().render(self)

    @property
    def latex(self) -> str:
        """In LaTeX, for math mode."""
        return Latex().render(self)

    @property
    def mathml(self) -> str:
        """In MathML: what goes into a ``<math>`` element."""
        return MathML().render(self)

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
        return _reduced("Σ", np.sum, self, axes, shape)

    def mean(self, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> Symbol:
        """A mean over axes. The dtype has no notation."""
        axes = tuple(range(self.ndim)) if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
        axes = tuple(k % self.ndim for k in axes) if self.ndim else ()
        return _reduced("mean", np.mean, self, axes, self.sum(axis, keepdims).shape)

    def stretch(self, shape: Sequence[int]) -> Symbol:
        """Broadcast to ``shape``, as linear algebra writes it: a row b becomes 1 bᵀ; a scalar stays as it is."""
        shape = tuple(shape)
        column = len(shape) == 2 and self.ndim == 1 and shape[1] == 1  # a bias of one unit is a vector all the same
        if self.head == "number" or (all(n == 1 for n in self.shape) and not column):
            return _reshaped(self, shape)
        if len(shape) != 2 or self.ndim > 2:
            return self.shaped(shape)
        if self.shape == shape:
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
        return _reshaped(total, tuple(shape))

    def __getitem__(self, index: Any) -> Symbol:
        indices = index if isinstance(index, tuple) else (index,)
        simple = tuple(k if k is None or k is ... or isinstance(k, (int, slice)) else "array" for k in indices)
        last = (..., 0) if self.ndim == 2 and self.shape[1] == 1 else ()
        # A vector as a column or a row, and back, is linear algebra's own reading of it.
        if self.ndim == 1 and simple in ((..., None), (slice(None), None)):
            return _reshaped(self, (*self.shape, 1))
        if self.ndim == 1 and simple in ((..., None, slice(None)), (None, slice(None)), (None,)):
            return self.mT
        if last and simple in (last, (slice(None), 0)):
            return _reshaped(self, self.shape[:1])
        if self.ndim == 0 and all(k is None or k is ... for k in simple):
            return _reshaped(self, (1,) * simple.count(None))
        try:
            shape = ops.getitem(np.broadcast_to(0.0, self.shape), index).shape
        except (IndexError, TypeError, ValueError):
            shape = ()
        means = Meaning("index", (self,), index, lambda x: ops.getitem(x, index))
        return _node("index", (self, ", ".join(map(_index_text, indices))), shape, means)

    # -- NumPy's protocols, and the ops'

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return NotImplemented if method != "__call__" or kwargs else _speak(ufunc, inputs, {})

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return _speak(function, args, kwargs)

    def __op__(self, op: Any, inputs: tuple[Any, ...], params: tuple[Any, ...]) -> Symbol:
        """Called by an op on its arguments: its formula if it has one, else NumPy's words for it, else symbol(args)."""
        inputs = tuple(map(_lift, inputs))
        named = {name: None if name == "dim" and p == () else p for name, p in zip(op.params, params, strict=True)}
        params = tuple(named.values())  # no dims at all are all of them
        means = Meaning(op, inputs, params, lambda *arrays: op(*arrays, **named))
        if op.formula is not None:
            read = _lift(op.formula(*inputs, *params))
            if not any(read is x for x in inputs) or _idle(means, read):
                return read
            return _node(read.head, read.args, read.shape, replace(means, guards=read))
        for function, spoken in SPOKEN.items():
            if op_for(function) is op:
                return _lift(spoken(*inputs, *params))
        return _node("call", (_said(op, named, inputs), *inputs), _shape(op, named, inputs, means.run), means)


def _node(head: str, args: tuple[Any, ...], shape: Shape, means: Meaning | None = None) -> Symbol:
    made = Symbol.__new__(Symbol)
    made._fill(head, args, tuple(shape), tuple(shape), means)
    return made


def _reshaped(x: Symbol, shape: Shape) -> Symbol:
    if x.shape != x.own and math.prod(shape) != math.prod(x.shape) and math.prod(x.own) != 1:
        # First another shape, then repeated: the step between must not be forgotten.
        means = Meaning("repeat", (x,), shape, lambda value: np.broadcast_to(value, shape), x)
        return _node(x.head, x.args, shape, means)
    made = Symbol.__new__(Symbol)
    made._fill(x.head, x.args, shape, x.own, x.means)
    return made


def _lift(x: Any) -> Symbol:
    if isinstance(x, Symbol):
        return x
    if isinstance(x, Size):
        return Symbol.number(x)
    if isinstance(x, (bool, int, float, np.generic)) or (isinstance(x, np.ndarray) and x.ndim == 0):
        return Symbol.number(x if isinstance(x, (bool, int, float)) else x.item())
    array = np.asarray(x) if not isinstance(x, str) else np.array(math.nan)
    return _node("name", ("[…]",), array.shape, Meaning("array", (), array, lambda: array))


def _ones(n: int) -> Symbol:
    """The column of ones that sums or repeats rows."""
    return _node("name", ("1",), (n, 1), Meaning("ones", (), n, lambda: np.ones((n, 1))))


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


def _said(op: Any, named: dict[str, Any], inputs: tuple[Symbol, ...]) -> str:
    """The symbol of an op in a formula; over which axis it goes, if not over all or the last, is its subscript."""
    symbol: str = op.symbol
    dim, ndim = named.get("dim"), max((x.ndim for x in inputs), default=0)
    if "‖" in symbol:
        return symbol if named.get("ord", 2) == 2 else f"{symbol}_{named['ord']:g}"
    if dim is None or not ndim or "·" in symbol or (isinstance(dim, int) and dim % ndim == ndim - 1):
        return symbol
    dims = dim if isinstance(dim, (tuple, list)) else (dim,)
    return f"{symbol}_{','.join(str(k % ndim) for k in dims)}"


def _shape(op: Any, named: dict[str, Any], inputs: tuple[Symbol, ...], run: Callable[..., Any]) -> Shape:
    """The shape of what an op makes of its inputs: from its parameters, or else by trying it on ones."""
    if "keepdim" in named:
        return inputs[0].sum(named["dim"], named["keepdim"]).shape
    if "shape" in named:
        return _resolve(named["shape"], inputs)
    if not getattr(op, "elementwise", False) and _ours(op) and sum(math.prod(x.shape) for x in inputs) <= LARGEST_TRIAL:
        for dtype in (np.float64, np.int64):  # the second for labels
            if (found := _tried(run, inputs, dtype)) is not None:
                return tuple(_lettered(k, n, inputs) for k, n in enumerate(found))
    return _broadcast(*inputs)


def _ours(function: Any) -> bool:
    """Whether it may be run for its notation's sake: nothing of a user's is."""
    module = str(getattr(function, "__module__", ""))
    return getattr(function, "joint", None) is None and module.partition(".")[0] in ("autograd", "numpy")


def _tried(run: Callable[..., Any], inputs: tuple[Symbol, ...], dtype: Any) -> Shape | None:
    try:
        with np.errstate(all="ignore"):
            return np.shape(run(*(np.ones(x.shape, dtype) for x in inputs)))
    except (ArithmeticError, AttributeError, IndexError, TypeError, ValueError):
        return None


def _lettered(axis: int, n: int, inputs: tuple[Symbol, ...]) -> int:
    """A size with the letter that it has on the same axis of an input."""
    return next((x.shape[axis] for x in inputs if x.ndim > axis and x.shape[axis] == n and n != 1), n)


def _reduced(symbol: str, function: Any, x: Symbol, axes: tuple[int, ...], shape: Shape) -> Symbol:
    """A sum or mean over ``axes``, which are its subscript unless it goes over all."""
    means = Meaning(function, (x,), axes, lambda x: function(x, axis=axes).reshape(shape))
    name = symbol if len(axes) == x.ndim else f"{symbol}_{','.join(map(str, axes))}"
    return _node("call", (name, x), shape, means)


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
    rows, columns = x.shape[-2:-1], y.shape[-1:] if y.ndim > 1 else ()
    stack = _broadcast(Symbol("", x.shape[:-2]), Symbol("", y.shape[:-2]))
    # A vector is a column; on the left of a product it lies down.
    return _node("matmul", (x.mT if x.ndim == 1 else x, y), (*stack, *rows, *columns))


def _compare(sign: str, x: Symbol, other: Any) -> Symbol:
    y = _lift(other)
    known = _numbers({"=": operator.eq, "≠": operator.ne}[sign], x, y) if sign in "=≠" else None
    return _node("compare", (sign, x, y), _broadcast(x, y)) if known is None else known


def _idle(guard: Meaning, x: Symbol) -> bool:
    """Whether a guard lets everything through, because its condition is known: that y is not 0, where y is 2."""
    others = [y for y in guard.arrays if y is not x]
    if not others or not _ours(guard.function) or any(y.head != "number" for y in others):
        return False
    probe = np.array([-1.5, 0.0, 2.5])
    arrays = [probe if y is x else np.asarray(y.args[0]) for y in guard.arrays]
    return bool(np.array_equal(guard.run(*arrays), probe))


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
    means = Meaning(np.transpose, (x,), order, lambda x: np.transpose(x, order))
    return _node("call", ("permute", x), tuple(x.shape[k] for k in order), means)


def _expand_dims(x: Symbol, axis: Any) -> Symbol:
    shape = np.expand_dims(np.broadcast_to(0.0, x.shape), axis).shape
    turned = x.mT if x.ndim == 1 and shape[0] == 1 else x
    return _reshaped(turned, shape)


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
    places = [k for k, x in enumerate(args) if isinstance(x, (Symbol, np.ndarray))]
    inputs = tuple(_lift(args[k]) for k in places)

    def run(*arrays: Any) -> Any:
        found = dict(zip(places, arrays, strict=True))
        return function(*(found.get(k, x) for k, x in enumerate(args)), **kwargs)

    means = Meaning(function, inputs, (args, kwargs), run)
    elementwise = isinstance(function, np.ufunc)
    shape = _broadcast(*inputs) if elementwise else _shape(function, {}, inputs, run)
    symbol = function.__name__ if op is None else op.symbol
    return _node("call", (symbol, *map(_lift, args)), shape, means)


# -- rendering

LEVELS = {
    "compare": 1, "add": 2, "subtract": 2, "negative": 2, "hadamard": 3, "divide": 3, "total": 3, "matmul": 4,
    "scale": 4, "gradient": 5, "power": 6, "transpose": 6,
}  # fmt: skip
"""How tightly each kind of expression binds; what is not listed never needs parentheses."""

ATOM = 7

HOLE = "(·)"  # what came in: the argument of an operation, or the gradient that it hands on


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

    def _infix(self, left: str, sign: str, right: str) -> str:
        return f"{left} {sign} {right}" if sign else f"{left} {right}"

    def _prefix(self, sign: str, right: str) -> str:
        return f"{sign}{right}"

    def _enclosed(self, opening: str, inner: str, closing: str) -> str:
        return f"{opening}{inner}{closing}"

    def _row(self, *parts: str) -> str:
        """Parts that follow each other closely."""
        return "".join(parts)

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
        if x.head == "number" and isinstance(x.args[0], Size):
            return 4 if " " in x.args[0].letter else ATOM  # 3 B is a product
        return 2 if x.head == "number" and x.args[0] < 0 else LEVELS.get(x.head, ATOM)

    def _operand(self, x: Symbol, least: int, inside: str = "") -> str:
        """``x`` in parentheses if it binds less than ``least``; a condition in the brackets of Iverson."""
        inner = self.render(x)
        if x.head == "compare":
            return self._enclosed("[", inner, "]")
        # The slides write (∂𝒥/∂Z W) ⊙ …: rows times columns and elementwise products are kept apart.
        loose = self._level(x) < least or (inside == "hadamard" and x.head == "matmul")
        return self._enclosed("(", inner, ")") if loose else inner

    def factor(self, x: Symbol) -> str:
        """The expression as the right-hand side of a product: in parentheses if it is a sum."""
        return self._operand(x, 3, "hadamard")

    def label(self, name: str, longest: int = 40) -> str:
        """A name of anybody's, escaped; of a short one, what follows the underscore is a subscript."""
        base, below = _parted(plain(name, longest))
        return self._subscript(self._escape(base), self._escape(below)) if below else self._escape(base)

    def _name(self, name: str) -> str:
        return self.label(name)

    def _number(self, value: Any) -> str:
        if isinstance(value, Size):
            return self._escape(value.letter)
        constants = {math.e: "e", math.pi: "π", math.inf: "∞", -math.inf: "−∞"}
        digits = constants.get(value) or (f"{value:g}" if isinstance(value, float) else str(value)).replace("-", "−")
        mantissa, _, exponent = digits.partition("e") if len(digits) > 1 else (digits, "", "")
        if not exponent:
            return self._escape(digits)
        power = self._superscript(self._escape("10"), exponent.replace("+", "").lstrip("0").replace("−0", "−"))
        return power if mantissa == "1" else self._row(self._escape(f"{mantissa}·"), power)

    def _gradient(self, of: Symbol, by: Symbol) -> str:
        return f"∂{self.render(of)}/∂{self.render(by)}"

    def _add(self, x: Symbol, y: Symbol) -> str:
        return self._infix(self._operand(x, 2), "+", self._operand(y, 2))

    def _subtract(self, x: Symbol, y: Symbol) -> str:
        return self._infix(self._operand(x, 2), "−", self._operand(y, 3))

    def _negative(self, x: Symbol) -> str:
        return self._prefix("−", self._operand(x, 3))

    def _hadamard(self, x: Symbol, y: Symbol) -> str:
        return self._infix(self._operand(x, 3, "hadamard"), "⊙", self._operand(y, 3, "hadamard"))

    def _scale(self, x: Symbol, y: Symbol) -> str:
        left, right = self._operand(x, 4), self._operand(y, 4)
        dotted = _first(y).isdigit() or left == right
        return self._infix(left, "·" if dotted else "", right)

    def _matmul(self, x: Symbol, y: Symbol) -> str:
        return self._infix(self._operand(x, 4), "", self._operand(y, 4 + (y.head == "scale")))

    def _divide(self, x: Symbol, y: Symbol) -> str:
        stroke = " / " if self._level(x) in (3, 4, 5) else "/"
        return f"{self._operand(x, 3)}{stroke}{self._operand(y, 6)}"

    def _power(self, x: Symbol, y: Symbol) -> str:
        return self._superscript(self._operand(x, ATOM), self.render(y))

    def _transpose(self, x: Symbol) -> str:
        return self._superscript(self._operand(x, ATOM), "T")

    def _compare(self, sign: str, x: Symbol, y: Symbol) -> str:
        return self._infix(self._operand(x, 2), self._escape(sign), self._operand(y, 2))

    def _index(self, x: Symbol, where: str) -> str:
        return self._row(self._operand(x, ATOM), self._enclosed("[", self._escape(where), "]"))

    def _call(self, symbol: str, *args: Symbol) -> str:
        """σ(x); a symbol with a dot shows where its argument goes: |·|."""
        shown = plain(symbol)
        before, dot, after = shown.partition("·")
        if not dot or not args:
            name, _, below = shown.partition("_")
            sign = self._subscript(self._escape(name), self._escape(below)) if below and name else self.label(shown)
            return self._row(sign, self._enclosed("(", self._listed(args), ")"))
        enclosed = before[-1:] in ("(", "[", "|") and after[:1] in (")", "]", "|")
        inner = self._operand(args[0], 0 if enclosed else ATOM)
        return self._row(self._escape(before), inner, self._escape(after))

    def _listed(self, args: tuple[Symbol, ...]) -> str:
        return ", ".join(map(self.render, args))

    def _element(self, of: Symbol, name: str, *indices: Any) -> str:
        """One element, or one sample: indices are anything with a ``letter``; none of a scalar."""
        where = self._row(*(self._escape(k.letter) for k in indices)) if indices else ""
        if not name:
            whole = self._enclosed("[", self.render(of), "]")
            return self._subscript(whole, where) if where else whole
        base, below = _parted(plain(name))
        if below:
            where = self._row(self._escape(below), self._escape(","), where) if where else self._escape(below)
        return self._subscript(self._escape(base), where) if where else self._escape(base)

    def _position(self, index: Any) -> str:
        return self._escape(index.letter)

    def _total(self, index: Any, x: Symbol) -> str:
        return self._infix(self._subscript(self._escape("Σ"), self._escape(index.letter)), "", self._operand(x, 3))

    def _blank(self) -> str:
        return self._escape("……………")

    def _grouped(self, x: Symbol) -> str:
        return self._row(self._operand(x, 3))


def _first(x: Symbol) -> str:
    """The first character of an expression, by which "2 · 3 x" is told from "2 x"."""
    return Text().render(x)[:1] if LEVELS.get(x.head, ATOM) >= 4 else ""


def _parted(name: str) -> tuple[str, str]:
    """A name and its subscript: what follows the underscore of a short one."""
    short = re.fullmatch(r"([^\W_]{1,2})_([^_].*)", name)
    return (short[1], short[2]) if short else (name, "")


class Text(Renderer):
    """Unicode: ``(∂𝒥/∂Z_H)ᵀ X``."""

    superscripts = str.maketrans("0123456789−T", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻ᵀ")

    def _escape(self, text: str) -> str:
        return text

    def _subscript(self, base: str, below: str) -> str:
        return f"{base}_{below}"

    def _element(self, of: Symbol, name: str, *indices: Any) -> str:
        written = super()._element(of, name, *indices)
        base, _, below = written.rpartition("_")
        return f"{base}_{{{below}}}" if indices and len(below) > 1 else written

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


class Latex(Renderer):
    r"""LaTeX for math mode: ``\left(\frac{\partial \mathcal{J}}{\partial Z_{H}}\right)^{T} X``.

    Whatever a user wrote comes out as letters, digits and commands of this class.
    """

    def _escape(self, text: str) -> str:
        parts = re.findall(r"[A-Za-z]{2,}|′+|.", text, re.DOTALL)
        return "".join(f"\\mathrm{{{p}}}" if len(p) > 1 and p.isalpha() else _latex(p) for p in parts)

    def _subscript(self, base: str, below: str) -> str:
        return f"{{{base}}}_{{{below}}}" if "_" in base or "^" in base else f"{base}_{{{below}}}"

    def _superscript(self, base: str, above: str) -> str:
        return f"{base}^{{{above.replace('−', '-')}}}"

    def _infix(self, left: str, sign: str, right: str) -> str:
        return f"{left} {_latex(sign) if len(sign) == 1 else sign} {right}" if sign else f"{left} \\, {right}"

    def _prefix(self, sign: str, right: str) -> str:
        return f"{_latex(sign)}{right}"

    def _enclosed(self, opening: str, inner: str, closing: str) -> str:
        return f"\\left{opening}{inner}\\right{closing}"

    def _gradient(self, of: Symbol, by: Symbol) -> str:
        return f"\\frac{{\\partial {self.render(of)}}}{{\\partial {self.render(by)}}}"

    def _divide(self, x: Symbol, y: Symbol) -> str:
        return f"\\frac{{{self.render(x)}}}{{{self.render(y)}}}"

    def _power(self, x: Symbol, y: Symbol) -> str:
        return f"{self._raised(x)}^{{{self.render(y)}}}"

    def _transpose(self, x: Symbol) -> str:
        return f"{self._raised(x)}^{{T}}"

    def _raised(self, x: Symbol) -> str:
        base = self._operand(x, ATOM)
        return f"{{{base}}}" if "^" in base else base

    def _call(self, symbol: str, *args: Symbol) -> str:
        return f"\\sqrt{{{self.render(args[0])}}}" if symbol == "√" else super()._call(symbol, *args)

    def _total(self, index: Any, x: Symbol) -> str:
        return f"\\sum_{{{self._escape(index.letter)}}} {self._operand(x, 3)}"

    def _blank(self) -> str:
        return r"\ldots\ldots\ldots\ldots"


def _greek(letter: str) -> str:
    """α by its name in Unicode, which is its name in LaTeX (but that of λ)."""
    name = unicodedata.name(letter).rpartition(" ")[2].lower()
    return f"\\{name if letter.islower() else name.title()} "


LATEX = {
    "−": "-", "⊙": r"\odot ", "·": r"\cdot ", "σ": r"\sigma ", "Σ": r"\Sigma ", "Π": r"\Pi ", "∂": r"\partial ",
    "𝒥": r"\mathcal{J}", "∞": r"\infty ", "≠": r"\neq ", "≤": r"\leq ", "≥": r"\geq ", "∧": r"\wedge ",
    "∨": r"\vee ", "⊕": r"\oplus ", "¬": r"\neg ", "√": r"\mathrm{sqrt}", "‖": r"\Vert ", "…": r"\ldots ",
    "*": r"\ast ", "ᵀ": "^{T}", "₀": "_{0}", "₁": "_{1}", "₂": "_{2}", "∏": r"\Pi ", "←": r"\leftarrow ",
    "×": r"\times ",
    "\\": r"\backslash ", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "_": r"\_", "%": r"\%",
    "^": r"{\wedge}", "~": r"{\sim}", " ": r"\ ", "\"": r"{}^{\prime\prime}", "'": r"{}^{\prime}", "`": r"{}^{\prime}",
    "λ": r"\lambda ", "Λ": r"\Lambda ", **{c: _greek(c) for c in "αβγδεζηθικμνξπρτυφχψωΓΔΘΞΦΨΩ"},
}  # fmt: skip
"""Characters that mean something to LaTeX, or that it cannot read, as commands of math mode."""


def _latex(character: str) -> str:
    """One character as LaTeX can read it, or a row of primes; one that LaTeX has no letter for, by its number."""
    if character[0] == "′":
        return "^{" + r"\prime" * len(character) + "}"
    known = LATEX.get(character)
    if known is not None:
        return known
    return character if character.isascii() else f"\\mathrm{{U{ord(character):X}}}"


class MathML(Renderer):
    """MathML, which browsers set themselves: ``<msub><mi>Z</mi><mi>H</mi></msub>``."""

    def _escape(self, text: str) -> str:
        number = re.fullmatch(r"[−]?[0-9.]+", text)
        tag = "mn" if number else "mi" if text[:1].isalpha() else "mo" if len(text) == 1 else "mtext"
        safe = html.escape(text.translate(UNWRITABLE), quote=True)
        return f"<{tag}>{safe}</{tag}>" if text else ""

    def _subscript(self, base: str, below: str) -> str:
        return f"<msub>{self._row(base)}{self._row(below)}</msub>"

    def _superscript(self, base: str, above: str) -> str:
        over = above if above.startswith("<") else self._escape(above)
        return f"<msup>{self._row(base)}{self._row(over)}</msup>"

    def _infix(self, left: str, sign: str, right: str) -> str:
        operator = sign if sign.startswith("<") else f"<mo>{sign or '&#x2062;'}</mo>"
        return self._row(left, operator, right)

    def _prefix(self, sign: str, right: str) -> str:
        return self._row(f"<mo>{sign}</mo>", right)

    def _enclosed(self, opening: str, inner: str, closing: str) -> str:
        return self._row(f"<mo>{opening}</mo>", inner, f"<mo>{closing}</mo>")

    def _row(self, *parts: str) -> str:
        return f"<mrow>{''.join(parts)}</mrow>"

    def _listed(self, args: tuple[Symbol, ...]) -> str:
        return "<mo>,</mo>".join(map(self.render, args))

    def _gradient(self, of: Symbol, by: Symbol) -> str:
        above, below = (self._row("<mo>∂</mo>", self.render(x)) for x in (of, by))
        return f"<mfrac>{above}{below}</mfrac>"

    def _divide(self, x: Symbol, y: Symbol) -> str:
        return f"<mfrac>{self._row(self.render(x))}{self._row(self.render(y))}</mfrac>"

    def _call(self, symbol: str, *args: Symbol) -> str:
        return f"<msqrt>{self.render(args[0])}</msqrt>" if symbol == "√" else super()._call(symbol, *args)

    def _total(self, index: Any, x: Symbol) -> str:
        return self._row(f"<munder><mo>∑</mo>{self._escape(index.letter)}</munder>", self._operand(x, 3))


UNWRITABLE = dict.fromkeys((*range(9), 11, 12, *range(14, 32), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF), "�")
"""What XML cannot hold."""
