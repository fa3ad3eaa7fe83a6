"""A network that is trained by all ranks together."""

from __future__ import annotations

import contextlib
import weakref
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

import autograd
from autograd import Tensor, as_tensor, no_grad, zeros_like
from autograd.ops.loss import check_reduction
from autograd.versions import written

from ..data.collate import own
from ..module import Module, Parameter
from .job import abort_on_error, check_equal, mpi, world

__all__ = ["DataParallel"]

Array = np.ndarray[Any, Any]

LARGE = 1 << 20
"""The bytes from which on a gradient is summed where it is: to copy it would take longer than a message of its own."""


class DataParallel(Module):
    """``module`` with its gradients summed over all ranks, so that they are those of the whole batch.

    Every rank makes the same network and wraps it, before its optimizer. Rank 0's parameters and buffers are given to
    all. From then on each rank calls it with its share of a batch; after ``backward()`` every ``.grad`` is that of the
    loss of the whole batch, equal on all ranks, and so is whatever is done with it: ``clip_grad_norm_``, the step of
    any optimizer, a scheduler. PyTorch's ``DistributedDataParallel`` is the model.

    Parameters
    ----------
    module : Module
    comm : mpi4py.MPI.Comm, optional
        The ranks; all of the job unless given.
    reduction : {"mean", "sum"}
        What the loss does with its terms. With the mean, a rank's share counts with its samples: the rows of the first
        tensor that the network is called with. See :meth:`weigh` for means that are weighted.

    Attributes
    ----------
    module : Module
        The network itself, for what one rank does alone: ``nn.save(model.module.state_dict(), …)`` on rank 0, or
        pictures.
    comm : mpi4py.MPI.Comm

    Raises
    ------
    ValueError
        On every rank, if the networks are not the same in the names, shapes, dtypes and ``requires_grad`` of their
        parameters, their buffers, their parts and options, or in ``reduction``: with what differs, and on which ranks.
        When called, for a batch of no samples; while going back, for shares of different sizes in one pass, and for
        ranks that do not train the same parameters any more.
    ImportError
        Without mpi4py.

    Notes
    -----
    A rank that has no samples of a batch takes part all the same::

        for x, y in loader:
            optimizer.zero_grad()
            loss = model.backward(criterion(model(x), y) if len(x) else None)   # the loss of the whole batch
            optimizer.step()

    ``loss.backward()`` does as well as ``model.backward(loss)`` where every rank has samples, as in PyTorch.

    Buffers: each rank's batch normalisation uses the mean and variance of its own share, as in PyTorch, so training
    depends on the number of ranks there. By how much a rank has moved its floating point buffers, the running mean and
    variance, is averaged over the ranks, weighted by their samples, after each backward pass: they are those of all the
    data, where PyTorch keeps rank 0's only. Other buffers are given to all by rank 0.

    Gradients are summed after the backward pass: those of a megabyte and more where they are, all others in one buffer
    (for each dtype). A parameter that no rank's loss depends on keeps the ``.grad`` that it has. Calls under
    ``no_grad``, in evaluation or of ``model.module`` need no other rank. Random numbers are each rank's own: seed those
    of dropout by rank.

    An uncaught exception on a rank ends the job, see :class:`abort_on_error`. The cores of a machine are divided among
    its ranks, unless OMP_NUM_THREADS is set.

    Examples
    --------
    >>> import autograd, nn
    >>> model = nn.parallel.DataParallel(nn.Linear(2, 1))  # doctest: +SKIP
    >>> model(autograd.ones(3, 2)).sum().backward()  # doctest: +SKIP
    """

    def __init__(self, module: Module, comm: Any = None, *, reduction: str = "mean") -> None:
        super().__init__()
        check_reduction("DataParallel", reduction, ("mean", "sum"))
        self.module = module
        self.reduction = reduction
        self.comm = world() if comm is None else comm
        self.ranks: int = self.comm.Get_size()
        self._averages = True
        self._next_loss = 0.0
        self._last: _Share | None = None
        self._pass = _Pass()
        self._layout: _Layout | None = None
        self._reporting: set[Parameter] = set()
        self._before: dict[str, Array] = {}
        if self.ranks > 1:
            abort_on_error(self.comm)
            check_equal(self.comm, self._essentials(), "DataParallel")
            for tensor in [*module.parameters(), *module.buffers()]:
                self._from_rank_0(tensor)
            self._before = self._moving()
            here = weakref.ref(self)
            handle = autograd.on_backward(lambda _: None if (model := here()) is None else model._begin())
            weakref.finalize(self, handle.remove)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the network returns for this rank's share; arguments and results are the network's."""
        share = self._last = _Share(_rows((args, kwargs)))
        if self.ranks == 1 or not autograd.is_grad_enabled():
            return self.module(*args, **kwargs)
        if self.training and not share.rows:
            raise ValueError(
                f"DataParallel: rank {self.comm.Get_rank()} has no samples of this batch: instead of calling the "
                "network and the loss, call model.backward(None), so that the other ranks need not wait"
            )
        for p in self.module.parameters():
            if p.requires_grad and p not in self._reporting:
                p.register_post_accumulate_grad_hook(self._end)
                self._reporting.add(p)

        def into(x: Tensor) -> Tensor:  # whatever made x gets its gradient as it would without this network
            return _watched(x, lambda g: g / share.scale if share.scale not in (0, 1) else None)

        def out(u: Tensor) -> Tensor:
            return _watched(u, lambda g: None if (s := self._scale(share)) == 1 else g * s)

        args, kwargs = _each(into, args), _each(into, kwargs)
        return _each(out, self.module(*args, **kwargs))

    def weigh(self, weight: float) -> None:
        """Say what this rank's share of the last batch counts, between the call and ``backward()``, on every rank.

        For a mean that is not over the samples: a cross-entropy with a ``weight`` averages over the sum of the labels'
        weights, and one with an ``ignore_index`` over the labels that count. That sum is what to give here, of this
        rank's labels. A rank where it is 0 has no mean to go back from: there, ``model.backward(None)``.

        Raises
        ------
        ValueError
            Unless it is a positive number, and the network was called before.
        """
        weight = float(weight)
        if self._last is None or not 0 < weight < float("inf"):
            raise ValueError(f"weigh: expects a positive number after a call of the network, found {weight}")
        self._last.rows = weight

    def backward(self, loss: Tensor | None, retain_graph: bool | None = None) -> Tensor:
        """``loss.backward()``; and the loss of the whole batch, on every rank.

        Parameters
        ----------
        loss : Tensor or None
            The scalar loss of this rank's share; None if it has no samples.
        retain_graph : bool, optional
            As for :meth:`autograd.Tensor.backward`.

        Returns
        -------
        Tensor
            The mean over all samples, or with ``reduction="sum"`` the sum, in float64: what a closure for an optimizer
            (L-BFGS) must return, and what to print.

        Raises
        ------
        ValueError
            If the loss does not depend on what the network returned; None if there is no other rank.
        """
        if self.ranks == 1:
            if loss is None:
                raise ValueError("backward: the only rank has no samples")
            loss.backward(retain_graph=retain_graph)
            return as_tensor(np.float64(loss.item()))
        if loss is None:
            self._begin()
            self._meet(_Share(0.0))
            self._end(None)
            return as_tensor(np.float64(self._pass.loss))
        self._next_loss = loss.item()
        try:
            loss.backward(retain_graph=retain_graph)
        finally:
            self._next_loss = 0.0
        if self._pass.share is None:
            raise ValueError("backward: the loss does not depend on what the network returned: no other rank was met")
        return as_tensor(np.float64(self._pass.loss))

    @contextlib.contextmanager
    def no_sync(self) -> Iterator[None]:
        """Let gradients add up on each rank, in backward passes inside, until one outside sums them over the ranks.

        For batches that are too large to be taken at once::

            with model.no_sync():
                (criterion(model(x1), y1) / 2).backward()
            (criterion(model(x2), y2) / 2).backward()
            optimizer.step()

        Until then each ``.grad`` is this rank's part, times the number of ranks.
        """
        before, self._averages = self._averages, False
        try:
            yield
        finally:
            self._averages = before

    # -- what a backward pass does

    def _begin(self) -> None:
        self._pass = _Pass()

    def _scale(self, share: _Share) -> float:
        """What the gradient of a share's output is multiplied by; the first to ask meets the other ranks."""
        if self._pass.share is None:
            self._meet(share)
        elif self._pass.share.rows != share.rows:
            raise ValueError(
                f"DataParallel: one backward pass goes through shares of {self._pass.share.rows:g} and of "
                f"{share.rows:g} samples; call backward() for each"
            )
        share.scale = self._pass.scale
        return share.scale

    def _meet(self, share: _Share) -> None:
        """Learn the samples of the whole batch and its loss."""
        layout = self._laid_out()
        mean = self.reduction == "mean"
        check = layout.number
        value = self._next_loss * (share.rows if mean else 1)
        sums = np.array([share.rows, value, check, check * check])
        self.comm.Allreduce(mpi().IN_PLACE, sums)
        rows, loss = float(sums[0]), float(sums[1])
        if sums[2] != self.ranks * check or sums[3] != self.ranks * check * check:  # equal on all, or their squares
            raise ValueError(
                f"DataParallel: the ranks do not train the same parameters any more; rank {self.comm.Get_rank()} has "
                f"{len(layout.parameters)} that require a gradient, of {layout.size} numbers"
            )
        self._pass.share = share
        self._pass.weight = share.rows / rows if rows else 0.0
        self._pass.scale = self.ranks * self._pass.weight if mean else float(self.ranks)
        self._pass.loss = loss / rows if mean and rows else loss

    def _end(self, _: Any) -> None:
        """The first of the parameters has its gradient, and so have all: average them, once."""
        if self._pass.share is not None and not self._pass.over:
            self._pass.over = True
            if self._averages:
                self._average(self._laid_out())
                self._average_buffers(self._pass.weight)

    def _average(self, layout: _Layout) -> None:
        factor = 1 / self.ranks
        for small in layout.small:
            small.fill_with(factor)
            self.comm.Allreduce(mpi().IN_PLACE, small.flat)
            small.hand_out()
        for p, there in layout.large:
            if not there[0]:  # on no rank
                continue
            if p.grad is None:
                p.grad = zeros_like(p)
            g = p.grad.array if p.grad.array.flags.carray else p.grad.array.copy()
            np.multiply(g, g.dtype.type(factor), out=g)
            self.comm.Allreduce(mpi().IN_PLACE, g)
            if g is p.grad.array:
                written((p.grad,), "DataParallel")
            else:
                p.grad = own(g)

    def _laid_out(self) -> _Layout:
        parameters = [p for p in self.module.parameters() if p.requires_grad]
        if self._layout is None or not self._layout.fits(parameters):
            self._layout = _Layout(parameters)
        return self._layout

    def _average_buffers(self, weight: float) -> None:
        now = self._moving()
        if now:
            # What was not moved stays as it is, to the bit; and infinity, too, was not.
            with np.errstate(invalid="ignore"):
                moved = [np.where(b == self._before[name], 0.0, np.subtract(b, self._before[name], dtype="d")) * weight
                         for name, b in now.items()]  # fmt: skip
            flat = np.concatenate([m.ravel() for m in moved])
            self.comm.Allreduce(mpi().IN_PLACE, flat)
            start = 0
            for name, buffer in self.module.named_buffers():
                if name in now:
                    moves = flat[start : start + buffer.numel()].reshape(buffer.shape)
                    start += buffer.numel()
                    if moves.any():
                        buffer.copy_((self._before[name] + moves).astype(buffer.dtype))
                    self._before[name] = buffer.array.copy()
        for buffer in self.module.buffers():
            if not buffer.is_floating_point():
                self._from_rank_0(buffer)

    def _moving(self) -> dict[str, Array]:
        return {name: b.array.copy() for name, b in self.module.named_buffers() if b.is_floating_point()}

    def _from_rank_0(self, tensor: Tensor) -> None:
        values = np.array(tensor.detach().array, order="C")
        self.comm.Bcast(values)
        with no_grad():
            tensor.copy_(values)

    def _essentials(self) -> dict[str, Any]:
        """What must be the same on all ranks."""
        out: dict[str, Any] = {"reduction": self.reduction}
        for name, module in self.module.named_modules():
            options = module.extra_repr()
            where = name or "the network"
            out[f"part {where!r}"] = (type(module).__name__, "" if " at 0x" in options else options, module.training)
        for name, p in self.module.named_parameters():
            out[f"parameter {name!r}"] = (p.shape, str(p.dtype), "requires_grad" if p.requires_grad else "frozen")
        for name, b in self.module.named_buffers():
            out[f"buffer {name!r}"] = (b.shape, str(b.dtype))
        return out

    def extra_repr(self) -> str:
        """Its options."""
        return f"ranks={self.ranks}, reduction={self.reduction!r}"


