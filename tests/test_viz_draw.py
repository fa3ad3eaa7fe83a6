"""Pictures by their structure: what is a node, what is an edge, what is written on them."""

import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from html import unescape

import numpy as np
import pytest

import autograd
import nn
import viz
from autograd.graph import Graph
from autograd.ops import primitive, registry
from viz import diagram as rendering
from viz.names import name_variables
from viz.theme import theme


class Net(nn.Module):
    """The network of the slides."""

    def __init__(self):
        super().__init__()
        self.activation = nn.Sigmoid()
        self.Dense1 = nn.Linear(2, 4)
        self.Dense2 = nn.Linear(4, 1)

    def forward(self, x):
        return self.activation(self.Dense2(self.activation(self.Dense1(x))))


def slides_loss():
    X, y = autograd.rand(100, 2), (autograd.rand(100, 1) > 0.5).float()
    return nn.BCELoss()(Net()(X), y)


def scalar(value=3.0, name="x"):
    x = autograd.tensor(value, requires_grad=True)
    x.name = name
    return x


class Read:
    """A DOT text's nodes (id → text) and edges (tail, head, text), each as it is seen."""

    def __init__(self, diagram):
        self.nodes, self.edges, self.attributes = {}, [], {}
        for line in diagram.source.splitlines()[1:]:
            word = r'"?([^\s"]+)"?'
            if edge := re.match(rf"\s+{word} -> {word}(.*)", line):
                tail, head, rest = edge.groups()
                if "style=invis" not in rest:
                    ends = (head, tail) if "dir=back" in rest else (tail, head)
                    self.edges.append((*ends, self.text(rest)))
            elif (node := re.match(rf"\s+{word} \[(.*)\]", line)) and node[1] not in ("graph", "node", "edge"):
                self.nodes[node[1]] = self.text(node[2])
                self.attributes[node[1]] = node[2]

    @staticmethod
    def text(attributes):
        label = re.search(r"label=(<.*>|\"[^\"]*\"|\S+)(?= \w+=|\]|$)", attributes)
        if not label:
            return ""
        markup = re.sub(r"^<(.*)>$", r"\1", label[1].strip('"'))
        markup = markup.replace("</TD></TR><", "</TD></TR> <").replace("<BR/>", " ")
        markup = markup.replace("<SUB>", "_").replace("<SUP>T</SUP>", "ᵀ").replace("<SUP>2</SUP>", "²")
        return unescape(re.sub(r"<[^>]+>", "", markup)).strip()

    def between(self, tail, head):
        return [text for t, h, text in self.edges if (t, h) == (tail, head)]


FORWARD = {
    "X": "X 100×2", "W_H": "W_H Dense1.weight 4×2", "b_H": "b_H Dense1.bias 4", "Z_H": "Z_H 100×4", "U_H": "U_H 100×4",
    "W_O": "W_O Dense2.weight 1×4", "b_O": "b_O Dense2.bias 1", "Z_O": "Z_O 100×1", "U_O": "U_O 100×1", "y": "y 100×1",
}  # fmt: skip


def test_the_forward_picture_of_the_slides_network():
    loss = slides_loss()
    picture = Read(viz.draw(loss))
    assert {k: v for k, v in picture.nodes.items() if k in FORWARD} == FORWARD
    assert picture.nodes["J"] == f"𝒥 = {loss.item():.4g}"
    ops = {k: v for k, v in picture.nodes.items() if k.endswith("_op")}
    assert ops == {"Z_H_op": "XWᵀ+b", "U_H_op": "σ", "Z_O_op": "XWᵀ+b", "U_O_op": "σ", "J_op": "BCE"}
    assert {(tail, head) for tail, head, _ in picture.edges} == {
        ("X", "Z_H_op"), ("W_H", "Z_H_op"), ("b_H", "Z_H_op"), ("Z_H_op", "Z_H"), ("Z_H", "U_H_op"), ("U_H_op", "U_H"),
        ("U_H", "Z_O_op"), ("W_O", "Z_O_op"), ("b_O", "Z_O_op"), ("Z_O_op", "Z_O"), ("Z_O", "U_O_op"),
        ("U_O_op", "U_O"), ("U_O", "J_op"), ("y", "J_op"), ("J_op", "J"),
    }  # fmt: skip


