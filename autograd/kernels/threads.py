"""Work on several cores: a large array is cut into pieces, and each thread takes the next one.

The pieces depend on the size alone, never on the number of threads, so that results are equal to the bit for any
number. A piece is a kernel or a NumPy function that runs without the GIL. The threads are Python's own: they sleep
while they wait, so that busy cores lose nothing, and after a fork the child makes new ones.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from itertools import pairwise
from queue import SimpleQueue
from typing import Any

from threadpoolctl import ThreadpoolController

__all__ = ["get_num_threads", "set_num_threads"]

GRAIN = 1 << 19
"""How many elements of a cheap elementwise operation make a piece: to wake a thread takes up to 0.2 milliseconds."""


def _cores() -> int:
    """The cores this process may use; OMP_NUM_THREADS, which every numerical library heeds, may say fewer."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    return min(available, int(wanted)) if wanted.isdecimal() and int(wanted) else available


class _Pool:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.jobs: SimpleQueue[Any] = SimpleQueue()
        self.helpers = 0

    def enlist(self, helpers: int) -> None:
        """Have that many threads wait for jobs."""
        with self.lock:
            for _ in range(helpers - self.helpers):
                threading.Thread(target=self.serve, name="chalkgrad", daemon=True).start()
                self.helpers += 1

    def serve(self) -> None:
        while True:
            job = self.jobs.get()
            job()
            del job  # or the arrays of the last job would live until the next


class _Job:
    """Pieces of work that threads take one after the other."""

    def __init__(self, function: Callable[..., Any], pieces: Sequence[tuple[Any, ...]], helpers: int) -> None:
        self.function = function
        self.pieces = iter(pieces)  # next() on it is atomic
        self.done: SimpleQueue[BaseException | None] = SimpleQueue()
        self.helpers = helpers

    def work(self) -> None:
        for piece in self.pieces:
            self.function(*piece)

    def __call__(self) -> None:
        try:
            self.work()
        except BaseException as error:
            self.done.put(error)
        else:
            self.done.put(None)

    def finish(self) -> None:
        """Work, then wait for the helpers."""
        try:
            self.work()
        finally:
            errors = [self.done.get() for _ in range(self.helpers)]
        for error in errors:
            if error is not None:
                raise error


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


def run(function: Callable[..., Any], pieces: Sequence[tuple[Any, ...]]) -> None:
    """Call ``function`` with each of ``pieces``, on as many threads as there are for them."""
    helpers = min(count, len(pieces)) - 1
    if helpers <= 0:
        for piece in pieces:
            function(*piece)
        return
    pool.enlist(helpers)
    job = _Job(function, pieces, helpers)
    for _ in range(helpers):
        pool.jobs.put(job)
    job.finish()


def cut(size: int) -> list[slice]:
    """The pieces of ``size`` elements: one, unless there are two of :data:`GRAIN`."""
    n = max(1, size // GRAIN)
    ends = [size * k // n for k in range(n + 1)]
    return [slice(a, b) for a, b in pairwise(ends)]


class _OneThreadBlas:
    """While it is entered, BLAS uses the thread that calls it and no other.

    Its own threads spin while they wait for each other. On cores that have other work to do, that costs up to a hundred
    times what it saves; and how a product is cut must not depend on the number of threads.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.inside = 0
        self.libraries: list[Any] | None = None
        self.before: list[int] = []

    def __enter__(self) -> None:
        with self.lock:
            if self.libraries is None:
                found = ThreadpoolController().select(user_api="blas")
                self.libraries = list(found.lib_controllers)
            if not self.inside:
                self.before = [library.num_threads for library in self.libraries]
                for library in self.libraries:
                    library.set_num_threads(1)
            self.inside += 1

    def __exit__(self, *exc: object) -> None:
        with self.lock:
            self.inside -= 1
            if not self.inside:
                for library, number in zip(self.libraries or (), self.before, strict=True):
                    library.set_num_threads(number)


one_thread_blas = _OneThreadBlas()
