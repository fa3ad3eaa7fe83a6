"""Mini-batches."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, NamedTuple

import numpy as np

from autograd import Generator, Tensor, default_generator

from .collate import default_collate, default_convert
from .dataset import IterableDataset, fetcher
from .sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler, positive

__all__ = ["DataLoader", "WorkerInfo", "get_worker_info"]

_END = object()  # what a stream gives after its last batch
_FIXED = frozenset(("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers"))


class WorkerInfo(NamedTuple):
    """What a worker knows of itself: see :func:`get_worker_info`."""

    id: int
    num_workers: int
    seed: int
    dataset: Any


_worker = threading.local()


def get_worker_info() -> WorkerInfo | None:
    """Which worker of a loader this thread is; None if it is none.

    Returns
    -------
    WorkerInfo or None
        ``id`` from 0, ``num_workers``, ``seed`` (of each worker and epoch its own, and fixed by ``manual_seed``) and
        ``dataset``.

    Examples
    --------
    >>> import nn
    >>> class Numbers(nn.data.IterableDataset):
    ...     def __iter__(self):
    ...         worker = nn.data.get_worker_info()
    ...         return iter(range(worker.id, 6, worker.num_workers))
    >>> list(nn.data.DataLoader(Numbers(), batch_size=3, num_workers=2))
    [tensor([0, 2, 4]), tensor([1, 3, 5])]
    """
    return getattr(_worker, "info", None)


class DataLoader:
    """The mini-batches of a data set, one after the other; slide "Implementing mini-batch".

    Parameters
    ----------
    dataset : Dataset or IterableDataset
        Or anything with a length that can be indexed by 0, 1, …
    batch_size : int or None
        B, the samples in a batch; the last batch has what is left. None: single samples, not batches.
    shuffle : bool
        Draw a new order for every epoch. (The slides' listing forgets it; see the errata.)
    sampler, batch_sampler : iterable, optional
        The indices of an epoch one by one, or in lists for batches, in place of ``shuffle`` (and of ``batch_size``).
    num_workers : int
        Threads that prepare batches ahead. The batches and their order are those without workers. Threads, not
        PyTorch's processes: nothing is copied or pickled, and the data set is shared; they gain where samples are read
        from disk or computed by NumPy.
    collate_fn : callable, optional
        Makes a batch of a list of samples; by default :func:`default_collate`.
    drop_last : bool
        Leave out an incomplete last batch.
    timeout : float
        Seconds to wait for a batch from the workers; 0 waits as long as it takes.
    worker_init_fn : callable, optional
        Called in each worker with its number, before its first sample.
    generator : Generator, optional
        Where the order comes from; the default generator otherwise, so ``manual_seed`` fixes it.
    prefetch_factor : int, optional
        The batches prepared ahead by each worker; 2 unless given.
    pin_memory, multiprocessing_context, persistent_workers, pin_memory_device, in_order
        For PyTorch's scripts: nothing is to be pinned or kept, and the order is always kept.

    Raises
    ------
    ValueError
        For a batch size that is not a positive integer or None, options that exclude each other, a shuffled data set
        without samples; and for setting one of the options afterwards.
    RuntimeError
        While iterating: when ``timeout`` is over.
    Exception
        While iterating: what a sample raised, of the same type where that can be made from a message (else
        RuntimeError), with the sample's index and the original as its cause.

    Examples
    --------
    >>> import autograd, nn
    >>> dataset = nn.data.TensorDataset(autograd.arange(5))
    >>> [x for (x,) in nn.data.DataLoader(dataset, batch_size=2)]
    [tensor([0, 1]), tensor([2, 3]), tensor([4])]
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Sampler[int] | Iterable[int] | None = None,
        batch_sampler: Sampler[list[int]] | Iterable[list[int]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], object] | None = None,
        multiprocessing_context: Any = None,
        generator: Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        self.dataset = dataset
        self.num_workers = num_workers
        self.prefetch_factor = 2 if num_workers and prefetch_factor is None else prefetch_factor
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.generator = generator
        self.persistent_workers = persistent_workers
        self.in_order = in_order
        self._check_workers()
        self._streams = isinstance(dataset, IterableDataset)
        if self._streams and (shuffle or sampler is not None or batch_sampler is not None):
            raise ValueError(
                "DataLoader with IterableDataset: expected unspecified shuffle, sampler and batch_sampler options: the "
                f"order is the stream's own; found shuffle={shuffle}, sampler={sampler}, batch_sampler={batch_sampler}"
            )
        if sampler is not None and shuffle:
            raise ValueError("DataLoader: sampler option is mutually exclusive with shuffle: it says the order")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError(
                    "DataLoader: batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and "
                    "drop_last: it says which samples make a batch"
                )
            batch_size = None
        elif batch_size is not None:
            batch_size = positive("batch_size", batch_size)
        elif drop_last:
            raise ValueError(
                "DataLoader: batch_size=None option disables auto-batching and is mutually exclusive with drop_last"
            )
        if shuffle and not len(dataset):
            raise ValueError("DataLoader: there is nothing to shuffle: the data set has num_samples=0")
        if sampler is None and not self._streams:
            sampler = RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)
        if batch_size is not None and sampler is not None:
            batch_sampler = BatchSampler(sampler, batch_size, bool(drop_last))
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self._in_batches = batch_size is not None or batch_sampler is not None
        self.collate_fn = collate_fn or (default_collate if self._in_batches else default_convert)
        self._epoch = 0
        self._complete = True

    def _check_workers(self) -> None:
        n = self.num_workers
        if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 0:
            raise ValueError(
                f"DataLoader: num_workers option should be non-negative; use num_workers=0 for no workers; found {n!r}"
            )
        if not self.timeout >= 0:
            raise ValueError(f"DataLoader: timeout option should be non-negative, found {self.timeout!r}")
        if self.prefetch_factor is not None:
            positive("prefetch_factor", self.prefetch_factor)
        if not n:
            for name in ("prefetch_factor", "persistent_workers", "multiprocessing_context"):
                if getattr(self, name):
                    raise ValueError(f"DataLoader: {name} option needs num_workers > 0, found num_workers=0")

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _FIXED and "_complete" in self.__dict__:  # the samplers would not notice
            raise ValueError(f"{name} attribute should not be set after {type(self).__name__} is initialized")
        object.__setattr__(self, name, value)

    def __len__(self) -> int:
        """The batches of an epoch."""
        if self._streams:
            n, size = len(self.dataset), self.batch_size or 1
            return n // size if self.drop_last else -(-n // size)
        return len(self.batch_sampler if self._in_batches else self.sampler)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Any]:
        self._epoch += 1
        orders = self.batch_sampler if self._in_batches else self.sampler
        work = itertools.repeat(None) if self._streams else iter(orders)  # type: ignore[arg-type]
        return self._with_workers(work) if self.num_workers else self._alone(work)

    def _alone(self, work: Iterator[Any]) -> Iterator[Any]:
        fetch = self._fetch()
        for indices in work:
            batch = fetch(indices)
            if batch is _END:
                return
            yield batch

    def _with_workers(self, work: Iterator[Any]) -> Iterator[Any]:
        workers = [ThreadPoolExecutor(1, f"DataLoader-{k}") for k in range(self.num_workers)]
        try:
            fetches = [worker.submit(self._start, k) for k, worker in enumerate(workers)]

            def task(k: int, indices: Any) -> Any:
                return fetches[k].result()(indices)  # it has been made by then: a worker does one thing after another

            turns = deque(range(self.num_workers))  # a stream that has ended has no more turns
            ahead: deque[tuple[int, Future[Any]]] = deque()
            more = True
            while True:
                while more and turns and len(ahead) < self.num_workers * self.prefetch_factor:  # type: ignore[operator]
                    indices = next(work, _END)
                    more = indices is not _END
                    if more:
                        ahead.append((turns[0], workers[turns[0]].submit(task, turns[0], indices)))
                        turns.rotate(-1)
                if not ahead:
                    return
                k, future = ahead.popleft()
                if not wait([future], self.timeout or None).done:
                    raise RuntimeError(f"DataLoader timed out after {self.timeout} seconds: no batch from worker {k}")
                batch = future.result()
                if batch is not _END:
                    yield batch
                elif k in turns:
                    turns.remove(k)
        finally:
            for worker in workers:
                worker.shutdown(wait=False, cancel_futures=True)

    def _start(self, k: int) -> Callable[[Any], Any]:
        source = (self.generator or default_generator).initial_seed() % 2**64
        seed = int(np.random.SeedSequence((source, self._epoch, k)).generate_state(1, np.uint64)[0])
        _worker.info = WorkerInfo(k, self.num_workers, seed, self.dataset)
        if self.worker_init_fn is not None:
            self.worker_init_fn(k)
        return self._fetch()

    def _fetch(self) -> Callable[[Any], Any]:
        """What makes a batch of indices; for a stream, the next batch, whatever it is called with."""
        if self._streams:
            return self._next_of(iter(self.dataset))
        if not self._in_batches:
            return lambda index: self.collate_fn(self._sample(index))
        at_once = fetcher(self.dataset) if self.collate_fn is default_collate else None
        return lambda indices: self._batch(indices, at_once)

    def _next_of(self, stream: Iterator[Any]) -> Callable[[Any], Any]:
        count = itertools.count()

        def advance() -> Any:
            index = next(count)
            try:
                return next(stream, _END)
            except Exception as error:
                raise self._named(index, error) from error

        def fetch(_: Any) -> Any:
            if self.batch_size is None:
                sample = advance()
                return sample if sample is _END else self.collate_fn(sample)
            samples: list[Any] = []
            while len(samples) < self.batch_size and (sample := advance()) is not _END:
                samples.append(sample)
            if not samples or (self.drop_last and len(samples) < self.batch_size):
                return _END
            return self.collate_fn(samples)

        return fetch

    def _batch(self, indices: Any, at_once: Callable[[Any], Any] | None) -> Any:
        if isinstance(indices, list) and not indices:  # a share of a batch that has fewer samples than takers
            return _without_rows(self._batch([0], at_once))
        if at_once is not None:
            try:
                return at_once(indices)
            except Exception:  # one by one it will be known which sample it is
                pass
        many = getattr(self.dataset, "__getitems__", None)  # PyTorch's protocol
        return self.collate_fn(many(indices) if many else [self._sample(index) for index in indices])

    def _sample(self, index: Any) -> Any:
        try:
            return self.dataset[index]
        except Exception as error:
            raise self._named(index, error) from error

    def _named(self, index: Any, error: Exception) -> Exception:
        """``error`` again, with the sample that raised it."""
        message = f"DataLoader: sample {index} of {type(self.dataset).__name__}: {error}"
        try:
            return type(error)(message)
        except Exception:  # a type whose constructor takes other arguments
            return RuntimeError(f"{message} ({type(error).__name__})")


def _without_rows(batch: Any) -> Any:
    """What a batch would be without samples."""
    if isinstance(batch, Tensor):
        return batch[:0]
    if isinstance(batch, Mapping):
        return {key: _without_rows(part) for key, part in batch.items()}
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*map(_without_rows, batch))
    if isinstance(batch, (list, tuple)):
        return type(batch)(_without_rows(part) for part in batch if not isinstance(part, (str, bytes)))
    return batch
