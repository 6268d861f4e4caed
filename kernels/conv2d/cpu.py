"""The default on the CPU: register tiles (kernels/cpu/simd.py), every core.

Each pass is the same tiled sum (kernels/cpu/tiled_sums.py) with other rows and steps. forward: pixels, and the taps
of a window; backward_data: the same with dy for x (tiles_correlate.py); backward_weights: weights, and the pixels
they touch (tiles_weights.py). Shapes that would fill such tiles badly have files of their own (tiles_*.py). Gain: one
load feeds many multiply-adds, and no sum waits for another.
"""

import numpy as np

from kernels.conv2d.taps import backward_axes, forward_axes
from kernels.conv2d.tiles_correlate import correlate
from kernels.conv2d.tiles_depthwise import depthwise, depthwise_weights
from kernels.conv2d.tiles_depthwise_int8 import depthwise as depthwise_int8
from kernels.conv2d.tiles_int8 import correlate as correlate_int8
from kernels.conv2d.tiles_narrow import LEAST_STEPS, MOST_COLUMNS, correlate_narrow
from kernels.conv2d.tiles_weights import weights_gradient
from kernels.conv2d.tiles_window import correlate_window, fits, pays
from kernels.cpu.simd_window import OUTSIDE
from kernels.jit import jit
from kernels.scheduler import number_of_threads

_NOTHING = {np.dtype(t): np.zeros(0, t) for t in (np.float32, np.float64)}


def forward(x, k, b, *, stride, padding, dilation, groups, out, limits=None):
    """Compute y[n,i,j,f] = b[f] + sum_{p,q,c} x[n, s*i + d*p - top, s*j + d*q - left, c] * k[p,q,c,f], into out.

    limits: of a depthwise convolution's y, an array (low, high).
    """
    bias, before = _NOTHING[x.dtype] if b is None else b, (padding[0][0], padding[1][0])
    way = forward_way(x.shape[2], out.shape[2], k.shape, stride, padding, dilation, groups, x.itemsize)
    held = _NOTHING[x.dtype] if limits is None else limits
    _FORWARD[way](x, k, bias, held, False, stride, before, dilation, groups, number_of_threads(), out)


def backward_data(dy, k, x_shape, *, stride, padding, dilation, groups, out):
    """Compute dx[n,h,w,c] = sum of dy[n,i,j,f] * k[p,q,c,f] over the (i,j,p,q,f) that read x[n,h,w,c], into out."""
    nothing, before = _NOTHING[dy.dtype], (padding[0][0], padding[1][0])
    way = backward_data_way(x_shape[2], dy.shape[2], k.shape, stride, padding, dilation, groups, dy.itemsize)
    _BACKWARD_DATA[way](dy, k, nothing, nothing, True, stride, before, dilation, groups, number_of_threads(), out)


def backward_weights(x, dy, k_shape, *, stride, padding, dilation, groups, out):
    """Compute dk[p,q,c,f] = sum_{n,i,j} x[...] * dy[n,i,j,f], db[f] = sum_{n,i,j} dy[n,i,j,f], into out = (dk, db)."""
    run = _depthwise_weights if is_depthwise(k_shape, groups) else _backward_weights
    run(x, dy, stride, (padding[0][0], padding[1][0]), dilation, groups, number_of_threads(), *out)


def forward_int8(x, k, b, multiplier, *, x_zero, levels, stride, padding, dilation, groups, out):
    """Compute y[n,i,j,f] = the level, or the number, of multiplier[f] * (b[f] + sum (x - x_zero) * k), into out."""
    bias = np.zeros(k.shape[3], np.int32) if b is None else b
    settings = (tuple(levels or (0, 0, 0)), stride, (padding[0][0], padding[1][0]), dilation, groups)
    run = depthwise_int8 if is_depthwise(k.shape, groups) else correlate_int8
    run(x, k, bias, multiplier, x_zero, *settings, number_of_threads(), out)


def is_depthwise(k_shape, groups):
    """Return whether each group has one channel and one filter, so that channels do not mix."""
    return k_shape[2] == 1 and k_shape[3] == groups


