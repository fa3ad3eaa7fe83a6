"""What a primitive is: one record that holds its forward, its chain rule, its notation and its samples.

A primitive is declared once, in a file of this folder::

    @primitive("σ", x=lambda g, u: g * u * (1 - u), vjp=kernels.sigmoid_vjp, samples=elementwise)
    def sigmoid(x):
        return kernels.sigmoid(x)

The decorated function is the *forward*: arrays in, array out. Its arguments without a default are the inputs, those
with a default are parameters (an axis, a reduction). A keyword named after an input is the *rule* for that input: the
line of the chain rule that turns ``g``, the gradient of the loss with respect to the output, into the gradient with
respect to that input. A rule asks for what it needs by name:

=================  =====================================================
``g``              the upstream gradient ∂𝒥/∂u
``u``              the output of the forward
an input's name    that input
``NAME_shape``     only the shape of that input (its value may change)
a parameter's      that parameter
``i``              the position in a variadic input such as ``*xs``
=================  =====================================================

An input without a rule gets no gradient (class labels, say). What no rule asks for is not guarded against in-place
writes, because nothing depends on it.

A rule is plain NumPy code and is read four ways: on arrays (the oracle of the fused ``vjp``), on tensors (higher
derivatives), on symbols (it typesets itself) and by people.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import DtypeError, ShapeError, check_broadcast

__all__ = ["NUMPY_NAMES", "Op", "by_numpy", "primitive", "registry"]

NUMPY_NAMES = {"axis": "dim", "keepdims": "keepdim"}
"""NumPy's names of arguments, which PyTorch takes too, and PyTorch's."""

_SHORT_NAMES = {**NUMPY_NAMES, "input": "x", "other": "y", "exponent": "y"}
"""PyTorch's names of arguments, and those that rules read better with."""

registry: dict[str, Op] = {}
"""Every primitive by its name."""

by_numpy: dict[Any, Op] = {}
"""The primitive that stands for a NumPy function, e.g. ``np.exp``."""

Samples = Callable[[Any], Sequence[tuple[Any, ...]]]


