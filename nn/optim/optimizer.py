"""What all optimizers share: parameter groups, state, saving and loading."""

from __future__ import annotations

import functools
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from operator import is_
from typing import Any

import numpy as np

from autograd import ShapeError, Tensor, as_tensor, effect, enable_grad
from autograd.arrays import to_array
from autograd.kernels import threads
from autograd.kernels.optim import MISFIT, SEVERAL
from autograd.node import array_of, gradients_of, writes
from autograd.versions import written

from ..module import forget

Array = np.ndarray[Any, Any]
Kernels = tuple[Callable[..., Any], Callable[..., Any]]  # one for all of the work, and one by parts that threads share


def check(what: str, value: Any, low: float = 0, high: float = math.inf, closed: bool = False) -> None:
    """Raise ValueError unless ``value`` is a finite number in [low, high), or [low, high] if ``closed``."""
    try:
        real = not np.iscomplexobj(value) and math.isfinite(value)
        good = real and low <= value and (value < high or (closed and value == high))
    except (TypeError, ValueError, OverflowError):
        good = False
    if not good:
        end = "]" if closed else ")"
        raise ValueError(f"Invalid {what}: {value!r}; expects a finite number in [{low}, {high}{end}")


def pair(what: str, value: Any) -> tuple[Any, Any]:
    """``value`` if it is two things, else ValueError."""
    try:
        first, second = value
    except (TypeError, ValueError):
        first = second = None
    if not all(isinstance(x, (int, float, np.number, Tensor)) and not np.iscomplexobj(x) for x in (first, second)):
        raise ValueError(f"Invalid {what}: {value!r}; expects two numbers")
    return first, second


RANGES: dict[str, tuple[Any, ...]] = {
    "lr": ("learning rate lr",),
    "eps": ("epsilon value eps",),
    "weight_decay": ("weight_decay value",),
    "momentum": ("momentum value",),
    "momentum_decay": ("momentum_decay value",),
    "alpha": ("alpha value", 0, 1, True),
    "rho": ("rho value", 0, 1, True),
    "lr_decay": ("lr_decay value",),
    "initial_accumulator_value": ("initial_accumulator_value",),
    "tolerance_grad": ("tolerance_grad value",),
    "tolerance_change": ("tolerance_change value",),
}
"""What an error calls an option, and the range of its values, for :func:`check`."""

NUMBERS: dict[str, Callable[[Any], Any]] = {"step": int, "mu_product": float}
"""The entries of a parameter's state that are numbers; all others are tensors of its shape."""


def check_options(group: dict[str, Any], *names: str) -> None:
    """Raise ValueError for the first of these options that is out of range, and for ``differentiable``.

    PyTorch's other switches (foreach, fused, capturable) choose among its implementations, which all compute the same.
    """
    for name in names:
        if name == "betas":
            beta1, beta2 = pair("betas", group["betas"])
            check("beta parameter at index 0", beta1, 0, 1)
            check("beta parameter at index 1", beta2, 0, 1)
        else:
            what, *limits = RANGES[name]
            check(what, group[name], *limits)
    if group.get("differentiable"):
        raise ValueError(
            f"differentiable={group['differentiable']!r} is not supported: a step is one compiled loop that is not "
            "itself differentiable; leave the option out"
        )


