"""a + b and its gradient: plain loops in float64, to be read beside README.md."""

import numpy as np


def forward(a, b):
    """y[i] = a[i] + b[i] for every index i.   a, b of one shape  ->  y of that shape, float64.

    Source: He, Zhang, Ren, Sun, Deep Residual Learning for Image Recognition, 2016, equation (1).
    """
    y = np.zeros(a.shape)
    for i in np.ndindex(a.shape):
        # lesson: add.forward
        y[i] = float(a[i]) + float(b[i])
    return y


def backward(dy):
    """The chain rule: dy/da = dy/db = 1, so both receive dy whole.   ->  da, db of dy's shape, float64."""
    da, db = np.zeros(dy.shape), np.zeros(dy.shape)
    for i in np.ndindex(dy.shape):
        # lesson: add.data
        da[i] = float(dy[i])
        db[i] = float(dy[i])
    return da, db
