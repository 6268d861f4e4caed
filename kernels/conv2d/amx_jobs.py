"""Convolutions as sums over planes: padding, stride and dilation turned into places, once for each shape.

A plane holds some of the source's pixels, zeros included, line after line, `pitch` pixels each. On it neighbouring
results read neighbouring pixels: result (i,j) of a job reads pixel (i + row) * pitch + j + column of a tap's plane. So
16 results in a line read 16 pixels in one piece, whatever the stride, and a tap only moves where the piece begins.

forward with stride s has one job and s*s planes, of every s-th line and column. backward_data has one plane and s*s
jobs, of every s-th line and column of dx: those share their taps.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

TAP, PLANE, ROW, COLUMN = range(4)  # the columns of `taps`


class Job(NamedTuple):
    """Results of the same taps, and the planes that they read."""

    taps: np.ndarray  # a line for each: its number in the kernel, its plane, and how far it moves down and across
    planes: np.ndarray  # a line for each: the source's line and column of its first pixel, which may be outside
    halo: int  # how many more lines than results a plane has
    pitch: int  # of its lines
    step_down: int  # of the source, from line to line of a plane
    step_across: int
    first_down: int  # the first result's line in y
    first_across: int
    apart_down: int  # in y, from result to result
    apart_across: int
    count_down: int  # of results
    count_across: int


@lru_cache(maxsize=1024)
def forward_job(kernel, results, stride, before, dilation):
    """Return forward's job; `kernel` (P,Q), `results` (Ho,Wo), `before` (top, left).

    Padded line s*i + d*p is line i + d*p // s of the plane of lines that leave d*p % s.
    """
    axes = [[divmod(d * p, s) for p in range(count)] for count, s, d in zip(kernel, stride, dilation, strict=True)]
    phases = sorted({(a, b) for _, a in axes[0] for _, b in axes[1]})
    planes = [(a - before[0], b - before[1]) for a, b in phases]
    taps = [
        (p * kernel[1] + q, phases.index((a, b)), row, column)
        for p, (row, a) in enumerate(axes[0])
        for q, (column, b) in enumerate(axes[1])
    ]
    return _job(taps, planes, stride, results, (0, 0), (1, 1))


@lru_cache(maxsize=1024)
def backward_jobs(kernel, results, stride, before, dilation):
    """Return the jobs of backward_data; `kernel` (P,Q), `results` (H,W) of dx, `before` (top, left).

    Line h = s*t + a - top of dx reads line t + (a - d*p) / s of dy, for the taps p for which that is whole.
    """
    axes = [
        [_class(a, *axis) for a in range(axis[2])]
        for axis in zip(kernel, results, stride, before, dilation, strict=True)
    ]
    jobs = []
    for taps_down, first_down, source_down, count_down in axes[0]:
        for taps_across, first_across, source_across, count_across in axes[1]:
            if not count_down or not count_across or not taps_down or not taps_across:
                continue
            taps = [(p * kernel[1] + q, 0, row, column) for p, row in taps_down for q, column in taps_across]
            counts, first = (count_down, count_across), (first_down, first_across)
            jobs.append(_job(taps, [(source_down, source_across)], (1, 1), counts, first, stride))
    return tuple(jobs)


def _class(a, kernel, size, stride, before, dilation):
    """Return for one axis the taps with their moves, the first result, the line it reads, and how many there are."""
    t = -((a - before) // stride)  # the smallest with s*t + a - top >= 0
    first = stride * t + a - before
    count = max(0, -((first - size) // stride))
    moves = {p: (a - dilation * p) // stride for p in range(kernel) if (a - dilation * p) % stride == 0}
    least = min(moves.values(), default=0)
    return [(p, move - least) for p, move in moves.items()], first, t + least, count


def _job(taps, planes, step, count, first, apart):
    table = np.array(taps, np.int64).reshape(-1, 4)
    halo, reach = (int(table[:, column].max()) for column in (ROW, COLUMN))
    return Job(table, np.array(planes, np.int64), halo, count[1] + reach, *step, *first, *apart, *count)
