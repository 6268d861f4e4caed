import numpy as np


def forward(x, size, *, stride, **settings):
    N, H, W, C = x.shape
    P, Q = size
    y = np.zeros((N, (H - P) // stride[0] + 1, (W - Q) // stride[1] + 1, C))
    for n, i, j, c in np.ndindex(y.shape):
        window = x[n, stride[0] * i : stride[0] * i + P, stride[1] * j : stride[1] * j + Q, c]
        y[n, i, j, c] = window.astype(float).sum() / (P * Q)
    return y


def backward(dy, x_shape, *, size, stride, **settings):
    dx = np.zeros(x_shape)
    for n, i, j, c in np.ndindex(dy.shape):
        for p, q in np.ndindex(size):
            dx[n, stride[0] * i + p, stride[1] * j + q, c] += float(dy[n, i, j, c]) / (size[0] * size[1])
    return dx
