"""A thread for each number of the result, which goes through the taps of its four indices."""

from functools import lru_cache

from numba import int64

from kernels import targets
from kernels.cuda.vectors import cuda
from kernels.device import launch_flat
from kernels.resample.taps import tables


def forward(x, taps, *, fill, out):
    """Compute y[i,j,..] = sum of weights * x, into out."""
    _run(x, _on_device(x.target, x.shape, taps, False), fill, out)


def backward(dy, x_shape, taps, *, out):
    """Compute dx[h,w,..] = sum of weights * dy, into out."""
    _run(dy, _on_device(dy.target, x_shape, taps, True), 0.0, out)


@lru_cache(maxsize=256)
def _on_device(target, x_shape, taps, transposed):
    """Return the tables' arrays in the device's memory, copied once."""
    return tuple(targets.to_device(a, target) for table in tables(x_shape, taps, transposed) for a in table)


def _run(x, arrays, fill, y):
    lengths = (1,) * (4 - x.ndim) + x.shape
    sizes = (1,) * (4 - y.ndim) + y.shape
    launch_flat(_resample, y.size, x.reshape(-1), lengths, *arrays, fill, sizes, y.reshape(-1))


@cuda.jit
def _resample(x, n, s0, p0, w0, s1, p1, w1, s2, p2, w2, s3, p3, w3, fill, m, y):
    e = int64(cuda.grid(1))
    if e >= y.size:
        return
    h, i, j, c = e // (m[1] * m[2] * m[3]), e // (m[2] * m[3]) % m[1], e // m[3] % m[2], e % m[3]
    if s0[h] == s0[h + 1] or s1[i] == s1[i + 1] or s2[j] == s2[j + 1] or s3[c] == s3[c + 1]:
        y[e] = fill
        return
    total = -0.0
    for a in range(s0[h], s0[h + 1]):
        for b in range(s1[i], s1[i + 1]):
            for d in range(s2[j], s2[j + 1]):
                line, w = ((p0[a] * n[1] + p1[b]) * n[2] + p2[d]) * n[3], w0[a] * w1[b] * w2[d]
                for f in range(s3[c], s3[c + 1]):
                    total += w * w3[f] * x[line + p3[f]]
    y[e] = total
