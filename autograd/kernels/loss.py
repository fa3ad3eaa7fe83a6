"""Kernels of the losses: the terms and their float64 total in one pass, the gradient in another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from . import functions as f
from .jit import Array, jit, matrix, ravel, wide
from .reduction import shifted, total


@jit
def _bce_with_logits(z, y, out):
    wide()
    for i in range(z.size):
        one = f.one(z[i])
        rest = one - y[i] if z[i] >= 0 else y[i]  # of z = ±inf the right label leaves 0, not inf · 0
        out[i] = (abs(z[i]) * rest if rest != 0 else one - one) + f.log1p(f.exp(-abs(z[i])))
    return total(out)


@jit
def _bce_with_logits_vjp(g, step, n, z, y, out):
    wide()
    for i in range(z.size):
        e, one = f.exp(-abs(z[i])), f.one(z[i])
        u = (one if z[i] >= 0 else e) / (one + e)
        out[i] = g[i * step] * (u - y[i]) / n


@jit
def _bce(p, y, out):
    wide()
    bad = 0
    for i in range(p.size):
        one = f.one(p[i])
        least = -one * np.int8(100)
        yes, no = f.log(p[i]), f.log1p(-p[i])
        yes, no = (yes if yes > least else least), (no if no > least else least)
        out[i] = p[i] if p[i] != p[i] else -(y[i] * yes + (one - y[i]) * no)
        bad += (p[i] < 0) | (p[i] > 1)
    outside = -1
    if bad:
        for i in range(p.size):
            if p[i] < 0 or p[i] > 1:
                outside = i
                break
    return total(out), outside


@jit
def _bce_vjp(g, step, n, p, y, out):
    wide()
    for i in range(p.size):
        out[i] = g[i * step] * (p[i] - y[i]) / max(p[i] * (1 - p[i]), 1e-12) / n


@jit
def _cross_entropy(z, y, out):
    wide()
    for i in range(z.shape[0]):
        if y[i] < 0 or y[i] >= z.shape[1]:
            return 0.0, i
    e = np.empty_like(z)
    tops = shifted(z, e)
    for i in range(z.shape[0]):
        s = 0.0
        for k in range(z.shape[1]):
            s += np.float64(e[i, k])
        out[i] = f.log(s) + (tops[i] - z[i, y[i]])
    return total(out), -1


@jit
def _cross_entropy_vjp(g, step, n, z, y, out):
    wide()
    shifted(z, out)
    for i in range(z.shape[0]):
        s = 0.0
        for k in range(z.shape[1]):
            s += np.float64(out[i, k])
        scale = g[i * step] / n
        for k in range(z.shape[1]):
            out[i, k] = scale * (out[i, k] / s - (1 if k == y[i] else 0))


def _upstream(g: Array, reduction: str, count: int) -> tuple[Array, int, int]:
    """The gradient that reaches each term, as (values, step, divisor): one value for all, or one each."""
    if reduction == "none":
        return ravel(g), 1, 1
    return ravel(g), 0, count if reduction == "mean" else 1


def bce_with_logits(z: Array, y: Array) -> tuple[Array, float]:
    """The terms ln(1 + eᶻ) − y z, of any shape, and their total."""
    out = np.empty(z.shape, z.dtype)
    return out, _bce_with_logits(ravel(z), ravel(y), ravel(out))


def bce_with_logits_vjp(g: Array, z: Array, y: Array, reduction: str, needs: Sequence[bool]) -> tuple[Any, Any]:
    """The gradients g (σ(z) − y) and −g z, divided by the count for a mean."""
    values, step, n = _upstream(g, reduction, z.size)
    dz = np.empty(z.shape, z.dtype)
    if needs[0]:
        _bce_with_logits_vjp(values, step, n, ravel(z), ravel(y), ravel(dz))
    return dz, -g * z / n if needs[1] else None


def bce(p: Array, y: Array) -> tuple[Array, float, int]:
    """The terms −(y ln p + (1 − y) ln(1 − p)), their total, and where p leaves [0, 1] (−1: nowhere)."""
    out = np.empty(p.shape, p.dtype)
    return out, *_bce(ravel(p), ravel(y), ravel(out))


def bce_vjp(g: Array, p: Array, y: Array, reduction: str, needs: Sequence[bool]) -> tuple[Any, Any]:
    """The gradients g (p − y) / (p (1 − p)) and g (ln(1 − p) − ln p), divided by the count for a mean."""
    values, step, n = _upstream(g, reduction, p.size)
    dp, dy = np.empty(p.shape, p.dtype), None
    if needs[0]:
        _bce_vjp(values, step, n, ravel(p), ravel(y), ravel(dp))
    if needs[1]:
        with np.errstate(divide="ignore"):
            dy = g * (np.maximum(np.log1p(-p), -100) - np.maximum(np.log(p), -100)) / n
    return dp, dy


def cross_entropy(z: Array, y: Array) -> tuple[Array, float, int]:
    """The terms ln Σ eᶻ − z_y of scores (n, K) and labels (n,), their total, and the first bad label (−1: none)."""
    out = np.empty(z.shape[0], z.dtype)
    return out, *_cross_entropy(matrix(z), matrix(y), out)


def cross_entropy_vjp(g: Array, z: Array, y: Array, reduction: str) -> tuple[Array, None]:
    """The gradient g (softmax(z) − onehot(y)), divided by the count for a mean."""
    values, step, n = _upstream(g, reduction, z.shape[0])
    out = np.empty(z.shape, z.dtype)
    _cross_entropy_vjp(values, step, n, matrix(z), matrix(y), out)
    return out, None
