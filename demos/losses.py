"""The losses are likelihoods; written on scores they hold where those written on outputs overflow.

Slides "Loss functions for training" and "PyTorch loss options". Each loss is -ln of a likelihood, but for terms that do
not depend on the network; so what minimises it is what maximises that likelihood: of one constant for all samples, the
share of ones (BCE), the shares of the classes (cross-entropy), the mean (MSE) or the median (L1).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from tqdm import tqdm

import autograd
import nn
from demos.common import parser, table
from nn import optim
from viz import plots


def likelihoods(n: int) -> list[tuple[str, str, float, float]]:
    """Each loss beside -ln p(y|x) from the density, of n random samples; what does not depend on z is added to it."""
    z, y = autograd.randn(n, 1, dtype=autograd.float64), autograd.randn(n, 1, dtype=autograd.float64)
    Z, classes = autograd.randn(n, 3, dtype=autograd.float64), autograd.randint(0, 3, (n,))
    ones = (y > 0).double()
    u, residual = 1 / (1 + np.exp(-z.numpy())), (y - z).numpy()
    softmax = np.exp(Z.numpy()) / np.exp(Z.numpy()).sum(axis=1, keepdims=True)
    sigma, b = 0.7, 0.4  # of the Gaussian and of the Laplace noise
    bernoulli = u ** ones.numpy() * (1 - u) ** (1 - ones.numpy())
    categorical = softmax[np.arange(n), classes.numpy()]
    gauss = np.exp(-(residual**2) / (2 * sigma**2)) / np.sqrt(2 * np.pi * sigma**2)
    laplace = np.exp(-np.abs(residual) / b) / (2 * b)

    bce = nn.BCEWithLogitsLoss(reduction="sum")(z, ones).item()
    ce = nn.CrossEntropyLoss(reduction="sum")(Z, classes).item()
    mse = nn.MSELoss(reduction="sum")(z, y).item() / (2 * sigma**2) + n * np.log(2 * np.pi * sigma**2) / 2
    l1 = nn.L1Loss(reduction="sum")(z, y).item() / b + n * np.log(2 * b)
    return [
        ("BCEWithLogitsLoss", "Bernoulli σ(z)", bce, -np.log(bernoulli).sum()),
        ("CrossEntropyLoss", "softmax(z)", ce, -np.log(categorical).sum()),
        ("MSELoss / 2σ² + …", "Gauss N(y; z, σ²)", mse, -np.log(gauss).sum()),
        ("L1Loss / b + …", "Laplace, scale b", l1, -np.log(laplace).sum()),
    ]


def fit(criterion: nn.Module, target: autograd.Tensor, width: int, steps: int) -> np.ndarray:
    """The constant z, the same for all samples, that minimises a loss: by Adam, with steps that get smaller."""
    z = autograd.zeros(1, width, requires_grad=True)
    opt = optim.Adam([z], lr=0.1)
    schedule = optim.lr_scheduler.CosineAnnealingLR(opt, steps)
    for _ in range(steps):
        loss = criterion(z.expand(len(target), width), target)
        opt.zero_grad()
        loss.backward()
        opt.step()
        schedule.step()
    values: np.ndarray = z.detach().numpy()[0]
    return values


def binary() -> dict[str, Callable[[autograd.Tensor], autograd.Tensor]]:
    """Four ways to write the binary cross-entropy of y = 0 at the score z."""
    zero = autograd.zeros(1)
    return {
        "naive: ln(1 + exp(z)) - y z": lambda z: autograd.log(1 + autograd.exp(z)) - 0 * z,
        "naive: -ln(1 - u), u = σ(z)": lambda z: -autograd.log(1 - autograd.sigmoid(z)),
        "BCELoss(u)": lambda z: nn.BCELoss()(autograd.sigmoid(z), zero),
        "BCEWithLogitsLoss(z)": lambda z: nn.BCEWithLogitsLoss()(z, zero),
    }


def multiclass() -> dict[str, Callable[[autograd.Tensor], autograd.Tensor]]:
    """Four ways to write the cross-entropy of class 1 at the scores (z, 0)."""
    one = autograd.tensor([1])

    def scores(z: autograd.Tensor) -> autograd.Tensor:
        return autograd.stack([z, autograd.zeros(1)], dim=1)

    return {
        "naive: ln Σ exp(z_l) - z_k": lambda z: autograd.log(autograd.exp(scores(z)).sum()) - scores(z)[0, 1],
        "naive: -ln softmax(z)_k": lambda z: -autograd.log(autograd.softmax(scores(z), dim=1))[0, 1],
        "NLLLoss(log_softmax(z))": lambda z: nn.NLLLoss()(autograd.log_softmax(scores(z), dim=1), one),
        "CrossEntropyLoss(z)": lambda z: nn.CrossEntropyLoss()(scores(z), one),
    }


def at(form: Callable[[autograd.Tensor], autograd.Tensor], value: float) -> tuple[float, float]:
    """The loss at a score of float32, and its derivative."""
    z = autograd.tensor([value], requires_grad=True)
    loss = form(z)
    loss.backward()
    return loss.item(), float(np.asarray(z.grad)[0])


def main() -> None:
    args = parser(__doc__, out="out/losses").parse_args()
    n, steps = (200, 200) if args.quick else (1000, 1000)
    autograd.manual_seed(args.seed)

    print(f"each loss is -ln of a likelihood, of {n:,} random samples in float64")
    compared = [(*row, abs(row[2] - row[3]) / row[3]) for row in likelihoods(n)]
    table(("loss", "likelihood", "the loss", "-ln of the density", "relative difference"), compared)

    print("\nwhat one constant for all samples comes to; one target in ten of the regression is an outlier of 20")
    y = autograd.randn(n, 1)
    y[: n // 10] = 20.0
    ones = (autograd.rand(n, 1) < 0.3).float()
    classes = (autograd.rand(n) * 1.5).long() + (autograd.rand(n) < 0.2).long()
    shares = np.bincount(classes.numpy(), minlength=3) / n
    kinds = [
        ("BCEWithLogitsLoss", "σ(z) = share of ones", nn.BCEWithLogitsLoss(), ones, [ones.mean().item()]),
        ("CrossEntropyLoss", "softmax(z) = shares", nn.CrossEntropyLoss(), classes, shares),
        ("MSELoss", "mean", nn.MSELoss(), y, [y.mean().item()]),
        ("L1Loss", "median", nn.L1Loss(), y, [float(np.median(y.numpy()))]),
    ]
    rows = []
    for name, meaning, criterion, target, expected in tqdm(kinds, unit="loss"):
        z = fit(criterion, target, len(expected), steps)
        if name == "BCEWithLogitsLoss":
            z = 1 / (1 + np.exp(-z))
        elif name == "CrossEntropyLoss":
            z = np.exp(z) / np.exp(z).sum()
        rows.append((name, meaning, *(" ".join(f"{v:.3f}" for v in values) for values in (z, expected))))
    table(("loss", "its minimum", "by gradient descent", "of the samples"), rows)

    scores = (1.0, 20.0, 100.0, 1000.0, -1000.0)
    for title, forms in (
        ("binary cross-entropy, y = 0", binary()),
        ("cross-entropy of the scores (z, 0), class 1", multiclass()),
    ):
        print(f"\n{title}, in float32: loss, and its derivative by z")
        rows = [(name, *("{:.4g}, {:.3g}".format(*at(form, z)) for z in scores)) for name, form in forms.items()]
        table(("form", *(f"z = {z:g}" for z in scores)), rows)

    print("\nthe losses on scores stay right, and so do their derivatives; BCELoss stops at 100, its derivative at 0")

    import matplotlib.pyplot as plt  # not above: the tables need not wait for it

    figure, (left, right) = plt.subplots(1, 2, figsize=(14, 5.5), layout="constrained")
    z = np.linspace(-60, 120, 361, dtype=np.float32)
    for k, (name, form) in enumerate(binary().items()):
        left.plot(z, [at(form, v)[0] for v in z], plots.LINES[k], color=plots.COLOURS[k], linewidth=5 - k, label=name)
    left.set(xlabel="score z", ylabel="loss", title="binary cross-entropy of y = 0: the naive forms end")
    r = np.linspace(-3, 3, 301)
    right.plot(r, r**2, color=plots.COLOURS[0], linewidth=3, label="quadratic: Gauss")
    right.plot(r, np.abs(r), "--", color=plots.COLOURS[1], linewidth=3, label="absolute: Laplace")
    right.plot(r, np.log1p(np.exp(-r)), "-.", color=plots.COLOURS[2], linewidth=3, label="BCE of y = 1, at z")
    right.set(xlabel="y - z, or z", ylabel="loss", title="losses as -ln of a likelihood")
    for ax in left, right:
        ax.grid(alpha=0.3)
        ax.legend()
    figure.savefig(args.out / "losses.png")
    print(f"\nsaved in {args.out}: losses.png")


if __name__ == "__main__":
    main()
