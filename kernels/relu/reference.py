"""max(x, 0) and its derivative, number by number in float64, to be read beside README.md."""

import numpy as np


def forward(x):
    """Compute y = 0 where x <= 0, else x: a NaN stays NaN.   x any shape  ->  y the same shape, float64.

    Source: Nair & Hinton 2010; Glorot, Bordes & Bengio 2011.
    """
    y = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        # lesson: relu.forward
        y[i] = 0.0 if x[i] <= 0 else float(x[i])
    return y


def backward(dy, y):
    """Compute dx = dy where y > 0, else 0: relu'(0) = 0.   dy, y any one shape  ->  dx that shape, float64."""
    dx = np.zeros(y.shape)
    for i in np.ndindex(y.shape):
        # lesson: relu.data
        dx[i] = float(dy[i]) if y[i] > 0 else 0.0
    return dx


def forward_int8(x, *, zero):
    """Compute y = the larger of the level and the level of 0.   x int8, any shape  ->  int8, the same shape."""
    y = np.zeros(x.shape, np.int8)
    for i in np.ndindex(x.shape):
        y[i] = max(int(x[i]), zero)
    return y
