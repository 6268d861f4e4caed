"""The default: all cores. Both arrays are walked in four merged axes, so the inner loop has one step through each.

backward turns round: each number of da gathers from every number of dy that read it, so it has one writer and its
terms have one order, whatever the number of threads. Sums are in float64: in float32 a sum far above its terms would
swallow them. A small array stays on one thread (starting the others takes microseconds): the same rows, the same bits.
"""

import numba
import numpy as np

from kernels.arithmetic import formulas
from kernels.arithmetic.broadcast import merge
from kernels.jit import jit

SMALL = 32_768  # elements of y below which one thread is quicker
LANES = 64  # neighbouring numbers that are summed side by side

_value, _slope = jit()(formulas.value), jit()(formulas.slope)


def forward(a, b, kind, *, out):
    """Compute y[i] = a[i] (kind) b[i], into out."""
    axes = merge("arithmetic", a.shape, b.shape)
    run = _forward_serial if out.size < SMALL else _forward_parallel
    run(formulas.KINDS.index(kind), a.reshape(-1), b.reshape(-1), *axes, out.reshape(-1))


def backward(dy, a, b, kind, *, out):
    """Compute da and db, into out."""
    axes = merge("arithmetic", a.shape, b.shape)
    run = _backward_serial if dy.size < SMALL else _backward_parallel
    arrays = dy.reshape(-1), a.reshape(-1), b.reshape(-1)
    for first, steps, result in ((True, axes.a, out[0]), (False, axes.b, out[1])):
        run(formulas.KINDS.index(kind), first, *arrays, *axes, steps, result.reshape(-1))


@jit(parallel=True)
def _forward_parallel(kind, a, b, n, sa, sb, y):
    for t in numba.prange(n[0] * n[1] * n[2]):
        _forward_row(kind, np.int64(t), a, b, n, sa, sb, y)


@jit()
def _forward_serial(kind, a, b, n, sa, sb, y):
    for t in range(n[0] * n[1] * n[2]):
        _forward_row(kind, t, a, b, n, sa, sb, y)


@jit(inner=True)
def _forward_row(kind, t, a, b, n, sa, sb, y):
    """Compute the row t of y's last axis."""
    i, j, k = t // (n[1] * n[2]), t // n[2] % n[1], t % n[2]
    ia, ib = i * sa[0] + j * sa[1] + k * sa[2], i * sb[0] + j * sb[1] + k * sb[2]
    for m in range(n[3]):
        # lesson: arithmetic.forward
        y[t * n[3] + m] = _value(kind, a[ia + m * sa[3]], b[ib + m * sb[3]])


@jit(parallel=True)
def _backward_parallel(kind, first, dy, a, b, n, sa, sb, steps, d):
    for t in numba.prange(_rows(n, steps)):
        _backward_part(kind, first, np.int64(t), dy, a, b, n, sa, sb, steps, d)


@jit()
def _backward_serial(kind, first, dy, a, b, n, sa, sb, steps, d):
    for t in range(_rows(n, steps)):
        _backward_part(kind, first, t, dy, a, b, n, sa, sb, steps, d)


@jit(inner=True)
def _rows(n, steps):
    """Return how many parts of at most LANES neighbours the gradient has."""
    count = (n[3] + LANES - 1) // LANES if steps[3] else 1
    for axis in range(3):
        count *= n[axis] if steps[axis] else 1
    return count


@jit(inner=True)
def _backward_part(kind, first, t, dy, a, b, n, sa, sb, steps, d):
    """Compute up to LANES neighbours of the gradient: the axes that have no step in it are summed over."""
    parts = (n[3] + LANES - 1) // LANES if steps[3] else 1
    row, start = t // parts, t % parts * LANES
    k0, k1, k2 = n[0] if steps[0] else 1, n[1] if steps[1] else 1, n[2] if steps[2] else 1
    i0, j0, l0 = row // (k1 * k2), row // k2 % k1, row % k2
    width = min(LANES, n[3] - start) if steps[3] else 1
    total = np.zeros(LANES)
    for i in range(i0, i0 + n[0] // k0):
        for j in range(j0, j0 + n[1] // k1):
            for k in range(l0, l0 + n[2] // k2):
                iy = ((i * n[1] + j) * n[2] + k) * n[3]
                ia, ib = i * sa[0] + j * sa[1] + k * sa[2], i * sb[0] + j * sb[1] + k * sb[2]
                if steps[3]:
                    for m in range(start, start + width):
                        g = _slope(kind, first, dy[iy + m], a[ia + m * sa[3]], b[ib + m * sb[3]])
                        # lesson: arithmetic.data
                        total[m - start] += g
                else:
                    for m in range(n[3]):
                        total[0] += _slope(kind, first, dy[iy + m], a[ia + m * sa[3]], b[ib + m * sb[3]])
    place = i0 * steps[0] + j0 * steps[1] + l0 * steps[2] + start * steps[3]
    for m in range(width):
        d[place + m] = total[m]
