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


def adam(theta, g, s, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, amsgrad=False, maximize=False,
         decoupled_weight_decay=False):  # fmt: skip
    """Algorithm 1 of Kingma and Ba (2015); of Reddi et al. (2018) PyTorch's reading, which corrects the largest v."""
    g = -g if maximize else g
    if decoupled_weight_decay:
        theta = theta - lr * weight_decay * theta
    else:
        g = g + weight_decay * theta
    t = s["t"] = s.get("t", 0) + 1
    m = s["m"] = betas[0] * s.get("m", 0) + (1 - betas[0]) * g
    v = s["v"] = betas[1] * s.get("v", 0) + (1 - betas[1]) * g**2
    if amsgrad:
        v = s["top"] = np.maximum(v, s.get("top", 0))
    return theta - lr * (m / (1 - betas[0] ** t)) / (np.sqrt(v / (1 - betas[1] ** t)) + eps)


def adamw(theta, g, s, weight_decay=1e-2, **options):
    """Algorithm 2 of Loshchilov and Hutter (2019), with lr for both η α and η."""
    return adam(theta, g, s, weight_decay=weight_decay, decoupled_weight_decay=True, **options)


def nadam(theta, g, s, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, momentum_decay=4e-3,
          decoupled_weight_decay=False, maximize=False):  # fmt: skip
    """Dozat (2016), with the μ_t of its section on warming momentum."""
    g = -g if maximize else g
    if decoupled_weight_decay:
        theta = theta - lr * weight_decay * theta
    else:
        g = g + weight_decay * theta
    t = s["t"] = s.get("t", 0) + 1
    mu, following = (betas[0] * (1 - 0.5 * 0.96 ** (k * momentum_decay)) for k in (t, t + 1))
    product = s["product"] = s.get("product", 1) * mu
    m = s["m"] = betas[0] * s.get("m", 0) + (1 - betas[0]) * g
    v = s["v"] = betas[1] * s.get("v", 0) + (1 - betas[1]) * g**2
    ahead = following * m / (1 - product * following) + (1 - mu) * g / (1 - product)
    return theta - lr * ahead / (np.sqrt(v / (1 - betas[1] ** t)) + eps)


def adagrad(theta, g, s, lr=1e-2, lr_decay=0.0, weight_decay=0.0, initial_accumulator_value=0.0, eps=1e-10,
            maximize=False):  # fmt: skip
    """Duchi, Hazan and Singer (2011), diagonal."""
    g = (-g if maximize else g) + weight_decay * theta
    s["t"] = s.get("t", -1) + 1
    s["sum"] = s.get("sum", initial_accumulator_value) + g**2
    return theta - lr / (1 + s["t"] * lr_decay) * g / (np.sqrt(s["sum"]) + eps)


def adadelta(theta, g, s, lr=1.0, rho=0.9, eps=1e-6, weight_decay=0.0, maximize=False):
    """Algorithm 1 of Zeiler (2012)."""
    g = (-g if maximize else g) + weight_decay * theta
    s["g2"] = rho * s.get("g2", 0) + (1 - rho) * g**2
    step = -np.sqrt(s.get("x2", 0) + eps) / np.sqrt(s["g2"] + eps) * g
    s["x2"] = rho * s.get("x2", 0) + (1 - rho) * step**2
    return theta + lr * step


def rmsprop(theta, g, s, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0.0, momentum=0.0, centered=False,
            maximize=False):  # fmt: skip
    """Hinton's lecture 6e; centred as equations 38 to 41 of Graves (2013), with ε outside the root."""
    g = (-g if maximize else g) + weight_decay * theta
    s["n"] = alpha * s.get("n", 0) + (1 - alpha) * g**2
    s["g"] = alpha * s.get("g", 0) + (1 - alpha) * g
    scaled = g / (np.sqrt(s["n"] - s["g"] ** 2 if centered else s["n"]) + eps)
    s["b"] = momentum * s.get("b", 0) + scaled
    return theta - lr * s["b"]


def rprop(theta, g, s, lr=1e-2, etas=(0.5, 1.2), step_sizes=(1e-6, 50), maximize=False):
    """Rprop⁻ with a rest after a change of sign (iRprop⁻, Igel and Hüsken, 2000)."""
    g = -g if maximize else g
    agree = np.sign(g * s.get("g", 0))
    factor = np.where(agree > 0, etas[1], np.where(agree < 0, etas[0], 1))
    s["size"] = np.clip(s.get("size", np.full_like(g, lr)) * factor, *step_sizes)
    s["g"] = np.where(agree < 0, 0, g)
    return theta - s["size"] * np.sign(s["g"])


