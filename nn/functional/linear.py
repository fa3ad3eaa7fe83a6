"""Linear maps as functions."""

from __future__ import annotations

import math

from autograd import Tensor, as_tensor, ops
from autograd.ops.linalg import check_linear

__all__ = ["linear"]


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
    check_linear(input.shape, weight.shape)
    if bias is None:
        return input @ weight.mT
    lead = input.shape[:-1]
    rows = input.reshape(math.prod(lead), input.shape[-1])
    return ops.linear(rows, weight, bias).reshape(*lead, weight.shape[0])
