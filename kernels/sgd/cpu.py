"""One pass over memory in SIMD code, all of a number done while it is in a register; large arrays on all cores."""

import numba

from kernels.jit import jit

BLOCK = 1 << 13  # numbers a thread takes at a time
PARALLEL = 1 << 16  # below, one thread is done before several have started


def update(p, g, v=None, *, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
    """p -= lr * weight_decay * p; v = momentum * v - lr * g; p += v or momentum * v - lr * g. Overwrites p and v."""
    number = p.dtype.type
    lr, decay, momentum = number(lr), number(lr * weight_decay), number(momentum)
    large = p.size >= PARALLEL
    if momentum == 0:
        (_plain_parallel if large else _plain)(p.reshape(-1), g.reshape(-1), lr, decay)
    else:
        run = _momentum_parallel if large else _momentum
        run(p.reshape(-1), g.reshape(-1), v.reshape(-1), lr, momentum, nesterov, decay)


@jit()
def _plain(p, g, lr, decay):
    for i in range(p.size):
        # lesson: sgd.forward
        p[i] = (p[i] - decay * p[i]) - lr * g[i]


@jit(parallel=True)
def _plain_parallel(p, g, lr, decay):
    for block in numba.prange((p.size + BLOCK - 1) // BLOCK):
        i = block * BLOCK
        _plain(p[i : i + BLOCK], g[i : i + BLOCK], lr, decay)


@jit()
def _momentum(p, g, v, lr, momentum, nesterov, decay):
    for i in range(p.size):
        step = lr * g[i]
        v[i] = momentum * v[i] - step
        p[i] = (p[i] - decay * p[i]) + (momentum * v[i] - step if nesterov else v[i])


@jit(parallel=True)
def _momentum_parallel(p, g, v, lr, momentum, nesterov, decay):
    for block in numba.prange((p.size + BLOCK - 1) // BLOCK):
        i = block * BLOCK
        _momentum(p[i : i + BLOCK], g[i : i + BLOCK], v[i : i + BLOCK], lr, momentum, nesterov, decay)
