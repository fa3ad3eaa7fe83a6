"""Derivatives of functions of tensors: Jacobians, Hessians and their products with vectors.

Each takes ``func``, which maps tensors to a tensor or a tuple of them, and ``inputs``, a tensor or a tuple. ``.grad``
is left alone, and inputs need not require a gradient. Results are tuples where inputs or outputs are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .creation import zeros_like
from .engine import apply, leaf
from .errors import DtypeError, GraphError, ShapeError
from .functions import grad
from .modes import enable_grad
from .ops import cat
from .tensor import Tensor

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

Function = Callable[..., Any]


class _Run:
    """One run of ``func`` on inputs that require a gradient."""

    def __init__(self, name: str, func: Function, inputs: Any, create_graph: bool, strict: bool) -> None:
        self.name, self.create_graph, self.strict = name, create_graph, strict
        self.many_in = not isinstance(inputs, Tensor)
        given = self.tensors(inputs, "inputs")
        # A result that is to be differentiable hangs on the caller's tensors; otherwise the run is shut off from them.
        self.xs = [x.view(*x.shape) if create_graph and x.requires_grad else x.detach().requires_grad_() for x in given]
        y = func(*self.xs)
        self.many_out = not isinstance(y, Tensor)
        self.ys = self.tensors(y, "what func returns")

    def tensors(self, given: Any, what: str) -> list[Any]:
        found = [given] if isinstance(given, Tensor) else list(given) if isinstance(given, (tuple, list)) else [given]
        for x in found:
            if not isinstance(x, Tensor):
                raise DtypeError(f"{self.name}: {what}: expects a Tensor or a tuple of them, found {type(x).__name__}")
        return found

    def scalar(self) -> Any:
        """The one output, which must be a single element."""
        if self.many_out or self.ys[0].numel() != 1:
            shapes = [y.shape for y in self.ys]
            raise GraphError(f"{self.name}: func must return a single Tensor with a single element, found {shapes}")
        return self.ys[0]

    def vector(self, v: Any, like: list[Any], what: str) -> list[Any]:
        """``v`` as one tensor for each of ``like``."""
        if v is None:
            if len(like) != 1 or like[0].numel() != 1:
                raise GraphError(f"{self.name}: v can be left out only if {what} is a single Tensor with one element")
            return [leaf(np.ones(like[0].shape, like[0].dtype))]
        vs = self.tensors(v, "v")
        found, expected = [x.shape for x in vs], [x.shape for x in like]
        if found != expected:
            raise ShapeError(f"{self.name}: v has invalid size: it has shapes {found}, {what} has {expected}")
        return vs

    def pull(self, ys: Sequence[Any], xs: Sequence[Any], vs: Sequence[Any], create_graph: bool) -> list[Any]:
        """Σ vᵀ ∂y/∂x for every x; zeros (or, if strict, an error) for what does not depend on it."""
        live = [(y, v) for y, v in zip(ys, vs, strict=True) if y.requires_grad]
        found: Sequence[Any] = [None] * len(xs)
        if self.strict and len(live) < len(ys):
            raise GraphError(f"{self.name}: an output does not require gradients: it is independent of the inputs")
        if live:
            outs, seeds = zip(*live, strict=True)
            found = grad(outs, xs, seeds, retain_graph=True, create_graph=create_graph, allow_unused=True)
        if self.strict and any(g is None for g in found):
            unused = [k for k, g in enumerate(found) if g is None]
            raise GraphError(f"{self.name}: the output is independent of input {unused}")
        return [zeros_like(x) if g is None else g for g, x in zip(found, xs, strict=True)]

    def outputs(self) -> Any:
        return self.packed(self.ys if self.create_graph else [y.detach() for y in self.ys], self.many_out)

    @staticmethod
    def packed(values: Sequence[Any], many: bool) -> Any:
        return tuple(values) if many else values[0]


@enable_grad()
def jacobian(
    func: Function,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """The Jacobian: all ∂func(inputs)ᵢ/∂inputsⱼ, of shape (*output, *input).

    Parameters
    ----------
    func : callable
    inputs : Tensor or tuple of Tensor
    create_graph : bool
        Whether the result can be differentiated again, with respect to ``inputs`` that require a gradient.
    strict : bool
        Raise GraphError if an output is independent of an input, instead of giving zeros.
    vectorize, strategy
        Accepted as in PyTorch; the result is the same.

    Returns
    -------
    Tensor, or tuple
        For a tuple of outputs and one of inputs, ``jacobian[i][j]``.

    Examples
    --------
    >>> import autograd
    >>> autograd.functional.jacobian(lambda x: x**2, autograd.tensor([1.0, 3.0]))
    tensor([[2., 0.],
            [0., 6.]])
    """
    run = _Run("jacobian", func, inputs, create_graph, strict)
    return run.packed([run.packed(_jacobian(run, y), run.many_in) for y in run.ys], run.many_out)


def _jacobian(run: _Run, y: Any) -> list[Any]:
    rows = []
    for k in range(y.numel()):
        one_hot = np.zeros(y.numel(), y.dtype)
        one_hot[k] = 1
        rows.append(run.pull([y], run.xs, [leaf(one_hot.reshape(y.shape))], run.create_graph))
    if not rows:
        return [leaf(np.zeros((*y.shape, *x.shape), x.dtype)) for x in run.xs]
    columns = zip(*rows, strict=True)
    return [
        apply(cat, tuple(g.reshape(1, *x.shape) for g in column), (0,)).reshape(*y.shape, *x.shape)
        for x, column in zip(run.xs, columns, strict=True)
    ]


@enable_grad()
def hessian(
    func: Function,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The Hessian of a ``func`` with a single element as its output: all ∂²func/∂inputsᵢ∂inputsⱼ.

    Parameters and result are as for :func:`jacobian`, of the gradient.

    Examples
    --------
    >>> import autograd
    >>> autograd.functional.hessian(lambda x: (x**3).sum(), autograd.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """

    def gradient(*xs: Any) -> Any:
        run = _Run("hessian", func, xs, True, strict)
        return tuple(run.pull([run.scalar()], run.xs, run.vector(None, run.ys, "the output"), True))

    found = jacobian(gradient, inputs, create_graph, strict)
    return found[0] if isinstance(inputs, Tensor) else found


