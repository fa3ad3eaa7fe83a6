"""Data sets: things with a length whose samples can be asked for by number, and streams of samples.

Most samples are rows of arrays, which NumPy fetches by the hundred as fast as one by one. :func:`fetcher` says how, and
only where nobody has a say in the single sample: it is found by the class's ``__getitem__`` itself, so a subclass that
defines another is asked for each.
"""

from __future__ import annotations

import bisect
import itertools
import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

import numpy as np

import autograd
from autograd import Generator, ShapeError, Tensor

from .collate import own

__all__ = [
    "ChainDataset", "ConcatDataset", "Dataset", "IterableDataset", "Subset", "TensorDataset", "kfold", "random_split",
]  # fmt: skip

T_co = TypeVar("T_co", covariant=True)
Fetcher = Callable[[Sequence[int]], list[Tensor]]

# By the __getitem__ with which it agrees: from a data set to its fetcher, or None if it has none after all.
fetchers: dict[Any, Callable[[Any], Fetcher | None]] = {}


def fetcher(dataset: Any) -> Fetcher | None:
    """From the numbers of samples to their batch, as :func:`~nn.data.default_collate` would make it, or None."""
    cls = type(dataset)
    if hasattr(cls, "__getitems__"):  # PyTorch's own way to fetch a batch: whoever defines it is asked
        return None
    known = fetchers.get(getattr(cls, "__getitem__", None))
    return known(dataset) if known else None


class Dataset(Generic[T_co]):
    """The base of data sets: a subclass defines ``__len__`` and ``__getitem__(k)``.

    ``a + b`` is one after the other. A subclass may define ``__getitems__(indices)``, which returns the samples as a
    list; a loader then calls that for each batch, as PyTorch's does.

    Examples
    --------
    >>> import nn
    >>> class Squares(nn.data.Dataset):
    ...     def __len__(self):
    ...         return 3
    ...     def __getitem__(self, k):
    ...         return k, k * k
    >>> list(nn.data.DataLoader(Squares(), batch_size=3))
    [[tensor([0, 1, 2]), tensor([0, 1, 4])]]
    """

    def __getitem__(self, index: Any) -> T_co:
        raise NotImplementedError(f"{type(self).__name__} does not define __getitem__")

    def __add__(self, other: Any) -> ConcatDataset[Any]:
        return ConcatDataset([self, other])


class IterableDataset(Dataset[T_co]):
    """The base of data sets that are streams: a subclass defines ``__iter__``.

    ``a + b`` is one after the other. A loader takes the samples as they come; with several workers each of them reads
    a stream of its own, and :func:`~nn.data.get_worker_info` says which part of the samples is its to give.

    Examples
    --------
    >>> import nn
    >>> class Countdown(nn.data.IterableDataset):
    ...     def __iter__(self):
    ...         return iter(range(3, 0, -1))
    >>> list(nn.data.DataLoader(Countdown(), batch_size=2))
    [tensor([3, 2]), tensor([1])]
    """

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError(f"{type(self).__name__} does not define __iter__")

    def __add__(self, other: Any) -> ChainDataset[Any]:  # type: ignore[override]
        return ChainDataset([self, other])


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """Samples are the rows of tensors of equal length: ``dataset[k]`` is ``(X[k], y[k])``.

    Slide "1) Construct the dataset and dataloader objects".

    Raises
    ------
    ShapeError
        If the lengths differ (a ValueError, too), or a tensor is 0-d.
    TypeError
        For anything but tensors.

    Examples
    --------
    >>> import autograd, nn
    >>> dataset = nn.data.TensorDataset(autograd.ones(5, 2), autograd.arange(5))
    >>> len(dataset), dataset[3]
    (5, (tensor([1., 1.]), tensor(3)))
    """

    def __init__(self, *tensors: Tensor) -> None:
        for t in tensors:
            if not isinstance(t, Tensor):
                raise TypeError(f"TensorDataset: expects tensors, found {type(t).__name__}: use autograd.tensor(…)")
        shapes = [t.shape for t in tensors]
        if not shapes or () in shapes or len({shape[0] for shape in shapes}) > 1:
            raise ShapeError(
                f"TensorDataset: Size mismatch between tensors: expects one or more of equal length, found {shapes}"
            )
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(t[index] for t in self.tensors)

    def __len__(self) -> int:
        return len(self.tensors[0])


class Subset(Dataset[T_co]):
    """The samples of ``dataset`` that ``indices`` lists, in that order.

    Examples
    --------
    >>> import nn
    >>> list(nn.data.Subset("abcde", [4, 0]))
    ['e', 'a']
    """

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, index: Any) -> T_co:
        if isinstance(index, (list, tuple)):
            return self.dataset[[self.indices[k] for k in index]]
        return self.dataset[self.indices[index]]

    def __len__(self) -> int:
        return len(self.indices)


