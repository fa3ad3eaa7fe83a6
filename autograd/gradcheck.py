"""Checking gradients against finite differences: :func:`gradcheck` and :func:`gradgradcheck`.

Small functions are checked entry by entry of their Jacobian. For large ones a few random directions v are enough: a
wrong gradient G has another ⟨G, v⟩ than the function's own change along v, and halving v finds the entry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from .engine import leaf
from .functions import grad
from .modes import enable_grad
from .tensor import Tensor

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]

Array = np.ndarray[Any, Any]
LARGE = 1000  # from this many entries of an input or output on, random directions
PROBES = 8
STEP = 1e-3
STENCIL = ((1, 3 / 4), (2, -3 / 20), (3, 1 / 60))  # central differences, error of order h⁶


class GradcheckError(RuntimeError):
    """An analytic derivative differs from the numerical one. The message says where, and by how much."""


class _Tolerance(NamedTuple):
    """How far apart an analytic and a numerical derivative may be."""

    atol: float | None
    rtol: float | None
    eps: float

    def of(self, expected: Array, value: Array) -> Any:
        """For each entry of ``expected``, the numerical derivative of a function with this ``value``."""
        if self.atol is None and self.rtol is None:
            noise = 1e-14 * np.max(np.abs(value), initial=0) / self.eps  # of rounding, in a difference
            return noise + 1e-7 * np.max(np.abs(expected), initial=0)
        return (self.atol or 0) + (self.rtol or 0) * np.abs(expected)

    def along(self, gradient: Array, direction: Array, value: Array) -> float:
        """For the derivative along a random ``direction``: errors add up like its entries do, as in a random walk."""
        if self.atol is None and self.rtol is None:
            noise = 1e-14 * np.linalg.norm(value) / self.eps
            return float(noise + 1e-7 * np.linalg.norm(gradient * direction))
        return float((self.atol or 0) * np.linalg.norm(direction)
                     + (self.rtol or 0) * np.linalg.norm(gradient * direction))  # fmt: skip


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = STEP,
    atol: float | None = None,
    rtol: float | None = None,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool | None = None,
    masked: bool | None = None,
) -> bool:
    """Whether the gradients of ``func`` agree with finite differences.

    Parameters
    ----------
    func : callable
        Tensors → Tensor, or a tuple of them. Smooth within a few ``eps`` of the inputs.
    inputs : Tensor or sequence of Tensor
        float64; those that require grad are checked.
    eps : float
        The step, for entries of size up to 1; in proportion for larger ones.
    atol, rtol : float, optional
        |analytic − numerical| ≤ atol + rtol |numerical|, for every entry of the Jacobian. Without either, 1e-7 of the
        largest entry: what differences of this order can resolve.
    raise_exception : bool
        Whether a difference raises instead of giving False.
    nondet_tol : float
        How far two backward passes may differ.
    fast_mode : bool, optional
        Random directions instead of every entry of the Jacobian; by default for more than a thousand entries. A million
        entries take seconds, and one wrong among them is found.
    check_undefined_grad, check_grad_dtypes, check_batched_grad, check_batched_forward_grad, check_forward_ad, \
