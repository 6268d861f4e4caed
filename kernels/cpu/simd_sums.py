"""Register tiles of sums of whole numbers: rows x VECS vectors of 32-bit integers, and how they become levels.

What is added to them stands in kernels/cpu/simd_steps.py. Integer sums have no order: every processor, and every
number of threads, gives the same bits.
"""

from llvmlite import ir
from numba import types
from numba.core.registry import cpu_target
from numba.extending import intrinsic, models, register_model

from kernels.cpu import simd_llvm as llvm
from kernels.cpu.simd import REGISTERS
from kernels.cpu.simd_llvm import I32

I8, F32 = ir.IntType(8), ir.FloatType()
MAGIC = 12582912.0  # 1.5 * 2^23: a float this large has no digits behind the point, so adding it rounds to even
MAGIC_BITS = 0x4B400000  # the same as bits


def host_features() -> list[str]:
    """Return what the processor that Numba generates code for can do, in LLVM's words: "+avx2", ..."""
    return cpu_target.target_context.codegen().magic_tuple()[2].split(",")


def host_lanes() -> int:
    """Return how many 32-bit sums the widest vector of whole numbers holds."""
    features = host_features()
    return 16 if "+avx512bw" in features else 8 if "+avx2" in features else 4


LANES = host_lanes()  # 32-bit sums of a vector
VECS = 2  # vectors across a tile: with ROWS it fills the registers
WIDTH = VECS * LANES  # filters of a tile
ROWS = 12 if REGISTERS == 32 else 6  # of a tile: its sums, two vectors of weights and one of pixels fit


class SumsType(types.Type):
    """rows x VECS vectors of LANES 32-bit integers, in registers."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        super().__init__(name=f"Sums({rows} rows x {VECS} vectors x {LANES} lanes)")


@register_model(SumsType)
class _SumsModel(models.PrimitiveModel):
    def __init__(self, dmm, fe_type):
        super().__init__(dmm, fe_type, ir.ArrayType(ir.VectorType(I32, LANES), fe_type.rows * VECS))


@intrinsic(prefer_literal=True)
def no_sums(typingctx, rows):
    """Return `rows` (a constant) rows of zeros."""
    tile = SumsType(rows.literal_value)
    return tile(rows), lambda context, builder, sig, args: ir.Constant(context.get_value_type(tile), None)


@intrinsic
def largest(typingctx, tile):
    """Return a tile of a row for every four: the largest sum of each column."""
    together = 4  # pixels of a window
    smaller = SumsType(tile.rows // together)

    def codegen(context, builder, sig, args):
        made = ir.Constant(context.get_value_type(smaller), ir.Undefined)
        for at in range(smaller.rows * VECS):
            first = at // VECS * together * VECS + at % VECS
            found = builder.extract_value(args[0], first)
            for r in range(1, together):
                other = builder.extract_value(args[0], first + r * VECS)
                found = builder.select(builder.icmp_signed(">", other, found), other, found)
            made = builder.insert_value(made, found, at)
        return made

    return smaller(tile), codegen


@intrinsic
def store(typingctx, tile, b, multiplier, f, levels, real, y, offsets, g):
    """Write the numbers (tile[r, j] + b[f + j]) * multiplier[f + j] to the bytes y[offsets[r] + g ...], for j < WIDTH.

    real: 4 bytes each, in float32. If not, a byte each, the level of the number: with levels (zero, low, high) it is
    round(min(max(v, low - zero), high - zero)) + zero, ties to even.
    """

    def codegen(context, builder, sig, args):
        sums, b_value, m_value, first, levels_value, real_value, y_value, offsets_value, at = args
        data = llvm.data(context, builder, y, y_value)
        to_level = _Levels(builder, *_three(builder, levels_value))

        def put(row, r):
            place = builder.gep(builder.gep(data, [builder.extract_value(offsets_value, r)]), [at])
            builder.store(row, builder.bitcast(place, row.type.as_pointer())).align = 1

        rows = list(_reals(context, builder, tile, sums, (b, b_value), (multiplier, m_value), first))
        with builder.if_else(real_value) as (numbers, levels_):
            with numbers:
                for r, values in enumerate(rows):
                    put(_join(builder, values), r)
            with levels_:
                for r, values in enumerate(rows):
                    put(builder.trunc(_join(builder, [to_level(v) for v in values]), ir.VectorType(I8, WIDTH)), r)
        return context.get_dummy_value()

    return types.void(tile, b, multiplier, types.intp, levels, types.boolean, y, offsets, types.intp), codegen


def broadcast(builder, scalar, lanes=LANES):
    """Return a vector with the scalar in every lane."""
    undefined = ir.Constant(ir.VectorType(scalar.type, lanes), ir.Undefined)
    vector = builder.insert_element(undefined, scalar, ir.Constant(I32, 0))
    return llvm.shuffle(builder, vector, undefined, [0] * lanes)


def _three(builder, values):
    """Return the three numbers of a tuple in 32 bits."""
    return [builder.trunc(builder.extract_value(values, i), I32) for i in range(3)]


def _join(builder, vectors):
    return llvm.shuffle(builder, *vectors, list(range(WIDTH)))


def _reals(context, builder, tile, sums, bias, multiplier, first):
    """Return the vectors of float32 of every row of a tile: the sum as a real number, rounded twice."""
    ints, floats = ir.VectorType(I32, LANES), ir.VectorType(F32, LANES)
    starts, scales = [], []
    for (kind, value), vector, found in ((bias, ints, starts), (multiplier, floats, scales)):
        data = llvm.data(context, builder, kind, value)
        for j in range(VECS):
            pointer = builder.bitcast(llvm.at(builder, data, first, j * LANES), vector.as_pointer())
            found.append(builder.load(pointer))
            found[-1].align = 4
    for r in range(tile.rows):
        values = []
        for j in range(VECS):
            total = builder.add(builder.extract_value(sums, r * VECS + j), starts[j])
            values.append(builder.fmul(builder.sitofp(total, floats), scales[j]))
        yield values


class _Levels:
    """How a real number becomes a level, in LLVM's language."""

    def __init__(self, builder, zero, low, high):
        self._builder = builder
        bounds = [builder.sitofp(builder.sub(v, zero), F32) for v in (low, high)]
        self._low, self._high = (broadcast(builder, v) for v in bounds)
        self._magic = broadcast(builder, ir.Constant(F32, MAGIC))
        self._back = broadcast(builder, builder.sub(ir.Constant(I32, MAGIC_BITS), zero))

    def __call__(self, value):
        """Return the level; the limits are whole, so it does not matter that they come before the rounding."""
        build = self._builder
        value = build.select(build.fcmp_ordered("<", value, self._low), self._low, value)
        value = build.select(build.fcmp_ordered(">", value, self._high), self._high, value)
        bits = build.bitcast(build.fadd(value, self._magic), ir.VectorType(I32, LANES))
        return build.sub(bits, self._back)
