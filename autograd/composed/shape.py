"""Shapes and indexing composed of the primitives.

What is a view in PyTorch is one here: reshaping contiguous memory, permuting, expanding, all that takes slices.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from .. import ops
from ..arrays import check_integer, check_tensors, to_array
from ..arrays import sizes as shape_of
from ..engine import leaf, refreshed
from ..errors import DtypeError, GraphError, ShapeError, check_broadcast
from ..node import memory, mode
from ..ops.axes import axes, axis
from ..ops.indexing import Index, resolve
from ..tensor import Tensor, as_tensor, composed_by_numpy, method
from ..versions import move

__all__ = [
    "argwhere", "atleast_1d", "atleast_2d", "atleast_3d", "broadcast_tensors", "cat", "chunk", "concat", "concatenate",
    "dstack", "flatten", "flip", "fliplr", "flipud", "gather", "hstack", "index_add", "index_copy", "index_fill",
    "index_put", "index_select", "masked_fill", "masked_select", "meshgrid", "moveaxis", "movedim", "narrow", "nonzero",
    "permute", "ravel", "repeat_interleave", "reshape", "roll", "scatter", "scatter_add", "select", "sort", "split",
    "squeeze", "stack", "swapaxes", "swapdims", "t", "take_along_dim", "tensor_split", "tile", "topk", "transpose",
    "unbind", "unflatten", "unsqueeze", "unsqueeze_copy", "vstack", "where",
]  # fmt: skip


class Sorted(NamedTuple):
    """What :func:`sort` and :func:`topk` give."""

    values: Tensor
    indices: Tensor


# -- one shape into another


@method(numpy=[np.reshape])
def reshape(input: Any, *size: Any, shape: Any = ()) -> Tensor:
    """The same elements, row by row, in another shape; one size may be −1. A view where memory allows.

    Raises
    ------
    ShapeError
        If the number of elements differs, or two sizes are −1.

    Examples
    --------
    >>> import autograd
    >>> autograd.arange(6).reshape(2, -1)
    tensor([[0, 1, 2],
            [3, 4, 5]])
    """
    return ops.reshape(input, shape_of((*size, *shape), "reshape", least=-1))


@method()
def view(input: Tensor, *shape: Any) -> Tensor:
    """As :func:`reshape`, and sure to share the memory of ``input``.

    Raises
    ------
    ShapeError
        As :func:`reshape`; and where the elements do not lie in memory so that a view of that shape is possible.

    Examples
    --------
    >>> import autograd
    >>> autograd.arange(4).view(2, 2).T.view(4)
    Traceback (most recent call last):
    autograd.errors.ShapeError: view: size (4,) is not compatible with the memory of a tensor of size (2, 2) and ...
    """
    out = ops.reshape(input, shape_of(shape, "view", least=-1))
    if out.numel() and not np.may_share_memory(out.array, input.array):
        raise ShapeError(
            f"view: size {out.shape} is not compatible with the memory of a tensor of size {input.shape} and stride "
            f"{stride(input)}: the elements would have to be copied; use .reshape(...)"
        )
    return out


@method()
def view_as(input: Tensor, other: Tensor) -> Tensor:
    """A :func:`view` in the shape of ``other``."""
    check_tensors("view_as", other)
    return view(input, other.shape)


@method()
def reshape_as(input: Tensor, other: Tensor) -> Tensor:
    """As :func:`reshape` to the shape of ``other``."""
    check_tensors("reshape_as", other)
    return reshape(input, other.shape)


@method()
def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Axes ``start_dim`` to ``end_dim`` as one.

    Examples
    --------
    >>> import autograd
    >>> autograd.zeros(5, 2, 3).flatten(1).shape
    (5, 6)
    """
    shape = tuple(input.shape) or (1,)
    start, end = axis(start_dim, len(shape), "flatten"), axis(end_dim, len(shape), "flatten")
    if start > end:
        raise ShapeError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim}, input of shape {input.shape}")
    return ops.reshape(input, (*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :]))


@method(numpy=[np.ravel])
def ravel(input: Any) -> Tensor:
    """All elements along one axis."""
    return flatten(input)


