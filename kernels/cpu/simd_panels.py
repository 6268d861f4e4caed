"""Copying into panels with vectors: a row as it lies, or a square turned over, padded with zeros."""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from kernels.cpu import simd_llvm as llvm
from kernels.cpu.simd_llvm import I64


@intrinsic
def copy_row(typingctx, tile, k, v, count, panel, w, ahead):
    """Write panel[w : w + width] = k[v : v + count] and then zeros, width - lanes < count <= width.

    Asks memory for k[v + ahead :], the row that a later call will copy.
    """

    def codegen(context, builder, sig, args):
        _, k_value, source, valid, panel_value, target, later = args
        k_data, panel_data = llvm.data(context, builder, k, k_value), llvm.data(context, builder, panel, panel_value)
        for j in range(tile.vecs):
            mask = llvm.mask(builder, tile, valid) if j == tile.vecs - 1 else None
            llvm.prefetch(builder, llvm.at(builder, k_data, builder.add(source, later), j * tile.lanes))
            value = llvm.load(builder, tile, llvm.at(builder, k_data, source, j * tile.lanes), mask)
            llvm.store(builder, tile, value, llvm.at(builder, panel_data, target, j * tile.lanes))
        return context.get_dummy_value()

    return types.void(tile, k, types.intp, types.intp, panel, types.intp, types.intp), codegen


@intrinsic
def transpose(typingctx, tile, k, v, k_step, rows, count, panel, w, w_step):
    """Write panel[w + j*w_step + r] = k[v + r*k_step + j] for r and j < lanes; 0 where r >= rows or j >= count.

    Rows that are 2^s apart exchange halves, s = 0, 1, ...: log2(lanes) shuffles a vector.
    """

    def codegen(context, builder, sig, args):
        _, k_value, source, k_by, rows_value, valid, panel_value, target, panel_by = args
        k_data, panel_data = llvm.data(context, builder, k, k_value), llvm.data(context, builder, panel, panel_value)
        vectors, n = [], tile.lanes
        for r in range(n):
            inside = builder.icmp_signed("<", ir.Constant(I64, r), rows_value)
            mask = llvm.mask(builder, tile, builder.select(inside, valid, ir.Constant(I64, 0)), 0)
            start = builder.add(source, builder.mul(k_by, ir.Constant(I64, r)))
            vectors.append(llvm.load(builder, tile, builder.gep(k_data, [start]), mask))
        apart = 1
        while apart < n:
            for r in range(n):
                if not r & apart:
                    a, b = vectors[r], vectors[r + apart]
                    low = [j if not j & apart else n + j - apart for j in range(n)]
                    high = [j + apart if not j & apart else n + j for j in range(n)]
                    vectors[r], vectors[r + apart] = (llvm.shuffle(builder, a, b, m) for m in (low, high))
            apart *= 2
        for j in range(n):
            start = builder.add(target, builder.mul(panel_by, ir.Constant(I64, j)))
            llvm.store(builder, tile, vectors[j], builder.gep(panel_data, [start]))
        return context.get_dummy_value()

    ints = [types.intp] * 4
    return types.void(tile, k, *ints, panel, types.intp, types.intp), codegen
