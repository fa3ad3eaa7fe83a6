"""Tensors from data and from nothing, random tensors, dtypes and devices; and what bad input is told."""

import array
import copy
import inspect
import subprocess
import sys

import numpy as np
import pytest

import autograd
from autograd import DtypeError, GraphError

F32 = autograd.float32


# -- inputs


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([[1, 2], [3]], r"expected sequence of length 2 at dim 1 \(got 1\).*position \[1\]"),
        ([[1, 2], 3], r"expected sequence of length 2 at dim 1 \(got a number\).*position \[1\]"),
        ([1, [2]], r"expected a number at dim 1 \(got 1\).*position \[1\]"),
        ([[[1], [2]], [[3], [4, 5]]], r"length 1 at dim 2 \(got 2\).*position \[1, 1\]"),
        ([np.ones(2), np.ones(3)], r"length 2 at dim 1 \(got 3\).*position \[1\]"),
    ],
)
def test_a_ragged_list_is_a_value_error_that_says_where(data, message):
    with pytest.raises(ValueError, match=message):
        autograd.tensor(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("1.0", "found str; supported dtypes are float32, float64, int64"),
        (None, "found NoneType"),
        (object(), "found object"),
        ({1: 2}, "found dict"),
        ([1.0, None], r"found NoneType at position \[1\]"),
        ([[1.0], ["2"]], r"found str at position \[1, 0\]"),
        (np.array(["a"]), "<U1 is not a number"),
        (np.array([None]), "object is not a number"),
    ],
)
def test_what_is_not_a_number_is_a_type_error_listing_what_is_supported(data, message):
    with pytest.raises(TypeError, match=message):
        autograd.tensor(data)
    with pytest.raises(TypeError, match="supported"):
        autograd.as_tensor(data)


@pytest.mark.parametrize(
    "data",
    [1j, [1.0, 2j], np.ones(2, "complex64"), np.ones(2, np.longdouble), np.ones(2, "uint64")],
    ids=["complex", "complex list", "complex64", "longdouble", "uint64"],
)
def test_numbers_that_would_lose_precision_are_a_type_error(data):
    with pytest.raises(TypeError, match="would lose precision"):
        autograd.tensor(data)


def test_float16_is_told_which_dtype_holds_it():
    with pytest.raises(DtypeError, match="float16 is not supported, but float32 holds"):
        autograd.tensor(np.ones(2, "float16"))
    with pytest.raises(DtypeError, match="float16"):
        autograd.ones(2).half()


@pytest.mark.parametrize("dtype", ["int64", "int32", "int16", "int8", "uint8", "bool"])
def test_requires_grad_is_for_floating_point_only(dtype):
    for make in (
        lambda: autograd.tensor([1], dtype=dtype, requires_grad=True),
        lambda: autograd.ones(2, dtype=dtype, requires_grad=True),
        lambda: autograd.ones(2, dtype=dtype).requires_grad_(),
    ):
        with pytest.raises(TypeError, match="only floating point"):
            make()


@pytest.mark.parametrize("make", [autograd.tensor, autograd.as_tensor, autograd.from_numpy, autograd.Tensor])
def test_odd_layouts_give_the_right_values_and_stay_as_they_are(make):
    base = np.arange(24, dtype=np.float32).reshape(4, 6)
    read_only = base.copy()
    read_only.flags.writeable = False
    for x in (base[::2, ::-3], base[:, 1:3], base.T, np.asfortranarray(base), read_only):
        flags, values = str(x.flags), x.copy()
        t = make(x)
        np.testing.assert_array_equal(t.numpy(), values)
        assert str(x.flags) == flags and t.shape == x.shape
        (t * 2).sum()
        np.testing.assert_array_equal(x, values)


def test_a_read_only_array_is_not_written_to():
    x = np.zeros(2)
    x.flags.writeable = False
    with pytest.raises(GraphError, match=r"read-only.* use a \.clone\(\)"):
        autograd.from_numpy(x).add_(1)


@pytest.mark.parametrize("x", [np.array(1.5), np.float32(1.5), np.float64(1.5), 1.5, np.int8(1), True, autograd.ones()])
def test_0_d_arrays_and_numpy_scalars_have_shape_empty(x):
    assert autograd.tensor(x).shape == autograd.as_tensor(x).shape == ()
    assert autograd.tensor([x]).shape == (1,)


