"""Kernels of the reductions: float64 sums, whatever the dtype."""

from __future__ import annotations

import numpy as np

from .jit import reordered, wide


@reordered
def total(x):
    """The sum of a contiguous vector, in float64."""
    wide()
    s = 0.0
    for i in range(x.size):
        s += np.float64(x[i])
    return s
