"""Three taps side by side: a tile's rows are pixels side by side, and each number of x is loaded once for all three.

    tile[r, :] += sum_{q<3} x[u + (r+q)*x_step] * k[v + q*k_step : ... + width]

One vector wide: rows + 5 loads feed 3*rows multiply-adds, where tap by tap they would take 3*rows + 3. Wider tiles need
no windows: add_outer loads as little for them.
"""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from kernels.cpu import simd_llvm as llvm
from kernels.cpu.simd import multiply_add
from kernels.cpu.simd_llvm import I64

TAPS = 3  # across: the windows that share loads
OUTSIDE = TAPS - 1  # so many pixels at either end of a window may lie outside the image


@intrinsic
def add_window(typingctx, tile, x, u, x_step, first, last, k, v, k_step):
    """Take one step of every sum in the tile; pixels x[u + t*x_step] with t < first or t >= last count as 0.

    first <= 2 and last >= rows; what is not there is neither read nor added.
    """

    def codegen(context, builder, sig, args):
        sums, x_value, *places, k_value, v_value, by = args

        def pixel(pointer):
            return llvm.broadcast(builder, tile, builder.load(pointer))

        rows_of_k = _rows_of_k(context, builder, tile, k, k_value, v_value, by)
        return _add_window(context, builder, tile, x, sums, x_value, places, rows_of_k, pixel)

    ints = [types.intp] * 4
    return tile(tile, x, *ints, k, types.intp, types.intp), codegen


@intrinsic
def add_window_products(typingctx, tile, x, u, x_step, first, last, k, v, k_step, count):
    """Do the same number by number: x[... : ... + count] * k[... : ... + count]; channels do not mix.

    count None: the tile's whole width.
    """

    def codegen(context, builder, sig, args):
        sums, x_value, *places, k_value, v_value, by, valid = args
        mask = None if count is types.none else llvm.mask(builder, tile, valid)

        def pixel(pointer):
            return llvm.load(builder, tile, pointer, mask)

        rows_of_k = _rows_of_k(context, builder, tile, k, k_value, v_value, by, mask)
        return _add_window(context, builder, tile, x, sums, x_value, places, rows_of_k, pixel)

    ints = [types.intp] * 4
    return tile(tile, x, *ints, k, types.intp, types.intp, count), codegen


def _rows_of_k(context, builder, tile, k, k_value, v, step, mask=None):
    data = llvm.data(context, builder, k, k_value)
    starts = [builder.add(v, builder.mul(step, ir.Constant(I64, q))) for q in range(TAPS)]
    return [llvm.load(builder, tile, builder.gep(data, [start]), mask) for start in starts]


def _add_window(context, builder, tile, x, sums, x_value, places, rows_of_k, pixel):
    u, step, first, last = places
    data = builder.gep(llvm.data(context, builder, x, x_value), [u])
    for t in range(tile.rows + OUTSIDE):
        place, there = ir.Constant(I64, t), None
        if t < OUTSIDE or t >= tile.rows:
            there = builder.icmp_signed(">=", place, first) if t < OUTSIDE else builder.icmp_signed("<", place, last)
            place = builder.select(there, place, ir.Constant(I64, OUTSIDE))  # a pixel that can be read
        factor = pixel(builder.gep(data, [builder.mul(place, step)]))
        for q in range(TAPS):
            r = t - q
            if 0 <= r < tile.rows:
                old = builder.extract_value(sums, r)
                new = multiply_add(builder, tile, factor, rows_of_k[q], old)
                sums = builder.insert_value(sums, new if there is None else builder.select(there, new, old), r)
    return sums
