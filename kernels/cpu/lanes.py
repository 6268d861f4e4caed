"""Sums, dot products and maxima along a row in LANES lanes, one vector that stays in registers.

A sum one after the other waits for each addition; reordering it is not LLVM's to do (fast-math `reassoc` is off). So
the order is written down: number k goes to lane k mod LANES, then the lanes are folded in halves; what is left of the
row, 32 numbers, 16, 8, ... of it, joins when so many lanes are left. It depends on the row's length only, and on no
host: LLVM splits the vector into as many registers as it takes. Rows are C-contiguous, float32 or float64.
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, models, register_model

from kernels.cpu import simd_llvm as llvm
from kernels.cpu.prefetch import prefetch
from kernels.cpu.simd_llvm import I32, I64
from kernels.jit import jit

LANES = 64  # partial sums side by side, the same on every machine, so that the bits are too


@jit(inner=True)
def total(row):
    """Return sum_k row[k]."""
    lanes = _spread(row, 0.0)
    whole = row.size // LANES * LANES
    for k in range(0, whole, LANES):
        lanes = _add(lanes, row, k)
    return _fold_sums(lanes, row, whole)


@jit(inner=True)
def dot(a, b):
    """Return sum_k a[k] * b[k]."""
    lanes = _spread(a, 0.0)
    whole = a.size // LANES * LANES
    for k in range(0, whole, LANES):
        lanes = _add_product(lanes, a, b, k)
    return _fold_products(lanes, a, b, whole)


@jit(inner=True)
def largest(row):
    """Return max_k row[k], -inf of an empty row; a NaN is passed over."""
    lanes = _spread(row, -np.inf)
    whole = row.size // LANES * LANES
    for k in range(0, whole, LANES):
        prefetch(row, k, LANES)  # it is the first to read a row
        lanes = _larger(lanes, row, k)
    return _fold_maxima(lanes, row, whole)


class LanesType(types.Type):
    """LANES numbers of `dtype`."""

    def __init__(self, dtype: types.Float) -> None:
        self.dtype = dtype
        super().__init__(name=f"Lanes({LANES} x {dtype})")


@register_model(LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, dmm, fe_type):
        super().__init__(dmm, fe_type, ir.VectorType(llvm.scalar(fe_type.dtype), LANES))


@intrinsic
def _spread(typingctx, row, value):
    """Return the value in every lane."""

    def codegen(context, builder, sig, args):
        undefined = ir.Constant(context.get_value_type(sig.return_type), ir.Undefined)
        number = context.cast(builder, args[1], sig.args[1], row.dtype)
        first = builder.insert_element(undefined, number, ir.Constant(I32, 0))
        return llvm.shuffle(builder, first, undefined, [0] * LANES)

    return LanesType(row.dtype)(row, value), codegen


# what a step does to `lanes`, for each of the vectors that it reads


def _plus(builder, lanes, vector):
    return builder.fadd(lanes, vector)


def _plus_product(builder, lanes, a, b):
    # fmuladd, not fma: where the host has no fused instruction it is two, not a call into the C library
    bits = 32 if isinstance(lanes.type.element, ir.FloatType) else 64
    name = f"llvm.fmuladd.v{lanes.type.count}f{bits}"
    fma = llvm.declared(builder.module, ir.FunctionType(lanes.type, [lanes.type] * 3), name)
    return builder.call(fma, [a, b, lanes])


def _max(builder, lanes, vector):
    return builder.select(builder.fcmp_ordered(">", vector, lanes), vector, lanes)


def _step(change):
    """Code for change(lanes, row[k : k + LANES], ...)."""

    def codegen(context, builder, sig, args):
        lanes, *rows, k = args
        return change(builder, lanes, *_read(context, builder, sig, rows, k, LANES))

    return codegen


def _fold(change, join):
    """Code that folds the lanes in halves by `join`, and changes them by what is left of the rows after k."""

    def codegen(context, builder, sig, args):
        lanes, *rows, k = args
        left = builder.sub(context.make_array(sig.args[1])(context, builder, rows[0]).nitems, k)
        count = LANES
        while count > 1:
            count //= 2
            low, high = (llvm.shuffle(builder, lanes, lanes, list(range(at, at + count))) for at in (0, count))
            folded, before = join(builder, low, high), builder.block
            with builder.if_then(builder.icmp_signed("!=", builder.and_(left, I64(count)), I64(0))):
                joined = change(builder, folded, *_read(context, builder, sig, rows, k, count))
                further, inside = builder.add(k, I64(count)), builder.block
            lanes = _either(builder, (folded, before), (joined, inside))
            k = _either(builder, (k, before), (further, inside))
        return builder.extract_element(lanes, ir.Constant(I32, 0))

    return codegen


def _read(context, builder, sig, rows, k, count):
    for kind, row in zip(sig.args[1:], rows, strict=False):
        whole = ir.VectorType(llvm.scalar(kind.dtype), count).as_pointer()
        value = builder.load(builder.bitcast(builder.gep(llvm.data(context, builder, kind, row), [k]), whole))
        value.align = kind.dtype.bitwidth // 8
        yield value


def _either(builder, *ways):
    phi = builder.phi(ways[0][0].type)
    for value, block in ways:
        phi.add_incoming(value, block)
    return phi


@intrinsic
def _add(typingctx, lanes, row, k):
    return lanes(lanes, row, types.intp), _step(_plus)


@intrinsic
def _add_product(typingctx, lanes, a, b, k):
    return lanes(lanes, a, b, types.intp), _step(_plus_product)


@intrinsic
def _larger(typingctx, lanes, row, k):
    return lanes(lanes, row, types.intp), _step(_max)


@intrinsic
def _fold_sums(typingctx, lanes, row, k):
    return row.dtype(lanes, row, types.intp), _fold(_plus, _plus)


@intrinsic
def _fold_products(typingctx, lanes, a, b, k):
    return a.dtype(lanes, a, b, types.intp), _fold(_plus_product, _plus)


@intrinsic
def _fold_maxima(typingctx, lanes, row, k):
    return row.dtype(lanes, row, types.intp), _fold(_max, _max)
