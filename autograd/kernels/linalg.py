"""Matrix products, and the linear layer X Wᵀ + b with its three gradients.

BLAS is unbeaten where all three dimensions are large. It is slow where one is tiny, as in a network of few units or
with few outputs: there the loops below are faster. They take the three layouts of a layer's forward and backward pass,
x Wᵀ, g W and gᵀ x, without copying a transpose. :data:`TABLE` says which is used where.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from . import threads
from .jit import Array, fused, matrix, reordered, wide
from .quiet import quiet
from .reduction import sums

SMALL = 4096
"""Up to this many multiplications the linear layer is one plain loop, bias included: calls cost more than the work."""

THIN = (16, 16, 16)
"""How small the columns of x Wᵀ, the inner dimension of x W or the rows of xᵀ W must be for a loop to beat BLAS."""

LARGE, HUGE = 2**25, 2**27
"""From LARGE multiplications on, a product is cut in two for threads; above, into pieces of HUGE multiplications."""


@reordered
def _x_wt(x, w, out):
    """x wᵀ: dot products of rows, four at a time."""
    wide()
    zero = x.dtype.type(0)
    for i in range(x.shape[0]):
        whole = w.shape[0] // 4 * 4
        for k in range(0, whole, 4):
            a, b, c, d = zero, zero, zero, zero
            for j in range(x.shape[1]):
                a += x[i, j] * w[k, j]
                b += x[i, j] * w[k + 1, j]
                c += x[i, j] * w[k + 2, j]
                d += x[i, j] * w[k + 3, j]
            out[i, k], out[i, k + 1], out[i, k + 2], out[i, k + 3] = a, b, c, d
        for k in range(whole, w.shape[0]):
            a = zero
            for j in range(x.shape[1]):
                a += x[i, j] * w[k, j]
            out[i, k] = a


@reordered
def _x_w(x, w, out):
    """x w: rows of w, weighted and added up four at a time."""
    wide()
    whole = x.shape[1] // 4 * 4
    for i in range(x.shape[0]):
        for j in range(w.shape[1]):
            out[i, j] = 0
        for k in range(0, whole, 4):
            a, b, c, d = x[i, k], x[i, k + 1], x[i, k + 2], x[i, k + 3]
            for j in range(w.shape[1]):
                out[i, j] += a * w[k, j] + b * w[k + 1, j] + (c * w[k + 2, j] + d * w[k + 3, j])
        for k in range(whole, x.shape[1]):
            a = x[i, k]
            for j in range(w.shape[1]):
                out[i, j] += a * w[k, j]


@reordered
def _xt_w(x, w, out):
    """xᵀ w: outer products of rows, four added at a time."""
    wide()
    out[:] = 0
    whole = x.shape[0] // 4 * 4
    for i in range(0, whole, 4):
        for k in range(x.shape[1]):
            a, b, c, d = x[i, k], x[i + 1, k], x[i + 2, k], x[i + 3, k]
            for j in range(w.shape[1]):
                out[k, j] += a * w[i, j] + b * w[i + 1, j] + (c * w[i + 2, j] + d * w[i + 3, j])
    for i in range(whole, x.shape[0]):
        for k in range(x.shape[1]):
            a = x[i, k]
            for j in range(w.shape[1]):
                out[k, j] += a * w[i, j]


@fused
def _linear(X, W, b, out):
    n, d = X.shape
    for i in range(n):
        for k in range(W.shape[0]):
            z = b[k]
            for j in range(d):
                z += X[i, j] * W[k, j]
            out[i, k] = z


@fused
def _linear_vjp(g, X, W, dX, dW, db):
    n, d = X.shape
    dW[:] = 0
    for k in range(W.shape[0]):
        total = 0.0  # float64, whatever the dtype
        for i in range(n):
            total += g[i, k]
            for j in range(d):
                dW[k, j] += g[i, k] * X[i, j]
        db[k] = total
    for i in range(dX.shape[0]):  # no rows where ∂𝒥/∂X is not wanted
        for j in range(d):
            z = g[i, 0] * W[0, j]
            for k in range(1, W.shape[0]):
                z += g[i, k] * W[k, j]
            dX[i, j] = z


def product(x: Array, y: Array) -> Array:
    """The matrix product of two matrices that fit, of one float dtype."""
    (m, inner), n = x.shape, y.shape[1]
    work = m * inner * n
    if work and x.dtype is y.dtype:
        rows, y_rows = x.flags.c_contiguous, y.flags.c_contiguous
        if n <= THIN[0] and rows and y.flags.f_contiguous:
            return _run(_x_wt, x, y.T, m, n)
        if inner <= THIN[1] and rows and y_rows:
            return _run(_x_w, x, y, m, n)
        if m <= THIN[2] and y_rows and x.flags.f_contiguous:
            return _run(_xt_w, x.T, y, m, n)
    if work < LARGE:
        return quiet_matmul(x, y)
    out = np.empty((m, n), np.result_type(x, y))
    pieces = min(max(work // HUGE, 2), 16)
    by_rows = m >= n
    ends = [(m if by_rows else n) * k // pieces for k in range(pieces + 1)]
    with threads.one_thread_blas:
        threads.run(
            quiet_matmul,
            [(x[a:b], y, out[a:b]) if by_rows else (x, y[:, a:b], out[:, a:b]) for a, b in pairwise(ends)],
        )
    return out


def quiet_matmul(x: Array, y: Array, out: Array | None = None) -> Array:
    """BLAS's product."""
    product: Array = quiet(np.matmul, x, y, out)
    return product


def _run(kernel: Callable[..., Any], x: Array, y: Array, m: int, n: int) -> Array:
    out = np.empty((m, n), x.dtype)
    kernel(x, y, out)
    return out


def linear(X: Array, W: Array, b: Array) -> Array:
    """X Wᵀ + b for X (n, in), W (out, in), b (out,)."""
    n, m = X.shape[0], W.shape[0]
    if n * W.size > SMALL or not (X.dtype is W.dtype is b.dtype):
        z: Array = product(X, W.T)
        quiet(np.add, z, b, z)
        return z
    out = np.empty((n, m), X.dtype)
    _linear(matrix(X), matrix(W), b, out)
    return out


def linear_vjp(g: Array, X: Array, W: Array, needs: Sequence[bool]) -> tuple[Array | None, Array | None, Array | None]:
    """(g W, gᵀ X, 1ᵀ g), each only if ``needs`` says so."""
    if X.shape[0] * W.size > SMALL or not W.size or not (g.dtype is X.dtype is W.dtype):
        g = matrix(g)
        db = None
        if needs[2]:
            db = sums(g, (0,), False).astype(g.dtype) if g.size else np.zeros(g.shape[1], g.dtype)
        return product(g, W) if needs[0] else None, product(g.T, X) if needs[1] else None, db
    dX = np.empty(X.shape if needs[0] else (0, X.shape[1]), X.dtype)
    dW, db = np.empty(W.shape, W.dtype), np.empty(W.shape[0], W.dtype)
    _linear_vjp(matrix(g), matrix(X), matrix(W), dX, dW, db)
    return dX if needs[0] else None, dW, db
