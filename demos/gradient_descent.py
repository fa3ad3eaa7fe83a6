"""Gradient descent against stochastic gradient descent: why the gradient of a few samples will do.

Slides "Gradient descent", "Stochastic gradient descent using mini-batches", "Rationale for stochastic gradient descent"
and "Implementing mini-batch". A line y = w x + b is fitted to noisy points, so that θ = (w, b) can be drawn and the
largest stable step is known: 2/λ, with the largest curvature λ of the loss.
"""

from __future__ import annotations

import numpy as np
from tqdm import tqdm

import autograd
import nn
from demos.common import parser, table
from nn import optim
from viz import plots

SAMPLES = 240


def gradient(model: nn.Module, X: autograd.Tensor, y: autograd.Tensor) -> np.ndarray:
    """∇J(θ) of these samples, all parameters in one row: g of the slides for a mini-batch."""
    model.zero_grad()
    nn.MSELoss()(model(X), y).backward()
    return np.concatenate([np.asarray(parameter.grad).ravel() for parameter in model.parameters()])


def gradients(model: nn.Module, X: autograd.Tensor, y: autograd.Tensor, B: int, count: int) -> np.ndarray:
    """The gradients of ``count`` mini-batches of B samples, each drawn from all samples anew."""
    batches = (autograd.randperm(len(X))[:B] for _ in range(count))
    return np.stack([gradient(model, X[rows], y[rows]) for rows in batches])


def start(model: nn.Module) -> None:
    """θ = 0."""
    for parameter in model.parameters():
        nn.init.zeros_(parameter)


def descend(X: autograd.Tensor, y: autograd.Tensor, lr: float, B: int, num_epoch: int) -> list[float]:
    """The loss of all samples after each epoch, from θ = 0."""
    model = nn.Linear(1, 1, dtype=autograd.float64)
    start(model)
    loader = nn.data.DataLoader(nn.data.TensorDataset(X, y), batch_size=B, shuffle=True)
    opt = optim.SGD(model.parameters(), lr=lr)
    criterion = nn.MSELoss()
    losses = []
    for _ in range(num_epoch):
        for x_batch, y_batch in loader:
            loss = criterion(model(x_batch), y_batch)
            opt.zero_grad()
            loss.backward()
            opt.step()
        with autograd.no_grad():
            losses.append(criterion(model(X), y).item())
    return losses


