"""Softmax regions of three, four and five classes, that wind around each other.

Slides "Common choices for output-layer activation" and "Loss functions for training". K scores z_O; the hard decision
is arg max z_O,k, the soft one softmax(z_O), and the loss is the cross-entropy of the scores. Without a hidden layer the
regions are bounded by lines, which cannot follow the arms of a spiral.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

import autograd
import nn
from demos.common import fit, parser, table
from nn import optim
from viz import plots


def make_data(n: int, K: int) -> tuple[autograd.Tensor, autograd.Tensor]:
    """Points (n, 2) on the K arms of a spiral, a little off them, and their classes (n,)."""
    y = autograd.arange(n) % K
    r = autograd.rand(n).sqrt()
    angle = 2 * math.pi * y / K + 4 * r + 0.15 * autograd.randn(n)
    return autograd.stack([r * angle.cos(), r * angle.sin()], dim=1), y


def soft(model: nn.Module, k: int) -> Callable[[autograd.Tensor], autograd.Tensor]:
    """The soft decision Pr{y = k | x}, (n,), of a network that puts out scores."""
    return lambda x: model(x).softmax(dim=1)[:, k]


def main() -> None:
    args = parser(__doc__, out="out/multiclass", epochs="300").parse_args()
    num_epoch = args.epochs or (60 if args.quick else 300)
    autograd.manual_seed(args.seed)
    import matplotlib.pyplot as plt

    rows = []
    for K in 3, 4, 5:
        X, y = make_data(200 * K, K)
        X_test, y_test = make_data(1000 * K, K)
        loader = nn.data.DataLoader(nn.data.TensorDataset(X, y), batch_size=50, shuffle=True)
        linear = nn.Linear(2, K)
        model = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, K))
        accuracy = []
        for net in linear, model:
            a_loss = list(fit(net, loader, nn.CrossEntropyLoss(), optim.Adam(net.parameters(), lr=0.01), num_epoch))
            with autograd.no_grad():
                z, z_test = net(X), net(X_test)
            accuracy += [100 * np.mean(z.argmax(dim=1).numpy() == y.numpy())]
            accuracy += [100 * np.mean(z_test.argmax(dim=1).numpy() == y_test.numpy())]
        # How sure the network is, and how often it is right: they should agree.
        sure = 100 * z_test.softmax(dim=1).max(dim=1).values.mean().item()
        rows.append((str(K), *(f"{value:.2f} %" for value in (*accuracy, sure)), f"{a_loss[-1]:.4f}"))

        figure, axes = plt.subplots(1, 2, figsize=(13, 6), layout="constrained")
        for boundary, ax in zip((linear, model), axes, strict=True):
            plots.decision_region(boundary, X, y, ax)
        figure.savefig(args.out / f"classes_{K}.png")

        figure, axes = plt.subplots(1, K, figsize=(6 * K, 5), layout="constrained")
        for k, ax in enumerate(axes):
            plots.decision_region(soft(model, k), X, y == k, ax)
            ax.get_legend().remove()
            ax.images[0].colorbar.set_label(rf"$\mathrm{{Pr}}\{{y={k}\,|\,\mathbf{{x}}\}}$")
        figure.savefig(args.out / f"soft_{K}.png")

    head = ("K", "linear: training", "test", "32 hidden units: training", "test", "mean probability", "loss")
    table(head, rows)
    print(f"saved in {args.out}: of K classes, classes_K (without and with a hidden layer) and soft_K .png")


if __name__ == "__main__":
    main()
