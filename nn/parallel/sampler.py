"""Which samples a rank takes."""

from __future__ import annotations

from collections.abc import Iterator, Sized

import autograd

from ..data.sampler import Sampler, flag, positive
from .job import world

__all__ = ["DistributedBatchSampler", "DistributedSampler"]


class DistributedSampler(Sampler[int]):
    """One rank's samples of an epoch: every sample is taken by exactly one rank, in an order all ranks agree on.

    Sample k of the epoch's order is for rank k mod P. A loader with ``batch_size=b`` gives each rank its share of
    batches of P b samples; for batches of any size, see :class:`DistributedBatchSampler`.

    Parameters
    ----------
    dataset : Dataset
    num_replicas : int, optional
        P, the number of ranks; MPI's unless given.
    rank : int, optional
        Which of them this is; MPI's unless given.
    shuffle : bool
        A new order for every epoch; call :meth:`set_epoch` before each, or the order stays.
    seed : int
        Of the order, the same on all ranks. The order depends on it and on the epoch only: nothing of it needs to be
        saved for a training to go on.
    drop_last : bool
        Leave out the last N mod P samples, so that all ranks have as many.

    Raises
    ------
    ValueError
        For a rank that there is not, no ranks, and a seed that is no integer.
    TypeError
        If ``shuffle`` or ``drop_last`` is not a bool.
    ImportError
        Without mpi4py, unless ``num_replicas`` and ``rank`` are given.

    Notes
    -----
    PyTorch's sampler repeats samples until all ranks have as many, so that an epoch counts some of them twice and its
    last batch is another one than a single process would see. Here the ranks have one more or one less, and
    :class:`DataParallel` weighs their shares. Where the last batch has fewer samples than there are ranks, a rank
    without any gets a batch of 0 rows.

    Examples
    --------
    >>> import nn
    >>> [list(nn.parallel.DistributedSampler("abcde", 2, rank, shuffle=False)) for rank in range(2)]
    [[0, 2, 4], [1, 3]]
    """

    def __init__(
        self,
        dataset: Sized,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        self.dataset = dataset
        self.num_replicas = positive("num_replicas", world().Get_size() if num_replicas is None else num_replicas)
        self.rank = world().Get_rank() if rank is None else rank
        if isinstance(self.rank, bool) or not isinstance(self.rank, int) or not 0 <= self.rank < self.num_replicas:
            raise ValueError(
                f"Invalid rank {self.rank!r}, rank should be in the interval [0, {self.num_replicas - 1}], as there "
                f"are {self.num_replicas}"
            )
        if isinstance(seed, bool) or not isinstance(seed, int):
            raise ValueError(f"seed should be an integer, the same on all ranks, found seed={seed!r}")
        self.shuffle = flag("shuffle", shuffle)
        self.seed = seed
        self.drop_last = flag("drop_last", drop_last)
        self.epoch = 0

    @property
    def total_size(self) -> int:
        """The samples of an epoch, of all ranks together."""
        n = len(self.dataset)
        return n - n % self.num_replicas if self.drop_last else n

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes next, before the loader is gone through; it decides the order."""
        self.epoch = epoch

    def order(self) -> list[int]:
        """The samples of all ranks in the order of this epoch."""
        n = len(self.dataset)
        if not self.shuffle:
            return list(range(self.total_size))
        generator = autograd.Generator().manual_seed(self.seed + self.epoch)
        order: list[int] = autograd.randperm(n, generator=generator).tolist()
        return order[: self.total_size]

    def __iter__(self) -> Iterator[int]:
        return iter(self.order()[self.rank :: self.num_replicas])

    def __len__(self) -> int:
        """The samples of this rank."""
        return len(range(self.rank, self.total_size, self.num_replicas))

    def in_batches(self, batch_size: int, drop_last: bool) -> DistributedBatchSampler:
        """The batches that a loader makes, with up to ``batch_size`` samples for each rank."""
        return DistributedBatchSampler(self, batch_size * self.num_replicas, drop_last)


class DistributedBatchSampler(Sampler[list[int]]):
    """One rank's share of every batch: for ``DataLoader(dataset, batch_sampler=…)``.

    Parameters
    ----------
    sampler : DistributedSampler
    batch_size : int
        The samples of a whole batch, of all ranks together: the B of a single process. It need not be a multiple of
        their number: the shares then differ by one, the first ranks having more.
    drop_last : bool
        Leave out an incomplete last batch.

    Raises
    ------
    ValueError
        For a batch size that is not a positive integer, and a ``drop_last`` that is not a bool.
    TypeError
        For another kind of sampler.

    Examples
    --------
    >>> import nn
    >>> samplers = [nn.parallel.DistributedSampler(range(7), 2, rank, shuffle=False) for rank in range(2)]
    >>> [list(nn.parallel.DistributedBatchSampler(sampler, batch_size=3)) for sampler in samplers]
    [[[0, 2], [3, 5], [6]], [[1], [4], []]]
    """

    def __init__(self, sampler: DistributedSampler, batch_size: int, drop_last: bool = False) -> None:
        if not isinstance(sampler, DistributedSampler):
            raise TypeError(
                f"DistributedBatchSampler: expects a DistributedSampler, found {type(sampler).__name__}, which does "
                "not say what the other ranks take"
            )
        self.sampler = sampler
        self.batch_size = positive("batch_size", batch_size)
        self.drop_last = flag("drop_last", drop_last)

    def set_epoch(self, epoch: int) -> None:
        """As for the sampler."""
        self.sampler.set_epoch(epoch)

    def __iter__(self) -> Iterator[list[int]]:
        order, size = self.sampler.order(), self.batch_size
        for k in range(len(self)):
            yield order[k * size : (k + 1) * size][self.sampler.rank :: self.sampler.num_replicas]

    def __len__(self) -> int:
        """The batches of an epoch, the same number on all ranks."""
        n = self.sampler.total_size
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)
