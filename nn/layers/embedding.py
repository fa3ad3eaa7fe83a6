"""A learnt vector for each of a number of things."""

from __future__ import annotations

import autograd
from autograd import ShapeError, Tensor

from .. import functional, init
from ..functional.embedding import check_padding
from ..module import Module, Parameter

__all__ = ["Embedding"]


class Embedding(Module):
    """A table of learnt vectors, looked up by number: words, users, classes.

    Parameters
    ----------
    num_embeddings : int
        The rows of the table.
    embedding_dim : int
        The length of each vector.
    padding_idx : int, optional
        A row that is 0 at the start, and gets no gradient.
    max_norm : float, optional
        Rows that are looked up and have a larger ``norm_type``-norm are first scaled down to it, in place.
    norm_type : float
    scale_grad_by_freq : bool
        Divide the gradient of a row by how often it is looked up in the batch.
    sparse : bool
        Only False: gradients are dense here.
    device : optional
        The CPU.
    dtype : dtype-like, optional
        float32 unless given.

    Attributes
    ----------
    weight : Parameter, (num_embeddings, embedding_dim)
        Standard normal at the start.

    Raises
    ------
    IndexError
        When called on a number outside 0 … num_embeddings − 1.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.Embedding(10, 3)(autograd.tensor([[1, 2, 4, 5], [4, 3, 2, 9]])).shape
    (2, 4, 3)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Tensor | None = None,
        _freeze: bool = False,
        device: object = None,
        dtype: object = None,
    ) -> None:
        super().__init__()
        if sparse:
            raise ValueError("Embedding: gradients are dense here; leave out sparse=True")
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.padding_idx = None if padding_idx is None else check_padding(padding_idx, num_embeddings)
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        shape = (num_embeddings, embedding_dim)
        if _weight is None:
            self.weight = Parameter(autograd.zeros(shape, device=device, dtype=dtype), not _freeze)
            self.reset_parameters()
        elif _weight.shape != shape:
            raise ShapeError(f"Embedding: expects a weight of shape {shape}, found {_weight.shape}")
        else:
            self.weight = Parameter(_weight, not _freeze)

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Embedding:
        """With the vectors of a table that is known already, which ``freeze`` keeps as they are.

        Raises
        ------
        ShapeError
            Unless ``embeddings`` has two axes.

        Examples
        --------
        >>> import autograd, nn
        >>> nn.Embedding.from_pretrained(autograd.tensor([[1.0, 2.0], [3.0, 4.0]]))(autograd.tensor([1]))
        tensor([[3., 4.]])
        """
        if embeddings.ndim != 2:
            raise ShapeError(
                f"from_pretrained: Embeddings parameter is expected to be 2-dimensional, found shape {embeddings.shape}"
            )
        rows, size = embeddings.shape
        return cls(rows, size, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, embeddings, freeze)

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with autograd.no_grad():
                self.weight[self.padding_idx] = 0

    def forward(self, input: Tensor) -> Tensor:
        """Integers (…) → (…, embedding_dim)."""
        return functional.embedding(
            input, self.weight, self.padding_idx, self.max_norm, self.norm_type, self.scale_grad_by_freq
        )

    def extra_repr(self) -> str:
        """Its sizes and options, where they are not the default."""
        options = {"padding_idx": None, "max_norm": None, "norm_type": 2, "scale_grad_by_freq": False}
        said = [f"{name}={getattr(self, name)}" for name, default in options.items() if getattr(self, name) != default]
        return ", ".join([f"{self.num_embeddings}, {self.embedding_dim}", *said])
