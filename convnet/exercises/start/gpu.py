"""Exercise 9, put it on the GPU: the sum of exercise 3 as a kernel for a graphics card, run on the emulator.

    y[n,i,j,f] = b[f] + sum_{p,q,c} x[n, s*i + d*p - top, s*j + d*q - left, c] * k[p,q,c,f]

A GPU runs thousands of threads at once, in blocks. Give each number of y a thread of its own. You need no graphics
card: the kernel is compiled for a real one and executed on the CPU, where every access to memory is checked. Install
numba-cuda first: `pip install numba-cuda` (it is part of formula-convnet's extra [cuda]).

Hints, read one at a time:
- t = cuda.grid(1) is the thread's number, counted from 0. f = t % F; find j, i and n in the same way from t // F.
- Blocks are always whole, so the last one has threads to spare. They must return before they touch memory.
- With blocks of 128 threads, -(-y.size // 128) blocks are enough (division, rounded up).
- Start with total = b[f], then total += x[...] * k[...], and write y[n, i, j, f] = total once, at the end.
- A thread cannot raise an error or create an array. It has numbers and loops, and needs no more.
- The message of a fault names the line, the thread and the array. "guard the index" means: check it before you read.
"""

import numpy as np
from numba import cuda

from kernels.emulator import run


@cuda.jit
def kernel(x, k, b, sh, sw, top, left, dh, dw, y):
    t = cuda.grid(1)


def forward(x, k, b=None, *, stride=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1), **settings):
    (top, bottom), (left, right) = padding
    Ho = (x.shape[1] + top + bottom - dilation[0] * (k.shape[0] - 1) - 1) // stride[0] + 1
    Wo = (x.shape[2] + left + right - dilation[1] * (k.shape[1] - 1) - 1) // stride[1] + 1
    y = np.full((len(x), Ho, Wo, k.shape[3]), np.nan, x.dtype)
    bias = np.zeros(k.shape[3], x.dtype) if b is None else b
    raise NotImplementedError("write the kernel, and run it in enough blocks")
    run(kernel, 1, 128, (x, k, bias, *stride, top, left, *dilation, y))
    return y
