"""Where a NaN was born: :class:`detect_anomaly`."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import engine
from .engine import as_read_by
from .errors import GraphError
from .node import Node
from .versions import caller

__all__ = ["detect_anomaly", "is_anomaly_enabled", "set_detect_anomaly"]


class _Watchman:
    """Notes the line of every recorded op, and looks at every gradient that a backward pass computes."""

    def __init__(self, check_nan: bool) -> None:
        self.check_nan = check_nan

    def recorded(self, out: Any) -> None:
        out._keep()["line"] = caller()

    def passed(self, node: Any, g: Any, sources: list[Any], pending: dict[Any, Any]) -> None:
        """Raise if ``node`` has just made a gradient that is not finite."""
        if not self.check_nan:
            return
        for k, x in enumerate(sources):
            got = pending.get(x) if isinstance(x, Node) else None
            if got is not None and not np.isfinite(_array(got)).all():
                born = _first_bad_value(node)
                cause = "" if born is None else f"; the first value that is not finite is the output of {_where(born)}"
                if not np.isfinite(_array(g)).all():
                    cause += "; the gradient that the backward pass started from was not finite already"
                bad = "nan" if np.isnan(_array(got)).any() else "inf"
                raise GraphError(f"anomaly: the backward of {_where(node)}, gave {bad} as the gradient of its "
                                 f"input {k}, shape {x._array.shape}{cause}")  # fmt: skip


def _array(x: Any) -> Any:
    return x._array if isinstance(x, Node) else x


def _where(node: Any) -> str:
    file, line = (node._extra or {}).get("line", ("?", 0))
    at = f"called at {file}:{line}" if line else "called before detect_anomaly was switched on"
    return f"{node._op.name} → {node._array.shape}, {at}"


def _first_bad_value(node: Any) -> Any:
    """The first op before ``node``, itself included, whose output is not finite though its inputs are; or None."""
    seen, stack, found = {node}, [node], None
    while stack:
        y = stack.pop()
        if y._op is None:
            continue
        inputs = [as_read_by(y, x) for x in y._inputs if isinstance(x, Node)]
        fine = all(np.isfinite(x._array).all() for x in inputs)
        if fine and not np.isfinite(y._array).all() and (found is None or y._seq < found._seq):
            found = y
        stack += [x for x in inputs if x not in seen]
        seen.update(inputs)
    return found


class set_detect_anomaly:
    """Switch the search for anomalies on or off, as a statement or for a ``with`` block; see :class:`detect_anomaly`.

    Examples
    --------
    >>> import autograd
    >>> with autograd.set_detect_anomaly(True):
    ...     autograd.is_anomaly_enabled()
    True
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self._before = engine.watch
        engine.watch = _Watchman(check_nan) if mode else None

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: object) -> None:
        engine.watch = self._before


class detect_anomaly(set_detect_anomaly):
    """Find where a NaN comes from: ``with detect_anomaly():`` around the forward and the backward pass.

    While it is on, in all threads, every op remembers the line of your program that called it. A backward pass that
    computes a gradient which is nan or infinite stops there. It is slow: for debugging.

    Parameters
    ----------
    check_nan : bool
        Whether to stop at a gradient that is not finite. (PyTorch stops at nan only, one or more ops later.)

    Raises
    ------
    GraphError
        In the backward pass, every ``.grad`` being as it was: names the op, the line that called it and, if a value of
        the forward pass was not finite, the op and line where the first such value was born.

    Examples
    --------
    >>> import autograd
    >>> x = autograd.tensor(0.0, requires_grad=True)
    >>> with autograd.detect_anomaly():
    ...     y = x.sqrt() * 2
    ...     y.backward()
    Traceback (most recent call last):
    autograd.errors.GraphError: anomaly: the backward of sqrt → (), called at ..., gave inf as the ...
    """

    def __init__(self, check_nan: bool = True) -> None:
        self._check_nan = check_nan

    def __enter__(self) -> None:
        super().__init__(True, self._check_nan)


def is_anomaly_enabled() -> bool:
    """Whether the search for anomalies is on."""
    return engine.watch is not None
