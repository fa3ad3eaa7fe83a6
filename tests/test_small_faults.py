"""Small faults that ``python -m tests.soak mutants`` planted, and that no other test noticed."""

import threading
import warnings

import numpy as np
import pytest

import autograd
import nn
from autograd import DtypeError, GraphError, ShapeError, graph, ops, tensor, versions
from autograd.graph import Graph, gradient_of
from autograd.ops import registry


def leaf(value, dtype=None):
    return tensor(value, dtype=dtype, requires_grad=True)


def diamond(x, levels=60):
    for _ in range(levels):
        x = (x + x) * 0.5
    return x


# -- the engine


@pytest.mark.parametrize("seed", range(5))
def test_a_random_graph_of_sums_has_the_gradient_that_counts_its_paths(seed):
    rng = np.random.default_rng(seed)
    sources = [leaf(float(k), "float64") for k in range(1, 4)]
    nodes, made_of = list(sources), [()] * 3
    for _ in range(40):
        i, j = (int(k) for k in rng.integers(max(0, len(nodes) - 12), len(nodes), 2))
        a, b = (int(k) for k in rng.integers(-2, 3, 2))
        nodes.append(nodes[i] * a + nodes[j] * b)
        made_of.append(((i, a), (j, b)))
    ends = [int(k) for k in rng.integers(20, len(nodes), 4)]
    counts = np.zeros(len(nodes))
    np.add.at(counts, ends, 1)
    for k in reversed(range(3, len(nodes))):
        for source, weight in made_of[k]:
            counts[source] += weight * counts[k]
    total = sum(nodes[k] for k in ends)
    found = autograd.grad(total, sources, retain_graph=True, allow_unused=True)
    assert [0 if g is None else g.item() for g in found] == counts[:3].tolist()
    total.backward()
    assert [0 if x.grad is None else x.grad.item() for x in sources] == counts[:3].tolist()


def test_errors_say_in_which_module_an_op_was_called():
    class Encoder:
        pass

    x = leaf(1.0)
    before = autograd.enter_scope(Encoder())
    try:
        y = x.exp()
    finally:
        autograd.leave_scope(before)
    z = x.exp()
    for out, where in ((y, "exp in Encoder"), (z, "exp → ")):
        out.detach().add_(1)
        with pytest.raises(GraphError, match=where):
            out.backward()


def test_grad_of_a_diamond_takes_linear_time_when_it_looks_for_the_way_to_a_target():
    x = leaf(3.0)
    (g,) = autograd.grad(diamond(x), x)
    assert g.item() == 1


def test_the_birth_of_an_anomaly_in_a_diamond_is_found_in_linear_time():
    x = leaf(0.0)
    with autograd.detect_anomaly(), pytest.raises(GraphError, match="the first value that is not finite is .* log"):
        y = diamond(x.log())
        (y * y).backward()  # fails at once, and the search goes all the way back


def test_a_recorded_write_of_a_wider_dtype_keeps_the_dtype_and_the_gradient():
    x, w = leaf([1.0, 2.0]), leaf([3.0, 5.0], dtype="float64")
    y = x * 1
    y *= w
    assert y.dtype == "float32" and y.tolist() == [3, 10]
    y.sum().backward()
    assert x.grad.tolist() == [3, 5] and x.grad.dtype == "float32"
    assert w.grad.tolist() == [1, 2] and w.grad.dtype == "float64"


def test_a_recorded_write_takes_tensors_by_keyword():
    x = leaf([1.0, 5.0, 9.0])
    y = x * 1
    y.clamp_(min=tensor([2.0, 2.0, 2.0]), max=tensor([8.0, 8.0, 8.0]))
    assert y.tolist() == [2, 5, 8]
    y.clamp_(max=y * 0.5)
    assert y.tolist() == [1, 2.5, 4]
    y.sum().backward()
    assert x.grad.tolist() == [0, 0.5, 0]


def test_a_recorded_write_of_a_float_into_integers_is_refused():
    n, w = tensor([1, 2]), leaf([0.5, 0.5])
    with pytest.raises(DtypeError, match="can't be cast"):
        n += w
    assert n.tolist() == [1, 2] and not n.requires_grad


