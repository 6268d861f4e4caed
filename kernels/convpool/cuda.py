"""The GPU's default: the convolution's register tiles, whose rows are the four pixels of windows.

forward: a thread's rows lie four by four in one window, so it finds the largest of its sums in registers and writes
one number of four; the convolution's result is never in memory. No sum is cut into parts.
backward: one launch writes the gradient with respect to the convolution's result, four pixels for each window, of which
the chosen one gets dy and the others 0; then conv2d's own kernels run on it. Skipping the products with these zeros, as
`cpu` does, would give each thread other terms than its neighbours have, and its tile no common factor.
"""

from functools import cache

import numpy as np
from numba import int32, int64, uint8

from kernels.conv2d import cuda as conv2d
from kernels.convpool.settings import PLAIN
from kernels.cuda.accumulate import OUTSIDE, accumulator, bias_adder, memory_sizes
from kernels.cuda.copies import are_asynchronous
from kernels.cuda.cores import core
from kernels.cuda.correlate import sizes
from kernels.cuda.fetch import row_putter
from kernels.cuda.tiles import DEPTH, SIDE, division, options, quotient, sum_place, thread, tile
from kernels.cuda.vectors import cuda, load4, store4
from kernels.device import launch, scratch

BLOCK = 128
WIDTH = 8  # threads across a tile; twice as many, and the places of the largest do not fit in registers


