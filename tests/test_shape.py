"""Shapes and indices: what is a view, what an index means, and what wrong ones are told."""

import operator
import tracemalloc
import warnings

import numpy as np
import pytest

import autograd
from autograd import DtypeError, GraphError, ShapeError, tensor

X = np.arange(24.0).reshape(2, 3, 4)


def leaf(value):
    return tensor(value, dtype="float64", requires_grad=True)


def gradient(function, *xs):
    """The gradients of the sum of squares."""
    out = function(*xs)
    return [g.numpy() for g in autograd.grad((out * out).sum(), xs)]


# -- views


VIEWS = {
    "an integer": lambda x: x[1],
    "all integers": lambda x: x[1, 2, 3],
    "a 0-d integer tensor": lambda x: x[tensor(1)],
    "slices, None, ...": lambda x: x[..., None, 1:3],
    "reshape": lambda x: x.reshape(6, 4),
    "view": lambda x: x.view(-1),
    "view_as": lambda x: x.view_as(autograd.zeros(24)),
    "flatten": lambda x: x.flatten(1),
    "unflatten": lambda x: x.unflatten(-1, (2, 2)),
    "transpose": lambda x: x.transpose(0, 2),
    "mT": lambda x: x.mT,
    "T": lambda x: x[0].T,
    "t": lambda x: x[0].t(),
    "permute": lambda x: x.permute(2, 0, 1),
    "movedim": lambda x: x.movedim(0, -1),
    "expand": lambda x: x[:, :, :1].expand(-1, -1, 7),
    "expand to itself": lambda x: x.expand(2, 3, 4),
    "narrow": lambda x: x.narrow(1, 1, 2),
    "select": lambda x: x.select(1, 2),
    "split": lambda x: x.split(2, 1)[1],
    "chunk": lambda x: x.chunk(2)[1],
    "tensor_split": lambda x: x.tensor_split(3, 2)[2],
    "unbind": lambda x: x.unbind(2)[3],
    "squeeze": lambda x: x.squeeze(),
    "unsqueeze": lambda x: x.unsqueeze(1),
    "contiguous": lambda x: x.contiguous(),
    "detach": lambda x: x.detach(),
}
COPIES = {
    "clone": lambda x: x.clone(),
    "reshape of a transpose": lambda x: x.mT.reshape(-1),
    "contiguous of a transpose": lambda x: x.mT.contiguous(),
    "a list": lambda x: x[[0, 1]],
    "an integer tensor": lambda x: x[:, tensor([0, 1])],
    "a mask": lambda x: x[x > -1],
    "a bool": lambda x: x[True],
    "flip": lambda x: x.flip(0),
    "roll": lambda x: x.roll(0, 0),
    "repeat": lambda x: x.repeat(1, 1, 1),
    "index_select": lambda x: x.index_select(0, tensor([0, 1])),
    "cat": lambda x: autograd.cat([x]),
}


@pytest.mark.parametrize("function", VIEWS.values(), ids=VIEWS)
def test_a_view_shares_memory(function):
    x = tensor(X)
    assert np.shares_memory(function(x).array, x.array)


@pytest.mark.parametrize("function", COPIES.values(), ids=COPIES)
def test_a_copy_does_not_share_memory(function):
    x = tensor(X)
    y = function(x)
    assert not np.shares_memory(y.array, x.array)
    y.fill_(-1)
    assert x.numpy().tolist() == X.tolist()


@pytest.mark.parametrize("name", [n for n in VIEWS if n not in ("expand", "detach")])
def test_a_write_into_a_view_is_recorded_in_what_it_is_a_view_of(name):
    a = leaf(X)
    x = a * 1
    VIEWS[name](x).mul_(3)
    (x * x).sum().backward()
    factor = np.ones_like(X)
    VIEWS[name](autograd.from_numpy(factor)).fill_(3)
    np.testing.assert_array_equal(a.grad.numpy(), 2 * factor**2 * X)


@pytest.mark.parametrize("name", COPIES)
def test_a_write_into_a_copy_leaves_the_record_of_what_was_copied_alone(name):
    a = leaf(X)
    x = a * 1
    COPIES[name](x).mul_(3)
    x.sum().backward()
    assert np.all(a.grad.numpy() == 1)


