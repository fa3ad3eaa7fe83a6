"""The activations of hidden layers: values, derivatives, saturation, and what they do to twenty layers.

Slide "Common choices for hidden-layer activation". Where an activation is flat it passes hardly any gradient back: it
saturates. Through many layers this multiplies, and so does whatever the weights do to the size of the signal. SELU,
with weights of mean 0 and variance 1/fan_in, brings mean and variance back to 0 and 1 in each layer.
"""

from __future__ import annotations

import math

import numpy as np
from tqdm import tqdm

import autograd
import nn
from demos.common import parser, table
from viz import plots

# Those of the slides, then the others that a hidden layer may take from nn, with its defaults.
ACTIVATIONS = [
    nn.Sigmoid(), nn.Tanh(), nn.ReLU(), nn.SELU(),
    nn.LeakyReLU(), nn.PReLU(), nn.ELU(), nn.CELU(), nn.GELU(), nn.SiLU(), nn.Mish(), nn.Softplus(), nn.LogSigmoid(),
    nn.Softsign(), nn.ReLU6(), nn.Hardtanh(), nn.Hardsigmoid(), nn.Hardswish(), nn.Hardshrink(), nn.Softshrink(),
    nn.Tanhshrink(), nn.Threshold(0, 0),
]  # fmt: skip
DEPTH = 20


def derivatives(g: nn.Module, places: list[float]) -> list[float]:
    """g′(z), by the backward pass."""
    z = autograd.tensor(places, dtype=autograd.float64, requires_grad=True)
    g(z).sum().backward()
    slopes: list[float] = np.asarray(z.grad).tolist()
    return slopes


def deep(g: nn.Module, initialise: str, width: int) -> list[nn.Linear]:
    """The linear layers of a network of DEPTH layers: no biases, weights as ``initialise`` says."""
    layers = [nn.Linear(width, width, bias=False) for _ in range(DEPTH)]
    for layer in layers:
        if initialise == "Xavier":
            nn.init.xavier_normal_(layer.weight)
        elif initialise == "Kaiming":
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        elif initialise == "LeCun":
            nn.init.lecun_normal_(layer.weight)  # variance 1/fan_in
    return layers


def through(layers: list[nn.Linear], g: nn.Module, X: autograd.Tensor) -> tuple[list[autograd.Tensor], list[float]]:
    """The hidden outputs U of every layer, and the size of ∂𝒥/∂U there, in root mean squares, for a random ∂𝒥/∂U."""
    U = [X.clone().requires_grad_()]
    for layer in layers:
        U.append(g(layer(U[-1])))
        U[-1].retain_grad()
    U[-1].backward(autograd.randn(*X.shape))
    return [u.detach() for u in U], [float(np.sqrt(np.mean(np.asarray(u.grad) ** 2))) for u in U]


def main() -> None:
    args = parser(__doc__, out="out/activations").parse_args()
    width, samples = (128, 500) if args.quick else (512, 2000)
    autograd.manual_seed(args.seed)

    # 1) The derivatives, and how fast they die out
    print("derivatives g'(z): those of sigmoid and tanh vanish at large |z|, that of ReLU where z < 0")
    places = [-10.0, -5.0, -2.0, 0.0, 2.0, 5.0, 10.0]
    rows = [(type(g).__name__, *derivatives(g, places)) for g in ACTIVATIONS]
    table(("activation", *(f"z = {z:g}" for z in places)), rows)
    print()
    print(f"the sigmoid's g' is 1/4 at most: but for the weights, {DEPTH} layers leave {0.25**DEPTH:.1g} of a gradient")
    print()

    # 2) Twenty layers, from inputs of mean 0 and variance 1
    networks: dict[str, tuple[nn.Module, str]] = {
        "sigmoid, Xavier": (nn.Sigmoid(), "Xavier"),
        "tanh, Xavier": (nn.Tanh(), "Xavier"),
        "ReLU, Kaiming": (nn.ReLU(), "Kaiming"),
        "SELU, PyTorch's default": (nn.SELU(), "default"),
        "SELU, LeCun": (nn.SELU(), "LeCun"),
    }
    X = autograd.randn(samples, width)
    outputs, means, variances, sizes = {}, {}, {}, {}
    for name, (g, initialise) in tqdm(networks.items(), unit="network"):
        U, gradients = through(deep(g, initialise, width), g, X)
        outputs[name] = U
        means[name] = [u.mean().item() for u in U]
        variances[name] = [u.var().item() for u in U]
        sizes[name] = [size / gradients[-1] for size in gradients]
    for title, figures in ("mean of the outputs", means), ("variance of the outputs", variances):
        print(f"{title} U of each layer; layer 0 is the input")
        table(("layer", *networks), [(f"{l}", *(values[l] for values in figures.values())) for l in range(DEPTH + 1)])
        print()
    print("size of the gradient that arrives at each layer, of 1 that enters at the last")
    rows = [(f"{l}", *(values[l] for values in sizes.values())) for l in range(DEPTH, -1, -5)]
    table(("layer", *networks), rows)
    mean, variance = max(map(abs, means["SELU, LeCun"])), variances["SELU, LeCun"]
    print()
    print(f"SELU, LeCun: |mean| <= {mean:.3f} and {min(variance):.3f} <= variance <= {max(variance):.3f} in each layer")

    import matplotlib.pyplot as plt  # not above: the tables need not wait for it

    columns = 4
    figure, axes = plt.subplots(math.ceil(len(ACTIVATIONS) / columns), columns, figsize=(18, 22), layout="tight")
    for ax, g in zip(axes.flat, ACTIVATIONS):  # noqa: B905 - there may be empty places in the last row
        plots.activation(g, ax, label=type(g).__name__)
    for ax in axes.flat[len(ACTIVATIONS) :]:
        ax.remove()
    figure.savefig(args.out / "activations.png")

    shown = [1, 5, 10, 15, 20]
    figure, axes = plt.subplots(len(networks), len(shown), figsize=(16, 12), layout="tight", squeeze=False)
    for row, (name, U) in zip(axes, outputs.items(), strict=True):
        row[0].set_ylabel(name)
        for ax, l in zip(row, shown, strict=True):
            ax.hist(U[l].numpy()[:200].ravel(), bins=60, range=(-3, 3), density=True, color=plots.COLOURS[0])
            ax.set_yticks([])
            ax.set_title(f"layer {l}")
    figure.savefig(args.out / "twenty_layers.png")
    print(f"saved in {args.out}: activations and twenty_layers .png")


if __name__ == "__main__":
    main()
