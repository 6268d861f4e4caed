import numba
import numpy as np

from kernels.jit import jit

TILE = 4


@jit(parallel=True)
def run(x, k, b, stride, pad, dilation, y):
    N, H, W, C = x.shape
    P, Q, _, F = k.shape
    _, Ho, Wo, _ = y.shape
    for task in numba.prange(N * Ho):
        n, i = task // Ho, task % Ho
        total = np.empty((TILE, F), x.dtype)
        for first in range(0, Wo, TILE):
            pixels = min(TILE, Wo - first)
            for t in range(pixels):
                total[t] = b
            for p in range(P):
                h = stride[0] * i + dilation[0] * p - pad[0]
                if h < 0 or h >= H:
                    continue
                for q in range(Q):
                    for c in range(C):
                        for t in range(pixels):
                            w = stride[1] * (first + t) + dilation[1] * q - pad[1]
                            if 0 <= w < W:
                                for f in range(F):
                                    total[t, f] += x[n, h, w, c] * k[p, q, c, f]
            for t in range(pixels):
                y[n, i, first + t] = total[t]


def forward(x, k, b=None, *, stride=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1), **settings):
    size = [(x.shape[a + 1] + sum(padding[a]) - dilation[a] * (k.shape[a] - 1) - 1) // stride[a] + 1 for a in (0, 1)]
    y = np.empty((len(x), *size, k.shape[3]), x.dtype)
    bias = np.zeros(k.shape[3], x.dtype) if b is None else b
    run(x, k, bias, stride, (padding[0][0], padding[1][0]), dilation, y)
    return y
