"""Rung 4, vectorised over filters: eight terms of a sum for each visit to y, by loops that LLVM turns into SIMD.

`cpu_ordered` loads and stores a number of y for every multiply-add. Here a vector of y's filters takes eight products
before it goes back, and a task's line of y is small enough for the first-level cache. backward_data is the same with k
transposed, so that its channels lie side by side; in backward_weights the eight terms are pixels of a line.
Gain: 10 loads and stores for 8 multiply-adds, not 24. There are no lanes to fill where a group has few filters.
"""

import numba
import numpy as np

from kernels.jit import jit

CHANNELS = 16  # of dk in one task: a line of dy is read once for all of them


def forward(x, k, b, *, stride, padding, dilation, groups, out):
    """Compute y[n,i,j,f] = b[f] + sum_{p,q,c} x[n, s*i + d*p - top, s*j + d*q - left, c] * k[p,q,c,f], into out."""
    bias = np.zeros(k.shape[3], x.dtype) if b is None else b
    _forward(x, k, bias, stride, (padding[0][0], padding[1][0]), dilation, groups, out)


def backward_data(dy, k, x_shape, *, stride, padding, dilation, groups, out):
    """Compute dx[n,h,w,c] = sum of dy[n,i,j,f] * k[p,q,c,f] over the (i,j,p,q,f) that read x[n,h,w,c], into out."""
    turned = np.ascontiguousarray(k.transpose(0, 1, 3, 2))
    _backward_data(dy, turned, stride, (padding[0][0], padding[1][0]), dilation, groups, out)


def backward_weights(x, dy, k_shape, *, stride, padding, dilation, groups, out):
    """Compute dk[p,q,c,f] = sum_{n,i,j} x[...] * dy[n,i,j,f], db[f] = sum_{n,i,j} dy[n,i,j,f], into out = (dk, db)."""
    _backward_weights(x, dy, stride, (padding[0][0], padding[1][0]), dilation, groups, *out)


@jit(parallel=True)
def _forward(x, k, b, stride, pad, dilation, groups, y):
    _, H, W, C = x.shape
    P, Q, Cg, F = k.shape
    N, Ho, Wo, _ = y.shape
    Fg, xs, ks, ys = F // groups, x.reshape(-1), k.reshape(-1), y.reshape(-1)
    for t in numba.prange(N * Ho):
        n, i = t // Ho, t % Ho
        for j in range(Wo):
            for f in range(F):
                y[n, i, j, f] = b[f]
        for p in range(P):
            h = stride[0] * i + dilation[0] * p - pad[0]
            for q in range(Q):
                first, last, w = _meet(Wo, W, stride[1], dilation[1] * q - pad[1])
                if 0 <= h < H:
                    for g in range(groups):
                        pixels = (xs, ((n * H + h) * W + w) * C + g * Cg, stride[1] * C, 1)
                        lines = (ys, (t * Wo + first) * F + g * Fg, F)
                        _add_rows(pixels, (ks, (p * Q + q) * Cg * F + g * Fg, F), lines, last - first, Cg, Fg)


@jit(parallel=True)
def _backward_data(dy, k, stride, pad, dilation, groups, dx):
    N, H, W, C = dx.shape
    P, Q, F, Cg = k.shape
    _, Ho, Wo, _ = dy.shape
    Fg, ys, ks, xs = F // groups, dy.reshape(-1), k.reshape(-1), dx.reshape(-1)
    for t in numba.prange(N * H):
        n, h = t // H, t % H
        dx[n, h] = 0
        for p in range(P):
            i, off = divmod(h + pad[0] - dilation[0] * p, stride[0])
            for q in range(Q):
                first, last, w = _meet(Wo, W, stride[1], dilation[1] * q - pad[1])
                # off the stride's grid, or outside y: no output used this line with this p
                if off == 0 and 0 <= i < Ho:
                    for g in range(groups):
                        pixels = (ys, ((n * Ho + i) * Wo + first) * F + g * Fg, F, 1)
                        lines = (xs, (t * W + w) * C + g * Cg, stride[1] * C)
                        _add_rows(pixels, (ks, ((p * Q + q) * F + g * Fg) * Cg, Cg), lines, last - first, Fg, Cg)


