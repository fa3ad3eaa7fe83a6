"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from autograd import Tensor
from autograd.kernels import optim as kernels

from .optimizer import Array, Optimizer, check


class SGD(Optimizer):
    """θ ← θ − α g, optionally with momentum; slide "Stochastic gradient descent using mini-batches".

    Parameters
    ----------
    params : iterable
    lr : float
        The step size α.
    momentum, dampening : float
    weight_decay : float
        λ: adds λθ to the gradient, that is the penalty (λ/2)‖θ‖² (see the errata).
    nesterov, maximize : bool

    Raises
    ------
    ValueError
        For options out of range, and for Nesterov without momentum or with dampening.

    Examples
    --------
    >>> import autograd, nn
    >>> w = nn.Parameter(autograd.ones(1))
    >>> optimizer = nn.optim.SGD([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.detach()
    tensor([0.8000])
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        options = {"lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay}
        super().__init__(params, {**options, "nesterov": nesterov, "maximize": maximize})

    def check(self, group: dict[str, Any]) -> None:
        for name in ("lr", "momentum", "weight_decay"):
            check(name, group[name], 0)
        if group["nesterov"] and (group["momentum"] <= 0 or group["dampening"] != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")

    def initial(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        return {"momentum_buffer": np.empty(p.numel() if group["momentum"] else 0, p.dtype), "first": True}

    def update(self, theta: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        kernels.sgd(
            theta, g, state["momentum_buffer"], group["lr"], group["momentum"], group["dampening"],
            group["weight_decay"], group["nesterov"], group["maximize"], state["first"],
        )  # fmt: skip
        state["first"] = False
