"""From matrices to indices: (∂𝒥/∂Z)ᵀ X becomes Σ_i ∂𝒥/∂z_{il} x_{ij}.

Every axis of every variable belongs to a family of axes that one index runs over: rows of X and rows of Z share theirs
because one product has both. Which do is found while the formulas are expanded; a letter is given to each family last.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from autograd import ops

from ..notation import Meaning, Size, Symbol

__all__ = ["Index", "Indices"]

Where = tuple[Any, ...]  # an Index for each axis, 0 for an axis of size 1
LETTERS = "lmnpqrstuvghabcdef"
ELEMENTWISE = ("add", "subtract", "scale", "hadamard", "divide", "power")


class Index:
    """What runs over an axis: i = 1 … B.

    Attributes
    ----------
    size : int
    letter : str
        Given last, when all families of axes are known.
    """

    __slots__ = ("letter", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self.letter = "?"


class Indices:
    """The index notation of one graph.

    Parameters
    ----------
    names : iterable of str
        All names of the graph: Z becomes z unless there is another z.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self.names = frozenset(names)
        self.parents: dict[Any, Any] = {}

    # -- families of axes

    def family(self, axis: Any) -> Any:
        """The one that stands for all axes of the family of ``axis``: an Index, or (name, number)."""
        key = root = axis
        while (parent := self.parents.setdefault(root, root)) != root:
            root = parent
        while key != root:
            self.parents[key], key = root, self.parents[key]
        return root

    def join(self, a: Any, b: Any) -> None:
        """``a`` and ``b`` are of one family."""
        self.parents[self.family(a)] = self.family(b)

    # -- expansion

    def free(self, x: Symbol) -> Where:
        """New indices for the axes of ``x``."""
        return tuple(Index(n) if n != 1 else 0 for n in x.shape)

    def at(self, x: Symbol, where: Where) -> Symbol:
        """The element of ``x`` at ``where``, in elements of the names."""
        if x.means is not None and x.means.guards is not None:
            return self._guarded(x, where)
        own = _regrouped(where, x.shape, x.own)
        expand = getattr(self, f"_{x.head}", None)
        made = None if expand is None or own is None else expand(x, own)
        return self._picked(x, where) if made is None else made

    def _guarded(self, x: Symbol, where: Where) -> Symbol:
        assert x.means is not None
        assert x.means.guards is not None
        inner = self._aligned(x.means.guards, where)
        if x.means.function == "repeat":
            return inner
        arrays = tuple(self._aligned(a, where) for a in x.means.arrays)
        return Symbol.made(inner.head, inner.args, (), replace(x.means, arrays=arrays, guards=inner))

    def _picked(self, x: Symbol, where: Where) -> Symbol:
        """[x]_{ij}, of what has no index notation of its own."""
        return Symbol.made("element", (x, "", *(k for k in where if isinstance(k, Index))))

    def _aligned(self, x: Symbol, where: Where) -> Symbol:
        """Of an operand that is broadcast."""
        where = (0,) * (x.ndim - len(where)) + tuple(where[len(where) - x.ndim :] if x.ndim else ())
        return self.at(x, tuple(0 if n == 1 else k for n, k in zip(x.shape, where, strict=True)))

    def _name(self, x: Symbol, where: Where) -> Symbol | None:
        if x.means is not None:
            return Symbol.number(1) if x.means.function == "ones" else None
        name: str = x.args[0]
        for axis, k in enumerate(where):
            if isinstance(k, Index):
                self.join(k, (name, axis))
        first = name[:1].lower()
        small = first + name[1:] if name[1:2] in ("", "_") and first + name[1:] not in self.names else name
        whole = Symbol(name, x.own)
        return Symbol.made("element", (whole, small, *(k for k in where if isinstance(k, Index))))

    def _number(self, x: Symbol, where: Where) -> Symbol:
        return Symbol.number(x.args[0])

    def _gradient(self, x: Symbol, where: Where) -> Symbol:
        of, by = x.args
        one = self.at(Symbol(by.args[0], by.own), _regrouped(where, x.own, by.own) or ())
        return Symbol.made("gradient", (of, one))

    def _elementwise(self, x: Symbol, where: Where) -> Symbol:
        a, b = (self._aligned(y, where) for y in x.args)
        function = {"add": "__add__", "subtract": "__sub__", "divide": "__truediv__", "power": "__pow__"}
        made: Symbol = getattr(a, function.get(x.head, "__mul__"))(b)
        return made

    _add = _subtract = _scale = _hadamard = _divide = _power = _elementwise

    def _negative(self, x: Symbol, where: Where) -> Symbol:
        return -self._aligned(x.args[0], where)

    def _compare(self, x: Symbol, where: Where) -> Symbol:
        sign, a, b = x.args
        return Symbol.made("compare", (sign, self._aligned(a, where), self._aligned(b, where)))

    def _transpose(self, x: Symbol, where: Where) -> Symbol:
        (y,) = x.args
        return self.at(y, (where[-1],) if y.ndim == 1 else (*where[:-2], where[-1], where[-2]))

    def _matmul(self, x: Symbol, where: Where) -> Symbol | None:
        a, b = x.args
        if not a.ndim or not b.ndim:
            return None
        stack = tuple(np.broadcast_shapes(a.shape[:-2], b.shape[:-2]))
        full = (*stack, *(a.shape[-2:-1]), *(b.shape[-1:] if b.ndim > 1 else ()))
        found = _regrouped(where, x.own, full)
        if found is None:
            return None
        column = found[-1:] if b.ndim > 1 else ()
        rows = found[: len(found) - len(column)]
        j: Any = Index(a.shape[-1]) if a.shape[-1] != 1 else 0
        left = self._aligned(a, (*rows, j))
        right = self._aligned(b, (*rows[:-1], j, *column) if b.ndim > 1 else (j,))
        # The slides write the weight first: Σ_j w_{lj} x_{ij}
        product = right * left if b.head == "transpose" else left * right
        return _total((j,), product)

    def _call(self, x: Symbol, where: Where) -> Symbol | None:
        assert x.means is not None
        function, params = x.means.function, x.means.params
        if function in (np.sum, np.mean):
            return self._reduced(x, where)
        if function is np.transpose:
            places = dict(zip(params, where, strict=True))
            return self.at(x.means.arrays[0], tuple(places[k] for k in range(len(where))))
        if isinstance(function, np.ufunc) or getattr(function, "elementwise", False):
            args = tuple(self._aligned(a, where) for a in x.args[1:])
            arrays = tuple(self._aligned(a, where) for a in x.means.arrays)
            return Symbol.made("call", (x.args[0], *args), (), Meaning(function, arrays, params, x.means.run))
        if function in (ops.clone, ops.cast):
            return self.at(x.means.arrays[0], where)
        if function is ops.one_hot and all(isinstance(k, Index) for k in where):
            label = self.at(x.means.arrays[0], where[:1])
            self._aligned(x.means.arrays[1], where)  # so that its families are this one's
            return label == Symbol.made("position", where[1:])
        if function in (ops.softmax, ops.log_softmax, ops.logsumexp):
            return self._exponentials(x, where)
        return None

    def _reduced(self, x: Symbol, where: Where) -> Symbol | None:
        assert x.means is not None
        (y,), axes = x.means.arrays, x.means.params
        kept = tuple(n for k, n in enumerate(y.shape) if k not in axes)
        rest = _regrouped(where, x.own, kept)
        if rest is None:
            return None
        places = iter(rest)
        full = tuple((Index(n) if n != 1 else 0) if k in axes else next(places) for k, n in enumerate(y.shape))
        total = _total([full[k] for k in axes], self.at(y, full))
        if x.means.function is np.sum:
            return total
        return total / math.prod(y.shape[k] for k in axes)

    def _exponentials(self, x: Symbol, where: Where) -> Symbol | None:
        assert x.means is not None
        (y,), dim = x.means.arrays, x.means.params[0]
        dims = range(y.ndim) if dim is None or dim == () else (dim,) if isinstance(dim, int) else dim
        axes = {k % y.ndim for k in dims} if y.ndim else set()
        kept = tuple(n for k, n in enumerate(y.shape) if k not in axes)
        reduces = x.means.function is ops.logsumexp
        rest = _regrouped(where, x.own, kept) if reduces else tuple(k for n, k in enumerate(where) if n not in axes)
        if rest is None:
            return None
        places = iter(rest)
        full = tuple((Index(n) if n != 1 else 0) if k in axes else next(places) for k, n in enumerate(y.shape))
        total = _total([full[k] for k in sorted(axes)], math.e ** self.at(y, full))
        if x.means.function is ops.softmax:
            return math.e ** self.at(y, where) / total
        return np.log(total) if reduces else self.at(y, where) - np.log(total)

    # -- letters

    def letter(self, x: Symbol, free: Where, letters: dict[Any, str]) -> None:
        """Give every index of ``x`` the letter of its family; one that is taken around it, with a prime."""
        used: set[str] = set()

        def give(k: Index) -> None:
            letter = letters.get(self.family(k), "i" if isinstance(k.size, Size) else None)
            if letter is None:
                letter = letters[self.family(k)] = _next(set(letters.values()))
            while letter in used:
                letter += "′"
            k.letter = letter
            used.add(letter)

        for k in free:
            if isinstance(k, Index):
                give(k)
        stack: list[Any] = [x]
        while stack:
            y = stack.pop()
            if isinstance(y, Index):  # the end of the sum over it
                used.discard(y.letter)
            elif y.head == "total":
                give(y.args[0])
                stack += y.args
            elif y.head != "element":
                stack += [a for a in reversed(y.args) if isinstance(a, Symbol)]


