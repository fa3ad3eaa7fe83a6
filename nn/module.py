"""Module: a network, or a part of one, and the parameters it learns."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from autograd import Tensor, as_tensor, effect, enter_scope, leave_scope
from autograd.engine import leaf

__all__ = ["Module", "Parameter", "Sequential"]


class Parameter(Tensor):
    """A tensor that a network learns: assigned to an attribute of a :class:`Module`, it is among its parameters.

    Parameters
    ----------
    data : Tensor or array
        Its initial value; the memory is shared.
    requires_grad : bool
        False for one that stays as it is: a frozen layer's.

    Raises
    ------
    DtypeError
        Unless the dtype is floating point.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.Parameter(autograd.zeros(2)).requires_grad
    True
    """

    __slots__ = ()

    def __new__(cls, data: Any, requires_grad: bool = True) -> Parameter:  # noqa: D102 - the class's docstring says it
        values = as_tensor(data)
        return leaf(values.array, cls=cls, base=values).requires_grad_(requires_grad)

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()


class Keys(NamedTuple):
    """What :meth:`Module.load_state_dict` did not find in the state, and what it found there but has no place for."""

    missing_keys: list[str]
    unexpected_keys: list[str]


def forget(parameters: Iterable[Parameter], set_to_none: bool) -> None:
    """Drop the gradients of ``parameters``, or set them to zero."""
    for p in parameters:
        if set_to_none:
            p.grad = None
        elif p.grad is not None:
            if p.grad.requires_grad:  # it was itself recorded, with create_graph
                p.grad = p.grad.detach()
            p.grad.zero_()


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
        registries = self.__dict__
        if isinstance(value, Parameter):
            registries.get("_modules", {}).pop(name, None)
            self.register_parameter(name, value)
            return
        if name in registries.get("_parameters", ()):
            if value is not None:
                found = type(value).__name__
                raise TypeError(f"cannot assign a {found} as parameter {name!r}: Parameter or None expected")
            registries["_parameters"][name] = None
        elif isinstance(value, Module):
            self._register("_modules", Module, name, value)
        elif name in registries.get("_modules", ()):
            if value is not None:
                found = type(value).__name__
                raise TypeError(f"cannot assign a {found} as child module {name!r}: Module or None expected")
            registries["_modules"][name] = None
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        self._parameters.pop(name, None)
        self._modules.pop(name, None)
        object.__delattr__(self, name)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter, or None where a layer goes without.

        Raises
        ------
        AttributeError
            Before ``super().__init__()``.
        KeyError
            For a name that is empty, has a dot, or is that of another attribute.
        TypeError
            For anything but a Parameter or None.
        """
        self._register("_parameters", Parameter, name, param)
        object.__setattr__(self, name, param)

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a part under ``name``; errors as for :meth:`register_parameter`."""
        self._register("_modules", Module, name, module)
        object.__setattr__(self, name, module)

    def _register(self, registry: str, kind: type, name: str, value: Any) -> None:
        if registry not in self.__dict__:
            raise AttributeError(
                f"cannot assign {kind.__name__.lower()} {name!r} before Module.__init__() call: call "
                f"super().__init__() first in {type(self).__name__}.__init__"
            )
        if value is not None and not isinstance(value, kind):
            raise TypeError(f"{name!r}: expects a {kind.__name__} or None, found {type(value).__name__}")
        if not name or "." in name:  # a path in a state_dict would not say which module is meant
            raise KeyError(f"the name of a {kind.__name__.lower()} can't be empty or contain \".\", found {name!r}")
        if hasattr(Module, name):
            raise KeyError(f"attribute {name!r} already exists: it is a method of every Module")
        self.__dict__[registry][name] = value

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The computation; every subclass defines it. Call the module, not this: ``model(x)``."""
        raise NotImplementedError(f"{type(self).__name__} does not define forward()")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What :meth:`forward` returns; pictures know by this call whose work it was."""
        before = enter_scope(self)
        try:
            return self.forward(*args, **kwargs)
        finally:
            leave_scope(before)

    # -- its parts

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """Itself and all the parts below it with their paths, each part once (unless ``remove_duplicate`` is False)."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, part in self._modules.items():
            if part is not None:
                yield from part.named_modules(memo, f"{prefix}.{name}" if prefix else name, remove_duplicate)

    def modules(self) -> Iterator[Module]:
        """Itself and all the parts below it, each once."""
        return (module for _, module in self.named_modules())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The parts directly below it with their names, each once."""
        seen: set[Module | None] = {None}
        for name, part in self._modules.items():
            if part not in seen:
                seen.add(part)
                yield name, part  # type: ignore[misc]

    def children(self) -> Iterator[Module]:
        """The parts directly below it, each once."""
        return (part for _, part in self.named_children())

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """All the parameters with their paths, each once (unless ``remove_duplicate`` is False).

        With ``recurse=False`` only its own, not those of its parts.
        """
        seen: set[Parameter] = set()
        parts = self.named_modules(None, prefix, remove_duplicate) if recurse else [(prefix, self)]
        for path, module in parts:
            for name, parameter in module._parameters.items():
                if parameter is not None and parameter not in seen:
                    if remove_duplicate:
                        seen.add(parameter)
                    yield (f"{path}.{name}" if path else name), parameter

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """All the parameters, each once; what an optimizer is given."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def train(self, mode: bool = True) -> Module:
        """Set training mode for itself and its parts; returns itself."""
        if not isinstance(mode, bool):
            raise ValueError(f"training mode is expected to be boolean, found {mode!r}")
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Module:
        """Set evaluation mode for itself and its parts."""
        return self.train(False)

    @effect
    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget (or set to zero) the gradients of all parameters."""
        forget(self.parameters(), set_to_none)

    # -- saving and loading

    def state_dict(self) -> OrderedDict[str, Tensor]:
        """The parameters by path, in order, sharing their memory: ``model.state_dict()['Dense2.weight']``.

        One that the network has in two places is there under both names.
        """
        named = self.named_parameters(remove_duplicate=False)
        return OrderedDict((path, parameter.detach()) for path, parameter in named)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> Keys:
        """Copy the values of ``state_dict`` into the parameters, converted to their dtype.

        Parameters
        ----------
        state_dict : mapping
            path → Tensor or array.
        strict : bool
            Whether missing and unexpected keys are an error. Another shape always is.

        Returns
        -------
        named tuple
            ``missing_keys`` and ``unexpected_keys``: lists, empty if ``strict``.

        Raises
        ------
        RuntimeError
            One, listing all that is missing, unexpected and mismatched; the model is then unchanged.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict).__name__}")
        own = self.state_dict()
        keys = Keys([key for key in own if key not in state_dict], [key for key in state_dict if key not in own])
        problems, values = [], {}
        for key in own:
            if key in state_dict:
                try:
                    values[key] = as_tensor(state_dict[key])
                except (TypeError, ValueError) as error:
                    problems.append(f"{key}: {error}")
                    continue
                if values[key].shape != own[key].shape:
                    problems.append(f"size mismatch for {key}: expects {own[key].shape}, found {values[key].shape}")
        if strict and keys.missing_keys:
            problems.append(f"Missing key(s) in state_dict: {', '.join(keys.missing_keys)}")
        if strict and keys.unexpected_keys:
            problems.append(f"Unexpected key(s) in state_dict: {', '.join(map(str, keys.unexpected_keys))}")
        if problems:
            raise RuntimeError(
                f"Error(s) in loading state_dict for {type(self).__name__}; nothing was loaded:\n  "
                + "\n  ".join(problems)
            )
        for key, value in values.items():
            own[key].copy_(value)
        return keys

    # -- printing

    def extra_repr(self) -> str:
        """What stands in the brackets of its repr."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        parts = [f"({name}): {part!r}".replace("\n", "\n  ") for name, part in self._modules.items()]
        if not parts:
            return f"{type(self).__name__}({extra})"
        lines = ([extra] if extra else []) + parts
        return f"{type(self).__name__}(\n  " + "\n  ".join(lines) + "\n)"


class Sequential(Module):
    """Modules one after the other: each gets what the one before it returned.

    Parameters
    ----------
    *modules : Module, or one OrderedDict of them by name

    Raises
    ------
    TypeError
        For anything else.
    IndexError
        By ``model[k]`` for a k out of range; ``model[a:b]`` is a Sequential of the same modules.

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

    def forward(self, input: Any) -> Any:
        """What the last module returns."""
        for module in self._modules.values():
            input = module(input)  # type: ignore[misc]
        return input

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._modules.values())

    def __getitem__(self, index: int | slice) -> Any:
        parts = list(self._modules.items())
        if isinstance(index, slice):
            return Sequential(OrderedDict(parts[index]))
        if not -len(parts) <= index < len(parts):
            raise IndexError(f"index {index} is out of range: Sequential has {len(parts)} modules")
        return parts[index][1]