check_backward_ad, masked
        Accepted as in PyTorch, and of no effect.

    Raises
    ------
    GradcheckError
        Naming the input, the position and both values.
    TypeError
        For an input that requires grad and is not float64.
    ValueError
        If no input requires grad.

    Examples
    --------
    >>> import autograd
    >>> x = autograd.tensor([0.5, 2.0], dtype="float64", requires_grad=True)
    >>> autograd.gradcheck(autograd.sigmoid, x)
    True
    """
    given = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    wanted = [k for k, x in enumerate(given) if isinstance(x, Tensor) and x.requires_grad]
    if not wanted:
        raise ValueError("gradcheck: expects at least one input that requires grad")
    for k in wanted:
        if given[k].dtype != np.float64:
            raise TypeError(f"gradcheck: expects float64 inputs, input {k} is {given[k].dtype}: differences need the "
                            "precision")  # fmt: skip
    check = _Check(func, given, wanted, _Tolerance(atol, rtol, eps), nondet_tol, fast_mode)
    for message in check.differences():
        if raise_exception:
            raise GradcheckError(f"gradcheck: {message}")
        return False
    return True


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = STEP,
    atol: float | None = None,
    rtol: float | None = None,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool | None = None,
    masked: bool = False,
) -> bool:
    """Whether the second derivatives of ``func`` agree with finite differences of the first.

    Parameters
    ----------
    grad_outputs : Tensor or sequence of Tensor, optional
        The upstream gradients to use; random ones by default.

    The others, and the errors, are those of :func:`gradcheck`.

    Examples
    --------
    >>> import autograd
    >>> x = autograd.tensor([0.5, 2.0], dtype="float64", requires_grad=True)
    >>> autograd.gradgradcheck(autograd.sigmoid, x)
    True
    """
    given = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    wanted = [k for k, x in enumerate(given) if isinstance(x, Tensor) and x.requires_grad]
    if grad_outputs is None:
        seeds = [leaf(_seed(y.array), True) for y in _flowing(func(*given))]
    else:
        seeds = [x.detach().requires_grad_() for x in _listed(grad_outputs)]

    @enable_grad()
    def first(*args: Any) -> tuple[Any, ...]:
        xs, gs = list(args[: len(given)]), args[len(given) :]
        for k in wanted:
            xs[k].requires_grad = True
        found = grad(_flowing(func(*xs)), [xs[k] for k in wanted], gs, create_graph=True, allow_unused=True)
        return tuple(g for g in found if g is not None)

    return gradcheck(first, [*given, *seeds], eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception,
                     nondet_tol=nondet_tol, fast_mode=fast_mode)  # fmt: skip


def _listed(y: Any) -> list[Any]:
    return [y] if isinstance(y, Tensor) else list(y)


def _flowing(y: Any) -> list[Any]:
    """The outputs that a gradient flows back from."""
    return [t for t in _listed(y) if t.requires_grad]


def _seed(y: Array) -> Array:
    """Weights that no symmetry of the function can cancel, the same in every run."""
    return np.asarray(np.random.default_rng(y.size).uniform(0.5, 1.5, y.shape))


class _Check:
    """One check: a function at one point."""

    def __init__(self, func: Any, given: list[Any], wanted: list[int], tolerance: _Tolerance, nondet: float,
                 fast: bool | None) -> None:  # fmt: skip
        self.func, self.given, self.wanted, self.tolerance, self.nondet = func, given, wanted, tolerance, nondet
        self.outputs = _listed(func(*given))
        sizes = [given[k].numel() for k in wanted] + [y.numel() for y in self.outputs]
        self.fast = max(sizes) > LARGE if fast is None else fast

    def differences(self) -> Iterator[str]:
        """What is wrong, in words."""
        for number, y in enumerate(self.outputs):
            if y.requires_grad:
                gradients = self.analytic(number, _seed(y.array))
                for k, one, other in zip(self.wanted, gradients, self.analytic(number, _seed(y.array)), strict=True):
                    if not np.allclose(one, other, rtol=0, atol=self.nondet, equal_nan=True):
                        yield f"input {k}, output {number}: two backward passes differ by {np.max(np.abs(one - other))}"
                yield from self.along(number, gradients) if self.fast else self.entries(number)

    def analytic(self, number: int, seed: Array) -> list[Array]:
        """The gradient of ⟨seed, output⟩ with respect to every wanted input."""
        xs = [self.given[k] for k in self.wanted]
        found = grad(self.outputs[number], xs, leaf(seed), retain_graph=True, allow_unused=True)
        return [np.zeros(x.shape) if g is None else g.array for x, g in zip(xs, found, strict=True)]

    def numerical(self, number: int, k: int, direction: Array) -> Array:
        """The derivative of the output along ``direction`` in input ``k``."""
        h, x = self.tolerance.eps, self.given[k].array
        total: Any = 0.0
        for steps, weight in STENCIL:
            ahead, behind = (self.value(number, k, x + s * steps * h * direction) for s in (1, -1))
            total = total + weight * (ahead - behind)
        return np.asarray(total / h)

    def value(self, number: int, k: int, x: Array) -> Array:
        args = [y.detach() if isinstance(y, Tensor) else y for y in self.given]
        args[k] = leaf(np.asarray(x))  # NumPy turns 0-d arrays into scalars
        array: Array = _listed(self.func(*args))[number].array
        return array

    def entries(self, number: int) -> Iterator[str]:
        """Every entry of the Jacobian."""
        y = self.outputs[number].array
        rows: list[list[Array]] = []
        for j in range(y.size):
            one_hot = np.zeros(y.size)
            one_hot[j] = 1
            rows.append(self.analytic(number, one_hot.reshape(y.shape)))
        for n, k in enumerate(self.wanted):
            x = self.given[k].array
            actual = np.array([row[n] for row in rows]).reshape(y.size, x.size)
            expected = np.empty(actual.shape)
            for i in range(x.size):
                direction = _one(x, i)
                expected[:, i] = self.numerical(number, k, direction).reshape(-1) / direction.flat[i]
            off = np.abs(actual - expected)
            tolerance = self.tolerance.of(expected, y)
            if not np.all(off <= tolerance):
                excess = np.where(np.isnan(off), np.inf, off - tolerance)
                j, i = _place(off, int(np.argmax(excess)))
                yield _message(k, x, i, number, f" at {_place(y, j)}", actual[j, i], expected[j, i])

    def along(self, number: int, gradients: list[Array]) -> Iterator[str]:
        """Random directions; where one is off, halves of it down to an entry."""
        y = self.outputs[number].array
        weights = _seed(y)

        def off(k: int, gradient: Array, direction: Array) -> tuple[bool, float, float]:
            actual = float(np.sum(gradient * direction, dtype=np.longdouble))
            expected = float(np.sum(weights * self.numerical(number, k, direction), dtype=np.longdouble))
            wrong = not abs(actual - expected) <= self.tolerance.along(gradient, direction, weights * y)
            return wrong, actual, expected

        for k, gradient in zip(self.wanted, gradients, strict=True):
            x = self.given[k].array
            rng = np.random.default_rng(x.size)
            for _ in range(PROBES):
                direction = rng.uniform(0.5, 1.5, x.shape) * rng.choice((-1.0, 1.0), x.shape) * _scale(x)
                if off(k, gradient, direction)[0]:
                    places = np.arange(x.size)
                    while len(places) > 1:
                        half = places[: len(places) // 2]
                        part = np.zeros(x.shape)
                        part.flat[half] = direction.flat[half]
                        places = half if off(k, gradient, part)[0] else places[len(half) :]
                    i = int(places[0])
                    unit = _one(x, i)
                    _, actual, expected = off(k, gradient, unit)
                    yield _message(k, x, i, number, " (weighted)", actual / unit.flat[i], expected / unit.flat[i])
                    break


def _scale(x: Array) -> Array:
    return np.maximum(1.0, np.abs(x))


def _one(x: Array, i: int) -> Array:
    """The direction of entry ``i`` alone, as long as the entry is large."""
    direction = np.zeros(x.shape)
    direction.flat[i] = _scale(x).flat[i]
    return direction


def _place(x: Array, i: int) -> tuple[int, ...]:
    return tuple(int(n) for n in np.unravel_index(i, x.shape)) if x.shape else ()


def _message(k: int, x: Array, i: int, number: int, where: str, actual: float, expected: float) -> str:
    return (
        f"input {k}, output {number}{where}: the gradient at {_place(x, i)} is {actual:.10g}, "
        f"finite differences say {expected:.10g}"
    )