# Every option of every optimizer; the tests against PyTorch take them from here too.
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
    (optim.Adam, adam, {"lr": 0.05, "amsgrad": True, "betas": (0.8, 0.6)}),
    (optim.Adam, adam, {"lr": 0.05, "amsgrad": True, "weight_decay": 0.2, "maximize": True, "betas": (0.9, 0.7)}),
    (optim.Adam, adam, {"lr": 0.05, "decoupled_weight_decay": True, "weight_decay": 0.2}),
    (optim.AdamW, adamw, {}),
    (optim.AdamW, adamw, {"lr": 0.05, "betas": (0.8, 0.9), "eps": 1e-4, "weight_decay": 0.3}),
    (optim.AdamW, adamw, {"lr": 0.05, "amsgrad": True, "betas": (0.8, 0.6)}),
    (optim.AdamW, adamw, {"lr": 0.01, "maximize": True, "weight_decay": 0.0}),
    (optim.NAdam, nadam, {}),
    (optim.NAdam, nadam, {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-4, "momentum_decay": 0.05}),
    (optim.NAdam, nadam, {"lr": 0.05, "weight_decay": 0.2}),
    (optim.NAdam, nadam, {"lr": 0.05, "weight_decay": 0.2, "decoupled_weight_decay": True, "maximize": True}),
    (optim.Adagrad, adagrad, {}),
    (optim.Adagrad, adagrad, {"lr": 0.1, "lr_decay": 0.05, "weight_decay": 0.2, "eps": 1e-3}),
    (optim.Adagrad, adagrad, {"lr": 0.1, "initial_accumulator_value": 0.5, "maximize": True}),
    (optim.Adadelta, adadelta, {}),
    (optim.Adadelta, adadelta, {"lr": 0.5, "rho": 0.7, "eps": 1e-3, "weight_decay": 0.2}),
    (optim.Adadelta, adadelta, {"lr": 2.0, "maximize": True}),
    (optim.RMSprop, rmsprop, {}),
    (optim.RMSprop, rmsprop, {"lr": 0.03, "alpha": 0.8, "eps": 1e-3, "weight_decay": 0.2}),
    (optim.RMSprop, rmsprop, {"lr": 0.01, "momentum": 0.9, "maximize": True}),
    (optim.RMSprop, rmsprop, {"lr": 0.01, "centered": True, "eps": 1e-4}),
    (optim.RMSprop, rmsprop, {"lr": 0.01, "centered": True, "eps": 1e-4, "momentum": 0.6, "weight_decay": 0.1}),
    (optim.Rprop, rprop, {}),
    (optim.Rprop, rprop, {"lr": 0.1, "etas": (0.3, 1.7), "step_sizes": (0.05, 0.4)}),
    (optim.Rprop, rprop, {"lr": 0.02, "maximize": True, "step_sizes": (1e-6, 0.03)}),
]
KINDS = list(dict.fromkeys(kind for kind, _, _ in CASES))


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


@pytest.mark.parametrize("kind", KINDS)
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
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-3, atol=1e-4)


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


@pytest.mark.parametrize("kind", KINDS)
def test_a_parameter_that_is_not_contiguous_and_its_gradient_are_updated_in_place(kind):
    memory = np.arange(6.0).reshape(2, 3)
    w, v = nn.Parameter(autograd.from_numpy(memory.T)), nn.Parameter(autograd.tensor(memory.T))
    for p in (w, v):
        p.grad = autograd.from_numpy(np.linspace(-1, 1, 12).reshape(2, 6)[:, ::2].T)
        kind([p], lr=0.1).step()
    assert np.shares_memory(w.array, memory)
    assert memory.T.tolist() == v.tolist()
    assert v.tolist() != np.arange(6.0).reshape(2, 3).T.tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_a_read_only_parameter_is_an_error_of_numpy_not_of_numba(kind):
    array = np.zeros(2, np.float32)
    array.flags.writeable = False
    w = nn.Parameter(autograd.from_numpy(array))
    w.grad = autograd.ones(2)
    with pytest.raises(ValueError, match="read-only"):
        kind([w]).step()


@pytest.mark.parametrize("kind", KINDS)
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


