"""Exercise 13, a depthwise convolution: every channel has a kernel of its own, and channels do not mix.

    y[n,i,j,c] = b[c] + sum_{p,q} x[n, s*i + p - top, s*j + q - left, c] * k[p,q,0,c]

x (N,H,W,C)  k (P,Q,1,C)  b (C,), or None  ->  y (N,Ho,Wo,C). Stride and padding as in exercise 3; groups = C.
Mobile networks use it because it needs P Q products for each number of y, where a convolution needs P Q C.

Hints, read one at a time:
- Compare with exercise 3: the sum over c is gone, and c takes the place of f.
- The third axis of k has the length 1, so its index is always 0.
- A 1x1 convolution after it mixes the channels. Together they are called a separable convolution.
"""


def forward(x, k, b=None, *, stride=(1, 1), padding=((0, 0), (0, 0)), **settings):
    raise NotImplementedError("one kernel for each channel")
