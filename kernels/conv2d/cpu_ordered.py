"""Rung 3, the loops in the order of memory: filters innermost, where k and y lie side by side.

`cpu_parallel` finishes one number at a time and jumps F numbers through k for every term. Here a pixel's row of y
grows as a whole: for each (p,q,c) one number of x meets k[p,q,c,:] and adds to y[n,i,j,:], all read in sequence.
backward_data turns its two loops the same way round, backward_weights adds rows of dy to rows of dk.
Gain: whole cache lines are used, and the sums of neighbouring filters do not wait for each other.
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
    Fg = F // groups
    for t in numba.prange(N * Ho):
        n, i = t // Ho, t % Ho
        for j in range(Wo):
            for f in range(F):
                y[n, i, j, f] = b[f]
            for p in range(P):
                h = stride[0] * i + dilation[0] * p - pad[0]
                for q in range(Q):
                    w = stride[1] * j + dilation[1] * q - pad[1]
                    if 0 <= h < H and 0 <= w < W:
                        for g in range(groups):
                            for c in range(Cg):
                                pixel = x[n, h, w, g * Cg + c]
                                for f in range(g * Fg, (g + 1) * Fg):
                                    y[n, i, j, f] += pixel * k[p, q, c, f]


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
                dx[n, h, w, c] = 0
            for p in range(P):
                i, off_i = divmod(h + pad[0] - dilation[0] * p, stride[0])
                for q in range(Q):
                    j, off_j = divmod(w + pad[1] - dilation[1] * q, stride[1])
                    # off the stride's grid, or outside y: no output used this pixel with this (p, q)
                    if off_i == 0 and off_j == 0 and 0 <= i < Ho and 0 <= j < Wo:
                        for g in range(groups):
                            for c in range(Cg):
                                total = dx[n, h, w, g * Cg + c]
                                for f in range(g * Fg, (g + 1) * Fg):
                                    total += dy[n, i, j, f] * k[p, q, c, f]
                                dx[n, h, w, g * Cg + c] = total


@jit(parallel=True)
def _backward_weights(x, dy, stride, pad, dilation, groups, dk, db):
    N, H, W, _ = x.shape
    P, Q, Cg, F = dk.shape
    _, Ho, Wo, _ = dy.shape
    Fg = F // groups
    for task in numba.prange(P * Q * Cg + 1):  # a task owns one row of dk; the one beyond the last owns db
        biases = task == P * Q * Cg
        c, q, p = task % max(Cg, 1), task // max(Cg, 1) % Q, task // max(Cg * Q, 1)
        for f in range(F):
            if biases:
                db[f] = 0
            else:
                dk[p, q, c, f] = 0
        for n in range(N):
            for i in range(Ho):
                h = stride[0] * i + dilation[0] * p - pad[0]
                for j in range(Wo):
                    w = stride[1] * j + dilation[1] * q - pad[1]
                    if biases:
                        for f in range(F):
                            db[f] += dy[n, i, j, f]
                    elif 0 <= h < H and 0 <= w < W:
                        for g in range(groups):
                            pixel = x[n, h, w, g * Cg + c]
                            for f in range(g * Fg, (g + 1) * Fg):
                                dk[p, q, c, f] += pixel * dy[n, i, j, f]
