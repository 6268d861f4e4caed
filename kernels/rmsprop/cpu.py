"""One pass over memory in SIMD code, all of a number done while it is in a register; large arrays on all cores.

Each mixture of momentum and centering is a loop of its own: a test inside would keep the loop out of SIMD registers.
"""

import math

import numba

from kernels.jit import jit

BLOCK = 1 << 12  # numbers a thread takes at a time
PARALLEL = 1 << 15  # below, one thread is done before several have started


def update(p, g, v, m=None, a=None, *, lr=0.001, rho=0.9, momentum=0.0, centered=False, epsilon=1e-7, weight_decay=0.0):
    """Set v = rho v + (1-rho) g*g; d = lr g / sqrt(v + epsilon); p -= lr*weight_decay*p + d (or m). Overwrites."""
    numbers = map(p.dtype.type, (lr, rho, 1 - rho, momentum, epsilon, lr * weight_decay))
    p, g, v = p.reshape(-1), g.reshape(-1), v.reshape(-1)
    # a state that is not wanted is never touched: v stands there for an array of the right kind
    m = m.reshape(-1) if momentum != 0 else v
    a = a.reshape(-1) if centered else v
    (_update_parallel if p.size >= PARALLEL else _update)(p, g, v, m, a, momentum != 0, centered, *numbers)


@jit()
def _update(p, g, v, m, a, moved, centered, lr, rho, rest, momentum, epsilon, decay):
    if centered:
        if moved:
            for i in range(p.size):
                v[i] = rho * v[i] + rest * (g[i] * g[i])
                a[i] = rho * a[i] + rest * g[i]
                m[i] = momentum * m[i] + lr * g[i] / math.sqrt(v[i] - a[i] * a[i] + epsilon)
                p[i] = (p[i] - decay * p[i]) - m[i]
        else:
            for i in range(p.size):
                v[i] = rho * v[i] + rest * (g[i] * g[i])
                a[i] = rho * a[i] + rest * g[i]
                p[i] = (p[i] - decay * p[i]) - lr * g[i] / math.sqrt(v[i] - a[i] * a[i] + epsilon)
    elif moved:
        for i in range(p.size):
            v[i] = rho * v[i] + rest * (g[i] * g[i])
            m[i] = momentum * m[i] + lr * g[i] / math.sqrt(v[i] + epsilon)
            p[i] = (p[i] - decay * p[i]) - m[i]
    else:
        for i in range(p.size):
            v[i] = rho * v[i] + rest * (g[i] * g[i])
            # lesson: rmsprop.forward
            p[i] = (p[i] - decay * p[i]) - lr * g[i] / math.sqrt(v[i] + epsilon)


@jit(parallel=True)
def _update_parallel(p, g, v, m, a, moved, centered, lr, rho, rest, momentum, epsilon, decay):
    for block in numba.prange((p.size + BLOCK - 1) // BLOCK):
        i, j = block * BLOCK, block * BLOCK + BLOCK
        _update(p[i:j], g[i:j], v[i:j], m[i:j], a[i:j], moved, centered, lr, rho, rest, momentum, epsilon, decay)
