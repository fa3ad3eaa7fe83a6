"""From a list of samples to a batch."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

import autograd
from autograd import ShapeError, Tensor
from autograd.composed.shape import stack
from autograd.engine import leaf
from autograd.ops import check_dtype

__all__ = ["default_collate", "default_convert"]


def own(array: np.ndarray[Any, Any]) -> Any:
    """A tensor around an array that nobody else has; unlike ``from_numpy``'s, its memory need not be watched."""
    return leaf(array.astype(check_dtype(array.dtype), copy=False))


def default_collate(batch: Sequence[Any]) -> Any:
    """A batch of a list of samples: tensors, arrays and numbers are stacked, tuples and dicts go part by part.

    Python floats become float64, as in PyTorch; strings stay in their sequence.

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
    first = batch[0]
    if isinstance(first, Mapping):
        return _like(first, {key: default_collate([sample[key] for sample in batch]) for key in first})
    if isinstance(first, (str, bytes)):
        return batch
    if isinstance(first, (tuple, list)):
        if len({len(sample) for sample in batch}) > 1:
            raise ShapeError("default_collate: each element in list of batch should be of equal size")
        parts = [default_collate(part) for part in zip(*batch, strict=True)]
        return type(first)(*parts) if hasattr(first, "_fields") else parts  # a named tuple stays one
    if isinstance(first, (Tensor, np.ndarray, np.generic, int, float)):
        arrays = [s.array if isinstance(s, Tensor) else np.asarray(s) for s in batch]
        if len(shapes := sorted({array.shape for array in arrays})) > 1:
            raise ShapeError(f"default_collate: the samples of a batch must have one shape, found {shapes}")
        if any(isinstance(s, Tensor) and s.requires_grad for s in batch):
            return stack(list(map(autograd.as_tensor, batch)))
        return own(np.stack(arrays))
    raise TypeError(
        "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found "
        f"{type(first).__name__}: give the DataLoader a collate_fn"
    )


def default_convert(data: Any) -> Any:
    """A sample with its arrays as tensors, for a loader that makes no batches; the rest stays what it is.

    Examples
    --------
    >>> import numpy as np
    >>> from nn.data import default_convert
    >>> default_convert({"x": np.ones(2), "y": "five"})
    {'x': tensor([1., 1.], dtype=float64), 'y': 'five'}
    """
    if isinstance(data, (np.ndarray, np.generic)) and data.dtype.kind in "biuf":
        return autograd.as_tensor(data)
    if isinstance(data, Mapping):
        return _like(data, {key: default_convert(part) for key, part in data.items()})
    return _by_part(default_convert, data)


def _by_part(convert: Callable[[Any], Any], data: Any) -> Any:
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*map(convert, data))
    return [convert(part) for part in data] if isinstance(data, (list, tuple)) else data


def _like(mapping: Mapping[Any, Any], parts: dict[Any, Any]) -> Any:
    """``parts`` in a mapping of the type of ``mapping`` (with its default factory, for one), where that can be made."""
    if type(mapping) is dict:
        return parts
    try:
        out: Any = copy.copy(mapping)
        out.update(parts)
    except (AttributeError, TypeError):  # it cannot be changed
        return parts
    return out
