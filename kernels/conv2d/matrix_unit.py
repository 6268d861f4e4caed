"""The three passes on the matrix unit, by six, three or one product of parts; `cpu_amx*.py` are the variants.

What the unit cannot compute within the variant's bound (kernels/amx/range.py) is computed again by `cpu`, in float32.
"""

import numpy as np

from kernels.amx import processor
from kernels.amx.instructions import TILES
from kernels.amx.range import is_proven
from kernels.amx.split import new_extremes
from kernels.amx.sums import BLOCK, PASSES
from kernels.conv2d import cpu
from kernels.conv2d.amx_jobs import backward_jobs, forward_job
from kernels.conv2d.tiles_amx import correlate, task_count
from kernels.conv2d.tiles_amx_weights import count_units, sum_positions, weights_gradient
from kernels.scheduler import number_of_threads

OP = "conv2d"
_NOTHING = np.zeros(0, np.float32)


def unit(operation, variant):
    """Return what the kernels take as their tiles; RuntimeError if this machine has no matrix unit."""
    processor.require(operation, variant)
    return TILES


def forward(x, k, b, *, stride, padding, dilation, groups, out, variant, products, operation=OP):
    """Compute y[n,i,j,f] = b[f] + sum_{p,q,c} x[n, s*i + d*p - top, s*j + d*q - left, c] * k[p,q,c,f], into out."""
    tiles = check(operation, variant, out)
    settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    if not (x.size and k.size and out.size):
        return cpu.forward(x, k, b, **settings, out=out)
    job = forward_job(k.shape[:2], out.shape[1:3], stride, (padding[0][0], padding[1][0]), dilation)
    bias = _NOTHING if b is None else b
    if not sum_jobs(tiles, products, (job,), x, k, False, bias, groups, out, k.size // k.shape[3]):
        cpu.forward(x, k, b, **settings, out=out)


def backward_data(dy, k, x_shape, *, stride, padding, dilation, groups, out, variant, products, operation=OP):
    """Compute dx[n,h,w,c] = sum of dy[n,i,j,f] * k[p,q,c,f] over the (i,j,p,q,f) that read x[n,h,w,c], into out."""
    tiles = check(operation, variant, out)
    settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    if not (dy.size and k.size and out.size):
        return cpu.backward_data(dy, k, x_shape, **settings, out=out)
    jobs = backward_jobs(k.shape[:2], x_shape[1:3], stride, (padding[0][0], padding[1][0]), dilation)
    if sum(job.count_down * job.count_across for job in jobs) < x_shape[1] * x_shape[2]:
        out.fill(0)  # pixels that no window reads
    terms = k.size // k.shape[2] // groups
    if not sum_jobs(tiles, products, jobs, dy, k, True, _NOTHING, groups, out, terms):
        cpu.backward_data(dy, k, x_shape, **settings, out=out)


def backward_weights(x, dy, k_shape, *, stride, padding, dilation, groups, out, variant, products, operation=OP):
    """Compute dk[p,q,c,f] = sum_{n,i,j} x[...] * dy[n,i,j,f], db[f] = sum_{n,i,j} dy[n,i,j,f], into out = (dk, db)."""
    dk, db = out
    tiles = check(operation, variant, dk)
    settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    if not (x.size and dy.size and dk.size):
        return cpu.backward_weights(x, dy, k_shape, **settings, out=out)
    job = forward_job(k_shape[:2], dy.shape[1:3], stride, (padding[0][0], padding[1][0]), dilation)
    small, large = PASSES[products]
    each, x_units, dy_units = count_units(job, x.shape, dy.shape, groups)
    x_extremes, dy_extremes = new_extremes(x_units), new_extremes(dy_units)
    weights_gradient(tiles, small, large, job, each, x, dy, groups, x_extremes, dy_extremes, dk)
    if not is_proven(x_extremes, dy_extremes, dy.size // dy.shape[3]):
        return cpu.backward_weights(x, dy, k_shape, **settings, out=out)
    sum_positions(dy.reshape(-1, dy.shape[3]), db)


def check(operation, variant, out):
    """Return the tiles; ValueError for float64."""
    if out.dtype != np.float32:
        raise ValueError(
            f"{operation}: variant={variant!r} computes in float32 only, got {out.dtype}: use variant='cpu', "
            "or .astype('float32')"
        )
    return unit(operation, variant)


def sum_jobs(tiles, products, jobs, x, k, transposed, b, groups, y, terms):
    """Compute all jobs on tiles or on their model, and return whether the bound is proven for these numbers."""
    small, large = PASSES[products]
    threads = number_of_threads()
    blocks = groups * -(-(k.shape[3] // groups) // BLOCK) * -(-k.shape[2] // BLOCK)
    for job in jobs:
        tasks = task_count(job, x.shape, groups, threads)
        x_extremes, k_extremes = new_extremes(tasks), new_extremes(blocks)
        correlate(tiles, small, large, job, x, k, transposed, b, groups, x_extremes, k_extremes, y)
        if not is_proven(x_extremes, k_extremes, terms):
            return False
    return True