@enable_grad()
def vjp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """(func(inputs), vᵀ J): one backward pass from the upstream gradient ``v``, which has the output's shape.

    Examples
    --------
    >>> import autograd
    >>> autograd.functional.vjp(lambda x: x**2, autograd.tensor([1.0, 3.0]), autograd.tensor([1.0, 10.0]))
    (tensor([1., 9.]), tensor([ 2., 60.]))
    """
    run = _Run("vjp", func, inputs, create_graph, strict)
    vs = run.vector(v, run.ys, "the output")
    return run.outputs(), run.packed(run.pull(run.ys, run.xs, vs, create_graph), run.many_in)


@enable_grad()
def jvp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """(func(inputs), J v): the derivative in the direction ``v``, which has the inputs' shape.

    By two backward passes: uᵀ J is linear in u, and its derivative is J.

    Examples
    --------
    >>> import autograd
    >>> autograd.functional.jvp(lambda x: x**2, autograd.tensor([1.0, 3.0]), autograd.tensor([1.0, 10.0]))
    (tensor([1., 9.]), tensor([ 2., 60.]))
    """
    run = _Run("jvp", func, inputs, create_graph, strict)
    vs = run.vector(v, run.xs, "the input")
    us = [zeros_like(y, requires_grad=True) for y in run.ys]
    pulled = run.pull(run.ys, run.xs, us, True)
    return run.outputs(), run.packed(run.pull(pulled, us, vs, create_graph), run.many_out)


@enable_grad()
def vhp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """(func(inputs), vᵀ H): the Hessian times a vector of the inputs' shape, for a func with one element as output.

    Examples
    --------
    >>> import autograd
    >>> autograd.functional.vhp(lambda x: (x**3).sum(), autograd.tensor([1.0, 2.0]), autograd.tensor([1.0, 1.0]))
    (tensor(9.), tensor([ 6., 12.]))
    """
    run = _Run("vhp", func, inputs, create_graph, strict)
    vs = run.vector(v, run.xs, "the input")
    first = run.pull([run.scalar()], run.xs, [leaf(np.ones(run.ys[0].shape, run.ys[0].dtype))], True)
    return run.outputs(), run.packed(run.pull(first, run.xs, vs, create_graph), run.many_in)


def hvp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """(func(inputs), H v); H is symmetric, so this is :func:`vhp`.

    Examples
    --------
    >>> import autograd
    >>> autograd.functional.hvp(lambda x: (x**3).sum(), autograd.tensor([1.0, 2.0]), autograd.tensor([1.0, 1.0]))
    (tensor(9.), tensor([ 6., 12.]))
    """
    return vhp(func, inputs, v, create_graph, strict)
