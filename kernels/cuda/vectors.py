"""Four neighbouring numbers at a time: with 16 bytes a thread, memory is kept busy by a quarter of the requests.

A kernel that only reads and writes is as fast as its bytes arrive. `load4(a, i)` is one instruction for four float32 at
element i of a flat array, a multiple of four: every array begins at a multiple of 16 bytes. For four float64 it is two,
each of which takes half of the sectors that it touches; the other half is then in the cache.
"""

from kernels.toolchain import numba_cuda, simulated

cuda = numba_cuda()

if simulated():  # there is nothing to compile

    def load4(a, i):
        """Return a[i], a[i+1], a[i+2], a[i+3]."""
        return a[i], a[i + 1], a[i + 2], a[i + 3]

    def store4(a, i, v0, v1, v2, v3):
        """Compute a[i:i+4] = v0, v1, v2, v3."""
        a[i], a[i + 1], a[i + 2], a[i + 3] = v0, v1, v2, v3

    def store2(a, i, v0, v1):
        """Compute a[i:i+2] = v0, v1."""
        a[i], a[i + 1] = v0, v1

else:
    from llvmlite import ir
    from numba.core import types
    from numba.cuda.extending import intrinsic

    def _some(context, builder, signature, args, count):
        """Return a pointer to `count` numbers."""
        kind = signature.args[0]
        start = builder.gep(context.make_array(kind)(context, builder, args[0]).data, [args[1]])
        number = context.get_data_type(kind.dtype)
        return builder.bitcast(start, ir.VectorType(number, count).as_pointer(start.type.addrspace))

    def _store(context, builder, signature, args):
        """Store the numbers from the third argument on, at once."""
        count = len(args) - 2
        pointer = _some(context, builder, signature, args, count)
        some = ir.Constant(pointer.type.pointee, ir.Undefined)
        for n in range(count):
            some = builder.insert_element(some, args[2 + n], ir.IntType(32)(n))
        builder.store(some, pointer).align = min(count * signature.args[0].dtype.bitwidth // 8, 16)
        return context.get_dummy_value()

    @intrinsic
    def load4(typingctx, a, i):
        """Return a[i], a[i+1], a[i+2], a[i+3]; i a multiple of 4."""

        def codegen(context, builder, signature, args):
            four = builder.load(_some(context, builder, signature, args, 4))
            four.align = min(4 * a.dtype.bitwidth // 8, 16)
            lanes = [builder.extract_element(four, ir.IntType(32)(n)) for n in range(4)]
            return context.make_tuple(builder, signature.return_type, lanes)

        return types.UniTuple(a.dtype, 4)(a, types.int64), codegen

    @intrinsic
    def store4(typingctx, a, i, v0, v1, v2, v3):
        """Compute a[i:i+4] = v0, v1, v2, v3; i a multiple of 4."""
        return types.void(a, types.int64, *(a.dtype,) * 4), _store

    @intrinsic
    def store2(typingctx, a, i, v0, v1):
        """Compute a[i:i+2] = v0, v1; i a multiple of 2."""
        return types.void(a, types.int64, a.dtype, a.dtype), _store


@cuda.jit(device=True)
def load4_channels(a, i, C):
    """Return a[c] for the elements i .. i+3 of an array whose last axis has C channels; i % 4 == 0."""
    if C % 4 == 0:
        return load4(a, i % C)
    return a[i % C], a[(i + 1) % C], a[(i + 2) % C], a[(i + 3) % C]


def named(kernel, f):
    """Return the kernel under f's name, which faults and reports show."""
    kernel.__name__, kernel.__qualname__, kernel.__module__ = f.__name__, f.__qualname__, f.__module__
    return kernel


def each(f):
    """Return the kernel y[e] = f(x[e]) of flat arrays, four numbers per thread: launch a quarter as many threads."""
    value = cuda.jit(device=True)(f)

    def kernel(x, y):
        i = 4 * cuda.grid(1)
        if i + 4 <= x.size:
            a, b, c, d = load4(x, i)
            store4(y, i, value(a), value(b), value(c), value(d))
        else:
            for e in range(i, x.size):
                y[e] = value(x[e])

    return cuda.jit(named(kernel, f))


def each_pair(f):
    """Return the same for two arrays: y[e] = f(u[e], v[e])."""
    value = cuda.jit(device=True)(f)

    def kernel(u, v, y):
        i = 4 * cuda.grid(1)
        if i + 4 <= v.size:
            u0, u1, u2, u3 = load4(u, i)
            a, b, c, d = load4(v, i)
            store4(y, i, value(u0, a), value(u1, b), value(u2, c), value(u3, d))
        else:
            for e in range(i, v.size):
                y[e] = value(u[e], v[e])

    return cuda.jit(named(kernel, f))
