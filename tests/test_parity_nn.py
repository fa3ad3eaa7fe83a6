"""Side by side with PyTorch, from the same start."""

import numpy as np
import pytest

import autograd
import nn

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.parity
torch.set_num_threads(1)  # its threads cost these small networks more than they save


def networks(dtype):
    theirs = torch.nn.Sequential(
        torch.nn.Linear(3, 5), torch.nn.Tanh(), torch.nn.Linear(5, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2)
    ).to(getattr(torch, dtype))
    ours = nn.Sequential(
        nn.Linear(3, 5, dtype=dtype), nn.Tanh(), nn.Linear(5, 4, dtype=dtype), nn.ReLU(), nn.Linear(4, 2, dtype=dtype)
    )
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    return ours, theirs


OPTIONS = [
    ("SGD", {}),
    ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    ("SGD", {"lr": 1e-3, "maximize": True, "weight_decay": 0.01}),
    ("Adam", {}),
    ("Adam", {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-6, "weight_decay": 0.01}),
    ("Adam", {"lr": 1e-3, "maximize": True}),
]


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-10), ("float32", 1e-3)])
@pytest.mark.parametrize(("name", "options"), OPTIONS)
def test_a_hundred_steps_of_training_follow_pytorch(name, options, dtype, tolerance):
    torch.manual_seed(0)
    ours, theirs = networks(dtype)
    groups = [(0, {}), (2, {"lr": 0.02}), (4, {"weight_decay": 0.1})]
    a = getattr(nn.optim, name)([{"params": ours[k].parameters(), **own} for k, own in groups], **options)
    b = getattr(torch.optim, name)([{"params": theirs[k].parameters(), **own} for k, own in groups], **options)
    rng = np.random.default_rng(0)
    for _ in range(100):
        x, y = rng.standard_normal((8, 3)).astype(dtype), rng.integers(0, 2, 8)
        a.zero_grad()
        b.zero_grad()
        nn.CrossEntropyLoss()(ours(autograd.tensor(x)), autograd.tensor(y)).backward()
        torch.nn.CrossEntropyLoss()(theirs(torch.tensor(x)), torch.tensor(y)).backward()
        a.step()
        b.step()
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=tolerance, atol=tolerance)
    mine, other = a.state_dict(), b.state_dict()
    assert sorted(mine["state"]) == sorted(other["state"])
    for k, entry in mine["state"].items():
        for key, value in entry.items():
            if isinstance(value, autograd.Tensor):
                reference = other["state"][k][key].numpy()
                np.testing.assert_allclose(value.numpy(), reference, rtol=10 * tolerance, atol=10 * tolerance)
    for mine_group, other_group in zip(mine["param_groups"], other["param_groups"], strict=True):
        assert {key: other_group[key] for key in mine_group} == mine_group


Z = [0.0, -0.0, 1e-30, -1e-30, 0.5, -3.0, 20.0, -20.0, 89.0, -89.0, 710.0, -710.0, 1000.0, -1000.0, 1e30]
LOSSES = [
    ("BCEWithLogitsLoss", Z, [0.0, 1.0, 0.3]),
    ("BCELoss", [0.0, 1.0, 1e-30, 0.5, 0.1, 0.999, 1 - 1e-7], [0.0, 1.0, 0.3]),
    ("MSELoss", [*Z[:-1], 1e15], [0.0, 1.0, -7.0]),
]


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-6)])
@pytest.mark.parametrize(("name", "inputs", "targets"), LOSSES)
def test_losses_agree_in_value_and_gradient_extremes_included(name, inputs, targets, dtype, tolerance, reduction):
    z, y = (part.ravel().astype(dtype) for part in np.meshgrid(inputs, targets))
    if name == "BCELoss":
        tolerance = max(tolerance, 1e-8)  # PyTorch's least denominator, 1e-12, is a float32
    check(name, z, y, reduction, tolerance)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-6)])
def test_cross_entropy_agrees_in_value_and_gradient_extremes_included(dtype, tolerance, reduction):
    z = np.array([[0, 0, 0], [1, -2, 3], [1000, 0, -1000], [-1000, -1000, -1000], [1e30, 0, 0], [88, 89, 90]], dtype)
    check("CrossEntropyLoss", np.tile(z, (3, 1)), np.repeat([0, 1, 2], len(z)), reduction, tolerance)


def check(name, z, y, reduction, tolerance):
    a, b = autograd.tensor(z, requires_grad=True), torch.tensor(z, requires_grad=True)
    mine = getattr(nn, name)(reduction=reduction)(a, autograd.tensor(y))
    other = getattr(torch.nn, name)(reduction=reduction)(b, torch.tensor(y))
    assert mine.shape == tuple(other.shape)
    np.testing.assert_allclose(mine.detach().numpy(), other.detach().numpy(), rtol=tolerance, atol=tolerance)
    mine.sum().backward()
    other.sum().backward()
    np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), rtol=tolerance, atol=tolerance)


def test_linear_starts_with_pytorchs_distribution():
    torch.manual_seed(0)
    mine, other = nn.Linear(7, 20_000), torch.nn.Linear(7, 20_000)
    for name in ("weight", "bias"):
        a = np.sort(getattr(mine, name).detach().numpy().ravel())
        b = np.sort(getattr(other, name).detach().numpy().ravel())
        np.testing.assert_allclose([a[0], a[-1]], [b[0], b[-1]], rtol=1e-3)
        distance = np.abs(np.searchsorted(b, a) / b.size - np.arange(a.size) / a.size).max()
        assert distance < 3 / np.sqrt(a.size)


def test_names_repr_and_parameters_are_pytorchs():
    ours, theirs = networks("float32")
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert [tuple(p.shape) for p in ours.parameters()] == [tuple(p.shape) for p in theirs.parameters()]
    for part in ("Sigmoid", "Tanh", "ReLU", "BCELoss", "BCEWithLogitsLoss", "CrossEntropyLoss", "MSELoss"):
        assert repr(getattr(nn, part)()) == repr(getattr(torch.nn, part)())


@pytest.mark.parametrize("samples", [[0.5, 1.5], [1, 2], [True, False], [np.float32(1)], [np.ones(2), np.zeros(2)]])
def test_collate_gives_pytorchs_dtypes(samples):
    mine, other = nn.data.default_collate(samples), torch.utils.data.default_collate(samples)
    assert mine.dtype == other.numpy().dtype
    assert mine.tolist() == other.tolist()
