"""The differentiation API: grad, hooks, Function, functional, gradient checks, anomalies, modes."""

import gc
import inspect
import time
import weakref

import numpy as np
import pytest

import autograd
from autograd import DtypeError, GraphError, ShapeError, functional, tensor


def leaf(value, dtype="float64"):
    return tensor(value, dtype=dtype, requires_grad=True)


# -- grad and grad_fn


def test_grad_materializes_zeros_for_an_unused_input():
    x, y = leaf(2.0), leaf([1.0, 2.0])
    first, second = autograd.grad(x * 3, [x, y], materialize_grads=True)
    assert first.item() == 3 and second.tolist() == [0, 0]
    with pytest.raises(ValueError, match="allow_unused"):
        autograd.grad(x * 3, [x, y], allow_unused=False, materialize_grads=True)


def test_grad_of_something_that_is_no_tensor_or_needs_no_gradient():
    x = leaf(2.0)
    with pytest.raises(DtypeError, match="input 0 is no Tensor but float"):
        autograd.grad(x * 2, [2.0])
    with pytest.raises(GraphError, match="does not require grad"):
        autograd.grad(x * 2, [tensor(1.0)])


def test_grad_with_respect_to_an_intermediate_and_several_outputs():
    x = leaf(3.0)
    u = x * x
    (g,) = autograd.grad([u * 2, u * u], u)
    assert g.item() == 2 + 2 * 9
    assert x.grad is None


@pytest.mark.parametrize(
    ("function", "second"),
    [(lambda x: (x / 2 - 1) ** 2, 0.5), (lambda x: (x**3 - 8) ** 2, 288), (lambda x: (x.log() - np.log(2)) ** 2, 0.5)],
)
def test_a_gradient_that_is_zero_here_still_has_its_own_derivative(function, second):
    x = leaf(2.0)
    (first,) = autograd.grad(function(x), x, create_graph=True)
    assert first.item() == 0
    assert autograd.grad(first, x)[0].item() == pytest.approx(second)


def test_the_package_is_its_own_autograd_for_scripts_that_import_it_as_torch():
    torch = autograd
    assert torch.autograd.grad is autograd.grad and torch.autograd.Function is autograd.Function
    assert torch.autograd.functional.jacobian is functional.jacobian


def test_grad_fn_is_named_and_walkable_to_the_leaves():
    x, w = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    y = ((x * w) + 1).sum()
    assert y.grad_fn.name() == type(y.grad_fn).__name__ == "SumBackward"
    assert repr(y.grad_fn) == "<SumBackward>"
    added = y.grad_fn.next_functions[0][0]
    assert added.name() == "AddBackward" and added.next_functions[1] == (None, 0)
    product = added.next_functions[0][0]
    (to_x, _), (to_w, _) = product.next_functions
    assert repr(to_x) == "<AccumulateGrad>" and to_x.variable is x and to_w.variable is w
    assert product.next_functions[0][0] == to_x and len({to_x, product.next_functions[0][0]}) == 1
    assert x.grad_fn is None and tensor(1.0).grad_fn is None
    assert (x * tensor(2.0)).grad_fn.next_functions[1][0] is None


def test_grad_fn_shows_what_a_tensor_was_when_it_was_read():
    x = leaf([1.0])
    u = x.exp()
    v = u * 2
    u += 1
    assert v.grad_fn.next_functions[0][0].name() == "ExpBackward"
    assert u.grad_fn.name() == "AddBackward"


# -- hooks


def test_a_hook_sees_the_complete_gradient_once_and_may_replace_it():
    x = leaf([1.0, 2.0])
    u = x * 2
    seen = []
    u.register_hook(lambda g: seen.append(g.tolist()))
    u.register_hook(lambda g: g * 10)
    (u + u).sum().backward()
    assert seen == [[2, 2]] and x.grad.tolist() == [40, 40]


def test_a_hook_on_a_leaf_runs_before_accumulation_until_its_handle_is_removed():
    x = leaf([1.0, 2.0])
    handle = x.register_hook(lambda g: -g)
    (x * 3).sum().backward()
    assert x.grad.tolist() == [-3, -3]
    handle.remove()
    handle.remove()
    (x * 3).sum().backward()
    assert x.grad.tolist() == [0, 0]
    with x.register_hook(lambda g: g * 0):
        (x * 3).sum().backward()
    (x * 3).sum().backward()
    assert x.grad.tolist() == [3, 3]


