"""What stands beside the register tiles: parts of sums added in their order, and weights transposed."""

from numba import int32, int64

from kernels.cuda.vectors import cuda, load4, store4
from kernels.device import launch

TILE, LINES = 32, 8
PITCH = TILE + 1  # rows of a square that is read by columns: no two of a column in one bank


def add_parts(parts, count, out, bias=None):
    """Compute out = part 0 + part 1 + ..., in this order, + bias. parts: `count` arrays of out's size in a row."""
    filters = out.shape[-1]
    addend = out if bias is None else bias
    whole = out.size % 4 == 0 and filters % 4 == 0
    kernel, each = (_add_fours, 4) if whole else (_add_ones, 1)
    blocks = -(-out.size // (each * 256))
    launch(
        kernel, blocks, 256, parts, int32(count), addend.reshape(-1), int32(filters), bias is not None, out.reshape(-1)
    )


def transpose(k, out, taps, groups):
    """Write out[(v, f), (g, c)] = k[tap v, c, (g, f)]: a correlation's kernel as its gradient reads it.

    k (P, Q, Cg, F); taps = (first, step, count) down and the same across, of k's P and Q; out has count * count taps.
    """
    (p, dp, down), (q, dq, across) = taps
    _, Q, Cg, F = k.shape
    blocks = (-(-F // TILE), -(-Cg // TILE), down * across)
    places = tuple(int32(n) for n in (p, dp, q, dq, across, Q, Cg, F // groups, F, Cg * groups))
    launch(_transpose, blocks, (TILE, LINES), k.reshape(-1), places, out.reshape(-1))


@cuda.jit
def _add_ones(parts, count, bias, filters, biased, out):
    i = cuda.grid(1)
    if i < out.size:
        total = parts[i]
        for n in range(1, count):
            total += parts[i + n * out.size]
        if biased:
            total += bias[i % filters]
        out[i] = total


@cuda.jit
def _add_fours(parts, count, bias, filters, biased, out):
    i = 4 * cuda.grid(1)
    if i < out.size:
        t0, t1, t2, t3 = load4(parts, i)
        for n in range(1, count):
            v0, v1, v2, v3 = load4(parts, i + n * out.size)
            t0 += v0
            t1 += v1
            t2 += v2
            t3 += v3
        if biased:
            v0, v1, v2, v3 = load4(bias, i % filters)
            t0 += v0
            t1 += v1
            t2 += v2
            t3 += v3
        store4(out, i, t0, t1, t2, t3)


@cuda.jit
def _transpose(k, places, out):
    p, dp, q, dq, across, Q, Cg, Fg, F, C = places
    square = cuda.shared.array((TILE, PITCH), k.dtype)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    f, c = cuda.blockIdx.x * TILE + x, cuda.blockIdx.y * TILE
    tap = cuda.blockIdx.z
    source = ((p + tap // across * dp) * Q + q + tap % across * dq) * Cg
    for line in range(y, TILE, LINES):
        if f < F and c + line < Cg:
            square[line, x] = k[int64(source + c + line) * F + f]
    cuda.syncthreads()
    f, c = cuda.blockIdx.x * TILE, c + x
    for line in range(y, TILE, LINES):
        if f + line < F and c < Cg:
            group = (f + line) // Fg
            out[int64(tap * Fg + f + line - group * Fg) * C + group * Cg + c] = square[x, line]