BACKWARD = {
    ("U_O", "Z_O"): "⊙ U_O ⊙ (1 − U_O)", ("Z_O", "U_H"): "× W_O", ("Z_O", "W_O"): "(·)ᵀ U_H",
    ("U_H", "Z_H"): "⊙ U_H ⊙ (1 − U_H)", ("Z_H", "W_H"): "(·)ᵀ X",
}  # fmt: skip


@pytest.mark.parametrize("show", ["backward", "both"])
def test_the_backward_picture_says_what_flows_along_each_edge(show):
    picture = Read(viz.draw(slides_loss(), show))
    flows = {(tail, head): text for tail, head, text in picture.edges if text}
    assert flows.pop(("J", "U_O")) == "× (U_O − y) / (100 U_O ⊙ (1 − U_O))"
    assert flows == BACKWARD
    for layer in "HO":  # the sum over the batch is a node of its own
        assert picture.nodes[f"b_{layer}_batch"] == "1ᵀ 100 rows"
        assert picture.between(f"Z_{layer}", f"b_{layer}_batch") == picture.between(f"b_{layer}_batch", f"b_{layer}")


def test_the_backward_picture_has_one_node_for_each_gradient():
    picture = Read(viz.draw(slides_loss(), "backward"))
    assert set(picture.nodes) == {*FORWARD, "J", "b_H_batch", "b_O_batch"} - {"X", "y"}
    assert picture.nodes["W_H"] == "∂𝒥/∂W_H Dense1.weight 4×2 .grad: none yet"
    assert picture.nodes["Z_O"] == "∂𝒥/∂Z_O 100×1 used 3×"
    assert picture.nodes["J"] == "∂𝒥/∂𝒥 = 1"


def test_both_passes_share_their_nodes():
    picture = Read(viz.draw(slides_loss(), "both"))
    assert picture.nodes["Z_H"] == "Z_H 100×4 ∂𝒥/∂Z_H 100×4 used 2×"
    assert picture.nodes["X"] == "X 100×2"


def test_kinds_of_variables_differ_in_shape_or_line_and_not_in_colour_alone():
    picture = Read(viz.draw(slides_loss()))
    nodes = ("X", "W_H", "Z_H", "J", "Z_H_op", "y")
    assert len({re.sub(r".*(?=class=)|#\w+|id=\S+|class=\S+", "", picture.attributes[k]) for k in nodes}) == len(nodes)
    for look in map(theme, ("light", "dark", "print")):
        lines = {tuple((k, v) for k, v in kind.items() if "color" not in k) for kind in look.kinds.values()}
        assert len(lines) == len(look.kinds)


def test_x_plus_x_has_two_edges_and_a_sum():
    x = scalar()
    forward, backward = Read(viz.draw(x + x)), Read(viz.draw(x + x, "backward"))
    assert len(forward.between("x", "J_op")) == 2
    assert backward.between("J", "x_sum") == ["× 1", "× 1"]
    assert backward.nodes["x_sum"] == "Σ 1 + 1 = 1 + 1"
    assert backward.between("x_sum", "x") == [""]
    assert backward.nodes["x"] == "∂𝒥/∂x = 2 .grad: none yet"


def test_a_variable_with_several_uses_has_a_sum_with_every_contribution():
    x = scalar()
    backward = Read(viz.draw(x * x + x, "backward"))
    assert sorted(text for _, head, text in backward.edges if head == "x_sum") == ["× 1", "× x = 3", "× x = 3"]
    assert backward.nodes["x_sum"] == "Σ 1 + ∂𝒥/∂h x + ∂𝒥/∂h x = 1 + 3 + 3"
    assert "x_sum" not in Read(viz.draw(x**2, "backward")).nodes


def test_a_number_is_part_of_the_operation():
    x = scalar()
    assert Read(viz.draw(x**2)).nodes["J_op"] == "(·)²"
    assert Read(viz.draw(1 - x)).nodes["J_op"] == "1 − (·)"


