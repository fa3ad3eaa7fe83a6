"""Elementwise functions: PyTorch's corners, and every digit of the exact value."""

import math
import operator

import mpmath
import numpy as np
import pytest

import autograd
from autograd import DtypeError, ShapeError, Tensor, tensor

inf, nan = math.inf, math.nan


def leaf(value, dtype=None):
    return tensor(value, dtype=dtype, requires_grad=True)


def value_and_gradient(function, *values, dtype="float64"):
    """The value, and the gradient of the sum with respect to each argument, as lists."""
    xs = [leaf(v, dtype) for v in values]
    y = function(*xs)
    y.backward(autograd.ones(y.shape, dtype=y.dtype))
    return y.tolist(), *(x.grad.tolist() for x in xs)


# -- every digit

mp = mpmath.mp.clone()
mp.prec = 200
ROOT_PI = mp.sqrt(mp.pi)


def spread(low, high):
    """Points of [low, high], of all magnitudes near 0 too."""
    generator = np.random.default_rng(0)
    x = generator.uniform(low, high, 120)
    return np.concatenate([x, x * 10.0 ** -generator.uniform(0, 9, 120), [low, high]])


def positive(top):
    """Positive numbers of all magnitudes up to 10^top."""
    return 10.0 ** np.random.default_rng(0).uniform(-top, top, 200)


def join(*parts):
    return np.concatenate(parts)


STEPS = 2.0 ** -np.arange(2, 24)
AROUND_1, BELOW_1 = join(1 + STEPS, 1 - STEPS), 1 - STEPS


def sigmoid(x):
    return 1 / (1 + mp.exp(-x))


EXACT = {
    # name: (the function, its derivative, points for float32, further points for float64)
    "exp": (mp.exp, mp.exp, spread(-103, 88.7), spread(-744, 709.7)),
    "exp2": (lambda x: mp.mpf(2) ** x, lambda x: mp.log(2) * mp.mpf(2) ** x,
             spread(-149, 127.9), spread(-1073, 1023.9)),
    "expm1": (mp.expm1, mp.exp, spread(-103, 88.7), spread(-744, 709.7)),
    "log": (mp.log, lambda x: 1 / x, join(positive(37), AROUND_1), positive(307)),
    "log2": (lambda x: mp.log(x, 2), lambda x: 1 / x / mp.log(2), join(positive(37), AROUND_1), positive(307)),
    "log10": (mp.log10, lambda x: 1 / x / mp.log(10), join(positive(37), AROUND_1), positive(307)),
    "log1p": (mp.log1p, lambda x: 1 / (1 + x), join(positive(37), -BELOW_1, spread(-0.9, 3)), positive(307)),
    "sqrt": (mp.sqrt, lambda x: 1 / (2 * mp.sqrt(x)), positive(37), positive(307)),
    "rsqrt": (lambda x: 1 / mp.sqrt(x), lambda x: -1 / (2 * x * mp.sqrt(x)), positive(37), positive(307)),
    "reciprocal": (lambda x: 1 / x, lambda x: -1 / x**2, positive(37), positive(307)),
    "square": (lambda x: x**2, lambda x: 2 * x, positive(37), positive(307)),
    "sin": (mp.sin, mp.cos, spread(-100, 100), positive(6)),
    "cos": (mp.cos, lambda x: -mp.sin(x), spread(-100, 100), positive(6)),
    "tan": (mp.tan, lambda x: 1 + mp.tan(x) ** 2, spread(-100, 100), positive(6)),
    "asin": (mp.asin, lambda x: 1 / mp.sqrt(1 - x**2), join(spread(-0.99, 0.99), BELOW_1), ()),
    "acos": (mp.acos, lambda x: -1 / mp.sqrt(1 - x**2), join(spread(-0.99, 0.99), BELOW_1), ()),
    "atan": (mp.atan, lambda x: 1 / (1 + x**2), join(spread(-20, 20), positive(37)), positive(307)),
    "sinh": (mp.sinh, mp.cosh, spread(-89, 89), spread(-710, 710)),
    "cosh": (mp.cosh, mp.sinh, spread(-89, 89), spread(-710, 710)),
    "tanh": (mp.tanh, lambda x: mp.sech(x) ** 2, spread(-51, 51), spread(-372, 372)),
    "asinh": (mp.asinh, lambda x: 1 / mp.sqrt(1 + x**2), join(spread(-9, 9), positive(37)), positive(307)),
    "acosh": (mp.acosh, lambda x: 1 / mp.sqrt(x**2 - 1), 1 + positive(7), 1 + positive(15)),
    "atanh": (mp.atanh, lambda x: 1 / (1 - x**2), join(spread(-0.99, 0.99), BELOW_1), ()),
    "sigmoid": (sigmoid, lambda x: sigmoid(x) * sigmoid(-x), spread(-103, 103), spread(-744, 744)),
    "logit": (lambda x: mp.log(x / (1 - x)), lambda x: 1 / (x * (1 - x)),
              join(spread(0.01, 0.99), BELOW_1, AROUND_1 / 2, 10.0 ** -np.linspace(1, 37)),
              10.0 ** -np.linspace(1, 307)),
    "erf": (mp.erf, lambda x: 2 / ROOT_PI * mp.exp(-(x**2)), spread(-10, 10), spread(-27, 27)),
    "erfc": (mp.erfc, lambda x: -2 / ROOT_PI * mp.exp(-(x**2)), spread(-10, 10), spread(-27, 27)),
    "deg2rad": (lambda x: x * mp.pi / 180, lambda x: mp.pi / 180, spread(-720, 720), ()),
    "rad2deg": (lambda x: x * 180 / mp.pi, lambda x: 180 / mp.pi, spread(-7, 7), ()),
}  # fmt: skip


