"""Sums in float64 over stretches of fixed length, then over the stretches in their order; large arrays on all cores.

A stretch is one sample where there are weights, else BLOCK numbers: the order of the sum depends on the shape only.
Four sums side by side, added at the end, keep the processor from waiting for each addition.
"""

import numba
import numpy as np

from kernels.jit import jit

BLOCK = 1 << 12  # numbers in a stretch where there are no weights
PARALLEL = 1 << 16  # numbers; below, one thread is done before several have started


def forward(y, yhat, weights=None, *, out):
    """Compute L = 1/N sum_i w_i * (y_i - yhat_i)^2, into out."""
    length = _length(yhat, weights)
    squares = np.empty((yhat.size + length - 1) // length)
    run = _squares_parallel if yhat.size >= PARALLEL else _squares
    run(y.reshape(-1), yhat.reshape(-1), length, squares)
    out[...] = (_sum(squares) if weights is None else _weighted_sum(squares, weights)) / yhat.size


def backward(y, yhat, weights=None, *, out):
    """Compute dyhat_i = 2 w_i (yhat_i - y_i) / N, into out."""
    dtype, length = yhat.dtype, _length(yhat, weights)
    factors = np.array([2 / yhat.size], dtype) if weights is None else (weights * (2 / yhat.size)).astype(dtype)
    run = _backward_parallel if yhat.size >= PARALLEL else _backward
    run(y.reshape(-1), yhat.reshape(-1), factors, length, out.reshape(-1))


def _length(yhat, weights):
    return BLOCK if weights is None else yhat.size // len(weights)


@jit(inner=True)
def _square(y, yhat):
    """Return sum_i (y_i - yhat_i)^2 of one stretch."""
    s0, s1, s2, s3 = 0.0, 0.0, 0.0, 0.0
    fours = y.size // 4 * 4
    for i in range(0, fours, 4):
        d0 = np.float64(y[i]) - np.float64(yhat[i])
        d1 = np.float64(y[i + 1]) - np.float64(yhat[i + 1])
        d2 = np.float64(y[i + 2]) - np.float64(yhat[i + 2])
        d3 = np.float64(y[i + 3]) - np.float64(yhat[i + 3])
        s0, s1, s2, s3 = s0 + d0 * d0, s1 + d1 * d1, s2 + d2 * d2, s3 + d3 * d3
    for i in range(fours, y.size):
        d0 = np.float64(y[i]) - np.float64(yhat[i])
        # lesson: mse.forward
        s0 += d0 * d0
    return (s0 + s1) + (s2 + s3)


@jit()
def _squares(y, yhat, length, squares):
    for s in range(squares.size):
        i = s * length
        squares[s] = _square(y[i : i + length], yhat[i : i + length])


@jit(parallel=True)
def _squares_parallel(y, yhat, length, squares):
    for s in numba.prange(squares.size):
        i = s * length
        squares[s] = _square(y[i : i + length], yhat[i : i + length])


@jit()
def _sum(squares):
    total = 0.0
    for s in range(squares.size):
        total += squares[s]
    return total


@jit()
def _weighted_sum(squares, weights):
    total = 0.0
    for s in range(squares.size):
        total += np.float64(weights[s]) * squares[s]
    return total


@jit(inner=True)
def _backward_stretch(y, yhat, factor, dyhat):
    for i in range(y.size):
        # lesson: mse.data
        dyhat[i] = factor * (yhat[i] - y[i])


@jit()
def _backward(y, yhat, factors, length, dyhat):
    for s in range((y.size + length - 1) // length):
        i = s * length
        factor = factors[min(s, factors.size - 1)]  # one for all, or one a sample
        _backward_stretch(y[i : i + length], yhat[i : i + length], factor, dyhat[i : i + length])


@jit(parallel=True)
def _backward_parallel(y, yhat, factors, length, dyhat):
    for s in numba.prange((y.size + length - 1) // length):
        i = s * length
        factor = factors[min(np.int64(s), factors.size - 1)]  # prange counts in uint64
        _backward_stretch(y[i : i + length], yhat[i : i + length], factor, dyhat[i : i + length])
