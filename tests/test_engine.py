"""What the engine promises: the chain rule over any graph, or an error that says what to do."""

import contextvars
import copy
import gc
import pickle
import sys
import threading
import weakref

import numpy as np
import pytest

import autograd
import nn
from autograd import GraphError, ShapeError, Tensor, engine, tensor
from autograd.graph import Graph
from autograd.ops import primitive, registry
from tests.soak import memory


def leaf(value, dtype=None):
    return tensor(value, dtype=dtype, requires_grad=True)


@pytest.fixture
def toy():
    before = dict(registry)
    yield
    for name in set(registry) - set(before):
        del registry[name]


# -- the chain rule


def test_the_slides_scalar_case():
    x, y = 0.7, 1.0
    w_H, b_H, w_O, b_O = (leaf(v, "float64") for v in (0.5, -0.2, 1.5, 0.3))
    u_H = (w_H * x + b_H).sigmoid()
    loss = autograd.bce_with_logits(w_O * u_H + b_O, tensor(y, dtype="float64"))
    loss.backward()
    s = lambda z: 1 / (1 + np.exp(-z))
    u = s(0.5 * x - 0.2)
    dz_O = s(1.5 * u + 0.3) - y
    dz_H = dz_O * 1.5 * u * (1 - u)
    for found, expected in [(b_O, dz_O), (w_O, dz_O * u), (b_H, dz_H), (w_H, dz_H * x)]:
        assert found.grad.item() == pytest.approx(expected, rel=1e-14)


def test_a_tensor_used_twice_receives_the_sum():
    x = leaf(3.0)
    (x + x).backward()
    assert x.grad.item() == 2
    y = leaf(3.0)
    (y * y + y).backward()
    assert y.grad.item() == 7


def test_a_diamond_of_60_levels_is_exact_and_takes_linear_time():
    x = leaf(1.0, "float64")
    y = x
    for _ in range(60):
        y = y + y
    y.backward()
    assert x.grad.item() == 2.0**60


def test_gradients_accumulate_on_leaves_as_in_pytorch():
    x = leaf(3.0)
    y = x * x * 2
    y.backward(retain_graph=True)
    assert x.grad.item() == 12
    y.backward()
    assert x.grad.item() == 24


def test_three_derivatives_of_a_cube():
    x = leaf(3.0)
    (first,) = autograd.grad(x**3, x, create_graph=True)
    (second,) = autograd.grad(first, x, create_graph=True)
    (third,) = autograd.grad(second, x)
    assert (first.item(), second.item(), third.item()) == (27, 18, 6)


def test_a_broadcast_input_gets_a_gradient_of_its_own_shape():
    x, b = leaf(np.ones((4, 3))), leaf(np.ones((1, 3)))
    (x * b).sum().backward()
    assert b.grad.shape == (1, 3) and b.grad.tolist() == [[4, 4, 4]]


def test_a_float32_leaf_keeps_a_float32_gradient_in_a_float64_computation():
    x = leaf([1.0, 2.0])
    y = x * tensor([1.0, 2.0], dtype="float64")
    y.sum().backward()
    assert y.dtype == np.float64 and x.grad.dtype == np.float32


def test_only_what_requires_a_gradient_is_recorded():
    x = tensor([1.0])
    assert (x * 2).is_leaf
    y = leaf([1.0])
    assert not (y * 2).is_leaf and not (y > 0).requires_grad


def test_a_retained_gradient_of_an_intermediate():
    x = leaf(2.0)
    u = x * x
    u.retain_grad()
    (u * 3).backward()
    assert u.grad.item() == 3 and x.grad.item() == 12


# -- errors


def test_backward_of_a_non_scalar_needs_a_gradient():
    x = leaf([1.0, 2.0])
    with pytest.raises(GraphError, match=r"scalar outputs.*\(2,\)"):
        (x * 2).backward()
    (x * 2).backward(tensor([1.0, 10.0]))
    assert x.grad.tolist() == [2, 20]


def test_a_seed_of_another_shape_is_refused():
    with pytest.raises(ShapeError, match=r"\(3,\).*\(2,\)"):
        (leaf([1.0, 2.0]) * 2).backward(tensor([1.0, 1.0, 1.0]))


def test_backward_without_a_graph_says_so():
    with pytest.raises(GraphError, match="does not require grad"):
        tensor(1.0).backward()


