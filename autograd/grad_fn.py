"""What ``tensor.grad_fn`` gives: the recorded graph to walk by hand, as in PyTorch.

Nothing of it is stored: it is made when it is asked for. To draw a graph, see :mod:`autograd.graph`.
"""

from __future__ import annotations

import functools
from typing import Any

from .engine import as_read_by
from .node import Node

__all__ = ["GradFn", "grad_fn"]


class GradFn:
    """One step of the backward pass: the chain rule of the op that made a tensor. Its class is named after the op.

    Attributes
    ----------
    next_functions : tuple of (GradFn or None, int)
        Where the gradient of each input goes: to the step of the op that made it, to an ``AccumulateGrad`` for a leaf,
        nowhere (None) for a constant. The number is 0: every op has one output.
    variable : Tensor
        Of an ``AccumulateGrad``: the leaf.

    Examples
    --------
    >>> import autograd
    >>> x = autograd.tensor([1.0, 2.0], requires_grad=True)
    >>> y = (x * 2).exp()
    >>> y.grad_fn
    <ExpBackward>
    >>> y.grad_fn.next_functions[0][0].next_functions
    ((<AccumulateGrad>, 0), (None, 0))
    """

    __slots__ = ("_node",)

    def __init__(self, node: Any) -> None:
        self._node = node

    def name(self) -> str:
        """``MulBackward``, or ``AccumulateGrad`` for a leaf."""
        return type(self).__name__

    @property
    def next_functions(self) -> tuple[tuple[GradFn | None, int], ...]:
        """Where the gradient of each input goes."""
        node = self._node
        inputs = (as_read_by(node, x) if isinstance(x, Node) else None for x in node._inputs)
        return tuple((None if x is None or not x._requires_grad else grad_fn(x), 0) for x in inputs)

    @property
    def variable(self) -> Any:
        """The leaf whose ``.grad`` is accumulated."""
        if self._node._op is not None:
            raise AttributeError(f"{self.name()} has no variable, only AccumulateGrad has")
        return self._node

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GradFn) and other._node is self._node

    def __hash__(self) -> int:
        return hash(self._node)

    def __repr__(self) -> str:
        return f"<{self.name()}>"


@functools.cache
def _named(name: str) -> type[GradFn]:
    return type(name, (GradFn,), {"__slots__": (), "__doc__": GradFn.__doc__})


def class_name(op: str) -> str:
    """``log_softmax`` → ``LogSoftmaxBackward``."""
    return "".join(word[:1].upper() + word[1:] for word in op.split("_")) + "Backward"


def grad_fn(node: Any) -> GradFn:
    """The step of the backward pass that ``node``'s gradient goes through."""
    return _named("AccumulateGrad" if node._op is None else class_name(node._op.name))(node)
