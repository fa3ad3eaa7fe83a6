"""The activations: every digit of the exact value, PyTorch's corners, and the modules."""

import math
import warnings

import numpy as np
import pytest

import autograd
import nn
from autograd import DtypeError, GraphError, ShapeError, tensor

from .test_elementwise import join, leaf, mp, positive, spread, ulps, value_and_gradient
from .test_elementwise import sigmoid as logistic

F = nn.functional
inf, nan = math.inf, math.nan

# -- every digit

ONE, ZERO = mp.mpf(1), mp.mpf(0)
LAMBDA, ALPHA = mp.mpf("1.0507009873554804934193349852946"), mp.mpf("1.6732632423543772848170429916717")
LEAST = np.array([-0.7517915246935645, -0.7524614220710163, -1.2784645427610737, -1.1924312145154952])
NEAR_LEAST = np.ravel(LEAST[:, None] + np.array([0, 1e-15, -1e-12, 1e-7, -1e-5, 1e-3, -0.01, 0.03, -0.1, 0.3]))
MIDDLE = join(spread(-3, 3), spread(-0.1, 0.1), NEAR_LEAST, np.linspace(-3, 1, 97))


def softplus(x, beta=1):
    x = x * mp.mpf(beta)
    return (mp.log1p(mp.exp(x)) if x < 0 else x + mp.log1p(mp.exp(-x))) / mp.mpf(beta)


def gaussian(x):
    return mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)


def tanh_z(x):
    return mp.sqrt(8 / mp.pi) * (x + mp.mpf("0.044715") * x**3)


def gelu_tanh_slope(x):
    s, rise = logistic(tanh_z(x)), mp.sqrt(8 / mp.pi) * (1 + 3 * mp.mpf("0.044715") * x**2)
    return s + x * s * logistic(-tanh_z(x)) * rise


def mish(x):
    n = mp.exp(x) * (mp.exp(x) + 2)
    return x * n / (n + 2)


def mish_slope(x):
    e = mp.exp(x)
    n = e * (e + 2)
    return n / (n + 2) + 4 * x * e * (e + 1) / (n + 2) ** 2


def elu(alpha, width=1, scale=1):
    """The function and its derivative."""
    alpha, width, scale = map(mp.mpf, (alpha, width, scale))
    return (
        lambda x: scale * (x if x > 0 else alpha * mp.expm1(x / width)),
        lambda x: scale * (ONE if x > 0 else alpha / width * mp.exp(x / width)),
    )


