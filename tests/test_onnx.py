"""Networks as ONNX files: what onnxruntime computes of them, for other batches than the one that was traced."""

import io
import sys

import numpy as np
import pytest

import autograd
import nn
from autograd import DtypeError, GraphError

onnx = pytest.importorskip("onnx", reason="pip install '.[onnx]'")
onnxruntime = pytest.importorskip("onnxruntime", reason="pip install '.[onnx]'")
F = nn.functional


def exported(model, *args, **options):
    file = io.BytesIO()
    nn.onnx.export(model, args, file, **options)
    return file.getvalue()


def session(content):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def check(model, *shape, batches=(1, 2, 7), scale=2.0, **options):
    """Export with three samples, then compare with other numbers of them; returns the ONNX graph."""
    model.eval()
    draw = lambda n: autograd.randn(n, *shape) * scale
    content = exported(model, draw(3), **options)
    run = session(content)
    for n in batches:
        x = draw(n)
        (found,) = run.run(None, {run.get_inputs()[0].name: x.numpy()})
        expected = model(x).detach().numpy()
        assert found.shape == expected.shape and found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    return onnx.load_from_string(content).graph


class Of(nn.Module):
    """A function, as a module."""

    def __init__(self, function, *parts):
        super().__init__()
        self.function = function
        for k, part in enumerate(parts):
            setattr(self, f"part{k}", part)

    def forward(self, *x):
        return self.function(self, *x)


def of(function, *parts):
    return Of(lambda self, *x: function(*x), *parts)


ACTIVATIONS = [
    "Sigmoid()", "Tanh()", "ReLU()", "ReLU6()", "LeakyReLU(0.1)", "PReLU()", "PReLU(5)", "ELU(0.7)", "SELU()",
    "CELU(1.5)", "GELU()", "GELU('tanh')", "SiLU()", "Mish()", "Softplus()", "Softplus(2.0)", "Softsign()",
    "Hardtanh(-0.5, 2.0)", "Hardsigmoid()", "Hardswish()", "LogSigmoid()", "Tanhshrink()", "Threshold(0.3, -2.0)",
    "GLU()", "Softmax(1)", "Softmin(1)", "LogSoftmax(-1)", "Softshrink(0.4)", "Hardshrink(0.4)",
]  # fmt: skip
FUNCTIONS = [name for name in F.activation.__all__ if not name.endswith("_")]
ARGUMENTS = {
    "prelu": (autograd.tensor([0.3]),), "softmax": (1,), "softmin": (1,), "log_softmax": (1,), "threshold": (0.3, -2),
}  # fmt: skip


@pytest.mark.parametrize("code", ACTIVATIONS)
def test_a_network_with_each_activation(code):
    name = code.partition("(")[0]
    activation = eval(f"nn.{code}", {"nn": nn})
    wide, narrow = (6, 3) if name == "GLU" else (5, 5)
    graph = check(nn.Sequential(nn.Linear(4, wide), activation, nn.Linear(narrow, 2)), 4)
    assert {"0.weight", "0.bias", "2.weight", "2.bias"} <= {tensor.name for tensor in graph.initializer}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_activations_hold_in_the_tails_and_at_every_version(name):
    function = lambda x: getattr(F, name)(x, *ARGUMENTS.get(name, ()))
    for opset in (18, 20):
        check(of(function), 4, scale=30.0, batches=(2,), opset_version=opset)


def test_normalisation_and_dropout_in_evaluation_mode():
    model = nn.Sequential(
        nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Dropout(0.5), nn.Linear(6, 5), nn.LayerNorm(5), nn.Softmax(1)
    )
    for _ in range(3):
        model(autograd.randn(20, 4))  # running statistics other than the first ones
    model.train()
    assert not any(part.training for part in model.eval().modules())
    graph = check(model, 4)
    assert "RandomUniform" not in {node.op_type for node in graph.node}
    assert {"1.weight", "1.bias", "5.weight"} <= {tensor.name for tensor in graph.initializer}


def test_the_network_is_in_the_mode_it_was_in():
    model = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5)).train()
    model[0].eval()
    exported(model, autograd.ones(3, 2))
    assert (model.training, model[0].training, model[1].training) == (True, False, True)
    assert model[0].weight.grad is None


