"""Pictures at the levels of layers and of units: what is a node, what it says, and whether the numbers are right."""

import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

import autograd
import nn
import viz
from autograd.graph import Graph
from viz import unit_level
from viz.cells import digits
from viz.names import name_variables
from viz.notation import Symbol
from viz.options import Options

from .test_viz_draw import Net, Read, slides_loss


def drawn(root, level, **options):
    return Read(viz.draw(root, level=level, **options))


class Block(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.linear, self.activation = nn.Linear(n, n), nn.Tanh()

    def forward(self, u):
        return u + self.activation(self.linear(u))


def residual_loss():
    model = nn.Sequential(nn.Linear(2, 4), Block(4), nn.Linear(4, 1))
    return nn.MSELoss()(model(autograd.ones(5, 2)), autograd.zeros(5, 1))


# ---- layers


def test_layers_are_boxes_with_class_path_parameters_and_the_shapes_between_them():
    picture = drawn(slides_loss(), "layer")
    assert picture.nodes["Dense1"] == "Linear Dense1 W_H  4×2 b_H  4 12 parameters"
    assert picture.nodes["activation_2"] == "Sigmoid activation call 2 of 2 σ"
    assert set(picture.nodes) == {"X", "Dense1", "activation", "Dense2", "activation_2", "BCELoss", "y", "J"}
    assert sorted(picture.edges) == sorted([
        ("X", "Dense1", ""), ("Dense1", "activation", "Z_H 100×4"), ("activation", "Dense2", "U_H 100×4"),
        ("Dense2", "activation_2", "Z_O 100×1"), ("activation_2", "BCELoss", "U_O 100×1"), ("y", "BCELoss", ""),
        ("BCELoss", "J", ""),
    ])  # fmt: skip


def test_gradients_run_back_through_the_layers_and_into_their_parameters():
    picture = drawn(slides_loss(), "layer", show="backward")
    assert ("Dense2", "activation", "∂𝒥/∂U_H 100×4") in picture.edges
    assert ("J", "BCELoss", "") in picture.edges
    assert picture.nodes["Dense2"].endswith("∂𝒥/∂W_O  1×4 ∂𝒥/∂b_O  1")
    assert "X" not in picture.nodes and "y" not in picture.nodes
    both = drawn(slides_loss(), "layer", show="both")
    assert ("Dense2", "activation", "∂𝒥/∂U_H 100×4") in both.edges
    assert ("activation", "Dense2", "U_H 100×4") in both.edges


def test_depth_says_how_deep_modules_are_opened():
    loss = slides_loss()
    assert "hides Linear, Sigmoid, Linear, Sigmoid" in drawn(loss, "layer", depth=1).nodes["Net"]
    assert "17 parameters" in drawn(loss, "layer", depth=1).nodes["Net"]
    source = viz.draw(loss, level="layer").source
    assert "subgraph cluster_Net" in source and "Net</B>, 17 parameters" in source
    assert "cluster" not in viz.draw(loss, level="layer", depth=1).source
    assert drawn(loss, "layer", depth=0).nodes["Z_H_op"]  # nothing but operations


def test_a_skip_connection_has_two_edges_and_a_sum_in_the_backward_pass():
    picture = drawn(residual_loss(), "layer", show="both")
    plus = next(n for n, text in picture.nodes.items() if text == "+")
    assert picture.between("0", "1_linear") == ["Z_1 5×4"] and picture.between("0", plus) == [""]
    (total,) = (n for n, text in picture.nodes.items() if text == "Σ")
    assert {t for t, h, _ in picture.edges if h == total} == {"1_linear", plus}
    assert picture.between(total, "0") == ["∂𝒥/∂Z_1 5×4"]


def test_a_shared_module_is_a_box_for_each_call_and_its_parameters_stay_one():
    linear = nn.Linear(4, 4)
    model = nn.Sequential(linear, nn.Tanh(), linear)
    picture = drawn(model(autograd.ones(3, 4)).sum(), "layer")
    assert "call 1 of 2" in picture.nodes["0"] and "call 2 of 2" in picture.nodes["0_2"]
    assert picture.between("1", "0_2") == ["U_1 3×4"] or picture.between("1", "0_2") == ["U_H 3×4"]


def test_what_no_module_computed_is_small_nodes_with_its_parameters_beside():
    W = autograd.ones(3, 2, requires_grad=True)
    picture = drawn((autograd.ones(5, 2) @ W.T).sigmoid().sum(), "layer", show="both", names={"W": W})
    assert picture.nodes["W"] == "W 3×2 ∂𝒥/∂W  3×2"
    assert "@" in picture.nodes.values() and "σ" in picture.nodes.values()


def test_repeats_become_one_box_that_says_what_it_hides():
    parts = [part for _ in range(50) for part in (nn.Linear(10, 10), nn.Sigmoid())]
    model = nn.Sequential(*parts, nn.Linear(10, 1))
    picture = drawn(model(autograd.ones(3, 10)).sum(), "layer", show="both")
    (text,) = (text for text in picture.nodes.values() if "×" in text and "folded" in text)
    assert text == "50 × Linear, Sigmoid 100 parts folded into this one 5,500 parameters"
    assert len(picture.nodes) < 8 and "X" in picture.nodes and "100" in picture.nodes


def test_a_few_equal_layers_are_all_shown():
    parts = [part for _ in range(4) for part in (nn.Linear(3, 3), nn.ReLU())]
    picture = drawn(nn.Sequential(*parts)(autograd.ones(2, 3)), "layer")
    assert not any("folded" in text for text in picture.nodes.values())


def test_large_networks_are_drawn_by_layers_in_time_that_grows_with_them():
    def drawing(layers):
        parts = [part for _ in range(layers) for part in (nn.Linear(4, 4), nn.Sigmoid())]
        loss = nn.Sequential(*parts)(autograd.ones(2, 4)).sum()
        start = time.process_time()
        diagram = viz.draw(loss, show="both")  # the default picture of 4 nodes for each layer
        took = time.process_time() - start
        assert len(diagram.source) < 20_000 and f"{layers} × Linear, Sigmoid" in diagram.source
        return took

    viz.draw(slides_loss(), show="both", level="layer")  # imports
    small, large = (min(drawing(layers) for _ in range(3)) for layers in (250, 1250))
    assert large < 10 * small  # five times as much; the seconds are in tests.bench


def test_a_large_tangle_keeps_its_ends_and_says_what_is_left_out():
    x = h = autograd.tensor(1.0, requires_grad=True)
    for _ in range(400):
        h = h * x + h.sin()
    picture = drawn(h, "layer", show="both")
    assert len(picture.nodes) < 40 and any("parts more, of 1201" in text for text in picture.nodes.values())


# ---- units


def scalars(root, **options):
    """The nodes of a picture of units: id → what it says, without the spaces that tables bring."""
    return {node: " ".join(text.split()) for node, text in drawn(root, "unit", **options).nodes.items()}


@pytest.mark.parametrize("sample", [0, 3])
def test_units_show_the_graphs_own_values_and_gradients(sample):
    loss = slides_loss()
    graph = Graph(loss)
    by_name = {name.name: v for v, name in zip(graph, name_variables(graph), strict=True)}
    nodes = scalars(loss, show="both", sample=sample)
    for letter, name in (("z", "Z_H"), ("u", "U_H")):
        v = by_name[name]
        for l in range(4):
            value, gradient = v.value[sample, l], graph.gradient(v)[sample, l]
            made = f" = σ(z_H,{l + 1})" if letter == "u" else ""
            unit = f"{letter}_H,{l + 1}"
            assert nodes[unit.replace(",", "_")] == f"{unit}{made} = {digits(value)} ∂𝒥/∂{unit} = {digits(gradient)}"
    W, b = by_name["W_H"], by_name["b_H"]
    for l in range(4):
        for j in range(2):
            weight = f"w_H,{l + 1}{j + 1}"
            told = f"{weight} = {digits(W.value[l, j])} ∂𝒥/∂· = {digits(graph.gradient(W)[l, j])}"
            assert nodes[weight.replace(",", "_")] == told
        bias = f"b_H,{l + 1} = {digits(b.value[l])} ∂𝒥/∂· = {digits(graph.gradient(b)[l])}"
        assert nodes[f"b_H_{l + 1}"] == bias
    assert nodes["y"].startswith("y = ") and digits(by_name["X"].value[sample, 1]) in nodes["x_2"]


def units(root, **options):
    graph = Graph(root)
    return graph, unit_level._Picture(graph, name_variables(graph), Options(show="both", level="unit", **options))


CASES = {
    "2-4-1": slides_loss,
    "cross-entropy": lambda: nn.CrossEntropyLoss()(
        nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 3))(autograd.rand(5, 3)),
        autograd.tensor([0, 2, 1, 1, 0]),
    ),
    "logits": lambda: nn.BCEWithLogitsLoss()(nn.Linear(2, 1)(autograd.rand(4, 2)), autograd.ones(4, 1)),
    "skip": residual_loss,
    "softmax": lambda: (autograd.softmax(nn.Linear(2, 3)(autograd.rand(4, 2)), 1)[:, 0] ** 2).sum(),
    "scalars": lambda: scalar_expression(),
}


