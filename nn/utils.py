"""What is done to all parameters of a network at once: clipping their gradients, writing them as one vector."""

from __future__ import annotations

import math
import types
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

import autograd
from autograd import ShapeError, Tensor, as_tensor, effect, no_grad

from .module import Module

__all__ = [
    "clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "count_parameters", "get_total_norm",
    "parameters_to_vector", "vector_to_parameters",
]  # fmt: skip


def _tensors(given: Any) -> list[Tensor]:
    """One tensor, or several, as a list; a generator that has nothing left is probably a mistake."""
    if isinstance(given, Tensor):
        return [given]
    tensors = list(given)
    if not tensors and isinstance(given, types.GeneratorType):
        warnings.warn("the parameters are an empty generator: no gradient clipping will occur", stacklevel=4)
    return tensors


def _gradients(parameters: Iterable[Tensor]) -> list[Tensor]:
    return [p.grad for p in parameters if p.grad is not None]


def _refuse(foreach: bool | None) -> None:
    if foreach:
        raise RuntimeError("foreach=True was passed, but can't use the foreach API: there is one implementation here")


def get_total_norm(
    tensors: Any, norm_type: float = 2.0, error_if_nonfinite: bool = False, foreach: bool | None = None
) -> Tensor:
    """The norm of all ``tensors`` as if they were one vector.

    Parameters
    ----------
    tensors : Tensor or iterable of Tensor
    norm_type : float
        p, which may be ``math.inf``.
    error_if_nonfinite : bool
        Whether a norm that is nan or infinite is an error.
    foreach : None or False
        PyTorch's switch between its implementations.

    Returns
    -------
    Tensor
        A scalar; 0 for no tensors. The sum is taken in float64.

    Raises
    ------
    RuntimeError
        For a norm that is not finite, if asked.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.utils.get_total_norm([autograd.tensor([3.0]), autograd.tensor([4.0])])
    tensor(5.)
    """
    _refuse(foreach)
    arrays = [t.array for t in _tensors(tensors)]
    if not arrays:
        return autograd.tensor(0.0)
    p = float(norm_type)
    with np.errstate(all="ignore"):
        norms = np.array([np.linalg.norm(a.ravel().astype(np.float64), p) if a.size else 0.0 for a in arrays])
        total = np.linalg.norm(norms, p).astype(np.result_type(*(a.dtype for a in arrays)))
    if error_if_nonfinite and not np.isfinite(total):
        raise RuntimeError(
            f"The total norm of order {p} for gradients is non-finite ({total}), so it cannot be clipped; with "
            "error_if_nonfinite=False they are scaled by it all the same"
        )
    return as_tensor(total)


@effect
def clip_grads_with_norm_(parameters: Any, max_norm: float, total_norm: Tensor, foreach: bool | None = None) -> None:
    """Scale all gradients in place by max_norm / (total_norm + 10⁻⁶), unless that is more than 1.

    Parameters
    ----------
    parameters : Tensor or iterable of Tensor
        Whose gradients; those without one are left alone.
    max_norm : float
        The most that the norm of all gradients together is to be; may be infinite.
    total_norm : Tensor
        What it is: :func:`get_total_norm`.
    foreach : None or False
        PyTorch's switch between its implementations.

    Raises
    ------
    ValueError
        For a ``max_norm`` that is negative or nan.

    Examples
    --------
    >>> import autograd, nn
    >>> w = nn.Parameter(autograd.zeros(2))
    >>> w.grad = autograd.tensor([3.0, 4.0])
    >>> nn.utils.clip_grads_with_norm_(w, 1.0, autograd.tensor(5.0))
    >>> w.grad
    tensor([0.6000, 0.8000])
    """
    _refuse(foreach)
    scale = _limit("max_norm", max_norm) / (float(total_norm) + 1e-6)
    if scale >= 1:
        return
    with no_grad():
        for g in _gradients(_tensors(parameters)):
            g.mul_(scale)


