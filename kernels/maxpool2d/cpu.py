"""Rung 2, the default: all cores, and one instruction for many channels.

Channels lie side by side in memory, so a vector of 8 or 16 of them is compared at once, with selects for branches
(kernels/cpu/simd_largest.py). A window's rows and columns inside the image are found before, not for each number.
backward turns round: each pixel of dx asks the windows that cover it whether they chose it. So every dx is written by
one thread, its terms are added in the windows' order, and no index can lead outside the array.
A small array stays on one thread (starting the others takes microseconds): the same rows, the same bits.
"""

import numba
import numpy as np

from kernels.cpu import simd, simd_largest
from kernels.cpu.prefetch import LARGE, prefetch
from kernels.jit import jit

SMALL = 32_768  # elements of x below which one thread is quicker
SMALL_INT8 = 262_144  # of a quarter of the bytes, and nothing but comparisons


def forward(x, size, *, stride, padding, out):
    """Compute y[n,i,j,c] = max_{p,q} x[n, s*i + p - top, s*j + q - left, c], into out = (y, argmax)."""
    run = _forward_serial if x.size < SMALL else _forward_parallel
    run(x, size, stride, (padding[0][0], padding[1][0]), *out)


def backward(dy, argmax, x_shape, *, size, stride, padding, out):
    """Compute dx[n,h,w,c] = sum of dy over the windows whose argmax is that pixel, into out."""
    if stride == size and padding == ((0, 0), (0, 0)):
        (_tiles_serial if out.size < SMALL else _tiles_parallel)(dy, argmax, size, out)
    else:
        run = _gather_serial if out.size < SMALL else _gather_parallel
        run(dy, argmax, size, stride, (padding[0][0], padding[1][0]), out)


@jit(parallel=True)
def _forward_parallel(x, size, stride, pad, y, argmax):
    for t in numba.prange(y.shape[0] * y.shape[1]):
        _forward_row(np.int64(t), x, size, stride, pad, y, argmax)


@jit()
def _forward_serial(x, size, stride, pad, y, argmax):
    for t in range(y.shape[0] * y.shape[1]):
        _forward_row(t, x, size, stride, pad, y, argmax)


@jit(parallel=True)
def _tiles_parallel(dy, argmax, size, dx):
    for t in numba.prange(dy.shape[0] * dy.shape[1]):
        _tiles_row(np.int64(t), dy, argmax, size, dx)


@jit()
def _tiles_serial(dy, argmax, size, dx):
    for t in range(dy.shape[0] * dy.shape[1]):
        _tiles_row(t, dy, argmax, size, dx)


@jit(parallel=True)
def _gather_parallel(dy, argmax, size, stride, pad, dx):
    for t in numba.prange(dx.shape[0] * dx.shape[1]):
        _gather_row(np.int64(t), dy, argmax, size, stride, pad, dx)


@jit()
def _gather_serial(dy, argmax, size, stride, pad, dx):
    for t in range(dx.shape[0] * dx.shape[1]):
        _gather_row(t, dy, argmax, size, stride, pad, dx)


@jit(inner=True)
def _forward_row(t, x, size, stride, pad, y, argmax):
    """Compute row t = n*Ho + i of y and argmax, a vector of channels of a window at a time."""
    _, H, W, C = x.shape
    _, Ho, Wo, _ = y.shape
    n, i = t // Ho, t % Ho
    h = stride[0] * i - pad[0]
    p0, p1 = max(0, -h), min(size[0], H - h)
    lanes, flat, y_flat, argmax_flat = simd.lanes(x), x.reshape(-1), y.reshape(-1), argmax.reshape(-1)
    whole = C - C % lanes
    for j in range(Wo):
        w = stride[1] * j - pad[1]
        q0, q1 = max(0, -w), min(size[1], W - w)
        corner, at = ((n * H + h + p0) * W + w + q0) * C, (t * Wo + j) * C
        if x.size >= LARGE:
            for p in range(p1 - p0):
                prefetch(flat, corner + p * W * C, (q1 - q0) * C)
        window = (W * C, C, p1 - p0, q1 - q0, p0 * size[1] + q0, size[1])
        for c in range(0, whole, lanes):
            _channels(flat, corner + c, window, None, y_flat, argmax_flat, at + c)
        if whole < C:
            _channels(flat, corner + whole, window, C - whole, y_flat, argmax_flat, at + whole)


