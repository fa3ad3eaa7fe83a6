"""Data sets: things with a length whose samples can be asked for by number."""

from __future__ import annotations

from typing import Any

from autograd import ShapeError, Tensor

__all__ = ["Dataset", "TensorDataset"]


class Dataset:
    """The base of data sets: a subclass defines ``__len__`` and ``__getitem__(k)``.

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

    def __getitem__(self, index: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} does not define __getitem__")


class TensorDataset(Dataset):
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
