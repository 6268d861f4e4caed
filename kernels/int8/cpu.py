"""One pass over memory in SIMD code; large arrays on all cores. `to_level` is how every 8-bit kernel rounds."""

import numba
import numpy as np

from kernels.jit import jit

BLOCK = 1 << 14  # numbers a thread takes at a time
PARALLEL = 1 << 17  # below, one thread is done before several have started


def quantize(x, scale, zero, *, out):
    """Compute level = round(x / scale) + zero, into out; ValueError for a NaN."""
    _quantize(x.reshape(-1), scale, zero, x.size >= PARALLEL, out.reshape(-1))


def dequantize(x, scale, zero, *, out):
    """Compute number = scale * (level - zero), into out."""
    _dequantize(x.reshape(-1), scale, zero, x.size >= PARALLEL, out.reshape(-1))


@jit(inner=True)
def to_level(v, zero, low, high):
    """Return the level of v steps of the result's scale; v is not NaN."""
    v = min(max(v, np.float32(low - zero)), np.float32(high - zero))
    return np.int8(np.int32(np.rint(v)) + np.int32(zero))


@jit()
def _quantize(x, scale, zero, several, y):
    blocks = (x.size + BLOCK - 1) // BLOCK
    strange = np.zeros(blocks, np.bool_)
    if several:
        _quantize_blocks(x, scale, zero, strange, y)
    else:
        for block in range(blocks):
            _quantize_block(np.int64(block), x, scale, zero, strange, y)
    for block in range(blocks):
        if strange[block]:
            raise ValueError("quantize: x has a NaN, and no level stands for one")


@jit(inner=True, parallel=True)
def _quantize_blocks(x, scale, zero, strange, y):
    for block in numba.prange(strange.size):
        _quantize_block(np.int64(block), x, scale, zero, strange, y)


@jit(inner=True)
def _quantize_block(block, x, scale, zero, strange, y):
    a, b = x[block * BLOCK : (block + 1) * BLOCK], y[block * BLOCK : (block + 1) * BLOCK]
    low, high = np.float32(-128 - zero), np.float32(127 - zero)
    found = 0
    for i in range(a.size):
        v = a[i] / scale
        found |= v != v
        v = v if v > low else low  # of a NaN `low`, which is written and never read
        v = v if v < high else high
        b[i] = np.int8(np.int32(np.rint(v)) + np.int32(zero))
    strange[block] = found != 0


@jit()
def _dequantize(x, scale, zero, several, y):
    if several:
        _dequantize_blocks(x, scale, zero, y)
    else:
        _dequantize_block(x, scale, zero, y)


@jit(inner=True, parallel=True)
def _dequantize_blocks(x, scale, zero, y):
    for block in numba.prange((x.size + BLOCK - 1) // BLOCK):
        i = block * BLOCK
        _dequantize_block(x[i : i + BLOCK], scale, zero, y[i : i + BLOCK])


@jit(inner=True)
def _dequantize_block(x, scale, zero, y):
    middle = np.int32(zero)
    for i in range(x.size):
        y[i] = scale * np.float32(np.int32(x[i]) - middle)
