"""The mean over the whole image and its gradient: plain loops in float64, to be read beside README.md."""

import numpy as np

from kernels.int8.levels import level_of


def forward(x):
    """Compute y[n,c] = 1/(H*W) * sum_{h,w} x[n,h,w,c].

    x (N,H,W,C)  ->  y (N,C), float64.  Source: Lin, Chen, Yan, Network In Network, 2014, 3.2.
    """
    N, H, W, C = x.shape
    y = np.zeros((N, C))
    for n, c in np.ndindex(N, C):
        total = 0.0
        for h, w in np.ndindex(H, W):
            # lesson: globalavgpool.forward
            total += float(x[n, h, w, c])
        y[n, c] = total / (H * W)
    return y


def backward(dy, x_shape):
    """Apply the chain rule: every pixel occurs in y with the factor 1/(H*W), so each receives the same share.

    dx[n,h,w,c] = dy[n,c] / (H*W).   dy (N,C)  ->  dx = x_shape (N,H,W,C), float64
    """
    N, H, W, C = x_shape
    dx = np.zeros(x_shape)
    for n, h, w, c in np.ndindex(N, H, W, C):
        # lesson: globalavgpool.data
        dx[n, h, w, c] = float(dy[n, c]) / (H * W)
    return dx


def forward_int8(x, *, x_zero, multiplier, levels):
    """Compute y = level_of(total, multiplier / (H*W)), total the exact sum of x - x_zero over the image."""
    N, H, W, C = x.shape
    y = np.zeros((N, C), np.int8)
    for n, c in np.ndindex(N, C):
        total = sum(int(x[n, h, w, c]) - x_zero for h, w in np.ndindex(H, W))
        y[n, c] = level_of(total, np.float32(multiplier) / np.float32(H * W), levels)
    return y
