"""What the measured programs share. Each is run as a process of its own: ``python PROGRAM PEER WORK``."""

import json
import sys
import time

import numpy as np

__all__ = ["done", "median", "np", "peer", "work"]

peer, work = sys.argv[1:3]


def median(f, seconds=0.4, parts=15):
    """Seconds that a call of ``f`` takes: the median of some groups of calls."""
    f()
    begun = time.perf_counter()
    f()
    n = max(1, int(seconds / parts / max(time.perf_counter() - begun, 1e-7)))
    times = []
    for _ in range(parts):
        begun = time.perf_counter()
        for _ in range(n):
            f()
        times.append((time.perf_counter() - begun) / n)
    return sorted(times)[parts // 2]


def memory():
    """The most memory this process had so far, in bytes."""
    try:  # not getrusage(), which knows of the process that started this one
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def done(times=None, losses=()):
    """Hand in what was found: seconds by name, and what must agree between the peers."""
    print("\n" + json.dumps({"times": times or {}, "losses": [float(x) for x in losses], "memory": memory()}))
