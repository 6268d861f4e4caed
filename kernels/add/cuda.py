"""One pass over memory, four numbers a thread in one request."""

from kernels.cuda.vectors import cuda, each_pair, load4, store4
from kernels.device import launch_fours


def forward(a, b, *, out):
    """Compute y = a + b, into out."""
    launch_fours(_forward, a, b, out)


def backward(dy, *, out):
    """Compute da = dy and db = dy, into out = (da, db): read once, written twice."""
    launch_fours(_backward, dy, *out)


@each_pair
def _forward(a, b):
    return a + b


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
