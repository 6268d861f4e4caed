"""Transposed convolution and its gradients, term by term: plain loops in float64, to be read beside README.md."""

import numpy as np


def forward(x, k, b=None, *, stride, padding, output_padding, dilation, groups):
    """Let each pixel of x write a multiple of the kernel into y, where pixels overlap the sum of them.

    y[n, s*h + d*p - top, s*w + d*q - left, f] += x[n,h,w,c] * k[p,q,f,c],  and + b[f] everywhere
    x (N,H,W,C)  k (P,Q,F/groups,C)  b (F,)  ->  y (N,Ho,Wo,F), float64
    Source: Dumoulin, Visin, A guide to convolution arithmetic for deep learning, 2016, chapter 4.
    """
    y = np.zeros(_output_shape(x, k, stride, padding, output_padding, dilation, groups))
    if b is not None:
        y += b.astype(float)
    for at_x, at_k, at_y in _terms(x.shape, k.shape, y.shape, stride, padding, dilation, groups):
        # lesson: conv2dtranspose.forward
        y[at_y] += float(x[at_x]) * float(k[at_k])
    return y


def backward_data(dy, k, x_shape, *, stride, padding, output_padding, dilation, groups):
    """Apply the chain rule: x[n,h,w,c] occurs in y with the factor k[p,q,f,c], once for each (p,q,f)."""
    dx = np.zeros(x_shape)
    for at_x, at_k, at_y in _terms(x_shape, k.shape, dy.shape, stride, padding, dilation, groups):
        # lesson: conv2dtranspose.data
        dx[at_x] += float(dy[at_y]) * float(k[at_k])
    return dx


def backward_weights(x, dy, k_shape, *, stride, padding, output_padding, dilation, groups):
    """Apply the chain rule: k[p,q,f,c] occurs in y with the factor x[n,h,w,c], once for each (n,h,w); b with 1."""
    dk = np.zeros(k_shape)
    for at_x, at_k, at_y in _terms(x.shape, k_shape, dy.shape, stride, padding, dilation, groups):
        # lesson: conv2dtranspose.weights
        dk[at_k] += float(x[at_x]) * float(dy[at_y])
    return dk, dy.astype(float).sum(axis=(0, 1, 2))


def _output_shape(x, k, stride, padding, output_padding, dilation, groups):
    sizes = [
        (n - 1) * s + d * (p - 1) + 1 - sum(pad) + more
        for n, p, s, d, pad, more in zip(
            x.shape[1:3], k.shape[:2], stride, dilation, padding, output_padding, strict=True
        )
    ]
    return (len(x), *sizes, k.shape[2] * groups)


def _terms(x_shape, k_shape, y_shape, stride, padding, dilation, groups):
    """Yield the indices in x, k and y of every product that lands inside of y."""
    for n, h, w, c in np.ndindex(x_shape):
        first = c // (x_shape[3] // groups) * k_shape[2]  # the first filter of c's group
        for p, q, f in np.ndindex(k_shape[:3]):
            i = stride[0] * h + dilation[0] * p - padding[0][0]
            j = stride[1] * w + dilation[1] * q - padding[1][0]
            if 0 <= i < y_shape[1] and 0 <= j < y_shape[2]:
                yield (n, h, w, c), (p, q, f, c), (n, i, j, first + f)
