"""Calling NumPy without its floating point warnings: inf and nan are answers here, as in PyTorch.

``np.errstate`` around every call would cost more than the call on a small array. It is the state of a context, so one
context that has it, kept for each thread, is as good: entering it takes a twentieth of the time.
"""

from __future__ import annotations

import contextvars
import functools
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["accurate", "context", "quiet", "quietly"]


class _Context(threading.local):
    def __init__(self) -> None:
        with np.errstate(all="ignore"):
            self.run = contextvars.copy_context().run


context = _Context()  # context.run(f, …) is quiet(f, …) without its call


def quiet(function: Any, *args: Any, **kwargs: Any) -> Any:
    """``function`` (NumPy's, or a method of an array: it must not call back) of its arguments, without warnings.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd.kernels.quiet import quiet
    >>> quiet(np.true_divide, np.ones(1), 0)
    array([inf])
    """
    return context.run(function, *args, **kwargs)


def quietly(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a longer piece of Python: NumPy does not warn in it.

    It runs in a copy of the context. ``np.errstate`` is written in Python, so that Ctrl-C can come in the middle of it;
    what it has not put back then goes with the copy.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd.kernels.quiet import quietly
    >>> @quietly
    ... def inverse(x):
    ...     return 1 / x
    >>> inverse(np.zeros(1))
    array([inf])
    """
    silent = np.errstate(all="ignore")(function)

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        return contextvars.copy_context().run(silent, *args, **kwargs)

    return run


def accurate(ufunc: Any, *xs: Any) -> Any:
    """``ufunc`` computed in float64 and rounded once: NumPy's float32 loops are up to 4 ulp off.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd.kernels.quiet import accurate
    >>> accurate(np.log, np.array([0, 1], "float32"))
    array([-inf,   0.], dtype=float32)
    """
    dtype = np.result_type(*xs)
    out = context.run(ufunc, *xs, dtype=np.float64)
    return out if dtype == np.float64 else context.run(out.astype, dtype)