class Op:
    """One differentiable primitive. Call it with tensors, arrays or symbols.

    Attributes
    ----------
    name : str
    symbol : str
        What a person calls it in a picture: ``σ``, ``+``, ``XWᵀ + b``.
    formula : callable or None
        The forward in NumPy's operators: on symbols it typesets the equation, on arrays it is the forward's oracle.
    inputs, params : tuple of str
        The names of the forward's arguments. ``defaults`` holds the parameters' defaults.
    variadic : bool
        The forward takes ``*xs``: any number of inputs.
    rules : dict
        The rules as they were written, by input name.
    pulls : tuple
        The rules by position, all with the signature ``(g, u, inputs, params)``; None for an input without a rule.
    vjp : callable or None
        ``(g, u, inputs, params, needs)`` → one gradient for each input, computed by a fused kernel.
    joint : callable or None
        The same on tensors, for an op whose rules cannot be had one by one (:class:`autograd.Function`).
    uses, uses_output : tuple of bool, bool
        Whether some rule, or the vjp, asks for the value of each input, or of the output; ``reads``: of any of them.
    promotes : {"float", "any", None}
        "float": integers become floats first, as for ``exp``; "any": mixed dtypes become one; None: left as they are.
    view : bool
        The output may share the memory of the first input.
    singular : bool
        The derivative is infinite somewhere, so an upstream gradient of exactly 0 must give 0, not 0 · ∞ = nan.
    plan : callable or None
        The forward's and, as an attribute, the vjp's: see :mod:`autograd.kernels.plans`.
    samples : callable
        Given a :class:`~autograd.ops.samples.Sampler`, a list of inputs to test the op with.
    """

    joint: Callable[..., Any] | None = None
    plan: Callable[..., Any] | None = None  # an attribute of the forward, which becomes the op's

    def __init__(
        self,
        forward: Callable[..., Any],
        symbol: str | None,
        rules: dict[str, Callable[..., Any]],
        *,
        formula: Callable[..., Any] | None,
        vjp: Callable[..., Any] | None,
        samples: Samples | None,
        numpy: Sequence[Any],
        promotes: str | None,
        view: bool,
        singular: bool,
        method: bool,
        elementwise: bool,
    ) -> None:
        functools.update_wrapper(self, forward)
        arguments = list(inspect.signature(forward).parameters.values())
        inputs = [a for a in arguments if a.default is a.empty]
        self.name = forward.__name__.rstrip("_")
        self.forward = _by_position(forward) if any(a.kind is a.KEYWORD_ONLY for a in arguments) else forward
        if not any(a.kind is a.VAR_POSITIONAL for a in arguments):
            self.compute = _spelt_out(forward, len(inputs), len(arguments) - len(inputs))  # type: ignore[method-assign]
        self.symbol = self.name if symbol is None else symbol
        self.formula = formula
        self.inputs = tuple(a.name for a in inputs)
        self.variadic = any(a.kind is a.VAR_POSITIONAL for a in inputs)
        self.defaults = {a.name: a.default for a in arguments if a.default is not a.empty}
        self.params = tuple(self.defaults)
        self._values = tuple(self.defaults.values())
        self._free = [dict([*self.defaults.items()][k:]) for k in range(len(self.params) + 1)]
        self.rules = rules
        self.promotes = promotes
        self.view = view
        self.singular = singular
        self.method = method
        self.elementwise = elementwise
        self.samples = samples
        unknown = set(rules) - set(self.inputs)
        if unknown:
            raise TypeError(f"{self.name}: a rule for {sorted(unknown)}, but the inputs are {list(self.inputs)}")
        self.differentiable = bool(rules)
        self.pulls = tuple(self._reader(rules[name]) if name in rules else None for name in self.inputs)
        self.vjp = None if vjp is None else self._reader(vjp)
        readers = [*rules.values(), *([] if vjp is None else [vjp])]
        asked = {name for reader in readers for name in inspect.signature(reader).parameters}
        self.uses = tuple(name in asked for name in self.inputs)
        self.uses_output = "u" in asked
        self.reads = self.uses_output or any(self.uses)
        self._plain = len(self.inputs) if not self.variadic and not self.params else -1
        if self.name in registry:
            raise TypeError(f"a primitive called {self.name} is already declared")
        registry[self.name] = self
        by_numpy.update(dict.fromkeys(numpy, self))

    def _reader(self, rule: Any) -> Any:
        """``rule`` behind one signature, ``(g, u, a, p, x)``: what it asks for by name, found by position.

        Its ``plan``, if it has one, gets the same signature.
        The few lines are compiled once, here, so that the backward pass looks nothing up.
        """
        found = {"g": "g", "u": "u", "i": "x", "needs": "x"}
        for k, name in enumerate(self.inputs):
            value = "a" if self.variadic else f"a[{k}]"
            found[name] = value
            found[f"{name}_shape"] = f"shape({value})"
        found.update({name: f"p[{k}]" for k, name in enumerate(self.params)})
        wanted = list(inspect.signature(rule).parameters)
        missing = [name for name in wanted if name not in found]
        if missing:
            raise TypeError(f"{self.name}: a rule asks for {missing}; it can have {list(found)}")
        source = f"lambda g, u, a, p, x=None: rule({', '.join(found[name] for name in wanted)})"
        reader = eval(source, {"rule": rule, "shape": _shape})
        reader.plan = eval(source, {"rule": rule.plan, "shape": _shape}) if hasattr(rule, "plan") else None
        return reader

    def compute(self, arrays: list[Any], params: tuple[Any, ...]) -> Any:
        """The forward, of a list and a tuple."""
        return self.forward(*arrays, *params)

    def pull(self, k: int) -> Callable[..., Any] | None:
        """The rule for input ``k`` (all inputs of a variadic op share one)."""
        return self.pulls[0 if self.variadic else k]

    def uses_input(self, k: int) -> bool:
        """Whether some rule asks for the value of input ``k`` (all inputs of a variadic op are alike)."""
        return self.uses[0 if self.variadic else k]

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """Split a call's arguments into inputs and a full tuple of parameters."""
        n = len(args) if self.variadic else len(self.inputs)
        inputs, rest = args[:n], args[n:]
        if len(inputs) == n and len(rest) <= len(self.params):  # at once, for it is the most frequent
            if not kwargs:
                return inputs, rest + self._values[len(rest) :]
            free = self._free[len(rest)]
            given = {**free, **kwargs}
            if len(given) == len(free):  # names of parameters only, and none that has a value already
                return inputs, (*rest, *given.values())
        own = (*self.inputs, *self.params)
        kwargs = {name if name in own else _SHORT_NAMES.get(name, name): value for name, value in kwargs.items()}
        if len(inputs) < n:  # inputs given by keyword
            try:
                inputs += tuple(kwargs.pop(name) for name in self.inputs[len(inputs) :])
            except KeyError as error:
                raise TypeError(f"{self.name}() needs the argument {error}") from None
        if len(rest) > len(self.params):
            raise TypeError(f"{self.name}() takes {n + len(self.params)} arguments, got {len(args)}")
        unknown = set(kwargs) - set(self.params[len(rest) :])
        if unknown:
            raise TypeError(f"{self.name}() has no argument {sorted(unknown)}; it has {[*self.inputs, *self.params]}")
        return inputs, (*rest, *(kwargs.get(name, self.defaults[name]) for name in self.params[len(rest) :]))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run it: on tensors it is recorded, on symbols typeset, on arrays just computed."""
        if len(args) == self._plain and not kwargs:
            params: tuple[Any, ...] = ()
        else:
            args, params = self.bind(args, kwargs)
        # Whatever speaks the protocol (a tensor records, a symbol typesets) takes over; arrays just compute.
        for x in args:
            record = getattr(x, "__op__", None)
            if record is not None:
                return record(self, args, params)
        try:
            result = self.forward(*args, *params)
        except Exception as error:
            self.refuse(args, error)
            raise
        if type(result) is not np.ndarray:  # perhaps it was asked whether None == 0
            self.refuse(args, None)
        return result

    def refuse(self, values: Sequence[Any], error: Exception | None) -> None:
        """Raise what says more than ``error``, with which the forward refused these arrays and numbers, if there is.

        What NumPy and Numba say names neither the operation nor what is wrong with its arguments.
        """
        arrays = (np.ndarray, np.generic)
        for x in values:
            if not isinstance(x, arrays if isinstance(error, (AttributeError, LookupError)) else (*arrays, int, float)):
                raise DtypeError(f"{self.name}: expects tensors or arrays, found {type(x).__name__}") from None
        if error is None or isinstance(error, (ShapeError, DtypeError)) or str(error).startswith(f"{self.name}:"):
            return
        foreign = type(error).__module__.startswith(("numpy", "numba"))
        if self.elementwise and isinstance(error, ValueError):  # NumPy says only that they do not broadcast, not where
            check_broadcast(self.name, [np.shape(x) for x in values])
        if (isinstance(error, TypeError) and self.elementwise) or foreign:
            kinds = " and ".join(str(getattr(x, "dtype", type(x).__name__)) for x in values)
            said = "" if type(error).__module__.startswith("numba") else f": {error}"
            raise DtypeError(f"{self.name}: not possible with {kinds}, convert first{said}") from error
        if type(error) in (TypeError, ValueError, OverflowError):
            kind = ValueError if type(error) is OverflowError else type(error)
            raise kind(f"{self.name}: {error}") from error

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """As a class attribute an op is a method, so that ``x.exp()`` is ``exp(x)``."""
        return self if instance is None else types.MethodType(self, instance)

    def __repr__(self) -> str:
        return f"<op {self.name}({', '.join([*self.inputs, *self.params])})>"

    def __reduce__(self) -> str:
        return self.__name__  # copying or pickling an op gives the op itself

    __name__: str


def _by_position(forward: Callable[..., Any]) -> Callable[..., Any]:
    """A variadic forward's parameters are keyword-only; the engine passes them last, by position."""
    names = [a.name for a in inspect.signature(forward).parameters.values() if a.kind is a.KEYWORD_ONLY]

    def call(*args: Any) -> Any:
        cut = len(args) - len(names)
        return forward(*args[:cut], **dict(zip(names, args[cut:], strict=True)))

    return call


