"""Exercise 10, average pooling: the mean of each window, and the way back for its gradient.

    y[n,i,j,c]                     = 1/(P Q) sum_{p,q} x[n, s*i + p, s*j + q, c]
    dx[n, s*i + p, s*j + q, c]    += dy[n,i,j,c] / (P Q)     for all p, q

x (N,H,W,C), size = (P,Q), stride = (down, across)  ->  y (N,Ho,Wo,C).
Ho = (H - P) // s + 1, Wo = (W - Q) // s + 1. There is no padding here.

Hints, read one at a time:
- Every pixel of a window enters y with the same factor, 1/(P Q), so on the way back each gets the same share of dy.
- If the stride is less than the window, windows overlap, and a pixel collects from several of them: use += .
- If the stride is greater than the window, some pixels are in no window: their gradient is 0.
"""


def forward(x, size, *, stride, **settings):
    raise NotImplementedError("return y")


def backward(dy, x_shape, *, size, stride, **settings):
    raise NotImplementedError("return dx")
