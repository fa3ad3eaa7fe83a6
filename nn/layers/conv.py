"""The layers of convolutional networks: convolution and pooling, over lines (1d) and over images (2d)."""

from __future__ import annotations

from typing import Any

import autograd
from autograd import Tensor
from autograd.devices import check_place

from .. import functional, init
from ..functional.conv import MODES, Sizes, check_padding, each, same_padding
from ..module import Module, Parameter

__all__ = [
    "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AvgPool1d", "AvgPool2d", "Conv1d", "Conv2d", "MaxPool1d", "MaxPool2d",
]  # fmt: skip


class _Conv(Module):
    """What :class:`Conv1d` and :class:`Conv2d` share."""

    bias: Parameter | None
    axes: int

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes | str = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        name, n = type(self).__name__, self.axes
        check_place(name, device)
        if groups < 1:
            raise ValueError(f"{name}: groups must be a positive integer, found {groups}")
        for what, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
            if channels < 1 or channels % groups:
                raise ValueError(f"{name}: {what} must be divisible by groups={groups}, and positive, found {channels}")
        modes = ("zeros", *MODES[1:])
        if padding_mode not in modes:
            raise ValueError(f"{name}: padding_mode must be one of {modes}, but got padding_mode={padding_mode!r}")
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = each(name, "kernel_size", kernel_size, n, 1)
        self.stride = each(name, "stride", stride, n, 1)
        check_padding(name, padding, self.stride)
        named = isinstance(padding, str)
        self.padding: Any = padding if named else each(name, "padding", padding, n, 0)
        self.dilation = each(name, "dilation", dilation, n, 1)
        self.groups = groups
        self.padding_mode = padding_mode
        weight = autograd.zeros(out_channels, in_channels // groups, *self.kernel_size, dtype=dtype)
        self.weight = Parameter(weight)
        self.register_parameter("bias", Parameter(autograd.zeros(out_channels, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        init.linear_(self.weight, self.bias)

    def forward(self, input: Tensor) -> Tensor:
        """(N, in_channels, …) → (N, out_channels, …)."""
        padded = self.padding_mode != "zeros"
        if padded:
            input = functional.pad(input, self._around(), mode=self.padding_mode)
        convolve = (functional.conv1d, functional.conv2d)[self.axes - 1]
        padding = "valid" if padded else self.padding
        return convolve(input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)

    def _around(self) -> list[int]:
        """The padding as :func:`nn.functional.pad` takes it: the last axis first."""
        if isinstance(self.padding, str):
            pairs = same_padding(self.kernel_size if self.padding == "same" else (1,) * self.axes, self.dilation)
        else:
            pairs = tuple((p, p) for p in self.padding)
        return [p for pair in reversed(pairs) for p in pair]

    def extra_repr(self) -> str:
        """Its sizes, and what is not as by default."""
        n = self.axes
        shown = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        if self.padding != (0,) * n:
            shown += f", padding={self.padding}"
        if self.dilation != (1,) * n:
            shown += f", dilation={self.dilation}"
        if self.groups != 1:
            shown += f", groups={self.groups}"
        if self.bias is None:
            shown += ", bias=False"
        if self.padding_mode != "zeros":
            shown += f", padding_mode={self.padding_mode}"
        return shown


class Conv1d(_Conv):
    """Windows that slide along the last axis: (N, in, length) → (N, out, windows); see :class:`Conv2d`.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.Conv1d(3, 8, 5, padding="same")(autograd.ones(2, 3, 20)).shape
    (2, 8, 20)
    """

    axes = 1


class Conv2d(_Conv):
    """The same small linear layer at every position: what is learnt about one part of an image holds everywhere.

    One row for each position of the window, Z = patches(X) Wᵀ + 1 bᵀ: the slides' layer, with shared weights.

    Parameters
    ----------
    in_channels, out_channels : int
    kernel_size, stride, padding, dilation, groups
        As in :func:`nn.functional.conv2d`.
    bias : bool
        Whether there is a b.
    padding_mode : {"zeros", "reflect", "replicate", "circular"}
        What the padding holds; see :func:`nn.functional.pad`.
    device : device, optional
        The CPU.
    dtype : dtype-like, optional
        float32 unless given.

    Attributes
    ----------
    weight : Parameter, (out_channels, in_channels/groups, height, width)
    bias : Parameter, (out_channels,), or None
        Both start uniform on ±1/√k, where k inputs are under a window, as in PyTorch.

    Raises
    ------
    ValueError
        For numbers of channels that ``groups`` does not divide, and arguments out of their range.
    ShapeError
        When called on an input that does not fit.

    Notes
    -----
    Between forward and backward only the input is held. While they run there is room for a few samples, each as wide as
    the window times; where the window has less than 16 positions, and in second derivatives, for all patches.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.Conv2d(1, 16, 5)(autograd.ones(10, 1, 28, 28)).shape
    (10, 16, 24, 24)
    """

    axes = 2


class _Pool(Module):
    """What the pools share: they show some of their arguments."""

    shown: tuple[str, ...]

    def extra_repr(self) -> str:
        """Its arguments."""
        return ", ".join(f"{name}={getattr(self, name)}" for name in self.shown)


class _MaxPool(_Pool):
    shown = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")
    axes: int

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        dilation: Sizes = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Any:
        """(N, C, …) → (N, C, …); with the indices, a pair."""
        pool = (functional.max_pool1d, functional.max_pool2d)[self.axes - 1]
        arguments = (self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices)
        return pool(input, *arguments)


class MaxPool1d(_MaxPool):
    """The largest element under a window that slides along the last axis; see :func:`nn.functional.max_pool2d`.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.MaxPool1d(2)(autograd.ones(1, 3, 9)).shape
    (1, 3, 4)
    """

    axes = 1


class MaxPool2d(_MaxPool):
    """The largest element under each window: a coarser image that keeps what stood out.

    The arguments are those of :func:`nn.functional.max_pool2d`, where ``return_indices`` stands before ``ceil_mode``.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.MaxPool2d(2)(autograd.ones(1, 16, 24, 24)).shape
    (1, 16, 12, 12)
    """

    axes = 2


class AvgPool1d(_Pool):
    """The mean under a window that slides along the last axis; see :func:`nn.functional.avg_pool1d`.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.AvgPool1d(2)(autograd.ones(1, 3, 9)).shape
    (1, 3, 4)
    """

    shown = ("kernel_size", "stride", "padding")

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        self.kernel_size = each(name, "kernel_size", kernel_size, 1, 1)
        self.stride = each(name, "stride", kernel_size if stride is None else stride, 1, 1)
        self.padding = each(name, "padding", padding, 1, 0)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, length) → (N, C, windows)."""
        return functional.avg_pool1d(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad
        )


class AvgPool2d(_Pool):
    """The mean under each window; the arguments are those of :func:`nn.functional.avg_pool2d`.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.AvgPool2d(2)(autograd.ones(1, 16, 24, 24)).shape
    (1, 16, 12, 12)
    """

    shown = ("kernel_size", "stride", "padding")

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, height, width) → (N, C, windows down, windows across)."""
        return functional.avg_pool2d(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad,
            self.divisor_override,
        )  # fmt: skip


class AdaptiveAvgPool1d(_Pool):
    """The means of ``output_size`` equal parts of the last axis; see :func:`nn.functional.adaptive_avg_pool2d`.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.AdaptiveAvgPool1d(3)(autograd.ones(1, 2, 7)).shape
    (1, 2, 3)
    """

    shown = ("output_size",)

    def __init__(self, output_size: Sizes) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, length) → (N, C, output_size)."""
        return functional.adaptive_avg_pool1d(input, self.output_size)


class AdaptiveAvgPool2d(_Pool):
    """The means of ``output_size`` parts of each channel, whatever the size of the image.

    Parameters
    ----------
    output_size : int, or tuple of int and None
        None leaves an axis as it is.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.AdaptiveAvgPool2d((1, None))(autograd.ones(1, 16, 7, 5)).shape
    (1, 16, 1, 5)
    """

    shown = ("output_size",)

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, height, width) → (N, C, *output_size)."""
        return functional.adaptive_avg_pool2d(input, self.output_size)
