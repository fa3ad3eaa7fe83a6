import math

import numpy as np
import pytest

import autograd
import nn
from autograd import GraphError, Tensor
from nn import optim

SHAPES = [(3, 2), (3,), (1, 3), ()]


def sgd(theta, g, s, lr=1e-3, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False, maximize=False):
    """The formula in PyTorch's documentation of SGD."""
    g = -g if maximize else g
    g = g + weight_decay * theta
    if momentum:
        s["b"] = momentum * s["b"] + (1 - dampening) * g if "b" in s else g
        g = g + momentum * s["b"] if nesterov else s["b"]
    return theta - lr * g


def adam(theta, g, s, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, maximize=False):
    """Algorithm 1 of Kingma and Ba (2015)."""
    g = -g if maximize else g
    g = g + weight_decay * theta
    t = s["t"] = s.get("t", 0) + 1
    m = s["m"] = betas[0] * s.get("m", 0) + (1 - betas[0]) * g
    v = s["v"] = betas[1] * s.get("v", 0) + (1 - betas[1]) * g**2
    return theta - lr * (m / (1 - betas[0] ** t)) / (np.sqrt(v / (1 - betas[1] ** t)) + eps)


CASES = [
    (optim.SGD, sgd, {}),
    (optim.SGD, sgd, {"lr": 0.1, "weight_decay": 0.3}),
    (optim.SGD, sgd, {"lr": 0.05, "momentum": 0.9}),
    (optim.SGD, sgd, {"lr": 0.05, "momentum": 0.9, "dampening": 0.4, "weight_decay": 0.1}),
    (optim.SGD, sgd, {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    (optim.SGD, sgd, {"lr": 0.01, "momentum": 0.5, "maximize": True, "weight_decay": 0.1}),
    (optim.Adam, adam, {}),
    (optim.Adam, adam, {"lr": 0.1, "betas": (0.7, 0.9), "eps": 1e-3}),
    (optim.Adam, adam, {"lr": 0.03, "weight_decay": 0.3}),
    (optim.Adam, adam, {"lr": 0.03, "maximize": True, "weight_decay": 0.1, "betas": (0.0, 0.0)}),
]


def parameters(dtype="float64", seed=0):
    rng = np.random.default_rng(seed)
    return [nn.Parameter(autograd.tensor(rng.standard_normal(shape), dtype=dtype)) for shape in SHAPES]


def give_gradients(params, rng):
    for p in params:
        p.grad = autograd.tensor(rng.standard_normal(p.shape), dtype=p.dtype)


@pytest.mark.parametrize(("kind", "formula", "options"), CASES)
def test_a_hundred_steps_follow_the_formula(kind, formula, options):
    params, rng = parameters(), np.random.default_rng(1)
    optimizer = kind(params, **options)
    theta, states = [p.detach().numpy().copy() for p in params], [{} for _ in params]
    for _ in range(100):
        give_gradients(params, rng)
        theta = [formula(t, p.grad.numpy(), s, **options) for t, p, s in zip(theta, params, states, strict=True)]
        optimizer.step()
        for p, t in zip(params, theta, strict=True):
            np.testing.assert_allclose(p.detach().numpy(), t, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam])
def test_float32_follows_float64(kind):
    single, double = parameters("float32"), parameters("float64")
    a, b, r, s = kind(single, lr=0.01), kind(double, lr=0.01), np.random.default_rng(1), np.random.default_rng(1)
    for _ in range(100):
        give_gradients(single, r)
        give_gradients(double, s)
        a.step()
        b.step()
    for p, q in zip(single, double, strict=True):
        assert p.dtype == np.float32
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-4, atol=1e-5)


def test_each_group_has_its_own_options():
    slow, fast, rng = parameters(seed=0)[:1], parameters(seed=1)[:2], np.random.default_rng(2)
    optimizer = optim.SGD([{"params": slow[0], "lr": 0.01}, {"params": fast, "weight_decay": 0.5}], lr=0.1)
    give_gradients(slow + fast, rng)
    expected = [sgd(p.detach().numpy(), p.grad.numpy(), {}, lr=0.01) for p in slow]
    expected += [sgd(p.detach().numpy(), p.grad.numpy(), {}, lr=0.1, weight_decay=0.5) for p in fast]
    optimizer.step()
    for p, t in zip(slow + fast, expected, strict=True):
        np.testing.assert_allclose(p.detach().numpy(), t, rtol=1e-14)


@pytest.mark.parametrize("value", [0.5, 1, np.float32(0.5), autograd.tensor(0.5)])
def test_a_changed_lr_takes_effect_at_the_next_step(value):
    w = nn.Parameter(autograd.zeros(1))
    optimizer = optim.SGD([w], lr=0.1)
    optimizer.param_groups[0]["lr"] = value
    w.grad = autograd.ones(1)
    optimizer.step()
    assert w.item() == -float(value)


