"""The activations that ``nn.functional`` is made of, beside the sigmoid, tanh and ReLU of :mod:`.elementwise`."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from ..kernels import activation as kernels
from ..kernels.plans import planned
from ..kernels.quiet import quiet
from .arithmetic import where
from .elementwise import erfc, exp, sigmoid, tanh
from .record import primitive
from .samples import unary

# Not public in autograd: nn.functional has them, with PyTorch's signatures.
__all__ = [
    "elu", "gelu", "hardswish", "hardtanh", "leaky_relu", "mish", "selu", "silu", "softplus", "softsign", "tanhshrink",
]  # fmt: skip

activation = partial(primitive, elementwise=True, method=False)
SELU_HIGH, SELU_LOW = 1.0507009873554804934193349852946, 1.7580993408473768599402175208123  # λ and λα of the slides


def _with(*parameters: tuple[Any, ...]) -> Any:
    """The samples of an elementwise function, and one more for each of some ``parameters``."""
    return lambda s: [*unary(s), *((2 * s(3, 4), *values) for values in parameters)]


@activation(
    "GELU",
    x=lambda g, x, approximate: g * _gelu_slope(x, approximate),
    vjp=kernels.gelu_vjp,
    samples=_with(("tanh",)),
)
def gelu(x: Any, approximate: str = "none") -> Any:
    """x Φ(x), elementwise, with Φ the normal distribution function; "tanh": x σ(z) with z = √(8/π) (x + 0.044715 x³).

    Raises
    ------
    ValueError
        For another ``approximate`` than "none" and "tanh".
    """
    if approximate not in ("none", "tanh"):
        raise ValueError(f"gelu: approximate argument must be either 'none' or 'tanh', found {approximate!r}")
    return kernels.gelu(x, approximate)


def _gelu_slope(x: Any, approximate: str) -> Any:
    if approximate == "none":
        return erfc(x * -math.sqrt(0.5)) / 2 + x * exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
    slope = math.sqrt(8 / math.pi)
    s = sigmoid(slope * (x + 0.044715 * x**3))
    return s + x * s * (1 - s) * slope * (1 + 3 * 0.044715 * x**2)


@activation(
    "SiLU",
    formula=lambda x: x * sigmoid(x),
    x=lambda g, x: g * sigmoid(x) * (1 + x * (1 - sigmoid(x))),
    vjp=kernels.silu_vjp,
    samples=unary,
)
@planned(kernels.silu.plan)
def silu(x: Any) -> Any:
    """x σ(x), elementwise; 0 at −∞."""
    return kernels.silu(x)


@activation(
    "softplus",
    formula=lambda x, beta: np.log(1 + np.exp(beta * x)) / beta,
    x=lambda g, x, beta: g * sigmoid(beta * x),
    vjp=kernels.softplus_vjp,
    samples=_with((0.7,), (3.0,)),
)
def softplus(x: Any, beta: float = 1.0) -> Any:
    """ln(1 + e^βx) / β, elementwise, without overflow: a smooth ReLU."""
    return kernels.softplus(x, float(beta))


@activation(
    "Mish",
    formula=lambda x: x * np.tanh(softplus(x)),
    x=lambda g, x: g * (tanh(softplus(x)) + x * sigmoid(x) * (1 - tanh(softplus(x)) ** 2)),
    vjp=kernels.mish_vjp,
    samples=unary,
)
def mish(x: Any) -> Any:
    """x tanh(ln(1 + eˣ)), elementwise; 0 at −∞."""
    return kernels.mish(x)


@activation(
    "ELU",
    formula=lambda x, alpha, width: where(x > 0, x, alpha * (np.exp(x / width) - 1)),
    x=lambda g, x, alpha, width: where(x > 0, g, g * (alpha / width) * exp(x / width)),
    vjp=lambda g, x, alpha, width: kernels.elu_vjp(g, x, 1.0, float(alpha), float(width)),
    samples=_with((0.7,), (1.5, 1.5)),
)
def elu(x: Any, alpha: float = 1.0, width: float = 1.0) -> Any:
    """x where x > 0, elsewhere α (e^(x / width) − 1), elementwise; the derivative at 0 is the lower one."""
    return kernels.elu(x, 1.0, float(alpha), float(width))


@activation(
    "SELU",
    formula=lambda x: where(x > 0, SELU_HIGH * x, SELU_LOW * (np.exp(x) - 1)),
    x=lambda g, x: where(x > 0, g * SELU_HIGH, g * SELU_LOW * exp(x)),
    vjp=lambda g, x: kernels.elu_vjp(g, x, SELU_HIGH, SELU_LOW, 1.0),
    samples=unary,
)
def selu(x: Any) -> Any:
    """λx where x > 0, elsewhere λα (eˣ − 1), elementwise; slide "Common choices for g_H"."""
    return kernels.elu(x, SELU_HIGH, SELU_LOW, 1.0)


@activation(
    "LeakyReLU",
    formula=lambda x, slope: where(x > 0, x, slope * x),
    x=lambda g, x, slope: where(x > 0, g, g * slope),
    slope=lambda g, x: where(x > 0, 0.0, g * x),
    samples=lambda s: [(s(3, 4), 0.01), (s(5), -0.2), (s(2, 3), s(3)), (s(2, 3, 2), s(3, 1)), (s(4), s())],
)
def leaky_relu(x: Any, slope: Any) -> Any:
    """x where x > 0, elsewhere slope · x, elementwise and broadcast; the derivative at 0 is the slope."""
    return np.where(x > 0, x, quiet(np.multiply, slope, x))


@activation(
    "hardtanh",
    x=lambda g, x, low, high: g * ((x > low) & (x < high)),
    promotes="any",
    samples=lambda s: [(s.distinct(3, 4), -0.4, 0.35), (s.distinct(5), -0.2, 0.15), (s(),), (s(0, 3),)],
)
def hardtanh(x: Any, low: float = -1.0, high: float = 1.0) -> Any:
    """x within [low, high], elementwise; the derivative at the bounds is 0 (that of :func:`autograd.clamp` is 1)."""
    return np.clip(x, low, high)


@activation(
    "hardswish",
    formula=lambda x: where(x <= -3, 0.0, where(x < 3, x * (x + 3) / 6, x)),
    x=lambda g, x: g * where(x <= -3, 0.0, where(x < 3, (2 * x + 3) / 6, 1.0)),
    samples=lambda s: [*unary(s), (3 * s(4, 4),)],
)
def hardswish(x: Any) -> Any:
    """0 where x ≤ −3, x where x ≥ 3, a parabola x (x + 3) / 6 between, elementwise."""
    return np.where(x <= -3, 0, np.where(x < 3, quiet(np.multiply, x, x + 3) / 6, x))


@activation(
    "softsign",
    formula=lambda x: x / (1 + abs(x)),
    x=lambda g, x: g / (1 + abs(x)) / (1 + abs(x)),
    samples=unary,
)
def softsign(x: Any) -> Any:
    """x / (1 + |x|), elementwise; ±1 at ±∞, where PyTorch has nan.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.softsign(autograd.tensor([-1.0, 3.0]))
    tensor([-0.5000,  0.7500])
    """
    return np.where(np.isinf(x), np.sign(x), quiet(np.divide, x, 1 + np.abs(x)))


@activation(
    "tanhshrink",
    formula=lambda x: x - np.tanh(x),
    x=lambda g, x: g * tanh(x) ** 2,
    vjp=kernels.tanhshrink_vjp,
    samples=unary,
)
def tanhshrink(x: Any) -> Any:
    """x − tanh x, elementwise, with all its digits near 0.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.tanhshrink(autograd.tensor([0.0, 1.0]))
    tensor([0.0000, 0.2384])
    """
    return kernels.tanhshrink(x)
