"""The activations as functions, elementwise unless they say otherwise.

With ``inplace=True`` the result is written into the memory of the input; that write is recorded, as those of Tensor's
own methods are.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from autograd import ShapeError, Tensor, clamp, ops, split
from autograd.arrays import check_number, check_tensors
from autograd.inplace import overwrite
from autograd.tensor import in_place

__all__ = [
    "celu", "celu_", "elu", "elu_", "gelu", "glu", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "hardtanh_",
    "leaky_relu", "leaky_relu_", "log_softmax", "logsigmoid", "mish", "prelu", "relu", "relu6", "relu_", "selu",
    "selu_", "sigmoid", "silu", "softmax", "softmin", "softplus", "softshrink", "softsign", "tanh", "tanhshrink",
    "threshold", "threshold_",
]  # fmt: skip

sigmoid = ops.sigmoid
tanh = ops.tanh
softsign = ops.softsign
tanhshrink = ops.tanhshrink


def _run(function: Callable[..., Any], inplace: bool, input: Tensor, *args: Any) -> Tensor:
    """``function`` of the input and ``args``; with ``inplace`` written into the input."""
    if inplace:
        return overwrite(input, function, *args, what=f"{function.__name__}_")
    result: Tensor = function(input, *args)
    return result


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max{0, x}; the derivative at 0 is 0.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.relu(autograd.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    return _run(ops.relu, inplace, input)


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """min{max{0, x}, 6}; the derivative at 0 and at 6 is 0.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.relu6(autograd.tensor([-1.0, 2.0, 8.0]))
    tensor([0., 2., 6.])
    """
    return _run(ops.hardtanh, inplace, input, 0.0, 6.0)


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """x within [``min_val``, ``max_val``]; the derivative at the bounds is 0.

    Raises
    ------
    ValueError
        If ``min_val`` is above ``max_val``.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.hardtanh(autograd.tensor([-2.0, 0.5, 2.0]))
    tensor([-1.0000,  0.5000,  1.0000])
    """
    if check_number("hardtanh", "min_val", min_val) > check_number("hardtanh", "max_val", max_val):
        raise ValueError(f"hardtanh: min_val cannot be greater than max_val, found {min_val} and {max_val}")
    return _run(ops.hardtanh, inplace, input, min_val, max_val)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x where x > 0, elsewhere ``negative_slope`` · x.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.leaky_relu(autograd.tensor([-1.0, 2.0]), 0.5)
    tensor([-0.5000,  2.0000])
    """
    return _run(ops.leaky_relu, inplace, input, negative_slope)


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """x where x > 0, elsewhere weight · x, with a ``weight`` that is learned.

    Parameters
    ----------
    input : Tensor, (n, channels, …) or of any shape
    weight : Tensor, (), (1,) or (channels,)

    Raises
    ------
    ShapeError
        For a weight of another shape.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.prelu(autograd.tensor([[-1.0, -1.0]]), autograd.tensor([0.25, 0.5]))
    tensor([[-0.2500, -0.5000]])
    """
    check_tensors("prelu", input, weight, kinds=Tensor)
    channels = input.shape[1] if input.ndim > 1 else 1
    if weight.ndim > 1 or weight.numel() not in (1, channels):
        raise ShapeError(
            f"prelu: expects one weight, or one for each channel, shape ({channels},); the input has shape "
            f"{input.shape}, the weight {weight.shape}"
        )
    if weight.ndim:  # along axis 1, from the back as broadcasting counts
        weight = weight.reshape(*weight.shape, *(1,) * (input.ndim - 2)) if input.ndim > 1 else weight.reshape(())
    return ops.leaky_relu(input, weight)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where x > 0, elsewhere α (eˣ − 1).

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.elu(autograd.tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """
    return _run(ops.elu, inplace, input, alpha)


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """λx where x > 0, elsewhere λα (eˣ − 1); slide "Common choices for g_H".

    λ = 1.0507… and α = 1.6733… keep mean 0 and variance 1 from layer to layer, for LeCun-normal weights.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.selu(autograd.tensor([-1.0, 2.0]))
    tensor([-1.1113,  2.1014])
    """
    return _run(ops.selu, inplace, input)


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where x > 0, elsewhere α (e^(x/α) − 1): an ELU whose derivative is continuous for every α.

    Raises
    ------
    ValueError
        For α = 0.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.celu(autograd.tensor([-1.0, 2.0]), alpha=0.5)
    tensor([-0.4323,  2.0000])
    """
    if not alpha:
        raise ValueError("celu: alpha cannot be 0 for CELU, which divides by it")
    return _run(ops.elu, inplace, input, alpha, alpha)


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """x Φ(x), with Φ the normal distribution function.

    Parameters
    ----------
    approximate : {"none", "tanh"}
        "tanh": ½ x (1 + tanh(√(2/π) (x + 0.044715 x³))).

    Raises
    ------
    ValueError
        For another ``approximate``.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.gelu(autograd.tensor([-1.0, 2.0]))
    tensor([-0.1587,  1.9545])
    """
    return ops.gelu(input, approximate)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """x σ(x), the swish; 0 at −∞, where PyTorch has nan.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.silu(autograd.tensor([-1.0, 2.0]))
    tensor([-0.2689,  1.7616])
    """
    return _run(ops.silu, inplace, input)


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """x tanh(ln(1 + eˣ)); 0 at −∞, where PyTorch has nan.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.mish(autograd.tensor([-1.0, 2.0]))
    tensor([-0.3034,  1.9440])
    """
    return _run(ops.mish, inplace, input)


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """ln(1 + e^βx) / β: a smooth ReLU.

    Parameters
    ----------
    beta : float
        How sharp the bend is.
    threshold : float
        Where βx is above it, the result is x. PyTorch's default of 20 is there against overflow, of which there is none
        here: a threshold of 20 or more changes nothing.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.softplus(autograd.tensor([-9.0, 0.0, 9.0]))
    tensor([1.2340e-04, 6.9315e-01, 9.0001e+00])
    """
    soft = ops.softplus(input, beta)
    return soft if threshold >= 20 else ops.where(beta * input > threshold, input, soft)


def logsigmoid(input: Tensor) -> Tensor:
    """ln σ(x) = −ln(1 + e⁻ˣ), without overflow or loss.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.logsigmoid(autograd.tensor([-1000.0]))
    tensor([-1000.])
    """
    check_tensors("logsigmoid", input)
    return -ops.softplus(-input)


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """The line x/6 + ½, within [0, 1]; the derivative at ±3 is 0.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.hardsigmoid(autograd.tensor([-4.0, 0.0, 4.0]))
    tensor([0.0000, 0.5000, 1.0000])
    """
    return _run(_hardsigmoid, inplace, input)


def _hardsigmoid(x: Any) -> Any:
    return (ops.hardtanh(x, -3.0, 3.0) + 3.0) / 6.0  # clipped first, so that the bounds are exact


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """x · hardsigmoid(x): 0 where x ≤ −3, x where x ≥ 3, a parabola between.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.hardswish(autograd.tensor([-4.0, 1.5, 4.0]))
    tensor([0.0000, 1.1250, 4.0000])
    """
    return _run(ops.hardswish, inplace, input)


def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """0 where |x| ≤ λ, elsewhere x.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.hardshrink(autograd.tensor([-0.5, 2.0]))
    tensor([0., 2.])
    """
    return ops.where(ops.abs(input) <= lambd, 0.0, input)


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """0 where |x| ≤ λ, elsewhere x moved towards 0 by λ.

    Raises
    ------
    ValueError
        For a negative λ.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.softshrink(autograd.tensor([-0.5, 2.0]))
    tensor([0.0000, 1.5000])
    """
    if not check_number("softshrink", "lambd", lambd) >= 0:
        raise ValueError(f"softshrink: lambd must be greater than or equal to 0, found {lambd}")
    return input - clamp(input, -lambd, lambd)


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """x where x > ``threshold``, elsewhere ``value``.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.threshold(autograd.tensor([1.0, 2.0]), 1.0, -7.0)
    tensor([-7.,  2.])
    """
    check_tensors("threshold", input)
    return _run(_threshold, inplace, input, threshold, value)


def _threshold(x: Any, threshold: float, value: float) -> Any:
    return ops.where(x <= threshold, value, x)


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """a ⊙ σ(b), the input's halves along ``dim`` being a and b.

    Raises
    ------
    ShapeError
        For a number of elements along ``dim`` that is odd, and for a 0-d input.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.glu(autograd.tensor([1.0, 2.0, 0.0, 1000.0]))
    tensor([0.5000, 2.0000])
    """
    check_tensors("glu", input)
    if not input.ndim:
        raise ShapeError("glu: does not support 0-dimensional tensors")
    size = input.size(dim)
    if size % 2:
        raise ShapeError(f"glu: halving dimension must be even, but dimension {dim} of {input.shape} is size {size}")
    if not size:
        return input
    a, b = split(input, size // 2, dim)
    return a * ops.sigmoid(b)


def softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """eˣ / Σ eˣ over ``dim``: the soft decision among K classes (slide "Common choices for g_O").

    Parameters
    ----------
    dim : int, optional
        Give it: without one there is a warning, and it is 0 for 0, 1 and 3 dimensions, else 1.
    _stacklevel : int
        How far up the caller is that the warning is for.
    dtype : dtype-like, optional
        What to compute in, and the dtype of the result.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.softmax(autograd.tensor([[0.0, 1000.0]]), dim=1)
    tensor([[0., 1.]])
    """
    check_tensors("softmax", input)
    return ops.softmax(input, _dim("softmax", input, dim, _stacklevel), dtype)


def softmin(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """e⁻ˣ / Σ e⁻ˣ over ``dim``; the parameters are those of :func:`softmax`.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.softmin(autograd.tensor([[0.0, 1000.0]]), dim=1)
    tensor([[1., 0.]])
    """
    check_tensors("softmin", input)
    return ops.softmax(-input, _dim("softmin", input, dim, _stacklevel), dtype)


def log_softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """x − ln Σ eˣ over ``dim``, without overflow or loss; the parameters are those of :func:`softmax`.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.log_softmax(autograd.tensor([[0.0, 1000.0]]), dim=1)
    tensor([[-1000.,     0.]])
    """
    check_tensors("log_softmax", input)
    return ops.log_softmax(input, _dim("log_softmax", input, dim, _stacklevel), dtype)


def _dim(name: str, input: Tensor, dim: int | None, stacklevel: int) -> int:
    if dim is not None:
        return dim
    warnings.warn(
        f"{name}: implicit dimension choice has been deprecated; say which with dim=, dim=1 for rows of scores",
        stacklevel=stacklevel,
    )
    return 0 if input.ndim in (0, 1, 3) else 1


relu_ = in_place(relu)
elu_ = in_place(elu)
selu_ = in_place(selu)
celu_ = in_place(celu)
leaky_relu_ = in_place(leaky_relu)
hardtanh_ = in_place(hardtanh)
threshold_ = in_place(threshold)
