"""Times of ours against the peers that are installed: ``python -m tests.bench [--rounds 5] [NAME …]``.

Every measurement is a process of its own, the peers by turns on the same data and initial weights, so that all see the
same machine; a number is the median over the rounds, a ratio the median of the rounds' ratios to the best peer. The
losses of a training step must agree, or the row is not printed. Without names all of it runs (about half an hour).
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

SETUP = """
import json, resource, sys, time
start = time.perf_counter()
import numpy as np
peer, work = sys.argv[1], sys.argv[2]

def median(f, seconds=0.4, parts=15):
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

def done(**results):
    results["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps(results))
"""

STEP = """
sizes, batch = {"tiny": ((2, 4, 1), 100), "mnist": ((784, 100, 10), 100), "large": ((784, 1024, 1024, 10), 256)}[work]
relu, lr = work == "large", 0.01 if work == "tiny" else 0.001
rng = np.random.default_rng(0)
layers = [
    (rng.uniform(-1, 1, (o, i)).astype("f") / np.sqrt(i), rng.uniform(-1, 1, o).astype("f") / np.sqrt(i))
    for i, o in zip(sizes, sizes[1:])
]
layers = [(W.astype("f"), b.astype("f")) for W, b in layers]
X = rng.random((batch, sizes[0])).astype("f")
Y = (X[:, :1] > 0.5).astype("f") if work == "tiny" else rng.integers(0, 10, batch)

def in_torch(torch, nn, optim, fused=False, compiled=False, replayed=False):
    modules = []
    for W, b in layers:
        linear = nn.Linear(W.shape[1], W.shape[0])
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(W))
            linear.bias.copy_(torch.from_numpy(b))
        modules += [linear, nn.ReLU() if relu else nn.Sigmoid()]
    model = nn.Sequential(*modules[:-1])
    criterion = nn.BCEWithLogitsLoss() if work == "tiny" else nn.CrossEntropyLoss()
    optimizer = optim.Adam(model.parameters(), lr=lr, **({"fused": True} if fused else {}))
    x, y = torch.from_numpy(X.copy()), torch.from_numpy(Y.copy())
    forward = torch.compile(model) if compiled else model
    def step(x, y):
        loss = criterion(forward(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss
    if replayed:
        step = torch.replay(step)
    return lambda: step(x, y), lambda loss: loss.item()

def in_jax():
    import jax, jax.numpy as jnp
    def loss_of(parameters, x, y):
        h = x
        for k, (W, b) in enumerate(parameters):
            h = h @ W.T + b
            if k < len(parameters) - 1:
                h = jax.nn.relu(h) if relu else jax.nn.sigmoid(h)
        if work == "tiny":
            return jnp.mean(jnp.logaddexp(h, 0) - h * y)
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(h), y[:, None], 1))
    def step(state, x, y):
        parameters, m, v, k = state
        loss, g = jax.value_and_grad(loss_of)(parameters, x, y)
        k = k + 1
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
        alpha, root = lr / (1 - 0.9**k), 1 - 0.999**k
        new = lambda p, m, v: p - alpha * m / (jnp.sqrt(v / root) + 1e-8)
        return (jax.tree.map(new, parameters, m, v), m, v, k), loss
    step = jax.jit(step, donate_argnums=0)
    parameters = [(jnp.array(W), jnp.array(b)) for W, b in layers]
    zeros = lambda: jax.tree.map(jnp.zeros_like, parameters)
    state, x, y = [(parameters, zeros(), zeros(), jnp.float32(0))], jnp.array(X), jnp.array(Y)
    def run():
        state[0], loss = step(state[0], x, y)
        jax.block_until_ready(state[0])
        return loss
    return run, float

