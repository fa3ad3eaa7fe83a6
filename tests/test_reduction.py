"""Reductions where it gets hard: nothing to reduce, zeros, ties, nan and infinity, and float32's short mantissa."""

import math

import numpy as np
import pytest

import autograd
from autograd import DtypeError, ShapeError, linalg, tensor

NAN, INF = math.nan, math.inf
OVER_MANY = [
    "sum",
    "mean",
    "amax",
    "amin",
    "logsumexp",
    "var",
    "std",
    "norm",
    "nansum",
    "nanmean",
    "any",
    "all",
    "count_nonzero",
]
ALONG_ONE = [
    "prod",
    "max",
    "min",
    "median",
    "nanmedian",
    "argmax",
    "argmin",
    "cumsum",
    "cumprod",
    "softmax",
    "log_softmax",
]


def gradient(function, *values, dtype="float64"):
    """The gradient of a function (its results summed) at ``values``, as an array."""
    x = tensor(values if len(values) > 1 else values[0], dtype=dtype, requires_grad=True)
    function(x).sum().backward()
    return x.grad.numpy()


# -- nothing


def test_the_sum_of_nothing_is_0_and_its_gradient_has_its_shape():
    x = tensor([], requires_grad=True)
    total = x.sum()
    total.backward()
    assert total.item() == 0 and x.grad.shape == (0,)


def test_the_product_of_nothing_is_1():
    x = autograd.zeros(0, 3, requires_grad=True)
    x.prod().backward()
    assert x.grad.shape == (0, 3) and x.prod(0).tolist() == [1, 1, 1]


@pytest.mark.parametrize("shape", [(0,), (0, 2)])
def test_the_mean_of_nothing_is_nan_with_a_warning(shape):
    x = autograd.zeros(shape, requires_grad=True)
    with pytest.warns(RuntimeWarning, match=r"mean: shape \(0,.*no elements"):
        y = x.mean(0)
    assert np.isnan(y.tolist()).all()
    y.sum().backward()
    assert x.grad.shape == shape


@pytest.mark.parametrize("name", ["max", "min", "amax", "amin", "aminmax", "argmax", "argmin", "median", "nanmedian"])
def test_an_extreme_of_nothing_is_an_error_but_nothing_of_nothing_is_not(name):
    function = getattr(autograd, name)
    with pytest.raises(ValueError, match=r"shape \(0,\) has no elements.*no identity"):
        function(tensor([]))
    with pytest.raises(ShapeError, match=r"shape \(3, 0\) .* over dim 1.*no identity"):
        function(autograd.zeros(3, 0), dim=1)
    result = function(autograd.zeros(3, 0), dim=0)
    assert (result[0] if isinstance(result, tuple) else result).shape == (0,)


def test_softmax_and_logsumexp_of_nothing():
    assert autograd.softmax(tensor([]), 0).shape == (0,)
    assert autograd.logsumexp(tensor([]), 0).item() == -INF


# -- axes


@pytest.mark.parametrize("name", OVER_MANY + ALONG_ONE)
def test_an_axis_that_is_not_there_is_an_index_error(name):
    x = autograd.ones(2, 3)
    for bad in (2, -3):
        with pytest.raises(IndexError, match=rf"range of \[-2, 1\], but got {bad}"):
            getattr(x, name)(dim=bad)
    with pytest.raises(IndexError, match=r"range of \[-1, 0\], but got 1"):
        getattr(tensor(1.0), name)(dim=1)
    with pytest.raises(TypeError, match="integer"):
        getattr(x, name)(dim=0.5)


@pytest.mark.parametrize("name", OVER_MANY)
def test_an_axis_named_twice_is_an_error(name):
    with pytest.raises(ShapeError, match="multiple times"):
        getattr(autograd.ones(2, 3), name)(dim=(0, -2))


@pytest.mark.parametrize("name", ["sum", "mean", "amax", "var", "norm", "logsumexp"])
def test_an_empty_tuple_means_all_axes(name):
    x = tensor([[1.0, 2.0], [3.0, 5.0]])
    assert getattr(x, name)(dim=()).item() == getattr(x, name)(dim=(0, 1)).item()


