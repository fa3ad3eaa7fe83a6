"""Every route by which a saved value can change between forward and backward, times every op that reads the value.

The write comes after the forward pass, so the right gradient is the one without it. A case is *caught* if ``backward``
(or the write) raises a GraphError, *harmless* if the gradients are bit-equal to those without it, and else wrong.
"""

import copy
import functools
import gc
import inspect
import itertools
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import autograd
import nn
from autograd import GraphError, engine
from autograd.ops import registry
from tests import opcheck

try:
    import torch
except ImportError:
    torch = None

OPS = [op for op in registry.values() if op.differentiable and op.samples and op.reads]
F = nn.functional


class Sub(np.ndarray):
    """Somebody's own kind of array."""


class Route(NamedTuple):
    """How a value changes: what makes the tensor, what is done before the forward pass, and the write after it."""

    write: Callable[[Any, Any], Any]
    before: Callable[[Any], Any] = lambda t: None
    make: Callable[[Any], Any] = autograd.tensor
    leaf: bool = True  # for a leaf; or only for the result of an operation
    hidden: bool = True
    rounds: bool = False  # to float32 and back
    output: bool = True  # also for the output of the op itself
    floats: bool = False  # only for floating point values


def changed(array):
    """Other values that are as good: positive stay positive, labels stay labels."""
    return (array * 0.5 + 0.05).astype(array.dtype) if array.dtype.kind == "f" else np.zeros_like(array)


def new(t):
    return autograd.tensor(changed(np.array(t.detach().array)))


def fill(array, _=None):
    array[...] = changed(array)


def fill_tensor(t, _=None):
    with autograd.no_grad():
        t.copy_(new(t))


def recorded(write):
    """A write that is recorded: the gradient must be right, and no error is called for."""
    return Route(lambda t, _: write(t), leaf=False, floats=True)


def unrecorded(write, **how):
    def run(t, _):
        with autograd.no_grad():
            write(t)

    return Route(run, **how)


def through(view):
    """A write into ``view(t)``, taken before the forward pass and after it, kept or dropped."""
    write = lambda t, v: fill(v) if isinstance(v, np.ndarray) else fill_tensor(v)
    yield "after", Route(lambda t, _: write(t, view(t)))
    yield "before", Route(write, before=view)


def parts(t):
    with autograd.no_grad():
        return t.reshape(-1).split(1)


def fill_parts(t, pieces):
    for piece in pieces:
        fill_tensor(piece)


def sourced(make, share=lambda array: array, **how):
    """A write into what the tensor was made from; ``make`` is given that, and the tensor knows nothing more of it."""

    def made(array):
        source = share(np.array(array))
        t = make(source)
        made.source = source
        return t

    def write(t, source):
        fill(source.numpy() if torch is not None and isinstance(source, torch.Tensor) else source)

    return Route(write, before=lambda t: made.source, make=made, hidden=False, **how)


def in_a_thread(write):
    def run(t, handle):
        thread = threading.Thread(target=write, args=(t, handle))
        thread.start()
        thread.join()

    return run


def optimizer(kind):
    def step(t, _):
        t.grad = autograd.ones_like(t)
        kind([t], lr=0.1).step(lambda: (t.detach() ** 2).sum())
        t.grad = None

    return Route(step, hidden=False, floats=True)


class Holder(nn.Module):
    def __init__(self, p):
        super().__init__()
        self.p = nn.Parameter(p) if not isinstance(p, nn.Parameter) else p


def parameter(write, **how):
    """A write by a module that holds the tensor as its parameter."""

    def made(array):
        holder = Holder(autograd.tensor(array))
        made.holder = holder
        return holder.p

    return Route(lambda t, holder: write(holder), before=lambda t: made.holder, make=made, hidden=False, floats=True,
                 **how)


def with_data(share):
    """The tensor was given other memory by ``t.data = …`` before the forward pass; the write is into that."""

    def before(t):
        other = share(np.array(t.detach().array))
        t.data = other
        return other

    write = lambda t, other: fill(other) if isinstance(other, np.ndarray) else fill_tensor(other)
    return Route(write, before=before, output=False)


def into_base(make_base, view):
    """The tensor is a view; the write is into what it is a view of."""

    def before(t):
        return before.base

    def made(array):
        before.base = base = make_base(array)
        return view(base)

    return Route(lambda t, base: fill_tensor(base), before=before, make=made, hidden=False)


