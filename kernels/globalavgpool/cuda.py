"""Forward: a block for 32 channels of one image, whose warps share the pixels. Backward: four numbers a thread."""

from numba import float64

from kernels.cuda.sums import COLUMNS, ROWS, sum_rows
from kernels.cuda.vectors import cuda, load4, store4
from kernels.device import launch, launch_fours


def forward(x, *, out):
    """Compute y[n,c] = 1/(H*W) * sum_{h,w} x[n,h,w,c], into out."""
    N, H, W, C = x.shape
    launch(_mean, (N, -(-C // COLUMNS)), (COLUMNS, ROWS), x.reshape(N, H * W, C), out)


def backward(dy, x_shape, *, out):
    """Compute dx[n,h,w,c] = dy[n,c] / (H*W), into out."""
    N, H, W, C = x_shape
    launch_fours(_spread, dy, H * W, C, out)


@cuda.jit
def _mean(x, y):
    tile = cuda.shared.array((ROWS, COLUMNS), float64)
    N, pixels, C = x.shape
    c, n = cuda.blockIdx.y * COLUMNS + cuda.threadIdx.x, cuda.blockIdx.x
    v = 0.0
    if c < C:
        for m in range(cuda.threadIdx.y, pixels, ROWS):
            v += x[n, m, c]
    total = sum_rows(v, tile)
    if c < C and cuda.threadIdx.y == 0:
        y[n, c] = total / pixels


@cuda.jit(device=True)
def _share(dy, pixels, C, e):
    """Return the share that element e of dx receives."""
    return dy[e // (pixels * C) * C + e % C] / dy.dtype.type(pixels)


@cuda.jit
def _spread(dy, pixels, C, dx):
    i = 4 * cuda.grid(1)
    if i + 4 > dx.size:
        for e in range(i, dx.size):
            dx[e] = _share(dy, pixels, C, e)
    elif C % 4 == 0:  # the four are neighbours in dy too
        a, b, c, d = load4(dy, i // (pixels * C) * C + i % C)
        count = dy.dtype.type(pixels)
        store4(dx, i, a / count, b / count, c / count, d / count)
    else:
        a, b = _share(dy, pixels, C, i), _share(dy, pixels, C, i + 1)
        c, d = _share(dy, pixels, C, i + 2), _share(dy, pixels, C, i + 3)
        store4(dx, i, a, b, c, d)
