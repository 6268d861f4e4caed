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
BLOCK = 1024  # groups of four elements a task

M0, M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
W0, W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
LOW, HALF = np.uint64(0xFFFFFFFF), np.uint64(32)


def forward(x, rate, *, seed, step, out):
    """y[e] = x[e] / (1 - rate) where the word of e is at least round(rate * 2^32), else 0, into out."""
    run = _drop_serial if x.size < SMALL else _drop_parallel
    scale = x.dtype.type(1 / (1 - rate))
    run(x.reshape(-1), np.uint64(round(rate * 2**32)), scale, np.uint64(seed), np.uint64(step), out.reshape(-1))


def backward(dy, rate, *, seed, step, out):
    """dx[e] = dy[e] / (1 - rate) where forward kept e, else 0, into out."""
    forward(dy, rate, seed=seed, step=step, out=out)


@jit(parallel=True)
def _drop_parallel(x, threshold, scale, seed, step, y):
    groups = (x.size + 3) // 4
    for t in numba.prange((groups + BLOCK - 1) // BLOCK):
        _drop(t * BLOCK, min((t + 1) * BLOCK, groups), x, threshold, scale, seed, step, y)


@jit()
def _drop_serial(x, threshold, scale, seed, step, y):
    _drop(0, (x.size + 3) // 4, x, threshold, scale, seed, step, y)


@jit()
def _drop(start, stop, x, threshold, scale, seed, step, y):
    """Groups start..stop; the last one of the array may be short."""
    zero = y.dtype.type(0)
    whole = min(stop, x.size // 4)
    for g in range(start, whole):
        w0, w1, w2, w3 = _philox(np.uint64(g), seed, step)
        y[4 * g] = x[4 * g] * scale if w0 >= threshold else zero
        y[4 * g + 1] = x[4 * g + 1] * scale if w1 >= threshold else zero
        y[4 * g + 2] = x[4 * g + 2] * scale if w2 >= threshold else zero
        y[4 * g + 3] = x[4 * g + 3] * scale if w3 >= threshold else zero
    if whole < stop:
        words = _philox(np.uint64(whole), seed, step)
        for r in range(x.size - 4 * whole):
            y[4 * whole + r] = x[4 * whole + r] * scale if words[r] >= threshold else zero


@jit()
def _philox(group, seed, step):
    """Philox4x32-10 at counter (group, step) with key seed: four words below 2^32."""
    c0, c1, c2, c3 = group & LOW, group >> HALF, step & LOW, step >> HALF
    k0, k1 = seed & LOW, seed >> HALF
    for _ in range(10):
        a, b = M0 * c0, M1 * c2
        c0, c1, c2, c3 = (b >> HALF) ^ c1 ^ k0, b & LOW, (a >> HALF) ^ c3 ^ k1, a & LOW
        k0, k1 = (k0 + W0) & LOW, (k1 + W1) & LOW
    return c0, c1, c2, c3
