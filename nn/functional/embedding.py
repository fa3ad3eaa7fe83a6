"""The rows of a table, looked up by number."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd import DtypeError, ShapeError, Tensor, no_grad, ops
from autograd.arrays import check_tensors
from autograd.engine import leaf

__all__ = ["embedding"]


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """The rows of ``weight`` (rows, size) that the integers ``input`` (…) say; gives (…, size).

    The gradients of a row that is looked up several times add up.

    Parameters
    ----------
    input : Tensor
        Integers from 0 to rows − 1.
    weight : Tensor, (rows, size)
    padding_idx : int, optional
        A row that gets no gradient.
    max_norm : float, optional
        Rows that are looked up and have a larger ``norm_type``-norm are first scaled down to it, in ``weight`` itself.
    scale_grad_by_freq : bool
        Divide the gradient of a row by how often it is looked up.
    sparse : bool
        Only False: gradients are dense here.

    Raises
    ------
    IndexError
        For a number outside 0 … rows − 1, and a padding_idx that is no row.
    DtypeError
        Unless ``input`` is of integers.
    ShapeError
        Unless ``weight`` has two axes.
    ValueError
        For ``sparse``.

    Examples
    --------
    >>> import autograd, nn
    >>> table = autograd.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> nn.functional.embedding(autograd.tensor([1, 1, 0]), table)
    tensor([[3., 4.],
            [3., 4.],
            [1., 2.]])
    """
    check_tensors("embedding", input, weight)
    if weight.ndim != 2:
        raise ShapeError(f"embedding: expects a weight (rows, size), found shape {weight.shape}")
    if input.dtype.kind not in "iu":
        raise DtypeError(f"embedding: expects integers to look up, found {input.dtype}; convert with .long()")
    if sparse:
        raise ValueError("embedding: gradients are dense here; leave out sparse=True")
    rows, size = weight.shape
    index = input.array.reshape(-1).astype(np.int64)
    wrong = (index < 0) | (index >= rows)
    if wrong.any():
        raise IndexError(f"embedding: index out of range: {index[wrong][0]}, the weight has {rows} rows")
    padding = None if padding_idx is None else check_padding(padding_idx, rows)
    if max_norm is not None:
        _renormalize(weight, np.unique(index), max_norm, norm_type)
    out = weight[index]
    if padding is not None and (skipped := index == padding).any():
        out = ops.where(skipped[:, None], out.detach(), out)
    if scale_grad_by_freq and out.requires_grad:
        often = leaf(np.bincount(index, minlength=rows)[index, None].astype(out.dtype))
        out.register_hook(lambda g: g / often)
    return out.reshape(*input.shape, size)


def check_padding(padding_idx: int, rows: int) -> int:
    """``padding_idx`` counted from the start; IndexError if there is no such row."""
    if not -rows <= padding_idx < rows:
        raise IndexError(f"embedding: Padding_idx must be within num_embeddings: {padding_idx}, there are {rows} rows")
    return padding_idx % rows


@no_grad()
def _renormalize(weight: Tensor, rows: Any, max_norm: float, norm_type: float) -> None:
    norms = np.linalg.norm(weight.array[rows].astype(np.float64), norm_type, axis=1, keepdims=True)
    large = norms[:, 0] > max_norm
    if large.any():
        weight[rows[large]] = weight[rows[large]] * leaf((max_norm / (norms[large] + 1e-7)).astype(weight.dtype))
