"""Who wrote into which memory, and when: the guard against gradients of values that are no longer there.

The counter that numbers recorded tensors is also the clock for writes. A write stamps the memory with the next number,
and a saved value whose memory has a younger stamp than the op that saved it has changed since. Writes through NumPy
leave no stamp: memory that NumPy can write is fingerprinted when it is saved, and compared when it is read.
"""

from __future__ import annotations

import sys
import threading
import weakref
from collections import deque
from collections.abc import Iterable, Sequence
from types import CodeType, SimpleNamespace
from typing import Any
from weakref import getweakrefcount

import numpy as np

from .errors import GraphError
from .kernels import forks
from .kernels.fingerprint import fingerprint
from .node import Array, Node, memory, tick, writes
from .ops import Op

notes: deque[tuple[int, str, CodeType, int]] = deque(maxlen=100)  # of the last writes: stamp, what, where in which code
lock = threading.RLock()  # of all stamps; an array may be freed, and _release called, while this thread holds it
forks.guard(lambda: lock)
exposed: dict[int, weakref.ref[Any]] = {}  # tensors whose memory NumPy can write, by id


def check_unchanged(node: Any, op: Op, sources: Sequence[Any], seq: int) -> None:
    """Raise if a value that a rule will read was written in place since ``node`` was computed."""
    through_numpy = exposed or node._extra is not None
    if op.uses_output and (_stamp(node) > seq or (through_numpy and not _as_noted(node, node, -1))):
        raise _changed(node, node, "its output")
    for k, x in enumerate(sources):
        if not op.uses_input(k) or not isinstance(x, Node):
            continue
        if _stamp(x) > seq or (through_numpy and not _as_noted(node, x, k)):
            raise _changed(node, x, f"its input {op.inputs[0 if op.variadic else k]}")


def _stamp(x: Any) -> Any:
    """When ``x`` was last written, or given other memory (which is a write into ``x`` alone)."""
    base = x._base
    return x._version if base is None else max(x._version, base._version)


def expose(x: Any, holder: Any = None) -> None:
    """Note that NumPy can write into the memory of ``x`` from now on, until ``holder`` is gone.

    Such writes leave no stamp. So the values that a rule will read are fingerprinted when they are saved, or here if
    they may have been saved already, and compared when they are read.
    """
    base = memory(x)
    extra = base._keep()
    if id(base) not in exposed:
        extra["exposed"] = (stamp(()), fingerprint(base._array))  # what was recorded before must look
        number = id(base)
        exposed[number] = weakref.ref(base, lambda _: exposed.pop(number, None))
    # The callback knows the tensor weakly and the holder by id: no cycle.
    key, reference = id(holder), weakref.ref(base)
    holders = extra.setdefault("holders", {})
    holders[key] = None if holder is None else weakref.ref(holder, lambda _: _release(key, reference))


def expose_anew(x: Any) -> None:
    """Note that NumPy can write into the memory that ``x`` has now, other than before."""
    exposed.pop(id(x), None)
    expose(x)


def _release(key: int, reference: Any) -> None:
    """The last array is gone: from now on nothing can be written unseen. What was, is stamped as of the exposure."""
    base = reference()
    if base is None:
        return
    with lock:  # two threads may find at once that the array is gone
        holders = base._extra["holders"]
        if key not in holders:
            return
        del holders[key]
        if not holders:
            when, seen = base._extra.pop("exposed")
            exposed.pop(id(base), None)
            if base._version < when and fingerprint(base._array) != seen:
                base._version = when
                writes.latest = max(writes.latest, when)


def shown(inputs: tuple[Any, ...]) -> list[tuple[int, Any]]:
    """The inputs whose memory NumPy can write, and their positions."""
    found = []
    for k, x in enumerate(inputs):
        if isinstance(x, Node) and id(x if x._base is None else x._base) in exposed:
            _let_go(memory(x))
            if id(memory(x)) in exposed:
                found.append((k, x))
    return found


def _let_go(base: Any) -> None:
    """Release what somebody had, if nobody has it any more: the source of ``from_numpy``, often."""
    array = base._array
    # A view or a buffer of an array that owns its memory would be another reference.
    if array.base is None and not getweakrefcount(array):
        del array
        if _references(base) == _ALONE:
            _release(_SOMEBODY, weakref.ref(base))


def _references(x: Any) -> int:
    return sys.getrefcount(x._array)


_SOMEBODY = id(None)
_ALONE = _references(SimpleNamespace(_array=np.empty(0)))


