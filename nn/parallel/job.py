"""The ranks of a job: who they are, that they agree, and that none waits for one that is gone."""

from __future__ import annotations

import atexit
import hashlib
import os
import select
import socket
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import autograd

__all__ = ["abort_on_error", "check_equal", "world"]

_SHOWN = 5  # differences that an error lists
_GRACE = 1.0  # seconds for whoever started the job to end it, before a rank does


def mpi() -> Any:
    """The module ``mpi4py.MPI``, which starts MPI when it is loaded.

    Raises
    ------
    ImportError
        Without mpi4py, or without an MPI library that it could use; it says what to install.
    """
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:  # the latter if there is no MPI library
        raise ImportError(f"nn.parallel: needs mpi4py and MPI: pip install 'chalkgrad[mpi]' ({error})") from error
    return MPI


def world() -> Any:
    """All ranks of the job: ``MPI.COMM_WORLD``, a job of one rank unless ``mpiexec`` has started more.

    Raises
    ------
    ImportError
        Without mpi4py.

    Examples
    --------
    >>> import nn
    >>> comm = nn.parallel.world()  # doctest: +SKIP
    >>> comm.rank, comm.size  # doctest: +SKIP
    (0, 1)
    """
    return mpi().COMM_WORLD


def check_equal(comm: Any, values: Mapping[str, Any], what: str = "check_equal") -> None:
    """Make sure that all ranks have the same ``values``; all of them must call it.

    For whatever must be equal for the ranks to stay equal: the options of an optimizer, a seed, the epochs.

    Parameters
    ----------
    comm : mpi4py.MPI.Comm
    values : mapping
        Anything by name; it is compared by its ``repr``.
    what : str
        What the error begins with.

    Raises
    ------
    ValueError
        On every rank, with the names that differ and what the ranks have there.

    Examples
    --------
    >>> import nn
    >>> nn.parallel.check_equal(nn.parallel.world(), {"lr": 0.1})  # doctest: +SKIP
    """
    mine = {name: repr(value) for name, value in values.items()}
    digest = hashlib.sha256(repr(mine).encode()).digest()
    if len(set(comm.allgather(digest))) == 1:
        return
    everyone: list[dict[str, str]] = comm.allgather(mine)
    differences = []
    for name in dict.fromkeys(name for theirs in everyone for name in theirs):
        found: dict[str, list[int]] = {}
        for rank, theirs in enumerate(everyone):
            found.setdefault(theirs.get(name, "not there"), []).append(rank)
        if len(found) > 1:
            who = "; ".join(f"{value} on rank {', '.join(map(str, ranks[:8]))}" for value, ranks in found.items())
            differences.append(f"{name}: {who}")
    if not differences:
        differences.append(f"the order of {', '.join(mine)}")
    more = f"\n  and {len(differences) - _SHOWN} more" if len(differences) > _SHOWN else ""
    listed = "".join(f"\n  {difference}" for difference in differences[:_SHOWN])
    raise ValueError(f"{what}: the ranks differ, and must be the same in:{listed}{more}")


class abort_on_error:
    """End the whole job when this rank meets an error, or another one dies, so that none waits for ever.

    An uncaught exception is printed with the rank that had it, then all ranks are ended. :class:`DataParallel` sees to
    that by itself; as a context manager this adds ``sys.exit`` with an error, which Python does not report otherwise::

        with nn.parallel.abort_on_error():
            main()

    On Linux a rank also watches its neighbour on the same machine, and says which rank it was that died. (``mpiexec``
    ends the others then, and names a process number only.)

    Parameters
    ----------
    comm : mpi4py.MPI.Comm, optional
        The ranks; all of the job unless given.

    Raises
    ------
    ImportError
        Without mpi4py.
    """

    def __init__(self, comm: Any = None) -> None:
        self.comm = world() if comm is None else comm
        self._others = self.comm.Get_size() > 1
        if self._others and not _watch.started:
            _watch.start(self.comm)

    def __enter__(self) -> abort_on_error:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._others and isinstance(error, SystemExit) and error.code not in (None, 0):
            end(self.comm, f"SystemExit: {error.code}")


def end(comm: Any, why: str) -> None:
    """Say which rank ends the job, and why; then end it."""
    sys.stdout.flush()
    _say(f"rank {comm.Get_rank()} of {comm.Get_size()} ({_here()}) ends the job: {why}")
    comm.Abort(1)


def _here() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"


def _say(text: str) -> None:
    """Write a line to stderr in one piece, whatever the other ranks are writing."""
    sys.stderr.flush()
    os.write(2, f"{text}\n".encode(errors="backslashreplace"))


class _Watch:
    """Of errors that nobody catches, and of the next rank on this machine; whose ranks share its cores."""

    def __init__(self) -> None:
        self.started = False
        self.leaving = False

    def start(self, comm: Any) -> None:
        self.started = True
        before = sys.excepthook

        def hook(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
            before(kind, error, where)
            end(comm, "".join(traceback.format_exception_only(kind, error)).strip())

        sys.excepthook = hook
        atexit.register(self.leave)  # before MPI comes to its end, where each rank waits for all
        host, rank = socket.gethostname(), comm.Get_rank()
        here = [(r, pid) for r, (name, pid) in enumerate(comm.allgather((host, os.getpid()))) if name == host]
        if "OMP_NUM_THREADS" not in os.environ:  # which would say how many threads each is to use
            autograd.set_num_threads(max(1, autograd.get_num_threads() // len(here)))
        if len(here) > 1 and hasattr(os, "pidfd_open"):
            neighbour, pid = here[([r for r, _ in here].index(rank) + 1) % len(here)]
            try:
                number = os.pidfd_open(pid)
            except OSError:  # an old kernel, or processes that do not see each other; mpiexec alone must notice then
                return
            threading.Thread(target=self.wait, args=(comm, neighbour, pid, number), daemon=True).start()

    def leave(self) -> None:
        self.leaving = True

    def wait(self, comm: Any, neighbour: int, pid: int, number: int) -> None:
        select.select([number], [], [])  # a process that has ended can be read
        if self.leaving:  # all come to their end together
            return
        _say(f"rank {neighbour} of {comm.Get_size()} (process {pid}) is gone, killed perhaps: the job ends")
        time.sleep(_GRACE)
        comm.Abort(1)


_watch = _Watch()
