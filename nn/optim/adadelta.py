"""Adadelta."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from autograd import Tensor, zeros_like
from autograd.kernels import optim as kernels

from .optimizer import Array, Optimizer, check_options


class Adadelta(Optimizer):
    """Adadelta (Zeiler, 2012): steps of the size of the running updates over that of the running gradients.

    So that an update has the unit of its weight, and no learning rate needs to be found.

    Parameters
    ----------
    params : iterable
        Parameters, or dicts with a ``params`` list and options of their own.
    lr : float
        What the update is multiplied by; 1 in the paper.
    rho : float
        How slowly the running means forget.
    eps : float
        Starts the updates, and keeps the division finite.
    weight_decay : float
        λ: adds λθ to the gradient, that is the penalty (λ/2)‖θ‖².
    maximize : bool
        Whether to go up the gradient, not down.
    foreach, capturable : bool, optional
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
    >>> optimizer = nn.optim.Adadelta([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.detach()
    tensor([0.9997])
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        options = {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        switches = {"foreach": foreach, "capturable": capturable, "differentiable": differentiable}
        super().__init__(params, {**options, **switches})

    def _check(self, group: dict[str, Any]) -> None:
        check_options(group, "lr", "rho", "eps", "weight_decay")

    def _options(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return (
            float(group["lr"]), float(group["rho"]), float(group["eps"]), float(group["weight_decay"]),
            bool(group["maximize"]),
        )  # fmt: skip

    def _initial(self, p: Tensor, options: tuple[Any, ...]) -> dict[str, Any]:
        return {"step": 0, "square_avg": zeros_like(p), "acc_delta": zeros_like(p)}

    def _update(self, theta: Array, g: Array, state: dict[str, Any], options: tuple[Any, ...]) -> None:
        state["step"] += 1
        kernels.adadelta(theta, g, state["square_avg"].array, state["acc_delta"].array, *options)
