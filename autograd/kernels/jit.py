"""How kernels are compiled."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numba
import numpy as np

Array = np.ndarray[Any, Any]


def jit(function: Callable[..., Any], flags: Sequence[str] = ()) -> Callable[..., Any]:
    """Compile ``function`` when it is first called, and keep the machine code on disk for the next process.

    No fast maths beyond contraction to fused multiply-add: nan, inf and −0 mean what they mean in NumPy. (A kernel may
    ask for more by LLVM's ``flags``.) The GIL is released. Where no cache folder can be written, the kernel is compiled
    again in every process.
    """
    if getattr(numba.config, "DISABLE_JIT", False):  # plain Python warns where machine code does not
        return np.errstate(all="ignore")(function)
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": {"contract", *flags}}
    try:
        compiled: Callable[..., Any] = numba.njit(cache=True, **options)(function)
    except RuntimeError:  # numba: "cannot cache function: no locator available"
        warnings.warn("no folder for compiled kernels can be written; they are compiled in every process", stacklevel=2)
        compiled = numba.njit(**options)(function)
    return compiled


def flat(x: Array) -> Array:
    """The elements of ``x`` in row order as a contiguous vector; a view where possible."""
    return x.reshape(-1) if x.flags.c_contiguous else np.ascontiguousarray(x).reshape(-1)


def matrix(x: Array) -> Array:
    """``x`` with contiguous rows; itself where it is so already."""
    return x if x.flags.c_contiguous else np.ascontiguousarray(x)
