"""Schedulers: how the learning rate of an optimizer changes from epoch to epoch.

Made after the optimizer; ``scheduler.step()`` comes after ``optimizer.step()``, at the end of an epoch (of a batch,
with OneCycleLR). Most multiply the learning rate that they find, so that several can work on one optimizer.
"""

from __future__ import annotations

import math
import types
import warnings
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from autograd import effect

from .optimizer import Optimizer, check

__all__ = [
    "LRScheduler", "LambdaLR", "StepLR", "MultiStepLR", "ConstantLR", "LinearLR", "ExponentialLR", "CosineAnnealingLR",
    "ReduceLROnPlateau", "OneCycleLR",
]  # fmt: skip


class LRScheduler:
    """The base of all schedulers; a subclass defines :meth:`get_lr`.

    Parameters
    ----------
    optimizer : Optimizer
        Whose ``group["lr"]`` is set; what it is now is kept as ``group["initial_lr"]``.
    last_epoch : int
        The epoch to go on from; −1 to begin. To go on, the groups must have their ``initial_lr``, as they have after
        ``optimizer.load_state_dict``.

    Attributes
    ----------
    last_epoch : int
        How often :meth:`step` was called.
    base_lrs : list of float
        The initial learning rates of the groups.

    Raises
    ------
    TypeError
        For anything but an optimizer.
    KeyError
        To go on without an ``initial_lr``.

    Examples
    --------
    >>> import autograd, nn
    >>> optimizer = nn.optim.SGD([nn.Parameter(autograd.ones(1))], lr=0.5)
    >>> class Harmonic(nn.optim.lr_scheduler.LRScheduler):
    ...     def get_lr(self):
    ...         return [lr / (1 + self.last_epoch) for lr in self.base_lrs]
    >>> scheduler = Harmonic(optimizer)
    >>> optimizer.step()
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.25]
    """

    _get_lr_called_within_step = False
    _is_initial = False

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self.optimizer = _checked(optimizer)
        for k, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", _number(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{k}]: to go on from last_epoch={last_epoch}, "
                    "load the optimizer's state first; to begin, leave last_epoch at -1"
                )
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def get_lr(self) -> list[float]:
        """The next learning rates, for :meth:`step`; the present ones are :meth:`get_last_lr`."""
        if not self._get_lr_called_within_step:
            warnings.warn(
                "get_lr() computes what step() sets next; to get the last learning rate, please use get_last_lr()",
                stacklevel=2,
            )
        return [self._next(k, group["lr"]) for k, group in enumerate(self.optimizer.param_groups)]

    def get_last_lr(self) -> list[float]:
        """The learning rates of the groups as this scheduler set them last."""
        return self._last_lr

    @effect
    def step(self, epoch: int | None = None) -> None:
        """Set the learning rates of the next epoch.

        Parameters
        ----------
        epoch : int, optional
            Go to this epoch instead; deprecated in PyTorch, and it warns.

        Raises
        ------
        ValueError
            If a learning rate comes out as nan or infinite; no group is then changed.

        Warns
        -----
        UserWarning
            If it is called for the first time before ``optimizer.step()``: the first learning rate would be skipped.
        """
        if self._step_count == 1 and not self.optimizer.stepped:
            warnings.warn(
                "lr_scheduler.step() was called before optimizer.step(): call optimizer.step() first, or the first "
                "learning rate of the schedule is skipped",
                stacklevel=3,
            )
        if epoch is not None:
            warnings.warn("the epoch parameter of scheduler.step() is deprecated: call step()", stacklevel=3)
        groups = self.optimizer.param_groups
        for group in groups[len(self.base_lrs) :]:  # added since
            self.base_lrs.append(group.setdefault("initial_lr", _number(group["lr"])))
        before = self.last_epoch
        self._get_lr_called_within_step = True
        try:
            self.last_epoch = before + 1 if epoch is None else epoch
            values = self.get_lr() if epoch is None else self._get_closed_form_lr()
            for value in values:
                if not math.isfinite(value):
                    raise ValueError(f"Invalid learning rate lr: {type(self).__name__} computed {value!r}")
        except BaseException:
            self.last_epoch = before
            raise
        finally:
            self._get_lr_called_within_step = False
        self._step_count += 1
        for group, value in zip(groups, values, strict=True):
            group["lr"] = value
        self._last_lr = [_number(group["lr"]) for group in groups]

    def state_dict(self) -> dict[str, Any]:
        """Everything it remembers but the optimizer, whose state is to be saved too."""
        return {key: value for key, value in self.__dict__.items() if key != "optimizer"}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a saved state.

        Raises
        ------
        ValueError
            One, listing all that is missing, unexpected, or of another kind than what :meth:`state_dict` gives; the
            scheduler is then unchanged.
        """
        self._check_state(state_dict)
        self.__dict__.update(state_dict)

    def _check_state(self, state_dict: Any) -> None:
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict).__name__}")
        own = self.state_dict()
        problems = [
            f"{key}: expects {_kind(value)} such as {value!s:.60}, found {_shown(state_dict[key])}"
            for key, value in own.items()
            if key in state_dict and not _alike(value, state_dict[key])
        ]
        if missing := [key for key in own if key not in state_dict]:
            problems.append(f"Missing key(s) in state_dict: {', '.join(missing)}")
        if unexpected := [key for key in state_dict if key not in own]:
            problems.append(f"Unexpected key(s) in state_dict: {', '.join(map(str, unexpected))}")
        if problems:
            listed = "\n  ".join(problems)
            raise ValueError(
                f"Error(s) in loading state_dict for {type(self).__name__}; nothing was loaded:\n  {listed}"
            )

    def _next(self, k: int, lr: Any) -> float:
        """The learning rate of group ``k``, which is ``lr`` now, at ``last_epoch``."""
        raise NotImplementedError(f"{type(self).__name__} does not define get_lr()")

    def _at(self, base: float) -> float:
        """The learning rate at ``last_epoch`` if only this scheduler had set it, from ``base`` on."""
        raise NotImplementedError

    def _get_closed_form_lr(self) -> list[float]:
        if type(self)._at is LRScheduler._at:
            return self.get_lr()
        return [self._at(base) for base in self.base_lrs]


class LambdaLR(LRScheduler):
    """The initial learning rate times a function of the epoch.

    Parameters
    ----------
    optimizer : Optimizer
    lr_lambda : callable, or list of one for each group
        epoch → factor.
    last_epoch : int
        See :class:`LRScheduler`.

    Raises
    ------
    ValueError
        For a list of another length than there are groups.
    TypeError
        For anything that cannot be called.

    Examples
    --------
    >>> import autograd, nn
    >>> optimizer = nn.optim.SGD([nn.Parameter(autograd.ones(1))], lr=0.5)
    >>> scheduler = nn.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 1 / (1 + epoch))
    >>> optimizer.step()
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.25]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | list[Callable[[int], float]],
        last_epoch: int = -1,
    ) -> None:
        self.lr_lambdas = _for_each_group("lr_lambda", lr_lambda, _checked(optimizer))
        for function in self.lr_lambdas:
            if not callable(function):
                raise TypeError(f"lr_lambda should be a function of the epoch, found {type(function).__name__}")
        super().__init__(optimizer, last_epoch)

    def _next(self, k: int, lr: Any) -> float:
        if k >= len(self.lr_lambdas):
            raise ValueError(f"LambdaLR has {len(self.lr_lambdas)} lr_lambdas; a parameter group was added since")
        return self.base_lrs[k] * self.lr_lambdas[k](self.last_epoch)

    def state_dict(self) -> dict[str, Any]:
        """As of the others; of the lambdas only what callable objects remember, for functions cannot be saved."""
        functions = self.lr_lambdas
        kept = [None if isinstance(f, types.FunctionType) else dict(getattr(f, "__dict__", {})) for f in functions]
        return {**super().state_dict(), "lr_lambdas": kept}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a saved state; the functions stay as they are, callable objects take over what was saved."""
        self._check_state(state_dict)
        self.__dict__.update({key: value for key, value in state_dict.items() if key != "lr_lambdas"})
        for function, kept in zip(self.lr_lambdas, state_dict["lr_lambdas"], strict=True):
            if kept:
                function.__dict__.update(kept)


class StepLR(LRScheduler):
    """The learning rate times ``gamma`` every ``step_size`` epochs.

    Parameters
    ----------
    optimizer : Optimizer
    step_size : int
        Epochs between two changes.
    gamma : float
        The factor.
    last_epoch : int
        See :class:`LRScheduler`.

    Raises
    ------
    ValueError
        For a ``step_size`` that is not a positive integer, and a ``gamma`` that is negative or not finite.

    Examples
    --------
    >>> import autograd, nn
    >>> optimizer = nn.optim.SGD([nn.Parameter(autograd.ones(1))], lr=1.0)
    >>> scheduler = nn.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
    >>> for epoch in range(4):
    ...     print(scheduler.get_last_lr())
    ...     optimizer.step()
    ...     scheduler.step()
    [1.0]
    [1.0]
    [0.5]
    [0.5]
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        self.step_size = _count("step_size", step_size)
        self.gamma = gamma
        check("gamma", gamma)
        super().__init__(optimizer, last_epoch)

    def _next(self, k: int, lr: Any) -> float:
        return lr if self.last_epoch == 0 or self.last_epoch % self.step_size else lr * self.gamma

    def _at(self, base: float) -> float:
        return base * self.gamma ** (self.last_epoch // self.step_size)


class MultiStepLR(LRScheduler):
    """The learning rate times ``gamma`` at each of the ``milestones``.

    Parameters
    ----------
    optimizer : Optimizer
    milestones : iterable of int
        Epochs; one that is there twice counts twice.
    gamma : float
        The factor.
    last_epoch : int
        See :class:`LRScheduler`.

    Raises
    ------
    ValueError
        For a ``gamma`` that is negative or not finite.

    Examples
    --------
    >>> import autograd, nn
    >>> optimizer = nn.optim.SGD([nn.Parameter(autograd.ones(1))], lr=1.0)
    >>> scheduler = nn.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[1, 3], gamma=0.5)
    >>> for epoch in range(4):
    ...     print(scheduler.get_last_lr())
    ...     optimizer.step()
    ...     scheduler.step()
    [1.0]
    [0.5]
    [0.5]
    [0.25]
    """

    def __init__(
        self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.milestones = Counter(milestones)
        self.gamma = gamma
        check("gamma", gamma)
        super().__init__(optimizer, last_epoch)

    def _next(self, k: int, lr: Any) -> float:
        times = self.milestones.get(self.last_epoch, 0)
        return lr * self.gamma**times if times else lr

    def _at(self, base: float) -> float:
        return base * self.gamma ** bisect_right(sorted(self.milestones.elements()), self.last_epoch)


class ConstantLR(LRScheduler):
    """The learning rate times ``factor`` until epoch ``total_iters``, from then on as it was.

    Parameters
    ----------
    optimizer : Optimizer
    factor : float
        In (0, 1]: from 0 (which PyTorch lets pass) there would be no way back.
    total_iters : int
        How long.
    last_epoch : int
        See :class:`LRScheduler`.

    Raises
    ------
    ValueError
        For a factor out of range.

    Examples
    --------
    >>> import autograd, nn
    >>> optimizer = nn.optim.SGD([nn.Parameter(autograd.ones(1))], lr=1.0)
    >>> scheduler = nn.optim.lr_scheduler.ConstantLR(optimizer, factor=0.5, total_iters=2)
    >>> for epoch in range(3):
    ...     print(scheduler.get_last_lr())
    ...     optimizer.step()
    ...     scheduler.step()
    [0.5]
    [0.5]
    [1.0]
    """

    def __init__(
        self, optimizer: Optimizer, factor: float = 1.0 / 3, total_iters: int = 5, last_epoch: int = -1
    ) -> None:
        if not 0 < factor <= 1:
            raise ValueError(f"Constant multiplicative factor expected to be between 0 and 1, found {factor!r}")
        self.factor = factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def _next(self, k: int, lr: Any) -> float:
        if self.last_epoch == 0:
            return lr * self.factor
        return lr * (1.0 / self.factor) if self.last_epoch == self.total_iters else lr

    def _at(self, base: float) -> float:
        return base * (1 if self.last_epoch >= self.total_iters else self.factor)


class LinearLR(LRScheduler):
    """The learning rate times a factor that goes in a straight line: a warm-up.

    Parameters
    ----------
    optimizer : Optimizer
    start_factor, end_factor : float
        The factor at first, in (0, 1], and from epoch ``total_iters`` on, in [0, 1].
    total_iters : int
        How long.
    last_epoch : int
        See :class:`LRScheduler`.

    Raises
    ------
    ValueError
        For factors out of range.

    Examples
    --------
    >>> import autograd, nn
    >>> optimizer = nn.optim.SGD([nn.Parameter(autograd.ones(1))], lr=1.0)
    >>> scheduler = nn.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.5, total_iters=2)
    >>> for epoch in range(3):
    ...     print(scheduler.get_last_lr())
    ...     optimizer.step()
    ...     scheduler.step()
    [0.5]
    [0.75]
    [1.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 < start_factor <= 1:
            raise ValueError(
                f"Starting multiplicative factor expected to be greater than 0 and at most 1, found {start_factor!r}"
            )
        if not 0 <= end_factor <= 1:
            raise ValueError(f"Ending multiplicative factor expected to be between 0 and 1, found {end_factor!r}")
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def _factor(self, epoch: int) -> float:
        if self.total_iters <= 0:
            return self.start_factor
        done = min(epoch, self.total_iters) / self.total_iters
        return self.start_factor + (self.end_factor - self.start_factor) * done

    def _next(self, k: int, lr: Any) -> float:
        if self.last_epoch == 0:
            return lr * self.start_factor
        if self._is_initial or self.last_epoch > self.total_iters:
            return lr
        return lr * (self._factor(self.last_epoch) / self._factor(self.last_epoch - 1))

    def _at(self, base: float) -> float:
        return base * self._factor(self.last_epoch)


class ExponentialLR(LRScheduler):
    """The learning rate times ``gamma`` every epoch.

    Parameters
    ----------
    optimizer : Optimizer
    gamma : float
        The factor.
    last_epoch : int
        See :class:`LRScheduler`.

    Raises
    ------
    ValueError
        For a ``gamma`` that is negative or not finite.

    Examples
    --------
    >>> import autograd, nn
    >>> optimizer = nn.optim.SGD([nn.Parameter(autograd.ones(1))], lr=1.0)
    >>> scheduler = nn.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    >>> for epoch in range(3):
    ...     print(scheduler.get_last_lr())
    ...     optimizer.step()
    ...     scheduler.step()
    [1.0]
    [0.5]
    [0.25]
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        check("gamma", gamma)
        super().__init__(optimizer, last_epoch)

    def _next(self, k: int, lr: Any) -> float:
        return lr if self._is_initial else lr * self.gamma

    def _at(self, base: float) -> float:
        return base * self.gamma**self.last_epoch


class CosineAnnealingLR(LRScheduler):
    """The learning rate along half a cosine, from its initial value to ``eta_min`` and, if it goes on, back.

    η_t = η_min + (η_0 − η_min) (1 + cos(π t / T_max)) / 2 (Loshchilov and Hutter, 2017, without their restarts).

    Parameters
    ----------
    optimizer : Optimizer
    T_max : int
        Epochs from the top to the bottom.
    eta_min : float
        The learning rate at the bottom.
    last_epoch : int
        See :class:`LRScheduler`.

    Raises
    ------
    ValueError
        For a ``T_max`` that is not positive, and an ``eta_min`` that is negative or not finite.

    Examples
    --------
    >>> import autograd, nn
    >>> optimizer = nn.optim.SGD([nn.Parameter(autograd.ones(1))], lr=1.0)
    >>> scheduler = nn.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=2)
    >>> for epoch in range(3):
    ...     print(round(scheduler.get_last_lr()[0], 3))
    ...     optimizer.step()
    ...     scheduler.step()
    1.0
    0.5
    0.0
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        if not T_max > 0:
            raise ValueError(f"Invalid T_max: {T_max!r}; expects a positive number of epochs")
        check("eta_min", eta_min)
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def _height(self, epoch: int) -> float:
        return 1 + math.cos(math.pi * epoch / self.T_max)

    def _next(self, k: int, lr: Any) -> float:
        if self._is_initial:
            return lr
        if (self.last_epoch - 1 - self.T_max) % (2 * self.T_max) == 0:  # from the bottom up, where a ratio says nothing
            return lr + (self.base_lrs[k] - self.eta_min) * self._height(self.T_max - 1) / 2
        return self._height(self.last_epoch) / self._height(self.last_epoch - 1) * (lr - self.eta_min) + self.eta_min

    def _at(self, base: float) -> float:
        return self.eta_min + (base - self.eta_min) * self._height(self.last_epoch) / 2


class ReduceLROnPlateau(LRScheduler):
    """The learning rate times ``factor`` when a measure has not become better for ``patience`` epochs.

    Parameters
    ----------
    optimizer : Optimizer
    mode : {"min", "max"}
        Whether less of the measure (a loss) or more of it (an accuracy) is better.
    factor : float
        In [0, 1).
    patience : int
        How many epochs without improvement are borne.
    threshold, threshold_mode : float, {"rel", "abs"}
        How much better counts, relative to the best measure or absolute.
    cooldown : int
        Epochs after a change that are not counted.
    min_lr : float, or list of one for each group
        The least learning rate.
    eps : float
        A change smaller than this is not made.

    Raises
    ------
    ValueError
        For a ``factor``, a mode or a list of ``min_lr`` that is none.

    Examples
    --------
    >>> import autograd, nn
    >>> optimizer = nn.optim.SGD([nn.Parameter(autograd.ones(1))], lr=1.0)
    >>> scheduler = nn.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=1)
    >>> for loss in (0.5, 0.4, 0.4, 0.4):
    ...     scheduler.step(loss)
    >>> scheduler.get_last_lr()
    [0.1]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | list[float] = 0,
        eps: float = 1e-8,
    ) -> None:
        if not 0 <= factor < 1.0:
            raise ValueError(f"Factor should be < 1.0, and not negative; found {factor!r}")
        if mode not in ("min", "max"):
            raise ValueError(f"mode {mode!r} is unknown! It is 'min' or 'max'")
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(f"threshold mode {threshold_mode!r} is unknown! It is 'rel' or 'abs'")
        self.optimizer = _checked(optimizer)
        self.factor = factor
        self.default_min_lr = None if isinstance(min_lr, (list, tuple)) else min_lr
        self.min_lrs = _for_each_group("min_lr", min_lr, optimizer)
        self.patience = patience
        self.cooldown = cooldown
        self.eps = eps
        self.mode = mode
        self.threshold = threshold
        self.threshold_mode = threshold_mode
        self.mode_worse = math.inf if mode == "min" else -math.inf
        self.best = self.mode_worse
        self.cooldown_counter = 0
        self.num_bad_epochs = 0
        self.last_epoch = 0
        self._last_lr = [_number(group["lr"]) for group in optimizer.param_groups]

    @effect
    def step(self, metrics: Any, epoch: int | None = None) -> None:
        """Take note of the measure after an epoch, a number or a tensor of one element; nan is never better."""
        current = float(metrics)
        if epoch is not None:
            warnings.warn("the epoch parameter of scheduler.step() is deprecated: call step(metrics)", stacklevel=3)
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        if self._is_better(current):
            self.best = current
            self.num_bad_epochs = 0
        else:
            self.num_bad_epochs += 1
        if self.in_cooldown:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce()
            self.cooldown_counter = self.cooldown
            self.num_bad_epochs = 0
        self._last_lr = [_number(group["lr"]) for group in self.optimizer.param_groups]

    @property
    def in_cooldown(self) -> bool:
        """Whether epochs are not counted at present."""
        return self.cooldown_counter > 0

    def _is_better(self, current: float) -> bool:
        sign = 1 if self.mode == "max" else -1
        least = self.best * (1 + sign * self.threshold) if self.threshold_mode == "rel" else (
            self.best + sign * self.threshold
        )  # fmt: skip
        return current > least if self.mode == "max" else current < least

    def _reduce(self) -> None:
        groups = self.optimizer.param_groups
        if len(groups) != len(self.min_lrs):
            if self.default_min_lr is None:
                raise RuntimeError(
                    f"ReduceLROnPlateau has {len(self.min_lrs)} min_lrs, the optimizer {len(groups)} parameter groups: "
                    "one was added since; extend scheduler.min_lrs"
                )
            self.min_lrs = [self.default_min_lr] * len(groups)
        for group, least in zip(groups, self.min_lrs, strict=True):
            old = float(group["lr"])
            new = max(old * self.factor, least)
            if old - new > self.eps:
                group["lr"] = new


