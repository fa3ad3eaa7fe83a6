"""Lengths, angles and distances of vectors, and labels as vectors."""

from __future__ import annotations

from typing import Any

from autograd import DtypeError, Tensor, arange, broadcast_tensors, norm
from autograd.arrays import check_tensors

__all__ = ["cosine_similarity", "normalize", "one_hot", "pairwise_distance"]


def normalize(input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Tensor:
    """x / max{‖x‖, eps} along ``dim``, with the norm of order ``p``: vectors of length 1.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.normalize(autograd.tensor([[3.0, 4.0]]))
    tensor([[0.6000, 0.8000]])
    """
    check_tensors("normalize", input)
    return input / norm(input, p, dim, True).clamp_min(eps)


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The cosine of the angle between vectors along ``dim``: x₁ · x₂ / (max{‖x₁‖, eps} max{‖x₂‖, eps}).

    The two broadcast. A vector of zeros has the cosine 0.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.cosine_similarity(autograd.tensor([[1.0, 0.0]]), autograd.tensor([[1.0, 1.0]]))
    tensor([0.7071])
    """
    x1, x2 = broadcast_tensors(x1, x2)
    # Each to its length first: the product of two short lengths would underflow.
    return (normalize(x1, 2, dim, eps) * normalize(x2, 2, dim, eps)).sum(dim)


def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """‖x₁ − x₂ + eps‖ along the last axis, of order ``p``; the other axes broadcast.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.pairwise_distance(autograd.tensor([[0.0, 0.0]]), autograd.tensor([[3.0, 4.0]]))
    tensor([5.0000])
    """
    return norm(x1 - x2 + eps, p, -1, keepdim)


def one_hot(tensor: Any, num_classes: int = -1) -> Tensor:
    """Zeros with a one at the label, along a new last axis: (…) → (…, ``num_classes``), of int64.

    Parameters
    ----------
    tensor : Tensor
        Labels, of integers.
    num_classes : int
        By default the largest label and one.

    Raises
    ------
    DtypeError
        For labels that are not integers.
    IndexError
        For a label that is negative, or not below ``num_classes``.
    ValueError
        For no labels without ``num_classes``, and for 0 classes.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.one_hot(autograd.tensor([0, 2]))
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    check_tensors("one_hot", tensor, kinds=Tensor)
    if tensor.dtype.kind not in "iu":
        raise DtypeError(f"one_hot: expects integer class labels, found {tensor.dtype}; convert with .long()")
    if num_classes < -1 or not num_classes:
        raise ValueError(f"one_hot: num_classes must be positive, or −1 to infer it, found {num_classes}")
    if not tensor.numel():
        if num_classes == -1:
            raise ValueError(f"one_hot: can not infer the number of classes from no labels, shape {tensor.shape}")
        least, most = 0, -1
    else:
        least, most = int(tensor.min()), int(tensor.max())
    if num_classes == -1:
        num_classes = most + 1
    if least < 0 or most >= num_classes:
        raise IndexError(f"one_hot: label {least if least < 0 else most} is out of bounds for {num_classes} classes")
    return (tensor.unsqueeze(-1) == arange(num_classes)).long()
