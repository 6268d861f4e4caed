"""Winograd's transforms: out = T d T^T for a small constant matrix T and a square d of vectors.

d's numbers are vectors: the channels of a pixel lie side by side, and all go the same way. Down the columns first,
then along the rows. What is outside the image is 0 where it is read, and left out where it is written.
k goes the same way: a square of its taps for each channel, the filters side by side.
"""

import numpy as np

from kernels.conv2d.simd_transform import apply, apply_square, inputs, outputs
from kernels.cpu import simd
from kernels.cpu.simd_panels import transpose
from kernels.cpu.tiled_sums import aligned
from kernels.jit import jit


@jit(inner=True)
def read_square(T, image, n, h, w, c, scratch, target, at, row, apart):
    """target[at + r*row + s*apart] = the place (r,s) of the transformed S x S pixels of image n from (h,w) on.

    A vector of channels from c on; those beyond the last are 0.
    """
    _, H, W, C = image.shape
    S, lanes, flat = inputs(T), simd.lanes(image), image.reshape(-1)
    zeros, count = scratch[:lanes], min(lanes, C - c)
    middle = scratch[lanes:]
    # three taps a side, so k: its middle fits the registers
    if S == 3 and count == lanes and 0 <= h <= H - S and 0 <= w <= W - S:
        apply_square(T, flat, ((n * H + h) * W + w) * C + c, W * C, C, None, 0, target, at, row, apart)
        return
    for v in range(S):
        first, last = (-h, H - h) if 0 <= w + v < W else (np.int64(0), np.int64(0))
        place = ((n * H + h) * W + w + v) * C + c
        apply(T, flat, place, W * C, first, last, count, zeros, 0, middle, v * lanes, S * lanes, outputs(T), lanes)
    for r in range(outputs(T)):
        place = r * S * lanes
        apply(T, middle, place, lanes, 0, S, lanes, zeros, 0, target, at + r * row, apart, outputs(T), lanes)


@jit(inner=True)
def write_square(T, source, at, row, apart, scratch, start, f, image, n, h, w, c, count):
    """image's R x R pixels from (h,w) on, `count` channels from c = start[f ...] + the transform of source.

    source[at + h*row + w*apart]: the place (h,w), a vector.
    """
    _, H, W, C = image.shape
    S, lanes, flat = inputs(T), simd.lanes(image), image.reshape(-1)
    zeros, middle = scratch[:lanes], scratch[lanes:]
    if outputs(T) == 3 and count == lanes and h <= H - 3 and w <= W - 3:  # k's gradient, likewise
        apply_square(T, source, at, row, apart, start, f, flat, ((n * H + h) * W + w) * C + c, W * C, C)
        return
    for v in range(S):
        place = at + v * apart
        apply(T, source, place, row, 0, S, lanes, zeros, 0, middle, v * lanes, S * lanes, outputs(T), lanes)
    for r in range(min(outputs(T), H - h)):
        place = ((n * H + h + r) * W + w) * C + c
        apply(T, middle, r * S * lanes, lanes, 0, S, lanes, start, f, flat, place, C, W - w, count)


@jit(inner=True)
def scratch_for(image, T):
    """A vector of zeros, and room for the middle of a transform by T."""
    scratch = aligned((1 + outputs(T) * inputs(T)) * simd.lanes(image), image)
    scratch[: simd.lanes(image)] = 0
    return scratch


@jit(inner=True)
def turn(k, first, last, first_filter, last_filter, image, step):
    """image[0, 2-p, 2-q, (f - first_filter)*step + c - first] = k[p,q,c,f] for some channels and filters.

    Both are filled up to whole vectors: image has room for them.
    """
    (_, _, C, F), size, lanes, square = k.shape, image.shape[3], simd.lanes(k), simd.empty_tile(k, 1)
    flat, target = k.reshape(-1), image.reshape(-1)
    for tap in range(9):
        for c in range(first, last, lanes):
            for f in range(first_filter, last_filter, lanes):
                source, at = (tap * C + c) * F + f, (8 - tap) * size + (f - first_filter) * step + c - first
                transpose(square, flat, source, F, last - c, min(lanes, last_filter - f), target, at, step)


@jit(inner=True)
def transform_kernel(image, v, step, vecs, first, last, by, G, U, at, apart):
    """U[at + e*apart + (c*vecs + j)*lanes ...] = G d G^T, d = image[0, :, :, v + c*step + j*lanes ...] (3,3).

    For vectors of filters j < vecs and the channels c = first, first + by, ... below last.
    """
    t, lanes, scratch = outputs(G), simd.lanes(image), scratch_for(image, G)
    for c in range(first, last, by):
        for j in range(vecs):  # beyond the last filter the next channel's: never stored
            source, target = v + c * step + j * lanes, at + (c * vecs + j) * lanes
            read_square(G, image, 0, 0, 0, source, scratch, U, target, t * apart, apart)
