"""Writing into a tensor's own memory: ``x += 1``, ``x[0] = y``, ``x.mul_(2)``.

A recorded write gives ``x`` a new record and keeps what it was as a *past*: a tensor with the old record and a copy of
the old values, which is what everything that read ``x`` before depends on. Nothing that was saved is lost, so the
gradients are right, where PyTorch raises. A write that is not recorded (under ``no_grad``, through ``.data`` or
``detach()``) only stamps the memory; a backward pass that needs the old values then raises.

A write into a view is a write into what it is a view of: that tensor is recorded anew as its old self with the view's
part assigned, and the views are taken anew when they are next used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import ops
from .engine import apply, leaf, refreshed, rerecord
from .errors import DtypeError, GraphError, ShapeError
from .node import RECORD, Node, memory, mode
from .versions import changed, written

__all__ = ["overwrite"]


def overwrite(x: Any, function: Callable[..., Any], *args: Any, what: str, **kwargs: Any) -> Any:
    """x ← function(x, …) in the memory of ``x``; returns ``x``.

    Raises
    ------
    GraphError
        For a leaf that requires grad, or a view of one, while recording. For a result that requires none while
        :func:`~autograd.graph.everything` is recorded.
    ShapeError, DtypeError
        If the result has another shape than ``x``, or is of a higher category (a float into an integer tensor).
    """
    x = refreshed(x)
    base, path = _origin(x)
    involved = (x, base, *args, *kwargs.values())
    wanted = mode.here.grad and any(isinstance(y, Node) and y._requires_grad for y in involved)
    if not wanted:
        if mode.here.everything and base._op is not None:
            raise GraphError(
                f"{what}: everything is being recorded, but not a write in place into a tensor that requires no "
                "gradient; write a new tensor instead (y = y + 1, not y += 1)"
            )
        if function is ops.assign:  # a row written into a matrix costs a row, not a matrix
            _check_writeable(x, what)
            y = x.operand(args[0])
            ops.write(x._array, y._array if isinstance(y, Node) else y, *args[1:])
            written((x,), what)
            return x
        before, mode.here.grad = mode.here.grad, False
        try:
            _store(x, function(x, *args, **kwargs), what)
        finally:
            mode.here.grad = before
        return x
    if base._op is None and base._requires_grad:
        view = "a view of " if base is not x else ""
        raise GraphError(
            f"{what}: {view}a leaf Variable that requires grad is being used in an in-place operation; do it under "
            "no_grad(), or on a new tensor"
        )
    past = _past(base)
    args = tuple(_apart(y, base, past) for y in args)
    kwargs = {key: _apart(y, base, past) for key, y in kwargs.items()}
    old = past
    for op, params in path:
        old = apply(op, (old,), params)
    result = function(old, *args, **kwargs)
    if result.dtype != x.dtype:
        _check_dtype(x, result, what)
        result = apply(ops.cast, (result,), (x.dtype,))
    _store(x, result, what)
    rerecord(base, apply(ops.assign, (past, result), (path,)) if path else result, past)
    refreshed(x)
    return x


def _apart(y: Any, base: Any, past: Any) -> Any:
    """``y`` as it is before the write, if it shares the memory that is written: ``x *= x``, ``x += x[0]``."""
    if y is base:
        return past
    return apply(ops.clone, (y,)) if isinstance(y, Node) and memory(y) is memory(base) else y


def cut(x: Any) -> Any:
    """Make ``x`` a leaf that requires no gradient, in place; returns ``x``. What read it before is not affected."""
    if x._extra is not None and "view" in x._extra:
        raise GraphError("detach_: can't detach views in-place; use detach() instead")
    if x._op is not None:
        rerecord(x, leaf(x._array), _past(x))
        x._keep().pop("retain_grad", None)
    x._requires_grad = False
    changed()
    return x


def _past(x: Any) -> Any:
    """What ``x`` is now, record and values, as a tensor of its own."""
    past = leaf(x._array.copy(order="K"), x._requires_grad)
    for name in RECORD:
        setattr(past, name, getattr(x, name))
    if x._extra is not None:  # a hook stays with the values that it was put on, a wish for .grad with the tensor
        past._extra = {key: value for key, value in x._extra.items() if key != "retain_grad"}
        x._extra.pop("hooks", None)
    return past


def _origin(x: Any) -> tuple[Any, tuple[Any, ...]]:
    """What ``x`` is a view of, and the views that lead from there to ``x``. A detached tensor is its own origin."""
    path: list[Any] = []
    while x._extra is not None and "view" in x._extra:
        op, params, x = x._extra["view"]
        path.append((op, params))
    return x, tuple(reversed(path))


def _store(x: Any, result: Any, what: str) -> None:
    if result.shape != x.shape:
        raise ShapeError(f"{what}: the result has shape {result.shape}, the tensor that it is written into {x.shape}")
    _check_dtype(x, result, what)
    _check_writeable(x, what)
    x._array[...] = result._array
    written((x,), what)


def _check_writeable(x: Any, what: str) -> None:
    if not x._array.flags.writeable:
        raise GraphError(
            f"{what}: the memory of this tensor is read-only, or an element of it stands for several (after expand); "
            "use a .clone()"
        )


def _check_dtype(x: Any, result: Any, what: str) -> None:
    if ops.result_dtype([result._array, x._array]) != x.dtype and "biuf".index(result.dtype.kind) > "biuf".index(
        x.dtype.kind
    ):
        raise DtypeError(f"{what}: the result type {result.dtype} can't be cast to {x.dtype}; convert it first")
