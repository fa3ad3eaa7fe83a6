"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from autograd import Tensor, as_tensor
from autograd.kernels import optim as kernels

from .optimizer import Together, check_options


class SGD(Together):
    """θ ← θ − α g, optionally with momentum; slide "Stochastic gradient descent using mini-batches".

    With momentum μ, dampening τ: b ← μ b + (1 − τ) g (b = g at first) takes the place of g; with Nesterov's, g + μ b.

    Parameters
    ----------
    params : iterable
        Parameters, or dicts with a ``params`` list and options of their own.
    lr : float
        The step size α.
    momentum, dampening : float
        μ and τ.
    weight_decay : float
        λ: adds λθ to the gradient, that is the penalty (λ/2)‖θ‖² (see the errata).
    nesterov, maximize : bool
        Whether to look ahead along the momentum; whether to go up the gradient, not down.
    foreach, fused : bool, optional
        PyTorch's choice among its implementations; accepted, there is one here.
    differentiable : False
        Not supported.

    Raises
    ------
    ValueError
        For options out of range, for Nesterov without momentum or with dampening, and for ``differentiable``.

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
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        options = {"lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay}
        switches = {"foreach": foreach, "differentiable": differentiable, "fused": fused}
        super().__init__(params, {**options, "nesterov": nesterov, "maximize": maximize, **switches})

    _kernel = kernels.sgd, 1

    def _check(self, group: dict[str, Any]) -> None:
        check_options(group, "lr", "momentum", "weight_decay")
        if group["nesterov"] and (group["momentum"] <= 0 or group["dampening"] != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")

    def _options(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return (
            float(group["lr"]), float(group["momentum"]), float(group["dampening"]), float(group["weight_decay"]),
            bool(group["nesterov"]), bool(group["maximize"]),
        )  # fmt: skip

    def _remembered(self, params: list[Tensor], options: tuple[Any, ...]) -> tuple[list[Any], list[Tensor]]:
        if not options[1]:
            return [False] * len(params), []
        states = [self.state[p] for p in params]
        firsts = [state.get("momentum_buffer") is None for state in states]
        for p, state, first in zip(params, states, firsts, strict=True):
            if first:
                state["momentum_buffer"] = as_tensor(np.empty(p.shape, p.dtype))
        return firsts, [state["momentum_buffer"] for state in states]