def by_hand():
    theta = [a.copy() for layer in layers for a in layer]
    m, v, k = [np.zeros_like(a) for a in theta], [np.zeros_like(a) for a in theta], 0
    def run():
        nonlocal k
        hidden, h = [X], X
        for j in range(0, len(theta), 2):
            z = h @ theta[j].T + theta[j + 1]
            h = z if j == len(theta) - 2 else np.maximum(z, 0) if relu else 1 / (1 + np.exp(-z))
            hidden.append(h)
        if work == "tiny":
            loss, g = np.mean(np.logaddexp(z, 0) - z * Y), (1 / (1 + np.exp(-z)) - Y) / batch
        else:
            e = np.exp(z - z.max(1, keepdims=True))
            p = e / e.sum(1, keepdims=True)
            loss = -np.mean(np.log(p[np.arange(batch), Y]))
            g = p
            g[np.arange(batch), Y] -= 1
            g /= batch
        grads = []
        for j in range(len(theta) - 2, -1, -2):
            h = hidden[j // 2]
            grads[:0] = [g.T @ h, g.sum(0)]
            if j:
                g = (g @ theta[j]) * ((h > 0) if relu else h * (1 - h))
        k += 1
        for p, g, a, b in zip(theta, grads, m, v):
            a += 0.1 * (g - a)
            b += 0.001 * (g * g - b)
            p -= lr / (1 - 0.9**k) * a / (np.sqrt(b / (1 - 0.999**k)) + 1e-8)
        return loss
    return run, float

if peer.startswith("torch"):
    import torch, torch.nn as nn, torch.optim as optim
    run, value = in_torch(torch, nn, optim, fused=peer == "torch fused", compiled=peer == "torch compiled")
elif peer.startswith("ours"):
    import autograd, nn
    from nn import optim
    run, value = in_torch(autograd, nn, optim, replayed=peer == "ours replayed")
else:
    run, value = in_jax() if peer == "jax" else by_hand()
losses = [value(run()) for _ in range(30)]
done(time=median(run, 1.0), check=losses[-1])
"""

SHAPES = (
    (100, 2, 4), (100, 4, 1), (1, 784, 100), (100, 784, 100), (100, 100, 10), (256, 784, 1024), (256, 1024, 1024),
    (256, 1024, 10), (64, 64, 64), (512, 512, 512), (1024, 1024, 1024),
)  # fmt: skip

MATMUL = f"""
shapes = {SHAPES!r}
""" + """
results = {}
if peer == "torch":
    import torch
    given = torch.from_numpy
elif peer == "ours":
    import autograd
    given = autograd.as_tensor
else:
    given = lambda x: x
rng = np.random.default_rng(0)
for m, k, n in shapes:
    x, w, g = (given(rng.random(s).astype("f")) for s in ((m, k), (n, k), (m, n)))
    name = f"{m} x {k} x {n}"
    results[f"{name}: x Wt"] = median(lambda: x @ w.T, 0.1)
    results[f"{name}: g W"] = median(lambda: g @ w, 0.1)
    results[f"{name}: gt x"] = median(lambda: g.T @ x, 0.1)
done(times=results)
"""

ELEMENTWISE = """
results = {}
if peer == "torch":
    import torch as lib
    given = lib.from_numpy
elif peer == "ours":
    import autograd as lib
    given = lib.as_tensor
else:
    lib, given = np, lambda x: x
sigmoid = getattr(lib, "sigmoid", lambda x: 1 / (1 + lib.exp(-x)))
relu = getattr(lib, "relu", lambda x: lib.maximum(x, 0))
axis = {"dim": 0} if peer != "numpy" else {"axis": 0}
def erf(x):
    return lib.erf(x)
def softmax(x):
    if peer != "numpy":
        return lib.softmax(x, 1)
    e = lib.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)
