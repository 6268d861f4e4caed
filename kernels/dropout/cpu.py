"""The default: all cores, and one instruction for many groups of four elements.

A mask that is a function of the element's index can be computed anywhere, in any order: no state passes from one
element to the next, so threads and vector lanes each take their share. The words are unsigned 64-bit throughout, the
width in which the processor multiplies two 32-bit numbers.
A small array stays on one thread (starting the others takes microseconds): the same words, the same bits.
"""

import numba
import numpy as np

from kernels.jit import jit

SMALL = 8_192  # elements below which one thread is quicker
BLOCK = 4096  # elements a task, a multiple of four

M0, M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
W0, W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
LOW, HALF = np.uint64(0xFFFFFFFF), np.uint64(32)


def forward(x, rate, *, seed, step, out):
    """Compute y[e] = x[e] / (1 - rate) where the word of e is at least round(rate * 2^32), else 0, into out."""
    run = _drop_serial if x.size < SMALL else _drop_parallel
    scale = x.dtype.type(1 / (1 - rate))
    run(x.reshape(-1), np.uint64(round(rate * 2**32)), scale, np.uint64(seed), np.uint64(step), out.reshape(-1))


def backward(dy, rate, *, seed, step, out):
    """Compute dx[e] = dy[e] / (1 - rate) where forward kept e, else 0, into out."""
    # lesson: dropout.data
    forward(dy, rate, seed=seed, step=step, out=out)


@jit(parallel=True)
def _drop_parallel(x, threshold, scale, seed, step, y):
    for t in numba.prange((x.size + BLOCK - 1) // BLOCK):
        _drop_block(t, x, threshold, scale, seed, step, y)


@jit()
def _drop_serial(x, threshold, scale, seed, step, y):
    for t in range((x.size + BLOCK - 1) // BLOCK):
        _drop_block(t, x, threshold, scale, seed, step, y)


@jit(inner=True)
def _drop_block(t, x, threshold, scale, seed, step, y):
    """Elements t*BLOCK and on: first their words, in one vectorised loop, then the selects."""
    start, stop = t * BLOCK, min((t + 1) * BLOCK, x.size)
    words = np.empty((4, BLOCK // 4), np.uint32)
    _philox(np.uint64(start // 4), (stop - start + 3) // 4, seed, step, words[0], words[1], words[2], words[3])
    zero = y.dtype.type(0)
    for e in range(start, stop):
        kept = x[e] * scale  # read whether kept or not: a select is quicker than a branch that nobody can predict
        # lesson: dropout.forward
        y[e] = kept if words[(e - start) & 3, (e - start) >> 2] >= threshold else zero


@jit(inner=True)
def _philox(first, groups, seed, step, w0, w1, w2, w3):
    """Philox4x32-10 at counters (first + g, step) with key seed, into words g of w0 .. w3."""
    k0, k1 = seed & LOW, seed >> HALF
    for g in range(groups):
        c = (first + np.uint64(g)) & LOW, (first + np.uint64(g)) >> HALF, step & LOW, step >> HALF
        # written out, since a loop in the loop would not be vectorised
        c = _round(_round(c, k0, k1, 0), k0, k1, 1)
        c = _round(_round(c, k0, k1, 2), k0, k1, 3)
        c = _round(_round(c, k0, k1, 4), k0, k1, 5)
        c = _round(_round(c, k0, k1, 6), k0, k1, 7)
        c = _round(_round(c, k0, k1, 8), k0, k1, 9)
        w0[g], w1[g], w2[g], w3[g] = c


@jit(inner=True)
def _round(c, k0, k1, r):
    """Round r: its key has been bumped r times."""
    a, b = M0 * c[0], M1 * c[2]
    key0, key1 = (k0 + np.uint64(r) * W0) & LOW, (k1 + np.uint64(r) * W1) & LOW
    return (b >> HALF) ^ c[1] ^ key0, b & LOW, (a >> HALF) ^ c[3] ^ key1, a & LOW
