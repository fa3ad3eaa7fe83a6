"""What the engine knows of a tensor, and what a thread is doing."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any

import numpy as np

from .ops import Op

Array = np.ndarray[Any, Any]

tick = itertools.count(1).__next__
"""The next number: of a recorded tensor, or of a write."""

NUMBERS = frozenset((int, float, bool))


class Node:
    """What the engine knows of a tensor. :class:`autograd.Tensor` adds the operators and methods.

    The inputs are not kept in a tuple: the garbage collector would go through as many tuples as tensors, and over a
    long graph it takes longer than the engine.
    """

    __slots__ = (
        "__weakref__", "_array", "_base", "_extra", "_grad", "_op", "_params", "_requires_grad", "_scope",
        "_seq", "_spent", "_version", "_x", "_y",
    )  # fmt: skip

    _array: Array
    _grad: Any  # the accumulated gradient: a tensor, or (array, time, passes) until somebody asks for it, or None
    _requires_grad: bool
    _op: Op | None  # the op that made it; None for a leaf
    _x: Any  # the op's first input, a tensor or a Python number; None if there is none
    _y: Any  # the second; of three and more a tuple of all but the first
    _params: tuple[Any, ...]
    _seq: int  # creation number; 0 for a leaf
    _scope: Any  # where it was made (a module call), or None
    _version: int  # when its memory was last written in place
    _base: Node | None  # the tensor whose memory it shares, which then keeps the version for both
    _spent: bool  # a backward pass went through it without retain_graph
    _extra: dict[str, Any] | None  # the rare things: a name, hooks

    @property
    def _inputs(self) -> tuple[Any, ...]:
        """All inputs of the op."""
        return inputs_of(self)

    def _keep(self) -> dict[str, Any]:
        """Where the rare things are kept, made for the first of them."""
        if self._extra is None:
            self._extra = {}
        return self._extra

    @staticmethod
    def operand(x: Any, what: str = "as_tensor") -> Any:
        """``x`` as an input of the op ``what``: tensors and Python numbers as they are, all else as a constant."""
        raise NotImplementedError


RECORD = ("_op", "_x", "_y", "_params", "_seq", "_scope", "_spent")
"""What the engine notes of how a tensor was made."""


def inputs_of(x: Node) -> tuple[Any, ...]:
    """All inputs of the op that made ``x``."""
    first, other = x._x, x._y
    if other is None:
        return () if first is None else (first,)
    return (first, *other) if type(other) is tuple else (first, other)


class Doing:
    """What a thread is doing: recording or not, and inside which module."""

    __slots__ = ("everything", "grad", "scope")

    def __init__(self) -> None:
        self.grad = True
        self.scope: Any = None
        self.everything = False  # record also what no gradient flows through


class Mode(threading.local):
    """Every thread's own; looked up in one step, as looking into a thread's memory takes longer than anything in it."""

    def __init__(self) -> None:
        self.here = Doing()


class Writes:
    """The stamp of the last write into any tensor, or exposure of one: what was recorded after it needs no check."""

    latest = 0
    changed = 0  # when a tensor last got other memory, another requires_grad or a hook: what was looked up since, holds


mode = Mode()
writes = Writes()


def memory(x: Any) -> Any:
    """The tensor that keeps the version of the memory of ``x``: itself, or what it is a view of."""
    return x if x._base is None else x._base


array_of: Callable[[Any], Array] = attrgetter("_array")
"""``.array`` of a tensor, read in C: for whoever goes through all parameters in every step."""


def gradients_of(tensors: Iterable[Any]) -> list[Array]:
    """The arrays of the ``.grad`` that are not None; no tensors are made of them."""
    return [g[0] if type(g) is tuple else g._array for g in map(_grad_of, tensors) if g is not None]


def drop_gradients(tensors: Iterable[Any]) -> None:
    """Set every ``.grad`` to None."""
    for x in tensors:
        x._grad = None


_grad_of = attrgetter("_grad")
