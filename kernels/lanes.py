"""Sums, dot products and maxima along a row in LANES lanes, so that LLVM makes vector instructions of them.

A sum one after the other waits for each addition; reordering it is not LLVM's to do (fast-math `reassoc` is off). So
the order is written down: number k goes to lane k mod LANES, then the lanes are folded in halves. It depends on the
row's length only. Rows shorter than LANES are added one after the other. `lanes` is scratch: LANES numbers.
"""

from kernels.jit import jit

LANES = 64


@jit(inner=True)
def total(row, lanes):
    """sum_k row[k], in the float type of `lanes`."""
    whole = row.size // LANES * LANES
    result = lanes.dtype.type(0)
    if whole:
        for l in range(LANES):
            lanes[l] = row[l]
        for k in range(LANES, whole, LANES):
            for l in range(LANES):
                lanes[l] += row[k + l]
        result = _fold(lanes)
    for k in range(whole, row.size):
        result += row[k]
    return result


@jit(inner=True)
def dot(a, b, lanes):
    """sum_k a[k] * b[k], in the float type of `lanes`."""
    whole = a.size // LANES * LANES
    result = lanes.dtype.type(0)
    if whole:
        for l in range(LANES):
            lanes[l] = a[l] * b[l]
        for k in range(LANES, whole, LANES):
            for l in range(LANES):
                lanes[l] += a[k + l] * b[k + l]
        result = _fold(lanes)
    for k in range(whole, a.size):
        result += a[k] * b[k]
    return result


@jit(inner=True)
def largest(row, lanes):
    """max_k row[k] of a row that is not empty; a NaN may be passed over."""
    whole = row.size // LANES * LANES
    top = lanes.dtype.type(row[0])
    if whole:
        for l in range(LANES):
            lanes[l] = row[l]
        for k in range(LANES, whole, LANES):
            for l in range(LANES):
                lanes[l] = row[k + l] if row[k + l] > lanes[l] else lanes[l]
        for l in range(LANES):
            top = lanes[l] if lanes[l] > top else top
    for k in range(whole, row.size):
        top = row[k] if row[k] > top else top
    return top


@jit(inner=True)
def _fold(lanes):
    """Lane l takes lane l + half, and half of that, until one is left."""
    for l in range(32):
        lanes[l] += lanes[l + 32]
    for l in range(16):
        lanes[l] += lanes[l + 16]
    for l in range(8):
        lanes[l] += lanes[l + 8]
    return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]))
