"""One pass over memory, four numbers a thread: 16 bytes of each array in, 16 of each state out, each moved once."""

from kernels.cuda.vectors import cuda, load4, store4
from kernels.device import launch_fours


def update(p, g, m, *, lr=0.001, beta1=0.9, beta2=0.99, weight_decay=0.0):
    """Set p -= lr*weight_decay*p + lr sign(beta1 m + (1-beta1) g); m = beta2 m + (1-beta2) g. Overwrites."""
    launch_fours(_update, p, g, m, *map(p.dtype.type, (lr, beta1, 1 - beta1, beta2, 1 - beta2, lr * weight_decay)))


@cuda.jit(device=True)
def _one(w, g, a, lr, beta1, rest1, beta2, rest2, decay):
    """Return the new p and m of one weight; the sign of 0 is 0, and of NaN NaN."""
    c = beta1 * a + rest1 * g
    if c > 0:
        step = lr
    elif c < 0:
        step = -lr
    else:
        step = lr * c
    return (w - decay * w) - step, beta2 * a + rest2 * g


@cuda.jit
def _update(p, g, m, lr, beta1, rest1, beta2, rest2, decay):
    i = 4 * cuda.grid(1)
    if i + 4 <= p.size:
        w, b, a = load4(p, i), load4(g, i), load4(m, i)
        w0, a0 = _one(w[0], b[0], a[0], lr, beta1, rest1, beta2, rest2, decay)
        w1, a1 = _one(w[1], b[1], a[1], lr, beta1, rest1, beta2, rest2, decay)
        w2, a2 = _one(w[2], b[2], a[2], lr, beta1, rest1, beta2, rest2, decay)
        w3, a3 = _one(w[3], b[3], a[3], lr, beta1, rest1, beta2, rest2, decay)
        store4(p, i, w0, w1, w2, w3)
        store4(m, i, a0, a1, a2, a3)
    else:
        for e in range(i, p.size):
            p[e], m[e] = _one(p[e], g[e], m[e], lr, beta1, rest1, beta2, rest2, decay)