def test_a_convolutional_network():
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(),
        nn.MaxPool2d(2), nn.Conv2d(4, 6, (3, 2), stride=(2, 1), bias=False, groups=2), nn.Tanh(),
        nn.AvgPool2d(2, padding=1, count_include_pad=False), nn.Flatten(), nn.Linear(24, 3),
    )  # fmt: skip
    graph = check(model, 1, 12, 9)
    assert {"Conv", "MaxPool", "AveragePool", "Gemm", "Reshape"} <= {node.op_type for node in graph.node}
    assert any(name.startswith("4/") for name in (node.name for node in graph.node))  # the path of its module


@pytest.mark.parametrize(
    "model",
    [
        nn.Conv2d(2, 3, 3, padding="same", dilation=2),
        nn.Conv2d(2, 3, (4, 3), padding="same"),
        nn.Conv2d(2, 3, 3, padding=2, padding_mode="circular"),
        nn.Conv2d(2, 3, 3, padding=1, padding_mode="reflect"),
        nn.MaxPool2d(3, stride=2, padding=1, dilation=2),
        nn.MaxPool2d(2, ceil_mode=True),
        nn.AvgPool2d(3, 2, padding=1),
        nn.AvgPool2d(2, divisor_override=3),
        nn.AdaptiveAvgPool2d((1, 1)),
        nn.AdaptiveAvgPool2d((4, 3)),
        of(lambda x: F.pad(x, (1, 2, 0, 3), value=-1.5)),
    ],
    ids=repr,
)
def test_windows_and_padding(model):
    check(model, 2, 9, 7)


def test_lines():
    check(nn.Sequential(nn.Conv1d(3, 4, 5, stride=2, padding=1), nn.ReLU(), nn.MaxPool1d(3), nn.AvgPool1d(2)), 3, 40)


SHAPES = {
    "heads": lambda x: x.reshape(x.shape[0], 2, 3, 2).permute(0, 2, 1, 3).flatten(1),
    "transposed": lambda x: x.reshape(-1, 3, 4).mT.reshape(-1, 12),
    "slices": lambda x: autograd.cat([x[:, 1:4], x[:, 2:8:2], x[..., -1:]], 1),
    "positions": lambda x: x[:, None, 3] * x[:, [0, 2, 2]],
    "split": lambda x: x.chunk(3, 1)[1] / (1 + x.narrow(1, 0, 4).abs()),
    "broadcast": lambda x: x + autograd.ones(1, 12) * x.mean(1, keepdim=True),
    "squares": lambda x: (x**2).sum(1).sqrt() + x.amax(1) - x.amin(1) + x.logsumexp(1),
    "einsum": lambda x: autograd.einsum("ni,ij->nj", x, autograd.linspace(0, 1, 24).reshape(12, 2)),
    "where": lambda x: x.clamp(-1, 0.5) + autograd.maximum(x, x * 0.5) - x.relu(),
    "comparison": lambda x: x * (x > 0) + autograd.where((x < 1) & (x.abs() >= 0.5), x, 2.0),
    "decision": lambda x: x.softmax(1).argmax(1),
    "written in place": lambda x: _written(x * 2.0),
    "flip": lambda x: x.flip(1),
    "centred on the batch": lambda x: x - x.mean(0),
}


def _written(y):
    y += 1.0
    y.tanh_()
    return y


def _part(x):
    y = x * 2.0
    y[:, 1] = 3.0
    return y


def _masked(x):
    mask = x > 0
    mask[:, 0] = False
    return x * mask


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_indices_and_reductions(name):
    check(of(SHAPES[name]), 12, batches=(1, 5) if name != "centred on the batch" else (5,))


def test_several_inputs_and_outputs_with_names():
    model = Of(lambda self, a, b: (self.part0(a) + b, a * b.sum(1, keepdim=True), b), nn.Linear(3, 3))
    content = exported(
        model, autograd.randn(2, 3), autograd.randn(2, 3), input_names=["a", "b"], output_names=["u", "v", "w"],
        dynamic_axes={"a": {0: "n"}, "b": {0: "n"}, "u": {0: "n"}},
    )  # fmt: skip
    run = session(content)
    a, b = autograd.randn(5, 3), autograd.randn(5, 3)
    found = run.run(None, {"a": a.numpy(), "b": b.numpy()})
    for x, y in zip(found, model(a, b), strict=True):
        np.testing.assert_allclose(x, y.detach().numpy(), rtol=1e-5, atol=1e-5)
    assert run.get_inputs()[0].shape == ["n", 3] and run.get_outputs()[0].shape == ["n", 3]


def test_without_dynamic_axes_the_batch_is_fixed():
    run = session(exported(nn.Linear(3, 2), autograd.ones(4, 3), dynamic_axes={}))
    assert run.get_inputs()[0].shape == [4, 3]


