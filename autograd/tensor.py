"""Tensor: an array that remembers how it was computed.

Names, defaults and semantics are PyTorch's. The methods that are primitives are not listed here: each op's record says
whether it is a method, and the end of this file attaches them all.
"""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from . import devices, engine, formatting, inplace, ops, versions
from .arrays import check_differentiable, sizes, to_array
from .engine import apply, around, leaf, operate, operate_on
from .errors import DtypeError, GraphError, ShapeError
from .grad_fn import GradFn, class_name, grad_fn
from .hooks import RemovableHandle, backward_hooks
from .node import NUMBERS, Node, memory, mode
from .ops.axes import axis
from .ops.indexing import resolve
from .ops.record import NUMPY_NAMES

__all__ = ["Tensor", "as_tensor"]

Array = np.ndarray[Any, Any]
_signature = functools.cache(inspect.signature)
_KINDS = {"float32": "Float", "float64": "Double", "int64": "Long", "int32": "Int", "int16": "Short", "int8": "Char",
          "uint8": "Byte", "bool": "Bool"}  # fmt: skip
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
            return leaf(np.array(to_array(data[0], np.float32, "Tensor")), cls=cls)
        return leaf(np.zeros(sizes(data or (0,), "Tensor", least=0), np.float32), cls=cls)

    # -- what it is

    @property
    def data(self) -> Tensor:
        """The same memory without the record: ``w.data -= 0.1 * w.grad`` writes into ``w``."""
        return self.detach()

    @data.setter
    def data(self, value: Any) -> None:
        array, old = to_array(value), self._array
        if (array.ctypes.data, array.strides, array.shape) == (old.ctypes.data, old.strides, old.shape):
            return  # w.data -= …  has written already
        self._base = None  # other memory: what shared the old is not written
        versions.written((self,), "an assignment to .data")
        versions.move(self, array)
        if not isinstance(value, Node):
            versions.expose_anew(self)
        elif memory(value) is not self:
            self._base = memory(value)  # from now on a write into either is a write into both

    @property
    def array(self) -> Array:
        """The NumPy array that holds the values: itself, for kernels and pictures to read, not to write."""
        return self._seen()

    def _seen(self) -> Array:
        """The values, for Python to see."""
        if engine.tape is not None:
            engine.tape.looked(self)
        return self._array

    @property
    def grad(self) -> Tensor | None:
        """The accumulated gradient; None before any."""
        if self._grad is None and self._op is not None and not self.retains_grad:
            warnings.warn(
                "the .grad of a Tensor that is not a leaf Tensor is being accessed: backward() leaves it None unless "
                "retain_grad() was called on this tensor",
                stacklevel=2,
            )
        return engine.gradient(self)

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, Tensor):
                raise DtypeError(f"grad: expects a Tensor or None, found {type(value).__name__}")
            if value.shape != self.shape:
                raise ShapeError(f"grad: the tensor has shape {self.shape}, the assigned gradient {value.shape}")
            if value.dtype != self.dtype:
                raise DtypeError(f"grad: the tensor is {self.dtype}, the assigned gradient {value.dtype}")
            if not value._array.flags.writeable:  # the next backward pass adds to it in place
                value = value.detach().clone()
        if engine.tape is None:
            self._grad = value
        else:
            engine.tape.effect(Tensor._set_grad, (self, value), {})

    def _set_grad(self, value: Tensor | None) -> None:
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
        versions.changed()
        return self

    @property
    def name(self) -> str | None:
        """A name of your own, for pictures and equations."""
        return None if self._extra is None else self._extra.get("name")

    @name.setter
    def name(self, value: str | None) -> None:
        self._keep()["name"] = value

    @property
    def is_leaf(self) -> bool:
        """Whether no recorded operation made it."""
        return self._op is None

    @property
    def grad_fn(self) -> GradFn | None:
        """The step of the backward pass that its gradient goes through; None for a leaf."""
        return None if self._op is None else grad_fn(self)

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of every axis."""
        return self._array.shape

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the length of axis ``dim``."""
        return self._array.shape if dim is None else self._array.shape[axis(dim, self._array.ndim, "size")]

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
        made_by = None if self._op is None else class_name(self._op.name)
        return formatting.tensor(self._seen(), self._requires_grad, made_by, type(self).__name__)

    def __format__(self, spec: str) -> str:
        if self._array.ndim and not spec:
            return repr(self)
        if self._array.size != 1:
            raise TypeError(f"a tensor of shape {self.shape} takes no format, found {spec!r}; format its elements")
        return format(self._seen().item(), spec)

    def __contains__(self, element: Any) -> Any:
        if not isinstance(element, (Tensor, int, float, np.generic)):
            raise TypeError(f"in: a tensor contains numbers or parts of itself, not a {type(element).__name__}")
        return bool((self == element).any())

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
        return self._seen().item()

    def tolist(self) -> Any:
        """The values as nested lists of Python numbers."""
        return self._seen().tolist()

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
        view = np.asarray(memoryview(self._seen()))  # type: ignore[arg-type]
        versions.expose(self, view)
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
        return self._seen().item()

    def __bool__(self) -> bool:
        return bool(self._number())

    def __float__(self) -> float:
        return float(self._number())

    def __int__(self) -> int:
        return int(self._number())

    def __index__(self) -> int:
        if self._array.dtype.kind not in "iub" or self._array.size != 1:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self._seen().item())

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
        if backward_hooks:
            for hook in tuple(backward_hooks.values()):
                hook(self)
        walked: list[Any] = []
        if create_graph:
            before, mode.here.grad = mode.here.grad, True
            try:
                start = gradient if isinstance(gradient, Tensor) else leaf(seed)
                found = engine.pull([self], [start], create_graph=True)
            finally:
                mode.here.grad = before
        else:
            found = engine.pull([self], [seed], walked=None if retain_graph else walked)
        engine.accumulate(found, [seed], walked)

    def retain_grad(self) -> None:
        """Keep the gradient of this result of an operation in its ``.grad`` too, as leaves do."""
        if not self._requires_grad:
            raise GraphError("retain_grad: this tensor does not require grad")
        if self._op is not None:
            self._keep()["retain_grad"] = True

    @property
    def retains_grad(self) -> Any:
        """Whether :meth:`retain_grad` was called on this result of an operation."""
        return self._extra is not None and "retain_grad" in self._extra

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
        """Call ``hook`` with the gradient of this tensor whenever one is computed, before it goes further.

        Parameters
        ----------
        hook : callable
            Gets the complete gradient; what it returns, if not None, takes its place.

        Returns
        -------
        RemovableHandle
            Its ``remove()`` takes the hook off; it is also a context manager.

        Raises
        ------
        GraphError
            If the tensor does not require grad. In the backward pass ShapeError, if the hook gives another shape.

        Examples
        --------
        >>> import autograd
        >>> x = autograd.tensor([1.0, 2.0], requires_grad=True)
        >>> handle = x.register_hook(lambda g: g / 2)
        >>> (x * 6).sum().backward()
        >>> x.grad
        tensor([3., 3.])
        >>> handle.remove()
        """
        if not self._requires_grad:
            raise GraphError("register_hook: cannot register a hook on a tensor that does not require grad")
        return self._hooked("hooks", hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> RemovableHandle:
        """Call ``hook`` with this leaf each time after :meth:`backward` has added to its ``.grad``.

        Raises
        ------
        GraphError
            If it is not a leaf that requires grad.
        """
        if not self._requires_grad or self._op is not None:
            raise GraphError("register_post_accumulate_grad_hook: expects a leaf that requires grad")
        return self._hooked("after", hook)

    def _hooked(self, when: str, hook: Callable[..., Any]) -> RemovableHandle:
        handle = RemovableHandle(self._keep().setdefault(when, {}), hook)
        versions.changed()  # now that it is there: another thread may look at once
        return handle

    def detach(self) -> Tensor:
        """The same memory as a new leaf that requires no gradient."""
        return leaf(self._array, base=self)

    def detach_(self) -> Tensor:
        """Make this result of an operation a leaf that requires no gradient. What read it before is not affected.

        Raises
        ------
        GraphError
            For a view: use ``detach()``.
        """
        return inplace.cut(self)

    def zero_(self) -> Tensor:
        """Set every element to 0, in place."""
        if self._extra is not None:
            self._extra.pop("passes", None)  # a gradient starts anew
        return self.copy_(0)

    def fill_(self, value: Any) -> Tensor:
        """Set every element to ``value``, in place."""
        return self.copy_(value)

    def copy_(self, source: Any) -> Tensor:
        """Copy the values of ``source`` in, broadcast and converted, in place."""
        return inplace.overwrite(self, ops.assign, source, what="copy_")

    def __setitem__(self, index: Any, value: Any) -> None:
        path = ((ops.getitem, (resolve(_arrays(index), self._array.shape),)),)
        inplace.overwrite(self, ops.assign, value, path, what="an assignment to [...]")

    # -- dtype and device

    @property
    def device(self) -> devices.device:
        """Where it is: the CPU."""
        return devices.device()

    @property
    def is_cuda(self) -> Any:
        """Whether it is on a GPU: False."""
        return False

    def to(
        self,
        *target: Any,
        dtype: Any = None,
        device: Any = None,
        non_blocking: Any = False,
        copy: Any = False,
        memory_format: Any = None,
    ) -> Tensor:
        """The same values in another dtype; itself if it has it already.

        Parameters
        ----------
        *target
            A dtype, a device (the CPU), both, or a tensor to follow in both.
        dtype, device
            The same by name.
        copy : bool
            A tensor of its own in any case.
        non_blocking, memory_format
            For PyTorch's sake; they change nothing.

        Examples
        --------
        >>> import autograd
        >>> autograd.tensor([1.5, 2.0]).to("cpu", autograd.int64)
        tensor([1, 2])
        """
        for wanted in target:
            if isinstance(wanted, Tensor):
                dtype = wanted.dtype
            elif isinstance(wanted, devices.device) or (isinstance(wanted, str) and wanted not in ops.SUPPORTED):
                device = wanted
            elif not isinstance(wanted, bool):  # a bool is non_blocking
                dtype = wanted
        devices.check_place("to", device, order=memory_format)
        found = self.dtype if dtype is None else ops.check_dtype(dtype, "to")
        if found is self.dtype:
            return self.clone() if copy else self
        return apply(ops.cast, (self if found.kind == "f" else self.detach(),), (found,))

    def cpu(self) -> Tensor:
        """Itself, which is on the CPU already."""
        return self

    def cuda(self, device: Any = None, non_blocking: Any = False) -> Tensor:
        """Refused: there is no GPU here.

        Raises
        ------
        RuntimeError
            Always. Ask :func:`autograd.cuda.is_available` first.
        """
        return self.to("cuda")

    def type(self, dtype: Any = None) -> Any:
        """As ``dtype``; without one, the name of the kind of tensor: ``autograd.FloatTensor``."""
        return f"autograd.{_KINDS[str(self.dtype)]}Tensor" if dtype is None else self.to(dtype)

    def is_floating_point(self) -> Any:
        """Whether the elements are float32 or float64."""
        return self._array.dtype.kind == "f"

    def is_complex(self) -> Any:
        """Whether the elements are complex: False."""
        return False

    def is_signed(self) -> Any:
        """Whether the elements may be negative."""
        return self._array.dtype.kind in "if"

    def element_size(self) -> Any:
        """The bytes of one element."""
        return self._array.itemsize

    @property
    def itemsize(self) -> Any:
        """The bytes of one element."""
        return self._array.itemsize

    @property
    def nbytes(self) -> Any:
        """The bytes of all elements."""
        return self._array.nbytes

    def data_ptr(self) -> Any:
        """The address of the first element: equal for tensors that share their memory from its start."""
        return self._array.__array_interface__["data"][0]

    def type_as(self, other: Tensor) -> Tensor:
        """As the dtype of ``other``."""
        return self.to(other.dtype)

    def float(self) -> Tensor:
        """As float32."""
        return self.to(np.float32)

    def double(self) -> Tensor:
        """As float64."""
        return self.to(np.float64)

    def half(self) -> Tensor:
        """Refused: float16 is not supported.

        Raises
        ------
        DtypeError
            Always.
        """
        return self.to(np.float16)

    def long(self) -> Tensor:
        """As int64."""
        return self.to(np.int64)

    def int(self) -> Tensor:
        """As int32."""
        return self.to(np.int32)

    def short(self) -> Tensor:
        """As int16."""
        return self.to(np.int16)

    def char(self) -> Tensor:
        """As int8."""
        return self.to(np.int8)

    def byte(self) -> Tensor:
        """As uint8."""
        return self.to(np.uint8)

    def bool(self) -> Tensor:
        """As bool."""
        return self.to(np.bool_)

    # -- shape

    @property
    def T(self) -> Tensor:
        """The transpose: all axes in reverse order."""
        return operate_on(ops.transpose, self) if self._array.ndim == 2 else operate_on(ops.permute, self, (None,))

    @property
    def mT(self) -> Tensor:
        """The transpose of a matrix, or of each matrix in a stack."""
        return operate_on(ops.transpose, self)

    def where(self, condition: Any, other: Any) -> Tensor:
        """Itself where ``condition`` holds, ``other`` elsewhere."""
        return apply(ops.where, (condition, self, other))

    def __getitem__(self, index: Any) -> Tensor:
        return operate_on(ops.getitem, self, (resolve(_arrays(index), self._array.shape),))

    # -- operators

    def __add__(self, other: Any) -> Tensor:
        return operate(ops.add, self, other)

    def __radd__(self, other: Any) -> Tensor:
        return apply(ops.add, (other, self))

    def __sub__(self, other: Any) -> Tensor:
        return operate(ops.sub, self, other)

    def __rsub__(self, other: Any) -> Tensor:
        return apply(ops.sub, (other, self))

    def __mul__(self, other: Any) -> Tensor:
        return operate(ops.mul, self, other)

    def __rmul__(self, other: Any) -> Tensor:
        return apply(ops.mul, (other, self))

    def __truediv__(self, other: Any) -> Tensor:
        return operate(ops.div, self, other)

    def __rtruediv__(self, other: Any) -> Tensor:
        return apply(ops.div, (other, self))

    __rdiv__ = __rtruediv__

    def __floordiv__(self, other: Any) -> Tensor:
        return operate(ops.floor_divide, self, other)

    def __rfloordiv__(self, other: Any) -> Tensor:
        return apply(ops.floor_divide, (other, self))

    def __mod__(self, other: Any) -> Tensor:
        return operate(ops.remainder, self, other)

    def __rmod__(self, other: Any) -> Tensor:
        return apply(ops.remainder, (other, self))

    def __pow__(self, other: Any) -> Tensor:
        return operate(ops.pow, self, other)

    def __rpow__(self, other: Any) -> Tensor:
        return apply(ops.pow, (other, self))

    def __matmul__(self, other: Any) -> Tensor:
        return operate(ops.matmul, self, other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return apply(ops.matmul, (other, self))

    def __pos__(self) -> Tensor:
        return self

    def __neg__(self) -> Tensor:
        return operate_on(ops.neg, self)

    def __abs__(self) -> Tensor:
        return operate_on(ops.abs, self)

    # Elementwise, so ``x in [y, z]`` and ``[y, z].index(x)`` compare elements too, or fail: use ``any(x is y for …)``,
    # or a set or dict, which go by identity. With what is no number (None, a string), as between any strangers.
    def __eq__(self, other: Any) -> Any:
        try:
            return operate(ops.eq, self, other)
        except DtypeError:
            return NotImplemented

    def __ne__(self, other: Any) -> Any:
        try:
            return operate(ops.ne, self, other)
        except DtypeError:
            return NotImplemented

    def __lt__(self, other: Any) -> Tensor:
        return operate(ops.lt, self, other)

    def __le__(self, other: Any) -> Tensor:
        return operate(ops.le, self, other)

    def __gt__(self, other: Any) -> Tensor:
        return operate(ops.gt, self, other)

    def __ge__(self, other: Any) -> Tensor:
        return operate(ops.ge, self, other)

    def __and__(self, other: Any) -> Tensor:
        return operate(ops.bitwise_and, self, other)

    def __rand__(self, other: Any) -> Tensor:
        return apply(ops.bitwise_and, (other, self))

    def __or__(self, other: Any) -> Tensor:
        return operate(ops.bitwise_or, self, other)

    def __ror__(self, other: Any) -> Tensor:
        return apply(ops.bitwise_or, (other, self))

    def __xor__(self, other: Any) -> Tensor:
        return operate(ops.bitwise_xor, self, other)

    def __rxor__(self, other: Any) -> Tensor:
        return apply(ops.bitwise_xor, (other, self))

    def __invert__(self) -> Tensor:
        return operate_on(ops.bitwise_not, self)

    # -- protocols

    @staticmethod
    def operand(x: Any, what: str = "as_tensor") -> Any:
        """``x`` as an input of the op ``what``: tensors and Python numbers as they are, all else as a constant."""
        return x if isinstance(x, Node) or type(x) in NUMBERS else around(to_array(x, what=what), x)

    def __op__(self, op: ops.Op, inputs: tuple[Any, ...], params: tuple[Any, ...]) -> Tensor:
        """Called by an op on its arguments when one of them is a tensor: record."""
        return operate_on(op, self, params) if len(inputs) == 1 else apply(op, inputs, params)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        op = ops.by_numpy.get(ufunc)
        if op is not None and method == "__call__" and not kwargs:
            return apply(op, inputs)
        composed = composed_by_numpy.get(ufunc)
        if composed is not None and method == "__call__" and not kwargs:
            return composed(*map(as_tensor, inputs))
        out = kwargs.get("out", ())
        if method == "__call__" and out and not any(isinstance(y, Tensor) for y in out):  # array += tensor
            return ufunc(*(np.asarray(x) if isinstance(x, Tensor) else x for x in inputs), **kwargs)
        raise _not_here(f"np.{ufunc.__name__}{'' if method == '__call__' else '.' + method}", kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        op = composed_by_numpy.get(function) or ops.by_numpy.get(function)
        name = f"{function.__module__.replace('numpy', 'np')}.{function.__name__}"
        if op is None:
            raise _not_here(name)
        renamed = {NUMPY_NAMES.get(key, key): value for key, value in kwargs.items()}
        try:
            _signature(op).bind(*args, **renamed)
        except TypeError:
            raise _not_here(name, kwargs or f"{len(args)} arguments") from None
        return op(*args, **renamed)


def _not_here(function: str, asked: Any = ()) -> TypeError:
    how = f" with {asked if isinstance(asked, str) else ', '.join(asked)}" if asked else ""
    return TypeError(
        f"{function}{how} is not supported on tensors; use it on tensor.detach().numpy(), which records no gradient"
    )


def _arrays(index: Any) -> Any:
    """Tensors in an index as arrays."""
    if isinstance(index, (tuple, list)):
        return type(index)(map(_arrays, index))
    return index._array if isinstance(index, Tensor) else index


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """``data`` as a tensor, sharing memory where possible; a tensor of that dtype is returned itself.

    Examples
    --------
    >>> import autograd
    >>> x = autograd.ones(2)
    >>> autograd.as_tensor(x) is x
    True
    """
    devices.check_place("as_tensor", device)
    if isinstance(data, Tensor):
        return data if dtype is None else data.to(dtype)
    return around(to_array(data, dtype, "as_tensor"), data)


def in_place(function: Callable[..., Any]) -> Callable[..., Tensor]:
    """``function`` as a method that writes its result into the tensor's own memory: ``x.exp_()``."""

    def write(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return inplace.overwrite(self, function, *args, what=write.__name__, **kwargs)

    write.__name__ = write.__qualname__ = f"{function.__name__}_"
    write.__doc__ = f"{function.__name__}, written into the tensor's own memory."
    return write


composed_by_numpy: dict[Any, Callable[..., Any]] = {}
"""The composed function that stands for a NumPy function, as ``ops.by_numpy`` has the primitives."""


def method(*names: str, inplace: bool = False, numpy: Sequence[Any] = ()) -> Callable[[F], F]:
    """Make the decorated function a method of Tensor too, under its own name and ``names``.

    With ``inplace`` there is also the method that writes into the tensor, with ``_`` at its end. ``numpy`` are the
    NumPy functions that mean this one when they are called with a tensor.
    """

    def attach(function: F) -> F:
        composed_by_numpy.update(dict.fromkeys(numpy, function))
        for name in (function.__name__, *names):
            setattr(Tensor, name, function)
            if inplace:
                setattr(Tensor, f"{name}_", in_place(function))
        return of_tensors(function)

    return attach


def of_tensors(function: F) -> F:
    """``function``, whose first argument is a tensor: anything else is said to be none, instead of to lack a shape."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except (AttributeError, LookupError):
            first = next(iter((*args, *kwargs.values())), None)
            if isinstance(first, Node):
                raise
            raise DtypeError(f"{function.__name__}: expects tensors, found {type(first).__name__}") from None

    return call  # type: ignore[return-value]


engine.Tensor = Tensor
for _op in ops.registry.values():
    if _op.method:
        setattr(Tensor, _op.__name__, _op)
        if _op.elementwise:
            setattr(Tensor, f"{_op.__name__}_", in_place(_op))
for _name, _operator in {
    "add": "add", "sub": "sub", "mul": "mul", "div": "truediv", "floor_divide": "floordiv", "remainder": "mod",
    "pow": "pow", "bitwise_and": "and", "bitwise_or": "or", "bitwise_xor": "xor",
}.items():  # fmt: skip
    setattr(Tensor, f"__i{_operator}__", getattr(Tensor, f"{_name}_"))
