"""The slides' names for the variables of a graph: X, W_H, b_H, Z_H, U_H, …, y, 𝒥.

A name that the user gave comes first, then the place in the network. Which leaf is a weight, where a layer begins and
what its activation is, is read from the graph and from the modules' ``named_parameters()``; no class of :mod:`nn` is
known here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count, takewhile
from typing import Any

from autograd.graph import Graph, Variable, gradient_of

from .notation import Symbol

__all__ = ["Name", "layer_marks", "name_variables"]

LOSS = "𝒥"
MADE_OF = 16  # parameters that a weight may be computed from and still name
ROLES = {"weight": "W", "bias": "b"}


@dataclass(frozen=True)
class Name:
    """What a variable is called.

    Attributes
    ----------
    name : str
        In the notation of the slides; no other variable of the graph has it.
    path : str or None
        For a parameter of a module, where it is: ``Dense1.weight``.
    symbol : Symbol
        The name with the variable's shape, for formulas.
    role : str
        ``parameter``, ``frozen`` (a module's parameter that wants no gradient), ``data``, ``target``, ``constant``,
        ``result`` or ``output``: the kind of node in pictures.
    """

    name: str
    path: str | None
    symbol: Symbol
    role: str


@dataclass
class _Layer:
    """One affine map: what goes in, its parameters, Z, and U if an activation follows."""

    data: Variable | None
    parameters: list[Variable]
    z: Variable
    u: Variable | None


def name_variables(graph: Graph, names: Mapping[str, Any] | None = None) -> list[Name]:
    """One name for each variable of the graph, in its order.

    Parameters
    ----------
    graph : Graph
    names : mapping, optional
        name → tensor; ``locals()`` will do, what is not a tensor of this graph is passed over.

    Examples
    --------
    >>> import autograd
    >>> from autograd.graph import Graph
    >>> X, W = autograd.ones(5, 2), autograd.ones(3, 2, requires_grad=True)
    >>> b = autograd.zeros(3, requires_grad=True)
    >>> loss = autograd.sigmoid(autograd.linear(X, W, b)).sum()
    >>> [v.name for v in name_variables(Graph(loss))]
    ['X', 'W', 'b', 'Z', 'U', '𝒥']
    """
    chosen: dict[int, str] = {}
    taken: set[str] = set()
    tried: dict[str, int] = {}  # how often a name was asked for, so that a thousand equal ones cost no million tries

    def give(v: Variable, name: str) -> None:
        if v.index in chosen:
            return
        free = name
        while free in taken:
            tried[name] = tried.get(name, 1) + 1
            free = f"{name}_{tried[name]}"
        chosen[v.index] = free
        taken.add(free)

    wanted = [(name, x) for name, x in (names or {}).items() if isinstance(name, str) and name[:1] != "_"]
    given = {id(x): name for name, x in reversed(wanted)}  # the first of several names
    for v in graph:
        if v.name:
            give(v, str(v.name))
    for v in graph:
        if id(v.tensor) in given:
            give(v, given[id(v.tensor)])

    paths = _paths(graph)
    layers = _layers(graph, paths)
    for layer, mark in zip(layers, layer_marks(len(layers)), strict=True):
        for p in layer.parameters:
            role = paths.get(id(p.tensor), "weight" if len(p.shape) > 1 else "bias").rpartition(".")[2]
            give(p, _sized(ROLES[role], p) + mark if role in ROLES else role)
        if layer.data is not None:
            give(layer.data, _sized("X", layer.data))
        give(layer.z, _sized("Z", layer.z) + mark)
        if layer.u is not None:
            give(layer.u, _sized("U", layer.u) + mark)
    known = {v.tensor for v in graph}
    gradients = [v for v in graph if v.index not in chosen and v.gradient_of and v.gradient_of[1] in known]
    derived = {v.index for v in gradients}
    if graph.output.index not in derived and (not graph.output.shape or graph.output.tensor.numel() == 1):
        give(graph.output, LOSS)

    roles = _roles(graph, layers, paths)
    rest = [v for v in graph if v.index not in chosen and v.index not in derived]
    parameters = _numbered("w", [v for v in rest if v.kind == "parameter"])
    results = _numbered("h", [v for v in rest if v.op is not None])
    letters = _letters()
    for v in rest:
        if v.kind == "parameter":
            give(v, paths.get(id(v.tensor), "").rpartition(".")[2] or parameters[v.index])
        elif v.op is not None:
            give(v, results[v.index])
        elif roles[v.index] == "target":
            give(v, "y")
        else:
            give(v, next(n for n in letters if n not in taken))
    symbols = _gradients(graph, chosen, gradients)
    for v in gradients:
        give(v, symbols[v.index].text)
    return [
        Name(
            name := chosen[v.index],
            paths.get(id(v.tensor)),
            symbols[v.index] if v.index in symbols and symbols[v.index].text == name else Symbol(name, v.shape),
            roles[v.index],
        )
        for v in graph
    ]


def _numbered(letter: str, among: list[Variable]) -> dict[int, str]:
    return {v.index: letter if len(among) == 1 else f"{letter}_{k}" for k, v in enumerate(among, 1)}


def _gradients(graph: Graph, chosen: Mapping[int, str], gradients: list[Variable]) -> dict[int, Symbol]:
    """∂a/∂b for the variables that were recorded as gradients, by what a and b are called."""
    known: dict[Any, Symbol] = {v.tensor: Symbol(chosen[v.index], v.shape) for v in graph if v.index in chosen}
    symbols: dict[int, Symbol] = {}
    for v in gradients:
        a, b = v.gradient_of or (None, None)
        if b not in known:  # itself a gradient of something later
            known[b] = Symbol("(·)", v.shape)
        of = known[a] if a in known else _derived(a, known)
        if of.head == "gradient":
            of = Symbol(f"({of.text})", of.shape)
        symbols[v.index] = known[v.tensor] = Symbol.gradient(of, known[b])
    return symbols


def _derived(a: Any, known: Mapping[Any, Symbol]) -> Symbol:
    """What was differentiated, if the graph does not lead to it: a gradient itself, or the loss."""
    of, by = (None if a is None else gradient_of(a)) or (None, None)
    if a is None or a.name or by not in known:
        return Symbol((a is not None and a.name) or LOSS)
    return Symbol.gradient(_derived(of, known), known[by])


def _roles(graph: Graph, layers: list[_Layer], paths: Mapping[int, str]) -> list[str]:
    """The kinds of variables that pictures tell apart."""
    last = layers[-1].z.index if layers else len(graph)
    # Among the rules of a backward pass that was recorded, constants are no targets.
    rules = min((v.index for v in graph if v.op is not None and v.gradient_of is not None), default=len(graph))
    fed = {layer.data.index for layer in layers if layer.data is not None}

    def role(v: Variable) -> str:
        if v.kind != "constant":
            return v.kind
        if id(v.tensor) in paths:
            return "frozen"
        if v.index in fed:
            return "data"
        if not v.shape or v.detached_from is not None:
            return "constant"
        if not layers:
            return "data"
        return "target" if v.consumers and last < v.consumers[0][0].index < rules else "constant"

    return [role(v) for v in graph]


def _letters() -> Iterator[str]:
    for k in count():
        for letter in "abcdefgklmnpqrstv":
            yield f"{letter}_{k}" if k else letter


def _sized(letter: str, v: Variable) -> str:
    """Matrices are capital; vectors and scalars are not."""
    return letter if len(v.shape) > 1 or letter == "b" else letter.lower()


def layer_marks(n: int) -> list[str]:
    """The subscripts of the layers: hidden and output if there are two, else numbers."""
    return [""] if n == 1 else ["_H", "_O"] if n == 2 else [f"_{k + 1}" for k in range(n)]


def _paths(graph: Graph) -> dict[int, str]:
    """Where each parameter is, in the outermost module that was called."""
    outermost = {id(v.scope[0]): v.scope[0] for v in graph if v.scope}
    paths: dict[int, str] = {}
    for module in outermost.values():
        for path, parameter in getattr(module, "named_parameters", lambda: ())():
            paths.setdefault(id(parameter), path)
    return paths


def _is_parameter(v: Any, paths: dict[int, str]) -> bool:
    """Inside modules what one of them owns; elsewhere every leaf that wants a gradient."""
    if not isinstance(v, Variable) or v.op is not None:
        return False
    inside = any(consumer.scope for consumer, _ in v.consumers) and bool(paths)
    return id(v.tensor) in paths if inside else v.requires_grad


def _layers(graph: Graph, paths: dict[int, str]) -> list[_Layer]:
    """The affine maps in the order of computation."""
    carried: dict[int, list[Variable]] = {}  # variables made of parameters only: W itself, Wᵀ
    layers: list[_Layer] = []
    for v in graph:
        sources = [x for x in v.inputs if isinstance(x, Variable)]
        if _is_parameter(v, paths):
            carried[v.index] = [v]
        elif sources and all(x.index in carried for x in sources):
            made_of = dict.fromkeys(p for x in sources for p in carried[x.index])
            carried[v.index] = list(made_of)[:MADE_OF]
        weights = [x for x in sources if x.index in carried]
        data = [x for x in sources if x.index not in carried and x.shape]
        if not data or not v.shape or not any(len(x.shape) > 1 for x in weights):
            continue
        if len({v.shape, *(x.shape for x in sources)}) == 1 and v.shape[-1] != v.shape[-2]:
            continue  # elementwise: a product of matrices has another shape, unless they are square
        parameters = [p for x in weights for p in carried[x.index]]
        z = v
        if len(v.consumers) == 1:  # X @ W.T, and then + b
            after = v.consumers[0][0]
            biases = [x for x in after.inputs if x is not v]
            if biases and after.shape == v.shape and all(_is_parameter(x, paths) and len(x.shape) < 2 for x in biases):
                z = after
                parameters += biases
        layers.append(_Layer(data[0] if data[0].op is None else None, parameters, z, _activation(graph, z, paths)))
    return layers


def _activation(graph: Graph, z: Variable, paths: dict[int, str]) -> Variable | None:
    """What Z becomes, in the same shape, by one unary operation or by all those of one module without parameters."""
    for v, _ in z.consumers:
        run = [v]
        part_of_net = bool(v.scope and z.scope) and v.scope[0] is z.scope[0]
        if part_of_net and not _same(v.scope, z.scope[: len(v.scope)]):  # a module of its own, not one around Z
            run += takewhile(lambda w, v=v: _same(w.scope, v.scope), graph.variables[v.index + 1 :])  # type: ignore[misc]
        learned = any(_is_parameter(x, paths) for w in run for x in w.inputs)
        if run[-1].shape == z.shape and not learned and (len(run) > 1 or len(v.inputs) == 1):
            return run[-1]
    return None


def _same(a: tuple[Any, ...], b: tuple[Any, ...]) -> bool:
    return len(a) == len(b) and all(x is y for x, y in zip(a, b, strict=True))
