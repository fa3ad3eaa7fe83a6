"""Module: a network, or a part of one, the parameters it learns and the buffers it keeps."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import autograd
from autograd import DtypeError, Tensor, as_tensor, effect
from autograd.engine import leaf
from autograd.hooks import RemovableHandle
from autograd.node import drop_gradients, mode

from .hooks import CallHooks

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Module", "Parameter"]


class Parameter(Tensor):
    """A tensor that a network learns: assigned to an attribute of a :class:`Module`, it is among its parameters.

    Parameters
    ----------
    data : Tensor or array, optional
        Its initial value; the memory is shared. Without one there are no elements.
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

    def __new__(cls, data: Any = None, requires_grad: bool = True) -> Parameter:  # noqa: D102 - see the class
        values = autograd.empty(0) if data is None else as_tensor(data)
        return leaf(values.array, cls=cls, base=values).requires_grad_(requires_grad)

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()


class Keys(NamedTuple):
    """What :meth:`Module.load_state_dict` did not find in the state, and what it found there but has no place for."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if self.missing_keys or self.unexpected_keys:
            return f"Keys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"
        return "<All keys matched successfully>"


def forget(parameters: Iterable[Parameter], set_to_none: bool) -> None:
    """Drop the gradients of ``parameters``, or set them to zero."""
    if set_to_none:
        drop_gradients(parameters)
        return
    for p in parameters:
        if p.grad is not None:
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
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Module | None]
    _transient: set[str]  # the buffers that are not part of the state
    _call_hooks: CallHooks | None

    def __init__(self) -> None:
        # The registries keep the order; the values are ordinary attributes too, so that reading them is fast.
        self.__dict__.update(
            training=True, _parameters={}, _buffers={}, _modules={}, _transient=set(), _call_hooks=None
        )

    def __setattr__(self, name: str, value: Any) -> None:
        registries = self.__dict__
        if isinstance(value, Parameter):
            self._assign("_parameters", name, value)
            return
        if isinstance(value, Module) and name not in registries.get("_parameters", ()):
            self._assign("_modules", name, value)
            return
        for registry, (kind, expected) in _KINDS.items():  # what has a place keeps it
            if name in registries.get(registry, ()):
                if value is not None and not (registry == "_buffers" and isinstance(value, Tensor)):
                    found = type(value).__name__
                    raise TypeError(
                        f"cannot assign a {found} as {kind} {name!r}: {expected.__name__} or None expected"
                    )
                registries[registry][name] = value
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        for registry in _KINDS:
            self.__dict__[registry].pop(name, None)
        self._transient.discard(name)
        object.__delattr__(self, name)

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if not name[:1].isdigit()]  # the parts of a Sequential

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

        Examples
        --------
        >>> import autograd, nn
        >>> net = nn.Module()
        >>> net.register_parameter("scale", nn.Parameter(autograd.ones(1)))
        >>> net.scale.numel()
        1
        """
        self._register("_parameters", name, param)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that is no parameter, but goes along with the network: a running mean, for one.

        Parameters
        ----------
        name : str
        tensor : Tensor or None
        persistent : bool
            Whether it is part of the ``state_dict()``.

        Raises
        ------
        AttributeError, KeyError, TypeError
            As for :meth:`register_parameter`.

        Examples
        --------
        >>> import autograd, nn
        >>> net = nn.Module()
        >>> net.register_buffer("count", autograd.tensor(0))
        >>> dict(net.state_dict())
        {'count': tensor(0)}
        """
        self._register("_buffers", name, tensor)
        (self._transient.discard if persistent else self._transient.add)(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a part under ``name``; errors as for :meth:`register_parameter`.

        Examples
        --------
        >>> import nn
        >>> net = nn.Module()
        >>> net.add_module("act", nn.Sigmoid())
        >>> net.act
        Sigmoid()
        """
        self._register("_modules", name, module)

    register_module = add_module

    def _register(self, registry: str, name: str, value: Any) -> None:
        """Add to a registry what has no other place under that name."""
        if name in self.__dict__ and name not in self.__dict__.get(registry, ()):
            raise KeyError(f"attribute {name!r} already exists in this {type(self).__name__}")
        self._assign(registry, name, value)

    def _assign(self, registry: str, name: str, value: Any) -> None:
        """Add to a registry, and take from the others what was there under that name."""
        kind, expected = _KINDS[registry]
        if registry not in self.__dict__:
            raise AttributeError(
                f"cannot assign {kind} {name!r} before Module.__init__() call: call super().__init__() first in "
                f"{type(self).__name__}.__init__"
            )
        if value is not None and not isinstance(value, expected):
            raise TypeError(f"{name!r}: expects a {expected.__name__} or None, found {type(value).__name__}")
        if not isinstance(name, str) or not name or "." in name:  # a path in a state_dict would not say which is meant
            raise KeyError(f'the name of a {kind} is a string that can\'t be empty or contain ".", found {name!r}')
        if getattr(type(self), name, None) is not None:
            raise KeyError(f"attribute {name!r} already exists: it belongs to every {type(self).__name__}")
        for other in _KINDS:
            if other != registry:
                self.__dict__[other].pop(name, None)
        self.__dict__[registry][name] = value
        object.__setattr__(self, name, value)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The computation; every subclass defines it. Call the module, not this: ``model(x)``."""
        raise NotImplementedError(f"{type(self).__name__} does not define forward()")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What :meth:`forward` returns, with the hooks around it; pictures know by this call whose work it was."""
        here = mode.here
        before = here.scope
        here.scope = (self, before)
        try:
            if self._call_hooks is not None:
                return self._call_hooks.run(self, args, kwargs)
            return self.forward(*args, **kwargs) if kwargs else self.forward(*args)
        finally:
            here.scope = before

    # -- hooks

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args)`` before every :meth:`forward`; what it returns, if not None, takes args' place.

        Parameters
        ----------
        hook : callable
            Gets the positional arguments as a tuple.
        prepend : bool
            Before the hooks that are there already.
        with_kwargs : bool
            Call ``hook(module, args, kwargs)``, which returns None or a pair of both.

        Returns
        -------
        RemovableHandle
            Its ``remove()`` takes the hook off; it is also a context manager.

        Examples
        --------
        >>> import autograd, nn
        >>> layer = nn.Identity()
        >>> with layer.register_forward_pre_hook(lambda module, args: args[0] * 2):
        ...     layer(autograd.ones(1))
        tensor([2.])
        """
        return self._hooked().add("before", hook, prepend, with_kwargs=with_kwargs)

    def register_forward_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args, output)`` after every :meth:`forward`; what it returns replaces the output.

        Parameters
        ----------
        hook : callable
            None, returned, leaves the output as it is.
        prepend, with_kwargs : bool
            As for :meth:`register_forward_pre_hook`; with keywords it is ``hook(module, args, kwargs, output)``.
        always_call : bool
            Also when there was an exception, with None for the output.

        Examples
        --------
        >>> import autograd, nn
        >>> shapes = []
        >>> layer = nn.Linear(2, 3)
        >>> handle = layer.register_forward_hook(lambda module, args, output: shapes.append(output.shape))
        >>> _ = layer(autograd.ones(5, 2))
        >>> shapes
        [(5, 3)]
        """
        return self._hooked().add("after", hook, prepend, with_kwargs=with_kwargs, always_call=always_call)

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_output)`` in every backward pass, before it goes through the module.

        ``grad_output`` is a tuple of the gradients of the outputs; what the hook returns takes its place.

        Examples
        --------
        >>> import autograd, nn
        >>> layer, x = nn.Identity(), autograd.ones(1, requires_grad=True)
        >>> handle = layer.register_full_backward_pre_hook(lambda module, grad_output: (grad_output[0] * 5,))
        >>> layer(x).backward()
        >>> x.grad
        tensor([5.])
        """
        return self._hooked().add("backward_before", hook, prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_input, grad_output)`` in every backward pass, after it went through the module.

        Both are tuples: of the gradients of the positional arguments (None for what is no tensor, 0 for a constant)
        and of the outputs (None for what requires no gradient; 0, and not None as in PyTorch, for what is not used).
        What the hook returns takes the place of ``grad_input``. To know when the pass comes and goes, the module's
        inputs and outputs are passed on through steps of their own, which a picture shows.

        Raises
        ------
        RuntimeError
            In the backward pass, if it returns another number of gradients.

        Examples
        --------
        >>> import autograd, nn
        >>> layer, x = nn.Tanh(), autograd.zeros(1, requires_grad=True)
        >>> handle = layer.register_full_backward_hook(lambda module, grad_input, grad_output: print(grad_input))
        >>> layer(x).backward()
        (tensor([1.]),)
        """
        return self._hooked().add("backward_after", hook, prepend)

    def _hooked(self) -> CallHooks:
        if self._call_hooks is None:
            object.__setattr__(self, "_call_hooks", CallHooks())
        assert self._call_hooks is not None
        return self._call_hooks

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

    def get_submodule(self, target: str) -> Module:
        """The part at a path, ``"features.0"``; itself for ``""``.

        Raises
        ------
        AttributeError
            If there is none.

        Examples
        --------
        >>> import nn
        >>> nn.Sequential(nn.Sequential(nn.Tanh())).get_submodule("0.0")
        Tanh()
        """
        module: Any = self
        for name in filter(None, target.split(".")):
            parts = module._modules
            if parts.get(name) is None:
                raise AttributeError(
                    f"get_submodule({target!r}): {type(module).__name__} has no attribute `{name}` that is a Module; "
                    f"it has {list(parts)}"
                )
            module = parts[name]
        return module

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a path, ``"0.weight"``; AttributeError if there is none."""
        return self._get("_parameters", target)

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at a path; AttributeError if there is none."""
        return self._get("_buffers", target)

    def _get(self, registry: str, target: str) -> Any:
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        found = module.__dict__[registry]
        if found.get(name) is None:
            raise AttributeError(
                f"{type(module).__name__} has no attribute `{name}` that is a {_KINDS[registry][0]}; it has "
                f"{list(found)}"
            )
        return found[name]

    def _named(self, registry: str, prefix: str, recurse: bool, remove_duplicate: bool) -> Iterator[tuple[str, Any]]:
        seen: set[Any] = set()
        parts = self.named_modules(None, prefix, remove_duplicate) if recurse else [(prefix, self)]
        for path, module in parts:
            for name, member in module.__dict__[registry].items():
                if member is not None and member not in seen:
                    if remove_duplicate:
                        seen.add(member)
                    yield (f"{path}.{name}" if path else name), member

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """All the parameters with their paths, each once (unless ``remove_duplicate`` is False).

        With ``recurse=False`` only its own, not those of its parts.
        """
        return self._named("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """All the parameters, each once; what an optimizer is given."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """All the buffers with their paths, each once; arguments as for :meth:`named_parameters`."""
        return self._named("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """All the buffers, each once."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def apply(self, fn: Callable[[Module], Any]) -> Self:
        """Call ``fn`` with each of its parts, then with itself; returns itself. To initialise, for one.

        Examples
        --------
        >>> import nn
        >>> _ = nn.Sequential(nn.Tanh(), nn.ReLU()).apply(lambda module: print(type(module).__name__))
        Tanh
        ReLU
        Sequential
        """
        for part in self.children():
            part.apply(fn)
        fn(self)
        return self

    def train(self, mode: bool = True) -> Self:
        """Set training mode for itself and its parts; returns itself."""
        if not isinstance(mode, bool):
            raise ValueError(f"training mode is expected to be boolean, found {mode!r}")
        self.training = mode
        for part in self.children():  # each by its own method, which may be one that keeps a part as it is
            part.train(mode)
        return self

    def eval(self) -> Self:
        """Set evaluation mode for itself and its parts."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Ask for the gradients of all parameters, or (False: frozen) no longer; returns itself."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    # -- dtype and device

    def _apply(self, convert: Callable[[Tensor], Tensor]) -> Self:
        """Convert all parameters, their gradients and the buffers. A parameter stays the object that it is."""
        converted = {p: convert(p.detach()) for p in self.parameters()}
        if wrong := {str(value.dtype) for value in converted.values() if not value.is_floating_point()}:
            raise DtypeError(
                f"{type(self).__name__}.to: only accepts floating point dtypes, found {', '.join(wrong)}: a parameter "
                "needs a gradient"
            )
        buffers = {b: convert(b) for b in self.buffers()}
        for p, value in converted.items():
            if value.dtype != p.dtype:
                grad = p.grad
                p.grad = None
                p.data = value
                p.grad = None if grad is None else convert(grad.detach())
        for module in self.modules():
            for name, buffer in module._buffers.items():
                if buffer is not None:
                    setattr(module, name, buffers[buffer])
        return self

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Convert the parameters and the buffers that are floating point, in place; returns itself.

        Parameters
        ----------
        *args, **kwargs
            As for :meth:`autograd.Tensor.to`: a dtype, a device (the CPU), both, or a tensor to follow.

        Raises
        ------
        DtypeError
            For a dtype that is not floating point.
        RuntimeError
            For another device than the CPU.

        Examples
        --------
        >>> import nn
        >>> nn.Linear(1, 1).to("cpu", "float64").weight.dtype
        dtype('float64')
        """
        return self._apply(lambda t: t.to(*args, **kwargs) if t.is_floating_point() else t)

    def type(self, dst_type: Any) -> Self:
        """Convert all parameters and buffers to ``dst_type``; returns itself."""
        return self._apply(lambda t: t.type(dst_type))

    def float(self) -> Self:
        """As float32, what is floating point; returns itself."""
        return self.to("float32")

    def double(self) -> Self:
        """As float64, what is floating point; returns itself."""
        return self.to("float64")

    def cpu(self) -> Self:
        """Itself, which is on the CPU already."""
        return self

    def cuda(self, device: Any = None) -> Self:
        """Refused: there is no GPU here.

        Raises
        ------
        RuntimeError
            Always, if there is a parameter or a buffer. Ask :func:`autograd.cuda.is_available` first.
        """
        return self._apply(lambda t: t.cuda(device))

    @effect
    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget (or set to zero) the gradients of all parameters."""
        forget(self.parameters(), set_to_none)

    # -- saving and loading

    def _entries(self, prefix: str = "") -> Iterator[tuple[str, Module, str, Any]]:
        """What the state consists of: path, module, name and tensor. One under two names is there twice."""
        for path, module in self.named_modules(None, "", remove_duplicate=False):
            start = f"{prefix}{path}." if path else prefix
            persistent = {name: b for name, b in module._buffers.items() if name not in module._transient}
            for name, value in {**module._parameters, **persistent}.items():
                if value is not None:
                    yield start + name, module, name, value
            if type(module).get_extra_state is not Module.get_extra_state:
                yield start + _EXTRA, module, _EXTRA, None

    def state_dict(
        self, *, destination: dict[str, Any] | None = None, prefix: str = "", keep_vars: bool = False
    ) -> Any:
        """The parameters and buffers by path, in order, sharing their memory: ``model.state_dict()['Dense2.weight']``.

        One that the network has in two places is there under both names.

        Parameters
        ----------
        destination : dict, optional
            Where to put them; a new OrderedDict unless given.
        prefix : str
            What all paths begin with: ``"encoder."``.
        keep_vars : bool
            The tensors themselves; otherwise detached ones.

        Returns
        -------
        dict

        Examples
        --------
        >>> import nn
        >>> list(nn.Sequential(nn.Linear(2, 1), nn.BatchNorm1d(1)).state_dict())[:4]
        ['0.weight', '0.bias', '1.weight', '1.bias']
        """
        state: dict[str, Any] = OrderedDict() if destination is None else destination
        for path, module, name, value in self._entries(prefix):
            if name == _EXTRA:
                state[path] = module.get_extra_state()
            else:
                state[path] = value if keep_vars else value.detach()
        return state

    def get_extra_state(self) -> Any:
        """What else belongs to the ``state_dict()``, for a subclass to define, with :meth:`set_extra_state`.

        Examples
        --------
        >>> import nn
        >>> class Counted(nn.Module):
        ...     calls = None
        ...     def get_extra_state(self):
        ...         return {"calls": self.calls}
        ...     def set_extra_state(self, state):
        ...         self.calls = state["calls"]
        >>> net = Counted()
        >>> net.load_state_dict({"_extra_state": {"calls": 3}})
        <All keys matched successfully>
        >>> net.calls
        3
        """
        raise RuntimeError(f"{type(self).__name__} does not define get_extra_state()")

    def set_extra_state(self, state: Any) -> None:
        """Take what :meth:`get_extra_state` gave back from a ``state_dict()``."""
        raise RuntimeError(f"{type(self).__name__} does not define set_extra_state()")

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Keys:
        """Copy the values of ``state_dict`` into the parameters and buffers, converted to their dtype.

        Parameters
        ----------
        state_dict : mapping
            path → Tensor or array.
        strict : bool
            Whether missing and unexpected keys are an error. Another shape always is.
        assign : bool
            Make the tensors of ``state_dict`` themselves the parameters and buffers, in their dtype, instead of
            copying. An optimizer that was made before has the old ones.

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
        own = {path: (module, name, value) for path, module, name, value in self._entries()}
        keys = Keys([key for key in own if key not in state_dict], [key for key in state_dict if key not in own])
        problems, values = [], {}
        for key, (_, name, value) in own.items():
            if key not in state_dict or name == _EXTRA:
                continue
            try:
                values[key] = as_tensor(state_dict[key])
            except (TypeError, ValueError) as error:
                problems.append(f"{key}: {error}")
                continue
            if values[key].shape != value.shape:
                problems.append(f"size mismatch for {key}: expects {value.shape}, found {values[key].shape}")
            elif assign and isinstance(value, Parameter) and not values[key].is_floating_point():
                problems.append(f"{key}: only floating point can be assigned as a parameter, found {values[key].dtype}")
        if strict and keys.missing_keys:
            problems.append(f"Missing key(s) in state_dict: {', '.join(keys.missing_keys)}")
        if strict and keys.unexpected_keys:
            problems.append(f"Unexpected key(s) in state_dict: {', '.join(map(str, keys.unexpected_keys))}")
        if problems:
            raise RuntimeError(
                f"Error(s) in loading state_dict for {type(self).__name__}; nothing was loaded:\n  "
                + "\n  ".join(problems)
            )
        for key, (module, name, _) in own.items():
            if name == _EXTRA and key in state_dict:  # the one that may fail goes first
                module.set_extra_state(state_dict[key])
        for key, given in values.items():
            module, name, value = own[key]
            if not assign:
                value.detach().copy_(given)
            elif isinstance(value, Parameter) and not isinstance(given, Parameter):
                setattr(module, name, Parameter(given.detach(), value.requires_grad))
            else:
                setattr(module, name, given)
        return keys

    # -- printing

    def extra_repr(self) -> str:
        """What stands in the brackets of its repr."""
        return ""

    def _repr_parts(self) -> list[str]:
        """The lines of its repr about its parts."""
        return [f"({name}): {part!r}" for name, part in self._modules.items()]

    def __repr__(self) -> str:
        extra = self.extra_repr().split("\n") if self.extra_repr() else []
        parts = self._repr_parts()
        if not parts and len(extra) < 2:
            return f"{type(self).__name__}({''.join(extra)})"
        return f"{type(self).__name__}(\n  " + "\n".join(extra + parts).replace("\n", "\n  ") + "\n)"


_KINDS = {"_parameters": ("parameter", Parameter), "_buffers": ("buffer", Tensor), "_modules": ("child module", Module)}
_EXTRA = "_extra_state"  # the key, after the module's path
