import numpy as np
from scipy.signal import convolve2d


def backward_data(dy, k, x_shape, *, stride=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1), **settings):
    """Spread dy and k out with zeros, convolve in full, and cut the padding off."""
    N, H, W, C = x_shape
    (P, Q, _, F), (top, left) = k.shape, (padding[0][0], padding[1][0])
    grid = np.zeros((N, stride[0] * (dy.shape[1] - 1) + 1, stride[1] * (dy.shape[2] - 1) + 1, F))
    grid[:, :: stride[0], :: stride[1]] = dy
    wide = np.zeros((dilation[0] * (P - 1) + 1, dilation[1] * (Q - 1) + 1, C, F))
    wide[:: dilation[0], :: dilation[1]] = k
    dx = np.zeros((N, H + sum(padding[0]), W + sum(padding[1]), C))
    for n, c, f in np.ndindex(N, C, F):
        part = convolve2d(grid[n, :, :, f], wide[:, :, c, f])
        dx[n, : part.shape[0], : part.shape[1], c] += part
    return dx[:, top : top + H, left : left + W]
