"""What was asked of a picture, as the levels read it."""

from __future__ import annotations

from dataclasses import dataclass

from .theme import THEMES, Theme

__all__ = ["Options"]


@dataclass(frozen=True)
class Options:
    """The arguments of :func:`viz.draw`, checked.

    A level is a module with a function ``diagram(graph, names, options) -> Diagram``, whose ``names`` are those of
    :func:`viz.names.name_variables`.

    Attributes
    ----------
    show : {"forward", "backward", "both"}
    level : {"layer", "op", "unit"}
    sample : int or None
        The row of the batch whose numbers are shown.
    values : bool or "norm"
        Whether nodes hold numbers.
    theme : Theme
    rankdir : {"LR", "RL", "TB", "BT"}
        Which way the computation runs.
    depth : int or None
        How deep modules are opened; None for as deep as is readable.
    thumbnails : bool
        Whether arrays appear as heat-maps.
    note : str
        What the picture should say of itself besides, why it is at this level, say.

    Examples
    --------
    >>> from viz.options import Options
    >>> options = Options("both", sample=3)
    >>> options.forward, options.backward, options.level
    (True, True, 'op')
    """

    show: str = "forward"
    level: str = "op"
    sample: int | None = None
    values: bool | str = False
    theme: Theme = THEMES["light"]
    rankdir: str = "LR"
    depth: int | None = None
    thumbnails: bool = False
    note: str = ""

    @property
    def forward(self) -> bool:
        """Whether the forward pass is shown."""
        return self.show != "backward"

    @property
    def backward(self) -> bool:
        """Whether the backward pass is shown."""
        return self.show != "forward"
