"""Softmax and its gradient, row by row in float64, to be read beside README.md."""

import math

import numpy as np


def forward(x, *, log=False):
    """Compute y[m,k] = exp(x[m,k] - top) / sum_j exp(x[m,j] - top), top = max_j x[m,j].

    x (M,K)  ->  y (M,K), float64.  Subtracting top changes no quotient and keeps exp from overflowing.
    With log: y[m,k] = x[m,k] - top - log sum_j exp(x[m,j] - top).
    Source: Bridle 1990; Goodfellow et al., Deep Learning, 6.2.2.3 and 4.1 (the shift).
    """
    M, K = x.shape
    y = np.zeros((M, K))
    for m in range(M):
        row = [float(v) for v in x[m]]
        top = max(row, default=0.0)
        if any(math.isnan(v) for v in row) or math.isinf(top):
            y[m] = math.nan  # no number, or inf - inf: there is no answer for this row
            continue
        powers = [math.exp(v - top) for v in row]
        total = sum(powers)
        for k in range(K):
            if log:
                # lesson: log_softmax.forward
                y[m, k] = row[k] - top - math.log(total)
            else:
                # lesson: softmax.forward
                y[m, k] = powers[k] / total
    return y


def backward(dy, y, *, log=False):
    """Compute dx[m,k] = y[m,k] * (dy[m,k] - sum_j dy[m,j] * y[m,j]);   dy, y (M,K)  ->  dx (M,K), float64.

    With log: dx[m,k] = dy[m,k] - exp(y[m,k]) * sum_j dy[m,j].
    """
    if log:
        return log_backward(dy, y)
    M, K = y.shape
    dx = np.zeros((M, K))
    for m in range(M):
        mean = 0.0  # of dy under the probabilities y
        for j in range(K):
            mean += float(dy[m, j]) * float(y[m, j])
        for k in range(K):
            # lesson: softmax.data
            dx[m, k] = float(y[m, k]) * (float(dy[m, k]) - mean)
    return dx


def log_backward(dy, y):
    """Compute dx[m,k] = dy[m,k] - exp(y[m,k]) * sum_j dy[m,j]: each score moves its own y, and the row's sum all."""
    M, K = y.shape
    dx = np.zeros((M, K))
    for m in range(M):
        total = sum(float(v) for v in dy[m])
        for k in range(K):
            # lesson: log_softmax.data
            dx[m, k] = float(dy[m, k]) - math.exp(y[m, k]) * total
    return dx
