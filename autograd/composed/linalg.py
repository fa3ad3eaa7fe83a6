"""Linear algebra composed of the primitives."""

from __future__ import annotations

import functools
import string
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

import numpy as np

from ..arrays import check_integer, check_tensors
from ..errors import ShapeError
from ..ops import broadcast_to, contract, diagonal, diagonal_put, matmul, permute, where
from ..ops.axes import axes, axis
from ..tensor import Tensor, method

__all__ = [
    "addbmm", "addmm", "addmv", "addr", "baddbmm", "bmm", "diag", "diag_embed", "dot", "einsum", "ger", "inner", "kron",
    "mm", "mv", "outer", "tensordot", "trace", "tril", "triu", "vdot",
]  # fmt: skip


# -- products of vectors and matrices


def _expect(name: str, *ranks: tuple[Any, int]) -> None:
    """Raise unless every operand has its number of axes."""
    check_tensors(name, *(x for x, _ in ranks))
    if any(x.ndim != ndim for x, ndim in ranks):
        wanted, found = " and ".join(f"{n}-D" for _, n in ranks), " and ".join(str(tuple(x.shape)) for x, _ in ranks)
        raise ShapeError(f"{name}: expects {wanted}, found {found}; matmul takes any number of axes")


@method()
def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """The product of two matrices.

    Raises
    ------
    ShapeError
        If one is not a matrix, or the inner sizes differ.

    Examples
    --------
    >>> import autograd
    >>> autograd.mm(autograd.ones(1, 3), autograd.ones(3, 1))
    tensor([[3.]])
    """
    _expect("mm", (input, 2), (mat2, 2))
    return matmul(input, mat2)


@method()
def mv(input: Tensor, vec: Tensor) -> Tensor:
    """The product of a matrix and a vector.

    Examples
    --------
    >>> import autograd
    >>> autograd.mv(autograd.eye(2), autograd.tensor([3.0, 4.0]))
    tensor([3., 4.])
    """
    _expect("mv", (input, 2), (vec, 1))
    return matmul(input, vec)


@method()
def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """The products of two stacks of as many matrices; :func:`matmul` also broadcasts.

    Raises
    ------
    ShapeError
        If one is not a stack of matrices, or the stacks are not of the same length.

    Examples
    --------
    >>> import autograd
    >>> autograd.bmm(autograd.ones(5, 1, 3), autograd.ones(5, 3, 2)).shape
    (5, 1, 2)
    """
    _expect("bmm", (input, 3), (mat2, 3))
    if input.shape[0] != mat2.shape[0]:
        raise ShapeError(f"bmm: shapes {input.shape} and {mat2.shape}: stacks of {input.shape[0]} and {mat2.shape[0]}")
    return matmul(input, mat2)


@method()
def dot(input: Tensor, tensor: Tensor) -> Tensor:
    """The dot product of two vectors, xᵀ y.

    Examples
    --------
    >>> import autograd
    >>> autograd.dot(autograd.tensor([1.0, 2.0]), autograd.tensor([3.0, 4.0]))
    tensor(11.)
    """
    _expect("dot", (input, 1), (tensor, 1))
    return matmul(input, tensor)


vdot = method("vdot")(dot)


@method("ger")
def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """The outer product of two vectors, x yᵀ.

    Examples
    --------
    >>> import autograd
    >>> autograd.outer(autograd.tensor([1.0, 2.0]), autograd.tensor([3.0, 4.0]))
    tensor([[3., 4.],
            [6., 8.]])
    """
    _expect("outer", (input, 1), (vec2, 1))
    return input[:, None] * vec2


ger = outer


@method()
def inner(input: Tensor, other: Tensor) -> Tensor:
    """The sum of products over the last axis of both; of 0-d tensors, the product.

    Raises
    ------
    ShapeError
        If the last axes differ.

    Examples
    --------
    >>> import autograd
    >>> autograd.inner(autograd.ones(2, 3), autograd.ones(4, 3)).shape
    (2, 4)
    """
    check_tensors("inner", input, other)
    return tensordot(input, other, ([-1], [-1])) if input.ndim and other.ndim else input * other


@method()
def kron(input: Tensor, other: Tensor) -> Tensor:
    """The Kronecker product: every element of ``input`` times all of ``other``, as blocks.

    Examples
    --------
    >>> import autograd
    >>> autograd.kron(autograd.eye(2), autograd.tensor([[1.0, 2.0]]))
    tensor([[1., 2., 0., 0.],
            [0., 0., 1., 2.]])
    """
    check_tensors("kron", input, other)
    pairs = list(zip_longest(reversed(input.shape), reversed(other.shape), fillvalue=1))[::-1]
    x = input.reshape([n for a, _ in pairs for n in (a, 1)])
    y = other.reshape([n for _, b in pairs for n in (1, b)])
    return (x * y).reshape([a * b for a, b in pairs])


