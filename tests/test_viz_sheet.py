"""The equation sheet: its right sides, computed as they are written, are the values and gradients of the graph."""

import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from itertools import pairwise

import numpy as np
import pytest

import autograd
import nn
import viz
from autograd.graph import Graph
from autograd.ops import primitive, registry
from viz.sheet.equations import LEVELS

F64 = "float64"


class Net(nn.Module):
    """The network of the slides, in sizes of choice."""

    def __init__(self, inputs=2, hidden=4, outputs=1, activation=None):
        super().__init__()
        self.activation = activation or nn.Sigmoid()
        self.Dense1 = nn.Linear(inputs, hidden, dtype=F64)
        self.Dense2 = nn.Linear(hidden, outputs, dtype=F64)

    def forward(self, x):
        return self.Dense2(self.activation(self.Dense1(x)))


class Deep(nn.Module):
    """A chain of layers."""

    def __init__(self, *sizes):
        super().__init__()
        for k, (n, m) in enumerate(pairwise(sizes)):
            setattr(self, f"layer{k}", nn.Linear(n, m, dtype=F64))
        self.count = len(sizes) - 1

    def forward(self, x):
        for k in range(self.count):
            x = autograd.tanh(getattr(self, f"layer{k}")(x))
        return x


def randn(*shape, **kwargs):
    return autograd.randn(*shape, dtype=autograd.float64, **kwargs)


def labels(n, k):
    return autograd.tensor(np.arange(n) % k)


def bits(*shape):
    return (autograd.rand(*shape) > 0.5).double()


def slides(reduction="mean", inputs=2, hidden=4, outputs=1, n=6):
    return nn.BCEWithLogitsLoss(reduction=reduction)(Net(inputs, hidden, outputs)(randn(n, inputs)), bits(n, outputs))


def on_activations():
    return nn.BCELoss()(autograd.sigmoid(Net()(randn(6, 2))), bits(6, 1))


def classes():
    return nn.CrossEntropyLoss()(Net(outputs=3)(randn(6, 2)), labels(6, 3))


def log_softmax_by_hand():
    z = Net(outputs=3)(randn(6, 2))
    return -(autograd.log_softmax(z, dim=1) * bits(6, 3)).sum(1).mean()


def logsumexp_by_hand():
    z = Net(outputs=3)(randn(6, 2))
    return (autograd.logsumexp(z, dim=1) - (z * bits(6, 3)).sum(dim=1)).sum()


def regression_with_ridge():
    net = Net(outputs=3)
    penalty = sum((p**2).sum() for p in (net.Dense1.weight, net.Dense2.weight))
    return nn.MSELoss()(net(randn(6, 2)), randn(6, 3)) + 0.1 * penalty


def lasso():
    net = Net()
    return nn.MSELoss(reduction="sum")(net(randn(6, 2)), randn(6, 1)) + 0.5 * autograd.abs(net.Dense1.weight).sum()


def shared_weights():
    W, A = randn(4, 4, requires_grad=True), randn(6, 4)
    h = autograd.tanh(A @ W.T)
    return ((autograd.tanh(h @ W.T) @ W) ** 2).mean()


def skip():
    first, second = nn.Linear(4, 4, dtype=F64), nn.Linear(4, 4, dtype=F64)
    h = autograd.relu(first(randn(6, 4)))
    return nn.MSELoss()(autograd.relu(second(h)) + h, randn(6, 4))


def several_losses():
    net = Net(outputs=3)
    X = randn(6, 2)
    z = net(X)
    return nn.CrossEntropyLoss()(z, labels(6, 3)) + 2 * nn.MSELoss()(z, randn(6, 3)) - z.mean()


def softmax_squared():
    return ((autograd.softmax(Net(outputs=3)(randn(6, 2)), dim=1) - bits(6, 3)) ** 2).sum()


def batch_norm_by_hand():
    z = Net(outputs=3)(randn(6, 2))
    z = (z - z.mean(0)) / ((z - z.mean(0)) ** 2).mean(0).sqrt()
    return (z**3).sum()


def neuron():
    x, w, b = randn(1)[0], randn(1, requires_grad=True)[0], randn(1, requires_grad=True)[0]
    return (autograd.sigmoid(w * x + b) - 1) ** 2


