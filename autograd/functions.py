"""Differentiation as a function: :func:`grad`."""

from __future__ import annotations

from typing import Any

from . import engine
from .creation import zeros_like
from .engine import leaf
from .errors import DtypeError, GraphError
from .node import mode
from .tensor import Tensor

__all__ = ["grad"]


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]:
    """∂outputs/∂inputs, without touching any ``.grad``.

    Parameters
    ----------
    outputs, inputs : Tensor or sequence of Tensor
    grad_outputs : Tensor or sequence, optional
        What multiplies each output's gradient; 1 for scalars.
    retain_graph : bool, optional
        Keep the graph for another pass; by default as ``create_graph``.
    create_graph : bool
        Record the computation of the gradients, so that they can be differentiated again (or drawn).
    allow_unused : bool, optional
        Give None for an input that the outputs do not depend on, instead of an error; by default as
        ``materialize_grads``.
    is_grads_batched : bool
        Not supported; use :func:`autograd.functional.jacobian`.
    materialize_grads : bool
        Give zeros instead of None.

    Returns
    -------
    tuple of Tensor
        One for each input.

    Raises
    ------
    GraphError
        As :meth:`Tensor.backward`; and for an unused input, or one that does not require grad.

    Examples
    --------
    >>> import autograd
    >>> x = autograd.tensor(3.0, requires_grad=True)
    >>> (first,) = autograd.grad(x**3, x, create_graph=True)
    >>> (second,) = autograd.grad(first, x)
    >>> first.item(), second.item()
    (27.0, 18.0)
    """
    if is_grads_batched:
        raise GraphError("grad: is_grads_batched is not supported; use autograd.functional.jacobian or a loop")
    if allow_unused is False and materialize_grads:
        raise ValueError("grad: expects allow_unused to be True or not given when materialize_grads=True")
    outs = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    wanted = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    given = [None] * len(outs) if grad_outputs is None else grad_outputs
    given = [given] if isinstance(given, Tensor) else list(given)
    if len(given) != len(outs):
        raise GraphError(f"grad: expects one of grad_outputs for each output, found {len(given)} for {len(outs)}")
    for k, x in enumerate(wanted):
        if not isinstance(x, Tensor):
            raise DtypeError(f"grad: input {k} is no Tensor but {type(x).__name__}")
        if not x.requires_grad:
            raise GraphError(f"grad: input {k} does not require grad")
    seeds: list[Any] = [engine.check_seed(y, seed) for y, seed in zip(outs, given, strict=True)]
    if create_graph:
        seeds = [g if isinstance(g, Tensor) else leaf(s) for g, s in zip(given, seeds, strict=True)]
    walked: list[Any] = []
    before, mode.here.grad = mode.here.grad, create_graph
    try:
        found = engine.pull(outs, seeds, targets=wanted, create_graph=create_graph, walked=walked)
    finally:
        mode.here.grad = before
    missing = [k for k, x in enumerate(wanted) if x not in found]
    if missing and not (allow_unused or materialize_grads):
        raise GraphError(
            f"grad: inputs {missing} appear to not have been used in the graph; if that is meant, set "
            "allow_unused=True to get None for them"
        )
    taken = {id(s) for s in seeds}
    out = []
    for x in wanted:
        g = found.get(x)
        if g is None and materialize_grads:
            g = zeros_like(x, requires_grad=create_graph)
        if g is not None and not isinstance(g, Tensor):
            g = leaf(g.copy() if id(g) in taken or g.base is not None or not g.flags.writeable else g)
            taken.add(id(g.array))
        out.append(g)
    if not (create_graph or retain_graph):  # at the very end: after an error it can be asked again
        engine.spend(walked)
    return tuple(out)
