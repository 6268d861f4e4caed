"""One step of sums of 8-bit products: STEP numbers of x beside each other, by STEP rows of k beside each other.

    tile[r, f] += sum over i < STEP of x[offsets[r] + u + i] * k[v + STEP*f + i]

x are levels less BASE (None: less their zero point) as numbers of the type X, k weights of the type K.

Four at a time where the processor has VNNI: vpdpbusd multiplies unsigned by signed bytes and adds four products in 32
bits. So x is counted from the lowest level, -128, and whoever adds the sums up corrects them. Two at a time elsewhere:
pmaddwd multiplies 16-bit numbers and adds each pair in 32 bits. Both are exact: four products of 255 * 128 fit into 32
bits, and 32 bits wrap around, so that no order of the sum matters. (pmaddubsw, for bytes without VNNI, has 16 bits for
two products and saturates.) On a processor without either, the same sums are plain multiplications.
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from kernels.cpu import simd_llvm as llvm
from kernels.cpu.simd_llvm import I32
from kernels.cpu.simd_sums import I8, LANES, VECS, WIDTH, broadcast, host_features

I16 = ir.IntType(16)
PAIR = {16: "llvm.x86.avx512.pmaddw.d.512", 8: "llvm.x86.avx2.pmadd.wd", 4: "llvm.x86.sse2.pmadd.wd"}


def instructions() -> tuple[str | None, str | None]:
    """Return LLVM's names of the host's widest vpdpbusd and pmaddwd, None where it has none."""
    features = host_features()
    vnni = {16: "+avx512vnni", 8: "+avxvnni"}.get(LANES) in features
    return f"llvm.x86.avx512.vpdpbusd.{32 * LANES}" if vnni else None, PAIR[LANES] if "+sse2" in features else None


QUADS, PAIRS = instructions()  # the widest there are: the more lanes, the more products at once
# numbers of a step, what x is counted from, and the types of x and k: four bytes for vpdpbusd, else two 16-bit numbers
STEP, BASE, X, K = (4, -128, np.uint8, np.int8) if QUADS else (2, None, np.int16, np.int16)


@intrinsic
def add_step(typingctx, tile, x, offsets, u, k, v):
    """Return the tile after one step of every sum."""

    def codegen(context, builder, sig, args):
        sums, x_value, offsets_value, u_value, k_value, v_value = args
        kind = ir.VectorType(ir.IntType(32 // STEP), STEP * LANES)
        k_data = llvm.data(context, builder, k, k_value)
        k_row = [_load(builder, llvm.at(builder, k_data, v_value, STEP * LANES * j), kind) for j in range(VECS)]
        x_data = llvm.data(context, builder, x, x_value)
        for r in range(tile.rows):
            # in two steps: the row's own address does not change within a sum, so LLVM keeps it in a register
            place = builder.gep(builder.gep(x_data, [builder.extract_value(offsets_value, r)]), [u_value])
            factor = broadcast(builder, _load(builder, place, I32))
            for j in range(VECS):
                old = builder.extract_value(sums, r * VECS + j)
                sums = builder.insert_value(sums, _add_products(builder, old, factor, k_row[j]), r * VECS + j)
        return sums

    return tile(tile, x, offsets, types.intp, k, types.intp), codegen


def _load(builder, pointer, kind):
    value = builder.load(builder.bitcast(pointer, kind.as_pointer()))
    value.align = 4 // STEP
    return value


def _add_products(builder, old, factor, k_row):
    """Return old + the sums of STEP products in 32 bits; factor holds STEP numbers in each lane."""
    if QUADS is None:
        return builder.add(old, _sum_pairs(builder, builder.bitcast(factor, k_row.type), k_row))
    wide = old.type
    kind = ir.FunctionType(wide, [wide] * 3)
    return builder.call(llvm.declared(builder.module, kind, QUADS), [old, factor, builder.bitcast(k_row, wide)])


def _sum_pairs(builder, a, b):
    """Return a[0]*b[0] + a[1]*b[1], a[2]*b[2] + a[3]*b[3], ... in 32 bits."""
    wide = ir.VectorType(I32, LANES)
    if PAIRS is not None:
        kind = ir.FunctionType(wide, [a.type, b.type])
        return builder.call(llvm.declared(builder.module, kind, PAIRS), [a, b])
    products = []
    for first in (0, 1):
        order = list(range(first, 2 * LANES, 2))
        halves = [builder.sext(llvm.shuffle(builder, v, v, order), wide) for v in (a, b)]
        products.append(builder.mul(*halves))
    return builder.add(*products)


@intrinsic
def interleave(typingctx, k, first, row, place, at):
    """Write place[at + STEP*f + i] = k[first + i*row + f] for f < WIDTH, i < STEP, as numbers of the type K."""

    def codegen(context, builder, sig, args):
        k_value, first_value, row_value, place_value, at_value = args
        data, kind, rows = llvm.data(context, builder, k, k_value), ir.VectorType(I8, WIDTH), []
        for _ in range(STEP):
            rows.append(builder.load(builder.bitcast(builder.gep(data, [first_value]), kind.as_pointer())))
            rows[-1].align = 1
            first_value = builder.add(first_value, row_value)
        mixed = _mix(builder, rows)
        if QUADS is None:
            mixed = builder.sext(mixed, ir.VectorType(I16, STEP * WIDTH))
        target = builder.gep(llvm.data(context, builder, place, place_value), [at_value])
        builder.store(mixed, builder.bitcast(target, mixed.type.as_pointer())).align = 1
        return context.get_dummy_value()

    return types.void(k, types.intp, types.intp, place, types.intp), codegen


def _mix(builder, rows):
    """Return the numbers of the rows, first those of column 0, then those of column 1, ..."""
    if len(rows) == 1:
        return rows[0]
    a, b = _mix(builder, rows[::2]), _mix(builder, rows[1::2])
    size = a.type.count
    return llvm.shuffle(builder, a, b, [i // 2 + i % 2 * size for i in range(2 * size)])


@intrinsic
def add_rows(typingctx, tile, x, u, k, first, second):
    """Return a tile of one row after a step on k as it lies: tile[f] += x[u] * k[first+f] + x[u+1] * k[second+f].

    x are 16-bit numbers: two at a time on every processor.
    """

    def codegen(context, builder, sig, args):
        sums, x_value, u_value, k_value, *starts = args
        x_data, k_data = llvm.data(context, builder, x, x_value), llvm.data(context, builder, k, k_value)
        both = builder.load(builder.bitcast(builder.gep(x_data, [u_value]), I32.as_pointer()))
        both.align = 2
        factor = builder.bitcast(broadcast(builder, both), ir.VectorType(I16, 2 * LANES))
        kind, rows = ir.VectorType(I8, WIDTH), []
        for start in starts:
            rows.append(builder.load(builder.bitcast(builder.gep(k_data, [start]), kind.as_pointer())))
            rows[-1].align = 1
        wide = builder.sext(_mix(builder, rows), ir.VectorType(I16, 2 * WIDTH))
        for j in range(VECS):
            row = llvm.shuffle(builder, wide, wide, list(range(2 * LANES * j, 2 * LANES * (j + 1))))
            new = builder.add(builder.extract_value(sums, j), _sum_pairs(builder, factor, row))
            sums = builder.insert_value(sums, new, j)
        return sums

    return tile(tile, x, types.intp, k, types.intp, types.intp), codegen