class OneCycleLR(LRScheduler):
    """The learning rate up to ``max_lr`` and down again, once, and the momentum the other way round.

    For "super-convergence" (Smith and Topin, 2019). ``step()`` is called after every batch, ``total_steps`` times at
    most.

    Parameters
    ----------
    optimizer : Optimizer
    max_lr : float, or list of one for each group
        The top.
    total_steps, epochs, steps_per_epoch : int
        The length: the first, or the product of the other two.
    pct_start : float
        The part of the cycle that goes up.
    anneal_strategy : {"cos", "linear"}
        Along a cosine or a straight line.
    cycle_momentum : bool
        Whether to change ``momentum``, or β₁, between ``base_momentum`` and ``max_momentum``.
    base_momentum, max_momentum : float, or list of one for each group
        The momentum when the learning rate is at its top, and at the ends.
    div_factor, final_div_factor : float
        The first learning rate is max_lr / div_factor, the last that divided by final_div_factor.
    three_phase : bool
        Whether to go down to the first learning rate as fast as up, and only then to the last.
    last_epoch : int
        See :class:`LRScheduler`.

    Raises
    ------
    ValueError
        For options out of range, an optimizer without momentum if ``cycle_momentum``, and a step beyond the last.

    Examples
    --------
    >>> import autograd, nn
    >>> optimizer = nn.optim.SGD([nn.Parameter(autograd.ones(1))], lr=1.0, momentum=0.9)
    >>> scheduler = nn.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=5, pct_start=0.4)
    >>> for batch in range(4):
    ...     print(f"{scheduler.get_last_lr()[0]:.3f} {optimizer.param_groups[0]['momentum']:.3f}")
    ...     optimizer.step()
    ...     scheduler.step()
    0.040 0.950
    1.000 0.850
    0.750 0.875
    0.250 0.925
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        groups = _checked(optimizer).param_groups
        if total_steps is not None:
            self.total_steps = _count("total_steps", total_steps)
        elif epochs is not None and steps_per_epoch is not None:
            self.total_steps = _count("epochs", epochs) * _count("steps_per_epoch", steps_per_epoch)
        else:
            raise ValueError("You must define either total_steps OR (epochs AND steps_per_epoch)")
        if not isinstance(pct_start, float) or not 0 <= pct_start <= 1:
            raise ValueError(f"Expected float between 0 and 1 pct_start, found {pct_start!r}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be one of 'cos' or 'linear', found {anneal_strategy!r}")
        self._anneal_func_type = anneal_strategy
        up, end = pct_start * self.total_steps - 1, self.total_steps - 1
        rise = _phase(up, "initial_lr", "max_lr", "max_momentum", "base_momentum")
        if three_phase:
            fall = _phase(2 * up, "max_lr", "initial_lr", "base_momentum", "max_momentum")
            rest = [fall, _phase(end, "initial_lr", "min_lr", "max_momentum", "max_momentum")]
        else:
            rest = [_phase(end, "max_lr", "min_lr", "base_momentum", "max_momentum")]
        self._schedule_phases = [rise, *rest]
        self.cycle_momentum = cycle_momentum
        tops = _for_each_group("max_lr", max_lr, optimizer)
        highs = _for_each_group("max_momentum", max_momentum, optimizer)
        lows = _for_each_group("base_momentum", base_momentum, optimizer)
        if cycle_momentum:
            if "momentum" not in optimizer.defaults and "betas" not in optimizer.defaults:
                raise ValueError("optimizer must support momentum or beta1 with cycle_momentum; set it to False")
            self.use_beta1 = "betas" in optimizer.defaults
        if last_epoch == -1:
            for group, top, high, low in zip(groups, tops, highs, lows, strict=True):
                first = top / div_factor
                group.update(initial_lr=first, max_lr=top, min_lr=first / final_div_factor)
                if cycle_momentum:
                    group.update(max_momentum=high, base_momentum=low)
                    self._set_momentum(group, high)
        super().__init__(optimizer, last_epoch)

    def _set_momentum(self, group: dict[str, Any], value: float) -> None:
        if self.use_beta1:
            group["betas"] = (value, *group["betas"][1:])
        else:
            group["momentum"] = value

    def _next(self, k: int, lr: Any) -> float:
        group = self.optimizer.param_groups[k]
        if self.last_epoch > self.total_steps:
            raise ValueError(
                f"Tried to step {self.last_epoch} times. The specified number of total steps is {self.total_steps}"
            )
        if "max_lr" not in group:
            raise ValueError("OneCycleLR: a parameter group was added since, of which it does not know the max_lr")
        start = 0.0
        for phase in self._schedule_phases[:-1]:
            if self.last_epoch <= phase["end_step"]:
                break
            start = phase["end_step"]
        else:
            phase = self._schedule_phases[-1]
        part = (self.last_epoch - start) / (phase["end_step"] - start)
        if self.cycle_momentum:
            self._set_momentum(group, self._between(group[phase["start_momentum"]], group[phase["end_momentum"]], part))
        return self._between(group[phase["start_lr"]], group[phase["end_lr"]], part)

    def _between(self, start: float, end: float, part: float) -> float:
        if self._anneal_func_type == "cos":
            return end + (start - end) / 2.0 * (1 + math.cos(math.pi * part))
        return (end - start) * part + start


def _phase(end_step: float, start_lr: str, end_lr: str, start_momentum: str, end_momentum: str) -> dict[str, Any]:
    return {
        "end_step": end_step, "start_lr": start_lr, "end_lr": end_lr, "start_momentum": start_momentum,
        "end_momentum": end_momentum,
    }  # fmt: skip


_KINDS: list[tuple[str, Any]] = [
    ("a bool", bool), ("a number", (int, float, np.number)), ("a list", (list, tuple)), ("a dict", Mapping),
    ("a string", str), ("None", type(None)),
]  # fmt: skip
_CHOICES = {"min", "max", "rel", "abs", "cos", "linear"}
"""What the options of schedulers that are strings can be."""


def _kind(x: Any) -> str:
    """What sort of thing a value is, in words."""
    return next((word for word, kinds in _KINDS if isinstance(x, kinds)), type(x).__name__)


def _shown(x: Any) -> str:
    """A value in an error message: a short one itself, else what kind it is of."""
    return repr(x) if x is None or isinstance(x, (str, int, float)) else _kind(x)


def _alike(own: Any, saved: Any, inside: bool = False) -> bool:
    """Whether ``saved`` can stand where ``own`` does; ``inside`` of a list, a dict has the same keys."""
    if own is None and not inside:
        return _kind(saved) in ("None", "a number", "a string")
    if own is None:  # of a callable object: what it remembers
        return saved is None or isinstance(saved, Mapping)
    if _kind(own) != _kind(saved):
        return False
    if isinstance(own, str):
        return saved == own or {own, saved} <= _CHOICES
    if isinstance(own, (list, tuple)):
        return len(own) == len(saved) and all(_alike(a, b, True) for a, b in zip(own, saved, strict=True))
    if isinstance(own, Counter):
        return all(_kind(n) == "a number" for pair in saved.items() for n in pair)
    if isinstance(own, Mapping) and inside:
        return own.keys() == saved.keys() and all(_alike(own[key], saved[key], True) for key in own)
    return True


def _checked(optimizer: Any) -> Optimizer:
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
    return optimizer


def _count(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(f"Expected positive integer {name}, found {value!r}")
    return int(value)


def _number(lr: Any) -> Any:
    """A learning rate that may be a tensor, as a number."""
    return lr if isinstance(lr, (int, float)) else float(lr)


def _for_each_group(name: str, value: Any, optimizer: Optimizer) -> list[Any]:
    groups = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        return [value] * groups
    if len(value) != groups:
        raise ValueError(
            f"{name} must have the same length as optimizer.param_groups: expected {groups}, found {len(value)}"
        )
    return list(value)
