"""Operations of your own: :class:`Function`."""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from . import engine, ops
from .engine import leaf
from .errors import DtypeError, GraphError
from .modes import set_grad_enabled
from .node import memory, tick
from .tensor import Tensor
from .versions import as_seen, note_output, sight

__all__ = ["Function", "once_differentiable"]

Array = np.ndarray[Any, Any]


class Context:
    """What the forward of a :class:`Function` leaves for its backward: the ``ctx`` of both.

    Attributes
    ----------
    needs_input_grad : tuple of bool
        Which arguments a gradient is wanted for.
    saved_tensors : tuple
        In backward: what was given to :meth:`save_for_backward`, with the values that it had then.
    """

    def __init__(self, needs_input_grad: tuple[bool, ...]) -> None:
        self.needs_input_grad = needs_input_grad
        self._to_save: tuple[Any, ...] = ()
        self._constant: tuple[Any, ...] = ()
        self._materialize = True
        self._saved: Callable[[], tuple[Any, ...]] | None = None

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep ``tensors`` (inputs, outputs or others; None is allowed) for backward.

        A write into one of them in between is noticed.
        """
        for k, x in enumerate(tensors):
            if x is not None and not isinstance(x, Tensor):
                raise DtypeError(
                    f"save_for_backward: expects Tensors, argument {k} is {type(x).__name__}; keep other things as "
                    "attributes of ctx"
                )
        self._to_save = tensors

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What :meth:`save_for_backward` was given."""
        return self._to_save if self._saved is None else self._saved()

    def mark_non_differentiable(self, *outputs: Any) -> None:
        """Say that no gradient flows through these outputs (positions, masks)."""
        self._constant = outputs

    def set_materialize_grads(self, value: bool) -> None:
        """Whether backward gets zeros (the default) or None for an output that has no gradient at all."""
        self._materialize = bool(value)

    def mark_dirty(self, *inputs: Any) -> None:
        """Not supported: raises.

        Raises
        ------
        GraphError
            Always. Return a new tensor instead of writing into an input.
        """
        raise GraphError("mark_dirty: a Function must not write into its inputs; return a new tensor instead")


