"""The activations as modules: each does to its input, of any shape, what the function of its name does."""

from __future__ import annotations

from typing import Any

import autograd
from autograd import Tensor

from .. import functional
from ..module import Module, Parameter

__all__ = [
    "CELU", "ELU", "GELU", "GLU", "SELU", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh", "LeakyReLU",
    "LogSigmoid", "LogSoftmax", "Mish", "PReLU", "ReLU", "ReLU6", "SiLU", "Sigmoid", "Softmax", "Softmin", "Softplus",
    "Softshrink", "Softsign", "Tanh", "Tanhshrink", "Threshold",
]  # fmt: skip


class _Activation(Module):
    _shown: tuple[str, ...] = ()
    """The attributes that its repr shows."""

    def extra_repr(self) -> str:
        """Its options."""
        options = [f"{name}={getattr(self, name)!r}" for name in self._shown]
        return ", ".join([*options, "inplace=True"] if getattr(self, "inplace", False) else options)


class _InPlace(_Activation):
    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace


class Sigmoid(_Activation):
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


class Tanh(_Activation):
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


class ReLU(_InPlace):
    """The activation max{0, z}; its derivative at 0 is 0.

    Parameters
    ----------
    inplace : bool
        Write the result into the input.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.ReLU()(autograd.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Elementwise, any shape."""
        return functional.relu(input, self.inplace)


class ReLU6(_InPlace):
    """The activation min{max{0, z}, 6}; see :func:`nn.functional.relu6`.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.ReLU6()(autograd.tensor([-1.0, 8.0]))
    tensor([0., 6.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Elementwise, any shape."""
        return functional.relu6(input, self.inplace)


class LeakyReLU(_Activation):
    """The activation z where z > 0, elsewhere ``negative_slope`` · z.

    Examples
    --------
    >>> import nn
    >>> nn.LeakyReLU(0.2)
    LeakyReLU(negative_slope=0.2)
    """

    _shown = ("negative_slope",)

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope = negative_slope
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Elementwise, any shape."""
        return functional.leaky_relu(input, self.negative_slope, self.inplace)


class PReLU(_Activation):
    """The activation z where z > 0, elsewhere w · z, with a w that is learned.

    Parameters
    ----------
    num_parameters : int
        1, or the number of channels for a w of each.
    init : float
        The initial w.
    device, dtype
        As for :func:`autograd.empty`.

    Attributes
    ----------
    weight : Parameter, (num_parameters,)

    Examples
    --------
    >>> import autograd, nn
    >>> nn.PReLU()(autograd.tensor([-1.0, 2.0])).tolist()
    [-0.25, 2.0]
    """

    _shown = ("num_parameters",)

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.init = init
        self.weight = Parameter(autograd.empty(num_parameters, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the weights to their initial value."""
        self.weight.data.fill_(self.init)

    def forward(self, input: Tensor) -> Tensor:
        """(n, channels, …) or any shape → the same."""
        return functional.prelu(input, self.weight)