def vectors():
    w, X = randn(4, requires_grad=True), randn(6, 4)
    return (autograd.sin(X @ w) * bits(6)).sum()


def cast_and_copied():
    x = randn(6, 3, requires_grad=True).clone()
    return (autograd.relu(x.float()).double() ** 2).mean()


def written_in_place():
    z = 2 * randn(6, 3, requires_grad=True)
    z[1] = 0.0
    return (z**3).sum()


def not_a_scalar():
    return Net()(randn(6, 2))


def stacked():
    W = randn(4, 3, requires_grad=True)
    return ((randn(2, 5, 3) @ W.T) ** 2).mean()


def indexed():
    w = randn(6, 3, requires_grad=True)
    return (w[1:, 0] * w[:-1, 1]).sum() + autograd.cat([w, 2 * w], dim=0).cumsum(0).amax() + w.reshape(3, 6).prod()


NETWORKS = [
    slides, on_activations, classes, log_softmax_by_hand, logsumexp_by_hand, regression_with_ridge, lasso,
    shared_weights, skip, several_losses, softmax_squared, batch_norm_by_hand, neuron, vectors, not_a_scalar, stacked,
    indexed, cast_and_copied, written_in_place,
    lambda: slides("sum"), lambda: slides(inputs=1, hidden=1), lambda: slides(inputs=1, hidden=1, n=1),
    lambda: slides(n=1), lambda: slides(n=4, inputs=4, hidden=4, outputs=4),
    lambda: nn.MSELoss()(Deep(3, 4, 4, 4, 2)(randn(5, 3)), randn(5, 2)),
]  # fmt: skip
"""Different widths, so that a transposed factor has the wrong shape; and equal ones, which may be confused."""


@pytest.fixture(autouse=True)
def seeded():
    autograd.manual_seed(3)


def check(sheet, loss):
    """Every right side against the recorded value, or the engine's gradient."""
    graph = Graph(loss)
    by_index = {line.variable: line for line in sheet.equations}
    found = list(sheet.evaluate().values())
    assert len(found) == len(sheet.equations)
    for line, got in zip(sheet.equations, found, strict=True):
        v = graph.variables[line.variable]
        expected = graph.gradient(v) if line.backward else v.value
        np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-9, err_msg=f"{line.left.text} = {line.right.text}")
    leaves = [v for v in graph if v.kind == "parameter"]
    assert leaves
    assert all(v.index in by_index for v in leaves)  # no gradient is missing


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("network", NETWORKS)
def test_the_right_sides_come_to_the_values_and_gradients_of_the_graph(network, level):
    loss = network()
    check(viz.sheet(loss, level), loss)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", [name for name, op in registry.items() if op.samples and op.differentiable])
def test_a_network_of_every_op_has_a_sheet_that_evaluates(name, level):
    from tests.opcheck import call, cases, tensors

    op = registry[name]
    inputs, params = next(iter(cases(op)))
    xs = tensors(op, inputs)
    out = call(op, params)(*xs)
    if out.requires_grad:
        loss = (out * autograd.tensor(np.linspace(-1, 1, out.numel()).reshape(out.shape))).sum()
        check(viz.sheet(loss, level), loss)


def lines(sheet, backward=None):
    return [f"{e.left.text} = {e.right.text}" for e in sheet.equations if backward in (None, e.backward)]


def test_the_sheet_of_the_slides_network_is_the_slides_summary_line_by_line():
    sheet = viz.sheet(slides("sum"))
    assert [re.sub(r"  +", " | ", line) for line in sheet.text.splitlines()] == [
        "Forward pass | Backward pass",
        "(1) | Z_H = X W_Hᵀ + 1 b_Hᵀ | B×4 | (5) | ∂𝒥/∂Z_O = σ(Z_O) − y | B×1",
        "(2) | U_H = σ(Z_H) | B×4 | (6) | ∂𝒥/∂b_O = 1ᵀ ∂𝒥/∂Z_O | 1",
        "(3) | Z_O = U_H W_Oᵀ + 1 b_Oᵀ | B×1 | (7) | ∂𝒥/∂W_O = (∂𝒥/∂Z_O)ᵀ U_H | 1×4",
        "(4) | 𝒥 | = Σ(ln(1 + e^(Z_O)) − y ⊙ Z_O) | sum over B | (8) | ∂𝒥/∂Z_H = (∂𝒥/∂Z_O W_O) ⊙ U_H ⊙ (1 − U_H) | B×4",
        " | (9) | ∂𝒥/∂b_H = 1ᵀ ∂𝒥/∂Z_H | 4",
        " | (10) | ∂𝒥/∂W_H = (∂𝒥/∂Z_H)ᵀ X | 4×2",
        "B = 6",
    ]