def test_options_may_be_switched_on_and_off_on_the_way():
    for kind, changes in [
        (optim.Adam, [{"amsgrad": False}, {"amsgrad": True}, {"amsgrad": False}]),
        (optim.RMSprop, [{"centered": False}, {"centered": True}, {"momentum": 0.5}, {"centered": False}]),
    ]:
        (w, *_), rng = parameters(), np.random.default_rng(0)
        optimizer = kind([w], lr=0.1)
        for change in changes:
            optimizer.param_groups[0].update(change)
            before = w.tolist()
            for _ in range(3):
                give_gradients([w], rng)
                optimizer.step()
            assert np.isfinite(w.detach().numpy()).all()
            assert w.tolist() != before


def test_weight_decay_of_zero_makes_no_nan_of_an_infinite_weight():
    for kind in KINDS:
        w = nn.Parameter(autograd.tensor([math.inf, 1.0]))
        w.grad = autograd.ones(2)
        kind([w], **({"weight_decay": 0.0} if kind is not optim.Rprop else {})).step()
        assert w.tolist()[0] == math.inf, kind


@pytest.mark.parametrize("kind", KINDS)
def test_a_nan_in_the_gradient_shows_in_its_weight_and_in_no_other(kind):
    w = nn.Parameter(autograd.ones(3))
    optimizer = kind([w])
    for _ in range(2):
        w.grad = autograd.tensor([1.0, math.nan, -1.0])
        optimizer.step()
    assert np.isnan(w.detach().numpy()).tolist() == [False, True, False]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_centered_rmsprop_survives_a_gradient_that_never_changes(dtype):
    w = nn.Parameter(autograd.ones(50, dtype=dtype))
    optimizer = optim.RMSprop([w], centered=True, alpha=0.3)
    grad = autograd.tensor(np.linspace(0.1, 1, 50), dtype=dtype)
    for _ in range(100):
        w.grad = grad
        optimizer.step()
    assert np.isfinite(w.detach().numpy()).all()


SWITCHES = {
    optim.SGD: ("foreach", "differentiable", "fused"),
    optim.Rprop: ("capturable", "foreach", "differentiable"),
    optim.RMSprop: ("capturable", "foreach", "differentiable"),
    optim.Adadelta: ("foreach", "capturable", "differentiable"),
    optim.Adagrad: ("foreach", "differentiable", "fused"),
    optim.Adam: ("foreach", "capturable", "differentiable", "fused"),
    optim.AdamW: ("foreach", "capturable", "differentiable", "fused"),
    optim.NAdam: ("foreach", "capturable", "differentiable"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_pytorchs_choice_of_an_implementation_changes_nothing_and_differentiable_is_refused(kind):
    results = []
    for choice in (None, False, True):
        w = nn.Parameter(autograd.ones(3))
        switches = {name: bool(choice) for name in SWITCHES[kind] if name != "differentiable"}
        optimizer = kind([w], lr=0.1) if choice is None else kind([w], lr=0.1, differentiable=False, **switches)
        for _ in range(2):
            optimizer.zero_grad()
            (w * w).sum().backward()
            optimizer.step()
        results.append(w.tolist())
    assert results[0] == results[1] == results[2] != [1, 1, 1]
    with pytest.raises(ValueError, match="differentiable=True is not supported"):
        kind([w], differentiable=True)



BAD = [-1e-3, math.nan, math.inf, "0.1", None]
RANGED = {
    optim.SGD: ("lr", "momentum", "weight_decay"),
    optim.Rprop: ("lr",),
    optim.RMSprop: ("lr", "alpha", "eps", "weight_decay", "momentum"),
    optim.Adadelta: ("lr", "rho", "eps", "weight_decay"),
    optim.Adagrad: ("lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps"),
    optim.Adam: ("lr", "eps", "weight_decay"),
    optim.AdamW: ("lr", "eps", "weight_decay"),
    optim.NAdam: ("lr", "eps", "weight_decay", "momentum_decay"),
    optim.LBFGS: ("lr", "tolerance_grad", "tolerance_change"),
}


@pytest.mark.parametrize("value", BAD)
@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in RANGED.items() for name in names])
def test_an_option_out_of_range_is_an_error(kind, name, value):
    w = nn.Parameter(autograd.ones(1))
    for params, options in (([w], {name: value}), ([{"params": [w], name: value}], {})):
        with pytest.raises(ValueError, match=rf"(?i)invalid.*{name}"):
            kind(params, **options)


