"""SGD, momentum, Rprop, RMSprop, Adadelta, Adagrad and Adam on one problem, from one start.

Slide "Select the optimizer and loss criterion". The network is that of the motivating example. Every step sees all
samples, so that nothing but the rule differs (and because Rprop, which reads signs only, is for the full gradient).
Each rule has the best of the same step sizes α: the one with the least loss in the end.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from tqdm import tqdm

import autograd
import nn
from demos.common import parser, table
from demos.two_layer import Net, make_data
from nn import optim
from viz import plots

RULES: dict[str, Callable[..., optim.Optimizer]] = {
    "SGD": lambda parameters, lr: optim.SGD(parameters, lr=lr),
    "momentum 0.9": lambda parameters, lr: optim.SGD(parameters, lr=lr, momentum=0.9),
    "Rprop": lambda parameters, lr: optim.Rprop(parameters, lr=lr),
    "RMSprop": lambda parameters, lr: optim.RMSprop(parameters, lr=lr),
    "Adadelta": lambda parameters, lr: optim.Adadelta(parameters, lr=lr),
    "Adagrad": lambda parameters, lr: optim.Adagrad(parameters, lr=lr),
    "Adam": lambda parameters, lr: optim.Adam(parameters, lr=lr),
}
STEP_SIZES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)


def train(model: nn.Module, opt: optim.Optimizer, X: autograd.Tensor, y: autograd.Tensor, steps: int) -> list[float]:
    """The loss before each step."""
    criterion = nn.BCELoss()
    losses = []
    for _ in range(steps):
        loss = criterion(model(X), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    return losses


def in_a_valley(rule: Callable[..., optim.Optimizer], lr: float, steps: int) -> np.ndarray:
    """The path of (a, b) from (-2.5, 1.5) on J = a²/20 + b², a valley curved twenty times as much across as along."""
    theta = autograd.tensor([-2.5, 1.5], requires_grad=True)
    opt = rule([theta], lr)
    path = [theta.detach().numpy().copy()]
    for _ in range(steps):
        loss = valley(theta)
        opt.zero_grad()
        loss.backward()
        opt.step()
        path.append(theta.detach().numpy().copy())
    return np.stack(path)


def valley(theta: autograd.Tensor) -> autograd.Tensor:
    return (theta**2 * autograd.tensor([0.05, 1.0])).sum()


def main() -> None:
    args = parser(__doc__, out="out/optimizers", epochs="1,000").parse_args()
    steps = args.epochs or (60 if args.quick else 1000)
    autograd.manual_seed(args.seed)

    X, y = make_data(400)
    inputs, targets = autograd.Tensor(X), autograd.Tensor(y).view(-1, 1)
    begin = Net(nin=2, nh=4, nout=1).state_dict()
    model = Net(nin=2, nh=4, nout=1)

    rows, curves = [], {}
    for name, rule in tqdm(RULES.items(), unit="optimizer"):
        best: tuple[float, float, list[float], float] | None = None
        for lr in STEP_SIZES:
            model.load_state_dict(begin)
            losses = train(model, rule(model.parameters(), lr), inputs, targets, steps)
            with autograd.no_grad():
                out = model(inputs)
            end = nn.BCELoss()(out, targets).item() if np.isfinite(out.numpy()).all() else np.inf
            if best is None or end < best[0]:
                best = end, lr, losses, 100 * float(np.mean((out.numpy()[:, 0] > 0.5) == y))
        assert best is not None
        end, lr, losses, accuracy = best
        curves[f"{name}, α = {lr:g}"] = losses
        at = (losses[steps * k // 100] for k in (5, 25, 50))
        rows.append((name, f"{lr:g}", *(f"{loss:.4f}" for loss in (*at, end)), f"{accuracy:.2f} %"))
    marks = [f"step {steps * k // 100}" for k in (5, 25, 50, 100)]
    print(f"loss of the network 2-4-1; the best α of {', '.join(f'{lr:g}' for lr in STEP_SIZES)}")
    table(("optimizer", "α", *marks, "accuracy"), rows)

    import matplotlib.pyplot as plt  # not above: training need not wait for it

    figure, ax = plt.subplots(figsize=(10, 6), layout="constrained")
    for k, (label, losses) in enumerate(curves.items()):
        ax.semilogy(losses, plots.LINES[k % 4], color=plots.COLOURS[k], linewidth=2, label=label)
    ax.set(xlabel="step", ylabel="loss", title="the network 2-4-1, all samples in each step")
    ax.grid(alpha=0.3)
    ax.legend()
    figure.savefig(args.out / "losses.png")

    figure, axes = plt.subplots(2, 4, figsize=(22, 10), layout="constrained")
    axes[-1, -1].remove()
    chosen = (0.5, 0.08, 0.1, 0.05, 20.0, 0.5, 0.2)
    start = autograd.tensor([-2.5, 1.5])
    for ax, (name, rule), lr in zip(axes.flat[:-1], RULES.items(), chosen, strict=True):
        path = in_a_valley(rule, lr, 40)
        plots.loss_surface(lambda: valley(start), start, ax, extent=(-3, 1.5, -2, 2))
        ax.plot(*path.T, "o-", color=plots.COLOURS[1], markersize=5)
        ax.set_title(f"{name}, α = {lr:g}", fontsize=16)
    figure.savefig(args.out / "paths.png")
    print(f"saved in {args.out}: losses and paths .png")


if __name__ == "__main__":
    main()
