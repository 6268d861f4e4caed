import numpy as np
from numba import cuda

from kernels.emulator import run


@cuda.jit
def kernel(x, k, b, sh, sw, top, left, dh, dw, y):
    t = cuda.grid(1)
    if t >= y.size:
        return
    N, H, W, C = x.shape
    P, Q, C, F = k.shape
    N, Ho, Wo, F = y.shape
    f, j, i, n = t % F, t // F % Wo, t // F // Wo % Ho, t // F // Wo // Ho
    total = b[f]
    for p in range(P):
        for q in range(Q):
            h, w = sh * i + dh * p - top, sw * j + dw * q - left
            if 0 <= h < H and 0 <= w < W:
                for c in range(C):
                    total += x[n, h, w, c] * k[p, q, c, f]
    y[n, i, j, f] = total


def forward(x, k, b=None, *, stride=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1), **settings):
    (top, bottom), (left, right) = padding
    Ho = (x.shape[1] + top + bottom - dilation[0] * (k.shape[0] - 1) - 1) // stride[0] + 1
    Wo = (x.shape[2] + left + right - dilation[1] * (k.shape[1] - 1) - 1) // stride[1] + 1
    y = np.full((len(x), Ho, Wo, k.shape[3]), np.nan, x.dtype)
    bias = np.zeros(k.shape[3], x.dtype) if b is None else b
    run(kernel, -(-y.size // 128), 128, (x, k, bias, *stride, top, left, *dilation, y))
    return y
