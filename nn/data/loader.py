"""Mini-batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

import autograd
from autograd import Generator, Tensor

__all__ = ["DataLoader", "default_collate"]


class DataLoader:
    """The mini-batches of a data set, one after the other; slide "Implementing mini-batch".

    Parameters
    ----------
    dataset : Dataset
    batch_size : int
        B, the samples in a batch; the last batch has what is left.
    shuffle : bool
        Draw a new order for every epoch. (The slides' listing forgets it; see the errata.)
    drop_last : bool
        Leave out an incomplete last batch.
    collate_fn : callable, optional
        Makes a batch of a list of samples; by default tensors and numbers are stacked.
    generator : Generator, optional
        Where the order comes from; the default generator otherwise, so ``manual_seed`` fixes it.

    Raises
    ------
    ValueError
        For a batch size that is not a positive integer, and for a shuffled data set without samples.

    Examples
    --------
    >>> import autograd, nn
    >>> dataset = nn.data.TensorDataset(autograd.arange(5))
    >>> [x for (x,) in nn.data.DataLoader(dataset, batch_size=2)]
    [tensor([0, 1]), tensor([2, 3]), tensor([4])]
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int = 1,
        shuffle: bool = False,
        *,
        drop_last: bool = False,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        generator: Generator | None = None,
    ) -> None:
        if isinstance(batch_size, bool) or not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
            raise ValueError(f"batch_size should be a positive integer value, found batch_size={batch_size!r}")
        self.dataset = dataset
        self.batch_size = int(batch_size)
        self.shuffle = shuffle
        self.drop_last = drop_last
        self.collate_fn = collate_fn
        self.generator = generator

    def __len__(self) -> int:
        n = len(self.dataset)
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        n = len(self.dataset)
        order = autograd.randperm(n, generator=self.generator).array if self.shuffle else np.arange(n)
        whole = getattr(self.dataset, "batch", None) if self.collate_fn is None else None
        for k in range(len(self)):
            indices = order[k * self.batch_size : (k + 1) * self.batch_size]
            if whole is not None:
                yield whole(indices)
            else:
                yield (self.collate_fn or default_collate)([self._sample(int(i)) for i in indices])

    def _sample(self, index: int) -> Any:
        try:
            return self.dataset[index]
        except Exception as error:
            raise type(error)(f"DataLoader: sample {index} of {type(self.dataset).__name__}: {error}") from error


def default_collate(samples: Sequence[Any]) -> Any:
    """A batch of a list of samples: tensors, arrays and numbers are stacked, tuples and dicts go part by part."""
    first = samples[0]
    if isinstance(first, (tuple, list)):
        return [default_collate(part) for part in zip(*samples, strict=True)]
    if isinstance(first, dict):
        return {key: default_collate([sample[key] for sample in samples]) for key in first}
    if isinstance(first, Tensor):
        return autograd.as_tensor(np.stack([sample.array for sample in samples]))
    if isinstance(first, (int, float, np.ndarray, np.generic)):
        return autograd.tensor(np.stack(samples) if isinstance(first, np.ndarray) else list(samples))
    return list(samples)
