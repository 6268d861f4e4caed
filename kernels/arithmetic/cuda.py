"""Forward: a thread for each number. Backward: a block for 32 numbers of a gradient, whose warps share the terms."""

from numba import float64, int64

from kernels.arithmetic import formulas
from kernels.arithmetic.broadcast import merge
from kernels.cuda.sums import COLUMNS, ROWS, sum_rows
from kernels.cuda.vectors import cuda
from kernels.device import launch, launch_flat

_value, _slope = cuda.jit(device=True)(formulas.value), cuda.jit(device=True)(formulas.slope)


def forward(a, b, kind, *, out):
    """Compute y[i] = a[i] (kind) b[i], into out."""
    axes = merge("arithmetic", a.shape, b.shape)
    launch_flat(_forward, out.size, formulas.KINDS.index(kind), a.reshape(-1), b.reshape(-1), *axes, out.reshape(-1))


def backward(dy, a, b, kind, *, out):
    """Compute da and db, into out."""
    axes = merge("arithmetic", a.shape, b.shape)
    arrays = dy.reshape(-1), a.reshape(-1), b.reshape(-1)
    for first, steps, result in ((True, axes.a, out[0]), (False, axes.b, out[1])):
        kept = tuple(n if s else 1 for n, s in zip(axes.sizes, steps, strict=True))
        summed = tuple(1 if s else n for n, s in zip(axes.sizes, steps, strict=True))
        blocks = -(-result.size // COLUMNS)
        code = formulas.KINDS.index(kind)
        launch(
            _backward, blocks, (COLUMNS, ROWS), code, first, *arrays, axes.a, axes.b, kept, summed, result.reshape(-1)
        )


@cuda.jit(device=True)
def _split(e, n):
    """Return the four indices of element e of an array of sizes n."""
    return e // (n[1] * n[2] * n[3]), e // (n[2] * n[3]) % n[1], e // n[3] % n[2], e % n[3]


@cuda.jit(device=True)
def _place(at, steps):
    return at[0] * steps[0] + at[1] * steps[1] + at[2] * steps[2] + at[3] * steps[3]


@cuda.jit
def _forward(kind, a, b, n, sa, sb, y):
    e = int64(cuda.grid(1))
    if e < y.size:
        at = _split(e, n)
        y[e] = _value(kind, a[_place(at, sa)], b[_place(at, sb)])


@cuda.jit
def _backward(kind, first, dy, a, b, sa, sb, kept, summed, d):
    """Sum over the `summed` axes; an axis that is kept has length 1 there, and the other way round."""
    tile = cuda.shared.array((ROWS, COLUMNS), float64)
    e = int64(cuda.blockIdx.x) * COLUMNS + cuda.threadIdx.x
    terms = summed[0] * summed[1] * summed[2] * summed[3]
    v = 0.0
    if e < d.size:
        i = _split(e, kept)
        for r in range(int64(cuda.threadIdx.y), terms, ROWS):
            j = _split(r, summed)
            at = i[0] + j[0], i[1] + j[1], i[2] + j[2], i[3] + j[3]
            iy = at[0]
            iy = iy * (kept[1] * summed[1]) + at[1]
            iy = iy * (kept[2] * summed[2]) + at[2]
            iy = iy * (kept[3] * summed[3]) + at[3]
            v += _slope(kind, first, dy[iy], a[_place(at, sa)], b[_place(at, sb)])
    total = sum_rows(v, tile)
    if e < d.size and cuda.threadIdx.y == 0:
        d[e] = total
