"""The activations as modules."""

from __future__ import annotations

from autograd import Tensor

from .. import functional
from ..module import Module

__all__ = ["ReLU", "Sigmoid", "Tanh"]


class Sigmoid(Module):
    """The logistic activation σ(z) = 1 / (1 + e⁻ᶻ): values in (0, 1).

    Examples
    --------
    >>> import autograd, nn
    >>> nn.Sigmoid()(autograd.tensor([-1000.0, 0.0]))
    tensor([0.0000, 0.5000])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Elementwise, any shape."""
        return functional.sigmoid(input)


class Tanh(Module):
    """The activation tanh(z) = 2σ(2z) − 1 (the slides' print lacks the second 2): bounded and centred.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.Tanh()(autograd.tensor([0.0, 1000.0]))
    tensor([0., 1.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Elementwise, any shape."""
        return functional.tanh(input)


class ReLU(Module):
    """The activation max{0, z}; its derivative at 0 is 0.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.ReLU()(autograd.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Elementwise, any shape."""
        return functional.relu(input)
