"""Other people's protocols: NumPy's functions on tensors, DLPack, copying and pickling.

A NumPy function that one of our functions stands for is named where that function is declared (``numpy=``). Here are
those whose arguments or meaning differ, under NumPy's own signatures (with ``dim`` for ``axis``, which is renamed
before), and those that only have another name.
"""

from __future__ import annotations

import copy
import operator
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from .arrays import to_array
from .engine import around, gradient, leaf
from .errors import GraphError
from .tensor import Tensor, as_tensor, composed_by_numpy, method
from .versions import move

__all__ = ["from_dlpack"]

F = TypeVar("F", bound=Callable[..., Any])
A: Any = sys.modules[__package__]  # all that has been defined in it so far: this module comes last


def _means(*functions: Any) -> Callable[[F], F]:
    """What the NumPy ``functions`` do with tensors."""

    def declare(function: F) -> F:
        composed_by_numpy.update(dict.fromkeys(functions, function))
        return function

    return declare


# -- NumPy's functions under another name, where nothing else differs

_SAME = """
    exp2 expm1 log2 log10 square reciprocal tan sinh cosh floor ceil trunc fmod remainder fmax fmin logaddexp
    logaddexp2 hypot isnan isinf isfinite signbit logical_and logical_or logical_xor floor_divide float_power positive
    rad2deg deg2rad arcsin=asin arccos=acos arctan=atan arctan2=atan2 arcsinh=asinh arccosh=acosh arctanh=atanh
    fabs=abs degrees=rad2deg radians=deg2rad amax amin expand_dims=unsqueeze tril triu kron vdot inner trace fliplr
    flipud atleast_1d atleast_2d atleast_3d zeros_like ones_like empty_like full_like isclose allclose
    array_equal=equal einsum broadcast_arrays=broadcast_tensors diag
"""
for _pair in _SAME.split():
    _theirs, _, _ours = _pair.partition("=")
    if hasattr(A, _ours or _theirs):
        composed_by_numpy.setdefault(getattr(np, _theirs), getattr(A, _ours or _theirs))


# -- what only reads the values


def _on_arrays(function: Any) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        return function(*map(_array, args), **{name: _array(x) for name, x in kwargs.items()})

    return call


def _array(x: Any) -> Any:
    return x.detach().numpy() if isinstance(x, Tensor) else x


for _function in (
    np.array2string, np.array_repr, np.array_str, np.can_cast, np.copyto, np.iscomplexobj, np.isrealobj,
    np.may_share_memory, np.ndim, np.result_type, np.save, np.savetxt, np.savez, np.savez_compressed, np.shape,
    np.shares_memory, np.size,
):  # fmt: skip
    composed_by_numpy[_function] = _on_arrays(_function)


# -- what differs


@_means(np.transpose)
def _transpose(a: Any, axes: Any = None) -> Any:
    return A.permute(a, tuple(reversed(range(a.ndim))) if axes is None else axes)


@_means(np.where)
def _where(condition: Any, *values: Any) -> Any:
    return A.where(condition, *values) if values else _nonzero(condition)


@_means(np.nonzero)
def _nonzero(a: Any) -> Any:
    return tuple(leaf(k) for k in np.nonzero(a.array))


@_means(np.concatenate)
def _concatenate(arrays: Any, dim: Any = 0) -> Any:
    parts = list(map(as_tensor, arrays))
    return A.cat([x.reshape(-1) for x in parts], 0) if dim is None else A.cat(parts, dim)


@_means(np.stack)
def _stack(arrays: Any, dim: int = 0) -> Any:
    return A.stack(list(map(as_tensor, arrays)), dim)


@_means(np.hstack)
def _hstack(tup: Any) -> Any:
    return A.hstack(list(map(as_tensor, tup)))


@_means(np.vstack)
def _vstack(tup: Any) -> Any:
    return A.vstack(list(map(as_tensor, tup)))


@_means(np.dstack)
def _dstack(tup: Any) -> Any:
    return A.dstack(list(map(as_tensor, tup)))


@_means(np.array_split)
def _array_split(ary: Any, indices_or_sections: Any, dim: int = 0) -> Any:
    return list(A.tensor_split(ary, indices_or_sections, dim))


@_means(np.split)
def _split(ary: Any, indices_or_sections: Any, dim: int = 0) -> Any:
    if isinstance(indices_or_sections, int) and ary.shape[dim] % indices_or_sections:
        raise ValueError(f"np.split: axis {dim} of {ary.shape} does not divide into {indices_or_sections} equal parts")
    return _array_split(ary, indices_or_sections, dim)


@_means(np.dot)
def _dot(a: Any, b: Any) -> Any:
    a, b = as_tensor(a), as_tensor(b)
    if not a.ndim or not b.ndim:
        return a * b
    return a @ b if b.ndim <= 2 else A.tensordot(a, b, ([-1], [-2]))


@_means(np.outer)
def _outer(a: Any, b: Any) -> Any:
    return A.outer(as_tensor(a).reshape(-1), as_tensor(b).reshape(-1))


@_means(np.tensordot)
def _tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    pair = axes if isinstance(axes, int) else tuple([k] if isinstance(k, int) else list(k) for k in axes)
    return A.tensordot(as_tensor(a), as_tensor(b), pair)


@_means(np.std)
def _std(a: Any, dim: Any = None, ddof: float = 0, keepdim: bool = False) -> Any:
    return A.std(a, dim, correction=ddof, keepdim=keepdim)


@_means(np.var)
def _var(a: Any, dim: Any = None, ddof: float = 0, keepdim: bool = False) -> Any:
    return A.var(a, dim, correction=ddof, keepdim=keepdim)


