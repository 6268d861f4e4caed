"""Formula (3) and its gradient, element by element in float64, to be read beside README.md."""

import numpy as np


def forward(y, yhat, weights=None):
    """L = 1/N sum_{i=1}^N w_i * (y_i - yhat_i)^2, the document's formula (3) where every w_i is 1.

    y, yhat any one shape  weights (B,), one a sample (first axis)  ->  L, float64;  N = number of elements
    """
    total = 0.0
    for i in np.ndindex(yhat.shape):
        w = 1.0 if weights is None else float(weights[i[0]])
        difference = float(y[i]) - float(yhat[i])
        # lesson: mse.forward
        total += w * difference * difference
    return np.float64(total / yhat.size)


def backward(y, yhat, weights=None):
    """dL/dyhat_i = 2 w_i (yhat_i - y_i) / N;   ->  dyhat, yhat's shape, float64."""
    dyhat = np.zeros(yhat.shape)
    for i in np.ndindex(yhat.shape):
        w = 1.0 if weights is None else float(weights[i[0]])
        # lesson: mse.data
        dyhat[i] = 2 * w * (float(yhat[i]) - float(y[i])) / yhat.size
    return dyhat
