"""Tensor among others: NumPy's protocols, DLPack, copies and pickles, printing, and Python's own protocols."""

import copy
import io
import pickle

import numpy as np
import pytest

import autograd
import nn
from autograd import DtypeError, GraphError, Tensor, tensor


def leaf(value, dtype="float64"):
    return tensor(value, dtype=dtype, requires_grad=True)


# -- NumPy's functions on tensors

A = np.array([[1.0, -2.0, 0.5], [3.0, 0.25, -1.0]])
B = np.array([[2.0, 1.0, 1.5], [0.5, 4.0, 3.0]])

UNARY = """
    absolute negative sign square exp exp2 expm1 sin cos tan sinh cosh tanh arctan arcsinh floor ceil trunc rint
    fabs isnan isinf isfinite signbit logical_not positive reciprocal degrees radians
"""
POSITIVE = "sqrt log log2 log10 log1p"
BINARY = """
    add subtract multiply divide true_divide maximum minimum fmax fmin arctan2 hypot logaddexp fmod remainder
    floor_divide equal not_equal less less_equal greater greater_equal logical_and logical_or logical_xor power
"""


@pytest.mark.parametrize("name", (UNARY + POSITIVE + BINARY).split())
def test_ufuncs_give_tensors_with_numpys_values(name):
    function = getattr(np, name)
    args = [np.abs(A)] if name in POSITIVE.split() else [A] if name in UNARY.split() else [np.abs(A), B]
    expected = function(*args)
    for given in ([tensor(x) for x in args], [tensor(args[0]), *args[1:]], [*args[:-1], tensor(args[-1])]):
        found = function(*given)
        assert isinstance(found, Tensor) and found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, rtol=1e-14)


