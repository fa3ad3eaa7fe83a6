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


# ---- modules: layers, containers and hooks


def pair(make, dtype="float64"):
    """The same network here and in PyTorch, from PyTorch's initial values."""
    torch.manual_seed(0)
    theirs = make(torch.nn, torch).to(getattr(torch, dtype))
    mine = make(nn, autograd).to(dtype)
    keys = mine.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    assert keys == ([], [])
    assert list(mine.state_dict()) == list(theirs.state_dict())
    return mine, theirs


MODELS = {
    "Linear": (lambda m, t: m.Linear(4, 3, bias=False), [(5, 4)]),
    "Bilinear": (lambda m, t: m.Bilinear(4, 3, 2), [(5, 4), (5, 3)]),
    "BatchNorm1d": (lambda m, t: m.BatchNorm1d(4), [(5, 4)]),
    "BatchNorm1d 3-D": (lambda m, t: m.BatchNorm1d(4, eps=0.1, momentum=0.3), [(5, 4, 3)]),
    "BatchNorm1d momentum": (lambda m, t: m.BatchNorm1d(4, momentum=None), [(5, 4)]),
    "BatchNorm1d plain": (lambda m, t: m.BatchNorm1d(4, affine=False), [(5, 4)]),
    "BatchNorm1d untracked": (lambda m, t: m.BatchNorm1d(4, track_running_stats=False), [(5, 4)]),
    "BatchNorm1d no bias": (lambda m, t: m.BatchNorm1d(4, bias=False), [(5, 4)]),
    "BatchNorm2d": (lambda m, t: m.BatchNorm2d(4), [(5, 4, 3, 2)]),
    "LayerNorm": (lambda m, t: m.LayerNorm(4), [(5, 4)]),
    "LayerNorm 2-D": (lambda m, t: m.LayerNorm((3, 4), eps=0.1, bias=False), [(5, 3, 4)]),
    "Flatten": (lambda m, t: m.Sequential(m.Flatten(), m.Unflatten(1, (2, 6)), m.Flatten(0, 1)), [(5, 3, 4)]),
    "network": (
        lambda m, t: m.Sequential(
            m.Linear(4, 6), m.BatchNorm1d(6), m.Tanh(), m.Dropout(0.0), m.Identity(), m.LayerNorm(6), m.Linear(6, 2)
        ),
        [(5, 4)],
    ),
}


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-10), ("float32", 1e-4)])
@pytest.mark.parametrize("name", MODELS)
def test_modules_with_pytorchs_state_give_its_outputs_gradients_and_buffers(name, dtype, tolerance):
    make, shapes = MODELS[name]
    mine, theirs = pair(make, dtype)
    rng = np.random.default_rng(0)

    def equal(a, b):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=tolerance, atol=tolerance)

    for training in (True, True, False, True):
        mine.train(training)
        theirs.train(training)
        arrays = [rng.standard_normal(shape).astype(dtype) for shape in shapes]
        xs = [autograd.tensor(x, requires_grad=True) for x in arrays]
        ys = [torch.tensor(x, requires_grad=True) for x in arrays]
        a, b = mine(*xs), theirs(*ys)
        equal(a, b)
        seed = rng.standard_normal(a.shape).astype(dtype)
        a.backward(autograd.tensor(seed))
        b.backward(torch.tensor(seed))
        for p, q in zip([*xs, *mine.parameters()], [*ys, *theirs.parameters()], strict=True):
            equal(p.grad, q.grad)
        for (key, p), q in zip(mine.state_dict().items(), theirs.state_dict().values(), strict=True):
            assert (key, str(p.dtype)) == (key, str(q.dtype).removeprefix("torch."))
            equal(p, q)


@pytest.mark.parametrize("options", [{}, {"padding_idx": 2}, {"padding_idx": -1}, {"max_norm": 1.0},
                                     {"max_norm": 2.0, "norm_type": 1.0}, {"scale_grad_by_freq": True}])  # fmt: skip
def test_embedding_agrees_with_every_option(options):
    mine, theirs = pair(lambda m, t: m.Embedding(6, 3, **options))
    index = [[0, 2, 2], [5, 5, 5]]
    a, b = mine(autograd.tensor(index)), theirs(torch.tensor(index))
    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-12)
    (a**2).sum().backward()
    (b**2).sum().backward()
    np.testing.assert_allclose(mine.weight.grad.numpy(), theirs.weight.grad.numpy(), rtol=1e-12)
    np.testing.assert_allclose(mine.weight.detach().numpy(), theirs.weight.detach().numpy(), rtol=1e-12)
    assert repr(mine) == repr(theirs)