def main() -> None:
    args = parser(__doc__, out="out/gradient_descent", epochs="100").parse_args()
    num_epoch = args.epochs or (20 if args.quick else 100)
    count = 500 if args.quick else 5000
    autograd.manual_seed(args.seed)

    X = autograd.rand(SAMPLES, 1, dtype=autograd.float64) * 4 - 1
    y = 0.8 * X - 0.5 + 0.5 * autograd.randn(SAMPLES, 1, dtype=autograd.float64)
    model = nn.Linear(1, 1, dtype=autograd.float64)

    # 1) The mini-batch gradient is correct on average
    full = gradient(model, X, y)
    B = 12
    drawn = gradients(model, X, y, B, count)
    mean, error = drawn.mean(axis=0), drawn.std(axis=0, ddof=1) / np.sqrt(count)
    print(f"the mean of {count:,} mini-batch gradients (B = {B}) against that of all {SAMPLES} samples, θ fixed")
    rows = [(name, f, m, e, abs(m - f) / e) for name, f, m, e in zip(("w", "b"), full, mean, error, strict=True)]
    table(("parameter", "full gradient", "mean of g", "its standard error", "difference in standard errors"), rows)

    order = autograd.randperm(SAMPLES)
    parts = {size: [order[k : k + size] for k in range(0, SAMPLES, size)] for size in (B, 100)}
    epoch = {size: np.stack([gradient(model, X[rows], y[rows]) for rows in I]) for size, I in parts.items()}
    weights = [len(rows) / SAMPLES for rows in parts[100]]
    print("\none epoch, θ fixed: the T gradients average to the full one exactly, if their batches are of one size")
    table(
        ("batches", "largest difference"),
        [
            (f"{len(parts[B])} of {B}", np.abs(epoch[B].mean(axis=0) - full).max()),
            ("100, 100 and 40", np.abs(epoch[100].mean(axis=0) - full).max()),
            ("100, 100 and 40, weighted by size", np.abs(weights @ epoch[100] - full).max()),
        ],
    )

    # 2) Gradient noise
    sizes = (1, 4, 12, 48, 120, SAMPLES)
    noise = [np.sqrt(((gradients(model, X, y, size, count // 5) - full) ** 2).sum(axis=1).mean()) for size in sizes]
    single = np.stack([gradient(model, X[i : i + 1], y[i : i + 1]) for i in range(SAMPLES)])
    spread = np.sqrt(((single - full) ** 2).sum(axis=1).mean())
    theory = [spread / np.sqrt(size) * np.sqrt((SAMPLES - size) / (SAMPLES - 1)) for size in sizes]
    print("\ngradient noise, root mean square: like 1/√B, less what drawing without replacement saves")
    table(("B", "measured", "theory"), [(f"{s}", m, t) for s, m, t in zip(sizes, noise, theory, strict=True)])

    # 3) The step size
    ones = np.column_stack([X.numpy(), np.ones(SAMPLES)])
    best = np.mean((ones @ np.linalg.lstsq(ones, y.numpy(), rcond=None)[0] - y.numpy()) ** 2)
    limit = 2 / np.linalg.eigvalsh(2 * ones.T @ ones / SAMPLES).max()
    steps = (0.02, 0.1, 0.3, 0.6, 1.05)
    curves = {}
    for part in tqdm(steps, unit="step size"):
        curves[part] = [descend(X, y, part * limit, size, num_epoch) for size in (SAMPLES, B)]
    print(f"\nloss above the least one after {num_epoch} epochs (SGD: the mean of the last half of them)")
    print(f"α in parts of 2/λ = {limit:.3f}: beyond 1 GD diverges; below, SGD stays off by its noise")
    last = num_epoch // 2
    reached = [(f"{part:g}", gd[-1] - best, np.mean(sgd[last:]) - best) for part, (gd, sgd) in curves.items()]
    table(("step size α", f"GD: {num_epoch} steps", f"SGD, B = {B}: {num_epoch * SAMPLES // B} steps"), reached)

    import matplotlib.pyplot as plt  # not above: the tables need not wait for it

    figure, axes = plt.subplots(1, 3, figsize=(21, 7), layout="constrained")
    for ax, part in zip(axes, (0.6, 0.3, 0.1), strict=True):
        start(model)
        here = part * limit
        fit = nn.MSELoss()
        plots.sgd_path(lambda x, t: fit(model(x), t), model, X, y, ax, lr=here, batch_size=B, seed=args.seed)  # noqa: B023
        ax.text(0.03, 0.03, f"α = {here:.3f}", transform=ax.transAxes, fontsize=16)
    figure.savefig(args.out / "trajectories.png")

    figure, ax = plt.subplots(figsize=(9, 5.5), layout="constrained")
    for k, (part, (gd, sgd)) in enumerate(curves.items()):
        if part < 1:
            look = {"color": plots.COLOURS[k], "linewidth": 2}
            ax.semilogy(np.maximum(np.subtract(gd, best), 1e-16), **look)  # what is left there is rounding
            ax.semilogy(np.subtract(sgd, best), "--", **look, label=f"α = {part * limit:.3f}")
    ax.set(xlabel="epoch", ylabel="loss above the least", title="GD (solid) and SGD (dashed)", ylim=(1e-8, None))
    ax.grid(alpha=0.3)
    ax.legend()
    figure.savefig(args.out / "step_size.png")
    print(f"\nsaved in {args.out}: trajectories and step_size .png")


if __name__ == "__main__":
    main()
