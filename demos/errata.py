"""The slips of the slides, each computed: what is printed, what is correct, and the numbers that tell.

One function for each slip; its docstring names the slide. Every other part of the project implements the correct form.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from tqdm import tqdm

import autograd
import nn
from demos.common import parser
from demos.two_layer import Net, make_data
from nn import optim
from viz import plots


@dataclass(frozen=True)
class Slip:
    """What the slide prints and what is correct, each with what it comes to."""

    printed: str
    gives: str
    correct: str
    comes_to: str
    wrong: bool  # whether what is printed fails
    right: bool  # whether what is correct holds


def hidden_tanh() -> Slip:
    """Slide "Common choices for hidden-layer activation"."""
    z = autograd.linspace(-5, 5, 1001, dtype=autograd.float64)
    printed, correct = (
        float((autograd.tanh(z) - (2 * autograd.sigmoid(scale * z) - 1)).abs().max()) for scale in (1, 2)
    )
    return Slip(
        "tanh(z) = 2σ(z) - 1", f"off by up to {printed:.3f}",
        "tanh(z) = 2σ(2z) - 1", f"off by up to {correct:.1e}",
        printed > 0.1, correct < 1e-15,
    )  # fmt: skip


def softmax_denominator() -> Slip:
    """Slide "Loss functions for training": the multiclass likelihood."""
    z = autograd.tensor([2.0, 1.0, -1.0], dtype=autograd.float64)
    printed = (z.exp() / (-z).exp().sum()).sum().item()
    correct = (z.exp() / z.exp().sum()).sum().item()
    return Slip(
        "Pr{y = k | x} = exp(z_k) / Σ exp(-z_l)", f"the probabilities of z = (2, 1, -1) sum to {printed:.3f}",
        "Pr{y = k | x} = exp(z_k) / Σ exp(z_l)", f"they sum to {correct:.3f}",
        abs(printed - 1) > 0.1, abs(correct - 1) < 1e-12,
    )  # fmt: skip


def hard_decision() -> Slip:
    """Slide "Common choices for output-layer activation": the hard decision of two classes."""
    z, y = autograd.tensor([-1.5, -0.2, 0.4, 3.0]), autograd.tensor([0, 0, 1, 1])
    printed, correct = autograd.sign(z), (z > 0).float()
    hits = [(guess == y).float().mean().item() for guess in (printed, correct)]
    return Slip(
        "ŷ = sgn(z)", f"ŷ = {printed.tolist()} of labels {y.tolist()}: {hits[0]:.0%} right",
        "ŷ = 1[z > 0]", f"ŷ = {correct.tolist()}: {hits[1]:.0%} right",
        hits[0] < 1, hits[1] == 1,
    )  # fmt: skip


def overflow() -> Slip:
    """Slides "Training the model" and "Loss functions for training": the binary cross-entropy, computed."""
    z, y = autograd.tensor([1000.0]), autograd.tensor([0.0])
    printed = (autograd.log(1 + autograd.exp(z)) - y * z).item()
    correct = (autograd.maximum(z, 0 * z) - z * y + autograd.log1p(autograd.exp(-z.abs()))).item()
    ours = nn.BCEWithLogitsLoss()(z, y).item()
    return Slip(
        "ln(1 + exp(z)) - y z", f"{printed} at z = 1000, y = 0",
        "max(z, 0) - z y + ln(1 + exp(-|z|))", f"{correct:g}, as of nn.BCEWithLogitsLoss: {ours:g}",
        not np.isfinite(printed), correct == ours == 1000,
    )  # fmt: skip


def fitted(loader: nn.data.DataLoader, num_epoch: int) -> Net:
    """A network 2-4-1, trained as on the slides, but with α = 0.03."""
    model = Net(nin=2, nh=4, nout=1)
    opt = optim.Adam(model.parameters(), lr=0.03)
    criterion = nn.BCELoss()
    for _ in range(num_epoch):
        for x_batch, y_batch in loader:
            loss = criterion(model(x_batch), y_batch.view(-1, 1))
            opt.zero_grad()
            loss.backward()
            opt.step()
    return model


def no_shuffle() -> Slip:
    """Slide "Construct the dataset and dataloader objects", on data sorted by class."""
    X, y = make_data(400)
    order = np.argsort(y, kind="stable")
    X, y = X[order], y[order]
    dataset = nn.data.TensorDataset(autograd.Tensor(X), autograd.Tensor(y))
    majority = max(y.mean(), 1 - y.mean())
    accuracy = []
    for shuffle in False, True:
        autograd.manual_seed(1)  # one start for both
        model = fitted(nn.data.DataLoader(dataset, batch_size=100, shuffle=shuffle), 600)
        with autograd.no_grad():
            guess = model(autograd.Tensor(X)).numpy()[:, 0] > 0.5
        accuracy.append(float(np.mean(guess == y)))
    return Slip(
        "DataLoader(dataset, batch_size=100)", f"{accuracy[0]:.2%} right; the majority rate is {majority:.2%}",
        "DataLoader(dataset, batch_size=100, shuffle=True)", f"{accuracy[1]:.2%} right",
        accuracy[0] < majority + 0.02, accuracy[1] > majority + 0.15,
    )  # fmt: skip


def dedented_metrics() -> Slip:
    """Slide "Fit the network parameters": the lines that count the errors."""
    X, y = make_data(400)
    loader = nn.data.DataLoader(nn.data.TensorDataset(autograd.Tensor(X), autograd.Tensor(y)), batch_size=100)
    model = Net(nin=2, nh=4, nout=1)
    num_epoch = 5
    printed, correct = np.full((2, num_epoch), np.nan)
    for epoch in range(num_epoch):
        total = seen = 0
        for x_batch, _ in loader:
            out = model(x_batch).detach()
            seen += len(out)  # correct: inside the loop over the batches
        total += len(out)  # printed: after it
        correct[epoch] = seen  # correct: inside the loop over the epochs
    printed[epoch] = total  # printed: after it
    recorded = [int(np.isfinite(a).sum()) for a in (printed, correct)]
    return Slip(
        "error, total and accuracy after the loops",
        f"{total} of {len(X)} samples counted, {recorded[0]} of {num_epoch} epochs recorded",
        "inside, over every batch", f"{seen} samples counted, {recorded[1]} epochs recorded",
        total < len(X) and recorded[0] < num_epoch, seen == len(X) and recorded[1] == num_epoch,
    )  # fmt: skip


def guess_keeps_the_graph() -> Slip:
    """Slide "Fit the network parameters": guess = out.round()."""
    out = Net(nin=2, nh=4, nout=1)(autograd.rand(100, 2))
    printed, correct = out.round(), out.detach().round()
    return Slip(
        "guess = out.round()", f"grad_fn is {type(printed.grad_fn).__name__}: the graph lives as long as guess",
        "guess = out.detach().round()", f"grad_fn is {correct.grad_fn}",
        printed.grad_fn is not None, correct.grad_fn is None,
    )  # fmt: skip


def accuracy_is_a_tensor() -> Slip:
    """Slide "Fit the network parameters": accuracy is stored into a NumPy array."""
    out = Net(nin=2, nh=4, nout=1)(autograd.rand(100, 2))
    accuracy = 100 * (1 - (out.round() - 1).abs().sum() / 100)
    number = accuracy.item()
    return Slip(
        "a_accuracy[epoch] = accuracy", f"a {type(accuracy).__name__} with requires_grad={accuracy.requires_grad}",
        "a_accuracy[epoch] = accuracy.item()", f"a {type(number).__name__}: {number:g}",
        accuracy.requires_grad, isinstance(number, float),
    )  # fmt: skip


def title_format() -> Slip:
    """Slide "Visualizing the hidden layer": the title of a plot, for unit 3 of weight -2.5."""
    i, Wo = 3, autograd.tensor([[0.1, 0.2, 0.3, -2.5]])
    title = "uH{0:d}, wO{0:d}={1:4.2f}"
    printed, correct = title.format(i, i, Wo[0, i].item()), title.format(i, Wo[0, i].item())
    return Slip(
        ".format(i, i, Wo[0,i])", printed, ".format(i, Wo[0,i])", correct,
        "-2.50" not in printed, "-2.50" in correct,
    )  # fmt: skip


def plot_listing() -> Slip:
    """Slide "Visualizing the decision region": cut off, without imports, and both axes from xmin[0] to xmax[1]."""
    line = "plt.imshow(np.flipud(u0plot_mat), extent=[xmin[0],xmax[0],"
    try:
        compile(line, "slide", "exec")
        error = "nothing"
    except SyntaxError as found:
        error = type(found).__name__
    xmin, xmax = [0, 10], [1, 30]  # a domain that is not the unit square: 0 <= x_0 <= 1 and 10 <= x_1 <= 30
    printed = [(xmin[0], xmax[1]), (xmin[0], xmax[1])]
    correct = [(xmin[0], xmax[0]), (xmin[1], xmax[1])]
    whole = line + "xmin[1],xmax[1]])"
    compile(whole, "correction", "exec")
    domain = [(0, 1), (10, 30)]
    return Slip(
        "imshow(… extent=[ cut off; linspace(xmin[0],xmax[1]) twice", f"{error}; on 0..1 × 10..30, axes {printed}",
        "the call complete; linspace(xmin[k],xmax[k]) for axis k", f"compiles; axes {correct}",
        error == "SyntaxError" and printed != domain, correct == domain,
    )  # fmt: skip


def sums_and_means() -> Slip:
    """Slides "Loss functions for training" and "Select the optimizer": MSELoss (i.e., RSS)."""
    z, y = autograd.randn(50, 3, dtype=autograd.float64), autograd.randn(50, 3, dtype=autograd.float64)
    rss = float(np.sum((y.numpy() - z.numpy()) ** 2))
    printed, correct = nn.MSELoss()(z, y).item(), nn.MSELoss(reduction="sum")(z, y).item()
    return Slip(
        "MSELoss() is Σ (y - z)²", f"{printed:.4f} against {rss:.4f}, {rss / printed:.0f} times as large",
        "MSELoss() averages; the sum is MSELoss(reduction='sum')", f"{correct:.4f}",
        not np.isclose(printed, rss), bool(np.isclose(correct, rss)),
    )  # fmt: skip


def lasso() -> Slip:
    """Slide "Select the optimizer and loss criterion": MSELoss + λ L1Loss for Lasso."""
    X = autograd.randn(200, 10)
    w = autograd.tensor([2.0, -1.0, 0.5, *[0.0] * 7])
    y = (X @ w + 0.5 * autograd.randn(200)).view(-1, 1)
    left = []
    for correct in False, True:
        model = nn.Linear(10, 1)
        opt = optim.Adam(model.parameters(), lr=0.02)
        schedule = optim.lr_scheduler.CosineAnnealingLR(opt, 400)
        for _ in range(400):
            out = model(X)
            penalty = model.weight.abs().sum() if correct else nn.L1Loss()(out, y)
            loss = nn.MSELoss()(out, y) + 0.3 * penalty
            opt.zero_grad()
            loss.backward()
            opt.step()
            schedule.step()
        left.append(model.weight.detach().abs().numpy()[0, 3:].max())
    return Slip(
        "MSELoss + λ L1Loss(prediction, target)", f"of 7 useless weights the largest stays at {left[0]:.3f}",
        "MSELoss + λ Σ|w|", f"the largest is {left[1]:.4f}",
        left[0] > 0.01, left[1] < 0.005,
    )  # fmt: skip


def weight_decay() -> Slip:
    """Slide "Fine-tuning the implementation": L2 regularization by weight_decay = λ."""
    theta = autograd.tensor([3.0, -2.0], requires_grad=True)
    before, decay = theta.detach().clone(), 0.25
    theta.grad = autograd.zeros(2)
    optim.SGD([theta], lr=1.0, weight_decay=decay).step()
    step = (before - theta.detach()).numpy()
    slopes = []
    for factor in decay, decay / 2:
        w = before.clone().requires_grad_()
        (factor * (w**2).sum()).backward()
        slopes.append(np.asarray(w.grad))
    return Slip(
        "a penalty λ‖θ‖²", f"its gradient is {slopes[0].tolist()}; the optimizer adds {step.tolist()}",
        "a penalty (λ/2)‖θ‖²", f"its gradient λθ is {slopes[1].tolist()}",
        not np.allclose(slopes[0], step), bool(np.allclose(slopes[1], step)),
    )  # fmt: skip


def expectation() -> Slip:
    """Slide "Rationale for stochastic gradient descent": n = 10 samples in batches of 4, 4 and 2."""
    X, y = autograd.randn(10, 3, dtype=autograd.float64), autograd.randn(10, 1, dtype=autograd.float64)
    model = nn.Linear(3, 1, dtype=autograd.float64)

    def g(rows: slice) -> Any:
        model.zero_grad()
        nn.MSELoss()(model(X[rows]), y[rows]).backward()
        return np.asarray(model.weight.grad).copy()

    full = g(slice(0, 10))
    parts = [g(slice(0, 4)), g(slice(4, 8)), g(slice(8, 10))]
    printed = np.abs(np.mean(parts, axis=0) - full).max()
    correct = np.abs(sum(size * part / 10 for size, part in zip((4, 4, 2), parts, strict=True)) - full).max()
    return Slip(
        "(1/T) Σ g^t = ∇J for any mini-batches", f"off by {printed:.3f} for batches of 4, 4 and 2",
        "Σ (|I_t|/n) g^t; the same if all T are of one size", f"off by {correct:.1e}",
        printed > 1e-3, correct < 1e-12,
    )  # fmt: skip


def chain_rule() -> Slip:
    """Slide "Simple case 2": the brace under ∂J/∂z_{O,i} ∂z_{O,i}/∂u_{H,i}."""
    u = autograd.randn(5, dtype=autograd.float64).requires_grad_()
    w_O, y = 1.5, autograd.tensor([0.0, 1.0, 1.0, 0.0, 1.0], dtype=autograd.float64)
    z = w_O * u + 0.2
    z.retain_grad()
    nn.BCEWithLogitsLoss(reduction="sum")(z, y).backward()
    found, dz = np.asarray(u.grad), np.asarray(z.grad)
    printed, correct = np.abs(found - w_O).max(), np.abs(found - dz * w_O).max()
    return Slip(
        "∂J/∂u_{H,i}, both factors = w_O", f"off by up to {printed:.3f}",
        "∂J/∂u_{H,i} = ∂J/∂z_{O,i} · w_O", f"off by up to {correct:.1e}",
        printed > 0.1, correct < 1e-15,
    )  # fmt: skip


SLIPS: list[Callable[[], Slip]] = [
    hidden_tanh, softmax_denominator, hard_decision, overflow, no_shuffle, dedented_metrics, guess_keeps_the_graph,
    accuracy_is_a_tensor, title_format, plot_listing, sums_and_means, lasso, weight_decay, expectation, chain_rule,
]  # fmt: skip


def main() -> None:
    args = parser(__doc__, out="out/errata").parse_args()
    autograd.manual_seed(args.seed)

    shown = 0
    for k, slip in enumerate(tqdm(SLIPS, unit="slip")):
        found = slip()
        holds = found.wrong and found.right
        shown += holds
        tqdm.write(
            f"{k + 1:2}. {slip.__doc__}\n"
            f"    printed: {found.printed}\n             {found.gives}\n"
            f"    correct: {found.correct}\n             {found.comes_to}" + ("" if holds else "\n    NOT SHOWN")
        )
    print(f"{shown} of {len(SLIPS)} corrections shown")

    import matplotlib.pyplot as plt  # not above: the numbers need not wait for it

    figure, (left, right) = plt.subplots(1, 2, figsize=(14, 5.5), layout="constrained")
    z = np.linspace(-5, 5, 401)
    left.plot(z, np.tanh(z), color=plots.COLOURS[0], linewidth=6, alpha=0.5, label="tanh(z)")
    for k, (scale, label) in enumerate([(1, "printed: 2σ(z) - 1"), (2, "correct: 2σ(2z) - 1")]):
        left.plot(z, 2 / (1 + np.exp(-scale * z)) - 1, plots.LINES[k + 1], color=plots.COLOURS[k + 1], label=label)
    z32 = np.linspace(-50, 150, 401, dtype=np.float32)
    with np.errstate(over="ignore"):
        right.plot(z32, np.log(1 + np.exp(z32)), color=plots.COLOURS[0], linewidth=6, alpha=0.5, label="printed")
    scores = autograd.from_numpy(z32)
    losses = nn.BCEWithLogitsLoss(reduction="none")(scores, autograd.zeros_like(scores)).numpy()
    right.plot(z32, losses, "--", color=plots.COLOURS[1], label="correct: max(z, 0) + ln(1 + exp(-|z|))")
    left.set(xlabel="z", title="tanh by the sigmoid")
    right.set(xlabel="z", title="ln(1 + exp(z)) in float32 ends at z = 88.7")
    for ax in left, right:
        ax.grid(alpha=0.3)
        ax.legend()
    figure.savefig(args.out / "errata.png")
    print(f"saved in {args.out}: errata.png")


if __name__ == "__main__":
    main()
