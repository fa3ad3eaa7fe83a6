"""Functions of arrays made of elementwise kernels, which see vectors: the elements in row order.

On a small array the way to a kernel and back takes longer than the kernel. So each function is written out for the
arguments of its kernel, with one allocation and one call in it, and nothing that another kernel would need.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from . import threads
from .jit import Array, jit

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
        in_pieces(kernel, ({vectors}, out.ravel()))
    return {result}
"""


def _function(kernel: Callable[..., Any], result: str) -> Callable[..., Array]:
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
    scope = {"kernel": compiled, "in_pieces": in_pieces, "empty": np.empty, "array": _array, "uncut": 2 * threads.GRAIN}
    exec(compile(source, f"<{kernel.__name__}>", "exec"), scope)
    made: Any = scope[kernel.__name__]
    made.__doc__, made.__module__, made.kernel = kernel.__doc__, kernel.__module__, compiled
    return made


def _array(x: Any) -> Array:
    return np.asarray(x * 1.0)


elementwise: Callable[..., Callable[..., Array]] = partial(_function, result="out")
"""Decorate a kernel whose arguments are vectors of one length, numbers (``: float``), and the vector of results.

It becomes a function of arrays of one shape, any one, and of the numbers. The result has the dtype of the last array.
"""

gradient: Callable[..., Callable[..., Any]] = partial(_function, result="(out,)")
"""The same, for a vjp: the result is a tuple."""


def in_pieces(kernel: Callable[..., Any], arguments: Sequence[Any]) -> None:
    """``kernel`` on pieces of the vectors among its ``arguments``, by threads; the last one is a vector."""
    threads.run(
        kernel,
        [
            tuple(x[piece] if isinstance(x, np.ndarray) else x for x in arguments)
            for piece in threads.cut(arguments[-1].size)
        ],
    )
