"""forward: a tile's rows are the four pixels of one window or two, and leave the registers as one number a window.

    y[m,f] = max(0, max over a < 4 of  b[f] + sum_{p,q,c} x[corner[m] + place of a + (p,q,c)] * k[p,q,c,f])

The sums are those of kernels/cpu/tiled_sums.py. Without padding, a line of the kernel reads a line of x that lies
together: a run of Q*C steps. Pixels that fill no window are never computed.
"""

import numba
import numpy as np

from kernels.cpu import simd
from kernels.cpu.simd_pooled import WINDOW, store_largest, tile_of, window_rows
from kernels.cpu.tiled_sums import allocate, copy_rows
from kernels.jit import jit

HEIGHT = 8 if simd.REGISTERS == 32 else 4  # rows: two windows, or one
VECS = 2  # vectors across a tile: with HEIGHT it fills the registers
TASK_WINDOWS = 512  # at most, and a multiple of what a tile holds
PACKING_PAYS = 64  # windows that pass over a panel of k


@jit()
def forward(x, k, b, threads, y, argmax):
    """Compute y and argmax (N,Ho,Wo,F) of x (N,H,W,C) and k (P,Q,C,F); b may be empty. Threads share the windows."""
    F, windows = y.shape[3], y.shape[0] * y.shape[1] * y.shape[2]
    start = np.empty(F + VECS * simd.lanes(x), x.dtype)  # a block's last vector reads beyond F
    for f in range(start.size):
        start[f] = b[f] if f < b.size else 0
    parts = threads * max(1, windows // (threads * TASK_WINDOWS))
    each = -(-windows // (parts * 2)) * 2
    if y.size:
        _run(-(-windows // each), each, x, k, start, y, argmax)


@jit(inner=True, parallel=True)
def _run(parts, each, x, k, start, y, argmax):
    windows = y.shape[0] * y.shape[1] * y.shape[2]
    for t in numba.prange(parts):
        first = np.int64(t * each)
        _task(first, min(windows, first + each), x, k, start, y, argmax)


@jit(inner=True)
def _task(first, last, x, k, start, y, argmax):
    """Compute the windows first..last of y, one block of filters after the other."""
    P, Q, C, F = k.shape
    lanes, windows, zero = simd.lanes(x), last - first, np.int64(0)  # a plain 0 would be a type of its own
    corners = list_corners(first, windows, x, y)
    packed = F % lanes != 0 or (windows >= PACKING_PAYS and VECS * lanes < F)
    panel = allocate(P * Q * C * VECS * lanes if packed else 0, x)
    vectors = -(-F // lanes)
    for vector in range(0, vectors, VECS):
        vecs, f = min(VECS, vectors - vector), vector * lanes
        count = min(vecs * lanes, F - f)
        place = (k.reshape(-1), f, F)
        if packed:
            copy_rows(vecs, k.reshape(-1), f, F, P * Q * C, count, panel, 0)
            place = (panel, zero, vecs * lanes)
        if vecs == VECS:
            _sum_windows(tile_of(x, HEIGHT, VECS), x, corners, place, start, P, Q, y, argmax, first, windows, f, count)
        else:
            _sum_windows(tile_of(x, HEIGHT, 1), x, corners, place, start, P, Q, y, argmax, first, windows, f, count)


@jit(inner=True)
def list_corners(first, windows, x, y):
    """Return where the windows from `first` on begin in x; a tile's spare window repeats the last."""
    _, H, W, C = x.shape
    _, Ho, Wo, _ = y.shape
    corners = np.empty(windows + HEIGHT // WINDOW, np.int64)
    line = first // Wo
    j, n = first - line * Wo, line // Ho
    i = line - n * Ho
    for m in range(windows):
        corners[m] = ((n * H + 2 * i) * W + 2 * j) * C
        j += 1
        if j == Wo:
            i, j = i + 1, 0
            if i == Ho:
                n, i = n + 1, 0
    for m in range(windows, corners.size):
        corners[m] = corners[windows - 1]
    return corners


@jit(inner=True)
def _sum_windows(empty, x, corners, panel, start, P, Q, y, argmax, first, windows, f, count):
    """Compute all windows of one block of filters; panel: (k, first, step)."""
    k, k_first, k_step = panel
    _, _, W, C = x.shape
    F, each = y.shape[3], simd.height(empty) // WINDOW
    x_flat, y_flat, argmax_flat = x.reshape(-1), y.reshape(-1), argmax.reshape(-1)
    for m in range(0, windows, each):
        x_offsets = window_rows(empty, corners, m, C, W * C)
        tile = simd.fill(empty, start, f)
        v = k_first
        for p in range(P):
            u = p * W * C
            end = u + Q * C
            while u != end:
                tile = simd.add_outer(tile, x_flat, x_offsets, u, k, v)  # y-tile += outer(x-column, k-row)
                u += 1
                v += k_step
        store_largest(tile, y_flat, argmax_flat, (first + m) * F + f, F, windows - m, count)
