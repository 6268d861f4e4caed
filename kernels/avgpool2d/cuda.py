"""One thread for four channels of an output, or for one where C is no multiple of four; neighbours have the next.

So what a warp reads and writes lies side by side, in requests of 16 bytes. backward turns round: each pixel of dx
gathers from the windows that hold it, so that it has one writer, and its terms one order. Where windows tile the image,
a thread spreads its numbers over its window: each byte is moved once.
"""

from numba import float64

from kernels.cuda.vectors import cuda, load4, store4
from kernels.device import launch_flat

FEW = 64  # pixels of a window that are summed in the array's own type; more are in float64, which loses none


def forward(x, size, *, stride, padding, out):
    """Compute y[n,i,j,c] = 1/R * sum_{p,q} x[n, s*i + p - top, s*j + q - left, c], into out."""
    kernel, channels = (_forward4, x.shape[3] // 4) if x.shape[3] % 4 == 0 else (_forward, x.shape[3])
    threads = out.shape[0] * out.shape[1] * out.shape[2] * channels
    launch_flat(kernel, threads, x, x.reshape(-1), *size, *stride, padding[0][0], padding[1][0], out, out.reshape(-1))


def backward(dy, x_shape, *, size, stride, padding, out):
    """Compute dx[n,h,w,c] = sum of dy[n,i,j,c] / R over the windows that hold the pixel, into out."""
    N, H, W, C = x_shape
    if stride != size or padding != ((0, 0), (0, 0)):
        launch_flat(_gather, out.size, dy, *size, *stride, padding[0][0], padding[1][0], out)
        return
    windows = N * -(-H // size[0]) * -(-W // size[1])
    if C % 4:
        launch_flat(_tiles, windows * C, dy, *size, out)
    else:
        launch_flat(_tiles4, windows * C // 4, dy, dy.reshape(-1), *size, out, out.reshape(-1))


@cuda.jit(device=True)
def _inside(i, size, stride, pad, length):
    """Return where window i begins and ends within the image."""
    first = stride * i - pad
    return max(first, 0), min(first + size, length)


@cuda.jit(device=True)
def _place(t, down, across, channels):
    """Return (n, i, j, c) of thread t, the channels counted fastest."""
    rest = t // channels
    return rest // across // down, rest // across % down, rest % across, t % channels


@cuda.jit
def _forward(x, x_flat, P, Q, sh, sw, top, left, y, y_flat):
    t = cuda.grid(1)
    N, H, W, C = x.shape
    N, Ho, Wo, C = y.shape
    n, i, j, c = _place(t, Ho, Wo, C)
    if n >= N:
        return
    h0, h1 = _inside(i, P, sh, top, H)
    w0, w1 = _inside(j, Q, sw, left, W)
    count = (h1 - h0) * (w1 - w0)
    if count > FEW:
        many = 0.0
        for h in range(h0, h1):
            for w in range(w0, w1):
                many += x[n, h, w, c]
        y[n, i, j, c] = many / count
        return
    total = x.dtype.type(0)
    for h in range(h0, h1):
        for w in range(w0, w1):
            total += x[n, h, w, c]
    y[n, i, j, c] = total / x.dtype.type(count)


@cuda.jit
def _forward4(x, x_flat, P, Q, sh, sw, top, left, y, y_flat):
    t = cuda.grid(1)
    N, H, W, C = x.shape
    N, Ho, Wo, C = y.shape
    n, i, j, c = _place(t, Ho, Wo, C // 4)
    if n >= N:
        return
    h0, h1 = _inside(i, P, sh, top, H)
    w0, w1 = _inside(j, Q, sw, left, W)
    if (h1 - h0) * (w1 - w0) > FEW:
        _many4(x_flat, (n * H + h0) * W * C + 4 * c, h1 - h0, w0, w1, W, C, y_flat, 4 * t)
        return
    a = b = d = e = x.dtype.type(0)
    for h in range(h0, h1):
        for w in range(w0, w1):
            v = load4(x_flat, ((n * H + h) * W + w) * C + 4 * c)
            a, b, d, e = a + v[0], b + v[1], d + v[2], e + v[3]
    count = x.dtype.type((h1 - h0) * (w1 - w0))
    store4(y_flat, 4 * t, a / count, b / count, d / count, e / count)


@cuda.jit(device=True)
def _many4(x_flat, first, rows, w0, w1, W, C, y_flat, at):
    """Return the means of a large window's four channels, in float64."""
    a = b = d = e = 0.0
    for h in range(rows):
        for w in range(w0, w1):
            v = load4(x_flat, first + (h * W + w) * C)
            a, b, d, e = a + v[0], b + v[1], d + v[2], e + v[3]
    count, number = float64(rows * (w1 - w0)), y_flat.dtype.type
    store4(y_flat, at, number(a / count), number(b / count), number(d / count), number(e / count))


@cuda.jit
def _gather(dy, P, Q, sh, sw, top, left, dx):
    t = cuda.grid(1)
    N, H, W, C = dx.shape
    N, Ho, Wo, C = dy.shape
    n, h, w, c = _place(t, H, W, C)
    if n >= N:
        return
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
    """Spread one window per thread, also those that the image cuts off: a pixel in no whole window gets 0."""
    N, H, W, C = dx.shape
    N, Ho, Wo, C = dy.shape
    n, i, j, c = _place(cuda.grid(1), (H + P - 1) // P, (W + Q - 1) // Q, C)
    if n >= N:
        return
    v = dx.dtype.type(0)
    if i < Ho and j < Wo:
        v = dy[n, i, j, c] / dx.dtype.type(P * Q)
    for h in range(i * P, min(i * P + P, H)):
        for w in range(j * Q, min(j * Q + Q, W)):
            dx[n, h, w, c] = v


@cuda.jit
def _tiles4(dy, dy_flat, P, Q, dx, dx_flat):
    """Do the same for four channels."""
    N, H, W, C = dx.shape
    N, Ho, Wo, C = dy.shape
    n, i, j, c = _place(cuda.grid(1), (H + P - 1) // P, (W + Q - 1) // Q, C // 4)
    if n >= N:
        return
    a = b = d = e = dx.dtype.type(0)
    if i < Ho and j < Wo:
        v, count = load4(dy_flat, ((n * Ho + i) * Wo + j) * C + 4 * c), dx.dtype.type(P * Q)
        a, b, d, e = v[0] / count, v[1] / count, v[2] / count, v[3] / count
    for h in range(i * P, min(i * P + P, H)):
        for w in range(j * Q, min(j * Q + Q, W)):
            store4(dx_flat, ((n * H + h) * W + w) * C + 4 * c, a, b, d, e)
