"""One pass over memory in SIMD code, all of a number done while it is in a register; large arrays on all cores."""

import math

import numba

from kernels.jit import jit

BLOCK = 1 << 12  # numbers a thread takes at a time
PARALLEL = 1 << 15  # below, one thread is done before several have started


def update(p, g, v, *, lr=0.001, epsilon=1e-7, weight_decay=0.0):
    """Set v = v + g*g; p -= lr*weight_decay*p + lr g / sqrt(v + epsilon). Overwrites."""
    numbers = map(p.dtype.type, (lr, epsilon, lr * weight_decay))
    p, g, v = p.reshape(-1), g.reshape(-1), v.reshape(-1)
    (_update_parallel if p.size >= PARALLEL else _update)(p, g, v, *numbers)


@jit()
def _update(p, g, v, lr, epsilon, decay):
    for i in range(p.size):
        v[i] = v[i] + g[i] * g[i]
        # lesson: adagrad.forward
        p[i] = (p[i] - decay * p[i]) - lr * g[i] / math.sqrt(v[i] + epsilon)


@jit(parallel=True)
def _update_parallel(p, g, v, lr, epsilon, decay):
    for block in numba.prange((p.size + BLOCK - 1) // BLOCK):
        i, j = block * BLOCK, block * BLOCK + BLOCK
        _update(p[i:j], g[i:j], v[i:j], lr, epsilon, decay)