@pytest.mark.parametrize(
    "options",
    [{"etas": (1.0, 1.2)}, {"etas": (0.5, 1.0)}, {"etas": (0, 1.2)}, {"etas": (0.5, math.nan)},
     {"step_sizes": (1, 0.5)}, {"step_sizes": (-1, 1)}, {"step_sizes": (0, math.inf)}],
)  # fmt: skip
def test_rprop_shrinks_and_grows_within_limits(options):
    with pytest.raises(ValueError, match="Invalid (eta|step_sizes)"):
        optim.Rprop([nn.Parameter(autograd.ones(1))], **options)


def test_shares_above_1_are_an_error_and_1_is_not():
    w = nn.Parameter(autograd.ones(1))
    for kind, name in ((optim.Adadelta, "rho"), (optim.RMSprop, "alpha")):
        kind([w], **{name: 1.0})
        with pytest.raises(ValueError, match=name):
            kind([w], **{name: 1.01})


@pytest.mark.parametrize("betas", [(1.0, 0.9), (0.9, 1.0), (-0.1, 0.9), (0.9, math.nan)])
@pytest.mark.parametrize("kind", [optim.Adam, optim.AdamW, optim.NAdam])
def test_betas_out_of_range_are_an_error(kind, betas):
    with pytest.raises(ValueError, match="beta parameter at index"):
        kind([nn.Parameter(autograd.ones(1))], betas=betas)


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
    stray = {**fits, "state": {**fits["state"], 7: {}}}
    for state in (other.state_dict(), bad_lr, stray, optim.Adam([w, v]).state_dict()):
        with pytest.raises(ValueError):
            mine.load_state_dict(state)
        assert str(mine.state_dict()) == before


def test_repr_lists_the_options_of_each_group():
    text = repr(optim.SGD([nn.Parameter(autograd.ones(1))], lr=0.25))
    assert text.startswith("SGD (\nParameter Group 0\n    dampening: 0\n")
    assert "\n    lr: 0.25\n" in text


def test_parameters_may_come_with_their_names():
    net = nn.Linear(2, 1)
    optimizer = optim.SGD(net.named_parameters(), lr=0.1)
    assert optimizer.param_groups[0]["params"] == list(net.parameters())
    assert optimizer.state_dict()["param_groups"][0]["param_names"] == ["weight", "bias"]


def test_adagrads_sums_are_there_from_the_start_and_those_of_an_added_group():
    w, v = nn.Parameter(autograd.ones(2)), nn.Parameter(autograd.ones(3, dtype="float64"))
    optimizer = optim.Adagrad([w], initial_accumulator_value=0.5)
    optimizer.add_param_group({"params": v})
    assert [(s["step"], s["sum"].tolist()) for s in optimizer.state_dict()["state"].values()] == [
        (0, [0.5] * 2), (0, [0.5] * 3)
    ]  # fmt: skip
    assert optimizer.state[v]["sum"].dtype == np.float64


# -- L-BFGS


def rosenbrock(dtype="float64", **options):
    w, b = (nn.Parameter(autograd.tensor(x, dtype=dtype)) for x in ([-1.2], [[1.0]]))
    optimizer = optim.LBFGS([w, b], **options)

    def closure():
        optimizer.zero_grad()
        loss = ((1 - w) ** 2 + 100 * (b - w**2) ** 2).sum()
        loss.backward()
        closure.calls += 1
        return loss

    closure.calls = 0
    return w, b, optimizer, closure


def test_lbfgs_finds_the_minimum_of_a_quadratic_in_as_many_steps_as_it_has_dimensions():
    rng = np.random.default_rng(0)
    root = rng.standard_normal((6, 6))
    A, c = root @ root.T + np.eye(6), rng.standard_normal(6)
    w = nn.Parameter(autograd.zeros(6, dtype="float64"))
    optimizer = optim.LBFGS([w], line_search_fn="strong_wolfe", max_iter=40, tolerance_change=0, tolerance_grad=1e-9)

    def closure():
        optimizer.zero_grad()
        loss = 0.5 * (w * (autograd.tensor(A) @ w)).sum() - (autograd.tensor(c) * w).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 0  # the loss before
    np.testing.assert_allclose(w.detach().numpy(), np.linalg.solve(A, c), rtol=1e-7)


