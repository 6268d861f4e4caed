"""The default: all cores, and one instruction for many channels.

The rows are summed in chunks, as many as the shape says and not the threads: a thread takes a chunk, and the chunks'
sums are added in their order, so the bits do not depend on the threads. Sums are in float64, which takes up the rows
four at a time: in float32 a sum far above its terms would swallow them. The variance takes a second pass over x, since
mean(x^2) - mean(x)^2 loses every digit where the mean is large beside the deviation.
A small array stays on one thread (starting the others takes microseconds): the same chunks, the same bits.
"""

import numba
import numpy as np

from kernels.jit import jit

SMALL = 32_768  # elements of x below which one thread is quicker


def forward(x, gamma, beta, *, epsilon, out):
    """Compute mean, var and y = gamma * (x - mean) / sqrt(var + epsilon) + beta, into out = (y, mean, var)."""
    run = _forward_serial if x.size < SMALL else _forward_parallel
    run(x, gamma, beta, x.dtype.type(epsilon), _chunk(x), *out)


def inference(x, gamma, beta, mean, var, *, epsilon, out):
    """Compute y = gamma * (x - mean) / sqrt(var + epsilon) + beta, into out."""
    run = _inference_serial if x.size < SMALL else _inference_parallel
    run(x, gamma, beta, mean, var, x.dtype.type(epsilon), _chunk(x), out)


def inference_backward(dy, gamma, var, *, epsilon, out):
    """Write dx = gamma / sqrt(var + epsilon) * dy into out: `inference` of dy with a mean and a beta of 0."""
    zero = np.zeros_like(gamma)
    # lesson: batchnorm_inference.data
    inference(dy, gamma, zero, zero, var, epsilon=epsilon, out=out)


def backward(dy, x, gamma, mean, var, *, epsilon, out):
    """Compute dx = gamma / sqrt(var + epsilon) * (dy - dbeta/M - xhat * dgamma/M), into out = (dx, dgamma, dbeta)."""
    run = _backward_serial if x.size < SMALL else _backward_parallel
    run(dy, x, gamma, mean, 1 / np.sqrt(var + x.dtype.type(epsilon)), _chunk(x), *out)


def follow(moving, batch, keep):
    """Overwrite moving by keep * moving + (1 - keep) * batch: statistics gathered over the batches."""
    keep = moving.dtype.type(keep)
    moving *= keep
    moving += batch * (1 - keep)


