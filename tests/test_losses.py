import numpy as np
import pytest

import autograd
import nn
from autograd import DtypeError, ShapeError

F = nn.functional
SAME_SHAPE = [nn.BCELoss, nn.BCEWithLogitsLoss, nn.MSELoss]
ALL = [*SAME_SHAPE, nn.CrossEntropyLoss]


def arguments(kind, n=6, k=4):
    rng = np.random.default_rng(0)
    if kind is nn.CrossEntropyLoss:
        return rng.standard_normal((n, k)), rng.integers(0, k, n)
    z = rng.standard_normal((n, 1))
    return (1 / (1 + np.exp(-z)) if kind is nn.BCELoss else z), rng.uniform(0, 1, (n, 1))


def terms(kind, z, y):
    """The slides' formulas."""
    if kind is nn.BCELoss:
        return -(y * np.log(z) + (1 - y) * np.log(1 - z))
    if kind is nn.BCEWithLogitsLoss:
        return np.log(1 + np.exp(z)) - y * z
    if kind is nn.MSELoss:
        return (z - y) ** 2
    return np.log(np.exp(z).sum(1)) - z[np.arange(len(y)), y]


@pytest.mark.parametrize("kind", ALL)
def test_value_is_the_formula_averaged_summed_or_elementwise(kind):
    z, y = arguments(kind)
    each = terms(kind, z, y)
    for reduction, expected in (("mean", each.mean()), ("sum", each.sum()), ("none", each)):
        loss = kind(reduction=reduction)(autograd.tensor(z), autograd.tensor(y))
        np.testing.assert_allclose(loss.numpy(), expected, rtol=1e-13)
        assert loss.dtype == np.float64
    assert kind()(autograd.tensor(z), autograd.tensor(y)).item() == pytest.approx(each.mean(), rel=1e-13)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("kind", ALL)
def test_gradient_is_the_finite_difference(kind, reduction):
    z, y = arguments(kind)
    x = autograd.tensor(z, requires_grad=True)
    loss = kind(reduction=reduction)(x, autograd.tensor(y))
    weights = np.random.default_rng(1).standard_normal(loss.shape)
    loss.backward(autograd.tensor(weights))
    scale = len(terms(kind, z, y)) if reduction == "mean" else 1
    for k in np.ndindex(z.shape):
        step = np.zeros_like(z)
        step[k] = 1e-6
        slope = (weights * (terms(kind, z + step, y) - terms(kind, z - step, y))).sum() / 2e-6 / scale
        assert x.grad.numpy()[k] == pytest.approx(slope, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("kind", ALL)
def test_an_unknown_reduction_is_an_error_at_construction(kind):
    with pytest.raises(ValueError, match="'average' is not a valid value for reduction"):
        kind(reduction="average")


@pytest.mark.parametrize("name", ["binary_cross_entropy", "binary_cross_entropy_with_logits", "mse_loss"])
def test_an_unknown_reduction_of_a_function_is_an_error(name):
    with pytest.raises(ValueError, match="reduction"):
        getattr(F, name)(autograd.ones(2), autograd.ones(2), reduction="median")


@pytest.mark.parametrize("kind", SAME_SHAPE)
def test_a_target_of_another_shape_is_an_error_never_a_broadcast(kind):
    with pytest.raises(ShapeError, match=r"\(4, 1\).*\(4,\)"):
        kind()(autograd.zeros(4, 1), autograd.zeros(4))


def test_bce_with_logits_does_not_overflow():
    z = autograd.tensor([1000.0, 1000.0, -1000.0, -1000.0], requires_grad=True)
    loss = nn.BCEWithLogitsLoss(reduction="none")(z, autograd.tensor([0.0, 1.0, 0.0, 1.0]))
    loss.sum().backward()
    assert loss.tolist() == [1000, 0, 0, 1000]
    assert z.grad.tolist() == [1, 0, 0, -1]


def test_bce_at_exactly_0_and_1_is_capped_at_100_with_a_finite_gradient():
    p = autograd.tensor([0.0, 1.0, 0.0, 1.0], requires_grad=True)
    loss = nn.BCELoss(reduction="none")(p, autograd.tensor([1.0, 0.0, 0.0, 1.0]))
    loss.sum().backward()
    assert loss.tolist() == [100, 100, 0, 0]
    assert np.isfinite(p.grad.numpy()).all()


@pytest.mark.parametrize("p", [-1e-3, 1.5, np.inf, -np.inf])
def test_bce_outside_0_to_1_is_an_error(p):
    with pytest.raises(ValueError, match="between 0 and 1"):
        nn.BCELoss()(autograd.tensor([0.5, p]), autograd.ones(2))


def test_cross_entropy_of_large_scores():
    z = autograd.tensor([[0.0, 1000.0], [0.0, 1000.0]], requires_grad=True)
    loss = nn.CrossEntropyLoss(reduction="none")(z, autograd.tensor([0, 1]))
    loss.sum().backward()
    assert loss.tolist() == [1000, 0]
    assert z.grad.tolist() == [[-1, 1], [0, 0]]


@pytest.mark.parametrize("label", [-1, 3])
def test_a_label_out_of_range_is_an_error_with_its_value_and_the_classes(label):
    with pytest.raises(IndexError, match=rf"{label}.*3 classes"):
        nn.CrossEntropyLoss()(autograd.zeros(2, 3), autograd.tensor([0, label]))


def test_labels_must_be_integers_one_for_each_row():
    with pytest.raises(DtypeError, match="float32"):
        nn.CrossEntropyLoss()(autograd.zeros(2, 3), autograd.zeros(2))
    with pytest.raises(ShapeError):
        nn.CrossEntropyLoss()(autograd.zeros(2, 3), autograd.tensor([[0], [1]]))
    with pytest.raises(ValueError, match="empty"):
        nn.CrossEntropyLoss()(autograd.zeros(0, 3), autograd.zeros(0, dtype="int64"))


@pytest.mark.parametrize("kind", ALL)
def test_nan_scores_give_a_nan_loss(kind):
    z, y = arguments(kind)
    z[1] = np.nan
    assert np.isnan(kind()(autograd.tensor(z), autograd.tensor(y)).item())


@pytest.mark.parametrize("kind", ALL)
def test_losses_of_float32_are_float32_with_a_total_of_double_precision(kind):
    z, y = arguments(kind, n=100_000)
    loss = kind(reduction="sum")(autograd.tensor(z, dtype="float32"), autograd.tensor(y).to(
        "int64" if kind is nn.CrossEntropyLoss else "float32"))  # fmt: skip
    assert loss.dtype == np.float32
    assert loss.item() == pytest.approx(terms(kind, z, y).sum(), rel=3e-7)


def test_losses_combine_as_on_the_slides():
    w, x = nn.Parameter(autograd.tensor([1.0, -2.0])), autograd.ones(3, 2)
    loss = nn.MSELoss()(x @ w, autograd.zeros(3)) + 0.5 * w.abs().sum()
    loss.backward()
    assert loss.item() == 2.5
    assert w.grad.tolist() == [-1.5, -2.5]