@pytest.mark.parametrize("make", [autograd.zeros, autograd.ones, autograd.empty, autograd.rand, autograd.randn])
def test_a_negative_dimension_is_a_value_error(make):
    with pytest.raises(ValueError, match=rf"{make.__name__}: negative dimension -3 in the shape \(2, -3\)"):
        make(2, -3)
    with pytest.raises(TypeError, match=rf"{make.__name__}: sizes must be integers"):
        make(2.5)


@pytest.mark.parametrize(
    "make",
    [
        lambda a: a.full((-1,), 0), lambda a: a.eye(-1), lambda a: a.linspace(0, 1, -1), lambda a: a.randperm(-1),
        lambda a: a.randint(3, (-1,)), lambda a: a.Tensor(2, -1), lambda a: a.ones(2).new_zeros(-1),
        lambda a: a.normal(0.0, 1.0, (-2,)),
    ],
)  # fmt: skip
def test_a_negative_dimension_is_a_value_error_elsewhere_too(make):
    with pytest.raises(ValueError, match="negative dimension"):
        make(autograd)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_special_values_are_preserved_to_the_bit(dtype):
    tiny = np.finfo(dtype).smallest_subnormal
    values = np.array([np.nan, np.inf, -np.inf, -0.0, 0.0, tiny, -tiny, 1.0], dtype)
    copied = autograd.tensor(values)
    for t in (copied, copied * 1, copied.clone(), autograd.as_tensor(values), autograd.from_numpy(values),
              autograd.tensor(values.tolist(), dtype=dtype)):  # fmt: skip
        assert t.numpy().tobytes() == values.tobytes()
    np.testing.assert_array_equal(autograd.tensor(values).tolist(), values)


# -- from data


def test_python_numbers_have_pytorchs_dtypes():
    for data, dtype in (
        (1, "int64"), (1.0, "float32"), (True, "bool"), ([], "float32"), ([1, 2.5], "float32"), ([True, 2], "int64"),
        ([np.float64(1.0)], "float64"), (np.ones(1, "int16"), "int16"), (range(3), "int64"),
        (array.array("d", [1]), "float64"), ([autograd.tensor(1.0, dtype="float64"), 2], "float64"),
    ):  # fmt: skip
        assert autograd.tensor(data).dtype == dtype, data


def test_tensors_nested_in_lists_are_data_whether_or_not_they_require_grad():
    x = autograd.tensor([1.0, 2.0], requires_grad=True)
    assert autograd.tensor([[x, x], [x, x]]).shape == (2, 2, 2)
    assert not autograd.tensor([x, x]).requires_grad


@pytest.mark.parametrize(
    ("value", "dtype"), [(300, "uint8"), (-1, "uint8"), (2**40, "int32"), (2**63, None), (2**70, None)]
)
def test_an_integer_that_does_not_fit_is_a_value_error(value, dtype):
    for make in (lambda: autograd.tensor([value], dtype=dtype), lambda: autograd.full((2,), value, dtype=dtype)):
        with pytest.raises(ValueError, match="out of bounds|too large"):
            make()


def test_a_sequence_that_holds_itself_is_refused():
    data = []
    data.append(data)
    with pytest.raises(ValueError, match="nested more than 64 deep"):
        autograd.tensor(data)


def test_tensor_copies_and_from_numpy_and_as_tensor_share():
    x = np.zeros(3, np.float32)
    copied, shared, same = autograd.tensor(x), autograd.from_numpy(x), autograd.as_tensor(x)
    x[0] = 5
    assert copied[0] == 0 and shared[0] == 5 and same[0] == 5
    shared[1] = 6
    assert x[1] == 6
    assert autograd.as_tensor(shared) is shared and autograd.as_tensor(shared, dtype=F32) is shared
    assert autograd.as_tensor(shared, dtype="float64").dtype == "float64"


def test_from_numpy_refuses_what_it_cannot_share():
    with pytest.raises(TypeError, match=r"from_numpy: expects an ndarray, found list; for other data use tensor\(\)"):
        autograd.from_numpy([1.0])
    with pytest.raises(ValueError, match="byte order"):
        autograd.from_numpy(np.ones(2, np.dtype("f4").newbyteorder()))
    assert autograd.tensor(np.ones(2, np.dtype("f4").newbyteorder())).dtype == F32


