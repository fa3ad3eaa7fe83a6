"""Data sets: things with a length whose samples can be asked for by number."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd import ShapeError, Tensor, as_tensor

__all__ = ["Dataset", "TensorDataset"]


class Dataset:
    """The base of data sets: a subclass defines ``__len__`` and ``__getitem__(k)``."""

    def __getitem__(self, index: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} does not define __getitem__")


class TensorDataset(Dataset):
    """Samples are the rows of tensors of equal length: ``dataset[k]`` is ``(X[k], y[k])``.

    Raises
    ------
    ShapeError
        If the lengths differ (a ValueError, too), or a tensor is 0-d.

    Examples
    --------
    >>> import autograd, nn
    >>> dataset = nn.data.TensorDataset(autograd.ones(5, 2), autograd.arange(5))
    >>> len(dataset), dataset[3]
    (5, (tensor([1., 1.]), tensor(3)))
    """

    def __init__(self, *tensors: Tensor) -> None:
        shapes = [t.shape for t in tensors]
        if not shapes or () in shapes or len({shape[0] for shape in shapes}) > 1:
            raise ShapeError(f"TensorDataset: size mismatch between tensors: the first axes of {shapes} must be equal")
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(t[index] for t in self.tensors)

    def __len__(self) -> int:
        return len(self.tensors[0])

    def batch(self, indices: np.ndarray[Any, Any]) -> list[Tensor]:
        """The samples of ``indices`` as one tensor each, copied at once instead of one by one."""
        return [as_tensor(t.array[indices]) for t in self.tensors]
