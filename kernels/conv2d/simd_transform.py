"""Products with a small constant matrix, for Winograd's transforms: its numbers are part of the compiled code.

    target[w + r*w_step] = start + sum_h T[r,h] * source[v + h*v_step]        a vector each

What T multiplies by 0 is left out, by 1 or -1 added or subtracted. A transform is a value without data, whose type is
the matrix: functions that take one are compiled for each.
"""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, models, register_model

from kernels.conv2d.winograd_matrices import NAMES, matrices
from kernels.cpu import simd_llvm as llvm
from kernels.cpu.simd import TileType, multiply_add
from kernels.cpu.simd_llvm import I64


class TransformType(types.Type):
    """A matrix, as tuples of its rows."""

    def __init__(self, rows: tuple[tuple[float, ...], ...]) -> None:
        self.rows = rows
        super().__init__(name=f"Transform{rows}")


@register_model(TransformType)
class _TransformModel(models.OpaqueModel):
    pass


@intrinsic(prefer_literal=True)
def transform(typingctx, m, name):
    """Return the matrix `name` (a constant: B, G, A, GT or AT) of F(m x m, 3x3), m a constant."""
    matrix = matrices(m.literal_value)[NAMES.index(name.literal_value)]
    made = TransformType(tuple(map(tuple, matrix.tolist())))
    return made(m, name), lambda context, builder, sig, args: context.get_dummy_value()


@intrinsic
def outputs(typingctx, T):
    """Return how many rows the matrix has, a constant."""
    return types.intp(T), lambda context, builder, sig, args: ir.Constant(I64, len(T.rows))


@intrinsic
def inputs(typingctx, T):
    """Return how many columns the matrix has, a constant."""
    return types.intp(T), lambda context, builder, sig, args: ir.Constant(I64, len(T.rows[0]))


@intrinsic
def apply(typingctx, T, source, v, v_step, first, last, count, start, f, target, w, w_step, rows, width):
    """Write target[w + r*w_step : ... + width] = start[f : ...] + sum_h T[r,h] * source[v + h*v_step : ... + count].

    Of source only first <= h < last is there, and `count` numbers of each; the rest is 0, and not read. Of target only
    r < rows is written.
    """
    tile = TileType(source.dtype, 1, 1)

    def codegen(context, builder, sig, args):
        _, d_value, at, step, begin, end, valid, b_value, b_at, y_value, y_at, y_step, y_rows, y_width = args
        data = llvm.data(context, builder, source, d_value)
        zero, channels = ir.Constant(I64, 0), []
        for h in range(len(T.rows[0])):
            place = ir.Constant(I64, h)
            there = builder.and_(builder.icmp_signed(">=", place, begin), builder.icmp_signed("<", place, end))
            mask = llvm.mask(builder, tile, builder.select(there, valid, zero))
            pointer = builder.gep(data, [builder.add(at, builder.mul(place, step))])
            channels.append(llvm.load(builder, tile, pointer, mask))
        b = llvm.load(builder, tile, builder.gep(llvm.data(context, builder, start, b_value), [b_at]))
        out = llvm.data(context, builder, target, y_value)

        def write(mask):
            for r, row in enumerate(T.rows):
                place = ir.Constant(I64, r)
                with builder.if_then(builder.icmp_signed("<", place, y_rows)):
                    pointer = builder.gep(out, [builder.add(y_at, builder.mul(place, y_step))])
                    llvm.store(builder, tile, _dot(builder, tile, row, channels, b), pointer, mask)

        llvm.write_lanes(builder, tile, y_width, write)
        return context.get_dummy_value()

    ints = types.intp
    return types.void(T, source, *[ints] * 5, start, ints, target, *[ints] * 4), codegen


@intrinsic
def apply_square(typingctx, T, source, v, v_row, v_step, start, f, target, w, w_row, w_step):
    """Write target[w + r*w_row + s*w_step ...] = start[f ...] + (T d T^T)[r,s].

    Whole vectors, and all there: the middle stays in registers. start None: nothing is added.
    """
    tile = TileType(source.dtype, 1, 1)

    def codegen(context, builder, sig, args):
        _, d_value, at, row, step, b_value, b_at, y_value, y_at, y_row, y_step = args
        data, out = llvm.data(context, builder, source, d_value), llvm.data(context, builder, target, y_value)
        b = None
        if not isinstance(start, types.NoneType):
            b = llvm.load(builder, tile, builder.gep(llvm.data(context, builder, start, b_value), [b_at]))
        middle = []
        for pointers in zip(*_places(builder, data, at, row, step, len(T.rows[0])), strict=True):
            column = [llvm.load(builder, tile, p) for p in pointers]
            middle.append([_dot(builder, tile, t_row, column, None) for t_row in T.rows])
        for pointers, line in zip(
            _places(builder, out, y_at, y_row, y_step, len(T.rows)), zip(*middle, strict=True), strict=True
        ):
            for t_row, pointer in zip(T.rows, pointers, strict=True):
                llvm.store(builder, tile, _dot(builder, tile, t_row, line, b), pointer)
        return context.get_dummy_value()

    ints = types.intp
    return types.void(T, source, *[ints] * 3, start, ints, target, *[ints] * 3), codegen


def _places(builder, data, at, row, step, size):
    """Pointers to data[at + r*row + s*step], lines of a square."""
    lines = []
    for r in range(size):
        line = builder.gep(data, [builder.add(at, builder.mul(ir.Constant(I64, r), row))])
        lines.append([builder.gep(line, [builder.mul(ir.Constant(I64, s), step)]) for s in range(size)])
    return lines


def _dot(builder, tile, row, channels, total):
    """Return total + the sum of factor * vector; a None or 0 is left out."""
    for factor, vector in zip(row, channels, strict=True):
        constant = ir.Constant(llvm.vector(tile), [float(factor)] * tile.lanes)
        if factor == 0:
            continue
        if total is None:
            total = vector if factor == 1 else builder.fmul(constant, vector)
        elif factor == 1:
            total = builder.fadd(total, vector)
        elif factor == -1:
            total = builder.fsub(total, vector)
        else:
            total = multiply_add(builder, tile, constant, vector, total)
    return total