@pytest.mark.parametrize("name", [*OVER_MANY[:-1], *ALONG_ONE[:5]])
def test_numpys_names_of_the_arguments(name):
    x = tensor([[1.0, 2.0], [3.0, 5.0]])
    ours, numpys = getattr(x, name)(dim=1, keepdim=True), getattr(autograd, name)(x, axis=1, keepdims=True)
    for a, b in zip(*[y if isinstance(y, tuple) else (y,) for y in (ours, numpys)], strict=True):
        assert a.shape == (2, 1) and a.tolist() == b.tolist()


@pytest.mark.parametrize(
    "function",
    [np.sum, np.mean, np.max, np.min, np.prod, np.cumsum, np.cumprod, np.argmax, np.nansum, np.nanmean, np.linalg.norm],
)
def test_numpys_functions_on_tensors(function):
    x = np.array([[1.0, 4.0], [3.0, 2.0]])
    for kwargs in ({}, {"axis": 1}):
        np.testing.assert_allclose(function(tensor(x), **kwargs).numpy(), function(x, **kwargs), rtol=1e-15)


# -- what PyTorch gives in pairs


@pytest.mark.parametrize(
    ("name", "values", "indices"), [("max", [4, 3], [1, 0]), ("min", [1, 2], [0, 1]), ("median", [1, 2], [0, 1])]
)
def test_along_an_axis_the_values_come_with_their_places(name, values, indices):
    x = tensor([[1.0, 4.0], [3.0, 2.0]], requires_grad=True)
    pair = getattr(x, name)(1)
    assert pair.values.tolist() == values and pair.indices.tolist() == indices
    assert pair.values.requires_grad and not pair.indices.requires_grad and pair.indices.dtype == autograd.int64
    a, _ = getattr(autograd, name)(x, 1, True)
    assert a.shape == (2, 1)
    assert getattr(x, name)().shape == ()
    assert getattr(tensor(3.0), name)(0).indices.item() == 0


def test_max_of_two_tensors_is_maximum():
    a, b = tensor([1.0, 5.0]), tensor([3.0, 2.0])
    assert autograd.max(a, b).tolist() == a.max(other=b).tolist() == [3, 5]
    assert autograd.min(a, b).tolist() == a.min(b).tolist() == [1, 2]


# -- dtypes


def test_dtype_says_in_what_to_compute():
    x = tensor([1.5, 2.5], requires_grad=True)
    y = x.sum(dtype=autograd.float64)
    y.backward()
    assert y.dtype == autograd.float64 and x.grad.dtype == autograd.float32
    assert tensor([1, 2]).mean(dtype=autograd.float32).item() == 1.5
    assert tensor([300, 300]).prod(dtype=autograd.int32).dtype == autograd.int32
    assert tensor([1, 2], dtype="uint8").cumsum(0).dtype == autograd.int64
    assert tensor([True, True]).sum().item() == 2
    assert tensor([1, 2], dtype="uint8").any().dtype == autograd.uint8
    assert tensor([0, 1]).softmax(0, dtype=autograd.float64).dtype == autograd.float64


@pytest.mark.parametrize("name", ["mean", "var", "std", "norm", "nanmean"])
def test_the_mean_of_integers_is_refused(name):
    with pytest.raises(DtypeError, match=r"expects a floating point dtype, found int64; convert with \.float\(\)"):
        getattr(tensor([1, 2]), name)()


def test_float32_accumulates_in_float64():
    x = tensor([1e8, 1.0, -1e8])
    assert x.sum().item() == x.nansum().item() == x.cumsum(0)[-1].item() == 1
    assert x.mean().item() == pytest.approx(1 / 3)
    assert tensor([1e30, 1e30, 1e-30, 1e-30]).prod().item() == pytest.approx(1)
    assert tensor([1e30, 1e30, 1e-30, 1e-30]).cumprod(0)[-1].item() == pytest.approx(1)
    assert tensor([3e30, 4e30]).norm().item() == pytest.approx(5e30)
    assert autograd.ones(2**24 + 1).norm().item() == pytest.approx(math.sqrt(2**24 + 1), rel=1e-7)


# -- extremes


