"""Kernels of the linear layer X Wᵀ + b and its three gradients."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .jit import Array, jit, matrix

SMALL = 4096
"""Up to this many multiplications a plain loop beats the overhead of BLAS."""


@jit
def _linear(X, W, b, out):
    n, d = X.shape
    for i in range(n):
        for k in range(W.shape[0]):
            z = b[k]
            for j in range(d):
                z += X[i, j] * W[k, j]
            out[i, k] = z


@jit
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


def linear(X: Array, W: Array, b: Array) -> Array:
    """X Wᵀ + b for X (n, in), W (out, in), b (out,)."""
    n, m = X.shape[0], W.shape[0]
    if n * W.size > SMALL or not (X.dtype is W.dtype is b.dtype):
        with np.errstate(all="ignore"):  # inf and nan are answers
            out = X @ W.T
            out += b
        return out
    out = np.empty((n, m), X.dtype)
    _linear(matrix(X), matrix(W), b, out)
    return out


def linear_vjp(g: Array, X: Array, W: Array, needs: Sequence[bool]) -> tuple[Array | None, Array | None, Array | None]:
    """(g W, gᵀ X, 1ᵀ g), each only if ``needs`` says so."""
    if X.shape[0] * W.size > SMALL or not W.size or not (g.dtype is X.dtype is W.dtype):
        return (
            g @ W if needs[0] else None,
            g.T @ X if needs[1] else None,
            np.sum(g, axis=0, dtype=np.float64).astype(g.dtype) if needs[2] else None,
        )
    dX = np.empty(X.shape if needs[0] else (0, X.shape[1]), X.dtype)
    dW, db = np.empty(W.shape, W.dtype), np.empty(W.shape[0], W.dtype)
    _linear_vjp(matrix(g), matrix(X), matrix(W), dX, dW, db)
    return dX if needs[0] else None, dW, db
