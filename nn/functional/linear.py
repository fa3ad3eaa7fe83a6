"""Linear maps as functions."""

from __future__ import annotations

import math

from autograd import ShapeError, Tensor, as_tensor, einsum, ops
from autograd.arrays import check_tensors
from autograd.ops.linalg import check_linear

__all__ = ["bilinear", "linear"]


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``input @ weight.T + bias`` for input (…, in), weight (out, in), bias (out,); gives (…, out).

    Raises
    ------
    ShapeError
        If the last axis of the input is not that of the weight, or the bias is not (out,).

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.linear(autograd.ones(5, 3), autograd.ones(2, 3)).shape
    (5, 2)
    """
    if bias is not None and getattr(input, "ndim", 0) == 2:
        return ops.linear(input, weight, bias)
    input = as_tensor(input)
    check_tensors("linear", weight)
    check_linear(input.shape, weight.shape)
    if bias is None:
        return input @ weight.mT
    lead = input.shape[:-1]
    rows = input.reshape(math.prod(lead), input.shape[-1])
    return ops.linear(rows, weight, bias).reshape(*lead, weight.shape[0])


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x₁ᵀ W_k x₂ + b_k for inputs (…, in1) and (…, in2), weight (out, in1, in2), bias (out,); gives (…, out).

    Raises
    ------
    ShapeError
        If the inputs' last axes are not those of the weight, or their other axes differ.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.bilinear(autograd.ones(5, 2), autograd.ones(5, 3), autograd.ones(1, 2, 3)).shape
    (5, 1)
    """
    check_tensors("bilinear", input1, input2, weight, *([] if bias is None else [bias]))
    first, second, w = input1.shape, input2.shape, weight.shape
    if len(w) != 3 or first[-1:] != w[1:2] or second[-1:] != w[2:] or first[:-1] != second[:-1]:
        raise ShapeError(
            f"bilinear: input dimensions do not match: expects inputs (…, in1) and (…, in2) with one (…) and a weight "
            f"(out, in1, in2), found {first}, {second} and {w}"
        )
    if bias is not None and bias.shape != w[:1]:
        raise ShapeError(f"bilinear: expects a bias of shape {w[:1]} (the weight is {w}), found {bias.shape}")
    product = einsum("...i,oij,...j->...o", input1, weight, input2)
    return product if bias is None else product + bias
