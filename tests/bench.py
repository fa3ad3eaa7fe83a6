"""Times of ours against PyTorch's, as ratios: ``python -m tests.bench [--rounds 5] [NAME …]``.

Every measurement is a process of its own, ours and theirs by turns, so that both see the same machine; the median of
the rounds' ratios is what counts.
"""

from __future__ import annotations

import argparse
import importlib.util
import platform
import statistics
import subprocess
import sys

STEP = """
import sys, time, numpy as np
if sys.argv[1] == "torch":
    import torch, torch.nn as nn, torch.optim as optim
else:
    import autograd as torch, nn
    from nn import optim
class Net(nn.Module):
    def __init__(self, nin, nh, nout):
        super().__init__()
        self.activation = nn.Sigmoid()
        self.Dense1 = nn.Linear(nin, nh)
        self.Dense2 = nn.Linear(nh, nout)
    def forward(self, x):
        return self.activation(self.Dense2(self.activation(self.Dense1(x))))
rng = np.random.default_rng(0)
X = rng.random((100, 2)).astype("float32")
x, y = torch.tensor(X), torch.tensor((((X - 0.5) ** 2).sum(1) < 0.08).astype("float32").reshape(-1, 1))
model, criterion = Net(2, 4, 1), nn.BCELoss()
optimizer = optim.Adam(model.parameters(), lr=0.01)
def step():
    loss = criterion(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
for _ in range(200):
    step()
times = []
for _ in range(20):
    start = time.perf_counter()
    for _ in range(100):
        step()
    times.append((time.perf_counter() - start) / 100)
print(sorted(times)[10])
"""

CHAIN = """
import sys, time
if sys.argv[1] == "torch":
    import torch
else:
    import autograd as torch
n = 1_000_000
times = []
for _ in range(2):
    x = torch.tensor([1.0], requires_grad=True)
    start = time.perf_counter()
    y = x
    for _ in range(n):
        y = y + 1
    y.sum().backward()
    del y
    times.append((time.perf_counter() - start) / n)
    assert x.grad.item() == 1
print(min(times))
"""

START = """
import sys, time
start = time.perf_counter()
if sys.argv[1] == "torch":
    import torch, torch.nn as nn
else:
    import autograd as torch, nn
from importlib import import_module
model = nn.Sequential(nn.Linear(2, 4), nn.Sigmoid(), nn.Linear(4, 1))
optimizer = import_module("torch.optim" if sys.argv[1] == "torch" else "nn.optim").Adam(model.parameters(), lr=0.01)
loss = nn.BCEWithLogitsLoss()(model(torch.ones(100, 2)), torch.ones(100, 1))
loss.backward()
optimizer.step()
print(time.perf_counter() - start)
"""

WORK = {
    "step": (STEP, "one training step, 2-4-1, batch 100, BCE, Adam"),
    "chain": (CHAIN, "x + 1, a million times: recorded, differentiated, freed; an op"),
    "start": (START, "import and first training step, warm"),
}


def once(code: str, which: str) -> float:
    """Seconds that ``code`` prints when it runs on ``which``."""
    done = subprocess.run([sys.executable, "-c", code, which], capture_output=True, text=True, check=True)
    return float(done.stdout)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("names", nargs="*", help=f"which of {', '.join(WORK)} (all)")
    options.add_argument("--rounds", type=int, default=5)
    args = options.parse_args()
    theirs = importlib.util.find_spec("torch") is not None
    print(f"Python {platform.python_version()}, {platform.machine()}; medians of {args.rounds} interleaved rounds")
    print(f"{'work':64s} {'ours':>10s} {'PyTorch':>10s} {'ratio':>7s}")
    for name in args.names or WORK:
        code, title = WORK[name]
        once(code, "ours")  # compiles what is not in the cache
        pairs = [(once(code, "ours"), once(code, "torch") if theirs else None) for _ in range(args.rounds)]
        ours = statistics.median(a for a, _ in pairs)
        line = f"{title:64s} {ours * 1e6:8.1f}µs"
        if theirs:
            ratio = statistics.median(a / b for a, b in pairs if b)
            line += f" {statistics.median(b for _, b in pairs if b) * 1e6:8.1f}µs {ratio:7.2f}"
        print(line)


if __name__ == "__main__":
    main()
