"""Backward is all or nothing: errors at every rule, hook and step of the accumulation, interrupts at every moment.

The graphs together hold every differentiable op of the registry. After an error everything must be bit-equal to before,
and the same pass must then give what an undisturbed one gives. After an interrupt, which may come when all the work is
done, everything is as before or everything is done.
"""

import contextlib
import ctypes
import dis
import functools
import gc
import itertools
import random
import signal
import sys
import threading
import time

import numpy as np

import autograd
from autograd import GraphError, engine, ops
from autograd.engine import gradient
from autograd.node import Node, inputs_of, mode, writes
from autograd.ops import registry
from tests import opcheck

OPS = [op for op in registry.values() if op.differentiable]


class Injected(Exception):
    """What no code here catches by its type."""


# -- the graphs


def drawn(op, sample=0):
    """(inputs as tensors, a function of them) of one of the op's samples."""
    if op.name == "cast":
        return [autograd.tensor(np.arange(3.0), requires_grad=True)], lambda x: op(x, np.dtype("float32"))
    samples = list(opcheck.cases(op))
    inputs, params = samples[sample % len(samples)]
    return opcheck.tensors(op, inputs), opcheck.call(op, params)


def graph(op, sample=0):
    """(loss, leaves, hidden tensors): ``op`` amid others, with fan-out and with gradients that are there already."""
    xs, function = drawn(op, sample)
    leaves = [x for x in xs if isinstance(x, Node) and x.requires_grad]
    hidden = [x + 0.0 if any(x is y for y in leaves) else x for x in xs]
    y = function(*hidden)
    loss = (y * y).sum().double()
    for x in leaves:
        loss = loss + (x.double() * x).sum()
    leaves[0].grad = autograd.ones_like(leaves[0])
    return loss, leaves, [x for x in hidden if isinstance(x, Node) and x.requires_grad] + [y]


def composite():
    """One graph of many kinds: a view, an in-place write, broadcasting, a fused loss, hooks, retained gradients."""
    rng = np.random.default_rng(0)
    x, w, b = (autograd.tensor(rng.normal(size=s), requires_grad=True) for s in ((5, 3), (2, 3), (2,)))
    z = ops.linear(x, w, b)
    h = z.sigmoid()
    h[0] = b * 2
    h.mul_(1.5)
    y = h.T.reshape(5, 2).softmax(1) * x.sum(1, keepdim=True)
    h.retain_grad()
    loss = (y * y).mean() + w.pow(2).sum() + w.T.norm()
    b.grad = autograd.ones(2, dtype="float64")
    w.grad = autograd.full((2, 3), 0.1, dtype="float64")
    return loss, [x, w, b], [z, h, y]


# -- what must stay as it was


def everything(loss, leaves):
    """All tensors of the graph, in one order."""
    seen, stack = [], [loss, *leaves]
    ids = set()
    while stack:
        x = stack.pop()
        if isinstance(x, Node) and id(x) not in ids:
            ids.add(id(x))
            seen.append(x)
            stack += inputs_of(x)
            if x._extra and "past" in x._extra:
                stack.append(x._extra["past"])
    return seen


def state(tensors, latest=True):
    """Every bit of the tensors, their gradients, versions, marks and hooks, and of the thread."""
    rows = []
    for x in tensors:
        g, extra = gradient(x), x._extra or {}
        grad = None if g is None else (id(g), g._array.tobytes(), g._version, (g._extra or {}).get("passes"))
        hooks = [list(extra.get(kind, {}).items()) for kind in ("hooks", "after")]
        rows.append((x._array.tobytes(), x._version, x._seq, x._spent, x._requires_grad, grad, hooks, id(x._op)))
    here = mode.here
    thread = here.grad, here.scope, here.everything, engine.watch, engine.tape, tuple(np.geterr().items())
    return rows, thread, writes.latest if latest else None


def gradients(tensors):
    return [None if g is None else g.detach().numpy().tobytes() for g in map(gradient, tensors)]