def _chunk(x):
    """Return the rows in a chunk: about 8192 numbers, which fit the first-level cache, and at least 16 rows."""
    return max(16, 8192 // max(x.shape[1], 1))


@jit(parallel=True)
def _forward_parallel(x, gamma, beta, epsilon, chunk, y, mean, var):
    M, C = x.shape
    K = (M + chunk - 1) // chunk
    sums = np.empty((K, C))
    for k in numba.prange(K):
        _sum(x[k * chunk : (k + 1) * chunk], sums[k])
    _mean(sums, M, mean)
    for k in numba.prange(K):
        _sum_squares(x[k * chunk : (k + 1) * chunk], mean, sums[k])
    _mean(sums, M, var)
    scale = gamma / np.sqrt(var + epsilon)
    for k in numba.prange(K):
        _normalise(x[k * chunk : (k + 1) * chunk], mean, scale, beta, y[k * chunk : (k + 1) * chunk])


@jit()
def _forward_serial(x, gamma, beta, epsilon, chunk, y, mean, var):
    M, C = x.shape
    K = (M + chunk - 1) // chunk
    sums = np.empty((K, C))
    for k in range(K):
        _sum(x[k * chunk : (k + 1) * chunk], sums[k])
    _mean(sums, M, mean)
    for k in range(K):
        _sum_squares(x[k * chunk : (k + 1) * chunk], mean, sums[k])
    _mean(sums, M, var)
    _normalise(x, mean, gamma / np.sqrt(var + epsilon), beta, y)


@jit(parallel=True)
def _inference_parallel(x, gamma, beta, mean, var, epsilon, chunk, y):
    scale = gamma / np.sqrt(var + epsilon)
    for k in numba.prange((x.shape[0] + chunk - 1) // chunk):
        _normalise(x[k * chunk : (k + 1) * chunk], mean, scale, beta, y[k * chunk : (k + 1) * chunk])


@jit()
def _inference_serial(x, gamma, beta, mean, var, epsilon, chunk, y):
    _normalise(x, mean, gamma / np.sqrt(var + epsilon), beta, y)


@jit(parallel=True)
def _backward_parallel(dy, x, gamma, mean, inverse, chunk, dx, dgamma, dbeta):
    M, C = x.shape
    K = (M + chunk - 1) // chunk
    sums, products = np.empty((K, C)), np.empty((K, C))
    for k in numba.prange(K):
        _sum(dy[k * chunk : (k + 1) * chunk], sums[k])
        _sum_products(dy[k * chunk : (k + 1) * chunk], x[k * chunk : (k + 1) * chunk], mean, products[k])
    shares = _finish(sums, products, M, inverse, dgamma, dbeta)
    for k in numba.prange(K):
        start, end = k * chunk, (k + 1) * chunk
        _gradient(dy[start:end], x[start:end], mean, gamma * inverse, shares[0], shares[1], dx[start:end])


@jit()
def _backward_serial(dy, x, gamma, mean, inverse, chunk, dx, dgamma, dbeta):
    M, C = x.shape
    K = (M + chunk - 1) // chunk
    sums, products = np.empty((K, C)), np.empty((K, C))
    for k in range(K):
        _sum(dy[k * chunk : (k + 1) * chunk], sums[k])
        _sum_products(dy[k * chunk : (k + 1) * chunk], x[k * chunk : (k + 1) * chunk], mean, products[k])
    shares = _finish(sums, products, M, inverse, dgamma, dbeta)
    _gradient(dy, x, mean, gamma * inverse, shares[0], shares[1], dx)


@jit(inner=True)
def _sum(x, total):
    """Compute total[c] = sum_m x[m,c], four rows at a time: each sum is loaded and stored once for four."""
    M, C = x.shape
    total[:] = 0
    for m in range(0, M - M % 4, 4):
        for c in range(C):
            total[c] += (x[m, c] + x[m + 1, c]) + (x[m + 2, c] + x[m + 3, c])
    for m in range(M - M % 4, M):
        for c in range(C):
            total[c] += x[m, c]


@jit(inner=True)
def _sum_squares(x, mean, total):
    """Compute total[c] = sum_m (x[m,c] - mean[c])^2."""
    M, C = x.shape
    total[:] = 0
    for m in range(0, M - M % 4, 4):
        for c in range(C):
            d0, d1, d2, d3 = x[m, c] - mean[c], x[m + 1, c] - mean[c], x[m + 2, c] - mean[c], x[m + 3, c] - mean[c]
            total[c] += (d0 * d0 + d1 * d1) + (d2 * d2 + d3 * d3)
    for m in range(M - M % 4, M):
        for c in range(C):
            total[c] += (x[m, c] - mean[c]) * (x[m, c] - mean[c])


@jit(inner=True)
def _sum_products(dy, x, mean, total):
    """Compute total[c] = sum_m dy[m,c] * (x[m,c] - mean[c])."""
    M, C = x.shape
    total[:] = 0
    for m in range(0, M - M % 4, 4):
        for c in range(C):
            d0, d1, d2, d3 = x[m, c] - mean[c], x[m + 1, c] - mean[c], x[m + 2, c] - mean[c], x[m + 3, c] - mean[c]
            # lesson: batchnorm.weights, batchnorm_inference.weights
            total[c] += (dy[m, c] * d0 + dy[m + 1, c] * d1) + (dy[m + 2, c] * d2 + dy[m + 3, c] * d3)
    for m in range(M - M % 4, M):
        for c in range(C):
            total[c] += dy[m, c] * (x[m, c] - mean[c])


@jit(inner=True)
def _mean(sums, M, mean):
    """Compute the chunks' sums in their order, divided by M."""
    for c in range(mean.size):
        mean[c] = _column(sums, c) / M


@jit(inner=True)
def _column(sums, c):
    total = sums[0, c]
    for k in range(1, sums.shape[0]):
        total += sums[k, c]
    return total


@jit(inner=True)
def _normalise(x, mean, scale, beta, y):
    for m in range(x.shape[0]):
        for c in range(x.shape[1]):
            # lesson: batchnorm.forward, batchnorm_inference.forward
            y[m, c] = (x[m, c] - mean[c]) * scale[c] + beta[c]


@jit(inner=True)
def _finish(sums, products, M, inverse, dgamma, dbeta):
    """Compute dgamma and dbeta, and return what every dx subtracts: dbeta/M, dgamma/(M*sqrt(var + epsilon))."""
    shares = np.zeros((2, dbeta.size), dbeta.dtype)
    for c in range(dbeta.size):
        dbeta[c] = _column(sums, c)
        dgamma[c] = _column(products, c) * inverse[c]
        shares[0, c] = dbeta[c] / dbeta.dtype.type(M)
        shares[1, c] = dgamma[c] * inverse[c] / dbeta.dtype.type(M)
    return shares


@jit(inner=True)
def _gradient(dy, x, mean, scale, share, slope, dx):
    for m in range(x.shape[0]):
        for c in range(x.shape[1]):
            # lesson: batchnorm.data
            dx[m, c] = scale[c] * (dy[m, c] - share[c] - (x[m, c] - mean[c]) * slope[c])
