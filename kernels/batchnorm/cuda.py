"""Statistics by blocks of rows (kernels/cuda/sums.py), then one pass that normalises, four numbers a thread.

A block sums 32 channels of a chunk of rows, and the chunks' sums are added in their order. The variance takes a second
pass over x, since mean(x^2) - mean(x)^2 loses every digit where the mean is large beside the deviation.
"""

import math

from numba import float64

from kernels.cuda.sums import COLUMNS, ROWS, add_partials, chunk_of, sum_columns, sum_rows
from kernels.cuda.vectors import cuda, load4, load4_channels, store4
from kernels.device import launch, launch_flat, launch_fours, scratch


def forward(x, gamma, beta, *, epsilon, out):
    """Compute mean, var and y = gamma * (x - mean) / sqrt(var + epsilon) + beta, into out = (y, mean, var)."""
    (M, C), (y, mean, var) = x.shape, out
    sum_columns(x, mean)
    launch_flat(_divide, C, mean, M)
    chunk, grid = _grid(M, C)
    partial = scratch(x, (grid[1], C), "f8")
    launch(_squares, grid, (COLUMNS, ROWS), x, mean, chunk, partial)
    launch_flat(_variance, C, partial, M, var)
    inference(x, gamma, beta, mean, var, epsilon=epsilon, out=y)


def inference(x, gamma, beta, mean, var, *, epsilon, out):
    """Compute y = gamma * (x - mean) / sqrt(var + epsilon) + beta, into out."""
    launch_fours(_normalise, x, gamma, beta, mean, var, x.dtype.type(epsilon), out)


def inference_backward(dy, gamma, var, *, epsilon, out):
    """Write dx = gamma / sqrt(var + epsilon) * dy into out."""
    launch_fours(_scale, dy, gamma, var, dy.dtype.type(epsilon), out)


def backward(dy, x, gamma, mean, var, *, epsilon, out):
    """Compute dx = gamma / sqrt(var + epsilon) * (dy - dbeta/M - xhat * dgamma/M), into out = (dx, dgamma, dbeta)."""
    (M, C), (dx, dgamma, dbeta), epsilon = x.shape, out, x.dtype.type(epsilon)
    sum_columns(dy, dbeta)
    chunk, grid = _grid(M, C)
    partial = scratch(x, (grid[1], C), "f8")
    launch(_products, grid, (COLUMNS, ROWS), dy, x, mean, chunk, partial)
    launch_flat(_slope, C, partial, var, epsilon, dgamma)
    launch_fours(_gradient, dy, x, gamma, mean, var, dgamma, dbeta, M, epsilon, dx)


def follow(moving, batch, keep):
    """Overwrite moving by keep * moving + (1 - keep) * batch: statistics gathered over the batches."""
    launch_flat(_follow, moving.size, moving, batch, moving.dtype.type(keep))


