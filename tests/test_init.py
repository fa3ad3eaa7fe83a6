"""Initial values: their bounds, their spread, and what they are for."""

import math

import numpy as np
import pytest

import autograd
import nn
from autograd import Generator, ShapeError
from nn import init

W = (300, 200)  # fan_out, fan_in: 60,000 values, whose standard deviation is known to 0.3 %
CONV = (40, 30, 5, 4)  # fan_in 600, fan_out 800

UNIFORM = {
    "xavier_uniform_": lambda fin, fout: math.sqrt(6 / (fin + fout)),
    "kaiming_uniform_": lambda fin, fout: math.sqrt(6 / fin),
    "lecun_uniform_": lambda fin, fout: math.sqrt(3 / fin),
}
NORMAL = {
    "xavier_normal_": lambda fin, fout: math.sqrt(2 / (fin + fout)),
    "kaiming_normal_": lambda fin, fout: math.sqrt(2 / fin),
    "lecun_normal_": lambda fin, fout: math.sqrt(1 / fin),
}
SHAPES = [(W, 200, 300), (CONV, 600, 800)]


def is_uniform(values, a, b):
    u = (np.sort(values.astype(float).ravel()) - a) / (b - a)
    assert u[0] >= 0 and u[-1] <= 1
    assert np.abs(u - np.arange(u.size) / u.size).max() < 2.3 / math.sqrt(u.size)  # Kolmogorov and Smirnov's


def is_normal(values, mean, std):
    z, n = (values.astype(float).ravel() - mean) / std, values.size
    assert abs(z.mean()) < 4.5 / math.sqrt(n)
    assert abs(z.std() - 1) < 4.5 / math.sqrt(2 * n)
    assert abs((z**4).mean() - 3) < 4.5 * math.sqrt(96 / n)


@pytest.mark.parametrize(("shape", "fin", "fout"), SHAPES)
@pytest.mark.parametrize("name", UNIFORM)
def test_uniform_values_fill_the_theoretical_bounds(name, shape, fin, fout):
    x = autograd.empty(shape)
    assert getattr(init, name)(x) is x
    bound = UNIFORM[name](fin, fout)
    is_uniform(x.numpy(), -bound * (1 + 1e-6), bound * (1 + 1e-6))


@pytest.mark.parametrize(("shape", "fin", "fout"), SHAPES)
@pytest.mark.parametrize("name", NORMAL)
def test_normal_values_have_the_theoretical_deviation(name, shape, fin, fout):
    is_normal(getattr(init, name)(autograd.empty(shape)).numpy(), 0, NORMAL[name](fin, fout))


def test_options_scale_the_values():
    is_normal(init.xavier_normal_(autograd.empty(W), gain=5 / 3).numpy(), 0, 5 / 3 * math.sqrt(2 / 500))
    is_normal(init.kaiming_normal_(autograd.empty(W), mode="fan_out").numpy(), 0, math.sqrt(2 / 300))
    is_normal(init.kaiming_normal_(autograd.empty(W), a=1).numpy(), 0, math.sqrt(1 / 200))
    is_normal(init.kaiming_normal_(autograd.empty(W), nonlinearity="tanh").numpy(), 0, 5 / 3 / math.sqrt(200))
    is_normal(init.normal_(autograd.empty(W), 2, 0.5).numpy(), 2, 0.5)
    is_uniform(init.uniform_(autograd.empty(W), 2, 5).numpy(), 2, 5)


@pytest.mark.parametrize(
    ("mean", "std", "a", "b"),
    [(0, 1, -2, 2), (0, 0.02, -0.04, 0.04), (1, 2, -1, 0.5), (0, 1, 3, 100), (0, 1, -100, -6), (0, 1, 8, 8.1),
     (0, 1, -1, 50), (0, 1, -50, 0.5)],
)  # fmt: skip
def test_truncated_normal_values_follow_the_truncated_distribution(mean, std, a, b):
    n = 50_000
    x = init.trunc_normal_(autograd.empty(n, dtype="float64"), mean, std, a, b).numpy()
    assert a <= x.min() and x.max() <= b
    z, low, high = (np.asarray(v, float) - mean for v in (np.sort(x), a, b))
    z, low, high = z / std, low / std, high / std
    if low < 0 and -low > high:  # tails are exact on the left
        z, low, high = -z[::-1], -high, -low
    erfc = np.vectorize(math.erfc)
    p = (erfc(low / math.sqrt(2)) - erfc(z / math.sqrt(2))) / (erfc(low / math.sqrt(2)) - erfc(high / math.sqrt(2)))
    assert np.abs(p - np.arange(n) / n).max() < 2.3 / math.sqrt(n)


def test_truncated_normal_takes_the_edge_cases():
    assert init.trunc_normal_(autograd.empty(2), 5, 0, -2, 2).tolist() == [2, 2]
    assert init.trunc_normal_(autograd.empty(0)).shape == (0,)
    with pytest.raises(ValueError, match="a <= b"):
        init.trunc_normal_(autograd.empty(2), a=1, b=0)


def test_constants_and_matrices_with_a_meaning():
    assert init.constant_(autograd.empty(2), 0.5).tolist() == [0.5, 0.5]
    assert init.zeros_(autograd.ones(2)).tolist() == [0, 0]
    assert init.ones_(autograd.zeros(2)).tolist() == [1, 1]
    assert init.eye_(autograd.empty(3, 2)).tolist() == [[1, 0], [0, 1], [0, 0]]
    kernel = init.dirac_(autograd.empty(4, 2, 3, 3), groups=2).numpy()
    assert kernel.sum() == 4
    assert all(kernel[g * 2 + k, k, 1, 1] == 1 for g in range(2) for k in range(2))
    with pytest.raises(ShapeError, match="2 dimensions"):
        init.eye_(autograd.empty(3))
    with pytest.raises(ShapeError, match="3, 4, or 5"):
        init.dirac_(autograd.empty(3, 3))
    with pytest.raises(ValueError, match="groups=3"):
        init.dirac_(autograd.empty(4, 1, 1), groups=3)


