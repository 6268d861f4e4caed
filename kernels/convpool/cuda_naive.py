"""The three steps on a GPU, the plainest way: one thread a result, and the convolution's own result is never stored.

Backward, a thread looks at every window that may have chosen a pixel for its result, and adds up those that did: a
quarter of the products, but four times as many looks.
"""

from kernels.cuda.vectors import cuda
from kernels.device import launch_flat


def forward(x, k, b, *, out):
    """Compute y[n,i,j,f] = max(0, the largest of the convolution's results in window (i,j)), into out = (y, argmax)."""
    y, argmax = out
    has_bias = b is not None
    launch_flat(_forward, y.size, x, k, b if has_bias else k.reshape(-1), has_bias, y, argmax)


def backward_data(dy, y, argmax, k, x_shape, *, out):
    """Compute dx[n,h+p,w+q,c] = sum of dy[n,i,j,f] * k[p,q,c,f] over windows with y > 0 that chose (h,w), into out."""
    launch_flat(_backward_data, out.size, dy, y, argmax, k, out)


def backward_weights(x, dy, y, argmax, k_shape, *, out):
    """Compute dk[p,q,c,f] = sum of x[n,h+p,w+q,c] * dy[n,i,j,f] over those windows, and db, into out = (dk, db)."""
    dk, db = out
    launch_flat(_backward_weights, dk.size, x, dy, y, argmax, dk)
    launch_flat(_backward_bias, db.size, dy, y, db)


@cuda.jit
def _forward(x, k, b, has_bias, y, argmax):
    t = cuda.grid(1)
    if t >= y.size:
        return
    P, Q, C, F = k.shape
    N, Ho, Wo, F = y.shape
    f, j, i, n = t % F, t // F % Wo, t // F // Wo % Ho, t // F // Wo // Ho
    first = b[f] if has_bias else y.dtype.type(0)
    largest, chosen = first, 0
    for a in range(4):
        total = first
        for p in range(P):
            for q in range(Q):
                for c in range(C):
                    total += x[n, 2 * i + a // 2 + p, 2 * j + a % 2 + q, c] * k[p, q, c, f]
        if a == 0 or total > largest or (total != total and largest == largest):
            largest, chosen = total, a
    y[n, i, j, f] = 0 if largest <= 0 else largest
    argmax[n, i, j, f] = chosen


@cuda.jit
def _backward_data(dy, y, argmax, k, dx):
    t = cuda.grid(1)
    if t >= dx.size:
        return
    P, Q, C, F = k.shape
    N, Ho, Wo, F = dy.shape
    N, H, W, C = dx.shape
    c, w, h, n = t % C, t // C % W, t // C // W % H, t // C // W // H
    total = dx.dtype.type(0)
    for p in range(min(P, h + 1)):
        for q in range(min(Q, w + 1)):
            i, j = (h - p) // 2, (w - q) // 2
            pixel = 2 * ((h - p) % 2) + (w - q) % 2
            if i < Ho and j < Wo:
                for f in range(F):
                    if argmax[n, i, j, f] == pixel and y[n, i, j, f] > 0:
                        total += dy[n, i, j, f] * k[p, q, c, f]
    dx[n, h, w, c] = total


@cuda.jit
def _backward_weights(x, dy, y, argmax, dk):
    t = cuda.grid(1)
    if t >= dk.size:
        return
    P, Q, C, F = dk.shape
    N, Ho, Wo, F = dy.shape
    f, c, q, p = t % F, t // F % C, t // F // C % Q, t // F // C // Q
    total = dk.dtype.type(0)
    for n in range(N):
        for i in range(Ho):
            for j in range(Wo):
                if y[n, i, j, f] > 0:
                    u = argmax[n, i, j, f]
                    total += x[n, 2 * i + u // 2 + p, 2 * j + u % 2 + q, c] * dy[n, i, j, f]
    dk[p, q, c, f] = total


@cuda.jit
def _backward_bias(dy, y, db):
    f = cuda.grid(1)
    if f >= db.size:
        return
    N, Ho, Wo, F = dy.shape
    total = db.dtype.type(0)
    for n in range(N):
        for i in range(Ho):
            for j in range(Wo):
                if y[n, i, j, f] > 0:
                    total += dy[n, i, j, f]
    db[f] = total