def ulps(found, exact, dtype):
    """The largest distance, in units of the last place of the exact value, and the place."""
    limit = np.finfo(dtype)
    worst, place = 0.0, None
    for k, (a, e) in enumerate(zip(found, exact, strict=True)):
        if abs(e) > float(limit.max):
            off = 0.0 if abs(a) in (inf, limit.max) else inf
        elif not np.isfinite(a):
            off = 0.0 if abs(e) > float(limit.max) * (1 - limit.eps) else inf
        else:
            off = float(abs(mp.mpf(float(a)) - e) / float(np.spacing(np.abs(dtype(float(e))))))
        if not off <= worst:
            worst, place = off, k
    return worst, place


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", EXACT)
def test_values_within_two_and_a_half_ulp_and_gradients_within_four_tails_included(name, dtype):
    function, derivative, points, further = EXACT[name]
    x = np.asarray(points if dtype is np.float32 else np.concatenate([points, further]), dtype)
    at = [mp.mpf(float(v)) for v in x]
    t = leaf(x)
    y = getattr(autograd, name)(t)
    y.backward(autograd.ones(x.shape, dtype=y.dtype))
    assert y.dtype == dtype
    forward, k = ulps(y.detach().numpy(), [function(v) for v in at], dtype)
    assert forward <= 2.5, f"{name}({x[k]!r}) is off by {forward:.3g} ulp"
    backward, k = ulps(t.grad.numpy(), [derivative(v) for v in at], dtype)
    assert backward <= 4, f"{name}'({x[k]!r}) is off by {backward:.3g} ulp"