class _Share:
    """A rank's share of a batch: how much it counts and, once it is known, what its gradient is multiplied by."""

    __slots__ = ("rows", "scale")

    def __init__(self, rows: float) -> None:
        self.rows = rows
        self.scale = 1.0


class _Pass:
    """A backward pass: what is known of it since it came to the network's output."""

    def __init__(self) -> None:
        self.share: _Share | None = None
        self.weight = self.loss = 0.0
        self.scale = 1.0
        self.over = False


class _Layout:
    """The parameters that are trained: for each dtype one buffer for the gradients of the small ones, and the large."""

    def __init__(self, parameters: list[Parameter]) -> None:
        self.parameters = parameters
        self.kinds = [(p.shape, p.dtype) for p in parameters]
        self.size = sum(p.numel() for p in parameters)
        self.number = float(zlib.crc32(repr(self.kinds).encode()) % 2**20)  # whose square is exact, too
        by_dtype: dict[Any, list[Parameter]] = {}
        for p in parameters:
            by_dtype.setdefault(p.dtype, []).append(p)
        self.small = [_Buffer(dtype, these) for dtype, these in by_dtype.items()]
        self.large = [large for buffer in self.small for large in buffer.large]

    def fits(self, parameters: list[Parameter]) -> bool:
        """Whether these are the parameters, as they were."""
        return len(parameters) == len(self.parameters) and all(
            p is q and (p.shape, p.dtype) == kind
            for p, q, kind in zip(parameters, self.parameters, self.kinds, strict=True)
        )


