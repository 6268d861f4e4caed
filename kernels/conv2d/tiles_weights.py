"""backward_weights as tiled sums: the weights (p,q,c) are the rows of a tile, the pixels they touch the steps.

    dk[p,q,c,f] = sum_{n,i,j} x[n, s*i + d*p - top, s*j + d*q - left, c] * dy[n,i,j,f]

A few weights and many pixels give few tiles for many cores, so the pixels are cut into parts with a partial dk each,
added in order at the end. How many parts depends on the shape alone: any number of threads adds the same way.
"""

import numba
import numpy as np

from kernels.conv2d.taps import rectangles
from kernels.cpu import simd
from kernels.cpu.tiled_sums import SPARE, allocate, copy_rows, fill_spare, sum_block, sum_products
from kernels.jit import jit

TASKS = 16  # partial dk at most: enough for many cores, from the shape alone
PART_PIXELS = 512  # fewer pixels than this are not worth a partial dk
PARTIAL_SIZE = 1 << 19  # all partial dk together: so many numbers stay in the caches until they are added
ENOUGH_TILES = 64  # to share among threads; a partial dk more would only have to be cleared and added
PANEL_BYTES, LINES_BYTES = 1 << 18, 1 << 19  # of dy, and of x's lines: both stay in the second-level cache
WIDEST = min(simd.WIDEST, 3)  # a tile of eight rows: channels come in eights
TILE_ROWS = simd.ROWS[WIDEST]  # weights of a tile
PHASES = 8  # pixels that are added at once
PIECE = 4096  # numbers of dk that a task adds up
PACKING_PAYS = 64  # copying dy into panels costs one pass over it; worth it from so many weights on
CHANNELS_FILL = 16  # so many channels of one tap fill the rows of tiles


