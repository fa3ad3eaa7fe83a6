"""The ranks of a job: who they are, that they agree, and that none waits for one that is gone."""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import autograd

from . import watcher

__all__ = ["abort_on_error", "check_equal", "world"]

_SHOWN = 5  # differences that an error lists


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

    On Linux a process for each machine watches its ranks and says which it was that died. (``mpiexec`` ends the others
    then, but knows only the number of the process.)

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


FORWARDED = 0.5
"""Seconds for mpiexec to pass on what a rank has said last: told to abort, it may throw that away."""


def end(comm: Any, why: str) -> None:
    """Say which rank ends the job, and why; then end it."""
    sys.stdout.flush()
    _watch.quiet()
    _say(f"rank {comm.Get_rank()} of {comm.Get_size()} ({_here()}) ends the job: {why}")
    time.sleep(FORWARDED)
    comm.Abort(1)


def _here() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"


def _say(text: str) -> None:
    """Write a line to stderr in one piece, whatever the other ranks are writing."""
    sys.stderr.flush()
    os.write(2, f"{text}\n".encode(errors="backslashreplace"))


class _Watch:
    """Of errors that nobody catches, and of the ranks on this machine, which share its cores."""

    def __init__(self) -> None:
        self.started = False
        self.watcher: subprocess.Popen[bytes] | None = None
        self.pid = 0  # of the watcher, whichever rank began it

    def start(self, comm: Any) -> None:
        self.started = True
        before = sys.excepthook

        def hook(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
            before(kind, error, where)
            end(comm, "".join(traceback.format_exception_only(kind, error)).strip())

        sys.excepthook = hook
        host = socket.gethostname()
        here = [(r, pid) for r, (name, pid) in enumerate(comm.allgather((host, os.getpid()))) if name == host]
        first = here[0][0] == comm.Get_rank()
        if "OMP_NUM_THREADS" not in os.environ:  # which would say how many threads each is to use
            autograd.set_num_threads(max(1, autograd.get_num_threads() // len(here)))
        if first and hasattr(os, "pidfd_open"):
            processes = [f"{rank}:{pid}" for rank, pid in here]
            command = [sys.executable, "-I", "-S", watcher.__file__, str(comm.Get_size()), host, *processes]
            with contextlib.suppress(OSError):  # it goes without
                self.watcher = subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
                )
            atexit.register(self.leave)  # before MPI comes to its end, where each rank waits for all
        pids = comm.allgather(0 if self.watcher is None else self.watcher.pid)
        self.pid = pids[here[0][0]]

    def leave(self) -> None:
        """All ranks come to their end, and nobody is to be missed."""
        if self.watcher is not None and self.watcher.stdin is not None:
            with contextlib.suppress(OSError):
                self.watcher.stdin.write(b".")
                self.watcher.stdin.close()
            self.watcher.wait()

    def quiet(self) -> None:
        """What is to be said, this rank says itself."""
        if self.pid:
            with contextlib.suppress(OSError):
                os.kill(self.pid, signal.SIGKILL)


_watch = _Watch()
