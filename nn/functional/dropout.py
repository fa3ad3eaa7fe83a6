"""Dropout as functions: units are left out at random, so that no unit relies on a certain other one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd import ShapeError, Tensor, default_generator
from autograd.arrays import check_number, check_tensors
from autograd.engine import leaf
from autograd.ops.activation import SELU_LOW
from autograd.ops.reduction import check_floating

__all__ = ["alpha_dropout", "dropout", "dropout1d", "dropout2d"]


def check_probability(name: str, p: float) -> None:
    """Raise ValueError unless ``p`` is a probability."""
    if not 0 <= check_number(name, "p", p) <= 1:
        raise ValueError(f"{name}: dropout probability has to be between 0 and 1, found {p}")


def _kept(name: str, input: Tensor, shape: tuple[int, ...], p: float) -> Any:
    """Where an element (or all that stand for one of ``shape``) is kept: with probability 1 − p."""
    check_floating(name, input)
    return default_generator.numpy.random(shape, np.float32) >= p


def _scaled(input: Tensor, factor: Any, shift: Any, inplace: bool) -> Tensor:
    """``factor`` · input + ``shift`` (or None), arrays that nobody else has."""
    factor, shift = (None if x is None else leaf(np.asarray(x, input.dtype)) for x in (factor, shift))
    if inplace:
        input.mul_(factor)
        return input if shift is None else input.add_(shift)
    return input * factor if shift is None else input * factor + shift


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Each element 0 with probability ``p``, else 1/(1 − p) times as large, so that the mean stays.

    Which, is drawn from PyTorch's default generator: ``manual_seed`` makes runs repeat.

    Parameters
    ----------
    input : Tensor
    p : float
        In [0, 1].
    training : bool
        If False, nothing happens.
    inplace : bool
        Write into ``input``.

    Raises
    ------
    ValueError
        For a ``p`` outside [0, 1].
    DtypeError
        For integers.

    Examples
    --------
    >>> import autograd, nn
    >>> x = nn.functional.dropout(autograd.ones(100), 0.75)
    >>> sorted(set(x.tolist()))
    [0.0, 4.0]
    """
    check_tensors("dropout", input)
    return _dropout("dropout", input, input.shape, p, training, inplace)


def _dropout(name: str, input: Tensor, shape: tuple[int, ...], p: float, training: bool, inplace: bool) -> Tensor:
    check_probability(name, p)
    if not training or p == 0:
        return input
    factor = np.array(_kept(name, input, shape, p), input.dtype)
    factor *= 1 / (1 - p) if p < 1 else 0
    return _scaled(input, factor, None, inplace)


def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Whole channels 0 with probability ``p``: rows of (n, channels, length) or (channels, length).

    Raises
    ------
    ShapeError
        For another number of axes.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.dropout1d(autograd.ones(8, 4, 3)).std(dim=2).max()
    tensor(0.)
    """
    check_tensors("dropout1d", input)
    if input.ndim not in (2, 3):
        raise ShapeError(f"dropout1d: Expected 2D or 3D input, but received a {input.ndim}D input: {input.shape}")
    return _dropout("dropout1d", input, (*input.shape[:-1], 1), p, training, inplace)


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Whole channels 0 with probability ``p``: images of (n, channels, height, width), or (n, channels, length).

    Raises
    ------
    ShapeError
        For another number of axes.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.dropout2d(autograd.ones(8, 4, 3, 3)).std(dim=(2, 3)).max()
    tensor(0.)
    """
    check_tensors("dropout2d", input)
    if input.ndim not in (3, 4):
        raise ShapeError(f"dropout2d: Expected 3D or 4D input, but received a {input.ndim}D input: {input.shape}")
    channels = (*input.shape[:2], *(1,) * (input.ndim - 2))
    return _dropout("dropout2d", input, channels, p, training, inplace)


def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Dropout for SELU, which keeps mean 0 and variance 1: elements become SELU's value at −∞ instead of 0.

    All is then scaled and shifted back (Klambauer and others, 2017). Arguments and errors as for :func:`dropout`.

    Examples
    --------
    >>> import autograd, nn
    >>> x = nn.functional.alpha_dropout(autograd.randn(10_000), 0.2, training=True)
    >>> bool(abs(x.mean()) < 0.1), bool(abs(x.std() - 1) < 0.1)
    (True, True)
    """
    check_tensors("alpha_dropout", input)
    check_probability("alpha_dropout", p)
    if not training or p == 0:
        return input
    kept = _kept("alpha_dropout", input, input.shape, p)
    if p == 1:
        return _scaled(input, np.zeros(input.shape), None, inplace)
    scale = 1 / math.sqrt((1 - p) * (1 + p * SELU_LOW**2))
    shift = scale * -SELU_LOW * (np.where(kept, 0, 1) - p)  # −λα is what SELU gives for −∞
    return _scaled(input, scale * kept, shift, inplace)
