import math

import numpy as np
import pytest

import autograd
import nn
from autograd import GraphError, ShapeError
from nn import utils

GRADS = [np.array([[3.0, -4.0], [0.0, 1.0]]), np.array(12.0), np.array([-0.5, 2.0, 0.25])]


def parameters(dtype="float64"):
    made = [nn.Parameter(autograd.zeros(g.shape, dtype=dtype)) for g in GRADS]
    for p, g in zip(made, GRADS, strict=True):
        p.grad = autograd.tensor(g, dtype=dtype)
    return [*made, nn.Parameter(autograd.zeros(2))]  # the last has no gradient


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("norm_type", [1, 2.0, 3.5, math.inf, "inf"])
def test_the_norm_is_of_all_gradients_as_one_vector_and_at_most_max_norm_after(norm_type, dtype):
    for max_norm in (0.0, 1.5, 1e6, math.inf):
        params = parameters(dtype)
        vector = np.concatenate([g.ravel() for g in GRADS])
        expected = np.linalg.norm(vector, float(norm_type))
        total = utils.clip_grad_norm_(params, max_norm, norm_type)
        assert (total.dtype, total.shape) == (np.dtype(dtype), ())
        assert total.item() == pytest.approx(expected, rel=1e-6)
        scale = min(1, max_norm / (expected + 1e-6))
        for p, g in zip(params, GRADS, strict=False):
            np.testing.assert_allclose(p.grad.numpy(), scale * g, rtol=1e-6)
            assert p.grad.dtype == np.dtype(dtype)
        assert params[-1].grad is None


def test_clipping_writes_into_the_gradients_themselves():
    params = parameters()
    before = [p.grad for p in params]
    utils.clip_grad_norm_(iter(params), 1.0)
    utils.clip_grad_value_(iter(params), 0.1)
    assert all(p.grad is g for p, g in zip(params, before, strict=True))


def test_one_tensor_will_do():
    (w, *_) = parameters()
    assert utils.clip_grad_norm_(w, 1.0).item() == pytest.approx(math.sqrt(26))
    utils.clip_grad_value_(w, 0.2)
    assert np.abs(w.grad.numpy()).max() == 0.2


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_norm_that_is_not_finite_is_an_error_if_asked_and_nothing_is_changed(bad):
    params = parameters()
    params[1].grad = autograd.tensor(bad, dtype="float64")
    before = [p.grad.tolist() for p in params[:3]]
    with pytest.raises(RuntimeError, match="non-finite"):
        utils.clip_grad_norm_(params, 1.0, error_if_nonfinite=True)
    assert str([p.grad.tolist() for p in params[:3]]) == str(before)
    total = utils.clip_grad_norm_(params, 1.0)
    assert not np.isfinite(total.item())
    if math.isnan(bad):
        assert np.isnan(params[0].grad.numpy()).all()
    else:
        assert (params[0].grad.numpy() == 0).all()


def test_a_norm_beyond_float32_is_infinite_but_its_parts_may_be_large():
    w = nn.Parameter(autograd.zeros(2))
    w.grad = autograd.tensor([1e30, 1e30])
    assert utils.clip_grad_norm_(w, 1.0).item() == pytest.approx(math.sqrt(2) * 1e30)
    np.testing.assert_allclose(w.grad.numpy(), 0.5**0.5, rtol=1e-6)


def test_no_gradients_have_norm_0_and_an_empty_generator_is_suspicious():
    assert utils.clip_grad_norm_([nn.Parameter(autograd.ones(2))], 1.0).item() == 0
    assert utils.clip_grad_norm_([], 1.0).item() == 0
    parameters = nn.Linear(2, 2).parameters()
    list(parameters)
    with pytest.warns(UserWarning, match="empty generator") as caught:
        utils.clip_grad_norm_(parameters, 1.0)
    assert caught[0].filename == __file__


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_are_cut_and_nan_stays(dtype):
    params = parameters(dtype)
    params[0].grad = autograd.tensor([[math.nan, -4.0], [0.5, math.inf]], dtype=dtype)
    utils.clip_grad_value_(params, 1)
    assert str(params[0].grad.tolist()) == "[[nan, -1.0], [0.5, 1.0]]"
    assert params[2].grad.tolist() == [-0.5, 1.0, 0.25]
    assert params[0].grad.dtype == np.dtype(dtype)


@pytest.mark.parametrize("value", [-1.0, math.nan])
def test_limits_must_not_be_negative(value):
    params = parameters()
    for clip, name in ((utils.clip_grad_norm_, "max_norm"), (utils.clip_grad_value_, "clip_value")):
        with pytest.raises(ValueError, match=name):
            clip(params, value)


def test_foreach_may_be_off():
    utils.clip_grad_norm_(parameters(), 1.0, foreach=False)
    for clip in (utils.clip_grad_norm_, utils.clip_grad_value_):
        with pytest.raises(RuntimeError, match="foreach"):
            clip(parameters(), 1.0, foreach=True)


def test_clipping_a_recorded_gradient_that_is_still_needed_is_noticed():
    w = nn.Parameter(autograd.tensor([2.0]))
    (w**3).sum().backward(create_graph=True)
    penalty = (w.grad**2).sum()
    utils.clip_grad_norm_(w, 0.5)
    with pytest.raises(GraphError):
        penalty.backward()


def test_parameters_go_to_a_vector_and_back():
    net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    vector = utils.parameters_to_vector(net.parameters())
    expected = np.concatenate([p.detach().numpy().ravel() for p in net.parameters()])
    assert vector.tolist() == expected.tolist()
    (vector**2).sum().backward()  # through the vector to the parameters
    for p in net.parameters():
        np.testing.assert_allclose(p.grad.numpy(), 2 * p.detach().numpy())
    kept = [p.array for p in net.parameters()]
    new = autograd.arange(13).double()
    utils.vector_to_parameters(new, net.parameters())
    assert utils.parameters_to_vector(net.parameters()).tolist() == list(range(13))
    assert [p.dtype for p in net.parameters()] == [np.float32] * 4
    assert all(p.array is a and not np.shares_memory(a, new.array) for p, a in zip(net.parameters(), kept, strict=True))


def test_a_vector_of_another_length_is_an_error_and_changes_nothing():
    net = nn.Linear(2, 1)
    before = utils.parameters_to_vector(net.parameters()).tolist()
    for size in ((2,), (4,), (3, 1)):
        with pytest.raises(ShapeError, match=r"\(3,\)"):
            utils.vector_to_parameters(autograd.zeros(size), net.parameters())
    with pytest.raises(TypeError, match="list"):
        utils.vector_to_parameters([1.0, 2.0, 3.0], net.parameters())
    assert utils.parameters_to_vector(net.parameters()).tolist() == before


def test_a_graph_recorded_before_vector_to_parameters_cannot_be_used_after_it():
    w = nn.Parameter(autograd.ones(2))
    loss = (w * w).sum()
    utils.vector_to_parameters(autograd.zeros(2), [w])
    with pytest.raises(GraphError):
        loss.backward()
