"""A step of training on several ranks, each with one thread: it starts them, by mpiexec or (PyTorch) by itself.

Of the 784-1024-1024-10 network, with a batch of 256 for all ranks together. Each number of ranks is started as a job of
its own, with the ranks it is asked for in the environment variable RANKS.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

from common import done, np, peer, work

BATCH, SIZES = 256, (784, 1024, 1024, 10)
SECONDS = 1.0


class Timed:
    """A communicator that notes how long its sums take, the waiting for others included."""

    def __init__(self, comm):
        self.comm = comm
        self.seconds = 0.0

    def __getattr__(self, name):
        return getattr(self.comm, name)

    def Allreduce(self, *args):
        begun = time.perf_counter()
        self.comm.Allreduce(*args)
        self.seconds += time.perf_counter() - begun


def network(linear, relu, sequential):
    parts = []
    for i, o in pairwise(SIZES):
        parts += [linear(i, o), relu()]
    return sequential(*parts[:-1])


def samples(rank, ranks):
    rng = np.random.default_rng(0)
    X, y = rng.random((BATCH, SIZES[0]), "f"), rng.integers(0, 10, BATCH)
    return X[rank::ranks].copy(), y[rank::ranks].copy()


def weights():
    rng = np.random.default_rng(1)
    for i, o in pairwise(SIZES):
        yield from ((rng.uniform(-1, 1, shape) / np.sqrt(i)).astype("f") for shape in ((o, i), (o,)))


def ours():
    import autograd
    import nn

    comm = Timed(nn.parallel.world())
    model = network(nn.Linear, nn.ReLU, nn.Sequential)
    with autograd.no_grad():
        for p, w in zip(model.parameters(), weights(), strict=True):
            p.copy_(w)
    net = nn.parallel.DataParallel(model, comm)
    optimizer, criterion = nn.optim.Adam(model.parameters()), nn.CrossEntropyLoss()
    x, y = map(autograd.tensor, samples(comm.rank, comm.size))

    def step():
        optimizer.zero_grad()
        loss = net.backward(criterion(net(x), y))
        optimizer.step()
        return loss.item()

    return step, comm.rank, lambda more: comm.bcast(more), lambda: comm.seconds


def torchs():
    import torch
    from torch import nn

    torch.set_num_threads(1)
    rank, ranks = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    torch.distributed.init_process_group("gloo")
    model = network(nn.Linear, nn.ReLU, nn.Sequential)
    with torch.no_grad():
        for p, w in zip(model.parameters(), weights(), strict=True):
            p.copy_(torch.tensor(w))
    net = nn.parallel.DistributedDataParallel(model) if ranks > 1 else model
    optimizer, criterion = torch.optim.Adam(model.parameters(), fused=True), nn.CrossEntropyLoss()
    x, y = map(torch.tensor, samples(rank, ranks))

    def step():
        optimizer.zero_grad()
        loss = criterion(net(x), y)
        loss.backward()
        optimizer.step()
        loss = loss.detach()
        torch.distributed.all_reduce(loss)  # the loss of all, which ours has, too
        return loss.item() / ranks

    def agreed(more):
        flag = torch.tensor([float(more)])
        torch.distributed.broadcast(flag, 0)
        return bool(flag.item())

    return step, rank, agreed, lambda: 0.0


def on_a_rank():
    """The losses of the first steps, and the median step; rank 0 prints them."""
    step, rank, agreed, waited = (ours if peer == "ours" else torchs)()
    losses = [step() for _ in range(3)]
    times, sums = [], []
    end = time.perf_counter() + SECONDS
    while agreed(time.perf_counter() < end):
        for _ in range(5):
            before, begun = waited(), time.perf_counter()
            step()
            times.append(time.perf_counter() - begun)
            sums.append(waited() - before)
    if rank == 0:
        print("\n" + json.dumps([float(np.median(times)), float(np.median(sums)), losses]), flush=True)
    if peer != "ours":
        import torch

        torch.distributed.destroy_process_group()


def start(ranks):
    """What rank 0 printed."""
    environment = {**os.environ, "RANKS": str(ranks), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, __file__, peer, work]
    if peer == "ours":
        where = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        mpiexec = shutil.which("mpiexec", path=where)
        if mpiexec is None:
            sys.exit("there is no mpiexec: pip install '.[mpi]'")
        job = [mpiexec, "-n", str(ranks), *command]
        finished = subprocess.run(job, env=environment, stdout=subprocess.PIPE, timeout=300)
        out, failed = finished.stdout, finished.returncode
    else:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        environment |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(ranks)}
        each = [
            subprocess.Popen(command, env={**environment, "RANK": str(rank)}, stdout=subprocess.PIPE)
            for rank in range(ranks)
        ]
        try:
            outs = [process.communicate(timeout=300)[0] for process in each]
        finally:
            for process in each:
                process.kill()
        out, failed = outs[0], any(process.returncode for process in each)
    if failed:
        sys.exit(f"{peer} failed on {ranks} ranks")
    return json.loads(out.splitlines()[-1])


if "RANKS" in os.environ:
    on_a_rank()
else:
    found, losses = {}, []
    for ranks in (1, 2, 4):
        took, sums, these = start(ranks)
        found[f"784-1024-1024-10 on ranks of one thread, batch 256: {ranks}"] = took
        if ranks > 1 and peer == "ours":
            found[f"784-1024-1024-10 on ranks of one thread, batch 256: {ranks}, of that in sums over ranks"] = sums
        losses += these
    done(found, losses)
