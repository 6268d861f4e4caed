"""Register tiles for sums of 8-bit products: rows x vecs vectors of 32-bit integers, two products a lane and step.

    tile[r, f] += x[offsets[r] + u] * k[v + 2*f] + x[offsets[r] + u + 1] * k[v + 2*f + 1]

One instruction does it for a vector: x86's pmaddwd multiplies pairs of 16-bit integers and adds each pair in 32 bits.
For 8-bit numbers it is exact: 255 * 128 fits into 16 bits twice, and so does the sum of two into 32. (The instruction
for pairs of 8-bit numbers, pmaddubsw, has 16 bits for that sum and saturates.) LLVM makes pmaddwd and the addition one
vpdpwssd where the processor has VNNI. On a processor without either, the same sums are plain multiplications.
Integer sums have no order: every processor, and every number of threads, gives the same bits.
"""

from llvmlite import ir
from numba import types
from numba.core.registry import cpu_target
from numba.extending import intrinsic, models, register_model

from kernels.cpu import simd_llvm as llvm
from kernels.cpu.simd import REGISTERS
from kernels.cpu.simd_llvm import I32

I8, I16, F32 = ir.IntType(8), ir.IntType(16), ir.FloatType()
MAGIC = 12582912.0  # 1.5 * 2^23: a float this large has no digits behind the point, so adding it rounds to even
MAGIC_BITS = 0x4B400000  # the same as bits


def pair_instruction() -> tuple[str | None, int]:
    """Return (LLVM's name of the widest pmaddwd of the host, or None; 32-bit lanes of its vector)."""
    features = cpu_target.target_context.codegen().magic_tuple()[2].split(",")
    if "+avx512bw" in features:
        return "llvm.x86.avx512.pmaddw.d.512", 16
    if "+avx2" in features:
        return "llvm.x86.avx2.pmadd.wd", 8
    if "+sse2" in features:
        return "llvm.x86.sse2.pmadd.wd", 4
    return None, 4


PAIR, LANES = pair_instruction()  # of the widest instruction there is: 32-bit sums of a vector
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
def add_pairs(typingctx, tile, x, offsets, u, k, v):
    """Return the tile after one step of every sum: two numbers of x a row, two rows of k beside each other."""

    def codegen(context, builder, sig, args):
        sums, x_value, offsets_value, u_value, k_value, v_value = args
        pairs = ir.VectorType(I16, 2 * LANES)
        k_data = llvm.data(context, builder, k, k_value)
        k_row = [_load(builder, llvm.at(builder, k_data, v_value, 2 * LANES * j), pairs) for j in range(VECS)]
        x_data = llvm.data(context, builder, x, x_value)
        for r in range(tile.rows):
            # in two steps: the row's own address does not change within a sum, so LLVM keeps it in a register
            place = builder.gep(builder.gep(x_data, [builder.extract_value(offsets_value, r)]), [u_value])
            both = _load(builder, place, I32)
            factor = builder.bitcast(_broadcast(builder, both), pairs)
            for j in range(VECS):
                old = builder.extract_value(sums, r * VECS + j)
                new = builder.add(old, _sum_pairs(builder, factor, k_row[j]))
                sums = builder.insert_value(sums, new, r * VECS + j)
        return sums

    return tile(tile, x, offsets, types.intp, k, types.intp), codegen


@intrinsic
def largest(typingctx, tile):
    """Return a tile of one row: the largest sum of each column."""

    def codegen(context, builder, sig, args):
        found = [builder.extract_value(args[0], j) for j in range(VECS)]
        for r in range(1, tile.rows):
            for j in range(VECS):
                other = builder.extract_value(args[0], r * VECS + j)
                found[j] = builder.select(builder.icmp_signed(">", other, found[j]), other, found[j])
        made = ir.Constant(context.get_value_type(sig.return_type), ir.Undefined)
        for j, vector in enumerate(found):
            made = builder.insert_value(made, vector, j)
        return made

    return SumsType(1)(tile), codegen


