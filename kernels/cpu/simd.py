"""SIMD register tiles for Numba on the CPU: the values a fast kernel keeps in registers, and the few things it does.

A tile is `rows` x `vecs` vectors of `lanes` numbers. It lives in registers for a whole sum; each step of the sum is
one outer product, "tile += outer(x-column, k-row)":

    tile = empty_tile(x, 4)                    # its type: the shape for this host and x's dtype
    offsets = row_offsets(tile, starts, m)     # where the rows m, m+1, ... of the tile begin in x
    tile = add_outer(tile, x, offsets, u, k, v)  # tile[r, :] += x[offsets[r] + u] * k[v : v + width]

The larger the tile, the less is loaded for each multiply-add: rows + vecs loads feed rows*vecs*lanes of them. It is as
large as the registers allow, since a tile that spills to memory is slower than a small one. Arrays are flat (1-D).
Source: Goto and van de Geijn, Anatomy of High-Performance Matrix Multiplication, 2008, section 6.
"""

import platform

from llvmlite import ir
from numba import types
from numba.core.registry import cpu_target
from numba.extending import intrinsic, models, register_model

from kernels.cpu import simd_llvm as llvm
from kernels.cpu.simd_llvm import I32, I64


def host_registers() -> tuple[int, int]:
    """Return (bits of a vector register, how many there are), for the CPU that Numba generates code for.

    NUMBA_CPU_NAME and NUMBA_CPU_FEATURES, if set, decide; both are part of the key of Numba's cache.
    """
    features = cpu_target.target_context.codegen().magic_tuple()[2].split(",")
    if "+avx512f" in features:
        return 512, 32
    if "+avx" in features:
        return 256, 16
    if platform.machine().lower() in ("aarch64", "arm64"):
        return 128, 32
    return 128, 16  # SSE2, which every x86-64 has


BITS, REGISTERS = host_registers()  # of a vector register, and how many there are
WIDEST = 4 if REGISTERS == 32 else 2  # vectors across a tile: with ROWS it fills the registers
# vecs -> rows: rows*vecs sums, vecs k-vectors and one x-number fit the vector registers; 8 sums or more
# hide a multiply-add's latency. No more rows than 9: each one's address takes a register, too.
ROWS = {4: 6, 3: 8, 2: 8, 1: 8} if REGISTERS == 32 else {2: 6, 1: 8}
MOST_ROWS = 14 if REGISTERS == 32 else 8  # where a sum is long, or its x is a vector, addresses matter less


class TileType(types.Type):
    """rows x vecs vectors of `lanes` numbers of `dtype`, in registers."""

    def __init__(self, dtype: types.Float, rows: int, vecs: int) -> None:
        self.dtype, self.rows, self.vecs = dtype, rows, vecs
        self.lanes = BITS // dtype.bitwidth
        super().__init__(name=f"Tile({dtype}, {self.rows} rows x {vecs} vectors x {self.lanes} lanes)")


class OffsetsType(types.Type):
    """One offset into a flat array for each row of a tile, in registers."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        super().__init__(name=f"Offsets({rows})")


@register_model(TileType)
class _TileModel(models.PrimitiveModel):
    def __init__(self, dmm, fe_type):
        super().__init__(dmm, fe_type, ir.ArrayType(llvm.vector(fe_type), fe_type.rows * fe_type.vecs))


@register_model(OffsetsType)
class _OffsetsModel(models.PrimitiveModel):
    def __init__(self, dmm, fe_type):
        super().__init__(dmm, fe_type, ir.ArrayType(I64, fe_type.rows))


@intrinsic(prefer_literal=True)
def empty_tile(typingctx, x, vecs):
    """Return a tile of zeros for sums over the array x, `vecs` (a constant) vectors wide or as many as the host has."""
    vectors = min(vecs.literal_value, WIDEST)
    tile = TileType(x.dtype, ROWS[vectors], vectors)
    return tile(x, vecs), lambda context, builder, sig, args: ir.Constant(context.get_value_type(tile), None)


@intrinsic(prefer_literal=True)
def low_tile(typingctx, x, vecs, rows):
    """Return the same with a given number of rows (a constant, at most MOST_ROWS)."""
    tile = TileType(x.dtype, min(rows.literal_value, MOST_ROWS), min(vecs.literal_value, WIDEST))
    return tile(x, vecs, rows), lambda context, builder, sig, args: ir.Constant(context.get_value_type(tile), None)


@intrinsic
def height(typingctx, tile):
    """Return the tile's number of rows, a constant."""
    return types.intp(tile), lambda context, builder, sig, args: ir.Constant(I64, tile.rows)


