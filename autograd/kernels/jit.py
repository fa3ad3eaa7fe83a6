"""How kernels are compiled."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Sequence
from functools import cache, partial
from operator import methodcaller
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numba import types
from numba.extending import intrinsic, register_jitable

Array = np.ndarray[Any, Any]

PLAIN = bool(getattr(numba.config, "DISABLE_JIT", False))
"""NUMBA_DISABLE_JIT is set: the kernels run as plain Python."""

FUSED = ("contract",)
"""LLVM may join a product and a sum in one instruction, which rounds once."""


def jit(function: Callable[..., Any], flags: Sequence[str] = ()) -> Callable[..., Any]:
    """Compile ``function`` when it is first called, and keep the machine code on disk for the next process.

    No fast maths, so that nan, inf and −0 mean what they mean in NumPy, and a vector loop and the plain one that it
    falls back on agree to the bit; a kernel may ask for some by LLVM's ``flags``. The GIL is released. Where no cache
    folder can be written, the kernel is compiled again in every process.
    """
    if PLAIN:  # plain Python warns where machine code does not
        return np.errstate(all="ignore")(function)
    options = {"nogil": True, **_options(flags)}
    try:
        compiled: Callable[..., Any] = numba.njit(cache=True, **options)(function)
    except RuntimeError:  # numba: "cannot cache function: no locator available"
        warnings.warn("no folder for compiled kernels can be written; they are compiled in every process", stacklevel=2)
        compiled = numba.njit(**options)(function)
    # Numba would notice only a change of the kernel's own file, not of the functions that it calls in another.
    with contextlib.suppress(AttributeError):
        compiled._cache._cache_file._source_stamp = _sources()  # type: ignore[attr-defined]
    return compiled


fused = partial(jit, flags=FUSED)
"""For products, whose sums need it."""

reordered = partial(jit, flags=("reassoc", *FUSED))
"""For sums: LLVM may add up in another order, by vectors, the same in every run on one machine."""


def helper(function: Callable[..., Any], flags: Sequence[str] = ()) -> Callable[..., Any]:
    """A function for kernels to call. It is compiled into each of them.

    A kernel that called another kernel would get that one's code from the disk or from the compiler, as it happens; one
    is inlined and the other not, and their last bits differ. Not left to LLVM either: a call in a loop is no vector
    code.
    """
    if PLAIN:
        return function
    made: Callable[..., Any] = register_jitable(forceinline=True, **_options(flags))(function)
    return made


fused_helper = partial(helper, flags=FUSED)
"""For formulas that are more accurate for it."""


def _options(flags: Sequence[str]) -> dict[str, Any]:
    return {"error_model": "numpy", "fastmath": set(flags)}


@cache
def _sources() -> tuple[Any, ...]:
    """The state of all files of this folder."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return tuple((file.name, file.stat().st_mtime, file.stat().st_size) for file in files)


if PLAIN:

    def wide() -> None:
        """Let the kernel that calls it use the widest vectors there are (AVX-512), which LLVM by itself does not."""

else:

    @intrinsic
    def wide(context: Any) -> Any:
        """Let the kernel that calls it use the widest vectors there are (AVX-512), which LLVM by itself does not."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            # llvmlite's own add() knows only attributes without a value
            set.add(builder.function.attributes, '"prefer-vector-width"="512"')
            return context.get_dummy_value()

        return types.none(), generate


ravel = methodcaller("ravel")
"""The elements of an array in row order as a contiguous vector; a view where possible."""


def matrix(x: Array) -> Array:
    """``x`` with contiguous rows; itself where it is so already."""
    return x if x.flags.c_contiguous else np.ascontiguousarray(x)
