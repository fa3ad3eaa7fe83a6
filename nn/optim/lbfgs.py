"""L-BFGS."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd import ShapeError, Tensor, as_tensor, enable_grad
from autograd.arrays import check_number, to_array
from autograd.versions import written

from .optimizer import Array, Optimizer, check, check_options

ENOUGH, FLATTER = 1e-4, 0.9
"""c₁ and c₂ of the Wolfe conditions: how much the loss must fall, and how much flatter it must become."""

COUNTS, SCALARS, VECTORS = ("func_evals", "n_iter"), ("t", "H_diag", "prev_loss"), ("d", "prev_flat_grad")


class LBFGS(Optimizer):
    """L-BFGS (Nocedal, 1980): steps along −H ∇𝒥, where the last gradients stand for the inverse Hessian H.

    Every :meth:`step` makes up to ``max_iter`` iterations on one and the same loss, so it needs a closure, which is
    called several times. Meant for the whole training set at once. All parameters form one group.

    Parameters
    ----------
    params : iterable
        Parameters.
    lr : float
        The step along the direction, or where the line search starts.
    max_iter : int
        The most iterations in one :meth:`step`.
    max_eval : int, optional
        The most calls of the closure in one :meth:`step`; 5/4 ``max_iter`` by default.
    tolerance_grad, tolerance_change : float
        Stop when no element of the gradient, or no change of a parameter or of the loss, is larger.
    history_size : int
        How many past steps are remembered: twice that many vectors of the size of all parameters.
    line_search_fn : {None, "strong_wolfe"}
        How the length of a step is found; by ``lr`` alone if None.

    Raises
    ------
    ValueError
        For options out of range, and for more than one group.

    Examples
    --------
    >>> import autograd, nn
    >>> w = nn.Parameter(autograd.tensor([-1.0, 2.0]))
    >>> optimizer = nn.optim.LBFGS([w], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2  # Rosenbrock's valley
    ...     loss.backward()
    ...     return loss
    >>> for _ in range(3):
    ...     loss = optimizer.step(closure)
    >>> w.detach()
    tensor([1.0000, 1.0000])
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        if max_eval is None and isinstance(max_iter, int):
            max_eval = max_iter * 5 // 4
        options = {
            "lr": lr, "max_iter": max_iter, "max_eval": max_eval, "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change, "history_size": history_size, "line_search_fn": line_search_fn,
        }  # fmt: skip
        super().__init__(params, options)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Take the one group of parameters."""
        if self.param_groups:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups): it takes one group")
        super().add_param_group(param_group)

    def _check(self, group: dict[str, Any]) -> None:
        check_options(group, "lr", "tolerance_grad", "tolerance_change")
        for name in ("max_iter", "max_eval", "history_size"):
            value = group[name]
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
                raise ValueError(f"Invalid {name}: {value!r}; expects a positive integer")
        if group["line_search_fn"] not in (None, "strong_wolfe"):
            raise ValueError(f"line_search_fn: only 'strong_wolfe' is supported, or None; found "
                             f"{group['line_search_fn']!r}")  # fmt: skip

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Go up to ``max_iter`` iterations down the loss; returns the loss before the first.

        Parameters
        ----------
        closure : callable
            Forgets the gradients, computes the loss and its gradients, and returns the loss.

        Raises
        ------
        TypeError
            Without a closure.
        """
        if closure is None:
            raise TypeError("LBFGS.step needs a closure that computes the loss and its gradients, and returns it")
        with np.errstate(all="ignore"):  # a loss that has become nan or inf stays so, as in the other optimizers
            return self._step(closure)

    def _step(self, closure: Callable[[], Any]) -> Any:
        group = self.param_groups[0]
        lr, smallest = float(group["lr"]), group["tolerance_change"]
        state = self.state[group["params"][0]]  # there is one for all parameters, as in PyTorch kept by the first
        total, evaluations, calls = state.get("n_iter", 0), state.get("func_evals", 0), 1
        with enable_grad():
            before = closure()
        loss, g = float(before), self._gradient()
        if _largest(g) <= group["tolerance_grad"]:
            state.update(n_iter=total, func_evals=evaluations + 1)
            return before
        scale = state.get("H_diag", 1.0)
        directions, steps, ro = (list(state.get(name, ())) for name in ("old_dirs", "old_stps", "ro"))
        t, last_loss = state.get("t", 0.0), state.get("prev_loss", loss)
        d, last = (state[name].array if total else g for name in VECTORS)
        for iteration in range(1, group["max_iter"] + 1):
            first = total == 0
            total += 1
            if first:
                d = -g
            else:
                y, s = g - last, d * t
                if (ys := float(y @ s)) > 1e-10:  # else H would not be positive definite
                    for memory, value in ((directions, as_tensor(y)), (steps, as_tensor(s)), (ro, 1 / np.float64(ys))):
                        memory.append(value)
                        del memory[: -group["history_size"]]
                    scale = ys / np.float64(y @ y)
                d = _direction(g, [v.array for v in steps], [v.array for v in directions], ro, scale)
            last, last_loss = g, loss
            t = min(1.0, 1 / np.abs(g).sum(dtype=np.float64)) * lr if first else lr
            slope = float(g @ d)
            if slope > -smallest:
                break
            x = self._parameters()
            used = 0
            if group["line_search_fn"] is None:
                self._set(x + t * d)
                if iteration < group["max_iter"]:  # on a mini-batch, the loss there would be of no use any more
                    with enable_grad():
                        loss = float(closure())
                    g, used = self._gradient(), 1
            else:
                start = Point(np.float64(0), np.float64(loss), g, np.float64(slope))
                look = _Look(self, closure, x, d)
                found = _strong_wolfe(look, t, start, group["max_eval"] - calls, smallest / _largest(d))
                (t, loss, g, _), used = found, look.calls
                self._set(x + g.dtype.type(t) * d)
            calls += used
            if calls >= group["max_eval"] or _largest(g) <= group["tolerance_grad"]:
                break
            if _largest(d * t) <= smallest or abs(loss - last_loss) < smallest:
                break
        state.update(
            d=as_tensor(d), t=float(t), old_dirs=directions, old_stps=steps, ro=ro, H_diag=scale,
            prev_flat_grad=as_tensor(last), prev_loss=float(last_loss), n_iter=total, func_evals=evaluations + calls,
        )  # fmt: skip
        return before

    def _gradient(self) -> Array:
        """All gradients as one vector; 0 where there is none."""
        params = self.param_groups[0]["params"]
        return np.concatenate([np.zeros(p.shape, p.dtype).ravel() if p.grad is None else p.grad.array.ravel()
                               for p in params])  # fmt: skip

    def _parameters(self) -> Array:
        """All parameters as one vector, copied."""
        return np.concatenate([p.array.ravel() for p in self.param_groups[0]["params"]])

    def _set(self, vector: Array) -> None:
        """Write ``vector`` into the parameters."""
        params = self.param_groups[0]["params"]
        written(params, self._name)
        start = 0
        for p in params:
            p.array[...] = vector[start : start + p.numel()].reshape(p.shape)
            start += p.numel()

    def _needed(self, p: Tensor, group: dict[str, Any]) -> Iterable[str]:
        return COUNTS

    def _state_from(self, saved: Any, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        state = super()._state_from(saved, p, group)
        pairs = [len(state.get(name, ())) for name in ("old_dirs", "old_stps", "ro")]
        if len(set(pairs)) > 1:
            raise ValueError(f"old_dirs, old_stps and ro must have as many entries, found {pairs}")
        if state.get("n_iter") and (missing := [name for name in VECTORS if state.get(name) is None]):
            raise ValueError(f"Missing key(s): {', '.join(missing)}")
        return state

    def _loaded(self, name: str, value: Any, p: Tensor) -> Any:
        if name in COUNTS:
            check(name, value)
            return int(value)
        if name in SCALARS:
            return float(check_number("LBFGS", name, value.item() if hasattr(value, "item") else value))
        if name == "ro":  # PyTorch's are tensors of one element
            return [np.float64(self._loaded("t", v, p)) for v in value]
        if name in ("old_dirs", "old_stps"):
            return [self._loaded("d", v, p) for v in value]
        if name not in VECTORS:
            return None  # PyTorch's al, which holds no information
        array = to_array(value, what=name)
        params = self.param_groups[0]["params"]
        size = sum(q.numel() for q in params)
        if array.shape != (size,):
            raise ShapeError(f"{name} has shape {array.shape}, all parameters together ({size},)")
        return as_tensor(np.array(array, np.result_type(*(q.dtype for q in params))))


class Point(NamedTuple):
    """Where the line search has been: x + t d, and the loss, its gradient and its slope along d there."""

    t: Any
    loss: Any
    grad: Array
    slope: Any


class _Look:
    """The loss along x + t d, by calling the closure; the parameters come back to x, whatever it does."""

    def __init__(self, optimizer: LBFGS, closure: Callable[[], Any], x: Array, d: Array) -> None:
        self.optimizer, self.closure, self.x, self.d = optimizer, closure, x, d
        self.calls = 0

    def __call__(self, t: Any) -> Point:
        self.calls += 1
        self.optimizer._set(self.x + self.x.dtype.type(t) * self.d)
        try:
            with enable_grad():
                loss = np.float64(self.closure())
        finally:
            self.optimizer._set(self.x)
        g = self.optimizer._gradient()
        return Point(np.float64(t), loss, g, np.float64(g @ self.d))


def _largest(x: Array) -> Any:
    return np.abs(x).max(initial=0)


def _direction(g: Array, steps: Sequence[Array], changes: Sequence[Array], ro: Sequence[Any], scale: Any) -> Array:
    """−H g by the two loops of Nocedal and Wright (2006), algorithm 7.4, from H₀ = scale · 1."""
    real = g.dtype.type
    q = -g
    along = []
    for s, y, r in zip(reversed(steps), reversed(changes), reversed(ro), strict=True):
        a = float(s @ q) * r
        along.append(a)
        q -= real(a) * y
    q *= real(scale)
    for s, y, r in zip(steps, changes, ro, strict=True):
        q += real(along.pop() - float(y @ q) * r) * s
    return q


def _strong_wolfe(look: Callable[[Any], Point], t: float, start: Point, limit: int, width: float) -> Point:
    """A point that satisfies the strong Wolfe conditions (Nocedal and Wright, algorithms 3.5, 3.6), or the best seen.

    ``limit`` is how often to ``look`` after the first time; an interval shorter than ``width`` is not divided.
    """

    def too_high(point: Point) -> bool:
        return bool(point.loss > start.loss + ENOUGH * point.t * start.slope)

    def flat(point: Point) -> bool:
        return bool(abs(point.slope) <= -FLATTER * start.slope)

    before, now = start, look(t)
    for tries in range(limit):  # until a minimum lies between two points
        if too_high(now) or (tries > 1 and now.loss >= before.loss):
            break
        if flat(now):
            return now
        if now.slope >= 0:
            break
        before, now = now, look(_minimum(before, now, now.t + 0.01 * (now.t - before.t), now.t * 10))
    else:
        before, tries = start, limit
    ends = [before, now]
    low = 0 if before.loss <= now.loss else 1
    close = False
    while tries < limit and not abs(ends[1].t - ends[0].t) < width:
        left, right = sorted(end.t for end in ends)
        t = _minimum(ends[0], ends[1], left, right)
        margin = 0.1 * (right - left)
        near = bool(min(right - t, t - left) < margin)
        if near and (close or not left < t < right):  # twice near an end, or on it: too little would be gained
            t = right - margin if abs(t - right) < abs(t - left) else left + margin
            near = False
        close = near
        now = look(t)
        tries += 1
        if too_high(now) or now.loss >= ends[low].loss:
            ends[1 - low] = now
            low = 0 if ends[0].loss <= ends[1].loss else 1
        elif flat(now):
            return now
        else:
            if now.slope * (ends[1 - low].t - ends[low].t) >= 0:
                ends[1 - low] = ends[low]
            ends[low] = now
    return ends[low]


def _minimum(a: Point, b: Point, lowest: Any, highest: Any) -> Any:
    """Where the cubic through two points with these slopes is least (Nocedal and Wright, 3.59), kept within bounds."""
    if a.t > b.t:
        a, b = b, a
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
    square = d1 * d1 - a.slope * b.slope
    if square >= 0:
        d2 = math.sqrt(square)
        t = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2))
        if np.isfinite(t):
            return min(max(t, lowest), highest)
    return (lowest + highest) / 2