def test_what_a_hook_keeps_or_writes_into_is_its_own():
    x, y = leaf([1.0, 2.0]), leaf([1.0, 2.0])
    kept = []
    x.register_hook(kept.append)
    y.register_hook(lambda g: g.mul_(5))
    (x + y).sum().backward()
    kept[0].zero_()
    assert x.grad.tolist() == [1, 1] and y.grad.tolist() == [5, 5]
    z = leaf([1.0])

    def write(g):
        g.mul_(5)

    z.register_hook(write)
    (z * 1).sum().backward()
    assert z.grad.tolist() == [5]


def test_a_hook_runs_in_grad_and_in_a_recorded_backward_pass():
    x = leaf(3.0)
    u = x * x
    u.register_hook(lambda g: g * x)
    (g,) = autograd.grad(u * 1, x, create_graph=True)
    assert g.item() == 2 * 3 * 3
    (h,) = autograd.grad(g, x)
    assert h.item() == 12


def test_errors_of_hooks():
    with pytest.raises(GraphError, match="does not require grad"):
        tensor(1.0).register_hook(lambda g: g)
    for give, error in ((lambda g: g.sum(), ShapeError), (lambda g: 5, DtypeError), (lambda g: g.float(), ShapeError)):
        x = leaf([1.0, 2.0])
        x.register_hook(give)
        with pytest.raises(error, match="hook"):
            (x * 2).sum().backward()
        assert x.grad is None


def test_a_hook_stays_with_the_values_it_was_put_on():
    x = leaf([1.0])
    u = x * 2
    seen = []
    u.register_hook(lambda g: seen.append(g.item()))
    u *= 3
    u.sum().backward()
    assert seen == [3] and x.grad.item() == 6


def test_a_hook_after_accumulation():
    x = leaf([1.0])
    seen = []
    handle = x.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.item()))
    (x * 2).sum().backward()
    (x * 2).sum().backward()
    handle.remove()
    (x * 2).sum().backward()
    assert seen == [2, 4]
    with pytest.raises(GraphError, match="leaf"):
        (x * 2).register_post_accumulate_grad_hook(print)


def test_retain_grad_shows_what_hooks_made_of_it_and_grad_of_others_warns():
    x = leaf([1.0])
    u = x * 2
    u.retain_grad()
    assert u.retains_grad and not x.retains_grad
    u.register_hook(lambda g: g * 7)
    v = u * 1
    v.sum().backward()
    assert u.grad.tolist() == [7]
    with pytest.warns(UserWarning, match="not a leaf Tensor"):
        assert v.grad is None
    with pytest.raises(GraphError, match="does not require grad"):
        tensor(1.0).retain_grad()
    x.retain_grad()  # nothing to do


# -- detach_ and requires_grad_


def test_detach_in_place_cuts_the_graph_and_what_read_it_before_is_not_affected():
    x = leaf([2.0])
    u = x * 3
    before = u * 5
    assert u.detach_() is u and u.is_leaf and not u.requires_grad
    assert not (u * 2).requires_grad
    u.requires_grad_()
    (before + u * 11).sum().backward()
    assert x.grad.item() == 15 and u.grad.item() == 11
    with pytest.raises(GraphError, match="views"):
        (x * 3)[:1].detach_()


def test_requires_grad_can_be_switched_on_leaves_only():
    x = tensor([1.0]).requires_grad_()
    assert x.requires_grad and x.is_leaf
    assert not x.requires_grad_(False).requires_grad
    y = leaf([1.0]) * 2
    with pytest.raises(GraphError, match="leaves only"):
        y.requires_grad = False
    with pytest.raises(DtypeError, match="only floating point"):
        tensor([1]).requires_grad_()


# -- modes


@pytest.mark.parametrize(
    "mode", [autograd.no_grad, autograd.inference_mode, lambda: autograd.set_grad_enabled(False)]
)
def test_recording_off_as_a_context_and_as_a_decorator(mode):
    x = leaf(1.0)
    with mode():
        assert not autograd.is_grad_enabled() and not (x * 2).requires_grad
    assert autograd.is_grad_enabled()

    @mode()
    def double(x):
        """It doubles."""
        return x * 2

    assert autograd.is_grad_enabled()
    assert not double(x).requires_grad and double.__doc__ == "It doubles."
    assert autograd.is_grad_enabled()