work = {
    "x + y": lambda x, y: x + y, "x * y": lambda x, y: x * y, "2 x": lambda x, y: x * 2, "exp": lambda x, y: lib.exp(x),
    "log": lambda x, y: lib.log(x), "sqrt": lambda x, y: lib.sqrt(x), "tanh": lambda x, y: lib.tanh(x),
    "sigmoid": lambda x, y: sigmoid(x), "relu": lambda x, y: relu(x), "erf": lambda x, y: erf(x),
    "sum": lambda x, y: x.sum(), "mean": lambda x, y: x.mean(), "max": lambda x, y: x.max(),
    "sum(0)": lambda x, y: x.sum(**axis), "softmax": lambda x, y: softmax(x),
}
rng = np.random.default_rng(0)
for size in (10**2, 10**4, 10**6):
    x, y = (given(rng.uniform(0.1, 2, (size // 10, 10)).astype("f")) for _ in range(2))
    for name, f in work.items():
        if name != "erf" or peer != "numpy":
            results[f"{name}, {size:,}"] = median(lambda: f(x, y), 0.15)
done(times=results)
"""

CHAIN = """
if peer == "torch":
    import torch
else:
    import autograd as torch
n, times = 100_000, []
for _ in range(5):
    x = torch.tensor([1.0], requires_grad=True)
    begun = time.perf_counter()
    y = x
    for _ in range(n):
        y = y + 1
    y.sum().backward()
    del y
    times.append(time.perf_counter() - begun)
done(time=sorted(times)[2] / n, check=x.grad.item())
"""

START = """
if peer == "torch":
    import torch, torch.nn as nn, torch.optim as optim
else:
    import autograd as torch, nn
    from nn import optim
model = nn.Sequential(nn.Linear(2, 4), nn.Sigmoid(), nn.Linear(4, 1))
optimizer = optim.Adam(model.parameters(), lr=0.01)
loss = nn.BCEWithLogitsLoss()(model(torch.ones(100, 2)), torch.ones(100, 1))
loss.backward()
optimizer.step()
done(time=time.perf_counter() - start)
"""

DEMOS = """
if peer == "torch":
    import torch, torch.nn as nn, torch.optim as optim
else:
    import autograd as torch, nn
    from nn import optim
rng = np.random.default_rng(0)
torch.manual_seed(0)
class Net(nn.Module):
    def __init__(self, inputs, hidden, outputs):
        super().__init__()
        self.hidden, self.output = nn.Linear(inputs, hidden), nn.Linear(hidden, outputs)
    def forward(self, x):
        return self.output(torch.sigmoid(self.hidden(x)))
if work == "two_layer":
    X = rng.random((400, 2)).astype("f")
    Y = (((X - 0.5) ** 2).sum(1, keepdims=True) < 0.08).astype("f")
    model, criterion, epochs, lr = Net(2, 4, 1), nn.BCEWithLogitsLoss(), 2000, 0.01
else:
    X, Y = rng.random((50_000, 784)).astype("f"), rng.integers(0, 10, 50_000)
    model, criterion, epochs, lr = Net(784, 100, 10), nn.CrossEntropyLoss(), 20, 0.001
X, Y = torch.from_numpy(X), torch.from_numpy(Y)
optimizer = optim.Adam(model.parameters(), lr=lr)
def step(x, y):
    loss = criterion(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss
if peer == "ours replayed":
    step = torch.replay(step)
for epoch in range(epochs):
    order = torch.randperm(len(X))
    for k in range(0, len(X), 100):
        rows = order[k : k + 100]
        loss = step(X[rows], Y[rows])
done(time=time.perf_counter() - start)
"""

PICTURES = """
import autograd, nn, viz
def graph(n, modules):
    autograd.manual_seed(0)
    x = autograd.rand(4, 3)
    if modules:
        return nn.Sequential(*(m for _ in range(n // 4) for m in (nn.Linear(3, 3), nn.Sigmoid())))(x).sum()
    y = w = autograd.ones(3, requires_grad=True)
    for _ in range(n):
        y = y * w if _ % 2 else y + w
    return y.sum()
times = {}
for name, n, modules, layout in (
    ("1,000 variables of a network, DOT text", 1_000, True, False), ("1,000 variables, DOT text", 1_000, False, False),
    ("5,000 variables of a network, default picture laid out", 5_000, True, True),
    ("5,000 variables, default picture laid out", 5_000, False, True),
):
    root = graph(n, modules)
    begun = time.perf_counter()
    diagram = viz.draw(root)
    if layout:
        diagram.svg()
    times[name] = time.perf_counter() - begun
small = nn.BCEWithLogitsLoss()(
    nn.Sequential(nn.Linear(2, 4), nn.Sigmoid(), nn.Linear(4, 1))(autograd.rand(100, 2)), autograd.ones(100, 1)
)
wide = nn.CrossEntropyLoss()(
    nn.Sequential(nn.Linear(784, 100), nn.Sigmoid(), nn.Linear(100, 10))(autograd.rand(100, 784)),
    autograd.randint(0, 10, (100,)),
)
for title, root in (("2-4-1", small), ("784-100-10", wide)):
    for level in ("layer", "op", "unit"):
        begun = time.perf_counter()
        viz.draw(root, "both", level).svg()
        times[f"{title}, level {level}, laid out"] = time.perf_counter() - begun
done(times=times)
"""

TORCH = ("torch", "torch fused", "torch compiled")
WORK: dict[str, tuple[str, str, tuple[str, ...]]] = {
    # name: (what it is, code, peers)
    "tiny": ("2-4-1 sigmoid, BCE, batch 100: one Adam step", STEP, (*TORCH, "jax", "numpy")),
    "mnist": ("784-100-10 sigmoid, CE, batch 100: one Adam step", STEP, (*TORCH, "jax", "numpy")),
    "large": ("784-1024-1024-10 relu, CE, batch 256: one Adam step", STEP, (*TORCH, "jax", "numpy")),
    "chain": ("x + 1, 100,000 times, forward and backward: an op", CHAIN, ("torch",)),
    "start": ("import and first training step, warm", START, ("torch",)),
    "cold": ("the same with an empty kernel cache", START, ("torch",)),
    "two_layer": ("the two_layer recipe, 2,000 epochs, whole process", DEMOS, ("torch",)),
    "epochs": ("the mnist recipe, 20 epochs of 50,000, whole process", DEMOS, ("torch",)),
    "matmul": ("matrix products", MATMUL, ("torch", "numpy")),
    "elementwise": ("elementwise functions and reductions", ELEMENTWISE, ("torch", "numpy")),
    "pictures": ("pictures of large graphs, and the levels", PICTURES, ()),
}
REPLAYED = ("tiny", "mnist", "large", "two_layer", "epochs")


def installed(peer: str) -> bool:
    return importlib.util.find_spec(peer.split()[0]) is not None


def once(code: str, peer: str, work: str) -> dict[str, object]:
    """What ``code`` prints when it runs as ``peer``."""
    environment = dict(os.environ)
    with tempfile.TemporaryDirectory() as empty:
        if work == "cold":
            environment["NUMBA_CACHE_DIR"] = empty
        command = [sys.executable, "-c", SETUP + code, peer, work]
        run = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=Path(__file__).parent.parent)
    if run.returncode:
        raise RuntimeError(f"{work} failed as {peer}:\n{run.stderr[-3000:]}")
    result: dict[str, object] = json.loads(run.stdout.splitlines()[-1])
    return result


def measure(work: str, rounds: int) -> list[str]:
    """The rows of ``work``."""
    title, code, peers = WORK[work]
    peers = tuple(p for p in peers if installed(p))
    ours = ("ours", "ours replayed") if work in REPLAYED else ("ours",)
    runs: dict[str, list[dict[str, object]]] = {peer: [] for peer in (*ours, *peers)}
    once(code, ours[0], work if work != "cold" else "start")  # compiles what is not in the cache
    for _ in range(rounds):
        for peer in list(runs):
            try:
                runs[peer].append(once(code, peer, work))
            except RuntimeError as error:  # noqa: PERF203 - it is a process each time
                print(f"{error}\n{peer} is left out", file=sys.stderr)
                del runs[peer]
    if work in ("matmul", "elementwise", "pictures"):
        names = list(runs["ours"][0]["times"])  # type: ignore[call-overload]
        times = {name: {p: [r["times"].get(name) for r in rs] for p, rs in runs.items()} for name in names}  # type: ignore[attr-defined]
        return [row(name, {p: t for p, t in by.items() if t[0] is not None}, ("ours",)) for name, by in times.items()]
    checks = {round(float(r["check"]), 2) for rs in runs.values() for r in rs if "check" in r}  # type: ignore[arg-type]
    if len(checks) > 1:
        raise SystemExit(f"{work}: the peers disagree: {checks}")
    lines = [row(title, {p: [r["time"] for r in rs] for p, rs in runs.items()}, ours)]  # type: ignore[misc]
    memory = {p: [r["memory"] for r in rs] for p, rs in runs.items()}
    if work in (*REPLAYED, "start"):
        lines.append(row("  its peak memory", memory, ours, unit="MB"))  # type: ignore[arg-type]
    return lines


def row(title: str, times: dict[str, list[float]], ours: tuple[str, ...], unit: str = "µs") -> str:
    """One line of the table: ours, each peer, and the ratio of our best to the best peer."""
    middle = {peer: statistics.median(t) for peer, t in times.items() if t}
    mine = min((p for p in ours if p in middle), key=middle.__getitem__)
    theirs = [p for p in middle if p not in ours]
    shown = ", ".join(f"{p} {number(middle[p], unit)}" for p in (*ours, *theirs) if p in middle)
    if not theirs:
        return f"| {title} | {shown} | |"
    best = min(theirs, key=middle.__getitem__)
    ratio = statistics.median(a / b for a, b in zip(times[mine], times[best], strict=False))
    return f"| {title} | {shown} | {ratio:.2f} × {best} |"


def number(x: float, unit: str) -> str:
    if unit == "MB":
        return f"{x / 2**20:.0f} MB"
    return f"{x:.2f} s" if x >= 0.5 else f"{x * 1e3:.1f} ms" if x >= 2e-3 else f"{x * 1e6:.1f} µs"


def machine() -> str:
    """The processor and the versions."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        name = lines[0].partition(":")[2].strip() if lines else name
    versions = [f"Python {platform.python_version()}"]
    for package in ("numpy", "numba", "torch", "jax"):
        if installed(package):
            from importlib.metadata import version

            versions.append(f"{package} {version(package)}")
    return f"{name}, {os.cpu_count()} cores; {', '.join(versions)}"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("names", nargs="*", help=f"which of {', '.join(WORK)} (all)")
    options.add_argument("--rounds", type=int, default=5)
    args = options.parse_args()
    unknown = set(args.names) - set(WORK)
    if unknown:
        options.error(f"there is no {', '.join(sorted(unknown))}; known are {', '.join(WORK)}")
    print(f"{machine()}; medians of {args.rounds} interleaved rounds\n")
    print("| work | times | ours to the best peer |\n|---|---|---|", flush=True)
    for name in args.names or WORK:
        print("\n".join(measure(name, args.rounds)), flush=True)


if __name__ == "__main__":
    main()