def test_a_parameter_in_two_places_is_written_once():
    model = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 3))
    model[2].weight = model[0].weight
    graph = check(model, 3)
    assert sorted(t.name for t in graph.initializer) == ["0.bias", "0.weight", "2.bias"]


def test_float64_networks_are_written_in_float64():
    content = exported(nn.Linear(3, 2, dtype="float64"), autograd.ones(2, 3, dtype="float64"))
    assert session(content).get_inputs()[0].type == "tensor(double)"


def test_a_frozen_network_is_written_whole():
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    for p in model.parameters():
        p.requires_grad_(False)
    assert [node.op_type for node in check(model, 3).node] == ["Gemm", "Tanh", "Gemm", "Identity"]


REFUSED = {
    "an array": (lambda x: x * autograd.tensor(x.detach().numpy() > 0), r"mul.*not recorded"),
    "a value": (lambda x: x * x.sum().item(), r"mul.*number"),
    "the batch's size": (lambda x: x.sum(0) / len(x), r"div.*number"),
    "an order": (lambda x: x.sort(1).values, "getitem.*index"),
    "a sample": (lambda x: x[1], "getitem.*samples"),
    "no counterpart": (lambda x: x.cumprod(1), "cumprod.*no counterpart"),
    "a part written in place": (_part, "assign.*in place"),
    "a mask written in place": (_masked, "write in place"),
    "a branch": (lambda x: x.tanh() if x[-1, -1] > 0 else x.exp(), "otherwise"),
    "an argsort": (lambda x: x.argsort(1), "argsort.*no counterpart"),
    "one batch only": (lambda x: x.reshape(3, 4) * 1.0, "number of samples it fails"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_would_be_frozen_is_refused(what):
    function, message = REFUSED[what]
    with pytest.raises(GraphError, match=message):
        exported(of(function), autograd.arange(1.0, 13.0).reshape(3, 4) - 6)


def test_the_error_names_the_operation_and_the_module():
    class Odd(nn.Module):
        def forward(self, x):
            return x.cumprod(1)

    model = nn.Sequential(nn.Linear(3, 3), nn.Sequential(Odd()))
    with pytest.raises(GraphError, match=r"cumprod of '1\.0' \(Odd\)"):
        exported(model, autograd.ones(2, 3))


def test_arguments_are_checked():
    model, x = nn.Linear(2, 1), autograd.ones(3, 2)
    for options, message in (
        ({"opset_version": 9}, "from 18 to"),
        ({"opset_version": 9999}, "from 18 to"),
        ({"input_names": ["a", "b"]}, "expects 1 different input_names"),
        ({"dynamic_axes": {"z": {0: "n"}}}, "'z'"),
        ({"dynamic_axes": {"input": {1: "n"}}}, "only axis 0"),
    ):
        with pytest.raises(ValueError, match=message):
            exported(model, x, **options)
    with pytest.raises(DtypeError, match="argument 0 is ndarray"):
        exported(model, np.ones((3, 2)))
    with pytest.raises(DtypeError, match="output 0.*float"):
        exported(of(lambda x: 1.0), x)


def test_a_path_is_written_as_a_whole_or_not_at_all(tmp_path):
    path = tmp_path / "net.onnx"
    nn.onnx.export(nn.Linear(2, 1), autograd.ones(3, 2), path)
    before = path.read_bytes()
    with pytest.raises(GraphError):
        nn.onnx.export(of(lambda x: x.cumprod(1)), autograd.ones(3, 2), path)
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["net.onnx"]
    with pytest.raises(OSError, match="missing"):
        nn.onnx.export(nn.Linear(2, 1), autograd.ones(3, 2), tmp_path / "missing" / "net.onnx")


def test_without_the_package_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"chalkgrad\[onnx\]"):
        exported(nn.Linear(2, 1), autograd.ones(3, 2))


@pytest.mark.parity
def test_the_file_computes_what_pytorch_computes():
    torch = pytest.importorskip("torch")
    theirs = torch.nn.Sequential(torch.nn.Conv2d(1, 3, 3), torch.nn.ReLU(), torch.nn.MaxPool2d(2)).eval()
    ours = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.MaxPool2d(2))
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    x = torch.randn(4, 1, 9, 9)
    (found,) = session(exported(ours, autograd.ones(2, 1, 9, 9))).run(None, {"input": x.numpy()})
    np.testing.assert_allclose(found, theirs(x).detach().numpy(), rtol=1e-5, atol=1e-5)