def undisturbed(make, **how):
    """The gradients after a pass that nothing happens to."""
    loss, leaves, hidden = make()
    loss.backward(**how)
    return gradients([*leaves, *(x for x in hidden if x.retains_grad)])


def check_succeeds(made, expected, **how):
    loss, leaves, hidden = made
    loss.backward(**how)
    assert gradients([*leaves, *(x for x in hidden if x.retains_grad)]) == expected, "another gradient afterwards"


# -- errors in rules, kernels and hooks


@contextlib.contextmanager
def failing(number, error):
    """Call ``number`` of any rule or fused kernel raises ``error``; gives the list of the ops that were called."""
    called = []

    def wrap(op, rule):
        def run(*args):
            called.append(op.name)
            if len(called) - 1 == number:
                raise error
            return rule(*args)

        return run

    before = [(op, op.pulls, op.vjp) for op in registry.values()]
    try:
        for op, pulls, vjp in before:
            op.pulls = tuple(rule and wrap(op, rule) for rule in pulls)
            op.vjp = vjp and wrap(op, vjp)
        yield called
    finally:
        for op, pulls, vjp in before:
            op.pulls, op.vjp = pulls, vjp


def check_rules(make, errors=(Injected, KeyboardInterrupt), **how):
    """Fail at every rule in turn; returns the faults injected and the names of the ops they were injected in."""
    expected = undisturbed(make, **how)
    loss, _, _ = make()
    with failing(-1, None) as called:
        loss.backward(**how)
    count = 0
    for kind in errors:
        for number in range(len(called)):
            made = make()
            tensors = everything(*made[:2])
            before, error = state(tensors, latest=not how), kind("planted")
            try:
                with failing(number, error) as names:
                    made[0].backward(**how)
            except GraphError as caught:
                assert issubclass(kind, Exception) and caught.__cause__ is error, (kind, caught)
                assert str(caught).startswith(names[-1]) and "planted" in str(caught), (names[-1], caught)
            except KeyboardInterrupt as caught:
                assert caught is error
            else:
                raise AssertionError(f"{names[-1]}: the error was swallowed")
            assert state(tensors, latest=not how) == before, names[-1]
            check_succeeds(made, expected, **how)
            count += 1
    return count, set(called)


def check_hooks(make, **how):
    """Fail in a hook on every tensor in turn; returns the faults injected."""
    expected, count = undisturbed(make, **how), 0
    for place in range(len(everything(*make()[:2]))):
        for kind in (Injected, KeyboardInterrupt):
            made = make()
            tensors = everything(*made[:2])
            if not tensors[place].requires_grad:
                continue
            error, armed = kind("planted"), [True]

            def hook(g, armed=armed, error=error):
                if armed:
                    armed.clear()
                    raise error

            tensors[place].register_hook(hook)
            before = state(tensors, latest=not how)
            try:
                made[0].backward(**how)
            except kind as caught:
                assert caught is error
                if kind is Injected and sys.version_info >= (3, 11):
                    x = tensors[place]
                    at = f"{x._op.name} → {x.shape}" if x._op else "a leaf"
                    assert caught.__notes__ == [f"in a hook on the gradient of {at}"]
            else:
                assert armed, "the error was swallowed"
                continue
            assert state(tensors, latest=not how) == before
            check_succeeds(made, expected, **how)
            count += 1
    return count


def check_accumulation(make, **how):
    """Fail in every step that prepares the accumulation, in turn; returns the faults injected."""
    expected, count = undisturbed(make, **how), 0
    for name in ("_prepare", "clone", "add", "leaf", "quiet"):
        for number in itertools.count():
            made = make()
            tensors = everything(*made[:2])
            before, error, calls = state(tensors, latest=not how), Injected("planted"), itertools.count()
            function = getattr(engine, name)

            def failing(*args, function=function, calls=calls, number=number, error=error):
                if next(calls) == number:
                    raise error
                return function(*args)

            setattr(engine, name, failing)
            try:
                made[0].backward(**how)
            except (Injected, GraphError) as caught:
                assert error in (caught, caught.__cause__)
            else:
                break
            finally:
                setattr(engine, name, function)
            assert state(tensors, latest=not how) == before, (name, number)
            check_succeeds(made, expected, **how)
            count += 1
    return count


