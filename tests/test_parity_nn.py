"""Side by side with PyTorch, from the same start."""

import inspect

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


D = np.random.default_rng(5)
VECTOR, SIGNS, UNIT = D.standard_normal((8, 4)), D.choice([-1.0, 1.0], (8, 4)), D.uniform(0, 1, (8, 4))
LABELS, CLASSES, WEIGHTS = D.integers(0, 4, 8), D.dirichlet(np.ones(4), 8), D.uniform(0.5, 2, 4)
PROBLEMS = {
    # a loss of the scores z (8, 4) that a network gives, by the names that both packages have; t makes a tensor
    "L1Loss": lambda nn, t, z: nn.L1Loss()(z, t(VECTOR)),
    "MSELoss": lambda nn, t, z: nn.MSELoss(reduction="sum")(z, t(VECTOR)),
    "SmoothL1Loss": lambda nn, t, z: nn.SmoothL1Loss(beta=0.3)(z, t(VECTOR)),
    "HuberLoss": lambda nn, t, z: nn.HuberLoss("mean", 0.3)(z, t(VECTOR)),
    "BCELoss": lambda nn, t, z: nn.BCELoss(t(WEIGHTS))(z.sigmoid(), t(UNIT)),
    "BCEWithLogitsLoss": lambda nn, t, z: nn.BCEWithLogitsLoss(t(UNIT))(z, t(UNIT)),
    "BCEWithLogitsLoss pos_weight": lambda nn, t, z: nn.BCEWithLogitsLoss(pos_weight=t(WEIGHTS))(z, t(UNIT)),
    "CrossEntropyLoss": lambda nn, t, z: nn.CrossEntropyLoss()(z, t(LABELS)),
    "CrossEntropyLoss all": lambda nn, t, z: nn.CrossEntropyLoss(
        t(WEIGHTS), ignore_index=int(LABELS[0]), label_smoothing=0.1)(z, t(LABELS)),
    "CrossEntropyLoss smoothing": lambda nn, t, z: nn.CrossEntropyLoss(label_smoothing=0.1, ignore_index=int(
        LABELS[0]))(z, t(LABELS)),
    "CrossEntropyLoss probabilities": lambda nn, t, z: nn.CrossEntropyLoss(t(WEIGHTS), label_smoothing=0.1)(
        z, t(CLASSES)),
    "CrossEntropyLoss axes": lambda nn, t, z: nn.CrossEntropyLoss(t(WEIGHTS), reduction="sum")(
        z.reshape(2, 4, 4), t(LABELS).reshape(2, 4)),
    "NLLLoss": lambda nn, t, z: nn.NLLLoss(t(WEIGHTS))(nn.LogSoftmax(dim=1)(z), t(LABELS)),
    "KLDivLoss": lambda nn, t, z: nn.KLDivLoss(reduction="batchmean")(nn.LogSoftmax(dim=1)(z), t(CLASSES)),
    "KLDivLoss log": lambda nn, t, z: nn.KLDivLoss(reduction="batchmean", log_target=True)(
        nn.LogSoftmax(dim=1)(z), t(np.log(CLASSES))),
    "PoissonNLLLoss": lambda nn, t, z: nn.PoissonNLLLoss(full=True)(z, t(3 * UNIT)),
    "PoissonNLLLoss rate": lambda nn, t, z: nn.PoissonNLLLoss(False)(nn.Softplus()(z), t(3 * UNIT)),
    "GaussianNLLLoss": lambda nn, t, z: nn.GaussianNLLLoss(full=True, eps=0.3)(z, t(VECTOR), z[:, 0].exp()),
    "HingeEmbeddingLoss": lambda nn, t, z: nn.HingeEmbeddingLoss(0.7)(z**2, t(SIGNS)),
    "MarginRankingLoss": lambda nn, t, z: nn.MarginRankingLoss(0.7)(z, t(VECTOR), t(SIGNS)),
    "SoftMarginLoss": lambda nn, t, z: nn.SoftMarginLoss()(z, t(SIGNS)),
    "MultiMarginLoss": lambda nn, t, z: nn.MultiMarginLoss(weight=t(WEIGHTS))(z, t(LABELS)),
    "MultiMarginLoss 2": lambda nn, t, z: nn.MultiMarginLoss(2, 0.5)(z, t(LABELS)),
    "CosineEmbeddingLoss": lambda nn, t, z: nn.CosineEmbeddingLoss(0.1)(z, t(VECTOR), t(SIGNS[:, 0])),
    "several": lambda nn, t, z: nn.MSELoss()(z, t(VECTOR)) + 0.1 * nn.L1Loss()(z, t(VECTOR)),
}  # fmt: skip


