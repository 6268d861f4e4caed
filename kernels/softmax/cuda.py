"""A warp a row: its threads take every 32nd class, and find the maximum and the sum by shuffles.

Up to 32 classes a thread has one number, read and written once; of more, the powers are computed again rather than
stored and fetched.
"""

import math

from kernels.cuda.sums import warp_largest, warp_sum
from kernels.cuda.vectors import cuda
from kernels.device import launch_flat


def forward(x, *, log=False, out):
    """Compute y[m,k] = exp(x[m,k] - max) / sum_j exp(x[m,j] - max), or its logarithm, into out."""
    if x.size:
        launch_flat(_forward_log if log else _forward, 32 * len(x), x, out)


def backward(dy, y, *, log=False, out):
    """Compute dx[m,k] = y[m,k] * (dy[m,k] - sum_j dy[m,j] * y[m,j]), or with log dy - exp(y) * sum_j dy, into out."""
    if y.size:
        launch_flat(_backward_log if log else _backward, 32 * len(y), dy, y, out)


@cuda.jit(device=True)
def _top_and_total(x, m, lane):
    """Return a row's largest score, and the sum of its powers after the shift, to every thread of the warp."""
    K = x.shape[1]
    top = x.dtype.type(-math.inf)
    for k in range(lane, K, 32):
        top = x[m, k] if x[m, k] > top else top
    top = warp_largest(top)
    total = x.dtype.type(0)
    for k in range(lane, K, 32):
        total += math.exp(x[m, k] - top)  # a NaN that the maximum passed over is still here
    return top, warp_sum(total)


@cuda.jit
def _forward(x, y):
    m, lane = cuda.grid(1) // 32, cuda.grid(1) % 32
    M, K = x.shape
    if m >= M:  # the whole warp
        return
    top, total = _top_and_total(x, m, lane)
    for k in range(lane, K, 32):
        y[m, k] = math.exp(x[m, k] - top) / total


@cuda.jit
def _forward_log(x, y):
    m, lane = cuda.grid(1) // 32, cuda.grid(1) % 32
    M, K = x.shape
    if m >= M:  # the whole warp
        return
    top, total = _top_and_total(x, m, lane)
    logarithm = math.log(total)
    for k in range(lane, K, 32):
        y[m, k] = x[m, k] - top - logarithm


@cuda.jit
def _backward(dy, y, dx):
    m, lane = cuda.grid(1) // 32, cuda.grid(1) % 32
    M, K = y.shape
    if m >= M:  # the whole warp
        return
    mean = y.dtype.type(0)
    for k in range(lane, K, 32):
        mean += dy[m, k] * y[m, k]
    mean = warp_sum(mean)
    for k in range(lane, K, 32):
        dx[m, k] = y[m, k] * (dy[m, k] - mean)


@cuda.jit
def _backward_log(dy, y, dx):
    m, lane = cuda.grid(1) // 32, cuda.grid(1) % 32
    M, K = y.shape
    if m >= M:  # the whole warp
        return
    total = y.dtype.type(0)
    for k in range(lane, K, 32):
        total += dy[m, k]
    total = warp_sum(total)
    for k in range(lane, K, 32):
        dx[m, k] = dy[m, k] - math.exp(y[m, k]) * total