# -- interrupts at every moment

_LOOKS = ("CALL", "JUMP_BACKWARD", "JUMP_ABSOLUTE", "RESUME")


class At:
    """Raises KeyboardInterrupt at the n-th moment when CPython looks for signals.

    That is after a call, at a jump back and at the start of a function, of this project's Python code.
    """

    def __init__(self, number):
        self.number, self.seen, self.last = number, 0, {}

    def instruction(self, frame, code, offset):
        """One is about to run; the look is after the one before it in this frame."""
        name = dis.opname[code[offset]]
        previous, self.last[id(frame)] = self.last.get(id(frame)) if name != "RESUME" else None, name
        if previous is not None and previous.startswith(_LOOKS):
            self.seen += 1
            if self.seen - 1 == self.number:
                raise KeyboardInterrupt

    def trace(self, frame, event, argument):
        if not _ours(frame):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        self.last.pop(id(frame), None)  # of a frame that is gone
        code = frame.f_code.co_code

        def each(frame, event, argument):
            if event == "opcode":
                self.instruction(frame, code, frame.f_lasti)
            return each

        return each

    def run(self, function):
        """Call ``function``; whether it was interrupted.

        Nothing is collected meanwhile: in a callback of garbage that others left, the interrupt would be ignored.
        """
        self.last.clear()
        collecting = gc.isenabled()
        gc.disable()
        try:
            with _monitoring(self.instruction) if hasattr(sys, "monitoring") else _tracing(self.trace):
                function()
        except KeyboardInterrupt:
            return True
        finally:
            if collecting:
                gc.enable()
        return False


def _ours(frame):
    return frame.f_globals.get("__name__", "").startswith("autograd")


@contextlib.contextmanager
def _tracing(trace):
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)


@contextlib.contextmanager
def _monitoring(instruction):
    """From Python 3.12 on: it no longer traces each instruction of a function that has begun."""
    monitoring, tool, code_of = sys.monitoring, 4, functools.cache(lambda code: code.co_code)

    def each(code, offset):
        frame = sys._getframe(1)
        if _ours(frame):
            instruction(frame, code_of(code), offset)

    monitoring.use_tool_id(tool, "interrupts")
    monitoring.register_callback(tool, monitoring.events.INSTRUCTION, each)
    monitoring.set_events(tool, monitoring.events.INSTRUCTION)
    try:
        yield
    finally:
        monitoring.set_events(tool, 0)
        monitoring.free_tool_id(tool)


def check_all_or_nothing(made, tensors, before, expected, **how):
    """After an interrupt: as before, and the pass can be had again; or all done. Gives whether it was done."""
    _, leaves, hidden = made
    now = state(tensors, latest=False)
    kept = [*leaves, *(x for x in hidden if x.retains_grad)]
    if now == before:
        check_succeeds(made, expected, **how)
        return False
    assert gradients(kept) == expected, "some gradients are there, and some are not"
    assert now[1] == before[1], "the thread is left in another mode"
    spent = [x._spent for x in tensors if x._op is not None]
    if not how:
        assert all(spent), "the gradients are there, but the graph could be walked again"
    return True


def check_interrupts(make, step=1, start=0, deadline=float("inf"), **how):
    """Interrupt at every ``step``-th moment; returns (interrupts, of which came when all was done)."""
    expected = undisturbed(make, **how)
    number, count, done = start, 0, 0
    while time.perf_counter() < deadline:
        made = make()
        tensors = everything(*made[:2])
        before = state(tensors, latest=False)
        if not At(number).run(lambda made=made: made[0].backward(**how)):
            break
        done += check_all_or_nothing(made, tensors, before, expected, **how)
        count += 1
        number += step
    return count, done


