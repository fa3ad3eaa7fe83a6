"""The equations of a graph: one for each variable and one for each gradient, derived from the ops' own rules.

>>> import autograd
>>> from autograd.graph import Graph
>>> from viz.sheet.equations import Equations
>>> x = autograd.tensor([1.0, 2.0], requires_grad=True)
>>> for equation in Equations(Graph((x**2).sum()), {"x": x}).all():
...     print(equation.left.text, "=", equation.right.text)
𝒥 = Σ(x²)
∂𝒥/∂x = 2 x
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from autograd import ops
from autograd.graph import Graph, Variable

from ..names import name_variables
from ..notation import Meaning, Size, Symbol
from .algebra import nodes, simplified, total
from .indices import Index, Indices, sized
from .samples import Samples

__all__ = ["LEVELS", "Equation", "Equations"]

LEVELS = ("matrix", "batch", "scalar")
LONGEST = 60  # nodes of a gradient that has to be put into the next one
BRIEF = 12  # nodes of a formula, or of a gradient, that is put into the next one for the reader's sake
MOST_USES = 4  # that are named
LAST_LETTERS = ("i", "k", "j")


@dataclass(frozen=True)
class Equation:
    """One line of the sheet.

    Attributes
    ----------
    number : int
        Its number on the sheet, from 1.
    name : str
        The variable that it is about.
    backward : bool
        Whether it is the variable's gradient, and not its value.
    left, right : Symbol
        The sides. A :class:`~viz.sheet.evaluate.Evaluator` computes the right one.
    shape : tuple of int
        Of the whole variable, at every level.
    terms : tuple of (str, Symbol)
        What the uses of a variable contribute to its gradient: the name of the result, and the summand.
    notes : tuple of str
        What else a lecturer would say about the line.
    free : tuple of Index
        In index notation: the line holds for each of their values.
    variable : int
        The variable's index in the graph.
    hidden : bool
        Whether the right side is left blank.
    """

    number: int
    name: str
    backward: bool
    left: Symbol
    right: Symbol
    shape: tuple[int, ...]
    terms: tuple[tuple[str, Symbol], ...] = ()
    notes: tuple[str, ...] = ()
    free: tuple[Index, ...] = ()
    variable: int = 0
    hidden: bool = False


class Equations:
    """Derives the equations of ``graph``.

    Attributes
    ----------
    batch : int or None
        How many samples there are, where the graph has data: B.
    """

    def __init__(self, graph: Graph, names: Mapping[str, Any] | None = None) -> None:
        self.graph = graph
        found = name_variables(graph, names)
        self.names = [n.name for n in found]
        self.paths = [n.path for n in found]
        chosen = {id(x) for x in (names or {}).values()}
        self.automatic = [
            v.op is not None and re.fullmatch(r"h(_\d+)?", n.name) is not None
            and not v.name and id(v.tensor) not in chosen
            for v, n in zip(graph, found, strict=True)
        ]  # fmt: skip
        self.indices = Indices(self.names)
        self.symbols = [n.symbol for n in found]
        self.batch = self._letter_sizes()
        self.kept: set[int] = set()
        self.loss = self.symbols[-1] if not graph.output.shape else Symbol(f"Σ{self.names[-1]}")
        while not self._derive():
            pass
        self.indices.names = frozenset(self.names[v.index] for v in graph if v.op is None or v.index in self.forward)

    # -- sizes

    def _letter_sizes(self) -> int | None:
        """Give the axis of the samples its letter, wherever it goes."""
        family = self.indices.family
        for v in self.graph:
            if v.op is not None:
                where = self.indices.free(self.symbols[v.index])
                self.indices.at(self.symbols[v.index], where)
                self.indices.at(self.formula(v, self.symbols), where)
        leaves = [v for v in self.graph if v.op is None and v.shape and v.consumers]
        data = sorted(leaves, key=lambda v: (v.kind != "constant" or self.paths[v.index] is not None, len(v.shape) < 2))
        if not data or data[0].kind != "constant" or data[0].shape[0] == 1:
            self.rows = None
            return None
        self.rows = family((self.names[data[0].index], 0))
        for v in self.graph:
            letters = [
                "B" if family((self.names[v.index], axis)) == self.rows else None for axis in range(len(v.shape))
            ]
            self.symbols[v.index] = Symbol(self.names[v.index], sized(v.shape, letters))
        return data[0].shape[0]

    # -- derivation

    def formula(self, v: Variable, of: Any) -> Symbol:
        """The forward of ``v``, with ``of[index]`` for each variable that it reads."""
        assert v.op is not None
        inputs = [of[x.index] if isinstance(x, Variable) else Symbol.number(x) for x in v.inputs]
        floats = all(isinstance(x, Variable) and x.value.dtype.kind == "f" for x in (v, *v.inputs))
        if v.op in (ops.cast, ops.clone) and floats:  # of no concern to mathematics
            return inputs[0]
        if v.op.joint is not None:  # a Function: its code has run, and is not to be run again
            recorded = v.value
            means = Meaning(v.op, (), None, lambda: recorded)
            return Symbol.made("call", (v.op.symbol, *inputs), self.symbols[v.index].shape, means)
        made: Symbol = v.op(*inputs, **v.params)
        shape = self.symbols[v.index].shape
        return made if made.ndim == len(shape) else made.shaped(shape)  # of a function that says nothing of its shape

    def contribution(self, v: Variable, k: int, g: Symbol, of: Any) -> Symbol:
        """What ``v`` hands on to its input ``k`` of its gradient ``g``; summed where the input was repeated."""
        inputs = tuple(of[x.index] if isinstance(x, Variable) else Symbol.number(x) for x in v.inputs)
        term = v.rule(k, g, of[v.index], inputs)
        shape = self.symbols[v.inputs[k].index].shape
        made: Symbol = term if isinstance(term, Symbol) else Symbol.number(1) * term
        return simplified(made.shrink(shape).shaped(shape))

    def _derive(self) -> bool:
        """Both passes; False if a variable must get a line of its own after all."""
        graph, symbols = self.graph, self.symbols
        self.stands = list(symbols)  # what is written for each variable: its name, or its formula
        self.forward: dict[int, Symbol] = {}
        for v in graph:
            if v.op is None:
                continue
            right = simplified(self.formula(v, self.stands)).shaped(symbols[v.index].shape)
            once = self.automatic[v.index] and len(v.consumers) == 1 and v.index not in self.kept
            if once and nodes(right) <= BRIEF:
                self.stands[v.index] = right
            else:
                self.forward[v.index] = right
        self.backward: dict[int, tuple[tuple[Variable, Symbol], ...]] = {}
        seed = Symbol.number(1, symbols[-1].shape)
        upstream: dict[int, Symbol] = {graph.output.index: seed} if graph.output.requires_grad else {}
        into: dict[int, list[tuple[Variable, Symbol]]] = {}
        missing: set[int] = set()
        for v in reversed(graph.variables):
            terms = tuple(into.pop(v.index, ()))
            if terms:
                whole = total([t for _, t in terms])
                if self._passes(v, terms) and nodes(whole) <= (LONGEST if v.index not in self.forward else BRIEF):
                    upstream[v.index] = whole
                else:
                    if v.op is not None and v.index not in self.forward:
                        missing.add(v.index)
                    self.backward[v.index] = terms
                    upstream[v.index] = Symbol.gradient(self.loss, symbols[v.index])
            if v.index not in upstream or v.op is None:
                continue
            g = upstream[v.index]
            for k, x in enumerate(v.inputs):
                if v.has_rule(k):
                    into.setdefault(x.index, []).append((v, self.contribution(v, k, g, self.stands)))
        self.kept |= missing
        return not missing

    def _passes(self, v: Variable, terms: tuple[Any, ...]) -> bool:
        """Whether the gradient of ``v`` is put into the next one, as the slides do with ∂𝒥/∂U."""
        if len(terms) != 1 or v.op is None or v.index in self.kept:
            return False
        wanting = [x for k, x in enumerate(v.inputs) if v.has_rule(k)]
        return v.index not in self.forward or (len(wanting) == 1 and wanting[0].shape == v.shape)

    # -- lines

    def all(self, level: str = "matrix") -> list[Equation]:
        """The lines in the order in which they are computed: forward, then backward."""
        shown = [v for v in self.graph if v.index in self.forward]
        lines = [self._line(v, self.symbols[v.index], (), self.forward[v.index]) for v in shown]
        for index in sorted(self.backward, reverse=True):
            v = self.graph.variables[index]
            left = Symbol.gradient(self.loss, self.symbols[index])
            terms = self.backward[index]
            right = simplified(total([t for _, t in terms]))
            lines.append(self._line(v, left, terms, right.shaped(self.symbols[index].shape)))
        if level == "scalar":
            lines = self._in_indices(lines)
        elif level == "batch":
            lines = self._by_samples(lines)
        return [replace(line, number=n) for n, line in enumerate(lines, 1)]

    def opaque(self, line: Equation) -> bool:
        """Whether a right side says what a Function of the user's does, without notation to compute it by."""
        stack = [line.right]
        while stack:
            x = stack.pop()
            stack += [a for a in x.args if isinstance(a, Symbol)]
            if x.means is not None:
                stack += x.means.arrays
                if x.means.arrays and getattr(x.means.function, "joint", None) is not None:
                    return True
        return False

    def recorded(self, line: Equation) -> Any:
        """What the graph itself holds for a line."""
        v = self.graph.variables[line.variable]
        return self.graph.gradient(v) if line.backward else v.value

    def _line(self, v: Variable, left: Symbol, terms: Any, right: Symbol) -> Equation:
        notes = []
        if len(v.consumers) > 1:
            users = list(dict.fromkeys(self.names[self.seen(w).index] for w, _ in v.consumers))
            more = ["…"] if len(users) > MOST_USES else []
            notes.append(f"used {len(v.consumers)}×, in {', '.join(users[:MOST_USES] + more)}")
        if not terms:
            notes += _reductions(right)
        named = tuple((self.names[self.seen(w).index], t) for w, t in terms) if len(terms) > 1 else ()
        return Equation(
            0, self.names[v.index], bool(terms), left, right, self.symbols[v.index].shape, named, tuple(notes),
            (), v.index,
        )  # fmt: skip

    def seen(self, v: Variable) -> Variable:
        """The variable with a line of its own whose formula ``v`` was put into."""
        while v.index not in self.forward:
            v = v.consumers[0][0]
        return v

    def _in_indices(self, lines: list[Equation]) -> list[Equation]:
        """Every line for one element."""
        expanded = []
        for line in lines:
            where = self.indices.free(self.symbols[line.variable])
            # The sides share their indices.
            left, right = self.indices.at(line.left, where), simplified(self.indices.at(line.right, where))
            terms = tuple((name, self.indices.at(t.shaped(line.shape), where)) for name, t in line.terms)
            free = tuple(k for k in where if isinstance(k, Index))
            expanded.append(replace(line, left=left, right=right, free=free, terms=terms))
        letters = self._letters()
        for line in expanded:
            for part in (line.left, *(t for _, t in line.terms), line.right):
                self.indices.letter(part, line.free, letters)
        return expanded

    def _by_samples(self, lines: list[Equation]) -> list[Equation]:
        """Every line for one sample, where it is about samples."""
        samples, letters = Samples(self.indices), self._letters()
        written = []
        for line in lines:
            symbol = self.symbols[line.variable]
            free: tuple[Index, ...] = ()
            if symbol.ndim and isinstance(symbol.shape[0], Size):
                i = Index(int(symbol.shape[0]))
                left, right, free = samples.row(line.left, i), samples.row(line.right.shaped(symbol.shape), i), (i,)
                terms = tuple((name, samples.row(t.shaped(symbol.shape), i)) for name, t in line.terms)
            else:
                left, right = line.left, samples.whole(line.right)
                terms = tuple((name, samples.whole(t)) for name, t in line.terms)
            line = replace(line, left=left, right=simplified(right), free=free, terms=terms)
            for part in (line.left, *(t for _, t in terms), line.right):
                self.indices.letter(part, free, letters)
            written.append(line)
        return written

    def _letters(self) -> dict[Any, str]:
        """The slides' letters: i for samples, j for features, k for outputs, then l, m, … for hidden units."""
        family, letters = self.indices.family, dict[Any, str]()
        data = [v for v in self.graph if v.op is None and len(v.shape) > 1 and v.kind == "constant"]
        results = [v for v in self.graph if v.index in self.forward and len(v.shape) > 1]
        axes: list[Any] = [self.rows]
        axes.append(family((self.names[results[-1].index], len(results[-1].shape) - 1)) if results else None)
        axes.append(family((self.names[data[0].index], len(data[0].shape) - 1)) if data else None)
        for letter, axis in zip(LAST_LETTERS, axes, strict=True):
            if axis is not None:
                letters.setdefault(axis, letter)
        return letters


def _reductions(x: Symbol) -> list[str]:
    """Whether a loss is a sum or a mean, in words."""
    notes, stack = [], [x]
    while stack:
        y = stack.pop()
        if y.head == "call" and y.means is not None and y.means.function in (np.sum, np.mean):
            word = "sum" if y.means.function is np.sum else "mean"
            (of,) = y.means.arrays
            sizes = [of.shape[k] for k in y.means.params]
            counted = "·".join(n.letter if isinstance(n, Size) else str(n) for n in sizes if n != 1)
            note = f"{word} over {counted}" if counted else word
            if note not in notes:
                notes.append(note)
        stack += [a for a in reversed(y.args) if isinstance(a, Symbol)]
    return notes
