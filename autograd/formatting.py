"""How a tensor prints: as in PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def tensor(array: Array, requires_grad: bool, made_by: str | None) -> str:
    """The repr of a tensor: four decimals, the dtype where it is not the default one, and how it was made."""
    prefix = "tensor("
    body = _values(array, prefix)
    tail = []
    if array.dtype not in (np.dtype("float32"), np.dtype("int64"), np.dtype("bool")):
        tail.append(f"dtype={array.dtype}")
    if made_by is not None:
        tail.append(f"grad_fn=<{made_by}>")
    elif requires_grad:
        tail.append("requires_grad=True")
    return prefix + ", ".join([body, *tail]) + ")"


def _values(array: Array, prefix: str) -> str:
    if array.dtype.kind != "f" or array.size == 0:
        return np.array2string(array, separator=", ", prefix=prefix, threshold=1000)
    finite = array[np.isfinite(array)]
    whole = bool(np.all(finite == np.trunc(finite)))
    top = float(np.max(np.abs(finite))) if finite.size else 0.0
    low = float(np.min(np.abs(finite[finite != 0]))) if np.any(finite != 0) else 1.0
    if top >= 1e8 or (not whole and (low < 1e-4 or top / low > 1000)):
        style = "{:.4e}"
    else:
        style = "{:.0f}." if whole else "{:.4f}"

    def number(v: Any) -> str:
        return style.format(v) if np.isfinite(v) else str(float(v))

    width = max(len(number(v)) for v in (array.flat if array.size <= 1000 else finite[:1000]))
    aligned: Any = {"float_kind": lambda v: number(v).rjust(width)}
    return np.array2string(array, separator=", ", prefix=prefix, threshold=1000, formatter=aligned)