SCALAR = [
    "z_{H,il} = Σ_j w_{H,lj} x_{ij} + b_{H,l}", "u_{H,il} = σ(z_{H,il})", "z_{O,ik} = Σ_l w_{O,kl} u_{H,il} + b_{O,k}",
    "𝒥 = Σ_i (ln(Σ_k e^(z_{O,ik})) − Σ_k [y_i = k] z_{O,ik}) / B",
    "∂𝒥/∂z_{O,ik} = (e^(z_{O,ik})/(Σ_k′ e^(z_{O,ik′})) − [y_i = k])/B", "∂𝒥/∂b_{O,k} = Σ_i ∂𝒥/∂z_{O,ik}",
    "∂𝒥/∂w_{O,kl} = Σ_i ∂𝒥/∂z_{O,ik} u_{H,il}",
    "∂𝒥/∂z_{H,il} = (Σ_k ∂𝒥/∂z_{O,ik} w_{O,kl}) u_{H,il} (1 − u_{H,il})",
    "∂𝒥/∂b_{H,l} = Σ_i ∂𝒥/∂z_{H,il}", "∂𝒥/∂w_{H,lj} = Σ_i ∂𝒥/∂z_{H,il} x_{ij}",
]  # fmt: skip
BATCH = [
    "z_{H,i} = W_H x_i + b_H", "u_{H,i} = σ(z_{H,i})", "z_{O,i} = W_O u_{H,i} + b_O",
    "𝒥 = Σ_i (ln(Σ(e^(z_{O,i}))) − Σ(1[y_i] ⊙ z_{O,i})) / B", "∂𝒥/∂z_{O,i} = (softmax(z_{O,i}) − 1[y_i])/B",
    "∂𝒥/∂b_O = Σ_i ∂𝒥/∂z_{O,i}", "∂𝒥/∂W_O = Σ_i ∂𝒥/∂z_{O,i} u_{H,i}ᵀ",
    "∂𝒥/∂z_{H,i} = (W_Oᵀ ∂𝒥/∂z_{O,i}) ⊙ u_{H,i} ⊙ (1 − u_{H,i})",
    "∂𝒥/∂b_H = Σ_i ∂𝒥/∂z_{H,i}", "∂𝒥/∂W_H = Σ_i ∂𝒥/∂z_{H,i} x_iᵀ",
]  # fmt: skip
ONE = [
    "z_H = w_H x + b_H", "u_H = σ(z_H)", "z_O = w_O u_H + b_O", "𝒥 = ln(1 + e^(z_O)) − y z_O",
    "∂𝒥/∂z_O = σ(z_O) − y", "∂𝒥/∂b_O = ∂𝒥/∂z_O", "∂𝒥/∂w_O = ∂𝒥/∂z_O u_H", "∂𝒥/∂z_H = ∂𝒥/∂z_O w_O u_H (1 − u_H)",
    "∂𝒥/∂b_H = ∂𝒥/∂z_H", "∂𝒥/∂w_H = ∂𝒥/∂z_H x",
]  # fmt: skip
MANY = [
    "z_{H,i} = w_H x_i + b_H", "u_{H,i} = σ(z_{H,i})", "z_{O,i} = w_O u_{H,i} + b_O",
    "𝒥 = Σ_i (ln(1 + e^(z_{O,i})) − y_i z_{O,i})", "∂𝒥/∂z_{O,i} = σ(z_{O,i}) − y_i", "∂𝒥/∂b_O = Σ_i ∂𝒥/∂z_{O,i}",
    "∂𝒥/∂w_O = Σ_i ∂𝒥/∂z_{O,i} u_{H,i}", "∂𝒥/∂z_{H,i} = ∂𝒥/∂z_{O,i} w_O u_{H,i} (1 − u_{H,i})",
    "∂𝒥/∂b_H = Σ_i ∂𝒥/∂z_{H,i}", "∂𝒥/∂w_H = Σ_i ∂𝒥/∂z_{H,i} x_i",
]  # fmt: skip


