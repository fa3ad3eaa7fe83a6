"""How a tensor prints: as in PyTorch."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

__all__ = ["printoptions", "set_printoptions"]

Array = np.ndarray[Any, Any]


@dataclass
class _Options:
    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


_options = _Options()
_PROFILES: dict[str, dict[str, Any]] = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
    "full": {"precision": 4, "threshold": math.inf, "edgeitems": 3, "linewidth": 80},
}


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """How tensors print from now on. What is None stays as it is.

    Parameters
    ----------
    precision : int
        Digits after the point.
    threshold : float
        Tensors with more elements are summarised.
    edgeitems : int
        How many elements a summary shows at either end of an axis.
    linewidth : int
        Characters in a line.
    profile : {"default", "short", "full"}
        All of the above at once.
    sci_mode : bool, optional
        Whether to print 1.0000e+00; None decides by the values.

    Examples
    --------
    >>> import autograd
    >>> autograd.set_printoptions(precision=2)
    >>> autograd.tensor([1.2345])
    tensor([1.23])
    >>> autograd.set_printoptions(profile="default")
    """
    if profile is not None:
        if profile not in _PROFILES:
            raise ValueError(f"set_printoptions: profile is one of {list(_PROFILES)}, found {profile!r}")
        vars(_options).update(_PROFILES[profile])
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    vars(_options).update({name: value for name, value in given.items() if value is not None}, sci_mode=sci_mode)


@contextlib.contextmanager
def printoptions(**options: Any) -> Iterator[None]:
    """:func:`set_printoptions` for a ``with`` block."""
    before = asdict(_options)
    set_printoptions(**options)
    try:
        yield
    finally:
        vars(_options).update(before)


def tensor(array: Array, requires_grad: bool, made_by: str | None, kind: str = "tensor") -> str:
    """The repr of a tensor: its values, its dtype where they do not show it, and how it was made."""
    prefix = "tensor(" if kind in ("Tensor", "Parameter") else f"{kind}("
    suffixes = []
    if array.size:
        shown = _summary(array) if array.size > _options.threshold else array
        text = _nested(array, len(prefix), array.size > _options.threshold, _Numbers(shown))
    else:
        text = "[]"
        if array.ndim != 1:
            suffixes.append(f"size={array.shape}")
    if array.dtype != np.float32 and (not array.size or array.dtype not in (np.int64, np.bool_)):
        suffixes.append(f"dtype={array.dtype}")
    if made_by is not None:
        suffixes.append(f"grad_fn=<{made_by}>")
    elif requires_grad:
        suffixes.append("requires_grad=True")
    text = prefix + text
    used = len(text) - text.rfind("\n") + 1
    for suffix in suffixes:
        if used + len(suffix) + 2 > _options.linewidth:
            text += f",\n{' ' * len(prefix)}{suffix}"
            used = len(prefix) + len(suffix)
        else:
            text += f", {suffix}"
            used += len(suffix) + 2
    return text + ")"


class _Numbers:
    """One style and width for all numbers of a tensor."""

    def __init__(self, shown: Array) -> None:
        self.style = "{}"
        self.width = 1
        self.floating = shown.dtype.kind == "f"
        if not self.floating:
            self.width = max((len(str(v)) for v in shown.flat), default=1)
            return
        values = shown[np.isfinite(shown) & (shown != 0)].astype(np.float64)
        self.style = "{:.0f}."
        if not values.size:
            return
        top, low = np.max(np.abs(values)), np.min(np.abs(values))
        scientific = top / 1000 > low or top > 1e8 or low < 1e-4
        if scientific if _options.sci_mode is None else _options.sci_mode:
            self.style = f"{{:.{_options.precision}e}}"
        elif np.any(values != np.ceil(values)):
            self.style = f"{{:.{_options.precision}f}}"
        self.width = max(len(self.style.format(v)) for v in values)

    def __call__(self, value: Any) -> str:
        whole = not self.floating or math.isfinite(value)
        return (self.style.format(value) if whole else str(float(value))).rjust(self.width)


def _ends(array: Array, summarize: bool) -> list[Any]:
    """What is shown of ``array`` along its first axis; None stands for what is left out."""
    edge = _options.edgeitems
    if not summarize or len(array) <= 2 * edge:
        return list(array)
    return [*array[:edge], None, *array[len(array) - edge :]]


def _summary(array: Array) -> Array:
    """The elements that are shown of a large tensor."""
    for k, n in enumerate(array.shape):
        if n > 2 * _options.edgeitems:
            array = np.take(array, [*range(_options.edgeitems), *range(n - _options.edgeitems, n)], k)
    return array


def _nested(array: Array, indent: int, summarize: bool, number: _Numbers) -> str:
    if not array.ndim:
        return number(array[()])
    parts = _ends(array, summarize)
    if array.ndim == 1:
        words = [" ..." if v is None else number(v) for v in parts]
        per_line = max(1, (_options.linewidth - indent) // (number.width + 2))
        lines = [", ".join(words[k : k + per_line]) for k in range(0, len(words), per_line)]
        return "[" + f",\n{' ' * (indent + 1)}".join(lines) + "]"
    blocks = ["..." if part is None else _nested(part, indent + 1, summarize, number) for part in parts]
    return "[" + f",{chr(10) * (array.ndim - 1)}{' ' * (indent + 1)}".join(blocks) + "]"
