"""Every digit: each elementwise function, each loss and their gradients against exact values, over all floats.

The exact values are in :mod:`tests.exact`; ``python -m tests.soak numerics`` tries more points.
"""

import inspect
import itertools
import math

import numpy as np
import pytest

import autograd
import nn
from autograd import ops
from autograd.composed import elementwise as composed

from .exact import BACKWARD, CASES, INTEGERS, TRUTHS, WHOLE, F, edges, floats, mp, ulps

COUNT = 240
DTYPES = [np.float32, np.float64]


def names():
    """All that has to have an exact value here."""
    yield from (name for name, op in ops.registry.items() if op.elementwise and op.__module__.startswith("autograd."))
    yield from (name for name in composed.__all__ if name not in composed.SYNONYMS)
    yield from (name for name in F.activation.__all__ if not name.endswith("_"))
    yield from F.loss.__all__
    yield from ops.loss.__all__
    yield from ("softmax", "log_softmax", "logsumexp")


def test_every_elementwise_function_and_every_loss_has_an_exact_value():
    covered = {name for case in CASES.values() for name in case.covers} | {*TRUTHS, *INTEGERS, *WHOLE, "one_hot"}
    missing = sorted({*names()} - covered)
    assert not missing, f"no exact value of {missing}: add them to tests/exact.py"


def test_a_second_name_is_the_same_function():
    for name, function in composed.SYNONYMS.items():
        assert getattr(autograd, name) is function


