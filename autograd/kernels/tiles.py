"""Tiles of a matrix product, kept in registers while they grow.

LLVM makes vectors of a loop but does not hold a tile of many vectors in registers over one, so the tiles are written
in its own language. Their sizes are those of the processor's registers. The sum of an element does not depend on the
tile that it is in: a product may be cut anywhere and stays equal to the bit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .jit import FUSED, PLAIN

_FEATURES = {} if PLAIN else binding.get_host_cpu_features()
READY = bool(_FEATURES.get("avx512f") or (_FEATURES.get("avx2") and _FEATURES.get("fma")))
"""Whether the processor has vectors that may be masked; on others BLAS computes the products."""

BYTES, ROWS, SIDE = (64, 14, 5) if _FEATURES.get("avx512f") else (32, 6, 3)
"""Of a vector; the most rows of a tile of :func:`grow`, two vectors wide; the most rows and columns of one of dots."""

MASKS_ARE_FREE = BYTES == 64
"""AVX-512 has registers for masks; elsewhere a tile of full vectors does without."""


class _Vectors:
    """Builds code for vectors of one dtype."""

    def __init__(self, context: Any, builder: Any, dtype: Any) -> None:
        self.context, self.builder = context, builder
        self.lanes = BYTES * 8 // dtype.bitwidth
        self.bytes = dtype.bitwidth // 8
        self.scalar = context.get_value_type(dtype)
        self.type = ir.VectorType(self.scalar, self.lanes)
        self.zero = ir.Constant(self.type, None)
        self.name = f"v{self.lanes}f{dtype.bitwidth}"

    def pointer(self, address: Any) -> Any:
        return self.builder.inttoptr(address, self.scalar.as_pointer())

    def at(self, pointer: Any, offset: Any, times: int = 1) -> Any:
        """The element ``times`` offsets behind."""
        if times != 1:
            offset = self.builder.mul(offset, self.index(times))
        return self.builder.gep(pointer, [offset])

    def index(self, n: int) -> Any:
        return ir.Constant(ir.IntType(64), n)

    def mask(self, n: Any) -> Any:
        """The first ``n`` places. Made of bits: LLVM would compare indices again in every turn of a loop."""
        b, index = self.builder, self.index
        bits = b.sub(b.shl(index(1), b.and_(n, index(63))), index(1))
        bits = b.select(b.icmp_signed(">=", n, index(self.lanes)), index(-1), bits)
        bits = b.select(b.icmp_signed(">", n, index(0)), bits, index(0))
        return b.bitcast(b.trunc(bits, ir.IntType(self.lanes)), ir.VectorType(ir.IntType(1), self.lanes))

    def _masked(self, what: str, result: Any, arguments: list[Any]) -> Any:
        name = f"llvm.masked.{what}.{self.name}.p0"
        known = self.builder.module.globals
        f = known.get(name) or ir.Function(
            self.builder.module, ir.FunctionType(result, [a.type for a in arguments]), name
        )
        return self.builder.call(f, arguments)

    def load(self, pointer: Any, mask: Any = None) -> Any:
        """A vector; zeros where ``mask`` is not."""
        pointer = self.builder.bitcast(pointer, self.type.as_pointer())
        if mask is None:
            return self.builder.load(pointer, align=self.bytes, typ=self.type)
        align = ir.Constant(ir.IntType(32), self.bytes)
        return self._masked("load", self.type, [pointer, align, mask, self.zero])

    def store(self, vector: Any, pointer: Any, mask: Any = None) -> None:
        pointer = self.builder.bitcast(pointer, self.type.as_pointer())
        if mask is None:
            self.builder.store(vector, pointer, align=self.bytes)
        else:
            align = ir.Constant(ir.IntType(32), self.bytes)
            self._masked("store", ir.VoidType(), [vector, pointer, align, mask])

    def shuffle(self, a: Any, b: Any, places: list[int]) -> Any:
        return self.builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(ir.IntType(32), len(places)), places))

    def splat(self, scalar: Any) -> Any:
        none = ir.Constant(self.type, ir.Undefined)
        first = self.builder.insert_element(none, scalar, ir.Constant(ir.IntType(32), 0))
        return self.shuffle(first, none, [0] * self.lanes)

    def variables(self, rows: int, columns: int) -> list[list[Any]]:
        """A tile of vectors that LLVM will keep in registers."""
        new: Callable[..., Any] = cgutils.alloca_once
        return [[new(self.builder, self.type) for _ in range(columns)] for _ in range(rows)]

    def multiply_add(self, total: Any, a: Any, b: Any) -> None:
        """total += a b."""
        product = self.builder.fmul(a, b, flags=FUSED)
        self.builder.store(self.builder.fadd(self.builder.load(total), product, flags=FUSED), total)

    def sum(self, vector: Any) -> Any:
        """Of its elements, halves added to each other."""
        n = self.lanes
        while n > 1:
            n //= 2
            high = self.shuffle(vector, vector, [*range(n, 2 * n)])
            vector = self.builder.fadd(self.shuffle(vector, vector, [*range(n)]), high)
        return self.builder.extract_element(vector, ir.Constant(ir.IntType(32), 0))

    def choose(self, key: Any, cases: Any) -> Any:
        """Positions the builder in the code for each case by turns, and behind all of them at the end."""
        end = self.builder.append_basic_block("end")
        switch = self.builder.switch(key, end)
        for case in cases:
            block = self.builder.append_basic_block("tile")
            switch.add_case(self.index(case), block)
            self.builder.position_at_end(block)
            yield case
            self.builder.branch(end)
        self.builder.position_at_end(end)


def _code(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function for kernels whose code is built here; it loses its first argument."""
    made: Callable[..., Any] = intrinsic(function)
    return made