def _load(builder, pointer, kind):
    value = builder.load(builder.bitcast(pointer, kind.as_pointer()))
    value.align = 2
    return value


def _broadcast(builder, scalar, lanes=LANES):
    undefined = ir.Constant(ir.VectorType(scalar.type, lanes), ir.Undefined)
    vector = builder.insert_element(undefined, scalar, ir.Constant(I32, 0))
    return llvm.shuffle(builder, vector, undefined, [0] * lanes)


def _sum_pairs(builder, a, b):
    """Return a[0]*b[0] + a[1]*b[1], a[2]*b[2] + a[3]*b[3], ... in 32 bits."""
    wide = ir.VectorType(I32, LANES)
    if PAIR is not None:
        kind = ir.FunctionType(wide, [a.type, b.type])
        return builder.call(llvm.declared(builder.module, kind, PAIR), [a, b])
    products = []
    for first in (0, 1):
        order = list(range(first, 2 * LANES, 2))
        halves = [builder.sext(llvm.shuffle(builder, v, v, order), wide) for v in (a, b)]
        products.append(builder.mul(*halves))
    return builder.add(*products)


@intrinsic
def interleave(typingctx, k, first, second, place, at):
    """Write place[at + 2*f] = k[first + f] and place[at + 2*f + 1] = k[second + f], 8 bits to 16, for f < WIDTH."""

    def codegen(context, builder, sig, args):
        k_value, one, other, place_value, at_value = args
        wide = _interleaved(builder, llvm.data(context, builder, k, k_value), one, other)
        target = builder.gep(llvm.data(context, builder, place, place_value), [at_value])
        builder.store(wide, builder.bitcast(target, wide.type.as_pointer())).align = 2
        return context.get_dummy_value()

    return types.void(k, types.intp, types.intp, place, types.intp), codegen


@intrinsic
def add_rows(typingctx, tile, x, u, k, first, second):
    """Return a tile of one row after a step on k as it lies: tile[f] += x[u] * k[first+f] + x[u+1] * k[second+f]."""

    def codegen(context, builder, sig, args):
        sums, x_value, u_value, k_value, one, other = args
        both = _load(builder, builder.gep(llvm.data(context, builder, x, x_value), [u_value]), I32)
        factor = builder.bitcast(_broadcast(builder, both), ir.VectorType(I16, 2 * LANES))
        wide = _interleaved(builder, llvm.data(context, builder, k, k_value), one, other)
        for j in range(VECS):
            row = llvm.shuffle(builder, wide, wide, list(range(2 * LANES * j, 2 * LANES * (j + 1))))
            new = builder.add(builder.extract_value(sums, j), _sum_pairs(builder, factor, row))
            sums = builder.insert_value(sums, new, j)
        return sums

    return tile(tile, x, types.intp, k, types.intp, types.intp), codegen


def _interleaved(builder, data, one, other):
    """Return two rows of WIDTH bytes, number by number beside each other, in 16 bits."""
    row, rows = ir.VectorType(I8, WIDTH), []
    for start in (one, other):
        rows.append(builder.load(builder.bitcast(builder.gep(data, [start]), row.as_pointer())))
        rows[-1].align = 1
    mixed = llvm.shuffle(builder, *rows, [f // 2 + f % 2 * WIDTH for f in range(2 * WIDTH)])
    return builder.sext(mixed, ir.VectorType(I16, 2 * WIDTH))


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
        self._low, self._high = (_broadcast(builder, v) for v in bounds)
        self._magic = _broadcast(builder, ir.Constant(F32, MAGIC))
        self._back = _broadcast(builder, builder.sub(ir.Constant(I32, MAGIC_BITS), zero))

    def __call__(self, value):
        """Return the level; the limits are whole, so it does not matter that they come before the rounding."""
        build = self._builder
        value = build.select(build.fcmp_ordered("<", value, self._low), self._low, value)
        value = build.select(build.fcmp_ordered(">", value, self._high), self._high, value)
        bits = build.bitcast(build.fadd(value, self._magic), ir.VectorType(I32, LANES))
        return build.sub(bits, self._back)