def sliced(array):
    wide = np.zeros((*array.shape, 2), array.dtype)
    wide[..., 0] = array
    return wide[..., 0]


def _pointer(t):
    """The values through their address."""
    import ctypes

    array = t.detach().numpy()
    size = array.nbytes
    new_bytes = changed(array).tobytes()
    return lambda: ctypes.memmove(array.ctypes.data, new_bytes, size)


def _of_memoryview(t):
    return np.asarray(memoryview(t.detach().numpy()))


def _of_torch(t):
    return torch.from_dlpack(t.detach()).numpy()


# Up to NumPy 2.0 it gives what cannot be written.
DLPACK = {"DLPack": lambda t: np.from_dlpack(t.detach())} if np.from_dlpack(np.ones(1)).flags.writeable else {}

ROUTES = {
    **{f"{name}, recorded": recorded(write) for name, write in {
        "mul_": lambda t: t.mul_(0.5), "+=": lambda t: t.__iadd__(0.01), "*= itself": lambda t: t.mul_(t),
        "[...] =": lambda t: t.__setitem__(..., t.detach() * 0.5), "zero_": lambda t: t.zero_(),
        "copy_": lambda t: t.copy_(new(t)), "sin_": lambda t: t.sin_(), "fill_": lambda t: t.fill_(0.3),
        "a view's mul_": lambda t: t.view(-1).mul_(0.5), "normal_": lambda t: t.normal_(),
        "masked_fill_": lambda t: t.masked_fill_(t.detach() == t.detach(), 0.3),
    }.items()},
    **{f"{name}, not recorded": unrecorded(write, floats=True) for name, write in {
        "mul_": lambda t: t.mul_(0.5), "+=": lambda t: t.__iadd__(0.01), "normal_": lambda t: t.normal_(),
        "uniform_": lambda t: t.uniform_(0.1, 0.9), "init": lambda t: nn.init.constant_(t, 0.3),
        ".data": lambda t: t.data.mul_(0.5), ".data -=": lambda t: setattr(t, "data", t.data.sub_(0.01)),
        "copy.copy": lambda t: fill_tensor(copy.copy(t.detach())),
    }.items()},
    "copy_, not recorded": unrecorded(fill_tensor),
    "zero_, not recorded": unrecorded(lambda t: t.zero_()),
    "[...] =, not recorded": unrecorded(lambda t: t.__setitem__(..., new(t))),
    "one element": unrecorded(lambda t: t.view(-1)[:1].mul_(0.5), floats=True),
    ".data = tensor": unrecorded(lambda t: setattr(t, "data", new(t))),
    ".data = array": unrecorded(lambda t: setattr(t, "data", new(t).numpy())),
    "detach_ and write": Route(lambda t, _: fill_tensor(t.detach_()), leaf=False),
    "requires_grad_(False) and write": Route(lambda t, _: fill_tensor(t.requires_grad_(False)), hidden=False),
    "another thread": Route(in_a_thread(fill_tensor)),
    "another thread, NumPy": Route(in_a_thread(lambda t, v: fill(v)), before=lambda t: t.detach().numpy()),
    "out=": Route(lambda t, _: np.copyto(t.detach().numpy(), changed(t.detach().array))),
    "out= of a ufunc": Route(lambda t, v: np.multiply(v, 0.5, out=v), before=lambda t: t.detach().numpy(), floats=True),
    "NumPy view, made and gone": Route(lambda t, _: fill(t.detach().numpy())),
    "NumPy view of a tensor that is gone": Route(lambda t, v: fill(v), before=lambda t: t.detach().view(-1).numpy()),
    "two NumPy views, one gone": Route(lambda t, v: (v.pop(), fill(v[0])),
                                       before=lambda t: [t.detach().numpy(), t.detach().numpy()]),
    "parts": Route(fill_parts, before=parts),
    "iteration": Route(lambda t, _: [fill_tensor(x) for x in t.detach().reshape(-1)]),
    "an address": Route(lambda t, write: write(), before=_pointer),
    **{f"{name}, {when}": route for name, view in {
        "detach().numpy()": lambda t: t.detach().numpy(), "np.asarray": lambda t: np.asarray(t.detach()),
        "a slice of it": lambda t: t.detach().numpy()[..., None][..., 0], "memoryview": _of_memoryview,
        **DLPACK, "detach": lambda t: t.detach(),
        "view": lambda t: t.detach().view(-1), "transpose": lambda t: t.detach()[None, None].mT,
        "np.frombuffer": lambda t: np.frombuffer(t.detach().numpy(), t.dtype).reshape(t.shape),
        **({} if torch is None else {"PyTorch by DLPack": _of_torch,
                                     "torch.from_numpy": lambda t: torch.from_numpy(t.detach().numpy()).numpy()}),
    }.items() for when, route in through(view)},
    "from_numpy": sourced(autograd.from_numpy),
    "from_numpy of a slice": sourced(autograd.from_numpy, sliced),
    "from_numpy of a subclass": sourced(autograd.from_numpy, lambda a: a.view(Sub)),
    "as_tensor": sourced(autograd.as_tensor),
    "as_tensor of a subclass": sourced(autograd.as_tensor, lambda a: a.view(Sub)),
    "as_tensor with its dtype": sourced(lambda a: autograd.as_tensor(a, a.dtype)),
    "from_dlpack": sourced(autograd.from_dlpack),
    "as_tensor of a memoryview": sourced(lambda a: autograd.as_tensor(memoryview(a))),
    "tensor of an array": sourced(autograd.tensor),
    **({} if torch is None else {"from_dlpack of PyTorch": sourced(autograd.from_dlpack, torch.from_numpy)}),
    "from_numpy of a tensor's array": sourced(lambda a: autograd.from_numpy(autograd.from_numpy(a).numpy())),
    ".data was an array": with_data(lambda a: a),
    ".data was a subclass of an array": with_data(lambda a: a.view(Sub)),
    ".data was a tensor": with_data(autograd.tensor),
    ".data was a tensor around an array": Route(lambda t, a: fill(a), before=lambda t: _around(t), output=False),
    "a base": into_base(lambda a: autograd.tensor(np.stack([a, a])), lambda base: base[0]),
    "a detached base": into_base(lambda a: autograd.tensor(np.stack([a, a])), lambda base: base.detach()[1]),
    "what it was expanded from": Route(lambda t, v: fill_tensor(v), before=lambda t: t.detach().expand(2, *t.shape)[0]),
    **{f"optim.{name}": optimizer(kind) for name, kind in vars(nn.optim).items()
       if isinstance(kind, type) and issubclass(kind, nn.optim.Optimizer) and kind is not nn.optim.Optimizer},
    "load_state_dict": parameter(lambda m: m.load_state_dict({"p": new(m.p)})),
    "load_state_dict by assignment": parameter(lambda m: m.load_state_dict({"p": new(m.p)}, assign=True)),
    "module.float": parameter(lambda m: fill_tensor(m.float().p), rounds=True),
    "module.to": parameter(lambda m: fill_tensor(m.to(autograd.float32).to(autograd.float64).p), rounds=True),
    "module.apply": parameter(lambda m: m.apply(lambda m: fill_tensor(m.p))),
    "nn.init": parameter(lambda m: nn.init.normal_(m.p)),
    "vector_to_parameters": parameter(lambda m: nn.utils.vector_to_parameters(new(m.p).view(-1), m.parameters())),
    "state_dict": parameter(lambda m: fill_tensor(m.state_dict()["p"])),
}  # fmt: skip


