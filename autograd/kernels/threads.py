"""Work on several cores: a large array is cut into pieces, and each thread takes the next one.

The pieces depend on the size alone, never on the number of threads, so that results are equal to the bit for any
number. Most are parts of a kernel, which is given the :func:`desk` where helpers find them (:mod:`.parts`). To
:func:`run` Python functions in pieces, NumPy's say, takes some microseconds more.

The threads are Python's own. To wake one that sleeps takes 20 to 200 microseconds, longer than most pieces. So a helper
that has just worked watches for the next job for a moment, in compiled code and without the GIL; then it sleeps, so
that busy cores lose nothing. Nobody waits for a helper that has not begun: who comes late finds no pieces left. After a
fork the child makes new ones.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np

from .jit import PLAIN, Array, add, jit, load, place
from .parts import PATIENCE, bounds, limit, new_desk, sliced, take

__all__ = ["get_num_threads", "set_num_threads"]

UNCUT = 1 << 15
"""What has fewer elements is one piece."""

WATCH = 0 if PLAIN else 1 << 21
"""How often a helper looks for the next job before it sleeps: for a millisecond at the most."""

PAUSE = 1 << 15
"""How often it looks on when it has seen one: a few microseconds, until whoever brings it has let go of the GIL."""


def _cores() -> int:
    """The cores this process may use; OMP_NUM_THREADS, which every numerical library heeds, may say fewer."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    return min(available, int(wanted)) if wanted.isdecimal() and int(wanted) else available


@jit
def _watch(done, bell, seen, desk, number):
    """Say that a job is ``done``, then look for the next: whether the bell rings, in time, after it was ``seen``.

    Meanwhile do parts of kernels, as the helper of that ``number``. All without the GIL, so that whoever waits for the
    job need not wait for the GIL as well.
    """
    add(place(done), 1)
    rung, work = place(bell), place(desk)
    looks = WATCH
    while looks > 0:
        looks = WATCH if take(work, number) else looks - 1
        if load(rung) != seen:
            for _ in range(PAUSE):
                load(rung)
            return True
    return False


@jit
def _reached(done, many):
    """Whether ``done`` reaches ``many`` soon."""
    number = place(done)
    for _ in range(PATIENCE):  # noqa: SIM110 - Numba knows no any()
        if load(number) >= many:
            return True
    return False


class _Pool:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self.bell = np.zeros(1, np.int64)  # how often something was put into the queue
        self.idle = np.zeros(1, np.int64)
        self.desk = new_desk()
        limit(self.desk, count - 1)
        self.asleep: set[int] = set()  # the numbers of those that sleep; its methods are atomic
        self.helpers = 0

    def enlist(self, helpers: int) -> None:
        """Have that many threads wait for jobs."""
        with self.lock:
            if self.helpers < helpers:  # compiled here: a helper that is killed at exit would never have it cached
                _watch(self.idle, self.bell, -1, self.desk, self.helpers)
                _reached(self.idle, 0)
            for number in range(self.helpers, helpers):
                try:
                    threading.Thread(target=self.serve, args=(number,), name="chalkgrad", daemon=True).start()
                except RuntimeError:  # no thread is to be had, or the interpreter ends: it goes without
                    return
                self.helpers += 1

    def put(self, job: _Job | None, helpers: int) -> None:
        for _ in range(helpers):
            self.jobs.put(job)
        self.bell[0] += 1

    def wake(self) -> None:
        """Have those that sleep watch the desk; who is missed, as another took the call, is called the next time."""
        if self.jobs.empty():
            self.put(None, len(self.asleep))

    def serve(self, number: int) -> None:
        sleepy = False
        while True:
            seen = int(self.bell[0])
            try:
                job = self.jobs.get_nowait()
            except Empty:
                if not sleepy:
                    sleepy = not _watch(self.idle, self.bell, seen, self.desk, number)
                    continue
                self.asleep.add(number)
                job = self.jobs.get()
                self.asleep.discard(number)
            if job is None or job.over:  # it was only to wake up, or nobody waits for this one any more
                del job
                sleepy = False  # the next one may come as soon
                continue
            job.help()
            done = job.done
            del job  # or the arrays of the last job would live until the next
            sleepy = not _watch(done, self.bell, seen if self.jobs.empty() else -1, self.desk, number)


