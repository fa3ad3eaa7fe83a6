"""Initialisation of parameters, in place. All functions return their tensor and record nothing.

fan_in is the number of inputs of a unit, ``shape[1]`` times the size of a convolution's window; fan_out that of the
units that an input goes to, ``shape[0]`` times the window.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from autograd import Generator, ShapeError, Tensor, default_generator, no_grad

__all__ = [
    "calculate_gain", "constant_", "dirac_", "eye_", "kaiming_normal_", "kaiming_uniform_", "lecun_normal_",
    "lecun_uniform_", "normal_", "ones_", "orthogonal_", "sparse_", "trunc_normal_", "uniform_", "xavier_normal_",
    "xavier_uniform_", "zeros_",
]  # fmt: skip

_SAME_SCALE = ("linear", "sigmoid", *(f"conv{t}{d}d" for t in ("", "_transpose") for d in (1, 2, 3)))


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """By how much more the weights before a nonlinearity must vary for signals to keep their scale.

    1 for linear layers, convolutions and sigmoid; 5/3 for tanh; √2 for relu; √(2 / (1 + slope²)) for leaky_relu, whose
    slope is ``param``, 0.01 unless given; 3/4 for selu. (For networks of SELU to keep mean 0 and variance 1 it must be
    1: :func:`lecun_normal_`.)

    Raises
    ------
    ValueError
        For another nonlinearity, or a slope that is no number.

    Examples
    --------
    >>> import nn
    >>> nn.init.calculate_gain("leaky_relu", 0.2)
    1.386...
    """
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, (int, float)):
            raise ValueError(f"calculate_gain: the negative slope {slope!r} is not a valid number")
        return math.sqrt(2 / (1 + slope**2))
    known = {**dict.fromkeys(_SAME_SCALE, 1.0), "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 3 / 4}
    if nonlinearity not in known:
        raise ValueError(f"calculate_gain: Unsupported nonlinearity {nonlinearity!r}; known are leaky_relu, "
                         f"{', '.join(known)}")  # fmt: skip
    return known[nonlinearity]


def fans(name: str, shape: tuple[int, ...]) -> tuple[int, int]:
    """fan_in and fan_out of a weight."""
    if len(shape) < 2:
        raise ShapeError(
            f"{name}: Fan in and fan out can not be computed for tensor with fewer than 2 dimensions, found {shape}"
        )
    window = math.prod(shape[2:])
    return shape[1] * window, shape[0] * window


def _scale(name: str, variance: float, n: float) -> float:
    """The standard deviation √(variance/n)."""
    if not n:
        warnings.warn(f"{name}: Initializing zero-element tensors is a no-op", stacklevel=3)
        return 0.0
    return math.sqrt(variance / n)


@no_grad()
def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Uniform values on [a, b).

    Examples
    --------
    >>> import autograd, nn
    >>> bool((nn.init.uniform_(autograd.zeros(100), -0.5, 0.5).abs() <= 0.5).all())
    True
    """
    return tensor.uniform_(a, b, generator=generator)


