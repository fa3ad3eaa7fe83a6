"""Pictures of a recorded graph: the forward pass, the backward pass, or both, at three levels of detail."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from autograd.graph import Graph

from . import op_level
from .diagram import Diagram
from .names import name_variables
from .options import Options
from .theme import Theme
from .theme import theme as look

__all__ = ["draw"]

SHOWS = ("forward", "backward", "both")
LEVELS = ("layer", "op", "unit")
WAYS = ("LR", "RL", "TB", "BT")


def draw(
    root: Any,
    show: str = "forward",
    level: str | None = None,
    *,
    sample: int | None = None,
    values: bool | str = False,
    names: Mapping[str, Any] | None = None,
    theme: str | Theme = "light",
    rankdir: str | None = None,
    depth: int | None = None,
    thumbnails: bool = False,
) -> Diagram:
    """The computation of ``root`` as a picture, in the notation of the slides.

    Every variable is a node: its value above, ∂𝒥/∂· below. Parameters have square corners and a thick line, frozen ones
    a broken one; data is a sheet with a folded corner, targets have a double frame, constants a dashed one; results are
    rounded, ``root`` bold. In the forward pass an operation is a small grey node. In the backward pass a dashed arrow
    says what it does to the gradient that comes along, typeset by the operation's own rule; Σ lists the contributions
    that it adds up, and 1ᵀ sums over the batch. A note says what ``.grad`` holds unless it is the gradient drawn: not
    computed, exactly 0, stale, the sum of several passes.

    Drawing runs nothing of yours and changes no value, gradient or graph: gradients are computed anew.

    Parameters
    ----------
    root : Tensor or sequence of Tensor
        Usually the loss; what :func:`autograd.grad` returns with ``create_graph=True`` is drawn with its ∂𝒥/∂W.
    show : {"forward", "backward", "both"}
    level : {"layer", "op", "unit"}, optional
        Modules as boxes, variables in matrix form, or every number of one sample. By default ``"op"``, and ``"layer"``
        for a network with more than 150 variables. Of a graph without modules that is as large, the beginning and the
        end are drawn.
    sample : int, optional
        Show the numbers of that row of the batch.
    values : bool or "norm"
        Show the numbers of small arrays, and mean and norm of larger ones; ``"norm"``: of all.
    names : mapping, optional
        name → tensor, for those that have no ``.name`` of their own; ``locals()`` will do.
    theme : {"light", "dark", "print"} or Theme
    rankdir : {"LR", "RL", "TB", "BT"}, optional
        Which way the computation runs; by default left to right.
    depth : int, optional
        At level ``"layer"``: how deep modules are opened.
    thumbnails : bool
        Show arrays as heat-maps, whose scale is the same in the whole picture, with 0 in the middle.

    Returns
    -------
    Diagram

    Raises
    ------
    ValueError
        For another ``show``, ``level``, ``values``, ``theme`` or ``rankdir``; for the backward pass of something that
        requires no gradient, or of several tensors.
    IndexError
        If the batch has no row ``sample``.
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
    for what, value, choices in (
        ("show", show, SHOWS), ("level", level, (None, *LEVELS)), ("rankdir", rankdir, (None, *WAYS)),
    ):  # fmt: skip
        if value not in choices:
            raise ValueError(f"draw: {what}={value!r} is not one of {', '.join(c for c in choices if c)}")
    if values not in (True, False, "norm"):
        raise ValueError(f"draw: values={values!r} is not one of True, False, 'norm'")
    graph = Graph(root)
    if show != "forward":
        if len(graph.roots) > 1:
            raise ValueError(f"draw: a backward pass starts from one tensor, found {len(graph.roots)}; draw each alone")
        if not graph.output.requires_grad:
            raise ValueError("draw: the root does not require grad, so there is no backward pass to show")
    note = ""
    if level is None:
        level = "op"
        if len(graph) > op_level.LARGEST and any(v.scope for v in graph):
            level, note = "layer", f"{len(graph)} variables: drawn by layers; level='op' shows the first and the last"
    options = Options(show, level, sample, values, look(theme), rankdir or "LR", depth, thumbnails, note)
    # A picture at one level need not load the others.
    drawn: Diagram = import_module(f".{level}_level", __package__).diagram(graph, name_variables(graph, names), options)
    return drawn