@pytest.mark.parametrize("history_size", [2, 100])
def test_lbfgs_follows_the_formula_of_bfgs_written_out_as_matrices(history_size):
    def gradient(x):  # of ½ Σ k x² + ¼ Σ x⁴
        return np.arange(1, 6) * x + x**3

    w = nn.Parameter(autograd.tensor(np.linspace(-1, 2, 5)))
    optimizer = optim.LBFGS([w], lr=0.3, max_iter=1, history_size=history_size)

    def closure():
        w.grad = autograd.tensor(gradient(w.detach().numpy()))
        return autograd.tensor(0.0)

    x, pairs, last = np.linspace(-1, 2, 5), [], None
    for k in range(15):
        g = gradient(x)
        H, lr = np.eye(5), 0.3 * min(1, 1 / np.abs(g).sum()) if k == 0 else 0.3
        if last is not None:
            pairs = [*pairs, (x - last[0], g - last[1])][-history_size:]
            s, y = pairs[-1]
            H = H * (s @ y) / (y @ y)  # Nocedal and Wright (2006), 7.20
        for s, y in pairs:  # 7.16
            V = np.eye(5) - np.outer(y, s) / (y @ s)
            H = V.T @ H @ V + np.outer(s, s) / (y @ s)
        last, x = (x, g), x - lr * H @ g
        optimizer.step(closure)
        np.testing.assert_allclose(w.detach().numpy(), x, rtol=1e-9, atol=1e-12)


