"""Register tiles where convolution meets 2x2 max pooling: four rows of a tile are the four pixels of a window.

Forward, a window leaves the registers as its largest number, rectified, and that number's place 0 .. 3 (row by row).
Backward, a window's gradient goes to one pixel a filter, so what is added is read from, or written to, another place
for each. The types of tiles and the notation are those of kernels/cpu/simd.py.
"""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from kernels.cpu import simd_llvm as llvm
from kernels.cpu.simd import OffsetsType, TileType, multiply_add
from kernels.cpu.simd_llvm import I32, I64

WINDOW = 4  # pixels: a window of 2x2
TAPS, SIDE = 9, 3  # of a 3x3 kernel


@intrinsic(prefer_literal=True)
def tile_of(typingctx, x, rows, vecs):
    """Return a tile of zeros of any shape, two constants; the caller ensures that it fits the registers."""
    tile = TileType(x.dtype, rows.literal_value, vecs.literal_value)
    return tile(x, rows, vecs), lambda context, builder, sig, args: ir.Constant(context.get_value_type(tile), None)


@intrinsic
def window_rows(typingctx, tile, corners, m, across, down):
    """Return where the tile's rows begin: at the pixels of the windows m, m+1, ..., whose corners the table has."""
    offsets = OffsetsType(tile.rows)

    def codegen(context, builder, sig, args):
        _, table, first, right, below = args
        data = llvm.data(context, builder, corners, table)
        result = ir.Constant(context.get_value_type(offsets), ir.Undefined)
        for w in range(tile.rows // WINDOW):
            corner = builder.load(llvm.at(builder, data, first, w))
            low = builder.add(corner, below)
            for r, place in enumerate((corner, builder.add(corner, right), low, builder.add(low, right))):
                result = builder.insert_value(result, place, w * WINDOW + r)
        return result

    return offsets(tile, corners, types.intp, types.intp, types.intp), codegen


@intrinsic
def store_largest(typingctx, tile, y, argmax, v, step, windows, count):
    """Write y[v + w*step : ... + count] = max(0, the largest row of window w) and its place to argmax, for w < windows.

    A tie goes to the first, a NaN is the largest; width - lanes < count <= width.
    """

    def codegen(context, builder, sig, args):
        sums, y_value, argmax_value, first, by, there, valid = args
        y_data = llvm.data(context, builder, y, y_value)
        argmax_data = llvm.data(context, builder, argmax, argmax_value)

        def write(mask):
            for w in range(tile.rows // WINDOW):
                with builder.if_then(builder.icmp_signed("<", ir.Constant(I64, w), there)):
                    start = builder.add(first, builder.mul(by, ir.Constant(I64, w)))
                    for j in range(tile.vecs):
                        pixels = [builder.extract_value(sums, (w * WINDOW + r) * tile.vecs + j) for r in range(WINDOW)]
                        largest, place = _largest(builder, tile, pixels)
                        lanes = mask if j == tile.vecs - 1 else None
                        llvm.store(builder, tile, largest, llvm.at(builder, y_data, start, j * tile.lanes), lanes)
                        _store_bytes(builder, tile, place, llvm.at(builder, argmax_data, start, j * tile.lanes), lanes)

        llvm.write_lanes(builder, tile, valid, write)
        return context.get_dummy_value()

    return types.void(tile, y, argmax, *[types.intp] * 4), codegen


def _largest(builder, tile, pixels):
    """Return (max(0, the largest of some vectors), its place), lane by lane."""
    zero = ir.Constant(llvm.vector(tile), None)
    largest, place = pixels[0], _bytes(tile, 0)
    for r, v in enumerate(pixels[1:], 1):
        lost = builder.and_(builder.fcmp_unordered("uno", v, v), builder.fcmp_ordered("ord", largest, largest))
        better = builder.or_(builder.fcmp_ordered(">", v, largest), lost)  # a NaN, and none before
        largest, place = builder.select(better, v, largest), builder.select(better, _bytes(tile, r), place)
    return builder.select(builder.fcmp_ordered("<=", largest, zero), zero, largest), place


@intrinsic
def add_scaled(typingctx, tile, x, offsets, u, factor):
    """Return the tile with tile[r, :] += factor * x[offsets[r] + u : ... + width]."""

    def codegen(context, builder, sig, args):
        sums, x_value, offsets_value, place, number = args
        scale = llvm.broadcast(builder, tile, number)
        for index, pointer in _lines(context, builder, tile, x, x_value, offsets_value, place):
            old = builder.extract_value(sums, index)
            new = multiply_add(builder, tile, scale, llvm.load(builder, tile, pointer), old)
            sums = builder.insert_value(sums, new, index)
        return sums

    return tile(tile, x, offsets, types.intp, x.dtype), codegen


@intrinsic
def add_into(typingctx, tile, y, offsets, v, factor):
    """Add factor * tile[r, :] to y[offsets[r] + v : ... + width]."""

    def codegen(context, builder, sig, args):
        numbers, y_value, offsets_value, place, number = args
        scale = llvm.broadcast(builder, tile, number)
        for index, pointer in _lines(context, builder, tile, y, y_value, offsets_value, place):
            old = llvm.load(builder, tile, pointer)
            new = multiply_add(builder, tile, scale, builder.extract_value(numbers, index), old)
            llvm.store(builder, tile, new, pointer)
        return context.get_dummy_value()

    return types.void(tile, y, offsets, types.intp, y.dtype), codegen


def _lines(context, builder, tile, x, x_value, offsets_value, place):
    """Return (index of a vector in the tile, pointer to x[offsets[r] + place + its lanes]) for each."""
    data = llvm.data(context, builder, x, x_value)
    for r in range(tile.rows):
        # in two steps: the row's own address does not change from call to call, so LLVM keeps it in a register
        line = builder.gep(builder.gep(data, [builder.extract_value(offsets_value, r)]), [place])
        for j in range(tile.vecs):
            yield r * tile.vecs + j, builder.gep(line, [ir.Constant(I64, j * tile.lanes)])


@intrinsic
def add_grey(typingctx, tile, x, u, line, dy, y, argmax, v, count):
    """Add one window of one channel: rows 0 .. 8 are the taps (p,q) of a 3x3 kernel, row 9 their bias.

    tile[3p + q, e] += x[u + (p+a)*line + q+b] * g[e],  tile[9, e] += g[e],  a, b = divmod(argmax[v+e], 2)
    g[e] = dy[v + e] where y[v + e] > 0, else 0, for e < count; width - lanes < count <= width.
    """

    def codegen(context, builder, sig, args):
        sums, x_value, place, step, *given, first, valid = args
        g, places = _gradient(context, builder, tile, (dy, y, argmax), given, first, llvm.mask(builder, tile, valid))
        for j, vector in enumerate(g):
            index = TAPS * tile.vecs + j
            sums = builder.insert_value(sums, builder.fadd(builder.extract_value(sums, index), vector), index)
        lines = [builder.gep(llvm.data(context, builder, x, x_value), [place])]
        for _ in range(SIDE):
            lines.append(builder.gep(lines[-1], [step]))
        zero = ir.Constant(llvm.vector(tile), None)
        for a in range(WINDOW):
            here = [builder.icmp_unsigned("==", p, _bytes(tile, a)) for p in places]
            chosen = [builder.select(h, vector, zero) for h, vector in zip(here, g, strict=True)]
            for r in range(TAPS):
                pixel = builder.gep(lines[r // SIDE + a // 2], [ir.Constant(I64, r % SIDE + a % 2)])
                factor = llvm.broadcast(builder, tile, builder.load(pixel))
                for j in range(tile.vecs):
                    old = builder.extract_value(sums, r * tile.vecs + j)
                    new = multiply_add(builder, tile, factor, chosen[j], old)
                    sums = builder.insert_value(sums, new, r * tile.vecs + j)
        return sums

    return tile(tile, x, types.intp, types.intp, dy, y, argmax, types.intp, types.intp), codegen


def _gradient(context, builder, tile, kinds, values, first, mask):
    """Return (dy where y > 0, argmax) of one window, a vector each for every block of lanes."""
    dy, y, argmax = (llvm.data(context, builder, k, v) for k, v in zip(kinds, values, strict=True))
    zero, g, places = ir.Constant(llvm.vector(tile), None), [], []
    for j in range(tile.vecs):
        lanes = mask if j == tile.vecs - 1 else None
        upstream, largest = (
            llvm.load(builder, tile, llvm.at(builder, a, first, j * tile.lanes), lanes) for a in (dy, y)
        )
        g.append(builder.select(builder.fcmp_ordered(">", largest, zero), upstream, zero))
        places.append(_load_bytes(builder, tile, llvm.at(builder, argmax, first, j * tile.lanes), lanes))
    return g, places


def _byte_vector(tile):
    return ir.VectorType(ir.IntType(8), tile.lanes)


def _bytes(tile, value):
    return ir.Constant(_byte_vector(tile), [value] * tile.lanes)


def _load_bytes(builder, tile, pointer, mask):
    whole = _byte_vector(tile)
    pointer = builder.bitcast(pointer, whole.as_pointer())
    if mask is None:
        value = builder.load(pointer)
        value.align = 1
        return value
    kind = ir.FunctionType(whole, [pointer.type, I32, mask.type, whole])
    masked = llvm.declared(builder.module, kind, f"llvm.masked.load.v{tile.lanes}i8.p0")
    return builder.call(masked, [pointer, ir.Constant(I32, 1), mask, ir.Constant(whole, None)])


def _store_bytes(builder, tile, value, pointer, mask):
    pointer = builder.bitcast(pointer, _byte_vector(tile).as_pointer())
    if mask is None:
        builder.store(value, pointer).align = 1
        return
    kind = ir.FunctionType(ir.VoidType(), [value.type, pointer.type, I32, mask.type])
    masked = llvm.declared(builder.module, kind, f"llvm.masked.store.v{tile.lanes}i8.p0")
    builder.call(masked, [value, pointer, ir.Constant(I32, 1), mask])
