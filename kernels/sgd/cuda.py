"""One pass over memory, four numbers a thread: all of a number is done while it is in a register."""

from kernels.cuda.vectors import cuda, load4, store4
from kernels.device import launch_fours


def update(p, g, v=None, *, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
    """Overwrite p and v by one step.

    p -= lr * weight_decay * p; v = momentum * v - lr * g; p += v or momentum * v - lr * g
    """
    lr, decay, momentum = map(p.dtype.type, (lr, lr * weight_decay, momentum))
    if momentum == 0:
        launch_fours(_plain, p, g, lr, decay)
    else:
        launch_fours(_momentum, p, g, v, lr, momentum, nesterov, decay)


@cuda.jit(device=True)
def _step(p, g, lr, decay):
    return (p - decay * p) - lr * g


@cuda.jit(device=True)
def _move(p, g, v, lr, momentum, nesterov, decay):
    """Return p with the new velocity v."""
    return (p - decay * p) + (momentum * v - lr * g if nesterov else v)


@cuda.jit
def _plain(p, g, lr, decay):
    i = 4 * cuda.grid(1)
    if i + 4 <= p.size:
        a, b = load4(p, i), load4(g, i)
        store4(
            p, i, _step(a[0], b[0], lr, decay), _step(a[1], b[1], lr, decay),
            _step(a[2], b[2], lr, decay), _step(a[3], b[3], lr, decay),
        )  # fmt: skip
    else:
        for e in range(i, p.size):
            p[e] = _step(p[e], g[e], lr, decay)


@cuda.jit
def _momentum(p, g, v, lr, momentum, nesterov, decay):
    i = 4 * cuda.grid(1)
    if i + 4 <= p.size:
        a, b, w = load4(p, i), load4(g, i), load4(v, i)
        w0, w1 = momentum * w[0] - lr * b[0], momentum * w[1] - lr * b[1]
        w2, w3 = momentum * w[2] - lr * b[2], momentum * w[3] - lr * b[3]
        store4(v, i, w0, w1, w2, w3)
        p0 = _move(a[0], b[0], w0, lr, momentum, nesterov, decay)
        p1 = _move(a[1], b[1], w1, lr, momentum, nesterov, decay)
        p2 = _move(a[2], b[2], w2, lr, momentum, nesterov, decay)
        p3 = _move(a[3], b[3], w3, lr, momentum, nesterov, decay)
        store4(p, i, p0, p1, p2, p3)
    else:
        for e in range(i, p.size):
            v[e] = momentum * v[e] - lr * g[e]
            p[e] = _move(p[e], g[e], v[e], lr, momentum, nesterov, decay)
