"""Against overfitting: weight_decay, on the weights only, the Lasso done right, and cross-validation to choose.

Slides "Fine-tuning the implementation" and "PyTorch loss options". weight_decay=λ adds λθ to the gradient: it is the
penalty (λ/2)‖θ‖². Parameter groups keep it off the biases. The Lasso's penalty is λ Σ|w|, of the weights, which
L1Loss(prediction, target) is not. The number of hidden units and λ are chosen by 5-fold cross-validation.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from sklearn import linear_model
from sklearn.model_selection import StratifiedKFold, cross_val_score
from tqdm import tqdm

import autograd
import nn
from demos.common import parser, table
from demos.multiclass import soft
from demos.two_layer import make_data
from nn import optim
from viz import plots

Array = np.ndarray[Any, Any]


def weights_only(params: Iterable[nn.Parameter], lr: float, weight_decay: float) -> optim.Optimizer:
    """Adam that decays matrices but no biases; slide "Can restrict to weights via per-parameter options"."""
    params = list(params)
    weights = {"params": [p for p in params if p.ndim > 1], "weight_decay": weight_decay}
    biases = {"params": [p for p in params if p.ndim == 1]}
    return optim.Adam([weights, biases], lr=lr)


def compare_steps(lam: float = 0.3) -> None:
    """One step of SGD with weight_decay, against one with a penalty that is written into the loss."""
    start = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1)).double()
    X, y = autograd.rand(20, 2).double(), autograd.rand(20, 1).double()

    def step(weight_decay: float, penalty: float, least: int) -> autograd.Tensor:
        """The parameters after it; those with ``least`` dimensions or more are decayed."""
        model = copy.deepcopy(start)
        groups = [{"params": [p], "weight_decay": weight_decay * (p.ndim >= least)} for p in model.parameters()]
        opt = optim.SGD(groups, lr=0.1)
        J = nn.MSELoss()(model(X), y) + penalty * sum((p**2).sum() for p in model.parameters() if p.ndim >= least)
        J.backward()
        opt.step()
        return nn.utils.parameters_to_vector(model.parameters()).detach()

    rows = []
    for of, least in ("all parameters", 1), ("weights only", 2):
        decayed = step(lam, 0, least)
        off = [(decayed - step(0, penalty, least)).abs().max().item() for penalty in (lam / 2, lam)]
        rows.append((of, *(f"{value:.0e}" for value in off)))
    table(("a step with weight_decay=λ differs from one with", "(λ/2)‖θ‖² in 𝒥, by", "λ‖θ‖² in 𝒥, by"), rows)


def train_linear(X: Array, y: Array, loss: Callable[[autograd.Tensor, autograd.Tensor, autograd.Tensor], Any]) -> Array:
    """The weights of a linear model that make ``loss(z, y, w)`` least, by Adam with a step size that falls to 0."""
    model = nn.Linear(X.shape[1], 1).double()
    inputs, targets = autograd.tensor(X), autograd.tensor(y).view(-1, 1)
    opt = optim.Adam(model.parameters(), lr=0.03)
    schedule = optim.lr_scheduler.CosineAnnealingLR(opt, 3000)
    for _ in tqdm(range(3000), unit="step", mininterval=0.3):
        J = loss(model(inputs), targets, model.weight)
        opt.zero_grad()
        J.backward()
        opt.step()
        schedule.step()
    return model.weight.detach().numpy()[0]


def lasso() -> None:
    """20 features of which 3 matter: what the Lasso's penalty finds, and what L1Loss finds."""
    lam = 0.2
    w_true = np.zeros(20)
    w_true[:3] = 2, -1.5, 1
    X = autograd.randn(100, 20).double().numpy()
    y = X @ w_true + 0.5 * autograd.randn(100).double().numpy()
    mse, l1 = nn.MSELoss(), nn.L1Loss()
    oracle = linear_model.Lasso(alpha=lam / 2, tol=1e-10).fit(X, y).coef_  # its loss is half of ours
    found = {
        "MSELoss": train_linear(X, y, lambda z, y, w: mse(z, y)),
        "MSELoss + λ L1Loss(z, y)": train_linear(X, y, lambda z, y, w: mse(z, y) + lam * l1(z, y)),
        "MSELoss + λ Σ|w|": train_linear(X, y, lambda z, y, w: mse(z, y) + lam * w.abs().sum()),
        "scikit-learn's Lasso": oracle,
    }
    rows = [
        (
            name,
            f"{np.sum(np.abs(w) < 1e-3)} of 17",
            f"{np.abs(w[3:]).max():.4f}",
            f"{np.abs(w).sum():.3f}",
            f"{np.abs(w - oracle).max():.4f}",
        )
        for name, w in found.items()
    ]
    table((f"the Lasso, λ = {lam}", "weights that are 0", "largest needless one", "Σ|w|", "off scikit-learn's"), rows)