def test_the_class_makes_float32_and_shapes():
    assert autograd.Tensor([1, 2]).dtype == F32 and autograd.Tensor(2, 3).shape == (2, 3)
    assert autograd.Tensor().shape == (0,)


# -- from nothing


def test_sizes_are_given_in_pytorchs_ways():
    for make in (autograd.zeros, autograd.ones, autograd.empty, autograd.rand, autograd.randn):
        shapes = make(2, 3).shape, make((2, 3)).shape, make([2, 3]).shape, make(size=(2, 3)).shape
        assert set(shapes) == {(2, 3)}
        assert make().shape == () and make(np.int64(2)).shape == (2,) and make(autograd.ones(4).shape).shape == (4,)


def test_full_takes_the_dtype_of_its_value():
    for value, dtype in ((1, "int64"), (1.0, "float32"), (True, "bool"), (np.float64(2), "float32")):
        assert autograd.full((2,), value).dtype == dtype
    assert autograd.full((2,), autograd.tensor(3)).tolist() == [3, 3]
    with pytest.raises(TypeError, match="full: .*found str"):
        autograd.full((2,), "x")


@pytest.mark.parametrize(
    "arguments", [(5,), (2, 5), (5, 2, -1), (0.0, 1.0, 0.1), (1, 2, 0.25), (0,), (2.5,), (0, 10**6, 3), (-1, 1, 0.3)]
)
def test_arange_is_pytorchs(arguments):
    torch = pytest.importorskip("torch")
    expected = torch.arange(*arguments)
    found = autograd.arange(*arguments)
    np.testing.assert_array_equal(found.numpy(), expected.numpy())
    assert found.numpy().dtype == expected.numpy().dtype


@pytest.mark.parametrize("arguments", [(0, 5, 0), (0, 5, -1), (5, 0, 1), (0, float("inf")), (0, float("nan"))])
def test_arange_that_never_arrives_is_a_value_error(arguments):
    with pytest.raises(ValueError, match="arange: cannot step"):
        autograd.arange(*arguments)


def test_likes_follow_shape_and_dtype_unless_told_otherwise():
    x = autograd.ones(2, 3, dtype="int16")
    for like in (autograd.zeros_like, autograd.ones_like, autograd.empty_like):
        assert like(x).shape == (2, 3) and like(x).dtype == "int16" and like(x, dtype=F32).dtype == F32
    assert autograd.full_like(x, 7).tolist() == [[7] * 3] * 2
    assert autograd.randint_like(x, 3, 5).dtype == "int16"
    y = x.double()
    assert autograd.rand_like(y).dtype == autograd.randn_like(y).dtype == "float64"
    assert y.new_tensor([1, 2]).dtype == y.new_zeros(2).dtype == y.new_full((2,), 3).dtype == "float64"
    assert autograd.zeros_like(y, requires_grad=True).requires_grad


def test_fill_gives_its_value_the_gradient():
    value = autograd.tensor(2.0, requires_grad=True)
    autograd.fill(autograd.zeros(3), value).sum().backward()
    assert value.grad.item() == 3


# -- dtypes


def test_the_default_dtype_can_be_changed():
    try:
        autograd.set_default_dtype(autograd.float64)
        assert autograd.get_default_dtype() == "float64"
        one = autograd.tensor(1.0)
        for x in (one, autograd.zeros(2), autograd.rand(2), autograd.arange(2) / 2, autograd.full((1,), 1.5)):
            assert x.dtype == "float64"
    finally:
        autograd.set_default_dtype(autograd.float32)
    with pytest.raises(DtypeError, match="expects float32 or float64"):
        autograd.set_default_dtype(autograd.int64)


def test_conversions_have_their_names():
    x = autograd.tensor([0.0, 1.5])
    for name, dtype in {
        "float": "float32", "double": "float64", "long": "int64", "int": "int32", "short": "int16", "char": "int8",
        "byte": "uint8", "bool": "bool",
    }.items():  # fmt: skip
        assert getattr(x, name)().dtype == dtype == x.to(dtype).dtype == x.type(getattr(np, dtype)).dtype
    assert x.float() is x and x.to(x.double()).dtype == x.type_as(x.double()).dtype == "float64"
    assert x.to(x.dtype, copy=True) is not x


def test_a_conversion_to_integers_ends_the_gradient_and_one_to_floats_does_not():
    x = autograd.ones(2, requires_grad=True)
    assert x.double().requires_grad and not x.long().requires_grad and not (x > 0).requires_grad


