"""Checking gradients against finite differences."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .engine import leaf
from .functions import grad
from .tensor import Tensor

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]

Array = np.ndarray[Any, Any]


class GradcheckError(RuntimeError):
    """An analytic derivative differs from the numerical one. The message says where, and by how much."""


def numerical(function: Callable[..., Any], inputs: Sequence[Any], k: int, seed: Array) -> Array:
    """The gradient of ⟨seed, function(inputs)⟩ with respect to input ``k``.

    Central differences with steps h and 2h, combined (Richardson) so that the error is of order h⁴.
    """
    x = inputs[k].array
    out = np.empty(x.shape)

    def moved(place: Any, by: float) -> Any:
        y = x.copy()
        y[place] += by
        return np.sum(seed * function(*inputs[:k], leaf(y), *inputs[k + 1 :]).array, dtype=np.longdouble)

    for place in np.ndindex(x.shape):
        h = 1e-3 * max(1.0, abs(float(x[place])))
        near = (moved(place, h) - moved(place, -h)) / (2 * h)
        far = (moved(place, 2 * h) - moved(place, -2 * h)) / (4 * h)
        out[place] = near + (near - far) / 3
    return out


def gradcheck(
    function: Callable[..., Any],
    inputs: Any,
    *,
    rtol: float = 1e-7,
    atol: float = 1e-8,
    raise_exception: bool = True,
) -> bool:
    """Whether the gradients of ``function`` agree with finite differences.

    Parameters
    ----------
    function : callable
        Tensors → Tensor, or a tuple of them.
    inputs : Tensor or sequence of Tensor
        float64; those that require grad are checked.
    rtol, atol : float
        |analytic − numerical| ≤ atol + rtol · max |numerical|.
    raise_exception : bool
        Whether a difference raises instead of giving False.

    Raises
    ------
    GradcheckError
        Naming the input, the position and both values.
    TypeError
        For an input that requires grad and is not float64.

    Examples
    --------
    >>> import autograd
    >>> x = autograd.tensor([0.5, 2.0], dtype="float64", requires_grad=True)
    >>> autograd.gradcheck(autograd.sigmoid, x)
    True
    """
    given = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    for x in given:
        if isinstance(x, Tensor) and x.requires_grad and x.dtype != np.float64:
            raise TypeError(f"gradcheck: expects float64 inputs, found {x.dtype}: differences need the precision")
    try:
        for message in _differences(function, given, rtol, atol):
            raise GradcheckError(message)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(function: Callable[..., Any], inputs: Any, *, rtol: float = 1e-6, atol: float = 1e-7) -> bool:
    """Whether the second derivatives of ``function`` agree with finite differences of the first.

    Raises
    ------
    GradcheckError, TypeError
        As :func:`gradcheck`.

    Examples
    --------
    >>> import autograd
    >>> x = autograd.tensor([0.5, 2.0], dtype="float64", requires_grad=True)
    >>> autograd.gradgradcheck(autograd.sigmoid, x)
    True
    """
    given = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    wanted = [k for k, x in enumerate(given) if isinstance(x, Tensor) and x.requires_grad]
    seeds = [leaf(_seed(y.array), True) for y in _outputs(function(*given))]

    def first(*args: Any) -> tuple[Any, ...]:
        xs, gs = list(args[: len(given)]), args[len(given) :]
        for k in wanted:
            xs[k].requires_grad = True
        found = grad(_outputs(function(*xs)), [xs[k] for k in wanted], gs, create_graph=True, allow_unused=True)
        return tuple(g for g in found if g is not None)

    return gradcheck(first, [*given, *seeds], rtol=rtol, atol=atol)


def _outputs(y: Any) -> list[Any]:
    return [y] if isinstance(y, Tensor) else list(y)


def _seed(y: Array) -> Array:
    """Weights that no symmetry of the function can cancel, the same in every run."""
    return np.asarray(np.random.default_rng(y.size).uniform(0.5, 1.5, y.shape))


def _differences(function: Callable[..., Any], given: list[Any], rtol: float, atol: float) -> Iterator[str]:
    outputs = _outputs(function(*given))
    for number, y in enumerate(outputs):
        if not y.requires_grad:
            continue
        seed = _seed(y.array)
        wanted = [k for k, x in enumerate(given) if isinstance(x, Tensor) and x.requires_grad]
        found = grad(y, [given[k] for k in wanted], leaf(seed), retain_graph=True, allow_unused=True)

        def one(*args: Any, number: int = number) -> Any:
            return _outputs(function(*args))[number]

        for k, g in zip(wanted, found, strict=True):
            expected = numerical(one, given, k, seed)
            actual = np.zeros(expected.shape) if g is None else g.array
            off = np.abs(actual - expected)
            if not np.all(off <= atol + rtol * np.max(np.abs(expected), initial=0)):
                place = np.unravel_index(np.argmax(np.where(np.isnan(off), np.inf, off)), off.shape)
                at = tuple(int(n) for n in place)
                yield (
                    f"gradcheck: input {k}, output {number}: the gradient at {at} is {actual[place]:.10g}, "
                    f"finite differences say {expected[place]:.10g}"
                )