def _signalled(run, delay):
    """Run with a real SIGALRM after ``delay``; whether it interrupted."""
    armed = [True]

    def handler(*_):
        if armed:
            raise KeyboardInterrupt

    previous = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, delay)
        run()
        armed.clear()
    except KeyboardInterrupt:
        return True
    finally:
        armed.clear()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    return False


def _killed(run, delay):
    """Run in a thread that gets an exception from this one after ``delay``; whether it interrupted."""
    interrupted, started, left = [], threading.Event(), threading.Event()

    def work():
        try:
            try:
                started.set()
                run()
            except (Injected, GraphError) as error:  # in a rule it is chained
                assert isinstance(error, Injected) or isinstance(error.__cause__, Injected)
                interrupted.append(True)
                return
            while not left.is_set():  # here it may come late
                time.sleep(0.001)
            time.sleep(0.005)
        except Injected:
            pass

    thread = threading.Thread(target=work)
    thread.start()
    started.wait()
    time.sleep(delay)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(Injected))
    left.set()
    thread.join()
    return bool(interrupted)


def deep():
    """A graph that takes a while: 100 ops in a chain, twenty leaves."""
    leaves = [autograd.tensor(np.full(50, 0.5 + k), requires_grad=True) for k in range(20)]
    y = leaves[0]
    for k in range(100):
        y = (y * leaves[k % 20]).tanh()
    for x in leaves[::2]:
        x.grad = autograd.ones_like(x)
    return y.sum(), leaves, []


def check_asynchronous(make, runs, rng, deadline=float("inf")):
    """Real signals and exceptions set by another thread, at random moments; returns (runs, interrupted, all done)."""
    expected = undisturbed(make)
    start = time.perf_counter()
    undisturbed(make)
    span, counts = time.perf_counter() - start, [0, 0, 0]
    for number in range(runs):
        if time.perf_counter() > deadline:
            break
        made = make()
        tensors = everything(*made[:2])
        before = state(tensors, latest=False)
        interrupt = _killed if number % 2 or not hasattr(signal, "setitimer") else _signalled
        came = interrupt(made[0].backward, rng.uniform(1e-6, span))
        done = check_all_or_nothing(made, tensors, before, expected) if came else True
        counts[0] += 1
        counts[1] += came
        counts[2] += came and done
    return counts


def run(budget):
    start, rng = time.perf_counter(), random.Random(0)
    rules, hooks, sums, names, stops, late = 0, 0, 0, set(), 0, 0
    graphs = [lambda op=op, k=k: graph(op, k) for op in OPS for k in range(1 if op.name == "cast" else 8)]
    graphs = [composite, *graphs]
    for make in graphs:
        for how in ({}, {"create_graph": True}):
            count, called = check_rules(make, **how)
            rules, names = rules + count, names | called
            hooks += check_hooks(make, **how)
            sums += check_accumulation(make, **how)
    assert names >= {op.name for op in OPS}, "not every op was among them"
    rows = [
        ("graphs, over every differentiable op", len(graphs)),
        ("ops failed in", len(names)),
        ("errors and KeyboardInterrupts in rules and kernels, all left everything as it was", rules),
        ("errors and KeyboardInterrupts in hooks, the same", hooks),
        ("errors while the accumulation is prepared, the same", sums),
    ]
    deadline = time.perf_counter() + max(10.0, budget / 2 - (time.perf_counter() - start))
    for make in (composite, *[lambda op=op: graph(op) for op in OPS]):
        count, done = check_interrupts(make, deadline=deadline)
        stops, late = stops + count, late + done
    rows.append(("interrupts at every moment CPython looks for them (of which all was done)", f"{stops} ({late})"))
    runs, came, done = check_asynchronous(deep, 2000, rng, time.perf_counter() + max(10.0, budget / 4))
    rows.append(("SIGALRM and PyThreadState_SetAsyncExc at random moments: runs, interrupted (all done)",
                 f"{runs}, {came} ({done})"))  # fmt: skip
    return rows
