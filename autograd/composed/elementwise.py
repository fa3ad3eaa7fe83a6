"""Elementwise functions composed of the primitives."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import ops
from ..arrays import check_number, check_tensors
from ..errors import DtypeError
from ..tensor import Tensor, as_tensor, method

__all__ = [
    "acosh", "add", "addcdiv", "addcmul", "allclose", "atan", "atanh", "ceil", "clamp", "clamp_max", "clamp_min",
    "deg2rad", "div", "equal", "exp2", "float_power", "fmax", "fmin", "frac", "isclose", "lerp", "logit",
    "nan_to_num", "positive", "rad2deg", "reciprocal", "rsqrt", "square", "sub", "tan", "trunc", "xlogy",
]  # fmt: skip

elementwise = method(inplace=True)


def _dtype(*xs: Any) -> np.dtype[Any]:
    """The dtype in which tensors and numbers are combined."""
    operands = map(Tensor.operand, xs)
    return ops.result_dtype([x.array if isinstance(x, Tensor) else x for x in operands])


# -- arithmetic


@elementwise
def add(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    """input + alpha · other, broadcast.

    Examples
    --------
    >>> import autograd
    >>> autograd.add(autograd.tensor([1.0, 2.0]), 10, alpha=2)
    tensor([21., 22.])
    """
    return ops.add(input, _scaled(other, alpha))


@elementwise
def sub(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    """input − alpha · other, broadcast.

    Examples
    --------
    >>> import autograd
    >>> autograd.sub(autograd.tensor([21.0, 22.0]), 10, alpha=2)
    tensor([1., 2.])
    """
    return ops.sub(input, _scaled(other, alpha))


def _scaled(x: Any, factor: Any) -> Any:
    """Factor · x; x itself for 1, so that the usual call records nothing more."""
    return x if factor == 1 else ops.mul(x, factor)


@elementwise
def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Any:
    """input / other, broadcast.

    Parameters
    ----------
    rounding_mode : {None, "trunc", "floor"}
        None divides truly: integers give a float. "trunc" rounds towards 0, "floor" down; integers stay integers.

    Raises
    ------
    ValueError
        For another ``rounding_mode``.

    Examples
    --------
    >>> import autograd
    >>> autograd.div(autograd.tensor([7, -7]), 2, rounding_mode="trunc")
    tensor([ 3, -3])
    """
    if rounding_mode is None:
        return ops.div(input, other)
    if rounding_mode == "floor":
        return ops.floor_divide(input, other)
    if rounding_mode == "trunc":
        if _dtype(input, other).kind == "f":
            return trunc(ops.div(input, other))
        return ops.floor_divide(ops.sub(input, ops.fmod(input, other)), other)
    raise ValueError(f"div: rounding_mode must be None, 'trunc' or 'floor', found {rounding_mode!r}")


@elementwise
def reciprocal(input: Any) -> Any:
    """1 / input; integers give a float."""
    return ops.div(1.0, input)


@method()
def positive(input: Any) -> Any:
    """The input itself: ``+x``."""
    check_tensors("positive", input)
    return input


@method(inplace=True, numpy=[np.square])
def square(input: Any) -> Any:
    """input²."""
    return ops.pow(input, 2)


@elementwise
def float_power(input: Any, exponent: Any) -> Any:
    """input to the power ``exponent``, computed in float64 whatever the dtypes are."""
    base, power = (
        x.double() if isinstance(x, Tensor) else float(check_number("float_power", name, x))
        for name, x in (("input", input), ("exponent", exponent))
    )
    return ops.pow(base, power)


@elementwise
def rsqrt(input: Any) -> Any:
    """1 / √input."""
    return ops.div(1.0, ops.sqrt(input))


@elementwise
def lerp(input: Any, end: Any, weight: Any) -> Any:
    """input + weight · (end − input): the way from ``input`` to ``end``, ``weight`` of it gone."""
    return ops.add(input, ops.mul(weight, ops.sub(end, input)))


@elementwise
def addcmul(input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Any:
    """input + value · tensor1 · tensor2."""
    return ops.add(input, _scaled(ops.mul(tensor1, tensor2), value))


@elementwise
def addcdiv(input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Any:
    """input + value · tensor1 / tensor2."""
    return ops.add(input, _scaled(ops.div(tensor1, tensor2), value))


# -- rounding and limits


@method(inplace=True, numpy=[np.ceil])
def ceil(input: Any) -> Any:
    """The smallest integer not below input, in its dtype; the gradient is 0."""
    return ops.neg(ops.floor(ops.neg(input)))


@method(inplace=True, numpy=[np.trunc])
def trunc(input: Any) -> Any:
    """Input without its fraction, in its dtype; the gradient is 0."""
    return ops.where(ops.lt(input, 0), ceil(input), ops.floor(input))


@elementwise
def frac(input: Any) -> Any:
    """The fraction of input, with its sign: input − trunc(input)."""
    return ops.sub(input, trunc(input))


@method(inplace=True, numpy=[np.clip])
def clamp(input: Any, min: Any = None, max: Any = None) -> Any:
    """Input within [min, max], numbers or tensors; nan stays nan. The derivative is 1 at the bounds, and 0 outside.

    Raises
    ------
    ValueError
        Without any bound.

    Examples
    --------
    >>> import autograd
    >>> autograd.clamp(autograd.tensor([-2.0, 0.5, 3.0]), min=0, max=1)
    tensor([0.0000, 0.5000, 1.0000])
    """
    if min is None and max is None:
        raise ValueError("clamp: at least one of 'min' or 'max' must not be None")
    if min is not None:
        input = ops.where(_beyond(ops.lt(input, min), min), min, input)
    if max is not None:
        input = ops.where(_beyond(ops.gt(input, max), max), max, input)
    return input


def _beyond(outside: Any, bound: Any) -> Any:
    """Where the ``bound`` is taken: ``outside`` of it, and where it is nan."""
    known = not isinstance(bound, Tensor) and np.all(np.equal(bound, bound))
    return outside if known else ops.logical_or(outside, ops.ne(bound, bound))


@elementwise
def clamp_min(input: Any, min: Any) -> Any:
    """Input, but at least ``min``; as :func:`clamp`."""
    if min is None:
        raise DtypeError("clamp_min: expects a number or a tensor as min, found NoneType")
    return clamp(input, min=min)


@elementwise
def clamp_max(input: Any, max: Any) -> Any:
    """Input, but at most ``max``; as :func:`clamp`."""
    if max is None:
        raise DtypeError("clamp_max: expects a number or a tensor as max, found NoneType")
    return clamp(input, max=max)


@method(numpy=[np.fmax])
def fmax(input: Any, other: Any) -> Any:
    """The larger of the two; the number where one is nan. At a tie ``input`` gets the gradient, as in PyTorch."""
    return ops.where(ops.logical_or(ops.isnan(other), ops.ge(input, other)), input, other)


@method(numpy=[np.fmin])
def fmin(input: Any, other: Any) -> Any:
    """The smaller of the two; the number where one is nan. At a tie ``input`` gets the gradient, as in PyTorch."""
    return ops.where(ops.logical_or(ops.isnan(other), ops.le(input, other)), input, other)


@method(inplace=True, numpy=[np.nan_to_num])
def nan_to_num(input: Any, nan: Any = None, posinf: Any = None, neginf: Any = None) -> Any:
    """Input with 0 for nan, the largest number for inf and the lowest for −inf, or with what is given for them.

    Examples
    --------
    >>> import autograd
    >>> autograd.nan_to_num(autograd.tensor([float("nan"), float("inf"), 1.0]), posinf=9.0)
    tensor([0., 9., 1.])
    """
    if input.dtype.kind != "f":
        return input
    limits = np.finfo(input.dtype)
    input = ops.where(ops.isnan(input), nan or 0.0, input)
    input = ops.where(ops.eq(input, math.inf), limits.max.item() if posinf is None else posinf, input)
    return ops.where(ops.eq(input, -math.inf), limits.min.item() if neginf is None else neginf, input)


# -- exponentials and angles


@method(inplace=True, numpy=[np.exp2])
def exp2(input: Any) -> Any:
    """2 to the power of input."""
    return ops.pow(2.0, input)


@elementwise
def logit(input: Any, eps: Any = None) -> Any:
    """ln(p / (1 − p)): what the sigmoid turns into p = input; with ``eps``, p is first clamped to [eps, 1 − eps]."""
    check_tensors("logit", input)
    p = input if eps is None else clamp(input, eps, 1 - eps)
    # Near ½ of 2p and 2(1 − p), whose logarithms would be left with few digits.
    middle = ops.sub(ops.log1p(2.0 * p - 1.0), ops.log1p(1.0 - 2.0 * p))
    return ops.where(ops.lt(ops.abs(p - 0.5), 0.25), middle, ops.sub(ops.log(p), ops.log1p(-1.0 * p)))


@elementwise
def xlogy(input: Any, other: Any) -> Any:
    """input · ln(other); 0 where ``input`` is 0 and ``other`` is not positive."""
    other = as_tensor(other, _dtype(input, other, 0.0))  # the mask below has dimensions, a 0-d tensor has no say
    return ops.mul(input, ops.log(ops.where(ops.logical_and(ops.eq(input, 0), ops.le(other, 0)), 1, other)))


@method(inplace=True, numpy=[np.tan])
def tan(input: Any) -> Any:
    """The tangent of input in radians."""
    return ops.div(ops.sin(input), ops.cos(input))


@method(inplace=True, numpy=[np.arctan])
def atan(input: Any) -> Any:
    """The angle between −π/2 and π/2 whose tangent is input."""
    return ops.atan2(input, 1.0)


@method(inplace=True, numpy=[np.arccosh])
def acosh(input: Any) -> Any:
    """The positive number whose hyperbolic cosine is input; nan below 1."""
    return ops.mul(2.0, ops.asinh(ops.sqrt(ops.mul(0.5, ops.sub(input, 1.0)))))


@method(inplace=True, numpy=[np.arctanh])
def atanh(input: Any) -> Any:
    """The number whose hyperbolic tangent is input; nan outside [−1, 1]."""
    return ops.mul(0.5, ops.sub(ops.log1p(input), ops.log1p(ops.mul(-1.0, input))))


@method(inplace=True, numpy=[np.deg2rad, np.radians])
def deg2rad(input: Any) -> Any:
    """Degrees as radians."""
    return ops.mul(input, math.pi / 180)


@method(inplace=True, numpy=[np.rad2deg, np.degrees])
def rad2deg(input: Any) -> Any:
    """Radians as degrees."""
    return ops.mul(input, 180 / math.pi)


# -- comparison


@method(numpy=[np.isclose])
def isclose(input: Any, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """Whether the difference is at most atol + rtol · |other|, elementwise; infinities are close to themselves only.

    Parameters
    ----------
    rtol, atol : float
        Relative and absolute tolerance.
    equal_nan : bool
        Whether nan is close to nan.
    """
    if _dtype(input, other).kind == "b":
        return ops.eq(input, other)
    error = ops.sub(ops.maximum(input, other), ops.minimum(input, other))  # also for unsigned integers
    small = ops.logical_and(ops.isfinite(error), ops.le(error, atol + rtol * ops.abs(other)))
    close = ops.logical_or(ops.eq(input, other), small)
    return ops.logical_or(close, ops.logical_and(ops.isnan(input), ops.isnan(other))) if equal_nan else close


@method(numpy=[np.allclose])
def allclose(input: Any, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Whether all elements are close, as :func:`isclose` has it.

    Examples
    --------
    >>> import autograd
    >>> autograd.allclose(autograd.tensor([1.0, 2.0]), autograd.tensor([1.0, 2.000001]))
    True
    """
    return bool(isclose(input, other, rtol, atol, equal_nan).all())


@method(numpy=[np.array_equal])
def equal(input: Any, other: Any) -> bool:
    """Whether both have the same shape and the same elements.

    Examples
    --------
    >>> import autograd
    >>> autograd.equal(autograd.tensor([1, 2]), autograd.tensor([1, 2]))
    True
    """
    check_tensors("equal", input, other)
    return input.shape == other.shape and bool(ops.eq(input, other).all())


# -- PyTorch's second names

SYNONYMS: dict[str, Any] = {
    "absolute": ops.abs, "arccos": ops.acos, "arccosh": acosh, "arcsin": ops.asin, "arcsinh": ops.asinh,
    "arctan": atan, "arctan2": ops.atan2, "arctanh": atanh, "clip": clamp, "divide": div, "fix": trunc,
    "greater": ops.gt, "greater_equal": ops.ge, "less": ops.lt, "less_equal": ops.le, "multiply": ops.mul,
    "negative": ops.neg, "not_equal": ops.ne, "sgn": ops.sign, "subtract": sub, "true_divide": div,
}  # fmt: skip
globals().update(SYNONYMS)
__all__ += [*SYNONYMS]
for _name, _function in SYNONYMS.items():
    method(_name, inplace=True)(_function)