def test_a_broadcast_bias_gets_the_sum_of_the_rows():
    X, W, b = autograd.rand(5, 2), autograd.rand(2, 3), autograd.zeros(3, requires_grad=True)
    b.name = "bias"
    backward = Read(viz.draw(((X @ W.requires_grad_()) + b).sum(), "backward"))
    assert backward.nodes["bias_batch"] == "1ᵀ 5 rows"
    assert {(tail, head) for tail, head, _ in backward.edges if "bias" in head} == {
        ("Z", "bias_batch"), ("bias_batch", "bias"),
    }  # fmt: skip


def test_the_gradient_of_a_root_that_is_no_scalar_is_that_of_its_sum():
    x = autograd.ones(3, requires_grad=True)
    x.name = "x"
    y = x * 2
    y.name = "y"
    backward = Read(viz.draw(y, "backward"))
    assert backward.nodes["x"] == "∂Σy/∂x 3 .grad: none yet"
    assert backward.between("y", "x") == ["× 2"]


def test_a_users_op_appears_with_its_formula(monkeypatch):
    monkeypatch.setattr("autograd.ops.record.registry", dict(registry))  # forgotten after the test

    @primitive("cube", formula=lambda x: x**3, x=lambda g, x: g * 3 * x**2, method=False)
    def cube_of_the_drawing_test(x):
        return x**3

    x = scalar(2.0)
    assert Read(viz.draw(cube_of_the_drawing_test(x))).nodes["J_op"] == "cube"
    assert Read(viz.draw(cube_of_the_drawing_test(x), "backward")).between("J", "x") == ["× 3 x² = 12"]


def test_an_op_without_a_formula_shows_its_symbol(monkeypatch):
    monkeypatch.setattr("autograd.ops.record.registry", dict(registry))

    @primitive("wave", x=lambda g, x, y: g * wave_of_the_drawing_test(x, y), method=False)
    def wave_of_the_drawing_test(x, y):
        return x + y

    picture = viz.draw(wave_of_the_drawing_test(scalar(), 2.0), "both")
    assert Read(picture).nodes["J_op"] == "wave((·), 2)"
    assert Read(picture).between("J", "x") == ["× wave(x, 2) = 5"]


# ---- what .grad holds


def test_a_picture_tells_the_states_of_a_gradient_apart():
    w = scalar(2.0, "w")

    def note(loss):
        return Read(viz.draw(loss, "backward")).nodes["w"].partition("= 4")[2].strip()

    assert note(w * w) == ".grad: none yet"
    first = w * w
    first.backward()
    assert note(first) == ""
    second = w * w
    assert note(second) == ".grad: stale"
    second.backward()
    assert note(second) == ".grad: Σ of 2 passes"
    w.grad.zero_()
    assert note(second) == ".grad: exactly 0"
    third = w * w
    third.backward()
    assert note(third) == ""
    w.grad = autograd.tensor(7.0)
    assert note(third) == ".grad: set by hand"


def test_passes_are_counted_with_create_graph_too():
    w = scalar(2.0, "w")
    for _ in range(3):
        loss = w * w
        loss.backward(create_graph=True)
    graph = Graph(loss)
    assert graph.stored(graph.variables[0]) == ("accumulated", 3)
    assert graph.stored(graph.output) == ("not kept", 0)
    w.grad = None


def test_a_gradient_that_is_exactly_zero_and_one_that_is_not_known_are_never_confused():
    w = autograd.ones(3, requires_grad=True)
    w.name = "w"
    loss = (w * autograd.zeros(3)).sum()
    assert "exactly 0" in Read(viz.draw(loss, "backward")).nodes["w"]
    loss = (w * w).sum()
    with autograd.no_grad():
        w.zero_()
    shown = Read(viz.draw(loss, "backward")).nodes["w"]
    assert "overwritten" in shown
    assert "exactly 0" not in shown


def test_what_is_frozen_or_detached_says_so_and_has_no_gradient():
    model, X = Net(), autograd.rand(5, 2)
    model.Dense1.weight.requires_grad_(False)
    z = scalar(2.0, "z")
    picture = Read(viz.draw((model(X) * z).sum() + z.detach(), "both"))
    assert picture.nodes["W_H"] == "W_H Dense1.weight 4×2 frozen: no gradient"
    assert "class=frozen" in picture.attributes["W_H"]
    detached = [text for text in picture.nodes.values() if "detached" in text]
    assert len(detached) == 1
    assert detached[0].endswith("detached from z")
    assert "∂" not in detached[0]


# ---- numbers