class ConcatDataset(Dataset[T_co]):
    """Data sets one after the other; also ``a + b``.

    Attributes
    ----------
    datasets : list
    cumulative_sizes : list of int
        Where each of them ends.

    Raises
    ------
    ValueError
        For no data sets, for an :class:`IterableDataset`, which has no sample k, and for an index out of range (an
        IndexError, too, so that iteration ends).

    Examples
    --------
    >>> import nn
    >>> list(nn.data.ConcatDataset(["ab", "c"]))
    ['a', 'b', 'c']
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise ValueError("ConcatDataset: datasets should not be an empty iterable")
        if any(isinstance(d, IterableDataset) for d in self.datasets):
            raise ValueError("ConcatDataset does not support IterableDataset: use ChainDataset, or a + b")
        self.cumulative_sizes = list(itertools.accumulate(map(len, self.datasets)))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: Any) -> T_co:
        k = index + len(self) if index < 0 else index
        if not 0 <= k < len(self):
            raise _OutOfRange(
                f"ConcatDataset: the absolute value of index should not exceed dataset length, found index {index} of "
                f"{len(self)} samples"
            )
        which = bisect.bisect_right(self.cumulative_sizes, k)
        return self.datasets[which][k - (self.cumulative_sizes[which - 1] if which else 0)]


class _OutOfRange(IndexError, ValueError):
    """What Python expects of a sequence, and what PyTorch raises."""


class ChainDataset(IterableDataset[T_co]):
    """Streams one after the other; also ``a + b``.

    Examples
    --------
    >>> import nn
    >>> list(nn.data.DataLoader(nn.data.ChainDataset([iter([1, 2]), iter([3])]), batch_size=3))
    [tensor([1, 2, 3])]
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)

    def __iter__(self) -> Iterator[T_co]:
        return itertools.chain.from_iterable(self.datasets)

    def __len__(self) -> int:
        return sum(map(len, self.datasets))


def random_split(
    dataset: Any, lengths: Sequence[int | float], generator: Generator | None = None
) -> list[Subset[Any]]:
    """Divide a data set at random into parts that do not overlap.

    Parameters
    ----------
    dataset : Dataset
    lengths : sequence of int or float
        The sizes of the parts; or fractions that sum to 1, each rounded down, what remains going to the first parts,
        one sample each.
    generator : Generator, optional

    Raises
    ------
    ValueError
        If the lengths do not sum to the length of the data set, or a length is negative or a fraction outside [0, 1].

    Examples
    --------
    >>> import nn
    >>> train, test = nn.data.random_split(range(10), [0.75, 0.25])
    >>> len(train), len(test), sorted([*train, *test])
    (8, 2, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    """
    n, sizes = len(dataset), list[int]()
    total = sum(lengths)
    if math.isclose(total, 1) and total <= 1:
        if bad := [k for k, fraction in enumerate(lengths) if not 0 <= fraction <= 1]:
            raise ValueError(f"random_split: Fraction at index {bad[0]} is not between 0 and 1: {lengths[bad[0]]}")
        sizes = [math.floor(n * fraction) for fraction in lengths]
        for k in range(n - sum(sizes)):
            sizes[k % len(sizes)] += 1
        for k, size in enumerate(sizes):
            if not size:
                warnings.warn(
                    f"random_split: Length of split at index {k} is 0: {lengths[k]} of {n} samples", stacklevel=2
                )
    else:
        for length in lengths:
            if not isinstance(length, (int, np.integer)) or length < 0:
                raise ValueError(
                    f"random_split: expects lengths, or fractions that sum to 1; found {length!r} in {list(lengths)}, "
                    f"which sum to {total}"
                )
        sizes = [int(length) for length in lengths]
    if sum(sizes) != n:
        raise ValueError(
            "random_split: Sum of input lengths does not equal the length of the input dataset: "
            f"{' + '.join(map(str, sizes)) or 0} is not {n}"
        )
    order = autograd.randperm(n, generator=generator).tolist()
    ends = itertools.accumulate(sizes)
    return [Subset(dataset, order[end - size : end]) for end, size in zip(ends, sizes, strict=True)]


def kfold(
    data: Any, k: int = 5, *, shuffle: bool = False, generator: Generator | None = None
) -> list[tuple[Any, Any]]:
    """The k splits of cross-validation: every sample is held out in exactly one of them.

    Parameters
    ----------
    data : Dataset or int
        A data set, or the number of samples.
    k : int
        The number of parts, whose sizes differ by one at most (the first are the larger ones).
    shuffle : bool
        Whether the parts are drawn at random, not taken one after the other.
    generator : Generator, optional

    Returns
    -------
    list of (train, validation)
        k pairs: of :class:`Subset` for a data set, of lists of indices for a number.

    Raises
    ------
    ValueError
        Unless k is an integer from 2 to the number of samples.

    Examples
    --------
    >>> import nn
    >>> nn.data.kfold(5, k=2)
    [([3, 4], [0, 1, 2]), ([0, 1, 2], [3, 4])]
    """
    counted = isinstance(data, (int, np.integer))
    n = int(data) if counted else len(data)
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or not 2 <= k <= n:
        raise ValueError(f"kfold: expects an integer k from 2 to the number of samples, {n}; found k={k!r}")
    order = autograd.randperm(n, generator=generator).tolist() if shuffle else list(range(n))
    ends = list(itertools.accumulate(n // k + (part < n % k) for part in range(k)))
    splits = []
    for start, end in zip([0, *ends], ends, strict=False):
        train, held_out = order[:start] + order[end:], order[start:end]
        splits.append((train, held_out) if counted else (Subset(data, train), Subset(data, held_out)))
    return splits


def _rows(dataset: TensorDataset) -> Fetcher:
    def rows(indices: Sequence[int]) -> list[Tensor]:
        k = np.asarray(indices)
        if k.dtype != np.int64 or k.ndim != 1 or any(t.requires_grad for t in dataset.tensors):
            return list(dataset[k])
        return [own(t.array.take(k, 0)) for t in dataset.tensors]  # a third of what an index costs that may be anything

    return rows


def _chosen(subset: Subset[Any]) -> Fetcher | None:
    inner = fetcher(subset.dataset)
    if inner is None:
        return None
    chosen = np.asarray(subset.indices)
    return lambda indices: inner(chosen[np.asarray(indices)])


fetchers[TensorDataset.__getitem__] = _rows
fetchers[Subset.__getitem__] = _chosen