def _signature(dtype: Any, numbers: int) -> Any:
    return types.void(dtype, *[types.intp] * numbers)


@_code
def grow(
    context: Any, dtype: Any, rows: Any, width: Any, depth: Any, out: Any, out_row: Any, begin: Any, begin_row: Any,
    x: Any, x_row: Any, x_step: Any, y: Any, y_step: Any,
) -> Any:  # fmt: skip
    """out = begin + x y for a tile of up to ROWS rows, up to two vectors wide: it grows by an outer product at a time.

    ``out``, ``begin``, ``x`` and ``y`` are addresses, each with how far it is to the next row, or to the next step
    along the inner axis of length ``depth``. If ``begin`` is 0, so is the sum at the beginning.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        rows, width, depth, out, out_row, begin, begin_row, x, x_row, x_step, y, y_step = arguments[1:]
        v = _Vectors(context, builder, dtype)
        known = builder.icmp_signed("!=", begin, v.index(0))
        out, begin, x, y = (v.pointer(p) for p in (out, begin, x, y))
        edges = [v.mask(width), v.mask(builder.sub(width, v.index(v.lanes)))]
        two = builder.icmp_signed(">", width, v.index(v.lanes))
        kind = builder.zext(two, width.type)
        if not MASKS_ARE_FREE:
            kind = builder.add(kind, builder.zext(builder.icmp_signed("==", width, v.index(2 * v.lanes)), width.type))
        cases = [4 * r + c for r in range(1, ROWS + 1) for c in range(2 if MASKS_ARE_FREE else 3)]
        for case in v.choose(builder.add(builder.shl(rows, v.index(2)), kind), cases):
            tile = v.variables(case // 4, min(case % 4, 1) + 1)
            cells = [(r, c) for r in range(len(tile)) for c in range(len(tile[0]))]
            masks = [None, None] if case % 4 == 2 else edges
            for r, c in cells:
                builder.store(v.zero, tile[r][c])
            with builder.if_then(known):
                for r, c in cells:
                    place = v.at(v.at(begin, begin_row, r), v.index(c * v.lanes))
                    builder.store(v.load(place, masks[c]), tile[r][c])
            with cgutils.for_range(builder, depth) as loop:
                line = v.at(y, builder.mul(loop.index, y_step))
                across = [v.load(v.at(line, v.index(c * v.lanes)), masks[c]) for c in range(len(tile[0]))]
                down = v.at(x, builder.mul(loop.index, x_step))
                for r, totals in enumerate(tile):
                    scalar = v.splat(builder.load(v.at(down, x_row, r), typ=v.scalar))
                    for total, vector in zip(totals, across, strict=True):
                        v.multiply_add(total, scalar, vector)
            for r, c in cells:
                v.store(builder.load(tile[r][c]), v.at(v.at(out, out_row, r), v.index(c * v.lanes)), masks[c])
        return context.get_dummy_value()

    return _signature(dtype, 12), generate


@_code
def dots(
    context: Any, dtype: Any, rows: Any, columns: Any, depth: Any, out: Any, out_row: Any, x: Any, x_row: Any, y: Any,
    y_row: Any,
) -> Any:  # fmt: skip
    """out = x yᵀ for a tile of up to SIDE rows and as many columns: dot products of vectors that are ``depth`` long."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        rows, columns, depth, out, out_row, x, x_row, y, y_row = arguments[1:]
        v = _Vectors(context, builder, dtype)
        out, x, y = (v.pointer(p) for p in (out, x, y))
        whole = builder.sdiv(depth, v.index(v.lanes))
        done = builder.mul(whole, v.index(v.lanes))
        rest = builder.sub(depth, done)
        last = v.mask(rest)

        def add(tile: Any, k: Any, mask: Any) -> None:
            across = [v.load(v.at(v.at(y, y_row, c), k), mask) for c in range(len(tile[0]))]
            for r, totals in enumerate(tile):
                along = v.load(v.at(v.at(x, x_row, r), k), mask)
                for total, vector in zip(totals, across, strict=True):
                    v.multiply_add(total, along, vector)

        cases = [8 * r + c for r in range(1, SIDE + 1) for c in range(1, SIDE + 1)]
        for case in v.choose(builder.add(builder.shl(rows, v.index(3)), columns), cases):
            tile = v.variables(case // 8, case % 8)
            for total in [total for totals in tile for total in totals]:
                builder.store(v.zero, total)
            with cgutils.for_range(builder, whole) as loop:
                add(tile, builder.mul(loop.index, v.index(v.lanes)), None)
            with builder.if_then(builder.icmp_signed(">", rest, v.index(0))):
                add(tile, done, last)
            for r, totals in enumerate(tile):
                for c, total in enumerate(totals):
                    builder.store(v.sum(builder.load(total)), v.at(v.at(out, out_row, r), v.index(c)))
        return context.get_dummy_value()

    return _signature(dtype, 9), generate


@_code
def turn(context: Any, dtype: Any, rows: Any, columns: Any, x: Any, x_row: Any, out: Any, out_row: Any) -> Any:
    """The transpose of a square as wide as a vector; zeros in place of what is beyond ``rows`` or ``columns`` of x."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        rows, columns, x, x_row, out, out_row = arguments[1:]
        v = _Vectors(context, builder, dtype)
        x, out, n = v.pointer(x), v.pointer(out), v.lanes
        square = []
        for r in range(n):
            there = builder.select(builder.icmp_signed("<", v.index(r), rows), columns, v.index(0))
            square.append(v.load(v.at(x, x_row, r), v.mask(there)))
        low = [k // 2 + k % 2 * n for k in range(n)]
        high = [k + n // 2 for k in low]
        for _ in range(n.bit_length() - 1):  # to interleave row r and row r + n/2, log n times, is to transpose
            pairs = list(zip(square[: n // 2], square[n // 2 :], strict=True))
            square = [v.shuffle(a, b, places) for a, b in pairs for places in (low, high)]
        for r, vector in enumerate(square):
            v.store(vector, v.at(out, out_row, r))
        return context.get_dummy_value()

    return _signature(dtype, 6), generate


@_code
def copy(context: Any, dtype: Any, rows: Any, columns: Any, x: Any, x_row: Any, out: Any, out_row: Any) -> Any:
    """The block of x."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        rows, columns, x, x_row, out, out_row = arguments[1:]
        v = _Vectors(context, builder, dtype)
        x, out, n = v.pointer(x), v.pointer(out), v.index(v.lanes)
        whole = builder.sdiv(columns, n)
        done = builder.mul(whole, n)
        last = v.mask(builder.sub(columns, done))
        with cgutils.for_range(builder, rows) as row:
            start, to = v.at(x, builder.mul(row.index, x_row)), v.at(out, builder.mul(row.index, out_row))
            with cgutils.for_range(builder, whole) as loop:
                place = builder.mul(loop.index, n)
                v.store(v.load(v.at(start, place)), v.at(to, place))
            v.store(v.load(v.at(start, done), last), v.at(to, done), last)
        return context.get_dummy_value()

    return _signature(dtype, 6), generate


@_code
def hold(context: Any, array: Any) -> Any:
    """Keep an array whose address is in use until here."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.get_dummy_value()

    return types.void(array), generate
