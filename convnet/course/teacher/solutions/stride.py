import numpy as np


def forward(x, k, b=None, *, stride=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1), **settings):
    N, H, W, C = x.shape
    P, Q, C, F = k.shape
    Ho = (H + sum(padding[0]) - dilation[0] * (P - 1) - 1) // stride[0] + 1
    Wo = (W + sum(padding[1]) - dilation[1] * (Q - 1) - 1) // stride[1] + 1
    y = np.zeros((N, Ho, Wo, F))
    for n, i, j, f in np.ndindex(y.shape):
        y[n, i, j, f] = 0 if b is None else b[f]
        for p, q, c in np.ndindex(P, Q, C):
            h, w = stride[0] * i + dilation[0] * p - padding[0][0], stride[1] * j + dilation[1] * q - padding[1][0]
            if 0 <= h < H and 0 <= w < W:
                y[n, i, j, f] += float(x[n, h, w, c]) * float(k[p, q, c, f])
    return y