def test_a_write_into_a_view_that_memory_allows_only_column_by_column_is_recorded():
    a = leaf([[1.0, 2.0], [3.0, 4.0]])
    x = a.mT * 1
    x.mT.view(4)[1:3].fill_(0)
    x.sum().backward()
    assert x.tolist() == [[1, 0], [0, 4]] and a.grad.tolist() == [[1, 0], [0, 1]]


def test_an_expanded_view_cannot_be_written():
    with pytest.raises(GraphError, match=r"clone\(\)"):
        tensor([[1.0]]).expand(2, 2).fill_(0)
    x = tensor([1.0, 2.0])
    x.expand(2).fill_(5)  # nothing is repeated here
    assert x.tolist() == [5, 5]


def test_view_refuses_what_memory_does_not_allow():
    x = tensor(X)
    with pytest.raises(ShapeError, match=r"view: size \(24,\) is not compatible.*stride \(12, 1, 4\).*reshape"):
        x.mT.view(24)
    assert x.mT.view(2, 2, 2, 3).shape == (2, 2, 2, 3) and x.mT.reshape(24).shape == (24,)


def test_strides_and_contiguity_are_pytorchs():
    torch = pytest.importorskip("torch")
    for name, function in VIEWS.items():
        if "0-d" not in name and "view_as" not in name:
            mine, theirs = function(tensor(X)), function(torch.tensor(X))
            assert mine.shape == tuple(theirs.shape) and mine.is_contiguous() == theirs.is_contiguous(), name
            steps = [(a, b) for a, b, n in zip(mine.stride(), theirs.stride(), mine.shape, strict=True) if n > 1]
            assert all(a == b for a, b in steps), name
    x = tensor(X)
    assert x.stride() == (12, 4, 1) and x.stride(-1) == 1 and x[1].data_ptr() == x.data_ptr() + 12 * 8


def test_a_shape_changed_in_place():
    x = tensor(X)
    assert x.unsqueeze_(0) is x and x.shape == (1, 2, 3, 4)
    assert x.squeeze_(0).shape == (2, 3, 4) and x.transpose_(0, 2).shape == (4, 3, 2)
    y = tensor(X)[0]
    y.t_()
    y[0] = 9
    assert y.shape == (4, 3) and y[0].tolist() == [9, 9, 9]
    with pytest.raises(GraphError, match=r"unsqueeze_: .*in-place.*x = x\.unsqueeze"):
        leaf(X).unsqueeze_(0)


def test_a_view_changed_in_place_still_writes_through():
    a = leaf([1.0, 2.0, 3.0, 4.0])
    x = tensor(np.zeros((2, 2)))
    v = x[0]
    v.unsqueeze_(1)
    v += a[:2].reshape(2, 1)
    x.sum().backward()
    assert a.grad.tolist() == [1, 1, 0, 0]


# -- indexing, as in PyTorch

INDICES = {
    "int": 1,
    "negative": -1,
    "ints": (1, -2, 3),
    "numpy int": np.int64(1),
    "slice": slice(0, 1),
    "slices": (slice(None), slice(None, None, 2), slice(1, -1)),
    "ellipsis": (..., 2),
    "none": (None, 1, ..., None),
    "list": [1, 0, 1],
    "empty list": [],
    "range": (slice(None), range(2)),
    "lists": ([0, 1], [2, 0]),
    "nested list": (slice(None), [[0, 1], [2, 0]]),
    "separated": ([0, 1], slice(None), [3, 0]),
    "int and list": (1, [0, 2]),
    "int, slice, list": (1, slice(None), [0, 2]),
    "list, slice, int": ([0, 1], slice(None), 2),
    "int between": ([0, 1], 1, [3, 0]),
    "none between": ([0, 1], None, [2, 0]),
    "none, int, list": (None, 0, slice(None), [1, 1]),
    "ellipsis and list": (..., [3, 3]),
    "list and ellipsis": ([1], ..., 0),
    "bool list": [True, False],
    "mask on axis 1": (slice(None), [True, False, True]),
    "full mask": X > 7,
    "mask of two axes": (X[..., 0] > 4, 1),
    "mask and int": (0, [True, False, True], 1),
    "true": True,
    "false": False,
    "true and int": (True, 1),
    "array": np.array([[0, 1], [1, 1]]),
    "int32 array": np.array([1, 0], np.int32),
    "broadcast arrays": (np.array([[0], [1]]), slice(None), np.array([0, 3, 1])),
    "nothing": (),
}


