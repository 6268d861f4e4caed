"""One pass over memory in SIMD code, all of a number done while it is in a register; large arrays on all cores."""

import math

import numba

from kernels.jit import jit

BLOCK = 1 << 12  # numbers a thread takes at a time
PARALLEL = 1 << 15  # below, one thread is done before several have started


def update(p, g, m, v, *, step, lr=0.001, beta1=0.9, beta2=0.999, epsilon=1e-7, weight_decay=0.0):
    """m += (g-m)(1-beta1); v += (g*g-v)(1-beta2); p -= lr*weight_decay*p + alpha*m/(sqrt(v)+epsilon). Overwrites."""
    alpha = lr * math.sqrt(1 - beta2**step) / (1 - beta1**step)
    numbers = map(p.dtype.type, (alpha, 1 - beta1, 1 - beta2, epsilon, lr * weight_decay))
    run = _update_parallel if p.size >= PARALLEL else _update
    run(p.reshape(-1), g.reshape(-1), m.reshape(-1), v.reshape(-1), *numbers)


@jit()
def _update(p, g, m, v, alpha, rate1, rate2, epsilon, decay):
    for i in range(p.size):
        m[i] += (g[i] - m[i]) * rate1
        v[i] += (g[i] * g[i] - v[i]) * rate2
        # lesson: adam.forward
        p[i] = (p[i] - decay * p[i]) - alpha * m[i] / (math.sqrt(v[i]) + epsilon)


@jit(parallel=True)
def _update_parallel(p, g, m, v, alpha, rate1, rate2, epsilon, decay):
    for block in numba.prange((p.size + BLOCK - 1) // BLOCK):
        i, j = block * BLOCK, block * BLOCK + BLOCK
        _update(p[i:j], g[i:j], m[i:j], v[i:j], alpha, rate1, rate2, epsilon, decay)
