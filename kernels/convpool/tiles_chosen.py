"""backward for 3x3 kernels whose channels fill vectors: only the pixel that each window and filter chose.

    dk[p,q,:,f] += g[m,f] * x[at[m,f] + (p,q), :]        dx[at[m,f] + (p,q), :] += g[m,f] * k[p,q,:,f]

g is dy where y > 0, else 0; at[m,f] is where in x the chosen pixel's nine taps begin. A line of three taps is 3*C
numbers that lie together in x, so a tile is three such lines, of one filter: its sums in backward_weights, its weights
in backward_data. Both want k with the filters first, [f, (p,q,c)]. A window has four pixels and a filter chooses one:
a quarter of the products of conv2d's backward, which multiplies by the other three's zeros.
"""

import numba
import numpy as np

from kernels.cpu import simd, simd_panels
from kernels.cpu.simd_pooled import SIDE, TAPS, add_into, add_scaled, tile_of
from kernels.cpu.tiled_sums import aligned, list_rows
from kernels.jit import jit

CHANNELS = 16  # a multiple of every host's lanes, float32 and float64
VECS = 6 if simd.REGISTERS == 32 else 3  # of a line: three lines fit the registers
FILTERS = 16  # of a task
TASKS = 16  # enough for many cores, from the shape alone


def fits(k_shape):
    """3x3, and channels in sixteens."""
    return k_shape[:2] == (SIDE, SIDE) and k_shape[2] % CHANNELS == 0


@jit(parallel=True)
def backward_data(dy, y, argmax, k, dx):
    """dx (N,H,W,C) from dy, y, argmax (N,Ho,Wo,F) and k (3,3,C,F); a task is an image."""
    turned = filters_first(k)
    for n in numba.prange(dx.shape[0]):
        _data_of_image(np.int64(n), dy, y, argmax, turned, dx)