def as_theirs(torch, index):
    if isinstance(index, tuple):
        return tuple(as_theirs(torch, k) for k in index)
    if isinstance(index, (np.ndarray, list, range)):
        return torch.tensor(index if len(index) else np.zeros(0, np.int64))
    return index


@pytest.mark.parametrize("index", INDICES.values(), ids=INDICES)
def test_an_index_gives_what_pytorch_gives(index):
    torch = pytest.importorskip("torch")
    there = torch.tensor(X, requires_grad=True)
    expected = there[as_theirs(torch, index)]
    (expected * expected).sum().backward()
    for form in (index, _with_tensors(index)):
        x = leaf(X)
        found = x[form]
        assert found.shape == tuple(expected.shape)
        np.testing.assert_array_equal(found.detach().numpy(), expected.detach().numpy())
        (found * found).sum().backward()
        np.testing.assert_array_equal(x.grad.numpy(), there.grad.numpy())


@pytest.mark.parametrize("index", INDICES.values(), ids=INDICES)
def test_an_assignment_to_an_index_does_what_pytorch_does(index):
    torch = pytest.importorskip("torch")
    a, value = torch.tensor(X, requires_grad=True), torch.tensor(2.5, dtype=torch.float64, requires_grad=True)
    there = a * 1
    there[as_theirs(torch, index)] = value
    (there * there).sum().backward()
    for form in (index, _with_tensors(index)):
        b, v = leaf(X), leaf(2.5)
        here = b * 1
        here[form] = v
        np.testing.assert_array_equal(here.detach().numpy(), there.detach().numpy())
        (here * here).sum().backward()
        np.testing.assert_array_equal(b.grad.numpy(), a.grad.numpy())
        assert v.grad.item() == 5 * np.sum(here.detach().numpy() == 2.5)  # PyTorch counts a repeated place twice
        plain = tensor(X)
        plain[form] = 2.5
        np.testing.assert_array_equal(plain.numpy(), there.detach().numpy())


def _with_tensors(index):
    if isinstance(index, tuple):
        return tuple(map(_with_tensors, index))
    if isinstance(index, (np.ndarray, list)) and len(index):
        return tensor(index)
    return tensor(index) if type(index) is int else index


def test_a_repeated_index_receives_the_sum():
    x = leaf([1.0, 2.0])
    x[[0, 0, 1]].sum().backward()
    assert x.grad.tolist() == [2, 1]


def test_of_values_assigned_to_one_place_the_last_counts():
    y, v = leaf([1.0, 2.0, 3.0]), leaf(1.0)
    x = autograd.zeros(2, dtype="float64")
    x[[0, 0, 1]] = y
    assert x.tolist() == [2, 3]
    x.sum().backward()
    assert y.grad.tolist() == [0, 1, 1]
    autograd.zeros(2, dtype="float64").index_fill(0, tensor([0, 0]), v).sum().backward()
    assert v.grad.item() == 1


def test_a_value_may_have_leading_axes_of_size_1():
    y = leaf([[1.0, 2.0]])
    x = autograd.zeros(3, 2, dtype="float64")
    x[0] = y
    x.sum().backward()
    assert y.grad.tolist() == [[1, 1]]


def test_an_index_tensor_may_change_afterwards():
    x, index, mask, k = leaf([1.0, 2.0, 3.0]), tensor([0, 1]), tensor([True, False, True]), tensor(0)
    y = x[index].sum() + 10 * x[mask].sum() + 100 * x[k : k + 1].sum() + x.gather(0, index).sum()
    index.fill_(2)
    mask.fill_(False)
    k += 2
    y.backward()
    assert x.grad.tolist() == [112, 2, 10]


