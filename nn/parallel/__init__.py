"""Data-parallel training on many processes, with MPI: each takes a share of every batch, and the gradients are summed.

The gradient of a batch is the mean over its samples (the slides' mini-batch SGD), so it does not matter who computes
which of them. Every rank, that is every process, has the whole network and its own optimizer. Of each batch it takes a
share (:class:`DistributedSampler`); :class:`DataParallel` sums the gradients over the ranks before the optimizer sees
them. All ranks then take the same step, and their networks stay equal. What comes out is what one process computes
from the same batches, but for the rounding of sums in another order.

The transport is MPI's, through mpi4py (``pip install 'chalkgrad[mpi]'``); this package begins no thread that sends and
opens no connection. A program is started once for each rank::

    mpiexec -n 4 python train.py

How it fits together:

- Shares: batch k of an epoch is the same list of samples on every rank, cut into P shares of sizes that differ by one
  at most. No sample is left out or comes twice, so a last batch that is smaller may have no sample for some ranks.
- Weights: a loss that averages does so over a rank's share. Its gradient counts with (samples of the share) / (samples
  of the batch): it is multiplied by P times that at the network's output, where it is small, and averaged over the
  ranks at the end. Whatever else adds to a gradient, equal on all ranks, is then unchanged by the average: a penalty on
  the weights, or what earlier passes have accumulated.
- Faults: a job that has lost a rank can only wait for it. So whoever meets an error, or sees another rank die, names
  the rank and ends the whole job; training goes on from the last checkpoint, which rank 0 has written as a whole.

``docs/scale.md`` says what it costs and gains, and where PyTorch begins to be the better tool.
"""

from .data_parallel import *
from .job import *
from .sampler import *