FUNCTIONS = {
    "sum": lambda x: np.sum(x, axis=0),
    "sum keepdims": lambda x: np.sum(x, axis=(0, 1), keepdims=True),
    "mean": lambda x: np.mean(x, 1),
    "prod": lambda x: np.prod(x, axis=0),
    "max": lambda x: np.max(x, axis=1, keepdims=True),
    "amin": lambda x: np.amin(x),
    "argmax": lambda x: np.argmax(x, axis=1),
    "std": lambda x: np.std(x, axis=0),
    "var ddof": lambda x: np.var(x, ddof=1),
    "median": lambda x: np.median(x, axis=0),
    "median of all": lambda x: np.median(x),
    "cumsum": lambda x: np.cumsum(x),
    "cumprod": lambda x: np.cumprod(x, axis=1),
    "any": lambda x: np.any(x > 2, axis=0),
    "all": lambda x: np.all(x > -5),
    "concatenate": lambda x: np.concatenate([x, A, x], axis=1),
    "concatenate flat": lambda x: np.concatenate([x, A], axis=None),
    "stack": lambda x: np.stack([A, x], axis=1),
    "hstack": lambda x: np.hstack([x, x]),
    "vstack": lambda x: np.vstack((x, A)),
    "where": lambda x: np.where(A > 0, x, 0.0),
    "where alone": lambda x: np.where(x > 0)[1],
    "nonzero": lambda x: np.nonzero(x > 0)[0],
    "reshape": lambda x: np.reshape(x, (3, 2)),
    "transpose": lambda x: np.transpose(x),
    "transpose axes": lambda x: np.transpose(x, (1, 0)),
    "swapaxes": lambda x: np.swapaxes(x, 0, 1),
    "moveaxis": lambda x: np.moveaxis(x, 0, 1),
    "expand_dims": lambda x: np.expand_dims(x, 1),
    "squeeze": lambda x: np.squeeze(x[:1]),
    "ravel": lambda x: np.ravel(x),
    "broadcast_to": lambda x: np.broadcast_to(x, (2, 2, 3)),
    "dot": lambda x: np.dot(x, B.T),
    "dot of vectors": lambda x: np.dot(x[0], x[1]),
    "matmul": lambda x: np.matmul(B.T, x),
    "inner": lambda x: np.inner(x, x),
    "outer": lambda x: np.outer(x, B),
    "tensordot": lambda x: np.tensordot(x, B, axes=([0, 1], [0, 1])),
    "einsum": lambda x: np.einsum("ij,kj->ik", x, x),
    "kron": lambda x: np.kron(x, x),
    "trace": lambda x: np.trace(x),
    "diagonal": lambda x: np.diagonal(x, 1),
    "tril": lambda x: np.tril(x, -1),
    "flip": lambda x: np.flip(x),
    "flip axis": lambda x: np.flip(x, axis=1),
    "roll": lambda x: np.roll(x, 1, axis=1),
    "repeat": lambda x: np.repeat(x, 2, axis=0),
    "tile": lambda x: np.tile(x, (2, 1)),
    "take": lambda x: np.take(x, [0, 0, 2], axis=1),
    "sort": lambda x: np.sort(x),
    "argsort": lambda x: np.argsort(x, axis=0),
    "clip": lambda x: np.clip(x, -1, 1),
    "round": lambda x: np.round(x, 1),
    "nan_to_num": lambda x: np.nan_to_num(x),
    "split": lambda x: np.split(x, 3, axis=1)[1],
    "array_split": lambda x: np.array_split(x, 2, axis=1)[0],
    "meshgrid": lambda x: np.meshgrid(x[0], x[1])[0],
    "zeros_like": lambda x: np.zeros_like(x),
    "full_like": lambda x: np.full_like(x, 2.0),
    "copy": lambda x: np.copy(x),
    "linalg.norm": lambda x: np.linalg.norm(x),
    "linalg.norm axis": lambda x: np.linalg.norm(x, axis=1),
    "linalg.norm 1": lambda x: np.linalg.norm(x, 1),
    "isclose": lambda x: np.isclose(x, A),
    "heaviside": lambda x: np.heaviside(x, 0.5),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_array_functions_give_tensors_with_numpys_values(name):
    found, expected = FUNCTIONS[name](tensor(A)), FUNCTIONS[name](A)
    assert isinstance(found, Tensor) and found.shape == np.shape(expected)
    np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_what_numpy_computes_is_recorded():
    x = leaf(A)
    y = np.sum(np.ones(3) + np.exp(np.stack([x, x]))) / np.float64(2)
    y.backward()
    np.testing.assert_allclose(x.grad, np.exp(A), rtol=1e-14)
    x.grad = None
    np.linalg.norm(x - 1).backward()
    np.testing.assert_allclose(x.grad, (A - 1) / np.linalg.norm(A - 1), rtol=1e-14)


def test_a_numpy_scalar_does_not_upcast():
    x = tensor([1.0, 2.0])
    for y in (np.float64(2) * x, x * np.float64(2), np.float64(3) / x):
        assert isinstance(y, Tensor) and y.dtype == np.float32


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda x: np.fft.fft(x), r"np\.fft\.fft"),
        (lambda x: np.unwrap(x), "np.unwrap"),
        (lambda x: np.frexp(x), "np.frexp"),
        (lambda x: np.add.reduce(x), r"np\.add\.reduce"),
        (lambda x: np.exp(x, where=np.array([True, False])), "np.exp with where"),
        (lambda x: np.exp(np.ones(2), out=x), "np.exp with out"),
        (lambda x: np.sum(x, dtype=np.float64, initial=3), r"np\.sum.*initial"),
    ],
)
def test_a_numpy_function_that_is_not_there_says_what_to_do(call, name):
    with pytest.raises(TypeError, match=rf"{name}.*tensor\.detach\(\)\.numpy\(\)"):
        call(leaf([1.0, 2.0]))


def test_an_array_can_be_added_to_in_place():
    total = np.ones(2)
    total += tensor([1.0, 2.0], dtype="float64")
    assert total.tolist() == [2, 3]
    with pytest.raises(GraphError, match="detach"):
        total += leaf([1.0, 2.0])


def test_functions_that_only_read_take_tensors(tmp_path):
    x = tensor(A)
    np.save(tmp_path / "x.npy", x)
    assert np.array_equal(np.load(tmp_path / "x.npy"), A)
    assert np.shape(x) == (2, 3) and np.ndim(leaf(A)) == 2 and np.size(x) == 6 and not np.iscomplexobj(x)


