"""Batch normalisation and its gradient, sum by sum: plain loops in float64, to be read beside README.md."""

import numpy as np


def forward(x, gamma, beta, *, epsilon=1e-3):
    """mean = 1/M * sum_m x, var = 1/M * sum_m (x - mean)^2, y = gamma * (x - mean) / sqrt(var + epsilon) + beta.

    x (M,C)  gamma, beta (C,)  ->  y (M,C), mean (C,), var (C,), float64.  Each channel by itself.
    Source: Ioffe, Szegedy, Batch Normalization, 2015, algorithm 1.
    """
    M, C = x.shape
    mean, var = np.zeros(C), np.zeros(C)
    for c in range(C):
        for m in range(M):
            mean[c] += float(x[m, c])
        mean[c] /= M
        for m in range(M):
            d = float(x[m, c]) - mean[c]
            var[c] += d * d
        var[c] /= M
    return inference(x, gamma, beta, mean, var, epsilon=epsilon), mean, var


def inference(x, gamma, beta, mean, var, *, epsilon=1e-3):
    """y[m,c] = gamma[c] * (x[m,c] - mean[c]) / sqrt(var[c] + epsilon) + beta[c].

    x (M,C)  gamma, beta, mean, var (C,)  ->  y (M,C), float64
    """
    y = np.zeros(x.shape)
    for m, c in np.ndindex(x.shape):
        xhat = (float(x[m, c]) - float(mean[c])) / np.sqrt(float(var[c]) + epsilon)
        # lesson: batchnorm.forward, batchnorm_inference.forward, batchnorm_inference.data
        y[m, c] = float(gamma[c]) * xhat + float(beta[c])
    return y


def backward(dy, x, gamma, mean, var, *, epsilon=1e-3):
    """The chain rule, where mean and var depend on x as well: README.md derives it.

    xhat = (x - mean) / sqrt(var + epsilon);  dbeta = sum_m dy;  dgamma = sum_m dy * xhat
    dx = gamma / sqrt(var + epsilon) * (dy - dbeta / M - xhat * dgamma / M)
    dy, x (M,C)  gamma, mean, var (C,)  ->  dx (M,C), dgamma (C,), dbeta (C,), float64
    """
    M, C = x.shape
    dx, dgamma, dbeta = np.zeros((M, C)), np.zeros(C), np.zeros(C)
    for c in range(C):
        deviation = np.sqrt(float(var[c]) + epsilon)
        for m in range(M):
            dbeta[c] += float(dy[m, c])
            # lesson: batchnorm.weights, batchnorm_inference.weights
            dgamma[c] += float(dy[m, c]) * (float(x[m, c]) - float(mean[c])) / deviation
        for m in range(M):
            xhat = (float(x[m, c]) - float(mean[c])) / deviation
            # lesson: batchnorm.data
            dx[m, c] = float(gamma[c]) / deviation * (float(dy[m, c]) - dbeta[c] / M - xhat * dgamma[c] / M)
    return dx, dgamma, dbeta
