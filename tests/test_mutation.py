"""A value that changes between forward and backward: an error or the right gradient; all of it in soak/mutation."""

import numpy as np
import pytest

import autograd
import nn
from autograd import GraphError, engine, tensor, versions
from autograd.kernels import fingerprint
from tests.soak import mutation

F = nn.functional
KEY_ROUTES = [
    "mul_, recorded", "copy_, not recorded", ".data = tensor", "detach().numpy(), before",
    *(f"{name}, after" for name in mutation.DLPACK),
    "from_numpy", "from_numpy of a subclass", "as_tensor", ".data was an array", "a base", "optim.SGD",
    "load_state_dict", "another thread", "out=", "an address", "memoryview, before",
]  # fmt: skip


def count(cases, routes=mutation.ROUTES):
    counts, wrong = mutation.try_all(cases, routes)
    assert not wrong
    return counts


@pytest.mark.parametrize("op", mutation.OPS, ids=lambda op: op.name)
def test_what_an_op_reads_cannot_change_unnoticed_by_the_usual_routes(op):
    counts = count(mutation.cases([op]), {name: mutation.ROUTES[name] for name in KEY_ROUTES})
    assert counts["caught"] + counts["harmless"] >= 8 + len(mutation.DLPACK)  # NumPy 2.0 has none


@pytest.mark.parametrize("name", ["mul", "pow", "linear", "softmax", "max_pool", "cross_entropy"])
def test_nor_by_any_route(name):
    counts = count(mutation.cases([autograd.ops.registry[name]]))
    assert counts["caught"] > 40


def test_nor_in_what_is_composed_of_ops():
    counts = count(mutation.composed(), {name: mutation.ROUTES[name] for name in KEY_ROUTES[::2]})
    assert counts["caught"] > 100 and counts["harmless"] > 100


def test_without_the_guard_there_are_wrong_gradients_in_every_op(monkeypatch):
    monkeypatch.setattr(engine, "check_unchanged", lambda *_: None)
    names = "copy_, not recorded", "detach().numpy(), after", "zero_, not recorded"
    routes = {name: mutation.ROUTES[name] for name in names}
    tame = []
    for op in mutation.OPS:
        _, wrong = mutation.try_all(mutation.cases([op], samples=9), routes)
        if not wrong:
            tame.append(op.name)
    assert tame == []


def test_without_fingerprints_writes_through_numpy_are_missed(monkeypatch):
    monkeypatch.setattr(versions, "fingerprint", lambda array: 0)
    _, wrong = mutation.try_all(mutation.cases([autograd.ops.registry["mul"]]))
    usual = {"from_numpy", "memoryview, after", ".data was an array", *(f"{name}, before" for name in mutation.DLPACK)}
    assert usual <= {name for *_, name in wrong}


@pytest.mark.parametrize("size", [100, fingerprint.LARGE // 4, fingerprint.LARGE // 4 + 1, 3 * fingerprint.LARGE])
def test_any_change_of_an_array_changes_its_fingerprint(size):
    """A bit, an element for another one, two that change places, far from each other and with few digits."""
    rng = np.random.default_rng(size)
    x = rng.choice(np.array([0, -0.0, 0.5, 1, 2, 1e-40], "float32"), size)
    before, seen = fingerprint.fingerprint(x), set()
    assert fingerprint.fingerprint(x.copy()) == before
    for _ in range(300):
        y = x.copy()
        i, j = rng.integers(size, size=2)
        match rng.integers(4):
            case 0:
                y.view(np.uint32)[i] ^= np.uint32(1 << rng.integers(32))
            case 1:
                y[i] = rng.normal()
            case 2:
                y[i], y[j] = x[j], x[i]
            case _:
                y = np.roll(x, int(i))
        changed = y.tobytes() != x.tobytes()
        assert (fingerprint.fingerprint(y) != before) == changed
        seen.add(fingerprint.fingerprint(y))
    assert len(seen) > 150
    turned = np.asfortranarray(x[: size // 10 * 10].reshape(-1, 10))
    assert fingerprint.fingerprint(turned) == fingerprint.fingerprint(turned.copy("C"))


def test_random_stories_of_one_memory_never_end_in_a_wrong_gradient():
    totals = sum((mutation.story(np.random.default_rng(k), 30) for k in range(400)), start=mutation.Counter())
    assert totals["right"] > 100 and totals["refused"] > 100


def test_a_write_into_a_large_array_through_numpy_is_caught():
    source = np.ones((200, 100), "float32")
    x = autograd.from_numpy(source).requires_grad_()
    loss = (x * x).sum()
    source[150, 7] = 2
    with pytest.raises(GraphError, match="NumPy"):
        loss.backward()


def test_a_label_that_changes_to_what_is_no_class_is_caught_before_a_kernel_reads_it():
    z, y = tensor(np.ones((2, 3)), requires_grad=True), tensor([0, 1])
    loss = F.cross_entropy(z, y)
    y.detach().numpy()[0] = 10**12
    with pytest.raises(GraphError, match="cross_entropy.*inplace"):
        loss.backward()


def test_a_gradient_that_is_used_as_a_value_is_guarded_against_the_next_pass():
    x, w = tensor([2.0], requires_grad=True), tensor([3.0], requires_grad=True)
    (x * x).sum().backward()
    loss = (w * x.grad).sum()
    (x * x).sum().backward()
    with pytest.raises(GraphError, match="mul.*inplace"):
        loss.backward()
    x.grad = None
    loss = (w * 2).sum()
    (x * x).sum().backward()
    loss.backward()
    assert w.grad.tolist() == [2]


def test_a_replayed_step_between_forward_and_backward_is_noticed():
    model, x = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1)), autograd.ones(4, 2)
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)

    @autograd.replay
    def step(x):
        optimizer.zero_grad()
        loss = model(x).sum()
        loss.backward()
        optimizer.step()
        return loss

    step(x)
    loss = model(x).sum()
    step(x)
    with pytest.raises(GraphError, match="linear.*inplace"):
        loss.backward()


def test_what_a_user_s_function_saved_is_guarded_against_numpy_too():
    for mine in (True, False):
        seen = []

        class Square(autograd.Function):
            @staticmethod
            def forward(ctx, x, mine=mine, seen=seen):
                kept = x * 2 if mine else x
                seen.append(kept.detach().numpy())
                ctx.save_for_backward(kept)
                return x * x

            @staticmethod
            def backward(ctx, g, mine=mine):
                (kept,) = ctx.saved_tensors
                return g * kept * (1 if mine else 2)

        x = tensor([3.0], requires_grad=True)
        y = Square.apply(x)
        seen[0][0] = 100
        with pytest.raises(GraphError, match="Square.*inplace"):
            y.backward()
