"""Adam."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from autograd import Tensor
from autograd.kernels import optim as kernels

from .optimizer import Array, Optimizer, check


class Adam(Optimizer):
    """Adam (Kingma and Ba, 2015): steps scaled by running moments of the gradient; the slides' choice.

    Parameters
    ----------
    params : iterable
    lr : float
        The step size α.
    betas : (float, float)
        How slowly the first and the second moment forget.
    eps : float
        Keeps the division finite.
    weight_decay : float
        λ: adds λθ to the gradient, that is the penalty (λ/2)‖θ‖².
    maximize : bool

    Raises
    ------
    ValueError
        For options out of range.

    Examples
    --------
    >>> import autograd, nn
    >>> w = nn.Parameter(autograd.ones(1))
    >>> optimizer = nn.optim.Adam([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.detach()
    tensor([0.9000])
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        options = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, options)

    def check(self, group: dict[str, Any]) -> None:
        for name in ("lr", "eps", "weight_decay"):
            check(name, group[name], 0)
        for k, beta in enumerate(group["betas"]):
            check(f"beta parameter at index {k}", beta, 0, 1)

    def initial(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        return {"step": 0, "exp_avg": np.zeros(p.numel(), p.dtype), "exp_avg_sq": np.zeros(p.numel(), p.dtype)}

    def update(self, theta: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        state["step"] += 1
        beta1, beta2 = group["betas"]
        kernels.adam(
            theta, g, state["exp_avg"], state["exp_avg_sq"], state["step"], group["lr"], beta1, beta2, group["eps"],
            group["weight_decay"], group["maximize"],
        )  # fmt: skip
