"""Kernels of the reductions: float64 sums, whatever the dtype, and the softmax of rows."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from . import functions as f
from . import threads
from .jit import Array, helper, jit, reordered, wide
from .parts import bounds, piece, share

SHORT, LONG, BLOCK = 24, 512, 2048
SINGLE = np.dtype(np.float32)


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
def _total(x, n):
    wide()
    return x.dtype.type(total(x) / n)


@piece
def _total_part(x, sums, part, parts):
    wide()
    start, stop = bounds(x.size, part, parts)
    sums[part] = total(x[start:stop])


@reordered
def _total_by_parts(desk, parts, x, n):
    sums = np.empty(parts)
    share(desk, parts, _total_part, (x, sums))
    return x.dtype.type(total(sums) / n)


@reordered
def _rows(x, n, out):
    """The sum of each row, over n."""
    wide()
    for i in range(x.shape[0]):
        s = 0.0
        for k in range(x.shape[1]):
            s += np.float64(x[i, k])
        out[i] = s / n


@jit
def _short_rows(x, n, out):
    """The same, many rows at a time: a row of ten is too short for vectors."""
    wide()
    sums = np.empty(256)
    for start in range(0, x.shape[0], 256):
        part, into = x[start : start + 256], out[start : start + 256]
        sums[:] = 0
        for k in range(x.shape[1]):
            for i in range(into.size):
                sums[i] += np.float64(part[i, k])
        for i in range(into.size):
            into[i] = sums[i] / n


@jit
def _columns(x, count, after, n, out):
    """Sums over the middle axis of (before, count, after), over n.

    Many of its places are taken at a time, so that the loops are long.
    """
    wide()
    many = max(1, min(LONG // after, count))
    sums = np.empty(many * after)
    for i in range(x.size // (count * after)):
        line, into = x[i * count * after : (i + 1) * count * after], out[i * after : (i + 1) * after]
        whole = count // many * many * after
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
            into[j] = sums[j] / n


def _number32(x, y):
    return np.int32(y).view(np.float32)


def _number64(x, y):
    return np.int64(y).view(np.float64)


number = f.by_dtype(_number32, _number64)
"""The number whose bits are y, of the dtype of x."""


@helper
def largest(x, sign):
    """The largest sign · x[i] for a sign of ±1; nan if one is nan.

    LLVM makes vector code of a maximum of integers only. The largest bits are those of the largest positive number, if
    there is one; the largest without the sign tell of a nan.
    """
    sign = x.dtype.type(sign)
    top = f.bits(sign * x[0])
    size = f.bits(abs(x[0]))
    for i in range(x.size):
        y, z = f.bits(sign * x[i]), f.bits(abs(x[i]))
        top = y if y > top else top
        size = z if z > size else size
    if size > f.bits(x.dtype.type(np.inf)):
        return x.dtype.type(np.nan)
    if top >= 0:
        return number(x[0], top)
    for i in range(x.size):  # all are negative: it is the smallest without the sign
        z = f.bits(abs(x[i]))
        size = z if z < size else size
    return -number(x[0], size)


@jit
def _extreme(x, sign):
    wide()
    return x.dtype.type(sign) * largest(x, sign)


@piece
def _extreme_part(x, sign, found, part, parts):
    wide()
    start, stop = bounds(x.size, part, parts)
    found[part] = x.dtype.type(sign) * largest(x[start:stop], sign)


@jit
def _extreme_by_parts(desk, parts, x, sign):
    found = np.empty(parts, x.dtype)
    share(desk, parts, _extreme_part, (x, sign, found))
    return x.dtype.type(sign) * largest(found, sign)


@helper
def shifted(z, out, high, tops):
    """exp(z − max z) by rows, and the maxima; ``high`` is memory for as much as ``out``.

    A difference of 80 is rounded by 32 ulps of its exponential, so what its rounding has lost comes back in.
    """
    for i in range(z.shape[0]):
        if z.shape[1] > SHORT:
            top = largest(z[i], 1)
        else:
            top = z[i, 0]
            for k in range(1, z.shape[1]):
                top = z[i, k] if z[i, k] > top or z[i, k] != z[i, k] else top
        tops[i] = top
        for k in range(z.shape[1]):
            high[i, k] = top
    x, y, t = out.reshape(out.size), z.reshape(z.size), high.reshape(high.size)
    for i in range(x.size):  # all rows in one loop: a row of ten is too short for vectors
        d = y[i] - t[i]
        rest = d - y[i]
        lost = (y[i] - (d - rest)) - (t[i] + rest)
        e, one = f.exp(d), f.one(d)
        x[i] = e + e * (lost if abs(lost) < one else one - one)  # ∞ − ∞ has lost nothing


@helper
def peaks(z, tops, places):
    """Where the maxima are."""
    for i in range(z.shape[0]):
        place = 0
        while z[i, place] < tops[i]:
            place += 1
        places[i] = place


@helper
def step(z):
    """How many rows to take at a time: what a pass leaves is still in the fastest memory when the next one comes."""
    return max(1, BLOCK // z.shape[1])


@helper
def row_sums(x, sums):
    for i in range(x.shape[0]):
        sums[i] = total(x[i])


@helper
def row_rests(x, places, sums):
    """The sums without what is at ``places``, which becomes 0.

    Beside the 1 of the largest element a small sum would lose its digits, and with it the logarithm.
    """
    for i in range(x.shape[0]):
        x[i, places[i]] = 0
    row_sums(x, sums)


@helper
def memory(z, n):
    """For the exponentials of ``n`` rows: the maximum for each element, the maxima, their places, and sums."""
    return np.empty((n, z.shape[1]), z.dtype), np.empty(n, z.dtype), np.empty(n, np.int64), np.empty(n)


@threads.by_slices
def _softmax(z, out):
    wide()
    n = step(z)
    high, tops, _, sums = memory(z, n)
    for start in range(0, z.shape[0], n):
        block, into = z[start : start + n], out[start : start + n]
        shifted(block, into, high[: into.shape[0]], tops)
        row_sums(into, sums)
        for i in range(into.shape[0]):
            scale = 1 / sums[i]
            for k in range(into.shape[1]):
                into[i, k] = np.float64(into[i, k]) * scale


@threads.by_slices
def _log_softmax(z, out):
    wide()
    n = step(z)
    high, tops, places, sums = memory(z, n)
    for start in range(0, z.shape[0], n):
        block, into = z[start : start + n], out[start : start + n]
        shifted(block, into, high[: into.shape[0]], tops)
        peaks(block, tops, places)
        row_rests(into, places, sums)
        for i in range(into.shape[0]):
            sums[i] = f.log1p(sums[i])
        for i in range(into.shape[0]):
            for k in range(into.shape[1]):
                into[i, k] = (np.float64(block[i, k]) - np.float64(tops[i])) - sums[i]


@threads.by_slices
def _log_softmax_vjp(g, z, out):
    """The gradient g − softmax(z) Σ g, so that −1 and +1 do not cancel where a class is almost certain."""
    wide()
    n = step(z)
    high, tops, places, sums = memory(z, n)
    for start in range(0, z.shape[0], n):
        block, into, above = z[start : start + n], out[start : start + n], g[start : start + n]
        shifted(block, into, high[: into.shape[0]], tops)
        peaks(block, tops, places)
        row_rests(into, places, sums)
        for i in range(into.shape[0]):
            place, most, all_g, other_g = places[i], np.float64(above[i, places[i]]), 0.0, 0.0
            for k in range(into.shape[1]):
                all_g += np.float64(above[i, k])
                other_g += np.float64(above[i, k]) if k != place else 0.0
            scale = 1 / (1 + sums[i])
            for k in range(into.shape[1]):
                into[i, k] = np.float64(above[i, k]) - all_g * (np.float64(into[i, k]) * scale)
            into[i, place] = (most * sums[i] - other_g) * scale


@threads.by_slices
def _logsumexp(z, out):
    wide()
    n = step(z)
    high, tops, places, sums = memory(z, n)
    raised = np.empty((n, z.shape[1]), z.dtype)
    for start in range(0, z.shape[0], n):
        block, into = z[start : start + n], out[start : start + n]
        shifted(block, raised[: into.size], high[: into.size], tops)
        peaks(block, tops, places)
        row_rests(raised[: into.size], places, sums)
        for i in range(into.size):  # where the largest is ±inf or nan, so is the result: they have no difference
            into[i] = f.log1p(sums[i]) + np.float64(tops[i]) if abs(tops[i]) < np.inf else tops[i]


def all_of(x: Array, n: int = 1) -> Array:
    """The sum of all elements, over n."""
    if x.size < threads.UNCUT:
        return np.array(_total(x.ravel(), n), x.dtype)
    parts = threads.pieces(x.size)
    return np.array(_total_by_parts(threads.desk(parts), parts, x.ravel(), n), x.dtype)


def sums(x: Array, axes: tuple[int, ...] | None, keepdims: bool, n: int = 1) -> Array:
    """Sums of ``x``, which is :func:`summable`, over neighbouring axes, or all; divided by ``n``."""
    if axes is None or len(axes) == x.ndim:
        out = all_of(x, n)
        return out.reshape((1,) * x.ndim) if keepdims else out
    first, last = (axes[0], axes[0]) if len(axes) == 1 else (min(axes), max(axes))
    before, after = x.shape[:first], x.shape[last + 1 :]
    out = np.empty(before + (1,) * len(axes) + after if keepdims else before + after, x.dtype)
    count = x.size // out.size
    if after:
        _columns(x.ravel(), count, math.prod(after), n, out.ravel())
    else:
        (_rows if count > SHORT else _short_rows)(x.reshape(-1, count), n, out.ravel())
    return out


def summable(x: Any, axes: tuple[int, ...] | None) -> bool:
    """Whether :func:`sums` takes it; float64 is NumPy's, whose pairwise sums are as good."""
    if x.dtype is not SINGLE or not contiguous(x):
        return False
    return axes is None or len(axes) == 1 or max(axes) - min(axes) < len(axes)