def test_the_line_search_ends_where_the_strong_wolfe_conditions_hold():
    for start in ([-1.2, 1.0], [2.0, -3.0], [0.0, 5.0]):
        x = nn.Parameter(autograd.tensor(start, dtype="float64"))
        optimizer = optim.LBFGS([x], max_iter=1, max_eval=50, line_search_fn="strong_wolfe")

        def closure(x=x, optimizer=optimizer):
            optimizer.zero_grad()
            loss = (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2
            loss.backward()
            return loss

        for _ in range(12):
            loss, before = closure().item(), x.detach().numpy().copy()
            g = x.grad.numpy().copy()
            optimizer.step(closure)
            step = x.detach().numpy() - before
            assert closure().item() <= loss + 1e-4 * g @ step
            assert abs(x.grad.numpy() @ step) <= 0.9 * abs(g @ step)


def test_lbfgs_walks_down_rosenbrocks_valley():
    for dtype, tolerance in (("float64", 1e-4), ("float32", 1e-2)):
        w, b, optimizer, closure = rosenbrock(dtype, line_search_fn="strong_wolfe", max_iter=100)
        optimizer.step(closure)
        assert abs(w.item() - 1) < tolerance
        assert abs(b.item() - 1) < tolerance
        assert w.dtype == np.dtype(dtype)
        assert optimizer.state[w]["func_evals"] == closure.calls <= 125


@pytest.mark.parametrize("max_eval", [1, 3, 7])
def test_lbfgs_calls_the_closure_no_more_than_max_eval_times_but_one(max_eval):
    _, _, optimizer, closure = rosenbrock(line_search_fn="strong_wolfe", max_eval=max_eval)
    optimizer.step(closure)
    assert closure.calls <= max_eval + 1  # a line search looks once in any case, as in PyTorch


def test_lbfgs_goes_on_from_a_saved_state_as_if_never_interrupted():
    w, b, optimizer, closure = rosenbrock(max_iter=4, history_size=3, line_search_fn="strong_wolfe")
    for _ in range(2):
        optimizer.step(closure)
    w2, b2, other, closure2 = rosenbrock(lr=0.1)
    nn.utils.vector_to_parameters(nn.utils.parameters_to_vector([w, b]).detach(), [w2, b2])
    other.load_state_dict(optimizer.state_dict())
    for _ in range(3):
        optimizer.step(closure)
        other.step(closure2)
        assert (w2.item(), b2.item()) == (w.item(), b.item())
    assert len(other.state[w2]["old_dirs"]) == 3


def test_lbfgs_takes_back_a_trial_step_whose_closure_fails():
    w, b, optimizer, closure = rosenbrock(line_search_fn="strong_wolfe")

    def failing():
        if closure.calls == 1:
            raise KeyError("data")
        return closure()

    with pytest.raises(KeyError):
        optimizer.step(failing)
    assert (w.item(), b.item()) == (-1.2, 1.0)
    optimizer.step(closure)  # and can go on


def test_lbfgs_counts_a_parameter_without_a_gradient_as_flat():
    w, b, optimizer, _ = rosenbrock()
    unused = b.item()

    def closure():
        optimizer.zero_grad()
        loss = ((w - 3) ** 2).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    assert abs(w.item() - 3) < 1e-6
    assert b.item() == unused


def test_lbfgs_refuses_what_it_cannot_do():
    w, v = nn.Parameter(autograd.ones(1)), nn.Parameter(autograd.ones(1))
    with pytest.raises(ValueError, match="per-parameter options"):
        optim.LBFGS([{"params": [w]}, {"params": [v]}])
    with pytest.raises(ValueError, match="only 'strong_wolfe' is supported"):
        optim.LBFGS([w], line_search_fn="armijo")
    for name in ("max_iter", "max_eval", "history_size"):
        for value in (0, -1, 1.5, True):
            with pytest.raises(ValueError, match=name):
                optim.LBFGS([w], **{name: value})
    with pytest.raises(TypeError, match="closure"):
        optim.LBFGS([w]).step()


def test_a_graph_recorded_before_an_lbfgs_step_cannot_be_used_after_it():
    w, _, optimizer, closure = rosenbrock(line_search_fn="strong_wolfe")
    loss = (w * w).sum()
    optimizer.step(closure)
    with pytest.raises(GraphError, match=r"LBFGS\.step\(\)"):
        loss.backward()


@pytest.mark.parametrize("make", [nn.optim.SGD, nn.optim.Adam, lambda p: nn.optim.SGD(p, momentum=0.5)])
def test_a_parameter_of_another_dtype_is_refused_in_words(make):
    """Kernels know addresses only: what does not fit must never get there."""
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    optimizer = make(model.parameters())
    model(autograd.ones(1, 2)).sum().backward()
    optimizer.step()
    model[0].weight.data = model[0].weight.data.double()
    before = [p.tolist() for p in model.parameters()]
    for _ in range(2):
        with pytest.raises(ValueError, match="differ in size or dtype"):
            optimizer.step()
    assert [p.tolist() for p in model.parameters()] == before


def test_other_memory_of_a_state_is_noticed():
    p = nn.Parameter(autograd.zeros(3))
    optimizer = nn.optim.Adam([p], lr=0.1)
    for n in range(3):
        p.grad = autograd.ones(3)
        optimizer.step()
        if n == 1:  # by assignment, and by another tensor
            optimizer.state[p]["exp_avg"].data = autograd.full((3,), 100.0)
            optimizer.state[p]["exp_avg_sq"] = autograd.full((3,), 1e6)
    assert optimizer.state[p]["exp_avg"].tolist() == pytest.approx([90.1] * 3)
    assert optimizer.state[p]["exp_avg_sq"].tolist() == pytest.approx([999000.0] * 3)


@pytest.mark.parametrize("threads", [1, 2])
def test_parameters_in_pieces_are_updated_as_whole_ones(threads):
    """Large vectors are cut, and a table of addresses has the pieces of several parameters."""
    sizes = [(300, 500), (7,), (0,), (90_001,), (3, 2)]
    rng = np.random.default_rng(0)
    values, slopes = ([rng.normal(size=n).astype("float32") for n in sizes] for _ in range(2))

    def trained(split):
        params = [nn.Parameter(autograd.tensor(v)) for v in values]
        groups = [[p] for p in params] if split else [params]
        optimizers = [nn.optim.Adam(group, lr=0.01) for group in groups]
        for _ in range(3):
            for p, g in zip(params, slopes, strict=True):
                p.grad = autograd.tensor(g)
            for optimizer in optimizers:
                optimizer.step()
        return [p.tolist() for p in params]

    before = autograd.get_num_threads()
    autograd.set_num_threads(threads)
    try:
        assert trained(split=False) == trained(split=True)
    finally:
        autograd.set_num_threads(before)


@pytest.mark.parametrize("make", [nn.optim.SGD, nn.optim.Adam, nn.optim.RMSprop])
def test_a_gradient_of_any_layout_is_taken(make):
    """Beside a contiguous one: a kernel takes arrays of one type."""
    slopes = np.arange(1.0, 7, dtype="float32")
    layouts = [slopes[::2], slopes[:3].copy(), slopes[4::-2], slopes.reshape(3, 2).T, slopes.reshape(2, 3)]
    params = [nn.Parameter(autograd.zeros(*g.shape)) for g in layouts]
    optimizer = make(params, lr=0.1)
    for p, g in zip(params, layouts, strict=True):
        p.grad = autograd.from_numpy(g)
    optimizer.step()
    alone = [nn.Parameter(autograd.zeros(*g.shape)) for g in layouts]
    for p, g in zip(alone, layouts, strict=True):
        p.grad = autograd.tensor(np.array(g, order="C"))
        make([p], lr=0.1).step()
    assert [p.tolist() for p in params] == [p.tolist() for p in alone]
