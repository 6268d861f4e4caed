"""Rung 1, the formula compiled: the loops of `reference`, one thread, in the arrays' own precision.

Gain over `reference`: none of Python's interpreter, a factor of hundreds. But one comparison at a time, each a branch
that the processor cannot predict, and every pixel checked against the image's edge.
"""

from kernels.jit import jit


def forward(x, size, *, stride, padding, out):
    """Compute y[n,i,j,c] = max_{p,q} x[n, s*i + p - top, s*j + q - left, c], into out = (y, argmax)."""
    _forward(x, size, stride, (padding[0][0], padding[1][0]), *out)


def backward(dy, argmax, x_shape, *, size, stride, padding, out):
    """Compute dx[n,h,w,c] = sum of dy over the windows whose argmax is that pixel, into out."""
    _backward(dy, argmax, size, stride, (padding[0][0], padding[1][0]), out)


@jit()
def _forward(x, size, stride, pad, y, argmax):
    _, H, W, _ = x.shape
    N, Ho, Wo, C = y.shape
    for n in range(N):
        for i in range(Ho):
            for j in range(Wo):
                for c in range(C):
                    found = False
                    largest = x[n, 0, 0, c]
                    for p in range(size[0]):
                        for q in range(size[1]):
                            h, w = stride[0] * i + p - pad[0], stride[1] * j + q - pad[1]
                            if 0 <= h < H and 0 <= w < W:
                                v = x[n, h, w, c]
                                if not found or v > largest or (v != v and largest == largest):
                                    found = True
                                    largest = v
                                    argmax[n, i, j, c] = p * size[1] + q
                    y[n, i, j, c] = largest


@jit()
def _backward(dy, argmax, size, stride, pad, dx):
    _, H, W, _ = dx.shape
    N, Ho, Wo, C = dy.shape
    dx[...] = 0
    for n in range(N):
        for i in range(Ho):
            for j in range(Wo):
                for c in range(C):
                    p, q = divmod(int(argmax[n, i, j, c]), size[1])
                    h, w = stride[0] * i + p - pad[0], stride[1] * j + q - pad[1]
                    if 0 <= h < H and 0 <= w < W:
                        dx[n, h, w, c] += dy[n, i, j, c]