@jit(parallel=True)
def _backward_weights(x, dy, stride, pad, dilation, groups, dk, db):
    N, H, W, C = x.shape
    P, Q, Cg, F = dk.shape
    _, Ho, Wo, _ = dy.shape
    Fg, xs, ys, ks, parts = F // groups, x.reshape(-1), dy.reshape(-1), dk.reshape(-1), -(-Cg // CHANNELS)
    for task in numba.prange(P * Q * parts + 1):  # a task owns some rows of dk; the one beyond the last owns db
        p, q, part = task // max(Q * parts, 1), task // max(parts, 1) % max(Q, 1), task % max(parts, 1)
        if task == P * Q * parts:
            db[:] = 0
            for t in range(N * Ho * Wo):
                for f in range(F):
                    db[f] += ys[t * F + f]
        else:
            c, last_c = part * CHANNELS, min(Cg, (part + 1) * CHANNELS)
            dk[p, q, c:last_c] = 0
            first, last, w = _meet(Wo, W, stride[1], dilation[1] * q - pad[1])
            for t in range(N * Ho):
                h = stride[0] * (t % Ho) + dilation[0] * p - pad[0]
                if 0 <= h < H:
                    for g in range(groups):
                        channels = (xs, ((t // Ho * H + h) * W + w) * C + g * Cg + c, 1, stride[1] * C)
                        lines = (ks, ((p * Q + q) * Cg + c) * F + g * Fg, F)
                        pixels = (ys, (t * Wo + first) * F + g * Fg, F)
                        _add_rows(channels, pixels, lines, last_c - c, last - first, Fg)


@jit(inner=True)
def _meet(Wo, W, stride, shift):
    """Return the columns first..last of y whose window has this tap inside the image, and the first one's w."""
    first = max(0, -(shift // stride))
    last = max(first, min(Wo, (W - 1 - shift) // stride + 1))  # none, if every window has it in the padding
    return first, last, stride * first + shift


@jit(inner=True)
def _add_rows(factors, terms, sums, rows, steps, count):
    """Compute y[r] += sum_s x[r,s] * k[s] for `rows` rows of y; the loops over f see nothing but contiguous vectors.

    factors (x, first, from row to row, from step to step)   terms (k, first, step)   sums (y, first, row)
    """
    x, x_at, x_row, x_step = factors
    k, k_at, k_step = terms
    y, y_at, y_row = sums
    eights = steps - steps % 8
    for s in range(0, eights, 8):
        for r in range(rows):
            line = y[y_at + r * y_row : y_at + r * y_row + count]
            _add_eight(x, x_at + r * x_row + s * x_step, x_step, k, k_at + s * k_step, k_step, line)
    for s in range(eights, steps):
        k0 = k[k_at + s * k_step : k_at + s * k_step + count]
        for r in range(rows):
            factor, line = x[x_at + r * x_row + s * x_step], y[y_at + r * y_row : y_at + r * y_row + count]
            for f in range(count):
                line[f] += factor * k0[f]


@jit(inner=True)
def _add_eight(x, u, x_step, k, v, k_step, line):
    x0, x1, x2, x3 = x[u], x[u + x_step], x[u + 2 * x_step], x[u + 3 * x_step]
    u += 4 * x_step
    x4, x5, x6, x7 = x[u], x[u + x_step], x[u + 2 * x_step], x[u + 3 * x_step]
    n = line.size
    k0, k1, k2, k3 = k[v:][:n], k[v + k_step :][:n], k[v + 2 * k_step :][:n], k[v + 3 * k_step :][:n]
    v += 4 * k_step
    k4, k5, k6, k7 = k[v:][:n], k[v + k_step :][:n], k[v + 2 * k_step :][:n], k[v + 3 * k_step :][:n]
    for f in range(n):
        total = line[f] + x0 * k0[f]  # one after the other, as the plain loops add
        total += x1 * k1[f]
        total += x2 * k2[f]
        total += x3 * k3[f]
        total += x4 * k4[f]
        total += x5 * k5[f]
        total += x6 * k6[f]
        line[f] = total + x7 * k7[f]