@jit(inner=True, inline="always")
def _channels(x, corner, window, count, y, argmax, at):
    """Find the maxima of some channels of a window: its first pixel, then every later one that beats it.

    count: how many channels; None: as many as a vector holds.
    """
    down, across, rows, columns, first, Q = window
    empty, number = simd.low_tile(x, 1, 1), x.dtype.type
    largest = simd_largest.load_row(empty, x, corner, count)
    places = simd_largest.fill_row(empty, number(first))
    for p in range(rows):
        for q in range(columns):
            v = simd_largest.load_row(empty, x, corner + p * down + q * across, count)
            # lesson: maxpool2d.forward
            largest, places = simd_largest.keep_larger(largest, places, v, number(first + p * Q + q))
    simd_largest.store_row(largest, y, at, count)
    simd_largest.store_row(places, argmax, at, count)


@jit(inner=True)
def _tiles_row(t, dy, argmax, size, dx):
    """Write the P rows of dx that row t = n*Ho + i of dy has as its own: windows tile the image."""
    _, H, W, C = dx.shape
    _, Ho, Wo, _ = dy.shape
    P, Q = size
    index = argmax.dtype.type
    zero = dx.dtype.type(0)
    n, i = t // Ho, t % Ho
    for p in range(P):
        for j in range(Wo):
            for q in range(Q):
                k = index(p * Q + q)
                for c in range(C):
                    # lesson: maxpool2d.side_by_side
                    dx[n, i * P + p, j * Q + q, c] = dy[n, i, j, c] if argmax[n, i, j, c] == k else zero
        dx[n, i * P + p, Wo * Q :] = zero  # what is left over at the right edge no window sees
    if i == Ho - 1:
        dx[n, Ho * P :] = zero


@jit(inner=True)
def _gather_row(t, dy, argmax, size, stride, pad, dx):
    """Compute Row t = n*H + h of dx, from the windows i0 <= i < i1, j0 <= j < j1 that cover each pixel."""
    _, H, W, C = dx.shape
    _, Ho, Wo, _ = dy.shape
    index = argmax.dtype.type
    zero = dx.dtype.type(0)
    n, h = t // H, t % H + pad[0]
    i0, i1 = max(0, (h - size[0]) // stride[0] + 1), min(Ho, h // stride[0] + 1)
    for w in range(pad[1], W + pad[1]):
        j0, j1 = max(0, (w - size[1]) // stride[1] + 1), min(Wo, w // stride[1] + 1)
        for c in range(C):
            dx[n, h - pad[0], w - pad[1], c] = zero
        for i in range(i0, i1):
            for j in range(j0, j1):
                k = index((h - stride[0] * i) * size[1] + w - stride[1] * j)
                for c in range(C):
                    # lesson: maxpool2d.data
                    dx[n, h - pad[0], w - pad[1], c] += dy[n, i, j, c] if argmax[n, i, j, c] == k else zero


def forward_int8(x, size, *, stride, padding, out):
    """Compute y[n,i,j,c] = max_{p,q} x[n, s*i + p - top, s*j + q - left, c], into out."""
    run = _forward_int8_serial if x.size < SMALL_INT8 else _forward_int8_parallel
    run(x, size, stride, (padding[0][0], padding[1][0]), out)


@jit(parallel=True)
def _forward_int8_parallel(x, size, stride, pad, y):
    for t in numba.prange(y.shape[0] * y.shape[1]):
        _row_int8(np.int64(t), x, size, stride, pad, y)


@jit()
def _forward_int8_serial(x, size, stride, pad, y):
    for t in range(y.shape[0] * y.shape[1]):
        _row_int8(t, x, size, stride, pad, y)


@jit(inner=True)
def _row_int8(t, x, size, stride, pad, y):
    """Compute row t = n*Ho + i of y."""
    _, H, W, C = x.shape
    _, Ho, Wo, _ = y.shape
    n, i = t // Ho, t % Ho
    h0, h1 = max(stride[0] * i - pad[0], 0), min(stride[0] * i - pad[0] + size[0], H)
    for j in range(Wo):
        w0, w1 = max(stride[1] * j - pad[1], 0), min(stride[1] * j - pad[1] + size[1], W)
        target = y[n, i, j]
        if h1 - h0 == 2 and w1 - w0 == 2:
            a, b, c, d = x[n, h0, w0], x[n, h0, w0 + 1], x[n, h0 + 1, w0], x[n, h0 + 1, w0 + 1]
            for f in range(C):
                target[f] = max(max(a[f], b[f]), max(c[f], d[f]))
            continue
        target[:] = x[n, h0, w0]
        for h in range(h0, h1):
            for w in range(w0, w1):
                pixel = x[n, h, w]
                for f in range(C):
                    target[f] = max(target[f], pixel[f])