def note_shown(out: Any, op: Op, inputs: list[tuple[int, Any]]) -> None:
    """Fingerprint those of the inputs that NumPy can write which a rule will read."""
    seen = {k: fingerprint(x._array) for k, x in inputs if op.uses_input(k)}
    if seen:
        out._extra = {**(out._extra or {}), "seen": seen}


def note_output(out: Any, op: Op) -> None:
    """Fingerprint the output, if NumPy can write it and a rule will read it."""
    seen = sight(out) if op.uses_output and out._op is not None else None
    if seen is not None:
        out._keep().setdefault("seen", {})[-1] = seen


def _as_noted(node: Any, x: Any, k: int) -> bool:
    """Whether input ``k`` of ``node`` (−1: its output) has the fingerprint that it had when it was saved."""
    return as_seen(x, node._seq, (node._extra or {}).get("seen", {}).get(k))


def sight(x: Any) -> int | None:
    """The fingerprint of ``x`` if NumPy can write into it; for :func:`as_seen`."""
    return fingerprint(x._array) if id(memory(x)) in exposed else None


def as_seen(x: Any, since: int, seen: int | None) -> bool:
    """Whether NumPy has left ``x`` as it was at the time ``since``, when its :func:`sight` was ``seen``."""
    if seen is not None:
        return fingerprint(x._array) == seen
    base = memory(x)
    if id(base) not in exposed:
        return True
    when, noted = base._extra["exposed"]
    return bool(since > when or base._version > when or fingerprint(base._array) == noted)


def _changed(node: Any, x: Any, what: str) -> GraphError:
    stamps = memory(x)._version, x._version
    noted = next((note for note in reversed(notes) if note[0] in stamps), None)
    if noted is not None:
        how = f"{noted[1]} at {noted[2].co_filename}:{_line(*noted[2:])}"
    else:
        how = "an earlier write" if _stamp(x) > node._seq else "a write through NumPy"
    return GraphError(
        f"{place(node)}: {what}, shape {x._array.shape}, is needed for the gradient but has been modified by an "
        f"inplace operation since: {how}. Call backward() first, or write a new tensor instead (y = y + 1, not y += 1)"
    )


def written(tensors: Iterable[Any], what: str, depth: int = 1) -> None:
    """Stamp the memory of ``tensors`` as written now by ``what``, and remember the line that did it.

    At least ``depth`` frames from the caller's on are this project's: Python makes an object of each that is looked at.
    """
    frame = _outside(depth)
    code, at = frame.f_code, frame.f_lasti  # its line is looked up when somebody asks
    now = stamp(tensors)
    last = notes[-1] if notes else None
    if last is not None and last[2] is code and last[3] == at and last[1] == what:  # again, as in a training loop
        notes[-1] = now, what, code, at
    else:
        notes.append((now, what, code, at))


def stamp(tensors: Iterable[Any]) -> int:
    """Stamp the memory of ``tensors`` as written now. Only here, and where gradients add up, it gets younger."""
    with lock:  # so that the latest write never seems older than another thread's
        writes.latest = now = tick()
        for x in tensors:
            base = x._base
            (x if base is None else base)._version = now
    return now


def move(x: Any, array: Array) -> None:
    """Give ``x`` other memory."""
    x._array = array
    changed()


def changed() -> None:
    """A tensor has other memory, another requires_grad or a hook."""
    writes.changed = tick()


def caller() -> tuple[str, int]:
    """The file and line of the innermost frame outside this project's packages."""
    frame = _outside(1)
    return frame.f_code.co_filename, frame.f_lineno


def _outside(depth: int) -> Any:
    frame = sys._getframe(2 + depth)
    while frame.f_back is not None and _ours[frame.f_globals.get("__name__", "")]:
        frame = frame.f_back
    return frame


class _Ours(dict[str, bool]):
    """Whether a module is one of this project's, by its name."""

    def __missing__(self, name: str) -> bool:
        ours = name.partition(".")[0] in ("autograd", "nn")
        if len(self) < 1000:
            self[name] = ours
        return ours


_ours = _Ours()


def _line(code: CodeType, at: int) -> int | None:
    """The line of the instruction at ``at``."""
    return next((line for start, end, line in code.co_lines() if start <= at < end), None)


def place(node: Any) -> str:
    """Where an error is, in words: the op, and the module it was called in."""
    place = f" in {type(node._scope[0]).__name__}" if node._scope is not None else ""
    return f"{node._op.name}{place} → {node._array.shape}"
