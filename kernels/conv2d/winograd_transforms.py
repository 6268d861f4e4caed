"""Winograd's transforms: out = T d T^T for a small constant matrix T and a square d of vectors.

d's numbers are vectors: the channels of a pixel lie side by side, and all go the same way. Down the columns first,
then along the rows. What is outside the image is 0 where it is read, and left out where it is written.
"""

import numpy as np

from kernels import simd
from kernels.conv2d.simd_transform import apply, apply_square, inputs, outputs
from kernels.jit import jit
from kernels.tiled_sums import aligned


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
