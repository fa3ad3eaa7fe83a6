"""Every function and loss against exact values at many points; ``python -m tests.soak.numerics`` writes the page
docs/numerics.md, where PyTorch differs from the exact value.

A float64 is measured by mpmath. What is within 2.5 ulp of float64 is exact enough for float32 by far, so that
one is measured by our own float64, a hundred thousand points at a time.
"""

from __future__ import annotations

import contextlib
import math
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from tests.exact import BACKWARD, CASES, Case, mp

FAST = 100_000
PAGE = Path(__file__).resolve().parents[2] / "docs" / "numerics.md"
HEAD = """# Who is right

Every elementwise function, every loss and their gradients are measured against exact values of 60 digits, over all
floats: the tails, subnormals and infinities too. Our values are within 2.5 ulp (units of the last place), gradients and
losses within 4. Here is where PyTorch {version} is more than 4 ulp off, the worst of some hundred points each; `∞` is a
nan or an infinity where there is a number, or a number where there is none.

What is exact is the value for the very floats that go in. A sum whose terms cancel is measured by its largest term: the
terms are rounded before they are added. `python -m tests.soak.numerics` writes this page.

| function | dtype | direction | input | exact | ours, ulp | PyTorch's, ulp |
|---|---|---|---|---|---|---|
"""


def run(budget: float) -> list[tuple[str, Any]]:
    """Points tried and the worst found; raises where something is further off than it may be."""
    worst: dict[tuple[str, str], tuple[float, str]] = {}
    bad: dict[str, str] = {}
    counts = {np.float32: 0, np.float64: 0}
    share = budget / len(CASES) / 3
    for case in CASES.values():
        for dtype in counts:
            end, seed = time.perf_counter() + share, 1
            while seed == 1 or time.perf_counter() < end:
                columns = case.arguments(dtype, 200, seed)
                found = case.run(columns)
                _note(worst, bad, case, dtype, columns, case.errors(columns, found, case.expected(columns)))
                counts[dtype] += len(columns[0])
                seed += 1
        if case.terms is None:
            end, seed = time.perf_counter() + share, 10**6
            while seed == 10**6 or time.perf_counter() < end:
                columns = case.arguments(np.float32, FAST, seed)
                exact = case.run([x.astype(np.float64) for x in columns])
                _note(worst, bad, case, np.float32, columns, map(_off, case.run(columns), exact))
                counts[np.float32] += len(columns[0])
                seed += 1
    if bad:
        raise AssertionError("\n".join(bad.values()))
    rows: list[tuple[str, Any]] = [("functions and losses", len(CASES))]
    rows += [(f"points of {dtype.__name__}", f"{count:,}") for dtype, count in counts.items()]
    rows += [(f"worst {kind}, {dtype}", f"{off:.2f} ulp, {where}") for (kind, dtype), (off, where) in worst.items()]
    return rows


def _note(worst: Any, bad: Any, case: Case, dtype: Any, columns: Any, errors: Any) -> None:
    for direction, off in zip(case.directions, errors, strict=True):
        k = int(off.argmax())
        where = f"{case.name} at {_input(columns, k * len(columns[0]) // off.size)}"
        limit = case.bound if direction == "value" else case.backward
        if not off[k] <= limit:
            key = f"{direction} of {case.name}, {dtype.__name__}"
            bad[key] = f"{direction} of {where}, {dtype.__name__}, is {off[k]:.3g} ulp off; {limit} at most"
        kind = "gradient" if direction != "value" else "loss" if case.bound == BACKWARD else "value"
        of = kind, dtype.__name__
        worst[of] = max(worst.get(of, (0.0, "")), (float(off[k]), where))


def _off(found: Any, exact: Any) -> Any:
    """The distances of float32s from float64s, in ulp of float32."""
    top = np.float64(2.0**128)
    with np.errstate(all="ignore"):
        a = np.where(np.isinf(found), np.copysign(top, found), found.astype(np.float64))
        e = np.clip(exact, -top, top)
        unit = np.spacing(np.minimum(np.abs(e), np.finfo(np.float32).max).astype(np.float32)).astype(np.float64)
        off = np.abs(a - e) / unit
    off = np.where(np.isnan(found) & np.isnan(exact), 0, off)
    return np.where(np.isnan(off), math.inf, off).ravel()


def _input(columns: Any, k: int) -> str:
    options: Any = {"separator": ", ", "max_line_width": 999, "floatmode": "unique"}
    return ", ".join(np.array2string(np.asarray(x[k]), **options) for x in columns)


def table() -> str:
    """The page."""
    import torch

    lines = []
    for case in CASES.values():
        for dtype in (np.float32, np.float64):
            if case.theirs is None:
                continue
            columns = case.arguments(dtype, 300, 2)
            expected = case.expected(columns)
            ours = case.errors(columns, case.run(columns), expected)
            theirs = _theirs(torch, case, columns)
            for k, direction in enumerate(case.directions):
                if theirs[k] is None or theirs[k].dtype != dtype:
                    continue
                (off,) = case.errors(columns, [theirs[k]], ([expected[0][k]], [expected[1][k]]))
                at = int(off.argmax())
                if off[at] > 4:
                    exact, digits = expected[0][k][at], 9 if dtype == np.float32 else 17
                    beyond = abs(exact) > mp.mpf(10) ** 400
                    cells = (
                        case.name, dtype.__name__, direction, _input(columns, at * len(columns[0]) // off.size),
                        "beyond all floats" if beyond else mp.nstr(mp.mpf(exact), digits),
                        f"{ours[k][at]:.2g}", "∞" if off[at] == math.inf else f"{off[at]:.2g}",
                    )  # fmt: skip
                    lines.append(f"| {' | '.join(cells)} |\n")
    return HEAD.format(version=torch.__version__.split("+")[0]) + "".join(lines)


def _theirs(torch: Any, case: Case, columns: Any) -> list[Any]:
    """PyTorch's value and gradients; None for those that it does not have."""
    xs = [torch.tensor(x) for x in columns]
    wanted = [slope is not None for slope in case.slopes]
    for x, want in zip(xs, wanted, strict=True):
        x.requires_grad_(want)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            y = case.theirs(torch, *xs)
        except RuntimeError:  # some want no gradient of a target
            for x in xs[1:]:
                x.requires_grad_(False)
            y = case.theirs(torch, *xs)
        if y.requires_grad:
            with contextlib.suppress(RuntimeError):  # some have no derivative at all
                y.backward(torch.ones_like(y))
    grads = [None if x.grad is None else x.grad.numpy() for x, want in zip(xs, wanted, strict=True) if want]
    return [y.detach().numpy(), *grads]


if __name__ == "__main__":
    PAGE.write_text(table(), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")
