"""The formula on a GPU, the plainest way: one thread an output, which does the whole sum of `reference` for it.

Neighbouring threads have neighbouring channels, so that what they write lies side by side; that is all the care taken.
No two threads write the same element, so the same bits come out whatever order they run in. Each factor is fetched
from memory anew by every thread that needs it: the rungs above fetch it once for many.
"""

from kernels.cuda.vectors import cuda
from kernels.device import launch_flat


def forward(x, k, b, *, stride, padding, dilation, groups, out):
    """Compute y[n,i,j,f] = b[f] + sum_{p,q,c} x[n, s*i + d*p - top, s*j + d*q - left, c] * k[p,q,c,f], into out."""
    has_bias = b is not None
    bias = b if has_bias else k.reshape(-1)
    launch_flat(_forward, out.size, x, k, bias, has_bias, *stride, padding[0][0], padding[1][0], *dilation, groups, out)


def backward_data(dy, k, x_shape, *, stride, padding, dilation, groups, out):
    """Compute dx[n,h,w,c] = sum of dy[n,i,j,f] * k[p,q,c,f] over the (i,j,p,q,f) that read x[n,h,w,c], into out."""
    launch_flat(_backward_data, out.size, dy, k, *stride, padding[0][0], padding[1][0], *dilation, groups, out)


def backward_weights(x, dy, k_shape, *, stride, padding, dilation, groups, out):
    """Compute dk[p,q,c,f] = sum_{n,i,j} x[...] * dy[n,i,j,f], db[f] = sum_{n,i,j} dy[n,i,j,f], into out = (dk, db)."""
    dk, db = out
    launch_flat(_backward_weights, dk.size, x, dy, *stride, padding[0][0], padding[1][0], *dilation, groups, dk)
    launch_flat(_backward_bias, db.size, dy, db)


@cuda.jit
def _forward(x, k, b, has_bias, sh, sw, top, left, dh, dw, groups, y):
    t = cuda.grid(1)
    if t >= y.size:
        return
    N, H, W, C = x.shape
    P, Q, Cg, F = k.shape
    N, Ho, Wo, F = y.shape
    f, j, i, n = t % F, t // F % Wo, t // F // Wo % Ho, t // F // Wo // Ho
    first = f // (F // groups) * Cg
    total = b[f] if has_bias else y.dtype.type(0)
    for p in range(P):
        h = sh * i + dh * p - top
        for q in range(Q):
            w = sw * j + dw * q - left
            if 0 <= h < H and 0 <= w < W:
                for c in range(Cg):
                    total += x[n, h, w, first + c] * k[p, q, c, f]
    y[n, i, j, f] = total


@cuda.jit
def _backward_data(dy, k, sh, sw, top, left, dh, dw, groups, dx):
    t = cuda.grid(1)
    if t >= dx.size:
        return
    N, H, W, C = dx.shape
    P, Q, Cg, F = k.shape
    N, Ho, Wo, F = dy.shape
    ch, w, h, n = t % C, t // C % W, t // C // W % H, t // C // W // H
    first = ch // Cg * (F // groups)
    total = dx.dtype.type(0)
    for p in range(P):
        i = h + top - dh * p
        for q in range(Q):
            j = w + left - dw * q
            # the outputs that read this pixel by (p,q) are those at whole multiples of the stride
            if i >= 0 and j >= 0 and i % sh == 0 and j % sw == 0 and i // sh < Ho and j // sw < Wo:
                for f in range(first, first + F // groups):
                    total += dy[n, i // sh, j // sw, f] * k[p, q, ch % Cg, f]
    dx[n, h, w, ch] = total


@cuda.jit
def _backward_weights(x, dy, sh, sw, top, left, dh, dw, groups, dk):
    t = cuda.grid(1)
    if t >= dk.size:
        return
    N, H, W, C = x.shape
    P, Q, Cg, F = dk.shape
    N, Ho, Wo, F = dy.shape
    f, c, q, p = t % F, t // F % Cg, t // F // Cg % Q, t // F // Cg // Q
    ch = f // (F // groups) * Cg + c
    total = dk.dtype.type(0)
    for n in range(N):
        for i in range(Ho):
            h = sh * i + dh * p - top
            if 0 <= h < H:
                for j in range(Wo):
                    w = sw * j + dw * q - left
                    if 0 <= w < W:
                        total += x[n, h, w, ch] * dy[n, i, j, f]
    dk[p, q, c, f] = total


@cuda.jit
def _backward_bias(dy, db):
    f = cuda.grid(1)
    if f >= db.size:
        return
    N, Ho, Wo, F = dy.shape
    total = db.dtype.type(0)
    for n in range(N):
        for i in range(Ho):
            for j in range(Wo):
                total += dy[n, i, j, f]
    db[f] = total
