"""RMSprop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from autograd import Tensor, as_tensor, zeros_like
from autograd.kernels import optim as kernels

from .optimizer import Array, Optimizer, check_options


class RMSprop(Optimizer):
    """RMSprop (Hinton, 2012): steps divided by a running root mean square of the gradient.

    ``centered`` (Graves, 2013) subtracts the running mean: the divisor is a standard deviation, and one that rounding
    has brought below 0 counts as 0 (in PyTorch the weight becomes nan).

    Parameters
    ----------
    params : iterable
        Parameters, or dicts with a ``params`` list and options of their own.
    lr : float
        The step size.
    alpha : float
        How slowly the means forget.
    eps : float
        Keeps the division finite.
    weight_decay : float
        λ: adds λθ to the gradient, that is the penalty (λ/2)‖θ‖².
    momentum : float
        μ: the step is b ← μ b + (scaled gradient).
    centered : bool
        Whether to divide by the deviation from the mean gradient.
    maximize : bool
        Whether to go up the gradient, not down.
    capturable, foreach : bool, optional
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
    >>> optimizer = nn.optim.RMSprop([w], lr=0.01)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.detach()
    tensor([0.9000])
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        options = {
            "lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered,
            "weight_decay": weight_decay, "maximize": maximize,
        }  # fmt: skip
        switches = {"capturable": capturable, "foreach": foreach, "differentiable": differentiable}
        super().__init__(params, {**options, **switches})

    def _check(self, group: dict[str, Any]) -> None:
        check_options(group, "lr", "eps", "momentum", "weight_decay", "alpha")

    def _options(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return (
            float(group["lr"]), float(group["alpha"]), float(group["eps"]), float(group["weight_decay"]),
            float(group["momentum"]), bool(group["centered"]), bool(group["maximize"]),
        )  # fmt: skip

    def _initial(self, p: Tensor, options: tuple[Any, ...]) -> dict[str, Any]:
        return {"step": 0, "square_avg": zeros_like(p)}

    def _update(self, theta: Array, g: Array, state: dict[str, Any], options: tuple[Any, ...]) -> None:
        *_, momentum, centered, _ = options
        state["step"] += 1
        for name, wanted in (("momentum_buffer", momentum), ("grad_avg", centered)):
            if wanted and name not in state:  # perhaps switched on since
                state[name] = as_tensor(np.zeros_like(theta))
        nothing = kernels.NOTHING[theta.dtype]
        mean = state["grad_avg"].array if centered else nothing
        buffer = state["momentum_buffer"].array if momentum else nothing
        kernels.rmsprop(theta, g, state["square_avg"].array, mean, buffer, *options)
