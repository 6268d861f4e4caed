"""The mean of every window and its gradient: plain loops in float64, to be read beside README.md."""

import numpy as np

from kernels.int8.levels import level_of


def forward(x, size, *, stride, padding=((0, 0), (0, 0))):
    """Compute y[n,i,j,c] = 1/R * sum_{p,q} x[n, s*i + p - top, s*j + q - left, c],  R the pixels inside the image.

    x (N,H,W,C)  ->  y (N,Ho,Wo,C), float64.  A pixel outside the image is neither added nor counted.
    Source: LeCun et al., Gradient-based learning applied to document recognition, 1998, II.B (subsampling).
    """
    N, H, W, C = x.shape
    Ho = (H + sum(padding[0]) - size[0]) // stride[0] + 1
    Wo = (W + sum(padding[1]) - size[1]) // stride[1] + 1
    y = np.zeros((N, Ho, Wo, C))
    for n, i, j, c in np.ndindex(N, Ho, Wo, C):
        pixels = _pixels(i, j, (H, W), size, stride, padding)
        total = 0.0
        for h, w in pixels:
            # lesson: avgpool2d.forward
            total += float(x[n, h, w, c])
        y[n, i, j, c] = total / len(pixels)
    return y


def backward(dy, x_shape, *, size, stride, padding=((0, 0), (0, 0))):
    """Apply the chain rule: every pixel of the window occurs in y with the factor 1/R, so each receives dy/R.

    dx[n,h,w,c] += dy[n,i,j,c] / R   for every pixel (h,w) of window (i,j)
    dy (N,Ho,Wo,C)  ->  dx = x_shape (N,H,W,C), float64
    """
    _, H, W, _ = x_shape
    dx = np.zeros(x_shape)
    for n, i, j, c in np.ndindex(dy.shape):
        pixels = _pixels(i, j, (H, W), size, stride, padding)
        for h, w in pixels:
            # lesson: avgpool2d.data
            dx[n, h, w, c] += float(dy[n, i, j, c]) / len(pixels)
    return dx


def forward_int8(x, size, *, stride, padding, x_zero, multiplier, levels):
    """Compute y = level_of(total, multiplier / R), total the exact sum of x - x_zero over the R pixels of a window."""
    N, H, W, C = x.shape
    Ho = (H + sum(padding[0]) - size[0]) // stride[0] + 1
    Wo = (W + sum(padding[1]) - size[1]) // stride[1] + 1
    y = np.zeros((N, Ho, Wo, C), np.int8)
    for n, i, j, c in np.ndindex(N, Ho, Wo, C):
        pixels = _pixels(i, j, (H, W), size, stride, padding)
        total = sum(int(x[n, h, w, c]) - x_zero for h, w in pixels)
        y[n, i, j, c] = level_of(total, np.float32(multiplier) / np.float32(len(pixels)), levels)
    return y


def _pixels(i, j, image, size, stride, padding):
    """Return the pixels of window (i,j) that lie inside the image."""
    pixels = []
    for p, q in np.ndindex(size):
        h = stride[0] * i + p - padding[0][0]
        w = stride[1] * j + q - padding[1][0]
        if 0 <= h < image[0] and 0 <= w < image[1]:
            pixels.append((h, w))
    return pixels