@pytest.mark.parametrize("shape", [(5, 5), (3, 7), (7, 3), (4, 3, 2)])
def test_orthogonal_matrices_are_and_have_no_preferred_direction(shape):
    Q = init.orthogonal_(autograd.empty(shape, dtype="float64"), gain=2).numpy().reshape(shape[0], -1)
    product = Q @ Q.T if Q.shape[0] <= Q.shape[1] else Q.T @ Q
    np.testing.assert_allclose(product, 4 * np.eye(len(product)), atol=1e-12)
    corners = [init.orthogonal_(autograd.empty(2, 2)).numpy()[0, 0] for _ in range(1000)]
    assert abs(np.mean(corners)) < 4.5 * math.sqrt(0.5 / 1000)  # QR alone has one sign there
    with pytest.raises(ShapeError, match="2 or more"):
        init.orthogonal_(autograd.empty(3))


def test_sparse_columns_have_their_share_of_zeros_anywhere():
    x = init.sparse_(autograd.empty(50, 40), 0.33, std=0.1).numpy()
    assert ((x == 0).sum(0) == 17).all()
    assert len({tuple(column) for column in (x == 0).T}) == 40
    assert 0.09 < x[x != 0].std() < 0.11


GAINS = {"linear": 1, "conv2d": 1, "sigmoid": 1, "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 0.75,
         "leaky_relu": math.sqrt(2 / (1 + 1e-4))}  # fmt: skip


@pytest.mark.parametrize("name", GAINS)
def test_the_gain_of(name):
    assert init.calculate_gain(name) == pytest.approx(GAINS[name], rel=1e-15)


def test_faulty_options_are_named():
    for call, message in [
        (lambda: init.calculate_gain("cubic"), "Unsupported nonlinearity 'cubic'"),
        (lambda: init.calculate_gain("leaky_relu", "x"), "not a valid number"),
        (lambda: init.kaiming_normal_(autograd.empty(2, 2), mode="fan"), "Mode 'fan' not supported"),
        (lambda: init.xavier_uniform_(autograd.empty(2)), "fewer than 2 dimensions"),
    ]:
        with pytest.raises(ValueError, match=message):
            call()
    for name in (*UNIFORM, *NORMAL):
        with pytest.warns(UserWarning, match="zero-element"):
            getattr(init, name)(autograd.empty(0, 0))


RANDOM = ["uniform_", "normal_", "trunc_normal_", "xavier_uniform_", "xavier_normal_", "kaiming_uniform_",
          "kaiming_normal_", "lecun_uniform_", "lecun_normal_", "orthogonal_", "sparse_"]  # fmt: skip


@pytest.mark.parametrize("name", RANDOM)
def test_a_generator_of_its_own_repeats_and_leaves_the_default_one_alone(name):
    args = {"sparse_": (0.5,)}.get(name, ())
    state = autograd.get_rng_state().tolist()
    first, again, other = (
        getattr(init, name)(autograd.empty(3, 4), *args, generator=Generator().manual_seed(seed)).tolist()
        for seed in (1, 1, 2)
    )
    assert first == again != other
    assert autograd.get_rng_state().tolist() == state
    getattr(init, name)(autograd.empty(3, 4), *args)
    assert autograd.get_rng_state().tolist() != state


@pytest.mark.parametrize("name", [*RANDOM, "zeros_", "eye_"])
def test_a_parameter_is_filled_without_being_recorded(name):
    w = nn.Parameter(autograd.ones(3, 4, dtype="float64"))
    assert getattr(init, name)(w, *{"sparse_": (0.5,)}.get(name, ())) is w
    assert w.requires_grad and w.is_leaf and w.dtype == "float64"


# ---- layers begin as PyTorch's do; with PyTorch itself: tests/test_parity_nn.py


def test_embeddings_begin_standard_normal_and_bilinear_uniform():
    is_normal(nn.Embedding(300, 200).weight.detach().numpy(), 0, 1)
    layer = nn.Bilinear(16, 50, 40)
    is_uniform(layer.weight.detach().numpy(), -0.25, 0.25)
    assert layer.bias.abs().max().item() <= 0.25


# ---- self-normalising networks


def signals(initialise):
    """Mean and variance after each of ten layers of SELU."""
    out, x = [], autograd.randn(1000, 256)
    for _ in range(10):
        layer = nn.Linear(256, 256)
        initialise(layer.weight)
        init.zeros_(layer.bias)
        x = nn.SELU()(layer(x)).detach()
        out.append((x.mean().item(), x.var().item()))
    return np.array(out)


def test_selu_with_lecun_normal_keeps_mean_0_and_variance_1_over_ten_layers():
    mean, variance = signals(init.lecun_normal_).T
    assert np.abs(mean).max() < 0.1
    assert np.abs(variance - 1).max() < 0.2


@pytest.mark.parametrize("other", ["kaiming_normal_", "kaiming_uniform_", "orthogonal_half"])
def test_selu_with_another_initialisation_does_not(other):
    initialise = {"orthogonal_half": lambda w: init.orthogonal_(w, 0.5)}.get(other) or getattr(init, other)
    mean, variance = signals(initialise).T
    assert np.abs(mean).max() > 0.1 or np.abs(variance - 1).max() > 0.2