def test_the_decorator_without_parentheses_and_on_methods():
    @autograd.no_grad
    def double(x):
        return x * 2

    class Model:
        @autograd.inference_mode
        def predict(self, x):
            return x * 2

    assert not double(leaf(1.0)).requires_grad and not Model().predict(leaf(1.0)).requires_grad
    with autograd.no_grad():
        assert autograd.enable_grad(lambda x: x * 2)(leaf(1.0)).requires_grad


def test_a_decorated_generator_is_switched_while_it_runs_and_not_while_it_waits():
    closed = []

    @autograd.no_grad()
    def steps(x):
        try:
            got = yield (x * 2).requires_grad
            yield got, autograd.is_grad_enabled()
        except KeyError:
            yield "caught", autograd.is_grad_enabled()
        finally:
            closed.append(autograd.is_grad_enabled())
        return 5

    run = steps(leaf(1.0))
    assert inspect.isgenerator(run) and next(run) is False and autograd.is_grad_enabled()
    assert run.send(7) == (7, False)
    assert run.throw(KeyError()) == ("caught", False) and autograd.is_grad_enabled()
    with pytest.raises(StopIteration) as stop:
        next(run)
    assert stop.value.value == 5 and closed == [False]


def test_set_grad_enabled_as_a_statement_and_inference_mode_off():
    autograd.set_grad_enabled(False)
    try:
        assert not autograd.is_grad_enabled() and autograd.is_inference_mode_enabled()
        with autograd.inference_mode(False):
            assert autograd.is_grad_enabled()
    finally:
        autograd.set_grad_enabled(True)


# -- Function


