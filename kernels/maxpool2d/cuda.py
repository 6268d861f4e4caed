"""The GPU's default: four channels a thread, 16 bytes a request; where windows tile the image, each byte moved once.

Pooling waits for memory, so all that counts is that few requests move whole sectors. A thread takes four neighbouring
channels of one window. backward: where the stride is the window, a thread reads one dy and writes the window's pixels
(the last window's thread also those beyond it); else, and for channels that come not in fours, `cuda_naive` gathers.
"""

import numpy as np
from numba import int32, int64, uint8, uint32

from kernels.cuda_tiles import division, quotient
from kernels.cuda_vectors import cuda, load4, store4
from kernels.device import launch_flat
from kernels.maxpool2d import cuda_naive


def forward(x, size, *, stride, padding, out):
    """y[n,i,j,c] = max_{p,q} x[n, s*i + p - top, s*j + q - left, c] and its first place, into out = (y, argmax)."""
    y, argmax = out
    if not _fours(x, argmax):
        cuda_naive.forward(x, size, stride=stride, padding=padding, out=out)
        return
    places = tuple(map(int32, (*size, *stride, padding[0][0], padding[1][0], *x.shape[1:], *y.shape[1:3])))
    by = division(y.shape[3] // 4), division(y.shape[2]), division(y.shape[1])
    launch_flat(_forward, y.size // 4, x.reshape(-1), places, by, y.reshape(-1), argmax.reshape(-1))