def test_values_that_a_dtype_cannot_hold_are_converted_without_a_warning():
    x = autograd.tensor([1e300, float("nan"), -1.0], dtype="float64")
    assert x.float()[0].item() == float("inf") and x.long()[2].item() == -1
    assert (autograd.ones(2) * x[0]).tolist() == [float("inf")] * 2  # a 0-d float64 does not upcast


def test_an_unknown_dtype_is_a_type_error_that_lists_the_known():
    for make in (lambda: autograd.zeros(2, dtype="flot"), lambda: autograd.ones(2).to(dtype=object()),
                 lambda: autograd.tensor(1, dtype=str)):  # fmt: skip
        with pytest.raises(TypeError, match="supported are float32, float64, int64"):
            make()


def test_limits_of_dtypes():
    assert autograd.finfo(F32).max == float(np.finfo("float32").max) and autograd.finfo().dtype == "float32"
    assert autograd.iinfo(autograd.uint8).max == 255 and autograd.iinfo(autograd.int64).min == -(2**63)
    with pytest.raises(TypeError, match="use iinfo"):
        autograd.finfo(autograd.int64)
    with pytest.raises(TypeError, match="use finfo"):
        autograd.iinfo(autograd.float32)


def test_what_a_tensor_is():
    x = autograd.ones(2, 3)
    assert autograd.is_tensor(x) and not autograd.is_tensor(x.numpy())
    assert autograd.is_floating_point(x) and x.is_floating_point() and not autograd.is_floating_point(x.int())
    assert autograd.numel(x) == 6


# -- devices


MAKERS = [
    lambda a, **k: a.tensor([1.0], **k), lambda a, **k: a.as_tensor([1.0], **k), lambda a, **k: a.zeros(2, **k),
    lambda a, **k: a.ones(2, **k), lambda a, **k: a.full((2,), 1.0, **k), lambda a, **k: a.empty(2, **k),
    lambda a, **k: a.arange(2, **k), lambda a, **k: a.linspace(0, 1, 2, **k), lambda a, **k: a.logspace(0, 1, 2, **k),
    lambda a, **k: a.eye(2, **k), lambda a, **k: a.zeros_like(a.ones(2), **k), lambda a, **k: a.rand(2, **k),
    lambda a, **k: a.randn(2, **k), lambda a, **k: a.randint(3, (2,), **k), lambda a, **k: a.randperm(2, **k),
    lambda a, **k: a.normal(0.0, 1.0, (2,), **k), lambda a, **k: a.rand_like(a.ones(2), **k),
    lambda a, **k: a.ones(2).new_zeros(2, **k), lambda a, **k: a.ones(2).to(**k), lambda a, **k: a.Generator(**k),
    lambda a, **k: a.randint_like(a.ones(2), 3, **k),
]  # fmt: skip


@pytest.mark.parametrize("make", MAKERS)
def test_the_cpu_is_accepted_everywhere_and_other_devices_are_refused(make):
    for device in ("cpu", "cpu:0", autograd.device("cpu"), None):
        make(autograd, device=device)
    for device in ("cuda", "cuda:0", "mps", 0, "nowhere"):
        with pytest.raises(RuntimeError, match="all tensors are on the CPU; use 'cpu'"):
            make(autograd, device=device)


def test_a_script_that_asks_for_a_gpu_first_runs():
    device = autograd.device("cuda" if autograd.cuda.is_available() else "cpu")
    autograd.cuda.manual_seed_all(0)
    x = autograd.randn(2, 2).to(device)
    assert x.device == device == autograd.device("cpu") and x.device.type == "cpu" and str(x.device) == "cpu"
    assert x.cpu() is x and x.to("cpu") is x and x.to(device, F32) is x and x.to("cpu", non_blocking=True) is x
    assert autograd.cuda.device_count() == 0 and not x.is_cuda
    with device:
        assert autograd.get_default_device() == device
    for refuse in (x.to, autograd.device, autograd.set_default_device, lambda _: x.cuda()):
        with pytest.raises(RuntimeError, match="'cuda'"):
            refuse("cuda")