@jit(parallel=True)
def backward_weights(x, dy, y, argmax, dk, db):
    """dk (3,3,C,F) and db (F,). A task is some filters and some images; the images' parts are added in order."""
    N, F, size = x.shape[0], dk.shape[3], TAPS * dk.shape[2]
    blocks = -(-F // FILTERS)
    parts = max(1, min(N, TASKS // max(1, blocks)))
    each = -(-N // parts)
    partial_k, partial_b = aligned(parts * F * size, x).reshape(parts, F * size), np.empty((parts, F), x.dtype)
    for t in numba.prange(parts * blocks):
        part, f = np.int64(t // blocks), np.int64(t % blocks * FILTERS)
        last = min(F, f + FILTERS)
        first_image, last_image = part * each, min(N, (part + 1) * each)
        _weights_of_images(
            first_image, last_image, f, last, x, dy, y, argmax, partial_k[part, f * size : last * size], partial_b[part]
        )
    for t in numba.prange(blocks):
        f = np.int64(t * FILTERS)
        _add_parts(partial_k, partial_b, f, min(F, f + FILTERS), dk, db)


@jit(inner=True)
def choose(n, first, last, x, dy, y, argmax):
    """(g, at) of image n for the filters first..last, windows by filters, flat."""
    _, H, W, C = x.shape
    _, Ho, Wo, F = dy.shape
    filters, zero = last - first, x.dtype.type(0)
    g, at = aligned(Ho * Wo * filters, x), np.empty(Ho * Wo * filters, np.int64)
    dy_flat, y_flat, argmax_flat = dy.reshape(-1), y.reshape(-1), argmax.reshape(-1)
    for m in range(Ho * Wo):
        corner = ((n * H + 2 * (m // Wo)) * W + 2 * (m % Wo)) * C
        source, target = np.uint64((n * Ho * Wo + m) * F + first), np.uint64(m * filters)
        for f in range(np.uint64(filters)):
            v, a = dy_flat[source + f], argmax_flat[source + f]
            g[target + f] = v if y_flat[source + f] > zero else zero
            at[target + f] = corner + (C if a & 1 else 0) + (W * C if a & 2 else 0)
    return g, at


@jit(inner=True)
def _data_of_image(n, dy, y, argmax, turned, dx):
    _, _, W, C = dx.shape
    F, lanes = dy.shape[3], simd.lanes(dx)
    g, at = choose(n, np.int64(0), F, dx, dy, y, argmax)
    x_lines, k_lines = list_rows(SIDE, W * C), list_rows(SIDE, SIDE * C)
    dx[n] = 0
    wide = SIDE * C % (VECS * lanes) == 0  # if not, three vectors do: one of each tap's C
    for e in range(0, SIDE * C, VECS * lanes if wide else SIDE * lanes):
        if wide:
            _add_pixels(tile_of(dx, SIDE, VECS), e, turned, g, at, x_lines, k_lines, F, dx)
        else:
            _add_pixels(tile_of(dx, SIDE, SIDE), e, turned, g, at, x_lines, k_lines, F, dx)


@jit(inner=True)
def _add_pixels(empty, e, turned, g, at, x_lines, k_lines, F, dx):
    """One block of a line's numbers, from e on: filter after filter, its weights stay in registers."""
    flat, wide, size = dx.reshape(-1), simd.width(empty), turned.shape[1]
    x_rows, k_rows = simd.row_offsets(empty, x_lines, 0), simd.row_offsets(empty, k_lines, 0)
    for f in range(F):
        tile = simd.load(empty, turned.reshape(-1), k_rows, f * size + e, wide)
        for i in range(np.uint64(f), np.uint64(g.size), np.uint64(F)):  # unsigned: no index counts from the end
            add_into(tile, flat, x_rows, at[i] + e, g[i])


@jit(inner=True)
def _weights_of_images(n, last_image, first, last, x, dy, y, argmax, partial_k, partial_b):
    """The filters first..last, summed over the images n..last_image."""
    _, _, W, C = x.shape
    lanes, filters = simd.lanes(x), last - first
    x_lines, k_lines = list_rows(SIDE, W * C), list_rows(SIDE, SIDE * C)
    partial_k[:] = 0
    partial_b[first:last] = 0
    wide = SIDE * C % (VECS * lanes) == 0
    for image in range(n, last_image):
        g, at = choose(image, first, last, x, dy, y, argmax)
        for i in range(0, g.size, filters):
            for f in range(filters):
                partial_b[first + f] += g[i + f]
        for e in range(0, SIDE * C, VECS * lanes if wide else SIDE * lanes):
            if wide:
                _sum_pixels(tile_of(x, SIDE, VECS), e, x, g, at, x_lines, k_lines, filters, partial_k)
            else:
                _sum_pixels(tile_of(x, SIDE, SIDE), e, x, g, at, x_lines, k_lines, filters, partial_k)


@jit(inner=True)
def _sum_pixels(empty, e, x, g, at, x_lines, k_lines, filters, partial):
    """One block of a line's numbers, from e on: filter after filter, its sums stay in registers."""
    flat, wide, size = x.reshape(-1), simd.width(empty), TAPS * x.shape[3]
    x_rows, k_rows = simd.row_offsets(empty, x_lines, 0), simd.row_offsets(empty, k_lines, 0)
    for f in range(filters):
        tile = simd.load(empty, partial, k_rows, f * size + e, wide)
        for i in range(np.uint64(f), np.uint64(g.size), np.uint64(filters)):
            tile = add_scaled(tile, flat, x_rows, at[i] + e, g[i])
        simd.store(tile, partial, k_rows, f * size + e, wide)


@jit(inner=True)
def filters_first(k):
    """k as [f, (p,q,c)], with rows to spare: F filled up to whole vectors."""
    _, _, C, F = k.shape
    lanes, square, flat, size = simd.lanes(k), simd.empty_tile(k, 1), k.reshape(-1), TAPS * C
    rows = -(-F // lanes) * lanes
    turned = aligned(rows * size, k)
    for e in range(0, size, lanes):
        for f in range(0, F, lanes):
            simd_panels.transpose(square, flat, e * F + f, F, lanes, min(lanes, F - f), turned, f * size + e, size)
    return turned.reshape(rows, size)


@jit(inner=True)
def _add_parts(partial_k, partial_b, first, last, dk, db):
    """The filters first..last: their parts' sum, in order, turned back into dk."""
    F, size, total, flat = dk.shape[3], TAPS * dk.shape[2], partial_k[0], dk.reshape(-1)
    for part in range(1, partial_k.shape[0]):
        for e in range(first * size, last * size):
            total[e] += partial_k[part, e]
    for f in range(first, last):
        db[f] = partial_b[0, f]
        for part in range(1, partial_b.shape[0]):
            db[f] += partial_b[part, f]
    lanes, square = simd.lanes(dk), simd.empty_tile(dk, 1)
    if (last - first) % lanes == 0:
        for f in range(first, last, lanes):
            for e in range(0, size, lanes):
                simd_panels.transpose(square, total, f * size + e, size, lanes, lanes, flat, e * F + f, F)
    else:  # a square would write beyond the last filter
        for e in range(size):
            for f in range(first, last):
                flat[e * F + f] = total[f * size + e]
