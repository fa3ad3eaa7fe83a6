"""Convolution and pooling. A convolution is the linear layer on patches, the parts of the input under each window.

With one row for each window, Z = X Wᵀ + 1 bᵀ stands here as it does on the slides, and so do its three gradients. What
is new is the pair of :func:`patches` and its adjoint :func:`fold`; the rules of pooling are said in it too. Inputs are
(N, C, length) or (N, C, height, width).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..kernels import conv as kernels
from ..kernels.conv import Windows
from .record import primitive
from .reduction import amax, check_floating, spread
from .reduction import sum as total
from .shape import reshape

__all__ = ["Windows", "avg_pool", "convolve", "fold", "max_pool", "patches", "pool_argmax"]


def check_windows(name: str, shape: tuple[int, ...], windows: Windows) -> None:
    """Raise ShapeError unless at least one window lies on the spatial axes of an input (N, C, …) of ``shape``."""
    if min(windows.grid(shape[2:])) < 1:
        padded = tuple(n + before + after for n, (before, after) in zip(shape[2:], windows.padding, strict=True))
        raise ShapeError(
            f"{name}: output size is too small: kernel size can't be greater than actual input size, found windows of "
            f"{windows.size} that reach over {windows.reach}, on {padded} with padding (the input is {shape})"
        )


def _or_single(windows: Windows | None, ndim: int) -> Windows:
    return Windows.of((1,) * (ndim - 2)) if windows is None else windows


_A = Windows((2, 3), (1, 1), ((0, 0), (0, 0)), (1, 1))
_B = Windows((3, 2), (2, 1), ((1, 2), (0, 1)), (1, 2))
_C = Windows((3,), (2,), ((2, 0),), (2,))
_D = Windows((2, 2), (2, 2), ((0, 1), (1, 0)), (1, 1))


@primitive(
    "patches",
    x=lambda g, x_shape, windows, groups: fold(g, x_shape, windows, groups),
    promotes=None,
    samples=lambda s: [
        (s(2, 3, 5, 4), _A), (s(2, 4, 5, 4), _B, 2), (s(2, 3, 7), _C), (s(2, 3, 7), None, 3), (s(0, 3, 5, 4), _A),
    ],
    method=False,
)  # fmt: skip
def patches(x: Any, windows: Windows | None = None, groups: int = 1, fill: float = 0.0) -> Any:
    """What lies under each window, one window a row: (N, C, …) → (N · windows, C · size); ``fill`` in the padding.

    Without ``windows`` each element is one. With ``groups`` of channels there is one such matrix for each group.

    Raises
    ------
    ShapeError
        If the windows are larger than the input.

    Examples
    --------
    >>> import autograd
    >>> from autograd.ops.conv import Windows, patches
    >>> patches(autograd.tensor([[[1.0, 2.0, 3.0]]]), Windows((2,), (1,), ((0, 0),), (1,)))
    tensor([[1., 2.],
            [2., 3.]])
    """
    windows = _or_single(windows, x.ndim)
    check_windows("patches", x.shape, windows)
    if any(map(any, windows.padding)):
        x = np.pad(x, ((0, 0), (0, 0), *windows.padding), constant_values=fill)
    k = len(windows.size)
    view = np.lib.stride_tricks.sliding_window_view(x, windows.reach, tuple(range(2, 2 + k)))
    view = view[(slice(None), slice(None), *(slice(None, None, n) for n in (*windows.stride, *windows.dilation)))]
    n, channels, *rest = view.shape
    view = np.moveaxis(view.reshape(n, groups, channels // groups, *rest), (1, 2), (0, 2 + k))
    out = view.reshape(groups, n * math.prod(rest[:k]), channels // groups * math.prod(rest[k:]))
    return out if groups > 1 else out[0]


@primitive(
    "fold",
    x=lambda g, windows, groups: patches(g, windows, groups),
    promotes=None,
    samples=lambda s: [
        (s(16, 18), (2, 3, 5, 4), _A), (s(2, 18, 12), (2, 4, 5, 4), _B, 2), (s(6, 9), (2, 3, 7), _C),
        (s(3, 14, 1), (2, 3, 7), None, 3),
    ],
    method=False,
)  # fmt: skip
def fold(x: Any, shape: Any = (), windows: Windows | None = None, groups: int = 1) -> Any:
    """The adjoint of :func:`patches`: every number is added to zeros of ``shape`` where it was taken from."""
    windows = _or_single(windows, len(shape))
    n, channels, *space = shape
    count, k = windows.grid(space), len(space)
    parts = np.moveaxis(x.reshape(groups, n, *count, channels // groups, *windows.size), (0, 2 + k), (1, 2))
    parts = parts.reshape(n, channels, *count, *windows.size)
    padded = (m + before + after for m, (before, after) in zip(space, windows.padding, strict=True))
    out = np.zeros((n, channels, *padded), x.dtype)
    for tap in np.ndindex(windows.size):
        steps = zip(tap, windows.dilation, windows.stride, count, strict=True)
        where = (slice(t * d, t * d + s * (m - 1) + 1, s) for t, d, s, m in steps)
        out[(slice(None), slice(None), *where)] += parts[(..., *tap)]
    inner = (slice(before, before + m) for m, (before, _) in zip(space, windows.padding, strict=True))
    return out[(slice(None), slice(None), *inner)]


def _rows(W: Any, groups: int) -> Any:
    """A weight (out, C/groups, …) with a row for each output; one matrix for each group."""
    rows = patches(W, Windows.of(W.shape[2:]))
    return rows if groups == 1 else reshape(rows, (groups, W.shape[0] // groups, math.prod(W.shape[1:])))


def _product(X: Any, W: Any, b: Any, windows: Windows, groups: int) -> Any:
    z = patches(X, windows, groups) @ _rows(W, groups).mT
    z = z + (reshape(b, (groups, 1, -1)) if groups > 1 and getattr(b, "shape", None) else b)
    return fold(z, (X.shape[0], W.shape[0], *windows.grid(X.shape[2:])), None, groups)


def _of_weight(g: Any, X: Any, shape: Any, windows: Windows, groups: int) -> Any:
    rows = patches(g, None, groups).mT @ patches(X, windows, groups)
    return fold(rows if groups == 1 else reshape(rows, (shape[0], math.prod(shape[1:]))), shape, Windows.of(shape[2:]))


SHORT = 16
"""Where a window has fewer positions, a product of matrices is faster than to slide."""


def _slides(windows: Windows, shape: Any) -> bool:
    return math.prod(windows.grid(shape[2:])) >= SHORT and 0 not in shape


def _by_kernels(g: Any, X: Any, W: Any, windows: Windows, groups: int, needs: Sequence[bool]) -> tuple[Any, ...]:
    """The three rules; the first two by kernels that hold no patches, where that is faster."""
    x, w, b = (rule if need else None for rule, need in zip(convolve.rules.values(), needs, strict=True))
    if _slides(windows, X.shape):
        return (
            x and kernels.conv_X(g, W, X.shape, windows, groups),
            w and kernels.conv_W(g, X, W.shape, windows, groups),
            b and b(g),
        )
    return x and x(g, W, X.shape, windows, groups), w and w(g, X, W.shape, windows, groups), b and b(g)


@primitive(
    "conv",
    formula=_product,
    X=lambda g, W, X_shape, windows, groups: fold(
        patches(g, None, groups) @ _rows(W, groups), X_shape, windows, groups
    ),
    W=lambda g, X, W_shape, windows, groups: _of_weight(g, X, W_shape, windows, groups),
    b=lambda g: total(g, (0, *range(2, g.ndim))),
    vjp=_by_kernels,
    promotes="any",
    samples=lambda s: [
        (s(2, 3, 5, 4), s(2, 3, 2, 3), s(2), _A), (s(2, 4, 5, 4), s(6, 2, 3, 2), s(6), _B, 2),
        (s(2, 2, 7), s(4, 2, 3), s(4), _C), (s(1, 3, 4, 4), s(3, 1, 2, 2), 0.0, _D, 3),
        (s(0, 3, 5, 4), s(2, 3, 2, 3), s(2), _A), (s(1, 4, 6, 9), s(6, 2, 3, 2), s(6), _B, 2),
        (s(2, 1, 34), s(5, 1, 3), s(5), _C),
    ],
    method=False,
)  # fmt: skip
def convolve(X: Any, W: Any, b: Any, windows: Windows = _A, groups: int = 1) -> Any:
    """The cross-correlation X ⋆ W + b, as networks have it: X (N, C, …), W (out, C/groups, …), b (out,) or a number.

    Z = patches(X) Wᵀ + 1 bᵀ, one row for each position of the window. The patches are only held where they are few, and
    for second derivatives.

    Raises
    ------
    DtypeError
        For integers.
    ShapeError
        If the channels of X are not those of W times ``groups``, or b has not one element for each output, or the
        windows are larger than the input.

    Examples
    --------
    >>> import autograd
    >>> from autograd.ops.conv import Windows, convolve
    >>> X, W = autograd.tensor([[[1.0, 2.0, 4.0]]]), autograd.tensor([[[-1.0, 1.0]]])
    >>> convolve(X, W, 0.0, Windows((2,), (1,), ((0, 0),), (1,)))
    tensor([[[1., 2.]]])
    """
    name = f"conv{X.ndim - 2}d"
    check_floating(name, X)
    if X.shape[1] != W.shape[1] * groups:
        raise ShapeError(
            f"{name}: a weight of {W.shape} with groups={groups} expects an input with {W.shape[1] * groups} channels, "
            f"but got {X.shape[1]} channels (the input is {X.shape})"
        )
    if W.shape[0] % groups:
        raise ShapeError(f"{name}: expects a weight to be divisible by groups={groups} at axis 0, found {W.shape}")
    if np.shape(b) not in ((), W.shape[:1]):
        raise ShapeError(
            f"{name}: expects the bias to be 1-dimensional with {len(W)} elements (the weight is {W.shape}), found "
            f"shape {np.shape(b)}"
        )
    check_windows(name, X.shape, windows)
    return (kernels.conv if _slides(windows, X.shape) else _product)(X, W, b, windows, groups)


def check_pool(kind: str, x: Any, windows: Windows) -> None:
    """Raise DtypeError unless ``x`` is floating point, ShapeError unless the windows fit."""
    name = f"{kind}_pool{x.ndim - 2}d"
    check_floating(name, x)
    check_windows(name, x.shape, windows)


@primitive("argmax", promotes=None, method=False)
def pool_argmax(x: Any, windows: Windows = _D) -> Any:
    """Where the largest element of each window lies in its plane, counted row by row; −1 if all of it is padding."""
    return kernels.max_pool(x, windows, positions=True)[1]


@primitive("1_max", promotes=None, method=False)
def winners(x: Any, windows: Windows = _D) -> Any:
    """The patches of each channel, with a one at the largest element of each and zeros elsewhere."""
    n, channels, *space = x.shape
    places = patches(np.arange(math.prod(space)).reshape(1, 1, *space), windows, fill=-1)
    found = np.moveaxis(pool_argmax(x, windows).reshape(n, channels, len(places)), 1, 0)
    return ((found[..., None] == places) & (places >= 0)).reshape(_per_channel(x.shape, places.shape)).astype(x.dtype)


def _per_channel(shape: Sequence[int], places: Sequence[int]) -> tuple[int, ...]:
    """The shape of patches with a group for each channel, from (windows on a plane, size)."""
    rows = (shape[0] * places[0], places[1])
    return (shape[1], *rows) if shape[1] > 1 else rows


@primitive(
    "maxpool",
    formula=lambda x, windows: _back(amax(patches(x, windows, x.shape[1], -math.inf), -1, True), x.shape, windows),
    x=lambda g, x, x_shape, windows: fold(
        patches(g, None, x_shape[1]) * winners(x, windows), x_shape, windows, x_shape[1]
    ),
    vjp=kernels.max_pool_vjp,
    promotes=None,
    samples=lambda s: [
        (s.distinct(2, 3, 5, 4), _A), (s.distinct(2, 1, 5, 4), _B), (s.distinct(2, 3, 7), _C),
        (s.distinct(1, 2, 5, 5), _D),
    ],
    method=False,
)  # fmt: skip
def max_pool(x: Any, windows: Windows = _D) -> Any:
    """The largest element under each window; nan if one is nan. The first of equal ones gets the gradient.

    (Elsewhere here ties share it evenly; for pooling PyTorch's choice is kept, and its indices.)

    Raises
    ------
    DtypeError
        For integers.
    ShapeError
        If the windows are larger than the input.
    """
    check_pool("max", x, windows)
    return kernels.max_pool(x, windows)[0]


def _back(rows: Any, shape: Any, windows: Windows) -> Any:
    """One number for each window and channel, back in their places."""
    return fold(rows, (*shape[:2], *windows.grid(shape[2:])), None, shape[1])


def shares(shape: Sequence[int], windows: Windows, include_pad: bool, divisor: int | None, beyond: Any) -> Any:
    """What the sum of each window is divided by: an array of one number for each window, or a number for all."""
    if divisor:
        return divisor
    each: Any = np.ones((), np.int64)
    beyond = beyond or (0,) * len(windows.size)
    axes = zip(shape[2:], windows.size, windows.stride, windows.padding, beyond, windows.grid(shape[2:]), strict=True)
    for n, size, stride, (before, after), extra, count in axes:
        start = np.arange(count) * stride - before
        low, high = (-before, n + after - extra) if include_pad else (0, n)
        each = each[..., None] * (np.minimum(start + size, high) - np.maximum(start, low))
    return each if each.size and each.min() != each.max() else int(each.flat[0])


@primitive(
    "avgpool",
    formula=lambda x, windows, include_pad, divisor, beyond: (
        _back(total(patches(x, windows, x.shape[1]), -1, True), x.shape, windows)
        / shares(x.shape, windows, include_pad, divisor, beyond)
    ),
    x=lambda g, x_shape, windows, include_pad, divisor, beyond: fold(
        _repeated(patches(g / shares(x_shape, windows, include_pad, divisor, beyond), None, x_shape[1]), windows),
        x_shape, windows, x_shape[1],
    ),
    vjp=lambda g, x_shape, windows, include_pad, divisor, beyond: (
        kernels.avg_pool_vjp(g, x_shape, windows, _planar(x_shape, windows, include_pad, divisor, beyond)),
    ),
    promotes=None,
    samples=lambda s: [
        (s(2, 3, 5, 4), _A), (s(2, 1, 5, 4), _D), (s(2, 3, 5, 4), _D, False), (s(2, 3, 7), Windows.of((2,))),
        (s(1, 2, 5, 5), _D, True, 3), (s(1, 2, 6, 5), _D, True, None, (0, 0)), (s(1, 2, 5, 5), _D, True, None, (1, 0)),
    ],
    method=False,
)  # fmt: skip
def avg_pool(
    x: Any, windows: Windows = _D, include_pad: bool = True, divisor: int | None = None, beyond: Any = ()
) -> Any:
    """The mean of what lies under each window, padding as zeros that count (or not: ``include_pad``).

    ``divisor`` is divided by instead. The last ``beyond`` elements of the padding after each axis never count.

    Raises
    ------
    DtypeError
        For integers.
    ShapeError
        If the windows are larger than the input.
    """
    check_pool("avg", x, windows)
    return kernels.avg_pool(x, windows, _planar(x.shape, windows, include_pad, divisor, beyond))


def _repeated(x: Any, windows: Windows) -> Any:
    return spread(x, (*x.shape[:-1], math.prod(windows.size)), -1, True)


def _planar(shape: Sequence[int], windows: Windows, *how: Any) -> Any:
    """:func:`shares` as the kernels take them."""
    count = windows.grid(shape[2:])
    return np.ascontiguousarray(np.broadcast_to(shares(shape, windows, *how), (1, *count)[-2:]), np.float64)
