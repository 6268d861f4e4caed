"""y = x k + b and its gradients, term by term: plain loops in float64, to be read beside README.md."""

import numpy as np

from kernels.int8.levels import level_of


def forward(x, k, b=None):
    """Compute y[n,f] = b[f] + sum_c x[n,c] * k[c,f].

    x (N,C)  k (C,F)  b (F,)  ->  y (N,F), float64
    Source: Goodfellow et al., Deep Learning, 6.1 (an affine transformation a layer).
    """
    N, C = x.shape
    F = k.shape[1]
    y = np.zeros((N, F))
    for n in range(N):
        for f in range(F):
            total = 0.0 if b is None else float(b[f])
            for c in range(C):
                # lesson: dense.forward
                total += float(x[n, c]) * float(k[c, f])
            y[n, f] = total
    return y


def backward_data(dy, k):
    """Apply the chain rule: x[n,c] occurs in y[n,f] with the factor k[c,f], for every f.

    dx[n,c] = sum_f dy[n,f] * k[c,f];   dy (N,F)  k (C,F)  ->  dx (N,C), float64
    """
    N, F = dy.shape
    C = k.shape[0]
    dx = np.zeros((N, C))
    for n in range(N):
        for c in range(C):
            for f in range(F):
                # lesson: dense.data
                dx[n, c] += float(dy[n, f]) * float(k[c, f])
    return dx


def backward_weights(x, dy):
    """Apply the chain rule: k[c,f] occurs in y[n,f] with the factor x[n,c], and b[f] with the factor 1, for every n.

    dk[c,f] = sum_n x[n,c] * dy[n,f],  db[f] = sum_n dy[n,f];   x (N,C)  dy (N,F)  ->  dk (C,F), db (F,), float64
    """
    N, C = x.shape
    F = dy.shape[1]
    dk, db = np.zeros((C, F)), np.zeros(F)
    for n in range(N):
        for f in range(F):
            db[f] += float(dy[n, f])
            for c in range(C):
                # lesson: dense.weights
                dk[c, f] += float(x[n, c]) * float(dy[n, f])
    return dk, db


def forward_int8(x, k, b, multiplier, *, x_zero, levels):
    """Compute total = b[f] + sum_c (x[n,c] - x_zero) * k[c,f], exact, and y[n,f] = level_of(total, multiplier[f]).

    If levels is None, y is total * multiplier[f] in float32.
    Source: Jacob et al., Quantization and Training of Neural Networks, 2018, equations 3 and 4.
    """
    N, C = x.shape
    F = k.shape[1]
    y = np.zeros((N, F), np.float32 if levels is None else np.int8)
    for n in range(N):
        for f in range(F):
            total = 0 if b is None else int(b[f])
            for c in range(C):
                total += (int(x[n, c]) - x_zero) * int(k[c, f])
            m = multiplier[f]
            y[n, f] = np.float32(total) * m if levels is None else level_of(total, m, levels)
    return y
