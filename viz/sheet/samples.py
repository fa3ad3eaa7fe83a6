"""From matrices to samples: (∂𝒥/∂Z)ᵀ X becomes Σ_i ∂𝒥/∂z_i x_iᵀ, a sum over the batch of what each sample contributes.

The axis of the samples is the one whose size has a letter. A sample, a row of a matrix, is written as a column, as on
the slides: z_{H,i} = W_H x_i + b_H.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from autograd import ops

from ..notation import Meaning, Size, Symbol
from .indices import Index, Indices

__all__ = ["Samples"]

ELEMENTWISE = {"add": "__add__", "subtract": "__sub__", "scale": "__mul__", "hadamard": "__mul__",
               "divide": "__truediv__", "power": "__pow__"}  # fmt: skip


class Samples:
    """The notation of samples; what cannot be said in it stays a matrix."""

    def __init__(self, indices: Indices) -> None:
        self.indices = indices

    def row(self, x: Symbol, i: Index) -> Symbol:
        """Sample ``i`` of ``x``, whose first axis may be that of the samples; else it is the same for all."""
        if not _sampled(x):
            return _flat(x)
        if x.means is not None and x.means.guards is not None:
            return self._guarded(x, i)
        expand = getattr(self, f"_{'elementwise' if x.head in ELEMENTWISE else x.head}", None)
        made = expand(x, i) if expand is not None and len(x.own) == x.ndim else None
        rest = x.shape[1:]
        shape = () if math.prod(rest) == 1 else rest
        if made is None or made.shape not in ((), shape):
            return self._picked(x, i)
        return made.shaped(shape)

    def whole(self, x: Symbol) -> Symbol:
        """An expression without an axis of samples, in which they are summed over."""
        if x.head == "matmul" and x.means is None:
            a, b = x.args
            if a.ndim == 2 and b.ndim and isinstance(a.shape[1], Size) and _sampled(b):
                return self._contracted(a, b).shaped(x.shape)
        if x.head == "call" and x.means is not None and x.means.function in (np.sum, np.mean):
            return self._reduced(x)
        if x.head == "transpose" and x.args[0].ndim == 2:
            return self.whole(x.args[0]).mT
        if x.head == "negative":
            return -self.whole(x.args[0])
        if x.head in ELEMENTWISE and x.means is None:
            made: Symbol = getattr(self.whole(x.args[0]), ELEMENTWISE[x.head])(self.whole(x.args[1]))
            return made.shaped(x.shape)
        return x

    def _contracted(self, a: Symbol, b: Symbol) -> Symbol:
        """The product of a matrix whose columns are samples with one whose rows are."""
        i = Index(int(a.shape[1]))
        right = self.row(b, i)
        if a.mT.means is not None and a.mT.means.function == "ones":
            return _sum(i, right)
        left = self.row(a.mT, i)
        if left.ndim and right.ndim:
            return _sum(i, Symbol.made("matmul", (left, right.mT), (*left.shape, *right.shape)))
        return _sum(i, left * (right.mT if a.shape[0] == 1 else right))

    def _reduced(self, x: Symbol) -> Symbol:
        assert x.means is not None
        (y,), axes = x.means.arrays, x.means.params
        if not _sampled(y) or set(axes) != set(range(y.ndim)):
            return x
        i = Index(int(y.shape[0]))
        total = _sum(i, self.row(y, i).sum())
        return (total if x.means.function is np.sum else total / math.prod(y.shape[k] for k in axes)).shaped(x.shape)

    def _guarded(self, x: Symbol, i: Index) -> Symbol:
        assert x.means is not None
        assert x.means.guards is not None
        if x.means.function == "repeat" or any(a.ndim not in (0, x.ndim) for a in x.means.arrays):
            return self._picked(x, i)
        inner = self.row(x.means.guards, i)
        arrays = tuple(self.row(a, i) for a in x.means.arrays)
        return Symbol.made(inner.head, inner.args, inner.shape, replace(x.means, arrays=arrays, guards=inner))

    def _picked(self, x: Symbol, i: Index) -> Symbol:
        rest = x.shape[1:]
        return Symbol.made("element", (x, "", i), () if math.prod(rest) == 1 else rest)

    def _name(self, x: Symbol, i: Index) -> Symbol | None:
        if x.means is not None:
            return Symbol.number(1) if x.means.function == "ones" else None
        named = self.indices.at(x, (i, *(0 for _ in x.shape[1:])))
        rest = x.shape[1:]
        return Symbol.made("element", named.args, () if math.prod(rest) == 1 else rest)

    def _number(self, x: Symbol, i: Index) -> Symbol:
        rest = x.shape[1:]
        return Symbol.number(x.args[0], () if math.prod(rest) == 1 else rest)

    def _gradient(self, x: Symbol, i: Index) -> Symbol:
        of, by = x.args
        one = self.row(by, i)
        return Symbol.made("gradient", (of, one), one.shape)

    def _elementwise(self, x: Symbol, i: Index) -> Symbol | None:
        if any(a.ndim > x.ndim or (a.ndim == x.ndim and not _sampled(a) and a.shape[:1] != (1,)) for a in x.args):
            return None
        a, b = (self.row(y, i) if y.ndim == x.ndim else _flat(y) for y in x.args)
        made: Symbol = getattr(a, ELEMENTWISE[x.head])(b)
        return made

    def _negative(self, x: Symbol, i: Index) -> Symbol:
        return -self.row(x.args[0], i)

    def _compare(self, x: Symbol, i: Index) -> Symbol | None:
        sign, a, b = x.args
        if not all(y.ndim in (0, x.ndim) for y in (a, b)):
            return None
        a, b = self.row(a, i), self.row(b, i)
        return Symbol.made("compare", (sign, a, b), a.shape or b.shape)

    def _matmul(self, x: Symbol, i: Index) -> Symbol | None:
        a, b = x.args
        if a.ndim != 2 or b.ndim > 2 or not _sampled(a) or any(isinstance(n, Size) for n in (*a.shape[1:], *b.shape)):
            return None
        if b.means is not None and b.means.function == "ones":
            return self.row(a, i).sum()
        if a.means is not None and a.means.function == "ones":
            return _flat(b)
        left = self.row(a, i)
        if b.ndim == 1:
            return left @ b if left.ndim else left * b.shaped(())
        if not left.ndim:
            return _flat(b) * left
        made = b.mT @ left
        return made.shaped(()) if made.shape == (1,) else made

    def _call(self, x: Symbol, i: Index) -> Symbol | None:
        assert x.means is not None
        function, params, run = x.means.function, x.means.params, x.means.run
        if function in (np.sum, np.mean):
            (y,) = x.means.arrays
            if 0 in params or params != tuple(range(1, y.ndim)):
                return None
            one = self.row(y, i)
            return one.sum() if function is np.sum else one.mean()
        if function in (ops.clone, ops.cast):
            return self.row(x.means.arrays[0], i)
        each = isinstance(function, np.ufunc) or getattr(function, "elementwise", False)
        by_rows = function in (ops.softmax, ops.log_softmax, ops.logsumexp) and x.means.arrays[0].ndim == 2
        if not (each or function is ops.one_hot or (by_rows and params[0] in (1, -1))):
            return None
        if each and any(a.ndim not in (0, x.ndim) for a in x.means.arrays):
            return None
        arrays = tuple(self.row(a, i) for a in x.means.arrays)
        args = tuple(self.row(a, i) if a.ndim else a for a in x.args[1:])
        shapes = [(1, *a.shape[1:]) if a.ndim else () for a in x.means.arrays]

        def one_row(*values: Any) -> Any:  # the op on a batch of one
            rows = (np.reshape(v, s) if np.size(v) == math.prod(s) else v for v, s in zip(values, shapes, strict=True))
            found = np.asarray(run(*rows))
            return found[0] if found.ndim else found

        rest = x.shape[1:]
        shape = () if math.prod(rest) == 1 else rest
        return Symbol.made("call", (x.args[0], *args), shape, Meaning(function, arrays, params, one_row))


def _sampled(x: Symbol) -> bool:
    return bool(x.ndim) and isinstance(x.shape[0], Size)


def _flat(x: Symbol) -> Symbol:
    """What is the same for all samples, 1×n, as a column; a single number as a scalar."""
    if x.ndim == 2 and x.shape[0] == 1:
        return x.mT.shaped(tuple(n for n in x.shape if n != 1))
    return x.shaped(()) if x.shape == (1,) else x


def _sum(i: Index, x: Symbol) -> Symbol:
    return Symbol.made("total", (i, x), x.shape)