def test_a_local_factor_has_its_number():
    x, y, z = scalar(-2.0, "x"), scalar(5.0, "y"), scalar(-4.0, "z")
    picture = Read(viz.draw((x + y) * z, "backward"))
    assert picture.between("J", "z") == ["× h = 3"]
    assert picture.between("J", "h") == ["× z = −4"]
    assert picture.between("h", "x") == ["× 1"]
    assert picture.nodes["y"] == "∂𝒥/∂y = −4 .grad: none yet"


def test_values_are_numbers_of_small_arrays_and_norms_of_large_ones():
    w = autograd.tensor([[1.5, -2.0], [0.25, 4.0]], requires_grad=True)
    loss = (w * w).sum()
    plain, full, norm = (Read(viz.draw(loss, values=v, names={"w": w})).nodes["w"] for v in (False, True, "norm"))
    assert plain == "w 2×2"
    assert full.replace("  ", " ") == "w 2×2 1.5−2 0.254"
    assert norm == f"w 2×2 mean 0.938, ‖·‖ {np.sqrt(22.3125):.3g}"
    large = autograd.full((7, 9), -2.0)
    assert "mean −2, ‖·‖ 15.9" in Read(viz.draw(large, values=True)).nodes["a"]


def test_a_sample_is_one_row_of_what_depends_on_the_batch():
    X = autograd.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    W = autograd.tensor([[1.0, 10.0]], requires_grad=True)
    loss = ((X @ W.T) ** 2).sum()
    picture = Read(viz.draw(loss, "both", sample=1, names={"W": W}))
    assert picture.nodes["X"] == "X row 1 of 3×2 34"
    assert picture.nodes["Z"].split() == ["Z", "row", "1", "of", "3×1", "43", "∂𝒥/∂Z", "row", "1", "of", "3×1", "86"]
    assert picture.nodes["W"].startswith("W 1×2 110")
    for wrong in (3, -1):
        with pytest.raises(IndexError, match=r"rows 0 to 2"):
            viz.draw(loss, sample=wrong)


def test_thumbnails_share_a_scale_with_zero_in_the_middle():
    W = autograd.tensor([[2.0, -2.0], [0.0, 1.0]], requires_grad=True)
    V = autograd.tensor([-1.0, float("nan")], requires_grad=True)
    look = theme("light")
    source = viz.draw((W @ V).sum(), thumbnails=True, names={"W": W, "V": V}).source
    cells = {k: re.findall(r"BGCOLOR=\"(#\w+)\"|(×)</FONT>", line) for k, line in re.findall(r"\t(\w+) \[(.*)", source)}
    assert [c for c, _ in cells["W"]] == [look.positive, look.negative, look.paper, look.mixed(0.5)]
    assert cells["V"] == [(look.mixed(-0.5), ""), ("", "×")]
    assert "−2" in Read(viz.draw((W @ V).sum(), thumbnails=True)).nodes["scale"]
    assert "−</FONT>" in viz.draw((W * 1).sum(), thumbnails=True, theme="print").source  # where colours cannot tell


def test_large_thumbnails_are_small():
    source = viz.draw(autograd.randn(100, 784, requires_grad=True).sum(), "both", thumbnails=True).source
    assert source.count("BGCOLOR") <= 2 * 12 * 12 + 9 * 4


# ---- the backward pass as a graph of its own


def test_a_recorded_backward_pass_has_names():
    W, X, y = autograd.rand(1, 2).requires_grad_(), autograd.rand(5, 2), autograd.rand(5, 1)
    loss = nn.MSELoss()(autograd.sigmoid(X @ W.T), y)
    gradients = autograd.grad(loss, [W], create_graph=True)
    picture = Read(viz.draw(gradients, names={"W": W, "y": y}))
    assert picture.nodes["dJ_dW"] == "∂𝒥/∂W 1×2"
    assert {"dJ_dZ", "U", "y"} <= set(picture.nodes)
    with pytest.raises(ValueError, match="one tensor"):
        viz.draw([gradients[0].sum(), loss], "backward")


def test_second_derivatives_have_names():
    x = scalar()
    (first,) = autograd.grad(x**3, [x], create_graph=True)
    (second,) = autograd.grad(first, [x], create_graph=True)
    assert names(second)[-1] == "∂(∂𝒥/∂x)/∂x"
    assert "∂𝒥/∂x" in names([first, second])


