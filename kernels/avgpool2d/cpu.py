"""The default: all cores, and one instruction for many channels.

Channels lie side by side in memory, so the inner loop runs over c. The rows and columns of a window that lie inside
the image are found before that loop. backward turns round: each pixel of dx gathers from the windows that hold it, so
every number has one writer and its terms one order, whatever the number of threads.
A window of more than FEW pixels is summed in float64: in float32 a sum far above its terms would swallow them.
A small array stays on one thread (starting the others takes microseconds): the same rows, the same bits.
"""

import numba
import numpy as np

from kernels.cpu.prefetch import LARGE, prefetch
from kernels.int8 import means
from kernels.jit import jit

SMALL = 32_768  # elements of x below which one thread is quicker
FEW = 64  # pixels of a window that are summed in the array's own type


def forward(x, size, *, stride, padding, out):
    """Compute y[n,i,j,c] = 1/R * sum_{p,q} x[n, s*i + p - top, s*j + q - left, c], into out."""
    run = _forward_serial if x.size < SMALL else _forward_parallel
    run(x, size, stride, (padding[0][0], padding[1][0]), out)


def backward(dy, x_shape, *, size, stride, padding, out):
    """Compute dx[n,h,w,c] = sum of dy[n,i,j,c] / R over the windows that hold the pixel, into out."""
    if stride == size and padding == ((0, 0), (0, 0)):
        (_tiles_serial if out.size < SMALL else _tiles_parallel)(dy, size, out)
    else:
        run = _gather_serial if out.size < SMALL else _gather_parallel
        run(dy, size, stride, (padding[0][0], padding[1][0]), out)


@jit(parallel=True)
def _forward_parallel(x, size, stride, pad, y):
    for t in numba.prange(y.shape[0] * y.shape[1]):
        _forward_row(np.int64(t), x, size, stride, pad, y)


@jit()
def _forward_serial(x, size, stride, pad, y):
    for t in range(y.shape[0] * y.shape[1]):
        _forward_row(t, x, size, stride, pad, y)


@jit(parallel=True)
def _tiles_parallel(dy, size, dx):
    for t in numba.prange(dy.shape[0] * dy.shape[1]):
        _tiles_row(np.int64(t), dy, size, dx)


@jit()
def _tiles_serial(dy, size, dx):
    for t in range(dy.shape[0] * dy.shape[1]):
        _tiles_row(t, dy, size, dx)


@jit(parallel=True)
def _gather_parallel(dy, size, stride, pad, dx):
    for t in numba.prange(dx.shape[0] * dx.shape[1]):
        _gather_row(np.int64(t), dy, size, stride, pad, dx)


@jit()
def _gather_serial(dy, size, stride, pad, dx):
    for t in range(dx.shape[0] * dx.shape[1]):
        _gather_row(t, dy, size, stride, pad, dx)


@jit(inner=True)
def _forward_row(t, x, size, stride, pad, y):
    """Compute row t = n*Ho + i of y."""
    _, H, W, _ = x.shape
    _, Ho, Wo, C = y.shape
    n, i = t // Ho, t % Ho
    h0, h1 = _inside(i, size[0], stride[0], pad[0], H)
    for j in range(Wo):
        w0, w1 = _inside(j, size[1], stride[1], pad[1], W)
        count = y.dtype.type((h1 - h0) * (w1 - w0))
        if x.size >= LARGE:
            for h in range(h0, h1):
                prefetch(x.reshape(-1), np.int64((n * H + h) * W + w0) * C, (w1 - w0) * C)
        if h1 - h0 == 2 and w1 - w0 == 2:
            _mean_of_four(x, n, h0, w0, y, i, j)
            continue
        if (h1 - h0) * (w1 - w0) > FEW:
            _mean_of_many(x[n, h0:h1, w0:w1], y[n, i, j])
            continue
        for c in range(C):
            y[n, i, j, c] = x[n, h0, w0, c]
        for h in range(h0, h1):
            for w in range(w0 + 1 if h == h0 else w0, w1):
                for c in range(C):
                    # lesson: avgpool2d.forward
                    y[n, i, j, c] += x[n, h, w, c]
        for c in range(C):
            y[n, i, j, c] /= count


