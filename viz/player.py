"""The step player: both passes of a network as a page that opens from the disk and is walked by arrow keys."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import graphviz
import numpy as np

from autograd.graph import Variable

from . import cells
from .diagram import Diagram, write
from .notation import HOLE, MathML, Symbol
from .op_level import Flow
from .recorder import Recorder
from .sheet import sheet
from .stage import Page, Stage, StepPicture, written
from .theme import FONT, THEMES

__all__ = ["player"]

Array = np.ndarray[Any, Any]
HERE = Path(__file__).parent
WHOLE = 1200  # elements of an array that is on the page as it is
MOST = 28  # rows and columns of what stands for a larger one
LISTED = 3  # arrays that are shown of what an operation reads
TITLES = {"given": "Given", "forward": "Forward pass", "more": "Further steps", "seed": "Backward pass",
          "backward": "Backward pass"}  # fmt: skip
MODES = {"auto": "as the system", "light": "light", "dark": "dark"}

# The picture is drawn in colours that nothing else has, which the page replaces by those of the theme.
COLOURS = {name: f"#0{k}a0b0" for k, name in enumerate(
    ("paper", "ink", "faint", "forward", "backward", "tint", "shade", "negative", "positive", "accent"))}  # fmt: skip
LOOK = replace(THEMES["light"], **COLOURS)  # type: ignore[arg-type]


def player(
    loss: Any,
    path: str | os.PathLike[str],
    *,
    names: Mapping[str, Any] | None = None,
    history: Recorder | None = None,
    title: str | None = None,
    theme: str = "auto",
    rankdir: str = "LR",
) -> Path:
    """Write the forward and the backward pass of ``loss`` as a page that plays them, one operation at a time.

    The page is one file that needs no network. Arrow keys, buttons and a slider walk the steps: what a step is about is
    marked in the picture and on the equation sheet; incoming gradient, local factor and product stand below; numbers
    and heat-maps appear as they become known, and a gradient with several contributions is seen to grow. Pointing at a
    variable shows its arrays, a click all the equations it is in. A table says the same in words.

    Values and gradients are computed anew, from the leaves as they are now; nothing of yours is changed. Of an array
    with more than 1,200 elements the page holds the most extreme of each block, in at most 28 rows and columns.

    Parameters
    ----------
    loss : Tensor
    path : path
        Where to write it: a file that ends in .html.
    names : mapping, optional
        name → tensor, for those that have no ``.name`` of their own; ``locals()`` will do.
    history : Recorder, optional
        What was recorded during training: a second slider replays it.
    title : str, optional
        The heading.
    theme : {"auto", "light", "dark"}
        What the page begins with; there is a switch on it.
    rankdir : {"LR", "RL", "TB", "BT"}
        Which way the computation runs.

    Returns
    -------
    Path

    Raises
    ------
    ValueError
        For another ending, theme or rankdir.
    GraphError
        If ``loss`` is not a tensor.
    DrawingError
        If Graphviz is missing, fails, or takes too long.

    Examples
    --------
    >>> import autograd, tempfile, viz
    >>> x = autograd.tensor(3.0, requires_grad=True)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page = viz.player(x * x + x, f"{folder}/square.html", names={"x": x}).read_text(encoding="utf-8")
    >>> page[:15], "src=" in page  # it is all there
    ('<!DOCTYPE html>', False)
    """
    path = Path(path)
    if path.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"player: {path.name!r} must end in .html")
    if theme not in MODES:
        raise ValueError(f"player: theme={theme!r} is not one of {', '.join(MODES)}")
    if rankdir not in ("LR", "RL", "TB", "BT"):
        raise ValueError(f"player: rankdir={rankdir!r} is not one of LR, RL, TB, BT")
    stage = Stage(loss, names)
    equations = sheet(stage.graph.output.tensor, names=names)
    data = _Data(stage, equations.equations)
    content = {
        "variables": [data.variable(v) for v in stage.graph],
        "pages": [data.page(page) for page in stage.pages],
        "arrays": data.arrays.listed,
        "training": None if history is None else history.summary(_names_by_tensor(stage)),
    }
    passes = "Forward and backward pass" if stage.graph.output.requires_grad else "Forward pass"
    heading = title if title is not None else f"{passes} of {stage.names[-1].symbol.text}"
    picture = _svg(stage, rankdir)
    return write(path, _page(stage, heading, theme, picture, equations.html, content, data.labels).encode())


def _names_by_tensor(stage: Stage) -> dict[int, str]:
    return {id(v.tensor): name.symbol.text for v, name in zip(stage.graph, stage.names, strict=True)}


# -- the picture


class _Rooms(StepPicture):
    """The picture with every part marked and every room empty: the page fills them."""

    most = MOST

    def gradient_lines(self, v: Variable) -> list[str]:
        """One part, so that it can be hidden."""
        return [self.part(f"g{v.index}", cells.table(super().gradient_lines(v)))]

    def room(self, v: Variable, which: int, color: str, grid: tuple[int, int], size: tuple[int, int]) -> str:
        """Empty."""
        mark = f' ID="{"nh"[which]}{v.index}" TITLE=" "'  # SVG keeps the id of what has a title
        return self.frame(self.look.faint, size, "<TR><TD></TD></TR>", mark)

    def term(self, flow: Flow, text: str, letter: str = "t") -> str:
        """A part, so that it can be hidden."""
        return self.part(f"{letter}{flow.mark}", cells.table([super().term(flow, text, letter)], 0, 0))

    @staticmethod
    def part(mark: str, table: str) -> str:
        """A row with an id."""
        return f'<TR><TD ID="{mark}" TITLE=" ">{table}</TD></TR>'

    def place(
        self, where: graphviz.Digraph, node: str, kind: str, markup: str, mark: str, **attributes: str
    ) -> None:
        """A node of that class."""
        super().place(where, node, kind, markup, mark, **{"class": f"{kind} {mark}", "id": f"node-{node}"})

    def edge(
        self, tail: str, head: str, mark: str, where: graphviz.Digraph | None = None, **attributes: str
    ) -> None:
        """An edge of that class."""
        super().edge(tail, head, mark, where, **{"class": mark}, **attributes)


def _svg(stage: Stage, rankdir: str) -> str:
    """The picture as a part of the page: its colours are the theme's, and its parts are read one by one."""
    source = _Rooms(stage, LOOK, rankdir).diagram().source
    svg = Diagram(source).svg()
    for name, colour in COLOURS.items():
        svg = svg.replace(f'"{colour}"', f'"var(--{name})"')
    svg = re.sub(r"<title>.*?</title>\n?|<!--.*?-->\n?", "", svg, flags=re.DOTALL)
    svg = re.sub(r' xmlns(:\w+)?="[^"]*"| xlink:title="[^"]*"| xml:space="preserve"', "", svg)
    return svg.replace("<svg", '<svg role="group" aria-label="Computation graph"', 1)


