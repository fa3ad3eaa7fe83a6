"""The long versions of tests/test_processes.py: cold starts, forks, interrupts and endings, over and over."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests import test_processes as quick


def cold(folder, seconds):
    """Six first runs at once, of a fresh copy of the packages, with a cache beside it or a shared one."""
    end, rounds = time.perf_counter() + seconds, 0
    while rounds < 2 or time.perf_counter() < end:
        copy, shared = Path(folder, f"copy{rounds}"), Path(folder, f"cache{rounds}")
        for package in ("autograd", "nn", "viz"):
            shutil.copytree(quick.ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
        where = {"NUMBA_CACHE_DIR": str(shared) if rounds % 2 else None, "PYTHONPATH": str(copy)}
        started = [quick.start(quick.STEP, kind, cwd=copy, **where) for kind in ("float32", "float64") * 3]
        found = {quick.end(process) for process in started}
        assert len({out.split("]")[0] for out, _ in found}) == 2 and {error for _, error in found} == {""}, found
        for kind in ("float32", "float64"):
            assert "False" in quick.run(quick.STEP, kind, cwd=copy, **where)[0], "a kernel was lost"
        shutil.rmtree(copy)
        rounds += 1
    return [("rounds of six cold first runs at once: all agree, and all kernels are kept", rounds)]


def forks(seconds):
    rows = []
    for work in ("backward", "draw", "write", "large", "compile"):
        end, children = time.perf_counter() + seconds / 5, 0
        while not children or time.perf_counter() < end:
            out = quick.run(quick.FORKS, work, "40")[0]
            assert out == "0 0\n", f"{work}: hung, wrong: {out}"
            children += 40
        rows.append((f"children forked while two threads were at {work!r}: none hung, none wrong", children))
    return rows


def interrupts(seconds):
    end, caught = time.perf_counter() + seconds, 0
    while not caught or time.perf_counter() < end:
        caught += int(quick.run(quick.INTERRUPTED, "300")[0])
    return [("interrupts while helpers worked: gradients whole, and right afterwards", caught)]


def endings(seconds):
    end, rounds = time.perf_counter() + seconds, 0
    while not rounds or time.perf_counter() < end:
        for how, code in quick.LEAVING.items():
            assert quick.run(quick.LEAVE + code) == ("", ""), how
        rounds += 1
    return [("programs that ended while helpers watched, slept or worked: in peace", rounds * len(quick.LEAVING))]


def full_disk():
    """A file system that has room for some kernels only."""
    command = 'mount -t tmpfs -o size=60k none "$1" && NUMBA_CACHE_DIR="$1" exec "$2" -c "$3" && ls -R "$1"'
    with tempfile.TemporaryDirectory() as folder:
        for how in (["unshare", "-m"], ["unshare", "-Urm"]):
            with contextlib.suppress(FileNotFoundError):
                done = subprocess.run(
                    [*how, "sh", "-c", command, "sh", folder, sys.executable, quick.STEP],
                    capture_output=True, text=True, cwd=quick.ROOT, env={**os.environ, "PYTHONPATH": str(quick.ROOT)},
                )  # fmt: skip
                if done.returncode == 0:
                    assert "No space left" in done.stderr and "Traceback" not in done.stderr, done.stderr
                    return [("a full disk under the cache: the program goes on, and says so", 1)]
                assert "Traceback" not in done.stderr, done.stderr
    return [("a full disk under the cache: needs Linux, and root or user namespaces", "not run")]


def run(budget_seconds):
    with tempfile.TemporaryDirectory() as folder:
        rows = cold(folder, budget_seconds / 4)
    rows += forks(budget_seconds / 4) + interrupts(budget_seconds / 4) + endings(budget_seconds / 4)
    return rows + full_disk()