class _Buffer:
    """The gradients of the small parameters of one dtype in a row; then whether there are any, of the large as well."""

    def __init__(self, dtype: Any, parameters: list[Parameter]) -> None:
        small = [p for p in parameters if p.numel() * p.dtype.itemsize < LARGE]
        n = sum(p.numel() for p in small)
        self.parameters = parameters
        self.flat = np.empty(n + len(parameters), dtype)
        self.there = self.flat[n:]
        self.places, self.large = [], []
        start = 0
        for k, p in enumerate(parameters):
            there = self.there[k : k + 1]
            if p.numel() * p.dtype.itemsize >= LARGE:
                self.large.append((p, there))
            else:
                self.places.append((p, there, self.flat[start : start + p.numel()].reshape(p.shape)))
                start += p.numel()

    def fill_with(self, factor: float) -> None:
        """Take the gradients of this rank, times ``factor``."""
        self.there[:] = [p.grad is not None for p in self.parameters]
        for p, _, place in self.places:
            if p.grad is None:
                place.fill(0)
            else:
                np.multiply(p.grad.array, place.dtype.type(factor), out=place)

    def hand_out(self) -> None:
        """Make what is there now the gradients, where any rank has one."""
        with no_grad():
            for p, there, place in self.places:
                if p.grad is not None:
                    p.grad.copy_(own(place))
                elif there[0]:
                    p.grad = own(place.copy())


def _watched(x: Tensor, hook: Any) -> Tensor:
    """``x``, or a view of it if it is a leaf, whose own hooks are for its owner, with a hook on its gradient."""
    if not x.requires_grad:
        return x
    step: Tensor = x.view_as(x)
    step.register_hook(hook)
    return step


def _each(change: Any, data: Any) -> Any:
    """``data`` with its tensors changed, in tuples, lists and dicts of them."""
    if isinstance(data, Tensor):
        return change(data)
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*(_each(change, part) for part in data))
    if isinstance(data, (tuple, list)):
        return type(data)(_each(change, part) for part in data)
    return {key: _each(change, part) for key, part in data.items()} if isinstance(data, Mapping) else data


def _rows(data: Any) -> float:
    """The samples of a batch: the rows of the first tensor in it that has any axis."""
    found: list[float] = []

    def note(x: Tensor) -> Tensor:
        if x.ndim:
            found.append(float(x.shape[0]))
        return x

    _each(note, data)
    return found[0] if found else 1.0