@pytest.mark.parametrize(
    "function", [lambda x: x.max(), lambda x: x.amax(), lambda x: x.amax(0), lambda x: x.max(0).values]
)
def test_ties_share_the_gradient_evenly(function):
    assert gradient(function, 1.0, 2.0, 2.0).tolist() == [0, 0.5, 0.5]
    assert gradient(lambda x: -function(-x), 1.0, 1.0, 2.0).tolist() == [0.5, 0.5, 0]


@pytest.mark.parametrize(
    "name", ["max", "min", "amax", "amin", "median", "sum", "mean", "prod", "var", "std", "norm", "logsumexp"]
)
def test_nan_propagates(name):
    x = tensor([1.0, NAN, 3.0], requires_grad=True)
    y = getattr(x, name)() if name != "logsumexp" else x.logsumexp(0)
    assert math.isnan(y.item())
    y.backward()
    assert x.grad.shape == (3,)


def test_the_median_is_the_lower_of_two_and_nan_is_last():
    x = tensor([[4.0, 1.0, 3.0, 2.0], [NAN, 5.0, NAN, 6.0]], requires_grad=True)
    assert x[0].median().item() == 2
    assert x.median(1).indices.tolist() == [3, 0] and math.isnan(x.median(1).values[1].item())
    values, indices = x.nanmedian(1)
    assert values.tolist() == [2, 5] and indices.tolist() == [3, 1]
    assert math.isnan(tensor([NAN, NAN]).nanmedian().item())
    assert gradient(lambda x: x.median(), 4.0, 1.0, 3.0).tolist() == [0, 0, 1]


# -- exponentials


def test_logsumexp_neither_overflows_nor_underflows():
    assert autograd.logsumexp(tensor([1000.0, 1000.0]), 0).item() == pytest.approx(1000 + math.log(2))
    assert gradient(lambda x: x.logsumexp(0), 1000.0, 1000.0).tolist() == [0.5, 0.5]
    assert autograd.logsumexp(tensor([-1000.0, -1001.0]), 0).item() == pytest.approx(-1000 + math.log1p(math.exp(-1)))
    assert autograd.logsumexp(tensor([INF, 1000.0]), 0).item() == INF
    assert autograd.logsumexp(tensor([-INF, -INF]), 0).item() == -INF
    assert gradient(lambda x: x.logsumexp(0), -INF, -INF).tolist() == [0, 0]


def test_softmax_far_out():
    assert autograd.log_softmax(tensor([0.0, 1000.0]), 0).tolist() == [-1000, 0]
    assert gradient(lambda x: x.log_softmax(0)[0], 0.0, 1000.0).tolist() == [1, -1]
    assert autograd.softmax(tensor([-INF, 0.0]), 0).tolist() == [0, 1]
    assert np.isnan(autograd.softmax(tensor([-INF, -INF]), 0).numpy()).all()


# -- products


@pytest.mark.parametrize("zeros", [(), (1,), (0, 3), (0, 1, 2, 3)])
def test_products_with_zeros_have_their_exact_gradient(zeros):
    x = np.array([2.0, -3.0, 5.0, 7.0])
    x[list(zeros)] = 0
    others = [np.prod(np.delete(x, k)) for k in range(4)]
    np.testing.assert_array_equal(gradient(lambda x: x.prod(), *x), others)
    partial = [sum(np.prod(np.delete(x[:m], k)) for m in range(k + 1, 5)) for k in range(4)]
    np.testing.assert_array_equal(gradient(lambda x: x.cumprod(0), *x), partial)
    t = tensor(x, requires_grad=True)
    for function in (lambda x: x.prod(), lambda x: x.cumprod(0), lambda x: x.reshape(2, 2).prod(1)):
        assert autograd.gradcheck(function, t) and autograd.gradgradcheck(function, t)


def test_the_third_derivative_of_a_product():
    x = tensor([2.0, 0.0, 5.0], requires_grad=True)
    (first,) = autograd.grad(x.prod(), x, create_graph=True)
    (second,) = autograd.grad(first[0], x, create_graph=True)
    (third,) = autograd.grad(second[1], x)
    assert first.tolist() == [0, 10, 0] and second.tolist() == [0, 5, 0] and third.tolist() == [0, 0, 1]


# -- moments and norms


