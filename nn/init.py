"""Initialisation of parameters, in place."""

from __future__ import annotations

import math

from autograd import Generator, Tensor, no_grad, rand

__all__ = ["uniform_"]


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill with uniform values on [a, b).

    Examples
    --------
    >>> import autograd, nn
    >>> bool((nn.init.uniform_(autograd.zeros(100), -0.5, 0.5).abs() <= 0.5).all())
    True
    """
    with no_grad():
        return tensor.copy_(rand(*tensor.shape, generator=generator, dtype=tensor.dtype) * (b - a) + a)


def linear_(weight: Tensor, bias: Tensor | None) -> None:
    """PyTorch's default for linear layers and convolutions: uniform on ±1/√fan_in (Kaiming's rule with a = √5)."""
    fan_in = math.prod(weight.shape[1:])
    bound = 1 / math.sqrt(fan_in) if fan_in else 0.0
    uniform_(weight, -bound, bound)
    if bias is not None:
        uniform_(bias, -bound, bound)