def _around(t):
    array = np.array(t.detach().array)
    t.data = autograd.from_numpy(array)
    return array


class Case(NamedTuple):
    """One op on one of its samples, and which of its values is written: an input, or −1 for the output."""

    function: Callable[..., Any]
    inputs: tuple[Any, ...]
    place: int
    name: str
    wanted: tuple[bool, ...]  # which inputs require a gradient


def cases(ops=OPS, samples=1):
    """Every value of every op that a rule reads."""
    for op in ops:
        for inputs, params in itertools.islice(opcheck.cases(op), samples):
            function = opcheck.call(op, params)
            wanted = tuple(isinstance(x, np.ndarray) and x.dtype.kind == "f" and op.pull(k) is not None
                           for k, x in enumerate(inputs))  # fmt: skip
            places = [k for k, x in enumerate(inputs) if isinstance(x, np.ndarray) and op.uses_input(k)]
            for place in places + [-1] * op.uses_output:
                yield Case(function, inputs, place, op.name, wanted)


def composed():
    """Functions that are composed of ops, each value that they are given."""
    rng = np.random.default_rng(0)
    x, m, w, labels = rng.uniform(0.2, 0.8, (4, 3)), rng.random((4, 3)) > 0.5, rng.random(3), np.array([0, 2, 1, 1])
    index = np.array([[0, 1, 2], [2, 1, 0]])
    for name, function, *inputs in [
        ("masked_fill", lambda x, m: x.masked_fill(m, 0.0) * x, x, m),
        ("where", lambda m, x, y: autograd.where(m, x * y, y), m, x, x[::-1].copy()),
        ("gather", lambda x, i: x.gather(0, i).exp(), x, index),
        ("index_select", lambda x, i: x.index_select(0, i).exp(), x, labels),
        ("getitem", lambda x, i: x[i].exp(), x, labels),
        ("getitem by a mask", lambda x, m: x[m].exp(), x, m),
        ("scatter", lambda x, i, s: x.scatter(0, i, s).exp(), x, index, rng.random((2, 3))),
        ("index_add", lambda x, i, s: x.index_add(0, i, s).exp(), x, labels, rng.random((4, 3))),
        ("lerp", lambda x, y, w: autograd.lerp(x, y, w), x, x[::-1].copy(), w),
        ("addcmul", lambda x, y, z: autograd.addcmul(x, y, z), x, x[::-1].copy(), w),
        ("addmm", lambda x, y, z: autograd.addmm(x, y, z), np.ones((4, 4)), x, x.T.copy()),
        ("xlogy", lambda x, y: autograd.xlogy(x, y), x, x[::-1].copy()),
        ("clamp", lambda x, lo, hi: autograd.clamp(x, lo, hi) * x, x, x - 0.1, x + w),
        ("std", lambda x: x.std(0), x), ("var", lambda x: x.var(0), x), ("sort", lambda x: x.sort(0)[0].exp(), x),
        ("median", lambda x: x.median(0)[0].exp(), x), ("layer_norm", lambda x, w: F.layer_norm(x, (3,), w), x, w),
        ("batch_norm", lambda x, m, v, w: F.batch_norm(x, m, v, w), x, w, w + 1, w),
        ("embedding", lambda i, w: F.embedding(i, w).exp(), labels, x), ("softmax", lambda x: x.softmax(1), x),
        ("cross_entropy with weights", lambda x, y, w: F.cross_entropy(x, y, w), x, labels, w),
        ("nll_loss", lambda x, y, w: F.nll_loss(x.exp(), y, w), x, labels, w),
        ("bce with weights", lambda p, y, w: F.binary_cross_entropy(p, y, w), x, x[::-1].copy(), w),
        ("huber", lambda x, y: F.huber_loss(x, y), x, x[::-1].copy()),
        ("kl_div", lambda x, y: F.kl_div(x.log(), y, reduction="sum"), x, x[::-1].copy()),
        ("cosine_similarity", lambda x, y: F.cosine_similarity(x, y), x, x[::-1].copy()),
        ("prelu", lambda x, a: F.prelu(x - 0.5, a), x, w), ("glu", lambda x: F.glu(x, 0), x),
        ("norm", lambda x: x.norm(dim=0), x), ("einsum", lambda x, y: autograd.einsum("ij,kj->ik", x, y), x, x * 2),
        ("backward of create_graph", lambda x: autograd.grad((x**3).sum(), x, create_graph=True)[0] * x, x),
    ]:  # fmt: skip
        for place in range(len(inputs)):
            wanted = tuple(a.dtype.kind == "f" and not (name == "batch_norm" and k in (1, 2))
                           for k, a in enumerate(inputs))  # fmt: skip
            yield Case(function, tuple(inputs), place, name, wanted)


