"""Dropout as modules: noise in training, nothing in evaluation mode."""

from __future__ import annotations

from autograd import Tensor

from .. import functional
from ..functional.dropout import check_probability
from ..module import Module

__all__ = ["AlphaDropout", "Dropout", "Dropout1d", "Dropout2d"]


class _Dropout(Module):
    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        check_probability(type(self).__name__, p)
        self.p = p
        self.inplace = inplace

    def extra_repr(self) -> str:
        """How often, and where to."""
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropout):
    """In training each element is 0 with probability ``p``, else 1/(1 − p) times as large (Hinton and others, 2012).

    Parameters
    ----------
    p : float
        The probability of leaving out, in [0, 1].
    inplace : bool
        Write into the input.

    Raises
    ------
    ValueError
        For a ``p`` outside [0, 1].

    Examples
    --------
    >>> import autograd, nn
    >>> layer = nn.Dropout(1.0)
    >>> layer(autograd.ones(2)), layer.eval()(autograd.ones(2))
    (tensor([0., 0.]), tensor([1., 1.]))
    """

    def forward(self, input: Tensor) -> Tensor:
        """In training; in evaluation mode the input as it is."""
        return functional.dropout(input, self.p, self.training, self.inplace)


class Dropout1d(_Dropout):
    """Dropout of whole channels: rows of (n, channels, length) or (channels, length).

    Parameters
    ----------
    p : float
        The probability of leaving out, in [0, 1].
    inplace : bool
        Write into the input.

    Raises
    ------
    ValueError
        For a ``p`` outside [0, 1].

    Examples
    --------
    >>> import autograd, nn
    >>> layer = nn.Dropout1d(1.0)
    >>> layer(autograd.ones(2, 3)).sum(), layer.eval()(autograd.ones(2, 3)).sum()
    (tensor(0.), tensor(6.))
    """

    def forward(self, input: Tensor) -> Tensor:
        """In training; in evaluation mode the input as it is."""
        return functional.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(_Dropout):
    """Dropout of whole channels: images of (n, channels, height, width), or (n, channels, length).

    Parameters
    ----------
    p : float
        The probability of leaving out, in [0, 1].
    inplace : bool
        Write into the input.

    Raises
    ------
    ValueError
        For a ``p`` outside [0, 1].

    Examples
    --------
    >>> import autograd, nn
    >>> layer = nn.Dropout2d(1.0)
    >>> layer(autograd.ones(1, 2, 2, 2)).sum(), layer.eval()(autograd.ones(1, 2, 2, 2)).sum()
    (tensor(0.), tensor(8.))
    """

    def forward(self, input: Tensor) -> Tensor:
        """In training; in evaluation mode the input as it is."""
        return functional.dropout2d(input, self.p, self.training, self.inplace)


class AlphaDropout(_Dropout):
    """Dropout that goes with SELU: it keeps mean 0 and variance 1 (Klambauer and others, 2017).

    Parameters
    ----------
    p : float
        The probability of leaving out, in [0, 1].
    inplace : bool
        Write into the input.

    Raises
    ------
    ValueError
        For a ``p`` outside [0, 1].

    Examples
    --------
    >>> import autograd, nn
    >>> layer = nn.AlphaDropout(1.0)
    >>> layer(autograd.ones(2)), layer.eval()(autograd.ones(2))
    (tensor([0., 0.]), tensor([1., 1.]))
    """

    def forward(self, input: Tensor) -> Tensor:
        """In training; in evaluation mode the input as it is."""
        return functional.alpha_dropout(input, self.p, self.training, self.inplace)