def test_momentum_may_be_switched_on_and_off_on_the_way():
    (w, *_), rng = parameters(), np.random.default_rng(0)
    optimizer, theta, state = optim.SGD([w], lr=0.1), w.detach().numpy().copy(), {}
    for momentum in (0, 0.9, 0.9, 0, 0.5):
        optimizer.param_groups[0]["momentum"] = momentum
        give_gradients([w], rng)
        theta = sgd(theta, w.grad.numpy(), state, lr=0.1, momentum=momentum)
        optimizer.step()
        np.testing.assert_allclose(w.detach().numpy(), theta, rtol=1e-13)


def test_a_parameter_without_a_gradient_stays_and_its_adam_clock_stands_still():
    a, b = nn.Parameter(autograd.ones(2)), nn.Parameter(autograd.ones(2))
    optimizer = optim.Adam([a, b], lr=0.1)
    for k in range(3):
        a.grad, b.grad = autograd.ones(2), autograd.ones(2) if k == 2 else None
        if k < 2:
            before = b.tolist()
            optimizer.step()
            assert b.tolist() == before
            assert b not in optimizer.state
        else:
            optimizer.step()
    assert (optimizer.state[a]["step"], optimizer.state[b]["step"]) == (3, 1)
    np.testing.assert_allclose(b.detach().numpy(), 0.9, rtol=1e-6)  # the first step of Adam has length lr


@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam])
def test_a_parameter_that_is_not_contiguous_and_its_gradient_are_updated_in_place(kind):
    memory = np.arange(6.0).reshape(2, 3)
    w, v = nn.Parameter(autograd.from_numpy(memory.T)), nn.Parameter(autograd.tensor(memory.T))
    for p in (w, v):
        p.grad = autograd.from_numpy(np.linspace(-1, 1, 12).reshape(2, 6)[:, ::2].T)
        kind([p], lr=0.1).step()
    assert np.shares_memory(w.array, memory)
    assert memory.T.tolist() == v.tolist()
    assert v.tolist() != np.arange(6.0).reshape(2, 3).T.tolist()


@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam])
def test_a_read_only_parameter_is_an_error_of_numpy_not_of_numba(kind):
    array = np.zeros(2, np.float32)
    array.flags.writeable = False
    w = nn.Parameter(autograd.from_numpy(array))
    w.grad = autograd.ones(2)
    with pytest.raises(ValueError, match="read-only"):
        kind([w]).step()


@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam])
def test_data_of_another_size_is_an_error_not_a_read_beyond_the_gradient(kind):
    w = nn.Parameter(autograd.ones(2))
    w.grad = autograd.ones(2)
    w.data = autograd.ones(1000)
    with pytest.raises(ValueError, match="size"):
        kind([w]).step()


def test_a_step_between_forward_and_backward_is_an_error_that_names_it():
    w = nn.Parameter(autograd.ones(2))
    loss = (w * w).sum()
    w.grad = autograd.ones(2)
    optim.SGD([w], lr=0.1).step()
    with pytest.raises(GraphError, match=r"SGD\.step\(\) at .*test_optim"):
        loss.backward()


@pytest.mark.parametrize("owner", ["optimizer", "module"])
def test_zero_grad_forgets_or_zeroes(owner):
    net = nn.Module()
    net.w, net.never = nn.Parameter(autograd.ones(2)), nn.Parameter(autograd.ones(2))
    zero_grad = net.zero_grad if owner == "module" else optim.SGD(net.parameters()).zero_grad
    net.w.grad = grad = autograd.ones(2)
    zero_grad(set_to_none=False)
    assert net.w.grad is grad
    assert grad.tolist() == [0, 0]
    assert net.never.grad is None
    zero_grad()
    assert net.w.grad is None


def test_zero_grad_zeroes_a_gradient_that_was_recorded():
    w = nn.Parameter(autograd.ones(2))
    (w**3).sum().backward(create_graph=True)
    optim.SGD([w]).zero_grad(set_to_none=False)
    assert w.grad.tolist() == [0, 0]
    assert not w.grad.requires_grad


def test_closure_computes_the_loss_with_gradients_even_under_no_grad():
    w = nn.Parameter(autograd.ones(1))
    optimizer = optim.SGD([w], lr=0.25)

    def closure():
        optimizer.zero_grad()
        loss = (w * w).sum()
        loss.backward()
        return loss

    with autograd.no_grad():
        assert optimizer.step(closure).item() == 1
    assert w.item() == 0.5


BAD = [-1e-3, math.nan, math.inf, "0.1", None]


@pytest.mark.parametrize("value", BAD)
@pytest.mark.parametrize(
    ("kind", "name"),
    [(optim.SGD, "lr"), (optim.SGD, "momentum"), (optim.SGD, "weight_decay"), (optim.Adam, "lr"), (optim.Adam, "eps"),
     (optim.Adam, "weight_decay")],
)  # fmt: skip
def test_an_option_out_of_range_is_an_error(kind, name, value):
    w = nn.Parameter(autograd.ones(1))
    for params, options in (([w], {name: value}), ([{"params": [w], name: value}], {})):
        with pytest.raises(ValueError, match=rf"(?i)invalid.*{name}"):
            kind(params, **options)


