"""Adagrad."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from autograd import Tensor, full
from autograd.kernels import optim as kernels

from .optimizer import Array, Optimizer, check_options


class Adagrad(Optimizer):
    """Adagrad (Duchi, Hazan and Singer, 2011): steps divided by the root of the sum of all squared gradients.

    Parameters
    ----------
    params : iterable
        Parameters, or dicts with a ``params`` list and options of their own.
    lr : float
        The step size.
    lr_decay : float
        Divides the step size by 1 + (t − 1) · lr_decay at step t.
    weight_decay : float
        λ: adds λθ to the gradient, that is the penalty (λ/2)‖θ‖².
    initial_accumulator_value : float
        Where the sum of squares starts.
    eps : float
        Keeps the division finite.
    maximize : bool
        Whether to go up the gradient, not down.
    foreach, fused : bool, optional
        PyTorch's choice among its implementations; accepted, there is one here.
    differentiable : False
        Not supported.

    Raises
    ------
    ValueError
        For options out of range, and for ``differentiable``.

    Examples
    --------
    >>> import autograd, nn
    >>> w = nn.Parameter(autograd.ones(1))
    >>> optimizer = nn.optim.Adagrad([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.detach()
    tensor([0.9000])
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        options = {
            "lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value, "maximize": maximize,
        }  # fmt: skip
        switches = {"foreach": foreach, "differentiable": differentiable, "fused": fused}
        super().__init__(params, {**options, **switches})

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Optimize more parameters, with options of their own; their sums start at once, as in PyTorch."""
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        for p in group["params"]:
            self.state[p] = self._initial(p, self._options(group))

    def _check(self, group: dict[str, Any]) -> None:
        check_options(group, "lr", "lr_decay", "eps", "weight_decay", "initial_accumulator_value")

    def _options(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return (
            float(group["initial_accumulator_value"]), float(group["lr_decay"]), float(group["lr"]),
            float(group["weight_decay"]), float(group["eps"]), bool(group["maximize"]),
        )  # fmt: skip

    def _initial(self, p: Tensor, options: tuple[Any, ...]) -> dict[str, Any]:
        return {"step": 0, "sum": full(p.shape, options[0], dtype=p.dtype)}

    def _update(self, theta: Array, g: Array, state: dict[str, Any], options: tuple[Any, ...]) -> None:
        _, decay, lr, *others = options
        lr /= 1 + state["step"] * decay
        state["step"] += 1
        kernels.adagrad(theta, g, state["sum"].array, lr, *others)