@pytest.mark.parametrize("function", [lambda x: x + 1, lambda x: x * x, lambda x: x.exp(), lambda x: x.sum()])
def test_a_second_backward_names_the_fix_whatever_the_op(function):
    x = leaf(2.0)
    y = function(x)
    y.backward()
    with pytest.raises(GraphError, match=r"second time.*retain_graph=True"):
        y.backward()


def test_an_unused_input_of_grad():
    x, y = leaf(1.0), leaf(1.0)
    z = x * 2
    with pytest.raises(GraphError, match="allow_unused=True"):
        autograd.grad(z, [x, y], retain_graph=True)
    found = autograd.grad(z, [x, y], allow_unused=True)
    assert found[0].item() == 2 and found[1] is None


def test_an_exception_in_a_rule_leaves_every_grad_as_it_was_and_names_the_op(toy):
    def broken(g):
        raise ZeroDivisionError("planted")

    @primitive(x=broken, method=False)
    def fails_backward(x):
        return x + 1

    a, b = leaf(1.0), leaf(2.0)
    (a * b).backward()
    before = a.grad, b.grad, a.grad.item(), b.grad.item()
    with pytest.raises(GraphError, match="fails_backward") as caught:
        (fails_backward(a) * b).backward()
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert (a.grad, b.grad, a.grad.item(), b.grad.item()) == before or a.grad is before[0]
    assert a.grad.item() == before[2] and b.grad.item() == before[3]


def test_a_rule_that_gives_another_shape_or_number_of_gradients(toy):
    @primitive(x=lambda g: np.ones((7, 7)), method=False)
    def wrong_shape(x):
        return x + 1

    @primitive(x=lambda g: g, vjp=lambda g: (g, g), method=False)
    def wrong_count(x):
        return x + 1

    with pytest.raises(GraphError, match=r"wrong_shape.*\(7, 7\).*\(2,\)"):
        wrong_shape(leaf([1.0, 2.0])).sum().backward()
    with pytest.raises(GraphError, match="2 gradients for 1 input"):
        wrong_count(leaf(1.0)).backward()


# -- writes in place


def test_a_changed_saved_value_is_an_error_that_names_the_op_and_the_line():
    x, y = leaf([1.0, 2.0]), tensor([3.0, 4.0])
    z = (x * y).sum()
    y.zero_()
    with pytest.raises(GraphError, match=r"mul.*inplace.*test_engine\.py:\d+"):
        z.backward()
    assert x.grad is None


def test_a_changed_output_that_a_rule_reads_is_an_error():
    x = leaf([1.0])
    u = x.sigmoid()
    u.detach().zero_()
    with pytest.raises(GraphError, match="sigmoid.*its output"):
        u.sum().backward()


def test_a_change_of_a_value_that_no_rule_reads_is_harmless():
    x, y = leaf([1.0]), tensor([3.0])
    z = (x + y).sum()
    y.zero_()
    z.backward()
    assert x.grad.tolist() == [1]


@pytest.mark.parametrize("view", [lambda t: t.detach(), lambda t: t.view(2, 1), lambda t: t[:1], lambda t: t.data])
def test_a_write_through_a_view_is_seen(view):
    x, y = leaf([1.0, 2.0]), tensor([3.0, 4.0])
    z = (x * y).sum()
    view(y).fill_(0)
    with pytest.raises(GraphError, match="inplace"):
        z.backward()


def test_an_optimizer_step_between_forward_and_backward():
    model = nn.Linear(2, 1)
    hidden = nn.Linear(2, 2)
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    loss = model(hidden(autograd.ones(3, 2))).sum()
    loss.backward(retain_graph=True)
    optimizer.step()
    with pytest.raises(GraphError, match=r"linear.*SGD\.step\(\) at .*test_engine\.py"):
        loss.backward()


def test_zero_grad_and_the_next_pass_are_not_a_write():
    model = nn.Linear(2, 1)
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):
        loss = model(autograd.ones(3, 2)).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def test_no_two_grads_share_memory():
    x, y = leaf([1.0, 2.0]), leaf([1.0, 2.0])
    seed = tensor([1.0, 1.0])
    (x + y).backward(seed)
    arrays = [x.grad.numpy(), y.grad.numpy(), seed.numpy()]
    assert not any(np.shares_memory(a, b) for i, a in enumerate(arrays) for b in arrays[:i])


def test_an_assigned_grad_must_fit():
    x = leaf([1.0, 2.0])
    with pytest.raises(ShapeError):
        x.grad = tensor([1.0])
    with pytest.raises(TypeError):
        x.grad = tensor([1.0, 2.0], dtype="float64")
    x.grad = tensor([1.0, 2.0])


