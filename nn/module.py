"""Module: a network, or a part of one, and the parameters it learns."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any

from autograd import Tensor, as_tensor, enter_scope, leave_scope, no_grad
from autograd.engine import leaf

__all__ = ["Module", "Parameter", "Sequential"]


class Parameter(Tensor):
    """A tensor that a network learns: assigned to an attribute of a :class:`Module`, it is among its parameters.

    Parameters
    ----------
    data : Tensor or array
        Its initial value; the memory is shared.
    requires_grad : bool

    Examples
    --------
    >>> import autograd, nn
    >>> nn.Parameter(autograd.zeros(2)).requires_grad
    True
    """

    __slots__ = ()

    def __new__(cls, data: Any, requires_grad: bool = True) -> Parameter:
        return leaf(as_tensor(data).array, requires_grad, cls)  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()


class Module:
    """The base of all networks: define the parts in ``__init__`` and the computation in ``forward``.

    Slide "2) Construct the network".

    Attributes
    ----------
    training : bool
        Whether :meth:`train` or :meth:`eval` was called last.

    Examples
    --------
    >>> import autograd, nn
    >>> class Net(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.Dense1 = nn.Linear(2, 4)
    ...     def forward(self, x):
    ...         return self.Dense1(x).sigmoid()
    >>> [name for name, _ in Net().named_parameters()]
    ['Dense1.weight', 'Dense1.bias']
    """

    training: bool
    _parameters: dict[str, Parameter | None]
    _modules: dict[str, Module | None]

    def __init__(self) -> None:
        # The registries keep the order; the values are ordinary attributes too, so that reading them is fast.
        self.__dict__.update(training=True, _parameters={}, _modules={})

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, (Parameter, Module)):
            if "_modules" not in self.__dict__:
                raise AttributeError(
                    f"cannot assign {name} before Module.__init__() call: call super().__init__() first in "
                    f"{type(self).__name__}.__init__"
                )
            ours, other = ("_parameters", "_modules") if isinstance(value, Parameter) else ("_modules", "_parameters")
            self.__dict__[other].pop(name, None)
            self.__dict__[ours][name] = value
        else:
            for registry in (self.__dict__.get("_parameters", {}), self.__dict__.get("_modules", {})):
                if name in registry:
                    if value is not None:
                        raise TypeError(
                            f"cannot assign a {type(value).__name__} to {name}, which is a {type(registry[name]).__name__}"
                            " of the module: assign one of those, or None"
                        )
                    registry[name] = None
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        self._parameters.pop(name, None)
        self._modules.pop(name, None)
        object.__delattr__(self, name)

    def register_parameter(self, name: str, parameter: Parameter | None) -> None:
        """Add a parameter, or None where a layer goes without."""
        self._parameters[name] = parameter
        object.__setattr__(self, name, parameter)

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a part under ``name``."""
        self._modules[name] = module
        object.__setattr__(self, name, module)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The computation; every subclass defines it."""
        raise NotImplementedError(f"{type(self).__name__} does not define forward()")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        before = enter_scope(self)
        try:
            return self.forward(*args, **kwargs)
        finally:
            leave_scope(before)

    # -- its parts

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """Itself and all the parts below it with their paths, each part once."""
        seen: set[int] = set()
        stack = [(prefix, self)]
        while stack:
            path, module = stack.pop()
            if id(module) in seen:
                continue
            seen.add(id(module))
            yield path, module
            dot = f"{path}." if path else ""
            stack.extend((dot + name, part) for name, part in reversed(module._modules.items()) if part is not None)

    def modules(self) -> Iterator[Module]:
        """Itself and all the parts below it."""
        return (module for _, module in self.named_modules())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The parts directly below it, with their names."""
        return ((name, part) for name, part in self._modules.items() if part is not None)

    def children(self) -> Iterator[Module]:
        """The parts directly below it."""
        return (part for _, part in self.named_children())

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """All the parameters with their paths, each once."""
        seen: set[int] = set()
        for path, module in self.named_modules():
            for name, parameter in module._parameters.items():
                if parameter is not None and id(parameter) not in seen:
                    seen.add(id(parameter))
                    yield (f"{path}.{name}" if path else name), parameter

    def parameters(self) -> Iterator[Parameter]:
        """All the parameters, each once."""
        return (parameter for _, parameter in self.named_parameters())

    def train(self, mode: bool = True) -> Module:
        """Set training mode for itself and its parts."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Module:
        """Set evaluation mode for itself and its parts."""
        return self.train(False)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget (or set to zero) the gradients of all parameters."""
        for parameter in self.parameters():
            if set_to_none or parameter.grad is None:
                parameter.grad = None
            else:
                parameter.grad.zero_()

    # -- saving and loading

    def state_dict(self) -> OrderedDict[str, Tensor]:
        """The parameters by path, in order, sharing their memory: ``model.state_dict()['Dense2.weight']``."""
        state: OrderedDict[str, Tensor] = OrderedDict()
        for path, module in self.named_modules():
            for name, parameter in module._parameters.items():
                if parameter is not None:
                    state[f"{path}.{name}" if path else name] = parameter.detach()
        return state

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> None:
        """Copy the values of ``state_dict`` into the parameters.

        Parameters
        ----------
        state_dict : mapping
            path → Tensor or array.
        strict : bool
            Whether missing and unexpected keys are an error. Another shape always is.

        Raises
        ------
        RuntimeError
            One, listing all that is missing, unexpected and mismatched; the model is then unchanged.
        """
        own = self.state_dict()
        given = {key: as_tensor(value) for key, value in state_dict.items()}
        missing = [key for key in own if key not in given]
        unexpected = [key for key in given if key not in own]
        wrong = [
            f"{key}: expects shape {own[key].shape}, found {given[key].shape}"
            for key in own
            if key in given and own[key].shape != given[key].shape
        ]
        problems = [f"size mismatch for {w}" for w in wrong]
        if strict and missing:
            problems.append(f"missing key(s): {', '.join(missing)}")
        if strict and unexpected:
            problems.append(f"unexpected key(s): {', '.join(unexpected)}")
        if problems:
            raise RuntimeError(f"load_state_dict for {type(self).__name__}:\n  " + "\n  ".join(problems))
        with no_grad():
            for key in own:
                if key in given:
                    own[key].copy_(given[key])

    # -- printing

    def extra_repr(self) -> str:
        """What stands in the brackets of its repr."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        parts = [f"({name}): {part!r}".replace("\n", "\n  ") for name, part in self.named_children()]
        if not parts:
            return f"{type(self).__name__}({extra})"
        lines = ([extra] if extra else []) + parts
        return f"{type(self).__name__}(\n  " + "\n  ".join(lines) + "\n)"


class Sequential(Module):
    """Modules one after the other: each gets what the one before it returned.

    Parameters
    ----------
    *modules : Module, or one OrderedDict of them by name

    Examples
    --------
    >>> import nn
    >>> nn.Sequential(nn.Linear(2, 4), nn.Sigmoid())
    Sequential(
      (0): Linear(in_features=2, out_features=4, bias=True)
      (1): Sigmoid()
    )
    """

    def __init__(self, *modules: Any) -> None:
        super().__init__()
        named = modules[0].items() if len(modules) == 1 and isinstance(modules[0], dict) else enumerate(modules)
        for name, module in named:
            self.add_module(str(name), module)

    def forward(self, x: Any) -> Any:
        for module in self._modules.values():
            x = module(x)  # type: ignore[misc]
        return x

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return self.children()

    def __getitem__(self, k: Any) -> Any:
        parts = list(self._modules.items())
        return Sequential(OrderedDict(parts[k])) if isinstance(k, slice) else parts[k][1]