@pytest.mark.parametrize("betas", [(1.0, 0.9), (0.9, 1.0), (-0.1, 0.9), (0.9, math.nan)])
def test_betas_out_of_range_are_an_error(betas):
    with pytest.raises(ValueError, match="beta parameter at index"):
        optim.Adam([nn.Parameter(autograd.ones(1))], betas=betas)


@pytest.mark.parametrize("options", [{"nesterov": True}, {"nesterov": True, "momentum": 0.9, "dampening": 0.1}])
def test_nesterov_needs_momentum_and_no_dampening(options):
    with pytest.raises(ValueError, match="Nesterov"):
        optim.SGD([nn.Parameter(autograd.ones(1))], **options)


def test_parameters_that_cannot_be_optimized_are_refused():
    w = nn.Parameter(autograd.ones(1))
    for params, error, message in [
        ([], ValueError, "empty"),
        (iter(()), ValueError, "empty"),
        ([w, w], ValueError, "more than one|twice"),
        ([{"params": [w]}, {"params": [w]}], ValueError, "more than one"),
        ([w * 2], ValueError, "non-leaf"),
        (w, TypeError, "list"),
        ({w}, TypeError, "order"),
        ([1.0], TypeError, "float"),
        ([{"lr": 0.1}], TypeError, "params"),
    ]:
        with pytest.raises(error, match=message):
            optim.SGD(params)


def test_a_refused_group_leaves_the_optimizer_as_it_was():
    w = nn.Parameter(autograd.ones(1))
    optimizer = optim.SGD([w])
    with pytest.raises(ValueError):
        optimizer.add_param_group({"params": [nn.Parameter(autograd.ones(1))], "lr": -1})
    assert len(optimizer.param_groups) == 1


@pytest.mark.parametrize(("kind", "formula", "options"), CASES)
def test_training_goes_on_from_a_saved_state_as_if_never_interrupted(kind, formula, options):
    params, rng = parameters(), np.random.default_rng(1)
    optimizer = kind(params, **options)
    for _ in range(5):
        give_gradients(params, rng)
        optimizer.step()
    copies = [nn.Parameter(p.detach().clone() if hasattr(p, "clone") else autograd.tensor(p.detach())) for p in params]
    other = kind([{"params": copies}], lr=123.0)
    other.load_state_dict(optimizer.state_dict())
    assert other.param_groups[0]["lr"] == optimizer.param_groups[0]["lr"]
    for _ in range(5):
        give_gradients(params, rng)
        for p, q in zip(params, copies, strict=True):
            q.grad = p.grad
        optimizer.step()
        other.step()
        assert [q.tolist() for q in copies] == [p.tolist() for p in params]


def test_state_dict_numbers_the_parameters_and_has_tensors_of_their_shape():
    params = parameters("float32")
    optimizer = optim.Adam(params)
    give_gradients(params, np.random.default_rng(0))
    params[1].grad = None
    optimizer.step()
    state = optimizer.state_dict()
    assert state["param_groups"][0]["params"] == [0, 1, 2, 3]
    assert sorted(state["state"]) == [0, 2, 3]
    assert {k: (v["exp_avg"].shape, v["exp_avg_sq"].shape) for k, v in state["state"].items()} == {
        k: (SHAPES[k], SHAPES[k]) for k in (0, 2, 3)
    }
    for k, v in state["state"].items():
        assert isinstance(v["exp_avg"], Tensor)
        np.testing.assert_allclose(v["exp_avg"].numpy(), 0.1 * params[k].grad.numpy(), rtol=1e-6)
    plain = optim.SGD(params)
    plain.step()
    assert plain.state_dict()["state"] == {}


def test_a_loaded_state_is_a_copy_in_the_parameters_dtype():
    a, b = nn.Parameter(autograd.ones(2, dtype="float64")), nn.Parameter(autograd.ones(2))
    first, second = optim.Adam([a]), optim.Adam([b])
    a.grad = autograd.ones(2, dtype="float64")
    first.step()
    second.load_state_dict(first.state_dict())
    moment = second.state[b]["exp_avg"]
    assert moment.dtype == np.float32
    assert not np.shares_memory(moment.array, first.state[a]["exp_avg"].array)


def test_a_state_that_does_not_fit_is_an_error_and_changes_nothing():
    w, v = nn.Parameter(autograd.ones(2)), nn.Parameter(autograd.ones(3))
    w.grad, v.grad = autograd.ones(2), autograd.ones(3)
    mine, other = optim.Adam([w], lr=0.1), optim.Adam([v], lr=0.2)
    mine.step()
    other.step()
    before = str(mine.state_dict())
    fits = mine.state_dict()
    bad_lr = {**fits, "param_groups": [{**fits["param_groups"][0], "lr": -1}]}
    for state in (other.state_dict(), bad_lr, optim.Adam([w, v]).state_dict()):
        with pytest.raises(ValueError):
            mine.load_state_dict(state)
        assert str(mine.state_dict()) == before


def test_repr_lists_the_options_of_each_group():
    text = repr(optim.SGD([nn.Parameter(autograd.ones(1))], lr=0.25))
    assert text.startswith("SGD (\nParameter Group 0\n    dampening: 0\n")
    assert "\n    lr: 0.25\n" in text
