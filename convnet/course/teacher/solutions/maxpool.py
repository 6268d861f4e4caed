import numpy as np


def forward(x, size, *, stride, **settings):
    N, H, W, C = x.shape
    P, Q = size
    y = np.zeros((N, (H - P) // stride[0] + 1, (W - Q) // stride[1] + 1, C), x.dtype)
    argmax = np.zeros(y.shape, int)
    for n, i, j, c in np.ndindex(y.shape):
        window = x[n, stride[0] * i : stride[0] * i + P, stride[1] * j : stride[1] * j + Q, c]
        y[n, i, j, c], argmax[n, i, j, c] = window.max(), window.argmax()
    return y, argmax


def backward(dy, argmax, x_shape, *, size, stride, **settings):
    dx = np.zeros(x_shape)
    for n, i, j, c in np.ndindex(dy.shape):
        p, q = divmod(int(argmax[n, i, j, c]), size[1])
        dx[n, stride[0] * i + p, stride[1] * j + q, c] += dy[n, i, j, c]
    return dx