class _Call(ops.Op):
    """One call of a Function as an op: its rules are the user's backward. Made for each call, in no registry."""

    formula = samples = promotes = None
    variadic = view = singular = method = elementwise = False
    differentiable = True
    params: tuple[str, ...] = ()
    defaults: dict[str, Any] = {}  # noqa: RUF012 - as on every op

    def __init__(self, function: type[Function], ctx: Context, args: tuple[Any, ...], outputs: tuple[Any, ...]) -> None:
        self.function, self.ctx = function, ctx
        self.name = self.symbol = self.__name__ = function.__name__
        self.arity = len(args)
        self.places = [k for k, x in enumerate(args) if isinstance(x, Tensor)]
        tensors = [args[k] for k in self.places]
        self.inputs = _names(function, self.places)
        flowing = [isinstance(y, Tensor) and y.dtype.kind == "f" and not _among(y, ctx._constant) for y in outputs]
        self.outputs = [(y.shape, y.dtype, flows) if isinstance(y, Tensor) else None
                        for y, flows in zip(outputs, flowing, strict=True)]  # fmt: skip
        self.flowing = [y for y, flows in zip(outputs, flowing, strict=True) if flows]
        # What is saved is found among the inputs and outputs again, so that no cycle keeps the graph alive, the engine
        # guards it against writes, and in a differentiable backward pass it is part of the graph.
        self.saved = [_find(x, tensors, outputs) for x in ctx._to_save]
        self.seen = [sight(x) if kind == "own" and x is not None else None for kind, x in self.saved]
        ctx._to_save = ()
        read = {k for kind, k in self.saved if kind == "input"}
        self.uses = tuple(k in read for k in range(len(tensors)))
        self.uses_output = any(kind == "output" for kind, _ in self.saved)
        self.reads = self.uses_output or any(self.uses)
        self.stamp = tick()

    def forward(self, *arrays: Array) -> Array:
        """What the user's forward has computed; several outputs as one vector."""
        flowing, self.flowing = self.flowing, []
        if len(self.outputs) == 1:
            return flowing[0].array
        dtype = np.result_type(*(y.dtype for y in flowing))
        return np.concatenate([y.array.reshape(-1).astype(dtype) for y in flowing])

    def part(self, vector: Any, k: int) -> Any:
        """Output ``k`` of the vector that :meth:`forward` gave, or its part of a gradient."""
        if len(self.outputs) == 1:
            return vector
        start = sum(int(np.prod(out[0])) for out in self.outputs[:k] if out is not None and out[2])
        shape, dtype, _ = self.outputs[k]  # type: ignore[misc]
        piece = ops.reshape(vector[start : start + int(np.prod(shape))], shape)
        return ops.cast(piece, dtype)

    def vjp(self, g: Any, u: Any, values: Any, params: Any, needs: Any) -> list[Any]:
        """The user's backward on arrays."""
        shown = g.view()
        shown.flags.writeable = False  # others may be about to read it
        parts = self.run(leaf(shown), leaf(u), [leaf(x) for x in values], needs, recording=False)
        # A view, as the user may have more of it (an input, say): what becomes a .grad is then a copy.
        return [None if part is None else part.array.view() for part in parts]

    def joint(self, g: Any, u: Any, values: Any, params: Any, needs: Any) -> list[Any]:
        """The user's backward on tensors, recorded."""
        if not getattr(self.function.backward, "once", False):
            parts = self.run(g, u, values, needs, recording=True)
            # An input itself must not become a .grad.
            return [ops.clone(part) if part is not None and _among(part, values) else part for part in parts]
        parts = self.vjp(g.array, u.array, [x.array for x in values], params, needs)
        sources = [x for x in (g, *values) if x.requires_grad]
        return [part if part is None else engine.apply(_Once(self.name, part), tuple(sources)) for part in parts]

    def pull(self, k: int) -> Callable[..., Any]:
        """The rule of one input, for pictures: what the user's backward does with symbols."""

        def rule(g: Any, u: Any, values: Any, params: Any, i: Any = None) -> Any:
            needs = [j == k for j in range(len(values))]
            try:
                return self.run(g, u, values, needs, recording=False)[k]
            except Exception:  # it does something that has no notation
                return g.__op__(_Once(f"{self.name}′", None), (g, *values), ())

        return rule

    def run(self, g: Any, u: Any, values: Any, needs: Any, recording: bool) -> list[Any]:
        """Call the user's backward; one gradient, or None, for every tensor among its arguments."""
        ctx = self.ctx

        def saved(place: Any, seen: Any) -> Any:
            kind, k = place
            if kind == "own" and k is not None and not (
                memory(k)._version <= self.stamp and as_seen(k, self.stamp, seen)
            ):
                raise GraphError("a saved tensor has been modified by an inplace operation since")
            return k if kind == "own" else values[k] if kind == "input" else self.part(u, k)

        def upstream(k: int) -> Any:
            if self.outputs[k] is None:
                return None
            shape, dtype, flows = self.outputs[k]  # type: ignore[misc]
            return self.part(g, k) if flows else leaf(np.zeros(shape, dtype)) if ctx._materialize else None

        wanted = [False] * self.arity
        for k, need in zip(self.places, needs, strict=True):
            wanted[k] = bool(need)
        ctx.needs_input_grad = tuple(wanted)
        ctx._saved = lambda: tuple(map(saved, self.saved, self.seen))
        try:
            with set_grad_enabled(recording):
                found = self.function.backward(ctx, *map(upstream, range(len(self.outputs))))
        finally:
            ctx._saved = None
        found = found if isinstance(found, tuple) else (found,)
        if len(found) < self.arity or any(part is not None for part in found[self.arity :]):
            raise GraphError(f"returned {len(found)} gradients, expected {self.arity}: one for each argument "
                             "of forward, None for what is no tensor")  # fmt: skip
        for k, part in enumerate(found[: self.arity]):
            if part is not None and k not in self.places:
                raise GraphError(f"returned a gradient for argument {k}, which is no tensor; return None for it")
            if part is not None and isinstance(g, Tensor) and not isinstance(part, Tensor):
                raise DtypeError(f"expects a Tensor or None for argument {k}, found {type(part).__name__}")
        return [found[k] for k in self.places]


class _Once(_Call):
    """The result of a backward that cannot be differentiated again."""

    def __init__(self, name: str, part: Any) -> None:
        self.name = self.symbol = self.__name__ = name
        self.part_ = part
        self.inputs, self.uses, self.uses_output, self.reads = (), (), False, False

    def forward(self, *arrays: Array) -> Any:
        return self.part_

    def vjp(self, *args: Any) -> list[Any]:
        raise GraphError("its backward is marked @once_differentiable: trying to differentiate it twice")

    def joint(self, *args: Any) -> list[Any]:
        return self.vjp()


