"""Matrix products, and the linear layer X Wᵀ + b with its three gradients.

The smallest are BLAS's, or one loop for a whole layer; the others are made of the tiles of :mod:`.tiles`, which take
the layouts of a layer's forward and backward pass, x Wᵀ, g W and gᵀ x, without a copy of a whole operand, and as many
threads as there are, with no other library's threads beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from . import threads
from .jit import FUSED, Array, jit, matrix, reordered, wide
from .parts import MOST, bounds, shared
from .plans import Plan, plain, planned
from .quiet import context
from .tiles import BYTES, READY, ROWS, SIDE, copy, dots, grow, hold, turn

DIRECT, BROAD = 2**18, 2**15
"""Up to so many multiplications, and elements of the product, BLAS is called: its calls are cheaper.

For x wᵀ, unless that is made of dot products, BLAS takes half as long again as the tiles: there it is called up to
:data:`BROAD` multiplications only.
"""

SMALL, TALL = 4096, 16
"""A layer of no more multiplications and no fewer samples is one loop, bias included: calls cost more than work."""

PIECE = 2**18
"""How many multiplications make a thread worthwhile."""

DEEP, HIGH = 512, 512
"""The inner size and the rows of a block that stays in the cache near the core."""

FAR, AGAIN = 2048, 4
"""Rows more bytes apart push each other out of the cache: a block of them is copied if so many tiles read it."""

FLAT, THIN, LONG = 6, 16, (128, 256)
"""x wᵀ is made of dot products, BLAS's too, if it has few rows or columns, or not many and a long way to add up."""