def main() -> None:
    args = parser(__doc__, out="out/regularization", epochs="1,000").parse_args()
    num_epoch = args.epochs or (100 if args.quick else 1000)
    autograd.manual_seed(args.seed)
    import matplotlib.pyplot as plt

    # 1) What weight_decay is
    compare_steps()

    # 2) The Lasso
    print()
    lasso()

    # 3) Cross-validation: few noisy samples, which a large network learns by heart
    from nn.sklearn import NeuralNetClassifier

    X, y = make_data(100, noisy=True)
    X_test, y_test = make_data(5000, noisy=True)
    folds = StratifiedKFold(5, shuffle=True, random_state=args.seed)
    sizes = [1, 4, 64] if args.quick else [1, 2, 4, 16, 64]
    decays = [0, 1e-3] if args.quick else [0, 3e-4, 1e-3, 3e-3]

    def network(size: int, decay: float) -> NeuralNetClassifier:
        return NeuralNetClassifier(
            hidden_sizes=[size], activation="Tanh", optimizer=weights_only, lr=0.03, weight_decay=decay,
            epochs=num_epoch, batch_size=None, random_state=args.seed,
        )  # fmt: skip

    grid = [(size, decay) for size in sizes for decay in decays]
    mean = {
        (size, decay): 100 * cross_val_score(network(size, decay), X, y, cv=folds).mean()
        for size, decay in tqdm(grid, unit="network")
    }
    print()
    head = ("mean accuracy in 5 folds", *(f"λ = {decay:g}" for decay in decays))
    table(head, [(f"{size} hidden units", *(f"{mean[size, decay]:.1f} %" for decay in decays)) for size in sizes])

    best = max(grid, key=mean.__getitem__)
    shown = {"largest, λ = 0": (sizes[-1], 0.0), "chosen by cross-validation": best}
    rows = []
    axes = plt.subplots(1, 2, figsize=(13, 6), layout="constrained")[1]
    for (name, (size, decay)), ax in zip(shown.items(), axes, strict=True):
        net = network(size, decay).fit(X, y)
        accuracies = (100 * net.score(X, y), 100 * net.score(X_test, y_test))
        norm = np.sqrt(sum((p.detach().numpy() ** 2).sum() for p in net.module_.parameters() if p.ndim > 1))
        percent = (f"{value:.1f} %" for value in accuracies)
        rows.append((f"{name}: {size} units, λ = {decay:g}", *percent, f"{norm:.1f}"))
        plots.decision_region(soft(net.module_, 1), X, y, ax, extent=(0, 1, 0, 1))
    plt.savefig(args.out / "decision_regions.png")
    print()
    table(("", "training accuracy", "test accuracy", "‖W‖"), rows)
    probability = 1 / (1 + np.exp(-10 * (np.exp(-8 * np.sum((X_test - 0.5) ** 2, axis=1)) - 0.5)))
    ceiling = 100 * np.maximum(probability, 1 - probability).mean()
    print(f"the labels are drawn at random: knowing their probabilities one would be right {ceiling:.1f} % of the time")

    figure, ax = plt.subplots(figsize=(8, 5), layout="constrained")
    image = ax.imshow([[mean[size, decay] for decay in decays] for size in sizes], cmap="viridis", aspect="auto")
    ax.set_xticks(range(len(decays)), [f"{decay:g}" for decay in decays])
    ax.set_yticks(range(len(sizes)), [str(size) for size in sizes])
    ax.set(xlabel=r"weight decay $\lambda$", ylabel="hidden units")
    figure.colorbar(image, ax=ax).set_label("accuracy in the 5 folds in %")
    ax.plot(decays.index(best[1]), sizes.index(best[0]), "w*", markersize=20, markeredgecolor="black")
    figure.savefig(args.out / "cross_validation.png")
    print(f"saved in {args.out}: decision_regions and cross_validation .png")


if __name__ == "__main__":
    main()
