"""Adam."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from autograd import Tensor, zeros_like
from autograd.kernels import optim as kernels

from .optimizer import Array, Optimizer, check


class Adam(Optimizer):
    """Adam (Kingma and Ba, 2015): steps scaled by running moments of the gradient; the slides' choice.

    Parameters
    ----------
    params : iterable
        Parameters, or dicts with a ``params`` list and options of their own.
    lr : float
        The step size α.
    betas : (float, float)
        How slowly the first and the second moment forget.
    eps : float
        Keeps the division finite.
    weight_decay : float
        λ: adds λθ to the gradient, that is the penalty (λ/2)‖θ‖².
    maximize : bool
        Whether to go up the gradient, not down.

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

    def _check(self, group: dict[str, Any]) -> None:
        check("learning rate lr", group["lr"], 0)
        check("epsilon value eps", group["eps"], 0)
        check("weight_decay value", group["weight_decay"], 0)
        beta1, beta2 = group["betas"]
        check("beta parameter at index 0", beta1, 0, 1)
        check("beta parameter at index 1", beta2, 0, 1)

    def _options(self, group: dict[str, Any]) -> tuple[Any, ...]:
        beta1, beta2 = group["betas"]
        return (
            float(group["lr"]), float(beta1), float(beta2), float(group["eps"]), float(group["weight_decay"]),
            bool(group["maximize"]),
        )  # fmt: skip

    def _initial(self, p: Tensor) -> dict[str, Any]:
        return {"step": 0, "exp_avg": zeros_like(p), "exp_avg_sq": zeros_like(p)}

    def _update(self, theta: Array, g: Array, state: dict[str, Any], options: tuple[Any, ...]) -> None:
        state["step"] += 1
        kernels.adam(theta, g, state["exp_avg"].array, state["exp_avg_sq"].array, state["step"], *options)