# ---- names


def names(root, given=None):
    return [v.name for v in name_variables(Graph(root), given)]


def test_names_of_networks_of_one_two_and_three_layers():
    def deep(n):
        layers = [layer for _ in range(n) for layer in (nn.Linear(3, 3), nn.ReLU())]
        return nn.MSELoss()(nn.Sequential(*layers)(autograd.rand(5, 3)), autograd.rand(5, 3))

    assert names(deep(1))[:5] == ["X", "W", "b", "Z", "U"]
    assert names(deep(2))[:9] == ["X", "W_H", "b_H", "Z_H", "U_H", "W_O", "b_O", "Z_O", "U_O"]
    assert [n for n in names(deep(3)) if n[0] in "ZU"] == ["Z_1", "U_1", "Z_2", "U_2", "Z_3", "U_3"]


def test_a_network_written_by_hand_has_the_same_names():
    X, y = autograd.rand(5, 2), autograd.rand(5, 1)
    W, b = autograd.rand(1, 2).requires_grad_(), autograd.zeros(1, requires_grad=True)
    loss = autograd.bce(autograd.sigmoid(X @ W.T + b), y)
    assert set(names(loss)) >= {"X", "W", "b", "Z", "U", "y", "𝒥"}


def test_an_activation_of_several_operations_ends_in_u():
    class Swish(nn.Module):
        def forward(self, z):
            return z * autograd.sigmoid(z)

    out = nn.Sequential(nn.Linear(3, 3), Swish(), nn.Linear(3, 1))(autograd.rand(5, 3))
    assert [n for n in names(out) if n[0] in "ZU"] == ["Z_H", "U_H", "Z_O"]


def test_the_users_names_come_first_and_no_two_variables_share_one():
    x, y = scalar(name="a"), scalar(name="a")
    z = autograd.tensor(2.0, requires_grad=True)
    total = x * y + z
    assert names(total, {"z": z, "total": total, "junk": 3, "x": x}) == ["a", "a_2", "h", "z", "total"]
    assert names(total, {"alias": z, "z": z})[3] == "alias"


def test_what_is_elementwise_or_a_loss_is_no_layer():
    w, x = autograd.rand(3, 2).requires_grad_(), autograd.rand(3, 2)
    assert names((w * x).sum()) == ["w", "a", "h", "𝒥"]
    assert names(autograd.bce(w, x)) == ["w", "a", "𝒥"]


def test_single_samples_have_small_letters():
    loss = nn.Linear(3, 2)(autograd.rand(1, 3)).sum()
    assert "X" in names(loss)
    x, w = autograd.rand(3), autograd.rand(2, 3).requires_grad_()
    assert names((w @ x).sum()) == ["W", "x", "z", "𝒥"]


# ---- text from users


NASTY = [
    "<b>bold</b>", "{|}", 'say "hi"', "it's", "\\G\\N\\L", "javascript:alert(1)", "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>", "a -> b; c [x=1]", "&lt;", "--><!--", "]]>", "%&_#", "\\input{x}", "node", "<",
    ">", "trailing\\", "a\nb\tc", "\x00\x07", "名前", "☃" * 100,
]  # fmt: skip


@pytest.mark.parametrize("show", ["forward", "backward", "both"])
def test_names_are_literal_and_inert(show):
    total, seen = 0.0, []
    for k, name in enumerate(NASTY):
        total = total + scalar(float(k), name) ** 2
        seen.append("".join(viz.notation.plain(name).split()))
    svg = viz.draw(total, show).svg()
    tree = ElementTree.fromstring(svg)
    tags = {element.tag.partition("}")[2] for element in tree.iter()}
    assert tags <= {"svg", "g", "title", "desc", "text", "path", "polygon", "ellipse", "polyline"}
    assert not [a for e in tree.iter() for a in e.attrib if a.lower().startswith("on") or "href" in a]
    text = "".join("".join(e.itertext()) for e in tree.iter() if e.tag.endswith("text")).replace("\xa0", "")
    text = "".join(text.split())
    # What follows the first underscore is a subscript, so it may stand apart.
    assert not [name for name in seen if name.replace("_", "") not in text.replace("_", "")]


