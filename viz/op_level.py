"""The op level of pictures: one node for each variable, in the matrix form of the slides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import graphviz
import numpy as np

from autograd.graph import Graph, Variable

from . import cells
from .diagram import Diagram
from .marks import Ids
from .names import Name
from .notation import HOLE, Html, Symbol, Text
from .options import Options

__all__ = ["LARGEST", "Flow", "Picture", "diagram"]

LARGEST = 150  # variables; of a larger graph the first and the last are drawn
KEPT = 20
TERMS = 6  # contributions that a Σ lists; of more, the first
SAID = 40  # statements of the alternative text
WIDEST = 13  # characters on a line of a label

STATES = {
    "not computed": ".grad: none yet",
    "zero": ".grad: exactly 0",
    "stale": ".grad: stale",
    "assigned": ".grad: set by hand",
}


def diagram(graph: Graph, names: list[Name], options: Options) -> Diagram:
    """The picture of ``graph`` with a node for each variable and each operation.

    Parameters
    ----------
    graph : Graph
    names : list of Name
        From :func:`viz.names.name_variables`.
    options : Options

    Raises
    ------
    IndexError
        If the batch has no row ``options.sample``.
    """
    return Picture(graph, names, options).diagram()


@dataclass(frozen=True)
class Flow:
    """What one use of a variable, as input ``k`` of ``source``, contributes to its gradient.

    ``whole`` is the contribution itself, ∂𝒥/∂v · …; ``pieces`` the lines on the edge, which show the local factor;
    ``batch`` how many rows are summed on the way, 0 if none are; ``number`` the local factor of scalars.
    """

    source: Variable
    k: int
    target: Variable
    whole: Symbol
    pieces: list[str]
    batch: int
    number: float | None

    @property
    def mark(self) -> str:
        """What its edges belong to."""
        return f"b{self.source.index}-{self.k}"


class Picture:
    """The nodes and edges of one drawing.

    A picture that changes from step to step overrides how parts are drawn. Each says by a mark what it belongs to: v3
    is the node of variable 3, o3 the operation that makes it with its edges, s3 the sum of what arrives at its
    gradient, and b7-0 what operation 7 hands back to its input 0.
    """

    def __init__(self, graph: Graph, names: list[Name], options: Options) -> None:
        self.graph = graph
        self.names = names
        self.options = options
        self.look = options.theme
        self.forward, self.backward = options.forward, options.backward
        n = len(graph)
        self.hidden = range(KEPT, n - KEPT) if n > LARGEST else range(0)
        self.ids = Ids()
        self.nodes = [self.identify(name.name) for name in names]
        self.more = self.identify("more")
        self.loss = self._loss()
        self.computable = self.backward and graph.gradient(graph.output) is not None
        self.flows = list(self._flows()) if self.backward else []
        self.reached = {flow.target.index for flow in self.flows} | {v.index for v in graph.roots}
        self.uses: dict[int, int] = {}
        for flow in self.flows:
            self.uses[flow.source.index] = self.uses.get(flow.source.index, 0) + 1
        self.batch = self._batch()
        self.dot = graphviz.Digraph(
            graph_attr=dict(self.look.graph), node_attr=dict(self.look.node), edge_attr=dict(self.look.edge)
        )
        self.drawn: set[tuple[str, str]] = set()

    def diagram(self) -> Diagram:
        """All of it."""
        against = not self.forward  # the gradient runs against the computation
        rankdir = self.options.rankdir
        self.dot.attr(rankdir=rankdir[::-1] if against else rankdir)
        if self.options.note:
            self.dot.attr(label=f"<{Html().label(self.options.note, 200)}>", labelloc="b")
        shown = [v for v in self.graph if v.index not in self.hidden and (self.forward or v.index in self.reached)]
        self.scales = self._scales(shown)
        for v in shown:
            self.variable(v)
        if self.hidden:
            self.place(self.dot, self.more, "more", f"… {len(self.hidden)} more", "more")
        if self.forward:
            for v in shown:
                if v.op is not None:
                    self.operation(v)
        if self.backward:
            self.gradients()
        if self.options.thumbnails:
            scales = [(what, *scale) for what, scale in self.scales.items()]
            self.place(self.dot, self.identify("scale"), "more", cells.legend(scales, self.look), "scale")
        passes = " and ".join(p for p, on in (("forward", self.forward), ("backward", self.backward)) if on)
        operations = sum(v.op is not None for v in self.graph)
        counted = f"{_many(len(self.graph), 'variable')}, {_many(operations, 'operation')}"
        return Diagram(self.dot.source, f"{passes}, {counted}", self.alt(passes, counted))

    # -- nodes

    def identify(self, name: str) -> str:
        """A node id made from a name, used once."""
        return self.ids.of(name.replace("∂", "d"))

    def place(
        self, where: graphviz.Digraph, node: str, kind: str, markup: str, mark: str, **attributes: str
    ) -> None:
        """A node."""
        where.node(node, f"<{markup}>", **{"class": kind, "id": node, **self.look.kinds[kind], **attributes})

    def variable(self, v: Variable) -> None:
        """The node of a variable."""
        lines = self.value_lines(v) if self.forward else []
        if self.backward and v.index in self.reached:
            lines += [*(["<HR/>"] if lines else []), *self.gradient_lines(v)]
        self.place(self.dot, self.nodes[v.index], self.names[v.index].role, cells.table(lines), f"v{v.index}")

    def value_lines(self, v: Variable) -> list[str]:
        """What a node says of the value."""
        name, look = self.names[v.index], self.look
        lines = [cells.line(name.symbol.html, look.name_size, look.ink), *self.path(name)]
        lines += self.content(v, 0, look.faint)
        if (cut := v.detached_from) is not None:
            of = next((self.names[x.index].symbol.html for x in self.graph if x.tensor is cut), "")
            lines.append(self.small(f"detached from {of}" if of else "detached", look.faint))
        elif name.role == "frozen":
            lines.append(self.small("frozen: no gradient", look.faint))
        return lines

    def gradient_lines(self, v: Variable) -> list[str]:
        """What a node says of the gradient."""
        name, look = self.names[v.index], self.look
        color = look.backward if self.forward else look.ink
        lines = [cells.line(Symbol.gradient(self.loss, name.symbol).html, look.name_size, color)]
        if not self.forward:
            lines += self.path(name)
        lines += self.content(v, 1, look.backward if self.forward else look.faint)
        return lines + [self.small(mark, color) for mark in self.marks(v)]

    def path(self, name: Name) -> list[str]:
        """Where a parameter is in its module."""
        return [cells.line(Html().label(name.path), self.look.shape_size, self.look.faint)] if name.path else []

    def array(self, v: Variable, which: int) -> Any:
        """The value or the gradient; None if it is not known."""
        return self.graph.gradient(v) if which else v.value

    def small(self, text: str, color: str) -> str:
        """A line of small print."""
        return cells.line(text, self.look.shape_size, color)

    def content(self, v: Variable, which: int, color: str) -> list[str]:
        """A shape, 100×4, and the numbers of it that were asked for; of a scalar the number."""
        value = self.array(v, which)
        if not v.shape:
            return [self.small("not known" if value is None else f"= {cells.digits(value, 4)}", color)]
        asked = self.options
        lines = [self.small(cells.shape_text(v.shape), color)]
        if value is None:
            return [*lines, self.small("numbers overwritten since", color)]
        row = asked.sample is not None and v.index in self.batch
        if row:
            lines = [self.small(f"row {asked.sample} of {cells.shape_text(v.shape)}", color)]
            value = value[asked.sample]
        if asked.values or asked.sample is not None:
            numbers = cells.matrix(value, self.look, color) if asked.values != "norm" else None
            lines.append(cells.rows(numbers) if numbers else self.small(cells.summary(value), color))
        elif which and value.size and not value.any():
            lines.append(self.small("exactly 0", color))
        if asked.thumbnails and value.size:
            largest = self.scales[self.scale(v, which)][0]
            lines.append(cells.rows(cells.heatmap(value, largest, self.look)))
        return lines

    def marks(self, v: Variable) -> Iterator[str]:
        """How often the gradient is used, and what is kept of it in ``.grad``."""
        if self.uses.get(v.index, 0) > 1:
            yield f"used {self.uses[v.index]}×"
        state, passes = self.graph.stored(v)
        if state == "accumulated":
            yield f".grad: Σ of {passes} passes"
        elif state in STATES:
            yield STATES[state]

    def operation(self, v: Variable) -> None:
        """The operation that made ``v``, with edges from its inputs and to ``v``."""
        assert v.op is not None
        node = self.identify(f"{self.nodes[v.index]}_op")
        # Numbers are shown in the operation itself, x ↦ 2 x; only variables are nodes.
        holes = [Symbol(HOLE, x.shape) if isinstance(x, Variable) else Symbol.number(x) for x in v.inputs]
        whole = all(isinstance(x, Variable) for x in v.inputs)
        label = Html().label(v.symbol or "") if whole else _expression(v, holes).html
        side = [x for x in v.inputs if self.beside(x, v)]
        half, mark = (len(side) + 1) // 2, f"o{v.index}"
        with self.dot.subgraph() as rank:
            if side:
                rank.attr(rank="same")
            self.place(rank, node, "op", label, mark)
            for k, x in enumerate(side):  # parameters above and below their operation
                if k < half:
                    self.edge(self.nodes[x.index], node, mark, rank)
                else:  # what is written first stands above
                    self.edge(node, self.nodes[x.index], mark, rank, dir="back")
        for x in v.inputs:
            if isinstance(x, Variable) and not any(x is y for y in side):
                self.edge(self.node(x), node, mark, weight="8")
        self.edge(node, self.nodes[v.index], mark, weight="8")

    def beside(self, x: Any, v: Variable) -> bool:
        """Whether input ``x`` belongs next to the operation rather than before it: a leaf used here only."""
        if not isinstance(x, Variable) or x.op is not None or len(x.consumers) > 1 or x.index in self.hidden:
            return False
        variables = [y for y in v.inputs if isinstance(y, Variable)]
        main = next((y for y in variables if y.op is not None), variables[0])
        return x is not main

    def node(self, v: Variable) -> str:
        """The id of its node, or of the one that stands for all that is left out."""
        return self.more if v.index in self.hidden else self.nodes[v.index]

    def edge(
        self, tail: str, head: str, mark: str, where: graphviz.Digraph | None = None, **attributes: str
    ) -> None:
        """An edge; to and from what is not drawn, one is enough."""
        if self.more in (tail, head):
            if tail == head or (tail, head) in self.drawn:
                return
            self.drawn.add((tail, head))
            attributes.pop("label", None)
        (self.dot if where is None else where).edge(tail, head, **attributes)

    # -- numbers

    def _batch(self) -> set[int]:
        """The variables whose rows are samples: those computed from data, with as many rows."""
        data = [v for v in self.graph if self.names[v.index].role == "data" and v.shape]
        if not data:
            return set()
        n, rows = data[0].shape[0], set()
        for v in self.graph:
            role = self.names[v.index].role
            from_data = role in ("data", "target") or any(isinstance(x, Variable) and x.index in rows for x in v.inputs)
            if from_data and v.shape[:1] == (n,):
                rows.add(v.index)
        sample = self.options.sample
        if sample is not None and not 0 <= sample < n:
            raise IndexError(f"draw: sample={sample} is out of range, the batch has rows 0 to {n - 1}")
        return rows

    def scale(self, v: Variable, which: int) -> str:
        """The heat-maps that have a scale in common: of weights and of other values, and of the gradients of both."""
        what = "parameters" if self.names[v.index].role in ("parameter", "frozen") else "values"
        return f"∂𝒥/∂ {what}" if which else what

    def _scales(self, shown: list[Variable]) -> dict[str, tuple[float, str]]:
        """How far each scale reaches, and the colour of its text."""
        scales: dict[str, tuple[float, str]] = {}
        for v in shown if self.options.thumbnails else ():
            backward = self.array(v, 1) if self.backward and v.index in self.reached else None
            for which, array in enumerate((self.array(v, 0) if self.forward else None, backward)):
                if array is not None and v.shape:
                    what, finite = self.scale(v, which), np.abs(array[np.isfinite(array)])
                    # Class labels are no quantity that others compare with.
                    largest = float(finite.max()) if finite.size and array.dtype.kind == "f" else 0.0
                    color = self.look.backward if which else self.look.ink
                    scales[what] = max(largest, scales.get(what, (0.0, ""))[0]), color
        return scales

    # -- the backward pass

    def _loss(self) -> Symbol:
        """What is differentiated: the root, or the sum of its elements."""
        output = self.names[-1].symbol
        return output if not output.shape else Symbol(f"Σ{self.names[-1].name}")

    def _flows(self) -> Iterator[Flow]:
        output = self.graph.output
        reached = {output.index}
        for v in reversed(self.graph.variables):
            if v.index not in reached:
                continue
            symbols = self.symbols(v)
            for k, x in enumerate(v.inputs):
                if v.has_rule(k):
                    reached.add(x.index)
                    if v.index not in self.hidden or x.index not in self.hidden:
                        yield self.flow(v, x, k, symbols)

    def symbols(self, v: Variable) -> tuple[Symbol, ...]:
        """What stands for the inputs of ``v`` in formulas."""
        return tuple(self.names[x.index].symbol if isinstance(x, Variable) else Symbol.number(x) for x in v.inputs)

    def flow(self, v: Variable, x: Variable, k: int, symbols: tuple[Symbol, ...]) -> Flow:
        """The chain rule for one use of ``x``: with its gradient for what is said, without it for what the edge shows.

        A rule is linear in the gradient. So of a scalar, and of an elementwise operation, the factor is the rule at 1.
        """
        assert v.op is not None
        name = self.names[v.index].symbol
        one = Symbol.number(1, v.shape)
        g = one if v is self.graph.output else Symbol.gradient(self.loss, name)
        whole = v.rule(k, g, name, symbols).shrink(x.shape)
        alone = not v.shape or (v.op.elementwise and x.shape == v.shape)
        local = v.rule(k, one if alone else Symbol(HOLE, v.shape), name, symbols).shrink(x.shape)
        number = None
        if not v.shape and not x.shape and self.computable:
            number = self.factor(v, k)
        rows = 0
        if not alone and (inner := _summed(local)) is not None:
            rows, local = inner.shape[0], inner
        sign = "⊙" if v.shape and local.head != "number" else "×"
        pieces = _wrapped(*(_factors(local, sign, alone, renderer) for renderer in (Html(), Text())))
        if number is not None and local.head != "number":
            pieces.append(f"= {cells.digits(number)}")
        return Flow(v, k, x, whole, pieces, rows, number)

    @staticmethod
    def factor(v: Variable, k: int) -> float:
        """∂v/∂input k of scalars, by the same rule as the formula."""
        inputs = tuple(x.value if isinstance(x, Variable) else x for x in v.inputs)
        with np.errstate(all="ignore"):
            return float(v.rule(k, np.ones((), v.value.dtype), v.value, inputs))

    def gradients(self) -> None:
        """The edges of the backward pass, with the sums on their way."""
        into: dict[int, list[Flow]] = {}
        for flow in self.flows:
            into.setdefault(flow.target.index, []).append(flow)
        for index in sorted(into, reverse=True):
            flows = into[index]
            target = self.node(flows[0].target)
            if len(flows) > 1 and index not in self.hidden:
                total = self.identify(f"{target}_sum")
                self.place(self.dot, total, "sum", self.terms(flows), f"s{index}")
                self.back(total, target, f"s{index}")
                target = total
            for flow in flows:
                weight = "1" if self.forward or flow.target.op is None else "8"
                source, label = self.node(flow.source), flow.pieces
                if flow.batch and self.more not in (source, target):
                    ones = self.identify(f"{self.nodes[index]}_batch")
                    small = self.small(f"{flow.batch} rows", self.look.backward)
                    head = cells.line("1<SUP>T</SUP>", self.look.label_size, self.look.backward)
                    self.place(self.dot, ones, "batch", cells.table([head, small], 0, 0), flow.mark)
                    self.back(ones, target, flow.mark, weight=weight)
                    target_of_edge = ones
                    label = [] if label == ["× 1"] else label
                else:
                    target_of_edge = target
                attributes = {"label": _label(label)} if label else {}
                self.back(source, target_of_edge, flow.mark, weight=weight, **attributes)
        if not self.forward:
            self.fan(into)

    def terms(self, flows: list[Flow]) -> str:
        """Σ and what it adds up: the contributions, and their numbers if they are scalars."""
        look = self.look
        lines = [cells.line("Σ", look.name_size, look.backward)]
        for k, flow in enumerate(flows[:TERMS]):
            part = Html().render(flow.whole)
            lines.append(self.term(flow, part if not k or part.startswith("−") else f"+ {part}"))
        if len(flows) > TERMS:
            lines.append(self.small(f"+ … {len(flows) - TERMS} more", look.backward))
        elif all(flow.number is not None for flow in flows):
            parts = [float(self.graph.gradient(f.source)) * f.number for f in flows]  # type: ignore[arg-type, operator]
            shown = " + ".join(map(cells.digits, parts)).replace("+ −", "− ")
            lines.append(self.term(flows[-1], f"= {shown}", "e"))
        return cells.table(lines, 0, 1)

    def term(self, flow: Flow, text: str, letter: str = "t") -> str:
        """One line of a sum: the term of ``flow``, or what follows (e) when all are there."""
        return self.small(text, self.look.backward)

    def fan(self, into: dict[int, list[Flow]]) -> None:
        """Where one gradient feeds several, those of parameters stand above and below the one that goes on."""
        for v in self.graph:
            fed = [x for x in v.inputs if isinstance(x, Variable) and len(into.get(x.index, ())) == 1]
            fed = [x for x in fed if x.index not in self.hidden]
            side = [x for x in fed if self.beside(x, v)]
            main = [x for x in fed if not self.beside(x, v)]
            half = (len(side) + 1) // 2
            column = [self.nodes[x.index] for x in (*side[:half], *main, *side[half:])]
            if side and len(column) > 1:
                with self.dot.subgraph() as rank:
                    rank.attr(rank="same")
                    for upper, lower in pairwise(column):
                        rank.edge(upper, lower, style="invis")

    def back(self, tail: str, head: str, mark: str, **attributes: str) -> None:
        """A gradient flows from ``tail`` to ``head``.

        Beside the forward pass it is written the other way round, so that both agree on what is left and right.
        """
        if self.forward:
            self.edge(head, tail, mark, dir="back", **self.look.back, arrowtail="vee", **attributes)
        else:
            self.edge(tail, head, mark, **self.look.back, **attributes)

    # -- in words

    def alt(self, passes: str, counted: str) -> str:
        """The picture in sentences, for those who cannot see it."""
        said = [f"Computation graph of {self.names[-1].name}, {passes} pass: {counted}."]
        forward = [
            f"{self.names[v.index].name} = {_expression(v, self.symbols(v)).text}"
            for v in self.graph
            if self.forward and v.op is not None and v.index not in self.hidden
        ]
        if forward:
            said.append(f"Forward: {_listed(forward)}.")
        sums: dict[int, list[str]] = {}
        for flow in self.flows:
            sums.setdefault(flow.target.index, []).append(Text().render(flow.whole))
        back = [
            f"{Symbol.gradient(self.loss, self.names[index].symbol).text} = {' + '.join(terms[:TERMS])}"
            + (f" + … {len(terms) - TERMS} more" if len(terms) > TERMS else "")
            for index, terms in sorted(sums.items(), reverse=True)
            if index not in self.hidden
        ]
        if back:
            said.append(f"Backward: {_listed(back)}.")
        leaves = [
            f"{name.name} ({name.role}{', ' + cells.shape_text(v.shape) if v.shape else ''})"
            for v, name in zip(self.graph, self.names, strict=True)
            if v.op is None and v.index not in self.hidden
        ]
        said.append(f"Leaves: {_listed(leaves)}.")
        if self.hidden:
            said.append(f"{len(self.hidden)} variables in the middle are not shown.")
        return " ".join([*said, self.options.note]).strip()


def _expression(v: Variable, inputs: Sequence[Symbol]) -> Symbol:
    """The operation of ``v`` on what stands for its inputs; of a Function of the user's, too."""
    return inputs[0].__op__(v.op, tuple(inputs), tuple(v.params.values()))


