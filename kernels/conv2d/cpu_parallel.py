"""Rung 2, all cores: the loops of `cpu_naive` split over threads so that every result has one writer.

forward: a thread takes rows (n,i) of y. backward_data: `cpu_naive` scatters into dx, which two threads could hit at
once, so the loop turns round: each dx[n,h,w,c] gathers its terms. backward_weights: a thread takes filters f.
No sum is split, so the result has the same bits for any number of threads. Gain: at most the number of cores.
"""

import numba
import numpy as np

from kernels.jit import jit


def forward(x, k, b, *, stride, padding, dilation, groups, out):
    """Compute y[n,i,j,f] = b[f] + sum_{p,q,c} x[n, s*i + d*p - top, s*j + d*q - left, c] * k[p,q,c,f], into out."""
    bias = np.zeros(k.shape[3], x.dtype) if b is None else b
    _forward(x, k, bias, stride, (padding[0][0], padding[1][0]), dilation, groups, out)


def backward_data(dy, k, x_shape, *, stride, padding, dilation, groups, out):
    """Compute dx[n,h,w,c] = sum of dy[n,i,j,f] * k[p,q,c,f] over the (i,j,p,q,f) that read x[n,h,w,c], into out."""
    _backward_data(dy, k, stride, (padding[0][0], padding[1][0]), dilation, groups, out)


def backward_weights(x, dy, k_shape, *, stride, padding, dilation, groups, out):
    """Compute dk[p,q,c,f] = sum_{n,i,j} x[...] * dy[n,i,j,f], db[f] = sum_{n,i,j} dy[n,i,j,f], into out = (dk, db)."""
    _backward_weights(x, dy, stride, (padding[0][0], padding[1][0]), dilation, groups, *out)


@jit(parallel=True)
def _forward(x, k, b, stride, pad, dilation, groups, y):
    _, H, W, _ = x.shape
    P, Q, Cg, F = k.shape
    N, Ho, Wo, _ = y.shape
    for t in numba.prange(N * Ho):
        n, i = t // Ho, t % Ho
        for j in range(Wo):
            for f in range(F):
                total = b[f]
                first = f // (F // groups) * Cg
                for p in range(P):
                    h = stride[0] * i + dilation[0] * p - pad[0]
                    for q in range(Q):
                        w = stride[1] * j + dilation[1] * q - pad[1]
                        if 0 <= h < H and 0 <= w < W:
                            for c in range(Cg):
                                total += x[n, h, w, first + c] * k[p, q, c, f]
                y[n, i, j, f] = total


@jit(parallel=True)
def _backward_data(dy, k, stride, pad, dilation, groups, dx):
    N, H, W, C = dx.shape
    P, Q, Cg, F = k.shape
    _, Ho, Wo, _ = dy.shape
    Fg = F // groups
    for t in numba.prange(N * H):
        n, h = t // H, t % H
        for w in range(W):
            for c in range(C):
                g = c // Cg
                total = dx.dtype.type(0)
                for p in range(P):
                    i, off_i = divmod(h + pad[0] - dilation[0] * p, stride[0])
                    for q in range(Q):
                        j, off_j = divmod(w + pad[1] - dilation[1] * q, stride[1])
                        # off the stride's grid, or outside y: no output used this pixel with this (p, q)
                        if off_i == 0 and off_j == 0 and 0 <= i < Ho and 0 <= j < Wo:
                            for f in range(g * Fg, (g + 1) * Fg):
                                total += dy[n, i, j, f] * k[p, q, c - g * Cg, f]
                dx[n, h, w, c] = total


@jit(parallel=True)
def _backward_weights(x, dy, stride, pad, dilation, groups, dk, db):
    N, H, W, _ = x.shape
    P, Q, Cg, F = dk.shape
    _, Ho, Wo, _ = dy.shape
    for f in numba.prange(F):
        first = f // (F // groups) * Cg
        total = db.dtype.type(0)
        for n in range(N):
            for i in range(Ho):
                for j in range(Wo):
                    total += dy[n, i, j, f]
        db[f] = total
        for p in range(P):
            for q in range(Q):
                for c in range(Cg):
                    total = db.dtype.type(0)
                    for n in range(N):
                        for i in range(Ho):
                            h = stride[0] * i + dilation[0] * p - pad[0]
                            if 0 <= h < H:
                                for j in range(Wo):
                                    w = stride[1] * j + dilation[1] * q - pad[1]
                                    if 0 <= w < W:
                                        total += x[n, h, w, first + c] * dy[n, i, j, f]
                    dk[p, q, c, f] = total
