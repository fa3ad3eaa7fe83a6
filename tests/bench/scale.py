"""What a step on several ranks costs, predicted and measured: ``python -m tests.bench.scale [--ranks 1 2 4]``.

The model is that of docs/scale.md: a rank computes c₀ + c₁ n for its n samples, and a sum of m bytes over P ranks takes
2 log₂ P times a latency and 2 (P − 1)/P · m over a bandwidth. Each is measured for itself; the step is then measured,
too, and what is predicted of it stands beside. With the same numbers, and the network of a cluster, it is projected.
Needs the extra ``mpi``; about a minute.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

import autograd
import nn

from .measure import ROOT
from .table import machine

BATCH, SIZES = 256, (784, 1024, 1024, 10)
BYTES = 4 * sum(i * o + o for i, o in pairwise(SIZES))
CLUSTERS = {"10 Gbit/s Ethernet": (30e-6, 1.1e9), "100 Gbit/s InfiniBand": (2e-6, 11e9)}  # latency, bytes a second


def training(rows: int, wrap: Any = lambda model: model) -> Any:
    """A step on that many samples."""
    autograd.manual_seed(0)
    parts = [part for i, o in pairwise(SIZES) for part in (nn.Linear(i, o), nn.ReLU())]
    model = nn.Sequential(*parts[:-1])
    net = wrap(model)
    optimizer, criterion = nn.optim.Adam(model.parameters()), nn.CrossEntropyLoss()
    x, y = autograd.rand(rows, SIZES[0]), autograd.randint(0, SIZES[-1], (rows,))

    def step() -> None:
        optimizer.zero_grad()
        criterion(net(x), y).backward()
        optimizer.step()

    return step


def median(function: Any, times: int) -> float:
    """Of the seconds a call takes, after some for warming up."""
    taken = []
    for _ in range(times + 3):
        begun = time.perf_counter()
        function()
        taken.append(time.perf_counter() - begun)
    return float(np.median(taken[3:]))


def on_a_rank() -> None:
    """Print what rank 0 finds: one thread's computation for some shares, if alone; sums of some sizes; the step."""
    autograd.set_num_threads(1)
    comm = nn.parallel.world()
    ranks = comm.Get_size()
    found: dict[str, Any] = {}
    if ranks == 1:
        found["compute"] = {rows: median(training(rows), 40) for rows in (BATCH // 4, BATCH // 2, BATCH)}
    else:
        from mpi4py import MPI

        for size in (8, BYTES):
            numbers = np.zeros(size // 4, "f")
            found[str(size)] = median(lambda numbers=numbers: comm.Allreduce(MPI.IN_PLACE, numbers), 40)
    rows = len(range(comm.Get_rank(), BATCH, ranks))
    found["step"] = median(training(rows, lambda model: nn.parallel.DataParallel(model, comm)), 60)
    if comm.Get_rank() == 0:
        print("\n" + json.dumps(found), flush=True)


def job(ranks: int) -> dict[str, Any]:
    """What the ranks found."""
    where = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    mpiexec = shutil.which("mpiexec", path=where)
    if mpiexec is None:
        sys.exit("there is no mpiexec: pip install '.[mpi]'")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CHALKGRAD_SCALE": "rank"}
    command = [mpiexec, "-n", str(ranks), sys.executable, "-m", __spec__.name]
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def sum_seconds(ranks: int, latency: float, bandwidth: float) -> float:
    """Of a step's gradients over the ranks."""
    return 2 * math.log2(ranks) * latency + 2 * (ranks - 1) / ranks * BYTES / bandwidth


def ms(seconds: float) -> str:
    return f"{seconds * 1e3:.1f}"


def main() -> None:
    options = argparse.ArgumentParser(
        "python -m tests.bench.scale", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--ranks", type=int, nargs="*", default=[2, 4], help="besides one (2 and 4)")
    args = options.parse_args()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    alone = job(1)
    rows, seconds = zip(*((int(rows), seconds) for rows, seconds in alone["compute"].items()), strict=True)
    each, fixed = np.polyfit(rows, seconds, 1)
    print(f"{machine()}; {'-'.join(map(str, SIZES))}, batch {BATCH}, Adam, one thread a rank; milliseconds\n")
    print(f"computation: {ms(fixed)} + {each * 1e3:.4f} a sample; gradients: {BYTES / 1e6:.2f} MB\n")
    print("| ranks | computation | sum, latency | sum, bytes | predicted | measured | speed-up |")
    print("|---|---|---|---|---|---|---|")
    print(f"| 1 | {ms(fixed + each * BATCH)} | | | {ms(fixed + each * BATCH)} | {ms(alone['step'])} | 1.00 |")
    for ranks in args.ranks:
        found = job(ranks)
        computation = (fixed + each * BATCH / ranks) * max(1, ranks / cores)
        latency = found["8"] / (2 * math.log2(ranks))
        rest = found[str(BYTES)] - found["8"]
        predicted = computation + found[str(BYTES)]
        print(
            f"| {ranks} | {ms(computation)} | {found['8'] * 1e3:.3f} | {ms(rest)} | {ms(predicted)} | "
            f"{ms(found['step'])} | {alone['step'] / found['step']:.2f} |"
        )
        print(f"  (latency {latency * 1e6:.1f} µs, {2 * (ranks - 1) / ranks * BYTES / rest / 1e9:.1f} GB/s)",
              file=sys.stderr)  # fmt: skip
    print("\nProjected, one rank of one thread on each machine: the batch of 256 shared, or 256 for each rank.\n")
    print("| network | machines | step, shared | speed-up | step, 256 each | samples a second, times one |")
    print("|---|---|---|---|---|---|")
    whole = fixed + each * BATCH
    for name, (latency, bandwidth) in CLUSTERS.items():
        for ranks in (2, 8, 32, 128):
            sums = sum_seconds(ranks, latency, bandwidth)
            shared, full = fixed + each * BATCH / ranks + sums, whole + sums
            print(
                f"| {name} | {ranks} | {ms(shared)} | {whole / shared:.1f} | {ms(full)} | "
                f"{ranks * whole / full:.1f} |"
            )


if __name__ == "__main__":
    if os.environ.get("CHALKGRAD_SCALE") == "rank":
        on_a_rank()
    else:
        main()