def contiguous(x: Any) -> bool:
    """Whether ``x`` is an array as the kernels take it: of floats, contiguous and not empty."""
    return type(x) is np.ndarray and x.dtype.kind == "f" and x.flags.c_contiguous and x.size > 0


def extreme(x: Array, sign: int) -> Array:
    """The largest element of a contiguous array that is not empty, or the smallest for a ``sign`` of −1."""
    if x.size < threads.UNCUT:
        return np.array(_extreme(x.ravel(), sign), x.dtype)
    parts = threads.pieces(x.size)
    return np.array(_extreme_by_parts(threads.desk(parts), parts, x.ravel(), sign), x.dtype)


def _by_rows(kernel: Any, out: Array, *arrays: Array) -> Array:
    """What a ``kernel`` makes of the rows of ``arrays``, written to ``out``; the rows are shared by threads."""
    width = arrays[0].shape[-1]
    rows = [x if x.ndim == 2 else x.reshape(-1, width) for x in arrays]
    kernel(arrays[0].size, *rows, out.ravel() if out.ndim < arrays[0].ndim else out.reshape(-1, width))
    return out


def softmax(z: Array) -> Array:
    """The softmax over the last axis of a contiguous array that is not empty."""
    return _by_rows(_softmax, np.empty(z.shape, z.dtype), z)


def log_softmax(z: Array) -> Array:
    """Its logarithm."""
    return _by_rows(_log_softmax, np.empty(z.shape, z.dtype), z)


def log_softmax_vjp(g: Array, z: Array) -> Array:
    """The gradient of that."""
    return _by_rows(_log_softmax_vjp, np.empty(z.shape, z.dtype), np.ascontiguousarray(g), z)


def logsumexp(z: Array) -> Array:
    """ln Σ eᶻ over the last axis of a contiguous array that is not empty."""
    return _by_rows(_logsumexp, np.empty(z.shape[:-1], z.dtype), z)