EXACT = {
    # name: (ours, the function, its derivative, points for float32, further points for float64)
    "gelu": (F.gelu, lambda x: x * mp.erfc(-x / mp.sqrt(2)) / 2,
             lambda x: mp.erfc(-x / mp.sqrt(2)) / 2 + x * gaussian(x), spread(-14.2, 14), spread(-38.6, 9)),
    "gelu tanh": (lambda x: F.gelu(x, "tanh"), lambda x: x * logistic(tanh_z(x)), gelu_tanh_slope,
                  spread(-10.2, 14), spread(-21.6, 9)),
    "silu": (F.silu, lambda x: x * logistic(x), lambda x: logistic(x) * (1 + x * logistic(-x)),
             spread(-107, 100), spread(-751, 750)),
    "mish": (F.mish, mish, mish_slope, spread(-107, 100), spread(-751, 750)),
    "softplus": (F.softplus, softplus, logistic, spread(-103, 100), spread(-744, 750)),
    "softplus 3.3": (lambda x: F.softplus(x, 3.3), lambda x: softplus(x, 3.3), lambda x: logistic(mp.mpf(3.3) * x),
                     spread(-31, 30), spread(-225, 9)),
    "softplus 0.1": (lambda x: F.softplus(x, 0.1), lambda x: softplus(x, 0.1), lambda x: logistic(mp.mpf(0.1) * x),
                     spread(-1030, 900), spread(-7440, 9)),
    "logsigmoid": (F.logsigmoid, lambda x: -softplus(-x), lambda x: logistic(-x),
                   spread(-100, 103), spread(-1000, 744)),
    "elu": (F.elu, *elu(1), spread(-103, 9), spread(-744, 9)),
    "elu 1.7": (lambda x: F.elu(x, 1.7), *elu(1.7), spread(-103, 9), spread(-744, 9)),
    "celu 1.7": (lambda x: F.celu(x, 1.7), *elu(1.7, 1.7), spread(-170, 9), spread(-1260, 9)),
    "selu": (F.selu, *elu(ALPHA, scale=LAMBDA), spread(-103, 9), spread(-744, 9)),
    "softsign": (F.softsign, lambda x: x / (1 + abs(x)), lambda x: 1 / (1 + abs(x)) ** 2,
                 join(positive(18), -positive(18)), positive(150)),
    "tanhshrink": (F.tanhshrink, lambda x: x - mp.tanh(x) if abs(x) > 1e-12 else x**3 / 3 - 2 * x**5 / 15,
                   lambda x: mp.tanh(x) ** 2, join(spread(-9, 9), positive(10)), positive(90)),
    "hardswish": (F.hardswish, lambda x: ZERO if x <= -3 else x * (x + 3) / 6 if x < 3 else x,
                  lambda x: ZERO if x <= -3 else (2 * x + 3) / 6 if x < 3 else ONE,
                  join(spread(-4, 4), -3 + 2.0 ** -np.arange(1, 22), -1.5 + 2.0 ** -np.arange(2, 22)), ()),
    "hardsigmoid": (F.hardsigmoid, lambda x: ZERO if x <= -3 else (x + 3) / 6 if x < 3 else ONE,
                    lambda x: ONE / 6 if -3 < x < 3 else ZERO,
                    join(spread(-4, 4), -3 + 2.0 ** -np.arange(1, 22), 3 - 2.0 ** -np.arange(1, 22)), ()),
    "leaky_relu": (F.leaky_relu, lambda x: x if x > 0 else x / 100, lambda x: ONE if x > 0 else ONE / 100,
                   join(positive(30), -positive(30)), -positive(300)),
}  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", EXACT)
def test_values_within_two_and_a_half_ulp_and_gradients_within_four_tails_and_minima_included(name, dtype):
    ours, function, derivative, points, further = EXACT[name]
    x = np.asarray(join(MIDDLE, points, further if dtype is np.float64 else ()), dtype)
    at = [mp.mpf(float(v)) for v in x]
    t = leaf(x)
    y = ours(t)
    y.backward(autograd.ones(x.shape, dtype=y.dtype))
    assert y.dtype == dtype
    forward, k = ulps(y.detach().numpy(), [function(v) for v in at], dtype)
    assert forward <= 2.5, f"{name}({x[k]!r}) is off by {forward:.3g} ulp"
    backward, k = ulps(t.grad.numpy(), [derivative(v) for v in at], dtype)
    assert backward <= 4, f"{name}'({x[k]!r}) is off by {backward:.3g} ulp"


# -- special values

KINKS = [
    # the derivatives where the function has a corner, as PyTorch has them
    (F.relu, [0], [0], [0]),
    (F.relu6, [0, 6], [0, 6], [0, 0]),
    (F.hardtanh, [-1, 1], [-1, 1], [0, 0]),
    (F.hardsigmoid, [-3, 3], [0, 1], [0, 0]),
    (F.hardswish, [-3, 3], [0, 3], [0, 1]),
    (F.leaky_relu, [0], [0], [0.01]),
    (lambda x: F.elu(x, 0.5), [0], [0], [0.5]),
    (lambda x: F.celu(x, 0.5), [0], [0], [1]),
    (F.selu, [0], [0], [1.7580993408473766]),
    (lambda x: F.threshold(x, 1.0, 7.0), [1, 1.5], [7, 1.5], [0, 1]),
    (F.hardshrink, [-0.5, 0.5, 0.75], [0, 0, 0.75], [0, 0, 1]),
    (F.softshrink, [-0.5, 0.5, 0.75], [0, 0, 0.25], [0, 0, 1]),
    (lambda x: F.softplus(x, 2.0, 1.0), [0.5, 0.75], [math.log1p(math.e) / 2, 0.75], [1 / (1 + math.exp(-1)), 1]),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("function", "x", "value", "slope"), KINKS)
