"""Tensor: an array that remembers how it was computed.

Names, defaults and semantics are PyTorch's. The methods that are primitives are not listed here: each op's record says
whether it is a method, and the end of this file attaches them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from . import engine, formatting, inplace, ops
from .engine import Node, apply, leaf, mode
from .errors import DtypeError, GraphError, ShapeError

__all__ = ["Tensor", "as_tensor", "from_numpy", "tensor"]

Array = np.ndarray[Any, Any]
F = TypeVar("F", bound=Callable[..., Any])


class Tensor(Node):
    """A multi-dimensional array of numbers that records what is computed from it.

    ``Tensor(data)`` copies ``data`` to float32, as ``torch.Tensor`` does; ``Tensor(2, 3)`` is a zero tensor of that
    shape. To keep a dtype, or for ``requires_grad=True``, use :func:`tensor`.

    Attributes
    ----------
    grad : Tensor or None
        What :meth:`backward` has accumulated: ∂𝒥/∂self, of the same shape and dtype.
    requires_grad : bool
        Whether gradients are wanted for this tensor.
    name : str or None
        A name of your own, for pictures and equations.

    Examples
    --------
    >>> import autograd
    >>> x = autograd.tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> loss = (x * x).sum()
    >>> loss.backward()
    >>> x.grad
    tensor([2., 4., 6.])
    """

    __slots__ = ()
    __hash__ = object.__hash__  # by identity: == compares elements

    if TYPE_CHECKING:  # the primitives attached at the end of this file

        def __getattr__(self, name: str) -> Callable[..., Tensor]: ...

    def __new__(cls, *data: Any) -> Tensor:
        """A copy of ``data`` in float32, or zeros of a shape; see the class."""
        if len(data) == 1 and not isinstance(data[0], int):
            made = leaf(np.array(to_array(data[0], np.float32)), cls=cls)
        else:
            made = leaf(np.zeros(data, np.float32), cls=cls)
        return made

    # -- what it is

    @property
    def data(self) -> Tensor:
        """The same memory without the record: ``w.data -= 0.1 * w.grad`` writes into ``w``."""
        return self.detach()

    @data.setter
    def data(self, value: Any) -> None:
        array = to_array(value)
        if np.shares_memory(array, self._array) and array.shape == self._array.shape:
            return  # w.data -= …  has written already
        engine.written((self,), "an assignment to .data")
        self._array = array

    @property
    def array(self) -> Array:
        """The NumPy array that holds the values: itself, for kernels and pictures to read, not to write."""
        return self._array

    @property
    def grad(self) -> Tensor | None:
        """The accumulated gradient; None before any."""
        return self._grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, Tensor):
                raise DtypeError(f"grad: expects a Tensor or None, found {type(value).__name__}")
            if value.shape != self.shape:
                raise ShapeError(f"grad: the tensor has shape {self.shape}, the assigned gradient {value.shape}")
            if value.dtype != self.dtype:
                raise DtypeError(f"grad: the tensor is {self.dtype}, the assigned gradient {value.dtype}")
        self._grad = value

    @property
    def requires_grad(self) -> bool:
        """Whether gradients are wanted for this tensor."""
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Ask for a gradient, or no longer, in place.

        Raises
        ------
        DtypeError
            Unless the dtype is floating point.
        GraphError
            For switching it off on the result of an operation: use ``detach()``.
        """
        if requires_grad:
            check_differentiable(self._array)
        elif self._op is not None:
            raise GraphError("requires_grad can be switched off on leaves only; use .detach() for the same values")
        self._requires_grad = bool(requires_grad)
        return self

    @property
    def name(self) -> str | None:
        """A name of your own, for pictures and equations."""
        return None if self._extra is None else self._extra.get("name")

    @name.setter
    def name(self, value: str | None) -> None:
        self._keep()["name"] = value

    def _keep(self) -> dict[str, Any]:
        if self._extra is None:
            self._extra = {}
        return self._extra

    @property
    def is_leaf(self) -> bool:
        """Whether no recorded operation made it."""
        return self._op is None

    @property
    def grad_fn(self) -> ops.Op | None:
        """The op that made it; None for a leaf."""
        return self._op

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of every axis."""
        return self._array.shape

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the length of axis ``dim``."""
        return self._array.shape if dim is None else self._array.shape[dim]

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self._array.ndim

    def dim(self) -> int:
        """The number of axes."""
        return self._array.ndim

    @property
    def dtype(self) -> np.dtype[Any]:
        """The kind of number: a NumPy dtype."""
        return self._array.dtype

    def numel(self) -> int:
        """The number of elements."""
        return self._array.size

    def __len__(self) -> int:
        if not self._array.ndim:
            raise TypeError("len() of a 0-d tensor")
        return len(self._array)

    def __iter__(self) -> Iterator[Tensor]:
        if not self._array.ndim:
            raise TypeError("iteration over a 0-d tensor")
        return (self[k] for k in range(len(self._array)))

    def __repr__(self) -> str:
        return formatting.tensor(self._array, self._requires_grad, self._op and self._op.name)

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec and not self._array.ndim else format(repr(self), spec)

    # -- to Python and NumPy

    def item(self) -> Any:
        """The value as a Python number.

        Raises
        ------
        ValueError
            If there is not exactly one element.
        """
        if self._array.size != 1:
            raise ValueError(f"item: a Tensor with {self._array.size} elements cannot be converted to Scalar")
        return self._array.item()

    def tolist(self) -> Any:
        """The values as nested lists of Python numbers."""
        return self._array.tolist()

    def numpy(self) -> Array:
        """The values as a NumPy array that shares their memory.

        Raises
        ------
        GraphError
            If a gradient is required: use ``detach().numpy()``.
        """
        if self._requires_grad:
            raise GraphError("numpy: can't be called on a Tensor that requires grad; use tensor.detach().numpy()")
        # An array of its own over the same memory: slices of it keep it alive, so that its end can be noticed.
        view = np.asarray(memoryview(self._array))  # type: ignore[arg-type]
        engine.expose(self, view)
        return view

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        array = self.numpy()
        if dtype is not None and array.dtype != dtype:
            if copy is False:
                raise ValueError(f"a copy is needed to convert {array.dtype} to {dtype}")
            return array.astype(dtype)
        return array.copy() if copy else array

    def _number(self) -> Any:
        if self._array.size != 1:
            raise ValueError(
                f"the truth value or number of a tensor of shape {self.shape} with {self._array.size} elements is "
                "ambiguous: only one element can be converted; use .any() or .all()"
            )
        return self._array.item()

    def __bool__(self) -> bool:
        return bool(self._number())

    def __float__(self) -> float:
        return float(self._number())

    def __int__(self) -> int:
        return int(self._number())

    def __index__(self) -> int:
        if self._array.dtype.kind not in "iub" or self._array.size != 1:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self._array.item())

    # -- differentiation

    def backward(
        self,
        gradient: Any = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
    ) -> None:
        """Accumulate ∂self/∂leaf into the ``.grad`` of every leaf that requires it: the backward pass of the slides.

        Parameters
        ----------
        gradient : Tensor or array, optional
            What to multiply by: the gradient of some loss with respect to ``self``. 1 for a scalar.
        retain_graph : bool, optional
            Keep the graph for another pass; by default as ``create_graph``.
        create_graph : bool
            Record the backward pass itself, for higher derivatives.

        Raises
        ------
        GraphError
            For a tensor that is not a scalar and no ``gradient``; that does not require grad; whose graph was already
            freed; or if a value that a rule needs was written in place since. Every ``.grad`` is then as it was.
        ShapeError
            For a ``gradient`` of another shape.
        """
        seed = engine.check_seed(self, gradient)
        if create_graph:
            before, mode.grad = mode.grad, True
            try:
                start = gradient if isinstance(gradient, Tensor) else leaf(seed)
                found = engine.pull([self], [start], create_graph=True, retain_graph=True)
            finally:
                mode.grad = before
        else:
            found = engine.pull([self], [seed], retain_graph=bool(retain_graph))
        engine.accumulate(found, [seed])

    def retain_grad(self) -> None:
        """Keep the gradient of this result of an operation in its ``.grad`` too, as leaves do."""
        if not self._requires_grad:
            raise GraphError("retain_grad: this tensor does not require grad")
        self._keep()["retain_grad"] = True

    def detach(self) -> Tensor:
        """The same memory as a new leaf that requires no gradient."""
        out = leaf(self._array)
        out._base = engine.memory(self)
        return out

    def zero_(self) -> Tensor:
        """Set every element to 0, in place."""
        return self.copy_(0)

    def fill_(self, value: Any) -> Tensor:
        """Set every element to ``value``, in place."""
        return self.copy_(value)

    def copy_(self, source: Any) -> Tensor:
        """Copy the values of ``source`` in, broadcast and converted, in place."""
        return inplace.overwrite(self, ops.assign, source, what="copy_")

    def __setitem__(self, index: Any, value: Any) -> None:
        inplace.overwrite(self, ops.assign, value, ((ops.getitem, (_index(index),)),), what="an assignment to [...]")

    def to(self, dtype: Any) -> Tensor:
        """The same values in another dtype; itself if it has it already."""
        wanted = ops.check_dtype(dtype)
        return self if wanted is self.dtype else apply(ops.cast, (self,), (wanted,))

    def float(self) -> Tensor:
        """As float32."""
        return self.to(np.float32)

    def double(self) -> Tensor:
        """As float64."""
        return self.to(np.float64)

    def long(self) -> Tensor:
        """As int64."""
        return self.to(np.int64)

    def int(self) -> Tensor:
        """As int32."""
        return self.to(np.int32)

    def bool(self) -> Tensor:
        """As bool."""
        return self.to(np.bool_)

    # -- shape

    def reshape(self, *shape: Any) -> Tensor:
        """The same elements in another shape: ``x.reshape(2, -1)`` or ``x.reshape((2, -1))``."""
        return apply(ops.reshape, (self,), (sizes(shape),))

    view = reshape

    def flatten(self, start_dim: Any = 0, end_dim: Any = -1) -> Tensor:
        """Axes ``start_dim`` to ``end_dim`` as one."""
        shape = self.shape or (1,)
        start, end = start_dim % len(shape), end_dim % len(shape)
        return self.reshape(*shape[:start], -1, *shape[end + 1 :])

    def permute(self, *dims: Any) -> Tensor:
        """The axes in another order."""
        return apply(ops.permute, (self,), (sizes(dims),))

    def transpose(self, dim0: Any, dim1: Any) -> Tensor:
        """Two axes exchanged."""
        return apply(ops.swapaxes, (self,), (dim0, dim1))

    @property
    def T(self) -> Tensor:
        """The transpose: all axes in reverse order."""
        return self.mT if self.ndim == 2 else self.permute(*reversed(range(self.ndim)))

    @property
    def mT(self) -> Tensor:
        """The transpose of a matrix, or of each matrix in a stack."""
        return apply(ops.transpose, (self,))

    def unsqueeze(self, dim: Any) -> Tensor:
        """A new axis of size 1 at ``dim``."""
        dim = dim % (self.ndim + 1)
        return self.reshape(*self.shape[:dim], 1, *self.shape[dim:])

    def squeeze(self, dim: Any = None) -> Tensor:
        """Without axis ``dim`` if its size is 1, or without all such axes."""
        drop = range(self.ndim) if dim is None else (dim % self.ndim,)
        return self.reshape(*(n for k, n in enumerate(self.shape) if n != 1 or k not in drop))

    def max(self) -> Tensor:
        """The largest element."""
        return apply(ops.amax, (self,), (None, False))

    def min(self) -> Tensor:
        """The smallest element."""
        return apply(ops.amin, (self,), (None, False))

    def round(self) -> Tensor:
        """To the nearest integer, halves to even. No gradient is recorded."""
        return leaf(np.round(self._array))

    def __getitem__(self, index: Any) -> Tensor:
        return apply(ops.getitem, (self,), (_index(index),))

    # -- operators

    def __add__(self, other: Any) -> Tensor:
        return apply(ops.add, (self, other))

    def __radd__(self, other: Any) -> Tensor:
        return apply(ops.add, (other, self))

    def __sub__(self, other: Any) -> Tensor:
        return apply(ops.sub, (self, other))

    def __rsub__(self, other: Any) -> Tensor:
        return apply(ops.sub, (other, self))

    def __mul__(self, other: Any) -> Tensor:
        return apply(ops.mul, (self, other))

    def __rmul__(self, other: Any) -> Tensor:
        return apply(ops.mul, (other, self))

    def __truediv__(self, other: Any) -> Tensor:
        return apply(ops.div, (self, other))

    def __rtruediv__(self, other: Any) -> Tensor:
        return apply(ops.div, (other, self))

    def __pow__(self, other: Any) -> Tensor:
        return apply(ops.pow, (self, other))

    def __rpow__(self, other: Any) -> Tensor:
        return apply(ops.pow, (other, self))

    def __matmul__(self, other: Any) -> Tensor:
        return apply(ops.matmul, (self, other))

    def __rmatmul__(self, other: Any) -> Tensor:
        return apply(ops.matmul, (other, self))

    def __neg__(self) -> Tensor:
        return apply(ops.neg, (self,))

    def __abs__(self) -> Tensor:
        return apply(ops.abs, (self,))

    def __eq__(self, other: Any) -> Any:
        return apply(ops.eq, (self, other))

    def __ne__(self, other: Any) -> Any:
        return apply(ops.ne, (self, other))

    def __lt__(self, other: Any) -> Tensor:
        return apply(ops.lt, (self, other))

    def __le__(self, other: Any) -> Tensor:
        return apply(ops.le, (self, other))

    def __gt__(self, other: Any) -> Tensor:
        return apply(ops.gt, (self, other))

    def __ge__(self, other: Any) -> Tensor:
        return apply(ops.ge, (self, other))

    def __and__(self, other: Any) -> Tensor:
        return apply(ops.bitwise_and, (self, other))

    def __rand__(self, other: Any) -> Tensor:
        return apply(ops.bitwise_and, (other, self))

    def __or__(self, other: Any) -> Tensor:
        return apply(ops.bitwise_or, (self, other))

    def __ror__(self, other: Any) -> Tensor:
        return apply(ops.bitwise_or, (other, self))

    def __xor__(self, other: Any) -> Tensor:
        return apply(ops.bitwise_xor, (self, other))

    def __rxor__(self, other: Any) -> Tensor:
        return apply(ops.bitwise_xor, (other, self))

    def __invert__(self) -> Tensor:
        return apply(ops.bitwise_not, (self,))

    # -- protocols

    @staticmethod
    def operand(x: Any) -> Any:
        """``x`` as an input of an op: tensors and Python numbers as they are, all else as a constant tensor."""
        return x if isinstance(x, Node) or type(x) in engine.NUMBERS else as_tensor(x)

    def __op__(self, op: ops.Op, inputs: tuple[Any, ...], params: tuple[Any, ...]) -> Tensor:
        """Called by an op on its arguments when one of them is a tensor: record."""
        return apply(op, inputs, params)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        op = ops.by_numpy.get(ufunc)
        if op is None or method != "__call__" or kwargs:
            return NotImplemented
        return apply(op, inputs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        op = ops.by_numpy.get(function)
        if op is None:
            return NotImplemented
        named = {"axis": "dim", "keepdims": "keepdim"}
        return op(*args, **{named.get(key, key): value for key, value in kwargs.items()})


def sizes(sizes: tuple[Any, ...]) -> tuple[Any, ...]:
    """``f(2, 3)`` and ``f((2, 3))`` mean the same."""
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        sizes = tuple(sizes[0])
    return tuple(s.__index__() if not isinstance(s, int) else s for s in sizes)


def _index(index: Any) -> Any:
    """Tensors in an index as arrays."""
    if isinstance(index, tuple):
        return tuple(_index(k) for k in index)
    return index._array if isinstance(index, Tensor) else index


def check_differentiable(array: Array) -> None:
    if array.dtype.kind != "f":
        raise DtypeError(f"only floating point tensors can require gradients, this one is {array.dtype}")


def to_array(data: Any, dtype: Any = None) -> Array:
    """``data`` as an array of a supported dtype, without a copy where none is needed.

    Python floats become float32; NumPy arrays keep their dtype.

    Raises
    ------
    ValueError
        For nested lists of unequal lengths.
    DtypeError
        For anything that is not a number.
    """
    if isinstance(data, Node):
        array = data._array
    elif isinstance(data, (np.ndarray, np.generic)):
        array = np.asarray(data)
    else:
        if isinstance(data, (list, tuple)) and any(isinstance(x, Node) for x in data):
            data = [x._array if isinstance(x, Node) else x for x in data]
        try:
            array = np.array(data)
        except ValueError as error:
            raise ValueError(f"tensor: nested sequences must all have the same length: {error}") from None
        if dtype is None and array.dtype == np.float64 and not (array.size and _holds_arrays(data)):
            dtype = ops.DEFAULT
    wanted = ops.check_dtype(array.dtype if dtype is None else dtype)
    ops.check_dtype(array.dtype)
    return array if array.dtype is wanted else array.astype(wanted)


def _holds_arrays(data: Any) -> bool:
    while isinstance(data, (list, tuple)) and data:
        data = data[0]
    return isinstance(data, (np.ndarray, np.generic))


def tensor(data: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor with a copy of ``data``; the dtype is kept (Python floats become float32).

    Raises
    ------
    ValueError
        For nested lists of unequal lengths.
    DtypeError
        For an unsupported dtype, and for ``requires_grad`` on integers or bools.

    Examples
    --------
    >>> import autograd
    >>> autograd.tensor([[1, 2], [3, 4]])
    tensor([[1, 2],
            [3, 4]])
    """
    array = np.array(to_array(data, dtype), order="C")
    if requires_grad:
        check_differentiable(array)
    return leaf(array, requires_grad)


def as_tensor(data: Any, dtype: Any = None) -> Tensor:
    """``data`` as a tensor, sharing memory where possible; a tensor of that dtype is returned itself."""
    if isinstance(data, Tensor):
        return data if dtype is None else data.to(dtype)
    out = leaf(to_array(data, dtype))
    if out._array is data:
        engine.expose(out)
    return out


def from_numpy(array: Array) -> Tensor:
    """A tensor that shares the memory of ``array``.

    Raises
    ------
    TypeError
        For anything but an array of a supported dtype.
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(f"from_numpy: expects an ndarray, found {type(array).__name__}")
    return as_tensor(array)


def in_place(function: Callable[..., Any]) -> Callable[..., Tensor]:
    """``function`` as a method that writes its result into the tensor's own memory: ``x.exp_()``."""

    def write(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return inplace.overwrite(self, function, *args, what=write.__name__, **kwargs)

    write.__name__ = write.__qualname__ = f"{function.__name__}_"
    write.__doc__ = f"{function.__name__}, written into the tensor's own memory."
    return write


def method(*names: str, inplace: bool = False) -> Callable[[F], F]:
    """Make the decorated function a method of Tensor too, under its own name and ``names``.

    With ``inplace`` there is also the method that writes into the tensor, with ``_`` at its end.
    """

    def attach(function: F) -> F:
        for name in (function.__name__, *names):
            setattr(Tensor, name, function)
            if inplace:
                setattr(Tensor, f"{name}_", in_place(function))
        return function

    return attach


engine.Tensor = Tensor
for _op in ops.registry.values():
    if _op.method:
        setattr(Tensor, _op.__name__, _op)
        if _op.elementwise:
            setattr(Tensor, f"{_op.__name__}_", in_place(_op))
for _name in ("add", "sub", "mul", "div", "pow", "bitwise_and", "bitwise_or", "bitwise_xor"):
    _operator = {"div": "truediv"}.get(_name, _name.removeprefix("bitwise_"))
    setattr(Tensor, f"__i{_operator}__", getattr(Tensor, f"{_name}_"))
