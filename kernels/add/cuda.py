"""One pass over memory, four numbers a thread in one request."""

from kernels.cuda_vectors import cuda, load4, store4
from kernels.device import launch_flat


def forward(a, b, *, out):
    """y = a + b, into out."""
    launch_flat(_forward, -(-a.size // 4), a.reshape(-1), b.reshape(-1), out.reshape(-1))


def backward(dy, *, out):
    """da = dy and db = dy, into out = (da, db): read once, written twice."""
    launch_flat(_backward, -(-dy.size // 4), dy.reshape(-1), out[0].reshape(-1), out[1].reshape(-1))


@cuda.jit
def _forward(a, b, y):
    i = 4 * cuda.grid(1)
    if i + 4 <= y.size:
        a0, a1, a2, a3 = load4(a, i)
        b0, b1, b2, b3 = load4(b, i)
        store4(y, i, a0 + b0, a1 + b1, a2 + b2, a3 + b3)
    else:
        for e in range(i, y.size):
            y[e] = a[e] + b[e]


@cuda.jit
def _backward(dy, da, db):
    i = 4 * cuda.grid(1)
    if i + 4 <= dy.size:
        g0, g1, g2, g3 = load4(dy, i)
        store4(da, i, g0, g1, g2, g3)
        store4(db, i, g0, g1, g2, g3)
    else:
        for e in range(i, dy.size):
            da[e] = dy[e]
            db[e] = dy[e]
