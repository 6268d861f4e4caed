"""One pass over memory, four numbers a thread: 16 bytes of p, g, m and v in, of p, m and v out, each moved once."""

import math

from kernels.cuda.vectors import cuda, load4, store4
from kernels.device import launch_fours


def update(p, g, m, v, *, step, lr=0.001, beta1=0.9, beta2=0.999, epsilon=1e-7, weight_decay=0.0):
    """Overwrite m, v and p by one step.

    m += (g-m)(1-beta1); v += (g*g-v)(1-beta2); p -= lr*weight_decay*p + alpha*m/(sqrt(v)+epsilon)
    """
    alpha = lr * math.sqrt(1 - beta2**step) / (1 - beta1**step)
    numbers = map(p.dtype.type, (alpha, 1 - beta1, 1 - beta2, epsilon, lr * weight_decay))
    launch_fours(_update, p, g, m, v, *numbers)


@cuda.jit(device=True)
def _one(p, g, m, v, alpha, rate1, rate2, epsilon, decay):
    """Return the new p, m and v of one parameter."""
    m += (g - m) * rate1
    v += (g * g - v) * rate2
    return (p - decay * p) - alpha * m / (math.sqrt(v) + epsilon), m, v


@cuda.jit
def _update(p, g, m, v, alpha, rate1, rate2, epsilon, decay):
    i = 4 * cuda.grid(1)
    if i + 4 <= p.size:
        a, b, c, d = load4(p, i), load4(g, i), load4(m, i), load4(v, i)
        p0, m0, v0 = _one(a[0], b[0], c[0], d[0], alpha, rate1, rate2, epsilon, decay)
        p1, m1, v1 = _one(a[1], b[1], c[1], d[1], alpha, rate1, rate2, epsilon, decay)
        p2, m2, v2 = _one(a[2], b[2], c[2], d[2], alpha, rate1, rate2, epsilon, decay)
        p3, m3, v3 = _one(a[3], b[3], c[3], d[3], alpha, rate1, rate2, epsilon, decay)
        store4(p, i, p0, p1, p2, p3)
        store4(m, i, m0, m1, m2, m3)
        store4(v, i, v0, v1, v2, v3)
    else:
        for e in range(i, p.size):
            p[e], m[e], v[e] = _one(p[e], g[e], m[e], v[e], alpha, rate1, rate2, epsilon, decay)