def test_what_else_scripts_pass_is_accepted_if_harmless_and_refused_if_not():
    autograd.zeros(2, layout=autograd.strided, pin_memory=False)
    x = autograd.zeros_like(autograd.ones(2), memory_format=autograd.preserve_format)
    x.to("cpu", memory_format=autograd.contiguous_format)
    with pytest.raises(ValueError, match="zeros: .*layout must be strided"):
        autograd.zeros(2, layout="sparse")
    with pytest.raises(RuntimeError, match="pinned memory"):
        autograd.zeros(2, pin_memory=True)
    with pytest.raises(ValueError, match="memory_format must be"):
        autograd.ones_like(x, memory_format="channels_last")
    with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
        autograd.zeros(2, colour="red")


def test_the_further_arguments_are_in_the_signature():
    assert list(inspect.signature(autograd.tensor).parameters) == [
        "data", "dtype", "device", "layout", "pin_memory", "memory_format", "requires_grad",
    ]  # fmt: skip


# -- random


PINNED = """
import autograd
autograd.manual_seed(2024)
print(autograd.rand(2).tolist(), autograd.rand(2, dtype="float64").tolist(), autograd.randint(1000, (5,)).tolist())
print(autograd.randperm(10).tolist())
print([f"{x:.6f}" for x in autograd.randn(4).tolist()])
print(autograd.multinomial(autograd.ones(6), 3).tolist(), autograd.bernoulli(autograd.full((6,), 0.5)).tolist())
"""


def test_a_seed_gives_the_same_numbers_in_every_process_and_on_every_machine():
    found = subprocess.run([sys.executable, "-c", PINNED], capture_output=True, text=True, check=True).stdout
    assert found.splitlines() == [
        "[0.24152815341949463, 0.6758313179016113] [0.21432320123825765, 0.3094520308816917] [908, 799, 915, 995, 78]",
        "[9, 1, 5, 2, 8, 4, 6, 0, 7, 3]",
        "['-0.731323', '-1.107717', '1.484406', '0.048912']",
        "[5, 0, 4] [1.0, 1.0, 0.0, 1.0, 1.0, 0.0]",
    ]


def test_a_seed_starts_over_and_is_remembered():
    autograd.manual_seed(5)
    first = autograd.rand(4), autograd.randn(4), autograd.randperm(4)
    autograd.manual_seed(5)
    assert all(np.array_equal(a.numpy(), b.numpy()) for a, b in
               zip(first, (autograd.rand(4), autograd.randn(4), autograd.randperm(4)), strict=True))  # fmt: skip
    assert autograd.initial_seed() == 5
    assert autograd.manual_seed(-1).initial_seed() == 2**64 - 1  # as in PyTorch
    assert autograd.seed() == autograd.initial_seed() != autograd.seed()
    for seed in (2**64, -(2**63) - 1):
        with pytest.raises(ValueError, match="expects a seed from"):
            autograd.manual_seed(seed)


def test_a_generators_state_can_be_kept_and_put_back():
    g = autograd.Generator().manual_seed(3)
    autograd.rand(3, generator=g)  # float32: leaves half a word over
    state = g.get_state()
    assert state.dtype == "uint8"
    a = autograd.rand(5, generator=g), autograd.randint(9, (5,), generator=g)
    fresh = autograd.Generator().set_state(copy.deepcopy(state))
    b = autograd.rand(5, generator=fresh), autograd.randint(9, (5,), generator=fresh)
    assert all(np.array_equal(x.numpy(), y.numpy()) for x, y in zip(a, b, strict=True))
    assert fresh.initial_seed() == 3 and fresh.device == autograd.device("cpu")
    kept = autograd.get_rng_state()
    first = autograd.rand(2)
    autograd.set_rng_state(kept)
    assert np.array_equal(autograd.rand(2).numpy(), first.numpy())
    for wrong in (state[:-1], state.float(), [1, 2]):
        with pytest.raises(ValueError, match=r"the uint8 tensor of \d+ elements"):
            g.set_state(wrong)


def test_generators_do_not_disturb_each_other():
    g = autograd.Generator().manual_seed(1)
    first = autograd.rand(3, generator=g).tolist()
    autograd.rand(100)
    assert autograd.rand(3, generator=g).tolist() != first
    assert autograd.rand(3, generator=g.manual_seed(1)).tolist() == first