# -- a product and something added


def _added(name: str, input: Tensor, product: Tensor, beta: float, alpha: float) -> Tensor:
    """Beta ⊙ input + alpha ⊙ product; with beta = 0 even a nan in ``input`` does not count."""
    if alpha != 1:
        product = product * alpha
    try:
        input = broadcast_to(input, product.shape)
    except ShapeError:
        raise ShapeError(
            f"{name}: the product has shape {product.shape}, input of shape {input.shape} does not broadcast to it"
        ) from None
    if beta == 0:
        return where(False, input, product)
    return (input if beta == 1 else input * beta) + product


@method(inplace=True)
def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """Beta · input + alpha · mat1 mat2, of matrices.

    Raises
    ------
    ShapeError
        If the matrices do not fit, or ``input`` does not broadcast to their product.

    Examples
    --------
    >>> import autograd
    >>> autograd.addmm(autograd.tensor([1.0]), autograd.ones(1, 3), autograd.ones(3, 2), alpha=10)
    tensor([[31., 31.]])
    """
    return _added("addmm", input, mm(mat1, mat2), beta, alpha)


@method(inplace=True)
def addmv(input: Tensor, mat: Tensor, vec: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """Beta · input + alpha · mat vec, of a matrix and a vector.

    Examples
    --------
    >>> import autograd
    >>> autograd.addmv(autograd.tensor([1.0, 2.0]), autograd.eye(2), autograd.ones(2))
    tensor([2., 3.])
    """
    return _added("addmv", input, mv(mat, vec), beta, alpha)


@method(inplace=True)
def addr(input: Tensor, vec1: Tensor, vec2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """Beta · input + alpha · vec1 vec2ᵀ, of vectors.

    Examples
    --------
    >>> import autograd
    >>> autograd.addr(autograd.zeros(1, 2), autograd.ones(1), autograd.tensor([3.0, 4.0]))
    tensor([[3., 4.]])
    """
    return _added("addr", input, outer(vec1, vec2), beta, alpha)


@method(inplace=True)
def baddbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """Beta · input + alpha · batch1 batch2, of stacks of matrices.

    Examples
    --------
    >>> import autograd
    >>> autograd.baddbmm(autograd.zeros(1), autograd.ones(5, 1, 3), autograd.ones(5, 3, 2)).shape
    (5, 1, 2)
    """
    return _added("baddbmm", input, bmm(batch1, batch2), beta, alpha)


@method(inplace=True)
def addbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """Beta · input + alpha · the sum of the products of two stacks of matrices.

    Examples
    --------
    >>> import autograd
    >>> autograd.addbmm(autograd.zeros(1), autograd.ones(5, 1, 3), autograd.ones(5, 3, 2))
    tensor([[15., 15.]])
    """
    return _added("addbmm", input, bmm(batch1, batch2).sum(0), beta, alpha)


# -- sums over any indices


def tensordot(a: Tensor, b: Tensor, dims: Any = 2) -> Tensor:
    """The sum of products over some axes of ``a`` and as many of ``b``.

    Parameters
    ----------
    a, b : Tensor
    dims : int or (sequence of int, sequence of int)
        How many of the last axes of ``a`` and the first of ``b``; or which.

    Raises
    ------
    ShapeError
        If the lists, or the sizes of a pair of axes, differ.

    Examples
    --------
    >>> import autograd
    >>> autograd.tensordot(autograd.ones(2, 3, 4), autograd.ones(3, 4, 5)).shape
    (2, 5)
    """
    check_tensors("tensordot", a, b)
    if isinstance(dims, int):
        if not 0 <= dims <= min(a.ndim, b.ndim):
            raise ShapeError(f"tensordot: shapes {a.shape} and {b.shape} do not both have dims={dims} axes")
        dims = range(a.ndim - dims, a.ndim), range(dims)
    if not (isinstance(dims, (tuple, list)) and len(dims) == 2):
        raise TypeError(f"tensordot: expects dims, a number of axes or a list of them for each tensor, found {dims!r}")
    ours, theirs = (axes(tuple(d), x.ndim, "tensordot") for d, x in zip(dims, (a, b), strict=True))
    if len(ours) != len(theirs):
        raise ShapeError(f"tensordot: {len(ours)} axes of a, but {len(theirs)} of b; both lists need the same length")
    pairs = dict(zip(theirs, ours, strict=True))
    second = tuple(pairs.get(k, a.ndim + k) for k in range(b.ndim))
    kept = (*(k for k in range(a.ndim) if k not in ours), *(k for k in second if k >= a.ndim))
    return _einsum("tensordot", (tuple(range(a.ndim)), second), kept, [a, b])


def einsum(*args: Any) -> Tensor:
    """The sum over products of elements that an equation says: ``einsum("ij,jk->ik", x, y)``.

    Parameters
    ----------
    *args
        An equation and its operands (or one list of them); or the operands, each followed by the list of its
        indices as integers, and perhaps the list of the output's. An index twice in an operand takes its diagonal; one
        that is not in the output is summed over; ``...`` stands for any further axes, which broadcast. Without
        ``->`` the output has the indices that occur once, in alphabetical order.

    Raises
    ------
    ShapeError
        If an index has two sizes, or an operand another number of axes than indices.
    ValueError
        For an equation that cannot be read.

    Examples
    --------
    >>> import autograd
    >>> x = autograd.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> autograd.einsum("ii", x), autograd.einsum("ij,kj->ik", x, x)
    (tensor(5.), tensor([[ 5., 11.],
            [11., 25.]]))
    """
    if isinstance(args[0], str):
        equation, operands = args[0], list(args[1]) if isinstance(args[-1], (list, tuple)) else list(args[1:])
    else:  # operand, indices, operand, indices, …, perhaps the output's indices
        n = len(args) // 2
        operands, lists = list(args[: 2 * n : 2]), [_letters(indices) for indices in args[1 : 2 * n : 2]]
        equation = ",".join(lists) + (f"->{_letters(args[-1])}" if len(args) % 2 else "")
    check_tensors("einsum", *operands)
    return _einsum("einsum", *_spelled(equation, tuple(x.ndim for x in operands)), operands)


def _letters(indices: Sequence[Any]) -> str:
    """PyTorch's other format, [0, 1, ...] for "AB..."."""
    names = string.ascii_uppercase + string.ascii_lowercase
    try:
        return "".join("..." if k is Ellipsis else names[range(52)[k]] for k in indices)
    except IndexError:
        raise ValueError(f"einsum: indices go from 0 to 51, found {list(indices)}") from None


Indices = tuple[Any, ...]


@functools.lru_cache
def _spelled(equation: str, ndims: tuple[int, ...]) -> tuple[tuple[Indices, ...], Indices]:
    """One index for each axis of the operands and of the output: those of ``...`` are −1, −2, … from the right."""
    joined, arrow, out = equation.replace(" ", "").partition("->")
    inputs = joined.split(",")
    letters = (joined + out).replace("...", "").replace(",", "")
    if not letters.isalpha() and letters:
        wrong = sorted(set(letters) - set(string.ascii_letters))
        raise ValueError(f"einsum: the equation {equation!r} has {wrong}; indices are letters, or ...")
    if len(inputs) != len(ndims):
        raise ValueError(f"einsum: the equation {equation!r} has {len(inputs)} operands, found {len(ndims)}")
    named: list[Indices] = []
    for k, (names, ndim) in enumerate(zip(inputs, ndims, strict=True)):
        first, dots, last = names.partition("...")
        rest = ndim - len(first + last)
        if rest < 0 or (rest and not dots):
            raise ShapeError(f"einsum: operand {k} has {ndim} axes, its indices are {names!r}")
        named.append((*first, *range(-rest, 0), *last))
    further = range(min([n for names in named for n in names if isinstance(n, int)], default=0), 0)
    if arrow:
        first, dots, last = out.partition("...")
        target = (*first, *(further if dots else ()), *last)
    else:
        target = (*further, *sorted(n for n in set(letters) if letters.count(n) == 1))
    if len(set(target)) < len(target) or set(target) - {n for names in named for n in names}:
        raise ValueError(f"einsum: in the output of {equation!r} an index is there twice, or in no operand")
    return tuple(named), target


def _einsum(name: str, named: tuple[Indices, ...], target: Indices, operands: list[Tensor]) -> Tensor:
    """Every operand made simple, no index broadcast, twice or in it alone; then one contraction."""
    steps, equation = _plan(name, named, target, tuple(x.shape for x in operands))
    simple = []
    for x, (repeated, diagonals, alone) in zip(operands, steps, strict=True):
        x = x.sum(repeated) if repeated else x
        for i, j in diagonals:
            x = diagonal(x, 0, i, j)
        simple.append(x.sum(alone) if alone else x)
    if len(simple) > 1:
        return contract(*simple, equation=equation)
    have, _, out = equation.partition("->")
    return permute(simple[0], tuple(have.index(n) for n in out))


@functools.lru_cache
def _plan(name: str, named: tuple[Indices, ...], target: Indices, shapes: tuple[tuple[int, ...], ...]) -> Any:
    """What :func:`_einsum` does to each operand: axes of size 1 that broadcast, pairs of axes, axes to sum over."""
    sizes: dict[Any, int] = {}
    for names, shape in zip(named, shapes, strict=True):
        sizes |= {n: size for n, size in zip(names, shape, strict=True) if sizes.get(n, 1) == 1}
    letters = dict(zip(sizes, string.ascii_letters, strict=False))
    steps: list[tuple[Any, ...]] = []
    texts: list[str] = []
    for k, (names, shape) in enumerate(zip(named, shapes, strict=True)):
        for n, size in zip(names, shape, strict=True):
            if size not in (1, sizes[n]) or size != shape[names.index(n)]:
                raise ShapeError(
                    f"{name}: shapes {' and '.join(map(str, shapes))} do not fit: index {n!r} has size {size} in "
                    f"operand {k}, but {sizes[n]}"
                )
        repeated = tuple(i for i, n in enumerate(names) if shape[i] != sizes[n])
        text = "".join(letters[n] for i, n in enumerate(names) if i not in repeated)
        diagonals = []
        for n in text:
            while text.count(n) > 1:
                i, j = text.index(n), text.rindex(n)
                diagonals.append((i, j))
                text = text[:i] + text[i + 1 : j] + text[j + 1 :] + n
        steps.append((repeated, diagonals))
        texts.append(text)
    out = "".join(letters[n] for n in target)
    for k, text in enumerate(texts):
        others = "".join((*texts[:k], *texts[k + 1 :], out))
        steps[k] += (tuple(i for i, n in enumerate(text) if n not in others),)
        texts[k] = "".join(n for n in text if n in others)
    return steps, f"{','.join(texts)}->{out}"


# -- diagonals and triangles


@method()
def trace(input: Tensor) -> Tensor:
    """The sum of the diagonal of a matrix.

    Examples
    --------
    >>> import autograd
    >>> autograd.trace(autograd.eye(3))
    tensor(3.)
    """
    _expect("trace", (input, 2))
    return diagonal(input).sum()


@method()
def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """A vector as the diagonal of a square matrix; of a matrix, a copy of its diagonal.

    Examples
    --------
    >>> import autograd
    >>> autograd.diag(autograd.tensor([1, 2]))
    tensor([[1, 0],
            [0, 2]])
    """
    if input.ndim == 1:
        return diag_embed(input, diagonal)
    _expect("diag", (input, 2))
    return input.diagonal(diagonal).clone()


@method()
def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """The last axis as a diagonal along two new axes, zeros elsewhere.

    Examples
    --------
    >>> import autograd
    >>> autograd.diag_embed(autograd.tensor([1.0]), offset=1)
    tensor([[0., 1.],
            [0., 0.]])
    """
    first, second = (axis(d, input.ndim + 1, "diag_embed") for d in (dim1, dim2))
    if first == second:
        raise ShapeError(f"diag_embed: needs two different axes, found dim1={dim1} and dim2={dim2}")
    shape = list(input.shape[:-1])
    for k in sorted((first, second)):
        shape.insert(k, input.shape[-1] + abs(check_integer("diag_embed", "offset", offset)))
    return diagonal_put(input, tuple(shape), offset, first, second)


def _below(name: str, shape: tuple[int, ...], diagonal: int) -> Any:
    """Where a matrix of this shape has its elements on and below a diagonal."""
    if len(shape) < 2:
        raise ShapeError(f"{name}: expects a matrix or a stack of them, found shape {shape}")
    k = max(-shape[-2], min(check_integer(name, "diagonal", diagonal), shape[-1]))  # beyond that it is all the same
    return np.tri(shape[-2], shape[-1], k, dtype=bool)


@method(inplace=True)
def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """The elements of a matrix (or of each in a stack) on and below a diagonal, zeros above it.

    Examples
    --------
    >>> import autograd
    >>> autograd.tril(autograd.ones(2, 2))
    tensor([[1., 0.],
            [1., 1.]])
    """
    return where(_below("tril", input.shape, diagonal), input, False)  # False is the zero of every dtype


@method(inplace=True)
def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """The elements of a matrix (or of each in a stack) on and above a diagonal, zeros below it.

    Examples
    --------
    >>> import autograd
    >>> autograd.triu(autograd.ones(2, 2))
    tensor([[1., 1.],
            [0., 1.]])
    """
    above = check_integer("triu", "diagonal", diagonal)
    return where(_below("triu", input.shape, above - 1), False, input)
