"""How the little that a register tile does is written in LLVM's language. `tile` is a type of kernels/cpu/simd.py."""

from llvmlite import ir

I64, I32 = ir.IntType(64), ir.IntType(32)


def scalar(dtype):
    """Return LLVM's type of one number."""
    return ir.FloatType() if dtype.bitwidth == 32 else ir.DoubleType()


def vector(tile):
    """Return LLVM's type of one vector of a tile."""
    return ir.VectorType(scalar(tile.dtype), tile.lanes)


def data(context, builder, array_type, array):
    """Return the pointer to an array's first number."""
    return context.make_array(array_type)(context, builder, array).data


def at(builder, data, first, more):
    """Return the pointer to number first + more."""
    return builder.gep(data, [builder.add(first, ir.Constant(I64, more))])


def places(builder, tile, data, offsets, first):
    """Return (row, vector, pointer) for every vector of a tile that lies in memory."""
    for r in range(tile.rows):
        start = builder.add(builder.extract_value(offsets, r), first)
        for j in range(tile.vecs):
            yield r, j, at(builder, data, start, j * tile.lanes)


def load(builder, tile, pointer, mask=None):
    """Return a vector from memory; it may begin at any number. Lanes outside the mask are 0 and not read."""
    whole = vector(tile)
    pointer = builder.bitcast(pointer, whole.as_pointer())
    if mask is not None:
        kind = ir.FunctionType(whole, [pointer.type, I32, mask.type, whole])
        masked = declared(builder.module, kind, f"llvm.masked.load.v{tile.lanes}f{tile.dtype.bitwidth}.p0")
        return builder.call(masked, [pointer, alignment(tile), mask, ir.Constant(whole, None)])
    value = builder.load(pointer)
    value.align = tile.dtype.bitwidth // 8
    return value


def store(builder, tile, value, pointer, mask=None):
    """Write a vector to memory; it may begin at any number. Lanes outside the mask are left as they are."""
    pointer = builder.bitcast(pointer, vector(tile).as_pointer())
    if mask is not None:
        kind = ir.FunctionType(ir.VoidType(), [value.type, pointer.type, I32, mask.type])
        masked = declared(builder.module, kind, f"llvm.masked.store.v{tile.lanes}f{tile.dtype.bitwidth}.p0")
        builder.call(masked, [value, pointer, alignment(tile), mask])
    else:
        builder.store(value, pointer).align = tile.dtype.bitwidth // 8


def prefetch(builder, pointer):
    """Bring a line into the caches; any address may be asked for."""
    pointer = builder.bitcast(pointer, ir.IntType(8).as_pointer())
    kind = ir.FunctionType(ir.VoidType(), [pointer.type, I32, I32, I32])
    read, keep, data = (ir.Constant(I32, i) for i in (0, 3, 1))
    builder.call(declared(builder.module, kind, "llvm.prefetch.p0"), [pointer, read, keep, data])


def alignment(tile):
    """Return the alignment of a single number, since a vector may begin at any."""
    return ir.Constant(I32, tile.dtype.bitwidth // 8)


def write_lanes(builder, tile, valid, write):
    """Call write(mask) for a row of `valid` numbers, in code of its own without a mask where the row is a whole one.

    With AVX2 alone AMD's processors take many micro-operations for a masked store (uops.info: VMASKMOVPS to memory).
    """
    whole = builder.icmp_signed("==", valid, ir.Constant(I64, tile.vecs * tile.lanes))
    with builder.if_else(whole, likely=True) as (all_lanes, some):
        with all_lanes:
            write(None)
        with some:
            write(mask(builder, tile, valid))


def shuffle(builder, a, b, order):
    """Return the vector of the numbers order[0], order[1], ... of a and, from lanes on, b."""
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(I32, len(order)), order))


def broadcast(builder, tile, scalar):
    """Return a vector with the scalar in every lane."""
    undefined = ir.Constant(ir.VectorType(scalar.type, tile.lanes), ir.Undefined)
    vector = builder.insert_element(undefined, scalar, ir.Constant(I32, 0))
    return shuffle(builder, vector, undefined, [0] * tile.lanes)


def mask(builder, tile, valid, before=None):
    """Return which lanes of a row's last vector (or of the one after `before` numbers) are among its first `valid`."""
    before = (tile.vecs - 1) * tile.lanes if before is None else before
    left = builder.trunc(builder.sub(valid, ir.Constant(I64, before)), I32)
    numbers = ir.Constant(ir.VectorType(I32, tile.lanes), list(range(tile.lanes)))
    return builder.icmp_signed("<", numbers, broadcast(builder, tile, left))


def declared(module, kind, name):
    """Return the function of this name and type, declared in the module once."""
    return module.globals.get(name) or ir.Function(module, kind, name)