def scalar_expression():
    a, b, c = (autograd.tensor(v, requires_grad=True) for v in (2.0, -3.0, 10.0))
    return (a * b + c) * a.sigmoid()


@pytest.mark.parametrize("name", [name for name in CASES if name != "softmax"])
def test_the_local_factors_of_the_units_chain_up_to_the_gradients(name):
    """∂𝒥/∂x = Σ ∂𝒥/∂z · ∂z/∂x over what reads x, from the numbers that are drawn."""
    _, picture = units(CASES[name](), sample=None)
    sums: dict[int, float] = {}
    for use in picture.uses:
        gradient = picture.gradient(use.target)
        if gradient is not None and picture.factor(use) is not None:
            sums[use.source] = sums.get(use.source, 0.0) + gradient * picture.factor(use)
    checked = 0
    for number, total in sums.items():
        v, _ = picture.of(number)
        if picture.rows(v) or picture.batch is None:  # a parameter's gradient sums over the other samples too
            np.testing.assert_allclose(total, picture.gradient(number), rtol=1e-4, atol=1e-7)
            checked += 1
    assert checked >= 1


def test_the_local_factor_of_a_weight_is_what_the_wire_carries():
    _, picture = units(slides_loss(), sample=2)
    wired = [use for use in picture.uses if use.wire is not None]
    assert len(wired) == 8 + 4
    for use in wired:
        wanted = picture.of(use.source)[0].requires_grad  # not of the data
        assert picture.factor(use) == (pytest.approx(float(picture.value(use.wire))) if wanted else None)
        assert picture.factor(use, use.wire) == pytest.approx(float(picture.value(use.source)))


