"""Linear algebra: what einsum accepts, views of diagonals, and what a wrong shape is told."""

import numpy as np
import pytest

import autograd
from autograd import ShapeError
from autograd.ops.samples import Sampler

EQUATIONS = [
    ("ij,jk->ik", (2, 3), (3, 4)),
    ("ij,jk", (2, 3), (3, 4)),
    ("ba,cb", (2, 3), (4, 2)),  # without -> the output is alphabetical
    ("...ij,...jk->...ik", (5, 1, 2, 3), (4, 3, 2)),
    ("i...,i...->...", (3, 2, 4), (3, 4)),
    ("...,...", (3, 4), (4,)),
    ("a...->...", (3, 2)),
    ("ii->i", (3, 3)),
    ("ii", (3, 3)),
    ("iij->j", (3, 3, 2)),
    ("iii->i", (3, 3, 3)),
    ("ij,ij->", (2, 3), (2, 3)),
    ("ij,ij->ij", (2, 3), (2, 3)),
    ("ij->ji", (2, 3)),
    ("ij->", (2, 3)),
    ("ij,k->kj", (2, 3), (4,)),  # i is summed out of the first, alone
    ("i,i,i->i", (3,), (3,), (3,)),
    ("ij,jk,kl->il", (2, 3), (3, 4), (4, 2)),
    ("ij,ij->j", (1, 3), (2, 3)),  # size 1 broadcasts
    ("ij,j->i", (2, 1), (3,)),
    ("bij,bjk,bik->b", (2, 3, 4), (2, 4, 5), (2, 3, 5)),
    ("ij , jk -> ik", (2, 3), (3, 0)),
    ("", ()),
]


@pytest.mark.parametrize(("equation", "shapes"), [(e, s) for e, *s in EQUATIONS], ids=lambda x: str(x))
def test_einsum_is_numpys_with_the_gradient_of_finite_differences(equation, shapes):
    s = Sampler()
    arrays = [s(*shape) for shape in shapes]
    xs = [autograd.tensor(x, requires_grad=True) for x in arrays]
    plain = equation.replace(" ", "")
    np.testing.assert_allclose(
        autograd.einsum(equation, *xs).detach().numpy(), np.einsum(plain, *arrays), rtol=1e-12, atol=1e-12
    )
    autograd.gradcheck(lambda *xs: autograd.einsum(equation, *xs), xs)
    if all(x.numel() for x in xs):
        autograd.gradgradcheck(lambda *xs: autograd.einsum(equation, *xs), xs)


def test_einsum_takes_a_list_of_operands_and_lists_of_indices():
    x, y = autograd.tensor(np.arange(6.0).reshape(2, 3)), autograd.tensor(np.arange(12.0).reshape(3, 4))
    expected = (x @ y).numpy()
    for found in (
        autograd.einsum("ij,jk->ik", [x, y]),
        autograd.einsum(x, [0, 1], y, [1, 2], [0, 2]),
        autograd.einsum(x, [0, 1], y, [1, 2]),
        autograd.einsum(x, [..., 1], y, [1, 2], [..., 2]),
    ):
        np.testing.assert_array_equal(found.numpy(), expected)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("ij,jk->ik", (2, 3), (4, 5)), ShapeError, r"shapes \(2, 3\) and \(4, 5\) do not fit: index 'j' .* 4 .* 3"),
        (("ii", (1, 3)), ShapeError, "index 'i'"),
        (("ij", (2, 3, 4)), ShapeError, "operand 0 has 3 axes, its indices are 'ij'"),
        (("ij,jk", (2, 3)), ValueError, "2 operands, found 1"),
        (("i->j", (2,)), ValueError, "in no operand"),
        (("i->ii", (2,)), ValueError, "twice"),
        (("i1->i", (2,)), ValueError, r"\['1'\]"),
    ],
)
def test_einsum_says_what_is_wrong_with_an_equation(arguments, error, message):
    with pytest.raises(error, match=message):
        autograd.einsum(arguments[0], *(autograd.ones(shape) for shape in arguments[1:]))