def test_asarray_shares_memory_and_refuses_what_requires_grad():
    x = tensor([1.0, 2.0])
    assert np.shares_memory(np.asarray(x), x.numpy())
    assert np.asarray(x, dtype=np.float64).dtype == np.float64 and np.array(x).dtype == np.float32
    assert not np.shares_memory(np.array(x), x.numpy())
    with pytest.raises(ValueError, match="copy"):
        np.asarray(x, dtype=np.float64, copy=False)
    with pytest.raises(GraphError, match=r"requires grad.*detach\(\)\.numpy\(\)"):
        np.asarray(leaf([1.0]))
    assert np.asarray([tensor(1.0), tensor(2.0)]).tolist() == [1, 2]


# -- DLPack


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "int32", "uint8", "bool"])
def test_dlpack_to_and_from_numpy_shares_memory(dtype):
    x = tensor([[1, 0], [3, 4]], dtype=dtype)
    array = np.from_dlpack(x)
    assert array.dtype == x.dtype and np.shares_memory(array, x.numpy())
    back = autograd.from_dlpack(x.numpy())
    assert isinstance(back, Tensor) and back.dtype == x.dtype and back.tolist() == x.tolist()
    assert back.data_ptr() == x.data_ptr() and x.__dlpack_device__() == (1, 0)


@pytest.mark.parity
def test_dlpack_with_pytorch():
    import torch

    theirs = torch.arange(6, dtype=torch.float64).reshape(2, 3).T
    ours = autograd.from_dlpack(theirs)
    assert ours.tolist() == theirs.tolist() and ours.data_ptr() == theirs.data_ptr()
    back = torch.from_dlpack(ours)
    back[0, 0] = 7
    assert ours[0, 0].item() == 7 and theirs[0, 0].item() == 7


def test_dlpack_errors():
    with pytest.raises(BufferError, match="detach"):
        np.from_dlpack(leaf([1.0]))
    with pytest.raises(TypeError, match="list does not speak DLPack"):
        autograd.from_dlpack([1.0])
    with pytest.raises(DtypeError, match="complex64"):
        autograd.from_dlpack(np.ones(2, np.complex64))


# -- copies and pickles


def through_pickle(x):
    return pickle.loads(pickle.dumps(x))


@pytest.mark.parametrize("duplicate", [copy.deepcopy, through_pickle])
def test_a_duplicate_of_a_leaf_is_independent_and_keeps_everything(duplicate):
    x = leaf(A)
    x.name = "X"
    (x * 2).sum().backward()
    y = duplicate(x)
    assert type(y) is Tensor and y.requires_grad and y.is_leaf and y.name == "X" and y.dtype == np.float64
    assert y.tolist() == x.tolist() and y.grad.tolist() == x.grad.tolist()
    y.grad.zero_()
    with autograd.no_grad():
        y.zero_()
    assert x.tolist() == A.tolist() and x.grad.tolist() == (2 * np.ones((2, 3))).tolist()
    (y * 3).sum().backward()
    assert y.grad.tolist() == (3 * np.ones((2, 3))).tolist()


@pytest.mark.parametrize("duplicate", [copy.deepcopy, through_pickle])
def test_what_is_shared_stays_shared_and_classes_stay(duplicate):
    w = nn.Parameter(tensor([1.0, 2.0]))
    mine, yours, one = duplicate([w, w, tensor(1)])
    assert mine is yours and mine is not w and type(mine) is nn.Parameter and mine.requires_grad
    assert one.dtype == np.int64 and not one.requires_grad


def test_a_subclass_keeps_its_attributes():
    x = Labelled([1.0, 2.0])
    x.label = ["a"]
    for y in (copy.deepcopy(x), through_pickle(x)):
        assert type(y) is Labelled and y.label == ["a"] and y.label is not x.label


class Labelled(Tensor):
    pass


def test_a_shallow_copy_shares_memory():
    x = leaf([1.0, 2.0])
    y = copy.copy(x)
    assert y is not x and y.requires_grad and y.data_ptr() == x.data_ptr()
    z = (tensor([1.0, 2.0], dtype="float64") * x * x).sum()
    with autograd.no_grad():
        y.zero_()
    with pytest.raises(GraphError, match="inplace"):
        z.backward()