class Optimizer:
    """The base of all optimizers.

    Parameters
    ----------
    params : iterable
        Parameters, or dicts with a ``params`` list and options of their own (the slides' "per-parameter options"). A
        parameter may come with its name, as ``named_parameters()`` gives it; the group then has ``param_names``.
    defaults : dict
        The options where a group has none of its own.

    Attributes
    ----------
    param_groups : list of dict
        The parameters and their options; setting ``group["lr"]`` takes effect at the next step.
    state : dict
        What the optimizer remembers of each parameter: tensors of its shape and dtype, and numbers.
    stepped : bool
        Whether :meth:`step` was ever called, so that a scheduler can tell when it comes too early.

    Raises
    ------
    ValueError
        For no parameters, one that appears twice (PyTorch only warns within a group), one that is not a leaf, and
        options out of range.
    TypeError
        For anything but tensors or dicts of them, and for a set, which has no order.

    Examples
    --------
    >>> import autograd, nn
    >>> w, b = nn.Parameter(autograd.ones(2)), nn.Parameter(autograd.zeros(1))
    >>> optimizer = nn.optim.SGD([{"params": [w], "weight_decay": 0.1}, {"params": [b]}], lr=0.5)
    >>> [group["weight_decay"] for group in optimizer.param_groups]
    [0.1, 0]
    """

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self.state: dict[Any, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        self._name = f"{type(self).__name__}.step()"
        self.stepped = False
        groups = _listed(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        # Whoever defines a step of their own need not know of `stepped`.
        super().__init_subclass__(**kwargs)
        own = cls.__dict__.get("step")
        if own is not None:

            @functools.wraps(own)
            def step(self: Any, *args: Any, **kwargs: Any) -> Any:
                self.stepped = True
                return own(self, *args, **kwargs)

            cls.step = step  # type: ignore[method-assign]

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Optimize more parameters, with options of their own."""
        if not isinstance(param_group, dict) or "params" not in param_group:
            raise TypeError(f"a parameter group must be a dict with the key 'params', found {param_group!r}")
        given = param_group["params"]
        params = [given] if isinstance(given, Tensor) else _listed(given)
        group = {**self.defaults, **param_group}
        if params and all(isinstance(p, tuple) and len(p) == 2 for p in params):  # from named_parameters()
            group["param_names"] = [name for name, _ in params]
            params = [p for _, p in params]
        group["params"] = params
        taken = {p for g in self.param_groups for p in g["params"]}
        for p in params:
            if not isinstance(p, Tensor):
                raise TypeError(f"optimizer can only optimize Tensors, found {type(p).__name__}")
            if not p.is_leaf:
                raise ValueError("can't optimize a non-leaf Tensor: optimize the leaf that it was computed from")
            if p in taken:
                raise ValueError("some parameters appear in more than one parameter group, or twice in one")
            taken.add(p)
        self._check_all(group)
        self.param_groups.append(group)

    @effect
    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients (or set them to zero), before the next backward pass."""
        for group in self.param_groups:
            forget(group["params"], set_to_none)

    @effect
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient: θ ← θ − α · (direction).

        Parameters
        ----------
        closure : callable, optional
            Computes the loss anew, with gradients; what it returns is returned.

        Raises
        ------
        ValueError
            If a parameter, its gradient and the state have come to differ in size or dtype, by an assignment to
            ``.data``.
        """
        self.stepped = True
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        ready = [_with_gradients(group["params"]) for group in self.param_groups]
        for params, _ in ready:  # first: an interrupted step counts
            written(params, self._name, depth=2)  # this method, and whoever makes it an effect
        for group, (params, gradients) in zip(self.param_groups, ready, strict=True):
            if params:
                self._update_all(params, gradients, self._options(group))
        return loss

    def _check_all(self, group: dict[str, Any]) -> None:
        """Raise ValueError for options out of range, and for those that are no numbers at all."""
        self._check(group)
        try:
            self._options(group)
        except NotImplementedError:  # there is no kernel
            pass
        except (TypeError, ValueError, OverflowError, LookupError) as error:
            found = {name: value for name, value in group.items() if name not in ("params", "param_names")}
            raise ValueError(f"{type(self).__name__}: an option is no number ({error}): found {found}") from None

    def _check(self, group: dict[str, Any]) -> None:
        """Raise ValueError for options out of range."""

    def _options(self, group: dict[str, Any]) -> tuple[Any, ...]:
        """The group's options as the kernel takes them, of fixed types so that it is compiled once."""
        raise NotImplementedError

    def _initial(self, p: Tensor, options: tuple[Any, ...]) -> dict[str, Any]:
        """The state of a parameter before its first step; not empty unless there is nothing to remember."""
        raise NotImplementedError

    def _update_all(self, params: list[Tensor], gradients: list[Array], options: tuple[Any, ...]) -> None:
        """:meth:`_update` for each parameter."""
        for p, g in zip(params, gradients, strict=True):
            state = self._state_of(p, options)
            values = p.array
            theta = values if values.flags.carray else values.copy()
            self._update(theta, g, state, options)
            if theta is not values:
                values[...] = theta

    def _state_of(self, p: Tensor, options: tuple[Any, ...]) -> dict[str, Any]:
        state = self.state[p]
        if not state:
            state.update(self._initial(p, options))
        return state

    def _update(self, theta: Array, g: Array, state: dict[str, Any], options: tuple[Any, ...]) -> None:
        """Change ``theta``, which is contiguous, and ``state`` in place."""
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """The state and the options, with the parameters numbered; tensors share their memory."""
        number = {p: k for k, p in enumerate(p for g in self.param_groups for p in g["params"])}
        return {
            "state": {number[p]: dict(s) for p, s in self.state.items() if s},
            "param_groups": [{**g, "params": [number[p] for p in g["params"]]} for g in self.param_groups],
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a saved state; it is copied, in each parameter's dtype.

        Raises
        ------
        ValueError
            If the groups do not have the same numbers of parameters, an option is out of range, or a tensor has
            another shape than its parameter. The optimizer is then unchanged.
        """
        groups, entries = _parts_of(state_dict)
        sizes, found = ([len(g["params"]) for g in which] for which in (self.param_groups, groups))
        if sizes != found:
            raise ValueError(
                f"loaded state dict has a different number of parameter groups, or one that doesn't match the size of "
                f"the optimizer's group: found {found} parameters, expects {sizes}"
            )
        numbers = [k for g in groups for k in g["params"]]
        try:
            own_params = (p for g in self.param_groups for p in g["params"])
            params: dict[Any, Tensor] = dict(zip(numbers, own_params, strict=True))
        except TypeError:
            raise ValueError(f"loaded state dict: parameters are numbered, found {numbers}") from None
        if len(params) < len(numbers):
            raise ValueError(f"loaded state dict: a parameter is in its groups twice, found {numbers}")
        merged = []
        for own, saved in zip(self.param_groups, groups, strict=True):
            merged.append({**own, **saved, "params": own["params"]})
            self._check_all(merged[-1])
        if strays := [k for k in entries if k not in params]:
            raise ValueError(f"loaded state dict has a state for parameters that are in none of its groups: {strays}")
        options = {p: group for group in merged for p in group["params"]}
        state, problems = {}, []
        for k, saved in entries.items():
            try:
                state[params[k]] = self._state_from(saved, params[k], options[params[k]])
            except (TypeError, ValueError, OverflowError, AttributeError) as error:  # noqa: PERF203 - all are listed
                problems.append((k, error))
        if problems:
            listed = "".join(f"\n  of parameter {k}: {error}" for k, error in problems)
            kind = ShapeError if all(isinstance(error, ShapeError) for _, error in problems) else ValueError
            raise kind(f"Error(s) in loading the state of {type(self).__name__}; nothing was loaded:{listed}")
        for own, new in zip(self.param_groups, merged, strict=True):
            own.update(new)
        self.state = defaultdict(dict, state)

    def _state_from(self, saved: Any, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        """The saved state of ``p``, copied, if it is one that this optimizer can go on from."""
        if not isinstance(saved, Mapping):
            raise TypeError(f"expects a dict, found {type(saved).__name__}")
        if saved and (missing := [name for name in self._needed(p, group) if saved.get(name) is None]):
            raise ValueError(f"Missing key(s): {', '.join(missing)}")
        state = {name: self._loaded(name, value, p) for name, value in saved.items() if value is not None}
        return {name: value for name, value in state.items() if value is not None}

    def _needed(self, p: Tensor, group: dict[str, Any]) -> Iterable[str]:
        """What the state of a parameter has, if there is any."""
        try:
            return self._initial(p, self._options(group))
        except NotImplementedError:
            return ()

    def _loaded(self, name: str, value: Any, p: Tensor) -> Any:
        """A saved entry of the state of ``p``, copied."""
        if name in NUMBERS:
            check(name, value)
            return NUMBERS[name](value)
        array = to_array(value, what=name)  # or a tensor of PyTorch's
        if array.shape != p.shape:
            raise ShapeError(f"{name} has shape {array.shape}, its parameter {p.shape}")
        return as_tensor(np.array(array, p.dtype, order="C"))

    def __repr__(self) -> str:
        parts = []
        for k, group in enumerate(self.param_groups):
            lines = [f"    {name}: {value}\n" for name, value in sorted(group.items()) if name != "params"]
            parts.append(f"Parameter Group {k}\n" + "".join(lines))
        return f"{type(self).__name__} (\n" + "\n".join(parts) + ")"


def _with_gradients(params: list[Tensor]) -> tuple[list[Tensor], list[Array]]:
    """Those that have a gradient, and the gradients."""
    gradients = gradients_of(params)
    return params if len(gradients) == len(params) else [p for p in params if p.grad is not None], gradients


def _parts_of(state_dict: Any) -> tuple[list[Mapping[str, Any]], Mapping[Any, Any]]:
    """The groups and the states of the parameters that a state dict has."""
    parts = [state_dict.get(name) for name in ("param_groups", "state")] if isinstance(state_dict, Mapping) else [None]
    groups, entries = parts[0], parts[-1]
    if (
        isinstance(groups, (list, tuple))
        and all(isinstance(g, Mapping) and isinstance(g.get("params"), (list, tuple)) for g in groups)
        and isinstance(entries, Mapping)
    ):
        return list(groups), entries
    found = f"a dict with the keys {list(state_dict)}" if isinstance(state_dict, Mapping) else type(state_dict).__name__
    raise ValueError(
        "loaded state dict: expects what state_dict() returned, {'state': {0: {…}, …}, 'param_groups': "
        f"[{{'params': [0, …], …}}, …]}}, found {found}"
    )


def _listed(params: Any) -> list[Any]:
    if isinstance(params, Tensor):
        raise TypeError("the optimizer expects an iterable of tensors or dicts, found one Tensor: put it in a list")
    if isinstance(params, (set, frozenset)):
        raise TypeError("the optimizer expects its parameters in an order that does not change; a set has none")
    return list(params)


class Together(Optimizer):
    """An optimizer whose kernel takes :data:`SEVERAL` parameters at once."""

    _kernel: tuple[Kernels, int]
    """It, and how many arrays of state it takes for a parameter; those that are not remembered are empty."""

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]) -> None:
        self._vectors: dict[Tensor, Vectors] = {}
        super().__init__(params, defaults)

    def _remembered(self, params: list[Tensor], options: tuple[Any, ...]) -> tuple[list[Any], list[Tensor]]:
        """A number for each parameter that the kernel takes, and the tensors of their states, one after the other."""
        raise NotImplementedError

    def _update_all(self, params: list[Tensor], gradients: list[Array], options: tuple[Any, ...]) -> None:
        numbers, states = self._remembered(params, options)
        vectors = self._vectors.get(params[0])
        if vectors is None or not vectors.are_of(params, states, gradients):
            vectors = self._vectors[params[0]] = Vectors(params, states, gradients, self._kernel[1])
        vectors.run(self._kernel[0], [g.ravel() for g in gradients], numbers, options)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_vectors": {}}  # in a copy they would not be views of its arrays


class Vectors:
    """Parameters and their states as vectors, to be kept from step to step; the kernel takes ``kinds`` of state."""

    def __init__(self, params: list[Tensor], states: list[Tensor], gradients: list[Array], kinds: int) -> None:
        self.params, self.states = [*params], states
        self.changed = writes.changed
        self.arrays = [*map(array_of, chain(params, states))]
        n, given = len(params), len(states) // len(params)
        columns = [self.arrays[:n], *(self.arrays[n + k :: given] for k in range(given))]
        for theta, *others in zip(*columns, gradients, strict=True):
            if any(x.size != theta.size or x.dtype != theta.dtype for x in others):
                raise ValueError(MISFIT)
        self.dtypes = [theta.dtype for theta in columns[0]]
        by_dtype: dict[Any, list[int]] = {}
        for k, dtype in enumerate(self.dtypes):
            by_dtype.setdefault(dtype, []).append(k)
        self.copies: list[tuple[Array, Array]] = []  # of what is not contiguous, or not to be written
        self.rows = [[*map(self._vector, row)] for row in zip(*columns, strict=True)]  # kernels get their addresses
        # Which of the parameters, the table of their sizes and addresses, and into how many parts the work is cut.
        self.jobs: list[tuple[list[int], Array, int]] = []
        for places in by_dtype.values():
            for k in range(0, len(places), SEVERAL):
                part = places[k : k + SEVERAL]
                self.jobs.append((part, *_table([self.rows[k] for k in part], kinds)))

    def are_of(self, params: list[Tensor], states: list[Tensor], gradients: list[Array]) -> bool:
        """Whether these are the tensors, with the same memory: ``.data`` may be assigned, a state may be replaced."""
        if len(params) != len(self.params) or len(states) != len(self.states):
            return False
        if not all(map(is_, params, self.params)) or not all(map(is_, states, self.states)):
            return False
        if self.changed != writes.changed:
            changed, arrays = writes.changed, [*map(array_of, chain(params, states))]
            if not all(map(is_, arrays, self.arrays)) or [g.dtype for g in gradients] != self.dtypes:
                return False
            self.changed = changed
        return True

    def _vector(self, array: Array) -> Array:
        if array.flags.carray:
            return array.reshape(-1)
        vector = array.flatten()
        self.copies.append((array, vector))
        return vector

    def run(self, kernels: Kernels, gs: list[Array], numbers: list[Any], options: tuple[Any, ...]) -> None:
        """Update all, with their gradients; large vectors are shared by threads."""
        whole, by_parts = kernels
        for array, vector in self.copies:
            vector[...] = array.ravel()
        for places, table, parts in self.jobs:
            mine, counts = gs, numbers
            if len(places) < len(gs):
                mine, counts = [gs[k] for k in places], [numbers[k] for k in places]
            if parts == 1:
                whole(table, padded(mine), padded(counts), options)
            else:
                by_parts(threads.desk(parts), parts, table, padded(mine), padded(counts), options)
        for array, vector in self.copies:
            array[...] = vector.reshape(array.shape)


def _table(rows: list[list[Array]], kinds: int) -> tuple[Array, int]:
    """Sizes and addresses of the vectors of a few parameters, as a kernel takes them, and the parts to make of them."""
    table = np.zeros((len(rows), 2 + kinds), np.int64)  # address 0: there is no such state
    for k, row in enumerate(rows):
        table[k, 0] = row[0].size
        table[k, 1 : 1 + len(row)] = [x.ctypes.data for x in row]
    return table, threads.pieces(int(table[:, 0].sum()))


def padded(items: list[Any]) -> tuple[Any, ...]:
    """``items`` as a kernel takes them: :data:`SEVERAL`."""
    return tuple(items) if len(items) == SEVERAL else (*items, *items[:1] * (SEVERAL - len(items)))
