"""Rung 1, the three steps compiled, window by window: one thread, in the arrays' own precision.

It never stores the convolution's result, and backward it visits only the pixel that a window chose, so it does a
quarter of the products. But each sum waits for its own last addition, and filters do not share what they load of x.
"""

import numpy as np

from kernels.jit import jit


def forward(x, k, b, *, out):
    """Compute y[n,i,j,f] = max(0, the largest of the convolution's results in window (i,j)), into out = (y, argmax)."""
    _forward(x, k, np.zeros(k.shape[3], x.dtype) if b is None else b, *out)


def backward_data(dy, y, argmax, k, x_shape, *, out):
    """Compute dx[n,h+p,w+q,c] = sum of dy[n,i,j,f] * k[p,q,c,f] over windows with y > 0 that chose (h,w), into out."""
    _backward_data(dy, y, argmax, k, out)


def backward_weights(x, dy, y, argmax, k_shape, *, out):
    """Compute dk[p,q,c,f] = sum of x[n,h+p,w+q,c] * dy[n,i,j,f] over those windows, and db, into out = (dk, db)."""
    _backward_weights(x, dy, y, argmax, *out)


@jit()
def _forward(x, k, b, y, argmax):
    P, Q, C, F = k.shape
    N, Ho, Wo, _ = y.shape
    for n in range(N):
        for i in range(Ho):
            for j in range(Wo):
                for f in range(F):
                    largest = b[f]
                    for a in range(4):
                        total = b[f]
                        for p in range(P):
                            for q in range(Q):
                                for c in range(C):
                                    total += x[n, 2 * i + a // 2 + p, 2 * j + a % 2 + q, c] * k[p, q, c, f]
                        if a == 0 or total > largest or (total != total and largest == largest):
                            largest = total
                            argmax[n, i, j, f] = a
                    y[n, i, j, f] = 0 if largest <= 0 else largest


@jit()
def _backward_data(dy, y, argmax, k, dx):
    P, Q, C, F = k.shape
    N, Ho, Wo, _ = y.shape
    dx[...] = 0
    for n in range(N):
        for i in range(Ho):
            for j in range(Wo):
                for f in range(F):
                    if y[n, i, j, f] > 0:
                        h, w = 2 * i + argmax[n, i, j, f] // 2, 2 * j + argmax[n, i, j, f] % 2
                        for p in range(P):
                            for q in range(Q):
                                for c in range(C):
                                    dx[n, h + p, w + q, c] += dy[n, i, j, f] * k[p, q, c, f]


@jit()
def _backward_weights(x, dy, y, argmax, dk, db):
    P, Q, C, F = dk.shape
    N, Ho, Wo, _ = y.shape
    dk[...] = 0
    db[...] = 0
    for n in range(N):
        for i in range(Ho):
            for j in range(Wo):
                for f in range(F):
                    if y[n, i, j, f] > 0:
                        h, w = 2 * i + argmax[n, i, j, f] // 2, 2 * j + argmax[n, i, j, f] % 2
                        db[f] += dy[n, i, j, f]
                        for p in range(P):
                            for q in range(Q):
                                for c in range(C):
                                    dk[p, q, c, f] += x[n, h + p, w + q, c] * dy[n, i, j, f]
