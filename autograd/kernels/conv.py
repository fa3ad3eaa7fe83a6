"""Kernels of convolution and pooling: windows that slide over the last one or two axes.

A line is a plane of height 1 to them, so that every kernel is written once, for planes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from . import threads
from .jit import FUSED, Array, fused, helper, jit, matrix

PART = 4
"""So many samples are convolved by one call of a kernel."""

THREADED = 1 << 20
"""From so many multiplications on, threads share them: to start one takes a twentieth of a millisecond."""


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


def _plane(x: Array) -> Array:
    """(N, C, n) as (N, C, 1, n)."""
    return matrix(x if x.ndim == 4 else x[:, :, None])


def _planes(x: Array) -> Array:
    """(N, C, …) as N·C planes; a view of what is contiguous."""
    return matrix(x).reshape(x.shape[0] * x.shape[1], *(1, *x.shape[2:])[-2:])


# -- convolution
#
# Nothing is unrolled but the rows: for each column of the window, what it has under it as the window slides along,
# row after row (with a stride of 2 in the height, first the even rows, then the odd). Then whatever lies under one
# element of the window at all its positions is one piece of that line, and Z the sum of pieces, each scaled by an
# element of W. Four outputs and four pieces are taken at a time, so that little is loaded often.


@helper
def _inside(n, tap, stride, count):
    """The first window whose element at ``tap`` (counted from the axis's start) lies on it, and the last plus one."""
    first = 0 if tap >= 0 else (-tap + stride - 1) // stride
    stop = 0 if tap >= n else (n - 1 - tap) // stride + 1
    stop = min(stop, count)
    return min(first, stop), stop


@helper
def _widen(x, windows, rows, across, line):
    """The planes x (C, H, W) as a line (C, kw, sh, rows, across): row sh·r + s of the padded plane is at [s, r]."""
    _, kw, sh, sw, _, dw, ph, pw = windows
    C, H, W = x.shape
    k = 0
    for c in range(C):
        for j in range(kw):
            tap = j * dw - pw
            left, right = _inside(W, tap, sw, across)
            for s in range(sh):
                for r in range(rows):
                    y = r * sh + s - ph
                    part = line[k : k + across]
                    k += across
                    if 0 <= y < H:
                        part[:left] = 0
                        part[right:] = 0
                        source = x[c, y]
                        if sw == 1:
                            for z in range(left, right):
                                part[z] = source[z + tap]
                        else:
                            for z in range(left, right):
                                part[z] = source[z * sw + tap]
                    else:
                        part[:] = 0


@helper
def _narrow(line, windows, rows, across, out):
    """The adjoint of :func:`_widen`: each number is added where it came from; what lay in the padding is lost."""
    _, kw, sh, sw, _, dw, ph, pw = windows
    C, H, W = out.shape
    out[:] = 0
    k = 0
    for c in range(C):
        for j in range(kw):
            tap = j * dw - pw
            left, right = _inside(W, tap, sw, across)
            for s in range(sh):
                for r in range(rows):
                    y = r * sh + s - ph
                    part = line[k : k + across]
                    k += across
                    if 0 <= y < H:
                        target = out[c, y]
                        if sw == 1:
                            for z in range(left, right):
                                target[z + tap] += part[z]
                        else:
                            for z in range(left, right):
                                target[z * sw + tap] += part[z]


FIRST = np.zeros(1, np.int64)


@partial(helper, flags=FUSED)
def _slide(line, starts, W, out, places, P):
    """The piece of ``out`` at places[o] grows by the sum over t of W[o, t] times that of ``line`` at starts[t]."""
    O, T = W.shape
    even, fours = O - O % 4, T - T % 4
    for o in range(0, even, 4):
        k0, k1, k2, k3 = places[o], places[o + 1], places[o + 2], places[o + 3]
        for t in range(0, fours, 4):
            s0, s1, s2, s3 = starts[t], starts[t + 1], starts[t + 2], starts[t + 3]
            a0, a1, a2, a3 = W[o, t], W[o, t + 1], W[o, t + 2], W[o, t + 3]
            b0, b1, b2, b3 = W[o + 1, t], W[o + 1, t + 1], W[o + 1, t + 2], W[o + 1, t + 3]
            c0, c1, c2, c3 = W[o + 2, t], W[o + 2, t + 1], W[o + 2, t + 2], W[o + 2, t + 3]
            d0, d1, d2, d3 = W[o + 3, t], W[o + 3, t + 1], W[o + 3, t + 2], W[o + 3, t + 3]
            for p in range(P):
                v0, v1, v2, v3 = line[s0 + p], line[s1 + p], line[s2 + p], line[s3 + p]
                out[k0 + p] += a0 * v0 + a1 * v1 + a2 * v2 + a3 * v3
                out[k1 + p] += b0 * v0 + b1 * v1 + b2 * v2 + b3 * v3
                out[k2 + p] += c0 * v0 + c1 * v1 + c2 * v2 + c3 * v3
                out[k3 + p] += d0 * v0 + d1 * v1 + d2 * v2 + d3 * v3
    for o in range(O):
        k0 = places[o]
        for t in range(fours if o < even else 0, T):
            s0, a0 = starts[t], W[o, t]
            for p in range(P):
                out[k0 + p] += a0 * line[s0 + p]


@partial(helper, flags=("reassoc", *FUSED))
def _dots(g, places, line, starts, out, P):
    """Each out[o, t] grows by the inner product of the pieces of ``g`` at places[o] and of ``line`` at starts[t]."""
    O, T = out.shape
    even, fours = O - O % 2, T - T % 4
    zero = np.zeros(1, line.dtype)[0]
    for o in range(0, even, 2):
        k0, k1 = places[o], places[o + 1]
        for t in range(0, fours, 4):
            s0, s1, s2, s3 = starts[t], starts[t + 1], starts[t + 2], starts[t + 3]
            a0, a1, a2, a3 = zero, zero, zero, zero
            b0, b1, b2, b3 = zero, zero, zero, zero
            for p in range(P):
                v0, v1, v2, v3 = line[s0 + p], line[s1 + p], line[s2 + p], line[s3 + p]
                a0 += g[k0 + p] * v0
                a1 += g[k0 + p] * v1
                a2 += g[k0 + p] * v2
                a3 += g[k0 + p] * v3
                b0 += g[k1 + p] * v0
                b1 += g[k1 + p] * v1
                b2 += g[k1 + p] * v2
                b3 += g[k1 + p] * v3
            out[o, t] += a0
            out[o, t + 1] += a1
            out[o, t + 2] += a2
            out[o, t + 3] += a3
            out[o + 1, t] += b0
            out[o + 1, t + 1] += b1
            out[o + 1, t + 2] += b2
            out[o + 1, t + 3] += b3
    for o in range(O):
        k0 = places[o]
        for t in range(fours if o < even else 0, T):
            s0, a0 = starts[t], zero
            for p in range(P):
                a0 += g[k0 + p] * line[s0 + p]
            out[o, t] += a0


@fused
def _conv(x, W, b, windows, rows, taps, each, groups, out):
    """X ⋆ W + b for a few samples; W is (out, C/groups · size)."""
    C, O, P = x.shape[1] // groups, W.shape[0] // groups, out.shape[2] * out.shape[3]
    line = np.empty(x.shape[1] * each, x.dtype)
    starts, places = _grid(C, each, taps), _grid(O, P, FIRST)
    for n in range(x.shape[0]):
        _widen(x[n], windows, rows, out.shape[3], line)
        for o in range(W.shape[0]):
            out[n, o] = b[o]
        for k in range(groups):
            z = out[n].reshape(-1)[k * O * P :]
            _slide(line[k * C * each :], starts, W[k * O : (k + 1) * O], z, places, np.uintp(P))


@fused
def _conv_X(g, W, windows, rows, taps, each, groups, out):
    """The gradient of X for a few samples; W is (size, C, out/groups)."""
    C, O, P = out.shape[1] // groups, g.shape[1] // groups, g.shape[2] * g.shape[3]
    line = np.empty(out.shape[1] * each, g.dtype)
    starts, places = _grid(O, P, FIRST), _grid(C, each, FIRST)
    for n in range(g.shape[0]):
        line[:] = 0
        for k in range(groups):
            z, into = g[n].reshape(-1)[k * O * P :], line[k * C * each :]
            for t in range(taps.size):
                _slide(z, starts, W[t, k * C : (k + 1) * C], into[taps[t] :], places, np.uintp(P))
        _narrow(line, windows, rows, g.shape[3], out[n])


@fused
def _conv_W(g, x, windows, rows, taps, each, groups, out):
    """The gradient of W (out, C/groups · size), summed over a few samples."""
    C, O, P = x.shape[1] // groups, g.shape[1] // groups, g.shape[2] * g.shape[3]
    line = np.empty(x.shape[1] * each, x.dtype)
    starts, places = _grid(C, each, taps), _grid(O, P, FIRST)
    out[:] = 0
    for n in range(g.shape[0]):
        _widen(x[n], windows, rows, g.shape[3], line)
        z = g[n].reshape(-1)
        for k in range(groups):
            part = out[k * O : (k + 1) * O]
            _dots(z[k * O * P :], places, line[k * C * each :], starts, part, np.uintp(P))


@helper
def _grid(n, step, offsets):
    """Every offset from each of n places that are ``step`` apart. Unsigned, or each access would look at the sign."""
    out = np.empty(n * offsets.size, np.uintp)
    for k in range(n):
        out[k * offsets.size : (k + 1) * offsets.size] = offsets + k * step
    return out


def _layout(shape: tuple[int, ...], windows: Windows, groups: int) -> tuple[Any, ...]:
    """What the kernels must know of where things lie in the line of a sample of an input of ``shape``."""
    flat = kh, kw, sh, _, dh, _, _, _ = windows.flat()
    down, across = (1, *windows.grid(shape[2:]))[-2:]
    rows = ((down - 1) * sh + (kh - 1) * dh) // sh + 1
    plane = rows * across
    i, j = np.arange(kh) * dh, np.arange(kw)
    taps = np.add.outer(i % sh * plane + i // sh * across, j * sh * plane).ravel()
    return flat, rows, taps, kw * sh * plane, groups


def conv(X: Array, W: Array, b: Array | float, windows: Windows, groups: int) -> Array:
    """X ⋆ W + b for X (N, C, …), W (out, C/groups, …), b (out,) or a number."""
    dtype = np.result_type(X, W, b)
    out = np.empty((len(X), len(W), *windows.grid(X.shape[2:])), dtype)
    x, z = _plane(X.astype(dtype, copy=False)), _plane(out)
    rows = matrix(W.astype(dtype, copy=False)).reshape(len(W), math.prod(W.shape[1:]))
    bias = np.array(np.broadcast_to(b, len(W)), dtype)
    layout = _layout(X.shape, windows, groups)
    _in_parts(lambda part: _conv(x[part], rows, bias, *layout, z[part]), len(X), out[:1].size * rows.shape[1])
    return out


def conv_X(g: Array, W: Array, shape: tuple[int, ...], windows: Windows, groups: int) -> Array:
    """The gradient of X, of ``shape``."""
    out = np.empty(shape, g.dtype)
    z, into = _plane(g), _plane(out)
    size, channels = math.prod(W.shape[2:]), shape[1]
    turned = W.astype(g.dtype, copy=False).reshape(groups, len(W) // groups, channels // groups, size)
    turned = matrix(turned.transpose(3, 0, 2, 1).reshape(size, channels, len(W) // groups))
    layout = _layout(shape, windows, groups)
    cost = g[:1].size * math.prod(W.shape[1:])
    _in_parts(lambda part: _conv_X(z[part], turned, *layout, into[part]), len(g), cost)
    return out


def conv_W(g: Array, X: Array, shape: tuple[int, ...], windows: Windows, groups: int) -> Array:
    """The gradient of W, of ``shape``."""
    z, x = _plane(g), _plane(X.astype(g.dtype, copy=False))
    layout = _layout(X.shape, windows, groups)
    size = math.prod(shape[1:])
    sums = np.empty((-(-len(g) // PART), shape[0], size), np.float64)
    cost = g[:1].size * size
    _in_parts(lambda part: _conv_W(z[part], x[part], *layout, sums[part.start // PART]), len(g), cost)
    return sums.sum(0).reshape(shape).astype(g.dtype)


def _in_parts(work: Callable[[slice], Any], n: int, cost: int) -> None:
    """``work`` on the samples 0 … n − 1, PART at a time; in threads where its cost, of one sample, makes it worthwhile.

    The parts are the same whoever does them, so that sums over them are, too.
    """
    parts = [(slice(k, min(k + PART, n)),) for k in range(0, n, PART)]
    if n * cost > THREADED:
        threads.run(work, parts)
    else:
        for part in parts:
            work(*part)


# -- pooling


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