# -- recording on and off


@pytest.mark.parametrize("short", [True, False], ids=["", "with an array that NumPy can write"])
@pytest.mark.parametrize("name, compute", [("exp", lambda x: x.exp()), ("mul", lambda x: x * x)], ids=["exp", "mul"])
def test_an_exception_that_another_thread_sets_in_a_forward_pass_is_not_lost(monkeypatch, name, compute, short):
    if short:
        monkeypatch.setattr(engine, "exposed", {})  # what another test has left there would lead another way
    else:
        source = np.ones(2, "float32")
        shown = autograd.from_numpy(source)
        assert engine.exposed and shown.shape == (2,)
    x, op = tensor([1.0], requires_grad=True), registry[name]
    forward, times = op.forward, []

    def once(*args):
        times.append(1)
        if len(times) == 1:
            raise ZeroDivisionError
        return forward(*args)

    monkeypatch.setattr(op, "forward", once)
    monkeypatch.setattr(op, "compute", lambda arrays, params: once(*arrays, *params))
    with pytest.raises(ZeroDivisionError):
        compute(x)


def test_what_an_interrupted_backward_pass_has_not_put_back_goes_with_its_context():
    """np.errstate is Python, which keeps its state in the context; Ctrl-C may come in the middle of it."""
    state = contextvars.ContextVar("state", default="as before")
    x = tensor([1.0], requires_grad=True)

    def interrupted(g):
        state.set("not put back")
        raise KeyboardInterrupt

    x.register_hook(interrupted)
    with pytest.raises(KeyboardInterrupt):
        x.exp().sum().backward()
    assert state.get() == "as before" and x.grad is None


def test_no_grad_is_restored_after_an_exception_and_works_as_a_decorator():
    with pytest.raises(ZeroDivisionError), autograd.no_grad():
        raise ZeroDivisionError
    assert autograd.is_grad_enabled()

    @autograd.no_grad()
    def double(x):
        return x * 2

    assert not double(leaf(1.0)).requires_grad
    with autograd.no_grad(), autograd.enable_grad():
        assert (leaf(1.0) * 2).requires_grad


