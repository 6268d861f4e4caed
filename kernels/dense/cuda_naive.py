"""One thread an output, which does the whole sum of `reference` for it. Neighbours have neighbouring outputs.

Each factor is fetched from memory anew by every thread that needs it: the rungs above fetch it once for many.
"""

from kernels.cuda.sums import sum_columns
from kernels.cuda.vectors import cuda
from kernels.device import launch_flat


def forward(x, k, b, *, out):
    """Compute y[n,f] = b[f] + sum_c x[n,c] * k[c,f], into out."""
    has_bias = b is not None
    launch_flat(_forward, out.size, x, k, b if has_bias else k.reshape(-1), has_bias, out)


def backward_data(dy, k, *, out):
    """Compute dx[n,c] = sum_f dy[n,f] * k[c,f], into out."""
    launch_flat(_backward_data, out.size, dy, k, out)


def backward_weights(x, dy, *, out):
    """Compute dk[c,f] = sum_n x[n,c] * dy[n,f], db[f] = sum_n dy[n,f], into out = (dk, db)."""
    dk, db = out
    launch_flat(_backward_weights, dk.size, x, dy, dk)
    sum_columns(dy, db)


@cuda.jit
def _forward(x, k, b, has_bias, y):
    t = cuda.grid(1)
    if t >= y.size:
        return
    C, F = k.shape
    n, f = t // F, t % F
    total = b[f] if has_bias else y.dtype.type(0)
    for c in range(C):
        total += x[n, c] * k[c, f]
    y[n, f] = total


@cuda.jit
def _backward_data(dy, k, dx):
    t = cuda.grid(1)
    if t >= dx.size:
        return
    C, F = k.shape
    n, c = t // C, t % C
    total = dx.dtype.type(0)
    for f in range(F):
        total += dy[n, f] * k[c, f]
    dx[n, c] = total


@cuda.jit
def _backward_weights(x, dy, dk):
    t = cuda.grid(1)
    if t >= dk.size:
        return
    N, F = dy.shape
    c, f = t // F, t % F
    total = dk.dtype.type(0)
    for n in range(N):
        total += x[n, c] * dy[n, f]
    dk[c, f] = total
