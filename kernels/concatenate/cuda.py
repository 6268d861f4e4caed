"""A thread for each number that is copied, and a launch for each array."""

from math import prod

from numba import int64

from kernels.cuda.vectors import cuda
from kernels.device import launch_flat


def forward(*arrays, axis, out):
    """Copy every array to its place, into out."""
    start, row = 0, prod(out.shape[axis:])
    for x in arrays:
        width = prod(x.shape[axis:])
        launch_flat(_put, x.size, x.reshape(-1), width, start, row, out.reshape(-1))
        start += width


def backward(dy, lengths, *, axis, out):
    """Copy every array's part of dy, into out."""
    start, row = 0, prod(dy.shape[axis:])
    for dx in out:
        width = prod(dx.shape[axis:])
        launch_flat(_take, dx.size, dy.reshape(-1), width, start, row, dx.reshape(-1))
        start += width


@cuda.jit
def _put(x, width, start, row, y):
    e = int64(cuda.grid(1))
    if e < x.size:
        y[e // width * row + start + e % width] = x[e]


@cuda.jit
def _take(dy, width, start, row, dx):
    e = int64(cuda.grid(1))
    if e < dx.size:
        dx[e] = dy[e // width * row + start + e % width]