def test_second_derivatives_through_an_index():
    x = leaf([1.0, 2.0, 3.0])
    (first,) = autograd.grad((x[[0, 0, 2]] ** 3).sum(), x, create_graph=True)
    (second,) = autograd.grad(first.sum(), x)
    assert first.tolist() == [6, 0, 27] and second.tolist() == [12, 0, 18]


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_gather_and_scatter_add_are_adjoint(dim):
    rng = np.random.default_rng(0)
    x, y, index = rng.normal(size=(4, 5)), rng.normal(size=(3, 4)), tensor(rng.integers(0, 4, (3, 4)))
    left = (tensor(x).gather(dim, index) * tensor(y)).sum()
    right = (tensor(x) * autograd.zeros(4, 5, dtype="float64").scatter_add(dim, index, tensor(y))).sum()
    assert left.item() == pytest.approx(right.item(), rel=1e-12)


def test_writing_a_row_costs_a_row():
    x = autograd.zeros(500, 500)
    before = x.array
    tracemalloc.start()
    try:
        for k in range(500):
            x[k] = k
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert x.array is before and x[:, 0].tolist() == list(range(500))
    assert peak < before.nbytes / 4


def test_sort_is_stable_and_nan_is_the_largest():
    x = tensor([2.0, np.nan, 1.0, 2.0])
    assert x.argsort().tolist() == [2, 0, 3, 1] and x.argsort(descending=True).tolist() == [1, 0, 3, 2]
    values, indices = x.topk(2, largest=False)
    assert values.tolist() == [1, 2] and indices.tolist() == [2, 0]
    a = leaf([3.0, 1.0, 2.0])
    (a.sort().values * tensor([1.0, 10.0, 100.0])).sum().backward()
    assert a.grad.tolist() == [100, 1, 10]


def test_numpys_names_work_on_tensors():
    x = leaf(X)
    for function in [
        lambda a: np.reshape(a, (4, 6)), lambda a: np.transpose(a), lambda a: np.swapaxes(a, 0, 1),
        lambda a: np.moveaxis(a, 0, -1), lambda a: np.squeeze(a), lambda a: np.expand_dims(a, 0), lambda a: np.ravel(a),
        lambda a: np.tile(a, (2, 1, 1)), lambda a: np.concatenate([a, a], axis=1), lambda a: np.stack([a, a], axis=-1),
        lambda a: np.broadcast_to(a, (2, 2, 3, 4)), lambda a: np.vstack([a, a]), lambda a: np.copy(a),
    ]:  # fmt: skip
        found = function(x)
        assert isinstance(found, autograd.Tensor) and found.requires_grad
        np.testing.assert_array_equal(found.detach().numpy(), function(X))


@pytest.mark.parametrize(
    ("name", "args", "expected"),
    [
        ("masked_fill_", (tensor([True, False, False]), 7.0), [7, 2, 3]),
        ("scatter_", (0, tensor([2]), 7.0), [1, 2, 7]),
        ("scatter_add_", (0, tensor([2, 2]), tensor([1.0, 1.0])), [1, 2, 5]),
        ("index_fill_", (0, tensor([0]), 7.0), [7, 2, 3]),
        ("index_copy_", (0, tensor([0]), tensor([7.0])), [7, 2, 3]),
        ("index_add_", (0, tensor([0, 0]), tensor([7.0, 1.0])), [9, 2, 3]),
        ("index_put_", ((tensor([1]),), tensor([7.0])), [1, 7, 3]),
    ],
)
def test_the_forms_that_write_in_place(name, args, expected):
    x = tensor([1.0, 2.0, 3.0])
    assert getattr(x, name)(*args) is x and x.tolist() == expected
    a = tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = a * 1
    getattr(y, name)(*args)
    assert y.tolist() == expected
    y.sum().backward()
    assert a.grad is not None


# -- what wrong shapes and indices are told

