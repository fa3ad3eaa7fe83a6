"""Adam and AdamW."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from autograd import Tensor, zeros_like
from autograd.kernels import optim as kernels

from .optimizer import Together, check_options


class Adam(Together):
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
    amsgrad : bool
        Whether to divide by the largest second moment so far (Reddi, Kale and Kumar, 2018).
    decoupled_weight_decay : bool
        Whether θ shrinks by 1 − αλ instead: :class:`AdamW`.
    maximize : bool
        Whether to go up the gradient, not down.
    foreach, capturable, fused : bool, optional
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
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        options = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad,
            "maximize": maximize, "decoupled_weight_decay": decoupled_weight_decay,
        }  # fmt: skip
        switches = {"foreach": foreach, "capturable": capturable, "differentiable": differentiable, "fused": fused}
        super().__init__(params, {**options, **switches})

    _kernel = kernels.adam, 3

    def _check(self, group: dict[str, Any]) -> None:
        check_options(group, "lr", "eps", "betas", "weight_decay")

    def _options(self, group: dict[str, Any]) -> tuple[Any, ...]:
        beta1, beta2 = group["betas"]
        return (
            float(group["lr"]), float(beta1), float(beta2), float(group["eps"]), float(group["weight_decay"]),
            bool(group["amsgrad"]), bool(group["decoupled_weight_decay"]), bool(group["maximize"]),
        )  # fmt: skip

    def _initial(self, p: Tensor, options: tuple[Any, ...]) -> dict[str, Any]:
        return {"step": 0, "exp_avg": zeros_like(p), "exp_avg_sq": zeros_like(p)}

    def _remembered(self, params: list[Tensor], options: tuple[Any, ...]) -> tuple[list[Any], list[Tensor]]:
        steps: list[int] = []
        moments: list[Tensor] = []
        for p in params:
            state = self.state[p] or self._state_of(p, options)
            state["step"] = step = state["step"] + 1
            steps.append(step)
            moments += state["exp_avg"], state["exp_avg_sq"]
            if options[5]:
                if "max_exp_avg_sq" not in state:  # not in _initial, for amsgrad may be switched on later
                    state["max_exp_avg_sq"] = zeros_like(p)
                moments.append(state["max_exp_avg_sq"])
        return steps, moments


class AdamW(Adam):
    """AdamW (Loshchilov and Hutter, 2019): Adam whose weight decay shrinks θ by 1 − αλ, apart from the gradient.

    Parameters
    ----------
    weight_decay : float
        λ.

    See :class:`Adam` for the others.

    Raises
    ------
    ValueError
        For options out of range, and for ``differentiable``.

    Examples
    --------
    >>> import autograd, nn
    >>> w = nn.Parameter(autograd.ones(1))
    >>> optimizer = nn.optim.AdamW([w], lr=0.1, weight_decay=0.5)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.detach()
    tensor([0.8500])
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params, lr, betas, eps, weight_decay, amsgrad, foreach=foreach, maximize=maximize, capturable=capturable,
            differentiable=differentiable, fused=fused, decoupled_weight_decay=True,
        )  # fmt: skip