def test_a_contraction_is_one_operation_in_the_graph():
    x = autograd.ones(2, 3, requires_grad=True)
    y = autograd.einsum("ij,kj->ik", x, autograd.ones(4, 3))
    assert y._op.name == "contract" and y._inputs[0] is x


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda a: a.ones(2, 3) @ a.ones(4, 5), r"\(2, 3\) and \(4, 5\) do not fit: inner 3 ≠ 4"),
        (lambda a: a.ones(2, 3) @ a.ones(4), "inner 3 ≠ 4"),
        (lambda a: a.ones(3) @ a.ones(4), "inner 3 ≠ 4"),
        (lambda a: a.ones(2, 3) @ a.tensor(1.0), "at least 1 axis"),
        (lambda a: a.ones(2, 3) @ 2.0, "at least 1 axis"),
        (lambda a: a.ones(2, 1, 3) @ a.ones(4, 3, 5), r"matmul of stacks: .*axis 0: 2 vs 4"),
        (lambda a: a.mm(a.ones(3), a.ones(3, 2)), r"mm: expects 2-D and 2-D, found \(3,\) and \(3, 2\)"),
        (lambda a: a.mv(a.ones(3, 2), a.ones(3, 2)), "mv: expects 2-D and 1-D"),
        (lambda a: a.bmm(a.ones(2, 3, 4), a.ones(3, 4, 5)), "bmm: .* stacks of 2 and 3"),
        (lambda a: a.dot(a.ones(2), a.ones(3)), "inner 2 ≠ 3"),
        (lambda a: a.dot(a.ones(2, 2), a.ones(2)), "dot: expects 1-D"),
        (lambda a: a.outer(a.ones(2, 2), a.ones(2)), "outer: expects 1-D"),
        (lambda a: a.inner(a.ones(2, 3), a.ones(2, 4)), r"\(2, 3\) and \(2, 4\) do not fit"),
        (lambda a: a.addmm(a.ones(3), a.ones(2, 2), a.ones(2, 2)), r"addmm: the product has shape \(2, 2\)"),
        (lambda a: a.tensordot(a.ones(2, 3), a.ones(4, 5), 1), r"tensordot: shapes \(2, 3\) and \(4, 5\) do not fit"),
        (lambda a: a.tensordot(a.ones(2), a.ones(2), 2), "dims=2"),
        (lambda a: a.tensordot(a.ones(2), a.ones(2), ([0], [])), "same length"),
        (lambda a: a.trace(a.ones(2)), "trace: expects 2-D"),
        (lambda a: a.tril(a.ones(2)), "tril: expects a matrix"),
        (lambda a: a.diagonal(a.ones(2, 2), 0, 1, -1), "two different axes"),
        (lambda a: a.diag_embed(a.ones(2), 0, 1, 1), "two different axes"),
    ],
)
def test_shapes_that_do_not_fit_are_named(call, message):
    with pytest.raises(ShapeError, match=message):
        call(autograd)


def test_an_axis_that_is_not_there_is_an_index_error():
    with pytest.raises(IndexError, match="Dimension out of range"):
        autograd.diagonal(autograd.ones(2, 2), 0, 0, 2)
    with pytest.raises(IndexError, match="Dimension out of range"):
        autograd.tensordot(autograd.ones(2, 2), autograd.ones(2, 2), ([2], [0]))


def test_a_diagonal_is_a_view_that_writes_through():
    x = autograd.zeros(2, 3)
    x.diagonal(1).fill_(7)
    assert x.tolist() == [[0, 7, 0], [0, 0, 7]]
    w = autograd.ones(3, 3, requires_grad=True)
    y = w * 2
    y.diagonal()[...] = autograd.tensor([1.0, 2.0, 3.0])
    (y * y).sum().backward()
    assert w.grad.tolist() == [[0, 8, 8], [8, 0, 8], [8, 8, 0]]


def test_a_diagonal_of_a_read_only_array_stays_read_only():
    array = np.eye(3)
    array.flags.writeable = False
    assert not autograd.from_numpy(array).diagonal().numpy().flags.writeable


def test_the_results_of_diag_and_einsum_share_no_memory_unless_they_are_views():
    x = autograd.ones(3, 3)
    autograd.diag(x).zero_()
    autograd.einsum("ij,kj->ik", x, x).zero_()
    assert x.tolist() == [[1, 1, 1]] * 3


def test_beta_zero_leaves_the_input_out_nan_and_all():
    x = autograd.tensor([float("nan")], requires_grad=True)
    y = autograd.addmm(x, autograd.ones(1, 2), autograd.ones(2, 1), beta=0)
    y.backward()
    assert y.item() == 2 and x.grad.item() == 0


@pytest.mark.parametrize("name", ["addmm", "addmv", "addr", "baddbmm", "addbmm", "tril", "triu"])
def test_what_pytorch_has_in_place_is_there_in_place(name):
    assert hasattr(autograd.Tensor, f"{name}_")


def test_triangles_keep_inf_nan_and_the_dtype():
    x = autograd.full((2, 2), float("inf"))
    assert x.tril().tolist() == [[np.inf, 0], [np.inf, np.inf]]
    for dtype in ("bool", "int8", "int64", "float64"):
        assert autograd.ones(2, 2, dtype=dtype).triu().dtype == dtype


def test_large_contractions_go_through_blas():
    s = Sampler("float32")
    x, y = s(60, 50, 40), s(40, 30, 60)
    expected = np.einsum("abc,cda->bd", x, y, optimize=True)
    found = autograd.einsum("abc,cda->bd", autograd.tensor(x), autograd.tensor(y))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("size", [2, 90])
def test_inf_and_nan_are_answers_and_no_warnings(size):
    x = autograd.full((size, size), 1e30)
    assert (x @ x).tolist()[0][0] == np.inf and np.isnan(((x @ x) @ autograd.zeros(size, size)).numpy()).all()
    assert autograd.linear(x, x, autograd.zeros(size)).tolist()[0][0] == np.inf
    assert autograd.einsum("ij,kj->ik", x, x).tolist()[0][0] == np.inf
