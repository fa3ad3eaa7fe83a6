"""Every kind of picture that viz draws, with a page to look through them: index.html.

The slides' networks 2-4-1 and 784-100-10 (on random images), a skip connection, a shared weight, fifty layers and a
scalar expression in the style of CS231n, at every level, with forward and backward pass, in the themes light, dark and
print; circles and wires; a step of gradient descent; plots.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import autograd
import nn
import viz
from demos import mnist, two_layer
from demos.common import parser
from nn import optim
from viz import plots

SHOWS = ("forward", "backward", "both")
THEMES = ("light", "dark", "print")


@dataclass(frozen=True)
class Picture:
    """What is drawn, and what the page says of it. ``draw`` makes a Diagram, or axes of matplotlib."""

    section: str
    file: str
    caption: str
    draw: Callable[[], Any]
    essential: bool = True  # drawn with --quick too


class Block(nn.Module):
    """u + g(W u + b): what comes in skips the layer."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.linear = nn.Linear(size, size)
        self.activation = nn.Tanh()

    def forward(self, u: autograd.Tensor) -> autograd.Tensor:
        return u + self.activation(self.linear(u))


def train(model: nn.Module, X: autograd.Tensor, y: autograd.Tensor, epochs: int) -> dict[str, list[float]]:
    """Adam on all samples at once; loss and accuracy after each epoch."""
    history: dict[str, list[float]] = {"loss": [], "accuracy": []}
    opt = optim.Adam(model.parameters(), lr=0.03)
    criterion = nn.BCELoss()
    for _ in range(epochs):
        out = model(X)
        loss = criterion(out, y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        history["loss"].append(loss.item())
        history["accuracy"].append(100 * ((out.detach() > 0.5) == (y > 0.5)).float().mean().item())
    return history


def graphs() -> Iterator[Picture]:
    """The pictures of recorded graphs."""
    X, y = autograd.rand(100, 2), (autograd.rand(100, 1) > 0.5).float()
    net = two_layer.Net(2, 4, 1)
    loss = nn.BCELoss()(net(X), y)
    for level in "op", "layer", "unit":
        for show in SHOWS:
            for theme in THEMES:
                section, file = f"The slides' network 2-4-1, level {level}", f"2-4-1_{level}_{show}_{theme}"
                shown = partial(viz.draw, loss, show, level, theme=theme)
                yield Picture(section, file, f"{show}, {theme}", shown, theme == "light" and show == "both")
    inside = "What is inside"
    numbers = partial(viz.draw, loss, "both", values=True, sample=3)
    yield Picture(inside, "values", "small arrays as numbers, of row 3", numbers, False)
    for theme in THEMES:
        heat = partial(viz.draw, loss, "both", thumbnails=True, theme=theme)
        yield Picture(inside, f"thumbnails_{theme}", f"arrays as heat-maps, {theme}", heat, theme == "light")
    whole = partial(viz.draw, loss, "both", "layer", depth=1)
    yield Picture(inside, "depth_1", "modules as boxes, opened one deep", whole, False)

    digits, labels = autograd.rand(100, 784), autograd.randint(0, 10, (100,))
    wide = nn.CrossEntropyLoss()(mnist.Net(784, 100, 10)(digits), labels)
    for level in "op", "layer", "unit":
        shown = partial(viz.draw, wide, "both", level)
        yield Picture("784-100-10", f"784-100-10_{level}", f"level {level}", shown, level == "unit")

    skip = nn.Sequential(nn.Linear(2, 4), Block(4), nn.Linear(4, 1), nn.Sigmoid())
    skipping = nn.BCELoss()(skip(X), y)
    lin = nn.Linear(4, 4)
    shared = nn.Sequential(nn.Linear(2, 4), lin, nn.Tanh(), lin, nn.Tanh(), nn.Linear(4, 1))
    sharing = nn.MSELoss()(shared(X), y)
    fifty = nn.Sequential(*(part for _ in range(50) for part in (nn.Linear(4, 4), nn.Sigmoid())), nn.Linear(4, 1))
    deep = nn.MSELoss()(fifty(autograd.rand(8, 4)), autograd.zeros(8, 1))
    shapes = "Shapes of networks"
    for what, root in ("skip connection", skipping), ("shared weight", sharing):
        for level in "op", "layer":
            file = f"{what.replace(' ', '_')}_{level}"
            yield Picture(shapes, file, f"{what}, level {level}", partial(viz.draw, root, "both", level))
    yield Picture(shapes, "fifty_layers", "fifty layers: repeats are folded", partial(viz.draw, deep, "both"))

    w0, x0, w1, x1, w2 = (autograd.tensor(v, requires_grad=True) for v in (2.0, -1.0, -3.0, -2.0, -3.0))
    f = 1 / (1 + autograd.exp(-(w0 * x0 + w1 * x1 + w2)))
    named = {"w_0": w0, "x_0": x0, "w_1": w1, "x_1": x1, "w_2": w2, "f": f}
    for level in "op", "unit":
        shown = partial(viz.draw, f, "both", level, names=named)
        yield Picture("A scalar expression, as in CS231n", f"scalars_{level}", f"level {level}", shown)
    x = autograd.tensor(3.0, requires_grad=True)
    (gradient,) = autograd.grad(x * x * x, x, create_graph=True)
    recorded = partial(viz.draw, gradient, names={"x": x})
    yield Picture("The backward pass as a graph of its own", "create_graph", "∂x³/∂x, with create_graph=True", recorded)

    circles = "Circles and wires"
    for theme in THEMES:
        shown = partial(viz.network, net, X, theme=theme)
        yield Picture(circles, f"network_{theme}", f"2-4-1 with values, {theme}", shown, theme == "light")
    shown = partial(viz.network, mnist.Net(784, 100, 10))
    yield Picture(circles, "network_784-100-10", "784-100-10, only the weights", shown)

    loss.backward()
    yield Picture("A step of gradient descent", "step", "θ, g and θ − αg", lambda: viz.step(net, lr=1.0))
    before = {path: value.clone() for path, value in net.state_dict().items()}

    def changed() -> Any:
        train(net, X, y, 10)
        return viz.diff(before, net.state_dict())

    yield Picture("A step of gradient descent", "diff", "before and after ten steps of Adam", changed)


def drawn_by_matplotlib(epochs: int, resolution: int) -> Iterator[Picture]:
    """The plots."""
    learned = "What was learned"
    X, y = two_layer.make_data(400)
    inputs, targets = autograd.Tensor(X), autograd.Tensor(y).view(-1, 1)
    model = two_layer.Net(2, 4, 1)
    history = train(model, inputs, targets, epochs)
    yield Picture(learned, "learning_curve", "loss and accuracy", lambda: plots.learning_curve(history))
    yield Picture(learned, "decision_region", "decision region", lambda: plots.decision_region(model, X, y))
    yield Picture(learned, "hidden_units", "hidden units with w_O", lambda: plots.hidden_units(model, X))
    pixels = mnist.Net(784, 12, 10).Dense1.weight.detach().numpy().reshape(-1, 28, 28)
    yield Picture(learned, "weights", "weights as images", partial(plots.images, pixels), False)
    criterion = nn.BCELoss()
    around = partial(plots.loss_surface, lambda: criterion(model(inputs), targets), model, resolution=resolution)
    yield Picture(learned, "loss_surface", "the loss around what was learned", around)
    for g in (autograd.sigmoid, autograd.tanh, autograd.relu):
        name = g.__name__
        curve = partial(plots.activation, g)
        yield Picture("Activations", f"activation_{name}", f"{name} and its derivative", curve, g is autograd.sigmoid)

    descent = "Gradient descent, with all samples and with mini-batches"
    theta = autograd.tensor([0.0, 0.0])
    A = autograd.randn(200, 2) @ autograd.tensor([[1.0, 0.0], [0.8, 0.5]])
    t = A @ autograd.tensor([1.5, -1.0]) + 0.5 * autograd.randn(200)
    path = partial(plots.sgd_path, resolution=resolution)
    squares = partial(path, lambda X, y: ((X @ theta - y) ** 2).mean(), theta, A, t, lr=0.15, batch_size=5)
    yield Picture(descent, "sgd_path", "least squares", squares)
    fresh = two_layer.Net(2, 4, 1)
    of_net = partial(path, lambda X, y: criterion(fresh(X), y), fresh, inputs, targets)
    network = partial(of_net, lr=2.0, batch_size=20, steps=100)
    yield Picture(descent, "sgd_path_network", "the network 2-4-1, in the plane of its paths", network, False)


def save(picture: Picture, folder: Path) -> tuple[str, str]:
    """Draw it into the folder: the name of the file and the alternative text."""
    drawn = picture.draw()
    if isinstance(drawn, viz.Diagram):
        return drawn.save(folder / f"{picture.file}.svg").name, drawn.alt
    import matplotlib.pyplot as plt  # not above: drawing graphs need not wait for it

    figure = (drawn[0] if isinstance(drawn, list) else drawn).figure
    figure.savefig(folder / f"{picture.file}.png")
    plt.close(figure)
    return f"{picture.file}.png", f"Plot: {picture.caption}"


PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>chalkgrad: gallery</title>
<style>
body {{ font-family: sans-serif; margin: 2rem auto; max-width: 80rem; padding: 0 1rem; color: #1a1a1a }}
figure {{ margin: 1.5rem 0 }}
img {{ max-width: 100%; height: auto; border: 1px solid #ccc }}
figcaption {{ margin-top: 0.3rem }}
</style>
</head>
<body>
<h1>chalkgrad: gallery</h1>
<nav><ul>
{contents}
</ul></nav>
<p>And as pages: <a href="sheet.html">the equations of both passes</a>,
<a href="player.html">both passes step by step</a>.</p>
{sections}
</body>
</html>
"""


def write_pages(folder: Path) -> None:
    """The slides' network as equations, and step by step."""
    X, y = autograd.rand(100, 2), (autograd.rand(100, 1) > 0.5).float()
    loss = nn.BCEWithLogitsLoss()(two_layer.Net(2, 4, 1)(X), y)
    start = '<!DOCTYPE html>\n<html lang="en">\n<meta charset="utf-8">\n<title>Both passes of 2-4-1</title>\n'
    levels = "\n".join(viz.sheet(loss, level, values=level == "matrix").html for level in ("matrix", "batch", "scalar"))
    (folder / "sheet.html").write_text(start + levels, encoding="utf-8")
    viz.player(loss, folder / "player.html")


def page(shown: dict[str, list[tuple[str, str, str]]]) -> str:
    """The index: of each section its pictures, as file, caption and alternative text."""
    contents, sections = [], []
    for k, (section, pictures) in enumerate(shown.items()):
        title = html.escape(section)
        contents.append(f'<li><a href="#s{k}">{title}</a></li>')
        figures = "\n".join(
            f'<figure><a href="{html.escape(file)}"><img src="{html.escape(file)}" alt="{html.escape(alt)}" '
            f'loading="lazy"></a><figcaption>{html.escape(caption)}</figcaption></figure>'
            for file, caption, alt in pictures
        )
        sections.append(f'<h2 id="s{k}">{title}</h2>\n{figures}')
    return PAGE.format(contents="\n".join(contents), sections="\n".join(sections))


def main() -> None:
    options = parser(__doc__, out="out/gallery", epochs="500")
    args = options.parse_args()
    import matplotlib

    matplotlib.use("Agg")  # nothing opens a window
    autograd.manual_seed(args.seed)
    shown: dict[str, list[tuple[str, str, str]]] = {}
    count = 0
    for source in graphs(), drawn_by_matplotlib(args.epochs or (30 if args.quick else 500), 11 if args.quick else 41):
        for picture in source:
            if args.quick and not picture.essential:
                continue
            file, alt = save(picture, args.out)
            shown.setdefault(picture.section, []).append((file, picture.caption, alt))
            count += 1
    write_pages(args.out)
    (args.out / "index.html").write_text(page(shown), encoding="utf-8")
    print(f"saved in {args.out}: {count} pictures, two pages, and index.html that shows them")


if __name__ == "__main__":
    main()
