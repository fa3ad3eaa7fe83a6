"""Random tensors. The same seed gives the same numbers on every machine (not PyTorch's numbers)."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import ops
from .engine import leaf
from .tensor import Tensor, sizes

__all__ = ["Generator", "manual_seed", "rand", "randn", "randperm"]


class Generator:
    """A source of random numbers of its own: pass it as ``generator=``.

    Examples
    --------
    >>> import autograd
    >>> a = autograd.randperm(5, generator=autograd.Generator().manual_seed(0))
    >>> b = autograd.randperm(5, generator=autograd.Generator().manual_seed(0))
    >>> a.tolist() == b.tolist()
    True
    """

    def __init__(self, device: str = "cpu") -> None:
        self.manual_seed(0)

    def manual_seed(self, seed: int) -> Generator:
        """Start over from ``seed``; returns the generator itself."""
        self._seed = int(seed)
        self.numpy = np.random.Generator(np.random.PCG64(self._seed))
        return self

    def initial_seed(self) -> int:
        """The seed it was last started from."""
        return self._seed


default_generator = Generator()
default_generator.manual_seed(int(np.random.SeedSequence().generate_state(1)[0]))  # not the same in every run


def manual_seed(seed: int) -> Generator:
    """Start the default generator over from ``seed``: initialisation and shuffling repeat exactly."""
    return default_generator.manual_seed(seed)


def _source(generator: Generator | None) -> np.random.Generator:
    return (generator or default_generator).numpy


def rand(*size: Any, generator: Generator | None = None, dtype: Any = None) -> Tensor:
    """Uniform on [0, 1)."""
    array = _source(generator).random(sizes(size), np.dtype("float32") if dtype is None else ops.check_dtype(dtype))
    return leaf(np.asarray(array))


def randn(*size: Any, generator: Generator | None = None, dtype: Any = None) -> Tensor:
    """Standard normal."""
    array = _source(generator).standard_normal(sizes(size))
    return leaf(np.asarray(array, ops.check_dtype(dtype or ops.DEFAULT)))


def randperm(n: int, generator: Generator | None = None) -> Tensor:
    """0 … n − 1 in random order, int64."""
    return leaf(_source(generator).permutation(n))
