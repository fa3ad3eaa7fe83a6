"""What runs around the call of a module: the hooks that were registered on it."""

from __future__ import annotations

import math
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import autograd
from autograd import ShapeError, Tensor
from autograd.hooks import RemovableHandle

__all__ = ["CallHooks"]


class Registered(NamedTuple):
    """A hook, and how it wants to be called."""

    call: Callable[..., Any]
    with_kwargs: bool = False
    always_call: bool = False


class CallHooks:
    """The hooks of one module, made when the first is registered: a module without any pays nothing for them."""

    def __init__(self) -> None:
        self.hooks: dict[str, OrderedDict[int, Registered]] = {
            when: OrderedDict() for when in ("before", "after", "backward_before", "backward_after")
        }

    def add(self, when: str, hook: Callable[..., Any], prepend: bool, **options: bool) -> RemovableHandle:
        """Register ``hook``, last or (``prepend``) first."""
        hooks = self.hooks[when]
        handle = RemovableHandle(hooks, Registered(hook, **options))
        hooks.move_to_end(handle.id, last=not prepend)
        return handle

    def each(self, when: str) -> Iterator[tuple[int, Registered]]:
        """The hooks as they are now: one may remove itself, or another."""
        yield from tuple(self.hooks[when].items())

    def run(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """``module.forward`` with everything around it."""
        called: set[int] = set()
        try:
            return self._run(module, args, kwargs, called)
        except Exception:
            for number, hook in self.each("after"):
                if hook.always_call and number not in called:
                    try:  # the exception on its way says what went wrong, not this one
                        hook.call(module, args, kwargs, None) if hook.with_kwargs else hook.call(module, args, None)
                    except Exception as error:
                        warnings.warn(f"a forward hook with always_call=True raised, after another error: {error!r}",
                                      stacklevel=4)  # fmt: skip
            raise

    def _run(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any], called: set[int]) -> Any:
        for _, hook in self.each("before"):
            given = hook.call(module, args, kwargs) if hook.with_kwargs else hook.call(module, args)
            if given is None:
                continue
            if not hook.with_kwargs:
                args = given if isinstance(given, tuple) else (given,)
            elif isinstance(given, tuple) and len(given) == 2:
                args, kwargs = given
            else:
                raise RuntimeError(
                    f"a forward pre-hook with kwargs must return None or a tuple of (new_args, new_kwargs), "
                    f"this one returned {type(given).__name__}"
                )
        back = _Backward(self, module, len(args)) if any(self.hooks[w] for w in _BACKWARD) else None
        if back is not None:
            args = back.on_inputs(args)
        output = module.forward(*args, **kwargs)
        for number, hook in self.each("after"):
            called.add(number)
            given = hook.call(module, args, kwargs, output) if hook.with_kwargs else hook.call(module, args, output)
            output = output if given is None else given
        return output if back is None else back.on_outputs(output)


_BACKWARD = ("backward_before", "backward_after")


class _Backward:
    """One call of a module whose backward pass is watched, from its outputs to its inputs."""

    def __init__(self, hooks: CallHooks, module: Any, inputs: int) -> None:
        self.hooks, self.module, self.inputs = hooks, module, inputs
        self.watched = False  # whether some input has a gradient, with which the pass ends
        self.tensors: list[Any] = []  # shape and dtype of each input that is a tensor
        self.grad_output: tuple[Any, ...] = ()

    def on_inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments, the tensors among them as results of a step that calls the hooks."""
        if not self.hooks.hooks["backward_after"]:
            return args
        self.tensors = [(x.shape, x.dtype) if isinstance(x, Tensor) else None for x in args]
        passed, self.watched = _behind(args, self._leave)
        return passed

    def on_outputs(self, output: Any) -> Any:
        """The outputs, as results of a step that calls the pre-hooks."""
        outputs = output if isinstance(output, tuple) else (output,)
        if not isinstance(output, (Tensor, tuple)):
            warnings.warn(
                "for backward hooks to be called, a module's output should be a Tensor or a tuple of Tensors; that of "
                f"{type(self.module).__name__} is a {type(output).__name__}",
                stacklevel=5,
            )
            return output
        passed, _ = _behind(outputs, self._enter)
        if not isinstance(output, tuple):
            return passed[0]
        return type(output)(*passed) if hasattr(output, "_fields") else passed

    def _enter(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        for _, hook in self.hooks.each("backward_before"):
            grads = _replaced(grads, hook.call(self.module, grads), "grad_output")
        self.grad_output = grads
        if not self.watched:  # it ends here
            nothing = (None,) * self.inputs
            for _, hook in self.hooks.each("backward_after"):
                given = hook.call(self.module, nothing, grads)
                if given is not None and any(g is not None for g in given):
                    raise RuntimeError(
                        "a backward hook of a module no input of which requires a gradient should return None, or None "
                        f"for every gradient; this one returned {given}"
                    )
        return grads

    def _leave(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        grads = tuple(
            autograd.zeros(x[0], dtype=x[1]) if g is None and x else g
            for g, x in zip(grads, self.tensors, strict=True)
        )
        for _, hook in self.hooks.each("backward_after"):
            grads = _replaced(grads, hook.call(self.module, grads, self.grad_output), "grad_input")
        self.grad_output = ()
        return grads


def _replaced(grads: tuple[Any, ...], given: Any, what: str) -> tuple[Any, ...]:
    if given is None:
        return grads
    given = given if isinstance(given, tuple) else (given,)
    if len(given) != len(grads):
        raise RuntimeError(f"a backward hook returned an invalid number of {what}, got {len(given)}, but expected "
                           f"{len(grads)}")  # fmt: skip
    return given


def _behind(values: Sequence[Any], hook: Callable[..., Any]) -> tuple[tuple[Any, ...], bool]:
    """``values`` with those that require a gradient behind one step, which lets ``hook`` see all gradients at once.

    ``hook`` gets a tuple with None for the others, and gives such a tuple. The step is one long vector, as only so do
    all the gradients come in together; the second result says whether there is one.
    """
    places = [k for k, x in enumerate(values) if isinstance(x, Tensor) and x.requires_grad]
    if not places or not autograd.is_grad_enabled():
        return tuple(values), False
    vector = autograd.cat([values[k].reshape(-1) for k in places])
    sizes = [(values[k].shape, values[k].dtype) for k in places]

    def parts(v: Any) -> list[Any]:
        pieces = v.split([math.prod(shape) for shape, _ in sizes])
        return [piece.reshape(shape).to(dtype) for piece, (shape, dtype) in zip(pieces, sizes, strict=True)]

    def on_gradient(g: Any) -> Any:
        every: list[Any] = [None] * len(values)
        for k, part in zip(places, parts(g), strict=True):
            every[k] = part
        given = hook(tuple(every))
        flat = []
        for k, (shape, dtype) in zip(places, sizes, strict=True):
            flat.append(autograd.zeros(shape, dtype=dtype) if given[k] is None else given[k])
            if flat[-1].shape != shape:
                raise ShapeError(f"a backward hook gave a gradient of shape {flat[-1].shape}, expected {shape}")
        return autograd.cat([part.reshape(-1) for part in flat]).to(g.dtype)

    vector.register_hook(on_gradient)
    passed = list(values)
    for k, part in zip(places, parts(vector), strict=True):
        passed[k] = part
    return tuple(passed), True
