"""Exercise 6, max pooling: the largest number of each window, and the way back for its gradient.

    y[n,i,j,c]      = max_{p,q} x[n, s*i + p, s*j + q, c]
    argmax[n,i,j,c] = p*Q + q of the first maximum, row by row
    dx[n, s*i + p, s*j + q, c] += dy[n,i,j,c]     with p, q = divmod(argmax[n,i,j,c], Q)

x (N,H,W,C), size = (P,Q), stride = (down, across)  ->  y (N,Ho,Wo,C) and argmax, integers of y's shape.
Ho = (H - P) // s + 1, Wo = (W - Q) // s + 1. There is no padding here.

Hints, read one at a time:
- y is a copy of one pixel: that pixel gets all of dy, the others get nothing.
- If two pixels tie, the first one wins: compare with >, not with >=.
- If the stride is less than the window, windows overlap, and a pixel may be the maximum of several: add up.
"""


def forward(x, size, *, stride, **settings):
    raise NotImplementedError("return y, argmax")


def backward(dy, argmax, x_shape, *, size, stride, **settings):
    raise NotImplementedError("return dx")
