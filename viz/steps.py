"""Both passes of a graph as a list of steps, one operation at a time: what a step player or a set of slides shows.

>>> import autograd
>>> from viz.steps import steps
>>> x = autograd.tensor(3.0, requires_grad=True)
>>> x.name = "x"
>>> for step in steps(x**2):
...     print(step.kind, step.name, step.equation)
leaf x None
forward 𝒥 1
seed 𝒥 None
backward x 2
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd.graph import Graph

from .notation import Symbol
from .sheet.equations import Equation, Equations
from .sheet.evaluate import Evaluator

__all__ = ["Step", "steps"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Step:
    """One step of the forward or the backward pass.

    Attributes
    ----------
    kind : {"leaf", "forward", "seed", "backward"}
        A leaf's value is given; an operation is computed; the loss's own gradient is 1; one operation hands a gradient
        to one of its inputs.
    variable : int
        The index in the graph of the variable that becomes known, or whose gradient grows.
    name : str
        Its name.
    equation : int or None
        The number of the sheet's line that the step belongs to, at the level of matrices.
    source : int or None
        In the backward pass, the index of the variable whose operation the gradient comes through.
    formula : Symbol
        What is computed: the operation, or the contribution to the gradient.
    incoming : Array or None
        The gradient that arrives at the operation, ∂𝒥/∂source.
    local : Symbol or None
        The operation's own derivative: what the rule makes of an incoming gradient of 1.
    factor : Array or None
        The value of ``local``, where the incoming gradient is multiplied with it elementwise; None where the rule is
        more than that, a product of matrices or a sum.
    product : Array
        What the step yields: the value, or the contribution to the gradient.
    total : Array
        The value, or the gradient as it has been added up so far.
    part, parts : int
        Which of how many contributions to the variable's gradient this is, from 1.
    """

    kind: str
    variable: int
    name: str
    equation: int | None
    source: int | None
    formula: Symbol
    incoming: Array | None
    local: Symbol | None
    factor: Array | None
    product: Array
    total: Array
    part: int = 1
    parts: int = 1


def steps(loss: Any, names: Mapping[str, Any] | None = None) -> list[Step]:
    """The forward pass of ``loss`` operation by operation, and then the backward pass.

    Values and gradients are those of the recorded graph's formulas, computed in float64; nothing recorded is changed.

    Parameters
    ----------
    loss : Tensor
    names : mapping, optional
        name → tensor, for those that have no ``.name`` of their own.

    Returns
    -------
    list of Step
        Leaves and operations in the order of computation; then for each operation, last first, one step for each
        input that wants a gradient. A variable's gradient is complete before it is handed on.

    Raises
    ------
    GraphError
        If ``loss`` is not a tensor.
    """
    return list(_Walk(Equations(Graph(loss), names)).all())


class _Walk:
    """Walks a graph forwards and backwards, computing as it goes."""

    def __init__(self, derived: Equations) -> None:
        self.derived = derived
        self.graph = derived.graph
        self.values: dict[str, Array] = {}
        self.gradients: dict[str, Array] = {}
        self.lines: dict[tuple[int, bool], Equation] = {(e.variable, e.backward): e for e in derived.all()}

    def number(self, index: int, backward: bool) -> int | None:
        """The line of a variable, or of the one whose formula it was put into."""
        if backward:
            while (index, True) not in self.lines:
                following = [x.index for k, x in enumerate(self.graph.variables[index].inputs)
                             if self.graph.variables[index].has_rule(k)]  # fmt: skip
                if not following:
                    return None
                index = following[0]
            return self.lines[index, True].number
        return self.lines[self.derived.seen(self.graph.variables[index]).index, False].number

    def all(self) -> Any:
        """Every step."""
        run = Evaluator(self.values, self.gradients)
        names, symbols = self.derived.names, self.derived.symbols
        for v in self.graph:
            name = names[v.index]
            formula = symbols[v.index] if v.op is None else self.derived.formula(v, symbols).shaped(v.shape)
            value = run(formula) if v.op is not None else np.asarray(v.value)
            value = value.astype(np.float64) if value.dtype.kind == "f" else value
            self.values[name] = value
            number = None if v.op is None else self.number(v.index, False)
            kind = "leaf" if v.op is None else "forward"
            yield Step(kind, v.index, name, number, None, formula, None, None, None, value, value)
        output = self.graph.output
        if not output.requires_grad:
            return
        one = np.ones(output.shape)
        self.gradients[names[output.index]] = one
        seed = Symbol.number(1, output.shape)
        yield Step("seed", output.index, names[output.index], None, None, seed, None, None, None, one, one)
        yield from self.backward(run)

    def backward(self, run: Evaluator) -> Any:
        """The steps of the backward pass."""
        names, symbols = self.derived.names, self.derived.symbols
        uses = [(v, k) for v in reversed(self.graph.variables) for k in range(len(v.inputs)) if v.has_rule(k)]
        parts: dict[int, int] = {}
        for v, k in uses:
            parts[v.inputs[k].index] = parts.get(v.inputs[k].index, 0) + 1
        done: dict[int, int] = {}
        for v, k in uses:
            if names[v.index] not in self.gradients:
                continue
            x, g = v.inputs[k], Symbol.gradient(self.derived.loss, symbols[v.index])
            formula = self.derived.contribution(v, k, g, symbols)
            local = self.derived.contribution(v, k, Symbol.number(1, v.shape), symbols)
            incoming, product = self.gradients[names[v.index]], run(formula)
            factor = run(local) if x.shape == v.shape else None
            if factor is not None and not np.allclose(factor * incoming, product, equal_nan=True):
                factor = None
            before = self.gradients.get(names[x.index])
            total = product if before is None else before + product
            self.gradients[names[x.index]] = total
            done[x.index] = done.get(x.index, 0) + 1
            yield Step(
                "backward", x.index, names[x.index], self.number(x.index, True), v.index, formula, incoming, local,
                factor, product, total, done[x.index], parts[x.index],
            )  # fmt: skip