class Cube(autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * 3 * x**2


class Exp(autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        return g * y


class SinCos(autograd.Function):
    @staticmethod
    def forward(ctx, x, scale):
        ctx.scale = scale
        s, c, signs = (x * scale).sin(), (x * scale).cos(), x > 0
        ctx.save_for_backward(s, c)
        ctx.mark_non_differentiable(signs)
        return s, c, signs

    @staticmethod
    def backward(ctx, gs, gc, gb):
        assert ctx.needs_input_grad == (True, False) and gb.shape == gs.shape
        s, c = ctx.saved_tensors
        return ctx.scale * (gs * c - gc * s), None


def test_a_function_of_ones_own_is_recorded_and_has_derivatives_of_every_order():
    x = leaf([2.0, -3.0])
    y = Cube.apply(x)
    assert y.grad_fn.name() == "CubeBackward" and "grad_fn=<CubeBackward>" in repr(y)
    (g,) = autograd.grad(y.sum(), x, create_graph=True)
    (h,) = autograd.grad(g.sum(), x, create_graph=True)
    (third,) = autograd.grad(h.sum(), x)
    assert (g.tolist(), h.tolist(), third.tolist()) == ([12, 27], [12, -18], [6, 6])
    assert not Cube.apply(x.detach()).requires_grad
    with autograd.no_grad():
        assert not Cube.apply(x).requires_grad


@pytest.mark.parametrize(
    "function", [Cube.apply, Exp.apply, lambda x: SinCos.apply(x, 2.0)[0], lambda x: SinCos.apply(x, 2.0)[:2]]
)
def test_functions_pass_the_gradient_checks(function):
    x = leaf([[0.5, -1.0, 2.0]])
    assert autograd.gradcheck(function, x) and autograd.gradgradcheck(function, x)


def test_a_function_with_several_outputs_some_of_them_without_a_gradient():
    x = leaf([0.5, -1.0])
    s, c, signs = SinCos.apply(x, 2.0)
    assert signs.dtype == np.bool_ and not signs.requires_grad and s.shape == c.shape == (2,)
    (s * c).sum().backward()
    np.testing.assert_allclose(x.grad, 2 * np.cos(4 * np.array([0.5, -1.0])), rtol=1e-14)


def test_setup_context_and_several_inputs():
    class Scaled(autograd.Function):
        @staticmethod
        def forward(x, w, power):
            return x * w**power

        @staticmethod
        def setup_context(ctx, inputs, output):
            x, w, ctx.power = inputs
            ctx.save_for_backward(x, w, None)

        @staticmethod
        def backward(ctx, g):
            x, w, nothing = ctx.saved_tensors
            assert nothing is None
            gx = g * w**ctx.power if ctx.needs_input_grad[0] else None
            gw = g * x * ctx.power * w ** (ctx.power - 1) if ctx.needs_input_grad[1] else None
            return gx, gw, None

    x, w = leaf([2.0, 3.0]), leaf([5.0, 7.0])
    assert autograd.gradcheck(lambda x, w: Scaled.apply(x, w, 3), (x, w))
    Scaled.apply(x.detach(), w, 2).sum().backward()
    assert w.grad.tolist() == [20, 42] and x.grad is None


def test_a_function_that_returns_its_input_or_a_part_of_it():
    class Same(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x

        @staticmethod
        def backward(ctx, g):
            return g * 2

    x = leaf([1.0])
    y = Same.apply(x)
    assert y is not x
    y.sum().backward()
    assert x.grad.tolist() == [2]
    with autograd.no_grad():
        y.zero_()
    assert x.tolist() == [1]


def test_a_write_into_a_saved_tensor_is_noticed():
    x = leaf([1.0, 2.0])
    u = x * 1
    y = Cube.apply(u)
    with autograd.no_grad():
        u.zero_()
    with pytest.raises(GraphError, match=r"Cube.*input x.*inplace.*test_autograd_api\.py"):
        y.sum().backward()
    y = Exp.apply(x)
    with autograd.no_grad():
        y.zero_()
    with pytest.raises(GraphError, match="Exp.*its output.*inplace"):
        y.sum().backward()

    class Own(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.table = x + 1
            ctx.save_for_backward(ctx.table)
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * ctx.saved_tensors[0]

    y = Own.apply(x)
    y.sum().backward(retain_graph=True)
    assert x.grad.tolist() == [2, 3]
    y._op.ctx.table.zero_()
    with pytest.raises(GraphError, match="inplace"):
        y.sum().backward()


def test_a_recorded_write_into_a_saved_tensor_keeps_the_gradient_right():
    x = leaf([1.0, 2.0])
    y = Exp.apply(x)
    z = Cube.apply(y)
    y += 1
    (y + z).sum().backward()
    e = np.exp([1.0, 2.0])
    np.testing.assert_allclose(x.grad, e + 3 * e**3, rtol=1e-14)


def test_the_upstream_gradient_is_not_for_writing():
    class Clipped(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            return g.mul_(2)

    with pytest.raises(GraphError, match=r"Clipped.*read-only.*clone"):
        Clipped.apply(leaf([1.0])).sum().backward()


class HalfSquare(autograd.Function):
    """Whose gradient, by a sum, is the input itself."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x / 2

    @staticmethod
    def backward(ctx, g):
        return ctx.saved_tensors


def test_a_gradient_does_not_share_memory_with_the_input_that_a_function_returned_as_it():
    x = leaf([1.0, 2.0])
    for _ in range(2):
        HalfSquare.apply(x).sum().backward()
    assert x.tolist() == [1, 2] and x.grad.tolist() == [2, 4]


def test_once_differentiable():
    class Half(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x / 2

        @staticmethod
        @autograd.once_differentiable
        def backward(ctx, g):
            return autograd.from_numpy(g.numpy() / 2)

    x = leaf([1.0])
    (g,) = autograd.grad(Half.apply(x * x).sum(), x, create_graph=True)
    assert g.tolist() == [1]
    with pytest.raises(GraphError, match="once_differentiable"):
        g.sum().backward()


def test_errors_of_functions():
    class Wrong(autograd.Function):
        @staticmethod
        def forward(ctx, x, give):
            ctx.give = give
            return x * 1

        @staticmethod
        def backward(ctx, g):
            return ctx.give(g)

    for give, message in [
        (lambda g: g, "returned 1 gradients, expected 2"),
        (lambda g: (g, None, g), "returned 3 gradients"),
        (lambda g: (g, g), "argument 1, which is no tensor"),
        (lambda g: (3.0, None), "expects a Tensor or None for argument 0, found float"),
        (lambda g: (autograd.ones(7), None), r"shape \(7,\)"),
        (lambda g: 1 / 0, "Wrong.*division by zero"),
    ]:
        with pytest.raises(GraphError, match=message):
            Wrong.apply(leaf([1.0, 2.0]), give).sum().backward()
    Wrong.apply(leaf([1.0, 2.0]), lambda g: (g, None, None)).sum().backward()  # None to spare, as in PyTorch
    with pytest.raises(TypeError, match="no instances"):
        Wrong()
    with pytest.raises(NotImplementedError, match="forward"):
        autograd.Function.apply(leaf(1.0))

    class Array(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.numpy()

    with pytest.raises(DtypeError, match="found ndarray"):
        Array.apply(tensor([1.0]))

    class Dirty(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.mark_dirty(x)

    with pytest.raises(GraphError, match="return a new tensor"):
        Dirty.apply(leaf(1.0))

    class Saves(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(3)

    with pytest.raises(DtypeError, match="argument 0 is int"):
        Saves.apply(leaf(1.0))


def test_a_function_leaves_no_cycle():
    gc.collect()
    gc.disable()
    try:
        for apply in (Cube.apply, Exp.apply, lambda x: SinCos.apply(x, 2.0)[0]):
            x = leaf([1.0])
            y = apply(x)
            watch = weakref.ref(y._op.ctx if y._op.name in ("Cube", "Exp") else y)
            y.sum().backward()
            del y
            assert watch() is None
    finally:
        gc.enable()


def test_a_function_of_ones_own_is_drawn_with_its_equation():
    import viz

    source = viz.draw(Cube.apply(leaf([2.0])).sum(), show="both").source
    assert "Cube" in source


# -- functional


def matrix_function(x, w):
    return (x @ w).tanh(), (x * x).sum()


POINT = (np.array([0.5, -1.0]), np.array([[1.0, 2.0, 0.5], [-1.0, 0.3, 0.7]]))


def test_the_jacobian_has_the_shapes_of_outputs_and_inputs():
    x, w = map(tensor, POINT)
    jac = functional.jacobian(matrix_function, (x, w))
    assert [[j.shape for j in row] for row in jac] == [[(3, 2), (3, 2, 3)], [(2,), (2, 3)]]
    u = np.tanh(POINT[0] @ POINT[1])
    np.testing.assert_allclose(jac[0][0], (1 - u**2)[:, None] * POINT[1].T, rtol=1e-14)
    assert jac[1][1].tolist() == np.zeros((2, 3)).tolist()
    assert x.grad is None and not x.requires_grad and not jac[0][0].requires_grad


def test_a_jacobian_can_be_differentiated_again():
    x = leaf([1.0, 2.0])
    jac = functional.jacobian(lambda x: x**3, x, create_graph=True)
    (g,) = autograd.grad(jac.sum(), x)
    assert g.tolist() == [6, 12]


def test_strict_refuses_independent_outputs():
    x = tensor([1.0, 2.0])
    assert functional.jacobian(lambda x: autograd.ones(3), x).tolist() == [[0, 0]] * 3
    with pytest.raises(GraphError, match="independent"):
        functional.jacobian(lambda x: autograd.ones(3), x, strict=True)
    with pytest.raises(GraphError, match=r"independent of input \[1\]"):
        functional.jacobian(lambda x, y: x * 2, (x, x), strict=True)


def test_errors_of_functional():
    x = tensor([1.0, 2.0])
    with pytest.raises(ShapeError, match="invalid size"):
        functional.jvp(lambda x: x, x, tensor([1.0]))
    with pytest.raises(GraphError, match="v can be left out"):
        functional.vjp(lambda x: x * 2, x)
    with pytest.raises(GraphError, match="single element"):
        functional.hessian(lambda x: x * 2, x)
    with pytest.raises(DtypeError, match="found list"):
        functional.jacobian(lambda x: [[1.0]], x)
    with pytest.raises(DtypeError, match="found float"):
        functional.jacobian(lambda x: x, 2.0)


def test_functional_works_under_no_grad():
    with autograd.no_grad():
        assert functional.jacobian(lambda x: x * 2, tensor([1.0])).tolist() == [[2]]


@pytest.mark.parity
@pytest.mark.parametrize("name", ["jacobian", "hessian", "vjp", "jvp", "vhp", "hvp"])
@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("single", [False, True])
def test_functional_agrees_with_pytorch(name, create_graph, single):
    import torch

    if name in ("hessian", "vhp", "hvp"):
        function = (lambda x: (x**3).sum()) if single else lambda x, w: ((x @ w).tanh() * 2).sum()
    else:
        function = (lambda x: x.exp() * x.sum()) if single else matrix_function
    results = []
    for library in (autograd, torch):
        point = [library.tensor(a, dtype=library.float64, requires_grad=True) for a in POINT]
        vector = [library.tensor(a + 0.5, dtype=library.float64) for a in POINT]
        if name == "vjp":
            out = function(*(point[:1] if single else point))
            vector = [out] if single else list(out)
        inputs, v = (point[0], vector[0]) if single else (tuple(point), tuple(vector))
        if name == "vjp":
            v = v.detach() if single else tuple(x.detach() for x in v)
        run = getattr(library.autograd.functional, name)
        given = (inputs,) if name in ("jacobian", "hessian") else (inputs, v)
        results.append(run(function, *given, create_graph=create_graph))

    def compare(ours, theirs):
        if isinstance(theirs, tuple):
            assert isinstance(ours, tuple) and len(ours) == len(theirs)
            for a, b in zip(ours, theirs, strict=True):
                compare(a, b)
        else:
            assert ours.shape == tuple(theirs.shape)
            np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-10, atol=1e-12)

    compare(*results)


# -- gradient checks


def wrong(factor):
    class Wrong(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.sin()

        @staticmethod
        def backward(ctx, g):
            return g * ctx.saved_tensors[0].cos() * factor

    return Wrong.apply


def million():
    return leaf(np.random.default_rng(0).standard_normal((1000, 1000)))


def one_zero(shape, place):
    factor = np.ones(shape)
    factor[place] = 0
    return tensor(factor)


def test_gradcheck_rejects_a_relative_error_of_1e_minus_6_in_small_and_large_functions():
    for x in (leaf([0.5, -1.0, 2.0]), leaf(np.linspace(0.1, 1.4, 5000)), million()):
        assert autograd.gradcheck(wrong(1.0), x)
        with pytest.raises(autograd.GradcheckError, match="finite differences say"):
            autograd.gradcheck(wrong(1 + 1e-6), x)


def test_gradcheck_finds_one_zeroed_entry_among_a_million_in_seconds():
    x = million()
    start = time.perf_counter()
    with pytest.raises(autograd.GradcheckError, match=r"the gradient at \(123, 456\) is 0,"):
        autograd.gradcheck(wrong(one_zero(x.shape, (123, 456))), x)
    assert time.perf_counter() - start < 60


def test_gradcheck_finds_one_zeroed_entry_of_a_small_jacobian():
    with pytest.raises(autograd.GradcheckError, match=r"at \(1,\): the gradient at \(1,\) is 0, finite"):
        autograd.gradcheck(wrong(one_zero(3, 1)), leaf([0.5, -1.0, 2.0]))
    assert not autograd.gradcheck(wrong(one_zero(3, 1)), leaf([0.5, -1.0, 2.0]), raise_exception=False)


def test_gradcheck_with_tolerances_in_pytorchs_meaning():
    x = leaf([0.5, -1.0, 2.0])
    assert autograd.gradcheck(wrong(1 + 1e-4), x, eps=1e-6, atol=1e-5, rtol=1e-3)
    assert autograd.gradcheck(wrong(1 + 1e-4), x, eps=1e-6, atol=1e-5, rtol=1e-3, fast_mode=True)
    for fast in (True, False):
        assert not autograd.gradcheck(wrong(1 + 1e-2), x, atol=1e-5, rtol=1e-3, fast_mode=fast, raise_exception=False)


def test_gradcheck_of_small_gradients_is_relative_to_them():
    x = leaf([0.5, -1.0, 2.0])
    assert autograd.gradcheck(lambda x: wrong(1.0)(x) * 1e-8, x)
    assert not autograd.gradcheck(lambda x: wrong(1 + 1e-6)(x) * 1e-8, x, raise_exception=False)


def test_gradcheck_notices_a_backward_that_is_not_reproducible():
    state = np.random.default_rng(0)
    noisy = wrong(1.0)

    class Noisy(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            return g * (1 + 1e-12 * state.standard_normal())

    x = leaf([0.5])
    with pytest.raises(autograd.GradcheckError, match="two backward passes differ"):
        autograd.gradcheck(lambda x: Noisy.apply(noisy(x)), x)
    assert autograd.gradcheck(lambda x: Noisy.apply(noisy(x)), x, nondet_tol=1e-9)


def test_gradcheck_refuses_what_it_cannot_check():
    with pytest.raises(TypeError, match="float64"):
        autograd.gradcheck(autograd.exp, leaf([1.0], "float32"))
    with pytest.raises(ValueError, match="at least one input"):
        autograd.gradcheck(autograd.exp, tensor([1.0]))


def test_gradgradcheck_finds_a_wrong_second_derivative():
    class FrozenCube(Cube):
        @staticmethod
        def backward(ctx, g):
            return g * 3 * ctx.saved_tensors[0].detach() ** 2

    x = leaf([0.5, 2.0])
    assert autograd.gradcheck(FrozenCube.apply, x)
    with pytest.raises(autograd.GradcheckError):
        autograd.gradgradcheck(FrozenCube.apply, x)
    assert autograd.gradgradcheck(Cube.apply, x, tensor([1.0, -2.0], dtype="float64"))


# -- anomalies


def here():
    return inspect.currentframe().f_back.f_lineno


def test_an_anomaly_names_the_op_and_the_line_where_it_was_born():
    x = leaf([0.0, 4.0])
    with autograd.detect_anomaly():
        y, line = x.sqrt(), here()
        z = (y * 2).sum()
        with pytest.raises(GraphError, match=rf"anomaly: the backward of sqrt.*test_autograd_api\.py:{line}, gave inf"):
            z.backward()
    assert x.grad is None and not autograd.is_anomaly_enabled()
    x.sqrt().sum().backward()


def test_an_anomaly_of_the_forward_pass_is_traced_to_its_birth():
    x = leaf([-1.0, 4.0])
    with autograd.detect_anomaly():
        u, line = x.log(), here()
        v = u * 3
        with pytest.raises(GraphError, match=rf"first value.*output of log.*test_autograd_api\.py:{line}"):
            (v * v).sum().backward()


def test_anomalies_can_be_switched_on_as_a_statement_and_not_looked_for():
    x = leaf([0.0])
    autograd.set_detect_anomaly(True)
    try:
        assert autograd.is_anomaly_enabled()
        with pytest.raises(GraphError, match="anomaly"):
            x.sqrt().sum().backward()
        with autograd.set_detect_anomaly(False):
            x.sqrt().sum().backward()
        with autograd.detect_anomaly(check_nan=False):
            x.sqrt().sum().backward()
    finally:
        autograd.set_detect_anomaly(False)
    y = x.sqrt().sum()
    with autograd.detect_anomaly(), pytest.raises(GraphError, match="called before detect_anomaly"):
        y.backward()


def test_no_anomaly_is_no_error():
    x = leaf([1.0, 2.0])
    with autograd.detect_anomaly():
        u = x * 2
        u += 1
        (u * u).sum().backward()
    assert x.grad.tolist() == [12, 20]


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_function_may_give_no_gradient_for_an_input(create_graph):
    class First(autograd.Function):
        @staticmethod
        def forward(ctx, x, y):
            return x * 2 + y

        @staticmethod
        def backward(ctx, g):
            return g * 2, None

    x, y, z = (autograd.tensor([1.0, 2.0], requires_grad=True) for _ in range(3))
    First.apply(x, y * z).sum().backward(create_graph=create_graph)
    assert x.grad.tolist() == [2, 2] and y.grad is None and z.grad is None
    (First.apply(x, y) + y * 3).sum().backward()
    assert y.grad.tolist() == [3, 3]
    with pytest.raises(GraphError, match="allow_unused"):
        autograd.grad(First.apply(x, y).sum(), y)


@pytest.mark.parametrize("create_graph", [False, True])
def test_an_input_that_backward_returns_does_not_become_the_gradient_itself(create_graph):
    x = autograd.tensor([3.0, 4.0], requires_grad=True)
    HalfSquare.apply(x).sum().backward(create_graph=create_graph)
    assert x.grad is not x and not np.shares_memory(x.grad.detach().numpy(), x.detach().numpy())
    assert x.grad.tolist() == [3, 4]
    if create_graph:
        (second,) = autograd.grad(x.grad.sum(), x)
        assert second.tolist() == [1, 1]