class _Job:
    """Pieces of work that threads take one after the other."""

    def __init__(self, function: Callable[..., Any], pieces: Sequence[tuple[Any, ...]]) -> None:
        self.function = function
        self.pieces = iter(pieces)  # next() on it is atomic
        self.begun: list[None] = []  # one entry for each helper that has come; append() is atomic too
        self.done = np.zeros(1, np.int64)
        self.errors: list[BaseException] = []
        self.over = False

    def work(self) -> None:
        try:
            for piece in self.pieces:
                self.function(*piece)
        except BaseException:
            deque(self.pieces, maxlen=0)  # nobody is to begin another one
            raise

    def help(self) -> None:
        self.begun.append(None)
        try:
            self.work()
        except BaseException as error:
            self.errors.append(error)

    def finish(self, helpers: int) -> None:
        """Work with that many helpers, and wait for those that have begun."""
        try:
            pool.put(self, min(helpers, pool.helpers))  # in here, or an interrupt could leave them at work
            self.work()
        finally:
            self.over = True
            while self.begun and not _reached(self.done, len(self.begun)):
                time.sleep(1e-4)
        if self.errors:
            error = self.errors.pop()
            self.errors.clear()  # whose tracebacks know this job
            try:
                raise error
            finally:
                del error


count = _cores()
pool = _Pool()


def _renew() -> None:
    global pool
    pool = _Pool()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)


def get_num_threads() -> int:
    """How many threads a large operation uses.

    Examples
    --------
    >>> import autograd
    >>> autograd.get_num_threads() >= 1
    True
    """
    return count


def set_num_threads(num: int) -> None:
    """Use ``num`` threads for large operations from now on. Results do not depend on it; small work uses one.

    Raises
    ------
    ValueError
        Unless ``num`` is a positive integer.

    Examples
    --------
    >>> import autograd
    >>> before = autograd.get_num_threads()
    >>> autograd.set_num_threads(1)
    >>> autograd.set_num_threads(before)
    """
    global count
    if isinstance(num, bool) or not isinstance(num, int) or num < 1:
        raise ValueError(f"set_num_threads expects a positive integer, found {num!r}")
    count = num
    limit(pool.desk, num - 1)


def run(function: Callable[..., Any], pieces: Sequence[tuple[Any, ...]]) -> None:
    """Call ``function`` with each of ``pieces``, on as many threads as there are for them."""
    helpers = min(count, len(pieces)) - 1
    if helpers <= 0:
        for piece in pieces:
            function(*piece)
        return
    pool.enlist(helpers)
    _Job(function, pieces).finish(helpers)


def desk(parts: int) -> Array:
    """Where a kernel that is cut into ``parts`` finds as many threads as there are for them: its first argument."""
    if parts > 1 < count:
        helpers = min(count, parts) - 1
        if pool.helpers < helpers:
            pool.enlist(helpers)
        if pool.asleep:
            pool.wake()
    return pool.desk


def pieces(size: int) -> int:
    """How many pieces to make of ``size`` elements: one, or two from :data:`UNCUT` on, or up to 16 of a million."""
    return 1 if size < UNCUT else min(max(2, size >> 20), 16)


def by_slices(kernel: Callable[..., Any]) -> Callable[..., None]:
    """``kernel``, of arrays of the same length along their first axis, to be called with the number of elements first.

    From :data:`UNCUT` elements on it is :func:`~.parts.sliced`.
    """
    whole, in_parts = jit(kernel), sliced(kernel)

    def run(size: int, *arguments: Any) -> None:
        if size < UNCUT:
            whole(*arguments)
        else:
            parts = pieces(size)
            in_parts(desk(parts), parts, *arguments)

    return run


def cut(size: int) -> list[slice]:
    """Those pieces."""
    n = pieces(size)
    return [slice(*bounds(size, k, n)) for k in range(n)]
