"""Who wrote into which memory, and when: the guard against gradients of values that are no longer there.

The counter that numbers recorded tensors is also the clock for writes. A write stamps the memory with the next number,
and a saved value whose memory has a younger stamp than the op that saved it has changed since. Writes through NumPy
leave no stamp: memory that NumPy can write is fingerprinted when it is saved, and compared when it is read.
"""

from __future__ import annotations

import sys
import threading
import weakref
import zlib
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

import numpy as np

from .errors import GraphError
from .node import Array, Node, memory, tick, writes
from .ops import Op

notes: OrderedDict[int, tuple[str, str, int]] = OrderedDict()  # of the last writes, by stamp: what, file, line
NOTES = 100
lock = threading.RLock()  # of all stamps; an array may be freed, and _release called, while this thread holds it
exposed: dict[int, weakref.ref[Any]] = {}  # tensors whose memory NumPy can write, by id


def check_unchanged(node: Any, op: Op, sources: list[Any], seq: int) -> None:
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
        extra["exposed"] = (tick(), _fingerprint(base._array))
        number = id(base)
        exposed[number] = weakref.ref(base, lambda _: exposed.pop(number, None))
    # The callback knows the tensor weakly and the holder by id: no cycle.
    key, reference = id(holder), weakref.ref(base)
    holders = extra.setdefault("holders", {})
    holders[key] = None if holder is None else weakref.ref(holder, lambda _: _release(key, reference))


def _release(key: int, reference: Any) -> None:
    """The last array is gone: from now on nothing can be written unseen. What was, is stamped as of the exposure."""
    base = reference()
    if base is None:
        return
    holders = base._extra["holders"]
    del holders[key]
    if not holders:
        when, fingerprint = base._extra.pop("exposed")
        exposed.pop(id(base), None)
        with lock:
            if base._version < when and _fingerprint(base._array) != fingerprint:
                base._version = when
                writes.latest = max(writes.latest, when)


def _fingerprint(array: Array) -> int:
    return zlib.crc32(np.ascontiguousarray(array).view(np.uint8).data if array.size else b"")


def note_exposed(out: Any, op: Op, inputs: tuple[Any, ...]) -> None:
    """Fingerprint the inputs that a rule will read and that NumPy can write."""
    seen = {
        k: _fingerprint(x._array)
        for k, x in enumerate(inputs)
        if op.uses_input(k) and isinstance(x, Node) and id(memory(x)) in exposed
    }
    if seen:
        out._extra = {**(out._extra or {}), "seen": seen}


def _as_noted(node: Any, x: Any, k: int) -> bool:
    """Whether input ``k`` of ``node`` (−1: its output) has the fingerprint that it had when it was saved."""
    seen = (node._extra or {}).get("seen", {})
    if k in seen:
        return bool(_fingerprint(x._array) == seen[k])
    base = memory(x)
    if id(base) not in exposed:
        return True
    when, fingerprint = base._extra["exposed"]
    return node._seq > when or base._version > when or bool(_fingerprint(base._array) == fingerprint)


def _changed(node: Any, x: Any, what: str) -> GraphError:
    noted = next((notes[y._version] for y in (memory(x), x) if y._version in notes), None)
    if noted is not None:
        how = "{} at {}:{}".format(*noted)
    else:
        how = "an earlier write" if _stamp(x) > node._seq else "a write through NumPy"
    return GraphError(
        f"{place(node)}: {what}, shape {x._array.shape}, is needed for the gradient but has been modified by an "
        f"inplace operation since: {how}. Call backward() first, or write a new tensor instead (y = y + 1, not y += 1)"
    )


def written(tensors: Iterable[Any], what: str) -> None:
    """Stamp the memory of ``tensors`` as written now by ``what``, and remember the line that did it."""
    note = (what, *caller())
    now = stamp(tensors)
    with lock:
        if notes and next(reversed(notes.values())) == note:  # the same line again, as in a training loop
            notes.popitem()
        notes[now] = note
        if len(notes) > NOTES:
            notes.popitem(last=False)


def stamp(tensors: Iterable[Any]) -> int:
    """Stamp the memory of ``tensors`` as written now. Only here, and where gradients add up, it gets younger."""
    with lock:  # so that the latest write never seems older than another thread's
        writes.latest = now = tick()
        for x in tensors:
            memory(x)._version = now
    return now


def caller() -> tuple[str, int]:
    """The file and line of the innermost frame outside this project's packages."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in ("autograd", "nn"):
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


def place(node: Any) -> str:
    """Where an error is, in words: the op, and the module it was called in."""
    place = f" in {type(node._scope[0]).__name__}" if node._scope is not None else ""
    return f"{node._op.name}{place} → {node._array.shape}"
