"""Kernels whose work is cut into parts that threads share.

The work is laid out on a *desk*, a few numbers in memory: where the code is, where its arguments are, and the ticket,
which says what parts are left. Whoever called the kernel takes one after the other from the front. The helpers of
:mod:`.threads`, who watch the desk in compiled code, take them from the back, so that each finds in its own cache the
half of an array that it had before. There is no Python in it, and no GIL: to have somebody else begin takes some tenths
of a microsecond.

A helper may look away at any time, and find other work when it looks again. So a part is taken by an atomic exchange of
the ticket, and only who has taken one reads what to do: until that part is done no other work is laid out. Nobody waits
for a helper that has not begun.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Sequence
from typing import Any

import numba
import numpy as np
from llvmlite.ir import Function, FunctionType, IntType, IRBuilder
from numba import types
from numba.core import cgutils
from numba.core.compiler import Flags
from numba.extending import intrinsic

from .jit import PLAIN, Array, add, helper, jit, load, options, place, wide

MOST = 255
"""Into so many parts work may be cut."""

# Bytes from the beginning of a desk to its numbers. What is written by several is not in one line of the cache with
# what others look at.
TICKET, LIMIT, DONE, FAILED, TAKEN, CODE, ARGUMENTS, PARTS = 0, 64, 128, 136, 192, 256, 264, 272

PATIENCE = 1 if PLAIN else 1 << 20
"""How often one looks whether the helpers are done before one lets others have the core in between."""


def new_desk() -> Array:
    """A desk that nobody watches yet."""
    return np.zeros(64, np.int64)


def limit(desk: Array, helpers: int) -> None:
    """Have no more than so many helpers take parts from the desk."""
    desk[LIMIT // 8] = helpers


@helper
def bounds(n, part, parts):
    """Where part ``part`` of n begins, and where it ends."""
    return n * part // parts, n * (part + 1) // parts


def piece(function: Callable[..., Any], flags: Sequence[str] = ()) -> Callable[..., Any]:
    """``function(…, part, parts)`` for :func:`share`. It must not raise anything."""
    if PLAIN:
        return function
    made: Callable[..., Any] = numba.njit(**options(flags))(function)
    return made


if PLAIN:

    @helper
    def take(desk, number):
        """Do a part, if there is one for the helper of that number."""
        return False

    @helper
    def share(desk, parts, function, arguments):
        """``function(*arguments, part, parts)`` for each part, on all threads that watch the desk; for kernels."""
        for part in range(parts):
            function(*arguments, part, parts)

else:
    from .jit import swap  # there is none without a compiler

    _INT64 = IntType(64)
    _PART = FunctionType(_INT64, [_INT64] * 3)

    @intrinsic
    def _pause(context: Any) -> Any:
        """Let other threads have the core, where there is a way."""

        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            if hasattr(os, "sched_yield"):
                kind = FunctionType(IntType(32), [])
                builder.call(cgutils.get_or_insert_function(builder.module, kind, "sched_yield"), [])
            return context.get_dummy_value()

        return types.none(), generate

    @intrinsic
    def _laid_out(context: Any, function: Any, arguments: Any) -> Any:
        """The addresses of code for one part, and of the arguments, which stay there until the kernel ends."""
        dispatcher = function.dispatcher
        of_part = types.void(*arguments.types, types.int64, types.int64)

        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            flags = Flags()
            dispatcher.targetdescr.options.parse_as_flags(flags, dispatcher.targetoptions)
            compiled = context.compile_subroutine(builder, dispatcher.py_func, of_part, flags=flags)
            memory = cgutils.alloca_once_value(builder, values[1])
            name = builder.module.get_unique_name(f"{dispatcher.py_func.__name__}.part")
            code = Function(builder.module, _PART, name)
            code.linkage = "internal"
            inner = IRBuilder(code.append_basic_block())
            at, part, parts = code.args
            given = cgutils.unpack_tuple(inner, inner.load(inner.inttoptr(at, memory.type)))
            callee = context.declare_function(builder.module, compiled.fndesc)
            # noinline: the code would lose its own attributes, such as the width of vectors
            status, _ = context.call_conv.call_function(
                inner, callee, types.none, of_part.args, (*given, part, parts), attrs=("noinline",)
            )
            inner.ret(inner.zext(status.is_error, _INT64))
            addresses = [builder.ptrtoint(pointer, _INT64) for pointer in (code, memory)]
            return context.make_tuple(builder, signature.return_type, addresses)

        return types.UniTuple(types.int64, 2)(function, arguments), generate

    @intrinsic
    def _do(context: Any, code: Any, arguments: Any, part: Any, parts: Any) -> Any:
        """Do a part; 1 if that failed."""

        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            return builder.call(builder.inttoptr(values[0], _PART.as_pointer()), values[1:])

        return types.int64(*[types.int64] * 4), generate

    @helper
    def take(desk, number):
        """Do a part, if there is one left for the helper of that number, and nobody is faster.

        The number of who has laid the work out is −1.
        """
        ticket = load(desk + TICKET)
        first, end = ticket & MOST, ticket >> 8
        part, rest = (first, ticket + 1) if number < 0 else (end - 1, ticket - MOST - 1)
        if first >= end or number >= load(desk + LIMIT) or not swap(desk + TICKET, ticket, rest):  # type: ignore[call-arg]
            return False
        # Now nobody lays out other work before this part is done.
        code, arguments, parts = load(desk + CODE), load(desk + ARGUMENTS), load(desk + PARTS)
        if _do(code, arguments, part, parts):
            add(desk + FAILED, 1)
        add(desk + DONE, 1)
        return True

    @helper
    def _do_all(desk, code, arguments, parts):
        """Do all parts, with whoever watches the desk; how many of them failed."""
        numbers, failed = place(desk), 0
        if parts == 1 or not swap(numbers + TAKEN, 0, 1):  # type: ignore[call-arg]  # another thread's work is there: this one does its own
            for part in range(parts):
                failed += _do(code, arguments, part, parts)  # type: ignore[call-arg]
            return failed
        desk[CODE // 8], desk[ARGUMENTS // 8], desk[PARTS // 8] = code, arguments, parts
        desk[DONE // 8] = desk[FAILED // 8] = looks = 0
        swap(numbers + TICKET, load(numbers + TICKET), parts << 8)  # no part has been left to be taken meanwhile
        while load(numbers + DONE) < parts:
            if not take(numbers, -1):
                looks += 1
                if looks > PATIENCE:
                    _pause()
        failed = load(numbers + FAILED)
        swap(numbers + TAKEN, 1, 0)
        return failed

    @helper
    def share(desk, parts, function, arguments):
        """``function(*arguments, part, parts)`` for each part, on all threads that watch the desk; for kernels."""
        code, at = _laid_out(function, arguments)  # type: ignore[call-arg,var-annotated]
        if _do_all(desk, code, at, parts):
            raise MemoryError("a kernel has found no memory")


def shared(function: Callable[..., Any], flags: Sequence[str] = ()) -> Callable[..., Any]:
    """A kernel whose parts threads share: each is ``function(…, part, parts)``, which must not raise anything.

    It is called with a desk and the number of parts before the other arguments.
    """
    name, names = f"{function.__name__}_parts", ", ".join([*inspect.signature(function).parameters][:-2])
    source = f"def {name}(desk, parts, {names}):\n    share(desk, parts, function, ({names},))\n"
    scope = {"share": share, "function": piece(function, flags)}
    return jit(written(name, source, function.__module__, function.__code__.co_filename, scope))


def sliced(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """The same, of a kernel of arrays: a part is a slice of each along its first axis, in which they are of one length.

    Arguments that are numbers are annotated.
    """
    parameters = inspect.signature(kernel).parameters.values()
    name, names = kernel.__name__, [p.name for p in parameters]
    cut = [f"{p.name}[start:stop]" if p.annotation is p.empty else p.name for p in parameters]
    source = f"""
def {name}({", ".join(names)}, part, parts):
    wide()
    start, stop = bounds(len({names[-1]}), part, parts)
    kernel({", ".join(cut)})
"""
    scope = {"wide": wide, "bounds": bounds, "kernel": helper(kernel)}
    return shared(written(name, source, kernel.__module__, kernel.__code__.co_filename, scope))


def written(name: str, source: str, module: str, file: str, scope: dict[str, Any] | None = None) -> Any:
    """The function that ``source`` defines; by its ``name``, ``module`` and ``file`` its machine code is kept."""
    scope = {**(scope or {}), "__name__": module}
    exec(compile(source, file, "exec"), scope)
    return scope[name]
