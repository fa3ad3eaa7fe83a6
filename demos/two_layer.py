"""The motivating example of the slides: a network that learns which features separate two classes.

400 points in the unit square belong to class 1 inside a disc and to class 0 around it, so no line separates them.
Four hidden units, each a linear classifier, make them separable for the output unit.
"""

from __future__ import annotations

import numpy as np
from tqdm import tqdm

import autograd
import nn
import viz
from demos.common import parser
from nn import optim
from viz import plots


def make_data(n: int, noisy: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Points X (n, 2) and their classes y (n,), drawn after autograd.manual_seed()."""
    X = autograd.rand(n, 2).numpy()
    r2 = np.sum((X - 0.5) ** 2, axis=1)  # squared distance from the centre of the square
    p = 1 / (1 + np.exp(-10 * (np.exp(-8 * r2) - 0.5)))  # Pr{y = 1 | x}
    # Without noise the more probable class: 1 where e^(-8 r²) > ½, the disc of radius √(ln 2 / 8) = 0.294.
    y = autograd.rand(n).numpy() < p if noisy else p > 0.5
    return X, y.astype(int)


class Net(nn.Module):
    # nin: dimension of input data
    # nh: number of hidden units
    # nout: number of outputs = 1 since this is binary
    def __init__(self, nin: int, nh: int, nout: int) -> None:
        super(Net, self).__init__()  # noqa: UP008 - as on the slides
        self.activation = nn.Sigmoid()
        self.Dense1 = nn.Linear(nin, nh)
        self.Dense2 = nn.Linear(nh, nout)

    def forward(self, x: autograd.Tensor) -> autograd.Tensor:
        x = self.activation(self.Dense1(x))
        out: autograd.Tensor = self.activation(self.Dense2(x))
        return out


def main() -> None:
    options = parser(__doc__, out="out/two_layer", epochs="2,000")
    options.add_argument("--noisy", action="store_true", help="draw the labels: y ~ Bernoulli(σ(10 (e^(-8 r²) - ½)))")
    args = options.parse_args()
    num_epoch = args.epochs or (20 if args.quick else 2000)
    autograd.manual_seed(args.seed)

    # 1) Construct the dataset and dataloader objects
    X, y = make_data(400, args.noisy)
    X_tensor = autograd.Tensor(X)
    y_tensor = autograd.Tensor(y)
    dataset = nn.data.TensorDataset(X_tensor, y_tensor)
    loader = nn.data.DataLoader(dataset, batch_size=100, shuffle=True)

    # 2) Construct the network
    model = Net(nin=2, nh=4, nout=1)

    # 3) Select the optimizer and loss criterion
    opt = optim.Adam(model.parameters(), lr=0.01)
    criterion = nn.BCELoss()

    # 4) Fit the network parameters
    a_loss = np.zeros(num_epoch)
    a_accuracy = np.zeros(num_epoch)
    progress = tqdm(range(num_epoch), unit="epoch", mininterval=0.3)
    for epoch in progress:
        error = 0
        total = 0
        batch_loss = []
        for x_batch, y_batch in loader:
            y_batch = y_batch.view(-1, 1)  # to (batch size, 1), the shape of out
            out = model(x_batch)
            # Compute loss
            loss = criterion(out, y_batch)
            batch_loss.append(loss.item())
            # Compute gradients using back-propagation
            opt.zero_grad()
            loss.backward()
            # Take an optimization 'step' (i.e., update parameters)
            opt.step()
            # Count the wrong decisions, in every batch
            guess = out.detach().round()  # hard binary outputs
            error += (guess - y_batch).abs().sum().item()
            total += len(y_batch)
        a_loss[epoch] = np.mean(batch_loss)
        a_accuracy[epoch] = 100 * (1 - error / total)
        progress.set_postfix_str(f"loss {a_loss[epoch]:.4f}, accuracy {a_accuracy[epoch]:.2f} %", refresh=False)

    # 5) Apply the network
    out = model(X_tensor).detach().numpy()[:, 0]
    accuracy = 100 * np.mean((out > 0.5) == y)
    print(f"after {num_epoch:,} epochs: loss {a_loss[-1]:.4f}, training accuracy {accuracy:.2f} %")

    import matplotlib.pyplot as plt  # not above: training need not wait for it

    plots.learning_curve({"loss": a_loss, "accuracy": a_accuracy})
    plt.gcf().savefig(args.out / "history.png")  # not plt.savefig(), which draws it again
    plots.decision_region(model, X, y, extent=(0, 1, 0, 1))
    plt.gcf().savefig(args.out / "decision_region.png")
    plots.hidden_units(model, extent=(0, 1, 0, 1))
    plt.gcf().savefig(args.out / "hidden_units.png")

    # The graph of the loss on one batch: its forward pass, and the backward pass with the chain rule
    x_batch, y_batch = next(iter(loader))
    loss = criterion(model(x_batch), y_batch.view(-1, 1))
    for show in "forward", "backward":
        diagram = viz.draw(loss, show=show)
        diagram.save(args.out / f"{show}.svg")
        diagram.save(args.out / f"{show}.png")
    # Both passes in matrices, with a ✓ for every gradient that finite differences confirm
    sheet = viz.sheet(loss, names={"X": x_batch}, values=True)
    print(sheet.text)
    page = '<!DOCTYPE html>\n<meta charset="utf-8">\n<title>Both passes of the network</title>\n'
    (args.out / "sheet.html").write_text(page + sheet.html, encoding="utf-8")
    # The same, operation by operation: open it in a browser, and walk with the arrow keys
    viz.player(loss, args.out / "player.html", names={"X": x_batch})
    pictures = "history, decision_region and hidden_units .png, forward and backward .svg and .png"
    print(f"saved in {args.out}: {pictures}, sheet.html, player.html")


if __name__ == "__main__":
    main()
