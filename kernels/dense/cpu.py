"""The default: register tiles (kernels/simd.py), through kernels/gemm.py.

What it changes over `cpu_blocked`: a block's sums stay in registers until they are complete, where the rung below
loads and stores its row of y for every eight terms; and the threads' tiles are those of conv2d, compiled already.
One sample alone has no use for tiles of several rows (one_row.py), and a small product none for threads (small.py);
nor has backward_weights one for the parts that conv2d cuts its pixels into.
"""

from kernels import gemm
from kernels.dense import one_row, small


def forward(x, k, b=None, *, out):
    """y[n,f] = b[f] + sum_c x[n,c] * k[c,f], into out."""
    _way(len(x), k.size).forward(x, k, b, out=out)


def backward_data(dy, k, *, out):
    """dx[n,c] = sum_f dy[n,f] * k[c,f], into out."""
    _way(len(dy), k.size).backward_data(dy, k, out=out)


def backward_weights(x, dy, *, out):
    """dk[c,f] = sum_n x[n,c] * dy[n,f], db[f] = sum_n dy[n,f], into out = (dk, db)."""
    (one_row if len(x) == 1 else small).backward_weights(x, dy, out=out)


def _way(rows, weights):
    return one_row if rows == 1 else small if rows * weights < small.LARGE else gemm