def gradients(case, route, kind, write):
    """The gradients of a case whose value is written by the route, or (for reference) not; or the error."""
    inputs, leaves = [], []
    for k, x in enumerate(case.inputs):
        if isinstance(x, np.ndarray):
            x = route.make(np.array(x)) if k == case.place and kind == "leaf" else autograd.tensor(x)
            if case.wanted[k] and x.is_leaf:
                x.requires_grad_()
                leaves.append(x)
        inputs.append(x)
    if kind == "constant":
        target = inputs[case.place] = route.make(np.array(case.inputs[case.place]))
        leaves = [x for k, x in enumerate(inputs) if k != case.place and getattr(x, "requires_grad", False)]
        if not leaves:
            return None
    elif case.place < 0:
        target = None
    elif kind == "hidden":
        target = inputs[case.place] = inputs[case.place] * 1
    else:
        target = inputs[case.place]
    handle = None if target is None else route.before(target)
    y = case.function(*inputs)
    if case.place < 0:
        handle = route.before(y)
    weights = np.linspace(0.5, 1.5, y.numel()).reshape(y.shape)
    loss = (y * autograd.tensor(weights)).sum()
    if write:
        route.write(y if case.place < 0 else target, handle)
    loss.backward()
    return [x.grad if x.grad is None else x.grad.tolist() for x in leaves]


