"""Exercise 1, write the sum: formula (1), without padding and with steps of one pixel.

    y[n,i,j,f] = b[f] + sum_{p,q,c} x[n, i+p, j+q, c] * k[p,q,c,f]

x (N,H,W,C): n images of H by W pixels with C channels.   k (P,Q,C,F): F filters of P by Q pixels.   b (F,), or None.
y (N,Ho,Wo,F): one number for every place where the window fits, Ho = H - P + 1, Wo = W - Q + 1. With b = None there is
no bias. Return y; do not change x, k or b.

Hints, read one at a time:
- Start from np.zeros((N, Ho, Wo, F)) and write one loop for each letter of the formula: n, i, j, f, and inside p, q, c.
- Plain loops are all this exercise asks for. They are slow; exercise 8 makes them fast.
- In float32 small errors add up: float(x[...]) * float(k[...]) computes in float64.
"""

import numpy as np


def forward(x, k, b=None, **settings):
    N, H, W, C = x.shape
    P, Q, C, F = k.shape
    y = np.zeros((N, H - P + 1, W - Q + 1, F))
    raise NotImplementedError("write the sum")
