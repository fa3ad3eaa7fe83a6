"""Calling NumPy without its floating point warnings: inf and nan are answers here, as in PyTorch.

``np.errstate`` around every call would cost more than the call on a small array. It is the state of a context, so one
context that has it, kept for each thread, is as good: entering it takes a twentieth of the time.
"""

from __future__ import annotations

import contextvars
import threading
from typing import Any

import numpy as np

__all__ = ["accurate", "context", "quiet"]


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
