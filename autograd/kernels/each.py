"""Functions of arrays made of elementwise kernels, which see vectors: the elements in row order.

On a small array the way to a kernel and back takes longer than the kernel. So each function is written out for the
arguments of its kernel, with one allocation and one call in it, and nothing that another kernel would need.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

import numpy as np

from . import threads
from .jit import Array, jit
from .parts import sliced, written
from .plans import Plan, plain
from .quiet import context

_SOURCE = """
def {name}({arguments}):
    try:
        {views}
        out = empty({last}.shape, {last}.dtype)
    except AttributeError:
        return {name}({converted})
    if out.size < uncut:
        kernel({vectors}, out.ravel())
    else:
        parts = pieces(out.size)
        in_parts(desk(parts), parts, {vectors}, out.ravel())
    return {result}
"""


def _function(kernel: Callable[..., Any], result: str) -> Any:
    """The function that ``kernel`` makes; its ``kernel`` is the compiled one."""
    parameters = list(inspect.signature(kernel).parameters.values())[:-1]
    names = [p.name for p in parameters]
    arrays = [p.name for p in parameters if p.annotation is p.empty]
    source = _SOURCE.format(
        name=kernel.__name__,
        arguments=", ".join(names),
        views="; ".join(f"{name}_ = {name}.ravel()" for name in arrays),
        vectors=", ".join(f"{name}_" if name in arrays else name for name in names),
        converted=", ".join(f"array({name})" if name in arrays else name for name in names),
        last=arrays[-1],
        result=result,
    )
    compiled = jit(kernel)
    # A rule works with Python's numbers too.
    scope = {
        "kernel": compiled, "in_parts": sliced(kernel), "desk": threads.desk, "pieces": threads.pieces,
        "empty": np.empty, "array": _array, "uncut": threads.UNCUT,
    }  # fmt: skip
    made = written(kernel.__name__, source, kernel.__module__, f"<{kernel.__name__}>", scope)
    made.__doc__, made.kernel = kernel.__doc__, compiled
    made.plan = partial(_plan, compiled, [p.annotation is p.empty for p in parameters], result == "out")
    return made


def _plan(kernel: Callable[..., Any], arrays: Sequence[bool], alone: bool, *args: Any) -> Plan | None:
    """What a function made here comes to; ``arrays`` says which of its arguments are none of the numbers."""
    given = [x for x, is_array in zip(args, arrays, strict=True) if is_array]
    if not plain(*given) or len({x.shape for x in given}) > 1:
        return None
    out = np.empty(given[-1].shape, given[-1].dtype)
    return Plan(kernel, (*args, out), out if alone else (out,), vectors=True)


def _array(x: Any) -> Array:
    return np.asarray(x * 1.0)


elementwise: Callable[..., Any] = partial(_function, result="out")
"""Decorate a kernel whose arguments are vectors of one length, numbers (``: float``), and the vector of results.

It becomes a function of arrays of one shape, any one, and of the numbers. The result has the dtype of the last array.
"""

gradient: Callable[..., Any] = partial(_function, result="(out,)")
"""The same, for a vjp: the result is a tuple."""


CHEAP = 1 << 16
"""From how many elements on arithmetic pays on threads: a thousand take a tenth of a microsecond."""


def of_one(function: Any, x: Any) -> Any:
    """A ``function`` of NumPy's without warnings; a large one by threads.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd.kernels.each import of_one
    >>> of_one(np.sqrt, -np.ones(1))
    array([nan])
    """
    try:
        if x.size < CHEAP:
            return context.run(function, x)
    except AttributeError:  # Python's numbers
        return context.run(function, x)
    return _large(function, x)


def of_two(function: Any, x: Any, y: Any) -> Any:
    """The same for two arguments.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd.kernels.each import of_two
    >>> of_two(np.true_divide, np.ones(2), 0)
    array([inf, inf])
    """
    try:
        if x.size < CHEAP and y.size < CHEAP:
            return context.run(function, x, y)
    except AttributeError:
        return context.run(function, x, y)
    return _large(function, x, y)


def _large(function: Any, *xs: Any) -> Any:
    shape = xs[0].shape or xs[-1].shape
    for x in xs:
        if x.dtype is not xs[0].dtype or x.dtype.kind != "f" or not x.flags.c_contiguous or x.shape not in ((), shape):
            return context.run(function, *xs)
    out = np.empty(shape, xs[0].dtype)
    if function in _EXACT:
        parts = threads.pieces(out.size)
        kernel = _arithmetic(function, *(x.ndim > 0 for x in xs))
        kernel(threads.desk(parts), parts, *(x.ravel() if x.ndim else x[()] for x in xs), out.ravel())
    else:
        vectors = [x.ravel() if x.ndim else x for x in (*xs, out)]
        slices = threads.cut(out.size)
        threads.run(_into, [(function, *(x[piece] if x.ndim else x for x in vectors)) for piece in slices])
    return out


_EXACT = {
    np.add: "x + y", np.subtract: "x - y", np.multiply: "x * y", np.true_divide: "x / y", np.negative: "-x",
    np.absolute: "abs(x)",
}  # fmt: skip
"""What kernels compute as NumPy does, to the bit; where an extreme is tied, or is nan, that is not so sure."""


@cache
def _arithmetic(function: Any, *arrays: bool) -> Callable[..., Any]:
    """The kernel, whose parts threads share, of a ``function`` of :data:`_EXACT`, of ``arrays`` and numbers."""
    names = "xy"[: len(arrays)]
    formula = _EXACT[function]
    for name, is_array in zip(names, arrays, strict=True):
        formula = formula.replace(name, f"{name}[i]" if is_array else name)
    arguments = ", ".join(name if is_array else f"{name}: float" for name, is_array in zip(names, arrays, strict=True))
    name = f"{function.__name__}_{'_'.join('array' if is_array else 'number' for is_array in arrays)}"
    source = f"def {name}({arguments}, out):\n    for i in range(out.size):\n        out[i] = {formula}\n"
    return sliced(written(name, source, __name__, __file__))


def _into(function: Any, *args: Any) -> None:
    context.run(function, *args[:-1], out=args[-1])