def kinds(case, route):
    """As what the written value comes: a leaf that requires a gradient, a constant, or the result of an operation."""
    if case.place < 0:
        return ["output"] * (route.hidden and route.output)
    floating = case.inputs[case.place].dtype.kind == "f"
    if route.floats and not floating:
        return []
    needs_grad = case.wanted[case.place]
    out = ["leaf"] * (route.leaf and needs_grad) + ["constant"] * route.leaf
    return out + ["hidden"] * (route.hidden and needs_grad and route.make is autograd.tensor)


def try_all(some, routes=None):
    """Try cases × routes × kinds; gives the counts of what happened, and raises for a wrong gradient."""
    counts = Counter()
    wrong = []
    for case in some:
        for name, route in (ROUTES if routes is None else routes).items():
            for kind in kinds(case, route):
                with autograd_warnings_off():
                    expected = gradients(case, route, kind, write=False)
                    if expected is None:
                        continue
                    try:
                        found = gradients(case, route, kind, write=True)
                    except GraphError as error:
                        said = str(error)
                        expected_words = ("inplace", "in-place", "detach_", "read-only")
                        assert any(word in said for word in expected_words), (case.name, name, said)
                        counts["caught"] += 1
                        continue
                same = str(found) == str(expected) or (route.rounds and agree(found, expected))
                counts["harmless" if same else "wrong"] += 1
                if not same and "requires_grad_(False)" in name and None in found:
                    counts["wrong"] -= 1  # no gradient was wanted any more
                elif not same:
                    wrong.append((case.name, case.place, kind, name))
    return counts, wrong


def agree(found, expected):
    return all(np.allclose(a, b, rtol=1e-5, atol=1e-6, equal_nan=True) for a, b in zip(found, expected, strict=True))


class autograd_warnings_off:
    def __enter__(self):
        self.state = np.errstate(all="ignore")
        self.state.__enter__()

    def __exit__(self, *exc):
        self.state.__exit__(*exc)


# -- random stories of one tensor: who sees its memory, who writes, what is computed, who lets go


def story(rng, length=14):
    """Gives the number of backward passes that were right and that were refused; raises for a wrong gradient."""
    source = rng.uniform(0.2, 0.8, (2, 3))
    start = rng.choice(["tensor", "from_numpy", "hidden", "part"])
    base = autograd.tensor(np.stack([source, source])) if start == "part" else None
    t = {
        "tensor": lambda: autograd.tensor(source),
        "from_numpy": lambda: autograd.from_numpy(source),
        "hidden": lambda: autograd.tensor(source, requires_grad=True) * 1.0,
        "part": lambda: base[1],
    }[start]()
    sights = [
        lambda: t.detach().numpy(), lambda: t.detach().numpy()[0], lambda: t.detach(),
        lambda: t.detach().view(-1)[1:].numpy(), *(lambda see=see: see(t) for see in DLPACK.values()),
    ]  # fmt: skip
    said, views, losses, counts = [start], [], [], Counter()
    for _ in range(length):
        act = str(rng.choice(["see", "see", "write", "write", "drop", "use", "use", "no_grad", "data", "base", "pull"]))
        said.append(act)
        if act == "see":
            views.append(sights[rng.integers(len(sights))]())
        elif act == "write" and views:
            view = views[rng.integers(len(views))]
            fill_tensor(view) if isinstance(view, autograd.Tensor) else fill(view)
        elif act == "drop" and views:
            views.pop(rng.integers(len(views)))
        elif act == "no_grad":
            fill_tensor(t)
        elif act == "data":
            t.data = new(t) if rng.random() < 0.5 else new(t).numpy()
            views.clear()  # of what it was
        elif act == "base" and base is not None and "data" not in said:
            fill_tensor(base)
        elif act == "use":
            w = autograd.tensor(rng.random((2, 3)), requires_grad=True)
            op = rng.choice(["mul", "linear", "exp"])
            values = np.array(t.detach().array)
            if op == "mul":
                y, right = w * t, values
            elif op == "linear":
                y, right = F.linear(w, t), np.ones((2, 2)) @ values
            else:
                y = ((w + 1) * t).exp()
                right = values * np.exp((w.detach().array + 1) * values)
            losses.append((y.sum(), w, right))
        elif act == "pull" and losses:
            loss, w, right = losses.pop(rng.integers(len(losses)))
            try:
                loss.backward(retain_graph=True)
            except GraphError as error:
                assert "inplace" in str(error), error
                counts["refused"] += 1
                continue
            counts["right"] += 1
            if not np.allclose(w.grad.array, right, rtol=1e-12):
                raise AssertionError(f"a wrong gradient after {said}")
    return counts