@pytest.mark.parametrize("name", PROBLEMS)
def test_every_loss_follows_pytorch_over_a_hundred_steps(name):
    torch.manual_seed(1)
    theirs = torch.nn.Sequential(torch.nn.Linear(3, 6), torch.nn.SELU(), torch.nn.Linear(6, 4)).double()
    ours = nn.Sequential(nn.Linear(3, 6, dtype="float64"), nn.SELU(), nn.Linear(6, 4, dtype="float64"))
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    x = np.random.default_rng(2).standard_normal((8, 3))
    a, b = nn.optim.Adam(ours.parameters(), lr=0.02), torch.optim.Adam(theirs.parameters(), lr=0.02)
    first = None
    for _ in range(100):
        a.zero_grad()
        b.zero_grad()
        mine = PROBLEMS[name](nn, autograd.tensor, ours(autograd.tensor(x)))
        other = PROBLEMS[name](torch.nn, torch.tensor, theirs(torch.tensor(x)))
        assert mine.item() == pytest.approx(other.item(), rel=1e-6, abs=1e-9)
        first = other.item() if first is None else first
        mine.backward()
        other.backward()
        a.step()
        b.step()
    assert other.item() < first
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-6, atol=1e-6)


LEGACY = {"size_average", "reduce", "min_value", "max_value", "out"}
SAME_NAMES = sorted(
    {(space, name) for space in ("", "functional")
     for name in dir(getattr(torch.nn, space) if space else torch.nn)
     if name in dir(getattr(nn, space) if space else nn)
     and (name.endswith(("Loss", "_loss", "_entropy", "_logits", "kl_div")) or name in (
         nn.functional.activation.__all__ if space else nn.layers.activation.__all__))}
)  # fmt: skip


@pytest.mark.parametrize(("space", "name"), SAME_NAMES)
def test_losses_and_activations_have_pytorchs_arguments_in_its_order(space, name):
    mine, other = (getattr(getattr(p, space) if space else p, name) for p in (nn, torch.nn))
    if not space and "__init__" not in other.__dict__ and "__init__" not in other.__mro__[1].__dict__:
        return  # takes no arguments, whatever *args its base has
    try:
        theirs = list(inspect.signature(other).parameters.values())
    except ValueError:
        pytest.skip("PyTorch's is compiled and has no signature")
    if any(p.kind is p.VAR_POSITIONAL for p in theirs) or name.endswith("_"):
        return
    ours = list(inspect.signature(mine).parameters.values())
    if [p.name for p in theirs] == ["input"]:
        assert len(ours) == 1
        return
    cut = next((k for k, p in enumerate(theirs) if p.name in LEGACY), len(theirs))
    wanted = [p for p in theirs if p.name not in LEGACY]
    assert [(p.name, p.default) for p in ours] == [(p.name, p.default) for p in wanted]
    assert [p.kind for p in ours[:cut]] == [p.kind for p in theirs[:cut]]  # by position there, by position here


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
    for space, part in SAME_NAMES:
        if not space:
            args = (0.1, 20) if part == "Threshold" else ()
            assert repr(getattr(nn, part)(*args)) == repr(getattr(torch.nn, part)(*args))
            if part in ("ReLU", "ReLU6", "LeakyReLU", "ELU", "SELU", "CELU", "SiLU", "Mish", "Hardtanh", "Hardswish"):
                assert repr(getattr(nn, part)(inplace=True)) == repr(getattr(torch.nn, part)(inplace=True))


@pytest.mark.parametrize("samples", [[0.5, 1.5], [1, 2], [True, False], [np.float32(1)], [np.ones(2), np.zeros(2)]])
def test_collate_gives_pytorchs_dtypes(samples):
    mine, other = nn.data.default_collate(samples), torch.utils.data.default_collate(samples)
    assert mine.dtype == other.numpy().dtype
    assert mine.tolist() == other.tolist()
