"""The other operations in NumPy's float64, for whole arrays at once: what the timed results are held against.

tests/kernels holds every kernel to the literal `reference`; these say that what was timed is that function too.
"""

from __future__ import annotations

import numpy as np


def relu(x):
    return np.maximum(x, 0)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def softmax_backward(dy, y):
    return y * (dy - (dy * y).sum(-1, keepdims=True))


def windows(x, size):
    """(N,H,W,C) as (N,Ho,Wo,C,size*size): windows that do not overlap; a border that fills none is cut off."""
    N, H, W, C = x.shape
    h, w = H // size, W // size
    x = x[:, : h * size, : w * size].reshape(N, h, size, w, size, C)
    return x.transpose(0, 1, 3, 5, 2, 4).reshape(N, h, w, C, size * size)


def spread(values, x_shape, size):
    """The way back: (N,Ho,Wo,C,size*size) into zeros of x's shape."""
    N, h, w, C, _ = values.shape
    x = np.zeros(x_shape)
    back = values.reshape(N, h, w, C, size, size).transpose(0, 1, 4, 2, 5, 3)
    x[:, : h * size, : w * size] = back.reshape(N, h * size, w * size, C)
    return x


def maxpool(x, size):
    """y and argmax."""
    seen = windows(x, size)
    return seen.max(-1), seen.argmax(-1)


def maxpool_backward(dy, argmax, x_shape, size):
    values = np.zeros((*dy.shape, size * size))
    np.put_along_axis(values, argmax[..., None].astype(int), dy[..., None], -1)
    return spread(values, x_shape, size)


def avgpool_backward(dy, x_shape, size):
    return spread(np.repeat(dy[..., None] / size**2, size * size, -1), x_shape, size)


def batchnorm(x, gamma, beta, epsilon=1e-3):
    """y, mean, var."""
    axes = tuple(range(x.ndim - 1))
    mean, var = x.mean(axes), x.var(axes)
    return gamma * (x - mean) / np.sqrt(var + epsilon) + beta, mean, var


def batchnorm_backward(dy, x, gamma, mean, var, epsilon=1e-3):
    """dx, dgamma, dbeta."""
    axes, scale = tuple(range(x.ndim - 1)), 1 / np.sqrt(var + epsilon)
    xhat = (x - mean) * scale
    dgamma, dbeta = (dy * xhat).sum(axes), dy.sum(axes)
    M = x[..., 0].size
    return gamma * scale * (dy - dbeta / M - xhat * dgamma / M), dgamma, dbeta


def crossentropy(y, z):
    """Sparse labels, logits z (N,K): L and dz."""
    top = z.max(-1, keepdims=True)
    lse = np.log(np.exp(z - top).sum(-1)) + top[:, 0]
    n = np.arange(len(z))
    dz = softmax(z)
    dz[n, y] -= 1
    return np.mean(lse - z[n, y]), dz / len(z)


def adam(p, g, m, v, step, lr=0.001, beta1=0.9, beta2=0.999, epsilon=1e-7):
    """p, m and v after one update."""
    m = m + (g - m) * (1 - beta1)
    v = v + (g * g - v) * (1 - beta2)
    alpha = lr * np.sqrt(1 - beta2**step) / (1 - beta1**step)
    return p - alpha * m / (np.sqrt(v) + epsilon), m, v
