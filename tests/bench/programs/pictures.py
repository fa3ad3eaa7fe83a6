"""Pictures of large graphs, and the levels of small ones."""

import time

from common import done

import autograd
import nn
import viz


def graph(n, modules):
    autograd.manual_seed(0)
    x = autograd.rand(4, 3)
    if modules:
        return nn.Sequential(*(m for _ in range(n // 4) for m in (nn.Linear(3, 3), nn.Sigmoid())))(x).sum()
    y = w = autograd.ones(3, requires_grad=True)
    for k in range(n):
        y = y * w if k % 2 else y + w
    return y.sum()


times = {}
for name, n, modules, layout in (
    ("1,000 variables of a network, DOT text", 1_000, True, False),
    ("1,000 variables, DOT text", 1_000, False, False),
    ("5,000 variables of a network, default picture laid out", 5_000, True, True),
    ("5,000 variables, default picture laid out", 5_000, False, True),
):
    root = graph(n, modules)
    begun = time.perf_counter()
    diagram = viz.draw(root)
    if layout:
        diagram.svg()
    times[f"pictures: {name}"] = time.perf_counter() - begun
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
        times[f"pictures: {title}, level {level}, laid out"] = time.perf_counter() - begun
done(times)