def _spelt_out(forward: Callable[..., Any], inputs: int, params: int) -> Callable[..., Any]:
    """``forward(*a, *p)`` with the arguments written one by one, which Python calls in a third of the time."""
    arguments = [*(f"a[{k}]" for k in range(inputs)), *(f"p[{k}]" for k in range(params))]
    call: Callable[..., Any] = eval(f"lambda a, p: forward({', '.join(arguments)})", {"forward": forward})
    return call


def _shape(x: Any) -> Any:
    return [_shape(y) for y in x] if isinstance(x, (list, tuple)) else getattr(x, "shape", ())


def primitive(
    symbol: str | None = None,
    *,
    formula: Callable[..., Any] | None = None,
    vjp: Callable[..., Any] | None = None,
    samples: Samples | None = None,
    numpy: Sequence[Any] = (),
    promotes: str | None = "float",
    view: bool = False,
    singular: bool = False,
    method: bool = True,
    elementwise: bool = False,
    **rules: Callable[..., Any],
) -> Callable[[Callable[..., Any]], Op]:
    """Declare the decorated forward as a primitive; see the head of this file and :class:`Op`.

    Parameters
    ----------
    symbol : str, optional
        Its short name in pictures; the function's name if not given.
    formula : callable, optional
        The forward in NumPy's operators, for the equation of the forward pass.
    vjp : callable, optional
        A fused kernel that computes all the rules at once; asks for its arguments by name as a rule does, and for
        ``needs`` (a tuple of bools: which gradients are wanted). Returns a tuple with one entry for each input.
    samples : callable, optional
        Inputs for the gradient check.
    numpy : sequence, optional
        The NumPy functions that mean this op when they are called with a tensor.
    promotes, view, singular
        See :class:`Op`.
    method, elementwise : bool
        Whether Tensor has it as a method, and also as a method that writes into the tensor, ``x.exp_()``.
    **rules
        One rule for each differentiable input, by name.

    Raises
    ------
    TypeError
        For a rule that names no input, or asks for a name that is not there; for a name declared twice.

    Examples
    --------
    >>> import autograd
    >>> from autograd.ops import primitive
    >>> @primitive("(·)³", x=lambda g, x: g * 3 * x**2, method=False)
    ... def cube_in_a_docstring(x):
    ...     return x**3
    >>> x = autograd.tensor(2.0, requires_grad=True)
    >>> cube_in_a_docstring(x).backward()
    >>> x.grad
    tensor(12.)
    """

    def declare(forward: Callable[..., Any]) -> Op:
        return Op(
            forward,
            symbol,
            rules,
            formula=formula,
            vjp=vjp,
            samples=samples,
            numpy=numpy,
            promotes=promotes,
            view=view,
            singular=singular,
            method=method,
            elementwise=elementwise,
        )

    return declare
