"""The engine: it records what is computed, then runs reverse mode over the record.

Forward: :func:`apply` runs an op on the arrays of its inputs and, where a gradient may be wanted, notes on the output
which op made it from which inputs. Tensors point to their inputs only, so the graph goes away with its last tensor.

Backward: :func:`pull` walks from the outputs to the leaves. Every recorded tensor carries the number of its creation;
taking the youngest first means that all the contributions to a gradient have come in before it is passed on. That is
the multivariate chain rule of the slides: ∂z/∂x = Σᵢ ∂z/∂yᵢ · ∂yᵢ/∂x.

The same counter is the clock for writes in place (:mod:`autograd.versions`), so that no rule reads a changed value.
"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Sequence
from functools import lru_cache
from heapq import heappop, heappush
from itertools import chain, repeat, starmap
from typing import Any

import numpy as np

from .arrays import to_array
from .errors import DtypeError, GraphError, ShapeError
from .kernels.quiet import quiet, quietly
from .node import NUMBERS, RECORD, Array, Node, inputs_of, memory, mode, tick, writes
from .ops import Op, add, cast, clone, guard, promote, reshape
from .ops import sum as total
from .versions import changed, check_unchanged, expose, exposed, lock, note_shown, place, shown, stamp

F32, F64 = np.dtype("float32"), np.dtype("float64")
watch: Any = None  # while autograd.anomaly is on: who looks at what is recorded and at every gradient
tape: Any = None  # while autograd.replay records: who notes what is computed
_at_once = deque[None](maxlen=0).extend  # runs an iterator of C functions in one C call: nothing interrupts it
_set = object.__setattr__
_new = object.__new__
Tensor: type[Node] = Node  # autograd.tensor puts the class with the operators here


def leaf(array: Array, requires_grad: bool = False, cls: type[Node] | None = None, base: Node | None = None) -> Any:
    """A tensor around ``array`` (itself, not a copy) that no op made; ``base`` is the tensor whose memory that is."""
    out = _new(cls or Tensor)
    out._array = array
    out._grad = out._op = out._x = out._y = out._scope = out._extra = None
    out._base = None if base is None else memory(base)
    out._params = ()
    out._seq = out._version = 0
    out._spent = False
    out._requires_grad = requires_grad
    if tape is not None:
        tape.made(out)
    return out


def around(array: Array, source: Any) -> Any:
    """A leaf around ``array``; if that is ``source``, or a view of it, whoever has ``source`` can write into it."""
    out = leaf(array)
    if array is source or array.base is not None:
        expose(out)
    return out


@lru_cache(512)
def constant(x: float, dtype: Any) -> Array:
    """A number as a 0-d array, kept for the next time."""
    with np.errstate(over="ignore"):
        array = np.array(x, dtype)
    array.flags.writeable = False
    return array


def apply(op: Op, inputs: tuple[Any, ...], params: tuple[Any, ...] = ()) -> Any:
    """Run ``op`` on tensors and numbers; record it if one of them requires a gradient and recording is on."""
    visible = shown(inputs) if exposed else None
    arrays = []
    wanted = mixed = False
    dtype = None
    for x in inputs:
        if isinstance(x, Node):
            if x._base is not None:
                refreshed(x)
            array = x._array
            arrays.append(array)
            if x._requires_grad:
                wanted = True
            if array.dtype is not dtype:
                mixed = dtype is not None
                dtype = array.dtype
        elif type(x) in NUMBERS:
            # NumPy takes an array three times as fast as a number. 0 stays: as a key it would be −0, too.
            arrays.append(constant(x, dtype) if x and (dtype is F32 or dtype is F64) else x)
        else:
            return apply(op, tuple(Tensor.operand(x, op.name) for x in inputs), params)
    mixed = (mixed or (dtype is not F32 and dtype is not F64)) and op.promotes is not None
    if mixed:
        arrays = promote(op, arrays)
    try:
        made = array = op.compute(arrays, params)
    except Exception as error:
        op.refuse(arrays, error)
        raise
    if type(array) is not np.ndarray:
        array = np.asarray(array)  # NumPy turns 0-d arrays into scalars
    if tape is not None:
        tape.applied(op, inputs, params, made, array, mixed)

    first = inputs[0] if inputs else None
    others = None if len(inputs) < 2 else inputs[1] if len(inputs) == 2 else inputs[1:]
    out = _made(op, first, others, params, array, wanted, dtype)
    if op.view:
        _note_view(out, op, first, params)
    if visible and out._op is not None:
        note_shown(out, op, visible)
    return out


def operate(op: Op, x: Any, y: Any) -> Any:
    """:func:`apply` for an operator of Python, of a tensor and a tensor or number: a short way for the usual operands.

    Where anything is out of the ordinary, ``apply`` decides, and says what is wrong.
    """
    array, wanted = x._array, x._requires_grad
    dtype = array.dtype
    if (dtype is F32 or dtype is F64) and x._base is None and not exposed and tape is None:
        if type(y) in NUMBERS:
            other = constant(y, dtype) if y else y
        elif isinstance(y, Node) and y._base is None and y._array.dtype is dtype:
            other = y._array
            wanted = wanted or y._requires_grad
        else:
            return apply(op, (x, y))
        try:
            made = op.forward(array, other)
        except Exception:
            apply(op, (x, y))
            raise  # it has only come in here, from another thread
        if type(made) is not np.ndarray:
            made = np.asarray(made)
        return _made(op, x, y, (), made, wanted, dtype)
    return apply(op, (x, y))


def operate_on(op: Op, x: Any, params: tuple[Any, ...] = ()) -> Any:
    """The same for an op of one tensor."""
    array, wanted = x._array, x._requires_grad
    dtype = array.dtype
    if (dtype is F32 or dtype is F64) and x._base is None and not exposed and tape is None:
        try:
            made = op.forward(array, *params)
        except Exception:
            apply(op, (x,), params)
            raise
        if type(made) is not np.ndarray:
            made = np.asarray(made)
        out = _made(op, x, None, params, made, wanted, dtype)
        if op.view:
            _note_view(out, op, x, params)
        return out
    return apply(op, (x,), params)


def _note_view(out: Any, op: Op, x: Any, params: tuple[Any, ...]) -> None:
    """Note that ``out`` shares the memory of ``x``, if it does."""
    array = out._array
    if array.base is x._array or np.may_share_memory(array, x._array):
        out._base = memory(x)
        if mode.here.grad or not x._requires_grad:
            out._keep()["view"] = (op, params, x)


def _made(op: Op, x: Any, y: Any, params: tuple[Any, ...], array: Array, wanted: bool, dtype: Any) -> Any:
    """The tensor around ``array``, which ``op`` made of ``x`` and ``y``; recorded, if a gradient is ``wanted``."""
    out = _new(Tensor)
    out._array = array
    out._grad = out._extra = out._base = None
    out._version = 0
    out._spent = False
    here = mode.here
    out._requires_grad = flows = (
        wanted and here.grad and op.differentiable and (array.dtype is dtype or array.dtype.kind == "f")
    )
    if flows or here.everything:
        out._op = op
        out._x = x
        out._y = y
        out._params = params
        out._seq = tick()
        out._scope = here.scope
        if watch is not None:
            watch.recorded(out)
    else:
        out._op = out._x = out._y = out._scope = None
        out._params = ()
        out._seq = 0
    return out


def refreshed(x: Any) -> Any:
    """``x``; if it is a view and a write has given what it is a view of a new record, with a new record of its own."""
    base = x._base
    stale = base is not None and base._requires_grad and base._version > x._seq
    if stale and x._extra is not None and "view" in x._extra:
        op, params, parent = x._extra["view"]
        past = leaf(x._array, x._requires_grad)
        for name in RECORD:
            setattr(past, name, getattr(x, name))
        past._base = base
        anew = apply(op, (refreshed(parent),), params)
        if anew._requires_grad:
            rerecord(x, anew, past)
    return x


def rerecord(x: Any, made: Any, past: Any) -> None:
    """Let ``x`` have been made as ``made`` was; what read it before depends on ``past``."""
    x._requires_grad = True
    changed()
    for name in RECORD:
        setattr(x, name, getattr(made, name))
    x._spent = False
    x._seq = stamp(())  # what was recorded before must look for the past, as after a write
    extra = x._keep()
    extra["past"] = past
    extra.pop("seen", None)
    if made._extra is not None and "seen" in made._extra:
        extra["seen"] = made._extra["seen"]
    if watch is not None:
        watch.recorded(x)


def as_read_by(node: Any, x: Any) -> Any:
    """The input ``x`` of ``node`` as it was then: a write in place since has left its past behind."""
    while x._seq > node._seq:
        x = x._extra["past"]
    return x


@quietly  # a rule may divide by 0 where a guard or a zero upstream then hides it
def pull(
    outputs: Sequence[Any],
    seeds: Sequence[Any],
    *,
    targets: Sequence[Any] | None = None,
    create_graph: bool = False,
    peek: bool = False,
    walked: list[Any] | None = None,
) -> dict[Any, Any]:
    """The gradients of Σ ⟨seed, output⟩: reverse mode over everything that ``outputs`` were computed from.

    Parameters
    ----------
    outputs, seeds : sequences
        The tensors to start from and the gradient of each: arrays, or tensors with ``create_graph``.
    targets : sequence of tensors, optional
        Only what leads to these is computed; by default every leaf.
    create_graph : bool
        Run the rules on tensors instead of arrays, so that the gradients are themselves recorded.
    peek : bool
        Only look: no hook runs, and a graph that was freed before may be looked at.
    walked : list, optional
        Gets the tensors that the pass went through, for :func:`spend` or :func:`accumulate`. Here nothing changes.

    Returns
    -------
    dict
        tensor → its gradient, for the targets (those that were reached), or for the leaves and the tensors that retain
        their gradient.
    """
    path = None if targets is None else _leading_to(targets, outputs)
    found: dict[Any, Any] = {}
    pending: dict[Any, Any] = {}
    heap: list[tuple[int, Any]] = []
    ahead: Any = None  # the youngest of those that wait; it is not in the heap, which for a chain stays empty
    note = None if tape is None or create_graph or peek else tape.note
    for x, seed in zip(outputs, seeds, strict=True):
        if note:
            tape.seeded(seed)
        if x in pending:
            pending[x] = _sum(pending[x], seed, note)
        else:
            pending[x] = seed
            if x._op is not None:
                ahead = x if ahead is None else _younger(x, ahead, heap)
    while ahead is not None:
        node = ahead
        ahead = heappop(heap)[1] if heap else None
        g = pending.pop(node)
        if node._extra is not None and not peek:
            g = _watched(node, g, found)
        if path is not None and path.get(node):
            found[node] = g
        if create_graph:
            _note_gradient(g, outputs, node)
        if node._spent and not peek:
            raise GraphError(
                f"{place(node)}: backward goes through this graph a second time, but the first pass freed it; "
                "call the first one with retain_graph=True, or compute the loss again"
            )
        op, seq, params, sources = node._op, node._seq, node._params, inputs_of(node)
        if writes.latest > seq or node._extra is not None:
            sources = tuple(as_read_by(node, x) if isinstance(x, Node) else x for x in sources)
            if op.reads:
                check_unchanged(node, op, sources, seq)
        values, wanted = [], []
        for x in sources:
            if isinstance(x, Node):
                values.append(x if create_graph else x._array)
                wanted.append(x._requires_grad and (path is None or x in path))
            else:
                values.append(x)
                wanted.append(False)
        u = node if create_graph else node._array
        parts: Any = None
        try:
            fused = op.joint if create_graph else op.vjp
            if fused is not None:
                parts = fused(g, u, values, params, wanted)
                if note:
                    note(parts, fused, g, u, values, params, wanted)
                if len(parts) != len(sources):
                    raise GraphError(f"the rule gave {len(parts)} gradients for {len(sources)} inputs")
            k = -1  # counted here: enumerate is a twelfth of the time of a long chain
            for x in sources:
                k += 1
                if not wanted[k]:
                    continue
                if parts is not None:
                    part = parts[k]
                    if part is None and (op.joint is not None or op.pull(k) is None):  # a Function may give none
                        continue
                elif (rule := op.pulls[0 if op.variadic else k]) is None:
                    continue
                else:
                    part = rule(g, u, values, params, k)
                    if note:
                        note(part, rule, g, u, values, params, k)
                if part is not g:
                    if type(part) is not np.ndarray and not create_graph:
                        part = _done(np.asarray, note, part)
                    if op.singular:
                        part = _done(_settled, note, g, part)
                target = x._array
                if part.shape != target.shape:
                    part = _done(_unbroadcast, note, part, target.shape)
                if part.dtype is not target.dtype:
                    part = _done(cast, note, part, target.dtype)
                if x in pending:  # the multivariate chain rule: contributions add up
                    pending[x] = _sum(pending[x], part, note)
                else:
                    pending[x] = part
                    if x._op is not None:
                        ahead = x if ahead is None else _younger(x, ahead, heap)
        except Exception as error:
            raise GraphError(f"{place(node)}: the chain rule failed: {error}") from error
        if watch is not None and not peek:
            watch.passed(node, g, sources, pending)
        if walked is not None:
            walked.append(node)
    for x, g in pending.items():  # the leaves
        if create_graph:
            _note_gradient(g, outputs, x)
        if x._extra is not None and not peek:
            g = _watched(x, g, found)
        if path is None or path.get(x):
            found[x] = g
    return found


def _younger(a: Any, b: Any, heap: list[tuple[int, Any]]) -> Any:
    """The younger of two nodes; the other one has to wait."""
    if a._seq < b._seq:
        a, b = b, a
    heappush(heap, (-b._seq, b))
    return a


def _done(function: Any, note: Any, *args: Any) -> Any:
    """What ``function`` gives for ``args``, noted if the step is being recorded for a replay."""
    result = function(*args)
    if note and result is not args[0]:
        note(result, function, *args)
    return result


def _sum(a: Any, b: Any, note: Any = None) -> Any:
    return _done(_added, note, a, b)


def _added(a: Any, b: Any) -> Any:
    total = add(a, b)
    return total if isinstance(total, Node) else np.asarray(total)


def _settled(g: Any, part: Any) -> Any:
    """``part`` with 0 · ∞ = 0; but only that, as a zero gradient may itself have a derivative."""
    array = part._array if isinstance(part, Node) else part
    lost = np.isnan(array)
    if lost.any():
        return guard(((g._array if isinstance(g, Node) else g) == 0) & lost, part)
    return part


def spend(walked: Sequence[Any]) -> None:
    """Free the graph: none of these may be walked again."""
    _at_once(map(_set, walked, repeat("_spent"), repeat(True)))


def accumulate(found: dict[Any, Any], shared: Sequence[Any], walked: Sequence[Any] = ()) -> None:
    """Add the gradients to the leaves' ``.grad`` and :func:`spend` what was walked: all of it or, on an error, nothing.

    ``shared`` are arrays that belong to somebody else. No two ``.grad`` share memory.
    """
    if tape is not None:
        tape.accumulated(found, shared)
    taken = {id(s) for s in shared}
    for x, g in found.items():
        array = g._array if isinstance(g, Node) else g
        if id(array) in taken or array.base is not None or not array.flags.writeable:
            found[x] = g = clone(g)
            array = g._array if isinstance(g, Node) else g
        taken.add(id(array))
    store(found, walked)
    if tape is not None:
        tape.settled()


def store(found: dict[Any, Any], walked: Sequence[Any] = ()) -> None:
    """:func:`accumulate` gradients that share memory with nobody.

    Whatever can fail is prepared first. Then everything is written by one call into C, because Ctrl-C and exceptions
    from other threads come in between lines of Python.
    """
    sums: list[Any] = []
    sets: list[Any] = []
    with lock:
        now = tick()
        for x, g in found.items():
            if x._grad is None and not isinstance(g, Node):
                sets.append((x, "_grad", (g, now, 1)))  # a tensor when somebody asks for it
            else:
                _prepare(x, g, now, sums, sets)
        settings: Any = starmap(_set, sets)
        if walked:
            settings = chain(settings, map(_set, walked, repeat("_spent"), repeat(True)))
        if sums:
            quiet(_at_once, chain(starmap(np.add, sums), settings))
        else:
            _at_once(settings)
    for x in found:
        if x._extra is not None and "after" in x._extra:
            for hook in tuple(x._extra["after"].values()):
                hook(x)


def gradient(x: Any) -> Any:
    """The tensor ``x.grad``, or None."""
    grad = x._grad
    if type(grad) is tuple:
        with lock:
            if type(x._grad) is tuple:
                array, when, passes = x._grad
                grad = leaf(array)
                grad._extra = {"passes": (when, passes)}
                x._grad = grad
            return x._grad
    return grad


def _prepare(x: Any, g: Any, now: int, sums: list[Any], sets: list[Any]) -> None:
    """What adds ``g`` to ``x.grad``: the sums, and what to set. Beside a sum it says how many passes it is of."""
    old = gradient(x)
    if isinstance(g, Node):
        grad = g if old is None else add(old, g)
        extra = grad._keep()
        sets.append((x, "_grad", grad))
    else:
        if old._array.shape != g.shape:
            raise ShapeError(
                f"backward: a leaf of shape {g.shape} has a .grad of shape {old._array.shape}, from before its .data "
                "was replaced; set .grad to None"
            )
        sums.append((old._array, g, old._array))
        extra = {} if old._extra is None else old._extra.copy()
        sets += (old, "_extra", extra), (memory(old), "_version", now), (writes, "latest", now)
    passes = 0 if old is None or old._extra is None else old._extra.get("passes", (0, 0))[1]
    extra["passes"] = (now, passes + 1)


def _note_gradient(g: Any, outputs: Sequence[Any], x: Any) -> None:
    """Note that the tensor ``g`` is the gradient by ``x``, for whoever draws it; weakly, as it may be ``x.grad``."""
    if len(outputs) == 1 and isinstance(g, Node):
        g._keep().setdefault("gradient", (weakref.ref(outputs[0]), weakref.ref(x)))


def _leading_to(targets: Sequence[Any], outputs: Sequence[Any]) -> dict[Any, bool]:
    """Every tensor on a way from the outputs back to a target; True for the targets themselves."""
    path: dict[Any, bool] = dict.fromkeys(targets, True)
    seen = set(outputs)
    stack = list(outputs)
    nodes = []
    while stack:
        node = stack.pop()
        nodes.append(node)
        for x in node._inputs:
            if isinstance(x, Node):
                x = as_read_by(node, x)
                if x._requires_grad and x not in seen:
                    seen.add(x)
                    stack.append(x)
    nodes.sort(key=lambda node: node._seq)
    for node in nodes:
        if any(isinstance(x, Node) and as_read_by(node, x) in path for x in node._inputs):
            path.setdefault(node, False)
    return path


def _watched(x: Any, g: Any, found: dict[Any, Any]) -> Any:
    """Run the hooks of ``x`` on its complete gradient; keep the gradient if it was asked to be retained."""
    extra = x._extra
    if tape is not None and not extra.keys().isdisjoint(("hooks", "after", "retain_grad")):
        tape.hooked()
    for hook in tuple(extra.get("hooks", {}).values()):
        shown = g if isinstance(g, Node) else leaf(g.copy())  # a hook may keep it, and write into it
        try:
            given = hook(shown)
        except Exception as error:
            if hasattr(error, "add_note"):  # from Python 3.11 on
                error.add_note(f"in a hook on the gradient of {'a leaf' if x._op is None else place(x)}")
            raise
        if given is None:
            if shown._version:
                g = shown if shown is g else shown._array.copy()
            continue
        if not isinstance(given, Node):
            raise DtypeError(f"a hook gives a Tensor or None, this one gave {type(given).__name__}")
        if given._array.shape != x._array.shape or given._array.dtype != x._array.dtype:
            raise ShapeError(
                f"a hook on a tensor of shape {x._array.shape}, {x._array.dtype}, gave a gradient of shape "
                f"{given._array.shape}, {given._array.dtype}"
            )
        g = given if isinstance(g, Node) else given._array.copy()
    if extra.get("retain_grad") and x._op is not None:
        found[x] = g
    return g


def _unbroadcast(g: Any, shape: tuple[int, ...]) -> Any:
    """Sum ``g`` over the axes along which an input of this ``shape`` was repeated."""
    extra = g.ndim - len(shape)
    if extra < 0 or any(n not in (1, m) for n, m in zip(shape, g.shape[extra:], strict=True)):
        raise GraphError(f"the rule gave a gradient of shape {g.shape} for an input of shape {shape}")
    repeated = tuple(k for k in range(g.ndim) if k < extra or (shape[k - extra] == 1 and g.shape[k] != 1))
    return reshape(total(g, repeated), shape)


def check_seed(output: Any, seed: Any) -> Any:
    """The array that a backward pass starts from; 1 for a scalar."""
    if not output._requires_grad:
        raise GraphError(
            "this tensor does not require grad and has no grad_fn: nothing that it was computed from has "
            "requires_grad=True, or it was computed under no_grad()"
        )
    shape = output._array.shape
    if seed is None:
        if output._array.size != 1:
            raise GraphError(
                f"grad can be implicitly created only for scalar outputs, and this one has shape {shape}: "
                "reduce it first (.sum(), .mean()), or give backward(gradient=…)"
            )
        return np.ones(shape, output._array.dtype) if shape else constant(1, output._array.dtype)
    array = seed._array if isinstance(seed, Node) else to_array(seed, output._array.dtype, "backward")
    if array.shape != shape:
        raise ShapeError(f"backward: the gradient has shape {array.shape}, the output has {shape}")
    return array if array.dtype == output._array.dtype else array.astype(output._array.dtype)