def test_no_grad_is_invisible_to_other_threads():
    seen = []
    with autograd.no_grad():
        thread = threading.Thread(target=lambda: seen.append(autograd.is_grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]


def test_threads_accumulate_exactly_on_one_leaf():
    x = leaf(1.0)

    def work():
        for _ in range(2000):
            (x * 1.0).backward()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert x.grad.item() == 8000


# -- memory


def test_a_graph_is_freed_by_reference_counting_alone():
    gc.collect()
    gc.disable()
    try:
        model = nn.Sequential(nn.Linear(2, 4), nn.Sigmoid(), nn.Linear(4, 1), nn.Sigmoid())
        optimizer = nn.optim.Adam(model.parameters(), lr=0.01)
        x, y = autograd.rand(10, 2), autograd.ones(10, 1)

        def step():
            loss = nn.functional.binary_cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

        for _ in range(5):
            step()
        before = len(gc.get_objects())
        for _ in range(200):
            step()
        assert len(gc.get_objects()) - before <= 1
    finally:
        gc.enable()


@pytest.mark.parametrize("differentiate", [True, False])
def test_a_chain_of_300_000_ops_runs_and_frees_without_recursion(differentiate):
    def work():
        x = leaf(0.0)
        y = x
        for _ in range(300_000):
            y = y + 1
        if differentiate:
            y.backward()
            result.append(x.grad.item())
        del y
        result.append("freed")

    result = []
    memory.on_small_stack(work)
    assert result == ([1.0] if differentiate else []) + ["freed"]
    assert sys.getrecursionlimit() < 100_000


# -- the graph view


def test_the_view_shows_two_edges_for_x_plus_x_and_touches_nothing():
    x = leaf([1.0, 2.0])
    y = (x + x).sum()
    graph = Graph(y)
    total = graph.variables[1]
    assert total.inputs == (graph.variables[0],) * 2
    assert graph.variables[0].consumers == [(total, 0), (total, 1)]
    assert graph.gradient(graph.variables[0]).tolist() == [2, 2]
    assert x.grad is None
    with pytest.raises(ValueError, match="read-only"):
        graph.variables[0].value[0] = 5
    y.backward()
    assert Graph(y).gradient(Graph(y).variables[0]) is None or x.grad.tolist() == [2, 2]


def test_the_view_knows_the_modules():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.Dense1 = nn.Linear(2, 1)

        def forward(self, x):
            return self.Dense1(x).sigmoid()

    net = Net()
    graph = Graph(net(autograd.ones(1, 2)))
    scopes = [v.scope for v in graph if v.op is not None]
    assert scopes == [(net, net.Dense1), (net,)]


def test_a_graph_starts_from_a_tensor():
    with pytest.raises(GraphError, match="int"):
        Graph(3)


# -- NumPy's protocols


def test_numpy_functions_on_tensors_are_differentiable():
    x = leaf([0.5, 1.0])
    y = np.sum(np.exp(x) * np.ones(2, np.float32))
    assert isinstance(y, Tensor)
    y.backward()
    np.testing.assert_allclose(x.grad.numpy(), np.exp([0.5, 1.0]), rtol=1e-6)
    assert isinstance(np.ones(2) + x, Tensor)


def test_numpy_functions_that_we_lack_are_an_error_not_a_silent_array():
    with pytest.raises(TypeError):
        np.fft.fft(leaf([1.0]))


# -- recorded writes


def test_a_write_into_a_result_is_recorded_and_what_was_read_before_stays_right():
    x = leaf([1.0, 2.0])
    u = x.exp()  # its rule reads u
    v = u * 3  # reads the old u
    u += 1
    u *= x
    (u + v).sum().backward()
    e = np.exp([1.0, 2.0])
    np.testing.assert_allclose(x.grad.numpy(), e * [1, 2] + e + 1 + 3 * e, rtol=1e-6)


def test_an_assignment_to_a_part_is_recorded():
    x, w = leaf([1.0, 2.0, 3.0]), leaf(10.0)
    y = x * 1
    y[1] = w * 2
    y[[0, 2]] *= 5
    assert y.tolist() == [5, 20, 15]
    (y * tensor([1.0, 10.0, 100.0])).sum().backward()
    assert x.grad.tolist() == [5, 0, 500] and w.grad.item() == 20


def test_a_write_into_a_view_reaches_what_it_is_a_view_of_and_its_other_views():
    w = leaf([1.0, 2.0])
    base = autograd.zeros(3, 2)
    row, column = base[1], base.T[0]
    row += w
    assert base.tolist() == [[0, 0], [1, 2], [0, 0]] and base.requires_grad
    (base * 3 + column.reshape(3, 1)).sum().backward()
    assert w.grad.tolist() == [3 + 2, 3]


def test_a_write_into_a_leaf_that_requires_grad_is_refused_while_recording():
    w = leaf([1.0, 2.0])
    for write in (lambda: w.add_(1), lambda: w.zero_(), lambda: w[:1].fill_(0), lambda: w.__setitem__(0, 5.0)):
        with pytest.raises(GraphError, match="leaf Variable that requires grad"):
            write()
    with autograd.no_grad():
        w -= 1
        w[0] = 7
    w.data += 1
    assert w.tolist() == [8, 2] and w.is_leaf


def test_a_write_must_fit():
    x = tensor([1, 2])
    with pytest.raises(ShapeError):
        x += autograd.ones(2, 2, dtype="int64")
    with pytest.raises(TypeError, match="can't be cast"):
        x += 0.5
    assert x.tolist() == [1, 2]


# -- writes that only NumPy sees


def source_array(x):
    array = np.array([3.0, 4.0])
    return array, autograd.from_numpy(array)


def own_view(x):
    y = tensor([3.0, 4.0], dtype="float64")
    return y.numpy(), y


@pytest.mark.parametrize("make", [source_array, own_view])
def test_a_write_through_numpy_between_forward_and_backward_is_an_error(make):
    x = leaf([1.0, 2.0], "float64")
    array, y = make(x)
    z = (x * y).sum()
    array[0] = 100
    with pytest.raises(GraphError, match="mul.*NumPy"):
        z.backward()
    assert x.grad is None


def test_a_write_through_a_numpy_view_of_an_input_made_after_the_forward_pass_is_an_error():
    x, y = leaf([1.0, 2.0]), tensor([3.0, 4.0])
    loss = (x * y).sum()
    view = y.numpy()
    view[0] = 100
    with pytest.raises(GraphError, match="mul.*its input y.*NumPy"):
        loss.backward()


@pytest.mark.parametrize("gone", [True, False])
def test_a_write_through_a_numpy_view_made_after_the_forward_pass_is_an_error(gone):
    x = leaf([1.0, 2.0])
    u = x.exp()
    loss = u.sum()
    part = u.detach().numpy()[1:]
    part[0] = 100
    if gone:
        del part
    with pytest.raises(GraphError, match="exp.*its output"):
        loss.backward()


def test_a_write_through_numpy_before_the_forward_pass_is_just_a_value():
    x = leaf([1.0, 2.0], "float64")
    array = np.array([3.0, 4.0])
    y = autograd.from_numpy(array)
    for value in (5.0, 6.0):
        array[:] = value
        x.grad = None
        (x * y).sum().backward()
        assert x.grad.tolist() == [value, value]


def test_an_array_operand_is_guarded_too():
    x, array = leaf([1.0, 2.0], "float64"), np.array([3.0, 4.0])
    z = (x * array).sum()
    array[:] = 0
    with pytest.raises(GraphError):
        z.backward()


def test_an_array_that_nobody_has_any_more_costs_later_steps_nothing():
    x, array = leaf([1.0, 2.0], "float64"), np.array([3.0, 4.0])
    y = autograd.from_numpy(array)
    assert (x * y)._extra is not None and autograd.versions.exposed
    del array
    assert (x * y)._extra is None and not autograd.versions.exposed


@pytest.mark.parametrize("hold", [lambda a: a[:1], memoryview, weakref.ref, lambda a: autograd.from_numpy(a).numpy()])
def test_a_write_through_whatever_leads_to_an_array_is_an_error_without_the_array_too(hold):
    x, array = leaf([1.0, 2.0], "float64"), np.array([3.0, 4.0])
    y, held = autograd.from_numpy(array), hold(array)
    del array
    z = (x * y).sum()
    (held() if isinstance(held, weakref.ref) else held)[0] = 100
    with pytest.raises(GraphError, match="mul.*NumPy"):
        z.backward()


def test_a_write_into_the_whole_of_which_a_tensor_has_a_part_is_an_error():
    x, whole = leaf([1.0, 2.0], "float64"), np.array([3.0, 4.0, 5.0])
    y = autograd.from_numpy(whole[:2])
    z = (x * y).sum()
    whole[0] = 100
    with pytest.raises(GraphError, match="mul.*NumPy"):
        z.backward()


def test_a_write_through_numpy_is_still_found_after_the_array_has_gone():
    x, array = leaf([1.0, 2.0], "float64"), np.array([3.0, 4.0])
    y = autograd.from_numpy(array)
    z = (x * y).sum()
    array[0] = 100
    del array
    assert (x * y).tolist() == [100, 8]
    with pytest.raises(GraphError, match="mul"):
        z.backward()


def test_reading_through_numpy_costs_later_steps_nothing():
    w = leaf([1.0, 2.0])
    assert w.detach().numpy().max() == 2
    gc.collect()
    assert not autograd.versions.exposed


def test_an_assignment_to_data_takes_a_transposed_view_and_shares_the_memory():
    w = leaf([[1.0, 2.0], [3.0, 4.0]])
    w.data = w.data.T
    assert w.tolist() == [[1, 3], [2, 4]]
    v, x = tensor([5.0, 6.0]), leaf([1.0, 1.0])
    y = tensor([0.0, 0.0])
    y.data = v
    z = (x * y).sum()
    v.zero_()
    with pytest.raises(GraphError, match="inplace"):
        z.backward()


def test_a_gradient_is_one_tensor_whoever_asks_for_it_first():
    w = autograd.tensor([1.0, 2.0], requires_grad=True)
    for _ in range(50):
        w.grad = None
        (w * w).sum().backward()
        found, start = [], threading.Barrier(4)

        def ask(found=found, start=start):
            start.wait()
            found.append(w.grad)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len({*map(id, found)}) == 1 and w.grad is found[0]


def test_gradients_that_nobody_looked_at_add_up_and_are_copied():
    w = autograd.tensor([1.0, 2.0], requires_grad=True)
    for _ in range(3):
        (w * w).sum().backward()
    twin, other = copy.deepcopy(w), pickle.loads(pickle.dumps(w))
    assert w.grad.tolist() == twin.grad.tolist() == other.grad.tolist() == [6.0, 12.0]
    (w * w).sum().backward()
    assert w.grad.tolist() == [8.0, 16.0] and twin.grad.tolist() == [6.0, 12.0]
