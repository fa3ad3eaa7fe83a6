"""NAdam."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from autograd import Tensor, zeros_like
from autograd.kernels import optim as kernels

from .optimizer import Array, Optimizer, check_options


class NAdam(Optimizer):
    """NAdam (Dozat, 2016): Adam with Nesterov's momentum, which looks ahead along the first moment.

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
    momentum_decay : float
        ψ: the momentum of step t is μ_t = β₁ (1 − ½ · 0.96^(tψ)).
    decoupled_weight_decay : bool
        Whether θ shrinks by 1 − αλ instead, as in AdamW.
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
    >>> optimizer = nn.optim.NAdam([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.detach()
    tensor([0.8944])
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        options = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay, "maximize": maximize,
        }  # fmt: skip
        switches = {"foreach": foreach, "capturable": capturable, "differentiable": differentiable}
        super().__init__(params, {**options, **switches})

    def _check(self, group: dict[str, Any]) -> None:
        check_options(group, "lr", "eps", "betas", "weight_decay", "momentum_decay")

    def _options(self, group: dict[str, Any]) -> tuple[Any, ...]:
        beta1, beta2 = group["betas"]
        return (
            float(group["lr"]), float(beta1), float(beta2), float(group["eps"]), float(group["weight_decay"]),
            float(group["momentum_decay"]), bool(group["decoupled_weight_decay"]), bool(group["maximize"]),
        )  # fmt: skip

    def _initial(self, p: Tensor, options: tuple[Any, ...]) -> dict[str, Any]:
        return {"step": 0, "mu_product": 1.0, "exp_avg": zeros_like(p), "exp_avg_sq": zeros_like(p)}

    def _update(self, theta: Array, g: Array, state: dict[str, Any], options: tuple[Any, ...]) -> None:
        state["step"] += 1
        state["mu_product"] = kernels.nadam(
            theta, g, state["exp_avg"].array, state["exp_avg_sq"].array, state["mu_product"], state["step"], *options
        )