def test_the_variance_has_two_names_for_its_correction():
    x = tensor([1.0, 2.0, 3.0, 4.0], dtype="float64")
    for kwargs, divisor in [
        ({}, 3),
        ({"unbiased": False}, 4),
        ({"correction": 0}, 4),
        ({"correction": 1.5}, 2.5),
        ({"correction": -1}, 5),
    ]:
        assert x.var(**kwargs).item() == pytest.approx(5 / divisor)
        assert x.std(**kwargs).item() == pytest.approx(math.sqrt(5 / divisor))
    assert x.var(False).item() == x.var(0, False).item() == autograd.var_mean(x, unbiased=False)[0].item() == 1.25
    assert [y.item() for y in autograd.std_mean(x, correction=0)] == pytest.approx([math.sqrt(1.25), 2.5])


@pytest.mark.parametrize("name", ["var", "std"])
def test_too_few_elements_for_a_variance_give_nan_with_a_warning(name):
    with pytest.warns(RuntimeWarning, match=f"{name}: 1 elements less the correction 1 leave none"):
        assert math.isnan(getattr(tensor([1.0]), name)().item())


@pytest.mark.parametrize("value", [0.0, 0.1, 1e30])
def test_the_standard_deviation_of_a_constant_has_gradient_0(value):
    for dtype in ("float32", "float64"):
        np.testing.assert_allclose(gradient(lambda x: x.std(), *[value] * 7, dtype=dtype), 0, atol=1e-6)
    assert gradient(lambda x: x.std(), 0.5, 0.5, 0.5).tolist() == [0, 0, 0]


@pytest.mark.parametrize("p", [2, 1, 3, 1.5, 0.5, 0, INF, -INF, -1])
def test_the_gradient_of_a_norm_at_0_is_0(p):
    assert gradient(lambda x: x.norm(p), 0.0, 0.0).tolist() == [0, 0]
    assert np.isfinite(gradient(lambda x: x.norm(p), 0.0, 2.0)).all()


def test_the_second_derivative_of_a_norm_where_a_part_is_0():
    x = tensor([0.0, 2.0], dtype="float64", requires_grad=True)
    for p in (2, 4):
        assert autograd.gradgradcheck(lambda x, p=p: x.norm(p), x)


@pytest.mark.parametrize("order", ["fro", "nuc", 1, -1, 2, -2, INF, -INF])
@pytest.mark.parametrize("shape", [(3, 3), (2, 4), (2, 3, 2)])
def test_norms_of_matrices(order, shape):
    x = np.random.default_rng(0).standard_normal(shape)
    t = tensor(x, requires_grad=True)
    np.testing.assert_allclose(linalg.matrix_norm(t, order).detach(), np.linalg.norm(x, order, (-2, -1)), rtol=1e-13)
    assert linalg.matrix_norm(t, order, (0, 1), keepdim=True).shape == (1, 1, *shape[2:])
    assert autograd.gradcheck(lambda t: linalg.matrix_norm(t, order), t)
    assert autograd.gradgradcheck(lambda t: linalg.matrix_norm(t, order), t)


def test_what_is_not_a_norm():
    x = autograd.ones(2, 2, 2)
    with pytest.raises(ValueError, match="order 3 is not supported; it is fro, nuc"):
        linalg.matrix_norm(x, 3)
    with pytest.raises(ShapeError, match=r"must be 1D or 2D, found shape \(2, 2, 2\)"):
        linalg.norm(x, 2)
    with pytest.raises(ShapeError, match="the axes of the rows and of the columns"):
        linalg.matrix_norm(x, dim=(0, 1, 2))
    with pytest.raises(ShapeError, match="expects a matrix"):
        linalg.svdvals(x[0, 0])
    with pytest.raises(ValueError, match="ord must be a number, found 'max'"):
        x.norm("max")
    with pytest.raises(ValueError, match="holds a nan or inf"):
        linalg.norm(tensor([[NAN]]), "nuc")


def test_nan_is_left_out_of_nansum_and_nanmean():
    x = tensor([[1.0, NAN], [3.0, 4.0]], requires_grad=True)
    assert x.nansum(1).tolist() == [1, 7] and x.nanmean(0).tolist() == [2, 4]
    x.nanmean().backward()
    np.testing.assert_allclose(x.grad.numpy(), [[1 / 3, 0], [1 / 3, 1 / 3]], rtol=1e-6)
    assert math.isnan(autograd.nanmean(tensor([NAN])).item())