def test_module_paths_and_symbols_are_inert_too(monkeypatch):
    monkeypatch.setattr("autograd.ops.record.registry", dict(registry))

    @primitive("</TABLE><b>&", x=lambda g: g, method=False)
    def nasty_op_of_the_drawing_test(x):
        return x.copy()

    svg = viz.draw(nasty_op_of_the_drawing_test(scalar()), "both").svg()
    assert "</TABLE><b>&" in "".join(ElementTree.fromstring(svg).itertext())


# ---- the same every time, and nothing changed


SCRIPT = """
import autograd, nn, viz
autograd.manual_seed(0)
model = nn.Sequential(nn.Linear(2, 4), nn.Sigmoid(), nn.Linear(4, 1))
loss = nn.BCEWithLogitsLoss()(model(autograd.rand(5, 2)), autograd.ones(5, 1))
for show in ("forward", "backward", "both"):
    print(viz.draw(loss, show, names=locals()).source)
"""


def test_the_same_program_gives_the_same_bytes_in_every_process():
    first, second = (
        subprocess.check_output([sys.executable, "-c", SCRIPT], env={**os.environ, "PYTHONHASHSEED": seed})
        for seed in ("1", "2")
    )
    assert first == second
    assert b"W<SUB>H</SUB>" in first


@pytest.mark.parametrize("show", ["forward", "backward", "both"])
def test_drawing_changes_no_value_gradient_or_graph(show):
    model, X = Net(), autograd.rand(10, 2)
    loss = nn.BCELoss()(model(X), autograd.ones(10, 1))
    before = [p.detach().numpy().copy() for p in model.parameters()]
    first = viz.draw(loss, show).source
    assert [p.grad for p in model.parameters()] == [None] * 4
    loss.backward()
    grads = [p.grad.numpy().copy() for p in model.parameters()]
    again = viz.draw(loss, show).source  # also of a graph that was walked, and whose .grad are filled
    assert again == re.sub(r"<TR><TD><FONT[^>]*>\.grad: none yet</FONT></TD></TR>", "", first)
    for p, value, grad in zip(model.parameters(), before, grads, strict=True):
        np.testing.assert_array_equal(p.detach().numpy(), value)
        np.testing.assert_array_equal(p.grad.numpy(), grad)


# ---- golden pictures: they need no Graphviz

GOLDEN = """\
digraph {
	graph [bgcolor="#ffffff" fontcolor="#000000" fontname="DejaVu Sans,Verdana,sans-serif" fontsize=22 margin=0 nodesep=0.25 pad=0.1 ranksep=0.3]
	node [color="#000000" fontcolor="#000000" fontname="DejaVu Sans,Verdana,sans-serif" fontsize=28 height=0.4 margin="0.1,0.05" penwidth=1.8 width=0.4]
	edge [arrowsize=0.9 color="#000000" fontcolor="#000000" fontname="DejaVu Sans,Verdana,sans-serif" fontsize=22 penwidth=1.8]
"""  # noqa: E501


def test_the_source_of_a_small_picture_to_the_byte():
    source = viz.draw(scalar() ** 2, "backward", theme="print").source
    assert source.startswith(GOLDEN)
    table = '<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="2">'
    row = '<TR><TD><FONT POINT-SIZE="{}" COLOR="#{}">{}</FONT></TD></TR>'
    body = row.format(28, "000000", "∂𝒥/∂x") + row.format(18, "404040", "= 6")
    body += row.format(18, "000000", ".grad: none yet")
    assert f'\tx [label=<{table}{body}</TABLE>> class=parameter color="#000000" fillcolor="#ffffff" id=x' in source
    edge = source.splitlines()[-2]
    assert edge.startswith("\tJ -> x [label=<")
    assert edge.endswith('arrowhead=vee color="#000000" fontcolor="#000000" style=dashed weight=1]')


def test_a_picture_says_in_words_what_it_shows():
    diagram = viz.draw(slides_loss(), "both")
    for said in ("Z_H = X W_Hᵀ + 1 b_Hᵀ", "∂𝒥/∂W_O = (∂𝒥/∂Z_O)ᵀ U_H", "y (target, 100×1)", "11 variables"):
        assert said in diagram.alt
    root = ElementTree.fromstring(diagram.svg())
    assert root.attrib["role"] == "img"
    assert [child.text for child in root][:2] == [diagram.summary, diagram.alt]


