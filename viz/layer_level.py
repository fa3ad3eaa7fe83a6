"""The picture at the level of layers: modules as boxes, and the arrays that flow between them.

What a box holds is what was computed in one call of a module; what was computed in no module is a small node of its
own. Boxes stand in frames, one for each module around them, as deep as is readable.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, takewhile
from typing import Any

import graphviz

from autograd.graph import Graph, Variable

from . import cells
from .diagram import Diagram
from .marks import Ids, many, words
from .names import Name
from .notation import Html, Symbol, plain
from .options import Options

__all__ = ["diagram"]

READABLE = 24  # boxes and small nodes; beyond, repeats become one box, and modules are opened less deep
LARGEST = 60  # beyond, only the beginning and the end are drawn
KEPT = 10
PERIOD = 6  # the longest run that is recognised as a repeat
ROWS = 4  # parameters that a box lists
SAID = 40  # parts that the alternative text tells of

Call = tuple[int, ...]


def diagram(graph: Graph, names: Sequence[Name], options: Options) -> Diagram:
    """Draw the modules that ``graph`` went through.

    Parameters
    ----------
    graph : Graph
    names : sequence of Name
        Of its variables, by :func:`viz.names.name_variables`.
    options : Options
        ``depth`` says how deep modules are opened: 1 shows a whole network as one box.

    Examples
    --------
    >>> import autograd, nn
    >>> from autograd.graph import Graph
    >>> from viz import layer_level, names, options
    >>> graph = Graph(nn.Sequential(nn.Linear(2, 4), nn.Sigmoid())(autograd.ones(5, 2)))
    >>> layer_level.diagram(graph, names.name_variables(graph), options.Options())
    <Diagram: forward, layers: 2 modules>
    """
    return _Picture(graph, names, options).diagram()


@dataclass(eq=False)
class _Part:
    """One node: a call of a module, an operation outside any, a leaf; or a run of such that is repeated."""

    variables: list[Variable]
    frame: Call = ()  # the calls around it
    module: Any = None
    call: Call = ()
    hidden: str = ""  # what it stands for, where it is several
    count: int = 1
    leaves: list[Variable] = field(default_factory=list)  # parameters inside
    inside: int = 0  # parts that it stands for

    @property
    def leaf(self) -> bool:
        return self.variables[0].op is None


class _Picture:
    def __init__(self, graph: Graph, names: Sequence[Name], options: Options) -> None:
        self.graph = graph
        self.names = names
        self.options = options
        self.look = options.theme
        self.modules = {v.calls[k]: m for v in graph for k, m in enumerate(v.scope)}
        self.calls = {call: k for k, call in enumerate(self.modules)}  # the order of computation; marks are arbitrary
        self.paths = _paths(graph)
        self.nested = {v.calls[:k] for v in graph for k in range(len(v.calls))}  # calls in which there are calls
        self.owned: dict[int, set[int]] = {}  # module → its parameters, by id
        self.parts = self.choose()
        self.part = {v.index: part for part in self.parts for v in (*part.variables, *part.leaves)}
        self.reached = self._reached() if options.backward else set()
        self.ids = Ids()
        self.dot = graphviz.Digraph(graph_attr=self.look.graph, node_attr=self.look.node, edge_attr=self.look.edge)

    # -- what is one node

    def choose(self) -> list[_Part]:
        """As deep as asked for, else as deep as is readable."""
        deepest = max((len(v.calls) for v in self.graph), default=0)
        asked = self.options.depth
        depths = [deepest] if asked is None else [max(0, min(asked, deepest))]
        best: list[_Part] | None = None
        while depths:
            depth = depths.pop()
            parts = self.cut(depth)
            if len(parts) > READABLE:
                parts = self.fold(parts)
            if best is None or len(parts) < len(best):
                best = parts
            if len(best) > READABLE and asked is None and depth > 1:
                depths.append(depth - 1)
        assert best is not None
        return self.shorten(best) if len(best) > LARGEST else best

    def cut(self, depth: int) -> list[_Part]:
        """The parts if modules are opened ``depth`` deep, in the order of computation."""
        boxes: dict[Call, _Part] = {}
        parts: list[_Part] = []
        for v in self.graph:
            if v.op is None:
                parts.append(_Part([v]))
                continue
            call = v.calls[:depth]
            whole = call and (len(call) == depth or call not in self.nested)
            if whole and call in boxes:
                boxes[call].variables.append(v)
                continue
            part = _Part([v], call[:-1] if whole else call, self.modules[call[-1]] if whole else None, call)
            parts.append(part)
            if whole:
                boxes[call] = part
        return self.absorb(parts)

    def absorb(self, parts: list[_Part]) -> list[_Part]:
        """Parameters go into the boxes of the modules that own them; others stand beside what reads them."""
        part = {v.index: p for p in parts for v in p.variables}
        kept = []
        for p in parts:
            v = p.variables[0]
            if v.op is not None:
                kept.append(p)
                continue
            readers = list(dict.fromkeys(part[w.index] for w, _ in v.consumers))
            if readers and all(self.owns(r.module, v) or (r.module is not None and not v.shape) for r in readers):
                for r in readers:
                    r.leaves.append(v)
                continue
            frames = {r.frame for r in readers}
            frame = frames.pop() if len(frames) == 1 else ()
            p.frame = frame if any(self.owns(self.modules[c], v) for c in frame) else ()
            kept.append(p)
        return kept

    def owns(self, module: Any, v: Variable) -> bool:
        if id(module) not in self.owned:
            self.owned[id(module)] = {id(p) for _, p in _parameters(module)}
        return id(v.tensor) in self.owned[id(module)]

    # -- less

    def fold(self, parts: list[_Part]) -> list[_Part]:
        """Runs that are repeated in a chain become one part each."""
        part = {v.index: p for p in parts for v in p.variables}
        private: dict[_Part, _Part] = {}  # leaves that only one part reads → it
        before: dict[_Part, list[_Part]] = {p: [] for p in parts}
        after: dict[_Part, list[_Part]] = {p: [] for p in parts}
        for p in parts:
            readers = dict.fromkeys(part[w.index] for v in p.variables for w, _ in v.consumers if w.index in part)
            readers.pop(p, None)
            if p.leaf and len(readers) == 1:
                private[p] = next(iter(readers))
                continue
            for r in readers:
                after[p].append(r)
                before[r].append(p)
        with_leaves: dict[_Part, list[_Part]] = {}
        for leaf, reader in private.items():
            with_leaves.setdefault(reader, []).append(leaf)

        gone: dict[_Part, _Part | None] = {}
        for chain in _chains(parts, before, after, private):
            first = with_leaves.get(chain[0], [])
            with_leaves[chain[0]] = [leaf for leaf in first if leaf.variables[0].requires_grad]  # data stays in sight
            signs = [self.sign(p, with_leaves.get(p, [])) for p in chain]
            for start, period, times in _repeats(signs):
                run = chain[start : start + period * times]
                leaves = [leaf for p in run for leaf in with_leaves.get(p, [])]
                made = self.merged(run, leaves, period, times)
                gone.update(dict.fromkeys([*run, *leaves]))
                gone[run[-1]] = made
        return [q for p in parts if (q := gone.get(p, p)) is not None]

    def sign(self, part: _Part, leaves: Iterable[_Part]) -> Any:
        """What two parts have in common if one can stand for the other."""
        v = part.variables[-1]
        read = (leaf for p in (part, *leaves) for leaf in (p.leaves or p.variables) if leaf.op is None)
        reads = sorted((leaf.kind, leaf.shape) for leaf in read)
        kind = type(part.module) if part.module is not None else v.op and v.op.name
        return kind, len(part.variables), v.shape, part.frame, tuple(reads)

    def merged(self, run: list[_Part], leaves: list[_Part], period: int, times: int) -> _Part:
        variables = [v for p in run for v in p.variables]
        inner = [v for p in run for v in p.leaves] + [v for leaf in leaves for v in leaf.variables]
        title = f"{times} × {', '.join(self.title(p) for p in run[:period])}"
        inner = list({v.index: v for v in inner}.values())
        return _Part(variables, run[0].frame, hidden=title, count=times, leaves=inner, inside=len(run))

    def shorten(self, parts: list[_Part]) -> list[_Part]:
        """Only the first and the last."""
        middle = parts[KEPT:-KEPT]
        variables = [v for p in middle for v in p.variables if v.op is not None]
        leaves = [v for p in middle for v in (*p.leaves, *p.variables) if v.op is None]
        told = f"… {many(len(middle), 'part')} more, of {len(parts)}"
        more = _Part(variables or leaves, hidden=told, leaves=leaves if variables else [], inside=len(middle))
        return [*parts[:KEPT], more, *parts[-KEPT:]]

    # -- drawing

    def diagram(self) -> Diagram:
        options = self.options
        rankdir = options.rankdir if options.forward else options.rankdir[::-1]
        self.dot.attr(rankdir=rankdir, ranksep="0.5", nodesep="0.35")
        if options.note:
            self.dot.attr(label=f"<{words(options.note)}>")
        flows = list(self.flows())
        shown = [p for p in self.parts if options.forward or any(v.index in self.reached for v in p.variables)]
        self.node = {id(p): self.ids.of(self.word(p)) for p in shown}
        self.frames = self.framed(shown)
        output = self.part[self.graph.output.index]
        self.end = self.ids.of(self.names[-1].name) if not output.leaf else self.node[id(output)]
        if not output.leaf:
            self.place(self.dot, self.end, "output", self.variable(self.graph.output))
        if options.forward:
            told: set[int] = set()  # what goes to several is named on its first way
            for v, a, b in flows:
                label = "" if a.leaf or v.index in told else self.carried(v)
                weight = "1" if not label else "8"
                told.add(v.index)
                self.dot.edge(self.node[id(a)], self.node[id(b)], label=label, weight=weight)
            if not output.leaf:
                self.dot.edge(self.node[id(output)], self.end)
        if options.backward:
            self.gradients([flow for flow in flows if self.flows_back(*flow)])
        self.close()
        boxes = sum(p.module is not None for p in self.parts)
        operations = sum(p.module is None and not p.leaf and not p.hidden for p in self.parts)
        folded = sum(p.inside for p in self.parts)
        counts = [many(n, what) for n, what in ((boxes, "module"), (operations, "operation")) if n]
        counts += [f"{folded:,} folded"] if folded else []
        passes = " and ".join(p for p, on in (("forward", options.forward), ("backward", options.backward)) if on)
        summary = f"{passes}, layers: {', '.join(counts) or 'none'}"
        return Diagram(self.dot.source, summary, self.alt(summary, flows))

    def alt(self, summary: str, flows: Sequence[tuple[Variable, _Part, _Part]]) -> str:
        """The picture in sentences."""
        said = [f"Computation of {self.names[-1].name} by layers, {summary}."]
        for p in self.parts[:SAID]:
            if p.leaf and not p.hidden:
                continue
            incoming = [self.names[v.index].name for v, _, b in flows if b is p]
            path = self.paths.get(id(p.module), "")
            told = f"{self.title(p)}{f' ({path})' if path else ''}"
            said.append(f"{told} reads {', '.join(incoming[:SAID]) or 'nothing'}, gives {self.gives(p)}.")
        if len(self.parts) > SAID:
            said.append(f"And {len(self.parts) - SAID} more.")
        return " ".join([*said, self.options.note]).strip()

    def gives(self, p: _Part) -> str:
        """Names and shapes of what leaves a part."""
        root = self.graph.output
        out = [v for v in p.variables if v is root or any(self.part[w.index] is not p for w, _ in v.consumers)]
        sizes = (f"{self.names[v.index].name} {self.size(v)}" for v in out[:ROWS])
        return ", ".join(sizes) + (" and more" if len(out) > ROWS else "")

    def flows(self) -> Iterator[tuple[Variable, _Part, _Part]]:
        """Which variable goes from which part to which: once, however often it is used there."""
        seen = set()
        for w in self.graph:
            for v in w.inputs:
                if not isinstance(v, Variable):
                    continue
                a, b = self.part[v.index], self.part[w.index]
                if a is not b and v.index not in {leaf.index for leaf in b.leaves} and (v.index, id(b)) not in seen:
                    seen.add((v.index, id(b)))
                    yield v, a, b

    def _reached(self) -> set[int]:
        """Where the gradient comes."""
        reached = {self.graph.output.index}
        for v in reversed(self.graph.variables):
            if v.index in reached:
                reached.update(x.index for k, x in enumerate(v.inputs) if v.has_rule(k))
        return reached

    def flows_back(self, v: Variable, a: _Part, b: _Part) -> bool:
        used = [(w, k) for w, k in v.consumers if self.part[w.index] is b and w.index in self.reached]
        return any(w.has_rule(k) for w, k in used)

    def gradients(self, flows: list[tuple[Variable, _Part, _Part]]) -> None:
        into: dict[int, list[tuple[_Part, _Part]]] = {}
        for v, a, b in flows:
            into.setdefault(v.index, []).append((a, b))
        output = self.graph.output
        if not self.part[output.index].leaf:
            self.back(self.end, self.node[id(self.part[output.index])])
        for index, uses in sorted(into.items(), reverse=True):
            v, target = self.graph.variables[index], self.node[id(uses[0][0])]
            label = "" if uses[0][0].leaf else self.carried(v, gradient=True)
            if len(uses) > 1:
                total = self.ids.of(f"{self.names[index].name}_sum")
                around = [uses[0][0].frame, *(b.frame for _, b in uses)]
                shared = takewhile(lambda level: len(set(level)) == 1, zip(*around, strict=False))
                self.place(self.frames[tuple(level[0] for level in shared)], total, "sum", "Σ")
                self.back(total, target, label)
                target, label = total, ""
            for _, b in uses:
                self.back(self.node[id(b)], target, label)

    def back(self, tail: str, head: str, label: str = "") -> None:
        """Beside the forward pass it is written the other way round, so that both agree on what is left and right."""
        if self.options.forward:
            self.dot.edge(head, tail, label=label, dir="back", **self.look.back, arrowtail="vee")
        else:
            self.dot.edge(tail, head, label=label, **self.look.back)

    def framed(self, shown: list[_Part]) -> dict[Call, graphviz.Digraph]:
        """Nodes in the frames of their modules, which :meth:`close` nests when they are complete."""
        graphs: dict[Call, graphviz.Digraph] = {(): self.dot}
        inner = {p.frame[:k] for p in shown for k in range(1, len(p.frame) + 1)}
        for call in sorted(inner, key=lambda call: (len(call), self.calls[call[-1]])):
            module = self.modules[call[-1]]
            path = self.paths.get(id(module), "")
            name = self.ids.of(f"cluster_{path or type(module).__name__}")
            graphs[call] = frame = graphviz.Digraph(name if name.startswith("cluster") else f"cluster_{name}")
            said = words(f"{type(module).__name__} {path}".strip())
            counted = many(sum(p.numel() for _, p in _parameters(module)), "parameter")
            frame.attr(label=f"<<B>{said}</B>, {counted}>", id=name, labeljust="l", labelloc="b", **self.look.cluster)
        for p in shown:
            self.draw_part(graphs[p.frame], p)
        return graphs

    def close(self) -> None:
        """The inner frames into the outer ones."""
        for call, frame in reversed(self.frames.items()):
            if call:
                self.frames[call[:-1]].subgraph(frame)

    def draw_part(self, where: graphviz.Digraph, p: _Part) -> None:
        v = p.variables[0]
        node = self.node[id(p)]
        if p.hidden:
            kind, markup = ("module", self.box(p)) if p.count > 1 else ("more", words(p.hidden))
        elif p.leaf:
            kind, markup = self.names[v.index].role, self.variable(v)
        elif p.module is not None:
            kind, markup = "op", self.box(p)
        else:
            kind, markup = "op", self.operation(v)
        style = {"color": self.look.ink, "style": "filled"} if p.module is not None and not p.hidden else {}
        self.place(where, node, kind, markup, **style)

    def place(self, where: graphviz.Digraph, node: str, kind: str, markup: str, **style: str) -> None:
        where.node(node, f"<{markup}>", **{"class": kind, "id": node, **self.look.kinds[kind], **style})

    # -- what is written

    def word(self, p: _Part) -> str:
        """What its id is made from."""
        if p.hidden:
            return "more" if p.count == 1 else f"{p.count} {self.word(_Part(p.variables[:1], module=p.module))}"
        if p.module is not None:
            return self.paths.get(id(p.module)) or type(p.module).__name__
        name = self.names[p.variables[0].index].name
        return name if p.leaf else f"{name}_op"

    def title(self, p: _Part) -> str:
        """In one word."""
        if p.module is not None:
            return type(p.module).__name__
        return p.hidden or (p.variables[0].symbol or "")

    def symbol(self, v: Variable, gradient: bool = False) -> Symbol:
        """What a variable, or its gradient, is called."""
        name = self.names[v.index].symbol
        return Symbol.gradient(self.names[-1].symbol, name) if gradient else name

    def size(self, v: Variable, gradient: bool = False) -> str:
        """The shape; of a scalar the number."""
        value = v.value if v.shape or not gradient else self.graph.gradient(v)
        return cells.shape_text(v.shape) or ("scalar" if value is None else f"= {cells.digits(value.item())}")

    def named(self, v: Variable, gradient: bool = False) -> str:
        """Name and size on one line."""
        return f"{self.symbol(v, gradient).html}  {self.size(v, gradient)}"

    def variable(self, v: Variable) -> str:
        look = self.look
        lines = [cells.line(self.symbol(v).html, look.name_size, look.ink)]
        lines.append(cells.line(self.size(v), look.shape_size, look.faint))
        if v.index in self.reached and v is not self.graph.output:
            lines += ["<HR/>", cells.line(self.named(v, gradient=True), look.shape_size, look.backward)]
        return cells.table(lines)

    def carried(self, v: Variable, gradient: bool = False) -> str:
        """The label of an edge, in a table whose margin keeps the edge away."""
        look = self.look
        small = look.backward if gradient else look.faint
        lines = [cells.line(self.symbol(v, gradient).html, look.label_size, look.backward if gradient else look.ink)]
        lines.append(cells.line(self.size(v, gradient), look.shape_size, small))
        if self.options.values and v.shape:
            array = self.graph.gradient(v) if gradient else v.value
            lines.append(cells.line("overwritten" if array is None else cells.summary(array), look.shape_size, small))
        return f"<{cells.table(lines)}>"

    def operation(self, v: Variable) -> str:
        """As at the level of operations: numbers are in the node, x ↦ 2 x."""
        holes = [Symbol("(·)", x.shape) if isinstance(x, Variable) else Symbol.number(x) for x in v.inputs]
        assert v.op is not None
        if all(isinstance(x, Variable) for x in v.inputs):
            return Html().label(v.symbol or "")
        return str(v.op(*holes, **v.params).html)

    def box(self, p: _Part) -> str:
        """The class of a module, where it is, and its parameters."""
        look, options = self.look, self.options
        if p.hidden:
            title, path = p.hidden, f"{many(p.inside, 'part')} folded into this one"
        else:
            title, path = type(p.module).__name__, self.paths.get(id(p.module), "")
        lines = [cells.line(f"<B>{words(title, 60)}</B>", look.name_size, look.ink)]
        calls = [] if p.hidden else [c for c, m in self.modules.items() if m is p.module]
        called = f"call {calls.index(p.call[-1]) + 1} of {len(calls)}" if len(calls) > 1 else ""
        contents = self.contents(p)
        small = filter(None, (path, called, contents))
        lines += [cells.line(words(told), look.shape_size, look.faint) for told in small]
        learned = [v for v in p.leaves if v.shape or v.requires_grad]
        own = _parameters(p.module) if not p.hidden else [("", v.tensor) for v in learned]
        if own:
            if not p.hidden:
                lines += [cells.line(self.named(v), look.shape_size, look.ink) for v in learned[:ROWS]]
                if len(learned) > ROWS:
                    lines.append(cells.line(f"… {len(learned) - ROWS} more", look.shape_size, look.ink))
            frozen = not any(x.requires_grad for _, x in own)
            counted = many(sum(x.numel() for _, x in own), "parameter") + (", frozen" if frozen else "")
            lines.append(cells.line(counted, look.shape_size, look.faint))
        elif not p.hidden and not contents:
            extra = plain(getattr(p.module, "extra_repr", str)(), 32)
            if extra:
                lines.append(cells.line(words(extra), look.shape_size, look.faint))
        wanted = [v for v in learned if v.index in self.reached]
        if options.backward and wanted and not p.hidden:
            lines.append("<HR/>")
            lines += [cells.line(self.named(v, gradient=True), look.shape_size, look.backward) for v in wanted[:ROWS]]
        return cells.table(lines)

    def contents(self, p: _Part) -> str:
        """What a box that could be opened has inside: of modules their classes, else operations if there are few."""
        if p.hidden:
            return ""
        depth = len(p.call)
        inner = dict.fromkeys(v.calls[: depth + 1] for v in p.variables if len(v.calls) > depth)
        if inner:
            words = [type(self.modules[c[-1]]).__name__ for c in inner]
            runs = [(word, len(list(same))) for word, same in groupby(words)]
            told = ", ".join(word if n == 1 else f"{n} × {word}" for word, n in runs)
            return f"hides {told}"
        symbols = [v.symbol or "" for v in p.variables]
        return symbols[0] if len(symbols) == 1 and not p.leaves else ""


def _parameters(module: Any) -> list[tuple[str, Any]]:
    return list(getattr(module, "named_parameters", lambda: ())())


def _paths(graph: Graph) -> dict[int, str]:
    """Where each module is, in the outermost one that was called; "" for that one itself."""
    paths: dict[int, str] = {}
    for module in {id(v.scope[0]): v.scope[0] for v in graph if v.scope}.values():
        for path, part in getattr(module, "named_modules", lambda: ())():
            paths.setdefault(id(part), path)
    return paths


def _chains(
    parts: list[_Part], before: dict[_Part, list[_Part]], after: dict[_Part, list[_Part]], private: dict[_Part, _Part]
) -> Iterator[list[_Part]]:
    """Longest runs in which each part reads only the one before it, which nothing else reads."""

    def goes_on(p: _Part) -> bool:
        return len(before[p]) == 1 and len(after[before[p][0]]) == 1 and not before[p][0].leaf

    for p in parts:
        if p in private or p.leaf or goes_on(p):
            continue
        chain = [p]
        while len(after[chain[-1]]) == 1 and goes_on(after[chain[-1]][0]):
            chain.append(after[chain[-1]][0])
        yield chain


def _repeats(signs: Sequence[Any]) -> Iterator[tuple[int, int, int]]:
    """Where a run is repeated three times or more, from left to right: start, length of the run, how many times."""
    start = 0
    while start < len(signs):
        best = (0, 0)
        for period in range(1, PERIOD + 1):
            end = start + period
            while end < len(signs) and signs[end] == signs[end - period]:
                end += 1
            times = (end - start) // period
            if times >= 3 and times * period > best[0] * best[1]:
                best = (period, times)
        if best[1]:
            yield (start, *best)
        start += max(best[0] * best[1], 1)
