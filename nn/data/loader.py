"""Mini-batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

import autograd
from autograd import Generator, ShapeError, Tensor

from .dataset import TensorDataset

__all__ = ["DataLoader", "default_collate"]


class DataLoader:
    """The mini-batches of a data set, one after the other; slide "Implementing mini-batch".

    Parameters
    ----------
    dataset : Dataset
        Or anything with a length that can be indexed by 0, 1, …
    batch_size : int
        B, the samples in a batch; the last batch has what is left.
    shuffle : bool
        Draw a new order for every epoch. (The slides' listing forgets it; see the errata.)
    drop_last : bool
        Leave out an incomplete last batch.
    collate_fn : callable, optional
        Makes a batch of a list of samples; by default :func:`default_collate`.
    generator : Generator, optional
        Where the order comes from; the default generator otherwise, so ``manual_seed`` fixes it.

    Raises
    ------
    ValueError
        For a batch size that is not a positive integer, and for a shuffled data set without samples.
    Exception
        What a sample raised, of the same type where that can be made from a message (else RuntimeError), with the
        sample's index and the original as its cause.

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
        if shuffle and not len(dataset):
            raise ValueError("DataLoader: there is nothing to shuffle: the data set has num_samples=0")
        self.dataset = dataset
        self.batch_size = int(batch_size)
        self.shuffle = shuffle
        self.drop_last = drop_last
        self.collate_fn = collate_fn or default_collate
        self.generator = generator

    def __len__(self) -> int:
        """The batches of an epoch."""
        n = len(self.dataset)
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        n = len(self.dataset)
        order = autograd.randperm(n, generator=self.generator).array if self.shuffle else np.arange(n)
        # Rows of tensors are copied at once instead of one by one, unless somebody has a say in each sample.
        at_once = self.collate_fn is default_collate and type(self.dataset).__getitem__ is TensorDataset.__getitem__
        for k in range(len(self)):
            indices = order[k * self.batch_size : (k + 1) * self.batch_size]
            if at_once:
                yield list(self.dataset[indices])
            else:
                yield self.collate_fn([self._sample(int(i)) for i in indices])

    def _sample(self, index: int) -> Any:
        try:
            return self.dataset[index]
        except Exception as error:
            message = f"DataLoader: sample {index} of {type(self.dataset).__name__}: {error}"
            try:
                again = type(error)(message)
            except Exception:  # a type whose constructor takes other arguments
                again = RuntimeError(f"{message} ({type(error).__name__})")
            raise again from error


def default_collate(samples: Sequence[Any]) -> Any:
    """A batch of a list of samples: tensors, arrays and numbers are stacked, tuples and dicts go part by part.

    Python floats become float64, as in PyTorch; strings stay a list.

    Raises
    ------
    ShapeError
        If the tensors differ in shape, or the tuples in length.
    TypeError
        For samples of any other type.

    Examples
    --------
    >>> from nn.data import default_collate
    >>> default_collate([(1, 0.5), (2, 1.5)])
    [tensor([1, 2]), tensor([0.5000, 1.5000], dtype=float64)]
    """
    first = samples[0]
    if isinstance(first, Mapping):
        return {key: default_collate([sample[key] for sample in samples]) for key in first}
    if isinstance(first, (str, bytes)):
        return list(samples)
    if isinstance(first, (tuple, list)):
        if len({len(sample) for sample in samples}) > 1:
            raise ShapeError("default_collate: each element in list of batch should be of equal size")
        parts = [default_collate(part) for part in zip(*samples, strict=True)]
        return type(first)(*parts) if hasattr(first, "_fields") else parts  # a named tuple stays one
    if isinstance(first, (Tensor, np.ndarray, np.generic, int, float)):
        arrays = [s.array if isinstance(s, Tensor) else np.asarray(s) for s in samples]
        if len(shapes := sorted({array.shape for array in arrays})) > 1:
            raise ShapeError(f"default_collate: the samples of a batch must have one shape, found {shapes}")
        return autograd.as_tensor(np.stack(arrays))
    raise TypeError(
        "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found "
        f"{type(first).__name__}: give the DataLoader a collate_fn"
    )
