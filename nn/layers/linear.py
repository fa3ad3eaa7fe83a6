"""The linear layers."""

from __future__ import annotations

import autograd
from autograd import Tensor

from .. import functional, init
from ..module import Module, Parameter

__all__ = ["Bilinear", "Linear"]


class Linear(Module):
    """The linear transform Z = X Wᵀ + 1 bᵀ; slide "Vector/matrix representation of feed-forward neural network".

    Parameters
    ----------
    in_features, out_features : int
    bias : bool
        Whether there is a b.
    device : optional
        The CPU.
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

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, device: object = None, dtype: object = None
    ) -> None:
        super().__init__()
        options = {"device": device, "dtype": dtype}
        self.in_features = in_features
        self.out_features = out_features
        self.weight = Parameter(autograd.zeros(out_features, in_features, **options))
        self.register_parameter("bias", Parameter(autograd.zeros(out_features, **options)) if bias else None)
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


class Bilinear(Module):
    """z_k = x₁ᵀ W_k x₂ + b_k: every product of an element of one input and one of the other has its weight.

    Parameters
    ----------
    in1_features, in2_features, out_features : int
    bias : bool
        Whether there is a b.
    device : optional
        The CPU.
    dtype : dtype-like, optional
        float32 unless given.

    Attributes
    ----------
    weight : Parameter, (out_features, in1_features, in2_features)
    bias : Parameter, (out_features,), or None
        Both start uniform on ±1/√in1_features, as in PyTorch.

    Raises
    ------
    ShapeError
        When called on inputs whose last axes are others, or that differ in the others.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.Bilinear(3, 4, 2)(autograd.ones(5, 3), autograd.ones(5, 4)).shape
    (5, 2)
    """

    bias: Parameter | None

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        device: object = None,
        dtype: object = None,
    ) -> None:
        super().__init__()
        if in1_features <= 0:
            raise ValueError(f"Bilinear: in1_features must be > 0, found {in1_features}")
        options = {"device": device, "dtype": dtype}
        self.in1_features = in1_features
        self.in2_features = in2_features
        self.out_features = out_features
        self.weight = Parameter(autograd.zeros(out_features, in1_features, in2_features, **options))
        self.register_parameter("bias", Parameter(autograd.zeros(out_features, **options)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        init.linear_(self.weight, self.bias, self.in1_features)

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        """(…, in1_features) and (…, in2_features) → (…, out_features)."""
        return functional.bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        """Its sizes."""
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}"
        )
