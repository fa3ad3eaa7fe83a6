"""What stands inside a node, in the markup of Graphviz's HTML-like labels: lines, numbers, small arrays, heat-maps."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from .theme import Theme

__all__ = ["digits", "heatmap", "legend", "line", "matrix", "rows", "shape_text", "summary", "table"]

Array = np.ndarray[Any, Any]

MOST = 24  # elements whose numbers are shown
WIDEST = 6  # of them in one row
PIXELS = 12  # cells of a heat-map, along each side
CELL = 13  # points


def digits(x: float, significant: int = 3) -> str:
    """A number as on a blackboard: few significant digits, a minus sign, and nan, ∞.

    Examples
    --------
    >>> from viz.cells import digits
    >>> [digits(x) for x in (0.0, -0.12345, 1234.5, 1e-9, float("-inf"))]
    ['0', '−0.123', '1234', '1e−9', '−∞']
    """
    x = float(x)
    if math.isinf(x):
        return "∞" if x > 0 else "−∞"
    shown = f"{x:.0f}" if 1e3 <= abs(x) < 1e6 else f"{x:.{significant}g}"
    mantissa, e, power = shown.partition("e")
    return (mantissa + (f"e{int(power)}" if e else "")).replace("-", "−")


def shape_text(shape: Sequence[int]) -> str:
    """100×4; nothing for a scalar."""
    return "×".join(map(str, shape))


def line(markup: str, size: int, color: str) -> str:
    """One row of a table."""
    return f'<TR><TD><FONT POINT-SIZE="{size}" COLOR="{color}">{markup}</FONT></TD></TR>'


def rows(cells: str) -> str:
    """A row that holds a table of its own."""
    return f"<TR><TD>{cells}</TD></TR>"


def table(lines: Iterable[str], spacing: int = 0, padding: int = 2) -> str:
    """Rows below each other, without a frame."""
    head = f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="{spacing}" CELLPADDING="{padding}">'
    return f"{head}{''.join(lines)}</TABLE>"


def matrix(values: Array, look: Theme, color: str) -> str | None:
    """The numbers of a small array between the bars of a matrix; None for one that is too large to read.

    Parameters
    ----------
    values : array
    look : Theme
    color : str
        Of the numbers.
    """
    if not values.size or values.size > MOST or values.ndim > 2 or values.shape[-1] > WIDEST:
        return None
    grid = values.reshape(1, -1) if values.ndim < 2 else values
    size = look.shape_size
    body = [
        "<TR>"
        + "".join(f'<TD><FONT POINT-SIZE="{size}" COLOR="{color}">{digits(x, 2)}</FONT></TD>' for x in row)
        + "</TR>"
        for row in grid
    ]
    inner = table(body, 0, 4)
    bars = f'<TABLE BORDER="2" COLOR="{color}" SIDES="LR" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0">'
    return f"{bars}<TR><TD>{inner}</TD></TR></TABLE>"


def summary(values: Array) -> str:
    """An array in two numbers: its mean and its Euclidean norm."""
    if not values.size:
        return "empty"
    with np.errstate(all="ignore"):
        mean, norm = values.mean(dtype=np.float64), np.sqrt(np.square(values, dtype=np.float64).sum())
    return f"mean {digits(mean)}, ‖·‖ {digits(norm)}"


def heatmap(values: Array, largest: float, look: Theme) -> str:
    """An array as coloured cells; ``largest`` is the magnitude with the full colour.

    Of a larger one than 12×12 each cell shows the most extreme of its block. Vectors lie down; further axes are folded
    into the rows. What is not a number is crossed out.
    """
    grid = values.reshape(-1, values.shape[-1]) if values.ndim > 1 else values.reshape(1, -1)
    grid = _fewer(_fewer(grid, 0), 1)
    body = "".join(
        "<TR>" + "".join(_cell(x / largest if largest else 0.0, look) for x in row) + "</TR>" for row in grid.tolist()
    )
    frame = f'<TABLE BORDER="1" COLOR="{look.faint}" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0">'
    return f"{frame}{body}</TABLE>"


def _fewer(grid: Array, axis: int) -> Array:
    """At most ``PIXELS`` blocks along ``axis``, each by its element of largest magnitude: a mean would fade to zero."""
    n = grid.shape[axis]
    if n <= PIXELS:
        return grid
    starts = np.arange(PIXELS) * n // PIXELS
    high, low = (f.reduceat(grid, starts, axis=axis) for f in (np.maximum, np.minimum))
    return np.where(high >= -low, high, low)


def _cell(x: float, look: Theme) -> str:
    size = f'WIDTH="{CELL}" HEIGHT="{CELL}"'  # at least: the cells share what room there is
    if math.isnan(x):
        return f'<TD {size}><FONT POINT-SIZE="{CELL - 4}" COLOR="{look.ink}">×</FONT></TD>'
    mark = f'<FONT POINT-SIZE="{CELL - 4}">−</FONT>' if look.signed and x < -0.05 else ""
    return f'<TD {size} BGCOLOR="{look.mixed(x)}">{mark}</TD>'


def legend(scales: Sequence[tuple[str, float, str]], look: Theme) -> str:
    """The scales of heat-maps: of each what it is for, where its full colours are, and the colour of its text."""
    lines = []
    for what, largest, color in scales:
        font = f'<FONT POINT-SIZE="{look.shape_size}" COLOR="{color}">'
        strip = "".join(_cell(k / 4, look) for k in range(-4, 5))
        frame = f'<TABLE BORDER="1" COLOR="{look.faint}" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0">'
        ends = [f"<TD>{font}{text}</FONT></TD>" for text in (what, digits(-largest), digits(largest))]
        lines.append(f"<TR>{ends[0]}{ends[1]}<TD>{frame}<TR>{strip}</TR></TABLE></TD>{ends[2]}</TR>")
    return table(lines, 2, 2)