def _next(taken: set[str]) -> str:
    for turn in range(len(taken) + 1):
        for letter in LETTERS:
            name = f"{letter}{turn + 1}" if turn else letter
            if name not in taken:
                return name
    raise AssertionError("there are more letters than families")


def _total(indices: Sequence[Any], x: Symbol) -> Symbol:
    for k in reversed(indices):
        if isinstance(k, Index):
            x = Symbol.made("total", (k, x))
    return x


def _regrouped(where: Where, shape: Sequence[int], own: Sequence[int]) -> Where | None:
    """``where`` in an array of ``shape``, for the same array in the shape ``own``: axes of size 1 come and go."""
    if tuple(shape) == tuple(own):
        return where
    long = [k for k, n in zip(where, shape, strict=True) if n != 1]
    wide = [n for n in own if n != 1]
    if not wide:
        return (0,) * len(own)
    if [n for n in shape if n != 1] == wide:
        places = iter(long)
        return tuple(next(places) if n != 1 else 0 for n in own)
    if len(own) <= len(where):  # it was repeated
        tail = where[len(where) - len(own) :]
        if all(n in (1, m) for n, m in zip(own, shape[len(shape) - len(own) :], strict=True)):
            return tuple(0 if n == 1 else k for n, k in zip(own, tail, strict=True))
    return None


def sized(shape: Sequence[int], letters: Sequence[str | None]) -> tuple[int, ...]:
    """A shape in which some sizes have letters."""
    return tuple(Size(n, letter) if letter and n != 1 else n for n, letter in zip(shape, letters, strict=True))
