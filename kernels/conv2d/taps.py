"""Which taps of the kernel meet the image, along one axis: padding, stride and dilation turned into small tables.

At the border a window hangs over the edge, and the taps outside add nothing. Coordinates with the same list of taps
form a class; all pixels of a class then sum over the same taps, so no zero is ever multiplied and none is tested for.
A list is an arithmetic progression: first, first + step, ..., and from tap to tap the source moves by `move`.
"""

from math import gcd
from typing import NamedTuple

import numpy as np

from kernels.jit import jit

FIRST, COUNT, SOURCE, CLASS = 0, 1, 2, 3  # the columns of an axis table: one line for each coordinate


class Axis(NamedTuple):
    """What a pass knows of one axis of its result: vertical or horizontal."""

    table: np.ndarray  # a line for each coordinate: first tap, number of taps, where the first reads, class
    classes: np.ndarray  # a line for each class: first tap, number of taps
    step: int  # from tap to tap in a class
    move: int  # what that step moves in the source


@jit(inner=True)
def forward_axis(size, source_size, taps, stride, before, dilation):
    """For each output coordinate i the taps p with 0 <= s*i + d*p - before < source_size, and where the first reads.

    -> Axis
    """
    table = np.empty((size, 4), np.int64)
    for i in range(size):
        start = stride * i - before
        first = max(0, -(start // dilation))
        last = min(taps, (source_size - start + dilation - 1) // dilation)
        table[i, FIRST], table[i, COUNT] = first, max(0, last - first)
        table[i, SOURCE] = start + dilation * first
    return Axis(table, _classes(table), np.int64(1), dilation)  # a plain 1 would be a type of its own


@jit(inner=True)
def forward_axes(x, k, y, stride, before, dilation):
    """Return forward_axis down the rows of y and across its columns."""
    vertical = forward_axis(y.shape[1], x.shape[1], k.shape[0], stride[0], before[0], dilation[0])
    return vertical, forward_axis(y.shape[2], x.shape[2], k.shape[1], stride[1], before[1], dilation[1])


@jit(inner=True)
def backward_axes(dy, k, dx, stride, before, dilation):
    """Return backward_axis down the rows of dx and across its columns."""
    vertical = backward_axis(dx.shape[1], dy.shape[1], k.shape[0], stride[0], before[0], dilation[0])
    return vertical, backward_axis(dx.shape[2], dy.shape[2], k.shape[1], stride[1], before[1], dilation[1])


@jit(inner=True)
def backward_axis(size, source_size, taps, stride, before, dilation):
    """For each input coordinate h the taps p through which an output i read it: s*i + d*p - before = h.

    Only every (s / gcd(s, d))-th tap can: the others fall between the stride's steps.
    """
    step = stride // gcd(stride, dilation)
    table = np.empty((size, 4), np.int64)
    for h in range(size):
        first = 0
        while first < step and (h + before - dilation * first) % stride != 0:
            first += 1
        if first == step:  # no tap at all reads this coordinate
            first = taps
        while first < taps and h + before - dilation * first >= stride * source_size:
            first += step
        count, source = 0, 0
        if first < taps:
            source = (h + before - dilation * first) // stride
            count = max(0, min((taps - 1 - first) // step, source // (dilation * step // stride)) + 1)
            if source < 0:
                count = 0
        table[h, FIRST], table[h, COUNT], table[h, SOURCE] = first, count, source
    return Axis(table, _classes(table), step, -(dilation * step // stride))


@jit(inner=True)
def _classes(table):
    """Write the class of each coordinate, counted by first appearance of its (first, count), to table[:, CLASS]."""
    classes = np.empty((table.shape[0], 2), np.int64)
    found = 0
    for i in range(table.shape[0]):
        first, count = table[i, FIRST], table[i, COUNT]
        a = found - 1
        while a >= 0 and not (classes[a, 0] == first and classes[a, 1] == count):
            a -= 1
        if a < 0:
            a = found
            classes[a, 0], classes[a, 1] = first, count
            found += 1
        table[i, CLASS] = a
    return classes[:found]


@jit(inner=True)
def rectangles(axis, taps, by_tap):
    """Return rectangles of taps and coordinates: all pairs in which forward's tap is inside the image, each pair once.

    One for each class of coordinates; by_tap: one for taps side by side that meet the same coordinates.
    A line: first tap, taps, first coordinate, coordinates, where the first of both reads, and on to the next.
    """
    table, classes, _, move = axis
    size = table.shape[0]
    found = np.zeros((max(taps, classes.shape[0]), 6), np.int64)
    count = 0
    for a in range(taps if by_tap else classes.shape[0]):
        first, coordinates = -1, 0
        for i in range(size):
            inside = table[i, FIRST] <= a < table[i, FIRST] + table[i, COUNT] if by_tap else table[i, CLASS] == a
            if inside:
                first = i if first < 0 else first
                coordinates += 1
        tap, taps_here = (a, 1) if by_tap else (classes[a, 0], classes[a, 1])
        if coordinates and taps_here:
            last = found[count - 1]
            if by_tap and count and last[0] + last[1] == tap and last[2] == first and last[3] == coordinates:
                last[1] += 1
            else:
                here = found[count]
                here[0], here[1], here[2], here[3] = tap, taps_here, first, coordinates
                here[4] = table[first, SOURCE] + move * (tap - table[first, FIRST])
                if coordinates > 1:
                    here[5] = table[first + 1, SOURCE] - table[first, SOURCE]
                    here[5] += move * (table[first, FIRST] - table[first + 1, FIRST])
                count += 1
    return found[:count]
