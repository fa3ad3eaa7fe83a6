"""How kernels are compiled."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numba
import numpy as np
from llvmlite.ir import IntType
from numba import types
from numba.extending import intrinsic, register_jitable

from . import forks
from .cache import keep

Array = np.ndarray[Any, Any]
_INT64 = IntType(64)

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
    compiled: Any = numba.njit(nogil=True, **options(flags))(function)
    keep(compiled)
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
    made: Callable[..., Any] = register_jitable(forceinline=True, **options(flags))(function)
    return made


fused_helper = partial(helper, flags=FUSED)
"""For formulas that are more accurate for it."""


def options(flags: Sequence[str]) -> dict[str, Any]:
    """How Numba compiles kernels and what they consist of."""
    return {"error_model": "numpy", "fastmath": set(flags)}


if PLAIN:
    _lock = threading.RLock()
    forks.guard(lambda: _lock)

    def wide() -> None:
        """Let the kernel that calls it use the widest vectors there are (AVX-512), which LLVM by itself does not."""

    def place(counter: Any) -> Any:
        """Where :func:`load` and :func:`add` find the number in an int64 array of one element."""
        return counter

    def vector(address: Any, size: Any, like: Any) -> Any:
        """The ``size`` elements at ``address``, of the dtype of ``like``; whoever has the address keeps the memory."""
        memory: Any = (ctypes.c_char * (like.itemsize * int(size) if address else 0)).from_address(int(address))
        return np.frombuffer(memory, like.dtype)

    def load(place: Any) -> int:
        """The number as the last thread wrote it."""
        return int(place[0])

    def add(place: Any, number: int) -> None:
        """Add to it, atomically."""
        with _lock:
            place[0] += number

else:

    @intrinsic
    def wide(context: Any) -> Any:
        """Let the kernel that calls it use the widest vectors there are (AVX-512), which LLVM by itself does not."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            # llvmlite's own add() knows only attributes without a value
            set.add(builder.function.attributes, '"prefer-vector-width"="512"')
            return context.get_dummy_value()

        return types.none(), generate

    @register_jitable
    def place(counter: Any) -> Any:
        """Where :func:`load` and :func:`add` find the number in an int64 array of one element."""
        return counter.ctypes.data  # not the array, whose references would be counted at every look

    @intrinsic
    def _pointer(context: Any, address: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(types.voidptr))

        return types.voidptr(types.int64), generate

    @register_jitable
    def vector(address: Any, size: Any, like: Any) -> Any:
        """The ``size`` elements at ``address``, of the dtype of ``like``; whoever has the address keeps the memory."""
        return numba.carray(_pointer(address), size, like.dtype)  # type: ignore[attr-defined, call-arg]

    @intrinsic
    def load(context: Any, place: Any) -> Any:
        """The number as the last thread wrote it."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.load_atomic(builder.inttoptr(arguments[0], _INT64.as_pointer()), "acquire", 8)

        return types.int64(types.uintp), generate

    @intrinsic
    def add(context: Any, place: Any, number: Any) -> Any:
        """Add to it, atomically."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            pointer = builder.inttoptr(arguments[0], _INT64.as_pointer())
            builder.atomic_rmw("add", pointer, arguments[1], "seq_cst")
            return context.get_dummy_value()

        return types.none(types.uintp, types.int64), generate

    @intrinsic
    def swap(context: Any, place: Any, old: Any, new: Any) -> Any:
        """Write ``new`` if the number is ``old``, atomically; whether it was."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            pointer = builder.inttoptr(arguments[0], _INT64.as_pointer())
            return builder.extract_value(builder.cmpxchg(pointer, *arguments[1:], "seq_cst"), 1)

        return types.boolean(types.uintp, types.int64, types.int64), generate


def matrix(x: Array) -> Array:
    """``x`` with contiguous rows; itself where it is so already."""
    return x if x.flags.c_contiguous else np.ascontiguousarray(x)