def test_an_edge_back_says_its_rule_as_typeset_and_its_number():
    loss = slides_loss()
    picture = drawn(loss, "unit", show="backward")
    u = Graph(loss).variables
    value = next(v for v, n in zip(u, name_variables(Graph(loss)), strict=True) if n.name == "U_H").value[0, 0]
    symbol = Symbol("u_H,1")
    rule = (symbol * (1 - symbol)).text
    assert picture.between("u_H_1", "z_H_1") == [f"× {rule} = {digits(value * (1 - value))}"]
    assert [text for text in picture.between("z_O", "w_O_2") if text.startswith("× u_H,2")]
    assert picture.between("w_O_2", "u_H_2")[0].startswith("× w_O,2 = ")


def test_wide_layers_are_elided_and_say_how_many_units_there_are():
    model = nn.Sequential(nn.Linear(784, 100), nn.Sigmoid(), nn.Linear(100, 10))
    loss = nn.CrossEntropyLoss()(model(autograd.rand(4, 784)), autograd.tensor([1, 2, 3, 4]))
    start = time.perf_counter()
    nodes = scalars(loss, show="both")
    assert time.perf_counter() - start < 2
    units = {f"u_H_{l}{kind}" for l in (1, 2, 100) for kind in ("", "_sum")}
    assert {n for n in nodes if n.startswith("u_H")} == units
    assert "⋮ 100 units, 3 shown" in nodes.values() and "⋮ 784 units, 3 shown" in nodes.values()
    assert nodes["u_H_2_sum"] == "Σ 3 of 10"
    assert "w_H,100,784 = " in nodes["w_H_100_784"]


def test_units_of_a_graph_whose_values_are_gone_say_so():
    w = autograd.ones(1, 2, requires_grad=True)
    loss = (autograd.ones(3, 2) @ w.T).exp().sum()
    assert "overwritten" not in viz.draw(loss, show="both", level="unit").source
    with autograd.no_grad():
        w.fill_(2.0)
    h = autograd.sigmoid(w)
    loss = (h * h).sum()
    with autograd.no_grad():
        h.fill_(0.0)
    diagram = viz.draw(loss, show="both", level="unit")
    assert "no gradients: values were overwritten since" in diagram.source and "∂" not in diagram.source


def test_a_scalar_used_twice_has_a_sum():
    nodes = scalars(scalar_expression(), show="both")
    assert list(nodes.values()).count("Σ") == 1


