"""Rung 1, the formula compiled: the loops of `reference`, one thread, in the arrays' own precision.

Gain over `reference`: none of Python's interpreter, a factor of hundreds. Each output is one chain of dependent
additions, so the processor waits for the last sum (about 4 cycles) before it can add the next term.
"""

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


@jit()
def _forward(x, k, b, stride, pad, dilation, groups, y):
    _, H, W, _ = x.shape
    P, Q, Cg, F = k.shape
    N, Ho, Wo, _ = y.shape
    for n in range(N):
        for i in range(Ho):
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


@jit()
def _backward_data(dy, k, stride, pad, dilation, groups, dx):
    N, H, W, _ = dx.shape
    P, Q, Cg, F = k.shape
    _, Ho, Wo, _ = dy.shape
    dx[...] = 0
    for n in range(N):
        for i in range(Ho):
            for j in range(Wo):
                for f in range(F):
                    first = f // (F // groups) * Cg
                    for p in range(P):
                        h = stride[0] * i + dilation[0] * p - pad[0]
                        for q in range(Q):
                            w = stride[1] * j + dilation[1] * q - pad[1]
                            if 0 <= h < H and 0 <= w < W:
                                for c in range(Cg):
                                    dx[n, h, w, first + c] += dy[n, i, j, f] * k[p, q, c, f]


@jit()
def _backward_weights(x, dy, stride, pad, dilation, groups, dk, db):
    N, H, W, _ = x.shape
    P, Q, Cg, F = dk.shape
    _, Ho, Wo, _ = dy.shape
    dk[...] = 0
    db[...] = 0
    for n in range(N):
        for i in range(Ho):
            for j in range(Wo):
                for f in range(F):
                    db[f] += dy[n, i, j, f]
                    first = f // (F // groups) * Cg
                    for p in range(P):
                        h = stride[0] * i + dilation[0] * p - pad[0]
                        for q in range(Q):
                            w = stride[1] * j + dilation[1] * q - pad[1]
                            if 0 <= h < H and 0 <= w < W:
                                for c in range(Cg):
                                    dk[p, q, c, f] += x[n, h, w, first + c] * dy[n, i, j, f]


def forward_int8(x, k, b, multiplier, *, x_zero, levels, stride, padding, dilation, groups, out):
    """Compute y[n,i,j,f] = the level, or the number, of multiplier[f] * (b[f] + sum (x - x_zero) * k), into out."""
    bias = np.zeros(k.shape[3], np.int32) if b is None else b
    settings = (x_zero, stride, (padding[0][0], padding[1][0]), dilation, groups)
    if levels is None:
        _forward_int8(x, k, bias, multiplier, *settings, out)
    else:
        numbers = np.empty(out.shape, np.float32)
        _forward_int8(x, k, bias, multiplier, *settings, numbers)
        _to_levels(numbers.reshape(-1), *levels, out.reshape(-1))


@jit()
def _forward_int8(x, k, b, m, x_zero, stride, pad, dilation, groups, y):
    N, H, W, _ = x.shape
    P, Q, Cg, F = k.shape
    _, Ho, Wo, _ = y.shape
    for n in range(N):
        for i in range(Ho):
            for j in range(Wo):
                for f in range(F):
                    total = np.int64(b[f])
                    first = f // (F // groups) * Cg
                    for p in range(P):
                        h = stride[0] * i + dilation[0] * p - pad[0]
                        for q in range(Q):
                            w = stride[1] * j + dilation[1] * q - pad[1]
                            if 0 <= h < H and 0 <= w < W:
                                for c in range(Cg):
                                    total += (np.int64(x[n, h, w, first + c]) - x_zero) * np.int64(k[p, q, c, f])
                    y[n, i, j, f] = np.float32(np.int32(total)) * m[f]


@jit()
def _to_levels(numbers, zero, low, high, y):
    for i in range(y.size):
        y[i] = np.rint(min(max(numbers[i], low - zero), high - zero)) + zero