class ELU(_Activation):
    """The activation z where z > 0, elsewhere α (eᶻ − 1).

    Examples
    --------
    >>> import nn
    >>> nn.ELU(0.5)
    ELU(alpha=0.5)
    """

    _shown = ("alpha",)

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Elementwise, any shape."""
        return functional.elu(input, self.alpha, self.inplace)


class SELU(_InPlace):
    """The scaled ELU of slide "Common choices for g_H": it keeps mean 0 and variance 1, for LeCun-normal weights.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.SELU()(autograd.tensor([-1.0, 1.0]))
    tensor([-1.1113,  1.0507])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Elementwise, any shape."""
        return functional.selu(input, self.inplace)


class CELU(ELU):
    """The activation z where z > 0, elsewhere α (e^(z/α) − 1).

    Raises
    ------
    ValueError
        For α = 0, when called.

    Examples
    --------
    >>> import nn
    >>> nn.CELU(0.5)
    CELU(alpha=0.5)
    """

    def forward(self, input: Tensor) -> Tensor:
        """Elementwise, any shape."""
        return functional.celu(input, self.alpha, self.inplace)


class GELU(_Activation):
    """The activation z Φ(z), or with ``approximate="tanh"`` its approximation; see :func:`nn.functional.gelu`.

    Examples
    --------
    >>> import nn
    >>> nn.GELU()
    GELU(approximate='none')
    """

    _shown = ("approximate",)

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        """Elementwise, any shape."""
        return functional.gelu(input, self.approximate)


class SiLU(_InPlace):
    """The activation z σ(z), the swish.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.SiLU()(autograd.tensor([-1.0, 2.0]))
    tensor([-0.2689,  1.7616])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Elementwise, any shape."""
        return functional.silu(input, self.inplace)


class Mish(_InPlace):
    """The activation z tanh(ln(1 + eᶻ)).

    Examples
    --------
    >>> import autograd, nn
    >>> nn.Mish()(autograd.tensor([-1.0, 2.0]))
    tensor([-0.3034,  1.9440])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Elementwise, any shape."""
        return functional.mish(input, self.inplace)


class Softplus(_Activation):
    """The activation ln(1 + e^βz) / β; see :func:`nn.functional.softplus`.

    Examples
    --------
    >>> import nn
    >>> nn.Softplus()
    Softplus(beta=1.0, threshold=20.0)
    """

    _shown = ("beta", "threshold")

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta = beta
        self.threshold = threshold

    def forward(self, input: Tensor) -> Tensor:
        """Elementwise, any shape."""
        return functional.softplus(input, self.beta, self.threshold)


class Softsign(_Activation):
    """The activation z / (1 + |z|): values in (−1, 1).

    Examples
    --------
    >>> import autograd, nn
    >>> nn.Softsign()(autograd.tensor([-1.0, 3.0]))
    tensor([-0.5000,  0.7500])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Elementwise, any shape."""
        return functional.softsign(input)


class LogSigmoid(_Activation):
    """The logarithm of the sigmoid, −ln(1 + e⁻ᶻ).

    Examples
    --------
    >>> import autograd, nn
    >>> nn.LogSigmoid()(autograd.tensor([-1000.0]))
    tensor([-1000.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Elementwise, any shape."""
        return functional.logsigmoid(input)


class Hardtanh(_Activation):
    """The activation z within [``min_val``, ``max_val``].

    Raises
    ------
    ValueError
        Unless ``min_val`` is below ``max_val``.

    Examples
    --------
    >>> import nn
    >>> nn.Hardtanh(max_val=2.0)
    Hardtanh(min_val=-1.0, max_val=2.0)
    """

    _shown = ("min_val", "max_val")

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        if not min_val < max_val:
            raise ValueError(f"Hardtanh: expects min_val < max_val, found {min_val} and {max_val}")
        self.min_val = min_val
        self.max_val = max_val
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Elementwise, any shape."""
        return functional.hardtanh(input, self.min_val, self.max_val, self.inplace)


class _Hard(_InPlace):
    def extra_repr(self) -> str:
        """Nothing, as in PyTorch."""
        return ""


class Hardsigmoid(_Hard):
    """The line z/6 + ½, within [0, 1].

    Examples
    --------
    >>> import autograd, nn
    >>> nn.Hardsigmoid()(autograd.tensor([-4.0, 0.0, 4.0]))
    tensor([0.0000, 0.5000, 1.0000])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Elementwise, any shape."""
        return functional.hardsigmoid(input, self.inplace)


class Hardswish(_Hard):
    """The activation z · hardsigmoid(z).

    Examples
    --------
    >>> import autograd, nn
    >>> nn.Hardswish()(autograd.tensor([-4.0, 1.5, 4.0]))
    tensor([0.0000, 1.1250, 4.0000])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Elementwise, any shape."""
        return functional.hardswish(input, self.inplace)


class _Shrink(_Activation):
    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def extra_repr(self) -> str:
        """Its λ, without the name, as in PyTorch."""
        return str(self.lambd)


class Hardshrink(_Shrink):
    """0 where |z| ≤ λ, elsewhere z.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.Hardshrink()(autograd.tensor([-0.5, 2.0]))
    tensor([0., 2.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Elementwise, any shape."""
        return functional.hardshrink(input, self.lambd)


class Softshrink(_Shrink):
    """0 where |z| ≤ λ, elsewhere z moved towards 0 by λ.

    Raises
    ------
    ValueError
        For a negative λ, when called.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.Softshrink()(autograd.tensor([-0.5, 2.0]))
    tensor([0.0000, 1.5000])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Elementwise, any shape."""
        return functional.softshrink(input, self.lambd)


class Tanhshrink(_Activation):
    """z − tanh z.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.Tanhshrink()(autograd.tensor([0.0, 1.0]))
    tensor([0.0000, 0.2384])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Elementwise, any shape."""
        return functional.tanhshrink(input)


class Threshold(_Activation):
    """z where z > ``threshold``, elsewhere ``value``.

    Examples
    --------
    >>> import nn
    >>> nn.Threshold(0.1, 20)
    Threshold(threshold=0.1, value=20)
    """

    _shown = ("threshold", "value")

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__()
        self.threshold = threshold
        self.value = value
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Elementwise, any shape."""
        return functional.threshold(input, self.threshold, self.value, self.inplace)


class GLU(_Activation):
    """a ⊙ σ(b), the input's halves along ``dim`` being a and b.

    Raises
    ------
    ShapeError
        When called on an odd number of elements along ``dim``.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.GLU()(autograd.ones(2, 6)).shape
    (2, 3)
    """

    _shown = ("dim",)

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """(…, 2k, …) → (…, k, …)."""
        return functional.glu(input, self.dim)


class _OverDim(_Activation):
    _shown = ("dim",)

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim


class Softmax(_OverDim):
    """e^z_k / Σ_l e^z_l over ``dim``: the soft decision among K classes; slide "Common choices for g_O".

    Examples
    --------
    >>> import autograd, nn
    >>> nn.Softmax(dim=1)(autograd.tensor([[0.0, 0.0]]))
    tensor([[0.5000, 0.5000]])
    """

    def forward(self, input: Tensor) -> Tensor:
        """The same shape, sums of 1 over ``dim``."""
        return functional.softmax(input, self.dim, _stacklevel=5)


class Softmin(_OverDim):
    """The softmax of −z over ``dim``.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.Softmin(dim=1)(autograd.tensor([[0.0, 1000.0]]))
    tensor([[1., 0.]])
    """

    def forward(self, input: Tensor) -> Tensor:
        """The same shape, sums of 1 over ``dim``."""
        return functional.softmin(input, self.dim, _stacklevel=5)


class LogSoftmax(_OverDim):
    """The logarithm of the softmax over ``dim``, what :class:`nn.NLLLoss` takes.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.LogSoftmax(dim=1)(autograd.tensor([[0.0, 1000.0]]))
    tensor([[-1000.,     0.]])
    """

    def forward(self, input: Tensor) -> Tensor:
        """The same shape."""
        return functional.log_softmax(input, self.dim, _stacklevel=5)
