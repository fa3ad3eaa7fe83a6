"""Pictures of a recorded graph: the forward pass, the backward pass, or both in one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import graphviz

from autograd.graph import Graph, Variable

from .diagram import Diagram
from .names import Name, name_variables
from .notation import Html, Symbol, Text

__all__ = ["draw"]

SHOWS = ("forward", "backward", "both")
LARGEST = 150  # variables; of a larger graph the first and the last are drawn
KEPT = 20

# Verdana was the model of DejaVu Sans: with one or the other nearly everywhere, text is as wide as it was measured.
FONT = "DejaVu Sans,Verdana,sans-serif"
NAME_SIZE, LABEL_SIZE, SHAPE_SIZE = 26, 20, 16
WIDEST = 16  # characters on a line of a label

# Two colours of Okabe and Ito that nobody confuses; shapes and lines say the same again.
INK, FAINT, BLUE, RED = "#1a1a1a", "#5c5c5c", "#0072b2", "#b34700"
GRAPH = {"bgcolor": "white", "fontname": FONT, "ranksep": "0.3", "nodesep": "0.25", "margin": "0", "pad": "0.1"}
NODE = {"fontname": FONT, "fontsize": str(NAME_SIZE), "fontcolor": INK, "color": INK, "penwidth": "1.8",
        "margin": "0.1,0.05", "height": "0.4", "width": "0.4"}  # fmt: skip
EDGE = {"fontname": FONT, "fontsize": str(LABEL_SIZE), "color": INK, "penwidth": "1.8", "arrowsize": "0.9"}
BACK = {"color": RED, "fontcolor": RED, "style": "dashed", "arrowhead": "vee"}
STYLES = {
    "parameter": {"shape": "box", "style": "filled", "fillcolor": "#e3f0f8", "color": BLUE, "penwidth": "3"},
    "constant": {"shape": "box", "style": "dashed"},
    "result": {"shape": "box", "style": "rounded"},
    "output": {"shape": "box", "style": "rounded", "penwidth": "4"},
    "op": {"shape": "box", "style": "rounded,filled", "fillcolor": "#e6e6e6", "color": "#e6e6e6"},
    "sum": {"shape": "circle", "style": "solid", "color": RED, "fontcolor": RED, "margin": "0.02"},
    "more": {"shape": "plaintext"},
}


def draw(
    root: Any,
    show: str = "forward",
    names: Mapping[str, Any] | None = None,
    rankdir: str | None = None,
) -> Diagram:
    """The computation of ``root`` as a picture, in the notation of the slides.

    Every variable is a node: data dashed, parameters blue with square corners, results rounded, ``root`` bold. In the
    forward pass an operation is a small grey node. In the backward pass each arrow carries what flows along it, typeset
    by the operation's own rule, and Σ stands where several contributions are added up.

    Drawing runs nothing of yours and changes no value, gradient or graph. Gradients are computed anew, ``.grad`` is not
    looked at. Of a graph of more than 150 variables only the beginning and the end are drawn.

    Parameters
    ----------
    root : Tensor
        Usually the loss.
    show : {"forward", "backward", "both"}
    names : mapping, optional
        name → tensor, for those that have no ``.name`` of their own; ``locals()`` will do.
    rankdir : {"LR", "RL", "TB", "BT"}, optional
        Which way the computation runs; by default left to right.

    Returns
    -------
    Diagram

    Raises
    ------
    ValueError
        For another ``show`` or ``rankdir``; for the backward pass of something that requires no gradient.
    GraphError
        If ``root`` is not a tensor.

    Examples
    --------
    >>> import autograd, viz
    >>> x = autograd.tensor(3.0, requires_grad=True)
    >>> diagram = viz.draw(x * x + x, show="both", names={"x": x})
    >>> diagram
    <Diagram: forward and backward, 3 variables, 2 operations>
    >>> diagram.svg()[:4]  # or diagram.save("square.pdf")
    '<svg'
    """
    if show not in SHOWS:
        raise ValueError(f"draw: show={show!r} is not one of {', '.join(SHOWS)}")
    if rankdir not in (None, "LR", "RL", "TB", "BT"):
        raise ValueError(f"draw: rankdir={rankdir!r} is not one of LR, RL, TB, BT")
    graph = Graph(root)
    if show != "forward" and not graph.output.requires_grad:
        raise ValueError("draw: the root does not require grad, so there is no backward pass to show")
    return _Picture(graph, show, name_variables(graph, names)).diagram(rankdir or "LR")


@dataclass(frozen=True)
class _Flow:
    """What one use of a variable contributes to its gradient."""

    source: Variable
    target: Variable
    formula: Symbol


class _Picture:
    """The nodes and edges of one drawing."""

    def __init__(self, graph: Graph, show: str, names: list[Name]) -> None:
        self.graph = graph
        self.names = names
        self.forward = show != "backward"
        self.backward = show != "forward"
        n = len(graph)
        self.hidden = range(KEPT, n - KEPT) if n > LARGEST else range(0)
        self.ids: set[str] = set()
        self.nodes = [self.identify(name.name) for name in names]
        self.more = self.identify("more")
        self.loss = self._loss()
        self.flows = list(self._flows()) if self.backward else []
        self.reached = {flow.target.index for flow in self.flows} | {graph.output.index}
        self.dot = graphviz.Digraph(graph_attr=GRAPH, node_attr=NODE, edge_attr=EDGE)
        self.drawn: set[tuple[str, str]] = set()

    def diagram(self, rankdir: str) -> Diagram:
        against = not self.forward  # the gradient runs against the computation
        self.dot.attr(rankdir=rankdir[::-1] if against else rankdir)
        shown = [v for v in self.graph if v.index not in self.hidden and (self.forward or v.index in self.reached)]
        for v in shown:
            self.variable(v)
        if self.hidden:
            self.place(self.dot, self.more, "more", f"… {len(self.hidden)} more")
        if self.forward:
            for v in shown:
                if v.op is not None:
                    self.operation(v)
        if self.backward:
            self.gradients()
        passes = " and ".join(p for p, on in (("forward", self.forward), ("backward", self.backward)) if on)
        operations = sum(v.op is not None for v in self.graph)
        counted = f"{_many(len(self.graph), 'variable')}, {_many(operations, 'operation')}"
        return Diagram(self.dot.source, f"{passes}, {counted}")

    # -- nodes

    def identify(self, name: str) -> str:
        """A node id made from a name: plain word characters, used once."""
        word = re.sub(r"\W+", "_", unicodedata.normalize("NFKC", name)).strip("_")[:40] or "v"
        free = (word, *(f"{word}_{k}" for k in range(2, len(self.ids) + 3)))
        made = next(w for w in free if w not in self.ids)
        self.ids.add(made)
        return made

    @staticmethod
    def place(where: graphviz.Digraph, node: str, kind: str, markup: str) -> None:
        where.node(node, f"<{markup}>", **{"class": kind, "id": node, **STYLES[kind]})

    def variable(self, v: Variable) -> None:
        name = self.names[v.index]
        lines = []
        if self.forward:
            lines.append(_line(name.symbol.html, NAME_SIZE))
            if name.path:
                lines.append(_line(Html().label(name.path), SHAPE_SIZE, FAINT))
            lines.append(_line(_size(v.shape, v.value), SHAPE_SIZE, FAINT))
        if self.backward and v.index in self.reached:
            gradient = Symbol.gradient(self.loss, name.symbol)
            if lines:
                lines.append("<HR/>")
            lines.append(_line(gradient.html, NAME_SIZE, RED if self.forward else INK))
            if name.path and not self.forward:
                lines.append(_line(Html().label(name.path), SHAPE_SIZE, FAINT))
            lines.append(_line(_size(v.shape, self.graph.gradient(v)), SHAPE_SIZE, RED if self.forward else FAINT))
        table = '<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="2">'
        self.place(self.dot, self.nodes[v.index], v.kind, f"{table}{''.join(lines)}</TABLE>")

    def operation(self, v: Variable) -> None:
        """The operation that made ``v``, with edges from its inputs and to ``v``."""
        assert v.op is not None
        node = self.identify(f"{self.nodes[v.index]}_op")
        # Numbers are shown in the operation itself, x ↦ 2 x; only variables are nodes.
        holes = [Symbol("(·)", x.shape) if isinstance(x, Variable) else Symbol.number(x) for x in v.inputs]
        whole = all(isinstance(x, Variable) for x in v.inputs)
        label = Html().label(v.symbol or "") if whole else v.op(*holes, **v.params).html
        side = [x for x in v.inputs if self.beside(x, v)]
        half = (len(side) + 1) // 2
        with self.dot.subgraph() as rank:
            if side:
                rank.attr(rank="same")
            self.place(rank, node, "op", label)
            for k, x in enumerate(side):  # parameters above and below their operation
                if k < half:
                    rank.edge(self.nodes[x.index], node)
                else:  # what is written first stands above
                    rank.edge(node, self.nodes[x.index], dir="back")
        for x in v.inputs:
            if isinstance(x, Variable) and not any(x is y for y in side):
                self.edge(self.node(x), node, weight="8")
        self.dot.edge(node, self.nodes[v.index], weight="8")

    def beside(self, x: Any, v: Variable) -> bool:
        """Whether input ``x`` belongs next to the operation rather than before it: a leaf used here only."""
        if not isinstance(x, Variable) or x.op is not None or len(x.consumers) > 1 or x.index in self.hidden:
            return False
        variables = [y for y in v.inputs if isinstance(y, Variable)]
        main = next((y for y in variables if y.op is not None), variables[0])
        return x is not main

    def node(self, v: Variable) -> str:
        return self.more if v.index in self.hidden else self.nodes[v.index]

    def edge(self, tail: str, head: str, **attributes: str) -> None:
        """An edge; to and from what is not drawn, one is enough."""
        if self.more in (tail, head):
            if tail == head or (tail, head) in self.drawn:
                return
            self.drawn.add((tail, head))
            attributes.pop("label", None)
        self.dot.edge(tail, head, **attributes)

    # -- the backward pass

    def _loss(self) -> Symbol:
        """What is differentiated: the root, or the sum of its elements."""
        output = self.names[-1].symbol
        return output if not output.shape else Symbol(f"Σ{self.names[-1].name}")

    def _flows(self) -> Iterator[_Flow]:
        output = self.graph.output
        reached = {output.index}
        for v in reversed(self.graph.variables):
            if v.index not in reached:
                continue
            name = self.names[v.index].symbol
            g = Symbol.number(1, v.shape) if v is output else Symbol.gradient(self.loss, name)
            inputs = tuple(
                self.names[x.index].symbol if isinstance(x, Variable) else Symbol.number(x) for x in v.inputs
            )
            for k, x in enumerate(v.inputs):
                if v.has_rule(k):
                    formula = v.rule(k, g, name, inputs)
                    yield _Flow(v, x, formula.shrink(x.shape))
                    reached.add(x.index)

    def gradients(self) -> None:
        into: dict[int, list[_Flow]] = {}
        for flow in self.flows:
            into.setdefault(flow.target.index, []).append(flow)
        for index in sorted(into, reverse=True):
            flows = into[index]
            target = self.node(flows[0].target)
            if len(flows) > 1 and index not in self.hidden:
                total = self.identify(f"{target}_sum")
                self.place(self.dot, total, "sum", "Σ")
                self.back(total, target)
                target = total
            for flow in flows:
                weight = "1" if self.forward or flow.target.op is None else "8"
                self.back(self.node(flow.source), target, label=_wrapped(flow.formula), weight=weight)
        if not self.forward:
            self.fan(into)

    def fan(self, into: dict[int, list[_Flow]]) -> None:
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

    def back(self, tail: str, head: str, **attributes: str) -> None:
        """A gradient flows from ``tail`` to ``head``.

        Beside the forward pass it is written the other way round, so that both agree on what is left and right.
        """
        if self.forward:
            self.edge(head, tail, dir="back", **BACK, arrowtail="vee", **attributes)
        else:
            self.edge(tail, head, **BACK, **attributes)


def _line(markup: str, size: int, color: str = INK) -> str:
    return f'<TR><TD><FONT POINT-SIZE="{size}" COLOR="{color}">{markup}</FONT></TD></TR>'


def _size(shape: tuple[int, ...], value: Any) -> str:
    """A shape, 100×4; of a scalar the number."""
    if shape:
        return "×".join(map(str, shape))
    return "scalar" if value is None else "= " + f"{float(value):.4g}".replace("-", "−")


def _many(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"


def _wrapped(formula: Symbol) -> str:
    """A label, broken before its operators where it would be too wide."""
    lines: list[str] = []
    width = 0
    for text, markup in zip(Text().pieces(formula), Html().pieces(formula), strict=True):
        if lines and width + len(text) < WIDEST:
            lines[-1] += " " + markup
            width += 1 + len(text)
        else:
            lines.append(markup)
            width = len(text)
    # In a table, whose margin keeps the edge away and whose rows keep subscripts apart.
    rows = "".join(f"<TR><TD>{line}</TD></TR>" for line in lines)
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="3" CELLPADDING="1">{rows}</TABLE>>'
