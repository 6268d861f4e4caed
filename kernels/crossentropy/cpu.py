"""Each sample's loss in float64, then their mean in the order of the samples; gradients in one pass over a row.

float64 costs little at the usual size, some hundred numbers, and makes L exact to the last bit but one. One thread does
that before several have started; of many classes as indices, behind a softmax, threads take blocks of rows.
"""

import math

import numba
import numpy as np

from kernels import lanes
from kernels.exponential import exp, exp_down
from kernels.jit import jit

LOW, HIGH = 1e-7, 1 - 1e-7  # Keras's epsilon
ROWS = 16  # that a thread takes at a time
PARALLEL = 1 << 14  # numbers; below, one thread is done before several have started


def forward(y, yhat, weights=None, *, kind, from_logits=False, out):
    """L = 1/N sum_n w_n * l_n, into out."""
    losses = np.empty(len(yhat))
    _pass(kind, from_logits, yhat.size)[0](*_rows(y, yhat), losses)
    out[...] = (_sum(losses) if weights is None else _weighted_sum(losses, weights)) / len(yhat)


def backward(y, yhat, weights=None, *, kind, from_logits=False, out):
    """dyhat[n] = w_n / N * dl_n/dyhat[n], into out."""
    factors = np.full(len(yhat), 1 / len(yhat)) if weights is None else weights.astype(np.float64) / len(yhat)
    y, yhat = _rows(y, yhat)
    _pass(kind, from_logits, yhat.size)[1](y, yhat, factors, out.reshape(yhat.shape))


def _pass(kind, from_logits, size):
    """(forward, backward) for this kind of labels and so many numbers."""
    threads = (kind, from_logits) == ("sparse", True) and size >= PARALLEL
    return (_sparse_logits_parallel, _sparse_logits_gradient_parallel) if threads else PASSES[kind, from_logits]


def _rows(y, yhat):
    """Predictions as (N,K), and labels likewise unless they are indices (N,)."""
    if yhat.ndim == 2:
        return y, yhat
    N, K = len(yhat), yhat.size // len(yhat)
    return (y if y.dtype.kind == "i" else y.reshape(N, K)), yhat.reshape(N, K)


@jit()
def _sum(losses):
    total = 0.0
    for n in range(losses.size):
        total += losses[n]
    return total


@jit()
def _weighted_sum(losses, weights):
    total = 0.0
    for n in range(losses.size):
        total += np.float64(weights[n]) * losses[n]
    return total


@jit()
def _clip(p):
    return LOW if p < LOW else HIGH if p > HIGH else p  # comparisons let a NaN through


@jit()
def _powers(z, powers):
    """powers_k = exp(z_k - top) and the two numbers (top, their sum)."""
    top = np.float64(lanes.largest(z))
    for k in range(z.size):
        powers[k] = exp_down(np.float64(z[k]) - top)
    return top, lanes.total(powers)


@jit()
def _sparse(y, p, losses):
    for n in range(losses.size):
        losses[n] = -math.log(_clip(np.float64(p[n, y[n]])))


@jit()
def _sparse_gradient(y, p, factors, dp):
    dp[...] = 0
    for n in range(factors.size):
        v = np.float64(p[n, y[n]])
        if not (v < LOW or v > HIGH):
            dp[n, y[n]] = -factors[n] / v


@jit()
def _sparse_logits(y, z, losses):
    powers = np.empty(z.shape[1])
    for n in range(losses.size):
        top, total = _powers(z[n], powers)
        losses[n] = (top - np.float64(z[n, y[n]])) + math.log(total)


@jit()
def _sparse_logits_gradient(y, z, factors, dz):
    powers = np.empty(z.shape[1])
    for n in range(factors.size):
        top, total = _powers(z[n], powers)
        scale = factors[n] / total
        for k in range(z.shape[1]):
            dz[n, k] = scale * powers[k]
        dz[n, y[n]] = factors[n] * (powers[y[n]] / total - 1.0)