PAIRS = {
    # name: (the function, its derivatives, first arguments, second arguments)
    "div": (lambda x, y: x / y, (lambda x, y: 1 / y, lambda x, y: -x / y**2), positive(18), positive(18)[::-1]),
    "hypot": (mp.hypot, (lambda x, y: x / mp.hypot(x, y), lambda x, y: y / mp.hypot(x, y)),
              positive(37), positive(37)[::-1]),
    "atan2": (mp.atan2, (lambda y, x: x / (x**2 + y**2), lambda y, x: -y / (x**2 + y**2)),
              positive(18), positive(18)[::-1]),
    "logaddexp": (lambda x, y: mp.log(mp.exp(x) + mp.exp(y)),
                  (lambda x, y: sigmoid(x - y), lambda x, y: sigmoid(y - x)), spread(-80, 80), np.zeros(1)),
    "pow": (lambda x, y: x**y, (lambda x, y: y * x ** (y - 1), lambda x, y: x**y * mp.log(x)),
            positive(1), np.array([2, 3, 0.5, -1, -0.5, 7, 1, 4, -2, 5])),
}  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", PAIRS)
def test_functions_of_two_arguments_are_as_accurate(name, dtype):
    function, derivatives, *points = PAIRS[name]
    points = [np.asarray(p, dtype) for p in points]
    points[1] = np.resize(points[1], points[0].shape)
    at = [(mp.mpf(float(a)), mp.mpf(float(b))) for a, b in zip(*points, strict=True)]
    xs = [leaf(p) for p in points]
    z = getattr(autograd, name)(*xs)
    z.backward(autograd.ones(z.shape, dtype=z.dtype))
    assert ulps(z.detach().numpy(), [function(*v) for v in at], dtype)[0] <= 2.5
    for x, derivative in zip(xs, derivatives, strict=True):
        assert ulps(x.grad.numpy(), [derivative(*v) for v in at], dtype)[0] <= 4


# -- special values


def test_a_zero_upstream_gives_a_zero_gradient_where_the_derivative_is_infinite():
    x = leaf([-1.0, 0.0, 4.0])
    autograd.where(x > 0, autograd.sqrt(x), 0.0).sum().backward()
    assert x.grad.tolist() == [0, 0, 0.25]
    x = leaf([1000.0, 1.0])
    autograd.where(x < 500, autograd.exp(x), 0.0).sum().backward()
    assert x.grad.tolist() == [0, pytest.approx(math.e)]


@pytest.mark.parametrize("function", [autograd.maximum, autograd.minimum])
def test_a_tie_shares_the_gradient_evenly(function):
    _, first, second = value_and_gradient(function, [1.0, 2.0], [1.0, 2.0])
    assert first == second == [0.5, 0.5]


