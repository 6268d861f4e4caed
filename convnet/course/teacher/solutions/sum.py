import numpy as np


def forward(x, k, b=None, **settings):
    N, H, W, C = x.shape
    P, Q, C, F = k.shape
    y = np.zeros((N, H - P + 1, W - Q + 1, F))
    for n, i, j, f in np.ndindex(y.shape):
        y[n, i, j, f] = 0 if b is None else b[f]
        for p, q, c in np.ndindex(P, Q, C):
            y[n, i, j, f] += float(x[n, i + p, j + q, c]) * float(k[p, q, c, f])
    return y