@_means(np.median)
def _median(a: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    flat, k = (a.reshape(-1), 0) if dim is None else (a, operator.index(dim))
    n, (ordered, _) = flat.shape[k], A.sort(flat, dim=k)
    middle = (ordered.select(k, (n - 1) // 2) + ordered.select(k, n // 2)) / 2
    if not keepdim:
        return middle
    return middle.reshape((1,) * a.ndim) if dim is None else middle.unsqueeze(k)


@_means(np.cumsum)
def _cumsum(a: Any, dim: int | None = None) -> Any:
    return A.cumsum(a.reshape(-1), 0) if dim is None else A.cumsum(a, dim)


@_means(np.cumprod)
def _cumprod(a: Any, dim: int | None = None) -> Any:
    return A.cumprod(a.reshape(-1), 0) if dim is None else A.cumprod(a, dim)


@_means(np.sort)
def _sort(a: Any, dim: int | None = -1) -> Any:
    return A.sort(a.reshape(-1), dim=0)[0] if dim is None else A.sort(a, dim=dim)[0]


@_means(np.argsort)
def _argsort(a: Any, dim: int | None = -1) -> Any:
    return A.argsort(a.reshape(-1), dim=0) if dim is None else A.argsort(a, dim=dim)


@_means(np.flip)
def _flip(m: Any, dim: Any = None) -> Any:
    return A.flip(m, tuple(range(m.ndim)) if dim is None else dim if isinstance(dim, tuple) else (dim,))


@_means(np.roll)
def _roll(a: Any, shift: Any, dim: Any = None) -> Any:
    return A.roll(a, shift, dim)


@_means(np.clip)
def _clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    return A.clamp(a, min if a_min is None else a_min, max if a_max is None else a_max)


@_means(np.round, np.around, np.rint)
def _round(a: Any, decimals: int = 0) -> Any:
    return A.round(a, decimals=decimals) if decimals else a.round()


@_means(np.nan_to_num)
def _nan_to_num(x: Any, copy: bool = True, nan: float = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    return A.nan_to_num(x, nan, posinf, neginf)


@_means(np.repeat)
def _repeat(a: Any, repeats: Any, dim: int | None = None) -> Any:
    return A.repeat_interleave(a, as_tensor(repeats) if np.ndim(repeats) else repeats, dim)


@_means(np.take)
def _take(a: Any, indices: Any, dim: int | None = None) -> Any:
    if dim is None:
        return a.reshape(-1)[_array(indices)]
    return a[(*[slice(None)] * (dim % a.ndim), _array(indices))]


@_means(np.diagonal)
def _diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    return A.diagonal(a, offset, axis1, axis2)


@_means(np.meshgrid)
def _meshgrid(*xi: Any, indexing: str = "xy") -> Any:
    return list(A.meshgrid(*map(as_tensor, xi), indexing=indexing))


@_means(np.linalg.norm)
def _norm(x: Any, ord: Any = None, dim: Any = None, keepdim: bool = False) -> Any:
    return A.linalg.norm(x, ord, dim, keepdim)


# -- DLPack


def from_dlpack(ext_tensor: Any) -> Tensor:
    """A tensor that shares the memory of another library's array on the CPU: a NumPy array, a PyTorch or JAX tensor.

    With NumPy 2.0 it cannot be written, nor can the array be read-only.

    Raises
    ------
    DtypeError
        For a dtype that tensors do not have.
    TypeError
        For an object that has no ``__dlpack__``.

    Examples
    --------
    >>> import autograd
    >>> import numpy as np
    >>> autograd.from_dlpack(np.ones(2, np.float32))
    tensor([1., 1.])
    """
    if not hasattr(ext_tensor, "__dlpack__"):
        raise TypeError(f"from_dlpack: a {type(ext_tensor).__name__} does not speak DLPack (it has no __dlpack__)")
    array = np.from_dlpack(ext_tensor)
    return around(to_array(array), array)


@method()
def __dlpack__(self: Tensor, **options: Any) -> Any:
    if self.requires_grad:
        raise BufferError("__dlpack__: can't export tensors that require gradient; use tensor.detach()")
    return self.numpy().__dlpack__(**options)


@method()
def __dlpack_device__(self: Tensor) -> Any:
    return self.array.__dlpack_device__()


# -- copying and pickling


def _check_leaf(x: Tensor) -> None:
    if x._op is not None:
        raise GraphError(
            "only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol and pickling; "
            "this one is the result of an operation: copy x.detach()"
        )


@method()
def __reduce_ex__(self: Tensor, protocol: Any) -> Any:
    """What copies and pickles consist of: the values, requires_grad, .grad, the name, and a subclass's attributes."""
    _check_leaf(self)
    array = np.ascontiguousarray(self.array).reshape(self.shape) if self.array.base is not None else self.array
    attributes = getattr(self, "__dict__", None)
    return _blank, (type(self),), (array, self.requires_grad, gradient(self), self.name, attributes)


def _blank(kind: type[Tensor]) -> Any:
    """A tensor of a class made without its constructor, to be filled."""
    return leaf(np.empty(0, np.float32), cls=kind)


@method()
def __setstate__(self: Tensor, state: Any) -> None:
    array, self._requires_grad, self._grad, name, attributes = state
    move(self, array)
    if name is not None:
        self.name = name
    if attributes:
        vars(self).update(attributes)


@method()
def __copy__(self: Tensor) -> Any:
    """The same memory, as another leaf."""
    _check_leaf(self)
    out = leaf(self.array, base=self, cls=type(self))
    attributes = copy.copy(getattr(self, "__dict__", None))
    out.__setstate__((self.array, self.requires_grad, gradient(self), self.name, attributes))
    return out
