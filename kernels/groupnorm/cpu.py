"""The default: a sample belongs to one thread, and stays in the cache for the three passes over it.

The sums run down each channel first, so that one instruction adds many channels, and then over the group's channels;
they are in float64. The variance takes a second pass, since mean(x^2) - mean(x)^2 loses every digit where the mean is
large beside the deviation. dgamma and dbeta are summed by chunks of samples, as many as the shape says, and then in the
chunks' order: the same bits for any number of threads.
"""

import numba
import numpy as np

from kernels.jit import jit

SMALL = 32_768  # elements of x below which one thread is quicker
CHUNKS = 64  # of samples, at most


def forward(x, gamma, beta, *, groups, epsilon, out):
    """Compute mean, var and y = gamma * (x - mean) / sqrt(var + epsilon) + beta, into out = (y, mean, var)."""
    run = _forward if x.size < SMALL else _forward_parallel
    run(x, gamma, beta, groups, x.dtype.type(epsilon), _chunk(x), *out)


def backward(dy, x, gamma, mean, var, *, groups, epsilon, out):
    """Compute the gradients of forward, into out = (dx, dgamma, dbeta)."""
    run = _backward if x.size < SMALL else _backward_parallel
    run(dy, x, gamma, mean, 1 / np.sqrt(var + x.dtype.type(epsilon)), groups, _chunk(x), *out)


def _chunk(x):
    return max(-(-len(x) // CHUNKS), 1)


@jit(inner=True)
def _forward_chunk(x, gamma, beta, groups, epsilon, y, mean, var):
    N, P, C = x.shape
    D, column = C // groups, np.empty(C)
    for n in range(N):
        column[:] = 0
        for p in range(P):
            for c in range(C):
                column[c] += x[n, p, c]
        for g in range(groups):
            mean[n, g] = _total(column, g * D, D) / (P * D)
        column[:] = 0
        for p in range(P):
            for g in range(groups):
                m = mean[n, g]
                for c in range(g * D, g * D + D):
                    d = x[n, p, c] - m
                    column[c] += d * d
        for g in range(groups):
            var[n, g] = _total(column, g * D, D) / (P * D)
        for p in range(P):
            for g in range(groups):
                m, deviation = mean[n, g], np.sqrt(var[n, g] + epsilon)
                for c in range(g * D, g * D + D):
                    # lesson: groupnorm.forward
                    y[n, p, c] = (x[n, p, c] - m) * (gamma[c] / deviation) + beta[c]


@jit()
def _total(column, first, count):
    total = 0.0
    for c in range(first, first + count):
        total += column[c]
    return total


@jit()
def _forward(x, gamma, beta, groups, epsilon, chunk, y, mean, var):
    _forward_chunk(x, gamma, beta, groups, epsilon, y, mean, var)


@jit(parallel=True)
def _forward_parallel(x, gamma, beta, groups, epsilon, chunk, y, mean, var):
    for k in numba.prange((x.shape[0] + chunk - 1) // chunk):
        a, b = k * chunk, (k + 1) * chunk
        _forward_chunk(x[a:b], gamma, beta, groups, epsilon, y[a:b], mean[a:b], var[a:b])


@jit(inner=True)
def _backward_chunk(dy, x, gamma, mean, inverse, groups, dx, dgamma, dbeta):
    """Compute dx of some samples, and their sums dgamma and dbeta (float64)."""
    N, P, C = x.shape
    D, sums, products = C // groups, np.empty((2, C)), np.empty((2, C))  # of dy, and of dy * gamma
    dgamma[:] = 0
    dbeta[:] = 0
    for n in range(N):
        sums[:] = 0
        products[:] = 0
        for p in range(P):
            for g in range(groups):
                m = mean[n, g]
                for c in range(g * D, g * D + D):
                    d, scaled = x[n, p, c] - m, dy[n, p, c] * gamma[c]
                    sums[0, c] += dy[n, p, c]
                    sums[1, c] += scaled
                    # lesson: groupnorm.weights
                    products[0, c] += dy[n, p, c] * d
                    products[1, c] += scaled * d
        for g in range(groups):
            i, m = inverse[n, g], mean[n, g]
            share, slope = 0.0, 0.0
            for c in range(g * D, g * D + D):
                dbeta[c] += sums[0, c]
                dgamma[c] += products[0, c] * i
                share += sums[1, c]
                slope += products[1, c]
            share, slope = share / (P * D), slope * i * i / (P * D)
            s, t = x.dtype.type(share), x.dtype.type(slope)
            for p in range(P):
                for c in range(g * D, g * D + D):
                    # lesson: groupnorm.data
                    dx[n, p, c] = i * (dy[n, p, c] * gamma[c] - s - (x[n, p, c] - m) * t)


@jit()
def _backward(dy, x, gamma, mean, inverse, groups, chunk, dx, dgamma, dbeta):
    K, C = (x.shape[0] + chunk - 1) // chunk, x.shape[2]
    partial = np.zeros((2, max(K, 1), C))
    for k in range(K):
        a, b = k * chunk, (k + 1) * chunk
        given = (dy[a:b], x[a:b], gamma, mean[a:b], inverse[a:b], groups)
        _backward_chunk(*given, dx[a:b], partial[0, k], partial[1, k])
    _add(partial, dgamma, dbeta)


@jit(parallel=True)
def _backward_parallel(dy, x, gamma, mean, inverse, groups, chunk, dx, dgamma, dbeta):
    K, C = (x.shape[0] + chunk - 1) // chunk, x.shape[2]
    partial = np.zeros((2, max(K, 1), C))
    for k in numba.prange(K):
        a, b = k * chunk, (k + 1) * chunk
        _backward_chunk(dy[a:b], x[a:b], gamma, mean[a:b], inverse[a:b], groups, dx[a:b], partial[0, k], partial[1, k])
    _add(partial, dgamma, dbeta)


@jit()
def _add(partial, dgamma, dbeta):
    """Add the chunks' sums in their order."""
    for c in range(dgamma.size):
        first, second = 0.0, 0.0
        for k in range(partial.shape[1]):
            first += partial[0, k, c]
            second += partial[1, k, c]
        dgamma[c] = first
        dbeta[c] = second