def forward(x, k, b, *, out):
    """Compute y[n,i,j,f] = max(0, the largest of the convolution's results in window (i,j)), into out = (y, argmax)."""
    y, argmax = out
    N, H, W, C = x.shape
    P, Q, _, F = k.shape
    h, w = (conv2d.axis(size, 1, 1, 0, 2 * n, 1, 0, n) for size, n in zip((H, W), y.shape[1:3], strict=True))
    part = -(-P * Q * C // DEPTH)
    g = sizes(h, w, N, (P, Q), (C, F), 1, 1, part)
    g = g._replace(
        by_height=division(y.shape[1]), by_width=division(y.shape[2]), biased=np.int32(b is not None)
    )  # windows instead of positions
    shape, whole = tile(x.dtype, WIDTH), C % 4 == 0 and F % 4 == 0
    launch(
        kernel(x.dtype, whole, are_asynchronous(x.target)),
        (-(-int(g.positions) // shape.rows), -(-F // shape.columns)),
        shape.threads,
        x.reshape(-1),
        k.reshape(-1),
        (k if b is None else b).reshape(-1),
        g,
        y.reshape(-1),
        argmax.reshape(-1),
    )


def backward_data(dy, y, argmax, k, x_shape, *, out):
    """Compute dx[n,h+p,w+q,c] = sum of dy[n,i,j,f] * k[p,q,c,f] over windows with y > 0 that chose (h,w), into out."""
    conv2d.backward_data(to_pixels(dy, y, argmax, x_shape, k.shape), k, x_shape, **PLAIN, out=out)


def backward_weights(x, dy, y, argmax, k_shape, *, out):
    """Compute dk[p,q,c,f] = sum of x[n,h+p,w+q,c] * dy[n,i,j,f] over those windows, and db, into out = (dk, db)."""
    conv2d.backward_weights(x, to_pixels(dy, y, argmax, x.shape, k_shape), k_shape, **PLAIN, out=out)


def to_pixels(dy, y, argmax, x_shape, k_shape):
    """Return the gradient with respect to the convolution's result: dy where a window chose it and y > 0, else 0."""
    (N, H, W, _), (P, Q, _, F) = x_shape, k_shape
    shape = (N, H - P + 1, W - Q + 1, F)
    dz = scratch(dy, shape, use="convpool")
    lanes = 4 if F % 4 == 0 else 1
    down, right = -(-shape[1] // 2), -(-shape[2] // 2)  # also the windows that the image cuts off: all 0
    by = division(F // lanes), division(right), division(down)
    numbers = tuple(map(np.int32, (N, *shape[1:3], *dy.shape[1:3])))
    count = -(-N * down * right * F // (lanes * BLOCK))
    flat = (a.reshape(-1) for a in (dy, y, argmax))
    launch(_spread_fours if lanes == 4 else _spread_ones, count, BLOCK, *flat, numbers, by, dz.reshape(-1))
    return dz


@cache
def placer(dtype: np.dtype):
    """Return the device function that finds where a tile's rows lie: every SIDE rows, the next pixel of SIDE windows.

    So the rows of one thread, SIDE from each other, are the four pixels of a window, or of two.
    """
    threads, rows = tile(dtype, WIDTH)[3:5]

    @cuda.jit(device=True, forceinline=True)
    def locate(place, g, first):
        """Find where the rows lie in x (pixel, row, column of the tap (0, 0)), and their window in y."""
        for r in range(thread(), rows, threads):
            pixel = int32(r // SIDE % 4)
            m = int32(first // 4 + r // (4 * SIDE) * SIDE + r % SIDE)
            line = quotient(m, g.by_width)
            n = quotient(line, g.by_height)
            h = int32(2 * (line - n * g.by_height.d) + pixel // 2)
            w = int32(2 * (m - line * g.by_width.d) + pixel % 2)
            at = int32((n * g.h.size + h) * g.w.size + w)
            real_one = 4 * m < g.positions
            store4(place, 4 * r, at, h if real_one else int32(OUTSIDE), w, m if real_one else int32(-1))

    return locate


@cache
def kernel(dtype: np.dtype, whole: bool, asynchronous: bool):
    """Return the kernel for a tile, as `kernels/cuda/correlate.py` does; its rows are the pixels of windows."""
    real, t, _, threads, rows, columns = tile(dtype, WIDTH)
    both, places = memory_sizes(dtype, WIDTH)
    locate, accumulate = placer(dtype), accumulator(dtype, WIDTH, whole, asynchronous)
    apart = core(dtype, WIDTH, True, DEPTH).columns
    add_bias, put_row = bias_adder(t, apart), row_putter(t, apart, whole)

    @cuda.jit(device=True, forceinline=True)
    def pool(sums, first, chosen):
        """Let row `first` of the sums become the largest of its window, rectified; chosen[0, j]: which it was."""
        for j in range(t):
            largest, pixel = sums[first, j], uint8(0)
            for u in range(1, 4):
                v = sums[first + u, j]
                if v > largest or (v != v and largest == largest):  # a tie stays with the first, as does a NaN
                    largest, pixel = v, uint8(u)
            sums[first, j] = real(0) if largest <= 0 else largest
            chosen[0, j] = pixel

    @cuda.jit(**options(threads))
    def convpool(x, k, bias, g, y, argmax):
        memory = cuda.shared.array(both, real, alignment=16)
        place = cuda.shared.array(places, int32, alignment=16)
        sums = cuda.local.array((t, t), real)
        chosen = cuda.local.array((1, t), uint8)
        channel = int32(cuda.blockIdx.y * columns)
        group = int32(cuda.blockIdx.z)  # always 0; written as a constant it costs one register more, and they are full
        locate(place, g, int32(cuda.blockIdx.x * rows))
        accumulate(memory, place, x, k, g, group, int32(0), channel, sums)
        row, column = sum_place(WIDTH)
        channel = int32(channel + column)
        if g.biased:
            add_bias(bias, g, group, channel, sums)
        for first in range(0, t, 4):
            pool(sums, first, chosen)
            window = place[4 * (row + first * SIDE) + 3]
            if window >= 0:
                put_row(y, g, sums, first, window, channel, int32(0), int32(0))
                put_row(argmax, g, chosen, 0, window, channel, int32(0), int32(0))

    return convpool


@cuda.jit(device=True)
def _place(by):
    """Return (channels, window across, window down, image) of this thread; channels count in what it takes at once."""
    t = int32(int64(cuda.blockIdx.x) * BLOCK + thread())
    rest = quotient(t, by[0])
    line = quotient(rest, by[1])
    n = quotient(line, by[2])
    return t - rest * by[0].d, rest - line * by[1].d, line - n * by[2].d, n


@cuda.jit
def _spread_fours(dy, y, argmax, sizes, by, dz):
    N, H, W, Ho, Wo = sizes
    c, j, i, n = _place(by)
    if n >= N:
        return
    zero, F = dz.dtype.type(0), 4 * by[0].d
    d0 = d1 = d2 = d3 = zero
    p0 = p1 = p2 = p3 = 0
    if i < Ho and j < Wo:
        at = ((int64(n) * Ho + i) * Wo + j) * F + 4 * c
        d0, d1, d2, d3 = load4(dy, at)
        y0, y1, y2, y3 = load4(y, at)
        p0, p1, p2, p3 = load4(argmax, at)
        d0, d1 = d0 if y0 > zero else zero, d1 if y1 > zero else zero
        d2, d3 = d2 if y2 > zero else zero, d3 if y3 > zero else zero
    for u in range(min(2, H - 2 * i)):
        for v in range(min(2, W - 2 * j)):
            pixel = 2 * u + v
            to = ((int64(n) * H + 2 * i + u) * W + 2 * j + v) * F + 4 * c
            store4(
                dz, to,
                d0 if p0 == pixel else zero, d1 if p1 == pixel else zero,
                d2 if p2 == pixel else zero, d3 if p3 == pixel else zero,
            )  # fmt: skip


@cuda.jit
def _spread_ones(dy, y, argmax, sizes, by, dz):
    N, H, W, Ho, Wo = sizes
    c, j, i, n = _place(by)
    if n >= N:
        return
    zero, F = dz.dtype.type(0), by[0].d
    d, chosen = zero, 0
    if i < Ho and j < Wo:
        at = ((int64(n) * Ho + i) * Wo + j) * F + c
        chosen = argmax[at]
        d = dy[at] if y[at] > zero else zero
    for u in range(min(2, H - 2 * i)):
        for v in range(min(2, W - 2 * j)):
            to = ((int64(n) * H + 2 * i + u) * W + 2 * j + v) * F + c
            dz[to] = d if chosen == 2 * u + v else zero
