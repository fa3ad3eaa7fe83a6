"""Networks as ONNX files, which run where neither this project nor Python is: :func:`export`.

The network is run twice and its recorded graphs are read: the second time with one sample more, and with other values.
What is the same both times is a constant, an axis that has grown is the batch's, and anything else that changed without
being recorded cannot be written down, and is refused rather than frozen.

An operation becomes the ONNX operation of :data:`SAME` or of a function below; one that is in neither, but declares its
formula in NumPy's operators, writes itself: called with a :class:`Value`, it leaves its nodes behind, as with a symbol
it leaves its equation.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import IO, Any

import numpy as np

import autograd
from autograd import DtypeError, GraphError, Tensor
from autograd.graph import Graph, Variable, everything, op_for
from autograd.ops import getitem
from autograd.ops.axes import axes
from autograd.ops.indexing import resolve

from .atomic import write_atomically
from .module import Module

__all__ = ["export"]

OLDEST = 18
"""Since this version of ONNX's operations, the axes of all but one reduction are an input."""

SAME = {
    "abs": "Abs", "acos": "Acos", "add": "Add", "asin": "Asin", "asinh": "Asinh", "clone": "Identity",
    "cos": "Cos", "cosh": "Cosh", "div": "Div", "erf": "Erf", "exp": "Exp", "floor": "Floor",
    "log": "Log", "matmul": "MatMul", "maximum": "Max", "minimum": "Min", "mul": "Mul", "neg": "Neg", "pow": "Pow",
    "relu": "Relu", "sigmoid": "Sigmoid", "sign": "Sign", "sin": "Sin", "sinh": "Sinh", "softsign": "Softsign",
    "sqrt": "Sqrt", "sub": "Sub", "tanh": "Tanh",
}  # fmt: skip
"""The operations that ONNX has under another name, with the same inputs and no parameters."""

TRUTHS = {
    "eq": "Equal", "ge": "GreaterOrEqual", "gt": "Greater", "isnan": "IsNaN", "le": "LessOrEqual", "lt": "Less",
}  # fmt: skip
"""Those whose result is true or false."""

LOGIC = {"and": "And", "not": "Not", "or": "Or", "xor": "Xor"}
"""Those of truths; ``logical_and`` takes numbers as truths, ``bitwise_and`` is the same of truths."""

REDUCTIONS = {
    "amax": "ReduceMax", "amin": "ReduceMin", "logsumexp": "ReduceLogSumExp", "mean": "ReduceMean",
    "prod": "ReduceProd", "sum": "ReduceSum",
}  # fmt: skip

UNWRITTEN = {"at_least", "guard", "inside"}
"""Operations whose formula leaves out what they guard against."""

Inputs = tuple[Any, ...]
writers: dict[str, Callable[..., Any]] = {}
"""The operations that take more than a name: functions of (file, inputs, variable, **parameters)."""