@jit(inner=True)
def _mean_of_four(x, n, h, w, y, i, j):
    """Compute the usual window in registers: four reads, one write."""
    for c in range(y.shape[3]):
        total = x[n, h, w, c] + x[n, h, w + 1, c]
        total += x[n, h + 1, w, c]
        y[n, i, j, c] = (total + x[n, h + 1, w + 1, c]) / y.dtype.type(4)


@jit(inner=True)
def _mean_of_many(x, y):
    """Sum a large window in float64, four pixels at a time."""
    H, W, C = x.shape
    total = np.zeros(C, np.float64)
    for h in range(H):
        for w in range(0, W - W % 4, 4):
            for c in range(C):
                total[c] += (x[h, w, c] + x[h, w + 1, c]) + (x[h, w + 2, c] + x[h, w + 3, c])
        for w in range(W - W % 4, W):
            for c in range(C):
                total[c] += x[h, w, c]
    for c in range(C):
        y[c] = total[c] / (H * W)


@jit(inner=True)
def _tiles_row(t, dy, size, dx):
    """Write the P rows of dx that row t = n*Ho + i of dy has as its own: windows tile the image."""
    _, H, W, C = dx.shape
    _, Ho, Wo, _ = dy.shape
    P, Q = size
    count, zero = dx.dtype.type(P * Q), dx.dtype.type(0)
    n, i = t // Ho, t % Ho
    for p in range(P):
        for j in range(Wo):
            for q in range(Q):
                for c in range(C):
                    # lesson: avgpool2d.side_by_side
                    dx[n, i * P + p, j * Q + q, c] = dy[n, i, j, c] / count
        dx[n, i * P + p, Wo * Q :] = zero  # what is left over at the right edge no window sees
    if i == Ho - 1:
        dx[n, Ho * P :] = zero


@jit(inner=True)
def _gather_row(t, dy, size, stride, pad, dx):
    """Compute row t = n*H + h of dx from the windows i0 <= i < i1, j0 <= j < j1 that hold each pixel."""
    _, H, W, C = dx.shape
    _, Ho, Wo, _ = dy.shape
    zero = dx.dtype.type(0)
    n, h = t // H, t % H
    i0, i1 = _windows(h + pad[0], size[0], stride[0], Ho)
    for w in range(W):
        j0, j1 = _windows(w + pad[1], size[1], stride[1], Wo)
        for c in range(C):
            dx[n, h, w, c] = zero
        for i in range(i0, i1):
            h0, h1 = _inside(i, size[0], stride[0], pad[0], H)
            for j in range(j0, j1):
                w0, w1 = _inside(j, size[1], stride[1], pad[1], W)
                count = dx.dtype.type((h1 - h0) * (w1 - w0))
                for c in range(C):
                    # lesson: avgpool2d.data
                    dx[n, h, w, c] += dy[n, i, j, c] / count


@jit(inner=True)
def _inside(i, size, stride, before, length):
    """Along one axis: the first pixel of window i inside the image, and the end."""
    start = stride * i - before
    return max(start, 0), min(start + size, length)


@jit(inner=True)
def _windows(place, size, stride, count):
    """Along one axis: the first window over a place of the padded image, and the end."""
    return max(0, (place - size) // stride + 1), min(count, place // stride + 1)


def forward_int8(x, size, *, stride, padding, x_zero, multiplier, levels, out):
    """Compute y = the level of multiplier/R * the sum of x - x_zero over each window, into out."""
    means.of_windows(x, size, stride, (padding[0][0], padding[1][0]), x_zero, multiplier, levels, out)
