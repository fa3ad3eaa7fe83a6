"""How pictures look: the colours, lines, fonts and sizes of the themes light, dark and print.

>>> from viz.theme import theme
>>> theme("print").backward  # black ink: the backward pass is dashed, so that it needs no colour
'#000000'
>>> theme("light").kinds["parameter"]["penwidth"]
'3'
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

__all__ = ["FONT", "THEMES", "Theme", "theme"]

Attributes = Mapping[str, str]

# Verdana was the model of DejaVu Sans: with one or the other nearly everywhere, text is as wide as it was measured.
FONT = "DejaVu Sans,Verdana,sans-serif"


@dataclass(frozen=True)
class Theme:
    """The look of a picture; its properties are attributes of DOT, ready to be passed on.

    Every kind of node differs from the others in its outline or its line, and colours only say it again.

    Attributes
    ----------
    name : str
    paper, ink, faint : str
        Background, text and lines, and what is less important.
    forward, backward : str
        The colour of parameters and of the forward pass; that of gradients.
    tint, shade : str
        What parameters and operations are filled with.
    negative, positive : str
        The ends of the scale of heat-maps and of wires; between them lies ``paper``.
    signed : bool
        Whether negative cells of a heat-map also carry a minus sign, because colours cannot tell.
    font : str
    name_size, label_size, shape_size : int
        In points: names of variables, formulas on edges, and shapes and other small print.

    Examples
    --------
    >>> from viz.theme import theme
    >>> look = theme("dark")
    >>> look.mixed(0.0) == look.paper, look.mixed(1.0) == look.positive, look.mixed(-1.0) == look.negative
    (True, True, True)
    """

    name: str
    paper: str
    ink: str
    faint: str
    forward: str
    backward: str
    tint: str
    shade: str
    negative: str
    positive: str
    signed: bool = False
    font: str = FONT
    name_size: int = 28
    label_size: int = 22
    shape_size: int = 18

    @cached_property
    def graph(self) -> Attributes:
        """Of the whole picture."""
        return {"bgcolor": self.paper, "fontname": self.font, "fontcolor": self.ink, "fontsize": str(self.label_size),
                "ranksep": "0.3", "nodesep": "0.25", "margin": "0", "pad": "0.1"}  # fmt: skip

    @cached_property
    def node(self) -> Attributes:
        """Of every node, where its kind says nothing else."""
        return {"fontname": self.font, "fontsize": str(self.name_size), "fontcolor": self.ink, "color": self.ink,
                "penwidth": "1.8", "margin": "0.1,0.05", "height": "0.4", "width": "0.4"}  # fmt: skip

    @cached_property
    def edge(self) -> Attributes:
        """Of an edge of the forward pass."""
        return {"fontname": self.font, "fontsize": str(self.label_size), "fontcolor": self.ink, "color": self.ink,
                "penwidth": "1.8", "arrowsize": "0.9"}  # fmt: skip

    @cached_property
    def back(self) -> Attributes:
        """Of an edge along which a gradient flows."""
        return {"color": self.backward, "fontcolor": self.backward, "style": "dashed", "arrowhead": "vee"}

    @cached_property
    def cluster(self) -> Attributes:
        """Of a frame around the nodes of a module."""
        return {"color": self.faint, "fontcolor": self.faint, "fontname": self.font, "fontsize": str(self.shape_size),
                "style": "rounded", "penwidth": "1.5", "margin": "12"}  # fmt: skip

    @cached_property
    def kinds(self) -> Mapping[str, Attributes]:
        """Of each kind of node: those of :class:`viz.names.Name`, and op, sum, batch, module, more."""
        box = {"shape": "box"}
        return {
            "parameter": {**box, "style": "filled", "fillcolor": self.tint, "color": self.forward, "penwidth": "3"},
            "frozen": {**box, "style": "filled,dashed", "fillcolor": self.tint, "color": self.forward, "penwidth": "3"},
            "data": {"shape": "note", "style": "solid"},
            "target": {**box, "style": "solid", "peripheries": "2"},
            "constant": {**box, "style": "dashed"},
            "result": {**box, "style": "rounded"},
            "output": {**box, "style": "rounded", "penwidth": "4"},
            "op": {**box, "style": "rounded,filled", "fillcolor": self.shade, "color": self.shade},
            "sum": {"shape": "circle", "style": "solid", "color": self.backward, "fontcolor": self.backward,
                    "margin": "0.02"},
            "batch": {**box, "style": "rounded", "color": self.backward, "fontcolor": self.backward, "margin": "0.04"},
            "module": {"shape": "box3d", "style": "filled", "fillcolor": self.shade},
            "more": {"shape": "plaintext"},
        }  # fmt: skip

    def mixed(self, x: float) -> str:
        """The colour of ``x`` on the scale of heat-maps, from −1 over 0, which is paper, to 1."""
        x = min(max(x, -1.0), 1.0)
        end = self.positive if x > 0 else self.negative
        parts = ((int(self.paper[k : k + 2], 16), int(end[k : k + 2], 16)) for k in (1, 3, 5))
        return "#" + "".join(f"{round(a + abs(x) * (b - a)):02x}" for a, b in parts)


# Colours of Okabe and Ito that nobody confuses, or shades of them.
THEMES: Mapping[str, Theme] = {
    "light": Theme(
        "light", paper="#ffffff", ink="#1a1a1a", faint="#5c5c5c", forward="#0072b2", backward="#b34700",
        tint="#e3f0f8", shade="#e6e6e6", negative="#d55e00", positive="#0072b2",
    ),
    "dark": Theme(
        "dark", paper="#16191d", ink="#f4f4f4", faint="#b9bec4", forward="#56b4e9", backward="#f0a94a",
        tint="#14344a", shade="#3a4048", negative="#f0883e", positive="#56b4e9",
    ),
    "print": Theme(
        "print", paper="#ffffff", ink="#000000", faint="#404040", forward="#000000", backward="#000000",
        tint="#ffffff", shade="#e0e0e0", negative="#555555", positive="#555555", signed=True,
    ),
}  # fmt: skip


def theme(name: str | Theme) -> Theme:
    """The look of that name.

    Parameters
    ----------
    name : {"light", "dark", "print"} or Theme
        A Theme of your own is passed through.

    Raises
    ------
    ValueError
        For another name.

    Examples
    --------
    >>> from viz.theme import theme
    >>> theme("dark").paper
    '#16191d'
    """
    if isinstance(name, Theme):
        return name
    if name not in THEMES:
        raise ValueError(f"draw: theme={name!r} is not one of {', '.join(THEMES)}")
    return THEMES[name]
