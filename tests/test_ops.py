"""Every op record against finite differences, against its own rule, and against its own formula."""

import numpy as np
import pytest

import autograd
from autograd.ops import Op, primitive, registry
from tests import opcheck

OPS = [op for op in registry.values() if op.samples]
DIFFERENTIABLE = [op for op in OPS if op.differentiable]
GUARDS = {"guard", "at_least"}  # what they guard against is what people do not read
FLAT = {"floor", "floor_divide", "heaviside", "round", "sign"}  # their derivative is 0


def each(ops):
    return pytest.mark.parametrize("op", ops, ids=lambda op: op.name)


def test_every_differentiable_op_brings_samples():
    without = [op.name for op in registry.values() if op.differentiable and not op.samples]
    assert without in ([], ["cast"])  # cast changes the dtype, so differences in float64 say nothing of it


@each(DIFFERENTIABLE)
def test_rules_agree_with_finite_differences(op):
    opcheck.check_first(op)


@each([op for op in DIFFERENTIABLE if op.name not in FLAT])
def test_second_derivatives_agree_with_finite_differences(op):
    opcheck.check_second(op)


@each(DIFFERENTIABLE)
def test_a_repeated_argument_receives_the_sum(op):
    opcheck.check_repeated(op)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@each([op for op in OPS if op.vjp])
def test_fused_kernels_agree_with_their_rules(op, dtype):
    opcheck.check_vjp(op, dtype)


@each([op for op in OPS if op.formula and op.name not in GUARDS])
def test_formulas_compute_what_the_forward_computes(op):
    opcheck.check_formula(op)


@each(OPS)
def test_layouts_do_not_matter(op):
    opcheck.check_layouts(op)


@each(DIFFERENTIABLE)
def test_float32_gives_float32_gradients(op):
    for inputs, params in opcheck.cases(op, np.float32):
        xs = opcheck.tensors(op, inputs)
        y = opcheck.call(op, params)(*xs)
        y.backward(np.ones(y.shape))
        for x in xs:
            if getattr(x, "requires_grad", False):
                assert x.grad.dtype == np.float32 and x.grad.shape == x.shape


@pytest.fixture
def toy(request):
    """A place to declare ops that go away after the test."""
    before = dict(registry)
    yield
    for name in set(registry) - set(before):
        del registry[name]


def test_a_toy_op_declared_in_one_place_gets_everything(toy):
    @primitive(
        "swish",
        formula=lambda x: x / (1 + np.exp(-x)),
        x=lambda g, x, u: g * (u + autograd.sigmoid(x) * (1 - u)),
        samples=lambda s: [(s(3, 4),), (s(5),)],
    )
    def swish(x):
        return x / (1 + np.exp(-x))

    opcheck.check_first(swish)
    opcheck.check_second(swish)
    opcheck.check_formula(swish)
    opcheck.check_layouts(swish)
    x = autograd.tensor([0.5], requires_grad=True)
    import viz

    source = viz.draw(swish(x).sum(), show="both").source
    assert "swish" in source and "σ(" in source and "⊙" in source


@pytest.mark.parametrize(
    ("planted", "rule"),
    [
        ("a wrong factor", lambda g, u: g * u * (1 - u) * (1 + 1e-6)),
        ("a lost term", lambda g, u: g * u),
        ("a wrong sign", lambda g, u: -g * u * (1 - u)),
        ("one entry in many", lambda g, u: g * u * (1 - u) * (np.arange(12).reshape(3, 4) != 7)),
    ],
)
def test_a_planted_wrong_rule_fails_the_gradient_check(toy, planted, rule):
    @primitive(x=rule, samples=lambda s: [(s(3, 4),)], method=False)
    def planted_sigmoid(x):
        return 1 / (1 + np.exp(-x))

    with pytest.raises(autograd.GradcheckError, match="finite differences say"):
        opcheck.check_first(planted_sigmoid)


def test_a_planted_wrong_kernel_fails_against_the_rule(toy):
    @primitive(
        x=lambda g, u: g * u * (1 - u),
        vjp=lambda g, u: (g * u * (1 + u),),
        samples=lambda s: [(s(3, 4),)],
        method=False,
    )
    def planted_kernel(x):
        return 1 / (1 + np.exp(-x))

    with pytest.raises(AssertionError):
        opcheck.check_vjp(planted_kernel, np.float64)


def test_a_rule_that_is_right_at_first_order_only_fails_the_second(toy):
    frozen = lambda x: np.asarray(x.detach().numpy() if isinstance(x, autograd.Tensor) else x)

    @primitive(x=lambda g, x: g * 3 * frozen(x) ** 2, samples=lambda s: [(s(3),)], method=False)
    def planted_cube(x):
        return x**3

    opcheck.check_first(planted_cube)
    with pytest.raises(autograd.GradcheckError):
        opcheck.check_second(planted_cube)


def test_a_rule_for_no_input_is_refused(toy):
    with pytest.raises(TypeError, match="a rule for"):
        primitive(z=lambda g: g)(lambda x: x)


def test_a_rule_that_asks_for_what_is_not_there_is_refused(toy):
    with pytest.raises(TypeError, match=r"asks for \['w'\]"):
        primitive(x=lambda g, w: g * w)(lambda x: x)


def test_an_op_is_declared_once(toy):
    with pytest.raises(TypeError, match="already declared"):

        @primitive(x=lambda g: g)
        def add(x):
            return x


def test_ops_know_which_values_their_rules_read():
    assert registry["mul"].uses == (True, True) and not registry["mul"].uses_output
    assert registry["add"].uses == (False, False)
    assert registry["exp"].uses == (False,) and registry["exp"].uses_output
    assert registry["sigmoid"].uses == (True,)  # not its rule, but its kernel reads the input
    assert registry["sum"].uses == (False,)  # its shape only


def test_an_op_on_arrays_just_computes():
    assert isinstance(autograd.sigmoid(np.zeros(3)), np.ndarray)
    assert isinstance(autograd.sigmoid, Op)
