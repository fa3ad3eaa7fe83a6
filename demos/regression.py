"""Regression with K-dimensional targets: the quadratic loss is what a Gaussian likelihood asks for.

Slides "Common choices for output-layer activation" and "Loss functions for training". The output is linear, ŷ = z_O.
Four hidden units learn sin(2πx) from noisy samples, then eight learn the two targets sin(2πx) and cos(2πx) at once.
With noise of variance σ², -ln p(y|x) is the quadratic loss / (2σ²) and a constant, so that the parameters of least loss
are the most likely ones; the σ of greatest likelihood is the training RMSE.
"""

from __future__ import annotations

import math

import numpy as np

import autograd
import nn
from demos.common import fit, parser, table
from nn import optim
from viz import plots

SIGMA = 0.1  # the standard deviation of the noise
NAMES = (r"$\sin 2\pi x$", r"$\cos 2\pi x$")


def truth(x: autograd.Tensor, K: int) -> autograd.Tensor:
    """The functions to learn, (n, K), at x (n, 1)."""
    return autograd.cat([autograd.sin(2 * math.pi * x), autograd.cos(2 * math.pi * x)], dim=1)[:, :K]


def make_data(n: int, K: int) -> tuple[autograd.Tensor, autograd.Tensor]:
    """Places x (n, 1) and noisy targets y (n, K), drawn after autograd.manual_seed()."""
    x = autograd.rand(n, 1)
    return x, truth(x, K) + SIGMA * autograd.randn(n, K)


def rmse(y: autograd.Tensor, z: autograd.Tensor) -> float:
    """The root of the mean squared error of an element."""
    return math.sqrt(nn.functional.mse_loss(z, y).item())


def main() -> None:
    args = parser(__doc__, out="out/regression", epochs="3,000").parse_args()
    num_epoch = args.epochs or (300 if args.quick else 3000)
    autograd.manual_seed(args.seed)
    import matplotlib.pyplot as plt

    rows, agree = [], []
    for K, nh in (1, 4), (2, 8):
        x, y = make_data(200, K)
        x_test, y_test = make_data(2000, K)
        loader = nn.data.DataLoader(nn.data.TensorDataset(x, y), batch_size=50, shuffle=True)
        model = nn.Sequential(nn.Linear(1, nh), nn.Tanh(), nn.Linear(nh, K))
        opt = optim.Adam(model.parameters(), lr=0.03)
        schedule = optim.lr_scheduler.OneCycleLR(opt, 0.03, epochs=num_epoch, steps_per_epoch=len(loader))
        a_loss = list(fit(model, loader, nn.MSELoss(), opt, num_epoch, schedule))
        with autograd.no_grad():
            z, z_test = model(x), model(x_test)

        # The quadratic loss of the slides is a sum; the log-likelihood of N(z_O, σ² I) needs only that.
        RSS = nn.MSELoss(reduction="sum")(z_test, y_test).item()
        by_loss = RSS / (2 * SIGMA**2) + y_test.numel() / 2 * math.log(2 * math.pi * SIGMA**2)
        density = np.exp(-((y_test - z_test).double() ** 2) / (2 * SIGMA**2)) / math.sqrt(2 * math.pi * SIGMA**2)
        by_density = -density.log().sum().item()
        agree.append(abs(by_loss - by_density) / abs(by_density))

        train, test, off = rmse(y, z), rmse(y_test, z_test), rmse(truth(x_test, K), z_test)
        figures = (train, test, test / SIGMA, off)
        rows.append((str(K), str(nh), *(f"{value:.4f}" for value in figures), f"{by_density / len(x_test):.3f}"))

        figure, axes = plt.subplots(1, 2, figsize=(13, 4.5), layout="constrained")
        places = autograd.linspace(0, 1, 400).view(-1, 1)
        with autograd.no_grad():
            curves = model(places).numpy()
        for k in range(K):
            color = plots.COLOURS[k]
            axes[0].plot(x.numpy()[:, 0], y.numpy()[:, k], ".", color=color, alpha=0.5)
            axes[0].plot(places.numpy()[:, 0], curves[:, k], color=color, linewidth=2, label=f"$z_{{O,{k}}}$")
            axes[0].plot(places.numpy()[:, 0], truth(places, K).numpy()[:, k], "k:", label=NAMES[k])
        axes[0].set(xlabel="$x$", ylabel="$y$")
        axes[0].legend()
        plots.learning_curve({"loss": a_loss}, axes[1:])
        axes[1].set_yscale("log")
        figure.savefig(args.out / f"targets_{K}.png")

    table(("K", "hidden units", "training RMSE", "test RMSE", "/ noise", "off the truth", "-ln p of a sample"), rows)
    print(f"the noise has σ = {SIGMA}; the training RMSE is its most likely value")
    print(f"-ln p from the quadratic loss and from the density itself: they differ by {max(agree):.0e} of it at most")
    print(f"saved in {args.out}: targets_1 and targets_2 .png")


if __name__ == "__main__":
    main()
