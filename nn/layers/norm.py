"""Normalisation as modules."""

from __future__ import annotations

from collections.abc import Sequence

import autograd
from autograd import ShapeError, Tensor
from autograd.arrays import check_tensors

from .. import functional, init
from ..module import Module, Parameter

__all__ = ["BatchNorm1d", "BatchNorm2d", "LayerNorm"]


class BatchNorm(Module):
    """What the batch normalisations share; they differ in the number of axes only."""

    dims: tuple[int, ...]  # how many axes an input may have
    weight: Parameter | None
    bias: Parameter | None
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: object = None,
        dtype: object = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        options = {"device": device, "dtype": dtype}
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        self.register_parameter("weight", Parameter(autograd.ones(num_features, **options)) if affine else None)
        self.register_parameter("bias", Parameter(autograd.zeros(num_features, **options)) if affine and bias else None)
        tracked = track_running_stats
        self.register_buffer("running_mean", autograd.zeros(num_features, **options) if tracked else None)
        self.register_buffer("running_var", autograd.ones(num_features, **options) if tracked else None)
        self.register_buffer("num_batches_tracked", autograd.tensor(0, device=device) if tracked else None)

    def reset_running_stats(self) -> None:
        """Forget the batches seen so far."""
        if self.running_mean is not None and self.running_var is not None and self.num_batches_tracked is not None:
            init.zeros_(self.running_mean)
            init.ones_(self.running_var)
            init.zeros_(self.num_batches_tracked)

    def reset_parameters(self) -> None:
        """Forget what was learnt: weight 1, bias 0, no batches seen."""
        self.reset_running_stats()
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Tensor) -> Tensor:
        """(n, num_features, …), of that shape."""
        name = type(self).__name__
        check_tensors(name, input, kinds=Tensor)
        shape = input.shape
        if input.ndim not in self.dims:
            dims = " or ".join(f"{n}D" for n in self.dims)
            raise ShapeError(f"{name}: expected {dims} input (got {input.ndim}D input, of shape {shape})")
        if shape[1] != self.num_features:
            raise ShapeError(f"{name}: expects {self.num_features} channels at axis 1, found an input of shape {shape}")
        tracks = self.training and self.track_running_stats
        training = self.training or self.running_mean is None
        seen = self.num_batches_tracked
        momentum = self.momentum
        if momentum is None:  # the mean of all batches
            momentum = 1 / (seen.item() + 1) if tracks and seen is not None else 0.0
        kept = (self.running_mean, self.running_var) if tracks or not training else (None, None)
        out = functional.batch_norm(input, *kept, self.weight, self.bias, training, momentum, self.eps)
        if tracks and seen is not None:  # not before it has succeeded
            seen.add_(1)
        return out

    def extra_repr(self) -> str:
        """Its options."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


class BatchNorm1d(BatchNorm):
    """Each feature less its mean over the batch, over its standard deviation (Ioffe and Szegedy, 2015).

    In training the batch's own mean and variance are used, and running ones move towards them; in evaluation mode the
    running ones are.

    Parameters
    ----------
    num_features : int
        The channels, axis 1.
    eps : float
        Added to the variance.
    momentum : float or None
        How far the running mean and variance move at each batch; None for the mean of all batches.
    affine : bool
        Whether the result is scaled and shifted by a learnt weight and bias.
    track_running_stats : bool
        If False there are no running ones, and the batch's are always used.
    device : optional
        The CPU.
    dtype : dtype-like, optional
        float32 unless given.
    bias : bool
        Whether, if ``affine``, there is a bias.

    Attributes
    ----------
    weight, bias : Parameter, (num_features,), or None
        1 and 0 at the start.
    running_mean, running_var, num_batches_tracked : Tensor or None
        Buffers.

    Raises
    ------
    ShapeError
        When called on anything but (n, num_features) or (n, num_features, length).
    ValueError
        When called in training with one value per channel.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.BatchNorm1d(1)(autograd.tensor([[1.0], [3.0]])).detach()
    tensor([[-1.0000],
            [ 1.0000]])
    """

    dims = (2, 3)


class BatchNorm2d(BatchNorm):
    """:class:`BatchNorm1d` for images: (n, num_features, height, width), with a mean for each channel.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.BatchNorm2d(3)(autograd.rand(8, 3, 4, 4)).shape
    (8, 3, 4, 4)
    """

    dims = (4,)


class LayerNorm(Module):
    """Each sample less its mean, over its standard deviation (Ba, Kiros and Hinton, 2016).

    Parameters
    ----------
    normalized_shape : int or sequence of int
        The sizes of the last axes, over which a sample extends.
    eps : float
        Added to the variance.
    elementwise_affine : bool
        Whether the result is scaled and shifted by a learnt weight and bias.
    bias : bool
        Whether, if ``elementwise_affine``, there is a bias.
    device : optional
        The CPU.
    dtype : dtype-like, optional
        float32 unless given.

    Attributes
    ----------
    weight, bias : Parameter, normalized_shape, or None
        1 and 0 at the start.

    Raises
    ------
    ShapeError
        When called on an input whose last axes have other sizes.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.LayerNorm(2)(autograd.tensor([[1.0, 3.0], [30.0, 10.0]])).detach()
    tensor([[-1.0000,  1.0000],
            [ 1.0000, -1.0000]])
    """

    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: object = None,
        dtype: object = None,
    ) -> None:
        super().__init__()
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        options = {"device": device, "dtype": dtype}
        self.normalized_shape = shape
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self.register_parameter("weight", Parameter(autograd.ones(shape, **options)) if elementwise_affine else None)
        has_bias = elementwise_affine and bias
        self.register_parameter("bias", Parameter(autograd.zeros(shape, **options)) if has_bias else None)

    def reset_parameters(self) -> None:
        """Forget what was learnt: weight 1, bias 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Tensor) -> Tensor:
        """(…, *normalized_shape), of that shape."""
        return functional.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """Its options."""
        affine = self.elementwise_affine
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={affine}, bias={self.bias is not None}"
