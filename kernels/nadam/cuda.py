"""One pass over memory, four numbers a thread: 16 bytes of each array in, 16 of each state out, each moved once."""

import math

from kernels.cuda.vectors import cuda, load4, store4
from kernels.device import launch_fours
from kernels.nadam.momentum import factors, product


def update(p, g, m, v, *, step, lr=0.001, beta1=0.9, beta2=0.999, epsilon=1e-7, weight_decay=0.0, U=None):
    """Set m, v and p as in `kernels.nadam.update`. Overwrites."""
    so_far = product(step, beta1) if U is None else U
    ahead, now, root = factors(step, beta1, beta2, so_far)
    numbers = (ahead / now, lr * now, root, 1 - beta1, 1 - beta2, epsilon, lr * weight_decay)
    launch_fours(_update, p, g, m, v, *map(p.dtype.type, numbers))


@cuda.jit(device=True)
def _one(w, g, a, s, ahead, now, root, rest1, rest2, epsilon, decay):
    """Return the new p, m and v of one weight."""
    a = a + (g - a) * rest1
    s = s + (g * g - s) * rest2
    return (w - decay * w) - now * (g + ahead * a) / (math.sqrt(s) * root + epsilon), a, s


@cuda.jit
def _update(p, g, m, v, ahead, now, root, rest1, rest2, epsilon, decay):
    i = 4 * cuda.grid(1)
    if i + 4 <= p.size:
        w, b, a, s = load4(p, i), load4(g, i), load4(m, i), load4(v, i)
        w0, a0, s0 = _one(w[0], b[0], a[0], s[0], ahead, now, root, rest1, rest2, epsilon, decay)
        w1, a1, s1 = _one(w[1], b[1], a[1], s[1], ahead, now, root, rest1, rest2, epsilon, decay)
        w2, a2, s2 = _one(w[2], b[2], a[2], s[2], ahead, now, root, rest1, rest2, epsilon, decay)
        w3, a3, s3 = _one(w[3], b[3], a[3], s[3], ahead, now, root, rest1, rest2, epsilon, decay)
        store4(p, i, w0, w1, w2, w3)
        store4(m, i, a0, a1, a2, a3)
        store4(v, i, s0, s1, s2, s3)
    else:
        for e in range(i, p.size):
            p[e], m[e], v[e] = _one(p[e], g[e], m[e], v[e], ahead, now, root, rest1, rest2, epsilon, decay)