def writes(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let the decorated function write the operation of its name."""
    writers[function.__name__.rstrip("_")] = function
    return function


class Unknown(Exception):
    """Why an operation cannot be written."""


class Value(np.lib.mixins.NDArrayOperatorsMixin):
    """What a name in the file stands for; called with it, NumPy's functions and the ops write nodes."""

    def __init__(self, file: File, name: str, dtype: Any) -> None:
        self.file = file
        self.name = name
        self.dtype = np.dtype(dtype)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        op = op_for(ufunc)
        if op is None or method != "__call__" or kwargs:
            raise Unknown(f"its formula needs np.{ufunc.__name__}")
        return self.file.write(op, inputs, op.defaults)

    def __op__(self, op: Any, inputs: Inputs, params: tuple[Any, ...]) -> Value:
        """Called by an op on its arguments."""
        return self.file.write(op, inputs, dict(zip(op.params, params, strict=True)))


class Pair:
    """A variable of the first run, and what became of it in the second."""

    def __init__(self, first: Variable, second: Variable) -> None:
        self.first = first
        self.second = second

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the first run."""
        return self.first.shape

    @property
    def dtype(self) -> Any:
        """The dtype of the values."""
        return self.first.value.dtype

    @property
    def free(self) -> tuple[bool, ...]:
        """For each axis, whether it grows with the batch."""
        return tuple(n != m for n, m in zip(self.first.shape, self.second.shape, strict=True))

    @property
    def inputs(self) -> list[Any]:
        """Pairs, and numbers as they are."""
        both = zip(self.first.inputs, self.second.inputs, strict=True)
        return [Pair(x, y) if isinstance(x, Variable) else x for x, y in both]


class File:
    """An ONNX graph in the making."""

    def __init__(self, opset: int, paths: Mapping[Module, str]) -> None:
        self.opset = opset
        self.paths = paths
        self.onnx = import_module("onnx")
        self.helper = import_module("onnx.helper")
        self.nodes: list[Any] = []
        self.initializers: dict[str, Any] = {}
        self.values: dict[Tensor, Value] = {}
        self.taken: dict[str, int] = {}

    # -- names and constants

    def named(self, name: str) -> str:
        """``name``, or with a number behind it if there is one already."""
        count = self.taken[name] = self.taken.get(name, 0) + 1
        return name if count == 1 else self.named(f"{name}_{count - 1}")

    def constant(self, array: Any, name: str = "constant") -> Value:
        """An array as an initializer."""
        array = np.ascontiguousarray(array).reshape(np.shape(array))
        name = self.named(name)
        self.initializers[name] = import_module("onnx.numpy_helper").from_array(array, name)
        return Value(self, name, array.dtype)

    def integers(self, *values: int) -> Value:
        """A vector of int64."""
        return self.constant(np.array(values, np.int64))

    # -- nodes

    def node(self, kind: str, *inputs: Any, dtype: Any = None, **attributes: Any) -> Value:
        """One node with one output, of the first input's dtype unless said otherwise. An input may be a number."""
        like = next(x.dtype for x in inputs if isinstance(x, Value))
        values = [x if isinstance(x, Value) else self.constant(np.array(x, like)) for x in inputs]
        name = self.named(self.prefix + kind)
        self.nodes.append(self.helper.make_node(kind, [x.name for x in values], [name], name=name, **attributes))
        return Value(self, name, like if dtype is None else dtype)

    prefix = ""

    def cast(self, x: Any, dtype: Any) -> Any:
        """A value in another dtype; numbers as they are."""
        if not isinstance(x, Value) or x.dtype == dtype:
            return x
        return self.node("Cast", x, dtype=dtype, to=self.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def alike(self, inputs: Inputs) -> list[Any]:
        """All values in one dtype."""
        dtype = np.result_type(*(x.dtype if isinstance(x, Value) else x for x in inputs))
        return [self.cast(x, dtype) for x in inputs]

    def write(self, op: Any, inputs: Inputs, params: Mapping[str, Any], pair: Pair | None = None) -> Value:
        """The node or nodes of ``op``; its formula if ONNX has nothing of the kind."""
        if op.name in writers:
            out = writers[op.name](self, inputs, pair, **params)
        elif op.name in SAME:
            out = self.node(SAME[op.name], *self.alike(inputs))
        elif op.name in TRUTHS:
            out = self.node(TRUTHS[op.name], *self.alike(inputs), dtype=bool)
        elif op.name in REDUCTIONS:
            out = reduce(self, REDUCTIONS[op.name], inputs[0], pair, **params)
        elif op.name.partition("_")[2] in LOGIC:
            out = self.logic(op.name, inputs)
        elif op.formula is not None and op.name not in UNWRITTEN and params.keys() == set(op.params):
            out = op.formula(*inputs, *params.values())
        else:
            raise Unknown("ONNX has no counterpart that is known here")
        return self.cast(out, pair.dtype) if pair is not None else out

    def logic(self, name: str, inputs: Inputs) -> Value:
        """Of truths; numbers other than 0 are true."""
        kind, _, word = name.partition("_")
        if kind == "bitwise" and any(x.dtype != bool for x in inputs if isinstance(x, Value)):
            raise Unknown("bits are not written, only truths")
        return self.node(LOGIC[word], *(self.cast(x, np.dtype(bool)) for x in inputs), dtype=bool)

    # -- the recorded graph

    def read(self, pair: Pair) -> Value:
        """The value of a variable whose inputs are written; a constant or parameter becomes an initializer."""
        first, second = pair.first, pair.second
        if first.tensor in self.values:
            return self.values[first.tensor]
        if first.op is None:
            if first.shape != second.shape or not np.array_equal(first.value, second.value, equal_nan=True):
                raise Unknown(
                    f"it reads a tensor of shape {first.shape} that depends on the network's input in a way that is "
                    "not recorded (a comparison, an index, .item(), or the like)"
                )
            out = self.constant(first.value)
        else:
            for name, value in first.params.items():
                if name not in ("shape", "index", "path") and value != second.params[name]:
                    raise Unknown(f"its {name} depends on the network's input: {value} and {second.params[name]}")
            if any(x != y for x, y in zip(first.inputs, second.inputs, strict=True) if not isinstance(x, Variable)):
                raise Unknown("a number that it reads depends on the network's input, or on the number of samples")
            own = first.op.name == "assign"  # reads what it needs itself
            inputs = tuple(self.read(x) if isinstance(x, Pair) and not own else x for x in pair.inputs)
            out = self.write(first.op, inputs, first.params, pair)
        self.values[first.tensor] = out
        return out

    def graph(self, first: Graph, second: Graph) -> Value:
        """All that an output was computed from."""
        if [v.op for v in first] != [v.op for v in second]:
            raise GraphError("export: the network computes otherwise for one more sample, or for other values")
        for v, w in zip(first, second, strict=True):
            if v.op is None:
                continue  # constants when they are needed
            place = self.place(v)
            self.prefix = f"{place}/" if place else ""
            try:
                self.read(Pair(v, w))
            except Unknown as error:
                where = f" of {place!r} ({type(v.scope[-1]).__name__})" if place else ""
                raise GraphError(f"export: cannot write {v.op.name}{where} → {v.shape}: {error}") from None
        self.prefix = ""
        try:
            return self.read(Pair(first.output, second.output))
        except Unknown as error:
            raise GraphError(f"export: cannot write an output: {error}") from None

    def place(self, variable: Variable) -> str:
        """The path of the module whose call made it."""
        return next((self.paths[m] for m in reversed(variable.scope) if self.paths.get(m)), "")


# -- operations that take more than a name


def reduce(
    file: File, kind: str, x: Value, pair: Pair | None, dim: Any = None, keepdim: bool = False, dtype: Any = None
) -> Value:
    """A reduction over ``dim``, or over all axes."""
    if pair is None:
        raise Unknown("a reduction in a formula")
    ndim = len(pair.first.inputs[0].shape)
    over = axes(None if dim == () else dim, ndim, kind)
    x = file.cast(x, pair.dtype)
    return file.node(kind, x, file.integers(*over), keepdims=int(keepdim)) if over else x


def _axis(pair: Pair | None, dim: Any) -> int:
    if pair is None:
        raise Unknown("an axis in a formula")
    return axes(dim, max(len(pair.shape), 1), "export")[0]


@writes
def softmax(file: File, inputs: Inputs, pair: Pair | None, dim: Any, dtype: Any) -> Value:
    """Over one axis."""
    return file.node("Softmax", file.cast(inputs[0], dtype or inputs[0].dtype), axis=_axis(pair, dim))


@writes
def log_softmax(file: File, inputs: Inputs, pair: Pair | None, dim: Any, dtype: Any) -> Value:
    """Over one axis."""
    return file.node("LogSoftmax", file.cast(inputs[0], dtype or inputs[0].dtype), axis=_axis(pair, dim))


@writes
def where(file: File, inputs: Inputs, pair: Pair | None) -> Value:
    """The condition stays a bool."""
    condition, x, y = inputs
    like = next(v for v in (x, y) if isinstance(v, Value))
    x, y = (v if isinstance(v, Value) else file.constant(np.array(v, like.dtype)) for v in (x, y))
    return file.node("Where", file.cast(condition, np.dtype(bool)), *file.alike((x, y)), dtype=like.dtype)


@writes
def argmax(file: File, inputs: Inputs, pair: Pair | None, dim: Any, keepdim: bool) -> Value:
    """The first of several, as here."""
    if dim is None or pair is None:
        raise Unknown("an argmax over all axes")
    ndim = len(pair.first.inputs[0].shape)
    return file.node("ArgMax", inputs[0], axis=axes(dim, ndim, "argmax")[0], keepdims=int(keepdim), dtype=np.int64)


@writes
def hardtanh(file: File, inputs: Inputs, pair: Pair | None, low: float, high: float) -> Value:
    """Between two numbers."""
    return file.node("Clip", inputs[0], float(low), float(high))


@writes
def at_least(file: File, inputs: Inputs, pair: Pair | None, low: float) -> Value:
    """Not below a number."""
    return file.node("Max", inputs[0], float(low))


@writes
def softplus(file: File, inputs: Inputs, pair: Pair | None, beta: float) -> Value:
    """ln(1 + e^(β x)) / β: ONNX's does not overflow, as the formula would."""
    (x,) = inputs
    return file.node("Softplus", x) if beta == 1 else file.node("Softplus", x * float(beta)) / float(beta)


@writes
def gelu(file: File, inputs: Inputs, pair: Pair | None, approximate: str) -> Value:
    """An operation of its own only since version 20."""
    (x,) = inputs
    if file.opset >= 20:
        return file.node("Gelu", x, approximate=approximate)
    if approximate == "tanh":
        inner = file.node("Tanh", (x + x * x * x * 0.044715) * math.sqrt(2 / math.pi))
    else:
        inner = file.node("Erf", x / math.sqrt(2))
    return x * (inner + 1.0) * 0.5


@writes
def linear(file: File, inputs: Inputs, pair: Pair | None) -> Value:
    """X Wᵀ + b."""
    return file.node("Gemm", *file.alike(inputs), transB=1)


@writes
def contract(file: File, inputs: Inputs, pair: Pair | None, equation: str) -> Value:
    """A sum over products."""
    return file.node("Einsum", *file.alike(inputs), equation=equation)


def _frame(windows: Any, beyond: Sequence[int] = ()) -> dict[str, Any]:
    """The attributes of windows; the padding before all axes, then after them."""
    after = [p[1] - extra for p, extra in zip(windows.padding, beyond or (0,) * len(windows.size), strict=True)]
    pads = [*(p[0] for p in windows.padding), *after]
    return {"kernel_shape": windows.size, "strides": windows.stride, "pads": pads}


@writes
def convolve(file: File, inputs: Inputs, pair: Pair | None, windows: Any, groups: int) -> Value:
    """X ⋆ W, and a bias if there is one."""
    given = [x for x in inputs if isinstance(x, Value) or x]
    return file.node("Conv", *file.alike(tuple(given)), dilations=windows.dilation, group=groups, **_frame(windows))


@writes
def max_pool(file: File, inputs: Inputs, pair: Pair | None, windows: Any) -> Value:
    """Windows that reach beyond the padding are padded for."""
    return file.node("MaxPool", inputs[0], dilations=windows.dilation, **_frame(windows))


@writes
def avg_pool(
    file: File, inputs: Inputs, pair: Pair | None, windows: Any, include_pad: bool, divisor: Any, beyond: Any
) -> Value:
    """Another divisor is a factor behind it."""
    if divisor and any(beyond):
        raise Unknown("a divisor where windows reach beyond the padding")
    frame = {**_frame(windows, beyond), "ceil_mode": int(any(beyond))}
    out = file.node("AveragePool", inputs[0], count_include_pad=int(bool(include_pad or divisor)), **frame)
    return out * (math.prod(windows.size) / divisor) if divisor else out


def _sizes(pair: Pair | None) -> tuple[tuple[int, ...], tuple[bool, ...]]:
    if pair is None:
        raise Unknown("a shape in a formula")
    return pair.shape, pair.free


@writes
def reshape(file: File, inputs: Inputs, pair: Pair | None, shape: Any) -> Value:
    """The batch is what is left over."""
    sizes, free = _sizes(pair)
    if sum(free) > 1:
        raise Unknown(f"two axes of the result {sizes} grow with the batch")
    return file.node("Reshape", inputs[0], file.integers(*(-1 if f else n for n, f in zip(sizes, free, strict=True))))


@writes
def broadcast_to(file: File, inputs: Inputs, pair: Pair | None, shape: Any) -> Value:
    """An axis of the batch can only stay what it is."""
    sizes, free = _sizes(pair)
    assert pair is not None
    source = pair.inputs[0].free
    if any(f and not (len(sizes) - k <= len(source) and source[k - len(sizes)]) for k, f in enumerate(free)):
        raise Unknown("it repeats something once for each sample")
    return file.node("Expand", inputs[0], file.integers(*(1 if f else n for n, f in zip(sizes, free, strict=True))))


@writes
def permute(file: File, inputs: Inputs, pair: Pair | None, dims: Any) -> Value:
    """The axes in another order, or reversed."""
    n = len(_sizes(pair)[0])
    return file.node("Transpose", inputs[0], perm=axes(dims, n, "permute") if dims else range(n)[::-1])


@writes
def transpose(file: File, inputs: Inputs, pair: Pair | None) -> Value:
    """The last two axes."""
    n = len(_sizes(pair)[0])
    return file.node("Transpose", inputs[0], perm=[*range(n - 2), n - 1, n - 2])


@writes
def cat(file: File, inputs: Inputs, pair: Pair | None, dim: int) -> Value:
    """One after the other."""
    return file.node("Concat", *file.alike(inputs), axis=_axis(pair, dim))


@writes
def cast(file: File, inputs: Inputs, pair: Pair | None, dtype: Any) -> Value:
    """In the dtype of the result, as every operation's is in the end."""
    return file.cast(inputs[0], np.dtype(dtype))


def _pieces(source: Pair, index: Any) -> tuple[list[Any], list[int]]:
    """An index as one item for each axis of ``source`` (a slice, an int, a vector), and where it adds axes of size 1.

    Along the batch it must take all, whatever the number of samples.
    """
    given = resolve(index, source.shape)
    if any(isinstance(k, (bool, np.ndarray)) and np.ndim(k) != 1 for k in given):
        raise Unknown("an index with a table or a bool in it")
    if sum(isinstance(k, np.ndarray) for k in given) > 1:
        raise Unknown("an index with more than one array in it")
    rest = len(source.shape) - sum(k is not None and k is not ... for k in given)
    out: list[Any] = []
    added, at = [], 0  # the place of a new axis among those of the result
    for k in given:
        if k is None:
            added.append(at)
        else:
            out += [slice(None)] * rest if k is ... else [k]
        at += rest if k is ... else not isinstance(k, int)
    out += [slice(None)] * (len(source.shape) - len(out))
    for k, n, free in zip(out, source.shape, source.free, strict=True):
        if free and not (isinstance(k, slice) and k.indices(n) == (0, n, 1)):
            raise Unknown("it takes some of the batch's samples, or orders them anew")
    return out, added


@writes
def getitem_(file: File, inputs: Inputs, pair: Pair | None, index: Any) -> Value:
    """Slices, then single positions from the last axis on, then new axes."""
    _sizes(pair)
    assert pair is not None
    source = pair.inputs[0]
    items, added = _pieces(source, index)
    others, _ = _pieces(Pair(source.second, source.first), pair.second.params["index"])
    x = inputs[0]
    starts, stops, steps, along = [], [], [], []
    for d, (k, other) in enumerate(zip(items, others, strict=True)):
        if source.free[d]:
            continue
        n = source.shape[d]
        if isinstance(k, slice):
            start, stop, step = k.indices(n)
            if (start, stop, step) != other.indices(n):
                raise Unknown("its bounds depend on the network's input")
            if (start, stop, step) != (0, n, 1):
                starts.append(start)
                stops.append(stop if stop >= 0 else -n - 1)
                steps.append(step)
                along.append(d)
        elif not np.array_equal(k, other):
            raise Unknown("its index depends on the network's input")
    if along:
        x = file.node("Slice", x, *(file.integers(*v) for v in (starts, stops, along, steps)))
    for d in range(len(items) - 1, -1, -1):
        if not isinstance(items[d], slice):
            x = file.node("Gather", x, file.constant(np.array(items[d], np.int64)), axis=d)
    return file.node("Unsqueeze", x, file.integers(*added)) if added else x


@writes
def assign(file: File, inputs: Inputs, pair: Pair | None, path: Any) -> Value:
    """A tensor in the middle of one that is full of a number: padding."""
    _sizes(pair)
    assert pair is not None
    whole, part = pair.inputs
    value = np.unique(whole.first.value)
    if len(path) != 1 or path[0][0] is not getitem or whole.first.op is not None or value.size != 1:
        raise Unknown("a write in place, other than of the middle of a constant")
    pads: tuple[list[int], list[int]] = ([], [])
    items, _ = _pieces(whole, path[0][1][0])
    for k, n in zip(items, whole.shape, strict=True):
        if not isinstance(k, slice) or k.indices(n)[2] != 1:
            raise Unknown("a write in place, other than of the middle of a constant")
        pads[0].append(k.indices(n)[0])
        pads[1].append(n - k.indices(n)[1])
    return file.node("Pad", file.read(part), file.integers(*pads[0], *pads[1]), value[0])


# -- the network


@contextmanager
def _evaluating(model: Module) -> Any:
    """In evaluation mode, then as it was."""
    before = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, training in before.items():
            module.training = training


def _grown(x: Tensor, dynamic: bool) -> Tensor:
    """Other samples, and one more; without a batch, other values."""
    array = x.detach().numpy()
    if dynamic:
        array = np.concatenate([array[::-1], array[:1]])
    return autograd.tensor(array * array.dtype.type(0.9) if array.dtype.kind == "f" else array)


def _outputs(model: Module, args: Sequence[Tensor]) -> list[Tensor]:
    with everything():
        out = model(*args)
    found = list(out) if isinstance(out, (tuple, list)) else [out]
    for k, y in enumerate(found):
        if not isinstance(y, Tensor):
            raise DtypeError(f"export: output {k} of the network is a {type(y).__name__}, not a tensor")
    return found


def _recorded(args: Sequence[Tensor]) -> list[Tensor]:
    """The arguments as leaves of their own; with a gradient, so that writes in place are recorded too."""
    return [x.detach().clone().requires_grad_(x.dtype.kind == "f") for x in args]


def _names(what: str, given: Sequence[str] | None, count: int) -> list[str]:
    if given is None:
        return [what] if count == 1 else [f"{what}_{k}" for k in range(count)]
    if len(given) != count or len(set(given)) != count:
        raise ValueError(f"export: expects {count} different {what}_names, found {list(given)}")
    return list(given)


def _batch_axis(dynamic_axes: Mapping[str, Any] | None, inputs: list[str], outputs: list[str]) -> dict[str, str]:
    """For each input whose axis 0 is the batch, what that is called."""
    if dynamic_axes is None:
        return dict.fromkeys(inputs, "batch")
    found = {}
    for name, given in dynamic_axes.items():
        if name not in (*inputs, *outputs):
            raise ValueError(f"export: dynamic_axes names {name!r}, but there are {[*inputs, *outputs]}")
        named = given if isinstance(given, Mapping) else dict.fromkeys(given, "batch")
        if set(named) - {0}:
            raise ValueError(f"export: only axis 0, the batch's, can be dynamic; dynamic_axes[{name!r}] is {given}")
        if name in inputs and named:
            found[name] = str(named[0])
    return found


def export(
    model: Module,
    args: Any,
    f: str | os.PathLike[str] | IO[bytes],
    *,
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    opset_version: int = OLDEST,
    dynamic_axes: Mapping[str, Any] | None = None,
) -> None:
    """Write a network as an ONNX file, for any number of samples; onnxruntime and others run it.

    The network is called in evaluation mode, and then is as it was. Parameters keep their names in ``state_dict()``.

    Parameters
    ----------
    model : Module
        Feed-forward and convolutional networks; what they compute from their input must be recorded.
    args : Tensor, or tuple of Tensor
        Arguments to call it with; axis 0 is the batch.
    f : str, path-like or binary file
        Where to. A path is written as a whole or not at all.
    input_names, output_names : sequence of str, optional
        "input" and "output" unless given; with a number behind where there are several.
    opset_version : int
        The version of ONNX's operations, 18 or later.
    dynamic_axes : dict, optional
        name → {0: what to call the batch's axis}; with an empty one the number of samples is fixed.

    Raises
    ------
    GraphError
        For an operation that ONNX has no counterpart of, or that depends on the input in a way that is not recorded;
        names the operation and the module.
    DtypeError
        For arguments or outputs that are no tensors.
    ValueError
        For names that do not fit, or an opset_version that is not known.
    ImportError
        Without the package onnx (the extra ``onnx``).
    OSError
        With the path, if it cannot be written.

    Examples
    --------
    >>> import autograd, io, nn
    >>> model = nn.Sequential(nn.Linear(2, 4), nn.Sigmoid(), nn.Linear(4, 1))
    >>> file = io.BytesIO()
    >>> nn.onnx.export(model, autograd.ones(3, 2), file)
    >>> len(file.getvalue()) > 100
    True
    """
    try:
        onnx = import_module("onnx")
        helper = import_module("onnx.helper")
    except ImportError as error:
        raise ImportError("export: needs the package onnx: pip install 'chalkgrad[onnx]'") from error
    newest = onnx.defs.onnx_opset_version()
    if not OLDEST <= opset_version <= newest:
        raise ValueError(f"export: opset_version must be from {OLDEST} to {newest}, found {opset_version}")
    given = tuple(args) if isinstance(args, (tuple, list)) else (args,)
    for k, x in enumerate(given):
        if not isinstance(x, Tensor):
            raise DtypeError(f"export: expects tensors to call the network with, argument {k} is {type(x).__name__}")
    inputs = _names("input", input_names, len(given))

    file = File(opset_version, {module: path for path, module in model.named_modules()})
    for name in inputs:
        file.taken[name] = 1
    for path, tensor in [*model.named_parameters(), *model.named_buffers()]:
        file.values[tensor] = file.constant(tensor.detach().numpy(), path)
    with _evaluating(model):
        first = _recorded(given)
        outs = _outputs(model, first)
        outputs = _names("output", output_names, len(outs))
        batch = _batch_axis(dynamic_axes, inputs, outputs)
        second = _recorded([_grown(x, name in batch and x.ndim > 0) for name, x in zip(inputs, given, strict=True)])
        try:
            others = _outputs(model, second)
        except Exception as error:
            raise GraphError(
                f"export: the network takes {[x.shape for x in first]}, but not {[x.shape for x in second]}: with "
                f"another number of samples it fails: {error}"
            ) from error
    for name, x in zip(inputs, first, strict=True):
        file.values[x] = Value(file, name, x.dtype)

    def about(name: str, x: Tensor, y: Tensor, axis: str) -> Any:
        shape = [axis if n != m else n for n, m in zip(x.shape, y.shape, strict=True)]
        return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(x.dtype)), shape)

    axis = next(iter(batch.values()), "batch")
    ends = []
    for name, x, y in zip(outputs, outs, others, strict=True):
        result = file.graph(Graph(x), Graph(y))
        file.nodes.append(helper.make_node("Identity", [result.name], [name], name=f"{name}/Identity"))
        ends.append(about(name, x, y, axis))
    used = {name for node in file.nodes for name in node.input}
    graph = helper.make_graph(
        file.nodes,
        type(model).__name__,
        [about(name, x, y, batch.get(name, axis)) for name, x, y in zip(inputs, first, second, strict=True)],
        ends,
        [tensor for name, tensor in file.initializers.items() if name in used],
    )
    opset = helper.make_opsetid("", opset_version)
    made = helper.make_model(
        graph,
        opset_imports=[opset],
        producer_name="chalkgrad",
        producer_version=autograd.__version__,
        ir_version=helper.find_min_ir_version_for([opset]),
    )
    onnx.checker.check_model(made, full_check=True)
    content = made.SerializeToString()
    if isinstance(f, (str, os.PathLike)):
        write_atomically(f, content)
    else:
        f.write(content)