def test_a_shared_weight_stands_on_each_of_its_wires_and_says_so():
    linear = nn.Linear(2, 2)
    loss = nn.Sequential(linear, nn.Tanh(), linear)(autograd.rand(3, 2)).sum()
    picture = drawn(loss, "unit", show="both")
    copies = [n for n in picture.nodes if n.startswith("w") and " used 2×" in " ".join(picture.nodes[n].split())]
    assert len(copies) == 8
    for copy in copies:  # one wire in, one out, and back again
        assert len([1 for t, h, _ in picture.edges if h == copy]) == 2
        assert 1 <= len([1 for t, h, _ in picture.edges if t == copy and "×" not in h]) <= 2
    starts = {t for t, h, _ in picture.edges if h in copies}
    assert {"x_1", "x_2"} < starts


def test_units_refuse_what_they_cannot_show_and_name_it():
    X = autograd.rand(4, 2)
    W = autograd.ones(2, 2, requires_grad=True)
    with pytest.raises(ValueError, match=r"cumsum.*level='op'"):
        viz.draw((X @ W).cumsum(1).sum(), level="unit")
    h = X @ W
    with pytest.raises(ValueError, match="multiplies two arrays"):
        viz.draw((h @ h.T).sum(), level="unit")
    with pytest.raises(IndexError, match=r"sample=4.*has 4"):
        viz.draw(h.sum(), level="unit", sample=4)
    deep = nn.Sequential(*(nn.Linear(3, 3) for _ in range(60)))
    with pytest.raises(ValueError, match=r"more than 250.*level='layer'"):
        viz.draw(deep(autograd.rand(2, 3)).sum(), level="unit")


# ---- both


@pytest.mark.parametrize("level", ["layer", "unit"])
@pytest.mark.parametrize("make", [slides_loss, residual_loss, scalar_expression])
def test_drawing_changes_nothing(level, make):
    root = make()
    graph = Graph(root)
    before = [(v.tensor, v.value.copy(), v.requires_grad, v.name) for v in graph]
    viz.draw(root, show="both", level=level)
    viz.draw(root, show="backward", level=level, values=True, theme="dark")
    assert all(v.tensor.grad is None for v in graph if v.op is None)
    for tensor, value, wants, name in before:
        assert np.array_equal(np.asarray(tensor.detach()), value)
        assert tensor.requires_grad is wants and tensor.name == name
    root.backward()


PROGRAM = """
import autograd, nn, viz
autograd.manual_seed(1)
model = nn.Sequential(nn.Linear(2, 4), nn.Sigmoid(), nn.Linear(4, 1))
loss = nn.MSELoss()(model(autograd.rand(5, 2)), autograd.zeros(5, 1))
print(viz.draw(loss, show="both", level="layer").source, viz.draw(loss, show="both", level="unit").source)
print(viz.network(model).source)
"""


def test_the_same_program_gives_the_same_bytes():
    runs = [
        subprocess.run([sys.executable, "-c", PROGRAM], env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
                       capture_output=True, check=True).stdout
        for seed in ("0", "1")
    ]  # fmt: skip
    assert runs[0] == runs[1] and runs[0].count(b"digraph") == 3


EVIL = [
    "</TD><B>", "javascript:alert(1)", "</script><script>", '" onerror="x', r"\G\N\l", "{a|b}", r"\input{x}", "%&_#",
]  # fmt: skip


@pytest.mark.parametrize("name", EVIL)
@pytest.mark.parametrize("level", ["layer", "unit"])
def test_names_are_inert_text(name, level):
    x = autograd.tensor(2.0, requires_grad=True)
    x.name = name
    module = type(name, (nn.Sigmoid,), {"extra_repr": lambda self: name})()
    svg = viz.draw(module(x) * 2, show="both", level=level).svg()
    root = ElementTree.fromstring(svg)
    assert not [e for e in root.iter() if e.tag.endswith(("script", "}a"))]
    shown = "".join("".join(root.itertext()).split())
    assert "".join(name.split())[:30] in shown


@pytest.mark.parametrize("theme", ["light", "dark", "print"])
@pytest.mark.parametrize("level", ["layer", "unit"])
def test_pictures_are_described_in_words_and_drawn_in_every_theme(level, theme):
    diagram = viz.draw(slides_loss(), show="both", level=level, theme=theme)
    told = diagram.alt
    assert ("Linear (Dense1) reads X, gives Z_H 100×4" if level == "layer" else "z_H,1 = ") in told
    assert viz.theme.theme(theme).paper in diagram.source


def test_the_network_of_the_tests_is_the_slides():
    assert [path for path, _ in Net().named_parameters()] == [
        "Dense1.weight", "Dense1.bias", "Dense2.weight", "Dense2.bias"
    ]  # fmt: skip