@pytest.mark.parametrize(
    ("network", "level", "expected"),
    [
        (classes, "scalar", SCALAR), (classes, "batch", BATCH),
        (lambda: slides("sum", 1, 1, n=1), "scalar", ONE),  # the slides' simple case 1
        (lambda: slides("sum", 1, 1), "scalar", MANY),  # the slides' simple case 2
    ],
    ids=["indices", "samples", "case 1", "case 2"],
)  # fmt: skip
def test_the_levels_read_as_on_the_slides(network, level, expected):
    assert lines(viz.sheet(network(), level)) == expected


def test_a_lecturer_would_cancel_the_derivative_of_the_sigmoid():
    assert "∂𝒥/∂Z_O = (U_O − y)/B" in lines(viz.sheet(on_activations()))


def test_fan_out_is_a_sum_of_named_terms_and_reuse_is_said():
    sheet = viz.sheet(regression_with_ridge())
    line = next(e for e in sheet.equations if e.backward and e.name == "W_H")
    assert [(name, t.text) for name, t in line.terms] == [("𝒥", "0.2 W_H"), ("Z_H", "(∂𝒥/∂Z_H)ᵀ X")]
    assert line.right.text == "0.2 W_H + (∂𝒥/∂Z_H)ᵀ X"
    assert "used 2×, in Z_H, 𝒥" in sheet.text
    assert "mean over B·3; sum over 4·2; sum over 3·4" in sheet.text
    assert "\\underbrace{0.2 \\, W_{H}}_{\\mathcal{J}} + \\underbrace{" in sheet.latex
    assert sheet.html.count("⏟") == 4


def test_numbers_on_request_are_the_sheets_own_with_a_tick_of_finite_differences():
    loss = classes()
    sheet = viz.sheet(loss, values=True)
    assert sheet.text.count("✓") == 6
    assert "✗" not in sheet.text
    assert f"= {loss.item():.4g}" in sheet.text
    assert sheet.latex.count("\\checkmark") == 6


def test_a_wrong_rule_has_no_tick(monkeypatch):
    monkeypatch.setattr("autograd.ops.record.registry", dict(registry))

    @primitive("wrong", x=lambda g, x: g * 2 * x, method=False, elementwise=True)
    def wrong_in_the_sheet_test(x):
        return x**3

    text = viz.sheet(wrong_in_the_sheet_test(randn(4, requires_grad=True)).sum(), values=True).text
    assert "✗" in text
    assert "✓" not in text


def test_what_is_hidden_is_blank_everywhere_and_stands_in_the_key():
    loss = classes()
    sheet = viz.sheet(loss, hide=["dJ/dW_H", "Z_O", 1], values=True)
    assert [e.number for e in sheet.equations if e.hidden] == [1, 3, 10]
    for page in (sheet.text, sheet.latex, sheet.html, sheet.markdown):
        assert len(re.findall("……………|ldots.ldots.ldots.ldots", page)) == 3
    assert "(∂𝒥/∂Z_H)ᵀ X" not in sheet.text
    assert [f"{e.left.text} = {e.right.text}" for e in sheet.answers.equations] == [
        "Z_H = X W_Hᵀ + 1 b_Hᵀ", "Z_O = U_H W_Oᵀ + 1 b_Oᵀ", "∂𝒥/∂W_H = (∂𝒥/∂Z_H)ᵀ X",
    ]  # fmt: skip
    assert "(10)  ∂𝒥/∂W_H = (∂𝒥/∂Z_H)ᵀ X" in sheet.answers.text
    assert len(viz.sheet(loss, hide="backward").answers.equations) == 6
    assert viz.sheet(loss, hide="all").answers.text == viz.sheet(loss).text


def test_bad_arguments_are_explained():
    loss = classes()
    with pytest.raises(ValueError, match="hide='W_Q' is on no line; there are forward, backward, all, Z_H"):
        viz.sheet(loss, hide=["W_Q"])
    with pytest.raises(ValueError, match="level='vector' is not one of matrix, batch, scalar"):
        viz.sheet(loss, "vector")
    with pytest.raises(autograd.GraphError):
        viz.sheet(3.0)