def test_at_a_corner_the_derivative_is_pytorchs(function, x, value, slope, dtype):
    found, gradient = value_and_gradient(function, x, dtype=dtype)
    assert found == pytest.approx(value, rel=1e-6)
    assert gradient == pytest.approx(slope, rel=1e-6)


AT_INFINITY = {
    # name: the values and the derivatives at −∞ and ∞
    "relu": ((0, inf), (0, 1)), "relu6": ((0, 6), (0, 0)), "leaky_relu": ((-inf, inf), (0.01, 1)),
    "elu": ((-1, inf), (0, 1)), "selu": ((-1.7580993408473766, inf), (0, 1.0507009873554805)),
    "celu": ((-1, inf), (0, 1)), "gelu": ((0, inf), (0, 1)), "silu": ((0, inf), (0, 1)), "mish": ((0, inf), (0, 1)),
    "softplus": ((0, inf), (0, 1)), "softsign": ((-1, 1), (0, 0)), "hardtanh": ((-1, 1), (0, 0)),
    "hardsigmoid": ((0, 1), (0, 0)), "hardswish": ((0, inf), (0, 1)), "logsigmoid": ((-inf, 0), (1, 0)),
    "tanhshrink": ((-inf, inf), (1, 1)), "hardshrink": ((-inf, inf), (1, 1)), "softshrink": ((-inf, inf), (1, 1)),
    "sigmoid": ((0, 1), (0, 0)), "tanh": ((-1, 1), (0, 0)),
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", AT_INFINITY)
def test_the_limits_at_infinity_are_finite_where_they_exist_and_nan_stays_nan(name, dtype):
    function = getattr(F, name)
    values, slopes = AT_INFINITY[name]
    found, gradient = value_and_gradient(function, [-inf, inf], dtype=dtype)
    assert found == pytest.approx(values) and gradient == pytest.approx(slopes)
    top = float(np.finfo(dtype).max)
    finite, near = value_and_gradient(function, [-top, top], dtype=dtype)  # without a warning
    assert not np.isnan([*finite, *near]).any()
    assert math.isnan(function(tensor(nan, dtype=dtype)).item())


def test_the_tanh_approximation_has_the_same_limits():
    found, slope = value_and_gradient(lambda x: F.gelu(x, "tanh"), [-inf, inf])
    assert (found, slope) == ([0, inf], [0, 1])


def test_a_threshold_of_twenty_or_more_changes_nothing_because_nothing_overflows():
    x = tensor([25.0, 1000.0], dtype="float64")
    assert F.softplus(x).tolist() == [25 + math.log1p(math.exp(-25)), 1000]
    assert F.softplus(x, threshold=19).tolist() == [25, 1000]


# -- in place

IN_PLACE = [
    "relu", "relu6", "leaky_relu", "elu", "selu", "celu", "silu", "mish", "hardtanh", "hardsigmoid", "hardswish",
    "threshold",
]  # fmt: skip


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place_the_input_holds_the_result_and_the_gradient_is_the_same(name):
    arguments = (0.1, 3.0) if name == "threshold" else ()
    x = leaf([-1.5, 0.5, 2.0], "float64")
    expected = getattr(F, name)(x * 2, *arguments)
    (slope,) = autograd.grad(expected.sum(), x)
    y = x * 2
    out = getattr(F, name)(y, *arguments, inplace=True)
    assert out is y and y.tolist() == expected.tolist()
    y.sum().backward()
    assert x.grad.tolist() == slope.tolist()


@pytest.mark.parametrize("name", ["relu_", "elu_", "selu_", "celu_", "leaky_relu_", "hardtanh_", "threshold_"])
def test_a_name_with_an_underscore_writes_into_its_input(name):
    arguments = (0.1, 3.0) if name == "threshold_" else ()
    x = tensor([-1.5, 0.5, 2.0])
    expected = getattr(F, name[:-1])(x, *arguments).tolist()
    assert getattr(F, name)(x, *arguments) is x
    assert x.tolist() == expected


def test_a_leaf_that_requires_grad_is_not_written_into():
    with pytest.raises(GraphError, match=r"elu_: a leaf Variable that requires grad"):
        F.elu(leaf([1.0]), inplace=True)


# -- over an axis


def test_softmax_and_its_kin_are_one_formula():
    x = tensor([[1.0, 2.0, 3.0], [0.0, -1000.0, 1000.0]], dtype="float64")
    p = F.softmax(x, 1)
    np.testing.assert_allclose(p[0].tolist(), np.exp([1, 2, 3]) / np.exp([1, 2, 3]).sum(), rtol=1e-15)
    assert p[1].tolist() == [0, 0, 1]
    assert F.softmin(-x, 1).tolist() == p.tolist()
    assert F.log_softmax(x, 1)[1].tolist() == [-1000, -2000, 0]
    assert F.softmax(x.float(), 1, dtype=autograd.float64).dtype == autograd.float64
    assert F.softmax(tensor([1, 2]), 0, dtype=autograd.float32).dtype == autograd.float32


@pytest.mark.parametrize("name", ["softmax", "softmin", "log_softmax"])
@pytest.mark.parametrize(("shape", "dim"), [((), 0), ((3,), 0), ((2, 3), 1), ((2, 3, 4), 0), ((2, 1, 3, 2), 1)])
def test_without_a_dim_there_is_a_warning_here_and_pytorchs_choice(name, shape, dim):
    x = autograd.randn(*shape) if shape else tensor(0.5)
    with pytest.warns(UserWarning, match="implicit dimension") as caught:
        found = getattr(F, name)(x)
    assert caught[0].filename == __file__
    assert found.tolist() == getattr(F, name)(x, dim).tolist()
    kind = {"softmax": nn.Softmax, "softmin": nn.Softmin, "log_softmax": nn.LogSoftmax}[name]
    with pytest.warns(UserWarning, match="implicit dimension") as caught:
        assert kind()(x).tolist() == found.tolist()
    assert caught[0].filename == __file__


def test_glu_gates_one_half_by_the_other():
    x = leaf([[1.0, 2.0, 0.0, 1000.0]], "float64")
    y = F.glu(x)
    assert y.tolist() == [[0.5, 2]]
    y.sum().backward()
    assert x.grad.tolist() == [[0.5, 1, 0.25, 0]]
    assert F.glu(autograd.ones(4, 3, 2), 0).shape == (2, 3, 2)


def test_prelu_learns_one_weight_or_one_for_each_channel():
    x = leaf(np.array([[[-1.0, 2.0], [-3.0, -4.0]]]), "float64")
    w = leaf([0.5, 0.1], "float64")
    y = F.prelu(x, w)
    np.testing.assert_allclose(y.tolist(), [[[-0.5, 2], [-0.3, -0.4]]], rtol=1e-15)
    y.sum().backward()
    assert w.grad.tolist() == [-1, -7]
    assert x.grad.tolist() == [[[0.5, 1], [0.1, 0.1]]]
    layer = nn.PReLU(init=0.5, dtype="float64")
    layer(x).sum().backward()
    assert [p.shape for p in layer.parameters()] == [(1,)] and layer.weight.grad.tolist() == [-8]
    assert layer(tensor([-2.0])).shape == (1,)


# -- errors


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: F.gelu(autograd.ones(2), "erf"), ValueError, "approximate argument must be either.*'erf'"),
        (lambda: F.hardtanh(autograd.ones(2), 1.0, -1.0), ValueError, "min_val cannot be greater"),
        (lambda: nn.Hardtanh(1.0, 1.0), ValueError, "min_val < max_val"),
        (lambda: F.softshrink(autograd.ones(2), -0.1), ValueError, "greater than or equal to 0, found -0.1"),
        (lambda: F.celu(autograd.ones(2), 0.0), ValueError, "alpha cannot be 0"),
        (lambda: F.glu(autograd.ones(2, 3)), ShapeError, r"must be even, but dimension -1 of \(2, 3\) is size 3"),
        (lambda: F.glu(tensor(1.0)), ShapeError, "0-dimensional"),
        (lambda: F.prelu(autograd.ones(2, 3), autograd.ones(2)), ShapeError, r"\(3,\).*\(2, 3\).*\(2,\)"),
        (lambda: F.prelu(autograd.ones(2, 3), autograd.ones(1, 3)), ShapeError, r"\(1, 3\)"),
        (lambda: F.softmax(autograd.ones(2), 1), IndexError, "softmax"),
        (lambda: F.one_hot(tensor([1.0])), DtypeError, "integer class labels, found float32"),
        (lambda: F.one_hot(tensor([0, -1])), IndexError, "label -1"),
        (lambda: F.one_hot(tensor([0, 4]), 3), IndexError, "label 4 is out of bounds for 3 classes"),
        (lambda: F.one_hot(autograd.zeros(0, dtype="int64")), ValueError, "can not infer"),
        (lambda: F.one_hot(tensor([0]), 0), ValueError, "must be positive"),
    ],
)
def test_errors_name_the_function_and_what_was_found(call, error, match):
    with pytest.raises(error, match=match):
        call()


