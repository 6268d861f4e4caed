"""The default: register tiles (kernels/cpu/simd.py), through kernels/dense/tiles.py.

What it changes over `cpu_blocked`: a block's sums stay in registers until they are complete, where the rung below
loads and stores its row of y for every eight terms. One sample alone has no use for tiles of several rows (one_row.py).
"""

from kernels.dense import one_row, tiles


def forward(x, k, b=None, *, out):
    """Compute y[n,f] = b[f] + sum_c x[n,c] * k[c,f], into out."""
    _way(x).forward(x, k, b, out=out)


def backward_data(dy, k, *, out):
    """Compute dx[n,c] = sum_f dy[n,f] * k[c,f], into out."""
    _way(dy).backward_data(dy, k, out=out)


def backward_weights(x, dy, *, out):
    """Compute dk[c,f] = sum_n x[n,c] * dy[n,f], db[f] = sum_n dy[n,f], into out = (dk, db)."""
    _way(x).backward_weights(x, dy, out=out)


def _way(rows):
    return one_row if len(rows) == 1 else tiles