# -- the data


class _Arrays:
    """The arrays of the page, each once."""

    def __init__(self) -> None:
        self.listed: list[dict[str, Any]] = []
        self.known: dict[tuple[Any, ...], int] = {}

    def add(self, array: Array) -> int:
        """The number of ``array`` on the page."""
        array = np.asarray(array, np.float64)
        key = (array.shape, array.tobytes())
        if key not in self.known:
            self.known[key] = len(self.listed)
            self.listed.append(self.packed(array))
        return self.known[key]

    @staticmethod
    def packed(array: Array) -> dict[str, Any]:
        """What the page has to know of it."""
        grid = cells.blocks(array, max(1, *array.shape, array.size) if array.size <= WHOLE else MOST)
        with np.errstate(all="ignore"):
            mean = array.mean() if array.size else np.nan
            packed = {"shape": cells.shape_text(array.shape), "rows": len(grid), "columns": grid.shape[1],
                      "cells": [_short(x) for x in grid.ravel().tolist()], "mean": _short(mean),
                      "norm": _short(np.sqrt(np.square(array).sum())), "written": written(array.shape)}  # fmt: skip
        if grid.size < array.size:
            packed["note"] = f"{grid.shape[0]}×{grid.shape[1]} blocks, of each the most extreme of its numbers"
        return packed


def _short(x: float) -> float | str:
    """Four digits; JSON has no infinity."""
    return float(f"{x:.4g}") if np.isfinite(x) else "nan" if np.isnan(x) else cells.digits(x)


