"""The default: register tiles (kernels/cpu/simd.py), through kernels/dense/gemm.py.

What it changes over `cpu_blocked`: a block's sums stay in registers until they are complete, where the rung below
loads and stores its row of y for every eight terms; and the threads' tiles are those of conv2d, compiled already.
One sample alone has no use for tiles of several rows (one_row.py), a small product none for conv2d's lists and threads,
and the weights' gradient of a usual batch none for the parts that it cuts its pixels into (direct.py).
"""

from kernels.dense import direct, gemm, one_row


def forward(x, k, b=None, *, out):
    """y[n,f] = b[f] + sum_c x[n,c] * k[c,f], into out."""
    _way(len(x), k.size).forward(x, k, b, out=out)


def backward_data(dy, k, *, out):
    """dx[n,c] = sum_f dy[n,f] * k[c,f], into out."""
    _way(len(dy), k.size).backward_data(dy, k, out=out)


def backward_weights(x, dy, *, out):
    """dk[c,f] = sum_n x[n,c] * dy[n,f], db[f] = sum_n dy[n,f], into out = (dk, db)."""
    way = one_row if len(x) == 1 else direct if len(x) <= direct.SHORT else gemm
    way.backward_weights(x, dy, out=out)


def _way(rows, weights):
    return one_row if rows == 1 else direct if rows * weights < direct.LARGE else gemm