@intrinsic
def width(typingctx, tile):
    """Return how many numbers one row of the tile holds, a constant."""
    return types.intp(tile), lambda context, builder, sig, args: ir.Constant(I64, tile.vecs * tile.lanes)


@intrinsic
def lanes(typingctx, x):
    """Return how many of x's numbers one vector holds, a constant."""
    return types.intp(x), lambda context, builder, sig, args: ir.Constant(I64, BITS // x.dtype.bitwidth)


@intrinsic
def row_offsets(typingctx, tile, starts, m):
    """Return starts[m], starts[m+1], ...: one offset for each row of the tile."""
    offsets = OffsetsType(tile.rows)

    def codegen(context, builder, sig, args):
        _, starts_value, first = args
        data = llvm.data(context, builder, starts, starts_value)
        result = ir.Constant(context.get_value_type(offsets), ir.Undefined)
        for r in range(offsets.rows):
            offset = builder.load(builder.gep(data, [builder.add(first, ir.Constant(I64, r))]))
            result = builder.insert_value(result, offset, r)
        return result

    return offsets(tile, starts, types.intp), codegen


@intrinsic
def add_outer(typingctx, tile, x, offsets, u, k, v):
    """Return the tile with tile[r, :] += x[offsets[r] + u] * k[v : v + width]: one step of every sum."""

    def codegen(context, builder, sig, args):
        sums, x_value, offsets_value, u_value, k_value, v_value = args
        k_data = llvm.data(context, builder, k, k_value)
        k_row = [llvm.load(builder, tile, llvm.at(builder, k_data, v_value, j * tile.lanes)) for j in range(tile.vecs)]
        for r, pixel in _pixels(context, builder, x, x_value, offsets, offsets_value, u_value):
            # one number of x for a whole row: the load that fills every lane also feeds every vector of k
            factor = llvm.broadcast(builder, tile, builder.load(pixel))
            for j in range(tile.vecs):
                sums = _add(builder, tile, sums, r * tile.vecs + j, factor, k_row[j])
        return sums

    return tile(tile, x, offsets, types.intp, k, types.intp), codegen


@intrinsic
def add_product(typingctx, tile, x, offsets, u, k, v, count):
    """Return the tile with tile[r, :] += x[offsets[r] + u : ... + count] * k[v : v + count], number by number.

    count None: the tile's whole width.
    """

    def codegen(context, builder, sig, args):
        sums, x_value, offsets_value, u_value, k_value, v_value, valid = args
        last = None if count is types.none else llvm.mask(builder, tile, valid)
        masks = [None] * (tile.vecs - 1) + [last]
        k_data = llvm.data(context, builder, k, k_value)
        k_row = [
            llvm.load(builder, tile, llvm.at(builder, k_data, v_value, j * tile.lanes), m) for j, m in enumerate(masks)
        ]
        for r, pixel in _pixels(context, builder, x, x_value, offsets, offsets_value, u_value):
            for j, mask in enumerate(masks):
                factor = llvm.load(builder, tile, builder.gep(pixel, [ir.Constant(I64, j * tile.lanes)]), mask)
                sums = _add(builder, tile, sums, r * tile.vecs + j, factor, k_row[j])
        return sums

    return tile(tile, x, offsets, types.intp, k, types.intp, count), codegen


def _pixels(context, builder, x, x_value, offsets, offsets_value, u):
    """Return (row, pointer to x[offsets[r] + u]) for every row of a tile."""
    data = llvm.data(context, builder, x, x_value)
    for r in range(offsets.rows):
        # in two steps: the row's own address does not change within a sum, so LLVM keeps it in a register
        yield r, builder.gep(builder.gep(data, [builder.extract_value(offsets_value, r)]), [u])


def _add(builder, tile, sums, index, factor, k_vector):
    total = multiply_add(builder, tile, factor, k_vector, builder.extract_value(sums, index))
    return builder.insert_value(sums, total, index)


def multiply_add(builder, tile, factor, k_vector, sum_vector):
    """Return factor * k_vector + sum_vector, rounded once if the host can."""
    vector = llvm.vector(tile)
    # fmuladd, not fma: where the host has no fused instruction it is two, not a call into the C library
    name = f"llvm.fmuladd.v{tile.lanes}f{tile.dtype.bitwidth}"
    fma = llvm.declared(builder.module, ir.FunctionType(vector, [vector] * 3), name)
    return builder.call(fma, [factor, k_vector, sum_vector])


@intrinsic
def fill(typingctx, tile, b, v):
    """Return a tile with b[v : v + width] in every row."""

    def codegen(context, builder, sig, args):
        sums, b_value, first = args
        data = llvm.data(context, builder, b, b_value)
        for j in range(tile.vecs):
            vector = llvm.load(builder, tile, llvm.at(builder, data, first, j * tile.lanes))
            for r in range(tile.rows):
                sums = builder.insert_value(sums, vector, r * tile.vecs + j)
        return sums

    return tile(tile, b, types.intp), codegen


@intrinsic
def load(typingctx, tile, y, offsets, v, count):
    """Return the tile y[offsets[r] + v : ... + count], width - lanes < count <= width; 0, unread, beyond count."""

    def codegen(context, builder, sig, args):
        sums, y_value, offsets_value, first, valid = args
        data, mask = llvm.data(context, builder, y, y_value), llvm.mask(builder, tile, valid)
        for r, j, pointer in llvm.places(builder, tile, data, offsets_value, first):
            value = llvm.load(builder, tile, pointer, mask if j == tile.vecs - 1 else None)
            sums = builder.insert_value(sums, value, r * tile.vecs + j)
        return sums

    return tile(tile, y, offsets, types.intp, types.intp), codegen


@intrinsic
def store(typingctx, tile, y, offsets, v, count):
    """Write y[offsets[r] + v : ... + count] = tile[r, :count], width - lanes < count <= width."""

    def codegen(context, builder, sig, args):
        sums, y_value, offsets_value, first, valid = args
        data = llvm.data(context, builder, y, y_value)

        def write(mask):
            for r, j, pointer in llvm.places(builder, tile, data, offsets_value, first):
                value = builder.extract_value(sums, r * tile.vecs + j)
                llvm.store(builder, tile, value, pointer, mask if j == tile.vecs - 1 else None)

        llvm.write_lanes(builder, tile, valid, write)
        return context.get_dummy_value()

    return types.void(tile, y, offsets, types.intp, types.intp), codegen


@intrinsic
def plus(typingctx, tile, other):
    """Return the sum of two tiles, number by number."""

    def codegen(context, builder, sig, args):
        sums, more = args
        for index in range(tile.rows * tile.vecs):
            total = builder.fadd(builder.extract_value(sums, index), builder.extract_value(more, index))
            sums = builder.insert_value(sums, total, index)
        return sums

    return tile(tile, other), codegen


@intrinsic
def clamp(typingctx, tile, low, high):
    """Return the tile with low where a number is not above it, and high where it is not below; a NaN stays one."""

    def codegen(context, builder, sig, args):
        sums, *limits = args
        least, most = (llvm.broadcast(builder, tile, limit) for limit in limits)
        for index in range(tile.rows * tile.vecs):
            vector = builder.extract_value(sums, index)
            vector = builder.select(builder.fcmp_ordered("<=", vector, least), least, vector)
            vector = builder.select(builder.fcmp_ordered(">=", vector, most), most, vector)
            sums = builder.insert_value(sums, vector, index)
        return sums

    return tile(tile, tile.dtype, tile.dtype), codegen


@intrinsic
def store_sums(typingctx, tile, y, offsets, v, start):
    """Write y[offsets[r] + v] = start + the sum of the tile's row r (one vector), added in halves."""

    def codegen(context, builder, sig, args):
        sums, y_value, offsets_value, first, start_value = args
        data, n = llvm.data(context, builder, y, y_value), tile.lanes
        for r in range(tile.rows):
            vector, apart = builder.extract_value(sums, r), n // 2
            while apart:
                other = llvm.shuffle(builder, vector, vector, [(j + apart) % n for j in range(n)])
                vector, apart = builder.fadd(vector, other), apart // 2
            total = builder.fadd(start_value, builder.extract_element(vector, ir.Constant(I32, 0)))
            builder.store(total, builder.gep(data, [builder.add(builder.extract_value(offsets_value, r), first)]))
        return context.get_dummy_value()

    return types.void(tile, y, offsets, types.intp, tile.dtype), codegen
