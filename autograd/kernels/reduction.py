"""Kernels of the reductions: float64 sums, whatever the dtype."""

from __future__ import annotations

from .jit import reordered, wide


@reordered
def total(x):
    """The sum of a contiguous vector, in float64."""
    wide()
    s = 0.0
    for i in range(x.size):
        s += x[i]
    return s
