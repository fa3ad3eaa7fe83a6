"""Convolution, pooling and padding: against sums written out, against finite differences, and what bad input gets."""

import os
import subprocess
import sys

import numpy as np
import pytest

import autograd
import nn
from autograd import DtypeError, ShapeError
from autograd.kernels import conv as kernels
from autograd.ops import registry
from autograd.ops.conv import Windows
from viz import Symbol

F = nn.functional
op = registry["convolve"]

# (samples, channels, outputs, groups), window, stride, plane, padding, dilation
CASES = {
    "plain": ((3, 16, 32, 1), (5, 5), (1, 1), (28, 28), ((0, 0), (0, 0)), (1, 1)),
    "everything": ((9, 6, 9, 3), (3, 2), (2, 3), (15, 33), ((1, 2), (0, 3)), (2, 3)),
    "tall stride": ((2, 3, 5, 1), (4, 3), (3, 1), (30, 9), ((3, 0), (1, 1)), (1, 1)),
    "line": ((2, 5, 7, 1), (4,), (3,), (90,), ((3, 1),), (2,)),
    "single": ((17, 1, 3, 1), (1, 1), (1, 1), (8, 9), ((0, 0), (0, 0)), (1, 1)),
    "wider than the image": ((2, 2, 3, 1), (3, 9), (1, 1), (8, 4), ((1, 1), (6, 6)), (1, 1)),
}