@effect
def clip_grad_norm_(
    parameters: Any,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale all gradients in place so that their norm, as of one vector, is at most ``max_norm``.

    Against exploding gradients (Pascanu, Mikolov and Bengio, 2013). A norm that is nan makes all gradients nan.

    Parameters
    ----------
    parameters : Tensor or iterable of Tensor
        Whose gradients; those without one are left alone.
    max_norm : float
        The limit; infinite to compute the norm only.
    norm_type : float
        p, which may be ``math.inf``.
    error_if_nonfinite : bool
        Whether a norm that is nan or infinite is an error; the gradients are then unchanged.
    foreach : None or False
        PyTorch's switch between its implementations.

    Returns
    -------
    Tensor
        The norm before, a scalar.

    Raises
    ------
    RuntimeError
        For a norm that is not finite, if asked.
    ValueError
        For a ``max_norm`` that is negative or nan.

    Examples
    --------
    >>> import autograd, nn
    >>> w = nn.Parameter(autograd.zeros(2))
    >>> w.grad = autograd.tensor([3.0, 4.0])
    >>> nn.utils.clip_grad_norm_([w], max_norm=1.0)
    tensor(5.)
    >>> w.grad
    tensor([0.6000, 0.8000])
    """
    _limit("max_norm", max_norm)
    tensors = _tensors(parameters)
    total = get_total_norm(_gradients(tensors), norm_type, error_if_nonfinite, foreach)
    clip_grads_with_norm_(tensors, max_norm, total)
    return total


@effect
def clip_grad_value_(parameters: Any, clip_value: float, foreach: bool | None = None) -> None:
    """Cut every element of the gradients, in place, to [−clip_value, clip_value].

    Parameters
    ----------
    parameters : Tensor or iterable of Tensor
        Whose gradients; those without one are left alone.
    clip_value : float
        The limit.
    foreach : None or False
        PyTorch's switch between its implementations.

    Raises
    ------
    ValueError
        For a ``clip_value`` that is negative or nan.

    Examples
    --------
    >>> import autograd, nn
    >>> w = nn.Parameter(autograd.zeros(2))
    >>> w.grad = autograd.tensor([0.5, -4.0])
    >>> nn.utils.clip_grad_value_([w], clip_value=1.0)
    >>> w.grad
    tensor([ 0.5000, -1.0000])
    """
    _refuse(foreach)
    limit = _limit("clip_value", clip_value)
    with no_grad():
        for g in _gradients(_tensors(parameters)):
            g.copy_(np.clip(g.array, -limit, limit))


def count_parameters(model: Module, trainable: bool = False) -> int:
    """How many numbers a network learns: the elements of all parameters, each parameter once. PyTorch has none.

    Parameters
    ----------
    model : Module
    trainable : bool
        Count only what requires a gradient: nothing of frozen layers.

    Examples
    --------
    >>> import nn
    >>> nn.utils.count_parameters(nn.Sequential(nn.Linear(2, 4), nn.Sigmoid(), nn.Linear(4, 1)))  # the slides' 2-4-1
    17
    """
    return sum(p.numel() for p in model.parameters() if p.requires_grad or not trainable)


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All parameters as one vector, differentiable.

    Parameters
    ----------
    parameters : iterable of Tensor

    Examples
    --------
    >>> import autograd, nn
    >>> nn.utils.parameters_to_vector(nn.Linear(2, 3).parameters()).shape
    (9,)
    """
    vector: Any = np.concatenate([p.reshape(-1) for p in parameters])  # recorded, as NumPy's functions are on tensors
    return vector


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Write a vector into the parameters, one after the other.

    The values are copied, in each parameter's dtype. (In PyTorch the parameters become views of ``vec``, which later
    steps of an optimizer then change.)

    Parameters
    ----------
    vec : Tensor
        Of as many elements as the parameters have together.
    parameters : iterable of Tensor

    Raises
    ------
    TypeError
        For anything but a tensor.
    ShapeError
        For a vector of another length (PyTorch lets a longer one pass).

    Examples
    --------
    >>> import autograd, nn
    >>> w, b = nn.Parameter(autograd.zeros(1, 2)), nn.Parameter(autograd.zeros(1))
    >>> nn.utils.vector_to_parameters(autograd.tensor([1.0, 2.0, 3.0]), [w, b])
    >>> w.tolist(), b.tolist()
    ([[1.0, 2.0]], [3.0])
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"vector_to_parameters: expected a Tensor, but got: {type(vec).__name__}")
    parameters = list(parameters)
    total = sum(p.numel() for p in parameters)
    if vec.shape != (total,):
        raise ShapeError(f"vector_to_parameters: expects shape ({total},), as many elements as the parameters have "
                         f"together, found {vec.shape}")  # fmt: skip
    start = 0
    with no_grad():
        for p in parameters:
            p.copy_(vec[start : start + p.numel()].reshape(p.shape))
            start += p.numel()


def _limit(name: str, value: Any) -> float:
    limit = float(value)
    if math.isnan(limit) or limit < 0:
        raise ValueError(f"Invalid {name}: {value!r}; expects a number that is not negative")
    return limit
