"""Recording on and off, per thread, and the scopes that say which module is running."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from .engine import mode

F = TypeVar("F", bound=Callable[..., Any])

__all__ = ["enable_grad", "enter_scope", "is_grad_enabled", "leave_scope", "no_grad", "set_grad_enabled"]


class set_grad_enabled:
    """Switch recording on or off in this thread, as a statement or for a ``with`` block.

    Examples
    --------
    >>> import autograd
    >>> with autograd.set_grad_enabled(False):
    ...     autograd.is_grad_enabled()
    False
    """

    def __init__(self, enabled: bool) -> None:
        self._stack: list[bool] = [mode.grad]
        mode.grad = bool(enabled)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: object) -> None:
        mode.grad = self._stack.pop()


class _Switch:
    """A context manager, and a decorator, that sets recording and puts back what was there."""

    enabled: bool

    def __init__(self) -> None:
        self._stack: list[bool] = []

    def __enter__(self) -> None:
        self._stack.append(mode.grad)
        mode.grad = self.enabled

    def __exit__(self, *exc: object) -> None:
        mode.grad = self._stack.pop()

    def __call__(self, function: F) -> F:
        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with type(self)():
                return function(*args, **kwargs)

        return wrapped  # type: ignore[return-value]


class no_grad(_Switch):
    """Record nothing inside: ``with no_grad():`` or ``@no_grad()``.

    Examples
    --------
    >>> import autograd
    >>> w = autograd.ones(2, requires_grad=True)
    >>> with autograd.no_grad():
    ...     (w * 2).requires_grad
    False
    """

    enabled = False


class enable_grad(_Switch):
    """Record inside, also within :class:`no_grad`."""

    enabled = True


def is_grad_enabled() -> bool:
    """Whether this thread records."""
    return mode.grad


def enter_scope(owner: Any) -> Any:
    """Say that what is recorded from now on is made by ``owner`` (a module); returns what to give :func:`leave_scope`.

    Scopes are how pictures know that a Z is the output of ``Dense1``.
    """
    before = mode.scope
    mode.scope = (owner, before)
    return before


def leave_scope(before: Any) -> None:
    """Back to the scope that :func:`enter_scope` returned."""
    mode.scope = before
