"""Rung 1, the formula compiled: the loops of `reference`, one thread, in the arrays' own precision.

Each result is one chain of dependent additions, and k is read down its columns, against the order of memory.
"""

import numpy as np

from kernels.jit import jit


def forward(x, k, b=None, *, out):
    """Compute y[n,f] = b[f] + sum_c x[n,c] * k[c,f], into out."""
    _forward(x, k, np.zeros(k.shape[1], x.dtype) if b is None else b, out)


def backward_data(dy, k, *, out):
    """Compute dx[n,c] = sum_f dy[n,f] * k[c,f], into out."""
    _backward_data(dy, k, out)


def backward_weights(x, dy, *, out):
    """Compute dk[c,f] = sum_n x[n,c] * dy[n,f], db[f] = sum_n dy[n,f], into out = (dk, db)."""
    _backward_weights(x, dy, *out)


@jit()
def _forward(x, k, b, y):
    N, C = x.shape
    for n in range(N):
        for f in range(k.shape[1]):
            total = b[f]
            for c in range(C):
                total += x[n, c] * k[c, f]
            y[n, f] = total


@jit()
def _backward_data(dy, k, dx):
    N, F = dy.shape
    for n in range(N):
        for c in range(k.shape[0]):
            total = dx.dtype.type(0)
            for f in range(F):
                total += dy[n, f] * k[c, f]
            dx[n, c] = total


@jit()
def _backward_weights(x, dy, dk, db):
    N, C = x.shape
    for f in range(dy.shape[1]):
        total = db.dtype.type(0)
        for n in range(N):
            total += dy[n, f]
        db[f] = total
        for c in range(C):
            total = db.dtype.type(0)
            for n in range(N):
                total += x[n, c] * dy[n, f]
            dk[c, f] = total
