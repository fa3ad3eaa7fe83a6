"""The steps of both passes as numbered pages, for Beamer or PowerPoint."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import graphviz
import numpy as np

from autograd.graph import Variable

from . import cells
from .diagram import Diagram, render_all, write
from .notation import Html, Symbol, Text
from .op_level import Flow
from .stage import Page, Stage, StepPicture, written
from .theme import Theme
from .theme import theme as look_of

__all__ = ["frames"]

Array = np.ndarray[Any, Any]
FORMATS = ("pdf", "svg", "png")
TOGETHER = (".pdf", ".gif")  # files that hold all pages
PNG_DPI, GIF_DPI = "96", "64"  # 3,000 and 2,000 pixels for the network of the slides
SECONDS_SHOWN = 1.5  # each page of a GIF
MOST = 300  # pages
WIDE = 0.66  # a character of the caption, in parts of its height
LINE = 96  # characters of the caption that are set in full size


def frames(
    loss: Any,
    path: str | os.PathLike[str],
    format: str = "pdf",
    *,
    names: Mapping[str, Any] | None = None,
    theme: str | Theme = "light",
    rankdir: str = "LR",
) -> list[Path]:
    """The forward and the backward pass of ``loss``, one operation on each page.

    The pages have the same layout, so that nothing moves when one follows the other: what is computed later is pale,
    and numbers, heat-maps and gradients appear as they become known. The line below says what the step does. A gradient
    with several contributions is seen to grow.

    Parameters
    ----------
    loss : Tensor
    path : path
        A folder for the pages, ``step-01.pdf``, ``step-02.pdf``, …; or a file that ends in .pdf, with a page for each
        step (needs pypdf), or in .gif, which plays them (needs Pillow).
    format : {"pdf", "svg", "png"}
        Of the pages in a folder.
    names : mapping, optional
        name → tensor, for those that have no ``.name`` of their own.
    theme : {"light", "dark", "print"} or Theme
    rankdir : {"LR", "RL", "TB", "BT"}
        Which way the computation runs.

    Returns
    -------
    list of Path
        The files that were written, in the order of the steps.

    Raises
    ------
    ValueError
        For another format, theme or rankdir; for more than 300 steps.
    DrawingError
        If Graphviz is missing, fails, or takes too long.
    ImportError
        Without the library that a single file needs.

    Examples
    --------
    >>> import autograd, tempfile, viz
    >>> x = autograd.tensor(3.0, requires_grad=True)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [file.name for file in viz.frames(x**2, folder, "svg", names={"x": x})]
    ['step-1.svg', 'step-2.svg', 'step-3.svg', 'step-4.svg']
    """
    look, path = look_of(theme), Path(path)
    if format not in FORMATS:
        raise ValueError(f"frames: format={format!r} is not one of {', '.join(FORMATS)}")
    if rankdir not in ("LR", "RL", "TB", "BT"):
        raise ValueError(f"frames: rankdir={rankdir!r} is not one of LR, RL, TB, BT")
    ending = path.suffix.lower() if path.suffix.lower() in TOGETHER and not path.is_dir() else ""
    bind = {".pdf": _pdf_library, ".gif": _gif_library}[ending]() if ending else None
    stage = Stage(loss, names)
    if len(stage.pages) > MOST:
        raise ValueError(f"frames: {len(stage.pages)} steps are more than {MOST} pages; draw a part of the network")
    kind = {"": format, ".pdf": "pdf", ".gif": "png"}[ending]
    pages = render_all(_pages(stage, look, rankdir), kind, GIF_DPI if ending else PNG_DPI)
    if bind is not None:
        return [write(path, bind(pages))]
    digits = len(str(len(pages)))
    return [write(path / f"step-{n:0{digits}d}.{format}", page) for n, page in enumerate(pages, 1)]


def _pages(stage: Stage, look: Theme, rankdir: str) -> list[Diagram]:
    """A diagram for each step."""
    total = len(stage.pages)
    captions = [_Caption(stage, page, n, total) for n, page in enumerate(stage.pages, 1)]
    width = max(c.width(look) for c in captions)
    seen: set[str] = set()
    gradients: dict[int, Array] = {}
    drawn = []
    for page, caption in zip(stage.pages, captions, strict=True):
        seen.update(page.new)
        if page.kind in ("seed", "backward") and page.step is not None:
            gradients[page.step.variable] = page.step.total
        picture = _PagePicture(stage, look, rankdir, page, seen, gradients, caption.markup(look, width))
        drawn.append(Diagram(picture.diagram().source, caption.head, f"{caption.head}. {page.said}."))
    return drawn


class _Caption:
    """What is written below the picture."""

    def __init__(self, stage: Stage, page: Page, n: int, total: int) -> None:
        passes = {"given": "Given", "forward": "Forward pass", "more": "…"}.get(page.kind, "Backward pass")
        self.head = f"{n}/{total}  {passes}"
        self.left: list[Symbol] = []
        step = page.step
        self.words = page.said.partition(": ")[2] or page.said
        self.note: list[tuple[str, Symbol | None]] = []  # words, and what is typeset after them
        if step is not None and step.kind != "seed":
            backward = step.kind == "backward"
            left = stage.gradient(step.variable) if backward else stage.names[step.variable].symbol
            self.left = [left, step.formula]
            if backward and step.local is not None and step.source is not None:
                self.note = [("incoming ", stage.gradient(step.source)), (",   local ", step.local)]
                if step.parts > 1:
                    self.note.append((f",   contribution {step.part} of {step.parts}", None))
        self.sign = "←" if step is not None and step.parts > 1 else "="

    def text(self) -> str:
        """The second line."""
        return f" {self.sign} ".join(Text().render(x) for x in self.left) or self.words

    def noted(self, renderer: Text | Html) -> str:
        """The third line."""
        return "".join(words + ("" if x is None else renderer.render(x)) for words, x in self.note)

    @property
    def longest(self) -> int:
        """Characters of the longest line."""
        return max(len(self.text()), len(self.noted(Text())), len(self.head))

    def size(self, look: Theme) -> int:
        """The height of its letters: a long line is set smaller."""
        return max(8, round(look.name_size * min(1.0, LINE / self.longest)))

    def width(self, look: Theme) -> int:
        """The room that it needs, in points."""
        return round(WIDE * self.size(look) * self.longest)

    def markup(self, look: Theme, width: int) -> str:
        """A table of that width, whatever stands in it."""
        size, height = self.size(look), round(1.5 * look.name_size)
        middle = f" {self.sign} ".join(Html().render(x) for x in self.left) or Html().label(self.words, 1000)
        rows = [
            (Html().label(self.head), look.faint, look.shape_size),
            (middle, look.ink, size),
            (self.noted(Html()) or " ", look.backward, round(0.8 * size)),
        ]
        body = "".join(
            f'<TR><TD FIXEDSIZE="TRUE" WIDTH="{width}" HEIGHT="{height}">'
            f'<FONT POINT-SIZE="{size}" COLOR="{color}">{text}</FONT></TD></TR>'
            for text, color, size in rows
        )
        return f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0">{body}</TABLE>'


class _PagePicture(StepPicture):
    """The picture of one page: what is not yet there keeps its room."""

    def __init__(
        self, stage: Stage, look: Theme, rankdir: str, page: Page, seen: set[str], gradients: Mapping[int, Array],
        caption: str,
    ) -> None:  # fmt: skip
        self.page, self.seen, self.known = page, seen, gradients
        super().__init__(stage, look, rankdir)
        self.dot.attr(label=f"<{caption}>", labelloc="b")

    def fill(self, v: Variable) -> str:
        """What a node is filled with."""
        if f"v{v.index}" in self.page.now:
            return self.look.accent
        return self.look.kinds[self.names[v.index].role].get("fillcolor", self.look.paper)

    def value_lines(self, v: Variable) -> list[str]:
        """Pale until it is computed."""
        lines = super().value_lines(v)
        return lines if f"v{v.index}" in self.seen else [_inked(line, self.look.shade) for line in lines]

    def gradient_lines(self, v: Variable) -> list[str]:
        """Not there until the first contribution arrives."""
        lines = super().gradient_lines(v)
        return lines if f"g{v.index}" in self.seen else [_inked(line, self.fill(v)) for line in lines]

    def room(self, v: Variable, which: int, color: str, grid: tuple[int, int], size: tuple[int, int]) -> str:
        """The array as numbers or as a heat-map, as far as it is known."""
        known = self.known.get(v.index) if which else self.array(v, 0) if f"n{v.index}" in self.seen else None
        if known is None:
            return self.frame(self.fill(v), size, "<TR><TD></TD></TR>")
        numbers, (rows, columns) = written(v.shape), grid
        cell = f'FIXEDSIZE="TRUE" WIDTH="{size[0] // columns}" HEIGHT="{size[1] // rows}"'
        largest = self.stage.largest[v.index, which]
        body = []
        for row in cells.blocks(np.asarray(known, np.float64), self.most).tolist():
            body.append("<TR>")
            for x in row:
                share = x / largest if largest else 0.0
                tint = self.look.mixed(share if not numbers else 0.5 * share) if share == share else self.look.paper
                sign = "−" if self.look.signed and share < -0.05 else ""  # where colours cannot tell
                text = cells.digits(x, 2) if numbers else "×" if share != share else sign
                if text:
                    text = f'<FONT POINT-SIZE="{15 if numbers else 7}" COLOR="{self.look.ink}">{text}</FONT>'
                body.append(f'<TD {cell} BGCOLOR="{tint}">{text}</TD>')
            body.append("</TR>")
        return self.frame(self.look.faint, size, "".join(body))

    def term(self, flow: Flow, text: str, letter: str = "t") -> str:
        """A term of a sum, once it is there."""
        line = super().term(flow, text, letter)
        return line if f"{letter}{flow.mark}" in self.seen else _inked(line, self.look.paper)

    def place(
        self, where: graphviz.Digraph, node: str, kind: str, markup: str, mark: str, **attributes: str
    ) -> None:
        """A node, marked if the step is about it; pale, or not seen, if it comes later."""
        look = self.look
        if mark in self.page.now:
            style = look.kinds[kind].get("style", "solid").replace("solid", "")
            attributes |= {"style": ",".join({*style.split(","), "filled"} - {""}), "fillcolor": look.accent}
        elif mark not in self.seen and mark[0] in "vo":
            attributes |= {"color": look.shade, "fontcolor": look.faint if mark[0] == "o" else look.shade}
        elif mark not in self.seen:
            attributes |= {"style": "invis"}
        super().place(where, node, kind, markup, mark, **attributes)

    def edge(
        self, tail: str, head: str, mark: str, where: graphviz.Digraph | None = None, **attributes: str
    ) -> None:
        """An edge, bold if the step is about it; pale, or not seen, if it comes later."""
        if mark in self.page.now:
            attributes |= {"penwidth": "5"}
        elif mark not in self.seen:
            attributes |= {"color": self.look.shade} if mark[0] == "o" else {"style": "invis"}
        super().edge(tail, head, mark, where, **attributes)


def _inked(markup: str, color: str) -> str:
    """Our own markup with everything in one colour; what users wrote holds no quotes."""
    return re.sub(r'COLOR="[^"]*"', f'COLOR="{color}"', markup)


def _pdf_library() -> Any:
    try:
        import pypdf
    except ImportError as error:
        raise ImportError("frames: all pages in one PDF need pypdf: pip install 'chalkgrad[slides]'") from error

    def bind(pages: Sequence[bytes]) -> bytes:
        book, out = pypdf.PdfWriter(), io.BytesIO()
        for page in pages:
            book.append(io.BytesIO(page))
        book.write(out)
        return out.getvalue()

    return bind


def _gif_library() -> Any:
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError("frames: a GIF needs Pillow: pip install 'chalkgrad[slides]'") from error

    def bind(pages: Sequence[bytes]) -> bytes:
        out = io.BytesIO()
        first, *rest = (Image.open(io.BytesIO(page)).convert("RGB") for page in pages)
        first.save(out, "GIF", save_all=True, append_images=rest, duration=round(1000 * SECONDS_SHOWN), loop=0)
        return out.getvalue()

    return bind
