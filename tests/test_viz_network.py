"""The circles and wires of a network, and the command that draws what a script computes."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

import autograd
import nn
import viz
from viz import __main__ as command
from viz.cells import digits
from viz.theme import theme

from .test_viz_draw import Net


def read(diagram):
    """Wires (tail, head) → attributes, and the ids of the circles."""
    wires = {}
    for tail, head, rest in re.findall(r"^\t(\w+) -> (\w+) \[(.*)\]$", diagram.source, re.M):
        wires[tail, head] = dict(re.findall(r'(\w+)="?([^\s"\]]+)"?', rest))
    nodes = set(re.findall(r"^\t(\w+) \[.*shape=circle", diagram.source, re.M))
    return wires, nodes


def model_of_signs():
    model = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 1))
    with autograd.no_grad():
        model[0].weight.copy_(autograd.tensor([[1.0, -2.0], [0.0, 0.5]]))
    return model


def test_a_wire_is_as_thick_as_its_weight_and_dashed_if_it_is_negative():
    wires, nodes = read(viz.network(model_of_signs()))
    assert {"x_1", "x_2", "u_H_1", "u_H_2", "u_O", "one_H", "one_O"} == nodes
    width = {ends: float(wire["penwidth"]) for ends, wire in wires.items()}
    assert width["x_2", "u_H_1"] == max(width.values()) > width["x_1", "u_H_1"] > width["x_2", "u_H_2"]
    assert width["x_1", "u_H_2"] == min(width.values()) > 0
    look = theme("light")
    assert (wires["x_2", "u_H_1"]["style"], wires["x_2", "u_H_1"]["color"]) == ("dashed", look.negative)
    assert (wires["x_1", "u_H_1"]["style"], wires["x_1", "u_H_1"]["color"]) == ("solid", look.positive)
    assert len(wires) == 2 * 2 + 2 + 2 + 1


def test_values_are_those_that_the_model_computes_for_the_sample():
    X, net = autograd.rand(5, 2), Net()
    source = viz.network(net, X, sample=3).source
    hidden = net.activation(net.Dense1(X)).detach().numpy()[3]
    out = net(X).item() if len(X) == 1 else net(X).detach().numpy()[3, 0]
    for value in (*hidden, out, *X.numpy()[3], *net.Dense1.weight.detach().numpy().ravel()):
        assert digits(value) in source
    assert "4 units, σ" in source and "inputs" in source
    assert digits(hidden[0]) not in viz.network(net, X, sample=3, values=False).source


def test_outputs_without_an_activation_are_scores():
    _, nodes = read(viz.network(model_of_signs(), autograd.rand(3, 2)))
    assert "z_O" in nodes and "u_O" not in nodes


class Functional(nn.Module):
    """Own parameters, X @ W + b, defined in the other order."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(autograd.ones(3))
        self.W = nn.Parameter(autograd.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]))
        self.b = nn.Parameter(autograd.ones(3))

    def forward(self, x):
        return autograd.relu(x @ self.W + self.b) @ self.w


def test_a_custom_module_is_followed_through_its_computation():
    diagram = viz.network(Functional(), autograd.ones(2, 2))
    wires, _ = read(diagram)
    assert diagram.summary == "network 2-3-1: 12 parameters"
    widths = [float(wires[f"x_{j}", f"u_H_{l}"]["penwidth"]) for j in (1, 2) for l in (1, 2, 3)]
    assert widths == sorted(widths) and len(set(widths)) == 6
    assert ("one_H", "u_H_1") in wires and ("one_O", "z_O") not in wires


def test_frozen_networks_are_followed_too_and_nothing_is_changed():
    net = Net().eval()
    for p in net.parameters():
        p.requires_grad = False
    X = autograd.rand(3, 2)
    viz.network(net, X)
    assert not X.requires_grad and all(p.grad is None for p in net.parameters())


def test_wide_layers_are_elided():
    diagram = viz.network(nn.Sequential(nn.Linear(784, 100), nn.Linear(100, 10)))
    wires, nodes = read(diagram)
    assert "100 units," in diagram.source and "3 shown" in diagram.source
    assert {"u_H_1", "u_H_2", "u_H_100", "x_784"} <= nodes and len(wires) == 9 + 9 + 3 + 3


