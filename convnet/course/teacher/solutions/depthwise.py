import numpy as np


def forward(x, k, b=None, *, stride=(1, 1), padding=((0, 0), (0, 0)), **settings):
    N, H, W, C = x.shape
    P, Q, _, C = k.shape
    Ho = (H + sum(padding[0]) - P) // stride[0] + 1
    Wo = (W + sum(padding[1]) - Q) // stride[1] + 1
    y = np.zeros((N, Ho, Wo, C))
    for n, i, j, c in np.ndindex(y.shape):
        y[n, i, j, c] = 0 if b is None else b[c]
        for p, q in np.ndindex(P, Q):
            h, w = stride[0] * i + p - padding[0][0], stride[1] * j + q - padding[1][0]
            if 0 <= h < H and 0 <= w < W:
                y[n, i, j, c] += float(x[n, h, w, c]) * float(k[p, q, 0, c])
    return y
