"""``torch.testing``: comparing tensors in tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from autograd import Tensor

__all__ = ["assert_close"]

# Differences that rounding explains, relative and absolute, as PyTorch judges; none between integers.
TOLERANCES = {"float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7)}


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: str | Callable[[str], str] | None = None,
) -> None:
    """Raise AssertionError unless |actual − expected| ≤ atol + rtol |expected|, element by element.

    Parameters
    ----------
    actual, expected : Tensor, array, number, or sequences or mappings of them
    rtol, atol : float, optional
        Both or neither; without them they follow from the dtype.
    equal_nan : bool
        Whether nan is close to nan.
    check_dtype : bool
        Whether another dtype is a difference, too.
    msg : str or callable, optional
        In place of the message, or what makes one of it.
    allow_subclasses, check_device, check_layout, check_stride
        For PyTorch's scripts: tensors differ in none of these here.

    Raises
    ------
    AssertionError
        If they differ, saying where most.
    ValueError
        For one of ``rtol`` and ``atol`` without the other.

    Examples
    --------
    >>> import autograd
    >>> from nn.as_torch.testing import assert_close
    >>> assert_close(autograd.tensor([1.0, 2.0]), autograd.tensor([1.0, 2.5]))
    Traceback (most recent call last):
    AssertionError: Tensor-likes are not close! 1 of 2 elements differ, most at (1,): 2.0 against the expected 2.5 ...
    """
    if (rtol is None) != (atol is None):
        raise ValueError(f"assert_close: rtol and atol must both be specified or both left out, found {rtol}, {atol}")

    def fail(text: str, path: str) -> None:
        text += f"; at {path}" if path else ""
        raise AssertionError(msg(text) if callable(msg) else text if msg is None else msg)

    def compare(a: Any, b: Any, path: str) -> None:
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            if a.keys() != b.keys():
                fail(f"The keys of the mappings do not match: {list(a)} against the expected {list(b)}", path)
            for key in b:
                compare(a[key], b[key], f"{path}[{key!r}]")
        elif all(isinstance(x, Sequence) and not isinstance(x, str) for x in (a, b)):
            if len(a) != len(b):
                fail(f"The length of the sequences do not match: {len(a)} against the expected {len(b)}", path)
            for k, (x, y) in enumerate(zip(a, b, strict=True)):
                compare(x, y, f"{path}[{k}]")
        else:
            compare_arrays(_array(a), _array(b), path)

    def compare_arrays(a: Any, b: Any, path: str) -> None:
        if a.shape != b.shape:
            fail(f"The values for attribute 'shape' do not match: {a.shape} != {b.shape}", path)
        if check_dtype and a.dtype != b.dtype:
            fail(f"The values for attribute 'dtype' do not match: {a.dtype} != {b.dtype}", path)
        relative, absolute = rtol, atol
        if relative is None or absolute is None:
            tolerances = [TOLERANCES.get(str(x.dtype), (0.0, 0.0)) for x in (a, b)]
            relative, absolute = (max(pair) for pair in zip(*tolerances, strict=True))
        wide = np.result_type(a, b, np.float64) if "f" in a.dtype.kind + b.dtype.kind else np.result_type(a, b)
        x, y = a.astype(wide), b.astype(wide)
        exact = relative == absolute == 0 and not equal_nan
        close = x == y if exact else np.isclose(x, y, relative, absolute, equal_nan)  # isclose rounds large integers
        if not close.all():
            with np.errstate(all="ignore"):
                distance = np.where(close, -1, np.nan_to_num(abs(x.astype(float) - y.astype(float)), nan=np.inf))
            worst = tuple(int(k) for k in np.unravel_index(distance.argmax(), distance.shape))
            fail(
                f"Tensor-likes are not {'equal' if exact else 'close'}! {(~close).sum()} of {close.size} elements "
                f"differ, most at {worst}: {a[worst]} against the expected {b[worst]} "
                f"(allowed: {absolute:g} + {relative:g} × |expected|)",
                path,
            )

    compare(actual, expected, "")


def _array(x: Any) -> Any:
    array = x.detach().array if isinstance(x, Tensor) else np.asarray(x)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"assert_close: expects tensors, numbers, sequences or mappings, found {type(x).__name__}")
    return array
