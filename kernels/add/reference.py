"""a + b and its gradient: plain loops in float64, to be read beside README.md."""

import numpy as np

from kernels.int8.levels import level_of


def forward(a, b):
    """Compute y[i] = a[i] + b[i] for every index i.   a, b of one shape  ->  y of that shape, float64.

    Source: He, Zhang, Ren, Sun, Deep Residual Learning for Image Recognition, 2016, equation (1).
    """
    y = np.zeros(a.shape)
    for i in np.ndindex(a.shape):
        # lesson: add.forward
        y[i] = float(a[i]) + float(b[i])
    return y


def backward(dy):
    """Apply the chain rule: dy/da = dy/db = 1, so both receive all of dy.   ->  da, db of dy's shape, float64."""
    da, db = np.zeros(dy.shape), np.zeros(dy.shape)
    for i in np.ndindex(dy.shape):
        # lesson: add.data
        da[i] = float(dy[i])
        db[i] = float(dy[i])
    return da, db


def forward_int8(a, b, *, zeros, factors, multiplier, levels):
    """Compute y = level_of(total, multiplier), total = factors[0] * (a - zeros[0]) + factors[1] * (b - zeros[1]).

    a, b int8 of one shape  ->  y int8.  Source: Jacob et al., 2018, A.2, with whole numbers for the ratio of scales.
    """
    y = np.zeros(a.shape, np.int8)
    for i in np.ndindex(a.shape):
        total = factors[0] * (int(a[i]) - zeros[0]) + factors[1] * (int(b[i]) - zeros[1])
        y[i] = level_of(total, multiplier, levels)
    return y
