"""Arrays put together along an axis, and taken apart: plain loops in float64, to be read beside README.md."""

import numpy as np


def forward(*arrays, axis):
    """Compute y[.., start + i, ..] = x[.., i, ..] for every array x, whose part of the axis begins at start.

    Source: Ronneberger, Fischer, Brox, U-Net, 2015, section 2.
    """
    shape = list(arrays[0].shape)
    shape[axis] = sum(x.shape[axis] for x in arrays)
    y, start = np.zeros(shape), 0
    for x in arrays:
        for i in np.ndindex(x.shape):
            # lesson: concatenate.forward
            y[_moved(i, axis, start)] = float(x[i])
        start += x.shape[axis]
    return y


def backward(dy, lengths, *, axis):
    """Apply the chain rule: each number occurs in y once, with the factor 1, so it receives dy from there."""
    parts, start = [], 0
    for length in lengths:
        shape = list(dy.shape)
        shape[axis] = length
        dx = np.zeros(shape)
        for i in np.ndindex(dx.shape):
            # lesson: concatenate.data
            dx[i] = float(dy[_moved(i, axis, start)])
        parts.append(dx)
        start += length
    return tuple(parts)


def _moved(index, axis, start):
    return (*index[:axis], index[axis] + start, *index[axis + 1 :])