def test_without_gradients_there_is_a_forward_pass_only():
    x = randn(3)
    assert viz.sheet((x * x).sum()).equations == []  # nothing was recorded
    assert viz.sheet(x, names={"x": x}).text == "Forward pass"


class Cube(autograd.Function):
    """Readable by symbols, and counted."""

    runs = 0

    @staticmethod
    def forward(ctx, x):
        Cube.runs += 1
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * 3 * x**2


class Opaque(Cube):
    """With a backward that symbols cannot run."""

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * 3 * autograd.tensor(x.detach().numpy() ** 2)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("function", [Cube, Opaque])
def test_a_users_function_is_on_the_sheet_and_is_not_run_again(function, level):
    loss = (function.apply(randn(6, 2, requires_grad=True)) ** 2).sum()
    runs = Cube.runs
    sheet = viz.sheet(loss, level, values=True)
    check(sheet, loss)
    assert Cube.runs == runs
    assert function.__name__ in sheet.text
    assert "✗" not in sheet.text


# ---- pages


PAGES = [(network, level) for network in (slides, several_losses, indexed, batch_norm_by_hand) for level in LEVELS]


@pytest.mark.parametrize(("network", "level"), PAGES)
def test_the_html_is_well_formed_mathml_with_every_equation_and_nothing_to_load(network, level):
    sheet = viz.sheet(network(), level, values=True)
    tree = ElementTree.fromstring(sheet.html)
    assert len(tree.findall(".//tr[@data-equation]")) == len(sheet.equations)
    arity = {"msub": 2, "msup": 2, "mfrac": 2, "munder": 2}
    for node in tree.iter():
        assert node.tag in {
            "div", "style", "msqrt", "table", "caption", "tbody", "tr", "td", "p", "math", "mrow", "mi", "mn", "mo",
            "mtext",
            *arity,
        }  # fmt: skip
        assert len(node) == arity.get(node.tag, len(node))
        assert set(node.attrib) <= {"class", "displaystyle", "data-equation"}
    assert "http" not in sheet.html
    assert "url" not in sheet.html


def balanced(source):
    depth = 0
    for token in re.findall(r"\\[{}]|[{}]", source):
        depth += {"{": 1, "}": -1}.get(token, 0)
        assert depth >= 0
    return depth == 0


@pytest.mark.parametrize(("network", "level"), PAGES)
def test_the_latex_is_balanced_ascii_that_a_parser_of_mathematics_reads(network, level):
    mathtext = pytest.importorskip("matplotlib.mathtext").MathTextParser("agg")
    sheet = viz.sheet(network(), level, values=True)
    assert sheet.latex.isascii()
    assert balanced(sheet.latex)
    assert sheet.latex.count(r"\left") - sheet.latex.count(r"\leftarrow") == sheet.latex.count(r"\right")
    for line in sheet.equations:
        mathtext.parse(f"${line.left.latex} = {line.right.latex}$")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="LaTeX is not installed")
@pytest.mark.parametrize(("network", "level"), PAGES)
def test_the_latex_compiles(network, level, tmp_path):
    (tmp_path / "sheet.tex").write_text(viz.sheet(network(), level, values=True).latex)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "sheet.tex"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-2000:]


HOSTILE = [
    "<script>alert(1)</script>", "</math><img src=x onerror=alert(1)>", "javascript:alert(1)", '"><b>',
    "\\input{/etc/passwd}", "$x$", "%&_#^~", "}{", "\\end{align*}\\immediate\\write18{ls}",
    "\x00\x1b[31m", "a\nb", "\ud800", "'", "W_<b>",
    "é→猫", "a|b",
    "**bold**", "[link](javascript:x)", "`code`", "x" * 300,
]  # fmt: skip