# -- what the guard costs


@functools.cache
def _unguarded():
    """``apply`` and ``pull`` of the engine without their lines for the guard."""
    names = {}
    for function, cut in ((engine.apply, "    if visible and out._op is not None:\n"
                                         "        note_shown(out, op, visible)\n"),
                          (engine.pull, "            if op.reads:\n"
                                        "                check_unchanged(node, op, sources, seq)\n")):  # fmt: skip
        source = inspect.getsource(function)
        assert cut in source, "the guard is written in another way now"
        exec(compile(source.replace(cut, ""), function.__code__.co_filename, "exec"), scope := {**vars(engine)})
        names[function.__name__] = scope[function.__name__]
    return names


def cost(rounds=40, steps=200):
    """The time of the slides' training step with the guard, and over that without: (seconds, ratio)."""
    model = nn.Sequential(nn.Linear(2, 4), nn.Sigmoid(), nn.Linear(4, 1), nn.Sigmoid())
    optimizer, loss_function = nn.optim.Adam(model.parameters(), lr=0.01), nn.BCELoss()
    x, y = autograd.rand(100, 2), autograd.ones(100, 1)

    def train():
        start = time.perf_counter()
        for _ in range(steps):
            optimizer.zero_grad()
            loss_function(model(x), y).backward()
            optimizer.step()
        return (time.perf_counter() - start) / steps

    places = [(m, "apply") for m in list(sys.modules.values()) if getattr(m, "apply", None) is engine.apply]
    places += [(engine, "pull"), (sys.modules["nn.optim.optimizer"], "written")]
    guarded = [getattr(m, name) for m, name in places]
    without = [{**_unguarded(), "written": lambda *_, **__: None}[name] for _, name in places]
    times = {True: [], False: []}
    train()
    gc.disable()
    try:
        for k in range(2 * rounds):
            on = bool((k + k // 2) % 2)  # off, on, on, off, …
            for (m, name), function in zip(places, guarded if on else without, strict=True):
                setattr(m, name, function)
            times[on].append(train())
    finally:
        gc.enable()
        for (m, name), function in zip(places, guarded, strict=True):
            setattr(m, name, function)
    ratios = [a / b for a, b in zip(times[True], times[False], strict=True)]
    return statistics.median(times[True]), statistics.median(ratios)


def run(budget):
    start = time.perf_counter()
    counts = Counter()
    some = list(itertools.chain(cases(samples=9), composed()))
    for case in some:
        found, wrong = try_all([case])
        assert not wrong, wrong
        counts += found
    stories, right, refused = 0, 0, 0
    rng = np.random.default_rng(0)
    while stories < 2000 or (time.perf_counter() - start < budget and stories < 20_000):
        found = story(rng, 30)
        stories, right, refused = stories + 1, right + found["right"], refused + found["refused"]
    seconds, ratio = cost()
    return [
        ("saved values, of every op that reads any and of functions composed of ops", len(some)),
        ("routes by which they change between forward and backward", len(ROUTES)),
        ("writes tried: caught, harmless, wrong", f"{counts['caught']}, {counts['harmless']}, {counts['wrong']}"),
        ("random stories of one memory; backward passes right, refused, wrong", f"{stories}; {right}, {refused}, 0"),
        ("the slides' 2-4-1 training step, with Adam, batch 100", f"{seconds * 1e6:.1f} µs"),
        ("what the guard adds to it (at most 3 %)", f"{100 * (ratio - 1):+.2f} %"),
    ]