# -- lengths and angles


def test_normalize_makes_length_one_and_leaves_zero():
    x = tensor([[3.0, 4.0], [0.0, 0.0], [3e-30, 4e-30]], dtype="float64")
    np.testing.assert_allclose(F.normalize(x, eps=0.0)[[0, 2]].tolist(), [[0.6, 0.8], [0.6, 0.8]])
    assert F.normalize(x)[1].tolist() == [0, 0]
    assert F.normalize(x[:1], p=1.0).sum().item() == pytest.approx(1)


def test_cosine_similarity_broadcasts_and_does_not_underflow():
    x, y = autograd.randn(4, 1, 3, dtype="float64"), autograd.randn(5, 3, dtype="float64")
    a, b = x.numpy(), y.numpy()
    cosine = (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)
    np.testing.assert_allclose(F.cosine_similarity(x, y, -1).numpy(), cosine, rtol=1e-14)
    np.testing.assert_allclose(F.cosine_similarity(1e-3 * x, 1e-3 * y, -1).numpy(), cosine, rtol=1e-13)
    assert F.cosine_similarity(tensor([[0.0, 0.0]]), tensor([[1.0, 1.0]])).tolist() == [0]


def test_pairwise_distance_is_the_norm_of_the_difference():
    x, y = tensor([[1.0, 2.0]], dtype="float64"), tensor([[4.0, 6.0], [1.0, 2.0]], dtype="float64")
    assert F.pairwise_distance(x, y, eps=0.0).tolist() == [5, 0]
    assert F.pairwise_distance(x, y, p=1.0, eps=0.0, keepdim=True).tolist() == [[7], [0]]
    assert F.pairwise_distance(x, x).item() == pytest.approx(math.sqrt(2) * 1e-6)