def nested(m, t):
    class Net(m.Module):
        def __init__(self):
            super().__init__()
            self.table = m.Embedding(10, 3, padding_idx=1)
            self.features = m.ModuleList([m.Linear(3, 3), m.Linear(3, 3), m.Linear(3, 3), m.Dropout(), m.Dropout(0.3)])
            self.blocks = m.ModuleList(m.Sequential(m.Linear(3, 3), m.ReLU()) for _ in range(2))
            self.heads = m.ModuleDict({"a": m.Bilinear(3, 3, 2), "b": m.Sequential(m.Unflatten(1, (2, 5)))})
            self.norms = m.Sequential(m.BatchNorm1d(3, momentum=None), m.BatchNorm2d(3), m.LayerNorm((2, 3)))
            self.empty = m.ModuleList()
            self.nothing = m.Sequential(m.Identity(4), m.AlphaDropout(), m.Dropout1d(), m.Dropout2d(0.1))
            self.scales = m.ParameterList([t.ones(2, 3), 4, m.Parameter(t.ones(()))])
            self.named = m.ParameterDict({"x": t.ones(2), "y": "text"})

    return Net()


def test_reprs_of_a_nested_network_are_pytorchs():
    text = repr(nested(torch.nn, torch)).replace("[torch.float32", "[float32").replace("[torch.FloatTensor", "[float32")
    assert repr(nested(nn, autograd)) == text
    for make in [
        lambda m: m.ModuleList(), lambda m: m.ModuleDict(), lambda m: m.ParameterList(), lambda m: m.Module(),
        lambda m: m.ModuleList([m.Tanh(), m.ReLU(), m.ReLU()]), lambda m: m.Embedding(3, 2, 0, 1.0, 1.0, True),
    ]:  # fmt: skip
        assert repr(make(nn)) == repr(make(torch.nn))


def test_paths_of_a_nested_network_are_pytorchs():
    mine, theirs = nested(nn, autograd), nested(torch.nn, torch)
    for method in ("named_modules", "named_parameters", "named_buffers", "named_children"):
        assert [k for k, _ in getattr(mine, method)()] == [k for k, _ in getattr(theirs, method)()]
    assert list(mine.state_dict(prefix="net.")) == list(theirs.state_dict(prefix="net."))
    order = ([], [])
    mine.apply(lambda module: order[0].append(type(module).__name__))
    theirs.apply(lambda module: order[1].append(type(module).__name__))
    assert order[0] == order[1]


