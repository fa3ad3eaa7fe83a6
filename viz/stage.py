"""What is to be seen at each step of both passes: what the step player and the numbered pages have in common.

>>> import autograd
>>> from viz.stage import Stage
>>> x = autograd.tensor(3.0, requires_grad=True)
>>> for page in Stage(x * x, {"x": x}).pages:
...     print(page.said)
Given: x (parameter)
Forward pass: 𝒥 = x · x
Backward pass: it begins with ∂𝒥/∂𝒥 = 1
Backward pass: ∂𝒥/∂x gets ∂𝒥/∂𝒥 x, contribution 1 of 2
Backward pass: ∂𝒥/∂x gets ∂𝒥/∂𝒥 x, contribution 2 of 2, and is complete
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from autograd.graph import Graph, Variable

from . import cells
from .names import name_variables
from .notation import Symbol
from .op_level import Picture
from .options import Options
from .steps import Step, steps
from .theme import THEMES, Theme

__all__ = ["Page", "Stage", "StepPicture", "written"]

Array = np.ndarray[Any, Any]
SIDE = 96  # points: how long a heat-map may be
PIXEL = 16  # and one of its cells
NUMBER = (82, 24)  # a cell that holds a number
WRITTEN = (16, 4)  # elements, and of them in one row, that are written as numbers
SAID = 12  # leaves that are named


@dataclass(frozen=True)
class Page:
    """What is seen after one step.

    Attributes
    ----------
    kind : {"given", "forward", "seed", "backward", "more"}
        All leaves are given; an operation is computed; the gradient of the loss is 1; one contribution arrives at a
        gradient; steps in the middle of a large graph are passed over.
    said : str
        The step in a sentence.
    step : Step or None
        The step, if it is a single one.
    new : tuple of str
        The marks (see :class:`viz.op_level.Picture`) of what appears. Besides: n3 and g3 are the numbers of variable 3
        and its gradient, t… and e… the lines of a sum.
    now : tuple of str
        The marks of what the step is about.
    """

    kind: str
    said: str
    step: Step | None
    new: tuple[str, ...]
    now: tuple[str, ...]


class Stage:
    """A graph with its steps.

    Attributes
    ----------
    graph : Graph
    names : list of Name
    pages : list of Page
    values, gradients : dict
        Index of a variable → its array when all is done. They are computed anew, from the leaves as they are now.
    largest : dict
        (index, 0 for the value or 1 for the gradient) → the magnitude that has the full colour: each array has its own
        scale, on which also the sums on the way to a gradient are shown.
    changed : bool
        Whether that is something else than what was computed when the graph was recorded: a leaf was overwritten.

    Raises
    ------
    GraphError
        If ``loss`` is not a tensor.
    ValueError
        For several tensors.
    """

    def __init__(self, loss: Any, names: Mapping[str, Any] | None = None) -> None:
        self.graph = Graph(loss)
        if len(self.graph.roots) > 1:
            raise ValueError(f"a step player starts from one tensor, found {len(self.graph.roots)}; play each alone")
        self.names = name_variables(self.graph, names)
        walked = steps(self.graph.output.tensor, names)
        forward = {s.variable: s.total for s in walked if s.kind in ("leaf", "forward")}
        self.values: dict[int, Array] = forward
        self.gradients: dict[int, Array] = {s.variable: s.total for s in walked if s.kind in ("seed", "backward")}
        self.largest: dict[tuple[int, int], float] = {}
        for s in walked:
            key, finite = (s.variable, int(s.kind in ("seed", "backward"))), np.abs(s.total[np.isfinite(s.total)])
            self.largest[key] = max(self.largest.get(key, 0.0), float(finite.max(initial=0.0)))
        recorded, now = self.graph.output.value, forward[self.graph.output.index]
        self.changed = not np.allclose(recorded, now, rtol=1e-4, atol=1e-6, equal_nan=True)
        self.hidden = Picture(self.graph, self.names, self.options()).hidden
        self.pages = list(self._pages(walked))

    def options(self, look: Theme = THEMES["light"], rankdir: str = "LR") -> Options:
        """How the picture is asked for."""
        return Options("both" if self.graph.output.requires_grad else "forward", theme=look, rankdir=rankdir)

    def _pages(self, walked: list[Step]) -> Iterator[Page]:
        yield self._given()
        rest = [s for s in walked if s.kind != "leaf"]
        for away, run in groupby(rest, lambda s: s.variable in self.hidden or s.source in self.hidden):
            if away:
                left_out = len(list(run))
                yield Page("more", f"{left_out} steps in the middle are not shown", None, ("more",), ("more",))
            else:
                yield from map(self._page, run)

    def _given(self) -> Page:
        leaves = [v for v in self.graph if v.op is None and v.index not in self.hidden]
        said = [f"{self.names[v.index].name} ({self.names[v.index].role})" for v in leaves[:SAID]]
        more = [f"and {len(leaves) - SAID} more"] if len(leaves) > SAID else []
        new = tuple(f"{letter}{v.index}" for v in leaves for letter in "vn")
        return Page("given", f"Given: {', '.join(said + more)}", None, new, ())

    def _page(self, step: Step) -> Page:
        x, formula = step.variable, step.formula.text
        if step.kind == "forward":
            marks = [f"o{x}", f"v{x}", f"n{x}"]
            said = f"Forward pass: {Symbol(step.name).text} = {formula}"
            return Page("forward", said, step, tuple(marks), tuple(marks))
        gradient = self.gradient(x).text
        if step.kind == "seed":
            marks = [f"g{x}", f"v{x}"]
            said = f"Backward pass: it begins with {gradient} = 1"
            return Page("seed", said, step, tuple(marks), tuple(marks))
        flow = f"b{step.source}-{step.k}"
        marks = [flow, f"s{x}", f"t{flow}", f"g{x}", f"v{x}"]
        said = f"Backward pass: {gradient} = {formula}"
        if step.parts > 1:
            said = f"Backward pass: {gradient} gets {formula}, contribution {step.part} of {step.parts}"
        if step.part == step.parts > 1:
            said += ", and is complete"
            marks.append(f"e{flow}")
        return Page("backward", said, step, tuple(marks), (*marks, f"o{step.source}"))

    def gradient(self, index: int) -> Symbol:
        """∂𝒥/∂ of a variable."""
        loss, output = self.names[-1].symbol, self.graph.output
        return Symbol.gradient(Symbol(f"Σ{self.names[-1].name}") if output.shape else loss, self.names[index].symbol)


def written(shape: Sequence[int]) -> bool:
    """Whether an array is shown as numbers rather than as a heat-map only."""
    return 0 < math.prod(shape) <= WRITTEN[0] and (not shape or shape[-1] <= WRITTEN[1])


class StepPicture(Picture):
    """The picture of a stage: every array has a room of fixed size, so that no step changes the layout.

    A subclass says what stands in the rooms.
    """

    most = cells.PIXELS  # rows and columns of a heat-map

    def __init__(self, stage: Stage, look: Theme, rankdir: str = "LR") -> None:
        self.stage = stage
        super().__init__(stage.graph, stage.names, stage.options(look, rankdir))

    def array(self, v: Variable, which: int) -> Any:
        """The value or the gradient when all is done."""
        return (self.stage.gradients if which else self.stage.values).get(v.index)

    def marks(self, v: Variable) -> Iterator[str]:
        """Nothing of ``.grad``: the player computes its own gradients."""
        yield from ()

    def content(self, v: Variable, which: int, color: str) -> list[str]:
        """The shape, and below it the room."""
        lines = [self.small(cells.shape_text(v.shape), color)] if v.shape else []
        rows, columns = cells.blocks(np.empty(v.shape), self.most).shape
        if not rows * columns:
            return lines
        numbers = written(v.shape)
        width, height = (
            n * (NUMBER[k] if numbers else max(1, min(PIXEL, SIDE // n))) for k, n in enumerate((columns, rows))
        )
        return [*lines, cells.rows(self.room(v, which, color, (rows, columns), (width, height)))]

    def room(self, v: Variable, which: int, color: str, grid: tuple[int, int], size: tuple[int, int]) -> str:
        """A table of that ``size`` for the cells of ``grid``."""
        raise NotImplementedError

    @staticmethod
    def frame(color: str, size: tuple[int, int], rows: str, more: str = "") -> str:
        """The table of a room."""
        return (
            f'<TABLE BORDER="1" COLOR="{color}" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0" FIXEDSIZE="TRUE" '
            f'WIDTH="{size[0] + 2}" HEIGHT="{size[1] + 2}"{more}>{rows}</TABLE>'
        )
