"""Samplers: in which order the samples of a data set are taken, and which of them together."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Any, Generic, TypeVar

import numpy as np

import autograd
from autograd import Generator

__all__ = [
    "BatchSampler", "RandomSampler", "Sampler", "SequentialSampler", "SubsetRandomSampler", "WeightedRandomSampler",
]  # fmt: skip

T_co = TypeVar("T_co", covariant=True)


def positive(what: str, value: Any) -> int:
    """``value`` as an int; ValueError unless it is a positive integer (True is none)."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(f"{what} should be a positive integer value, found {what}={value!r}")
    return int(value)


def flag(what: str, value: Any) -> bool:
    """``value``; TypeError (a ValueError too, as in PyTorch's samplers) unless it is a bool."""
    if not isinstance(value, bool):
        raise _NotABool(f"{what} should be a boolean value, found {what}={value!r}")
    return value


class _NotABool(TypeError, ValueError):
    """Which of the two PyTorch raises depends on the sampler."""


class Sampler(Generic[T_co]):
    """The base of samplers: a subclass defines ``__iter__``, one epoch's indices (or lists of them, for batches).

    Examples
    --------
    >>> import nn
    >>> class Backwards(nn.data.Sampler):
    ...     def __init__(self, data_source):
    ...         self.data_source = data_source
    ...     def __iter__(self):
    ...         return iter(range(len(self.data_source) - 1, -1, -1))
    ...     def __len__(self):
    ...         return len(self.data_source)
    >>> list(nn.data.DataLoader([1, 2, 3], batch_size=2, sampler=Backwards([1, 2, 3])))
    [tensor([3, 2]), tensor([1])]
    """

    def __init__(self, data_source: Sized | None = None) -> None:
        pass

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError(f"{type(self).__name__} does not define __iter__")


class SequentialSampler(Sampler[int]):
    """The samples in their own order: 0, 1, 2 and so on.

    Examples
    --------
    >>> import nn
    >>> list(nn.data.SequentialSampler("abc"))
    [0, 1, 2]
    """

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler[int]):
    """A new random order for every epoch.

    Parameters
    ----------
    data_source : Dataset
    replacement : bool
        Draw each index from all, so that some come twice and some not at all: the bootstrap.
    num_samples : int, optional
        How many are drawn; the length of the data set unless given. Without replacement, all come once before any
        comes again.
    generator : Generator, optional

    Raises
    ------
    ValueError
        If there is nothing to draw, and for a ``num_samples`` that is not a positive integer.
    TypeError
        If ``replacement`` is not a bool.

    Examples
    --------
    >>> import nn
    >>> sorted(nn.data.RandomSampler("abc"))
    [0, 1, 2]
    """

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Generator | None = None,
    ) -> None:
        self.data_source = data_source
        self.replacement = flag("replacement", replacement)
        self._num_samples = num_samples
        self.generator = generator
        positive("num_samples", self.num_samples)

    @property
    def num_samples(self) -> int:
        """How many are drawn; a data set may have grown since."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        n, count = len(self.data_source), self.num_samples
        if self.replacement:
            return iter(autograd.randint(0, n, (count,), generator=self.generator).tolist())
        orders = (autograd.randperm(n, generator=self.generator).tolist() for _ in range(math.ceil(count / n)))
        return itertools.islice(itertools.chain.from_iterable(orders), count)

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler[int]):
    """The listed indices, in a new random order for every epoch.

    Examples
    --------
    >>> import nn
    >>> sorted(nn.data.SubsetRandomSampler([7, 1, 4]))
    [1, 4, 7]
    """

    def __init__(self, indices: Sequence[int], generator: Generator | None = None) -> None:
        self.indices = indices
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        return (self.indices[k] for k in autograd.randperm(len(self.indices), generator=self.generator).tolist())

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler[int]):
    """Indices drawn with a probability in proportion to their weight, such as 1 / (size of the sample's class).

    Parameters
    ----------
    weights : sequence of float
        One for each sample; they need not sum to 1.
    num_samples : int
        How many are drawn in an epoch.
    replacement : bool
        Whether an index may come again.
    generator : Generator, optional

    Raises
    ------
    ValueError
        For weights that are not a finite, nonnegative row with a positive sum; for a ``num_samples`` that is not a
        positive integer or, without replacement, is larger than the number of positive weights.
    TypeError
        If ``replacement`` is not a bool.

    Examples
    --------
    >>> import nn
    >>> list(nn.data.WeightedRandomSampler([0.0, 0.3, 0.0], 2))
    [1, 1]
    """

    def __init__(
        self,
        weights: Sequence[float],
        num_samples: int,
        replacement: bool = True,
        generator: Generator | None = None,
    ) -> None:
        self.num_samples = positive("num_samples", num_samples)
        self.replacement = flag("replacement", replacement)
        self.weights = autograd.as_tensor(weights, dtype=autograd.float64)
        self.generator = generator
        w = self.weights.array
        if w.ndim != 1:
            raise ValueError(f"weights should be a 1d sequence, found shape {w.shape}")
        if not np.all(np.isfinite(w)) or np.any(w < 0) or not np.any(w):
            raise ValueError("weights should be finite and not negative, with a positive sum")
        if not replacement and self.num_samples > np.count_nonzero(w):
            raise ValueError(
                f"cannot draw num_samples={num_samples} without replacement from {np.count_nonzero(w)} samples with a "
                "positive weight"
            )

    def __iter__(self) -> Iterator[int]:
        drawn = autograd.multinomial(self.weights, self.num_samples, self.replacement, generator=self.generator)
        return iter(drawn.tolist())

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[int]]):
    """The indices of another sampler in lists of ``batch_size``; the last has what is left, unless ``drop_last``.

    Raises
    ------
    ValueError
        For a batch size that is not a positive integer, and a ``drop_last`` that is not a bool.

    Examples
    --------
    >>> import nn
    >>> list(nn.data.BatchSampler(range(5), batch_size=2, drop_last=False))
    [[0, 1], [2, 3], [4]]
    """

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool) -> None:
        self.sampler = sampler
        self.batch_size = positive("batch_size", batch_size)
        self.drop_last = flag("drop_last", drop_last)
        # A sampler that gives a part of the samples only may know better where a batch of all of them ends.
        own = getattr(sampler, "in_batches", None)
        self._own: Any = None if own is None else own(self.batch_size, drop_last)

    def __iter__(self) -> Iterator[list[int]]:
        if self._own is not None:
            yield from self._own
            return
        indices = iter(self.sampler)
        while batch := list(itertools.islice(indices, self.batch_size)):
            if self.drop_last and len(batch) < self.batch_size:
                return
            yield batch

    def __len__(self) -> int:
        if self._own is not None:
            return len(self._own)
        n = len(self.sampler)  # type: ignore[arg-type]
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)
