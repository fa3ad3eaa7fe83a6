"""What a step of gradient descent does to each parameter: θ, g, θ − αg side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import graphviz
import numpy as np

from autograd import ShapeError

from . import cells
from .diagram import Diagram
from .notation import Html, plain
from .theme import Theme
from .theme import theme as look_of

__all__ = ["diff", "step"]

Array = np.ndarray[Any, Any]
Row = tuple[str, tuple[Array, "Array | None", "Array | None"]]
NONE = ".grad: none yet"


def step(parameters: Any, lr: float, *, theme: str | Theme = "light") -> Diagram:
    """A step of gradient descent as a picture: θ, g and θ − αg of every parameter. Nothing is updated.

    Small arrays are numbers, all are heat-maps too: θ before and after on one scale, the gradients on another.

    Parameters
    ----------
    parameters : Module, mapping or iterable
        A model; or name → tensor; or tensors, such as ``model.parameters()``. g is their ``.grad``.
    lr : float
        α, the learning rate.
    theme : {"light", "dark", "print"} or Theme

    Returns
    -------
    Diagram

    Raises
    ------
    ValueError
        Without parameters; for another theme.

    Examples
    --------
    >>> import autograd, viz
    >>> w = autograd.tensor([1.0, 2.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> viz.step({"w": w}, lr=0.1).alt
    'One step of gradient descent, α = 0.1. w: θ = [1 2], g = [2 4], θ − αg = [0.8 1.6].'
    """
    named = _named(parameters)
    found: list[Row] = []
    for name, p in named.items():
        theta, grad = np.asarray(p.detach()), p.grad
        g = None if grad is None else np.asarray(grad.detach())
        found.append((name, (theta, g, None if g is None else theta - theta.dtype.type(lr) * g)))
    heads = ("θ", "g", "θ − αg")
    return _sheet(heads, found, look_of(theme), f"One step of gradient descent, α = {cells.digits(lr)}.", f"α = {lr:g}")


def diff(before: Mapping[str, Any], after: Mapping[str, Any], *, theme: str | Theme = "light") -> Diagram:
    """Two states of the same arrays as a picture: before, what has changed, and after, with any optimizer.

    Parameters
    ----------
    before, after : mapping
        name → array or tensor. The values of a ``state_dict()`` change with the model: copy them first,
        ``{k: v.clone() for k, v in model.state_dict().items()}``.
    theme : {"light", "dark", "print"} or Theme

    Returns
    -------
    Diagram

    Raises
    ------
    ValueError
        If the names differ; for another theme.
    ShapeError
        If an array has changed its shape.

    Examples
    --------
    >>> import viz
    >>> viz.diff({"w": [1.0, 2.0]}, {"w": [1.0, 1.5]}).alt
    'What has changed. w: before = [1 2], after − before = [0 −0.5], after = [1 1.5].'
    """
    if set(before) != set(after) or not before:
        raise ValueError(f"diff: expects the same names in both, found {sorted(before)} and {sorted(after)}")
    found: list[Row] = []
    for name in before:
        old, new = (np.asarray(x.detach() if hasattr(x, "detach") else x) for x in (before[name], after[name]))
        if old.shape != new.shape:
            raise ShapeError(f"diff: {name!r} had shape {old.shape} and now has {new.shape}")
        found.append((name, (old, new - old, new)))
    return _sheet(("before", "after − before", "after"), found, look_of(theme), "What has changed.", "")


def _named(parameters: Any) -> dict[str, Any]:
    if hasattr(parameters, "named_parameters"):
        named = dict(parameters.named_parameters())
    elif isinstance(parameters, Mapping):
        named = dict(parameters)
    elif isinstance(parameters, Iterable):
        named = {p.name or f"θ_{k}": p for k, p in enumerate(parameters, 1)}
    else:
        named = {}
    if not named or not all(hasattr(p, "grad") and hasattr(p, "detach") for p in named.values()):
        raise ValueError(f"step: expects a model or its parameters, found {type(parameters).__name__}")
    return named


def _sheet(
    heads: tuple[str, str, str],
    found: list[Row],
    look: Theme,
    title: str,
    corner: str,
) -> Diagram:
    """A row for each array: its name and shape, then three columns, of which the middle one has its own scale."""
    large = [0.0, 0.0]
    for _, arrays in found:
        for k, a in enumerate(arrays):
            finite = np.abs(a[np.isfinite(a)]) if a is not None else np.zeros(0)
            large[k % 2] = max(large[k % 2], float(finite.max()) if finite.size else 0.0)
    colors = (look.ink, look.backward, look.ink)

    def text(words: str, size: int, color: str) -> str:
        return f'<FONT POINT-SIZE="{size}" COLOR="{color}">{words}</FONT>'

    top = [text(corner, look.shape_size, look.faint), *(text(h, look.name_size, look.ink) for h in heads)]
    body, said = ["<TR>" + "".join(f"<TD>{h}</TD>" for h in top) + "</TR>"], []
    for name, arrays in found:
        small = cells.shape_text(arrays[0].shape) or "scalar"
        row = [cells.table([cells.line(Html().label(name), look.label_size, look.ink),
                            cells.line(small, look.shape_size, look.faint)])]  # fmt: skip
        parts = []
        for k, (head, a) in enumerate(zip(heads, arrays, strict=True)):
            if a is None:
                row.append(text(NONE if k == 1 else "", look.shape_size, colors[k]))
                parts.append(f"{head} is not known")
                continue
            numbers = cells.matrix(a, look, colors[k])
            lines = [cells.rows(numbers)] if numbers else [cells.line(cells.summary(a), look.shape_size, colors[k])]
            if a.size:
                lines.append(cells.rows(cells.heatmap(a, large[k % 2], look)))
            row.append(cells.table(lines))
            small_enough = numbers and a.ndim < 2
            shown = f"[{' '.join(map(cells.digits, a.ravel()))}]" if small_enough else f"({cells.summary(a)})"
            parts.append(f"{head} = {shown}")
        body.append("<TR>" + "".join(f"<TD>{cell}</TD>" for cell in row) + "</TR>")
        said.append(f"{plain(name)}: {', '.join(parts)}.")
    scales = [(f"{heads[0]}, {heads[2]}", large[0], look.ink), (heads[1], large[1], look.backward)]
    dot = graphviz.Digraph(graph_attr=dict(look.graph), node_attr=dict(look.node))
    frame = f'<TABLE BORDER="0" CELLBORDER="1" COLOR="{look.faint}" CELLSPACING="0" CELLPADDING="8">'
    legend = f'<TR><TD COLSPAN="4" BORDER="0">{cells.legend(scales, look)}</TD></TR>'
    dot.node("step", f"<{frame}{''.join(body)}{legend}</TABLE>>", shape="plain", id="step")
    return Diagram(dot.source, f"{', '.join(heads)} of {len(found)} arrays", " ".join([title, *said]))
