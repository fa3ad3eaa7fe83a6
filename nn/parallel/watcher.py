"""Says which rank of a machine was killed: run by the first of them, as a process of its own.

It is told the ranks and their processes, and waits for the first of these to end. ``mpiexec`` ends the others in the
same moment, so that none of them is sure to come to say it, and itself knows only the number of the process. For Linux:
elsewhere a process cannot wait for one that it has not begun.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from contextlib import suppress

GRACE = 2.0  # seconds for whoever has started the job to end it


def main(ranks: str, host: str, *processes: str) -> None:
    """Wait for the first of ``processes``, each "rank:number"; a byte on stdin says that all come to their end.

    Without that it is named on stderr, and the others are ended as well.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the ranks
    ready = select.epoll()  # which tells what happens in the order in which it does
    ready.register(0, select.EPOLLIN)
    watched = {}
    for process in processes:
        rank, pid = process.split(":")
        watched[os.pidfd_open(int(pid))] = rank, pid
    for number in watched:
        ready.register(number, select.EPOLLIN)
    while True:
        ((number, _),) = ready.poll(maxevents=1)
        if number:
            break
        if os.read(0, 1):
            return
        ready.unregister(0)  # whoever began this has ended, and is the next that is told
    rank, pid = watched.pop(number)
    text = f"rank {rank} of {ranks} (process {pid} on {host}) is gone, killed perhaps: the job ends\n"
    os.write(2, text.encode())
    ready.unregister(number)
    until = time.monotonic() + GRACE
    while watched and (left := until - time.monotonic()) > 0:
        for number, _ in ready.poll(left):
            ready.unregister(number)
            watched.pop(number, None)
    for number in watched:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(number, signal.SIGTERM)


if __name__ == "__main__":
    main(*sys.argv[1:])
