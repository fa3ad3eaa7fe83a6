"""Recording on and off, per thread, and the scopes that say which module is running."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Generator
from typing import Any, TypeVar

from .node import mode

F = TypeVar("F", bound=Callable[..., Any])

__all__ = [
    "enable_grad", "enter_scope", "inference_mode", "is_grad_enabled", "is_inference_mode_enabled", "leave_scope",
    "no_grad", "set_grad_enabled",
]  # fmt: skip


class _Switch:
    """A context manager, and a decorator of functions and generators, that sets recording and puts back what was."""

    def __init__(self, enabled: bool) -> None:
        self.enabled = enabled
        self._stack: list[bool] = []

    def __enter__(self) -> None:
        self._stack.append(mode.here.grad)
        mode.here.grad = self.enabled

    def __exit__(self, *exc: object) -> None:
        mode.here.grad = self._stack.pop()

    def __call__(self, function: F) -> F:
        if inspect.isgeneratorfunction(function):

            @functools.wraps(function)
            def wrapped(*args: Any, **kwargs: Any) -> Any:
                return self._steps(function(*args, **kwargs))
        else:

            @functools.wraps(function)
            def wrapped(*args: Any, **kwargs: Any) -> Any:
                with _Switch(self.enabled):
                    return function(*args, **kwargs)

        return wrapped  # type: ignore[return-value]

    def _steps(self, generator: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        """``generator`` with the switch set while it runs, and not while it waits."""
        step, argument = generator.send, None
        try:
            while True:
                with _Switch(self.enabled):
                    given = step(argument)
                try:
                    argument = yield given
                    step = generator.send
                except GeneratorExit:
                    raise
                except BaseException as error:
                    step, argument = generator.throw, error
        except StopIteration as stop:
            return stop.value
        finally:
            with _Switch(self.enabled):
                generator.close()


class set_grad_enabled(_Switch):
    """Switch recording on or off in this thread: as a statement, for a ``with`` block, or as a decorator.

    Examples
    --------
    >>> import autograd
    >>> with autograd.set_grad_enabled(False):
    ...     autograd.is_grad_enabled()
    False
    """

    def __init__(self, mode: bool) -> None:
        super().__init__(bool(mode))
        self._before = _set(self.enabled)

    def __enter__(self) -> None:
        _set(self.enabled)

    def __exit__(self, *exc: object) -> None:
        _set(self._before)

    def __call__(self, function: F) -> F:
        """``function`` with the switch; the switch itself is undone, it was not meant as a statement."""
        _set(self._before)
        return super().__call__(function)


def _set(enabled: bool) -> bool:
    """Set recording; returns what was."""
    before, mode.here.grad = mode.here.grad, enabled
    return before


class no_grad(_Switch):
    """Record nothing inside: ``with no_grad():``, ``@no_grad()`` or ``@no_grad``.

    Examples
    --------
    >>> import autograd
    >>> w = autograd.ones(2, requires_grad=True)
    >>> with autograd.no_grad():
    ...     (w * 2).requires_grad
    False
    """

    def __new__(cls, function: Any = None) -> Any:
        """The switch, or ``function`` with it."""
        return super().__new__(cls) if function is None else cls()(function)

    def __init__(self) -> None:
        super().__init__(False)


class enable_grad(_Switch):
    """Record inside, also within :class:`no_grad`: ``with enable_grad():``, ``@enable_grad()`` or ``@enable_grad``."""

    def __new__(cls, function: Any = None) -> Any:
        """The switch, or ``function`` with it."""
        return super().__new__(cls) if function is None else cls()(function)

    def __init__(self) -> None:
        super().__init__(True)


class inference_mode(_Switch):
    """Record nothing inside, as :class:`no_grad`; ``inference_mode(False)`` records.

    Unlike PyTorch's, what is computed inside may be used in a recorded computation later, as a constant.

    Examples
    --------
    >>> import autograd
    >>> w = autograd.ones(2, requires_grad=True)
    >>> @autograd.inference_mode()
    ... def predict(x):
    ...     return w * x
    >>> predict(3.0)
    tensor([3., 3.])
    """

    def __new__(cls, mode: Any = True) -> Any:
        """The switch, or the function ``mode`` with it."""
        return cls()(mode) if callable(mode) else super().__new__(cls)

    def __init__(self, mode: bool = True) -> None:
        super().__init__(not mode)


def is_grad_enabled() -> bool:
    """Whether this thread records."""
    return mode.here.grad


def is_inference_mode_enabled() -> bool:
    """Whether recording is off; the same as ``not is_grad_enabled()``."""
    return not mode.here.grad


def enter_scope(owner: Any) -> Any:
    """Say that what is recorded from now on is made by ``owner`` (a module); returns what to give :func:`leave_scope`.

    Scopes are how pictures know that a Z is the output of ``Dense1``.
    """
    before = mode.here.scope
    mode.here.scope = (owner, before)
    return before


def leave_scope(before: Any) -> None:
    """Back to the scope that :func:`enter_scope` returned."""
    mode.here.scope = before