def test_what_a_view_was_when_it_was_read_is_not_taken_from_memory_that_was_written():
    w = leaf([1.0, 2.0, 3.0])
    base = w * 1
    view = base[:2]
    z = (view * view).sum()
    base.mul_(10)
    assert (view * 1).tolist() == [10, 20]  # the view is recorded anew
    try:
        z.backward()
    except GraphError as error:
        assert "modified by an inplace operation" in str(error)
    else:
        assert w.grad.tolist() == [2, 4, 0]


def test_what_read_a_view_before_a_write_leads_back_through_what_the_view_was():
    w = leaf([1.0, 2.0, 3.0])
    base = w * 2
    view = base[:2]
    z = view.sum() * 3.0  # no rule reads a value of the view
    base.mul_(10)
    y = (view * 5.0).sum()
    (z + y).backward()
    assert w.grad.tolist() == [6 + 100, 6 + 100, 0]


def test_fingerprints_of_an_earlier_record_do_not_count_for_the_one_after_a_write():
    array = np.array([2.0, 3.0])
    a, w, v = autograd.from_numpy(array), leaf([5.0, 7.0], "float64"), leaf([1.0, 10.0], "float64")
    y = a * w
    y *= v
    y.sum().backward()
    assert w.grad.tolist() == [2, 30] and v.grad.tolist() == [10, 21]
    array[0] = 0


@pytest.mark.parametrize("function", [lambda x, y: 3.0 / y, lambda x, y: autograd.where(x > 0, y * y, x)])
def test_a_saved_value_is_guarded_whatever_stands_before_it(function):
    x, w = tensor([1.0, 2.0]), leaf([1.0, 2.0])
    y = w * 1
    z = function(x, y)
    y.detach().add_(1)
    with pytest.raises(GraphError, match="modified by an inplace operation"):
        z.sum().backward()


def test_what_is_remembered_of_writes_is_bounded():
    lines = "\n".join(f"x.add_({k})" for k in range(500))
    exec(compile(lines, "many_lines.py", "exec"), {"x": autograd.zeros(2)})
    assert len(versions.notes) < 200
    y = leaf(1.0).exp()
    exec(compile("\n" * 41 + "y.detach().add_(1)", "many_lines.py", "exec"), {"y": y})
    with pytest.raises(GraphError, match=r"add_ at many_lines\.py:42"):  # the last is among them
        y.backward()


def test_a_graph_knows_of_how_many_passes_a_gradient_is():
    w = leaf(3.0)
    for passes in (1, 2, 3):
        loss = w * w
        loss.backward()
        seen = Graph(loss)
        assert seen.stored(seen.variables[0]) == ("current" if passes == 1 else "accumulated", passes)
    w.grad = tensor(1.0)
    loss = w * w
    seen = Graph(loss)
    assert seen.stored(seen.variables[0]) == ("assigned", 0)
    loss.backward(create_graph=True)
    assert seen.stored(seen.variables[0]) == ("current", 1)
    w.grad = None
    (w * w).backward(create_graph=True)
    (w * w).backward(create_graph=True)
    assert Graph(w * w).stored(Graph(w * w).variables[0]) == ("stale", 2)


def test_a_number_that_is_kept_for_the_next_time_cannot_be_written():
    x = leaf(1.0)
    x.backward()
    x.grad.zero_()
    y = leaf(1.0)
    y.backward()
    assert y.grad.item() == 1
    autograd.engine.constant.cache_clear()
    assert not autograd.engine.constant(2.0, np.dtype("float32")).flags.writeable


def test_the_gradients_that_grad_returns_share_no_memory_and_can_be_written():
    a, b, seed = leaf([1.0, 2.0]), leaf([3.0, 4.0]), autograd.ones(2)
    found = autograd.grad((a + b).reshape(2, 1), [a, b], grad_outputs=seed.reshape(2, 1))
    found += autograd.grad(a + b, [a, b], grad_outputs=seed)
    found += autograd.grad(((a + b) * 1).sum(), [a, b])
    for k, g in enumerate(found):
        g.add_(10.0 ** (k + 1))
    assert [g.tolist() for g in found] == [[1 + 10.0 ** (k + 1)] * 2 for k in range(6)]
    assert seed.tolist() == [1, 1]


