"""The layers: linear and nonlinear."""

from __future__ import annotations

import autograd
from autograd import Tensor

from . import functional, init
from .module import Module, Parameter

__all__ = ["Linear", "ReLU", "Sigmoid", "Tanh"]


class Linear(Module):
    """The linear transform Z = X Wᵀ + 1 bᵀ; slide "Vector/matrix representation of feed-forward neural network".

    Parameters
    ----------
    in_features, out_features : int
    bias : bool
        Whether there is a b.
    dtype : dtype-like, optional
        float32 unless given.

    Attributes
    ----------
    weight : Parameter, (out_features, in_features)
    bias : Parameter, (out_features,), or None
        Both start uniform on ±1/√in_features, as in PyTorch.

    Raises
    ------
    ShapeError
        When called on an input whose last axis is not ``in_features``.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.Linear(3, 2)(autograd.ones(5, 3)).shape
    (5, 2)
    """

    bias: Parameter | None

    def __init__(self, in_features: int, out_features: int, bias: bool = True, *, dtype: object = None) -> None:
        super().__init__()
        self.in_features = in_features
        self.out_features = out_features
        self.weight = Parameter(autograd.zeros(out_features, in_features, dtype=dtype))
        self.register_parameter("bias", Parameter(autograd.zeros(out_features, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        init.linear_(self.weight, self.bias)

    def forward(self, input: Tensor) -> Tensor:
        """(…, in_features) → (…, out_features)."""
        return functional.linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        """Its sizes."""
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


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
