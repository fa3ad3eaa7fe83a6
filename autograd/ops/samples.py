"""Inputs for testing an op, made from a seed: every record says which it needs with a :class:`Sampler`."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


class Sampler:
    """Makes the arrays that an op's ``samples`` ask for, always the same for the same seed.

    Parameters
    ----------
    dtype : dtype-like
        float32 or float64.
    seed : int

    Examples
    --------
    >>> from autograd.ops.samples import Sampler
    >>> s = Sampler("float64")
    >>> s(2, 3).shape, s.integers(5, 4).dtype
    ((2, 3), dtype('int64'))
    """

    def __init__(self, dtype: Any = np.float64, seed: int = 0) -> None:
        self.dtype = np.dtype(dtype)
        self.rng = np.random.default_rng(seed)

    def __call__(self, *shape: int) -> Array:
        """Standard normal values, none nearer to 0 than 0.05: finite differences must not step over a kink there."""
        values = self.rng.standard_normal(shape)
        return np.asarray(values + 0.05 * np.where(values < 0, -1, 1), self.dtype)

    def between(self, low: float, high: float, *shape: int) -> Array:
        """Uniform values in (low, high)."""
        return np.asarray(self.rng.uniform(low, high, shape), self.dtype)

    def positive(self, *shape: int) -> Array:
        """Uniform values in (0.2, 2.5)."""
        return self.between(0.2, 2.5, *shape)

    def distinct(self, *shape: int) -> Array:
        """Values at least 0.1 apart, shuffled: an order statistic does not change under a small step."""
        size = int(np.prod(shape))
        return np.asarray((self.rng.permutation(size) - size / 2 + 0.3) / 8, self.dtype).reshape(shape)

    def integers(self, high: int, *shape: int) -> Array:
        """int64 values in 0 … high − 1."""
        return self.rng.integers(0, high, shape)


def unary(s: Sampler) -> list[tuple[Any, ...]]:
    """For an elementwise function of any real number."""
    return [(s(3, 4),), (s(5),), (s(),), (s(0, 3),), (s(4, 3).T,), (s(6)[::2],)]


def unary_positive(s: Sampler) -> list[tuple[Any, ...]]:
    """For an elementwise function of positive numbers."""
    return [(s.positive(3, 4),), (s.positive(5),), (s.positive(),), (s.positive(0, 3),), (s.positive(4, 3).T,)]


def binary(s: Sampler) -> list[tuple[Any, ...]]:
    """For an elementwise function of two arguments, broadcast and not."""
    return [
        (s(3, 4), s(3, 4)), (s(3, 4), s(4)), (s(3, 1), s(1, 4)), (s(2, 1, 3), s(4, 1)), (s(), s(2, 2)),
        (s(3), 1.5), (0.5, s(3)), (s(4, 3).T, s(3, 4)),
    ]  # fmt: skip
