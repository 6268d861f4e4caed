"""Group normalisation and its gradient, sum by sum: plain loops in float64, to be read beside README.md."""

import numpy as np


def forward(x, gamma, beta, *, groups=1, epsilon=1e-3):
    """Normalise each group of channels of each sample by itself.

    mean = 1/M * sum x, var = 1/M * sum (x - mean)^2 over the M = P * C/groups numbers of a group
    y = gamma * (x - mean) / sqrt(var + epsilon) + beta

    x (N,P,C)  gamma, beta (C,)  ->  y (N,P,C), mean (N,groups), var (N,groups), float64
    Source: Wu, He, Group Normalization, 2018; groups = 1, P = 1: Ba, Kiros, Hinton, Layer Normalization, 2016.
    """
    N, P, C = x.shape
    D = C // groups
    y, mean, var = np.zeros(x.shape), np.zeros((N, groups)), np.zeros((N, groups))
    for n, g in np.ndindex(N, groups):
        for p, c in np.ndindex(P, D):
            mean[n, g] += float(x[n, p, g * D + c])
        mean[n, g] /= P * D
        for p, c in np.ndindex(P, D):
            d = float(x[n, p, g * D + c]) - mean[n, g]
            var[n, g] += d * d
        var[n, g] /= P * D
    for n, p, c in np.ndindex(x.shape):
        xhat = (float(x[n, p, c]) - mean[n, c // D]) / np.sqrt(var[n, c // D] + epsilon)
        # lesson: groupnorm.forward
        y[n, p, c] = float(gamma[c]) * xhat + float(beta[c])
    return y, mean, var


def backward(dy, x, gamma, mean, var, *, groups=1, epsilon=1e-3):
    """Apply the chain rule, mean and var depending on x as well: README.md derives it.

    xhat = (x - mean) / sqrt(var + epsilon);  dgamma = sum_{n,p} dy * xhat;  dbeta = sum_{n,p} dy
    dx = (dy gamma - 1/M sum dy gamma - xhat/M sum dy gamma xhat) / sqrt(var + epsilon), sums over the group
    dy, x (N,P,C)  gamma (C,)  mean, var (N,groups)  ->  dx (N,P,C), dgamma (C,), dbeta (C,), float64
    """
    N, P, C = x.shape
    D = C // groups
    dx, dgamma, dbeta = np.zeros(x.shape), np.zeros(C), np.zeros(C)
    shares, slopes = np.zeros((N, groups)), np.zeros((N, groups))
    deviation = np.sqrt(var.astype(float) + epsilon)
    for n, p, c in np.ndindex(x.shape):
        xhat = (float(x[n, p, c]) - float(mean[n, c // D])) / deviation[n, c // D]
        dbeta[c] += float(dy[n, p, c])
        # lesson: groupnorm.weights
        dgamma[c] += float(dy[n, p, c]) * xhat
        shares[n, c // D] += float(dy[n, p, c]) * float(gamma[c])
        slopes[n, c // D] += float(dy[n, p, c]) * float(gamma[c]) * xhat
    for n, p, c in np.ndindex(x.shape):
        g = c // D
        xhat = (float(x[n, p, c]) - float(mean[n, g])) / deviation[n, g]
        inner = float(dy[n, p, c]) * float(gamma[c]) - shares[n, g] / (P * D) - xhat * slopes[n, g] / (P * D)
        # lesson: groupnorm.data
        dx[n, p, c] = inner / deviation[n, g]
    return dx, dgamma, dbeta