@pytest.mark.parametrize("dtype", DTYPES, ids=["float32", "float64"])
@pytest.mark.parametrize("name", CASES)
def test_within_its_ulps_of_the_exact_value_over_all_floats(name, dtype):
    case = CASES[name]
    columns = case.arguments(dtype, COUNT)
    found, expected = case.run(columns), case.expected(columns)
    results = zip(case.directions, found, expected[0], case.errors(columns, found, expected), strict=True)
    for direction, got, exact, off in results:
        assert got.dtype == (dtype if name != "float_power" or direction != "value" else np.float64)
        k = off.argmax()
        at = [x[k * len(x) // off.size] for x in columns]
        limit = case.bound if direction == "value" else case.backward
        assert off[k] <= limit, f"{direction} of {name} at {at}: {got.ravel()[k]!r}, not {exact[k]}: {off[k]:.3g} ulp"


DIFFERENCES = {"frac", "hardshrink", "softshrink", "tanhshrink", "sign"}  # x − x is +0 for any x
ODD = [
    name
    for name, case in CASES.items()
    if len(case.slopes) == 1 and not case.points and name not in DIFFERENCES
    if case.exact(mp.mpf(0)) == 0 and case.exact(mp.mpf("0.37")) == -case.exact(mp.mpf("-0.37"))
]


@pytest.mark.parametrize("dtype", DTYPES, ids=["float32", "float64"])
@pytest.mark.parametrize("name", ODD)
def test_an_odd_function_keeps_the_sign_of_a_zero(name, dtype):
    zeros = np.array([-0.0, 0.0], dtype)
    assert np.signbit(CASES[name].run((zeros,))[0]).tolist() == [name != "neg", name == "neg"]


@pytest.mark.parametrize("dtype", DTYPES, ids=["float32", "float64"])
@pytest.mark.parametrize("name", [*TRUTHS, *INTEGERS])
def test_what_is_true_or_of_integers_is_what_python_says(name, dtype):
    truth = TRUTHS.get(name) or INTEGERS[name]
    x = np.concatenate([edges(dtype), floats(np.random.default_rng(0), dtype, 9)])
    if name in INTEGERS:
        x = np.array([-(2**31), -1, 0, 1, 5, 2**31 - 1, 1 << 20], "int64" if dtype == np.float64 else "int32")
    count = len(inspect.signature(truth).parameters)
    points = list(itertools.product(x.tolist(), repeat=count))
    columns = (autograd.tensor(np.array(column, x.dtype)) for column in zip(*points, strict=True))
    found = getattr(autograd, name)(*columns)
    assert found.tolist() == [truth(*point) for point in points]


def test_closeness_of_all_is_that_of_each():
    x = autograd.tensor([1.0, math.inf])
    assert autograd.allclose(x, x * (1 + 1e-6)) and not autograd.allclose(x, x * 1.1)
    assert autograd.equal(x, x.clone()) and not autograd.equal(x, x * (1 + 1e-6))


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("dtype", DTYPES, ids=["float32", "float64"])
@pytest.mark.parametrize(
    "name", ["binary_cross_entropy_with_logits", "binary_cross_entropy", "cross_entropy", "mse_loss", "huber_loss"]
)
def test_a_mean_and_a_sum_of_a_loss_are_as_exact(name, dtype, reduction):
    case = CASES[name]
    columns = case.arguments(dtype, COUNT)
    fine = np.logical_and.reduce([(np.abs(x.reshape(len(x), -1)) < 1e9).all(1) for x in columns])
    columns = [x[fine] for x in columns]
    values, sizes = case.expected(columns)
    n = len(columns[0]) if reduction == "mean" else 1
    x, y = (autograd.tensor(column) for column in columns)
    x.requires_grad_()
    loss = getattr(F, name)(x, y.long() if name == "cross_entropy" else y, reduction=reduction)
    loss.backward()
    assert ulps(loss.detach().numpy(), [mp.fsum(values[0]) / n])[0] <= case.bound
    size = sizes[1] and [v / n for v in sizes[1]]
    assert ulps(x.grad.numpy(), [v / n for v in values[1]], size).max() <= BACKWARD + 1  # and the division by n


@pytest.mark.parametrize("dtype", DTYPES, ids=["float32", "float64"])
@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_over_any_axis_and_in_any_layout_a_softmax_has_the_same_digits(name, dtype, dim):
    x = np.random.default_rng(0).normal(size=(4, 5, 6)).astype(dtype) * 20
    function = getattr(autograd, name)
    expected = np.stack([
        np.stack([function(autograd.tensor(row), 0).numpy() for row in plane]) for plane in np.moveaxis(x, dim, -1)
    ])  # fmt: skip
    for layout in (x, np.asfortranarray(x), np.repeat(x, 2, 0)[::2]):
        found = function(autograd.as_tensor(layout), dim).numpy()
        assert np.array_equal(found, expected if name == "logsumexp" else np.moveaxis(expected, -1, dim))


@pytest.mark.parametrize("seed", [8, 31])
def test_the_angle_of_nearly_parallel_vectors_has_exact_gradients(seed):
    """They were up to 4.7 ulp off by the square root of the product of both squares."""
    case = CASES["cosine_embedding_loss"]
    columns = case.arguments(np.float64, 200, seed)
    for off in case.errors(columns, case.run(columns), case.expected(columns)):
        assert np.max(np.asarray(off, float)) <= 4


def test_a_planted_error_of_five_ulps_is_seen():
    case = CASES["exp"]
    columns = case.arguments(np.float64, 40)
    found, expected = case.run(columns), case.expected(columns)
    wrong = found[0].copy()
    wrong[-1] *= 1 + 6 * np.finfo(float).eps
    assert case.errors(columns, [wrong, found[1]], expected)[0][-1] > 2.5
    wrong[-1], found[1][0] = found[0][-1], 1.0  # where nan is right
    assert case.errors(columns, found, expected)[1][0] == math.inf


def test_the_values_of_the_reliability_page():
    """The corners that a training meets: far scores, certain labels, ties."""
    z, y = autograd.tensor([1000.0, -1000.0, 1000.0, -1000.0], requires_grad=True), autograd.tensor([0.0, 0, 1, 1])
    loss = ops.bce_with_logits(z, y, "none")
    loss.sum().backward()
    assert loss.tolist() == [1000, 0, 0, 1000] and z.grad.tolist() == [1, 0, 0, -1]
    z = autograd.tensor([1000.0, 1000.0], requires_grad=True)
    total = z.logsumexp(0)
    total.backward()
    assert total.item() == pytest.approx(1000 + math.log(2)) and z.grad.tolist() == [0.5, 0.5]
    assert nn.functional.log_softmax(autograd.tensor([0.0, 1000.0]), 0)[0].item() == -1000
    z = autograd.tensor([[40.0, 0.0]], requires_grad=True)  # a label that is almost certain is not quite
    loss = nn.functional.cross_entropy(z, autograd.tensor([0]))
    loss.backward()
    assert loss.item() == pytest.approx(math.exp(-40), rel=1e-6)
    assert z.grad.tolist() == [[pytest.approx(-math.exp(-40), rel=1e-6), pytest.approx(math.exp(-40), rel=1e-6)]]
