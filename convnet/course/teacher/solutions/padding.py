import numpy as np


def forward(x, k, b=None, *, padding=((0, 0), (0, 0)), **settings):
    (top, bottom), (left, right) = padding
    N, H, W, C = x.shape
    P, Q, C, F = k.shape
    y = np.zeros((N, H + top + bottom - P + 1, W + left + right - Q + 1, F))
    for n, i, j, f in np.ndindex(y.shape):
        y[n, i, j, f] = 0 if b is None else b[f]
        for p, q, c in np.ndindex(P, Q, C):
            h, w = i + p - top, j + q - left
            if 0 <= h < H and 0 <= w < W:
                y[n, i, j, f] += float(x[n, h, w, c]) * float(k[p, q, c, f])
    return y
