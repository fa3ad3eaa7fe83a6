"""There is no GPU here: what scripts ask before they use one.

>>> import autograd
>>> "cuda" if autograd.cuda.is_available() else "cpu"
'cpu'
"""

from __future__ import annotations

__all__ = ["device_count", "empty_cache", "is_available", "manual_seed", "manual_seed_all"]


def is_available() -> bool:
    """Whether there is a GPU: False."""
    return False


def device_count() -> int:
    """The number of GPUs: 0."""
    return 0


def manual_seed(seed: int) -> None:
    """Nothing, as in PyTorch without a GPU; :func:`autograd.manual_seed` seeds the CPU's generator."""


manual_seed_all = manual_seed


def empty_cache() -> None:
    """Nothing: there is no cache of GPU memory."""