@method()
def unflatten(input: Any, dim: int, sizes: Any) -> Tensor:
    """Axis ``dim`` as several of ``sizes``, one of which may be −1: undoes :func:`flatten`.

    Examples
    --------
    >>> import autograd
    >>> autograd.zeros(5, 6).unflatten(1, (2, -1)).shape
    (5, 2, 3)
    """
    d, wanted = _real_axis(input, dim, "unflatten"), shape_of((sizes,), "unflatten", least=-1)
    n, known = input.shape[d], math.prod(k for k in wanted if k != -1)
    found = tuple(n // (known or 1) if k == -1 else k for k in wanted)
    if math.prod(found) != n or wanted.count(-1) > 1:
        raise ShapeError(
            f"unflatten: sizes {wanted} do not multiply to the size {n} of axis {d}, shape {input.shape}"
        )
    return ops.reshape(input, (*input.shape[:d], *found, *input.shape[d + 1 :]))


@method(numpy=[np.squeeze])
def squeeze(input: Any, dim: Any = None) -> Tensor:
    """Without the axes ``dim`` (an int or a tuple; all by default) whose size is 1.

    Examples
    --------
    >>> import autograd
    >>> x = autograd.zeros(1, 3, 1)
    >>> x.squeeze().shape, x.squeeze(0).shape, x.squeeze(1).shape
    ((3,), (3, 1), (1, 3, 1))
    """
    drop = axes(dim, input.ndim, "squeeze")
    return ops.reshape(input, tuple(n for k, n in enumerate(input.shape) if n != 1 or k not in drop))


@method(numpy=[np.expand_dims])
def unsqueeze(input: Any, dim: int) -> Tensor:
    """A new axis of size 1 at ``dim``.

    Examples
    --------
    >>> import autograd
    >>> x = autograd.zeros(3)
    >>> x.unsqueeze(0).shape, x.unsqueeze(-1).shape
    ((1, 3), (3, 1))
    """
    d = axis(dim, input.ndim + 1, "unsqueeze")
    return ops.reshape(input, (*input.shape[:d], 1, *input.shape[d:]))


def unsqueeze_copy(input: Any, dim: int) -> Tensor:
    """As :func:`unsqueeze`, with memory of its own."""
    return ops.clone(unsqueeze(input, dim))


def _at_least(n: int) -> Callable[..., Any]:
    shapes: Any = {
        1: lambda shape: shape or (1,),
        2: lambda shape: (1,) * (2 - len(shape)) + shape,
        3: lambda shape: ((1,) * (2 - len(shape)) + shape + (1,))[: max(3, len(shape))],
    }

    def atleast(*tensors: Any) -> Any:
        several = len(tensors) != 1 or isinstance(tensors[0], (list, tuple))
        check_tensors(f"atleast_{n}d", *_list(tensors))
        found = tuple(ops.reshape(x, shapes[n](tuple(x.shape))) for x in _list(tensors))
        return found if several else found[0]

    atleast.__name__ = atleast.__qualname__ = f"atleast_{n}d"
    atleast.__doc__ = f"The tensor, or a tuple of the tensors, with new axes of size 1 to have at least {n}."
    return atleast


atleast_1d, atleast_2d, atleast_3d = map(_at_least, (1, 2, 3))


def _list(tensors: Any) -> list[Any]:
    """``f(a, b)`` and ``f([a, b])`` mean the same."""
    if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
        tensors = tensors[0]
    return [Tensor.operand(x) for x in tensors]


# -- the axes in another order


@method()
def permute(input: Any, *order: Any, dims: Any = ()) -> Tensor:
    """The axes in the order ``dims``; a view.

    Examples
    --------
    >>> import autograd
    >>> autograd.zeros(2, 3, 4).permute(2, 0, 1).shape
    (4, 2, 3)
    """
    return ops.permute(input, shape_of((*order, *dims), "permute"))


@method("swapaxes", "swapdims", numpy=[np.swapaxes])
def transpose(input: Any, dim0: int, dim1: int) -> Tensor:
    """Axes ``dim0`` and ``dim1`` exchanged; a view.

    Examples
    --------
    >>> import autograd
    >>> autograd.zeros(2, 3, 4).transpose(0, -1).shape
    (4, 3, 2)
    """
    order = list(range(input.ndim))
    i, j = axis(dim0, input.ndim, "transpose"), axis(dim1, input.ndim, "transpose")
    if input.ndim > 1 and {i, j} == {input.ndim - 2, input.ndim - 1}:
        return ops.transpose(input)
    if i != j:
        order[i], order[j] = j, i
    return ops.permute(input, tuple(order))


swapaxes = swapdims = transpose


@method()
def t(input: Any) -> Tensor:
    """The transpose of a matrix; a vector or a number as it is.

    Raises
    ------
    ShapeError
        For more than two axes: use ``mT``.
    """
    if input.ndim > 2:
        raise ShapeError(f"t: expects a tensor with at most 2 dimensions, found shape {input.shape}; use .mT")
    return ops.transpose(input) if input.ndim == 2 else ops.getitem(input)


@method("moveaxis", numpy=[np.moveaxis])
def movedim(input: Any, source: Any, destination: Any) -> Tensor:
    """Axes ``source`` (an int or a tuple) moved to the places ``destination``, the others in their order; a view.

    Examples
    --------
    >>> import autograd
    >>> autograd.zeros(2, 3, 4).movedim(0, -1).shape
    (3, 4, 2)
    """
    there, here = axes(source, input.ndim, "movedim"), axes(destination, input.ndim, "movedim")
    if len(there) != len(here):
        raise ShapeError(f"movedim: source {source} and destination {destination} do not name as many axes")
    order = [k for k in range(input.ndim) if k not in there]
    for to, k in sorted(zip(here, there, strict=True)):
        order.insert(to, k)
    return ops.permute(input, tuple(order[: input.ndim]))


moveaxis = movedim


# -- repeated


@method()
def expand(input: Tensor, *size: Any) -> Tensor:
    """Repeated along axes of size 1, and new leading axes, to ``shape``, where −1 keeps a size; a view.

    Raises
    ------
    ShapeError
        If another axis than one of size 1 would change.

    Examples
    --------
    >>> import autograd
    >>> autograd.tensor([[1], [2]]).expand(-1, 3)
    tensor([[1, 1, 1],
            [2, 2, 2]])
    """
    wanted = shape_of(size, "expand")
    new = len(wanted) - input.ndim
    shape = tuple(input.shape[k - new] if n == -1 and k >= new else n for k, n in enumerate(wanted))
    return ops.broadcast_to(input, shape)


@method()
def expand_as(input: Tensor, other: Tensor) -> Tensor:
    """As :func:`expand` to the shape of ``other``."""
    check_tensors("expand_as", other)
    return ops.broadcast_to(input, other.shape)


def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """The tensors, each broadcast to the shape that they have together; views.

    Examples
    --------
    >>> import autograd
    >>> [x.shape for x in autograd.broadcast_tensors(autograd.zeros(3, 1), autograd.zeros(4))]
    [(3, 4), (3, 4)]
    """
    found = _list(tensors)
    check_tensors("broadcast_tensors", *found)
    shapes = [x.shape for x in found]
    if found:
        check_broadcast("broadcast_tensors", shapes)
    return tuple(ops.broadcast_to(x, np.broadcast_shapes(*shapes)) for x in found)


@method()
def repeat(input: Tensor, *repeats: Any) -> Tensor:
    """The whole of ``input``, that many times along each axis; leading counts beyond its axes make new ones. A copy.

    Examples
    --------
    >>> import autograd
    >>> autograd.tensor([1, 2]).repeat(2, 2)
    tensor([[1, 2, 1, 2],
            [1, 2, 1, 2]])
    """
    times = shape_of(repeats, "repeat", least=0)
    new = len(times) - input.ndim
    if new < 0:
        raise ShapeError(f"repeat: {len(times)} repeats {times} for the {input.ndim} axes of shape {input.shape}")
    shape = (1,) * new + input.shape
    apart = ops.reshape(input, tuple(k for n in shape for k in (1, n)))
    many = ops.broadcast_to(apart, tuple(k for r, n in zip(times, shape, strict=True) for k in (r, n)))
    out = ops.reshape(many, tuple(r * n for r, n in zip(times, shape, strict=True)))
    return ops.clone(out) if np.may_share_memory(out.array, input.array) else out


@method(numpy=[np.tile])
def tile(input: Tensor, *repeats: Any, dims: Any = ()) -> Tensor:
    """As :func:`repeat`; counts for the last axes will do."""
    times = shape_of((*repeats, *dims), "tile")
    return repeat(input, (1,) * (input.ndim - len(times)) + times)


@method()
def repeat_interleave(input: Any, repeats: Any, dim: int | None = None, *, output_size: int | None = None) -> Tensor:
    """Each element along ``dim`` repeated: ``repeats`` times, or its own number of times; flattened without ``dim``.

    Examples
    --------
    >>> import autograd
    >>> autograd.tensor([1, 2]).repeat_interleave(2)
    tensor([1, 1, 2, 2])
    """
    if dim is None:
        return repeat_interleave(flatten(input), repeats, 0)
    d = _real_axis(input, dim, "repeat_interleave")
    times, n = _indices(repeats, "repeat_interleave", "repeats"), input.shape[d]
    if times.size and times.min() < 0:
        raise ValueError(f"repeat_interleave: repeats can not be negative, found {times.min()}")
    if times.ndim and times.size not in (1, n):
        raise ShapeError(f"repeat_interleave: {times.size} repeats for axis {d} with size {n}, shape {input.shape}")
    return _along(input, d, np.repeat(np.arange(n), times))


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """The coordinates of a grid: each vector spread over an axis of its own. Views.

    Parameters
    ----------
    *tensors : Tensor
        Vectors or numbers, or one list of them.
    indexing : {"ij", "xy"}
        "xy" has the first two axes exchanged: the first vector runs along the columns.

    Examples
    --------
    >>> import autograd
    >>> rows, columns = autograd.meshgrid(autograd.arange(2), autograd.arange(3))
    >>> rows
    tensor([[0, 0, 0],
            [1, 1, 1]])
    """
    if indexing not in ("ij", "xy"):
        raise ValueError(f'meshgrid: indexing must be "ij" or "xy", found {indexing!r}')
    found = _list(tensors)
    check_tensors("meshgrid", *found)
    wrong = [x.shape for x in found if x.ndim > 1]
    if wrong:
        raise ShapeError(f"meshgrid: expects vectors or numbers, found shape {wrong[0]}")
    n = len(found)
    place = list(range(n))
    if indexing == "xy" and n > 1:
        place[:2] = 1, 0
    shape = [1] * n
    for k, x in zip(place, found, strict=True):
        shape[k] = x.numel()
    return tuple(
        ops.broadcast_to(ops.reshape(x, (1,) * k + (-1,) + (1,) * (n - 1 - k)), tuple(shape))
        for k, x in zip(place, found, strict=True)
    )


# -- put together


def cat(tensors: Any, dim: int = 0) -> Tensor:
    """The tensors one after the other along ``dim``.

    Raises
    ------
    ShapeError
        If there are none, or their other axes differ.

    Examples
    --------
    >>> import autograd
    >>> autograd.cat([autograd.zeros(2), autograd.ones(1)])
    tensor([0., 0., 1.])
    """
    found = [as_tensor(x) for x in _list((tensors,))]
    return ops.cat(*([x for x in found if x.shape != (0,)] or found), dim=dim)  # an empty vector fits anything


concat = concatenate = cat


def stack(tensors: Any, dim: int = 0) -> Tensor:
    """The tensors, all of one shape, along a new axis at ``dim``.

    Examples
    --------
    >>> import autograd
    >>> autograd.stack([autograd.zeros(2), autograd.ones(2)])
    tensor([[0., 0.],
            [1., 1.]])
    """
    found = [as_tensor(x) for x in _list((tensors,))]
    for k, x in enumerate(found):
        if x.shape != found[0].shape:
            raise ShapeError(f"stack: expects tensors of equal size, found {found[0].shape} and, entry {k}, {x.shape}")
    return ops.cat(*(unsqueeze(x, dim) for x in found), dim=dim)


def hstack(tensors: Any) -> Tensor:
    """The tensors side by side: along axis 1, vectors along axis 0."""
    found = atleast_1d(_list((tensors,)))
    return cat(found, int(bool(found) and found[0].ndim > 1))


def vstack(tensors: Any) -> Tensor:
    """The tensors below each other, vectors as rows."""
    return cat(atleast_2d(_list((tensors,))))


def dstack(tensors: Any) -> Tensor:
    """The tensors behind each other, along axis 2."""
    return cat(atleast_3d(_list((tensors,))), 2)


for _numpy, _function in [
    (np.concatenate, cat), (np.stack, stack), (np.hstack, hstack), (np.vstack, vstack), (np.dstack, dstack),
]:  # fmt: skip
    composed_by_numpy[_numpy] = _function


# -- taken apart: views


def _along(x: Any, d: int, key: Any) -> Any:
    """``x[key]`` at axis ``d``."""
    return ops.getitem(x, resolve((*[slice(None)] * d, key), x.shape))


def _cut(x: Any, d: int, lengths: Iterable[int]) -> tuple[Tensor, ...]:
    pieces, start = [], 0
    for n in lengths:
        pieces.append(_along(x, d, slice(start, start + n)))
        start += n
    return tuple(pieces)


def _real_axis(x: Any, dim: Any, name: str) -> int:
    if not x.ndim:
        raise ShapeError(f"{name}: expects at least a 1-dimensional tensor, found one of shape ()")
    return axis(dim, x.ndim, name)


@method()
def split(input: Any, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Pieces along ``dim``: of one size (the last may be smaller), or of the sizes of a list. Views.

    Examples
    --------
    >>> import autograd
    >>> x = autograd.arange(5)
    >>> [p.tolist() for p in x.split(2)], [p.tolist() for p in x.split([1, 4])]
    ([[0, 1], [2, 3], [4]], [[0], [1, 2, 3, 4]])
    """
    d = _real_axis(input, dim, "split")
    n = input.shape[d]
    if not isinstance(split_size_or_sections, (list, tuple)):
        size = check_integer("split", "split_size", split_size_or_sections)
        if size < 0 or (size == 0 and n):
            raise ValueError(f"split: the size of a piece must be positive, found {size} for axis {d} with size {n}")
        return _cut(input, d, [min(size, n - k) for k in range(0, n, size or 1)] or [0])
    lengths = shape_of(tuple(split_size_or_sections), "split", least=0)
    if sum(lengths) != n:
        raise ShapeError(f"split: sizes {lengths} sum to {sum(lengths)}, not to the size {n} of axis {d}")
    return _cut(input, d, lengths)


@method()
def chunk(input: Any, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most ``chunks`` pieces of equal size along ``dim``, the last may be smaller. Views.

    Examples
    --------
    >>> import autograd
    >>> [p.tolist() for p in autograd.arange(5).chunk(2)]
    [[0, 1, 2], [3, 4]]
    """
    if check_integer("chunk", "chunks", chunks) < 1:
        raise ValueError(f"chunk: the number of chunks must be positive, found {chunks}")
    d = _real_axis(input, dim, "chunk")
    return split(input, -(-input.shape[d] // chunks), d) if input.shape[d] else _cut(input, d, [0] * chunks)


@method()
def tensor_split(input: Any, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Pieces along ``dim``: so many of sizes that differ by at most 1, or cut before each index of a list. Views.

    Examples
    --------
    >>> import autograd
    >>> x = autograd.arange(5)
    >>> [p.tolist() for p in x.tensor_split(2)], [p.tolist() for p in x.tensor_split([1])]
    ([[0, 1, 2], [3, 4]], [[0], [1, 2, 3, 4]])
    """
    d = _real_axis(input, dim, "tensor_split")
    n = input.shape[d]
    cuts = _array(indices_or_sections)
    if not cuts.ndim:
        if cuts < 1:
            raise ValueError(f"tensor_split: the number of sections must be positive, found {cuts}")
        return _cut(input, d, [n // int(cuts) + (k < n % int(cuts)) for k in range(int(cuts))])
    bounds = [None, *cuts.tolist(), None]
    return tuple(_along(input, d, slice(a, b)) for a, b in pairwise(bounds))


@method()
def unbind(input: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """All slices along ``dim``, without that axis. Views.

    Examples
    --------
    >>> import autograd
    >>> autograd.tensor([[1, 2], [3, 4]]).unbind(1)
    (tensor([1, 3]), tensor([2, 4]))
    """
    d = _real_axis(input, dim, "unbind")
    return tuple(_along(input, d, k) for k in range(input.shape[d]))


@method()
def select(input: Any, dim: int, index: int) -> Tensor:
    """The slice at ``index`` along ``dim``, without that axis. A view.

    Raises
    ------
    IndexError
        If ``index`` is out of range.
    """
    d = _real_axis(input, dim, "select")
    return _along(input, d, _position(input, d, index, "select"))


def _position(x: Any, d: int, index: Any, name: str, end: int = 0) -> int:
    k, n = check_integer(name, "index", index), x.shape[d]
    if not -n <= k < n + end:
        raise IndexError(f"{name}: index {k} is out of bounds for axis {d} with size {n} (shape {x.shape})")
    return k % n if k < 0 else k


@method()
def narrow(input: Any, dim: int, start: int, length: int) -> Tensor:
    """``length`` slices along ``dim`` from ``start`` on. A view.

    Raises
    ------
    IndexError
        If ``start`` is out of range.
    ShapeError
        If ``length`` reaches beyond the end.

    Examples
    --------
    >>> import autograd
    >>> autograd.arange(5).narrow(0, 1, 3)
    tensor([1, 2, 3])
    """
    d = _real_axis(input, dim, "narrow")
    first, n = _position(input, d, start, "narrow", end=1), input.shape[d]
    length = check_integer("narrow", "length", length)
    if not 0 <= length <= n - first:
        raise ShapeError(
            f"narrow: start ({start}) + length ({length}) exceeds the size {n} of axis {d}, shape {input.shape}"
        )
    return _along(input, d, slice(first, first + length))


# -- picked by index


def _array(x: Any, what: str = "index") -> Any:
    return x.array if isinstance(x, Tensor) else to_array(x, what=what)


def _indices(index: Any, name: str, called: str = "index") -> Any:
    """An index tensor as an array of integers."""
    array = _array(index, name)
    if array.dtype.kind not in "iu":
        raise DtypeError(f"{name}: expects {called} of dtype int64, found {array.dtype}; use .long()")
    return array.astype(np.int64, copy=False)


def _rows(x: Any, dim: Any, index: Any, name: str) -> Index:
    """The index that stands for the positions ``index``, a vector, along ``dim``."""
    d, array = axis(dim, x.ndim, name), _indices(index, name)
    if array.ndim > 1:
        raise ShapeError(f"{name}: expects a vector as index, found shape {array.shape}")
    return resolve((*[slice(None)] * d, array.reshape(-1)), x.shape, name)


def _cells(x: Any, dim: Any, index: Any, name: str) -> Index:
    """The index that takes for every cell of ``index`` the element at its place, but along ``dim`` at its value."""
    d, array = axis(dim, x.ndim, name), _indices(index, name)
    if array.ndim != x.ndim:
        raise ShapeError(f"{name}: index of shape {array.shape} must have as many dimensions as the input, {x.shape}")
    for k, (n, size) in enumerate(zip(array.shape, x.shape, strict=True)):
        if n > size and k != d:
            raise ShapeError(f"{name}: index of shape {array.shape} is larger at axis {k} than the input, {x.shape}")
    grid: list[Any] = list(np.ogrid[tuple(map(slice, array.shape))])
    grid[d] = array
    return resolve(tuple(grid), x.shape, name)


def _written(x: Any, y: Any, index: Index) -> Any:
    """x with ``y`` at ``index``."""
    return ops.assign(x, y, ((ops.getitem, (index,)),))


def _as_source(x: Any, source: Any, shape: Any, name: str) -> Any:
    """``source``, once its dtype and shape are seen to fit."""
    if source.dtype != x.dtype:
        raise DtypeError(f"{name}: expects a source of the tensor's dtype {x.dtype}, found {source.dtype}; convert it")
    if source.shape != shape:
        raise ShapeError(f"{name}: expects a source of shape {shape}, found {source.shape}")
    return source


@method()
def index_select(input: Any, dim: int, index: Any) -> Tensor:
    """The slices along ``dim`` at the positions of the vector ``index``.

    Examples
    --------
    >>> import autograd
    >>> autograd.tensor([[1, 2, 3], [4, 5, 6]]).index_select(1, autograd.tensor([2, 0]))
    tensor([[3, 1],
            [6, 4]])
    """
    x1 = atleast_1d(input)
    out = ops.getitem(x1, _rows(x1, dim, index, "index_select"))
    return out if input.ndim else ops.reshape(out, ())


@method(inplace=True)
def index_add(input: Any, dim: int, index: Any, source: Any, *, alpha: Any = 1) -> Tensor:
    """``input`` with ``alpha`` · ``source`` added at the positions ``index`` along ``dim``, repeats too."""
    return _with_rows(
        input, dim, index, source, "index_add", lambda x1, y, rows: x1 + ops.put(y * alpha, x1.shape, rows)
    )


@method(inplace=True)
def index_copy(input: Any, dim: int, index: Any, source: Any) -> Tensor:
    """``input`` with the slices of ``source`` at the positions ``index`` along ``dim``."""
    return _with_rows(input, dim, index, source, "index_copy", _written)


def _with_rows(x: Any, dim: Any, index: Any, source: Any, name: str, combine: Any) -> Any:
    x1, source = atleast_1d(x, Tensor.operand(source))
    rows = _rows(x1, dim, index, name)
    d = axis(dim, x1.ndim, name)
    y = _as_source(x1, source, (*x1.shape[:d], rows[d].size, *x1.shape[d + 1 :]), name)
    return ops.reshape(combine(x1, y, rows), x.shape)


@method(inplace=True)
def index_fill(input: Any, dim: int, index: Any, value: Any) -> Tensor:
    """``input`` with ``value``, a number or a 0-d tensor, at the positions ``index`` along ``dim``.

    Examples
    --------
    >>> import autograd
    >>> autograd.zeros(3).index_fill(0, autograd.tensor([0, 2]), 1.0)
    tensor([1., 0., 1.])
    """
    x1 = atleast_1d(input)
    return ops.reshape(_written(x1, _scalar(value, "index_fill"), _rows(x1, dim, index, "index_fill")), input.shape)


def _scalar(value: Any, name: str) -> Any:
    if getattr(value, "ndim", 0):
        raise ShapeError(f"{name}: expects a number or a 0-d tensor as value, found shape {value.shape}")
    return value


@method(inplace=True)
def index_put(input: Any, indices: Any, values: Any, accumulate: bool = False) -> Tensor:
    """``input`` with ``input[indices] = values``; with ``accumulate`` they are added, for repeated indices each.

    Examples
    --------
    >>> import autograd
    >>> places = (autograd.tensor([0, 0, 2]),)
    >>> autograd.zeros(3).index_put(places, autograd.ones(3), accumulate=True)
    tensor([2., 0., 1.])
    """
    if not isinstance(indices, (list, tuple)):
        raise TypeError(f"index_put: expects indices in a tuple, found {type(indices).__name__}")
    index = resolve(tuple(map(_array, indices)), input.shape, "index_put")
    return input + ops.put(values, input.shape, index) if accumulate else _written(input, values, index)


@method()
def gather(input: Any, dim: int, index: Any) -> Tensor:
    """``out[i][j] = input[index[i][j]][j]`` for ``dim`` 0, ``input[i][index[i][j]]`` for ``dim`` 1, and so on.

    Raises
    ------
    IndexError
        For an index out of range.
    ShapeError
        If ``index`` is larger than ``input`` along another axis, or has not as many.

    Examples
    --------
    >>> import autograd
    >>> scores, labels = autograd.tensor([[1.0, 2.0], [3.0, 4.0]]), autograd.tensor([1, 0])
    >>> scores.gather(1, labels.unsqueeze(1)).squeeze(1)
    tensor([2., 3.])
    """
    array = _indices(index, "gather")
    if not array.size:
        return ops.reshape(flatten(input)[:0], array.shape)  # of nothing, in whatever shape
    x1 = atleast_1d(input)
    cells = _cells(x1, dim, np.atleast_1d(array), "gather")
    return ops.reshape(ops.getitem(x1, cells), array.shape)


@method(inplace=True)
def scatter(input: Any, dim: int, index: Any, src: Any = None, *, value: Any = None) -> Tensor:
    """``input`` with ``src``, a tensor or a number, written where :func:`gather` would read.

    Raises
    ------
    IndexError
        For an index out of range.
    ShapeError
        If ``index`` is larger than ``src``, or than ``input`` along another axis than ``dim``.

    Examples
    --------
    >>> import autograd
    >>> labels = autograd.tensor([2, 0])
    >>> autograd.zeros(2, 3).scatter(1, labels.unsqueeze(1), 1.0)
    tensor([[0., 0., 1.],
            [1., 0., 0.]])
    """
    if (src is None) == (value is None):
        found = f"{type(src).__name__} and {type(value).__name__}"
        raise TypeError(f"scatter: expects src, a tensor or a number, or value=, a number, found {found}")
    return _with_cells(input, dim, index, src if value is None else value, "scatter", _written)


@method(inplace=True)
def scatter_add(input: Any, dim: int, index: Any, src: Any) -> Tensor:
    """``input`` with ``src`` added where :func:`gather` would read, repeats too: the adjoint of :func:`gather`.

    Examples
    --------
    >>> import autograd
    >>> autograd.zeros(3).scatter_add(0, autograd.tensor([0, 0, 2]), autograd.ones(3))
    tensor([2., 0., 1.])
    """
    return _with_cells(input, dim, index, src, "scatter_add", lambda x1, y, cells: x1 + ops.put(y, x1.shape, cells))


def _with_cells(x: Any, dim: Any, index: Any, src: Any, name: str, combine: Any) -> Any:
    x1, array = atleast_1d(x), np.atleast_1d(_indices(index, name))
    if not array.size:
        return ops.clone(x)
    cells = _cells(x1, dim, array, name)
    if not isinstance(src, (int, float)):
        source = atleast_1d(Tensor.operand(src))
        if source.ndim != array.ndim or any(n > size for n, size in zip(array.shape, source.shape, strict=True)):
            raise ShapeError(f"{name}: index of shape {array.shape} is larger than src of shape {source.shape}")
        src = _as_source(x1, ops.getitem(source, tuple(map(slice, array.shape))), array.shape, name)
    return ops.reshape(combine(x1, src, cells), x.shape)


@method()
def take_along_dim(input: Any, indices: Any, dim: int | None = None) -> Tensor:
    """As :func:`gather`, the axes other than ``dim`` broadcast; without ``dim`` from the flattened tensor."""
    array = _indices(indices, "take_along_dim")
    if dim is None:
        return gather(flatten(input), 0, array.reshape(-1))
    d = axis(dim, input.ndim, "take_along_dim")
    if array.ndim != input.ndim:
        raise ShapeError(f"take_along_dim: {array.ndim} dimensions of indices for the {input.ndim} of the input")
    others = [tuple(1 if k == d else n for k, n in enumerate(shape)) for shape in (input.shape, array.shape)]
    check_broadcast("take_along_dim", others)
    shape = list(np.broadcast_shapes(*others))
    full = [(*shape[:d], n, *shape[d + 1 :]) for n in (input.shape[d], array.shape[d])]
    return gather(ops.broadcast_to(input, full[0]), d, np.broadcast_to(array, full[1]))


# -- picked by a mask


def _mask(mask: Any, name: str) -> Any:
    check_tensors(name, mask)
    if mask.dtype != bool:
        raise DtypeError(f"{name}: expects a mask of dtype bool, found {mask.dtype}")
    return mask


@method(inplace=True)
def masked_fill(input: Any, mask: Any, value: Any) -> Tensor:
    """``input``, but ``value``, a number or a 0-d tensor, where ``mask`` holds; the two broadcast.

    Examples
    --------
    >>> import autograd
    >>> x = autograd.tensor([1.0, -2.0])
    >>> x.masked_fill(x < 0, 0.0)
    tensor([1., 0.])
    """
    value = _scalar(value, "masked_fill")
    if isinstance(value, Tensor):
        value = value.to(input.dtype)
    elif input.dtype.kind != "f":
        with np.errstate(all="ignore"):
            kept = np.asarray(value).astype(input.dtype).item()
        if kept != value:
            raise DtypeError(f"masked_fill: value {value} cannot be converted to {input.dtype} without loss")
        value = kept
    return ops.where(_mask(mask, "masked_fill"), value, input)


@method()
def masked_select(input: Any, mask: Any) -> Tensor:
    """The elements where ``mask`` holds, as a vector; the two broadcast.

    Examples
    --------
    >>> import autograd
    >>> x = autograd.tensor([1.0, -2.0, 3.0])
    >>> x.masked_select(x > 0)
    tensor([1., 3.])
    """
    whole, where = broadcast_tensors(input, _mask(mask, "masked_select"))
    return ops.getitem(whole, resolve(where.array, whole.shape, "masked_select"))


@method()
def nonzero(input: Any, as_tuple: bool = False) -> Any:
    """The positions of all elements that are not 0: a row for each, or a tuple with a vector for each axis.

    Examples
    --------
    >>> import autograd
    >>> autograd.tensor([[1, 0], [0, 2]]).nonzero()
    tensor([[0, 0],
            [1, 1]])
    """
    if as_tuple:
        return tuple(leaf(k) for k in np.nonzero(np.atleast_1d(input.array)))
    return leaf(np.argwhere(input.array))


def where(condition: Any, input: Any = None, other: Any = None) -> Any:
    """``input`` where ``condition`` holds, ``other`` elsewhere, all three broadcast; without the two, where it holds.

    Raises
    ------
    ShapeError
        If the three do not broadcast.

    Examples
    --------
    >>> import autograd
    >>> x = autograd.tensor([-2.0, 3.0])
    >>> autograd.where(x > 0, x, 0.0), autograd.where(x > 0)
    (tensor([0., 3.]), (tensor([1]),))
    """
    if input is None and other is None:
        return nonzero(condition, as_tuple=True)
    return ops.where(condition, input, other)


@method()
def argwhere(input: Any) -> Tensor:
    """The positions of all elements that are not 0, a row for each."""
    return nonzero(input)


# -- in another order


@method()
def flip(input: Any, *along: Any, dims: Any = ()) -> Tensor:
    """Backwards along ``dims``. A copy.

    Examples
    --------
    >>> import autograd
    >>> autograd.arange(3).flip(0)
    tensor([2, 1, 0])
    """
    turned = axes(shape_of((*along, *dims), "flip"), input.ndim, "flip")
    backwards = tuple(slice(None, None, -1 if k in turned else 1) for k in range(input.ndim))
    return ops.clone(ops.getitem(input, backwards))


@method()
def fliplr(input: Any) -> Tensor:
    """Backwards along axis 1: left and right exchanged."""
    return flip(input, 1)


@method()
def flipud(input: Any) -> Tensor:
    """Backwards along axis 0: top and bottom exchanged."""
    return flip(input, 0)


@method()
def roll(input: Any, shifts: Any, dims: Any = None) -> Tensor:
    """Shifted along ``dims``; what leaves at the end comes in at the front. Flattened in between without ``dims``.

    Examples
    --------
    >>> import autograd
    >>> autograd.arange(4).roll(1)
    tensor([3, 0, 1, 2])
    """
    if dims is None:
        return ops.reshape(roll(flatten(input), shifts, 0), input.shape)
    by, along = (v if isinstance(v, (tuple, list)) else (v,) for v in (shifts, dims))
    if len(by) != len(along):
        raise ShapeError(f"roll: shifts {shifts} and dims {dims} must have as many entries")
    for shift, dim in zip(by, along, strict=True):
        d = _real_axis(input, dim, "roll")
        start = -check_integer("roll", "shifts", shift) % (input.shape[d] or 1)
        input = ops.cat(_along(input, d, slice(start, None)), _along(input, d, slice(0, start)), dim=d)
    return input


@method()
def sort(input: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> Sorted:
    """(values, indices) in order along ``dim``; always stable, and nan is the largest.

    Examples
    --------
    >>> import autograd
    >>> values, indices = autograd.tensor([3.0, 1.0, 2.0]).sort()
    >>> values, indices
    (tensor([1., 2., 3.]), tensor([1, 2, 0]))
    """
    indices = ops.argsort(input, dim, descending)
    return Sorted(gather(input, dim, indices), indices)


@method()
def topk(input: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Sorted:
    """(values, indices) of the ``k`` largest (or smallest) elements along ``dim``, always in order.

    Raises
    ------
    ShapeError
        If there are fewer than ``k``.

    Examples
    --------
    >>> import autograd
    >>> autograd.tensor([3.0, 1.0, 2.0]).topk(2).values
    tensor([3., 2.])
    """
    d, order = axis(dim, input.ndim, "topk"), ops.argsort(input, dim, largest)
    k, n = check_integer("topk", "k", k), math.prod(input.shape[d : d + 1])
    if not 0 <= k <= n:
        raise ShapeError(f"topk: selected index k = {k} out of range for axis {d} with size {n}, shape {input.shape}")
    indices = _along(atleast_1d(order), d, slice(0, k))
    indices = indices if input.ndim or k == 0 else ops.reshape(indices, ())
    return Sorted(gather(input, dim, indices), indices)


# -- memory


def _in_place(function: Callable[..., Any]) -> Callable[..., Tensor]:
    """``function``, which gives a view, as a method that makes its tensor that view."""
    name = f"{function.__name__}_"

    def change(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        x = refreshed(self)
        if mode.here.grad and x.requires_grad:
            raise GraphError(
                f"{name}: an in-place operation that changes the shape of a tensor whose gradient is wanted; write "
                f"x = x.{function.__name__}(…) instead"
            )
        past = leaf(x._array)
        past._base = memory(x)
        past._extra = None if x._extra is None else dict(x._extra)
        made = function(past, *args, **kwargs)
        move(x, made._array)
        if x._extra is not None and "view" in x._extra:
            x._extra["view"] = made._extra["view"]
        return x

    change.__name__ = change.__qualname__ = name
    change.__doc__ = f"As :meth:`{function.__name__}`, in place: the tensor has the new shape. Not while recorded."
    return change


for _view in (squeeze, t, unsqueeze):
    setattr(Tensor, f"{_view.__name__}_", _in_place(_view))
for _name in ("transpose_", "swapaxes_", "swapdims_"):
    setattr(Tensor, _name, _in_place(transpose))


@method()
def contiguous(input: Tensor, memory_format: Any = None) -> Tensor:
    """``input``, or if its elements do not lie row by row in memory, a copy whose elements do."""
    return input if is_contiguous(input) else ops.clone(input)


@method()
def is_contiguous(input: Tensor, memory_format: Any = None) -> bool:
    """Whether the elements lie row by row in memory, without gaps."""
    return input.array.flags.c_contiguous


@method()
def stride(input: Tensor, dim: int | None = None) -> Any:
    """How many elements further in memory the next one along each axis lies, or along ``dim``.

    Examples
    --------
    >>> import autograd
    >>> autograd.zeros(2, 3).stride(), autograd.zeros(2, 3).T.stride()
    ((3, 1), (1, 3))
    """
    steps = tuple(k // input.array.itemsize for k in input.array.strides)
    return steps if dim is None else steps[axis(dim, input.ndim, "stride")]


@method()
def data_ptr(input: Tensor) -> int:
    """The address of the first element: the same for tensors that share memory from the start."""
    return input.array.ctypes.data
