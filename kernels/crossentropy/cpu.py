"""Each sample's loss in float64, then their mean in the order of the samples; gradients in one pass over a row.

float64 costs little at the usual size, some hundred numbers, and makes L exact to the last bit but one. One thread does
that before several have started; of many classes as indices, behind a softmax, threads take blocks of rows.
"""

import math

import numba
import numpy as np

from kernels.cpu import lanes
from kernels.cpu.exponential import exp, exp_down
from kernels.jit import jit

LOW, HIGH = 1e-7, 1 - 1e-7  # Keras's epsilon
BLOCK = 1 << 11  # powers that are computed at a time, or one row if that is more: they stay in the first cache
TASK = 1 << 13  # numbers that a thread takes at a time, or one row
PARALLEL = 1 << 14  # numbers; below, one thread is done before several have started


def forward(y, yhat, weights=None, *, kind, from_logits=False, out):
    """Compute L = 1/N sum_n w_n * l_n, into out."""
    losses = np.empty(len(yhat))
    _pass(kind, from_logits, yhat.size)[0](*_rows(y, yhat), losses)
    out[...] = (_sum(losses) if weights is None else _weighted_sum(losses, weights)) / len(yhat)


def backward(y, yhat, weights=None, *, kind, from_logits=False, out):
    """Compute dyhat[n] = w_n / N * dl_n/dyhat[n], into out."""
    factors = np.full(len(yhat), 1 / len(yhat)) if weights is None else weights.astype(np.float64) / len(yhat)
    y, yhat = _rows(y, yhat)
    _pass(kind, from_logits, yhat.size)[1](y, yhat, factors, out.reshape(yhat.shape))


def _pass(kind, from_logits, size):
    """Return (forward, backward) for this kind of labels and so many numbers."""
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


@jit(inner=True)
def _row_sum(row):
    total = 0.0
    for k in range(row.size):
        total += np.float64(row[k])
    return total


@jit(inner=True)
def _powers(z, powers, tops, totals):
    """Compute powers[n,k] = exp(z[n,k] - tops[n]), with each row's largest z and sum of powers.

    exp runs over all rows at once: ten classes alone would leave most of a SIMD register empty.
    """
    N, K = z.shape
    for n in range(N):
        tops[n] = lanes.largest(z[n])
        for k in range(K):
            powers[n, k] = np.float64(z[n, k]) - tops[n]
    flat = powers[:N].reshape(-1)
    for i in range(flat.size):
        flat[i] = exp_down(flat[i])
    for n in range(N):
        totals[n] = lanes.total(powers[n])


@jit(inner=True)
def _blocks(z, numbers):
    """Return how many rows of z make about so many numbers; and room for their powers, tops and totals."""
    rows = max(1, numbers // z.shape[1])
    return rows, np.empty((rows, z.shape[1])), np.empty(rows), np.empty(rows)


@jit()
def _sparse(y, p, losses):
    for n in range(losses.size):
        # lesson: crossentropy_sparse.forward
        losses[n] = -math.log(_clip(np.float64(p[n, y[n]]) / _row_sum(p[n])))


@jit()
def _sparse_gradient(y, p, factors, dp):
    for n in range(factors.size):
        total = _row_sum(p[n])
        q = np.float64(p[n, y[n]]) / total
        clipped = q < LOW or q > HIGH
        dp[n, :] = 0.0 if clipped else factors[n] / total
        if not clipped:
            # lesson: crossentropy_sparse.data
            dp[n, y[n]] = factors[n] * ((1.0 - 1.0 / q) / total)


@jit()
def _sparse_logits(y, z, losses):
    rows, powers, tops, totals = _blocks(z, BLOCK)
    for first in range(0, losses.size, rows):
        _powers(z[first : first + rows], powers, tops, totals)
        for n in range(first, min(first + rows, losses.size)):
            # lesson: crossentropy_logits.forward
            losses[n] = (tops[n - first] - np.float64(z[n, y[n]])) + math.log(totals[n - first])


@jit()
def _sparse_logits_gradient(y, z, factors, dz):
    rows, powers, tops, totals = _blocks(z, BLOCK)
    for first in range(0, factors.size, rows):
        _powers(z[first : first + rows], powers, tops, totals)
        for n in range(first, min(first + rows, factors.size)):
            row, scale = powers[n - first], factors[n] / totals[n - first]  # one division a row
            for k in range(row.size):
                # lesson: crossentropy_logits.data
                dz[n, k] = scale * row[k]
            dz[n, y[n]] = factors[n] * (row[y[n]] / totals[n - first] - 1.0)


@jit(parallel=True)
def _sparse_logits_parallel(y, z, losses):
    rows = max(1, TASK // z.shape[1])
    for task in numba.prange((losses.size + rows - 1) // rows):
        n = task * rows
        _sparse_logits(y[n : n + rows], z[n : n + rows], losses[n : n + rows])


@jit(parallel=True)
def _sparse_logits_gradient_parallel(y, z, factors, dz):
    rows = max(1, TASK // z.shape[1])
    for task in numba.prange((factors.size + rows - 1) // rows):
        n = task * rows
        _sparse_logits_gradient(y[n : n + rows], z[n : n + rows], factors[n : n + rows], dz[n : n + rows])


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
    _, powers, tops, totals = _blocks(z, 1)
    for n in range(losses.size):
        _powers(z[n : n + 1], powers, tops, totals)
        top, log_total, loss = tops[0], math.log(totals[0]), 0.0
        for k in range(z.shape[1]):
            t = np.float64(y[n, k])
            loss += t * ((top - np.float64(z[n, k]) if t != 0 else top) + log_total)  # t = 0 and z = -inf add nothing
        losses[n] = loss


@jit()
def _categorical_logits_gradient(y, z, factors, dz):
    _, powers, tops, totals = _blocks(z, 1)
    for n in range(factors.size):
        _powers(z[n : n + 1], powers, tops, totals)
        share = _row_sum(y[n]) / totals[0]
        for k in range(z.shape[1]):
            dz[n, k] = factors[n] * (powers[0, k] * share - np.float64(y[n, k]))


@jit()
def _binary(y, p, losses):
    for n in range(losses.size):
        loss = 0.0
        for k in range(p.shape[1]):
            t, c = np.float64(y[n, k]), _clip(np.float64(p[n, k]))
            # lesson: crossentropy_binary.forward
            loss -= t * math.log(c) + (1 - t) * math.log(1 - c)
        losses[n] = loss / p.shape[1]


@jit()
def _binary_gradient(y, p, factors, dp):
    for n in range(factors.size):
        factor = factors[n] / p.shape[1]
        for k in range(p.shape[1]):
            v = np.float64(p[n, k])
            # lesson: crossentropy_binary.data
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
