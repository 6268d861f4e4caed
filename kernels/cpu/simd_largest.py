"""The largest of some vectors, lane by lane, and which of them it was: max pooling's registers.

Places are kept as numbers of x's own type, which a comparison of x can choose among; they are small and exact.
"""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from kernels.cpu import simd_llvm as llvm
from kernels.cpu.simd_llvm import I32


@intrinsic
def load_row(typingctx, tile, x, u, count):
    """Return a tile of one vector, x[u : u + count]; 0 beyond."""

    def codegen(context, builder, sig, args):
        _, x_value, at, valid = args
        pointer = builder.gep(llvm.data(context, builder, x, x_value), [at])
        mask = None if count is types.none else llvm.mask(builder, tile, valid)
        return builder.insert_value(args[0], llvm.load(builder, tile, pointer, mask), 0)

    return tile(tile, x, types.intp, count), codegen


@intrinsic
def fill_row(typingctx, tile, number):
    """Return a tile of one vector with the number in every lane."""

    def codegen(context, builder, sig, args):
        return builder.insert_value(args[0], llvm.broadcast(builder, tile, args[1]), 0)

    return tile(tile, tile.dtype), codegen


@intrinsic
def keep_larger(typingctx, largest, places, v, place):
    """Return (largest, places) after the vector v, whose place this is.

    A tie goes to the first, and the first NaN is larger than all numbers.
    """

    def codegen(context, builder, sig, args):
        m, p, candidate = (builder.extract_value(a, 0) for a in args[:3])
        here = llvm.broadcast(builder, largest, args[3])
        lost = builder.and_(
            builder.fcmp_unordered("uno", candidate, candidate), builder.fcmp_ordered("ord", m, m)
        )  # a NaN, and none before
        better = builder.or_(builder.fcmp_ordered(">", candidate, m), lost)
        m = builder.insert_value(args[0], builder.select(better, candidate, m), 0)
        p = builder.insert_value(args[1], builder.select(better, here, p), 0)
        return context.make_tuple(builder, sig.return_type, [m, p])

    pair = types.UniTuple(largest, 2)
    return pair(largest, places, largest, largest.dtype), codegen


@intrinsic
def store_row(typingctx, tile, y, v, count):
    """Write y[v : v + count] = the tile of one vector, as numbers of y's type; count None: all of it."""

    def codegen(context, builder, sig, args):
        value, y_value, at, valid = args
        vector = builder.extract_value(value, 0)
        if isinstance(y.dtype, types.Integer):
            vector = builder.fptoui(vector, ir.VectorType(ir.IntType(y.dtype.bitwidth), tile.lanes))
        pointer = builder.bitcast(builder.gep(llvm.data(context, builder, y, y_value), [at]), vector.type.as_pointer())
        if count is types.none:
            builder.store(vector, pointer).align = y.dtype.bitwidth // 8
            return context.get_dummy_value()
        mask = llvm.mask(builder, tile, valid)
        kind = ir.FunctionType(ir.VoidType(), [vector.type, pointer.type, I32, mask.type])
        letter = "i" if isinstance(y.dtype, types.Integer) else "f"
        name = f"llvm.masked.store.v{tile.lanes}{letter}{y.dtype.bitwidth}.p0"
        align = ir.Constant(I32, y.dtype.bitwidth // 8)
        builder.call(llvm.declared(builder.module, kind, name), [vector, pointer, align, mask])
        return context.get_dummy_value()

    return types.void(tile, y, types.intp, count), codegen