def arrays(name, dtype=np.float64, seed=0):
    (n, c, o, groups), size, stride, space, padding, dilation = CASES[name]
    rng = np.random.default_rng(seed)
    X, W, b = (rng.standard_normal(s).astype(dtype) for s in ((n, c, *space), (o, c // groups, *size), (o,)))
    return X, W, b, Windows(size, stride, padding, dilation), groups


def written_out(X, W, b, windows, groups):
    """Σ over channels and taps, one output at a time."""
    X = np.pad(X, ((0, 0), (0, 0), *windows.padding))
    grid = tuple((n - r) // s + 1 for n, r, s in zip(X.shape[2:], windows.reach, windows.stride, strict=True))
    out = np.zeros((len(X), len(W), *grid))
    c, o = W.shape[1], len(W) // groups
    for k in range(len(W)):
        part = X[:, k // o * c : (k // o + 1) * c]
        for at in np.ndindex(*grid):
            where = tuple(
                slice(p * s, p * s + r, d)
                for p, s, r, d in zip(at, windows.stride, windows.reach, windows.dilation, strict=True)
            )
            out[(slice(None), k, *at)] = (part[(slice(None), slice(None), *where)] * W[k]).reshape(len(X), -1).sum(1)
    return out + b.reshape(-1, *[1] * len(grid))


@pytest.mark.parametrize("name", CASES)
def test_the_kernel_and_the_formula_are_the_sum_written_out(name):
    args = arrays(name)
    expected = written_out(*args)
    np.testing.assert_allclose(kernels.conv(*args), expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(op.formula(*args), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-14), ("float32", 1e-6)])
@pytest.mark.parametrize("name", CASES)
def test_the_kernels_gradients_are_the_rules(name, dtype, tolerance):
    X, W, b, windows, groups = arrays(name, dtype)
    wide = [x.astype(np.float64) for x in (X, W, b)]
    g = np.random.default_rng(1).standard_normal(kernels.conv(X, W, b, windows, groups).shape).astype(dtype)
    found = (
        kernels.conv_X(g, W, X.shape, windows, groups),
        kernels.conv_W(g, X, W.shape, windows, groups),
        op.vjp(g, None, (X, W, b), (windows, groups), (False, False, True))[2],
    )
    for k, got in enumerate(found):
        rule = op.pull(k)(g.astype(np.float64), None, wide, (windows, groups), k)
        assert got.shape == rule.shape and got.dtype == dtype
        np.testing.assert_allclose(got, rule, rtol=0, atol=tolerance * np.abs(rule).max())


def test_float32_is_within_the_rounding_of_its_sums():
    args = arrays("plain", np.float32)
    exact = kernels.conv(*(x.astype(np.float64) for x in args[:3]), *args[3:])
    terms = kernels.conv(*(np.abs(x.astype(np.float64)) for x in args[:3]), *args[3:])
    error = np.abs(kernels.conv(*args) - exact) / terms / np.finfo(np.float32).eps
    assert error.max() < 20 and np.sqrt((error**2).mean()) < 1  # of 400 terms


@pytest.mark.parametrize("what", ["inf", "nan"])
def test_inf_and_nan_stay_under_their_windows(what):
    X, W, b, windows, groups = arrays("plain")
    X[1, 2, 10, 12] = float(what)
    fine = np.isfinite(kernels.conv(X, W, b, windows, groups))
    assert fine[[0, 2]].all() and (~fine[1]).sum() == 32 * 25 and not fine[1, :, 6:11, 8:13].any()
    g = np.zeros((3, 32, 24, 24))
    g[:, :, 3, 3] = 1
    W[4, 5, 1, 1] = float(what)
    assert np.isfinite(kernels.conv_X(g[:, :4], W[:4], X.shape, windows, groups)).all()
    touched = ~np.isfinite(kernels.conv_X(g, W, X.shape, windows, groups))  # 0 · inf is nan
    assert touched[:, 5].any() and not np.delete(touched, 5, 1).any()


def test_one_thread_and_several_give_the_same_bits(tmp_path):
    code = """
import sys, numpy as np
from tests.test_conv import arrays
from autograd.kernels import conv
X, W, b, windows, groups = arrays("plain", np.float32)
X = np.concatenate([X] * 11)
conv.THREADED = 0
u = conv.conv(X, W, b, windows, groups)
np.savez(sys.argv[1], u=u, x=conv.conv_X(u, W, X.shape, windows, groups), w=conv.conv_W(u, X, W.shape, windows, groups))
"""
    results = []
    for count in ("1", "3"):
        path = str(tmp_path / f"{count}.npz")
        env = {**os.environ, "OMP_NUM_THREADS": count}
        subprocess.run([sys.executable, "-c", code, path], check=True, env=env)
        results.append(np.load(path))
    for name in ("u", "x", "w"):
        np.testing.assert_array_equal(results[0][name], results[1][name])


@pytest.mark.parametrize("function", ["conv", "max_pool", "avg_pool"])
def test_first_and_second_derivatives(function):
    x = autograd.tensor(np.random.default_rng(0).permutation(2 * 2 * 5 * 6).reshape(2, 2, 5, 6) / 7, requires_grad=True)
    if function == "conv":
        w = autograd.randn(3, 2, 2, 3, dtype="float64", requires_grad=True)
        b = autograd.randn(3, dtype="float64", requires_grad=True)
        call, inputs = (lambda x, w, b: F.conv2d(x, w, b, padding=1, stride=(1, 2))), (x, w, b)
    else:
        call, inputs = (lambda x: getattr(F, f"{function}2d")(x, 2, padding=1, ceil_mode=True) ** 2), (x,)
    assert autograd.gradcheck(call, inputs)
    assert autograd.gradgradcheck(call, inputs)


# -- what it reads like


def test_the_rules_read_as_those_of_a_linear_layer_on_patches():
    X, W, b = Symbol("X", (2, 4, 5, 4)), Symbol("W", (6, 4, 2, 3)), Symbol("b", (6,))
    windows = Windows((2, 3), (1, 1), ((0, 0), (0, 0)), (1, 1))
    g = Symbol("G", (2, 6, 4, 2))
    texts = [op.pull(k)(g, None, (X, W, b), (windows, 1), k).text for k in range(3)]
    assert op(X, W, b, windows, 1).text == "fold(patches(X) patches(W)ᵀ + 1 bᵀ)"
    assert texts == ["fold(patches(G) patches(W))", "fold(patches(G)ᵀ patches(X))", "Σ_0,2,3(G)"]
    pool = registry["max_pool"]
    assert pool(X, Windows.of((2, 2))).text == "fold(max(patches(X)))"
    assert pool.pull(0)(g, None, (X,), (Windows.of((2, 2)),), 0).text == "fold(patches(G) ⊙ 1_max(X))"


def test_a_network_with_convolution_is_drawn():
    import viz

    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.AvgPool2d(2))
    source = viz.draw(model(autograd.randn(2, 1, 10, 10)).sum(), show="both").source
    assert "patches" in source and "fold" in source and "maxpool" in source


# -- pooling


def test_the_first_of_equal_ones_gets_the_gradient_and_the_last_nan():
    x = autograd.tensor([[[1.0, 3.0, 3.0, 0.0]], [[1.0, np.nan, np.nan, 9.0]]], requires_grad=True)
    u, where = F.max_pool1d(x, 4, return_indices=True)
    u.sum().backward()
    assert where.tolist() == [[[1]], [[2]]] and np.isnan(u[1].item())
    assert x.grad.tolist() == [[[0, 1, 0, 0]], [[0, 0, 1, 0]]]


def test_padding_never_wins_a_maximum():
    x = autograd.full((1, 1, 2, 2), -np.inf, requires_grad=True)
    u, where = F.max_pool2d(x, 2, padding=1, return_indices=True)
    u.sum().backward()
    assert where.tolist() == [[[[0, 1], [2, 3]]]] and x.grad.tolist() == [[[[1, 1], [1, 1]]]]


def test_means_are_kept_apart_from_nan_and_counted_as_asked():
    x = autograd.tensor([[1.0, np.nan, 2.0, 4.0, 6.0]])
    assert F.avg_pool1d(x, 2)[0, 1].item() == 3
    ones = autograd.ones(1, 3, 3)
    mean = lambda **how: F.avg_pool2d(ones, 2, padding=1, **how)[0, 0, 0].item()
    assert (mean(), mean(count_include_pad=False), mean(divisor_override=2)) == (0.25, 1, 0.5)
    assert F.avg_pool2d(ones, 2, ceil_mode=True).tolist() == [[[1, 1], [1, 1]]]


def test_parts_of_an_adaptive_mean():
    x = autograd.arange(7.0).reshape(1, 7)
    assert F.adaptive_avg_pool1d(x, 3).tolist() == [[1.0, 3.0, 5.0]]  # 0–2, 2–4, 4–6
    assert nn.AdaptiveAvgPool2d((None, 2))(autograd.ones(1, 3, 4)).shape == (1, 3, 2)


# -- layers


def test_same_padding_of_an_even_window_has_one_more_after():
    x, w = autograd.arange(4.0).reshape(1, 4), autograd.ones(1, 1, 2)
    assert F.conv1d(x, w, padding="same").tolist() == [[1, 3, 5, 3]]


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
@pytest.mark.parametrize("padding", [0, (2, 1), "same", "valid"])
def test_padding_modes_pad_first(mode, padding):
    layer = nn.Conv2d(2, 3, (3, 4), padding=padding, padding_mode=mode)
    x = autograd.randn(2, 2, 6, 7)
    pairs = {"same": (1, 2, 1, 1), "valid": (0,) * 4, 0: (0,) * 4, (2, 1): (1, 1, 2, 2)}[padding]
    padded = np.pad(x.numpy(), ((0, 0), (0, 0), pairs[2:], pairs[:2]), mode={
        "zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}[mode])  # fmt: skip
    expected = F.conv2d(autograd.tensor(padded), layer.weight, layer.bias)
    np.testing.assert_allclose(layer(x).detach().numpy(), expected.detach().numpy(), rtol=1e-6, atol=1e-6)


def test_one_sample_is_a_batch_of_one():
    for layer, shape in ((nn.Conv2d(2, 3, 3), (2, 6, 6)), (nn.MaxPool2d(2), (2, 6, 6)), (nn.AvgPool1d(2), (2, 6))):
        x = autograd.randn(*shape)
        np.testing.assert_allclose(layer(x).tolist(), layer(x.reshape(1, *shape))[0].tolist(), rtol=1e-6)


def test_no_samples_give_no_outputs_and_zero_gradients():
    layer = nn.Conv2d(2, 3, 3)
    out = nn.MaxPool2d(2)(layer(autograd.zeros(0, 2, 8, 8)))
    assert out.shape == (0, 3, 3, 3)
    out.sum().backward()
    assert not layer.weight.grad.numpy().any() and layer.bias.grad.tolist() == [0, 0, 0]


def test_a_small_convnet_learns():
    autograd.manual_seed(1)
    n = 64
    x = autograd.randn(n, 1, 12, 12) * 0.3
    y = autograd.arange(n) % 2
    x.numpy()[y.numpy() == 1, 0, 3:9, 5] += 2  # a vertical line, against a horizontal one
    x.numpy()[y.numpy() == 0, 0, 5, 3:9] += 2
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 4, 3), nn.ReLU(), nn.AvgPool2d(3), nn.Flatten(),
        nn.Linear(4, 2),
    )  # fmt: skip
    optimizer = nn.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(60):
        optimizer.zero_grad()
        loss = nn.CrossEntropyLoss()(model(x), y)
        loss.backward()
        optimizer.step()
    assert (model(x).argmax(1) == y).numpy().mean() > 0.95


# -- bad input

ONE = autograd.ones(1, 3, 5, 5)
W = autograd.ones(2, 3, 3, 3)
ERRORS = [
    (lambda: F.conv2d(autograd.ones(1, 4, 5, 5), W), ShapeError, "3 channels, but got 4 channels"),
    (lambda: F.conv2d(autograd.ones(1, 3, 2, 2), W), ShapeError, "greater than actual input size"),
    (lambda: F.conv2d(autograd.ones(3, 2), W), ShapeError, r"conv2d: Expected 3D \(unbatched\) or 4D"),
    (lambda: F.conv1d(autograd.ones(1, 3, 5), W), ShapeError, "conv1d: expects a weight"),
    (lambda: F.conv2d(ONE, W, autograd.ones(3)), ShapeError, "bias to be 1-dimensional with 2 elements"),
    (lambda: F.conv2d(ONE, W, stride=0), ShapeError, "non-positive stride"),
    (lambda: F.conv2d(ONE, W, stride=(1, 2, 3)), ShapeError, "single integer or 2"),
    (lambda: F.conv2d(ONE, W, stride=1.5), TypeError, "stride must be an integer"),
    (lambda: F.conv2d(ONE, W, dilation=0), ShapeError, "greater than zero"),
    (lambda: F.conv2d(ONE, W, padding=-1), ShapeError, "negative padding"),
    (lambda: F.conv2d(ONE, W, padding="same", stride=2), ShapeError, "not supported for strided"),
    (lambda: F.conv2d(ONE, W, padding="full"), ShapeError, "Invalid padding string 'full'"),
    (lambda: F.conv2d(autograd.ones(1, 4, 5, 5), autograd.ones(3, 2, 3, 3), groups=2), ShapeError, "divisible by"),
    (lambda: F.conv2d(ONE, W, groups=0), ShapeError, "positive integer"),
    (lambda: F.conv2d(autograd.ones(1, 0, 5, 5), W), ShapeError, "non-empty"),
    (lambda: F.conv2d(ONE.long(), W.long()), DtypeError, "floating point"),
    (lambda: F.conv2d(ONE.numpy(), W), DtypeError, "expects a tensor"),
    (lambda: F.max_pool2d(ONE, 2, padding=2), ShapeError, "at most half of effective kernel size"),
    (lambda: F.max_pool2d(ONE, 6), ShapeError, "too small"),
    (lambda: F.max_pool2d(ONE, 0), ShapeError, "kernel_size"),
    (lambda: F.max_pool2d(ONE, 2, stride=0), ShapeError, "stride"),
    (lambda: F.max_pool2d(autograd.ones(1, 3, 0, 5), 2), ShapeError, "non-empty"),
    (lambda: F.max_pool2d(ONE.long(), 2), DtypeError, "max_pool2d: expects a floating point"),
    (lambda: F.avg_pool2d(ONE, 2, divisor_override=0), ValueError, "not zero"),
    (lambda: F.adaptive_avg_pool2d(ONE, -1), ShapeError, "at least 0"),
    (lambda: F.pad(ONE, (1,)), ShapeError, "divisible by 2"),
    (lambda: F.pad(ONE, (1, 1) * 5), ShapeError, "too large"),
    (lambda: F.pad(ONE, (-6, 0)), ShapeError, "leaves nothing"),
    (lambda: F.pad(ONE, (5, 0, 0, 0), mode="reflect"), ShapeError, "at most 4"),
    (lambda: F.pad(ONE, (6, 0, 0, 0), mode="circular"), ShapeError, "at most 5"),
    (lambda: F.pad(ONE, (1, 1), mode="mirror"), ValueError, "padding mode 'mirror'"),
    (lambda: F.pad(ONE, (1, 1, 1, 1), mode="reflect", value=1.0), ValueError, "take in a value"),
    (lambda: nn.Conv2d(3, 4, 3, groups=2), ValueError, "in_channels must be divisible"),
    (lambda: nn.Conv2d(4, 3, 3, groups=2), ValueError, "out_channels must be divisible"),
    (lambda: nn.Conv2d(4, 4, 3, groups=0), ValueError, "positive integer"),
    (lambda: nn.Conv2d(4, 4, 3, padding="full"), ValueError, "Invalid padding string"),
    (lambda: nn.Conv2d(4, 4, 3, padding_mode="mirror"), ValueError, "padding_mode must be one of"),
    (lambda: nn.Conv2d(4, 4, 3, device="cuda"), RuntimeError, "cuda"),
]


@pytest.mark.parametrize(("call", "kind", "message"), ERRORS, ids=[message for _, _, message in ERRORS])
def test_bad_input_is_an_error_that_says_what_was_expected(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


# -- beside PyTorch

LAYERS = [
    "Conv2d(4, 6, (3, 5), padding='same', dilation=2, groups=2, bias=False, padding_mode='circular')",
    "Conv2d(1, 16, 5, stride=2, padding=(1, 2))", "Conv1d(1, 2, 3, stride=2, padding=1)",
    "Conv1d(4, 2, 3, padding='valid')", "MaxPool1d(2)", "MaxPool2d(2, stride=1, padding=(1, 0))", "AvgPool1d(2)",
    "AvgPool2d((2, 3), ceil_mode=True)", "AdaptiveAvgPool1d(2)", "AdaptiveAvgPool2d((1, None))",
]  # fmt: skip


@pytest.mark.parity
@pytest.mark.parametrize("code", LAYERS)
def test_layers_print_and_compute_as_pytorchs(code):
    torch = pytest.importorskip("torch")
    ours, theirs = eval(f"nn.{code}", {"nn": nn}), eval(f"nn.{code}", {"nn": torch.nn})
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    channels = int(code[7]) if code.startswith("Conv") else 3
    shape = (2, channels, 12) if "1d" in code else (2, channels, 11, 12)
    x = np.random.default_rng(0).standard_normal(shape).astype("float32")
    a, b = autograd.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    u, v = ours(a), theirs(b)
    u.square().sum().backward()
    v.square().sum().backward()
    np.testing.assert_allclose(u.detach().numpy(), v.detach().numpy(), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), rtol=1e-4, atol=1e-4)
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-4, atol=1e-4)


@pytest.mark.parity
def test_convolutions_start_with_pytorchs_distribution():
    torch = pytest.importorskip("torch")
    mine, other = nn.Conv2d(6, 4000, 3, groups=2), torch.nn.Conv2d(6, 4000, 3, groups=2)
    for name in ("weight", "bias"):
        a, b = (np.sort(getattr(layer, name).detach().numpy().ravel()) for layer in (mine, other))
        np.testing.assert_allclose([a[0], a[-1]], [b[0], b[-1]], rtol=1e-2)
        assert np.abs(np.searchsorted(b, a) / b.size - np.arange(a.size) / a.size).max() < 3 / np.sqrt(a.size)
