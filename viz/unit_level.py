"""The picture at the level of units: every number of one sample, with its gradient, in the slides' index notation.

A number is a node. A weight stands on the wire that it scales: u → w → z. What depends on what is known for linear,
elementwise and reducing operations and for those that only move elements; the local factors ∂z/∂u on the way back are
the operations' own rules, given a gradient that is 1 at one element and 0 elsewhere.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import graphviz
import numpy as np

from autograd.graph import Graph, Variable

from . import cells
from .diagram import Diagram
from .marks import Ids, many, words
from .names import Name
from .notation import Symbol
from .options import Options

__all__ = ["diagram"]

WIRES = 16  # between two layers; with more, units are left out
FEW = 3  # units shown of a layer that is too wide
LARGEST = 250  # nodes
SAID = 40  # numbers that the alternative text tells

PRODUCTS = frozenset({"linear", "matmul"})
MOVES = frozenset({"reshape", "permute", "transpose", "clone", "cast", "broadcast_to", "getitem"})
LINES = frozenset({"sum", "mean", "prod", "amax", "amin", "p_norm", "logsumexp", "softmax", "log_softmax"})
LOSSES = frozenset({"bce", "bce_with_logits", "cross_entropy"})

Array = np.ndarray[Any, Any]


def diagram(graph: Graph, names: Sequence[Name], options: Options) -> Diagram:
    """Draw the numbers of one sample.

    Parameters
    ----------
    graph : Graph
    names : sequence of Name
        Of its variables, by :func:`viz.names.name_variables`.
    options : Options
        ``sample`` says which row of the batch; the first one if None.

    Raises
    ------
    IndexError
        If the batch has no such row.
    ValueError
        For an operation that mixes numbers in another way, a convolution, say; for more than 250 numbers even with
        units left out.

    Examples
    --------
    >>> import autograd, viz
    >>> w, x = autograd.tensor([[2.0, 3.0]], requires_grad=True), autograd.ones(5, 2)
    >>> loss = autograd.linear(x, w, autograd.zeros(1, requires_grad=True)).sum()
    >>> viz.draw(loss, show="both", level="unit", sample=4)
    <Diagram: forward and backward, row 4 of 5: 7 numbers>
    """
    return _Picture(graph, names, options).diagram()


@dataclass(frozen=True)
class _Use:
    """One number is computed from another: element ``of`` of ``target`` from element ``at`` of its input ``k``."""

    source: int
    target: int
    k: int
    at: int
    of: int
    wire: int | None = None  # the weight in between


class _Picture:
    def __init__(self, graph: Graph, names: Sequence[Name], options: Options) -> None:
        self.graph = graph
        self.names = names
        self.options = options
        self.look = options.theme
        self.root = names[-1].symbol
        self.fixed = self._fixed()
        self.batch = self._batch()
        row = options.sample or 0
        if self.batch is not None and not 0 <= row < self.batch:
            raise IndexError(f"draw: sample={row} is not a row of the batch, which has {self.batch}")
        self.row = row
        self.holders: list[Variable] = []  # that have numbers of their own
        self.starts: list[int] = []  # and the first of these
        self.numbers: dict[int, Array] = {}  # variable → its numbers, in its shape
        for v in graph:
            self.enumerate(v)
        self.width = self._width()
        self.columns: dict[int, list[int]] = {}  # variable → those of its numbers that are drawn
        self.hidden: dict[int, int] = {}  # variable → how many units it has in all, if not all are drawn
        self.uses = list(self._uses())
        self.ids = Ids()
        self.dot = graphviz.Digraph(graph_attr=self.look.graph, node_attr=self.look.node, edge_attr=self.look.edge)

    # -- which numbers there are

    def _fixed(self) -> set[int]:
        """What does not depend on the sample: parameters and constants, and what is computed of them alone."""
        read = {v.inputs[0].index for v in self.graph if v.op is not None and v.op.name == "linear"
                and isinstance(v.inputs[0], Variable)}  # fmt: skip
        fixed: set[int] = set()
        for v in self.graph:
            sources = [x for x in v.inputs if isinstance(x, Variable)]
            if v.op is None:
                if v.index not in read and self.names[v.index].role in ("parameter", "frozen", "constant"):
                    fixed.add(v.index)
            elif all(x.index in fixed for x in sources):
                fixed.add(v.index)
        return fixed

    def _batch(self) -> int | None:
        """How many rows the data has; None if it has none."""
        free = [v for v in self.graph if v.index not in self.fixed]
        fed = [x for v in free if v.op is not None and v.op.name in PRODUCTS for x in v.inputs[:1]]
        data = [x for x in fed if isinstance(x, Variable)] + [v for v in free if v.op is None]
        return next((v.shape[0] for v in data if len(v.shape) == 2), None)

    def rows(self, v: Variable) -> bool:
        """Whether ``v`` has one row for each sample."""
        return self.batch is not None and v.index not in self.fixed and v.shape[:1] == (self.batch,)

    def enumerate(self, v: Variable) -> None:
        """Give the elements of ``v`` numbers, or those of what they were moved from."""
        if v.op is not None and v.op.name in MOVES:
            (x,) = (x for x in v.inputs if isinstance(x, Variable))
            self.numbers[v.index] = np.asarray(v.op(self.numbers[x.index], **v.params))
            return
        first = self.starts[-1] + self.holders[-1].value.size if self.starts else 0
        self.starts.append(first)
        self.holders.append(v)
        self.numbers[v.index] = np.arange(first, first + v.value.size).reshape(v.shape)

    def of(self, number: int) -> tuple[Variable, int]:
        """The variable that a number belongs to, and its position there."""
        k = int(np.searchsorted(self.starts, number, side="right")) - 1
        return self.holders[k], number - self.starts[k]

    def own(self, v: Variable) -> Array:
        """The numbers of ``v`` that are the sample's, or all if it knows of no samples."""
        numbers = self.numbers[v.index]
        if self.rows(v):
            return np.asarray(numbers[self.row]).reshape(-1)
        if numbers.ndim > 1 and v.index not in self.fixed:
            raise ValueError(
                f"draw: level='unit' shows arrays with one row for each of {self.batch} samples, but "
                f"{self.names[v.index].name} has shape {v.shape}; level='op' shows any"
            )
        return numbers.reshape(-1)

    def _width(self) -> int:
        """Up to how many units a layer is drawn in full."""
        sizes = [
            tuple(x.value.size if x.index in self.fixed else self.own(x).size for x in (v.inputs[0], v))
            for v in self.graph
            if v.op is not None and v.op.name in PRODUCTS and v.index not in self.fixed
        ]
        widths = range(WIRES, FEW - 1, -1)

        def shown(n: int, width: int) -> int:
            return n if n <= width else FEW

        return next((w for w in widths if all(shown(a, w) * shown(b, w) <= WIRES for a, b in sizes)), FEW)

    def shown(self, v: Variable) -> list[int]:
        """The positions of the units of ``v`` that are drawn: all, or the first two and the last."""
        n = self.own(v).size
        return list(range(n)) if n <= self.width else [*range(FEW - 1), n - 1]

    # -- what is computed from what

    def _uses(self) -> Iterator[_Use]:
        for v in self.graph:
            if v.op is None or v.op.name in MOVES or (v.index in self.fixed and v.shape):
                continue
            own = self.own(v)
            outputs = [int(own[p]) for p in self.shown(v)]
            self.columns[v.index] = outputs
            if len(outputs) < own.size:
                self.hidden[v.index] = own.size
            for target in outputs:
                yield from self.reads(v, target)

    def reads(self, v: Variable, target: int) -> Iterator[_Use]:
        """What one number of ``v`` is computed from, as far as that is drawn."""
        op = v.op
        assert op is not None
        of = target - int(self.numbers[v.index].flat[0])
        place = np.unravel_index(of, v.shape)
        if op.name in PRODUCTS:
            yield from self.weighs(v, target, of, place)
            return
        for k, x in enumerate(v.inputs):
            if not isinstance(x, Variable):
                continue
            numbers = self.numbers[x.index]
            if x.index in self.fixed and x.shape and not op.elementwise:
                continue  # class weights and the like belong to no unit
            if op.elementwise:
                at = np.broadcast_to(np.arange(numbers.size).reshape(x.shape), v.shape)[place]
                found = [int(at)]
            elif op.name in LOSSES or op.name in LINES:
                found = self.line(v, x, place)
            else:
                raise ValueError(
                    f"draw: level='unit' knows linear, elementwise and reducing operations, but {op.name} made "
                    f"{self.names[v.index].name}; level='op' shows any operation"
                )
            for at in found:
                source = int(numbers.flat[at])
                if self.draws(x, source):
                    yield _Use(source, target, k, at, of)

    def line(self, v: Variable, x: Variable, place: tuple[Any, ...]) -> list[int]:
        """The positions in ``x`` that one element of a reduction reads, of this sample."""
        positions = np.arange(x.value.size).reshape(x.shape)
        dim = v.params.get("dim")
        if v.shape and (dim is None or isinstance(dim, int)):
            axis = None if dim is None else dim % len(x.shape)
            if axis is None:  # a loss without reduction: row by row
                return [int(p) for p in positions[place[:1]].reshape(-1)]
            rest = [int(i) for n, i in enumerate(place) if n != axis or len(v.shape) < len(x.shape)]
            rest.insert(axis, slice(None))  # type: ignore[arg-type]
            return [int(p) for p in positions[tuple(rest)]]
        if self.rows(x):
            positions = positions[self.row]
        return [int(p) for p in np.reshape(positions, -1)]

    def weighs(self, v: Variable, target: int, of: int, place: tuple[Any, ...]) -> Iterator[_Use]:
        """z_l reads each u_j through the weight w_lj, and its bias."""
        free = [k for k, x in enumerate(v.inputs[:2]) if isinstance(x, Variable) and x.index not in self.fixed]
        assert v.op is not None
        if len(free) != 1:
            raise ValueError(
                f"draw: level='unit' shows data times weights, but {self.names[v.index].name} multiplies two arrays "
                f"{'of the sample' if free else 'of parameters'} ({v.op.name}); level='op' shows any operation"
            )
        k = free[0]
        x, W = v.inputs[k], v.inputs[1 - k]
        weights = self.numbers[W.index]
        if v.op.name == "linear":
            wired = weights[place[-1]]
        elif weights.ndim == 1:
            wired = weights
        else:
            wired = weights[:, place[-1]] if k == 0 else weights[place[-1]]
        own = self.own(x)
        first = int(own[0]) - self.position(x, own[0])
        for j in self.shown(x):
            source = int(own[j])
            if self.draws(x, source):
                yield _Use(source, target, k, source - first, of, int(wired[j]))
        if len(v.inputs) > 2 and isinstance(v.inputs[2], Variable):
            at = int(place[-1])
            yield _Use(int(self.numbers[v.inputs[2].index].flat[at]), target, 2, at, of)

    def position(self, x: Variable, number: int) -> int:
        """Where in ``x`` a number of its is."""
        return int(np.flatnonzero(self.numbers[x.index].reshape(-1) == number)[0])

    def draws(self, x: Variable, number: int) -> bool:
        """Whether that number of ``x`` is drawn; leaves are, where they are read and their layer is not too wide."""
        if x.index in self.fixed:
            return True
        holder, _ = self.of(number)
        own = self.own(x)
        if number not in [int(own[p]) for p in self.shown(x)]:
            return False
        column = self.columns.setdefault(holder.index, [])
        if number not in column:
            column.append(number)
        if own.size > self.width:
            self.hidden[holder.index] = own.size
        return True

    # -- what they are called, and are

    def symbol(self, number: int) -> Symbol:
        """z_{H,1} of Z_H: axes of one element, and that of the batch, need no index."""
        v, at = self.of(number)
        place = np.unravel_index(at, v.shape) if v.shape else ()
        axes = [n for n in range(len(v.shape)) if v.shape[n] > 1 and not (n == 0 and self.rows(v))]
        name = self.names[v.index].name
        if v.shape and re.match(r"[A-Z](_|$)", name):
            name = name[0].lower() + name[1:]
        if not axes:
            return Symbol(name)
        index = ("" if all(v.shape[n] < 10 for n in axes) else ",").join(str(int(place[n]) + 1) for n in axes)
        short = re.fullmatch(r"[^\W_]{1,2}(_[^_].*)?", name)
        return Symbol(f"{name}{',' if short[1] else '_'}{index}" if short else f"{name}[{index}]")

    def value(self, number: int) -> Any:
        """What it is."""
        v, at = self.of(number)
        return v.value.flat[at]

    def gradient(self, number: int) -> Any:
        """∂𝒥/∂ that number; None if there is none."""
        v, at = self.of(number)
        gradient = self.graph.gradient(v) if v.requires_grad else None
        return None if gradient is None else gradient.flat[at]

    def factor(self, use: _Use, number: int | None = None) -> float | None:
        """∂target/∂source, or by its weight, from the operation's rule; None if nothing flows."""
        v, _ = self.of(use.target)
        k, at = use.k, use.at
        if number is not None:
            k = 1 - use.k
            at = self.position(v.inputs[k], number)
        if not v.has_rule(k):
            return None
        g = np.zeros(v.shape, v.value.dtype)
        g.flat[use.of] = 1
        arrays = tuple(x.value if isinstance(x, Variable) else x for x in v.inputs)
        with np.errstate(all="ignore"):
            pulled = np.asarray(v.rule(k, g, v.value, arrays))
        shape = v.inputs[k].shape
        extra = pulled.ndim - len(shape)
        pulled = pulled.sum(axis=tuple(range(extra))) if extra > 0 else pulled
        axes = tuple(n for n, size in enumerate(shape) if size == 1 != pulled.shape[n])
        pulled = pulled.sum(axis=axes, keepdims=True) if axes else pulled
        return float(np.broadcast_to(pulled, shape).flat[at])

    def local(self, use: _Use) -> Symbol | None:
        """The rule for scalars, typeset: g′(z); None where it is not one of scalars."""
        v, _ = self.of(use.target)
        if v.op is None or not v.op.elementwise:
            return None
        return v.rule(use.k, Symbol.number(1), self.symbol(use.target), self.arguments(v, use.target))

    def arguments(self, v: Variable, target: int) -> tuple[Symbol, ...]:
        """What an elementwise operation read for one element."""
        place = np.unravel_index(self.position(v, target), v.shape) if v.shape else ()
        return tuple(
            self.symbol(int(np.broadcast_to(self.numbers[x.index], v.shape)[place]))
            if isinstance(x, Variable)
            else Symbol.number(x)
            for x in v.inputs
        )

    # -- drawing

    def diagram(self) -> Diagram:
        options = self.options
        numbers = dict.fromkeys(n for use in self.uses for n in (use.source, use.target, use.wire) if n is not None)
        if len(numbers) > LARGEST:
            raise ValueError(
                f"draw: level='unit' would draw {len(numbers)} numbers, more than {LARGEST}, even with units left out; "
                "level='op' or level='layer' shows more in less"
            )
        for v in self.graph:  # what is not computed from anything drawn: a lone root
            for n in self.columns.get(v.index, ()):
                numbers.setdefault(n)
        between = {(w, use.target): None for use in self.uses if (w := self.between(use)) is not None}
        often = Counter(n for n, _ in between)
        self.node = {n: self.ids.of(self.symbol(n).text) for n in numbers if often[n] < 2}
        # A weight that is shared stands on each of its wires: who feeds whom would be lost in one box.
        self.copies = {at: self.ids.of(self.symbol(at[0]).text) for at in between if often[at[0]] > 1}
        rankdir = options.rankdir if options.forward else options.rankdir[::-1]
        note = " · ".join(filter(None, (self.note(), options.note)))
        self.dot.attr(rankdir=rankdir, ranksep="0.6", nodesep="0.2", label=f"<{words(note)}>")
        for n in numbers:
            if options.forward or self.gradient(n) is not None:
                if n in self.node:
                    self.draw_number(n, self.node[n], often[n] > 0)
                for at, node in self.copies.items():
                    if at[0] == n:
                        self.draw_number(n, node, True, often[n])
        for index in self.columns:
            self.column(index)
        self.order_weights()
        if options.forward:
            for use in self.uses:
                self.forward(use)
        if options.backward:
            self.backward()
        passes = " and ".join(p for p, on in (("forward", options.forward), ("backward", options.backward)) if on)
        where = f"row {self.row} of {self.batch}" if self.batch is not None else "units"
        summary = f"{passes}, {where}: {many(len(numbers), 'number')}"
        return Diagram(self.dot.source, summary, self.alt(summary, numbers, note))

    def note(self) -> str:
        """What a reader must know."""
        said = [] if self.batch is None else [f"row {self.row} of {many(self.batch, 'sample')}"]
        if self.options.backward and self.graph.gradient(self.graph.output) is None:
            said.append("no gradients: values were overwritten since; compute the loss again")
        elif self.options.backward and (self.batch or 1) > 1:
            said.append("gradients of parameters sum over all samples")
        return ": ".join(said)

    def product(self, use: _Use) -> bool:
        """Whether it is one of data times weights, plus bias."""
        op = self.of(use.target)[0].op
        return op is not None and op.name in PRODUCTS

    def between(self, use: _Use) -> int | None:
        """The weight or bias of a use."""
        return use.source if use.wire is None and self.product(use) else use.wire

    def spot(self, n: int, target: int) -> str:
        """The node of a number where it feeds ``target``."""
        return self.copies.get((n, target)) or self.node[n]

    def draw_number(self, n: int, node: str, small: bool, shared: int = 0) -> None:
        look = self.look
        v, _ = self.of(n)
        symbol, value = self.symbol(n), cells.digits(self.value(n))
        gradient = self.gradient(n) if self.options.backward and n != self.number_of_root() else None
        if small:  # a weight: one line for each half
            lines = [cells.line(f"{symbol.html} = {value}", look.shape_size, look.ink)]
            if shared:
                lines.append(cells.line(f"used {shared}×", look.shape_size, look.faint))
            if gradient is not None:
                of = Symbol.gradient(self.root, Symbol("·")).html
                lines += ["<HR/>", cells.line(f"{of} = {cells.digits(gradient)}", look.shape_size, look.backward)]
        else:
            lines = [cells.line(symbol.html, look.name_size, look.ink)]
            if v.op is not None and v.op.elementwise:
                made = v.op(*self.arguments(v, n), **v.params)
                lines.append(cells.line(f"= {made.html}", look.shape_size, look.faint))
            elif v.op is not None and v.op.name not in PRODUCTS:
                lines.append(cells.line(words(v.symbol or ""), look.shape_size, look.faint))
            lines.append(cells.line(f"= {value}", look.label_size, look.ink))
            if gradient is not None:
                lines.append("<HR/>")
                lines.append(cells.line(Symbol.gradient(self.root, symbol).html, look.label_size, look.backward))
                lines.append(cells.line(f"= {cells.digits(gradient)}", look.label_size, look.backward))
        self.place(node, self.names[v.index].role, cells.table(lines))

    def place(self, node: str, kind: str, markup: str) -> None:
        self.dot.node(node, f"<{markup}>", **{"class": kind, "id": node, **self.look.kinds[kind]})

    def number_of_root(self) -> int:
        return int(self.numbers[self.graph.output.index].flat[0]) if not self.graph.output.shape else -1

    def column(self, index: int) -> None:
        """The units of a layer below each other, in their order, and how many are left out."""
        shown = [n for n in sorted(self.columns[index]) if self.options.forward or self.gradient(n) is not None]
        nodes = [self.node[n] for n in shown if n in self.node]
        if index in self.hidden and nodes:
            more = self.ids.of(f"{self.names[index].name}_more")
            told = ("⋮", f"{self.hidden[index]:,} units,", f"{len(nodes)} shown")
            lines = [cells.line(line, self.look.shape_size, self.look.ink) for line in told]
            self.place(more, "more", cells.table(lines))
            nodes.insert(len(nodes) - 1, more)
        if len(nodes) > 1:
            self.below_each_other(nodes)

    def order_weights(self) -> None:
        """The weights on the way to a layer, unit by unit, each unit's bias last."""
        ways: dict[int, list[str]] = {}
        for use in self.uses:
            n = self.between(use)
            if n is not None and (self.options.forward or self.gradient(n) is not None):
                ways.setdefault(self.of(use.target)[0].index, []).append(self.spot(n, use.target))
        for way in ways.values():
            self.below_each_other(list(dict.fromkeys(way)))

    def below_each_other(self, nodes: Sequence[str]) -> None:
        with self.dot.subgraph() as rank:
            rank.attr(rank="same")
            for upper, lower in pairwise(nodes):
                rank.edge(upper, lower, style="invis")

    def forward(self, use: _Use) -> None:
        source, target = self.spot(use.source, use.target), self.node[use.target]
        if use.wire is None:
            self.dot.edge(source, target)
            return
        weight = self.spot(use.wire, use.target)
        self.dot.edge(source, weight, arrowhead="none")
        self.dot.edge(weight, target)

    def backward(self) -> None:
        """Along reversed edges, each with its local factor; Σ where several contributions meet."""
        into: dict[int, list[tuple[int, _Use]]] = {}
        for use in self.uses:
            if self.gradient(use.target) is None:
                continue
            if self.gradient(use.source) is not None and self.factor(use) is not None:
                into.setdefault(use.source, []).append((use.target, use))
            if use.wire is not None and self.gradient(use.wire) is not None:
                into.setdefault(use.wire, []).append((use.target, use))
        for n, flows in into.items():
            target = self.node.get(n, "")  # of a shared weight each copy has its own edge, and says how many there are
            terms = sum(self.hidden.get(index, 0) for index in {self.of(source)[0].index for source, _ in flows})
            if len(flows) > 1 and target:
                total = self.ids.of(f"{target}_sum")
                lines = [cells.line("Σ", self.look.name_size, self.look.backward)]
                if terms:
                    lines.append(cells.line(f"{len(flows)} of {terms}", self.look.shape_size, self.look.backward))
                self.place(total, "sum", cells.table(lines, 0, 0))
                self.back(total, target)
                target = total
            for source, use in flows:
                through = use.wire if use.wire is not None and n != use.wire else None
                tail = self.node[source]
                if through is not None and self.gradient(through) is not None:
                    tail = self.spot(through, use.target)
                    self.back(tail, target, self.label(use, Symbol(self.symbol(through).text)))
                elif n == use.wire:
                    self.back(tail, target or self.spot(n, use.target), self.label(use, self.symbol(use.source), n))
                else:
                    self.back(tail, target or self.spot(n, use.target), self.label(use, self.local(use)))

    def label(self, use: _Use, local: Symbol | None, weight: int | None = None) -> str:
        """× g′(z) = 0.235; on wires only where there is room, in the backward pass alone."""
        if self.options.forward and self.product(use):
            return ""
        number = self.factor(use, weight)
        if number is None:
            return ""
        look = self.look
        lines = []
        if local is not None and local.head != "number":
            inner = f"({local.html})" if local.head in ("add", "subtract") else local.html
            lines.append(cells.line(f"× {inner}", look.shape_size, look.backward))
        lines.append(cells.line(f"{'=' if lines else '×'} {cells.digits(number)}", look.shape_size, look.backward))
        return f"<{cells.table(lines, 2, 1)}>"

    def back(self, tail: str, head: str, label: str = "") -> None:
        """Beside the forward pass it is written the other way round, so that both agree on what is left and right."""
        if self.options.forward:
            self.dot.edge(head, tail, label=label, dir="back", **self.look.back, arrowtail="vee")
        else:
            self.dot.edge(tail, head, label=label, **self.look.back)

    def alt(self, summary: str, numbers: Sequence[int] | dict[int, Any], note: str) -> str:
        """The picture in sentences."""
        said = []
        for n in list(numbers)[:SAID]:
            gradient = self.gradient(n) if self.options.backward else None
            back = "" if gradient is None else f", gradient {cells.digits(gradient)}"
            said.append(f"{self.symbol(n).text} = {cells.digits(self.value(n))}{back}")
        more = f"; and {len(numbers) - SAID} more" if len(numbers) > SAID else ""
        return f"Numbers of {self.names[-1].name}, {summary}. {'; '.join(said)}{more}. {note}".strip()
