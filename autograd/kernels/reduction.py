"""Kernels of the reductions: float64 sums, whatever the dtype, and the softmax of rows."""

from __future__ import annotations

import math
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from . import functions as f
from . import threads
from .jit import Array, helper, jit, ravel, reordered, wide

SHORT, LONG = 24, 512


@partial(helper, flags=["reassoc"])
def plus(x, y):
    """A sum that LLVM may add up in another order: one of many in a loop that otherwise means what it says."""
    return x + y


@partial(helper, flags=["reassoc"])
def total(x):
    """The sum of a contiguous vector, in float64."""
    s = 0.0
    for i in range(x.size):
        s += np.float64(x[i])
    return s


@reordered
def _total(x):
    wide()
    return total(x)


@reordered
def _rows(x, out):
    """The sum of each row."""
    wide()
    for i in range(x.shape[0]):
        s = 0.0
        for k in range(x.shape[1]):
            s += np.float64(x[i, k])
        out[i] = s


@jit
def _short_rows(x, out):
    """The same, many rows at a time: a row of ten is too short for vectors."""
    wide()
    out[:] = 0
    for start in range(0, x.shape[0], 256):
        part, into = x[start : start + 256], out[start : start + 256]
        for k in range(x.shape[1]):
            for i in range(into.size):
                into[i] += np.float64(part[i, k])


@jit
def _columns(x, many, out):
    """Sums over the middle axis of (before, n, after), ``many`` of its places at a time so that the loops are long."""
    wide()
    before, n, after = x.shape
    sums = np.empty(many * after)
    for i in range(before):
        line = x[i].reshape(n * after)
        whole = n // many * many * after
        sums[:] = 0
        for start in range(0, whole, sums.size):
            part = line[start : start + sums.size]
            for j in range(sums.size):
                sums[j] += np.float64(part[j])
        rest = line[whole:]
        for j in range(rest.size):
            sums[j] += np.float64(rest[j])
        table = sums.reshape(many, after)
        for k in range(1, many):
            for j in range(after):
                table[0, j] += table[k, j]
        for j in range(after):
            out[i, j] = sums[j]


@helper
def shifted(z, out):
    """exp(z − max z) by rows; the maxima."""
    tops = np.empty(z.shape[0], z.dtype)
    for i in range(z.shape[0]):
        top = z[i, 0]
        for k in range(1, z.shape[1]):
            top = z[i, k] if z[i, k] > top or z[i, k] != z[i, k] else top
        tops[i] = top
        for k in range(z.shape[1]):
            out[i, k] = z[i, k] - top
    _exponentials(out.reshape(out.size))
    return tops


@helper
def _exponentials(x):
    for i in range(x.size):  # all rows in one loop: a row of ten is too short for vectors
        x[i] = f.exp(x[i])


@jit
def _softmax(z, out):
    wide()
    shifted(z, out)
    for i in range(z.shape[0]):
        s = 0.0
        for k in range(z.shape[1]):
            s += np.float64(out[i, k])
        for k in range(z.shape[1]):
            out[i, k] = np.float64(out[i, k]) / s


@jit
def _log_softmax(z, out):
    wide()
    tops = shifted(z, out)
    for i in range(z.shape[0]):
        s = 0.0
        for k in range(z.shape[1]):
            s += np.float64(out[i, k])
        s = f.log(s)
        for k in range(z.shape[1]):
            out[i, k] = np.float64(z[i, k] - tops[i]) - s


def sums(x: Array, axes: tuple[int, ...] | None, keepdims: bool) -> Array:
    """Float64 sums of ``x``, which is contiguous and not empty, over neighbouring axes, or all."""
    if axes is None or len(axes) == x.ndim:
        return _all(ravel(x)).reshape((1,) * x.ndim if keepdims else ())
    first, last = min(axes), max(axes) + 1
    before, after = x.shape[:first], x.shape[last:]
    if not after:
        out = np.empty(math.prod(before))
        rows = x.reshape(out.size, -1)
        (_rows if rows.shape[1] > SHORT else _short_rows)(rows, out)
    else:
        cube = x.reshape(math.prod(before), -1, math.prod(after))
        out = np.empty((cube.shape[0], cube.shape[2]))
        _columns(cube, max(1, min(LONG // cube.shape[2], cube.shape[1])), out)
    return out.reshape((*before, *(1,) * len(axes), *after) if keepdims else (*before, *after))


def _all(x: Array) -> Array:
    if x.size < 2 * threads.GRAIN:
        return np.array(_total(x))
    pieces = threads.cut(x.size)
    parts = np.empty(len(pieces))
    threads.run(_part, [(x[piece], parts, k) for k, piece in enumerate(pieces)])
    return np.add.reduce(parts, keepdims=True)


def _part(x: Array, parts: Array, k: int) -> None:
    parts[k] = _total(x)


def summable(x: Any, axes: tuple[int, ...] | None) -> bool:
    """Whether :func:`sums` takes it; float64 is NumPy's, whose pairwise sums are as good."""
    if type(x) is not np.ndarray or x.dtype.char != "f" or not x.size or not x.flags.c_contiguous:
        return False
    return axes is None or max(axes) - min(axes) < len(axes)


def _by_rows(kernel: Any, z: Array) -> Array:
    out = np.empty(z.shape, z.dtype)
    rows, into = (a.reshape(-1, z.shape[-1]) for a in (z, out))
    n = max(1, z.size // threads.GRAIN)
    ends = [len(rows) * k // n for k in range(n + 1)]
    threads.run(kernel, [(rows[a:b], into[a:b]) for a, b in pairwise(ends) if b > a])
    return out


def softmax(z: Array) -> Array:
    """The softmax over the last axis of a contiguous array that is not empty."""
    return _by_rows(_softmax, z)


def log_softmax(z: Array) -> Array:
    """Its logarithm."""
    return _by_rows(_log_softmax, z)
