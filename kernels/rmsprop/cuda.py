"""One pass over memory, four numbers a thread: 16 bytes of each array in, 16 of each state out, each moved once.

A kernel for each mixture of momentum and centering, made from one formula: none reads a state that it does not need.
"""

import math

from kernels.cuda.vectors import cuda, load4, store4
from kernels.device import launch_fours


def update(p, g, v, m=None, a=None, *, lr=0.001, rho=0.9, momentum=0.0, centered=False, epsilon=1e-7, weight_decay=0.0):
    """Set v = rho v + (1-rho) g*g; d = lr g / sqrt(v + epsilon); p -= lr*weight_decay*p + d (or m). Overwrites."""
    numbers = map(p.dtype.type, (lr, rho, 1 - rho, momentum, epsilon, lr * weight_decay))
    states = [v, *([m] if momentum != 0 else []), *([a] if centered else [])]
    launch_fours(_KERNELS[momentum != 0, centered], p, g, *states, *numbers)


@cuda.jit(device=True)
def _square(v, g, rho, rest):
    """Return the new running mean of g^2."""
    return rho * v + rest * (g * g)


@cuda.jit(device=True)
def _mean(a, g, rho, rest):
    """Return the new running mean of g."""
    return rho * a + rest * g


@cuda.jit(device=True)
def _step(g, spread, lr, epsilon):
    return lr * g / math.sqrt(spread + epsilon)


@cuda.jit
def _plain(p, g, v, lr, rho, rest, momentum, epsilon, decay):
    i = 4 * cuda.grid(1)
    if i + 4 <= p.size:
        w, b, s = load4(p, i), load4(g, i), load4(v, i)
        s0, s1 = _square(s[0], b[0], rho, rest), _square(s[1], b[1], rho, rest)
        s2, s3 = _square(s[2], b[2], rho, rest), _square(s[3], b[3], rho, rest)
        store4(v, i, s0, s1, s2, s3)
        store4(
            p, i,
            (w[0] - decay * w[0]) - _step(b[0], s0, lr, epsilon), (w[1] - decay * w[1]) - _step(b[1], s1, lr, epsilon),
            (w[2] - decay * w[2]) - _step(b[2], s2, lr, epsilon), (w[3] - decay * w[3]) - _step(b[3], s3, lr, epsilon),
        )  # fmt: skip
    else:
        for e in range(i, p.size):
            v[e] = _square(v[e], g[e], rho, rest)
            p[e] = (p[e] - decay * p[e]) - _step(g[e], v[e], lr, epsilon)


@cuda.jit
def _moved(p, g, v, m, lr, rho, rest, momentum, epsilon, decay):
    i = 4 * cuda.grid(1)
    if i + 4 <= p.size:
        w, b, s, u = load4(p, i), load4(g, i), load4(v, i), load4(m, i)
        s0, s1 = _square(s[0], b[0], rho, rest), _square(s[1], b[1], rho, rest)
        s2, s3 = _square(s[2], b[2], rho, rest), _square(s[3], b[3], rho, rest)
        u0, u1 = momentum * u[0] + _step(b[0], s0, lr, epsilon), momentum * u[1] + _step(b[1], s1, lr, epsilon)
        u2, u3 = momentum * u[2] + _step(b[2], s2, lr, epsilon), momentum * u[3] + _step(b[3], s3, lr, epsilon)
        store4(v, i, s0, s1, s2, s3)
        store4(m, i, u0, u1, u2, u3)
        store4(
            p, i, (w[0] - decay * w[0]) - u0, (w[1] - decay * w[1]) - u1,
            (w[2] - decay * w[2]) - u2, (w[3] - decay * w[3]) - u3,
        )  # fmt: skip
    else:
        for e in range(i, p.size):
            v[e] = _square(v[e], g[e], rho, rest)
            m[e] = momentum * m[e] + _step(g[e], v[e], lr, epsilon)
            p[e] = (p[e] - decay * p[e]) - m[e]


@cuda.jit(device=True)
def _centered_one(w, g, s, a, lr, rho, rest, epsilon, decay):
    """Return the new p, v and a of one weight."""
    s, a = _square(s, g, rho, rest), _mean(a, g, rho, rest)
    return (w - decay * w) - _step(g, s - a * a, lr, epsilon), s, a


@cuda.jit(device=True)
def _centered_moved_one(w, g, s, u, a, lr, rho, rest, momentum, epsilon, decay):
    """Return the new p, v, m and a of one weight."""
    s, a = _square(s, g, rho, rest), _mean(a, g, rho, rest)
    u = momentum * u + _step(g, s - a * a, lr, epsilon)
    return (w - decay * w) - u, s, u, a


@cuda.jit
def _centered(p, g, v, a, lr, rho, rest, momentum, epsilon, decay):
    i = 4 * cuda.grid(1)
    if i + 4 <= p.size:
        w, b, s, c = load4(p, i), load4(g, i), load4(v, i), load4(a, i)
        w0, s0, c0 = _centered_one(w[0], b[0], s[0], c[0], lr, rho, rest, epsilon, decay)
        w1, s1, c1 = _centered_one(w[1], b[1], s[1], c[1], lr, rho, rest, epsilon, decay)
        w2, s2, c2 = _centered_one(w[2], b[2], s[2], c[2], lr, rho, rest, epsilon, decay)
        w3, s3, c3 = _centered_one(w[3], b[3], s[3], c[3], lr, rho, rest, epsilon, decay)
        store4(p, i, w0, w1, w2, w3)
        store4(v, i, s0, s1, s2, s3)
        store4(a, i, c0, c1, c2, c3)
    else:
        for e in range(i, p.size):
            p[e], v[e], a[e] = _centered_one(p[e], g[e], v[e], a[e], lr, rho, rest, epsilon, decay)


@cuda.jit
def _centered_moved(p, g, v, m, a, lr, rho, rest, momentum, epsilon, decay):
    i = 4 * cuda.grid(1)
    if i + 4 <= p.size:
        w, b, s, u, c = load4(p, i), load4(g, i), load4(v, i), load4(m, i), load4(a, i)
        w0, s0, u0, c0 = _centered_moved_one(w[0], b[0], s[0], u[0], c[0], lr, rho, rest, momentum, epsilon, decay)
        w1, s1, u1, c1 = _centered_moved_one(w[1], b[1], s[1], u[1], c[1], lr, rho, rest, momentum, epsilon, decay)
        w2, s2, u2, c2 = _centered_moved_one(w[2], b[2], s[2], u[2], c[2], lr, rho, rest, momentum, epsilon, decay)
        w3, s3, u3, c3 = _centered_moved_one(w[3], b[3], s[3], u[3], c[3], lr, rho, rest, momentum, epsilon, decay)
        store4(p, i, w0, w1, w2, w3)
        store4(v, i, s0, s1, s2, s3)
        store4(m, i, u0, u1, u2, u3)
        store4(a, i, c0, c1, c2, c3)
    else:
        for e in range(i, p.size):
            p[e], v[e], m[e], a[e] = _centered_moved_one(
                p[e], g[e], v[e], m[e], a[e], lr, rho, rest, momentum, epsilon, decay
            )


_KERNELS = {
    (False, False): _plain,
    (True, False): _moved,
    (False, True): _centered,
    (True, True): _centered_moved,
}
