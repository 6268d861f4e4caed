"""One pass over memory, four numbers a thread: 16 bytes of each array in, 16 of each state out, each moved once."""

import math

from kernels.cuda.vectors import cuda, load4, store4
from kernels.device import launch_fours


def update(p, g, v, *, lr=0.001, epsilon=1e-7, weight_decay=0.0):
    """Set v = v + g*g; p -= lr*weight_decay*p + lr g / sqrt(v + epsilon). Overwrites."""
    launch_fours(_update, p, g, v, *map(p.dtype.type, (lr, epsilon, lr * weight_decay)))


@cuda.jit(device=True)
def _one(w, g, s, lr, epsilon, decay):
    """Return the new p and v of one weight."""
    s = s + g * g
    return (w - decay * w) - lr * g / math.sqrt(s + epsilon), s


@cuda.jit
def _update(p, g, v, lr, epsilon, decay):
    i = 4 * cuda.grid(1)
    if i + 4 <= p.size:
        w, b, s = load4(p, i), load4(g, i), load4(v, i)
        w0, s0 = _one(w[0], b[0], s[0], lr, epsilon, decay)
        w1, s1 = _one(w[1], b[1], s[1], lr, epsilon, decay)
        w2, s2 = _one(w[2], b[2], s[2], lr, epsilon, decay)
        w3, s3 = _one(w[3], b[3], s[3], lr, epsilon, decay)
        store4(p, i, w0, w1, w2, w3)
        store4(v, i, s0, s1, s2, s3)
    else:
        for e in range(i, p.size):
            p[e], v[e] = _one(p[e], g[e], v[e], lr, epsilon, decay)