def forward_way(W, Wo, k_shape, stride, padding, dilation, groups, itemsize):
    """Return which of the files tiles_*.py computes it: "narrow", "window", "depthwise", or "correlate" for most."""
    near = fits(Wo, W, k_shape[1], -padding[1][0], stride[1], dilation[1])
    return _way(k_shape[3] // groups, k_shape[2], is_depthwise(k_shape, groups), near, itemsize)


def backward_data_way(W, Wo, k_shape, stride, padding, dilation, groups, itemsize):
    """Do the same for backward_data, whose columns are channels and whose steps are filters."""
    near = fits(W, Wo, k_shape[1], padding[1][0] - OUTSIDE, stride[1], dilation[1])
    return _way(k_shape[2], k_shape[3] // groups, is_depthwise(k_shape, groups), near, itemsize)


def _way(columns, steps, depthwise, near, itemsize):
    if columns <= MOST_COLUMNS and steps >= LEAST_STEPS:
        return "narrow"
    if near and pays(columns, steps, itemsize):
        return "window"
    return "depthwise" if depthwise else "correlate"


@jit()
def _forward(x, k, b, limits, transposed, stride, before, dilation, groups, threads, y):
    vertical, horizontal = forward_axes(x, k, y, stride, before, dilation)
    correlate(x, k, transposed, b, y, vertical, horizontal, groups, threads)


@jit()
def _backward_data(dy, k, nothing, limits, transposed, stride, before, dilation, groups, threads, dx):
    vertical, horizontal = backward_axes(dy, k, dx, stride, before, dilation)
    correlate(dy, k, transposed, nothing, dx, vertical, horizontal, groups, threads)


@jit()
def _backward_weights(x, dy, stride, before, dilation, groups, threads, dk, db):
    vertical, horizontal = forward_axes(x, dk, dy, stride, before, dilation)
    weights_gradient(x, dy, dk, db, vertical, horizontal, stride[1], groups, threads)


@jit()
def _depthwise(x, k, b, limits, transposed, stride, before, dilation, groups, threads, y):
    vertical, horizontal = forward_axes(x, k, y, stride, before, dilation)
    depthwise(x, k, b, limits, y, vertical, horizontal, threads)


@jit()
def _depthwise_data(dy, k, nothing, limits, transposed, stride, before, dilation, groups, threads, dx):
    vertical, horizontal = backward_axes(dy, k, dx, stride, before, dilation)
    depthwise(dy, k, nothing, limits, dx, vertical, horizontal, threads)


@jit()
def _depthwise_weights(x, dy, stride, before, dilation, groups, threads, dk, db):
    vertical, horizontal = forward_axes(x, dk, dy, stride, before, dilation)
    depthwise_weights(x, dy, dk, db, vertical, horizontal, stride[1])


@jit()
def _narrow(x, k, b, limits, transposed, stride, before, dilation, groups, threads, y):
    vertical, horizontal = forward_axes(x, k, y, stride, before, dilation)
    correlate_narrow(x, k, transposed, b, y, vertical, horizontal, groups)


@jit()
def _narrow_data(dy, k, nothing, limits, transposed, stride, before, dilation, groups, threads, dx):
    vertical, horizontal = backward_axes(dy, k, dx, stride, before, dilation)
    correlate_narrow(dy, k, transposed, nothing, dx, vertical, horizontal, groups)


@jit()
def _window(x, k, b, limits, transposed, stride, before, dilation, groups, threads, y):
    vertical, horizontal = forward_axes(x, k, y, stride, before, dilation)
    correlate_window(x, k, transposed, b, limits, y, vertical, horizontal, groups, threads)


@jit()
def _window_data(dy, k, nothing, limits, transposed, stride, before, dilation, groups, threads, dx):
    vertical, horizontal = backward_axes(dy, k, dx, stride, before, dilation)
    correlate_window(dy, k, transposed, nothing, limits, dx, vertical, horizontal, groups, threads)


_FORWARD = {"correlate": _forward, "depthwise": _depthwise, "narrow": _narrow, "window": _window}
_BACKWARD_DATA = {
    "correlate": _backward_data, "depthwise": _depthwise_data, "narrow": _narrow_data, "window": _window_data
}  # fmt: skip
