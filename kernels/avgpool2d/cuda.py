"""One thread an output; neighbours have neighbouring channels, so that a warp's reads and writes lie side by side.

backward turns round: each pixel of dx gathers from the windows that hold it, so that it has one writer, and its terms
one order. Where windows tile the image, a thread spreads its number over its window: each byte is moved once.
"""

from kernels.cuda_vectors import cuda
from kernels.device import launch_flat


def forward(x, size, *, stride, padding, out):
    """y[n,i,j,c] = 1/R * sum_{p,q} x[n, s*i + p - top, s*j + q - left, c], into out."""
    launch_flat(_forward, out.size, x, *size, *stride, padding[0][0], padding[1][0], out)


def backward(dy, x_shape, *, size, stride, padding, out):
    """dx[n,h,w,c] = sum of dy[n,i,j,c] / R over the windows that hold the pixel, into out."""
    N, H, W, C = x_shape
    if stride == size and padding == ((0, 0), (0, 0)):
        launch_flat(_tiles, N * -(-H // size[0]) * -(-W // size[1]) * C, dy, *size, out)
    else:
        launch_flat(_backward, out.size, dy, *size, *stride, padding[0][0], padding[1][0], out)


@cuda.jit(device=True)
def _inside(i, size, stride, pad, length):
    """Where window i begins and ends within the image."""
    first = stride * i - pad
    return max(first, 0), min(first + size, length)


@cuda.jit
def _forward(x, P, Q, sh, sw, top, left, y):
    t = cuda.grid(1)
    if t >= y.size:
        return
    N, H, W, C = x.shape
    N, Ho, Wo, C = y.shape
    c, j, i, n = t % C, t // C % Wo, t // C // Wo % Ho, t // C // Wo // Ho
    h0, h1 = _inside(i, P, sh, top, H)
    w0, w1 = _inside(j, Q, sw, left, W)
    total = x.dtype.type(0)
    for h in range(h0, h1):
        for w in range(w0, w1):
            total += x[n, h, w, c]
    y[n, i, j, c] = total / x.dtype.type((h1 - h0) * (w1 - w0))


@cuda.jit
def _backward(dy, P, Q, sh, sw, top, left, dx):
    t = cuda.grid(1)
    if t >= dx.size:
        return
    N, H, W, C = dx.shape
    N, Ho, Wo, C = dy.shape
    c, w, h, n = t % C, t // C % W, t // C // W % H, t // C // W // H
    # the windows i0 <= i < i1, j0 <= j < j1 hold the pixel
    i0, i1 = max((h + top - P) // sh + 1, 0), min((h + top) // sh + 1, Ho)
    j0, j1 = max((w + left - Q) // sw + 1, 0), min((w + left) // sw + 1, Wo)
    total = dx.dtype.type(0)
    for i in range(i0, i1):
        h0, h1 = _inside(i, P, sh, top, H)
        for j in range(j0, j1):
            w0, w1 = _inside(j, Q, sw, left, W)
            total += dy[n, i, j, c] / dx.dtype.type((h1 - h0) * (w1 - w0))
    dx[n, h, w, c] = total


@cuda.jit
def _tiles(dy, P, Q, dx):
    """One thread a window, also those that the image cuts off: what no whole window sees is 0."""
    t = cuda.grid(1)
    N, H, W, C = dx.shape
    N, Ho, Wo, C = dy.shape
    down, across = (H + P - 1) // P, (W + Q - 1) // Q
    c, j, i, n = t % C, t // C % across, t // C // across % down, t // C // across // down
    if n >= N:
        return
    v = dx.dtype.type(0)
    if i < Ho and j < Wo:
        v = dy[n, i, j, c] / dx.dtype.type(P * Q)
    for h in range(i * P, min(i * P + P, H)):
        for w in range(j * Q, min(j * Q + Q, W)):
            dx[n, h, w, c] = v
