"""Shape and indexing: the same numbers, arranged otherwise."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import ShapeError
from .record import primitive
from .samples import unary

__all__ = [
    "assign", "broadcast_to", "cast", "cat", "clone", "getitem", "permute", "put", "reshape", "swapaxes", "transpose",
]  # fmt: skip


@primitive(
    "reshape",
    x=lambda g, x_shape: reshape(g, x_shape),
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
        return np.reshape(x, shape)
    except ValueError:
        if list(shape).count(-1) > 1:
            raise ShapeError(f"reshape: only one size can be −1, found {tuple(shape)}") from None
        raise ShapeError(
            f"reshape: shape {tuple(shape)} is invalid for input of size {math.prod(x.shape)} (shape {x.shape})"
        ) from None


@primitive(
    "permute",
    x=lambda g, dims: permute(g, tuple(int(k) for k in np.argsort(dims))),
    numpy=[np.transpose],
    promotes=None,
    view=True,
    samples=lambda s: [(s(3, 4), (1, 0)), (s(2, 3, 4), (2, 0, 1))],
    method=False,
)
def permute(x: Any, dims: Any = ()) -> Any:
    """The axes in the order ``dims``; a view."""
    return np.transpose(x, dims)


@primitive(
    "swapaxes",
    x=lambda g, dim0, dim1: swapaxes(g, dim0, dim1),
    numpy=[np.swapaxes],
    promotes=None,
    view=True,
    samples=lambda s: [(s(3, 4), -1, -2), (s(2, 3, 4), 0, 2)],
)
def swapaxes(x: Any, dim0: int = 0, dim1: int = 1) -> Any:
    """Axes ``dim0`` and ``dim1`` exchanged; a view."""
    return np.swapaxes(x, dim0, dim1)


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
        return np.broadcast_to(x, shape)
    except ValueError:
        raise ShapeError(f"broadcast_to: shape {x.shape} does not broadcast to {tuple(shape)}") from None


@primitive(
    "[·]",
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
    """``x[index]`` with NumPy's indexing: slices, integers, None, ..., lists, integer and boolean arrays.

    Raises
    ------
    IndexError
        For an index out of range: says which, along which axis, and its size.
    """
    return x[index]


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
    np.add.at(out, index, x)
    return out


@primitive(
    "←",
    x=lambda g, path: assign(g, 0.0, path),
    y=lambda g, path: _through(g, path),
    promotes=None,
    samples=lambda s: [
        (s(3, 4), s(4), ((getitem, (1,)),)), (s(3, 4), s(2, 3), ((transpose, ()), (getitem, (slice(1, 3),)))),
        (s(3), s()), (s(3, 4), s(), ((getitem, (([0, 2],),)),)), (s(3, 4), s(3, 1), ((getitem, ((..., slice(1, 2)),)),)),
    ],
    method=False,
)  # fmt: skip
def assign(x: Any, y: Any, path: Any = ()) -> Any:
    """x with ``y`` written into the part that the views of ``path`` lead to: what ``x[path] = y`` leaves in x.

    ``path`` holds pairs (view op, its parameters); empty, all of x is replaced.
    """
    out = x.copy(order="K")  # the same layout, so that what was a view of x is a view of the copy
    if not path:
        out[...] = y
        return out
    part = out
    for op, params in path[:-1]:
        part = op.forward(part, *params)
    op, params = path[-1]
    if op is getitem:  # an index may be a list, which gives no view
        part[params[0]] = y
    else:
        op.forward(part, *params)[...] = y
    return out


def _through(g: Any, path: Any) -> Any:
    for op, params in path:
        g = op(g, *params)
    return g


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
        raise ShapeError("cat: expects at least one tensor, found none")
    try:
        return np.concatenate(tensors, axis=dim)
    except ValueError:
        raise ShapeError(f"cat: shapes {[t.shape for t in tensors]} differ on another axis than {dim}") from None


def _piece(i: int, shapes: Any, dim: int) -> Any:
    """Where tensor ``i`` lies in the concatenation."""
    start = sum(shape[dim] for shape in shapes[:i])
    here = slice(start, start + shapes[i][dim])
    return (..., here, *[slice(None)] * (-dim - 1)) if dim < 0 else (*[slice(None)] * dim, here)


@primitive("clone", x=lambda g: g, promotes=None, samples=unary, numpy=[np.copy])
def clone(x: Any) -> Any:
    """A copy with memory of its own, differentiable."""
    return x.copy()


@primitive("cast", x=lambda g: g, promotes=None, method=False)  # the engine casts a gradient to its input's dtype
def cast(x: Any, dtype: Any = np.float32) -> Any:
    """The same values in another dtype."""
    return x.astype(dtype)