def _grid(M, C):
    chunk = chunk_of(M)
    return chunk, (-(-C // COLUMNS), -(-M // chunk))


@cuda.jit
def _divide(mean, M):
    c = cuda.grid(1)
    if c < mean.size:
        mean[c] /= mean.dtype.type(M)


@cuda.jit
def _squares(x, mean, chunk, partial):
    """Compute partial[k,c] = sum of (x[m,c] - mean[c])^2 over the rows m of chunk k."""
    tile = cuda.shared.array((ROWS, COLUMNS), float64)
    M, C = x.shape
    c, k = cuda.blockIdx.x * COLUMNS + cuda.threadIdx.x, cuda.blockIdx.y
    v = 0.0
    if c < C:
        for m in range(k * chunk + cuda.threadIdx.y, min((k + 1) * chunk, M), ROWS):
            d = x[m, c] - mean[c]
            v += d * d
    total = sum_rows(v, tile)
    if c < C and cuda.threadIdx.y == 0:
        partial[k, c] = total


@cuda.jit
def _products(dy, x, mean, chunk, partial):
    """Compute partial[k,c] = sum of dy[m,c] * (x[m,c] - mean[c]) over the rows m of chunk k."""
    tile = cuda.shared.array((ROWS, COLUMNS), float64)
    M, C = x.shape
    c, k = cuda.blockIdx.x * COLUMNS + cuda.threadIdx.x, cuda.blockIdx.y
    v = 0.0
    if c < C:
        for m in range(k * chunk + cuda.threadIdx.y, min((k + 1) * chunk, M), ROWS):
            v += dy[m, c] * (x[m, c] - mean[c])
    total = sum_rows(v, tile)
    if c < C and cuda.threadIdx.y == 0:
        partial[k, c] = total


@cuda.jit
def _variance(partial, M, var):
    c = cuda.grid(1)
    if c < var.size:
        var[c] = add_partials(partial, c) / M


@cuda.jit(device=True)
def _per_deviation(var, epsilon):
    return type(var)(1) / math.sqrt(var + epsilon)


@cuda.jit
def _slope(partial, var, epsilon, dgamma):
    c = cuda.grid(1)
    if c < var.size:
        dgamma[c] = add_partials(partial, c) * _per_deviation(var[c], epsilon)


@cuda.jit(device=True)
def _normal(x, gamma, beta, mean, var, epsilon):
    return (x - mean) * (gamma / math.sqrt(var + epsilon)) + beta


@cuda.jit
def _normalise(x, gamma, beta, mean, var, epsilon, y):
    i, C = 4 * cuda.grid(1), gamma.size
    if i + 4 <= x.size:
        a, g, b = load4(x, i), load4_channels(gamma, i, C), load4_channels(beta, i, C)
        m, v = load4_channels(mean, i, C), load4_channels(var, i, C)
        store4(
            y, i, _normal(a[0], g[0], b[0], m[0], v[0], epsilon), _normal(a[1], g[1], b[1], m[1], v[1], epsilon),
            _normal(a[2], g[2], b[2], m[2], v[2], epsilon), _normal(a[3], g[3], b[3], m[3], v[3], epsilon),
        )  # fmt: skip
    else:
        for e in range(i, x.size):
            c = e % C
            y[e] = _normal(x[e], gamma[c], beta[c], mean[c], var[c], epsilon)


@cuda.jit
def _scale(dy, gamma, var, epsilon, dx):
    i, C = 4 * cuda.grid(1), gamma.size
    if i + 4 <= dy.size:
        d, g, v = load4(dy, i), load4_channels(gamma, i, C), load4_channels(var, i, C)
        store4(
            dx, i, d[0] * (g[0] / math.sqrt(v[0] + epsilon)), d[1] * (g[1] / math.sqrt(v[1] + epsilon)),
            d[2] * (g[2] / math.sqrt(v[2] + epsilon)), d[3] * (g[3] / math.sqrt(v[3] + epsilon)),
        )  # fmt: skip
    else:
        for e in range(i, dy.size):
            c = e % C
            dx[e] = dy[e] * (gamma[c] / math.sqrt(var[c] + epsilon))


@cuda.jit(device=True)
def _subtract_shares(dy, x, gamma, mean, var, dgamma, dbeta, M, epsilon):
    """Return dx of one number: what is left of dy without the shares of the mean and of the deviation."""
    inverse, count = _per_deviation(var, epsilon), type(x)(M)
    return gamma * inverse * (dy - dbeta / count - (x - mean) * (dgamma * inverse / count))


@cuda.jit
def _gradient(dy, x, gamma, mean, var, dgamma, dbeta, M, epsilon, dx):
    i, C = 4 * cuda.grid(1), gamma.size
    if i + 4 <= x.size:
        d, a, g, m = load4(dy, i), load4(x, i), load4_channels(gamma, i, C), load4_channels(mean, i, C)
        v, s, t = load4_channels(var, i, C), load4_channels(dgamma, i, C), load4_channels(dbeta, i, C)
        x0 = _subtract_shares(d[0], a[0], g[0], m[0], v[0], s[0], t[0], M, epsilon)
        x1 = _subtract_shares(d[1], a[1], g[1], m[1], v[1], s[1], t[1], M, epsilon)
        x2 = _subtract_shares(d[2], a[2], g[2], m[2], v[2], s[2], t[2], M, epsilon)
        x3 = _subtract_shares(d[3], a[3], g[3], m[3], v[3], s[3], t[3], M, epsilon)
        store4(dx, i, x0, x1, x2, x3)
    else:
        for e in range(i, x.size):
            c = e % C
            dx[e] = _subtract_shares(dy[e], x[e], gamma[c], mean[c], var[c], dgamma[c], dbeta[c], M, epsilon)


@cuda.jit
def _follow(moving, batch, keep):
    c = cuda.grid(1)
    if c < moving.size:
        moving[c] = moving[c] * keep + batch[c] * (moving.dtype.type(1) - keep)
