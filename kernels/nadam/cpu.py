"""One pass over memory in SIMD code, all of a number done while it is in a register; large arrays on all cores."""

import math

import numba

from kernels.jit import jit
from kernels.nadam.momentum import factors, product

BLOCK = 1 << 12  # numbers a thread takes at a time
PARALLEL = 1 << 15  # below, one thread is done before several have started


def update(p, g, m, v, *, step, lr=0.001, beta1=0.9, beta2=0.999, epsilon=1e-7, weight_decay=0.0, U=None):
    """Set m, v and p as in `kernels.nadam.update`. Overwrites."""
    so_far = product(step, beta1) if U is None else U
    ahead, now, root = factors(step, beta1, beta2, so_far)
    numbers = (ahead / now, lr * now, root, 1 - beta1, 1 - beta2, epsilon, lr * weight_decay)
    p, g, m, v = p.reshape(-1), g.reshape(-1), m.reshape(-1), v.reshape(-1)
    (_update_parallel if p.size >= PARALLEL else _update)(p, g, m, v, *map(p.dtype.type, numbers))


@jit()
def _update(p, g, m, v, ahead, now, root, rest1, rest2, epsilon, decay):
    for i in range(p.size):  # `g + ahead * m` has one product: the compiler cannot choose which one to fuse
        m[i] = m[i] + (g[i] - m[i]) * rest1
        v[i] = v[i] + (g[i] * g[i] - v[i]) * rest2
        # lesson: nadam.forward
        p[i] = (p[i] - decay * p[i]) - now * (g[i] + ahead * m[i]) / (math.sqrt(v[i]) * root + epsilon)


@jit(parallel=True)
def _update_parallel(p, g, m, v, ahead, now, root, rest1, rest2, epsilon, decay):
    for block in numba.prange((p.size + BLOCK - 1) // BLOCK):
        i, j = block * BLOCK, block * BLOCK + BLOCK
        _update(p[i:j], g[i:j], m[i:j], v[i:j], ahead, now, root, rest1, rest2, epsilon, decay)
