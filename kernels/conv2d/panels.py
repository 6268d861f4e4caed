"""A panel: the part of k that one block of columns needs, packed as the tiles read it, one row of the block a step.

forward takes c as the step and f as the column; backward_data f as the step and c as the column, k[p,q] transposed.
Columns beyond the last one are zeros, and what they sum to is never stored.
"""

from kernels.cpu import simd, simd_panels
from kernels.cpu.tiled_sums import copy_rows
from kernels.jit import jit


@jit(inner=True)
def pack(k, tap, last_tap, c, steps, f, valid, vecs, panel):
    """panel[(pq, c), f] = k[pq, c, f] for the taps pq = tap..last_tap, `steps` channels from c on, `valid` filters."""
    _, _, C, F = k.shape
    flat, wide = k.reshape(-1), vecs * simd.lanes(k)
    for pq in range(tap, last_tap):
        copy_rows(vecs, flat, (pq * C + c) * F + f, F, steps, valid, panel, (pq - tap) * steps * wide)


@jit(inner=True)
def pack_transposed(k, tap, last_tap, f, steps, c, valid, vecs, panel):
    """panel[(pq, f), c] = k[pq, c, f] for the taps pq = tap..last_tap, `steps` filters from f on, `valid` channels.

    Squares of `lanes` x `lanes`: the last one of a tap may write beyond it, into what the next tap overwrites.
    """
    _, _, C, F = k.shape
    lanes, flat = simd.lanes(k), k.reshape(-1)
    square, wide = simd.empty_tile(k, 1), vecs * lanes
    for pq in range(tap, last_tap):
        at = (pq - tap) * steps * wide
        for lane in range(0, wide, lanes):
            source = (pq * C + c + lane) * F + f
            for step in range(0, steps, lanes):
                rows, count, target = valid - lane, min(lanes, steps - step), at + step * wide + lane
                simd_panels.transpose(square, flat, source + step, F, rows, count, panel, target, wide)