@pytest.mark.parametrize("duplicate", [copy.deepcopy, copy.copy, pickle.dumps])
def test_the_result_of_an_operation_is_not_copied(duplicate):
    with pytest.raises(GraphError, match=r"graph leaves.*detach"):
        duplicate(leaf([1.0]) * 2)
    duplicate((leaf([1.0]) * 2).detach())


def test_a_view_is_duplicated_alone():
    x = autograd.zeros(1000, 1000)
    data = pickle.dumps(x[0])
    assert len(data) < 10_000 and pickle.loads(data).shape == (1000,)
    assert io.BytesIO(data).read() == data


# -- printing


REPRS = [
    (np.float32(3.14159), "tensor(3.1416)"),
    (np.int64(5), "tensor(5)"),
    (np.bool_(True), "tensor(True)"),
    (np.float64(2.0), "tensor(2., dtype=float64)"),
    (np.array([1.0, 2.0, 3.0], "f4"), "tensor([1., 2., 3.])"),
    (np.array([1.5, -2.25], "f4"), "tensor([ 1.5000, -2.2500])"),
    (np.array([1e-5, 1.0], "f4"), "tensor([1.0000e-05, 1.0000e+00])"),
    (np.array([1e9, 1.0], "f4"), "tensor([1.0000e+09, 1.0000e+00])"),
    (np.array([np.nan, np.inf, -np.inf], "f4"), "tensor([nan, inf, -inf])"),
    (np.array([np.inf, 1.0], "f4"), "tensor([inf, 1.])"),
    (np.array([-0.0, 0.0], "f4"), "tensor([-0., 0.])"),
    (np.zeros(0, "f4"), "tensor([])"),
    (np.zeros((0, 3), "f4"), "tensor([], size=(0, 3))"),
    (np.zeros(0, "i8"), "tensor([], dtype=int64)"),
    (np.array([[1, -100], [20, 3]], "i4"), "tensor([[   1, -100],\n        [  20,    3]], dtype=int32)"),
    (np.array([True, False]), "tensor([ True, False])"),
    (np.arange(1001), "tensor([   0,    1,    2,  ...,  998,  999, 1000])"),
    (np.zeros((2, 1, 2), "f4"), "tensor([[[0., 0.]],\n\n        [[0., 0.]]])"),
]


@pytest.mark.parametrize(("array", "expected"), REPRS, ids=[text for _, text in REPRS])
def test_the_repr_is_pytorchs(array, expected):
    assert repr(tensor(array)) == str(tensor(array)) == expected


def test_the_repr_says_how_a_tensor_was_made():
    x = leaf([1.0], "float32")
    assert repr(x) == "tensor([1.], requires_grad=True)"
    assert repr(x * 2) == "tensor([2.], grad_fn=<MulBackward>)"
    assert repr(nn.Parameter(tensor([1.0]))) == "Parameter containing:\ntensor([1.], requires_grad=True)"


@pytest.mark.parity
def test_the_repr_agrees_with_pytorchs_but_for_the_names_of_dtypes_and_steps():
    import torch

    rng = np.random.default_rng(0)
    arrays = [array for array, _ in REPRS] + [
        np.arange(24.0).reshape(2, 3, 4), rng.standard_normal((3, 4)).astype("f4"), rng.standard_normal((2, 2, 2, 2)),
        np.arange(1001.0), rng.standard_normal((50, 50)).astype("f4"), rng.standard_normal((3, 5, 100)).astype("f4"),
        np.arange(-3, 3, dtype="i1"), np.arange(40.0), rng.standard_normal(100).astype("f4") * 100,
        np.array([0.1, 1000.5], "f4"), np.full((1, 1, 1), 1e-7), np.array([123456789], "f4"), np.array([1e300, 1e-300]),
        np.arange(1500).reshape(1, 1500) % 2 == 0, np.array([np.nan, 1.5], "f4"), np.array([np.inf, 1e10]),
        np.zeros((2, 0), "i8"), np.array([1e-45], "f4"),
    ]  # fmt: skip
    for array in arrays:
        for grad in (False, True)[: 1 + (array.dtype.kind == "f")]:
            theirs, ours = torch.tensor(array, requires_grad=grad), tensor(array, requires_grad=grad)
            assert repr(ours) == repr(theirs).replace("dtype=torch.", "dtype=")


