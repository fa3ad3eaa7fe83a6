"""The linear layers."""

from __future__ import annotations

import autograd
from autograd import Tensor

from .. import functional, init
from ..module import Module, Parameter

__all__ = ["Linear"]


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