@no_grad()
def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Normal values.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.init.normal_(autograd.zeros(2), 3.0, 0.0)
    tensor([3., 3.])
    """
    return tensor.normal_(mean, std, generator=generator)


@no_grad()
def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> Tensor:
    """Normal values, of those within [a, b] only; exact also where that is far from the mean.

    Examples
    --------
    >>> import autograd, nn
    >>> x = nn.init.trunc_normal_(autograd.zeros(1000), std=0.02, a=-0.04, b=0.04)
    >>> bool((x.abs() <= 0.04).all())
    True
    """
    if not (a <= b and std >= 0):
        raise ValueError(f"trunc_normal_: expects a <= b and std >= 0, found a={a}, b={b}, std={std}")
    if std == 0 or a == b:
        return tensor.fill_(min(max(mean, a), b))
    source = (generator or default_generator).numpy
    z = _truncated(source, tensor.numel(), (a - mean) / std, (b - mean) / std)
    return tensor.copy_(np.clip(mean + std * z, a, b).reshape(tensor.shape))


def _truncated(source: np.random.Generator, n: int, a: float, b: float) -> np.ndarray[Any, Any]:
    """``n`` standard normal values within [a, b].

    Drawn from e^{−rz} on [a, b] with r = max(a, 0), a curve that is nowhere below the density, and kept in proportion
    to what the density is of the curve.
    """
    if a < 0 and -a > b:  # so that a is the end nearer to 0, or on the other side of it
        return -_truncated(source, n, -b, -a)
    r = max(a, 0.0)
    width = min(b, r + 9) - max(a, -9.0)  # beyond is less than one in 10¹⁸
    out = np.empty(0)
    while len(out) < n:
        u, accept = source.random((2, 2 * (n - len(out)) + 8))
        step = -np.log1p(u * math.expm1(-r * width)) / r if r > 1e-9 else u * width
        z = max(a, -9.0) + step
        out = np.concatenate([out, z[accept < np.exp(-((z - r) ** 2) / 2)]])
    return out[:n]


@no_grad()
def constant_(tensor: Tensor, val: float) -> Tensor:
    """One value everywhere.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.init.constant_(autograd.zeros(2), 0.5)
    tensor([0.5000, 0.5000])
    """
    return tensor.fill_(val)


def ones_(tensor: Tensor) -> Tensor:
    """1 everywhere.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.init.ones_(autograd.zeros(2))
    tensor([1., 1.])
    """
    return constant_(tensor, 1.0)


def zeros_(tensor: Tensor) -> Tensor:
    """0 everywhere.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.init.zeros_(autograd.ones(2))
    tensor([0., 0.])
    """
    return constant_(tensor, 0.0)


@no_grad()
def eye_(tensor: Tensor) -> Tensor:
    """The identity matrix, or as much of it as there is room for: a linear layer that passes its inputs on.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.init.eye_(autograd.empty(2, 3))
    tensor([[1., 0., 0.],
            [0., 1., 0.]])
    """
    if tensor.ndim != 2:
        raise ShapeError(f"eye_: Only tensors with 2 dimensions are supported, found shape {tensor.shape}")
    return tensor.copy_(np.eye(tensor.shape[0], tensor.shape[1]))


@no_grad()
def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """A convolution (out, in, window…) that passes as many of its input channels on as it can, in every group.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.init.dirac_(autograd.empty(1, 1, 3))
    tensor([[[0., 1., 0.]]])
    """
    if tensor.ndim not in (3, 4, 5):
        raise ShapeError(f"dirac_: Only tensors with 3, 4, or 5 dimensions are supported, found shape {tensor.shape}")
    out, channels, *window = tensor.shape
    if out % groups:
        raise ValueError(f"dirac_: {out} output channels are not divisible by groups={groups}")
    array = np.zeros(tensor.shape)
    for g in range(groups):
        for k in range(min(out // groups, channels)):
            array[(g * (out // groups) + k, k, *(n // 2 for n in window))] = 1
    return tensor.copy_(array)


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Uniform on ± gain √(6 / (fan_in + fan_out)): signals keep their scale forward and backward (Glorot and Bengio).

    Examples
    --------
    >>> import autograd, nn
    >>> bool((nn.init.xavier_uniform_(autograd.empty(2, 4)).abs() <= 1).all())
    True
    """
    bound = gain * _scale("xavier_uniform_", 6, sum(fans("xavier_uniform_", tensor.shape)))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Normal with standard deviation gain √(2 / (fan_in + fan_out)).

    Examples
    --------
    >>> import autograd, nn
    >>> nn.init.xavier_normal_(autograd.empty(2, 4), gain=0.0).abs().max()
    tensor(0.)
    """
    std = gain * _scale("xavier_normal_", 2, sum(fans("xavier_normal_", tensor.shape)))
    return normal_(tensor, 0.0, std, generator)


def _kaiming(name: str, tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    """gain / √fan."""
    modes = ("fan_in", "fan_out")
    if mode.lower() not in modes:
        raise ValueError(f"{name}: Mode {mode!r} not supported, please use one of {modes}")
    n = fans(name, tensor.shape)[modes.index(mode.lower())]
    return calculate_gain(nonlinearity, a) * _scale(name, 1, n)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Uniform on ± gain √(3 / fan): signals keep their scale through rectifiers (He and others).

    Parameters
    ----------
    a : float
        The slope of leaky_relu on its negative side; 0 for relu.
    mode : {"fan_in", "fan_out"}
        Whether the forward or the backward signals do.
    nonlinearity : str
        What follows: see :func:`calculate_gain`.

    Examples
    --------
    >>> import autograd, nn
    >>> bool((nn.init.kaiming_uniform_(autograd.empty(2, 6)).abs() <= 1).all())
    True
    """
    bound = math.sqrt(3) * _kaiming("kaiming_uniform_", tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Normal with standard deviation gain / √fan; arguments as for :func:`kaiming_uniform_`.

    Examples
    --------
    >>> import autograd, nn
    >>> x = nn.init.kaiming_normal_(autograd.empty(100, 200), nonlinearity="relu")
    >>> bool(abs(x.std() - 0.1) < 0.01)
    True
    """
    return normal_(tensor, 0.0, _kaiming("kaiming_normal_", tensor, a, mode, nonlinearity), generator)


def lecun_uniform_(tensor: Tensor, generator: Generator | None = None) -> Tensor:
    """Uniform on ± √(3 / fan_in): mean 0 and variance 1/fan_in (LeCun and others, 1998). PyTorch has none.

    Examples
    --------
    >>> import autograd, nn
    >>> bool((nn.init.lecun_uniform_(autograd.empty(2, 3)).abs() <= 1).all())
    True
    """
    return kaiming_uniform_(tensor, nonlinearity="linear", generator=generator)


def lecun_normal_(tensor: Tensor, generator: Generator | None = None) -> Tensor:
    """Normal with standard deviation 1/√fan_in: what SELU needs to keep mean 0 and variance 1. PyTorch has none.

    Examples
    --------
    >>> import autograd, nn
    >>> x = nn.init.lecun_normal_(autograd.empty(200, 100))
    >>> bool(abs(x.std() - 0.1) < 0.01)
    True
    """
    return kaiming_normal_(tensor, nonlinearity="linear", generator=generator)


@no_grad()
def orthogonal_(tensor: Tensor, gain: float = 1, generator: Generator | None = None) -> Tensor:
    """``gain`` times a matrix with orthonormal rows (or columns, if there are fewer), all such as likely.

    Axes after the second count as columns.

    Examples
    --------
    >>> import autograd, nn
    >>> Q = nn.init.orthogonal_(autograd.empty(2, 3))
    >>> bool(autograd.allclose(Q @ Q.T, autograd.eye(2), atol=1e-6))
    True
    """
    if tensor.ndim < 2:
        raise ShapeError(f"orthogonal_: Only tensors with 2 or more dimensions are supported, found {tensor.shape}")
    rows, columns = tensor.shape[0], math.prod(tensor.shape[1:])
    if not rows * columns:
        return tensor
    normal = (generator or default_generator).numpy.standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(normal)
    q = q * np.where(np.diagonal(r) < 0, -1, 1)  # QR alone prefers some matrices
    return tensor.copy_(gain * (q if rows >= columns else q.T).reshape(tensor.shape))


@no_grad()
def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Generator | None = None) -> Tensor:
    """Normal values, but in every column a part of ``sparsity``, rounded up, is 0 (Martens, 2010).

    Examples
    --------
    >>> import autograd, nn
    >>> (nn.init.sparse_(autograd.empty(5, 2), 0.5) == 0).sum(0)
    tensor([3, 3])
    """
    if tensor.ndim != 2:
        raise ShapeError(f"sparse_: Only tensors with 2 dimensions are supported, found shape {tensor.shape}")
    source = (generator or default_generator).numpy
    values = std * source.standard_normal(tensor.shape)
    zeros = math.ceil(sparsity * len(values))
    order = source.permuted(np.tile(np.arange(len(values))[:, None], values.shape[1]), axis=0)
    np.put_along_axis(values, order[:zeros], 0, 0)
    return tensor.copy_(values)


def linear_(weight: Tensor, bias: Tensor | None, fan_in: int | None = None) -> None:
    """PyTorch's default for linear layers and convolutions: uniform on ±1/√fan_in (Kaiming's rule with a = √5)."""
    n = fans("linear_", weight.shape)[0] if fan_in is None else fan_in
    bound = 1 / math.sqrt(n) if n else 0.0
    uniform_(weight, -bound, bound)
    if bias is not None:
        uniform_(bias, -bound, bound)
