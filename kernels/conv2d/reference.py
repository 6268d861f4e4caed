"""Formula (1) and its gradients, term by term: plain loops in float64, to be read beside README.md."""

import numpy as np

from kernels.int8.levels import level_of


def convolve2d(x, k):
    """Apply the document's formula as it stands: one image x (H,W), one kernel k (P,Q), no padding.

    y(i,j) = sum_{p=0}^{P-1} sum_{q=0}^{Q-1} x(i+p, j+q) * k(p,q)  ->  y (H-P+1, W-Q+1), float64
    Source: the document's formula (1); Goodfellow et al., Deep Learning, 9.1 (cross-correlation: no kernel flip).
    """
    (H, W), (P, Q) = x.shape, k.shape
    y = np.zeros((H - P + 1, W - Q + 1))
    for i in range(H - P + 1):
        for j in range(W - Q + 1):
            for p in range(P):
                for q in range(Q):
                    y[i, j] += float(x[i + p, j + q]) * float(k[p, q])
    return y


def forward(x, k, b=None, *, stride=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1), groups=1):
    """Apply formula (1) with all that a layer needs: images, channels, filters, stride, padding, dilation, groups.

    y[n,i,j,f] = b[f] + sum_{p,q,c} x[n, s*i + d*p - top, s*j + d*q - left, c] * k[p,q,c,f]

    x (N,H,W,C)  k (P,Q,C/groups,F)  b (F,)  ->  y (N,Ho,Wo,F), float64.  A pixel outside the image is 0.
    """
    N, H, W, _ = x.shape
    P, Q, Cg, F = k.shape
    Ho, Wo = _output_size((H, W), (P, Q), stride, padding, dilation)
    y = np.zeros((N, Ho, Wo, F))
    for n, i, j, f in np.ndindex(N, Ho, Wo, F):
        total = 0.0 if b is None else float(b[f])
        first = f // (F // groups) * Cg  # the first input channel of f's group
        for p, q, c in np.ndindex(P, Q, Cg):
            h = stride[0] * i + dilation[0] * p - padding[0][0]
            w = stride[1] * j + dilation[1] * q - padding[1][0]
            if 0 <= h < H and 0 <= w < W:
                # lesson: conv2d.forward
                total += float(x[n, h, w, first + c]) * float(k[p, q, c, f])
        y[n, i, j, f] = total
    return y


def backward_data(dy, k, x_shape, *, stride=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1), groups=1):
    """Apply the chain rule to formula (1): where forward added x*k to y, dx receives dy*k.

    dx[n, s*i + d*p - top, s*j + d*q - left, c] += dy[n,i,j,f] * k[p,q,c,f]   for all n,i,j,f,p,q,c
    dy (N,Ho,Wo,F)  k (P,Q,C/groups,F)  ->  dx = x_shape (N,H,W,C), float64
    """
    N, H, W, _ = x_shape
    P, Q, Cg, F = k.shape
    dx = np.zeros(x_shape)
    for n, i, j, f in np.ndindex(dy.shape):
        first = f // (F // groups) * Cg
        for p, q, c in np.ndindex(P, Q, Cg):
            h = stride[0] * i + dilation[0] * p - padding[0][0]
            w = stride[1] * j + dilation[1] * q - padding[1][0]
            if 0 <= h < H and 0 <= w < W:
                # lesson: conv2d.data
                dx[n, h, w, first + c] += float(dy[n, i, j, f]) * float(k[p, q, c, f])
    return dx


def backward_weights(x, dy, k_shape, *, stride=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1), groups=1):
    """Apply the chain rule again: where forward added x*k to y, dk receives x*dy, and db receives dy.

    dk[p,q,c,f] += x[n, s*i + d*p - top, s*j + d*q - left, c] * dy[n,i,j,f];   db[f] += dy[n,i,j,f]
    x (N,H,W,C)  dy (N,Ho,Wo,F)  ->  dk = k_shape (P,Q,C/groups,F), db (F,), float64
    """
    N, H, W, _ = x.shape
    P, Q, Cg, F = k_shape
    dk, db = np.zeros(k_shape), np.zeros(F)
    for n, i, j, f in np.ndindex(dy.shape):
        db[f] += float(dy[n, i, j, f])
        first = f // (F // groups) * Cg
        for p, q, c in np.ndindex(P, Q, Cg):
            h = stride[0] * i + dilation[0] * p - padding[0][0]
            w = stride[1] * j + dilation[1] * q - padding[1][0]
            if 0 <= h < H and 0 <= w < W:
                # lesson: conv2d.weights
                dk[p, q, c, f] += float(x[n, h, w, first + c]) * float(dy[n, i, j, f])
    return dk, db


def forward_int8(x, k, b, multiplier, *, x_zero, levels, stride, padding, dilation, groups):
    """Apply formula (1) to 8-bit levels: the sum is of whole numbers, and exact; then one multiplication.

    total = b[f] + sum_{p,q,c} (x[n, s*i + d*p - top, s*j + d*q - left, c] - x_zero) * k[p,q,c,f]
    y[n,i,j,f] = level_of(total, multiplier[f]), or total * multiplier[f] in float32 if levels is None

    A pixel outside the image is 0, which is the level x_zero.
    Source: Jacob et al., Quantization and Training of Neural Networks, 2018, equations 3 and 4.
    """
    N, H, W, _ = x.shape
    P, Q, Cg, F = k.shape
    Ho, Wo = _output_size((H, W), (P, Q), stride, padding, dilation)
    y = np.zeros((N, Ho, Wo, F), np.float32 if levels is None else np.int8)
    for n, i, j, f in np.ndindex(N, Ho, Wo, F):
        total = 0 if b is None else int(b[f])
        first = f // (F // groups) * Cg
        for p, q, c in np.ndindex(P, Q, Cg):
            h = stride[0] * i + dilation[0] * p - padding[0][0]
            w = stride[1] * j + dilation[1] * q - padding[1][0]
            if 0 <= h < H and 0 <= w < W:
                total += (int(x[n, h, w, first + c]) - x_zero) * int(k[p, q, c, f])
        m = multiplier[f]
        y[n, i, j, f] = np.float32(total) * m if levels is None else level_of(total, m, levels)
    return y


def _output_size(image, kernel, stride, padding, dilation):
    """Compute Ho = (H + top + bottom - d*(P-1) - 1) // s + 1, and Wo likewise."""
    return tuple((image[a] + sum(padding[a]) - dilation[a] * (kernel[a] - 1) - 1) // stride[a] + 1 for a in (0, 1))
