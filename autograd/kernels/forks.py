"""A fork copies locks as they are: one that another thread holds would be held in the child for ever.

So whoever forks holds them all meanwhile, and what they guard is whole in the child.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

from numba.core import compiler_lock

__all__ = ["guard"]

_locks: list[Callable[[], Any]] = []


class _Held(threading.local):
    def __init__(self) -> None:
        self.locks: list[Any] = []


_held = _Held()


def guard(lock: Callable[[], Any]) -> None:
    """No fork may come while another thread holds the lock that ``lock()`` gives."""
    _locks.append(lock)


if hasattr(compiler_lock.global_compiler_lock, "_lock"):  # which knows no acquire(blocking=False) itself
    guard(lambda: compiler_lock.global_compiler_lock._lock)


def _acquire() -> None:
    """All locks, in no order: whoever holds one of them may wait for any other, which is let go of then."""
    waiting = [lock() for lock in _locks]
    while waiting:
        first = waiting[0]
        first.acquire()
        _held.locks.append(first)
        for lock in waiting[1:]:
            if not lock.acquire(blocking=False):
                _release()
                waiting.remove(lock)
                waiting.insert(0, lock)  # to wait for this one first
                break
            _held.locks.append(lock)
        else:
            return


def _release() -> None:
    while _held.locks:
        _held.locks.pop().release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_acquire, after_in_parent=_release, after_in_child=_release)
