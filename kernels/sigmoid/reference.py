"""Formula (2) and its derivative, number by number in float64, to be read beside README.md."""

import math

import numpy as np


def forward(x):
    """f(x) = 1 / (1 + exp(-x)), the document's formula (2).

    x any shape  ->  y the same shape, float64.  For x < 0 the fraction is expanded by exp(x): exp(-x) could overflow.
    """
    y = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        v = float(x[i])
        # lesson: sigmoid.forward
        y[i] = math.exp(v) / (1 + math.exp(v)) if v < 0 else 1 / (1 + math.exp(-v))
    return y


def backward(dy, y):
    """f' = f (1 - f), so dx = dy * y * (1 - y);   dy, y any one shape  ->  dx that shape, float64."""
    dx = np.zeros(y.shape)
    for i in np.ndindex(y.shape):
        # lesson: sigmoid.data
        dx[i] = float(dy[i]) * float(y[i]) * (1 - float(y[i]))
    return dx
