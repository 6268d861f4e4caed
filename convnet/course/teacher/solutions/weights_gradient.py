import numpy as np


def backward_weights(x, dy, k_shape, *, stride=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1), **settings):
    N, H, W, C = x.shape
    P, Q, C, F = k_shape
    dk, db = np.zeros(k_shape), np.zeros(F)
    for n, i, j, f in np.ndindex(dy.shape):
        db[f] += dy[n, i, j, f]
        for p, q, c in np.ndindex(P, Q, C):
            h, w = stride[0] * i + dilation[0] * p - padding[0][0], stride[1] * j + dilation[1] * q - padding[1][0]
            if 0 <= h < H and 0 <= w < W:
                dk[p, q, c, f] += float(x[n, h, w, c]) * float(dy[n, i, j, f])
    return dk, db
