"""Kernels of the losses: the terms and their float64 total in one pass, the gradient in another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from . import functions as f
from .each import elementwise
from .jit import Array, helper, jit, matrix, wide
from .plans import Plan, plain, planned
from .reduction import memory, plus, row_rests, shifted, step, total

PART = 128
"""So many terms are added up by themselves: a float64 sum of many, one by one, would lose several ulp."""


@helper
def _term(z, y):
    one = f.one(z)
    rest = one - y if z >= 0 else y  # of z = ±inf the right label leaves 0, not inf · 0
    return (abs(z) * rest if rest != 0 else one - one) + f.log1p(f.exp(-abs(z)))


@jit
def _bce_with_logits(z, y, n, out):
    wide()
    s = lost = 0.0
    for start in range(0, z.size, PART):
        part = 0.0
        for i in range(start, min(start + PART, z.size)):
            part = plus(part, np.float64(_term(z[i], y[i])))
        # Terms are not negative, so s + part is the larger one: what it rounds away is found by subtraction.
        longer = s + part
        lost += part - (longer - s) if s >= part else s - (longer - part)
        s = longer
    out[0] = z.dtype.type((s + (lost if abs(lost) <= s else 0.0)) / n)


@elementwise
def _bce_with_logits_terms(y, z, out):
    wide()
    for i in range(z.size):
        out[i] = _term(z[i], y[i])


@helper
def _slope(z, y):
    """σ(z) − y, as (1 − y) σ(z) − y σ(−z): near 1 the first form cancels."""
    e, one = f.exp(-abs(z)), f.one(z)
    yes, no = (y * e, one - y) if z >= 0 else (y, (one - y) * e)
    return (no - yes) / (one + e)


@jit
def _bce_with_logits_vjp(g, n, z, y, out):
    wide()
    factor = z.dtype.type(np.float64(g[0]) / n)
    for i in range(z.size):
        out[i] = factor * _slope(z[i], y[i])


@elementwise
def _bce_with_logits_terms_vjp(g, y, z, out):
    wide()
    for i in range(z.size):
        out[i] = g[i] * _slope(z[i], y[i])


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
def _cross_entropy(z, y, n, out):
    """The terms, and their total divided by n; −1 if a label is no class."""
    wide()
    bad = 0
    for i in range(y.size):
        bad += (y[i] < 0) | (y[i] >= z.shape[1])
    if bad:
        return z.dtype.type(-1)
    rows = step(z)
    high, tops, _, sums = memory(z, rows)
    raised = np.empty((rows, z.shape[1]), z.dtype)
    s = 0.0
    for start in range(0, z.shape[0], rows):
        block, into, labels = z[start : start + rows], out[start : start + rows], y[start : start + rows]
        shifted(block, raised[: into.size], high[: into.size], tops)
        for i in range(into.size):
            into[i] = raised[i, labels[i]]
        row_rests(raised[: into.size], labels, sums)
        for i in range(into.size):
            gap = tops[i] - block[i, labels[i]]
            sums[i] = sums[i] if gap == 0 else (sums[i] + np.float64(into[i])) - 1  # without the 1 of the largest
            into[i] = gap
        for i in range(into.size):
            into[i] = f.log1p(sums[i]) + into[i]
            s = plus(s, np.float64(into[i]))
    return z.dtype.type(s / n)


@jit
def _cross_entropy_vjp(g, each, n, z, y, out):
    wide()
    rows = step(z)
    high, tops, _, sums = memory(z, rows)
    hits = np.empty(rows)
    for start in range(0, z.shape[0], rows):
        into, labels = out[start : start + rows], y[start : start + rows]
        shifted(z[start : start + rows], into, high[: into.shape[0]], tops)
        for i in range(into.shape[0]):
            hits[i] = into[i, labels[i]]
        row_rests(into, labels, sums)
        for i in range(into.shape[0]):
            factor = g[(start + i) * each] / n / (sums[i] + hits[i])
            for k in range(into.shape[1]):
                into[i, k] = factor * into[i, k]
            into[i, labels[i]] = -factor * sums[i]  # not the softmax less 1: near 1 they cancel


def _bce_with_logits_plan(z: Array, y: Array, reduction: str) -> Plan | None:
    if reduction == "none" or not plain(z, y):
        return None
    out = np.empty((), z.dtype)
    return Plan(_bce_with_logits, (z, y, _divisor(z, reduction), out), out, vectors=True)


@planned(_bce_with_logits_plan)
def bce_with_logits(z: Array, y: Array, reduction: str) -> Array:
    """The terms ln(1 + eᶻ) − y z, of any shape, or their sum or mean."""
    if reduction == "none":
        return _bce_with_logits_terms(y, z)
    out = np.empty((), z.dtype)
    _bce_with_logits(z.ravel(), y.ravel(), _divisor(z, reduction), out.ravel())
    return out


def _divisor(z: Array, reduction: str) -> int:
    return z.size if reduction == "mean" else 1


def _bce_with_logits_vjp_plan(g: Array, z: Array, y: Array, reduction: str, needs: Sequence[bool]) -> Plan | None:
    if reduction == "none" or tuple(needs) != (True, False) or not plain(g, z, y):
        return None
    dz = np.empty(z.shape, z.dtype)
    return Plan(_bce_with_logits_vjp, (g, _divisor(z, reduction), z, y, dz), (dz, None), vectors=True)


@planned(_bce_with_logits_vjp_plan)
def bce_with_logits_vjp(g: Array, z: Array, y: Array, reduction: str, needs: Sequence[bool]) -> tuple[Any, Any]:
    """The gradients g (σ(z) − y) and −g z, divided by the count for a mean."""
    n = _divisor(z, reduction)
    dz = None
    if needs[0]:
        if reduction == "none":
            dz = _bce_with_logits_terms_vjp(g, y, z)
        else:
            dz = np.empty(z.shape, z.dtype)
            _bce_with_logits_vjp(np.ravel(g), n, z.ravel(), y.ravel(), dz.ravel())
    return dz, -g * z / n if needs[1] else None


def bce(p: Array, y: Array) -> tuple[Array, float, int]:
    """The terms −(y ln p + (1 − y) ln(1 − p)), their total, and where p leaves [0, 1] (−1: nowhere)."""
    out = np.empty(p.shape, p.dtype)
    return out, *_bce(p.ravel(), y.ravel(), out.ravel())


def bce_vjp(g: Array, p: Array, y: Array, reduction: str, needs: Sequence[bool]) -> tuple[Any, Any]:
    """The gradients g (p − y) / (p (1 − p)) and g (ln(1 − p) − ln p), divided by the count for a mean."""
    n = _divisor(p, reduction)
    dp, dy = np.empty(p.shape, p.dtype), None
    if needs[0]:
        _bce_vjp(np.ravel(g), 1 if reduction == "none" else 0, n, p.ravel(), y.ravel(), dp.ravel())
    if needs[1]:
        with np.errstate(divide="ignore"):
            dy = g * (np.maximum(np.log1p(-p), -100) - np.maximum(np.log(p), -100)) / n
    return dp, dy


def cross_entropy(z: Array, y: Array, reduction: str) -> Array | None:
    """The terms ln Σ eᶻ − z_y of scores (n, K) and labels (n,), their sum or mean; None if a label is no class."""
    out = np.empty(z.shape[0], z.dtype)
    value = _cross_entropy(matrix(z), y.ravel(), out.size if reduction == "mean" else 1, out)
    if value < 0:  # no cross-entropy is
        return None
    return out if reduction == "none" else np.array(value, z.dtype)


def cross_entropy_vjp(g: Array, z: Array, y: Array, reduction: str) -> tuple[Array, None]:
    """The gradient g (softmax(z) − onehot(y)), divided by the count for a mean."""
    out = np.empty(z.shape, z.dtype)
    step, n = (1, 1) if reduction == "none" else (0, z.shape[0] if reduction == "mean" else 1)
    _cross_entropy_vjp(np.ravel(g), step, n, matrix(z), y.ravel(), out)
    return out, None
