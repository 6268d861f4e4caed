"""A block of threads for each group of each sample, in float64; then one thread for each number.

The variance takes a second pass over x, since mean(x^2) - mean(x)^2 loses every digit where the mean is large beside
the deviation. dgamma and dbeta are sums over rows (kernels/cuda/sums.py). No atomics: the same bits on every run.
"""

import math

from numba import float64

from kernels.cuda.sums import COLUMNS, ROWS, add_partials, block_sum, chunk_of, sum_columns, sum_rows
from kernels.cuda.vectors import cuda
from kernels.device import launch, launch_flat, scratch

THREADS = 128  # of a block: whole warps


def forward(x, gamma, beta, *, groups, epsilon, out):
    """Compute mean, var and y = gamma * (x - mean) / sqrt(var + epsilon) + beta, into out = (y, mean, var)."""
    y, mean, var = out
    launch(_mean, mean.size, THREADS, x, mean)
    launch(_variance, mean.size, THREADS, x, mean, var)
    launch_flat(_normalise, x.size, x, gamma, beta, mean, var, x.dtype.type(epsilon), y)


def backward(dy, x, gamma, mean, var, *, groups, epsilon, out):
    """Compute the gradients of forward, into out = (dx, dgamma, dbeta)."""
    (N, P, C), (dx, dgamma, dbeta), epsilon = x.shape, out, x.dtype.type(epsilon)
    sum_columns(dy.reshape(N * P, C), dbeta)
    chunk = chunk_of(N * P)
    partial = scratch(x, (max(-(-N * P // chunk), 1), C), "f8")
    launch(_products, (-(-C // COLUMNS), len(partial)), (COLUMNS, ROWS), dy, x, mean, var, epsilon, chunk, partial)
    launch_flat(_collect, C, partial, dgamma)
    shares = scratch(x, (2, *mean.shape), "f8")
    launch(_share, mean.size, THREADS, dy, gamma, shares)
    launch(_slope, mean.size, THREADS, dy, x, gamma, mean, var, epsilon, shares)
    launch_flat(_gradient, x.size, dy, x, gamma, mean, var, epsilon, shares, dx)


@cuda.jit
def _mean(x, mean):
    N, P, C = x.shape
    D = C // mean.shape[1]
    n, g = cuda.blockIdx.x // mean.shape[1], cuda.blockIdx.x % mean.shape[1]
    v = 0.0
    for e in range(cuda.threadIdx.x, P * D, THREADS):
        v += x[n, e // D, g * D + e % D]
    total = block_sum(v)
    if cuda.threadIdx.x == 0:
        mean[n, g] = total / (P * D)


@cuda.jit
def _variance(x, mean, var):
    N, P, C = x.shape
    D = C // mean.shape[1]
    n, g = cuda.blockIdx.x // mean.shape[1], cuda.blockIdx.x % mean.shape[1]
    v = 0.0
    for e in range(cuda.threadIdx.x, P * D, THREADS):
        d = x[n, e // D, g * D + e % D] - mean[n, g]
        v += d * d
    total = block_sum(v)
    if cuda.threadIdx.x == 0:
        var[n, g] = total / (P * D)


@cuda.jit
def _normalise(x, gamma, beta, mean, var, epsilon, y):
    e = cuda.grid(1)
    N, P, C = x.shape
    if e < N * P * C:
        n, p, c = e // (P * C), e // C % P, e % C
        g = c // (C // mean.shape[1])
        y[n, p, c] = (x[n, p, c] - mean[n, g]) * (gamma[c] / math.sqrt(var[n, g] + epsilon)) + beta[c]


@cuda.jit
def _products(dy, x, mean, var, epsilon, chunk, partial):
    """Compute partial[k,c] = sum of dy * (x - mean) / sqrt(var + epsilon) over the rows (n,p) of chunk k."""
    tile = cuda.shared.array((ROWS, COLUMNS), float64)
    N, P, C = x.shape
    c, k = cuda.blockIdx.x * COLUMNS + cuda.threadIdx.x, cuda.blockIdx.y
    v = 0.0
    if c < C:
        g = c // (C // mean.shape[1])
        for m in range(k * chunk + cuda.threadIdx.y, min((k + 1) * chunk, N * P), ROWS):
            n, p = m // P, m % P
            v += dy[n, p, c] * (x[n, p, c] - mean[n, g]) / math.sqrt(var[n, g] + epsilon)
    total = sum_rows(v, tile)
    if c < C and cuda.threadIdx.y == 0:
        partial[k, c] = total


@cuda.jit
def _collect(partial, out):
    c = cuda.grid(1)
    if c < out.size:
        out[c] = add_partials(partial, c)


@cuda.jit
def _share(dy, gamma, shares):
    """Compute shares[0,n,g] = 1/M * sum dy * gamma over the group."""
    N, P, C = dy.shape
    groups = shares.shape[2]
    D = C // groups
    n, g = cuda.blockIdx.x // groups, cuda.blockIdx.x % groups
    v = 0.0
    for e in range(cuda.threadIdx.x, P * D, THREADS):
        v += float64(dy[n, e // D, g * D + e % D]) * gamma[g * D + e % D]
    total = block_sum(v)
    if cuda.threadIdx.x == 0:
        shares[0, n, g] = total / (P * D)


@cuda.jit
def _slope(dy, x, gamma, mean, var, epsilon, shares):
    """Compute shares[1,n,g] = 1/M * sum dy * gamma * xhat / sqrt(var + epsilon) over the group."""
    N, P, C = dy.shape
    groups = shares.shape[2]
    D = C // groups
    n, g = cuda.blockIdx.x // groups, cuda.blockIdx.x % groups
    v = 0.0
    for e in range(cuda.threadIdx.x, P * D, THREADS):
        p, c = e // D, g * D + e % D
        v += float64(dy[n, p, c]) * gamma[c] * (x[n, p, c] - mean[n, g])
    total = block_sum(v)
    if cuda.threadIdx.x == 0:
        shares[1, n, g] = total / (P * D) / (float64(var[n, g]) + epsilon)


@cuda.jit
def _gradient(dy, x, gamma, mean, var, epsilon, shares, dx):
    e = cuda.grid(1)
    N, P, C = x.shape
    if e < N * P * C:
        n, p, c = e // (P * C), e // C % P, e % C
        g = c // (C // mean.shape[1])
        t = dx.dtype.type
        inner = dy[n, p, c] * gamma[c] - t(shares[0, n, g]) - (x[n, p, c] - mean[n, g]) * t(shares[1, n, g])
        dx[n, p, c] = inner / math.sqrt(var[n, g] + epsilon)