SAFE = {
    "paragraph", "begin", "end", "mathcal", "mathrm", "text", "Sigma", "left", "right", "sum", "frac", "partial",
    "underbrace", "times", "ldots", "noindent", "quad", "backslash", "sim", "wedge", "prime", "odot", "cdot", "ast",
    *"\\ ,_{}$%&#\n",
}  # fmt: skip
"""Every LaTeX command that may stand on a page."""


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_literal_text_in_every_format(name):
    mathtext = pytest.importorskip("matplotlib.mathtext").MathTextParser("agg")
    w = randn(3, requires_grad=True)
    w.name = name
    for level in LEVELS:
        sheet = viz.sheet((w**2).sum() + w.sum(), level)
        tree = ElementTree.fromstring(sheet.html)
        assert {n.tag for n in tree.iter()}.isdisjoint({"script", "img", "b", "a"})
        assert not any(a.startswith("on") or a == "href" for n in tree.iter() for a in n.attrib)
        sheet.text.encode()
        assert all(c.isprintable() for c in sheet.text.replace("\n", ""))
        assert sheet.latex.isascii()
        assert balanced(sheet.latex)
        commands = set(re.findall(r"\\([A-Za-z]+|.)", sheet.align, re.DOTALL))
        assert commands <= SAFE, commands - SAFE
        for line in sheet.equations:
            for side in (line.left.latex, line.right.latex):
                assert not re.search(r"[$%#&~`\x00-\x1f]", re.sub(r"\\.", "", side))
        assert not re.search(r"[<>`*]", sheet.markdown.replace("**Forward pass**", "").replace("**Backward pass**", ""))
        for line in sheet.equations:
            mathtext.parse(f"${line.left.latex} = {line.right.latex}$".replace(r"\&", "+"))  # which it does not know


def test_markdown_is_headed_mathematics():
    text = viz.sheet(classes()).markdown
    assert text.startswith("**Forward pass**\n\n$$\n\\begin{aligned}\nZ_{H} &= X \\, W_{H}^{T}")
    assert text.count("$$") == 4


def test_a_notebook_shows_the_html_or_the_text():
    sheet = viz.sheet(classes())
    assert sheet._repr_mimebundle_() == {"text/html": sheet.html, "text/plain": sheet.text}
    assert repr(sheet) == "<Sheet: matrix level, 10 equations>"


SCRIPT = """
import autograd, sys, viz
autograd.manual_seed(0)
W = autograd.randn(4, 3, requires_grad=True)
loss = (autograd.tanh(autograd.randn(5, 3) @ W.T) ** 2).mean() + W.sum()
for level in ("matrix", "batch", "scalar"):
    s = viz.sheet(loss, level, names={"W": W}, values=True)
    sys.stdout.buffer.write("".join((s.text, s.html, s.latex, s.markdown)).encode())
"""


def test_the_same_program_gives_the_same_bytes():
    import os

    runs = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT], capture_output=True, check=True, env=os.environ | {"PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2")
    }
    assert len(runs) == 1
    assert len(runs.pop()) > 1000


def test_a_sheet_changes_no_value_gradient_or_graph():
    net = Net()
    loss = nn.MSELoss()(net(randn(6, 2)), randn(6, 1))
    before = [p.detach().numpy().copy() for p in net.parameters()]
    for level in LEVELS:
        viz.sheet(loss, level, values=True).evaluate()
    assert all(p.grad is None for p in net.parameters())
    assert all(np.array_equal(a, p.detach().numpy()) for a, p in zip(before, net.parameters(), strict=True))
    loss.backward()


def test_fifty_layers_take_less_than_a_second():
    loss = nn.MSELoss()(Deep(*[8] * 51)(randn(20, 8)), randn(20, 8))
    start = time.perf_counter()
    sheet = viz.sheet(loss)
    pages = sheet.text, sheet.latex, sheet.html
    assert time.perf_counter() - start < 1
    assert len(sheet.equations) == 101 + 150
    assert "Z_50 = U_49 W_50ᵀ + 1 b_50ᵀ" in pages[0]


def test_a_sheet_too_long_to_read_is_cut_and_says_so():
    x = h = randn(3, requires_grad=True)
    for k in range(300):
        h = autograd.sin(h) * x
        h.name = f"s_{k}"
    sheet = viz.sheet(h.sum(), names={"x": x})
    assert "… " in sheet.text
    assert " more" in sheet.text
    assert len(sheet.text.splitlines()) < 450


def test_a_variable_used_a_thousand_times_is_no_recursion():
    x = autograd.tensor(2.0, requires_grad=True)
    x.name = "x"
    h = x * 1
    for _ in range(1200):
        h = h + x
    sheet = viz.sheet(h)
    assert "used 1201×" in sheet.text and sheet.latex and sheet.html
    assert len(viz.steps.steps(h)) > 1200