def test_print_options():
    x = tensor([1.23456, 1000.5])
    with autograd.printoptions(precision=2):
        assert repr(x) == "tensor([   1.23, 1000.50])"
    with autograd.printoptions(sci_mode=True):
        assert repr(x) == "tensor([1.2346e+00, 1.0005e+03])"
    with autograd.printoptions(threshold=5, edgeitems=1):
        assert repr(autograd.arange(9)) == "tensor([0,  ..., 8])"
    with autograd.printoptions(linewidth=20):
        assert repr(autograd.arange(9)) == "tensor([0, 1, 2, 3,\n        4, 5, 6, 7,\n        8])"
    with autograd.printoptions(profile="full"):
        assert "..." not in repr(autograd.arange(2000))
    with pytest.raises(ValueError, match="profile"):
        autograd.set_printoptions(profile="long")
    assert repr(autograd.tensor([1.5])) == "tensor([1.5000])"


def test_formatting_of_single_elements():
    assert f"{tensor(3.14159):.3f}" == "3.142" and f"{tensor([2.5]):.1f}" == "2.5" and f"{leaf(1.0):6.2f}" == "  1.00"
    assert f"{tensor(3):d}" == "3" and f"{tensor(2.0)}" == "2.0"
    assert f"{tensor([1.0, 2.0])}" == "tensor([1., 2.])"
    with pytest.raises(TypeError, match=r"shape \(2,\) takes no format"):
        f"{tensor([1.0, 2.0]):.3f}"


# -- Python's protocols


def test_length_iteration_and_membership():
    x = tensor([[1.0, 2.0], [3.0, 4.0]])
    assert len(x) == 2 and [row.tolist() for row in x] == [[1, 2], [3, 4]]
    assert 3 in x and 5 not in x and tensor(4.0) in x and tensor([1.0, 2.0]) in x
    w = leaf([1.0, 2.0])
    a, b = w
    (a * b).backward()
    assert w.grad.tolist() == [2, 1]
    for call in (lambda: len(tensor(1.0)), lambda: iter(tensor(1.0)), lambda: "a" in x):
        with pytest.raises(TypeError):
            call()


def test_truth_and_numbers_need_one_element():
    assert bool(tensor([2.0])) and not tensor(0) and int(tensor([[3.7]])) == 3 and float(tensor(2)) == 2.0
    assert [10, 20, 30][tensor(1)] == 20
    for x in (tensor([1.0, 2.0]), tensor([])):
        for convert in (bool, int, float):
            with pytest.raises(ValueError, match="elements"):
                convert(x)
    with pytest.raises(ValueError, match="3 elements"):
        tensor([1, 2, 3]).item()
    with pytest.raises(TypeError, match="integer"):
        [1, 2][tensor(1.0)]
    assert tensor([[1, 2], [3, 4]]).tolist() == [[1, 2], [3, 4]] and tensor(2.5).tolist() == 2.5


def test_hash_goes_by_identity_and_equality_by_element():
    x, y = tensor([1.0, 2.0]), tensor([1.0, 3.0])
    assert (x == y).tolist() == [True, False] and (x != y).tolist() == [False, True]
    assert len({x, y, x}) == 2 and {x: "x"}[x] == "x" and hash(x) != hash(tensor([1.0, 2.0]))
    assert x in [x, y] and any(y is z for z in [x, y])
    with pytest.raises(ValueError, match="elements"):  # a list compares elements: go by identity instead
        y in [x, y]  # noqa: B015
    assert (x == None) is False and (x != "a") is True  # noqa: E711
    assert (x == [1.0, 5.0]).tolist() == [True, False]


def test_what_a_tensor_says_of_its_memory():
    x = tensor([[1.0, 2.0], [3.0, 4.0]])
    assert (x.element_size(), x.itemsize, x.nbytes) == (4, 4, 16)
    assert x.data_ptr() == x.view(4).data_ptr() and x[1].data_ptr() == x.data_ptr() + 8
    assert x.is_floating_point() and not tensor([1]).is_floating_point() and not x.is_complex()
    assert x.is_signed() and not tensor([True]).is_signed()
    assert x.type() == "autograd.FloatTensor" and tensor([1]).type() == "autograd.LongTensor"
    assert x.type(autograd.float64).dtype == np.float64