def test_what_circles_cannot_show_is_refused():
    class Skip(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(2, 2)

        def forward(self, x):
            return x + self.linear(x)

    with pytest.raises(ValueError, match="add of 2 computed arrays"):
        viz.network(Skip(), autograd.ones(3, 2))
    with pytest.raises(ValueError, match=r"1\.weight has shape \(1, 5\).*gives 4 numbers.*network\(model, X\)"):
        viz.network(nn.Sequential(nn.Linear(2, 4), nn.Linear(5, 1)))
    with pytest.raises(ValueError, match="no weight matrix"):
        viz.network(nn.Sigmoid())
    with pytest.raises(ValueError, match="9 layers are too many"):
        viz.network(nn.Sequential(*(nn.Linear(2, 2) for _ in range(9))))
    with pytest.raises(ValueError, match="values=True needs data"):
        viz.network(Net(), values=True)
    with pytest.raises(IndexError, match="sample=3 is not a row of X, which has 3"):
        viz.network(Net(), autograd.ones(3, 2), sample=3)
    with pytest.raises(autograd.ShapeError, match=r"\(n, features\)"):
        viz.network(Net(), autograd.ones(2))
    with pytest.raises(ValueError, match="theme='neon'"):
        viz.network(Net(), theme="neon")


@pytest.mark.parametrize("name", ["light", "dark", "print"])
def test_circles_stand_where_they_were_put(name):
    svg = viz.network(Net(), theme=name).svg()
    circles = [e for e in ElementTree.fromstring(svg).iter() if e.tag.endswith("ellipse")]
    centres = [(float(e.get("cx")), float(e.get("cy"))) for e in circles]
    columns = sorted({round(x) for x, _ in centres if sum(abs(x - a) < 1 for a, _ in centres) > 1})
    assert len(centres) == 2 + 4 + 1 + 2 and len(columns) == 2  # the inputs and the hidden units, below each other
    assert "Feed-forward network 2-4-1" in svg


# ---- python -m viz

SCRIPT = """
import sys, autograd, nn
assert __name__ == "__main__"
autograd.manual_seed(int(sys.argv[1]) if sys.argv[1:] else 0)
model = nn.Sequential(nn.Linear(2, 4), nn.Sigmoid(), nn.Linear(4, 1))
weird = autograd.rand(3, 2)
loss = nn.MSELoss()(model(weird), autograd.ones(3, 1))
"""


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "train.py"
    path.write_text(SCRIPT)
    return path


def test_the_command_draws_the_tensor_that_a_script_ends_with(script, tmp_path, capsys):
    out = tmp_path / "new" / "graph.dot"
    before = list(sys.argv), list(sys.path)
    command.main([f"{script}:loss", "7", "-o", str(out), "--show", "both", "--level", "layer", "--theme", "dark"])
    text = out.read_text("utf-8")
    assert "Linear" in text and theme("dark").paper in text and "weird" not in text
    assert capsys.readouterr().out.startswith(f"{out}: forward and backward, layers: 4 modules")
    assert (sys.argv, sys.path) == before
    command.main([f"{script}:loss", "-o", str(out), "--names", "--values"])
    assert "weird" in out.read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{script}:los"], "ends without los; it has the tensors weird, loss"),
        (["{script}:model"], "model is a Sequential, not a tensor; it has the tensors weird, loss"),
        (["{script}"], "expected SCRIPT.py:NAME"),
        (["{script}.py:loss"], "there is no script"),
        (["{script}:loss", "-o", "graph.gif"], "must end in one of .svg, .png, .pdf, .dot"),
        (["{script}:loss", "--level", "unit", "--sample", "9"], "sample=9 is not a row"),
        (["{script}:weird", "--show", "backward"], "does not require grad"),
    ],
)
def test_the_command_explains_what_it_cannot_draw_and_exits_with_2(script, arguments, said, capsys, tmp_path):
    with pytest.raises(SystemExit) as stop:
        command.main([a.format(script=script) for a in arguments])
    assert stop.value.code == 2 and said in capsys.readouterr().err


def test_the_command_says_when_a_script_stops_early(script, capsys):
    script.write_text("import sys\nsys.exit('enough')")
    with pytest.raises(SystemExit) as stop:
        command.main([f"{script}:loss"])
    assert stop.value.code == 2 and "sys.exit() before its end, with enough" in capsys.readouterr().err


def test_the_command_as_a_user_types_it(script, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "viz", "train.py:loss", "-o", "graph.svg"],
        cwd=tmp_path, capture_output=True, text=True, encoding="utf-8", env={"PYTHONPATH": ":".join(sys.path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "graph.svg").read_text("utf-8").startswith("<svg")
    assert np.isclose(len(done.stderr), 0)
