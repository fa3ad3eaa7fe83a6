"""What all optimizers share: parameter groups, state, saving and loading."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from autograd import Tensor, enable_grad, from_numpy
from autograd.engine import written

Array = np.ndarray[Any, Any]


def check(name: str, value: float, low: float, high: float = math.inf) -> float:
    """``value`` if it is in [low, high) and finite.

    Raises
    ------
    ValueError
        Otherwise; nan is in no range.
    """
    if not (low <= value < high) or not math.isfinite(value):
        raise ValueError(f"invalid {name}: {value}; expects a finite number in [{low}, {high})")
    return value


class Optimizer:
    """The base of all optimizers.

    Parameters
    ----------
    params : iterable
        Parameters, or dicts with a ``params`` list and options of their own (the slides' "per-parameter options").
    defaults : dict
        The options where a group has none of its own.

    Attributes
    ----------
    param_groups : list of dict
    state : dict
        What the optimizer remembers of each parameter.

    Raises
    ------
    ValueError
        For no parameters, one that appears twice, one that is not a leaf or needs no gradient, and for options out
        of range.
    """

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self.state: dict[Any, dict[str, Any]] = {}
        self.param_groups: list[dict[str, Any]] = []
        if isinstance(params, Tensor):
            raise TypeError("the optimizer expects an iterable of tensors or dicts, found one Tensor: put it in a list")
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Optimize more parameters, with options of their own."""
        group = {**self.defaults, **param_group}
        params = group["params"]
        group["params"] = params = [params] if isinstance(params, Tensor) else list(params)
        taken = {id(p) for g in self.param_groups for p in g["params"]}
        for p in params:
            if not isinstance(p, Tensor):
                raise TypeError(f"the optimizer can only optimize Tensors, found {type(p).__name__}")
            if not p.is_leaf:
                raise ValueError("can't optimize a non-leaf Tensor: optimize the leaf that it was computed from")
            if id(p) in taken:
                raise ValueError("some parameters appear in more than one parameter group, or twice in one")
            taken.add(id(p))
        self.check(group)
        self.param_groups.append(group)

    def check(self, group: dict[str, Any]) -> None:
        """Raise ValueError for options out of range; each optimizer says which."""

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients (or set them to zero), before the next backward pass."""
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none:
                    p.grad = None
                elif p.grad is not None:
                    p.grad.zero_()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One update θ ← θ − α · (direction) of every parameter that has a gradient.

        Parameters
        ----------
        closure : callable, optional
            Computes the loss anew, with gradients; what it returns is returned.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        for group in self.param_groups:
            ready = [p for p in group["params"] if p.grad is not None]
            for p in ready:
                self._update(p, group)
            written(ready, f"{type(self).__name__}.step()")
        return loss

    def _update(self, p: Any, group: dict[str, Any]) -> None:
        state = self.state.get(p)
        if state is None:
            state = self.state[p] = self.initial(p, group)
        values = p.array
        theta = values.reshape(-1)  # a view: parameters are contiguous unless somebody made them otherwise
        self.update(theta, p.grad.array.reshape(-1), state, group)
        if theta.base is None or not values.flags.c_contiguous:
            values[...] = theta.reshape(values.shape)

    def initial(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        """The state of a parameter before its first step."""
        return {}

    def update(self, theta: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        """Change ``theta`` in place; both are vectors."""
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """The state and the options, with the parameters numbered; arrays are tensors that share their memory."""
        number = {p: k for k, p in enumerate(p for g in self.param_groups for p in g["params"])}
        return {
            "state": {number[p]: {k: _shared(v) for k, v in s.items()} for p, s in self.state.items()},
            "param_groups": [
                {**{k: v for k, v in g.items() if k != "params"}, "params": [number[p] for p in g["params"]]}
                for g in self.param_groups
            ],
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a saved state.

        Raises
        ------
        ValueError
            If the groups do not have the same numbers of parameters.
        """
        sizes = [len(g["params"]) for g in self.param_groups]
        found = [len(g["params"]) for g in state_dict["param_groups"]]
        if sizes != found:
            raise ValueError(f"loaded state dict has parameter groups of sizes {found}, the optimizer {sizes}")
        params = [p for g in self.param_groups for p in g["params"]]
        for group, saved in zip(self.param_groups, state_dict["param_groups"], strict=True):
            group.update({k: v for k, v in saved.items() if k != "params"})
        self.state = {params[k]: {n: _owned(v) for n, v in s.items()} for k, s in state_dict["state"].items()}

    def __repr__(self) -> str:
        lines = []
        for k, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {k}")
            lines += [f"    {name}: {value}" for name, value in sorted(group.items()) if name != "params"]
        return f"{type(self).__name__} (\n" + "\n".join(lines) + "\n)"


def _shared(value: Any) -> Any:
    return from_numpy(value) if isinstance(value, np.ndarray) else value


def _owned(value: Any) -> Any:
    return value.array.copy() if isinstance(value, Tensor) else value