@jit(parallel=True)
def _sparse_logits_parallel(y, z, losses):
    for block in numba.prange((losses.size + ROWS - 1) // ROWS):
        n = block * ROWS
        _sparse_logits(y[n : n + ROWS], z[n : n + ROWS], losses[n : n + ROWS])


@jit(parallel=True)
def _sparse_logits_gradient_parallel(y, z, factors, dz):
    for block in numba.prange((factors.size + ROWS - 1) // ROWS):
        n = block * ROWS
        _sparse_logits_gradient(y[n : n + ROWS], z[n : n + ROWS], factors[n : n + ROWS], dz[n : n + ROWS])


@jit()
def _row_sum(row):
    total = 0.0
    for k in range(row.size):
        total += np.float64(row[k])
    return total


@jit()
def _categorical(y, p, losses):
    for n in range(losses.size):
        total, loss = _row_sum(p[n]), 0.0
        for k in range(p.shape[1]):
            loss -= np.float64(y[n, k]) * math.log(_clip(np.float64(p[n, k]) / total))
        losses[n] = loss


@jit()
def _categorical_gradient(y, p, factors, dp):
    g = np.empty(p.shape[1])
    for n in range(factors.size):
        total, common = _row_sum(p[n]), 0.0
        for k in range(p.shape[1]):
            q = np.float64(p[n, k]) / total
            g[k] = 0.0 if q < LOW or q > HIGH else -np.float64(y[n, k]) / q
            common += g[k] * q
        for k in range(p.shape[1]):
            dp[n, k] = factors[n] * ((g[k] - common) / total)


@jit()
def _categorical_logits(y, z, losses):
    powers = np.empty(z.shape[1])
    for n in range(losses.size):
        top, total = _powers(z[n], powers)
        log_total, loss = math.log(total), 0.0
        for k in range(z.shape[1]):
            t = np.float64(y[n, k])
            loss += t * ((top - np.float64(z[n, k]) if t != 0 else top) + log_total)  # t = 0 and z = -inf add nothing
        losses[n] = loss


@jit()
def _categorical_logits_gradient(y, z, factors, dz):
    powers = np.empty(z.shape[1])
    for n in range(factors.size):
        top, total = _powers(z[n], powers)
        share = _row_sum(y[n]) / total
        for k in range(z.shape[1]):
            dz[n, k] = factors[n] * (powers[k] * share - np.float64(y[n, k]))


@jit()
def _binary(y, p, losses):
    for n in range(losses.size):
        loss = 0.0
        for k in range(p.shape[1]):
            t, c = np.float64(y[n, k]), _clip(np.float64(p[n, k]))
            loss -= t * math.log(c) + (1 - t) * math.log(1 - c)
        losses[n] = loss / p.shape[1]


@jit()
def _binary_gradient(y, p, factors, dp):
    for n in range(factors.size):
        factor = factors[n] / p.shape[1]
        for k in range(p.shape[1]):
            v = np.float64(p[n, k])
            slope = (v - np.float64(y[n, k])) / (v * (1 - v))
            dp[n, k] = 0.0 if v < LOW or v > HIGH else factor * slope


@jit()
def _binary_logits(y, z, losses):
    for n in range(losses.size):
        loss = 0.0
        for k in range(z.shape[1]):
            v = np.float64(z[n, k])
            loss += (0.0 if v <= 0 else v) - v * np.float64(y[n, k]) + math.log1p(exp(-math.fabs(v)))
        losses[n] = loss / z.shape[1]


@jit()
def _binary_logits_gradient(y, z, factors, dz):
    for n in range(factors.size):
        factor = factors[n] / z.shape[1]
        for k in range(z.shape[1]):
            v = np.float64(z[n, k])
            e = exp(-math.fabs(v))
            dz[n, k] = factor * ((e if v < 0 else 1.0) / (1.0 + e) - np.float64(y[n, k]))


PASSES = {
    ("sparse", False): (_sparse, _sparse_gradient),
    ("sparse", True): (_sparse_logits, _sparse_logits_gradient),
    ("categorical", False): (_categorical, _categorical_gradient),
    ("categorical", True): (_categorical_logits, _categorical_logits_gradient),
    ("binary", False): (_binary, _binary_gradient),
    ("binary", True): (_binary_logits, _binary_logits_gradient),
}