def _many(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"


def _listed(parts: list[str]) -> str:
    more = [f"and {len(parts) - SAID} more"] if len(parts) > SAID else []
    return "; ".join(parts[:SAID] + more)


def _summed(formula: Symbol) -> Symbol | None:
    """Of 1ᵀ A, the sum over the rows of a batch: A."""
    if formula.head == "matmul" and formula.args[0].head == "transpose":
        ones: Symbol = formula.args[0].args[0]
        inner: Symbol = formula.args[1]
        if ones.head == "name" and ones.args == ("1",):
            return inner
    return None


def _factors(local: Symbol, sign: str, alone: bool, renderer: Html | Text) -> list[str]:
    """What an edge does to the gradient on it, in parts: × W_O, ⊙ U_H ⊙ (1 − U_H), (·)ᵀ X."""
    if alone:
        parts = renderer.pieces(local) if local.head in ("hadamard", "divide") else [renderer.factor(local)]
        return [f"{sign} {parts[0]}", *parts[1:]]
    parts = renderer.pieces(local)
    if parts[0] == HOLE:
        return parts[1:] or ["× 1"]
    if parts[0].startswith(f"{HOLE} "):
        return [f"×{parts[0][len(HOLE) :]}", *parts[1:]]
    return parts


def _wrapped(markup: list[str], text: list[str]) -> list[str]:
    """The parts on lines, so that none is too wide."""
    lines: list[str] = []
    width = 0
    for part, plain in zip(markup, text, strict=True):
        if lines and width + len(plain) < WIDEST:
            lines[-1] += " " + part
            width += 1 + len(plain)
        else:
            lines.append(part)
            width = len(plain)
    return lines


def _label(lines: list[str]) -> str:
    # In a table, whose margin keeps the edge away and whose rows keep subscripts apart.
    return f"<{cells.table((f'<TR><TD>{line}</TD></TR>' for line in lines), 3, 1)}>"
