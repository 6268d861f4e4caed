"""One thread an output; neighbours have neighbouring channels, so that a warp's reads and writes lie side by side.

backward turns round: each pixel of dx gathers from the windows that hold it and chose it, so that it has one writer,
and its terms one order.
"""

from kernels.cuda.vectors import cuda
from kernels.device import launch_flat


def forward(x, size, *, stride, padding, out):
    """Compute y[n,i,j,c] = max_{p,q} x[n, s*i + p - top, s*j + q - left, c] and its place, into out = (y, argmax)."""
    y, argmax = out
    launch_flat(_forward, y.size, x, *size, *stride, padding[0][0], padding[1][0], y, argmax)


def backward(dy, argmax, x_shape, *, size, stride, padding, out):
    """Compute dx[n,h,w,c] = sum of dy[n,i,j,c] over the windows whose argmax is the pixel, into out."""
    launch_flat(_backward, out.size, dy, argmax, *size, *stride, padding[0][0], padding[1][0], out)


@cuda.jit
def _forward(x, P, Q, sh, sw, top, left, y, argmax):
    t = cuda.grid(1)
    if t >= y.size:
        return
    N, H, W, C = x.shape
    N, Ho, Wo, C = y.shape
    c, j, i, n = t % C, t // C % Wo, t // C // Wo % Ho, t // C // Wo // Ho
    first_h, first_w = sh * i - top, sw * j - left
    h0, w0 = max(first_h, 0), max(first_w, 0)
    largest, place = x[n, h0, w0, c], (h0 - first_h) * Q + w0 - first_w
    for h in range(h0, min(first_h + P, H)):
        for w in range(w0, min(first_w + Q, W)):
            v = x[n, h, w, c]
            # a tie does not beat, so that the first maximum stays; the first NaN beats every number
            if v > largest or (v != v and largest == largest):
                largest, place = v, (h - first_h) * Q + w - first_w
    y[n, i, j, c] = largest
    argmax[n, i, j, c] = place


@cuda.jit
def _backward(dy, argmax, P, Q, sh, sw, top, left, dx):
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
        for j in range(j0, j1):
            if argmax[n, i, j, c] == (h + top - sh * i) * Q + w + left - sw * j:
                total += dy[n, i, j, c]
    dx[n, h, w, c] = total