class _Data:
    """What the page's script is told."""

    def __init__(self, stage: Stage, equations: list[Any]) -> None:
        self.stage = stage
        self.arrays = _Arrays()
        self.labels: dict[str, int] = {}  # what is typeset, for the script to copy
        self.index = {name.name: v.index for v, name in zip(stage.graph, stage.names, strict=True)}
        self.lines: dict[int, set[int]] = {}
        for line in equations:
            for part in (line.left, line.right):
                for name in _names_in(part):
                    if name in self.index:
                        self.lines.setdefault(self.index[name], set()).add(line.number)
        for page in stage.pages:
            if page.step is not None and page.step.equation is not None:
                self.lines.setdefault(page.step.variable, set()).add(page.step.equation)

    def variable(self, v: Variable) -> dict[str, Any]:
        """One variable."""
        name = self.stage.names[v.index]
        about = [name.role, *([name.path] if name.path else []), *([cells.shape_text(v.shape)] if v.shape else [])]
        return {
            "name": name.symbol.text, "gradient": self.stage.gradient(v.index).text, "about": ", ".join(about),
            "equations": sorted(self.lines.get(v.index, ())),
            "scales": [_short(self.stage.largest.get((v.index, which), 0.0)) for which in (0, 1)],
        }  # fmt: skip

    def page(self, page: Page) -> dict[str, Any]:
        """One step."""
        step, stage = page.step, self.stage
        known = []
        if page.kind == "given":
            known = [(0, v.index, self.arrays.add(stage.values[v.index])) for v in stage.graph
                     if v.op is None and v.index not in stage.hidden]  # fmt: skip
        if step is not None:
            known = [(int(page.kind != "forward"), step.variable, self.arrays.add(step.total))]
        return {
            "said": page.said, "title": TITLES[page.kind], "new": page.new, "now": page.now, "known": known,
            "parts": self.parts(page), "equation": None if step is None else step.equation,
        }  # fmt: skip

    def parts(self, page: Page) -> list[dict[str, Any]]:
        """What goes into the step and what comes out."""
        step, stage = page.step, self.stage
        if step is None:
            return []
        gradient = stage.gradient(step.variable)
        if page.kind == "seed":
            return [self.part("result", "begins with", gradient, step.total)]
        if page.kind == "forward":
            inputs = stage.graph.variables[step.variable].inputs
            reads = list(dict.fromkeys(x.index for x in inputs if isinstance(x, Variable)))
            return [
                *(self.value("local", "reads", index) for index in reads[:LISTED]),
                self.value("result", "computes", step.variable),
            ]
        assert step.source is not None and step.local is not None
        parts = [self.part("incoming", "incoming gradient", stage.gradient(step.source), step.incoming)]
        if step.factor is not None:
            parts.append(self.part("local", "× local factor", step.local, step.factor))
        else:
            read = list(dict.fromkeys(self.index[n] for n in _names_in(step.local) if n in self.index))
            local = self.part("local", f"local factor; {HOLE} is what comes in", step.local)
            others = [self.value("local", "with", index) for index in read[:LISTED]]
            if len(others) == 1:  # one picture is enough
                name = stage.names[read[0]].symbol.text
                local, others = {**others[0], **{k: local[k] for k in ("role", "label")}, "note": name}, []
            parts += [local, *others]
        if step.parts == 1:
            return [*parts, self.part("product", "= product", gradient, step.total)]
        so_far = "sum, complete" if step.part == step.parts else "sum so far"
        return [*parts, self.part("product", f"= contribution {step.part} of {step.parts}", step.formula, step.product),
                self.part("result", so_far, gradient, step.total)]  # fmt: skip

    def part(self, kind: str, role: str, label: Symbol, array: Array | None = None, scale: float = 0) -> dict[str, Any]:
        """An array with its caption; without a scale its largest number has the full colour."""
        number = None if array is None else self.arrays.add(array)
        at = self.labels.setdefault(_math(label), len(self.labels))
        return {"kind": kind, "role": role, "label": at, "array": number, "scale": scale}

    def value(self, kind: str, role: str, index: int) -> dict[str, Any]:
        """The value of a variable, on its own scale."""
        stage = self.stage
        scale = _short(stage.largest.get((index, 0), 0.0))
        return self.part(kind, role, stage.names[index].symbol, stage.values[index], scale)  # type: ignore[arg-type]


def _names_in(x: Symbol) -> list[str]:
    """The names in an expression."""
    found: list[str] = []
    stack: list[Any] = [x]
    while stack:
        y = stack.pop()
        if y.head == "name":
            found.append(y.args[0])
        stack += [a for a in reversed(y.args) if isinstance(a, Symbol)]
    return found


# -- the page


