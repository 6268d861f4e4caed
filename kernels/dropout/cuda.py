"""Four numbers a thread: one call of Philox makes the four words that decide on them.

The mask is a function of the element's index, so a thread needs to know of no other; the words are those of every
target, and backward makes them anew instead of storing them.
"""

from numba import uint64

from kernels.cuda.vectors import cuda, load4, store4
from kernels.device import launch_fours

M0, M1 = uint64(0xD2511F53), uint64(0xCD9E8D57)
W0, W1 = uint64(0x9E3779B9), uint64(0xBB67AE85)
LOW, HALF = uint64(0xFFFFFFFF), uint64(32)


def forward(x, rate, *, seed, step, out):
    """Compute y[e] = x[e] / (1 - rate) where the word of e is at least round(rate * 2^32), else 0, into out."""
    scale, (seed, step) = x.dtype.type(1 / (1 - rate)), map(_halves, (seed, step))
    launch_fours(_drop, x, round(rate * 2**32), scale, *seed, *step, out)


def backward(dy, rate, *, seed, step, out):
    """Compute dx[e] = dy[e] / (1 - rate) where forward kept e, else 0, into out."""
    forward(dy, rate, seed=seed, step=step, out=out)


def _halves(word):
    """Return the low and the high 32 bits."""
    return word % 2**32, word // 2**32


@cuda.jit(device=True)
def _philox(group, seed_low, seed_high, step_low, step_high):
    """Philox4x32-10 at counter (group, step) with key seed: four words, as in reference.py."""
    c0, c1 = uint64(group) & LOW, uint64(group) >> HALF
    c2, c3 = uint64(step_low), uint64(step_high)
    k0, k1 = uint64(seed_low), uint64(seed_high)
    for _ in range(10):
        a, b = M0 * c0, M1 * c2
        c0, c1, c2, c3 = (b >> HALF) ^ c1 ^ k0, b & LOW, (a >> HALF) ^ c3 ^ k1, a & LOW
        k0, k1 = (k0 + W0) & LOW, (k1 + W1) & LOW
    return c0, c1, c2, c3


@cuda.jit
def _drop(x, threshold, scale, seed_low, seed_high, step_low, step_high, y):
    group = cuda.grid(1)
    i = 4 * group
    if i >= x.size:
        return
    w0, w1, w2, w3 = _philox(group, seed_low, seed_high, step_low, step_high)
    limit, zero = uint64(threshold), x.dtype.type(0)
    if i + 4 <= x.size:
        a, b, c, d = load4(x, i)
        a, b = a * scale if w0 >= limit else zero, b * scale if w1 >= limit else zero
        c, d = c * scale if w2 >= limit else zero, d * scale if w3 >= limit else zero
        store4(y, i, a, b, c, d)
    else:
        for e in range(i, x.size):
            w = w0 if e == i else w1 if e == i + 1 else w2
            y[e] = x[e] * scale if w >= limit else zero
