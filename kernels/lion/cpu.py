"""One pass over memory in SIMD code, all of a number done while it is in a register; large arrays on all cores."""

import numba

from kernels.jit import jit

BLOCK = 1 << 12  # numbers a thread takes at a time
PARALLEL = 1 << 15  # below, one thread is done before several have started


def update(p, g, m, *, lr=0.001, beta1=0.9, beta2=0.99, weight_decay=0.0):
    """Set p -= lr*weight_decay*p + lr sign(beta1 m + (1-beta1) g); m = beta2 m + (1-beta2) g. Overwrites."""
    numbers = map(p.dtype.type, (lr, beta1, 1 - beta1, beta2, 1 - beta2, lr * weight_decay))
    p, g, m = p.reshape(-1), g.reshape(-1), m.reshape(-1)
    (_update_parallel if p.size >= PARALLEL else _update)(p, g, m, *numbers)


@jit()
def _update(p, g, m, lr, beta1, rest1, beta2, rest2, decay):
    for i in range(p.size):
        c = beta1 * m[i] + rest1 * g[i]
        step = lr if c > 0 else (-lr if c < 0 else lr * c)  # 0 stays 0, and a NaN a NaN
        # lesson: lion.forward
        p[i] = (p[i] - decay * p[i]) - step
        m[i] = beta2 * m[i] + rest2 * g[i]


@jit(parallel=True)
def _update_parallel(p, g, m, lr, beta1, rest1, beta2, rest2, decay):
    for block in numba.prange((p.size + BLOCK - 1) // BLOCK):
        i, j = block * BLOCK, block * BLOCK + BLOCK
        _update(p[i:j], g[i:j], m[i:j], lr, beta1, rest1, beta2, rest2, decay)
