"""The default: conv2d's kernels with the passes exchanged. Its data gradient is this operation's forward pass."""

import numba
import numpy as np

from kernels.conv2d import cpu as conv2d
from kernels.jit import jit

SMALL = 32_768  # elements below which one thread is quicker
LANES = 64  # filters of dy that are summed side by side


def forward(x, k, b, *, stride, padding, output_padding, dilation, groups, out):
    """Compute y, into out: conv2d's data gradient of x, and the bias."""
    # lesson: conv2dtranspose.forward
    conv2d.backward_data(x, k, out.shape, stride=stride, padding=padding, dilation=dilation, groups=groups, out=out)
    if b is not None:
        (_add_serial if out.size < SMALL else _add_parallel)(b, out.reshape(-1, len(b)))


def backward_data(dy, k, x_shape, *, stride, padding, output_padding, dilation, groups, out):
    """Compute dx, into out: a convolution of dy."""
    # lesson: conv2dtranspose.data
    conv2d.forward(dy, k, None, stride=stride, padding=padding, dilation=dilation, groups=groups, out=out)


def backward_weights(x, dy, k_shape, *, stride, padding, output_padding, dilation, groups, out):
    """Compute dk and db, into out: conv2d's weight gradient with x and dy exchanged."""
    dk, db = out
    both, settings = (dk, np.empty(k_shape[3], dk.dtype)), {"stride": stride, "padding": padding, "dilation": dilation}
    # lesson: conv2dtranspose.weights
    conv2d.backward_weights(dy, x, k_shape, **settings, groups=groups, out=both)
    (_sum_serial if dy.size < SMALL else _sum_parallel)(dy.reshape(-1, len(db)), db)


@jit(parallel=True)
def _add_parallel(b, y):
    for m in numba.prange(y.shape[0]):
        for f in range(y.shape[1]):
            y[m, f] += b[f]


@jit()
def _add_serial(b, y):
    for m in range(y.shape[0]):
        for f in range(y.shape[1]):
            y[m, f] += b[f]


@jit(parallel=True)
def _sum_parallel(dy, db):
    for t in numba.prange((db.size + LANES - 1) // LANES):
        _sum_part(np.int64(t) * LANES, dy, db)


@jit()
def _sum_serial(dy, db):
    for t in range((db.size + LANES - 1) // LANES):
        _sum_part(t * LANES, dy, db)


@jit(inner=True)
def _sum_part(start, dy, db):
    """Sum up to LANES columns in float64, row by row: in float32 a sum far above its terms would swallow them."""
    stop = min(start + LANES, db.size)
    total = np.zeros(LANES)
    for m in range(dy.shape[0]):
        for f in range(start, stop):
            total[f - start] += dy[m, f]
    for f in range(start, stop):
        db[f] = total[f - start]
