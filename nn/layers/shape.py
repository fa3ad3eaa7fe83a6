"""The layers that change nothing, or only the shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autograd import Tensor, flatten, unflatten

from ..module import Module

__all__ = ["Flatten", "Identity", "Unflatten"]


class Identity(Module):
    """Its input as it is: a place kept free. Arguments are accepted and ignored.

    Examples
    --------
    >>> import autograd, nn
    >>> x = autograd.ones(2)
    >>> nn.Identity()(x) is x
    True
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Tensor) -> Tensor:
        """Any shape."""
        return input


class Flatten(Module):
    """The axes from ``start_dim`` to ``end_dim`` as one; by default all but that of the samples.

    Parameters
    ----------
    start_dim, end_dim : int

    Examples
    --------
    >>> import autograd, nn
    >>> nn.Flatten()(autograd.zeros(32, 1, 28, 28)).shape
    (32, 784)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input: Tensor) -> Tensor:
        """(n, a, b, …) → (n, a·b·…)."""
        return flatten(input, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        """Which axes."""
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """One axis as several: what undoes a :class:`Flatten`.

    Parameters
    ----------
    dim : int
    unflattened_size : sequence of int
        The sizes of the axes; one may be −1.

    Raises
    ------
    TypeError
        For a size that is no integer. (PyTorch's named axes are not supported.)

    Examples
    --------
    >>> import autograd, nn
    >>> nn.Unflatten(1, (1, 28, 28))(autograd.zeros(32, 784)).shape
    (32, 1, 28, 28)
    """

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        super().__init__()
        if not isinstance(dim, int):
            raise TypeError(f"Unflatten: expects dim to be an int, found {dim!r}")
        sizes = tuple(unflattened_size) if isinstance(unflattened_size, (tuple, list)) else unflattened_size
        if not isinstance(sizes, tuple) or not all(isinstance(n, int) for n in sizes):
            raise TypeError(f"Unflatten: expects unflattened_size to be a tuple of ints, found {unflattened_size!r}")
        self.dim = dim
        self.unflattened_size = sizes

    def forward(self, input: Tensor) -> Tensor:
        """(n, a·b·…) → (n, a, b, …), for ``dim=1``."""
        return unflatten(input, self.dim, self.unflattened_size)

    def extra_repr(self) -> str:
        """Which axis, and its sizes."""
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
