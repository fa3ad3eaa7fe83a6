"""The public, read-only view of a recorded graph: all that pictures and equations know of the engine.

>>> import autograd
>>> from autograd.graph import Graph
>>> w = autograd.tensor(3.0, requires_grad=True)
>>> graph = Graph(w * w)
>>> [(v.kind, v.symbol) for v in graph.variables]
[('parameter', None), ('output', '⊙')]
>>> graph.variables[1].inputs[0] is graph.variables[1].inputs[1]  # two edges, one variable
True
>>> graph.gradient(graph.variables[0])
array(6., dtype=float32)
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from . import engine
from .errors import GraphError
from .node import mode
from .ops import Op, by_numpy
from .tensor import Tensor

__all__ = ["Graph", "Variable", "everything", "gradient_of", "op_for"]

Array = np.ndarray[Any, Any]


def op_for(function: Any) -> Op | None:
    """The primitive that a NumPy function means for tensors and symbols, or None."""
    return by_numpy.get(function)


@contextlib.contextmanager
def everything() -> Iterator[None]:
    """Record every operation inside, also those that no gradient flows through: comparisons, say, and constants.

    >>> import autograd
    >>> from autograd.graph import Graph, everything
    >>> with everything():
    ...     y = autograd.ones(2) > 0
    >>> [v.symbol for v in Graph(y)]
    [None, '>']
    """
    before, mode.here.everything = mode.here.everything, True
    try:
        yield
    finally:
        mode.here.everything = before


def gradient_of(tensor: Tensor) -> tuple[Tensor | None, Tensor | None] | None:
    """What ``tensor`` is the gradient of, and by what, if it was recorded with ``create_graph``.

    Returns
    -------
    (Tensor, Tensor) or None
        a and b of ∂a/∂b, or None in the place of one that is gone.

    Examples
    --------
    >>> import autograd
    >>> from autograd.graph import gradient_of
    >>> x = autograd.tensor(3.0, requires_grad=True)
    >>> y = x**3
    >>> (g,) = autograd.grad(y, [x], create_graph=True)
    >>> [t is s for t, s in zip(gradient_of(g), (y, x))]
    [True, True]
    """
    noted = (tensor._extra or {}).get("gradient")
    return None if noted is None else (noted[0](), noted[1]())


class Variable:
    """One variable of a graph: a leaf, or the result of an operation.

    Attributes
    ----------
    tensor : Tensor
        The tensor itself. (For a tensor that was written in place since: a stand-in for what it was.)
    index : int
        Its place in the order of computation, leaves before what uses them: 0, 1, 2, …; the same in every run.
    inputs : tuple
        What its operation read, in order: Variables, and Python numbers as they are. Empty for a leaf.
    params : dict
        The operation's parameters, an axis or a reduction, say.
    consumers : list of (Variable, int)
        Which operations read it, and as which of their inputs; ``x + x`` is there twice.
    scope : tuple
        The modules in whose call it was computed, outermost first.
    calls : tuple of int
        A mark for each of them, which differs from call to call: a shared module is called several times.
    """

    __slots__ = ("calls", "consumers", "index", "inputs", "params", "scope", "tensor")

    def __init__(self, tensor: Any, index: int, inputs: tuple[Any, ...]) -> None:
        op = tensor._op
        self.tensor: Tensor = tensor
        self.index = index
        self.inputs = inputs
        self.params: dict[str, Any] = {} if op is None else dict(zip(op.params, tensor._params, strict=True))
        self.consumers: list[tuple[Variable, int]] = []
        scope, entered = tensor._scope, []
        while scope is not None:
            entered.append(scope)
            scope = scope[1]
        self.scope: tuple[Any, ...] = tuple(one[0] for one in reversed(entered))
        self.calls: tuple[int, ...] = tuple(id(one) for one in reversed(entered))

    @property
    def op(self) -> Op | None:
        """The operation that made it; None for a leaf."""
        return self.tensor._op

    @property
    def symbol(self) -> str | None:
        """The operation's short name for people."""
        return None if self.tensor._op is None else self.tensor._op.symbol

    @property
    def kind(self) -> str:
        """``parameter`` (a leaf that wants a gradient), ``constant`` (one that does not), ``result`` or ``output``."""
        if self.tensor._op is None:
            return "parameter" if self.tensor._requires_grad else "constant"
        return "result" if self.consumers else "output"

    @property
    def name(self) -> str | None:
        """The name that its user gave it."""
        return self.tensor.name

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the value, and of the gradient."""
        return self.tensor._array.shape

    @property
    def requires_grad(self) -> bool:
        """Whether gradients flow to it."""
        return self.tensor._requires_grad

    @property
    def detached_from(self) -> Tensor | None:
        """For a leaf that shares the memory of a tensor with a gradient, as after ``detach()``: that tensor."""
        base = self.tensor._base
        cut = self.tensor._op is None and not self.tensor._requires_grad and base is not None and base._requires_grad
        return base if cut else None  # type: ignore[return-value]

    @property
    def gradient_of(self) -> tuple[Tensor | None, Tensor | None] | None:
        """For a gradient ∂a/∂b: a and b, as :func:`gradient_of` gives them."""
        return gradient_of(self.tensor)

    @property
    def value(self) -> Array:
        """The values, read-only."""
        view = self.tensor._array.view()
        view.flags.writeable = False
        return view

    def formula(self, *inputs: Any) -> Any:
        """The forward, ``self = op(inputs)``, on whatever speaks NumPy; None if the op declares no formula."""
        op = self.tensor._op
        return None if op is None or op.formula is None else op.formula(*inputs, *self.tensor._params)

    def rule(self, k: int, g: Any, u: Any, inputs: tuple[Any, ...]) -> Any:
        """The chain rule for input ``k``, on whatever speaks NumPy.

        Parameters
        ----------
        k : int
            Which input.
        g, u : object
            What stands for ∂𝒥/∂self and for self.
        inputs : tuple
            What stands for each input.

        Returns
        -------
        object
            What the rule computes of them, before any sum over broadcast axes; None for an input without a rule.
        """
        op = self.tensor._op
        pull = None if op is None else op.pull(k)
        return None if pull is None else pull(g, u, inputs, self.tensor._params, k)

    def has_rule(self, k: int) -> bool:
        """Whether a gradient flows from here into input ``k``: there is a rule, and the input wants it."""
        op, x = self.tensor._op, self.inputs[k]
        return op is not None and op.pull(k) is not None and isinstance(x, Variable) and x.requires_grad

    def __repr__(self) -> str:
        made = f" = {self.tensor._op.name}(…)" if self.tensor._op is not None else ""
        return f"<Variable {self.index}: {self.kind} {self.name or ''}{self.shape}{made}>"


class Graph:
    """Everything that ``root`` was computed from, in the order of computation.

    Parameters
    ----------
    root : Tensor or sequence of Tensor
        Several, as :func:`autograd.grad` gives them; None among them is passed over.

    Attributes
    ----------
    variables : list of Variable
        Inputs before what uses them; the last one is ``output``.
    roots : list of Variable
        What the graph was asked for, ``output`` among them.

    Raises
    ------
    GraphError
        If ``root`` is not a tensor.
    """

    def __init__(self, root: Any) -> None:
        roots = [x for x in root if x is not None] if isinstance(root, (tuple, list)) else [root]
        if not roots or not all(isinstance(x, Tensor) for x in roots):
            found = ", ".join(sorted({type(x).__name__ for x in roots if not isinstance(x, Tensor)})) or "an empty list"
            raise GraphError(f"a graph starts from a Tensor, found {found}")
        made: dict[Any, Variable] = {}
        stack: list[tuple[Any, bool]] = [(x, False) for x in reversed(roots)]
        while stack:  # depth first, without recursion: an input comes before what uses it
            x, ready = stack.pop()
            if x in made:
                continue
            sources = tuple(engine.as_read_by(x, y) if isinstance(y, Tensor) else y for y in x._inputs)
            tensors = [y for y in sources if isinstance(y, Tensor)]
            if not ready and any(y not in made for y in tensors):
                stack.append((x, True))
                stack.extend((y, False) for y in reversed(tensors) if y not in made)
                continue
            inputs = tuple(made[y] if isinstance(y, Tensor) else y for y in sources)
            made[x] = variable = Variable(x, len(made), inputs)
            for k, y in enumerate(inputs):
                if isinstance(y, Variable):
                    y.consumers.append((variable, k))
        self.variables = list(made.values())
        self.output = self.variables[-1]
        self.roots = [made[x] for x in dict.fromkeys(roots)]
        self._gradients: dict[Any, Any] | None = None

    def __iter__(self) -> Iterator[Variable]:
        return iter(self.variables)

    def __len__(self) -> int:
        return len(self.variables)

    def gradient(self, variable: Variable) -> Array | None:
        """∂output/∂variable, recomputed from the recorded values without touching any ``.grad``.

        Of several roots it is that of their sum. None if no gradient flows to it, or if the values have been
        overwritten since (after ``optimizer.step()``).
        """
        if self._gradients is None:
            self._gradients = {}
            roots = [v.tensor for v in self.roots if v.requires_grad]
            if roots:
                targets = [v.tensor for v in self.variables if v.requires_grad]
                seeds = [np.ones(x._array.shape, x._array.dtype) for x in roots]
                with contextlib.suppress(GraphError):
                    self._gradients = engine.pull(roots, seeds, targets=targets, peek=True)
        gradient: Array | None = self._gradients.get(variable.tensor)
        return gradient

    def stored(self, variable: Variable) -> tuple[str, int]:
        """What ``variable.tensor.grad`` holds now, in a word, and the sum of how many backward passes it is.

        Returns
        -------
        str
            ``"no gradient"``: the tensor does not require any. ``"not kept"``: the result of an operation, whose
            ``.grad`` is dropped unless ``retain_grad()`` was called. ``"not computed"``: no pass has come by.
            ``"zero"``: every element is exactly 0. ``"stale"``: the last pass came before this graph was computed.
            ``"accumulated"``: the sum of several passes. ``"current"``: of one pass. ``"assigned"``: no pass made it.
        int
            The number of passes.

        Examples
        --------
        >>> import autograd
        >>> from autograd.graph import Graph
        >>> w = autograd.tensor(3.0, requires_grad=True)
        >>> for _ in range(2):
        ...     loss = w * w
        ...     loss.backward()
        >>> graph = Graph(loss)
        >>> graph.stored(graph.variables[0])
        ('accumulated', 2)
        >>> graph = Graph(w * w)
        >>> graph.stored(graph.variables[0])
        ('stale', 2)
        """
        x = variable.tensor
        if not x._requires_grad:
            return "no gradient", 0
        grad = engine.gradient(x)
        if grad is None:
            return ("not computed" if x._op is None or x.retains_grad else "not kept"), 0
        when, passes = (grad._extra or {}).get("passes", (0, 0))
        if grad._array.size and not grad._array.any():
            return "zero", passes
        if not passes:
            return "assigned", 0
        if when < self.output.tensor._seq:
            return "stale", passes
        return ("accumulated" if passes > 1 else "current"), passes