@jit(inner=True, inline="always")  # one library less to optimise
def weights_gradient(x, dy, dk, db, vertical, horizontal, stride_across, groups, threads):
    """Compute dk and db from x (N,H,W,C) and dy (N,Ho,Wo,F); down and across are forward's axes (taps.py)."""
    N, Ho, Wo, F = dy.shape
    lines, terms = N * Ho, dk.shape[0] * dk.shape[1] * dk.shape[2]
    parts = part_count(lines, Wo, terms, dk.size)
    lines_each = -(-lines // parts)
    # each weight is whole in one task, so threads may say how many tasks share a part
    shares = max(1, min(-(-terms // TILE_ROWS), -(-threads // parts)))
    terms_each = -(-terms // (shares * TILE_ROWS)) * TILE_ROWS  # whole tiles
    shares = max(1, -(-terms // max(terms_each, 1)))
    partial_k, partial_b = np.empty((parts, dk.size), dk.dtype), np.empty((parts, F), dk.dtype)
    if parts == 1:
        partial_k, partial_b = dk.reshape(1, dk.size), db.reshape(1, F)
    _run(
        parts,
        lines_each,
        shares,
        terms_each,
        x,
        dy,
        partial_k,
        partial_b,
        dk,
        vertical,
        horizontal,
        stride_across,
        groups,
    )
    if parts > 1:
        add_parts(partial_k, dk.reshape(-1))
        add_parts(partial_b, db)


@jit(inner=True)
def part_count(lines, Wo, terms, size):
    """Return the number of partial dk: a power of two, which any usual number of threads divides.

    From the shape alone.
    """
    most, parts = min(TASKS, lines, lines * Wo // PART_PIXELS, PARTIAL_SIZE // max(size, 1)), 1
    most = min(most, ENOUGH_TILES // max(1, terms // TILE_ROWS))
    while 2 * parts <= most:
        parts *= 2
    return parts


@jit(inner=True, parallel=True)
def _run(parts, lines_each, shares, terms_each, x, dy, partial_k, partial_b, dk, vertical, horizontal, stride, groups):
    for t in numba.prange(parts * shares):
        part, first = t // shares, t % shares * terms_each
        line, last = part * lines_each, first + terms_each
        _task(
            part,
            line,
            line + lines_each,
            first,
            last,
            x,
            dy,
            partial_k,
            partial_b,
            dk,
            vertical,
            horizontal,
            stride,
            groups,
        )


@jit(inner=True)
def _task(part, line, last_line, first, last, x, dy, partial_k, partial_b, dk, vertical, horizontal, stride, groups):
    """Sum the rows first..last of dk, (p,q,c), over the lines (n,i) line..last_line of dy, into partial_k[part]."""
    P, Q, Cg, F = dk.shape
    N, Ho, Wo, _ = dy.shape
    last, last_line = min(last, P * Q * Cg), min(last_line, N * Ho)
    if first == 0:
        add_pixels(line, last_line, dy, partial_b[part])
    target = partial_k[part]
    columns_each, lanes = F // groups, simd.lanes(x)
    vectors = -(-columns_each // lanes)
    # vectors of dy must not reach into the next group; and many tiles read dy more quickly when it is packed
    packed = columns_each % lanes != 0 or P * Q * Cg >= PACKING_PAYS
    by_tap = Cg >= CHANNELS_FILL
    lines_each = max(1, last_line - line)
    if packed:
        line_bytes = Wo * min(vectors, WIDEST) * lanes * x.itemsize
        lines_each = min(PANEL_BYTES // max(1, line_bytes), LINES_BYTES // max(1, x.shape[2] * x.shape[3] * x.itemsize))
        lines_each = max(1, min(last_line - line, lines_each))
    panel = allocate(lines_each * Wo * min(vectors, WIDEST) * lanes if packed else 0, dy)
    x_starts, y_starts = np.empty(last - first + SPARE, np.int64), np.empty(last - first + SPARE, np.int64)
    runs = np.empty((lines_each, 3), np.int64)
    downs, acrosses = rectangles(vertical, P, by_tap), rectangles(horizontal, Q, by_tap)
    x_flat, dy_flat, zero = x.reshape(-1), dy.reshape(-1), np.int64(0)  # a plain 0 would be a type of its own
    whole = by_tap and downs[:, 1].sum() == P and acrosses[:, 1].sum() == Q  # each tap in one rectangle: it can begin
    start = np.zeros(F + WIDEST * lanes, x.dtype)
    # a tile that no rectangle begins adds to what is there: it must find zeros
    if not (whole and line < last_line):
        target[first * F : last * F] = 0
    for begin in range(line, last_line, lines_each):
        end = min(begin + lines_each, last_line)
        for index in range(groups * _block_count(vectors)):
            g = index // _block_count(vectors)
            vector, vecs = _block(vectors, index % _block_count(vectors))
            f = g * columns_each + vector * lanes
            valid = min(vecs * lanes, (g + 1) * columns_each - f)
            source, place = (x_flat, x_starts, g * Cg, stride * x.shape[3]), (dy_flat, begin * Wo * F + f, F)
            if packed:
                copy_rows(vecs, dy_flat, begin * Wo * F + f, F, (end - begin) * Wo, valid, panel, 0)
                place = (panel, zero, vecs * lanes)
            for a in range(downs.shape[0]):
                for b in range(acrosses.shape[0]):
                    steps = list_lines(begin, end, downs[a], acrosses[b], x, dy, stride, runs)
                    count = list_weights(
                        first, last, downs[a], acrosses[b], x, dk, vertical.move, horizontal.move, x_starts, y_starts
                    )
                    fresh = whole and begin == line
                    if count and (steps or fresh):
                        sum_block(vecs, source, place, start, (target, y_starts, f, valid), runs[:steps], count, fresh)


@jit(inner=True)
def _block_count(vectors):
    return -(-vectors // WIDEST)


@jit(inner=True)
def _block(vectors, index):
    """Return (first vector, number of vectors) of a block; all about as wide, since a tile of one vector loads most."""
    count = _block_count(vectors)
    first = vectors * index // count
    return first, vectors * (index + 1) // count - first


@jit(inner=True)
def list_weights(first, last, down, across, x, dk, move_down, move_across, x_starts, y_starts):
    """List the rows first..last of dk in a rectangle, by their places in x and in dk; return how many there are."""
    _, Q, Cg, F = dk.shape
    _, _, W, C = x.shape
    count = 0
    for u in range(down[1]):
        for v in range(across[1]):
            term = ((down[0] + u) * Q + across[0] + v) * Cg
            for c in range(max(0, first - term), min(Cg, last - term)):
                x_starts[count] = (u * move_down * W + v * move_across) * C + c
                y_starts[count] = (term + c) * F
                count += 1
    if count:
        fill_spare(x_starts, count)
        fill_spare(y_starts, count)
    return count


@jit(inner=True)
def list_lines(line, last_line, down, across, x, dy, stride, runs):
    """List a rectangle's pixels in the lines line..last_line as runs: (place in x, pixel from `line` on, length)."""
    _, H, W, C = x.shape
    _, Ho, Wo, _ = dy.shape
    count = 0
    for t in range(line, last_line):
        n = t // Ho
        i = t - n * Ho - down[2]
        if 0 <= i < down[3]:
            at, pixel = ((n * H + down[4] + i * down[5]) * W + across[4]) * C, (t - line) * Wo + across[2]
            # a line that goes on where the last one ended makes its run longer
            if (
                count
                and runs[count - 1, 1] + runs[count - 1, 2] == pixel
                and runs[count - 1, 0] + runs[count - 1, 2] * stride * C == at
            ):
                runs[count - 1, 2] += across[3]
            else:
                runs[count, 0], runs[count, 1], runs[count, 2] = at, pixel, across[3]
                count += 1
    return count


@jit(inner=True)
def add_pixels(line, last_line, dy, total):
    """Compute total[f] = the sum of dy over the lines line..last_line: db's share.

    A tile's row r holds every PHASES-th pixel from the r-th on, so that no addition waits for the one before.
    """
    N, Ho, Wo, F = dy.shape
    first, pixels = line * Wo, max(0, min(last_line, N * Ho) - line) * Wo
    flat, empty, zero = dy.reshape(-1), simd.low_tile(dy, 1, PHASES), np.int64(0)
    ones, zeros = np.ones(simd.lanes(dy), dy.dtype), np.zeros(simd.lanes(dy), dy.dtype)
    sums = np.empty(PHASES * simd.lanes(dy), dy.dtype)
    starts, targets, run = np.empty(SPARE, np.int64), np.empty(SPARE, np.int64), np.zeros((1, 3), np.int64)
    for r in range(SPARE):
        starts[r], targets[r] = r % PHASES * F, r % PHASES * simd.lanes(dy)
    run[0, 2] = pixels // PHASES
    for f in range(0, F, simd.lanes(dy)):
        count = min(simd.lanes(dy), F - f)
        source, panel = (flat, starts, first * F + f, PHASES * F), (ones, zero, zero)
        sum_products(empty, source, panel, zeros, (sums, targets, zero, count), run, PHASES, True)
        for j in range(count):
            total[f + j] = 0
            for r in range(PHASES):
                total[f + j] += sums[r * simd.lanes(dy) + j]
            for t in range(first + pixels // PHASES * PHASES, first + pixels):
                total[f + j] += flat[t * F + f + j]


@jit(inner=True)
def add_parts(partial, total):
    """Compute total[e] = partial[0, e] + partial[1, e] + ..., in this order."""
    if total.size <= PIECE:
        _add_piece(partial, total, 0, total.size)
    else:
        _add_pieces(partial, total)


@jit(inner=True, parallel=True)
def _add_pieces(partial, total):
    for piece in numba.prange(-(-total.size // PIECE)):
        _add_piece(partial, total, piece * PIECE, min(total.size, (piece + 1) * PIECE))


@jit(inner=True)
def _add_piece(partial, total, first, last):
    for e in range(first, last):
        total[e] = partial[0, e]
    for part in range(1, partial.shape[0]):
        for e in range(first, last):
            total[e] += partial[part, e]
