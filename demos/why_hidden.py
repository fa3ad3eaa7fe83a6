"""Why there is a hidden layer: a linear classifier fails where a few hidden units succeed.

Slides "Dealing with data that is not linearly separable" and "A two-stage approach to classification". The two classes
are a disc and what surrounds it. A line can do no better than call everything the larger class, and neither can one
hidden unit, whose output rises in one direction only. Two units cut out a strip, three a triangle, four a fair disc.
"""

from __future__ import annotations

import numpy as np
from tqdm import tqdm

import autograd
import nn
from demos.common import parser, table
from demos.two_layer import Net, make_data
from nn import optim
from viz import plots


def fit(model: nn.Module, loader: nn.data.DataLoader, num_epoch: int) -> float:
    """Train as the slides do; the loss of the last epoch."""
    opt = optim.Adam(model.parameters(), lr=0.01)
    criterion = nn.BCELoss()
    for _ in range(num_epoch):
        batch_loss = []
        for x_batch, y_batch in loader:
            loss = criterion(model(x_batch), y_batch.view(-1, 1))
            opt.zero_grad()
            loss.backward()
            opt.step()
            batch_loss.append(loss.item())
    return float(np.mean(batch_loss))


def accuracy(model: nn.Module, X: np.ndarray, y: np.ndarray) -> float:
    with autograd.no_grad():
        u = model(autograd.Tensor(X)).numpy()[:, 0]
    return float(100 * np.mean((u > 0.5) == y))


def main() -> None:
    args = parser(__doc__, out="out/why_hidden", epochs="2,000").parse_args()
    num_epoch = args.epochs or (50 if args.quick else 2000)
    autograd.manual_seed(args.seed)

    X, y = make_data(400)
    X_new, y_new = make_data(10_000)
    dataset = nn.data.TensorDataset(autograd.Tensor(X), autograd.Tensor(y))
    loader = nn.data.DataLoader(dataset, batch_size=100, shuffle=True)

    models: dict[str, nn.Module] = {"linear": nn.Sequential(nn.Linear(2, 1), nn.Sigmoid())}
    for nh in 1, 2, 3, 4, 8:
        models[f"{nh} hidden unit{'s' if nh > 1 else ''}"] = Net(nin=2, nh=nh, nout=1)

    rows = []
    for name, model in tqdm(models.items(), unit="network"):
        loss = fit(model, loader, num_epoch)
        size = sum(parameter.numel() for parameter in model.parameters())
        reached = (f"{accuracy(model, *data):.2f} %" for data in ((X, y), (X_new, y_new)))
        rows.append((name, size, f"{loss:.4f}", *reached))
    p = y.mean()  # what a constant output would be, without looking at x
    majority = (f"{100 * max(np.mean(classes), 1 - np.mean(classes)):.2f} %" for classes in (y, y_new))
    rows.append(("always the larger class", 0, f"{-p * np.log(p) - (1 - p) * np.log(1 - p):.4f}", *majority))
    table(("network", "parameters", "loss", "training accuracy", "of 10,000 new points"), rows)

    import matplotlib.pyplot as plt  # not above: training need not wait for it

    _, axes = plt.subplots(2, 3, figsize=(20, 11), layout="constrained")
    for ax, (name, model) in zip(axes.flat, models.items(), strict=True):
        plots.decision_region(model, X, y, ax, extent=(0, 1, 0, 1))
        ax.get_legend().remove()  # it stands where the title is to be
        ax.set_title(name, fontsize=18)
    plt.savefig(args.out / "decision_regions.png")
    plots.hidden_units(models["4 hidden units"], extent=(0, 1, 0, 1))
    plt.savefig(args.out / "hidden_units.png")
    print(f"saved in {args.out}: decision_regions and hidden_units .png")


if __name__ == "__main__":
    main()
