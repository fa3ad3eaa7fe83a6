"""The circles and wires of the slides: one circle for each unit, one wire for each weight."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import graphviz
import numpy as np

import autograd
from autograd.graph import Graph, Variable

from . import cells
from .diagram import Diagram
from .marks import Ids, many, words
from .names import layer_marks
from .notation import Symbol
from .theme import Theme
from .theme import theme as look_of

__all__ = ["network"]

MOST = 8  # units of a layer that are all drawn
FEW = 3
LAYERS = 8
NUMBERED = 16  # wires between two layers that can carry their numbers
ACROSS, DOWN, CIRCLE = 3.2, 1.2, 1.0  # inches
THIN, THICK = 0.5, 6.0  # points

PRODUCTS = ("linear", "matmul")
PASSED = ("reshape", "clone", "cast")  # that change no number

Array = np.ndarray[Any, Any]


@dataclass
class _Layer:
    """One linear stage, and what the units after it hold."""

    weight: Array  # (out, in)
    bias: Array | None
    activation: str = ""
    values: Array | None = None


def network(
    model: Any, X: Any = None, *, sample: int = 0, values: bool | None = None, theme: str | Theme = "light"
) -> Diagram:
    """A feed-forward network as circles and wires, as on slide "General structure of feed-forward neural network".

    A wire is as thick as its weight is large, dashed if it is negative, in the colour of its sign. The small circle 1
    has the biases for its weights. Of a layer with more than 8 units 3 are drawn, and the picture says so.

    Without data the layers are the model's weight matrices in the order in which they were defined, which must fit
    together; what else the model does, a skip connection say, is only seen with data. With data the model is run on it,
    once, and the layers and activations are those that it went through.

    Parameters
    ----------
    model : Module
        Linear stages one after the other, with elementwise activations or a softmax in between.
    X : Tensor or array, (n, features), optional
        Samples to run it on.
    sample : int
        The row of X whose values are shown.
    values : bool, optional
        Whether circles and wires carry their numbers (wires where there are few); by default if there is data.
    theme : {"light", "dark", "print"} or Theme

    Returns
    -------
    Diagram

    Raises
    ------
    ValueError
        If there is no layer, the layers do not fit together, there are more than 8, or (with data) the model adds,
        joins or multiplies what comes along different ways: ``viz.draw`` shows any computation.
    IndexError
        If X has no row ``sample``.

    Examples
    --------
    >>> import nn, viz
    >>> viz.network(nn.Sequential(nn.Linear(2, 4), nn.Sigmoid(), nn.Linear(4, 1), nn.Sigmoid()))
    <Diagram: network 2-4-1: 17 parameters>
    """
    look = look_of(theme)
    if X is None:
        if values:
            raise ValueError("network: values=True needs data, network(model, X)")
        inputs, layers = None, _defined(model)
    else:
        X = autograd.as_tensor(X)
        if len(X.shape) != 2:
            raise autograd.ShapeError(f"network: expects samples X of shape (n, features), found {X.shape}")
        if not 0 <= sample < len(X):
            raise IndexError(f"network: sample={sample} is not a row of X, which has {len(X)}")
        inputs, layers = X.detach().numpy()[sample], _traced(model, X, sample)
    if len(layers) > LAYERS:
        raise ValueError(f"network: {len(layers)} layers are too many for circles; try draw(…, level='layer')")
    return _Picture(inputs, layers, look, inputs is not None if values is None else values).diagram()


def _defined(model: Any) -> list[_Layer]:
    """The weight matrices in the order of the definition, each with the vector after it that fits as its bias."""
    layers: list[_Layer] = []
    for path, p in model.named_parameters():
        array = p.detach().numpy()
        if array.ndim == 2:
            if layers and layers[-1].weight.shape[0] != array.shape[1]:
                raise ValueError(
                    f"network: {path} has shape {array.shape}, but the layer before it gives "
                    f"{layers[-1].weight.shape[0]} numbers. Pass data, network(model, X), to follow the computation"
                )
            layers.append(_Layer(array, None))
        elif array.ndim == 1 and layers and layers[-1].bias is None and len(array) == len(layers[-1].weight):
            layers[-1].bias = array
        else:
            raise ValueError(
                f"network: {path}, of shape {array.shape}, is no weight or bias of a linear layer; "
                "draw(…, level='layer') shows any network"
            )
    if not layers:
        raise ValueError("network: the model has no weight matrix")
    return layers


def _traced(model: Any, X: autograd.Tensor, sample: int) -> list[_Layer]:
    """The linear stages that data goes through, from the last to the first and turned round."""
    data = X.detach().float() if X.dtype.kind != "f" else X.detach()
    with autograd.enable_grad():  # also if the parameters are frozen
        graph = Graph(model(data.requires_grad_()))
    fed = {next((v.index for v in graph if v.tensor is data), -1)}
    for v in graph:  # what is computed of the data
        if any(isinstance(x, Variable) and x.index in fed for x in v.inputs):
            fed.add(v.index)
    layers: list[_Layer] = []
    v, after, activation, bias = graph.output, graph.output, "", None
    while v.tensor is not data:
        free = [x for x in v.inputs if isinstance(x, Variable) and x.index in fed]
        others = [x for x in v.inputs if not any(x is y for y in free)]
        name = v.op.name if v.op is not None else ""
        elementwise = v.op is not None and v.op.elementwise and not _arrays(others)
        if len(free) != 1 or not (elementwise or name in (*PRODUCTS, *PASSED, "softmax", "log_softmax", "add")):
            alone = name or "a model that ignores its input"
            made = f"{name} of {len(free)} computed arrays" if len(free) > 1 else alone
            raise ValueError(f"network: circles show linear stages and activations one after the other, found {made}; "
                             "viz.draw shows any computation")  # fmt: skip
        if name in PRODUCTS:
            weight = others[0].value
            if name == "matmul":
                weight = weight.reshape(1, -1) if weight.ndim == 1 else weight.T if v.inputs[0] is free[0] else weight
            own = others[1].value if len(others) > 1 else bias
            units = after.value[sample].reshape(-1)
            layers.append(_Layer(weight, None if own is None else np.broadcast_to(own, len(weight)), activation, units))
            activation, bias, after = "", None, free[0]
        elif name == "add" and _arrays(others):
            bias = others[0].value.reshape(-1)
        elif name not in PASSED:
            if bias is not None:
                raise ValueError("network: circles have their biases before the activation, found one after it")
            symbol = v.symbol or ""
            activation = symbol + (f" {activation}" if activation else "")
        v = free[0]
    if not layers:
        raise ValueError("network: the model has no linear stage")
    return layers[::-1]


def _arrays(inputs: list[Any]) -> bool:
    return any(isinstance(x, Variable) and x.shape for x in inputs)


class _Picture:
    def __init__(self, inputs: Array | None, layers: list[_Layer], look: Theme, values: bool) -> None:
        self.layers = layers
        self.look = look
        self.values = values
        self.held = [inputs, *(layer.values for layer in layers)]
        self.sizes = [layers[0].weight.shape[1], *(len(layer.weight) for layer in layers)]
        marks = layer_marks(len(layers))
        # A layer that is known to have no activation holds scores.
        letters = ["u" if layer.activation or layer.values is None else "z" for layer in layers]
        self.names = ["x", *(f"{letter}{mark}" for letter, mark in zip(letters, marks, strict=True))]
        finite = [np.abs(a[np.isfinite(a)]) for layer in layers for a in (layer.weight, layer.bias) if a is not None]
        self.largest = max((float(a.max()) for a in finite if a.size), default=0.0)
        self.ids = Ids()
        # Neato with every position given: dot would not keep the columns centred.
        graph = {**look.graph, "layout": "neato", "splines": "line", "outputorder": "edgesfirst"}
        self.dot = graphviz.Digraph(graph_attr=graph, node_attr=look.node, edge_attr=look.edge)
        self.lowest = 0.0

    def diagram(self) -> Diagram:
        columns = [self.column(k) for k in range(len(self.sizes))]
        ones = [self.one(k) for k in range(len(self.layers))]
        for k, layer in enumerate(self.layers):
            self.wires(layer, columns[k], ones[k], columns[k + 1])
        shape = "-".join(map(str, self.sizes))
        self.say(ACROSS * (len(self.sizes) - 1) / 2, self.lowest - 0.65, [
            f"{shape}: solid wires are positive weights, dashed ones negative",
            f"the thickest has magnitude {cells.digits(self.largest)}",
        ])  # fmt: skip
        total = sum(layer.weight.size + (0 if layer.bias is None else layer.bias.size) for layer in self.layers)
        summary = f"network {shape}: {many(total, 'parameter')}"
        return Diagram(self.dot.source, summary, " ".join([f"Feed-forward {summary}.", *self.told()]))

    def told(self) -> Iterator[str]:
        """The picture in sentences."""
        for k, layer in enumerate(self.layers):
            least, most = (cells.digits(x) for x in (layer.weight.min(), layer.weight.max()))
            after = f" and activation {layer.activation}" if layer.activation else ""
            yield (
                f"{many(self.sizes[k], 'unit')} feed {self.sizes[k + 1]} through weights from {least} to {most}"
                f"{', with biases' if layer.bias is not None else ''}{after}."
            )

    def shown(self, k: int) -> list[int]:
        """Which units of a column are drawn."""
        n = self.sizes[k]
        return list(range(n)) if n <= MOST else [*range(FEW - 1), n - 1]

    def column(self, k: int) -> dict[int, tuple[str, float, float]]:
        """Draw the units of a layer; their nodes and places."""
        look, n, shown = self.look, self.sizes[k], self.shown(k)
        slots: list[int | None] = [*shown]
        if len(shown) < n:
            slots.insert(len(shown) - 1, None)
        places = {}
        x, top = ACROSS * k, DOWN * (len(slots) - 1) / 2
        self.lowest = min(self.lowest, -top)
        for row, unit in enumerate(slots):
            y = top - DOWN * row
            if unit is None:
                self.say(x, y, ["⋮", f"{n} units,", f"{len(shown)} shown"])
                continue
            name = self.names[k]
            symbol = Symbol(name if n == 1 and k else f"{name}{',' if '_' in name else '_'}{unit + 1}")
            node = self.ids.of(symbol.text)
            size = look.label_size if len(symbol.text) < 6 else look.shape_size  # a circle is not wide
            lines = [cells.line(symbol.html, size, look.ink)]
            held = self.held[k]
            if self.values and held is not None:
                lines.append(cells.line(cells.digits(held[unit]), look.shape_size - 2, look.ink))
            kind = "data" if k == 0 else "result"
            self.dot.node(node, f"<{cells.table(lines, 0, 0)}>", **{
                "class": kind, "id": node, "shape": "circle", "style": "filled", "fixedsize": "true",
                "fillcolor": look.paper if k == 0 else look.tint, "width": f"{CIRCLE}", "margin": "0",
                "pos": f"{x:.3f},{y:.3f}!"})  # fmt: skip
            places[unit] = node, x, y
        layer = self.layers[k - 1] if k else None
        what = self.names[k][0].upper() + self.names[k][1:]
        role = "inputs" if k == 0 else "outputs" if k == len(self.layers) else "hidden"
        after = f", {layer.activation}" if layer is not None and layer.activation else ""
        self.say(x, top + 0.85, [f"{many(n, 'unit')}{after}"], what, role)
        return places

    def one(self, k: int) -> tuple[str, float, float] | None:
        """The small circle whose wires are the biases of the next layer."""
        if self.layers[k].bias is None:
            return None
        slots = len(self.shown(k)) + (len(self.shown(k)) < self.sizes[k])
        x, y = ACROSS * k + 0.35, -DOWN * (slots - 1) / 2 - 0.95
        self.lowest = min(self.lowest, y)
        node = self.ids.of(f"one{layer_marks(len(self.layers))[k]}")
        self.dot.node(node, "1", **{
            "class": "constant", "id": node, "shape": "circle", "style": "dashed", "fixedsize": "true", "width": "0.42",
            "margin": "0", "fontsize": str(self.look.shape_size), "pos": f"{x:.3f},{y:.3f}!"})  # fmt: skip
        return node, x, y

    def wires(
        self,
        layer: _Layer,
        sources: dict[int, tuple[str, float, float]],
        one: tuple[str, float, float] | None,
        targets: dict[int, tuple[str, float, float]],
    ) -> None:
        drawn = len(sources) * len(targets)
        numbered = self.values and drawn <= NUMBERED and drawn == layer.weight.size
        for l, target in targets.items():
            for row, (j, source) in enumerate(sources.items()):
                part = 0.5 if len(sources) == 1 else 0.3 + 0.38 * row / (len(sources) - 1)
                self.wire(source, target, float(layer.weight[l, j]), part if numbered else None)
            if one is not None and layer.bias is not None:
                self.wire(one, target, float(layer.bias[l]), None)

    def wire(
        self, source: tuple[str, float, float], target: tuple[str, float, float], weight: float, part: float | None
    ) -> None:
        """A line; its number stands on it, ``part`` of the way."""
        look = self.look
        size = abs(weight) / self.largest if self.largest and np.isfinite(weight) else 0.0
        negative = weight < 0
        self.dot.edge(
            source[0], target[0], arrowhead="none", color=look.negative if negative else look.positive,
            style="dashed" if negative else "solid", penwidth=f"{THIN + (THICK - THIN) * size:.2f}",
        )  # fmt: skip
        if part is not None:
            x, y = (a + part * (b - a) for a, b in zip(source[1:], target[1:], strict=True))
            node = self.ids.of(f"w_{source[0]}_{target[0]}")
            self.dot.node(node, cells.digits(weight), **{
                "class": "number", "id": node, "shape": "box", "style": "filled", "fillcolor": look.paper,
                "color": look.paper, "margin": "0.02,0.01", "width": "0", "height": "0",
                "fontsize": str(look.shape_size - 3), "pos": f"{x:.3f},{y:.3f}!"})  # fmt: skip

    def say(self, x: float, y: float, lines: list[str], name: str = "", role: str = "") -> None:
        """Small print; above it a name and what it is."""
        look = self.look
        rows = [cells.line(f"{Symbol(name).html}  {role}", look.label_size, look.ink)] if name else []
        rows += [cells.line(words(line), look.shape_size, look.faint) for line in lines]
        node = self.ids.of(f"note_{name or lines[0]}")
        self.dot.node(node, f"<{cells.table(rows, 0, 1)}>", **{
            "class": "note", "id": node, "shape": "plain", "style": "filled", "fillcolor": look.paper,
            "pos": f"{x:.3f},{y:.3f}!"})  # fmt: skip
