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
    ("U_O", "Z_O"): "∂𝒥/∂U_O ⊙ U_O ⊙ (1 − U_O)", ("Z_O", "U_H"): "∂𝒥/∂Z_O W_O", ("Z_O", "W_O"): "(∂𝒥/∂Z_O)ᵀ U_H",
    ("Z_O", "b_O"): "1ᵀ ∂𝒥/∂Z_O", ("U_H", "Z_H"): "∂𝒥/∂U_H ⊙ U_H ⊙ (1 − U_H)", ("Z_H", "W_H"): "(∂𝒥/∂Z_H)ᵀ X",
    ("Z_H", "b_H"): "1ᵀ ∂𝒥/∂Z_H",
}  # fmt: skip


@pytest.mark.parametrize("show", ["backward", "both"])
def test_the_backward_picture_says_what_flows_along_each_edge(show):
    picture = Read(viz.draw(slides_loss(), show))
    flows = {(tail, head): text for tail, head, text in picture.edges if text}
    assert flows.pop(("J", "U_O")).startswith("(U_O − y)")
    assert flows == BACKWARD


def test_the_backward_picture_has_one_node_for_each_gradient():
    picture = Read(viz.draw(slides_loss(), "backward"))
    assert set(picture.nodes) == {*FORWARD, "J"} - {"X", "y"}
    assert picture.nodes["W_H"] == "∂𝒥/∂W_H Dense1.weight 4×2"
    assert picture.nodes["J"] == "∂𝒥/∂𝒥 = 1"


def test_both_passes_share_their_nodes():
    picture = Read(viz.draw(slides_loss(), "both"))
    assert picture.nodes["Z_H"] == "Z_H 100×4 ∂𝒥/∂Z_H 100×4"
    assert picture.nodes["X"] == "X 100×2"


def test_kinds_of_variables_differ_in_shape_or_line_and_not_in_colour_alone():
    picture = Read(viz.draw(slides_loss()))
    nodes = ("X", "W_H", "Z_H", "J", "Z_H_op")
    assert len({re.sub(r".*(?=class=)|#\w+|id=\S+|class=\S+", "", picture.attributes[k]) for k in nodes}) == len(nodes)


def test_x_plus_x_has_two_edges_and_a_sum():
    x = scalar()
    forward, backward = Read(viz.draw(x + x)), Read(viz.draw(x + x, "backward"))
    assert len(forward.between("x", "J_op")) == 2
    assert backward.between("J", "x_sum") == ["1", "1"]
    assert backward.nodes["x_sum"] == "Σ"
    assert backward.between("x_sum", "x") == [""]
    assert backward.nodes["x"] == "∂𝒥/∂x = 2"


def test_a_variable_with_several_uses_has_a_sum_with_every_contribution():
    x = scalar()
    backward = Read(viz.draw(x * x + x, "backward"))
    assert sorted(text for _, head, text in backward.edges if head == "x_sum") == ["1", "∂𝒥/∂h x", "∂𝒥/∂h x"]
    assert "x_sum" not in Read(viz.draw(x**2, "backward")).nodes


def test_a_number_is_part_of_the_operation():
    x = scalar()
    assert Read(viz.draw(x**2)).nodes["J_op"] == "(·)²"
    assert Read(viz.draw(1 - x)).nodes["J_op"] == "1 − (·)"


def test_a_broadcast_bias_gets_the_sum_of_the_rows():
    X, W, b = autograd.rand(5, 2), autograd.rand(2, 3), autograd.zeros(3, requires_grad=True)
    b.name = "bias"
    backward = Read(viz.draw(((X @ W.requires_grad_()) + b).sum(), "backward"))
    assert [text for _, head, text in backward.edges if head == "bias"] == ["1ᵀ ∂𝒥/∂Z"]


def test_the_gradient_of_a_root_that_is_no_scalar_is_that_of_its_sum():
    x = autograd.ones(3, requires_grad=True)
    x.name = "x"
    y = x * 2
    y.name = "y"
    backward = Read(viz.draw(y, "backward"))
    assert backward.nodes["x"] == "∂Σy/∂x 3"
    assert backward.between("y", "x") == ["2"]


def test_a_users_op_appears_with_its_formula(monkeypatch):
    monkeypatch.setattr("autograd.ops.record.registry", dict(registry))  # forgotten after the test

    @primitive("cube", formula=lambda x: x**3, x=lambda g, x: g * 3 * x**2, method=False)
    def cube_of_the_drawing_test(x):
        return x**3

    x = scalar(2.0)
    assert Read(viz.draw(cube_of_the_drawing_test(x))).nodes["J_op"] == "cube"
    assert Read(viz.draw(cube_of_the_drawing_test(x), "backward")).between("J", "x") == ["3 x²"]


def test_an_op_without_a_formula_shows_its_symbol(monkeypatch):
    monkeypatch.setattr("autograd.ops.record.registry", dict(registry))

    @primitive("wave", x=lambda g, x, y: g * wave_of_the_drawing_test(x, y), method=False)
    def wave_of_the_drawing_test(x, y):
        return x + y

    picture = viz.draw(wave_of_the_drawing_test(scalar(), 2.0), "both")
    assert Read(picture).nodes["J_op"] == "wave((·), 2)"
    assert Read(picture).between("J", "x") == ["wave(x, 2)"]


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
    assert tags <= {"svg", "g", "title", "text", "path", "polygon", "ellipse", "polyline"}
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
    assert viz.draw(loss, show).source == first  # also of a graph that was walked, and whose .grad are filled
    for p, value, grad in zip(model.parameters(), before, grads, strict=True):
        np.testing.assert_array_equal(p.detach().numpy(), value)
        np.testing.assert_array_equal(p.grad.numpy(), grad)


# ---- sizes


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


def test_a_layout_that_takes_too_long_is_stopped(picture, monkeypatch):
    monkeypatch.setattr(rendering, "SECONDS", 0.001)
    with pytest.raises(viz.DrawingError, match="stopped"):
        picture.png()


@pytest.mark.skipif(os.name != "posix", reason="writes a shell script")
def test_a_dot_on_the_path_is_used_and_one_that_fails_is_not(picture, monkeypatch, tmp_path):
    dot = tmp_path / "dot"
    dot.write_text("#!/bin/sh\necho \"<svg>$1</svg>\"\n")
    dot.chmod(0o755)
    monkeypatch.setattr(rendering, "_has_script_j", lambda: True)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert picture.svg() == "<svg>-Tsvg</svg>\n"
    dot.write_text("#!/bin/sh\nexit 1\n")
    assert "<title>" in picture.svg()


def test_a_machine_without_script_letters_gets_an_italic_j(picture, monkeypatch):
    monkeypatch.setattr(rendering, "_has_script_j", lambda: False)
    svg = picture.svg()
    assert "𝒥" not in svg
    assert re.search(r'font-style="italic"[^>]*>J<', svg)


# ---- what cannot be drawn


def test_wrong_arguments_are_refused():
    x = scalar()
    with pytest.raises(ValueError, match=r"show='sideways' is not one of forward, backward, both"):
        viz.draw(x * x, "sideways")
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
