"""A picture: its DOT text, and what Graphviz makes of it."""

from __future__ import annotations

import contextlib
import functools
import html
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

__all__ = ["Diagram", "DrawingError"]

SECONDS = 30.0  # what a layout may take before it is stopped
FORMATS = ("svg", "png", "pdf", "dot")
PNG_DPI = "144"

# Runs in a process of its own, because only a process can be stopped.
BUNDLED = """
import sys, pygraphviz
graph = pygraphviz.AGraph(string=sys.stdin.buffer.read().decode())
if sys.argv[2]:
    graph.graph_attr["dpi"] = sys.argv[2]
sys.stdout.buffer.write(graph.draw(format=sys.argv[1], prog="dot"))
"""


class DrawingError(RuntimeError):
    """Graphviz is not there, took too long or failed. The DOT text of the picture is still to be had."""


class Diagram:
    """A picture that can be shown in a notebook or saved.

    Parameters
    ----------
    source : str
        The picture in DOT, the language of Graphviz.
    summary : str
        What it shows, in a few words.
    alt : str
        What it shows, in sentences, for those who cannot see it.

    Attributes
    ----------
    source : str
        The DOT text: for the same program the same, to the byte.
    summary, alt : str
        As given. In SVG they are the title and the description.

    Examples
    --------
    >>> import autograd, viz
    >>> x = autograd.tensor(2.0, requires_grad=True)
    >>> x.name = "x"
    >>> diagram = viz.draw(x * x + x)
    >>> print(diagram.source.splitlines()[0])
    digraph {
    """

    def __init__(self, source: str, summary: str = "", alt: str = "") -> None:
        self.source = source
        self.summary = summary
        self.alt = alt or summary

    def render(self, format: str = "svg") -> bytes:
        """The picture as a file of that format: svg, png, pdf or dot.

        Raises
        ------
        ValueError
            For another format.
        DrawingError
            If Graphviz is missing, fails, or takes longer than half a minute.
        """
        if format not in FORMATS:
            raise ValueError(f"render: {format!r} is not one of {', '.join(FORMATS)}")
        if format == "dot":
            return self.source.encode()
        source = self.source if "𝒥" not in self.source or _has_script_j() else self.source.replace("𝒥", "<I>J</I>")
        out = _layout(source, format, PNG_DPI if format == "png" else "")
        return self._described(_mended_svg(out.decode())).encode() if format == "svg" else out

    def _described(self, svg: str) -> str:
        """The SVG as an image for screen readers, with title and description instead of its many parts."""
        if not self.alt:
            return svg
        head, end, rest = svg.partition(">")
        title, text = (html.escape(_one_line(t)) for t in (self.summary, self.alt))
        return f'{head} role="img" aria-label="{title}"{end}\n<title>{title}</title>\n<desc>{text}</desc>{rest}'

    def svg(self) -> str:
        """The picture as SVG, to put into a page as it is."""
        return self.render("svg").decode()

    def png(self) -> bytes:
        """The picture as PNG."""
        return self.render("png")

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture to ``path``: svg, png, pdf or dot, by its ending. Folders are made as needed.

        The file appears complete or not at all. A dot file needs no Graphviz.

        Raises
        ------
        ValueError
            For another ending.
        DrawingError
            As :meth:`render`.
        """
        path = Path(path)
        format = path.suffix[1:].lower()
        if format not in FORMATS:
            raise ValueError(f"save: {path.name!r} must end in one of {', '.join('.' + f for f in FORMATS)}")
        content = self.render(format)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, unfinished = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            if os.name == "posix":  # mkstemp's files are private
                mask = os.umask(0)
                os.umask(mask)
                os.chmod(unfinished, 0o666 & ~mask)
            os.replace(unfinished, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(unfinished)
            raise
        return path

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        try:
            return {"image/svg+xml": self.svg(), "text/plain": repr(self)}
        except DrawingError as error:
            return {"text/plain": f"{self!r}\n{error}"}

    def __repr__(self) -> str:
        return f"<Diagram: {self.summary}>" if self.summary else "<Diagram>"


def _layout(source: str, format: str, dpi: str = "") -> bytes:
    """Run Graphviz: the ``dot`` on the PATH if there is one and it can, else the one in pygraphviz's wheel."""
    commands = []
    if (dot := shutil.which("dot")) is not None:
        commands.append([dot, f"-T{format}", *([f"-Gdpi={dpi}"] if dpi else [])])
    if importlib.util.find_spec("pygraphviz") is not None and sys.executable:
        commands.append([sys.executable, "-c", BUNDLED, format, dpi])
    where = "The picture as DOT text is in the diagram's .source; .save('picture.dot') writes it without Graphviz."
    if not commands:
        raise DrawingError(
            "Graphviz is not installed: `pip install pygraphviz` brings it along, or install your system's package "
            f"(apt install graphviz, brew install graphviz, https://graphviz.org/download). {where}"
        )
    failures = []
    for command in commands:
        try:
            done = subprocess.run(
                command,
                input=source.encode(),
                capture_output=True,
                timeout=SECONDS,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except subprocess.TimeoutExpired:
            raise DrawingError(
                f"Graphviz was stopped: the layout took more than {SECONDS:g} s; draw a smaller part. {where}"
            ) from None
        except OSError as error:
            failures.append(f"{command[0]}: {error}")
            continue
        if done.returncode == 0 and done.stdout:
            return done.stdout
        failures.append(f"{command[0]}: {done.stderr.decode(errors='replace').strip()[-500:]}")
    raise DrawingError(f"Graphviz could not draw this as {format}: {'; '.join(failures)}. {where}")


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)


@functools.cache
def _has_script_j() -> bool:
    """Whether a font here has 𝒥: else it is as wide as the box for U+1D4A0, which no font can have."""
    probe = _layout('digraph { node [shape=plain]; a [label="𝒥"]; b [label="\U0001d4a0"] }', "plain").decode()
    a, b = (line.split()[4] for line in probe.splitlines() if line.startswith("node"))
    return a != b


def _mended_svg(svg: str) -> str:
    """Graphviz marks sub- and superscripts in a way that browsers ignore: place them, and make them smaller."""

    def place(match: re.Match[str]) -> str:
        y, which, size = float(match["y"]), match["which"], float(match["size"])
        y += size * (0.18 if which == "sub" else -0.36)
        return f'{match["head"]} y="{y:.2f}"{match["rest"]} font-size="{size * 0.72:.2f}"'

    pattern = r'(?P<head><text [^>]*?) y="(?P<y>[-\d.]+)"(?P<rest>[^>]*?) baseline-shift="(?P<which>sub|super)" ' \
              r'font-size="(?P<size>[\d.]+)"'  # fmt: skip
    return re.sub(pattern, place, svg[svg.index("<svg") :])