def test_grad_refuses_what_does_not_fit_together():
    x = leaf([1.0, 2.0])
    with pytest.raises(GraphError, match="is_grads_batched is not supported"):
        autograd.grad((x * 2).sum(), x, is_grads_batched=True)
    with pytest.raises(ValueError, match="materialize_grads=True"):
        autograd.grad((x * 2).sum(), x, allow_unused=False, materialize_grads=True)
    with pytest.raises(GraphError, match="found 1 for 2"):
        autograd.grad([x * 2, x * 3], x, grad_outputs=[autograd.ones(2)])


def test_one_output_given_twice_counts_twice():
    x = leaf([1.0, 2.0])
    y = x * 3
    (g,) = autograd.grad([y, y], x, grad_outputs=[tensor([1.0, 10.0]), tensor([100.0, 1000.0])])
    assert g.tolist() == [303, 3030]


def test_a_write_is_refused_while_everything_is_recorded_and_nothing_requires_a_gradient():
    x = tensor([1.0, 2.0])
    with graph.everything():
        y = x * 2
        with pytest.raises(GraphError, match="everything is being recorded"):
            y += 1
        assert y._op is not None and not y.requires_grad
    assert (x * 2)._op is None and y.tolist() == [2, 4]


def test_a_recorded_gradient_knows_what_it_is_the_gradient_of_and_a_plain_one_does_not():
    x = leaf(3.0)
    y = x.exp()
    z = y * 2
    dy, dx = autograd.grad(z, [y, x], create_graph=True)
    assert [t is s for g, of in ((dy, (z, y)), (dx, (z, x))) for t, s in zip(gradient_of(g), of, strict=True)] == [
        True
    ] * 4
    z = x.exp()
    z.backward()
    assert gradient_of(x.grad) is None
    several = autograd.grad([x * 1, x * 2], [x], create_graph=True)
    assert gradient_of(several[0]) is None


def test_a_tensor_that_was_cut_off_no_longer_retains_its_gradient():
    y = leaf(2.0) * 1
    y.retain_grad()
    y.detach_()
    assert y.is_leaf and not y.retains_grad
    y.requires_grad_()
    (y * 3).backward()
    assert y.grad.item() == 3


@pytest.mark.parametrize("look", [lambda y: y.detach().numpy(), lambda y: np.asarray(y.detach())])
def test_memory_that_numpy_sees_but_does_not_write_is_no_error(look):
    x = leaf([1.0, 2.0])
    y = x.exp()  # its rule reads y
    array = look(y)
    z = y * y
    z.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 2 * np.exp([2.0, 4.0]), rtol=1e-6)
    assert array.shape == (2,)


def test_an_anomaly_says_if_it_was_there_from_the_start_and_need_not_be_looked_for():
    x = leaf([1.0])
    with autograd.detect_anomaly():
        y = x * 2
        with pytest.raises(GraphError, match=r"gave inf as the gradient.*started from was not finite already"):
            y.backward(tensor([np.inf]))
    with autograd.detect_anomaly(check_nan=False):
        assert autograd.is_anomaly_enabled()
        (x * 2).backward(tensor([np.inf]))
    assert x.grad.item() == np.inf


# -- functions and modes


