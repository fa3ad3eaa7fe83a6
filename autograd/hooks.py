"""Hooks on gradients."""

from __future__ import annotations

import itertools
from typing import Any

__all__ = ["RemovableHandle"]

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
