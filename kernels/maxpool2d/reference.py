"""The maximum of every window, and the way back for its gradient: plain loops, to be read beside README.md."""

import numpy as np


def forward(x, size, *, stride, padding=((0, 0), (0, 0))):
    """Compute y[n,i,j,c] = max_{p,q} x[n, s*i + p - top, s*j + q - left, c];  argmax = p*Q + q of the first maximum.

    x (N,H,W,C)  ->  y (N,Ho,Wo,C) float64, argmax (N,Ho,Wo,C) unsigned.  A pixel outside the image is -inf:
    it is never the maximum. A NaN is larger than everything, so that it is not lost.
    Source: Goodfellow et al., Deep Learning, 9.3.
    """
    N, H, W, C = x.shape
    P, Q = size
    Ho = (H + sum(padding[0]) - P) // stride[0] + 1
    Wo = (W + sum(padding[1]) - Q) // stride[1] + 1
    y = np.zeros((N, Ho, Wo, C))
    argmax = np.zeros((N, Ho, Wo, C), np.min_scalar_type(P * Q - 1))
    for n, i, j, c in np.ndindex(N, Ho, Wo, C):
        largest = None
        for p, q in np.ndindex(P, Q):
            h = stride[0] * i + p - padding[0][0]
            w = stride[1] * j + q - padding[1][0]
            if 0 <= h < H and 0 <= w < W:
                v = float(x[n, h, w, c])
                # lesson: maxpool2d.forward
                if largest is None or v > largest or (np.isnan(v) and not np.isnan(largest)):
                    largest = v
                    argmax[n, i, j, c] = p * Q + q
        y[n, i, j, c] = largest
    return y, argmax


def backward(dy, argmax, x_shape, *, size, stride, padding=((0, 0), (0, 0))):
    """Apply the chain rule: y is a copy of one pixel, which alone receives dy; windows that share it add up.

    dx[n, s*i + p - top, s*j + q - left, c] += dy[n,i,j,c]   with p, q = divmod(argmax[n,i,j,c], Q)
    dy, argmax (N,Ho,Wo,C)  ->  dx = x_shape (N,H,W,C), float64
    """
    _, H, W, _ = x_shape
    dx = np.zeros(x_shape)
    for n, i, j, c in np.ndindex(dy.shape):
        p, q = divmod(int(argmax[n, i, j, c]), size[1])
        h = stride[0] * i + p - padding[0][0]
        w = stride[1] * j + q - padding[1][0]
        if 0 <= h < H and 0 <= w < W:
            # lesson: maxpool2d.data
            dx[n, h, w, c] += float(dy[n, i, j, c])
    return dx


def forward_int8(x, size, *, stride, padding=((0, 0), (0, 0))):
    """Compute the largest level of every window.   x (N,H,W,C) int8  ->  y (N,Ho,Wo,C) int8."""
    return forward(x, size, stride=stride, padding=padding)[0].astype(np.int8)