def test_an_output_marked_as_not_differentiable_requires_no_gradient():
    class Split(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            whole = x.floor()
            ctx.mark_non_differentiable(whole)
            return whole, x - whole

        @staticmethod
        def backward(ctx, g_whole, g_rest):
            assert g_whole.tolist() == [0, 0]
            return g_rest * 10

    x = leaf([1.5, 2.25])
    whole, rest = Split.apply(x)
    assert not whole.requires_grad and rest.requires_grad
    rest.sum().backward()
    assert x.grad.tolist() == [10, 10]


def test_who_asked_is_told_of_every_backward_pass_until_it_is_enough():
    told = []
    x = leaf(2.0)
    with autograd.on_backward(told.append) as handle:
        y = x * 3
        y.backward()
    (x * 3).backward()
    handle.remove()
    assert told == [y] and x.grad.item() == 6


def test_a_decorated_generator_can_be_closed_before_its_end():
    seen = []

    @autograd.no_grad()
    def count():
        try:
            yield from range(5)
        finally:
            seen.append(autograd.is_grad_enabled())

    steps = count()
    assert next(steps) == 0
    steps.close()
    assert seen == [False] and autograd.is_grad_enabled()
    assert list(steps) == []


def test_a_write_into_what_a_function_returned_and_kept_is_noticed():
    kept = []

    class Keep(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            u = x * 2
            kept.append(u)
            ctx.save_for_backward(u)
            return u

        @staticmethod
        def backward(ctx, g):
            return g * ctx.saved_tensors[0]

    x = leaf([1.0, 2.0])
    y = Keep.apply(x)
    y.sum().backward()
    assert x.grad.tolist() == [2, 4]
    y = Keep.apply(x)
    kept[-1].add_(1)
    with pytest.raises(GraphError, match="inplace"):
        y.sum().backward()


def test_the_backward_of_a_function_is_recorded_only_if_the_gradient_shall_be():
    recording = []

    class Twice(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            recording.append(autograd.is_grad_enabled())
            assert ctx.needs_input_grad == (True,)
            return x * 2

        @staticmethod
        def backward(ctx, g):
            recording.append(autograd.is_grad_enabled())
            return g * 2

    x = leaf(1.0)
    Twice.apply(x).backward()
    autograd.grad(Twice.apply(x), x, create_graph=True)
    assert recording == [False, False, False, True] and autograd.is_grad_enabled()


def test_the_upstream_gradient_of_a_function_is_not_for_writing_wherever_it_comes_from():
    class Doubled(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            return g.mul_(2)

    x, y = leaf([1.0]), leaf([1.0])
    with pytest.raises(GraphError, match="read-only"):
        ((Doubled.apply(x) + y) * 3).sum().backward()  # the + hands on one array to both
    assert y.grad is None


def test_several_outputs_of_a_function_may_have_any_shapes_and_dtypes():
    class Pieces(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1, x.sum(), x.double().reshape(2, 2, 1)

        @staticmethod
        def backward(ctx, a, b, c):
            assert (a.shape, b.shape, c.shape) == ((2, 2), (), (2, 2, 1)) and c.dtype == "float64"
            return a + b + c.reshape(2, 2).float()

    x = leaf([[1.0, 2.0], [3.0, 4.0]])
    a, b, c = Pieces.apply(x)
    assert a.tolist() == x.tolist() and b.item() == 10 and c.flatten().tolist() == [1, 2, 3, 4]
    assert (a.dtype, b.dtype, c.dtype) == ("float32", "float32", "float64")
    (b * 5 + (c * tensor([[[1.0], [2.0]], [[3.0], [4.0]]], dtype="float64")).sum()).backward()
    assert x.grad.tolist() == [[6, 7], [8, 9]]


# -- replay


class Log:
    """Counts what it is told."""

    def __init__(self):
        self.told = []

    @autograd.effect
    def add(self, *things):
        self.told.append(things)


def test_an_effect_happens_in_every_replay_and_outside():
    log, w = Log(), leaf([2.0])

    @autograd.replay
    def step(x):
        w.grad = None
        (w * x).sum().backward()
        log.add(1, "a")
        log.add()

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for k in (1.0, 2.0, 3.0):
            step(tensor([k]))
            assert w.grad.tolist() == [k]
    log.add(2)
    assert log.told == [(1, "a"), ()] * 3 + [(2,)]
    assert "accumulate" in step.source


def test_a_write_in_place_before_an_effect_is_not_forgotten():
    log, count = Log(), tensor([0.0])
    step = autograd.replay(lambda x: (count.add_(1), log.add())[1])
    with pytest.warns(UserWarning, match="it writes into a tensor in place"):
        step(tensor([1.0]))
    step(tensor([1.0]))
    assert count.item() == 2 and log.told == [(), ()]


@pytest.mark.parametrize("make", [lambda x: x * 2, lambda x: tensor([1.0])])
def test_an_effect_on_what_the_step_made_is_not_replayed(make):
    log = Log()
    step = autograd.replay(lambda x: log.add(make(x)))
    with pytest.warns(UserWarning, match=r"add\(\) is given a tensor that the step made"):
        step(tensor([1.0]))
    step(tensor([5.0]))
    assert [t.item() for (t,) in log.told] == [make(tensor([k])).item() for k in (1.0, 5.0)]


def test_an_effect_on_a_tensor_from_outside_is_replayed():
    log, w = Log(), leaf([2.0])
    step = autograd.replay(lambda x: (log.add(w), w * x)[1])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert step(tensor([3.0])).item() == 6 and step(tensor([4.0])).item() == 8
    assert [t is w for (t,) in log.told] == [True, True] and "def" in step.source


def test_a_step_that_adds_to_gradients_that_are_there_is_replayed():
    w = leaf([1.0, 2.0])
    w.grad = tensor([100.0, 100.0])
    step = autograd.replay(lambda x: (w * x).sum().backward())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        step(tensor([1.0, 10.0]))
        step(tensor([2.0, 20.0]))
    assert w.grad.tolist() == [103, 130] and "accumulate" in step.source


@pytest.mark.parametrize("grad", [None, 100.0])
def test_a_write_in_place_before_a_backward_pass_is_not_forgotten(grad):
    w, count = leaf([2.0]), tensor([0.0])
    w.grad = None if grad is None else tensor([grad])

    @autograd.replay
    def step(x):
        count.add_(1)
        (w * x).sum().backward()

    with pytest.warns(UserWarning, match="it writes into a tensor in place"):
        step(tensor([1.0]))
    step(tensor([1.0]))
    assert count.item() == 2 and w.grad.item() == 2 + (grad or 0)


def test_a_step_may_return_tensors_in_tuples_lists_and_dicts():
    w = leaf([2.0])
    step = autograd.replay(lambda x: {"a": (x * w, [x + 1]), "b": 7, "c": w})
    for k in (1.0, 3.0):
        out = step(tensor([k]))
        assert type(out["a"]) is tuple and type(out["a"][1]) is list and list(out) == ["a", "b", "c"]
        assert out["a"][0].item() == 2 * k and out["a"][1][0].item() == k + 1 and out["b"] == 7 and out["c"] is w


def test_what_is_promoted_in_a_step_is_promoted_in_its_replays():
    step = autograd.replay(lambda n, x: (n.exp(), n / 2, n * x, n > x))
    for k in (1, 2):
        n, x = tensor([k, 3]), tensor([1.5, 0.5], dtype="float64")
        for found, plain in zip(step(n, x), (n.exp(), n / 2, n * x, n > x), strict=True):
            assert found.dtype == plain.dtype and found.tolist() == plain.tolist()
    assert "def" in step.source


def test_arguments_by_keyword_are_compared_too():
    step = autograd.replay(lambda x, scale, shift=0: x * scale + shift)
    for scale, shift in ((7, 1), (8, 1), (8, 2), (7, 1)):
        assert step(tensor([1.0]), scale=scale, shift=shift).item() == scale + shift
    assert step(tensor([1.0]), scale=tensor([2.0])).item() == 2
    assert step(tensor([1.0]), scale=tensor([3.0])).item() == 3


def test_the_oldest_program_goes_first():
    shapes = []
    step = autograd.replay(lambda x: (shapes.append(len(x)), x * 2)[1])
    for n in range(1, 31):
        step(autograd.ones(n))
    for n in range(30, 20, -1):
        assert step(autograd.ones(n)).tolist() == [2] * n
    assert shapes == list(range(1, 31))


def test_no_more_programs_are_kept_than_a_few():
    step = autograd.replay(lambda x: x * 2)
    for n in range(1, 41):
        assert step(autograd.ones(n)).tolist() == [2] * n
    assert 1 < step.source.count("def ") <= 16
    assert step(autograd.ones(1)).tolist() == [2]  # an old one, recorded anew


def test_a_step_that_returns_an_array_runs_as_it_is():
    step = autograd.replay(lambda x: np.ones(2))
    with pytest.warns(UserWarning, match="it returns an array"):
        assert step(tensor(1.0)).tolist() == [1, 1]


def test_what_another_thread_computes_while_a_step_is_recorded_is_no_part_of_it():
    w = leaf([2.0])
    other = leaf([5.0])

    def elsewhere():
        (other * other).sum().backward()
        other.detach().add_(0)
        tensor([1.0]).tolist()

    @autograd.replay
    def step(x):
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        w.grad = None
        loss = (w * x).sum()
        loss.backward()
        return loss

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for k in (1.0, 2.0, 3.0):
            assert step(tensor([k])).item() == 2 * k and w.grad.tolist() == [k]
    assert other.grad.item() in (10, 30)  # once when recorded; or each time, if that could not be


def test_an_argument_that_cannot_be_compared_is_said_to_be_the_reason():
    step = autograd.replay(lambda x, names: x * len(names))
    with pytest.warns(UserWarning, match="an argument that is no tensor, number or string"):
        assert step(tensor(2.0), {1, 2}).item() == 4
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it says so once
        assert step(tensor(2.0), {1, 2, 3}).item() == 6


def test_the_reason_is_said_once_for_all_shapes():
    step = autograd.replay(lambda x: x * x.sum().item())
    with pytest.warns(UserWarning, match="looks at the values"):
        step(autograd.ones(2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert step(autograd.ones(3)).tolist() == [3, 3, 3]


def test_a_gradient_of_a_tensor_that_the_step_makes_is_its_own_in_every_call():
    step = autograd.replay(lambda x: backward_of_its_own(x))
    with pytest.warns(UserWarning, match="gives a gradient to a tensor that it made"):
        first = step(tensor([1.0]))
    second = step(tensor([4.0]))
    assert first is not second and first.grad.item() == 1 and second.grad.item() == 4


def backward_of_its_own(x):
    v = x.detach().requires_grad_()
    (v * x).sum().backward()
    return v


# -- the rules


@pytest.mark.parametrize("name", ["log", "log2", "log10"])
def test_a_logarithm_falls_without_bound_at_0_and_is_nothing_below(name):
    x = leaf([0.0, -1.0])
    with np.errstate(all="ignore"):
        getattr(autograd, name)(x).sum().backward()
    assert x.grad[0].item() == np.inf and np.isnan(x.grad[1].item())


@pytest.mark.parametrize("name", ["sinh", "cosh", "exp", "expm1", "exp2", "square"])
def test_a_zero_upstream_gives_zero_where_a_derivative_overflows(name):
    x = leaf([3e38, 1.0])
    with np.errstate(all="ignore"):
        autograd.where(x < 10, getattr(autograd, name)(x), 0.0).sum().backward()
    assert x.grad[0].item() == 0 and x.grad[1].item() > 0


def test_what_is_kept_above_a_bound_has_its_gradient_at_the_bound():
    x = leaf([-1.0, 0.0, 1.0])
    registry["at_least"](x, 0.0).sum().backward()
    assert x.grad.tolist() == [0, 1, 1]


@pytest.mark.parametrize("name", ["eq", "ge", "gt", "le", "lt", "ne"])
def test_the_formula_of_a_comparison_is_right_for_equals_too(name):
    x, y = np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 2.0])
    op = registry[name]
    assert np.array_equal(op.formula(x, y), op.forward(x, y))


def test_integers_beyond_float32_are_compared_with_floats_as_floats():
    assert (tensor([2**24 + 1]) == tensor([2.0**24])).tolist() == [True]  # as in PyTorch


def test_integers_to_negative_powers_say_what_to_do():
    with pytest.raises(ValueError, match=r"convert with \.float\(\)"):
        tensor([2, 3]) ** tensor([-1, 2])


def test_a_running_sum_without_an_axis_is_one_of_all_elements():
    x = leaf([[1.0, 2.0], [3.0, 4.0]])
    total = np.cumsum(x)
    assert total.tolist() == [1, 3, 6, 10]
    (total * tensor([1.0, 10.0, 100.0, 1000.0])).sum().backward()
    assert x.grad.tolist() == [[1111, 1110], [1100, 1000]]
    assert np.cumprod(x).tolist() == [1, 2, 6, 24] and x.cumprod(1).tolist() == [[1, 2], [3, 12]]
    assert registry["cumprod"](np.array([[1.0, 2.0], [3.0, 4.0]])).tolist() == [1, 2, 6, 24]
    assert tensor(5.0).cumprod(0).tolist() == 5
    assert np.cumsum(x, axis=0).tolist() == [[1, 2], [4, 6]] and tensor(5.0).cumsum(0).tolist() == 5


def test_an_activation_of_shapes_that_do_not_broadcast_says_where():
    with pytest.raises(ShapeError, match="axis 1: 3 vs 4"):
        ops.registry["leaky_relu"](autograd.ones(2, 3), autograd.ones(2, 4))


def test_every_op_has_a_symbol_and_is_declared_for_functions_of_numpy():
    assert all(isinstance(op.symbol, str) and op.symbol for op in registry.values())
    assert all(callable(function) for function in ops.by_numpy)


@pytest.mark.parametrize("name", ["bitwise_and", "bitwise_or", "bitwise_xor"])
def test_the_formula_of_a_bitwise_op_computes_what_the_op_does(name):
    x, y = np.array([0b1100, 7]), np.array([0b1010, 2])
    assert np.array_equal(registry[name].formula(x, y), getattr(np, name)(x, y))
    assert np.array_equal(registry[name].forward(x, y), getattr(np, name)(x, y))


def test_integers_to_powers_that_are_not_negative_stay_integers():
    assert (tensor([2, 3]) ** tensor([0, 2])).tolist() == [1, 9]


@pytest.mark.parametrize("name", ["elu", "hardswish", "leaky_relu", "selu", "softplus", "softsign"])
def test_the_formula_of_an_activation_is_right_at_and_around_its_knots(name):
    op = registry[name]
    x = np.arange(-48, 49) / 8
    inputs, params = op.bind((x, 0.25) if name == "leaky_relu" else (x,), {})
    np.testing.assert_allclose(op.formula(*inputs, *params), op.forward(*inputs, *params), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("k", [0, 1, 2])
@pytest.mark.parametrize("bad", [-0.25, 1.25, np.nan])
def test_a_probability_that_is_none_is_found_wherever_it_is(k, bad):
    p = np.full(3, 0.5)
    p[k] = bad
    for value in (tensor(p), tensor(p.astype("float32"))):
        if np.isnan(bad):
            assert np.isnan(nn.functional.binary_cross_entropy(value, autograd.zeros_like(value)).item())
        else:
            with pytest.raises(ValueError, match=rf"{bad}"):
                nn.functional.binary_cross_entropy(value, autograd.zeros_like(value))


def test_options_and_bounds_that_do_not_exist_are_named():
    with pytest.raises(ValueError, match="'none' or 'tanh', found 'sigmoid'"):
        nn.functional.gelu(autograd.ones(2), approximate="sigmoid")
    with pytest.raises(TypeError, match="the bounds of a slice must be integers"):
        autograd.ones(3)["a":]


def test_hardtanh_is_flat_at_its_bounds():
    x = leaf([-1.0, 1.0, 0.5])
    nn.functional.hardtanh(x).sum().backward()
    assert x.grad.tolist() == [0, 0, 1]


def test_the_slope_of_leaky_relu_at_0_is_the_lower_one():
    x = leaf([0.0, 1.0, -1.0])
    nn.functional.leaky_relu(x, 0.25).sum().backward()
    assert x.grad.tolist() == [0.25, 1, 0.25]


@pytest.mark.parametrize("index", [[-3, 5], [2, -4], [-3, 0, 3]])
def test_the_error_of_a_list_of_positions_names_the_first_that_is_out_of_range(index):
    bad = next(k for k in index if not -3 <= k < 3)
    with pytest.raises(IndexError, match=rf"(?<![\d-]){bad}\b"):
        autograd.ones(3)[index]


def test_an_integer_beside_arrays_is_taken_first_as_in_pytorch():
    x = autograd.arange(24.0).reshape(2, 3, 4).requires_grad_()
    y = x[1, :, [0, 2]]
    assert y.shape == (3, 2) and y.tolist() == [[12, 14], [16, 18], [20, 22]]
    y.sum().backward()
    assert x.grad.sum().item() == 6 and x.grad[1, :, 0].tolist() == [1, 1, 1]


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_the_rules_of_bce_are_those_of_the_kernel_at_certainty_too(reduction):
    op = registry["bce"]
    p, y = np.array([0.0, 1.0, 0.0, 1.0, 0.5]), np.array([0.0, 1.0, 1.0, 0.0, 0.25])
    u = op.forward(p, y, reduction)
    with np.errstate(all="ignore"):
        rules = [op.pull(k)(np.ones_like(u), u, (p, y), (reduction,), k) for k in (0, 1)]
    for rule, fused in zip(rules, op.vjp(np.ones_like(u), u, (p, y), (reduction,), (True, True)), strict=True):
        np.testing.assert_allclose(fused, rule, rtol=1e-12)


@pytest.mark.parametrize(("function", "argument"), [("exp", [1.0, 2.0]), ("sqrt", "four"), ("relu", None)])
def test_an_op_called_on_what_is_no_array_names_itself_and_what_it_found(function, argument):
    with pytest.raises(DtypeError, match=rf"{function}: expects tensors or arrays, found {type(argument).__name__}"):
        registry[function](argument)


def test_an_op_says_what_it_is_and_which_arguments_it_has():
    assert repr(registry["matmul"]) == "<op matmul(x, y)>" and repr(registry["permute"]) == "<op permute(x, dims)>"
    with pytest.raises(TypeError, match=r"permute\(\) has no argument \['axes_'\]; it has \['x', 'dims'\]"):
        registry["permute"](np.ones((2, 3)), axes_=1)
    with pytest.raises(TypeError, match=r"matmul\(\) needs the argument 'y'"):
        registry["matmul"](np.ones((2, 3)))
    with pytest.raises(TypeError, match=r"permute\(\) takes 2 arguments, got 3"):
        registry["permute"](np.ones((2, 3)), (0, 1), 5)
    assert registry["matmul"](np.eye(2), other=np.ones((2, 1))).tolist() == [[1], [1]]
    assert registry["matmul"](x=np.eye(2), y=np.ones((2, 1))).tolist() == [[1], [1]]


def test_a_layer_of_arrays_takes_matrices_that_fit():
    w, b = np.ones((2, 4)), np.ones(2)
    for x in (np.ones(4), np.ones((3, 2, 4))):
        with pytest.raises(ShapeError, match=r"expects X \(n, in\)"):
            registry["linear"](x, w, b)
    for x in (np.ones(3), np.ones((4, 3)), np.ones((3, 4, 3))):
        with pytest.raises(ShapeError, match="expects last dimension 4"):
            registry["linear"](x, w, b)


def test_no_dtype_is_not_float64():
    with pytest.raises(DtypeError, match="None is not a dtype"):
        ops.check_dtype(None)


def test_an_op_called_on_arrays_lets_their_own_errors_through():
    with pytest.raises(ShapeError, match="inner"):
        registry["matmul"](np.ones((2, 3)), np.ones((4, 5)))
    with pytest.raises(ShapeError, match="only one size can be"):
        registry["reshape"](np.ones(6), (-1, -1))
    with pytest.raises(ShapeError, match="invalid for input of size 6"):
        registry["reshape"](np.ones(6), (-1, 4))