def test_distributions_have_their_moments():
    autograd.manual_seed(0)
    n = 200_000
    close = {"abs": 6 / np.sqrt(n)}
    x = autograd.rand(n)
    assert x.numpy().mean() == pytest.approx(0.5, **close) and x.numpy().min() >= 0 and x.numpy().max() < 1
    z = autograd.normal(3.0, 2.0, (n,)).numpy()
    assert z.mean() == pytest.approx(3, abs=0.03) and z.std() == pytest.approx(2, abs=0.03)
    counts = np.bincount(autograd.randint(2, 6, (n,)).numpy())
    assert list(counts[:2]) == [0, 0] and counts[2:] / n == pytest.approx([0.25] * 4, **close)
    assert autograd.bernoulli(autograd.full((n,), 0.3)).numpy().mean() == pytest.approx(0.3, **close)
    weights = autograd.tensor([1.0, 0.0, 3.0])
    drawn = np.bincount(autograd.multinomial(weights, n, replacement=True).numpy(), minlength=3) / n
    assert drawn == pytest.approx([0.25, 0, 0.75], **close)
    pairs = autograd.multinomial(autograd.ones(n // 10, 3) * weights.add(1), 2).numpy()  # weights 2, 1, 4
    assert np.all(pairs[:, 0] != pairs[:, 1])
    assert np.bincount(pairs[:, 0]) / len(pairs) == pytest.approx([2 / 7, 1 / 7, 4 / 7], abs=0.03)
    second = np.mean(pairs[pairs[:, 0] == 2, 1] == 0)
    assert second == pytest.approx(2 / 3, abs=0.03)


def test_tensors_are_filled_with_random_numbers_in_place():
    x = autograd.empty(1000, dtype="float64")
    assert x.uniform_(-2, 3) is x and x.numpy().min() >= -2 and x.numpy().max() < 3
    assert abs(float(x.normal_(5, 0.1).numpy().mean()) - 5) < 0.1
    assert set(x.bernoulli_(0.5).tolist()) == {0.0, 1.0}
    assert set(x.random_(3).tolist()) == {0.0, 1.0, 2.0} and set(x.random_(3, 5).tolist()) == {3.0, 4.0}
    assert autograd.empty(1000, dtype="uint8").random_().numpy().max() > 200
    w = autograd.ones(2, requires_grad=True)
    with pytest.raises(GraphError, match="uniform_: a leaf"):
        w.uniform_()
    with autograd.no_grad():
        w.uniform_()
    y = w * 2
    y.normal_()
    y.sum().backward()
    assert w.grad.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda a: a.randint(5, 5, (2,)), ValueError, "randint: expects low < high, found low=5 and high=5"),
        (lambda a: a.randint(0, 300, (2,), dtype=a.uint8), ValueError, "randint: 0 … 299 does not fit in uint8"),
        (lambda a: a.randint((2,)), TypeError, r"randint: expects \(high, size\) or \(low, high, size\)"),
        (lambda a: a.normal(0.0, -1.0, (2,)), ValueError, "normal: expects std >= 0, found -1.0"),
        (lambda a: a.normal(0.0, 1.0), TypeError, "two numbers need a size"),
        (lambda a: a.rand(2, dtype=a.int64), TypeError, "rand: expects a floating point dtype"),
        (lambda a: a.bernoulli(a.tensor([0.5, 1.5])), ValueError, r"expects probabilities in \[0, 1\], found 1.5"),
        (lambda a: a.bernoulli(a.tensor([1, 0])), TypeError, "bernoulli: .*int64"),
        (lambda a: a.ones(2).bernoulli_(float("nan")), ValueError, "bernoulli_: .*found nan"),
        (lambda a: a.ones(2).uniform_(2, 1), ValueError, "uniform_: expects from <= to"),
        (lambda a: a.ones(2, dtype=a.int64).uniform_(), TypeError, "uniform_: expects a floating point dtype"),
        (lambda a: a.multinomial(a.tensor([0.0, 1.0]), 2), ValueError, "cannot draw 2 of 1 positions"),
        (lambda a: a.multinomial(a.tensor([0.0, 0.0]), 1, True), ValueError, "cannot draw 1 of 0 positions"),
        (lambda a: a.multinomial(a.tensor([-1.0, 1.0]), 1), ValueError, "finite and not negative"),
        (lambda a: a.multinomial(a.ones(2, 2, 2), 1), ValueError, r"of shape \(2, 2, 2\)"),
        (lambda a: a.ones(2).random_(3, 1), ValueError, "random_: expects low < high"),
    ],
)
def test_impossible_draws_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call(autograd)
