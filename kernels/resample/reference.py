"""Weighted sums of places of x, and their gradient: plain loops in float64, to be read beside README.md."""

from itertools import product
from math import prod

import numpy as np


def forward(x, taps, *, fill):
    """Compute y[i,j,..] = sum of u * v * .. * x[h,w,..] over the taps (h,u) of i, (w,v) of j, ..

    x with one entry of taps an axis  ->  y, float64.  Source: ONNX operators Pad, Slice and Resize.
    """
    places = _every_axis(x.shape, taps)
    y = np.zeros([len(axis) for axis in places])
    for i in np.ndindex(y.shape):
        read = [axis[place] for axis, place in zip(places, i, strict=True)]
        total = 0.0 if all(read) else fill
        for pairs in product(*read):
            # lesson: resample.forward
            total += prod(w for _, w in pairs) * float(x[tuple(p for p, _ in pairs)])
        y[i] = total
    return y


def backward(dy, x_shape, taps):
    """Apply the chain rule: a place of x occurs in y with the product of its weights, so it receives dy times that.

    dy of y's shape  ->  dx = x_shape, float64
    """
    places = _every_axis(x_shape, taps)
    dx = np.zeros(x_shape)
    for i in np.ndindex(dy.shape):
        for pairs in product(*(axis[place] for axis, place in zip(places, i, strict=True))):
            # lesson: resample.data
            dx[tuple(p for p, _ in pairs)] += prod(w for _, w in pairs) * float(dy[i])
    return dx


def _every_axis(shape, taps):
    """Return the taps of each axis; one that is left as it is reads its own places."""
    return [tuple(((i, 1.0),) for i in range(n)) if t is None else t for n, t in zip(shape, taps, strict=True)]
