"""Hooks on gradients, and on backward passes."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

__all__ = ["RemovableHandle", "on_backward"]

_number = itertools.count()


class RemovableHandle:
    """What registering a hook returns: ``remove()`` takes the hook off, as does the end of a ``with`` block.

    Attributes
    ----------
    id : int
        The hook's number.
    """

    def __init__(self, hooks: dict[int, Any], hook: Any) -> None:
        self._hooks = hooks
        self.id = next(_number)
        hooks[self.id] = hook

    def remove(self) -> None:
        """Take the hook off; a second time does nothing."""
        self._hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


backward_hooks: dict[int, Callable[[Any], object]] = {}


def on_backward(hook: Callable[[Any], object]) -> RemovableHandle:
    """Call ``hook`` with the tensor whenever ``backward()`` is called on one, before anything is computed.

    For whoever wants to see a graph while it is there: to draw it, say. In all threads.

    Examples
    --------
    >>> import autograd
    >>> x = autograd.tensor(3.0, requires_grad=True)
    >>> with autograd.on_backward(lambda loss: print("the loss is", loss.item())):
    ...     (x * x).backward()
    the loss is 9.0
    """
    return RemovableHandle(backward_hooks, hook)