A = tensor(X)
V = tensor([1.0, 2.0, 3.0])
WRONG = {
    "add": (lambda: autograd.zeros(2, 3) + autograd.zeros(2, 4), ShapeError, r"add.*\(2, 3\).*axis 1: 3 vs 4"),
    "reshape": (lambda: autograd.zeros(6).reshape(4, 2), ShapeError, r"reshape: shape \(4, 2\).*size 6"),
    "two -1": (lambda: autograd.zeros(6).reshape(-1, -1), ShapeError, r"reshape: only one size can be −1"),
    "negative size": (lambda: autograd.zeros(6).reshape(-2, -3), ValueError, r"reshape: negative dimension -3"),
    "float size": (lambda: autograd.zeros(6).reshape(2.0, 3), TypeError, r"reshape: sizes must be integers"),
    "unflatten": (lambda: A.unflatten(2, (3, -1)), ShapeError, r"unflatten: sizes \(3, -1\).*size 4 of axis 2"),
    "cat": (lambda: autograd.cat([A, A[:, :2]]), ShapeError, r"cat: .*axis 1, 3.*vs 2 \(tensor 1, shape \(2, 2, 4\)\)"),
    "cat of ranks": (lambda: autograd.cat([A, A[0]]), ShapeError, r"cat: .*\(2, 3, 4\) and \(3, 4\)"),
    "cat of nothing": (lambda: autograd.cat([]), ShapeError, r"cat: expected a non-empty list"),
    "cat of numbers": (lambda: autograd.cat([V[0], V[1]]), ShapeError, r"cat: zero-dimensional.*position 0"),
    "stack": (lambda: autograd.stack([A, A[0]]), ShapeError, r"stack: .*equal size.*\(2, 3, 4\).*entry 1, \(3, 4\)"),
    "stack of nothing": (lambda: autograd.stack([]), ShapeError, r"non-empty"),
    "index": (lambda: A[2], IndexError, r"index 2 is out of bounds for axis 0 with size 2.*\(2, 3, 4\)"),
    "second index": (lambda: A[0, -4], IndexError, r"index -4 is out of bounds for axis 1 with size 3"),
    "list index": (lambda: A[0, [1, 3]], IndexError, r"index 3 is out of bounds for axis 1 with size 3"),
    "negative list index": (lambda: A[..., [-5]], IndexError, r"index -5 is out of bounds for axis 2 with size 4"),
    "tensor index": (lambda: A[tensor([0, 7])], IndexError, r"index 7 is out of bounds for axis 0 with size 2"),
    "index to write": (lambda: operator.setitem(tensor(X), 2, 0.0), IndexError, r"index 2 is out .* axis 0"),
    "list to write": (lambda: operator.setitem(tensor(X), [5], 0.0), IndexError, r"index 5 is out of .* axis 0"),
    "too many": (lambda: A[0, 0, 0, 0], IndexError, r"too many indices"),
    "too many lists": (lambda: A[0, 0, 0, [0]], IndexError, r"too many indices for tensor of dimension 3: 4"),
    "arrays that differ": (lambda: A[[0, 1], [0, 1, 2]], IndexError, r"shape mismatch.*\(2,\).*\(3,\)"),
    "float index": (lambda: A[1.0], TypeError, r"only integers, slices.*found float"),
    "float list": (lambda: A[[0.5]], TypeError, r"only integers, slices.*found float64 values"),
    "float tensor": (lambda: A[tensor([1.0])], TypeError, r"only integers, slices.*found float32 values"),
    "string index": (lambda: A["a"], TypeError, r"only integers, slices.*found str"),
    "mask": (lambda: A[tensor([True, False, True])], IndexError, r"mask \(3,\) at axis 0.*\(2, 3, 4\)"),
    "mask on axis 1": (lambda: A[:, [True, False]], IndexError, r"mask \(2,\) at axis 1"),
    "value": (lambda: operator.setitem(tensor(X), 0, V), ShapeError, r"\(3,\) cannot be broadcast.*\(3, 4\)"),
    "value for a list": (lambda: operator.setitem(tensor(X), [0], V), ShapeError, r"\(3,\) cannot be.*\(1, 3, 4\)"),
    "axis": (lambda: A.squeeze(3), IndexError, r"squeeze: .*range of \[-3, 2\], but got 3"),
    "axis of size": (lambda: A.size(5), IndexError, r"size: .*but got 5"),
    "float axis": (lambda: A.unsqueeze(1.5), TypeError, r"unsqueeze: dim must be an integer, found float"),
    "an axis twice": (lambda: A.flip(0, 0), ShapeError, r"flip: .*multiple times"),
    "permute": (lambda: A.permute(0, 1), ShapeError, r"permute: 2 dims.*3 axes"),
    "t": (lambda: A.t(), ShapeError, r"t: .*at most 2"),
    "mT": (lambda: V.mT, ShapeError, r"mT: .*\(3,\)"),
    "flatten": (lambda: A.flatten(2, 1), ShapeError, r"flatten: start_dim 2 comes after end_dim 1"),
    "expand": (lambda: A.expand(2, 5, 4), ShapeError, r"\(2, 3, 4\) does not broadcast to \(2, 5, 4\)"),
    "expand -1": (lambda: V.expand(-1, 3), ShapeError, r"broadcast"),
    "repeat": (lambda: A.repeat(2), ShapeError, r"repeat: 1 repeats"),
    "split": (lambda: V.split([1, 1]), ShapeError, r"split: sizes \(1, 1\) sum to 2, not to the size 3"),
    "split by 0": (lambda: V.split(0), ValueError, r"split: .*positive, found 0"),
    "chunk": (lambda: V.chunk(0), ValueError, r"chunk: .*positive, found 0"),
    "narrow": (lambda: V.narrow(0, 2, 2), ShapeError, r"narrow: start \(2\) \+ length \(2\) exceeds"),
    "narrow start": (lambda: V.narrow(0, 4, 0), IndexError, r"narrow: index 4 .*axis 0 with size 3"),
    "select": (lambda: A.select(1, 3), IndexError, r"select: index 3 is out of bounds for axis 1 with size 3"),
    "unbind": (lambda: V[0].unbind(), ShapeError, r"unbind: .*1-dimensional"),
    "gather": (lambda: V.gather(0, tensor([3])), IndexError, r"gather: index 3 .* axis 0 with size 3"),
    "gather shape": (lambda: A.gather(0, tensor([0])), ShapeError, r"gather: index of shape \(1,\).*\(2, 3, 4\)"),
    "gather too large": (lambda: A[0].gather(1, tensor([[0]] * 4)), ShapeError, r"gather: .*larger at axis 0"),
    "gather dtype": (lambda: V.gather(0, tensor([1.0])), DtypeError, r"gather: .*int64, found float32"),
    "scatter": (lambda: V.scatter(0, tensor([3]), 1.0), IndexError, r"scatter: index 3 .*axis 0 with size 3"),
    "scatter src": (lambda: V.scatter(0, tensor([0, 1]), V[:1]), ShapeError, r"scatter: index.*\(2,\).*src.*\(1,\)"),
    "scatter dtype": (lambda: V.scatter(0, tensor([0]), tensor([1])), DtypeError, r"scatter: .*float32, found int64"),
    "index_select": (lambda: V.index_select(0, tensor([3])), IndexError, r"index_select: index 3 .*axis 0"),
    "index_select shape": (lambda: V.index_select(0, tensor([[0]])), ShapeError, r"index_select: .*vector"),
    "index_copy": (lambda: V.index_copy(0, tensor([0]), V), ShapeError, r"index_copy: .*shape \(1,\), found \(3,\)"),
    "masked_fill": (lambda: V.masked_fill(tensor([1, 0, 1]), 0.0), DtypeError, r"masked_fill: .*bool, found int64"),
    "masked_fill value": (lambda: tensor([1, 2]).masked_fill(tensor(True), 0.5), DtypeError, r"value 0.5"),
    "masked_select": (lambda: V.masked_select(tensor([True, False])), ShapeError, r"broadcast.*3 vs 2"),
    "topk": (lambda: V.topk(4), ShapeError, r"topk: .*k = 4 out of range for axis 0 with size 3"),
    "meshgrid": (lambda: autograd.meshgrid(V, indexing="yx"), ValueError, r'meshgrid: indexing must be "ij" or "xy"'),
    "roll": (lambda: V.roll((1, 2), 0), ShapeError, r"roll: shifts"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_with_shapes_and_the_place(case):
    call, error, message = case
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(error, match=message):
            call()


def test_a_failed_assignment_leaves_the_tensor_as_it_was():
    x = tensor(X)
    for index, value in [(7, 0.0), ([0, 9], 0.0), (0, V), (1.5, 0.0)]:
        with pytest.raises((IndexError, ShapeError, TypeError)):
            x[index] = value
    assert x.tolist() == X.tolist()
