"""Kernels of convolution and pooling: windows that slide over the last one or two axes.

A line is a plane of height 1 to them, so that every kernel is written once, for planes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .jit import Array, jit, matrix

ROOM = 1 << 17
"""Up to so many numbers of unrolled windows are held at a time: they should stay in the processor's cache."""


class Windows(NamedTuple):
    """How windows lie on the spatial axes; every field has one entry for each axis.

    Attributes
    ----------
    size, stride, dilation : tuple of int
        How many elements a window has, how far apart windows are, and how far apart the elements of one.
    padding : tuple of pairs
        How many elements are thought to lie before and after the axis.
    """

    size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]

    @staticmethod
    def of(size: Sequence[int]) -> Windows:
        """Next to each other, without padding."""
        n = len(size)
        return Windows(tuple(size), tuple(size), ((0, 0),) * n, (1,) * n)

    @property
    def reach(self) -> tuple[int, ...]:
        """From the first element of a window to its last, both included."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.size, self.dilation, strict=True))

    def grid(self, shape: Sequence[int]) -> tuple[int, ...]:
        """How many windows there are on spatial axes of this shape."""
        axes = zip(shape, self.padding, self.reach, self.stride, strict=True)
        return tuple((n + sum(padding) - reach) // stride + 1 for n, padding, reach, stride in axes)

    def flat(self) -> tuple[int, ...]:
        """Size, stride, dilation and padding before, for both axes of a plane, as the kernels take them."""
        before = tuple(p[0] for p in self.padding)
        fields = ((self.size, 1), (self.stride, 1), (self.dilation, 1), (before, 0))
        return tuple(v for field, rest in fields for v in ((rest, *field) if len(field) == 1 else field))


@jit
def _inside(n, tap, stride, count):
    """The first window whose element at ``tap`` (counted from the axis's start) lies on it, and the last plus one."""
    first = 0 if tap >= 0 else (-tap + stride - 1) // stride
    stop = 0 if tap >= n else (n - 1 - tap) // stride + 1
    stop = min(stop, count)
    return min(first, stop), stop


@jit
def _unroll(x, windows, out):
    """The elements of all windows, (N, C, H, W) → (N, C, kh, kw, windows down, windows across); 0 in the padding."""
    kh, kw, sh, sw, dh, dw, ph, pw = windows
    N, C, H, W = x.shape
    rows, columns = out.shape[4], out.shape[5]
    for n in range(N):
        for c in range(C):
            for i in range(kh):
                top, bottom = _inside(H, i * dh - ph, sh, rows)
                for j in range(kw):
                    tap = j * dw - pw
                    left, right = _inside(W, tap, sw, columns)
                    part = out[n, c, i, j]
                    part[:top] = 0
                    part[bottom:] = 0
                    for y in range(top, bottom):
                        source, target = x[n, c, y * sh + i * dh - ph], part[y]
                        for z in range(left):
                            target[z] = 0
                        if sw == 1:
                            for z in range(left, right):
                                target[z] = source[z + tap]
                        else:
                            for z in range(left, right):
                                target[z] = source[z * sw + tap]
                        for z in range(right, columns):
                            target[z] = 0


@jit
def _roll(x, windows, out):
    """The adjoint of :func:`_unroll`: each number is added where it was taken from, what lay in the padding is lost."""
    kh, kw, sh, sw, dh, dw, ph, pw = windows
    N, C, H, W = out.shape
    rows, columns = x.shape[4], x.shape[5]
    for n in range(N):
        for c in range(C):
            out[n, c] = 0
            for i in range(kh):
                top, bottom = _inside(H, i * dh - ph, sh, rows)
                for j in range(kw):
                    tap = j * dw - pw
                    left, right = _inside(W, tap, sw, columns)
                    for y in range(top, bottom):
                        source, target = x[n, c, i, j, y], out[n, c, y * sh + i * dh - ph]
                        if sw == 1:
                            for z in range(left, right):
                                target[z + tap] += source[z]
                        else:
                            for z in range(left, right):
                                target[z * sw + tap] += source[z]


@jit
def _max(x, windows, where, out):
    """The largest element of each window and its position in the plane; of several the first, of nan the last."""
    kh, kw, sh, sw, dh, dw, ph, pw = windows
    P, H, W = x.shape
    for p in range(P):
        for y in range(out.shape[1]):
            for z in range(out.shape[2]):
                best, at = -np.inf, -1
                for i in range(kh):
                    r = y * sh + i * dh - ph
                    if 0 <= r < H:
                        for j in range(kw):
                            c = z * sw + j * dw - pw
                            if 0 <= c < W:
                                v = x[p, r, c]
                                if at < 0 or v > best or v != v:
                                    best, at = v, r * W + c
                out[p, y, z] = best
                if where.size:
                    where[p, y, z] = at


@jit
def _put(g, where, out):
    """Each number of ``g`` is added at its position in the plane."""
    for p in range(g.shape[0]):
        out[p] = 0
        for k in range(g.shape[1]):
            if where[p, k] >= 0:
                out[p, where[p, k]] += g[p, k]


@jit
def _mean(x, windows, counts, out):
    kh, kw, sh, sw, _, _, ph, pw = windows
    P, H, W = x.shape
    for p in range(P):
        for y in range(out.shape[1]):
            top, bottom = max(y * sh - ph, 0), min(y * sh - ph + kh, H)
            for z in range(out.shape[2]):
                left, right = max(z * sw - pw, 0), min(z * sw - pw + kw, W)
                total = 0.0  # float64, whatever the dtype
                for r in range(top, bottom):
                    for c in range(left, right):
                        total += x[p, r, c]
                out[p, y, z] = total / counts[y, z]


@jit
def _mean_vjp(g, windows, counts, out):
    kh, kw, sh, sw, _, _, ph, pw = windows
    P, H, W = out.shape
    for p in range(P):
        out[p] = 0
        for y in range(g.shape[1]):
            top, bottom = max(y * sh - ph, 0), min(y * sh - ph + kh, H)
            for z in range(g.shape[2]):
                left, right = max(z * sw - pw, 0), min(z * sw - pw + kw, W)
                share = g[p, y, z] / counts[y, z]
                for r in range(top, bottom):
                    for c in range(left, right):
                        out[p, r, c] += share


def _plane(x: Array) -> Array:
    """(N, C, n) as (N, C, 1, n)."""
    return matrix(x if x.ndim == 4 else x[:, :, None])


def _planes(x: Array) -> Array:
    """(N, C, …) as N·C planes; a view of what is contiguous."""
    return matrix(x).reshape(x.shape[0] * x.shape[1], *(1, *x.shape[2:])[-2:])


class _Columns:
    """The windows of X a few samples at a time, as the columns of matrices (groups, C/groups · size, windows)."""

    def __init__(self, shape: tuple[int, ...], dtype: Any, windows: Windows, groups: int) -> None:
        self.windows = windows.flat()
        down, across = (1, *windows.grid(shape[2:]))[-2:]
        kh, kw = self.windows[:2]
        self.each = (shape[1], kh, kw, down, across)
        self.matrices = (groups, shape[1] // groups * kh * kw, down * across)
        size = math.prod(self.each)
        self.step = max(1, min(shape[0], ROOM // max(size, 1)))
        self.room = np.empty((self.step, *self.each), dtype)

    def parts(self, n: int) -> list[slice]:
        return [slice(k, min(k + self.step, n)) for k in range(0, n, self.step)]

    def of(self, x: Array) -> Array:
        """The columns of these samples; valid until the next call."""
        room = self.room[: len(x)]
        _unroll(x, self.windows, room)
        return room.reshape(len(x), *self.matrices)


def conv(X: Array, W: Array, b: Array | float, windows: Windows, groups: int) -> Array:
    """X ⋆ W + b for X (N, C, …), W (out, C/groups, …), b (out,) or a number: a product of matrices, chunk by chunk."""
    dtype = np.result_type(X, W, b)
    shape = (X.shape[0], W.shape[0], *windows.grid(X.shape[2:]))
    out = np.empty(shape, dtype)
    columns = _Columns(X.shape, dtype, windows, groups)
    x = _plane(X.astype(dtype, copy=False))
    weights = W.astype(dtype, copy=False).reshape(groups, len(W) // groups, columns.matrices[1])
    products = out.reshape(shape[0], groups, weights.shape[1], columns.matrices[2])
    bias = b.reshape(groups, -1, 1) if isinstance(b, np.ndarray) and b.ndim else b
    with np.errstate(all="ignore"):
        for part in columns.parts(shape[0]):
            np.matmul(weights, columns.of(x[part]), out=products[part])
            if bias is not b or b:
                products[part] += bias
    return out


def conv_vjp(
    g: Array, X: Array, W: Array, windows: Windows, groups: int, needs: Sequence[bool]
) -> tuple[Array | None, Array | None, Array | None]:
    """The gradients of X, W and b, each only if ``needs`` says so."""
    columns = _Columns(X.shape, X.dtype, windows, groups)
    x = _plane(X)
    weights = W.reshape(groups, len(W) // groups, columns.matrices[1])
    rows = matrix(g).reshape(len(g), groups, weights.shape[1], columns.matrices[2])
    dX = np.empty(x.shape, X.dtype) if needs[0] else None
    dW = np.zeros(weights.shape, np.float64) if needs[1] else None
    with np.errstate(all="ignore"):
        for part in columns.parts(len(X)):
            if dW is not None:
                dW += np.matmul(rows[part], columns.of(x[part]).mT).sum(0)
            if dX is not None:
                room = columns.room[: part.stop - part.start]
                np.matmul(weights.mT, rows[part], out=room.reshape(-1, *columns.matrices))
                _roll(room, columns.windows, dX[part])
        db = g.sum((0, *range(2, g.ndim)), dtype=np.float64).astype(g.dtype) if needs[2] else None
    return (
        None if dX is None else dX.reshape(X.shape),
        None if dW is None else dW.reshape(W.shape).astype(W.dtype),
        db,
    )


def max_pool(x: Array, windows: Windows, positions: bool = False) -> tuple[Array, Array]:
    """The largest element of each window, and (if asked for) its position in the plane; −1 in nothing but padding."""
    planes = _planes(x)
    count = windows.grid(x.shape[2:])
    out = np.empty((len(planes), *(1, *count)[-2:]), x.dtype)
    where = np.empty(out.shape if positions else (0, 0, 0), np.int64)
    _max(planes, windows.flat(), where, out)
    shape = (*x.shape[:2], *count)
    return out.reshape(shape), where.reshape(shape if positions else 0)


def max_pool_vjp(g: Array, x: Array, windows: Windows) -> tuple[Array]:
    """The gradient goes to the largest element of each window."""
    out = np.empty(x.shape, g.dtype)
    where = max_pool(x, windows, positions=True)[1]
    lines = (part.reshape(x.shape[0] * x.shape[1], math.prod(part.shape[2:])) for part in (matrix(g), where, out))
    _put(*lines)
    return (out,)


def avg_pool(x: Array, windows: Windows, counts: Array) -> Array:
    """The sum of each window divided by its entry in ``counts``."""
    planes = _planes(x)
    out = np.empty((len(planes), *counts.shape), x.dtype)
    _mean(planes, windows.flat(), counts, out)
    return out.reshape(*x.shape[:2], *windows.grid(x.shape[2:]))


def avg_pool_vjp(g: Array, shape: tuple[int, ...], windows: Windows, counts: Array) -> Array:
    """Every element of a window gets its share of the window's gradient."""
    out = np.empty(shape, g.dtype)
    _mean_vjp(_planes(g), windows.flat(), counts, _planes(out))
    return out