class Function:
    """The base of an operation with a backward of your own.

    Subclass it with two static methods, and call ``apply``. ``forward(ctx, *args)`` computes: its arguments may be
    anything, it returns a tensor or a tuple of them, and nothing in it is recorded. ``backward(ctx, *gradients)`` gets
    one gradient for each output and returns one for each argument of forward (None where there is none, or it is 0). If
    ``setup_context(ctx, inputs, output)`` is defined, forward takes no ``ctx``.

    Where backward is written in tensor operations, second derivatives come for free.

    Raises
    ------
    GraphError
        In the backward pass: for the wrong number or shape of gradients, or when a saved tensor has been written in
        place since. An exception in backward is chained.
    DtypeError
        If forward or backward gives something else than tensors.

    Examples
    --------
    >>> import autograd
    >>> class Cube(autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x**3
    ...
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         (x,) = ctx.saved_tensors
    ...         return g * 3 * x**2
    >>> x = autograd.tensor(2.0, requires_grad=True)
    >>> y = Cube.apply(x)
    >>> y.backward()
    >>> y, x.grad
    (tensor(8., grad_fn=<CubeBackward>), tensor(12.))
    """

    def __init__(self) -> None:
        raise TypeError(f"{type(self).__name__}: a Function has no instances; call {type(self).__name__}.apply(...)")

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute the output; to be defined."""
        raise NotImplementedError("a Function needs a static method forward(ctx, *args)")

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        """The gradients of the arguments from those of the outputs; to be defined."""
        raise NotImplementedError("this Function has no static method backward(ctx, *gradients)")

    setup_context: Any = None

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Run forward, and record the call if a gradient may be wanted."""
        tensors = tuple(x for x in args if isinstance(x, Tensor))
        ctx = Context(tuple(isinstance(x, Tensor) and x.requires_grad for x in args))
        with set_grad_enabled(False):
            if cls.setup_context is None:
                given = cls.forward(ctx, *args)
            else:
                given = cls.forward(*args)
                cls.setup_context(ctx, args, given)
        outputs = given if isinstance(given, tuple) else (given,)
        if not any(isinstance(y, Tensor) for y in outputs):
            raise DtypeError(f"{cls.__name__}.forward: expects a Tensor or a tuple of them to be returned, "
                             f"found {type(given).__name__}")  # fmt: skip
        # An output is a tensor of its own, also where forward returned an input or a part of one.
        owners = [memory(x) for x in tensors]
        call = _Call(cls, ctx, args, outputs)
        call.flowing = [leaf(y.array.copy()) if _among(memory(y), owners) else y for y in call.flowing]
        results = list(outputs)
        if call.flowing:
            sole = call.flowing[0] if len(outputs) == 1 else None
            made = engine.apply(call, tensors)
            if sole is not None:
                made._base = memory(sole)  # who holds on to what forward made sees writes into the result
                note_output(made, call)
            for k, out in enumerate(call.outputs):
                if out is not None and out[2]:
                    results[k] = call.part(made, k)
        return tuple(results) if isinstance(given, tuple) else results[0]


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Mark the backward of a :class:`Function` as not differentiable: a second derivative is then an error.

    Examples
    --------
    >>> import autograd
    >>> class Half(autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         return x / 2
    ...
    ...     @staticmethod
    ...     @autograd.once_differentiable
    ...     def backward(ctx, g):
    ...         return autograd.tensor(g.numpy() / 2)
    >>> x = autograd.tensor(1.0, requires_grad=True)
    >>> Half.apply(x).backward()
    >>> x.grad
    tensor(0.5000)
    """

    @functools.wraps(backward)
    def once(*args: Any) -> Any:
        return backward(*args)

    once.once = True  # type: ignore[attr-defined]
    return once


def _among(x: Any, things: Any) -> bool:
    return any(x is y for y in things)


def _find(x: Any, tensors: list[Any], outputs: tuple[Any, ...]) -> Any:
    """Where a saved tensor is found again: ("input", k), ("output", k), or ("own", itself or None)."""
    for kind, things in (("input", tensors), ("output", outputs)):
        for k, y in enumerate(things):
            if x is y is not None:
                return kind, k
    return "own", x


def _names(function: type[Function], places: list[int]) -> tuple[str, ...]:
    """What the user calls the tensors among the arguments of forward."""
    names = list(inspect.signature(function.forward).parameters)
    named = itertools.chain(names[function.setup_context is None :], map(str, itertools.count()))
    every = list(itertools.islice(named, max(places, default=-1) + 1))
    return tuple(every[k] for k in places)
