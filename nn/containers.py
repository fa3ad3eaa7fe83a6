"""Containers: modules one after the other, and lists and dicts whose entries are parts or parameters of the network."""

from __future__ import annotations

import itertools
import operator
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

from autograd import Tensor

from .module import Module, Parameter

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Sequential"]


def _position(what: Any, index: Any, n: int, end: int = 0) -> int:
    """``index`` counted from the start; it may be up to ``end`` behind the last."""
    k = operator.index(index)
    if not -n <= k < n + end:
        raise IndexError(f"index {k} is out of range: {type(what).__name__} has {n} entries")
    return k % n if k < 0 else k


class _Row(Module):
    """What :class:`Sequential` and :class:`ModuleList` share: parts by position, which is their name."""

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._modules.values())

    def __getitem__(self, index: Any) -> Any:
        parts = list(self._modules.items())
        if isinstance(index, slice):
            return self._of(parts[index])
        return parts[_position(self, index, len(parts))][1]

    @classmethod
    def _of(cls, parts: list[tuple[str, Any]]) -> Any:
        """Another of the same kind, of these parts."""
        return cls(module for _, module in parts)  # type: ignore[call-arg]

    def __setitem__(self, index: int, module: Any) -> None:
        self.add_module(list(self._modules)[_position(self, index, len(self))], module)

    def __delitem__(self, index: Any) -> None:
        parts = list(self)
        del parts[index if isinstance(index, slice) else _position(self, index, len(parts))]
        self._set(parts)

    def _set(self, modules: Iterable[Any]) -> None:
        """Have these parts, and no others."""
        for name in list(self._modules):
            delattr(self, name)
        for k, module in enumerate(modules):
            self.add_module(str(k), module)

    def append(self, module: Module) -> Self:
        """Add a module at the end; returns itself."""
        self.add_module(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        """Add modules at the end; returns itself."""
        for module in list(modules):
            self.append(module)
        return self

    def pop(self, key: Any = -1) -> Any:
        """Take the module at ``key`` out, and return it."""
        module = self[key]
        del self[key]
        return module

    def __iadd__(self, other: Iterable[Module]) -> Self:
        return self.extend(other)

    def __add__(self, other: Iterable[Module]) -> Self:
        return type(self)().extend(self).extend(other)


class Sequential(_Row):
    """Modules one after the other: each gets what the one before it returned.

    It is a list too: ``model[k]``, ``model[a:b]`` (a Sequential of the same modules), ``model[k] = module``,
    ``del model[k]``, ``append``, ``insert``, ``extend``, ``pop``, ``a + b`` and ``model * 3`` (the same modules again).

    Parameters
    ----------
    *modules : Module, or one OrderedDict of them by name

    Raises
    ------
    TypeError
        For anything else.
    IndexError
        By ``model[k]`` for a k out of range.

    Examples
    --------
    >>> import nn
    >>> model = nn.Sequential(nn.Linear(2, 4), nn.Sigmoid())
    >>> model.append(nn.Linear(4, 1))
    Sequential(
      (0): Linear(in_features=2, out_features=4, bias=True)
      (1): Sigmoid()
      (2): Linear(in_features=4, out_features=1, bias=True)
    )
    """

    def __init__(self, *modules: Any) -> None:
        super().__init__()
        named = modules[0].items() if len(modules) == 1 and isinstance(modules[0], dict) else enumerate(modules)
        for name, module in named:
            self.add_module(str(name), module)

    @classmethod
    def _of(cls, parts: list[tuple[str, Any]]) -> Any:
        return cls(OrderedDict(parts))

    def forward(self, input: Any) -> Any:
        """What the last module returns."""
        for module in self._modules.values():
            input = module(input)  # type: ignore[misc]
        return input

    def insert(self, index: int, module: Module) -> Self:
        """Add a module before the one at ``index``; returns itself."""
        parts = list(self)
        parts.insert(_position(self, index, len(parts), 1), module)
        self._set(parts)
        return self

    def __mul__(self, other: int) -> Self:
        return type(self)().extend(self._times(other))

    __rmul__ = __mul__

    def __imul__(self, other: int) -> Self:
        self._set(self._times(other))
        return self

    def _times(self, n: Any) -> list[Any]:
        if operator.index(n) <= 0:
            raise ValueError(f"Non-positive multiplication factor {n} for {type(self).__name__}")
        return list(self) * n


class ModuleList(_Row):
    """A list of modules that are parts of the network, which a plain list would hide from it. It is not called itself.

    Parameters
    ----------
    modules : iterable of Module, optional

    Examples
    --------
    >>> import nn
    >>> nn.ModuleList(nn.Linear(2, 2) for _ in range(3))
    ModuleList(
      (0-2): 3 x Linear(in_features=2, out_features=2, bias=True)
    )
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        self.extend(modules or ())

    def insert(self, index: int, module: Module) -> None:
        """Add a module before the one at ``index``."""
        parts = list(self)
        parts.insert(index, module)
        self._set(parts)

    def _repr_parts(self) -> list[str]:
        lines, start = [], 0
        for text, run in itertools.groupby(map(repr, self)):
            n = len(list(run))
            lines.append(f"({start}): {text}" if n == 1 else f"({start}-{start + n - 1}): {n} x {text}")
            start += n
        return lines


class _Named(Module, MutableMapping[str, Any]):
    """What :class:`ModuleDict` and :class:`ParameterDict` share: entries by name, which are attributes too."""

    _keys: dict[str, Any]  # in their order
    __eq__, __hash__ = object.__eq__, object.__hash__  # a network is equal to itself only

    def __getitem__(self, key: str) -> Any:
        if key not in self._keys:
            raise KeyError(key)
        return getattr(self, key)

    def __delitem__(self, key: str) -> None:
        self[key]  # is there
        delattr(self, key)
        self._keys.pop(key, None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __reversed__(self) -> Iterator[str]:
        return reversed(self._keys)

    def __len__(self) -> int:
        return len(self._keys)


class ModuleDict(_Named):
    """A dict of modules that are parts of the network, in the order of their insertion. It is not called itself.

    Parameters
    ----------
    modules : mapping or iterable of (name, Module), optional

    Examples
    --------
    >>> import nn
    >>> choices = nn.ModuleDict({"tanh": nn.Tanh(), "relu": nn.ReLU()})
    >>> choices["relu"], list(choices)
    (ReLU(), ['tanh', 'relu'])
    """

    def __init__(self, modules: Any = None) -> None:
        super().__init__()
        self.update(modules or ())

    @property
    def _keys(self) -> dict[str, Any]:  # type: ignore[override]
        return self._modules

    def __setitem__(self, key: str, value: Any) -> None:
        self.add_module(key, value)


def _described(x: Any) -> str:
    """An entry of a list or dict of parameters, in one line."""
    if not isinstance(x, Tensor):
        return f"Object of type: {type(x).__name__}"
    size = "x".join(map(str, x.shape))
    return f"{'Parameter' if isinstance(x, Parameter) else 'Tensor'} containing: [{x.dtype} of size {size}]"


def _as_parameter(x: Any) -> Any:
    return Parameter(x) if isinstance(x, Tensor) and not isinstance(x, Parameter) else x


class ParameterList(Module):
    """A list whose tensors are parameters of the network; it holds other things too.

    Parameters
    ----------
    values : iterable, optional
        Tensors become parameters.

    Examples
    --------
    >>> import autograd, nn
    >>> nn.ParameterList([autograd.zeros(2, 3), 7])
    ParameterList(
        (0): Parameter containing: [float32 of size 2x3]
        (1): Object of type: int
    )
    """

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self._size = 0
        self.extend(values or ())

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Any]:
        return (getattr(self, str(k)) for k in range(self._size))

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)(list(self)[index])
        return getattr(self, str(_position(self, index, self._size)))

    def __setitem__(self, index: int, value: Any) -> None:
        setattr(self, str(_position(self, index, self._size)), _as_parameter(value))

    def append(self, value: Any) -> Self:
        """Add a value at the end; returns itself."""
        setattr(self, str(self._size), _as_parameter(value))
        self._size += 1
        return self

    def extend(self, values: Iterable[Any]) -> Self:
        """Add values at the end; returns itself."""
        if not isinstance(values, Iterable) or isinstance(values, Tensor):
            raise TypeError(f"ParameterList.extend should be called with an iterable, found {type(values).__name__}")
        for value in list(values):
            self.append(value)
        return self

    def __iadd__(self, other: Iterable[Any]) -> Self:
        return self.extend(other)

    def extra_repr(self) -> str:
        """A line for each entry."""
        return "\n".join(f"  ({k}): {_described(x)}" for k, x in enumerate(self))


class ParameterDict(_Named):
    """A dict whose tensors are parameters of the network; it holds other things too.

    Parameters
    ----------
    parameters : mapping or iterable of (name, value), optional
        Tensors become parameters.

    Examples
    --------
    >>> import autograd, nn
    >>> scales = nn.ParameterDict({"left": autograd.ones(2)})
    >>> scales["left"]
    Parameter containing:
    tensor([1., 1.], requires_grad=True)
    """

    def __init__(self, parameters: Any = None) -> None:
        super().__init__()
        self._keys = {}
        self.update(parameters or ())

    def __setitem__(self, key: str, value: Any) -> None:
        if not isinstance(key, str):
            raise TypeError(f"ParameterDict: the keys are strings, found {key!r} of type {type(key).__name__}")
        if key not in self._keys and hasattr(self, key):
            raise KeyError(f"attribute {key!r} already exists in this ParameterDict: it is a method, or of its own")
        setattr(self, key, _as_parameter(value))
        self._keys[key] = None

    def copy(self) -> ParameterDict:
        """Another with the same parameters."""
        return type(self)(dict(self))

    def fromkeys(self, keys: Iterable[str], default: Any = None) -> ParameterDict:
        """Another with these keys and one value."""
        return type(self)(dict.fromkeys(keys, default))

    def __or__(self, other: Mapping[str, Any]) -> ParameterDict:
        return type(self)({**self, **other})

    def __ror__(self, other: Mapping[str, Any]) -> ParameterDict:
        return type(self)({**other, **self})

    def __ior__(self, other: Mapping[str, Any]) -> Self:
        self.update(other)
        return self

    def extra_repr(self) -> str:
        """A line for each entry."""
        return "\n".join(f"  ({key}): {_described(x)}" for key, x in self.items())
