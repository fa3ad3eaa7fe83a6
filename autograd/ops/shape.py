"""Shape and indexing: the same numbers, arranged otherwise."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import DtypeError, ShapeError
from .axes import axes, axis
from .dtypes import converted
from .indexing import Slices, locate, resolve
from .record import primitive
from .samples import unary

# cat, permute, reshape and transpose are primitives too, behind the functions of those names with PyTorch's signatures
__all__ = ["argsort", "assign", "broadcast_to", "cast", "clone", "getitem", "put"]


@primitive(
    "reshape",
    x=lambda g, x_shape: reshape(g, x_shape),
    numpy=[np.reshape],
    promotes=None,
    view=True,
    samples=lambda s: [(s(3, 4), (2, 6)), (s(3, 4), (-1,)), (s(4, 3).T, (4, 3)), (s(), (1, 1))],
    method=False,
)
def reshape(x: Any, shape: Any = ()) -> Any:
    """The same elements, row by row, in another shape; one size may be −1. A view where memory allows.

    Raises
    ------
    ShapeError
        If the number of elements differs, or two sizes are −1.
    """
    try:
        return x.reshape(shape)
    except ValueError:
        if list(shape).count(-1) > 1:
            raise ShapeError(f"reshape: only one size can be −1, found {tuple(shape)}") from None
        raise ShapeError(
            f"reshape: shape {tuple(shape)} is invalid for input of size {math.prod(x.shape)} (shape {x.shape})"
        ) from None


@primitive(
    "permute",
    x=lambda g, dims: permute(g, _inverse(dims)),
    numpy=[np.transpose],
    promotes=None,
    view=True,
    samples=lambda s: [(s(3, 4), (1, 0)), (s(2, 3, 4), (2, 0, 1)), (s(2, 3, 4), (-1, 0, -2)), (s(2, 3, 4),)],
    method=False,
)
def permute(x: Any, dims: Any = None) -> Any:
    """The axes in the order ``dims``, or in reverse; a view.

    Raises
    ------
    ShapeError
        If ``dims`` does not name every axis once.
    """
    if dims is not None and len(axes(dims, x.ndim, "permute")) != x.ndim:
        raise ShapeError(f"permute: {len(dims)} dims {tuple(dims)} for a tensor with {x.ndim} axes, shape {x.shape}")
    return np.transpose(x, dims)


def _inverse(dims: Any) -> Any:
    return None if dims is None else tuple(int(k) for k in np.argsort(axes(dims, len(dims), "permute")))


@primitive(
    "ᵀ",
    formula=lambda x: x.mT,
    x=lambda g: g.mT,
    promotes=None,
    view=True,
    samples=lambda s: [(s(3, 4),), (s(2, 3, 4),)],
    method=False,
)
def transpose(x: Any) -> Any:
    """The transpose of a matrix, or of each matrix in a stack; a view.

    Raises
    ------
    ShapeError
        For fewer than two axes.
    """
    if x.ndim < 2:
        raise ShapeError(f"mT: expects a matrix or a stack of them, found shape {x.shape}")
    return x.swapaxes(-1, -2)


@primitive(
    "broadcast",
    x=lambda g: g,  # the engine sums a gradient over the axes along which an input was repeated
    numpy=[np.broadcast_to],
    promotes=None,
    view=True,
    samples=lambda s: [(s(3, 1), (3, 4)), (s(4), (2, 4)), (s(), (2, 2))],
)
def broadcast_to(x: Any, shape: Any = ()) -> Any:
    """Repeated along axes of size 1 and new leading axes to ``shape``; a view."""
    try:
        out = np.broadcast_to(x, shape)
        return x.reshape(shape) if out.size == x.size else out  # NumPy's is read-only, where nothing repeats too
    except ValueError:
        raise ShapeError(f"broadcast_to: shape {x.shape} does not broadcast to {tuple(shape)}") from None


@primitive(
    "[·]",
    formula=lambda x, index: x[index],
    x=lambda g, x_shape, index: put(g, x_shape, index),
    promotes=None,
    view=True,
    samples=lambda s: [
        (s(3, 4), 1), (s(3, 4), (slice(None), slice(0, 4, 2))), (s(3, 4), ([0, 0, 2],)), (s(3, 4), (..., None, 2)),
        (s(4), np.array([True, False, True, True])), (s(3, 4), (np.array([0, 0]), np.array([1, 1]))),
    ],
    method=False,
)  # fmt: skip
def getitem(x: Any, index: Any = ...) -> Any:
    """``x[index]`` with PyTorch's indexing: slices, integers, None, ..., lists, integer and boolean arrays.

    Slices and integers give a view.

    Raises
    ------
    IndexError
        For an index out of range: says which, along which axis, and its size.
    TypeError
        For what is no index.
    """
    try:
        part, key = locate(x, index)
        return part[key]
    except IndexError as error:
        raise _explained(error, x) from None


def _explained(error: IndexError, x: Any) -> IndexError:
    said = str(error)
    return error if "shape" in said else IndexError(f"getitem: {said} (shape {x.shape})")


@primitive(
    "scatter",
    x=lambda g, index: getitem(g, index),
    promotes=None,
    samples=lambda s: [(s(4), (3, 4), 1), (s(3, 4), (3, 4), ([0, 0, 2],))],
    method=False,
)
def put(x: Any, shape: Any = (), index: Any = ...) -> Any:
    """The adjoint of :func:`getitem`: zeros of ``shape`` with ``x`` added at ``index``, repeats added up."""
    out = np.zeros(shape, x.dtype)
    part, key = locate(out, index)
    if type(key) is Slices:  # no element twice
        part[key] = x
    else:
        np.add.at(part, key, x)
    return out


@primitive(
    "←",
    x=lambda g, path: assign(g, 0.0, path),
    y=lambda g, path, y_shape: _through(g, path, len(y_shape)),
    promotes=None,
    samples=lambda s: [
        (s(3, 4), s(4), ((getitem, (1,)),)), (s(3, 4), s(2, 3), ((transpose, ()), (getitem, (slice(1, 3),)))),
        (s(3), s()), (s(3, 4), s(), ((getitem, (([0, 2],),)),)),
        (s(3, 4), s(3, 1), ((getitem, ((..., slice(1, 2)),)),)),
        (s(3, 4), s(3), ((transpose, ()), (reshape, ((12,),)), (getitem, (slice(2, 5),)))),
        (s(3, 4), s(1, 1, 4), ((getitem, (0,)),)), (s(3, 4), s(3, 4), ((getitem, ([0, 0, 2],)),)),
    ],
    method=False,
)  # fmt: skip
def assign(x: Any, y: Any, path: Any = ()) -> Any:
    """x with ``y`` written into the part that the views of ``path`` lead to: what ``x[path] = y`` leaves in x.

    ``path`` holds pairs (view op, its parameters); empty, all of x is replaced. The last may be an index with arrays,
    which is no view.

    Raises
    ------
    ShapeError
        If ``y`` does not broadcast to that part.
    """
    out = x.copy()
    write(out, y, path)
    return out


def write(out: Any, y: Any, path: Any = ()) -> None:
    """:func:`assign` into ``out`` itself."""
    key: Any = ...
    copies = []  # a reshape that is a view of x need not be one of a gradient, which may lie otherwise in memory
    for k, (op, params) in enumerate(path):
        if op is getitem and k == len(path) - 1:
            out, key = locate(out, params[0])
        else:
            whole, out = out, op.forward(out, *params)
            if op is reshape and not np.may_share_memory(whole, out):
                copies.append((whole, out))
    try:
        with np.errstate(invalid="ignore"):
            out[key] = y
    except OverflowError as error:
        raise DtypeError(f"assign: {error}; the tensor is {out.dtype}") from None
    except ValueError:
        raise ShapeError(
            f"assign: shape mismatch: a value of shape {np.shape(y)} cannot be broadcast to the part of shape "
            f"{out[key].shape} that it is assigned to"
        ) from None
    except IndexError as error:
        raise _explained(error, out) from None
    for whole, copy in reversed(copies):
        whole[...] = copy.reshape(whole.shape)


def _through(g: Any, path: Any, ndim: int) -> Any:
    """What of ``g`` lies where ``path`` leads; with leading axes of size 1 where the assigned value has more axes."""
    for op, params in path:
        whole, g = g, op(g, *params)
    if path and path[-1][0] is getitem:
        survives = _last(whole.shape, path[-1][1][0])
        g = g if survives is None else g * survives
    return g if g.ndim >= ndim else reshape(g, (1,) * (ndim - g.ndim) + tuple(g.shape))


def _last(shape: Any, index: Any) -> Any:
    """Where an index with arrays is repeated: which of the values that it assigns remain, the last ones. Else None."""
    index = resolve(index, shape)
    if type(index) is Slices:
        return None
    part, key = locate(np.arange(math.prod(shape)).reshape(shape), index)
    places = part[key]
    order = np.arange(places.size).reshape(places.shape)
    last = np.zeros(math.prod(shape), np.int64)
    last[places] = order
    survives = last[places] == order
    return None if survives.all() else survives


@primitive(
    "cat",
    tensors=lambda g, i, tensors_shape, dim: getitem(g, _piece(i, tensors_shape, dim)),
    numpy=[],
    samples=lambda s: [(s(3, 4), s(2, 4)), (s(3, 4), s(3, 1), s(3, 2), {"dim": 1}), (s(2), s(3), {"dim": -1})],
    promotes="any",
    method=False,
)
def cat(*tensors: Any, dim: int = 0) -> Any:
    """``tensors`` one after the other along ``dim``.

    Raises
    ------
    ShapeError
        If there are none, or their other axes differ.
    """
    if not tensors:
        raise ShapeError("cat: expected a non-empty list of tensors, found none")
    shapes = [x.shape for x in tensors]
    if () in shapes:
        raise ShapeError(f"cat: zero-dimensional tensor (at position {shapes.index(())}) cannot be concatenated")
    d = axis(dim, len(shapes[0]), "cat")
    for k, shape in enumerate(shapes):
        if len(shape) != len(shapes[0]):
            raise ShapeError(f"cat: tensors must have as many dimensions as each other, found {shapes[0]} and {shape}")
        for j, (n, m) in enumerate(zip(shape, shapes[0], strict=True)):
            if n != m and j != d:
                raise ShapeError(
                    f"cat: sizes of tensors must match except in dimension {d}: at axis {j}, {m} (tensor 0, shape "
                    f"{shapes[0]}) vs {n} (tensor {k}, shape {shape})"
                )
    return np.concatenate(tensors, axis=d)


def _piece(i: int, shapes: Any, dim: int) -> Any:
    """Where tensor ``i`` lies in the concatenation."""
    d = axis(dim, len(shapes[i]), "cat")
    start = sum(shape[d] for shape in shapes[:i])
    return (*[slice(None)] * d, slice(start, start + shapes[i][d]))


@primitive("clone", x=lambda g: g, promotes=None, samples=unary, numpy=[np.copy])
def clone(x: Any) -> Any:
    """A copy with memory of its own, differentiable."""
    return x.copy()


@primitive("cast", x=lambda g: g, promotes=None, method=False)  # the engine casts a gradient to its input's dtype
def cast(x: Any, dtype: Any = np.float32) -> Any:
    """The same values in another dtype; what it cannot hold becomes what the processor makes of it."""
    return converted(x, dtype)


@primitive("argsort", promotes=None, numpy=[np.argsort])
def argsort(x: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    """The positions that sort x along ``dim``, int64; nan is the largest. Always stable.

    Examples
    --------
    >>> import autograd
    >>> autograd.argsort(autograd.tensor([3.0, 1.0, 2.0]), descending=True)
    tensor([0, 2, 1])
    """
    d = axis(dim, x.ndim, "argsort")
    values = np.atleast_1d(x)
    if not descending:
        return np.argsort(values, axis=d, kind="stable").reshape(x.shape)
    found = np.argsort(np.flip(values, d), axis=d, kind="stable")  # backwards, so that ties keep their order
    return (values.shape[d] - 1 - np.flip(found, d)).reshape(x.shape)