@pytest.mark.parametrize(
    ("function", "x", "value", "gradient"),
    [
        (autograd.relu, 0.0, 0, 0),
        (autograd.relu, nan, nan, nan),
        (autograd.abs, 0.0, 0, 0),
        (autograd.sign, -3.0, -1, 0),
        (lambda x: x.clamp(-1, 1), 1.0, 1, 1),
        (lambda x: x.clamp(-1, 1), -1.0, -1, 1),
        (lambda x: x.clamp(-1, 1), 1.5, 1, 0),
        (lambda x: x.clamp(-1, 1), nan, nan, None),
        (autograd.sqrt, 0.0, 0, inf),
        (autograd.sqrt, -1.0, nan, nan),
        (autograd.rsqrt, 0.0, inf, -inf),
        (lambda x: x**0, 0.0, 1, 0),
        (lambda x: 0.0**x, 0.0, 1, 0),
        (lambda x: x**1, 0.0, 0, 1),
        (lambda x: x**0.5, -1.0, nan, nan),
        (autograd.log, 0.0, -inf, inf),
        (autograd.log, -1.0, nan, nan),
        (autograd.log2, -1.0, nan, nan),
        (autograd.log10, -1.0, nan, nan),
        (autograd.log1p, -1.0, -inf, inf),
        (autograd.log1p, -2.0, nan, nan),
        (autograd.asin, 1.0, math.pi / 2, inf),
        (autograd.acos, 1.0, 0, -inf),
        (autograd.asin, 1.5, nan, nan),
        (autograd.acosh, 1.0, 0, inf),
        (autograd.acosh, 0.5, nan, nan),
        (autograd.atanh, 1.0, inf, inf),
        (autograd.logit, 0.0, -inf, inf),
        (autograd.logit, 1.0, inf, inf),
        (autograd.logit, 1.5, nan, None),
        (autograd.exp, 1e4, inf, inf),
        (autograd.exp, -inf, 0, 0),
        (autograd.sigmoid, inf, 1, 0),
        (autograd.sigmoid, -inf, 0, 0),
        (autograd.tanh, -inf, -1, 0),
        (autograd.tanh, nan, nan, nan),
        (autograd.erf, inf, 1, 0),
        (autograd.erfc, inf, 0, 0),
        (autograd.erfc, -inf, 2, 0),
        (autograd.reciprocal, 0.0, inf, -inf),
        (lambda x: 1 / x, 0.0, inf, -inf),
        (lambda x: x / 0, 1.0, inf, inf),
        (lambda x: autograd.hypot(x, 0.0), 0.0, 0, 0),
        (lambda x: autograd.logaddexp(x, 0.0), -1000.0, 0, 0),
        (lambda x: autograd.logaddexp(x, 0.0), 1000.0, 1000, 1),
        (lambda x: autograd.xlogy(x, 0.0), 0.0, 0, 0),
        (lambda x: autograd.xlogy(0.0 * x, 2.0), 0.0, 0, 0),
        (autograd.frac, -1.25, -0.25, 1),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_special_values_and_their_gradients_come_without_a_warning(function, x, value, gradient, dtype):
    found, slope = value_and_gradient(function, x, dtype=dtype)
    assert found == pytest.approx(value, nan_ok=True)
    assert gradient is None or slope == pytest.approx(gradient, nan_ok=True)


@pytest.mark.parametrize(
    "name", ["add", "sub", "mul", "div", "maximum", "minimum", "fmod", "remainder", "atan2", "hypot", "logaddexp"]
)
def test_nan_propagates(name):
    function = getattr(autograd, name)
    assert function(tensor([nan, 1.0]), tensor([1.0, nan])).isnan().all()


def test_overflow_and_invalid_operations_are_silent():
    big = tensor([3e38, inf])
    assert (big * 10).tolist() == (big + big).tolist() == [inf, inf]
    assert (big - big).isnan().tolist() == [False, True] and (big * 0).isnan().tolist() == [False, True]


def test_fmax_and_fmin_take_the_number_where_one_is_nan():
    x, y = tensor([nan, 1.0, nan]), tensor([2.0, nan, nan])
    assert x.fmax(y)[:2].tolist() == x.fmin(y)[:2].tolist() == [2, 1] and x.fmax(y).isnan()[2]


def test_signed_zeros_infinities_and_nan_are_told_apart():
    x = tensor([-0.0, 0.0, -inf, nan])
    assert x.signbit().tolist()[:3] == [True, False, True]
    assert x.isinf().tolist() == [False, False, True, False] and x.isnan().tolist() == [False, False, False, True]
    assert x.isfinite().tolist() == [True, True, False, False]
    assert autograd.ceil(tensor(-0.5)).signbit().item() and autograd.trunc(tensor(-0.5)).signbit().item()


def test_closeness():
    x = tensor([1.0, inf, nan, 1.0])
    y = tensor([1.000001, inf, nan, 1.1])
    assert x.isclose(y).tolist() == [True, True, False, False]
    assert x.isclose(y, equal_nan=True).tolist() == [True, True, True, False]
    assert autograd.allclose(x[:2], y[:2]) is True and autograd.allclose(x, y) is False
    assert autograd.equal(tensor([1, 2]), tensor([1, 2])) is True
    assert autograd.equal(tensor([1, 2]), tensor([[1, 2]])) is False
    assert autograd.isclose(tensor([5], dtype="uint8"), tensor([7], dtype="uint8"), atol=2).item()


# -- dtypes


def test_float32_with_float64_is_float64_and_gradients_keep_their_tensors_dtype():
    x, y = leaf([1.0]), leaf([2.0], "float64")
    z = x * y
    z.sum().backward()
    assert (z.dtype, x.grad.dtype, y.grad.dtype) == (autograd.float64, autograd.float32, autograd.float64)


@pytest.mark.parametrize("scalar", [2, 2.5, True])
@pytest.mark.parametrize(
    "name", ["add", "sub", "mul", "div", "pow", "maximum", "remainder", "fmod", "atan2", "floor_divide"]
)
def test_a_python_number_never_widens(name, scalar):
    for dtype in (autograd.float32, autograd.float64):
        assert getattr(autograd, name)(tensor([1.5], dtype=dtype), scalar).dtype == dtype
    if scalar == 2:
        assert (tensor([3], dtype="int32") * scalar).dtype == autograd.int32


def test_integers_divide_to_floats_and_floor_divide_to_integers():
    x = tensor([7, -7])
    assert (x / 2).tolist() == [3.5, -3.5] and (x / 2).dtype == autograd.float32
    assert (x // 2).tolist() == [3, -4] and (x % 3).tolist() == [1, 2] and x.fmod(3).tolist() == [1, -1]
    assert x.div(2, rounding_mode="trunc").tolist() == [3, -3] and x.div(2, rounding_mode="floor").tolist() == [3, -4]
    assert x.div(2, rounding_mode="trunc").dtype == autograd.int64
    large = tensor([2**62 + 1])
    assert large.div(1, rounding_mode="trunc").item() == 2**62 + 1


def test_an_integer_to_a_negative_power_is_refused():
    for power in (-1, tensor([-1])):
        with pytest.raises(ValueError, match="negative integer power"):
            tensor([2]) ** power
    assert (tensor([2.0]) ** -1).item() == 0.5


@pytest.mark.parametrize("function", [operator.floordiv, operator.mod, autograd.fmod])
def test_an_integer_divided_by_zero_names_the_operation(function):
    with pytest.raises(ZeroDivisionError, match=r"floor_divide|remainder|fmod"):
        function(tensor([1]), 0)


def test_unsigned_bytes_wrap_around():
    x = tensor([250, 1], dtype="uint8")
    assert (x + 10).tolist() == [4, 11] and (x - 2).tolist() == [248, 255] and (-x).tolist() == [6, 255]


def test_what_a_dtype_cannot_do_is_a_dtype_error_that_names_the_operation():
    mask = tensor([True])
    for function in (lambda: mask - mask, lambda: -mask, lambda: tensor([1.0]) & 1, lambda: ~tensor([1.0])):
        with pytest.raises(DtypeError, match=r"sub|neg|bitwise"):
            function()


@pytest.mark.parametrize("name", ["add", "maximum", "pow", "where", "clamp", "lerp"])
def test_shapes_that_do_not_broadcast_are_named_with_the_axis(name):
    x, y = autograd.ones(2, 3), autograd.ones(2, 4)
    arguments = {"where": (x > 0, x, y), "lerp": (x, y, 0.5)}.get(name, (x, y))
    with pytest.raises(ShapeError, match=r"axis 1: (3 vs 4|4 vs 3)"):
        getattr(autograd, name)(*arguments)


# -- PyTorch's names and Python's operators

OPERATORS = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow"]


@pytest.mark.parametrize("name", OPERATORS)
def test_operators_work_from_both_sides_and_in_place(name):
    function, in_place = getattr(operator, name), getattr(operator, f"i{name}")
    a, b = np.array([5.0, 7.5]), np.array([2.0, 3.0])
    expected = function(a, b)
    for found in (
        function(tensor(a), tensor(b)), function(tensor(a), b), function(a, tensor(b)),
        function(tensor(a), tensor(b).to("float32")), in_place(tensor(a), tensor(b)),
    ):  # fmt: skip
        assert isinstance(found, Tensor) and found.tolist() == expected.tolist()
    assert function(tensor(5.0), 2).item() == function(5.0, tensor(2.0)).item() == function(5.0, 2)
    x = leaf(a)
    y = x * 1
    before = y
    y = in_place(y, 2.0)
    assert y is before and y.tolist() == function(a, 2.0).tolist()
    y.sum().backward()
    assert x.grad is not None


@pytest.mark.parametrize("name", ["and", "or", "xor"])
def test_logical_operators_work_on_masks_and_integers_from_both_sides_and_in_place(name):
    function = getattr(operator, f"__{name}__")
    for a, b in [([True, False], [True, True]), ([6, 5], [3, 4])]:
        a, b = np.array(a), np.array(b)
        expected = function(a, b).tolist()
        assert function(tensor(a), tensor(b)).tolist() == function(a, tensor(b)).tolist() == expected
        assert getattr(operator, f"__i{name}__")(tensor(a), tensor(b)).tolist() == expected
    assert (~tensor([True, False])).tolist() == [False, True] and (~tensor([0])).tolist() == [-1]


def test_alpha_scales_what_is_added():
    _, x, y = value_and_gradient(lambda x, y: autograd.add(x, y, alpha=3), [1.0], [2.0])
    assert (x, y) == ([1], [3])
    assert tensor([1.0]).sub(tensor([2.0]), alpha=3).item() == -5
    assert tensor([1.0]).add_(2, alpha=3).item() == 7


def test_keywords_are_pytorchs():
    x = tensor([2.0])
    assert autograd.mul(input=x, other=3).item() == x.pow(exponent=3).item() - 2 == 6
    assert x.maximum(other=tensor([5.0])).item() == 5


def test_pytorchs_second_names_are_functions_methods_and_in_place_methods():
    for name, value in {"absolute": 0.5, "negative": 0.5, "arctan": math.atan(-0.5), "fix": 0, "sgn": -1}.items():
        x = tensor([-0.5])
        assert getattr(autograd, name)(x).item() == getattr(x, name)().item() == pytest.approx(value)
        assert getattr(x, f"{name}_")() is x and x.item() == pytest.approx(value)
    x = tensor([1.0, 3.0])
    assert autograd.greater(x, 2).tolist() == x.greater_equal(3).tolist() == [False, True]
    assert autograd.clip(x, 0, 2).tolist() == [1, 2] and autograd.true_divide(x, 2).tolist() == [0.5, 1.5]


@pytest.mark.parametrize(
    "function",
    [np.exp, np.expm1, np.log1p, np.log2, np.tan, np.arctan, np.arcsin, np.sinh, np.arccosh, np.square, np.floor,
     np.ceil, np.trunc, np.sign, np.isnan, np.signbit, np.exp2, np.deg2rad, np.reciprocal],
)  # fmt: skip
def test_numpys_functions_work_on_tensors(function):
    x = np.array([0.3, 0.9]) + (function is np.arccosh)
    found = function(tensor(x))
    assert isinstance(found, Tensor)
    np.testing.assert_allclose(found.numpy(), function(x), rtol=1e-14)


def test_numpys_functions_of_two_tensors():
    x, y = np.array([5.0, -7.5]), np.array([2.0, 3.0])
    for function in (np.hypot, np.arctan2, np.fmod, np.remainder, np.floor_divide, np.logaddexp, np.fmax, np.maximum):
        np.testing.assert_allclose(function(tensor(x), y).numpy(), function(x, y), rtol=1e-14)
    assert np.clip(tensor(x), 0, 2).tolist() == [2, 0] and np.allclose(tensor(x), x)


def test_rounding_to_places_halves_to_even_and_has_no_slope():
    assert autograd.round(tensor([0.5, 1.5, -2.5])).tolist() == [0, 2, -2]
    assert tensor([1234.567]).round(decimals=-2).item() == 1200
    for function in (autograd.round, autograd.floor, autograd.ceil, autograd.trunc):
        assert value_and_gradient(function, [1.25, -1.25])[1] == [0, 0]


def test_equations_of_the_activations_stay_the_slides():
    g, u = np.array(3.0), np.array(0.25)
    assert autograd.sigmoid.rules["x"](g, u) == g * u * (1 - u)
    assert autograd.tanh.rules["x"](g, u) == g * (1 - u**2)
