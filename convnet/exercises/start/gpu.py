"""Exercise 9, put it on the GPU: the sum of exercise 3 as a kernel for a graphics card, run on the emulator.

    y[n,i,j,f] = b[f] + sum_{p,q,c} x[n, s*i + d*p - top, s*j + d*q - left, c] * k[p,q,c,f]

A GPU runs thousands of threads at once, in blocks. Give each number of y a thread of its own. No card is needed: the
kernel is compiled for a real one and run on the CPU, where every access to memory is checked. It needs
`pip install numba-cuda` (formula-convnet's extra [cuda] has it).

Hints, read one at a time:
- t = cuda.grid(1) is the thread's number, from 0 on. f = t % F, and t // F is what is left: j, i and n come likewise.
- There are whole blocks only: the last one has threads too many. They must return before they touch memory.
- Blocks of 128 threads: -(-y.size // 128) of them are enough (that is division, rounded up).
- total = b[f] to begin with, then total += x[...] * k[...], and y[n, i, j, f] = total once, at the end.
- A thread cannot raise an error or make an array. Numbers and loops are all there is, and all that is needed.
- The message of a fault names the line, the thread and the array. "guard the index" means: look before you read.
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
