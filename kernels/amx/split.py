"""A float32 as the sum of three bfloat16 numbers, x = h + m + l, packed in pairs as the tiles read them.

    h = x rounded to 8 significant bits, m = x - h rounded to 8, l = x - h - m, which has no more than 8

In units of x's last place, |x| >= 2^23, |x - h| < 2^15 or h + m = x, and so |x - h - m| <= 2^6: |m| <= 2^-8 |x| and
|l| <= 2^-17 |x|, and the sum is exact. It needs an h that does not overflow, and parts that are not subnormal, which
the unit takes for 0: both hold for 2^-102 <= |x| < 2^127, as l is a multiple of x's last place. So whoever splits
notes the largest and the smallest magnitude, in the same pass (`extremes`), and range.py decides.
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from kernels.cpu import simd_llvm as llvm
from kernels.cpu.simd_llvm import I32, I64

PARTS = 3  # high, middle, low
LANES = 16  # numbers of a vector here, whatever the host's: a row of words
PAIR = 2 * LANES  # numbers that a row of a tile holds
_FLOATS, _INTS = ir.VectorType(ir.FloatType(), LANES), ir.VectorType(I32, LANES)
_UPPER, _MAGNITUDE, _HALF = -0x10000, 0x7FFFFFFF, 0x8000


def new_extremes(count):
    """Return for each of `count` tasks: 16 largest magnitudes' bits, 16 smallest ones' (0 aside) less 1."""
    extremes = np.zeros((count, PAIR), np.uint32)
    extremes[:, LANES:] = 0xFFFFFFFF
    return extremes


@intrinsic
def split_pairs(typingctx, x, u, step, out, at, apart, extremes, task):
    """Write word j of row p: part p of x[u + j] in its lower half, that of x[u + step + j] in its upper one; j < 16.

    Row p begins at out[at + p*apart]. Their magnitudes go into extremes[task].
    """

    def codegen(context, builder, sig, args):
        x_data, out_data = llvm.data(context, builder, x, args[0]), llvm.data(context, builder, out, args[3])
        places = [args[1], builder.add(args[1], args[2])]
        values = [_load(builder, builder.gep(x_data, [place]), _FLOATS) for place in places]
        for p, (a, b) in enumerate(zip(*(_parts(builder, v) for v in values), strict=True)):
            pair = builder.or_(builder.lshr(a, _all(16)), builder.and_(b, _all(_UPPER)))
            place = builder.add(args[4], builder.mul(args[5], I64(p)))
            _store(builder, pair, builder.gep(out_data, [place]))
        noted = llvm.data(context, builder, extremes, args[6])
        noted = builder.gep(noted, [builder.mul(args[7], I64(PAIR))])
        _note(builder, noted, [builder.and_(builder.bitcast(v, _INTS), _all(_MAGNITUDE)) for v in values])
        return context.get_dummy_value()

    ints = types.intp
    return types.void(x, ints, ints, out, ints, ints, extremes, ints), codegen


def _parts(builder, x):
    """Return the bits of h, m and l: bfloat16 in the upper half; the lower one is 0 unless l is subnormal."""

    def rounded(bits):  # ties away from 0
        return builder.and_(builder.add(bits, _all(_HALF)), _all(_UPPER))

    high = rounded(builder.bitcast(x, _INTS))
    rest = builder.fsub(x, builder.bitcast(high, _FLOATS))
    middle = rounded(builder.bitcast(rest, _INTS))
    return high, middle, builder.bitcast(builder.fsub(rest, builder.bitcast(middle, _FLOATS)), _INTS)


def _note(builder, noted, magnitudes):
    """Update 16 largest and 16 smallest; less 1, so that 0 becomes the largest of all and is not the smallest."""
    for place, compare, shift in ((0, ">", 0), (LANES, "<", 1)):
        pointer = builder.gep(noted, [I64(place)])
        found = _load(builder, pointer, _INTS)
        for bits in magnitudes:
            bits = builder.sub(bits, _all(shift))
            found = builder.select(builder.icmp_unsigned(compare, bits, found), bits, found)
        _store(builder, found, pointer)


def _all(value):
    return ir.Constant(_INTS, [value] * LANES)


def _load(builder, pointer, kind):
    value = builder.load(builder.bitcast(pointer, kind.as_pointer()))
    value.align = 4
    return value


def _store(builder, value, pointer):
    builder.store(value, builder.bitcast(pointer, value.type.as_pointer())).align = 4