def test_a_step_of_gradient_descent_is_shown_and_not_taken():
    model = Net()
    nn.BCELoss()(model(autograd.rand(9, 2)), autograd.ones(9, 1)).backward()
    before = {k: p.numpy().copy() for k, p in model.state_dict().items()}
    diagram = viz.step(model, 0.5)
    for k, p in model.state_dict().items():
        np.testing.assert_array_equal(p.numpy(), before[k])
    b, g = model.Dense2.bias.item(), model.Dense2.bias.grad.item()
    assert f"Dense2.bias: θ = [{viz.cells.digits(b)}], g = [{viz.cells.digits(g)}]" in diagram.alt
    assert f"θ − αg = [{viz.cells.digits(b - 0.5 * g)}]" in diagram.alt
    assert "g is not known" in viz.step(Net(), 0.5).alt
    assert ".grad: none yet" in viz.step(Net(), 0.5).source
    assert diagram.png()
    with pytest.raises(ValueError, match="expects a model or its parameters"):
        viz.step([], 0.1)


def test_a_difference_is_of_the_same_arrays():
    assert "after − before = [2 0]" in viz.diff({"<w>": [1.0, 2.0]}, {"<w>": [3.0, 2.0]}).alt
    assert "&lt;w&gt;" in viz.diff({"<w>": [1.0]}, {"<w>": [3.0]}).source
    with pytest.raises(ValueError, match="same names"):
        viz.diff({"w": [1.0]}, {"v": [1.0]})
    with pytest.raises(autograd.ShapeError, match=r"\(2,\)"):
        viz.diff({"w": [1.0, 2.0]}, {"w": [1.0]})


# ---- sizes


def test_the_text_of_a_thousand_nodes_takes_half_a_second_and_of_five_thousand_two():
    for n, limit in ((1000, 0.5), (5000, 2.0)):
        x = y = scalar()
        for k in range(n):
            y = y + x if k % 2 else y * 1.0001
        times = []
        for _ in range(3):
            start = time.perf_counter()
            viz.draw(y, "both", level="op")
            times.append(time.perf_counter() - start)
        assert min(times) < limit


def test_a_large_graph_shows_its_beginning_and_end_and_says_what_it_hides():
    x = scalar()
    y = x
    for _ in range(2000):
        y = y * 1.001
    start = time.perf_counter()
    for show in ("forward", "backward", "both"):
        picture = viz.draw(y, show)
        read = Read(picture)
        assert len(read.nodes) < 100
        assert re.search(r"… \d+ more", picture.source)
        assert picture.png()
    assert time.perf_counter() - start < 20


def test_a_large_fan_out_is_laid_out_in_time():
    xs = [scalar(float(k), f"x_{k}") for k in range(300)]
    y = xs[0]
    for x in xs:
        y = y * x + xs[0]
    assert viz.draw(y, "both").svg()


# ---- files


@pytest.fixture
def picture():
    x = scalar()
    return viz.draw(x * x, "both")


MAGIC = {"svg": b"<svg", "png": b"\x89PNG", "pdf": b"%PDF", "dot": b"digraph"}


@pytest.mark.parametrize(("ending", "magic"), MAGIC.items())
def test_save_writes_the_format_of_the_ending(picture, tmp_path, ending, magic):
    path = picture.save(tmp_path / "new" / "folder" / f"picture.{ending.upper()}")
    assert path.read_bytes().startswith(magic)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("name", ["picture.jpg", "picture", "svg", ".png"])
def test_another_ending_is_refused_and_nothing_written(picture, tmp_path, name):
    with pytest.raises(ValueError, match=r"must end in one of .svg, .png, .pdf, .dot"):
        picture.save(tmp_path / "folder" / name)
    assert not list(tmp_path.iterdir())