def _page(
    stage: Stage, heading: str, mode: str, svg: str, equations: str, content: dict[str, Any], labels: dict[str, int]
) -> str:
    script = (HERE / "player.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    last = len(stage.pages) - 1
    modes = "".join(
        f'<option value="{m}"{" selected" if m == mode else ""}>{words}</option>' for m, words in MODES.items()
    )
    note = ""
    if stage.changed:
        note = (
            '<p id="note" class="small">A leaf has been overwritten since the loss was computed, by a step of the '
            "optimizer, say: the numbers are those of the leaves as they are now.</p>"
        )
    return f"""<!DOCTYPE html>
<html lang="en" data-theme="{mode}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{html.escape(heading)}</title>
<style>{_style()}</style>
</head>
<body>
<header>
<h1>{html.escape(heading)}</h1>
<div class="bar" role="group" aria-label="Steps">
<button id="first" type="button" aria-label="First step">|◀</button>
<button id="back" type="button" aria-label="One step back" aria-keyshortcuts="ArrowLeft">◀</button>
<button id="play" type="button">Play</button>
<button id="next" type="button" aria-label="One step on" aria-keyshortcuts="ArrowRight">▶</button>
<button id="last" type="button" aria-label="Last step">▶|</button>
<input id="slider" type="range" min="0" max="{last}" value="0" aria-label="Step">
<span id="count"></span>
</div>
<label><input id="large" type="checkbox"> large picture</label>
<label>colours <select id="theme">{modes}</select></label>
</header>
<main>
{note}
<section id="picture" aria-label="Picture">
{svg}
</section>
<section id="step" aria-label="This step">
<h2 id="title"></h2>
<p id="said" aria-live="polite"></p>
<div id="formula"></div>
<div id="arrays"></div>
<p class="small">Blue is positive, orange negative; the largest magnitude of an array has the full colour.</p>
</section>
<section id="sheet" aria-label="Equations">
{equations}
</section>
<section id="detail" aria-label="Variable" hidden></section>
<section id="training" aria-label="Training" hidden>
<h2>Training</h2>
<div class="bar" role="group" aria-label="Training steps">
<button id="train" type="button">Replay</button>
<input id="when" type="range" min="0" value="0" aria-label="Training step">
<span id="trained"></span>
</div>
<div class="columns"><div id="curves"></div><table>
<thead><tr><th scope="col">parameter</th><th scope="col">value</th><th scope="col">gradient</th></tr></thead>
<tbody id="parameters"></tbody></table></div>
</section>
<details id="steps"><summary>All steps as a table</summary>
<table>
<thead><tr><th scope="col">step</th><th scope="col">what happens</th><th scope="col">equation</th>\
<th scope="col">incoming</th><th scope="col">local</th><th scope="col">result</th></tr></thead>
<tbody>
{"".join(_row(stage, page, n) for n, page in enumerate(stage.pages, 1))}</tbody>
</table>
</details>
</main>
<div id="tip" role="tooltip" hidden></div>
<div id="labels" hidden>{"".join(f"<span>{label}</span>" for label in labels)}</div>
<noscript><p>Without JavaScript the page shows no numbers, but the equations are all there.</p></noscript>
<script type="application/json" id="data">{_json(content)}</script>
<script>{script}</script>
</body>
</html>
"""


def _row(stage: Stage, page: Page, n: int) -> str:
    """A step in the table: for those who do not see the picture, and when the page is printed."""
    step = page.step
    formula, incoming, local, result = html.escape(page.said.partition(": ")[2] or page.said), "", "", ""
    if step is not None:
        result = _words(step.total)
        left = stage.gradient(step.variable) if page.kind != "forward" else stage.names[step.variable].symbol
        sign = "=" if step.parts == 1 else "←"
        formula = _math(left, step.formula, sign)
        if step.incoming is not None and step.local is not None:
            incoming, local = _words(step.incoming), _math(step.local)
            if step.factor is not None:
                local += f" {_words(step.factor)}"
    said = html.escape(page.said)
    return (
        f'<tr><th scope="row"><button type="button" aria-label="Go to step {n}">{n}</button></th><td>{said}</td>'
        f'<td class="formula">{formula}</td><td>{incoming}</td><td>{local}</td><td>{result}</td></tr>\n'
    )


def _math(left: Symbol, right: Symbol | None = None, sign: str = "=") -> str:
    """An equation, or one side of it."""
    render = MathML().render
    other = "" if right is None else f"<mo>{sign}</mo>{render(right)}"
    return f'<math display="block"><mrow>{render(left)}{other}</mrow></math>'


def _words(array: Array) -> str:
    """An array in a few words: its only number, or its size, mean and norm."""
    if array.size == 1:
        return cells.digits(array.item(), 4)
    return f"{cells.shape_text(array.shape)}, {cells.summary(array)}"


def _style() -> str:
    """The style sheet with the colours of the themes."""
    style = (HERE / "player.css").read_text(encoding="utf-8").replace("/*FONT*/", FONT)
    for theme in ("light", "dark"):
        colours = "; ".join(f"--{name}: {getattr(THEMES[theme], name)}" for name in COLOURS)
        style = style.replace(f"/*{theme.upper()}*/", f"{colours};")
    return style


def _json(content: Any) -> str:
    """JSON that cannot end the element it stands in."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
