"""The GPU's default: four channels a thread, 16 bytes a request; where windows tile the image, each byte moved once.

Pooling waits for memory, so what counts is that few requests move whole sectors. A thread takes four neighbouring
channels of one window. backward: where the windows tile the image, a thread reads its dy once and writes the window's
pixels. Channels that do not come in fours, windows of more than 256 pixels, and the gradient of windows that overlap
are `cuda_naive`'s: one channel a thread, each dx gathered by one thread.
"""

import numpy as np
from numba import int32, int64

from kernels.cuda.tiles import division, quotient, thread
from kernels.cuda.vectors import cuda, load4, store4
from kernels.device import launch
from kernels.maxpool2d import cuda_naive

BLOCK = 128


def forward(x, size, *, stride, padding, out):
    """Compute y[n,i,j,c] = max_{p,q} x[n, s*i + p - top, s*j + q - left, c] and its place, into out = (y, argmax)."""
    y, argmax = out
    if not _fours(y, argmax):
        cuda_naive.forward(x, size, stride=stride, padding=padding, out=out)
        return
    sizes = _int32(*size, *stride, padding[0][0], padding[1][0], *x.shape[1:3])
    by = division(y.shape[3] // 4), division(y.shape[2]), division(y.shape[1])
    blocks = -(-y.size // (4 * BLOCK))
    launch(_forward, blocks, BLOCK, x.reshape(-1), sizes, by, y.reshape(-1), argmax.reshape(-1))


def backward(dy, argmax, x_shape, *, size, stride, padding, out):
    """Compute dx[n,h,w,c] = sum of dy[n,i,j,c] over the windows whose argmax is the pixel, into out."""
    N, H, W, C = x_shape
    tiles = size == stride and padding == ((0, 0), (0, 0))
    if not tiles or not _fours(dy, argmax):
        cuda_naive.backward(dy, argmax, x_shape, size=size, stride=stride, padding=padding, out=out)
        return
    # also the windows that the image cuts off: what no whole window sees is 0
    down, across = -(-H // size[0]), -(-W // size[1])
    by = division(C // 4), division(across), division(down)
    blocks = -(-N * down * across * C // (4 * BLOCK))
    sizes = _int32(N, *size, H, W, *dy.shape[1:3])
    launch(_spread, blocks, BLOCK, dy.reshape(-1), argmax.reshape(-1), sizes, by, out.reshape(-1))


def _fours(y, argmax):
    """Return whether four channels can be moved at once, and a place is one byte."""
    return y.shape[3] % 4 == 0 and argmax.dtype == np.uint8 and 0 < y.size < 2**31


def _int32(*numbers):
    return tuple(map(np.int32, numbers))


@cuda.jit(device=True)
def _place(by):
    """Return (first of four channels, window across, window down, image) of this thread."""
    t = int32(int64(cuda.blockIdx.x) * BLOCK + thread())
    rest = quotient(t, by[0])
    line = quotient(rest, by[1])
    n = quotient(line, by[2])
    return 4 * (t - rest * by[0].d), rest - line * by[1].d, line - n * by[2].d, n


@cuda.jit(device=True)
def _better(v, largest):
    """Return whether v beats m. A tie does not, so the first maximum stays; the first NaN beats every number."""
    return v > largest or (v != v and largest == largest)


@cuda.jit
def _forward(x, sizes, by, y, argmax):
    P, Q, sh, sw, top, left, H, W = sizes
    c, j, i, n = _place(by)
    C, Wo, Ho = 4 * by[0].d, by[1].d, by[2].d
    to = ((int64(n) * Ho + i) * Wo + j) * C + c
    if to >= y.size:
        return
    h0, w0 = sh * i - top, sw * j - left
    first_h, first_w = max(h0, 0), max(w0, 0)
    p0 = p1 = p2 = p3 = int32((first_h - h0) * Q + first_w - w0)
    m0, m1, m2, m3 = load4(x, ((int64(n) * H + first_h) * W + first_w) * C + c)
    for h in range(first_h, min(h0 + P, H)):
        for w in range(first_w, min(w0 + Q, W)):
            if h > first_h or w > first_w:
                v0, v1, v2, v3 = load4(x, ((int64(n) * H + h) * W + w) * C + c)
                place = int32((h - h0) * Q + w - w0)
                if _better(v0, m0):
                    m0, p0 = v0, place
                if _better(v1, m1):
                    m1, p1 = v1, place
                if _better(v2, m2):
                    m2, p2 = v2, place
                if _better(v3, m3):
                    m3, p3 = v3, place
    store4(y, to, m0, m1, m2, m3)
    store4(argmax, to, p0, p1, p2, p3)


@cuda.jit
def _spread(dy, argmax, sizes, by, dx):
    N, P, Q, H, W, Ho, Wo = sizes
    c, j, i, n = _place(by)
    if n >= N:
        return
    C = 4 * by[0].d
    zero = dx.dtype.type(0)
    d0 = d1 = d2 = d3 = zero
    p0 = p1 = p2 = p3 = 0
    if i < Ho and j < Wo:
        at = ((int64(n) * Ho + i) * Wo + j) * C + c
        d0, d1, d2, d3 = load4(dy, at)
        p0, p1, p2, p3 = load4(argmax, at)
    for p in range(min(P, H - i * P)):
        for q in range(min(Q, W - j * Q)):
            place = p * Q + q
            to = ((int64(n) * H + i * P + p) * W + j * Q + q) * C + c
            store4(
                dx, to,
                d0 if p0 == place else zero, d1 if p1 == place else zero,
                d2 if p2 == place else zero, d3 if p3 == place else zero,
            )  # fmt: skip