def hook_log(m, t, kind):
    """What hooks of every kind are called with, and in which order."""
    log = []

    def shown(x):
        if isinstance(x, t.Tensor):
            return np.round(x.detach().numpy(), 9).tolist()
        if isinstance(x, (tuple, list)):
            return [type(x).__name__, *map(shown, x)]
        return {k: shown(v) for k, v in x.items()} if isinstance(x, dict) else x

    def note(name, result=None):
        def hook(module, *args):
            log.append((name, type(module).__name__, *map(shown, args)))
            return result(*args) if result else None

        return hook

    class Add(m.Module):
        def forward(self, a, b=None, scale=1.0):
            return a * scale if b is None else (a + b, a * b, "text")

    class Outer(m.Module):
        def __init__(self):
            super().__init__()
            self.inner, self.act = Add(), m.Tanh()

        def forward(self, a, b):
            total, product, _ = self.inner(a, b)
            return self.act(total) * product

    net = Outer()
    parts = {"outer": net, "inner": net.inner, "act": net.act}
    for name, part in parts.items():
        part.register_forward_pre_hook(note(f"{name} pre 1"))
        part.register_forward_pre_hook(note(f"{name} pre 2"), prepend=True)
        part.register_forward_pre_hook(note(f"{name} pre kw"), with_kwargs=True)
        part.register_forward_hook(note(f"{name} post 1"))
        part.register_forward_hook(note(f"{name} post kw"), with_kwargs=True, prepend=True)
        part.register_forward_hook(note(f"{name} post always"), always_call=True)
        part.register_full_backward_pre_hook(note(f"{name} back pre 1"))
        part.register_full_backward_pre_hook(note(f"{name} back pre 2"), prepend=True)
        part.register_full_backward_hook(note(f"{name} back 1"))
        part.register_full_backward_hook(note(f"{name} back 2"), prepend=True)
    if kind == "replace":
        net.act.register_forward_pre_hook(note("double", lambda args: args[0] * 2))
        net.inner.register_forward_pre_hook(
            note("swap", lambda args, kwargs: ((args[1], args[0]), kwargs)), with_kwargs=True
        )
        net.act.register_forward_hook(note("halve", lambda args, out: out / 2))
        net.act.register_full_backward_pre_hook(note("triple", lambda gout: (gout[0] * 3,)))
        net.inner.register_full_backward_hook(note("negate", lambda gin, gout: tuple(-g for g in gin)))
    x = t.tensor([0.5, -1.0], dtype=t.float64, requires_grad=True)
    y = t.tensor([2.0, 3.0], dtype=t.float64, requires_grad=kind != "constant")
    if kind == "constants":
        x = x.detach()
        y = y.detach()
        net.act.scale = m.Parameter(t.ones(2, dtype=t.float64))
        net.act.forward = lambda z: z * net.act.scale
    out = net(x, y)
    out.sum().backward()
    log += [shown(z.grad) if z.grad is not None else None for z in (x, y)]
    if kind == "keyword":
        log.append(shown(net.inner(x, scale=3.0)))
    if kind == "no_grad":
        with t.no_grad():
            log.append(shown(net(x, y)))
    if kind == "failure":
        net.inner.register_forward_pre_hook(lambda module, args: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            net(x, y)
    if kind == "twice":
        out = net(x, y)
        out.sum().backward(retain_graph=True)
        out.sum().backward()
        log += [shown(x.grad), shown(y.grad)]
    return log


@pytest.mark.filterwarnings("ignore:Full backward hook is firing:UserWarning")  # PyTorch's, where no input has one
@pytest.mark.parametrize(
    "kind", ["plain", "replace", "constant", "constants", "keyword", "no_grad", "failure", "twice"]
)
def test_hooks_are_called_in_pytorchs_order_with_pytorchs_arguments(kind):
    mine, theirs = hook_log(nn, autograd, kind), hook_log(torch.nn, torch, kind)
    assert len(mine) > 15
    assert mine == theirs


@pytest.mark.parametrize("name", ["Linear", "Bilinear", "Embedding", "BatchNorm1d", "LayerNorm"])
def test_layers_start_with_pytorchs_distribution(name):
    args = {"Linear": (9, 3000), "Bilinear": (9, 20, 300), "Embedding": (300, 100), "BatchNorm1d": (50,),
            "LayerNorm": (50,)}[name]  # fmt: skip
    torch.manual_seed(0)
    mine, other = getattr(nn, name)(*args), getattr(torch.nn, name)(*args)
    for key, p in mine.named_parameters():
        a, b = (np.sort(x.detach().numpy().ravel()) for x in (p, other.get_parameter(key)))
        if a[0] == a[-1]:
            assert a.tolist() == b.tolist()
        else:
            distance = np.abs(np.searchsorted(b, a) / b.size - np.arange(a.size) / a.size).max()
            assert distance < 3 / np.sqrt(a.size)


GAINS = ["linear", "conv1d", "conv_transpose3d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"]


def test_gains_and_what_is_not_random_in_init_are_pytorchs():
    for name in GAINS:
        assert nn.init.calculate_gain(name) == pytest.approx(torch.nn.init.calculate_gain(name), rel=1e-15)
    assert nn.init.calculate_gain("leaky_relu", 0.3) == pytest.approx(torch.nn.init.calculate_gain("leaky_relu", 0.3))
    for shape, groups in [((4, 2, 3), 2), ((5, 2, 4, 3), 1), ((2, 4, 3, 3, 3), 2)]:
        theirs = torch.nn.init.dirac_(torch.empty(shape), groups)
        assert nn.init.dirac_(autograd.empty(shape), groups).tolist() == theirs.tolist()


SAME = ["uniform_", "normal_", "trunc_normal_", "xavier_uniform_", "xavier_normal_", "kaiming_uniform_",
        "kaiming_normal_"]  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_inits_draw_from_pytorchs_distributions(name):
    torch.manual_seed(0)
    a, b = getattr(nn.init, name)(autograd.empty(60, 500)), getattr(torch.nn.init, name)(torch.empty(60, 500))
    a, b = (np.sort(x.numpy().ravel()) for x in (a, b))
    distance = np.abs(np.searchsorted(b, a) / b.size - np.arange(a.size) / a.size).max()
    assert distance < 3 / np.sqrt(a.size)