def test_a_save_that_fails_leaves_the_old_file(picture, tmp_path, monkeypatch):
    path = tmp_path / "picture.svg"
    path.write_text("old")
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        picture.save(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_notebook_gets_svg_and_text(picture):
    bundle = picture._repr_mimebundle_()
    assert bundle["image/svg+xml"].startswith("<svg")
    assert bundle["text/plain"] == "<Diagram: forward and backward, 2 variables, 1 operation>"


def test_browsers_get_sub_and_superscripts_that_they_understand():
    svg = viz.draw(slides_loss(), "both").svg()
    assert "baseline-shift" not in svg
    assert "DOCTYPE" not in svg


@pytest.fixture
def no_graphviz(monkeypatch):
    monkeypatch.setattr(rendering.shutil, "which", lambda _: None)
    monkeypatch.setattr(rendering.importlib.util, "find_spec", lambda _: None)
    rendering._has_script_j.cache_clear()
    yield
    rendering._has_script_j.cache_clear()


def test_without_graphviz_the_error_says_what_to_install_and_where_the_text_is(picture, no_graphviz, tmp_path):
    with pytest.raises(viz.DrawingError, match=r"pip install pygraphviz[\s\S]*\.source"):
        picture.svg()
    assert picture.save(tmp_path / "picture.dot").read_text("utf-8") == picture.source
    assert set(picture._repr_mimebundle_()) == {"text/plain"}


@pytest.mark.skipif(os.name != "posix", reason="writes a shell script")
def test_a_layout_that_takes_too_long_is_stopped(picture, monkeypatch, tmp_path):
    dot = tmp_path / "dot"
    dot.write_text("#!/bin/sh\nexec sleep 60\n")
    dot.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(rendering, "SECONDS", 0.3)
    with pytest.raises(viz.DrawingError, match="stopped"):
        picture.png()


@pytest.mark.skipif(os.name != "posix", reason="writes a shell script")
def test_a_dot_on_the_path_is_used_and_one_that_fails_is_not(picture, monkeypatch, tmp_path):
    dot = tmp_path / "dot"
    dot.write_text('#!/bin/sh\necho "<svg>$1</svg>"\n')
    dot.chmod(0o755)
    monkeypatch.setattr(rendering, "_has_script_j", lambda: True)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert picture.svg().endswith("-Tsvg</svg>\n")
    dot.write_text("#!/bin/sh\nexit 1\n")
    assert "<title>" in picture.svg()


def test_a_machine_without_script_letters_gets_an_italic_j(picture, monkeypatch):
    monkeypatch.setattr(rendering, "_has_script_j", lambda: False)
    svg = re.sub(r"<desc>.*</desc>", "", picture.svg())  # which is read aloud, in no font
    assert "𝒥" not in svg
    assert re.search(r'font-style="italic"[^>]*>J<', svg)


# ---- what cannot be drawn


def test_wrong_arguments_are_refused():
    x = scalar()
    with pytest.raises(ValueError, match=r"show='sideways' is not one of forward, backward, both"):
        viz.draw(x * x, "sideways")
    for wrong in ({"level": "atom"}, {"theme": "pink"}, {"values": "all"}):
        with pytest.raises(ValueError, match=rf"{next(iter(wrong))}='\w+' is not one of"):
            viz.draw(x * x, **wrong)
    with pytest.raises(ValueError, match="rankdir"):
        viz.draw(x * x, rankdir="up")
    with pytest.raises(autograd.GraphError, match="Tensor"):
        viz.draw(3)
    with pytest.raises(ValueError, match="does not require grad"):
        viz.draw(autograd.ones(2), "backward")


def test_a_leaf_is_a_picture_of_one_node():
    assert Read(viz.draw(autograd.ones(2, 3))).nodes == {"a": "a 2×3"}


def test_a_graph_whose_parameters_were_stepped_is_drawn_without_numbers():
    w = scalar(2.0, "w")
    loss = w * w
    loss.backward()
    with autograd.no_grad():
        w.copy_(autograd.tensor(5.0))
    assert "∂𝒥/∂w" in Read(viz.draw(loss, "backward")).nodes["w"]


def test_a_large_network_is_drawn_by_layers_unless_told_otherwise():
    model = nn.Sequential(*[layer for _ in range(60) for layer in (nn.Linear(2, 2), nn.Tanh())])
    loss = model(autograd.rand(3, 2)).sum()
    diagram = viz.draw(loss)
    assert "variables: drawn by layers" in diagram.source
    assert len(Read(diagram).nodes) < 30
    assert "… 202 more" in viz.draw(loss, level="op").source