def test_one_hot_of_any_shape_is_int64():
    y = F.one_hot(tensor([[0, 2], [1, 0]], dtype="uint8"))
    assert y.dtype == autograd.int64 and y.tolist() == [[[1, 0, 0], [0, 0, 1]], [[0, 1, 0], [1, 0, 0]]]
    assert F.one_hot(tensor(1), 3).tolist() == [0, 1, 0]
    assert F.one_hot(autograd.zeros(0, dtype="int64"), 3).shape == (0, 3)


# -- modules

MODULES = [
    # (module, its repr, the function of the same)
    (nn.Sigmoid(), "Sigmoid()", F.sigmoid),
    (nn.Tanh(), "Tanh()", F.tanh),
    (nn.ReLU(), "ReLU()", F.relu),
    (nn.ReLU(inplace=True), "ReLU(inplace=True)", F.relu),
    (nn.ReLU6(), "ReLU6()", F.relu6),
    (nn.LeakyReLU(0.2, True), "LeakyReLU(negative_slope=0.2, inplace=True)", lambda x: F.leaky_relu(x, 0.2)),
    (nn.PReLU(4, init=0.5), "PReLU(num_parameters=4)", lambda x: F.leaky_relu(x, 0.5)),
    (nn.ELU(0.5), "ELU(alpha=0.5)", lambda x: F.elu(x, 0.5)),
    (nn.SELU(), "SELU()", F.selu),
    (nn.CELU(0.5, True), "CELU(alpha=0.5, inplace=True)", lambda x: F.celu(x, 0.5)),
    (nn.GELU(), "GELU(approximate='none')", F.gelu),
    (nn.GELU("tanh"), "GELU(approximate='tanh')", lambda x: F.gelu(x, "tanh")),
    (nn.SiLU(), "SiLU()", F.silu),
    (nn.Mish(), "Mish()", F.mish),
    (nn.Softplus(2, 0.5), "Softplus(beta=2, threshold=0.5)", lambda x: F.softplus(x, 2, 0.5)),
    (nn.Softplus(), "Softplus(beta=1.0, threshold=20.0)", F.softplus),
    (nn.Softsign(), "Softsign()", F.softsign),
    (nn.Hardtanh(-0.5, 0.7), "Hardtanh(min_val=-0.5, max_val=0.7)", lambda x: F.hardtanh(x, -0.5, 0.7)),
    (nn.Hardsigmoid(True), "Hardsigmoid()", F.hardsigmoid),
    (nn.Hardswish(), "Hardswish()", F.hardswish),
    (nn.LogSigmoid(), "LogSigmoid()", F.logsigmoid),
    (nn.Tanhshrink(), "Tanhshrink()", F.tanhshrink),
    (nn.Threshold(0.1, 20), "Threshold(threshold=0.1, value=20)", lambda x: F.threshold(x, 0.1, 20)),
    (nn.Softshrink(), "Softshrink(0.5)", F.softshrink),
    (nn.Hardshrink(0.3), "Hardshrink(0.3)", lambda x: F.hardshrink(x, 0.3)),
    (nn.GLU(1), "GLU(dim=1)", lambda x: F.glu(x, 1)),
    (nn.Softmax(dim=1), "Softmax(dim=1)", lambda x: F.softmax(x, 1)),
    (nn.Softmin(dim=1), "Softmin(dim=1)", lambda x: F.softmin(x, 1)),
    (nn.LogSoftmax(dim=1), "LogSoftmax(dim=1)", lambda x: F.log_softmax(x, 1)),
]


@pytest.mark.parametrize(("module", "text", "function"), MODULES, ids=[text for _, text, _ in MODULES])
def test_a_module_does_what_its_function_does_and_its_repr_is_pytorchs(module, text, function):
    x = autograd.randn(3, 4)
    expected = function(x).tolist()
    y = module(x)
    assert y.tolist() == expected
    assert repr(module) == text
    assert (y is x) == getattr(module, "inplace", False)


def test_a_network_of_each_activation_learns():
    autograd.manual_seed(0)
    x, y = autograd.randn(40, 2), autograd.randn(40, 1)
    for module, text, _ in MODULES:
        if text.startswith(("GLU", "Thresh")) or "inplace" in text:
            continue
        model = nn.Sequential(nn.Linear(2, 4), module, nn.Linear(4, 1))
        optimizer = nn.optim.Adam(model.parameters(), lr=0.02)
        losses = []
        for _ in range(40):
            optimizer.zero_grad()
            loss = nn.MSELoss()(model(x), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        assert losses[-1] < losses[0] - 0.01, text


def test_no_activation_warns_on_ordinary_numbers():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for module, *_ in MODULES:
            module(autograd.randn(3, 4) * 50)
