"""Normalisation as functions: mean 0 and variance 1, then a learnt scale and shift."""

from __future__ import annotations

import math
from collections.abc import Sequence

from autograd import ShapeError, Tensor, no_grad, ops
from autograd.arrays import check_tensors
from autograd.engine import leaf

__all__ = ["batch_norm", "layer_norm"]


def _affine(x: Tensor, scale: Tensor | None, bias: Tensor | None) -> Tensor:
    x = x if scale is None else x * scale
    return x if bias is None else x + bias


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Each channel (axis 1) less its mean, over √(its variance + eps), times ``weight``, plus ``bias``.

    Parameters
    ----------
    input : Tensor, (n, channels, …)
    running_mean, running_var : Tensor, (channels,), or None
        What is used unless ``training``. In training those of this batch are, and these move towards them by
        ``momentum`` (the variance with the divisor n − 1).
    weight, bias : Tensor, (channels,), optional
    training : bool
    momentum, eps : float

    Raises
    ------
    ValueError
        In training with one value per channel, whose variance is nothing.
    ShapeError
        If there is no axis of channels, or another argument has another number of them.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.batch_norm(autograd.tensor([[1.0], [3.0]]), None, None, training=True, eps=0)
    tensor([[-1.],
            [ 1.]])
    """
    optional = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    given = {name: x for name, x in optional.items() if x is not None}
    check_tensors("batch_norm", input, *given.values(), kinds=Tensor)
    shape = input.shape
    if len(shape) < 2 and input.numel():
        raise ShapeError(f"batch_norm: expects an input (n, channels, …), found shape {shape}")
    channels, n = (shape[1:2] or shape[:1])[0], math.prod(shape[:1] + shape[2:])
    for name, x in given.items():
        if x.shape != (channels,):
            raise ShapeError(
                f"batch_norm: expects {name} of shape ({channels},) for an input of shape {shape}, found {x.shape}"
            )
    if training and n == 1:
        raise ValueError(f"batch_norm: Expected more than 1 value per channel when training, got input size {shape}")
    if not training and (running_mean is None or running_var is None):
        raise ValueError("batch_norm: without training, running_mean and running_var are needed")

    along = (-1, *(1,) * (len(shape) - 2))  # how what belongs to a channel stands along axis 1
    weight, bias = (None if x is None else x.reshape(along) for x in (weight, bias))
    if not input.numel():
        return _affine(input.clone(), weight, bias)
    if training:
        mean, rest, var = _moments(input, (0, *range(2, len(shape))))
        _move(running_mean, mean, momentum)
        _move(running_var, var, momentum, n / (n - 1))
    else:
        assert running_mean is not None and running_var is not None
        rest, var = input - running_mean.reshape(along), running_var.reshape(along)
    scale = (1 if weight is None else weight) / (var + eps).sqrt()  # of the size of a channel's things: little work
    return _affine(rest, scale, bias)


@no_grad()
def _move(running: Tensor | None, new: Tensor, momentum: float, factor: float = 1.0) -> None:
    """Let a running statistic go towards ``factor`` times that of the batch, in place."""
    if running is not None:
        batch = new.array.reshape(running.shape)
        running.copy_(leaf((1 - momentum) * running.array + momentum * factor * batch))


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Each sample less its mean over the last axes, over √(its variance + eps), times ``weight``, plus ``bias``.

    Parameters
    ----------
    input : Tensor, (…, *normalized_shape)
    normalized_shape : sequence of int
        The sizes of the axes that make a sample.
    weight, bias : Tensor, normalized_shape, optional
    eps : float

    Raises
    ------
    ShapeError
        If the last axes have other sizes.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.layer_norm(autograd.tensor([1.0, 3.0]), (2,), eps=0)
    tensor([-1.,  1.])
    """
    given = {name: x for name, x in (("weight", weight), ("bias", bias)) if x is not None}
    check_tensors("layer_norm", input, *given.values(), kinds=Tensor)
    shape = tuple(normalized_shape)
    if not shape or input.shape[-len(shape) :] != shape:
        raise ShapeError(
            f"layer_norm: Given normalized_shape={shape}, expected input with shape (…, "
            f"{', '.join(map(str, shape))}), found {input.shape}"
        )
    for name, x in given.items():
        if x.shape != shape:
            raise ShapeError(f"layer_norm: expects {name} of shape {shape}, as normalized_shape, found {x.shape}")
    if not input.numel():
        return _affine(input.clone(), weight, bias)
    _, rest, var = _moments(input, tuple(range(-len(shape), 0)))
    return _affine(rest / (var + eps).sqrt(), weight, bias)


def _moments(x: Tensor, axes: tuple[int, ...]) -> tuple[Tensor, Tensor, Tensor]:
    """Mean, what differs from it, and its mean square."""
    mean = ops.mean(x, axes, True)
    rest = x - mean
    return mean, rest, ops.mean(rest * rest, axes, True)