@partial(shared, flags=FUSED)
def _product(x, y, bias, out, turned, part, parts):
    """Part ``part`` of out = x y + bias. The bits of ``turned`` say that x or y is given by its transpose."""
    n, zero, size = out.shape[1], out.dtype.type(0), out.itemsize
    lanes = BYTES // size
    width = 2 * lanes
    depth = x.shape[0] if turned & 1 else x.shape[1]
    x_row, x_step = (1, x.shape[1]) if turned & 1 else (x.shape[1], 1)
    start, stop, left, right = 0, out.shape[0], 0, n
    if stop >= n:  # by rows
        start, stop = bounds(stop, part, parts)
    else:
        panels = -(-n // width)
        first, end = bounds(panels, part, parts)
        left, right = first * width, min(end * width, n)
    far = depth >= DEEP // 2
    copy_x = far and x.shape[1] * size > FAR and right - left >= AGAIN * width
    copy_y = far and y.shape[1] * size > FAR and stop - start >= AGAIN * ROWS
    deepest, padded = min(DEEP, depth) + lanes, min(HIGH, stop - start) + lanes
    space = np.empty(deepest * ((padded if copy_x else 0) + (width if copy_y or turned & 2 else 0)), out.dtype)
    panel = space.ctypes.data
    block = panel + (size * deepest * width if copy_y or turned & 2 else 0)
    x_at, y_at, out_at, bias_at = x.ctypes.data, y.ctypes.data, out.ctypes.data, bias.ctypes.data
    for top in range(start, stop, HIGH):
        rows = min(HIGH, stop - top)
        tiles = -(-rows // ROWS)
        for k in range(0, depth, DEEP):
            deep = min(DEEP, depth - k)
            xs, row, step = x_at + size * (top * x_row + k * x_step), x_row, x_step
            if copy_x:
                if turned & 1:
                    copy(zero, deep, rows, xs, step, block, padded)
                else:
                    for a in range(0, rows, lanes):
                        for b in range(0, deep, lanes):
                            to = block + size * (b * padded + a)
                            turn(zero, rows - a, deep - b, xs + size * (a * row + b), row, to, padded)
                xs, row, step = block, 1, padded
            for j in range(left, right, width):
                columns = min(width, right - j)
                ys, line = y_at + size * (k * n + j), n
                if turned & 2:
                    for a in range(0, columns, lanes):
                        for b in range(0, deep, lanes):
                            to = panel + size * (b * width + a)
                            turn(zero, columns - a, deep - b, y_at + size * ((j + a) * depth + k + b), depth, to, width)
                    ys, line = panel, width
                elif copy_y:
                    copy(zero, deep, columns, ys, n, panel, width)
                    ys, line = panel, width
                begin, next_row = bias_at + size * j if bias.size else 0, 0
                for t in range(tiles):
                    i = rows * t // tiles
                    to = out_at + size * ((top + i) * n + j)
                    if k:
                        begin, next_row = to, n
                    grow(zero, rows * (t + 1) // tiles - i, columns, deep, to, n, begin, next_row,
                         xs + size * i * row, row, step, ys, line)  # fmt: skip
    hold(space)


@partial(shared, flags=FUSED)
def _dots(x, w, bias, out, part, parts):
    """Part ``part`` of out = x wᵀ + bias."""
    n, depth, zero, size = out.shape[1], x.shape[1], out.dtype.type(0), out.itemsize
    start, stop, left, right = 0, out.shape[0], 0, n
    if stop >= n:
        start, stop = bounds(stop, part, parts)
    else:
        left, right = bounds(n, part, parts)
    down, across = -(-(stop - start) // SIDE), -(-(right - left) // SIDE)
    x_at, w_at, out_at = x.ctypes.data, w.ctypes.data, out.ctypes.data
    for b in range(across):
        j = left + (right - left) * b // across
        columns = left + (right - left) * (b + 1) // across - j
        for a in range(down):
            i = start + (stop - start) * a // down
            rows = start + (stop - start) * (a + 1) // down - i
            to, xs, ws = out_at + size * (i * n + j), x_at + size * i * depth, w_at + size * j * depth
            dots(zero, rows, columns, depth, to, n, xs, depth, ws, depth)
    if bias.size:
        for i in range(start, stop):
            for j in range(left, right):
                out[i, j] += bias[j]


@reordered
def _linear(X, W, b, out):
    """X Wᵀ + b for a few units, by columns: rows are too short for vectors."""
    wide()
    n, d = X.shape
    space = np.empty((d + 1, n), X.dtype)
    z = space[d]
    for j in range(d):
        x = space[j]
        for i in range(n):
            x[i] = X[i, j]
    for k in range(W.shape[0]):
        z[:] = b[k]
        for j in range(d):
            w, x = W[k, j], space[j]
            for i in range(n):
                z[i] += w * x[i]
        for i in range(n):
            out[i, k] = z[i]


@reordered
def _linear_vjp(g, X, W, dX, dW, db):
    """Its gradients in the same way; ``dX`` has no rows where it is not wanted."""
    wide()
    n, d = X.shape
    m = W.shape[0]
    space = np.empty((d + m + 1, n), X.dtype)
    gs, z = space[d:], space[d + m]
    for j in range(d):
        x = space[j]
        for i in range(n):
            x[i] = X[i, j]
    for k in range(m):
        total, line = 0.0, gs[k]  # float64, whatever the dtype
        for i in range(n):
            line[i] = g[i, k]
        for i in range(n):
            total += np.float64(line[i])
        db[k] = total
        for j in range(d):
            s, x = X.dtype.type(0), space[j]
            for i in range(n):
                s += line[i] * x[i]
            dW[k, j] = s
    if dX.shape[0]:
        for j in range(d):
            z[:] = 0
            for k in range(m):
                w, line = W[k, j], gs[k]
                for i in range(n):
                    z[i] += w * line[i]
            for i in range(n):
                dX[i, j] = z[i]


@jit
def _columns(x, out):
    """The sum of each column, in float64, many rows at a time if they are short."""
    wide()
    n = x.shape[1]
    many = max(1, 128 // n)
    sums, line = np.zeros(many * n), x.reshape(x.size)
    for start in range(0, x.size, sums.size):
        part = line[start : start + sums.size]
        for j in range(part.size):
            sums[j] += np.float64(part[j])
    for j in range(n):
        total = 0.0
        for i in range(j, sums.size, n):
            total += sums[i]
        out[j] = total


NONE = {dtype: np.empty(0, dtype) for dtype in map(np.dtype, ("float32", "float64")) if READY}
"""The dtypes that have tiles, and a bias that is not there."""

DOT = np.ndarray.dot  # matmul, a ufunc, takes half a microsecond more


def product(x: Array, y: Array) -> Array:
    """The matrix product of two matrices."""
    m, depth = x.shape
    n = y.shape[1]
    work = m * depth * n
    if (
        work <= BROAD
        or (work <= DIRECT and m * n < BROAD and (y.flags.c_contiguous or _along(m, depth, n)))
        or not _have_tiles(x, y)
        or depth != y.shape[0]
    ):
        out: Array = context.run(DOT, x, y)
        return out
    turned = 0
    if not x.flags.c_contiguous:
        if x.flags.f_contiguous:
            x, turned = x.T, 1
        else:
            x = np.ascontiguousarray(x)
    if not y.flags.c_contiguous:
        if y.flags.f_contiguous:
            y, turned = y.T, turned + 2
        else:
            y = np.ascontiguousarray(y)
    return _tiled(x, y, NONE[x.dtype], turned, m, depth, n)


def _have_tiles(x: Array, y: Array) -> bool:
    return x.dtype is y.dtype and x.dtype in NONE


def _along(m: int, depth: int, n: int) -> bool:
    """Whether x wᵀ is made of dot products."""
    return m <= FLAT or n <= THIN or (n <= LONG[0] and depth >= LONG[1])


def _tiled(x: Array, y: Array, bias: Array, turned: int, m: int, depth: int, n: int) -> Array:
    """x y + bias, where both have contiguous rows and the bits of ``turned`` say which is given by its transpose."""
    out = np.empty((m, n), x.dtype)
    along = turned == 2 and _along(m, depth, n)
    work = m * depth * n
    # As many as there are threads: the bits of the result do not depend on how it is cut.
    parts = max(1, min(threads.count, work // PIECE, MOST))
    desk = threads.desk(parts)
    if along:
        _dots(desk, parts, x, y, bias, out)
    else:
        _product(desk, parts, x, y, bias, out, turned)
    return out


def _is_one_loop(n: int, work: int, X: Array, W: Array, other: Array) -> bool:
    """Whether one kernel does all of a layer, or of its gradients."""
    return n >= TALL and work <= SMALL and X.dtype is W.dtype is other.dtype


def _linear_plan(X: Array, W: Array, b: Array) -> Plan | None:
    n, d, m = len(X), X.shape[1], len(W)
    if not _is_one_loop(n, n * d * m, X, W, b) or not plain(X, W, b):
        return None
    out = np.empty((n, m), X.dtype)
    return Plan(_linear, (X, W, b, out), out)


@planned(_linear_plan)
def linear(X: Array, W: Array, b: Array) -> Array:
    """X Wᵀ + b for X (n, in), W (out, in), b (out,)."""
    n, d = X.shape
    m = len(W)
    dtype, work = X.dtype, n * d * m
    if _is_one_loop(n, work, X, W, b):
        out = np.empty((n, m), dtype)
        _linear(X if X.flags.c_contiguous else matrix(X), W if W.flags.c_contiguous else matrix(W), b, out)
        return out
    if work > (DIRECT if _along(n, d, m) else BROAD) and dtype is b.dtype and _have_tiles(X, W):
        return _tiled(matrix(X), matrix(W), np.ascontiguousarray(b), 2, n, d, m)
    z: Array = product(X, W.T)
    context.run(np.add, z, b, z)
    return z


def _linear_vjp_plan(g: Array, X: Array, W: Array, needs: Sequence[bool]) -> Plan | None:
    n, d, m = len(X), X.shape[1], len(W)
    if not d * m or not _is_one_loop(n, n * d * m, X, W, g) or not plain(g, X, W):
        return None
    dX, dW, db = np.empty((n if needs[0] else 0, d), X.dtype), np.empty((m, d), X.dtype), np.empty(m, X.dtype)
    return Plan(_linear_vjp, (g, X, W, dX, dW, db), (dX if needs[0] else None, dW, db))


@planned(_linear_vjp_plan)
def linear_vjp(g: Array, X: Array, W: Array, needs: Sequence[bool]) -> tuple[Array | None, Array | None, Array | None]:
    """(g W, gᵀ X, 1ᵀ g), each only if ``needs`` says so."""
    n, d = X.shape
    m = len(W)
    dtype = X.dtype
    of_x, of_w, of_b = needs
    if d * m and _is_one_loop(n, n * d * m, X, W, g):
        dX, dW, db = np.empty((n if of_x else 0, d), dtype), np.empty((m, d), dtype), np.empty(m, dtype)
        _linear_vjp(
            g if g.flags.c_contiguous else matrix(g),
            X if X.flags.c_contiguous else matrix(X),
            W if W.flags.c_contiguous else matrix(W),
            dX, dW, db,
        )  # fmt: skip
        return dX if of_x else None, dW, db
    db = np.empty(m if of_b else 0, g.dtype)
    if db.size:
        _columns(matrix(g), db)
    return product(g, W) if of_x else None, product(g.T, X) if of_w else None, db if of_b else None
