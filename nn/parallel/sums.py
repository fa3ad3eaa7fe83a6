"""The sum of an array over the ranks.

MPI's all-reduce is what there is between machines. On one machine ranks can also read each other's memory, where MPI
sets it up to be shared: each adds up one part of the array, of all ranks, and takes the other parts from those who have
added them up. That reads and writes less than messages do, which are copied on their way.
"""

from __future__ import annotations

import os
from itertools import pairwise
from typing import Any

import numpy as np

from .job import mpi

__all__ = ["Summed"]

Array = np.ndarray[Any, Any]
SHARED = 1 << 20
"""The bytes from which on memory is shared: below, two more meetings of the ranks cost more than they save."""


class Summed:
    """An array of each rank, to be replaced by the sum over all ranks: equal to the bit on all of them.

    Attributes
    ----------
    array : array
        This rank's, to be filled in; then, after :meth:`sum`, the sum.
    """

    def __init__(self, comm: Any, size: int, dtype: Any) -> None:
        self.comm = comm
        self.shared: Any = None
        if size * np.dtype(dtype).itemsize < SHARED:
            self.array: Array = np.empty(size, dtype)
            return
        here = comm.Split_type(mpi().COMM_TYPE_SHARED)
        counts = comm.allgather((here.Get_size(), _room(size * np.dtype(dtype).itemsize * here.Get_size())))
        if len(set(counts)) > 1 or here.Get_size() == 1 or not counts[0][1]:  # parts could not be the same everywhere
            here.Free()
            self.array = np.empty(size, dtype)
            return
        self.across = comm.Split(here.Get_rank(), comm.Get_rank())  # who has the same part on the other machines
        itemsize = np.dtype(dtype).itemsize
        self.shared = mpi().Win.Allocate_shared(size * itemsize, itemsize, comm=here)
        self.shared.Lock_all()
        ranks, self.rank = here.Get_size(), here.Get_rank()
        self.here = here
        arrays = [np.frombuffer(self.shared.Shared_query(rank)[0], dtype, size) for rank in range(ranks)]
        cuts = [size * k // ranks for k in range(ranks + 1)]
        self.parts = [slice(a, b) for a, b in pairwise(cuts)]
        self.arrays = arrays
        self.array = arrays[self.rank]

    def sum(self) -> None:
        """Replace every rank's array by the sum of all; all ranks must call it, and meet once more before the next."""
        if self.shared is None:
            self.comm.Allreduce(mpi().IN_PLACE, self.array)
            return
        self._meet()
        part = self.parts[self.rank]
        total = self.arrays[0][part] + self.arrays[1][part]  # in the order of the ranks, on whichever it is
        for array in self.arrays[2:]:
            total += array[part]
        self.array[part] = total
        if self.across.Get_size() > 1:
            self.across.Allreduce(mpi().IN_PLACE, self.array[part])
        self._meet()
        for part, array in zip(self.parts, self.arrays, strict=True):
            if array is not self.array:
                self.array[part] = array[part]

    def _meet(self) -> None:
        """What each rank has written, all see."""
        self.shared.Sync()
        self.here.Barrier()
        self.shared.Sync()


def _room(size: int) -> bool:
    """Whether there is as much memory to share, twice: a container may have little, and would be killed."""
    try:
        found = os.statvfs("/dev/shm")
    except OSError:
        return True  # not Linux, where it is elsewhere
    return found.f_bavail * found.f_frsize > 2 * size
