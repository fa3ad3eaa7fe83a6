"""Nothing is left behind: with the garbage collector off, steps of all kinds grow by no object and no byte.

Objects by ``gc.get_objects``, blocks by ``sys.getallocatedblocks``, bytes by tracemalloc, and the process's memory. And
a chain of a million ops is freed without recursion, on a thread with a small stack too.
"""

import gc
import os
import resource
import sys
import threading
import time
import tracemalloc

import autograd
import nn
from autograd import GraphError, ShapeError, tensor


class Failure(Exception):
    """A step that fails on purpose."""


def steps():
    """What is done over and over, by name."""
    model = nn.Sequential(nn.Linear(2, 4), nn.Sigmoid(), nn.Linear(4, 1), nn.Sigmoid())
    optimizer, loss_function = nn.optim.Adam(model.parameters(), lr=0.01), nn.BCELoss()
    x, y = autograd.rand(100, 2), (autograd.rand(100, 1) > 0.5).float()
    w = tensor([1.0, 2.0], requires_grad=True)
    turn = [0]

    def train():
        optimizer.zero_grad()
        loss = loss_function(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    def forward():
        model(x)

    def evaluate():
        with autograd.no_grad():
            model(x)

    def bad_shape():
        model(x.T)

    def bad_hook(g):
        raise Failure

    def hook():
        h = (w * 2).exp()
        h.register_hook(bad_hook)
        h.sum().backward()

    def changed():
        h = w.detach().clone()
        loss = (w * h).sum()
        h.detach().numpy()[0] = 3
        loss.backward()

    def twice():
        loss = (w * w).sum()
        loss.backward()
        loss.backward()

    class Broken(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * 2

        @staticmethod
        def backward(ctx, g):
            raise Failure

    failures = [
        bad_shape, hook, changed, twice, lambda: Broken.apply(w).sum().backward(), lambda: (w * 2).backward(),
        lambda: autograd.grad((w * w).sum(), [x.detach().requires_grad_()]),
    ]  # fmt: skip

    def fail():
        turn[0] = (turn[0] + 1) % len(failures)
        try:
            failures[turn[0]]()
        except (Failure, GraphError, ShapeError):
            return
        raise AssertionError("it did not fail")

    def second():
        (g,) = autograd.grad((w * w * w).sum(), w, create_graph=True)
        (g * g).sum().backward()
        w.grad = None

    def written():
        h = w * 2
        h[0] = w[1]
        h.mul_(h).detach().numpy()
        h.sum().backward()

    return {
        "training steps, eager": train,
        "training steps, replayed": autograd.replay(train),
        "forward passes": forward,
        "forward passes under no_grad": evaluate,
        "failing steps, of seven kinds": fail,
        "second derivatives": second,
        "steps that write in place, through views and NumPy": written,
    }


def growth(step, count, rounds=40):
    """How much is left after ``count`` steps with the garbage collector off: objects, blocks, traced bytes.

    The least of some rounds: the interpreter keeps up to 2,000 freed tuples of each length for the next time.
    """
    gc.collect()
    gc.disable()
    try:
        for _ in range(100):
            step()
        for _ in range(rounds):
            objects, blocks = len(gc.get_objects()), sys.getallocatedblocks()
            for _ in range(count):
                step()
            objects, blocks = len(gc.get_objects()) - objects, sys.getallocatedblocks() - blocks
            if objects > 2 or blocks <= count // 100:
                break
        tracemalloc.start()
        for _ in range(count // 5):
            step()
        traced = tracemalloc.get_traced_memory()[0]
        for _ in range(count // 5):
            step()
        return objects, blocks, tracemalloc.get_traced_memory()[0] - traced
    finally:
        tracemalloc.stop()
        gc.enable()


def check_growth(step, count):
    """The growth, which must be none: what comes and goes with the counting itself is far less than one a step."""
    objects, blocks, size = growth(step, count)
    assert objects <= 2, f"{objects} objects left by {count} steps"
    assert blocks <= count // 100, f"{blocks} blocks left by {count} steps"
    assert size <= 20_000, f"{size} bytes left by {count // 5} steps"
    return objects, blocks, size


def chain(length, backward):
    """Make a chain of ops, perhaps go back through it, and let it go."""
    x = tensor(1.0, requires_grad=True)
    y = x
    for _ in range(length):
        y = y + 1.0
    if backward:
        y.backward()
        assert x.grad.item() == 1
    del y


# CPython 3.13 frees nested tuples, too, by thousands of calls within each other before it looks after the stack.
SMALL = (2048 if sys.version_info[:2] == (3, 13) else 256) * 1024


def on_small_stack(function, *args, size=SMALL):
    """Run it on a thread with a small stack, and hand on its exception."""
    failed = []

    def work():
        try:
            function(*args)
        except BaseException as error:
            failed.append(error)

    before = threading.stack_size(size)
    try:
        thread = threading.Thread(target=work)
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    if failed:
        raise failed[0]


def resident():
    """The process's memory now, in KB; its greatest so far where there is no /proc."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def run(budget):
    rows = []
    deadline = time.perf_counter() + budget
    for name, step in steps().items():
        count = 10_000
        objects, blocks, size = check_growth(step, count)
        before = resident()
        for _ in range(2000):
            step()
        grown = resident() - before
        assert grown < 1024, f"{name}: {grown} KB more after 2,000 steps"
        rows.append((f"10,000 {name}: objects, blocks, bytes (of 2,000 traced), KB resident (of 2,000)",
                     f"{objects}, {blocks}, {size}, {grown}"))  # fmt: skip
    for backward in (False, True):
        how = "with" if backward else "without"
        start = time.perf_counter()
        chain(1_000_000, backward)
        on_small_stack(chain, 1_000_000, backward)
        took = time.perf_counter() - start
        where = f"freed on the main stack and on one of {SMALL // 1024} KB"
        rows.append((f"a million ops {how} backward, {where}", f"{took:.0f} s"))
        if time.perf_counter() > deadline + 60:
            break
    return rows
