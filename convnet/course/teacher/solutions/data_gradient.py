import numpy as np


def backward_data(dy, k, x_shape, *, stride=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1), **settings):
    N, H, W, C = x_shape
    P, Q, C, F = k.shape
    dx = np.zeros(x_shape)
    for n, i, j, f in np.ndindex(dy.shape):
        for p, q, c in np.ndindex(P, Q, C):
            h, w = stride[0] * i + dilation[0] * p - padding[0][0], stride[1] * j + dilation[1] * q - padding[1][0]
            if 0 <= h < H and 0 <= w < W:
                dx[n, h, w, c] += float(dy[n, i, j, f]) * float(k[p, q, c, f])
    return dx
