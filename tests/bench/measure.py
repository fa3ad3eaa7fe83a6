"""Runs of the programs, each in a process of its own, the peers by turns."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .works import WORKS, Work

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAMS = Path(__file__).resolve().parent / "programs"


@dataclass
class Run:
    """What a process handed in: seconds by name ("" if there is one), losses, bytes."""

    times: dict[str, float]
    losses: list[float]
    memory: float


def installed(peer: str, hips: str | None = None) -> bool:
    package = peer.split()[0]
    if package == "hips":
        return hips is not None
    return importlib.util.find_spec(package) is not None


def once(name: str, peer: str, hips: str | None = None, cold: bool = False) -> Run:
    """One process; RuntimeError, with the end of what it said, if it fails."""
    work = WORKS[name]
    environment = dict(os.environ)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # ours would be compiled in each process, and theirs are not
    if peer.startswith("ours"):
        environment["PYTHONPATH"] = str(ROOT)
    elif peer == "hips":
        environment["PYTHONPATH"] = str(hips)
    start = ["-m", "nn.as_torch"] if work.script and peer.startswith("ours") else []
    command = [sys.executable, *start, str(PROGRAMS / f"{work.program}.py"), peer, name]
    with tempfile.TemporaryDirectory() as empty:
        if cold:
            environment["NUMBA_CACHE_DIR"] = empty
        begun = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=empty)
        took = time.perf_counter() - begun
    if done.returncode:
        raise RuntimeError(f"{name} failed as {peer}:\n{done.stdout[-1000:]}\n{done.stderr[-3000:]}")
    run = Run(**json.loads(done.stdout.splitlines()[-1]))
    if work.whole:
        run.times = {"": took}
    return run


def measure(name: str, rounds: int, hips: str | None = None) -> tuple[dict[str, list[Run]], list[str]]:
    """The runs of each peer, and why others are left out."""
    work = WORKS[name]
    peers = [*work.ours, *(p for p in (*work.rivals, *work.others) if installed(p, hips))]
    runs: dict[str, list[Run]] = {peer: [] for peer in peers}
    notes = []
    for peer in work.ours:
        with contextlib.suppress(RuntimeError):  # it will be said when it counts
            once(name, peer)  # compiles what is not in the cache
    for number in range(rounds):
        for peer in list(runs)[:: 1 if number % 2 else -1]:  # whoever is first is so in every other round only
            try:
                runs[peer].append(once(name, peer, hips, work.cold))
            except RuntimeError as error:  # noqa: PERF203 - it is a process each time
                notes.append(f"{error}\n{peer} is left out")
                del runs[peer]
    expected = once(name, "reference").losses if work.reference else None
    for peer, why in disagreeing({p: [r.losses for r in rs] for p, rs in runs.items()}, work, expected).items():
        notes.append(f"{name}: {peer} is left out, because it disagrees: {why}")
        del runs[peer]
    return runs, notes


def disagreeing(
    losses: dict[str, list[list[float]]], work: Work, expected: Sequence[float] | None = None
) -> dict[str, str]:
    """Which peers found other losses than ``expected``, or than the median of all, and where."""
    if expected is None:
        everything = [found for each in losses.values() for found in each]
        expected = [statistics.median(column) for column in zip(*everything, strict=True)]
    out = {}
    for peer, each in losses.items():
        for found in each:
            for k, (a, b) in enumerate(zip(found, expected, strict=True)):
                allowed = work.within[min(k, len(work.within) - 1)]
                if not abs(a - b) <= allowed * abs(b):  # not >: nan disagrees
                    out[peer] = f"number {k + 1} is {a:.7g}, not {b:.7g} within {allowed:g} of it"
    return out


def column(runs: dict[str, list[Run]], what: Any) -> dict[str, list[float]]:
    """For each peer that has it, ``what`` of each of its runs."""
    return {peer: [what(run) for run in rs] for peer, rs in runs.items() if rs and what(rs[0]) is not None}
