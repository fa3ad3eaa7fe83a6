"""Convolution, pooling and padding as functions: over the last axis (1d), or over the last two (2d).

Inputs are (N, C, length) or (N, C, height, width), or one sample without the N. What concerns every axis alike may be
one number: a kernel size, a stride, a padding, a dilation.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

import autograd
from autograd import DtypeError, ShapeError, Tensor, ops
from autograd.arrays import check_tensors
from autograd.ops import Windows

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "avg_pool1d", "avg_pool2d", "conv1d", "conv2d", "max_pool1d",
    "max_pool2d", "pad", "unfold",
]  # fmt: skip

Sizes = int | Sequence[int]
MODES = ("constant", "reflect", "replicate", "circular")
"""What :func:`pad` fills with."""


# -- arguments


def each(name: str, what: str, value: Any, n: int, least: int) -> tuple[int, ...]:
    """``value`` as one int for each of ``n`` axes, none below ``least``.

    Raises
    ------
    TypeError
        For what is no integer.
    ShapeError
        For another number of them, or one that is too small.
    """
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    try:
        found = tuple(map(operator.index, values))
    except TypeError:
        raise TypeError(f"{name}: {what} must be an integer or a tuple of {n}, found {value!r}") from None
    if len(found) not in (1, n):
        raise ShapeError(f"{name}: expected {what} to be a single integer or {n} of them, found {what}={value!r}")
    if min(found) < least:
        hint = {"stride": "non-positive stride is not supported", "padding": "negative padding is not supported"}.get(
            what, f"{what} should be {'greater than zero' if least else 'at least 0'}"
        )
        raise ShapeError(f"{name}: {hint}, found {what}={value!r}")
    return found * n if len(found) == 1 else found


def batched(name: str, x: Any, n: int) -> tuple[Tensor, bool]:
    """``x`` as (N, C, …) with ``n`` spatial axes, and whether it came as one sample.

    Raises
    ------
    DtypeError
        Unless it is a tensor of floating point numbers.
    ShapeError
        For another number of axes, or one without elements other than that of samples.
    """
    if not isinstance(x, Tensor):
        raise DtypeError(f"{name}: expects a tensor as input, found {type(x).__name__}")
    if x.ndim not in (n + 1, n + 2):
        raise ShapeError(
            f"{name}: Expected {n + 1}D (unbatched) or {n + 2}D (batched) input to {name}, found shape {x.shape}"
        )
    single = x.ndim == n + 1
    if 0 in x.shape[0 if single else 1 :]:
        raise ShapeError(f"{name}: expects a non-empty input (only the axis of samples may be 0), found {x.shape}")
    return (x.reshape(1, *x.shape), True) if single else (x, False)


def _as_came(x: Tensor, single: bool) -> Tensor:
    return x.reshape(x.shape[1:]) if single else x


# -- convolution


def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Tensor:
    """Slide each row of ``weight`` (out, in/groups, size) along ``input`` (N, in, length); see :func:`conv2d`.

    Examples
    --------
    >>> import autograd, nn
    >>> x, difference = autograd.tensor([[1.0, 2.0, 4.0]]), autograd.tensor([[[-1.0, 1.0]]])
    >>> nn.functional.conv1d(x, difference)
    tensor([[1., 2.]])
    """
    return _conv("conv1d", 1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Tensor:
    """Σ of ``weight`` ⊙ the part of ``input`` under it, plus the bias, at each position of the window.

    Parameters
    ----------
    input : Tensor, (N, in, height, width) or (in, height, width)
    weight : Tensor, (out, in/groups, height, width)
    bias : Tensor, (out,), optional
    stride, dilation : int or tuple
        From one position to the next, and from one element of the window to the next.
    padding : int, tuple, "valid" or "same"
        Zeros around the input: "valid" is none, "same" as many as keep its size (where that is odd, one more after).
    groups : int
        The channels are convolved in so many groups, each for itself.

    Raises
    ------
    ShapeError
        If the shapes do not fit each other, or an argument is out of its range.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.conv2d(autograd.ones(1, 3, 28, 28), autograd.ones(8, 3, 5, 5), padding=2).shape
    (1, 8, 28, 28)
    """
    return _conv("conv2d", 2, input, weight, bias, stride, padding, dilation, groups)


def _conv(
    name: str,
    n: int,
    input: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
) -> Tensor:
    check_tensors(name, weight)
    if weight.ndim != n + 2:
        raise ShapeError(
            f"{name}: expects a weight (out, in/groups, {', '.join(['size'] * n)}), found {weight.shape}"
        )
    x, single = _batched_for(name, input, n, weight)
    size = weight.shape[2:]
    stride = each(name, "stride", stride, n, 1)
    dilation = each(name, "dilation", dilation, n, 1)
    pads = _zeros_around(name, padding, size, stride, dilation)
    if operator.index(groups) < 1:
        raise ShapeError(f"{name}: groups must be a positive integer, found {groups}")
    out = ops.convolve(x, weight, 0 if bias is None else bias, Windows(size, stride, pads, dilation), groups)
    return _as_came(out, single)


def _batched_for(name: str, input: Any, n: int, weight: Tensor) -> tuple[Tensor, bool]:
    if 0 in weight.shape:
        raise ShapeError(f"{name}: expects a non-empty weight, found shape {weight.shape}")
    return batched(name, input, n)


def same_padding(size: Sequence[int], dilation: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """The padding (before, after) of each axis that keeps its size; one more after where it cannot be halved."""
    total = [d * (k - 1) for k, d in zip(size, dilation, strict=True)]
    return tuple((t // 2, t - t // 2) for t in total)


def _zeros_around(name: str, padding: Any, size: Any, stride: Any, dilation: Any) -> tuple[tuple[int, int], ...]:
    check_padding(name, padding, stride)
    if padding == "same":
        return same_padding(size, dilation)
    return tuple((p, p) for p in each(name, "padding", 0 if padding == "valid" else padding, len(size), 0))


def check_padding(name: str, padding: Any, stride: Sequence[int]) -> None:
    """Raise ValueError for a padding by another name than "same" and "valid", or "same" with a stride."""
    if isinstance(padding, str) and padding not in ("same", "valid"):
        raise ShapeError(f"{name}: Invalid padding string {padding!r}, should be one of 'same', 'valid'")
    if padding == "same" and any(s != 1 for s in stride):
        raise ShapeError(f"{name}: padding='same' is not supported for strided convolutions, found stride={stride}")


def unfold(input: Tensor, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1) -> Tensor:
    """The patches under a sliding window as columns: (N, C, height, width) → (N, C · size, windows).

    With them a convolution is a product of matrices.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.unfold(autograd.ones(1, 3, 4, 5), (2, 3)).shape
    (1, 18, 9)
    """
    x, single = batched("unfold", input, 2)
    windows = _windows("unfold", 2, kernel_size, stride, padding, dilation)
    rows = ops.patches(x, windows)
    out: Tensor = rows.reshape(x.shape[0], int(np.prod(windows.grid(x.shape[2:]))), rows.shape[1]).mT
    return _as_came(out, single)


# -- pooling


def max_pool1d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest element under a window that slides along the last axis; see :func:`max_pool2d`.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.max_pool1d(autograd.tensor([[1.0, 3.0, 2.0, 0.0]]), 2)
    tensor([[3., 2.]])
    """
    return _max_pool("max_pool1d", 1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool2d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest element under each window of each channel; nan if one is nan.

    Of equal ones the first gets the gradient, as in PyTorch.

    Parameters
    ----------
    input : Tensor, (N, C, height, width) or (C, height, width)
    kernel_size : int or tuple
    stride : int or tuple, optional
        By default windows lie side by side.
    padding : int or tuple
        So many −∞ around the input, at most half a window.
    dilation : int or tuple
    ceil_mode : bool
        Also count a last window that lies partly outside.
    return_indices : bool
        Give a pair: also where in its plane, counted row by row, each one was found.

    Raises
    ------
    ShapeError
        If the window is larger than the input, or an argument is out of its range.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.max_pool2d(autograd.arange(16.0).reshape(1, 4, 4), 2)
    tensor([[[ 5.,  7.],
             [13., 15.]]])
    """
    return _max_pool("max_pool2d", 2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def _max_pool(
    name: str, n: int, input: Any, size: Any, stride: Any, padding: Any, dilation: Any, ceil: bool, indices: bool
) -> Any:
    x, single = batched(name, input, n)
    windows = _pool_windows(name, x, size, stride, padding, dilation, ceil)[0]
    out = _as_came(ops.max_pool(x, windows), single)
    return (out, _as_came(ops.pool_argmax(x, windows), single)) if indices else out


def avg_pool1d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """The mean under a window that slides along the last axis; see :func:`avg_pool2d`.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.avg_pool1d(autograd.tensor([[1.0, 3.0, 2.0, 0.0]]), 2)
    tensor([[2., 1.]])
    """
    return _avg_pool("avg_pool1d", 1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


def avg_pool2d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of what lies under each window of each channel.

    Parameters
    ----------
    input : Tensor, (N, C, height, width) or (C, height, width)
    kernel_size, stride, padding, ceil_mode
        As :func:`max_pool2d`, but padded with zeros.
    count_include_pad : bool
        Whether the zeros count; if not, what lies inside is averaged.
    divisor_override : int, optional
        Divide the sum by this instead of by the number of elements.

    Raises
    ------
    ShapeError
        As :func:`max_pool2d`.
    ValueError
        For a divisor of 0.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.avg_pool2d(autograd.arange(16.0).reshape(1, 4, 4), 2)
    tensor([[[ 2.5000,  4.5000],
             [10.5000, 12.5000]]])
    """
    if divisor_override == 0:
        raise ValueError("avg_pool2d: divisor must be not zero")
    arguments = (kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)
    return _avg_pool("avg_pool2d", 2, input, *arguments)


def _avg_pool(
    name: str, n: int, input: Any, size: Any, stride: Any, padding: Any, ceil: bool, include: bool, divisor: Any
) -> Tensor:
    x, single = batched(name, input, n)
    windows, beyond = _pool_windows(name, x, size, stride, padding, 1, ceil)
    return _as_came(ops.avg_pool(x, windows, bool(include), divisor, beyond), single)


def _windows(name: str, n: int, size: Any, stride: Any, padding: Any, dilation: Any) -> Windows:
    size = each(name, "kernel_size", size, n, 1)
    stride = each(name, "stride", size if stride is None or stride == () else stride, n, 1)
    pads = tuple((p, p) for p in each(name, "padding", padding, n, 0))
    return Windows(size, stride, pads, each(name, "dilation", dilation, n, 1))


def _pool_windows(
    name: str, x: Tensor, size: Any, stride: Any, padding: Any, dilation: Any, ceil: bool
) -> tuple[Windows, tuple[int, ...]]:
    """The windows of a pool, and how far the last ones reach ``beyond`` the padding, which is then so much longer."""
    found = _windows(name, x.ndim - 2, size, stride, padding, dilation)
    for (p, _), reach in zip(found.padding, found.reach, strict=True):
        if p > reach // 2:
            raise ShapeError(
                f"{name}: pad should be at most half of effective kernel size, but got pad={p} for a window of "
                f"{found.size} that reaches over {found.reach}"
            )
    if not ceil:
        return found, ()
    beyond = []
    for m, (p, _), reach, step in zip(x.shape[2:], found.padding, found.reach, found.stride, strict=True):
        last = -(-(m + 2 * p - reach) // step) * step  # where one more window begins, if the others leave a rest
        last -= step * (last >= m + p)  # but not one in nothing but padding
        beyond.append(max(last + reach - (m + 2 * p), 0))
    pads = tuple((p, p + extra) for (p, _), extra in zip(found.padding, beyond, strict=True))
    return found._replace(padding=pads), tuple(beyond) if any(beyond) else ()


def adaptive_avg_pool1d(input: Tensor, output_size: Sizes) -> Tensor:
    """The means of ``output_size`` equal parts of the last axis; see :func:`adaptive_avg_pool2d`.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.adaptive_avg_pool1d(autograd.tensor([[1.0, 3.0, 2.0, 0.0]]), 2)
    tensor([[2., 1.]])
    """
    return _adaptive_avg_pool("adaptive_avg_pool1d", 1, input, output_size)


def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """The means of ``output_size`` parts of each channel, as equal as can be: whatever the input, the same size.

    Parameters
    ----------
    input : Tensor, (N, C, height, width) or (C, height, width)
    output_size : int, or tuple of int and None
        None leaves an axis as it is. Part i of n elements in m parts begins at ⌊i n/m⌋ and ends before ⌈(i + 1) n/m⌉.

    Raises
    ------
    ShapeError
        For a size below 0.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.adaptive_avg_pool2d(autograd.arange(16.0).reshape(1, 4, 4), 1)
    tensor([[[7.5000]]])
    """
    return _adaptive_avg_pool("adaptive_avg_pool2d", 2, input, output_size)


def _adaptive_avg_pool(name: str, n: int, input: Any, output_size: Any) -> Tensor:
    x, single = batched(name, input, n)
    wanted = tuple(output_size) if isinstance(output_size, (tuple, list)) else (output_size,) * n
    if len(wanted) == n:
        wanted = tuple(m if k is None else k for m, k in zip(x.shape[2:], wanted, strict=True))
    parts = each(name, "output_size", wanted, n, 0)
    size = tuple(m // k if k and m % k == 0 else 1 for m, k in zip(x.shape[2:], parts, strict=True))
    if any(k > 1 for k in size):
        x = ops.avg_pool(x, Windows.of(size))
    for d, k in enumerate(parts, 2):
        if (m := x.shape[d]) != k:
            bounds = [(i * m // k, -(-(i + 1) * m // k)) for i in range(k)]
            pieces = [x.narrow(d, a, b - a).mean(d, keepdim=True) for a, b in bounds]
            x = autograd.cat(pieces, d) if pieces else x.narrow(d, 0, 0)
    return _as_came(x, single)


# -- padding


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """Lengthen the last axes: by a number, or by what the tensor itself holds.

    Parameters
    ----------
    input : Tensor
    pad : sequence of int
        (before, after) of the last axis, then of the one before it, and so on; negative ones shorten.
    mode : {"constant", "reflect", "replicate", "circular"}
        With ``value``; mirrored at the first and last element; with these; or as if the tensor were repeated. All but
        "constant" are for the one, two or three last axes of (N, C, …), or of one sample (C, …).
    value : float, optional
        0 unless given.

    Raises
    ------
    ShapeError
        For a padding that does not fit the shape.
    ValueError
        For another mode, or a value where none is used.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.functional.pad(autograd.tensor([[1.0, 2.0, 3.0]]), (1, 1), mode="reflect")
    tensor([[2., 1., 2., 3., 2.]])
    """
    x = autograd.as_tensor(input)
    if mode not in MODES:
        raise ValueError(f"pad: unrecognised padding mode {mode!r}; it is one of {MODES}")
    if len(pad) % 2:
        raise ShapeError(f"pad: padding length must be divisible by 2, found {tuple(pad)}")
    pairs = [(operator.index(pad[k]), operator.index(pad[k + 1])) for k in range(0, len(pad), 2)]
    if len(pairs) > x.ndim:
        raise ShapeError(f"pad: padding length too large: {len(pairs)} axes to pad, found an input of {x.shape}")
    if mode != "constant":
        if value is not None and value != 0:
            raise ValueError(f"pad: padding mode {mode!r} doesn't take in a value, found value={value}")
        if x.ndim not in (len(pairs) + 1, len(pairs) + 2):
            raise ShapeError(
                f"pad: mode {mode!r} pads all axes of (N, C, …) or (C, …) but these first ones, found {len(pairs)} "
                f"pairs for an input of {x.shape}"
            )
    for d, (before, after) in zip(range(x.ndim - 1, -1, -1), pairs, strict=False):
        _check_fit(x.shape, d, before, after, mode)
    if mode == "constant":
        return _surrounded(x, pairs, 0.0 if value is None else value)
    for d, (before, after) in zip(range(x.ndim - 1, -1, -1), pairs, strict=False):
        if before or after:
            places = _places(x.shape[d], before, after, mode)
            x = x[(slice(None),) * d + (places,)]
    return x


def _check_fit(shape: tuple[int, ...], d: int, before: int, after: int, mode: str) -> None:
    n = shape[d]
    if n + before + after < 0 or (mode != "constant" and n + before + after < 1):
        raise ShapeError(f"pad: padding ({before}, {after}) leaves nothing of axis {d} with size {n} (shape {shape})")
    most = {"reflect": n - 1, "circular": n}.get(mode)
    if most is not None and max(before, after) > most:
        raise ShapeError(
            f"pad: padding size should be at most {most} for mode {mode!r}, found ({before}, {after}) at axis {d} with "
            f"size {n} (shape {shape})"
        )


def _places(n: int, before: int, after: int, mode: str) -> Any:
    """Which element of an axis stands at each place of the padded one."""
    if mode == "circular":  # what negative padding cuts off is gone before the rest repeats
        first, m = max(-before, 0), n + min(before, 0) + min(after, 0)
        return first + np.arange(-max(before, 0), m + max(after, 0)) % m
    k = np.arange(-before, n + after)
    if mode == "replicate":
        return np.clip(k, 0, n - 1)
    return (n - 1) - abs((n - 1) - abs(k))


def _surrounded(x: Tensor, pairs: list[tuple[int, int]], value: float) -> Tensor:
    """``x`` in the middle of a tensor full of ``value``; or a part of it, where padding is negative."""
    pairs = [(0, 0)] * (x.ndim - len(pairs)) + pairs[::-1]
    x = x[tuple(slice(max(-a, 0), n - max(-b, 0)) for n, (a, b) in zip(x.shape, pairs, strict=True))]
    grown = [(max(a, 0), max(b, 0)) for a, b in pairs]
    if not any(map(any, grown)):
        return x
    whole = autograd.full([a + n + b for n, (a, b) in zip(x.shape, grown, strict=True)], value, dtype=x.dtype)
    inner = tuple(slice(a, a + n) for n, (a, _) in zip(x.shape, grown, strict=True))
    out: Tensor = ops.assign(whole, x, ((ops.getitem, (inner,)),))
    return out
