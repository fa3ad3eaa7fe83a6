"""Rprop."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from autograd import Tensor, full, zeros_like
from autograd.kernels import optim as kernels

from .optimizer import Array, Optimizer, check_options, pair


class Rprop(Optimizer):
    """Rprop (Riedmiller and Braun, 1993): every weight has a step of its own, and only the gradient's sign counts.

    A step grows while the sign stays and shrinks when it changes; the weight then rests for one step. Meant for the
    whole training set at once. A nan in the gradient makes a nan of the weight (in PyTorch the weight stands still).

    Parameters
    ----------
    params : iterable
        Parameters, or dicts with a ``params`` list and options of their own.
    lr : float
        The first step of every weight.
    etas : (float, float)
        η⁻ < 1 < η⁺, by which a step shrinks and grows.
    step_sizes : (float, float)
        The smallest and the largest step.
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
    >>> optimizer = nn.optim.Rprop([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.detach()
    tensor([0.9000])
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        options = {"lr": lr, "etas": etas, "step_sizes": step_sizes, "maximize": maximize}
        switches = {"capturable": capturable, "foreach": foreach, "differentiable": differentiable}
        super().__init__(params, {**options, **switches})

    def _check(self, group: dict[str, Any]) -> None:
        check_options(group, "lr")
        (shrink, grow), (smallest, largest) = pair("etas", group["etas"]), pair("step_sizes", group["step_sizes"])
        if not 0 < shrink < 1 < grow < math.inf:
            raise ValueError(f"Invalid eta values: {shrink!r}, {grow!r}; expects 0 < η⁻ < 1 < η⁺")
        if not 0 <= smallest <= largest < math.inf:
            raise ValueError(f"Invalid step_sizes: {smallest!r}, {largest!r}; expects 0 ≤ smallest ≤ largest")

    def _options(self, group: dict[str, Any]) -> tuple[Any, ...]:
        (shrink, grow), (smallest, largest) = group["etas"], group["step_sizes"]
        return (
            float(group["lr"]), float(shrink), float(grow), float(smallest), float(largest), bool(group["maximize"]),
        )  # fmt: skip

    def _initial(self, p: Tensor, options: tuple[Any, ...]) -> dict[str, Any]:
        return {"step": 0, "prev": zeros_like(p), "step_size": full(p.shape, options[0], dtype=p.dtype)}

    def _update(self, theta: Array, g: Array, state: dict[str, Any], options: tuple[Any, ...]) -> None:
        state["step"] += 1
        kernels.rprop(theta, g, state["prev"].array, state["step_size"].array, *options[1:])
