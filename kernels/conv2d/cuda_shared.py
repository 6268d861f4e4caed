"""Rung 2 on a GPU: a block of 16 x 16 threads shares what it reads, so each number is fetched once for 16 results.

Every pass is a product of matrices, result[row, column] = sum over steps of a[row, step] * b[step, column]:

| pass | rows | columns | steps |
|---|---|---|---|
| forward | positions (n,i,j) | filters f | (p,q,c) |
| backward_data | pixels (n,h,w) | channels c | (p,q,f) |
| backward_weights | weights (p,q,c) | filters f | positions (n,i,j) |

The block goes along the sum in squares: each thread fetches one number of a and one of b into shared memory, waits for
the others (a barrier), adds 16 products, and waits again before the squares are overwritten. What lies outside is 0.
Gain over `cuda_naive`: 16 times fewer requests to global memory. But two loads from shared memory for each
multiply-add: they, and not the arithmetic, are now the limit; `cuda` lifts it by 8 x 8 results in a thread's registers.
"""

from kernels.cuda.sums import sum_columns
from kernels.cuda.vectors import cuda
from kernels.device import launch

SIDE = 16
PITCH = SIDE + 1  # of a square written by columns: neighbours lie in different banks


def forward(x, k, b, *, stride, padding, dilation, groups, out):
    """Compute y[n,i,j,f] = b[f] + sum_{p,q,c} x[n, s*i + d*p - top, s*j + d*q - left, c] * k[p,q,c,f], into out."""
    filters = k.shape[3] // groups
    settings = (*stride, padding[0][0], padding[1][0], *dilation)
    bias = k.reshape(-1) if b is None else b
    grid = _squares(out.size // out.shape[3], filters, groups)
    launch(_forward, grid, (SIDE, SIDE), x, k, bias, b is not None, settings, filters, out)


def backward_data(dy, k, x_shape, *, stride, padding, dilation, groups, out):
    """Compute dx[n,h,w,c] = sum of dy[n,i,j,f] * k[p,q,c,f] over the (i,j,p,q,f) that read x[n,h,w,c], into out."""
    settings = (*stride, padding[0][0], padding[1][0], *dilation)
    grid = _squares(out.size // out.shape[3], k.shape[2], groups)
    launch(_backward_data, grid, (SIDE, SIDE), dy, k, settings, k.shape[3] // groups, out)


def backward_weights(x, dy, k_shape, *, stride, padding, dilation, groups, out):
    """Compute dk[p,q,c,f] = sum_{n,i,j} x[...] * dy[n,i,j,f], db[f] = sum_{n,i,j} dy[n,i,j,f], into out = (dk, db)."""
    dk, db = out
    P, Q, Cg, F = k_shape
    settings = (*stride, padding[0][0], padding[1][0], *dilation)
    launch(_backward_weights, _squares(P * Q * Cg, F // groups, groups), (SIDE, SIDE), x, dy, settings, F // groups, dk)
    sum_columns(dy.reshape(-1, F), db)


def _squares(rows, columns, groups):
    """Blocks: the squares of each group's matrix of results."""
    return -(-columns // SIDE), -(-rows // SIDE), groups


@cuda.jit
def _forward(x, k, b, biased, settings, filters, y):
    sh, sw, top, left, dh, dw = settings
    a = cuda.shared.array((SIDE, SIDE), x.dtype)
    z = cuda.shared.array((SIDE, SIDE), x.dtype)
    tx, ty, group = cuda.threadIdx.x, cuda.threadIdx.y, cuda.blockIdx.z
    N, H, W, C = x.shape
    P, Q, Cg, F = k.shape
    N, Ho, Wo, F = y.shape
    f, m = cuda.blockIdx.x * SIDE + tx, cuda.blockIdx.y * SIDE + ty
    j, i, n = m % Wo, m // Wo % Ho, m // Wo // Ho
    total = y.dtype.type(0)
    for first in range(0, P * Q * Cg, SIDE):
        c, q, p = (first + tx) % Cg, (first + tx) // Cg % Q, (first + tx) // Cg // Q
        h, w = sh * i + dh * p - top, sw * j + dw * q - left
        inside = n < N and p < P and 0 <= h < H and 0 <= w < W
        a[ty, tx] = x[n, h, w, group * Cg + c] if inside else y.dtype.type(0)
        c, q, p = (first + ty) % Cg, (first + ty) // Cg % Q, (first + ty) // Cg // Q
        z[ty, tx] = k[p, q, c, group * filters + f] if p < P and f < filters else y.dtype.type(0)
        cuda.syncthreads()
        for step in range(SIDE):
            total += a[ty, step] * z[step, tx]
        cuda.syncthreads()
    if n < N and f < filters:
        y[n, i, j, group * filters + f] = total + b[group * filters + f] if biased else total


@cuda.jit
def _backward_data(dy, k, settings, filters, dx):
    sh, sw, top, left, dh, dw = settings
    a = cuda.shared.array((SIDE, SIDE), dy.dtype)
    z = cuda.shared.array((SIDE, PITCH), dy.dtype)
    tx, ty, group = cuda.threadIdx.x, cuda.threadIdx.y, cuda.blockIdx.z
    N, Ho, Wo, F = dy.shape
    P, Q, Cg, F = k.shape
    N, H, W, C = dx.shape
    c, m = cuda.blockIdx.x * SIDE + tx, cuda.blockIdx.y * SIDE + ty
    w, h, n = m % W, m // W % H, m // W // H
    total = dx.dtype.type(0)
    for first in range(0, P * Q * filters, SIDE):
        f, q, p = (first + tx) % filters, (first + tx) // filters % Q, (first + tx) // filters // Q
        i, j = h + top - dh * p, w + left - dw * q
        # the outputs that read this pixel by (p,q) are those at whole multiples of the stride
        inside = n < N and p < P and i >= 0 and j >= 0 and i % sh == 0 and j % sw == 0
        inside = inside and i // sh < Ho and j // sw < Wo
        a[ty, tx] = dy[n, i // sh, j // sw, group * filters + f] if inside else dx.dtype.type(0)
        # k by rows of filters, which lie side by side in memory: column ty of z, which is turned
        column = cuda.blockIdx.x * SIDE + ty
        z[tx, ty] = k[p, q, column, group * filters + f] if p < P and column < Cg else dx.dtype.type(0)
        cuda.syncthreads()
        for step in range(SIDE):
            total += a[ty, step] * z[step, tx]
        cuda.syncthreads()
    if n < N and c < Cg:
        dx[n, h, w, group * Cg + c] = total


@cuda.jit
def _backward_weights(x, dy, settings, filters, dk):
    sh, sw, top, left, dh, dw = settings
    a = cuda.shared.array((SIDE, SIDE), x.dtype)
    z = cuda.shared.array((SIDE, SIDE), x.dtype)
    tx, ty, group = cuda.threadIdx.x, cuda.threadIdx.y, cuda.blockIdx.z
    N, H, W, C = x.shape
    P, Q, Cg, F = dk.shape
    N, Ho, Wo, F = dy.shape
    f = cuda.blockIdx.x * SIDE + tx
    # a is fetched by columns, whose channels lie side by side in memory: thread (tx, ty) fetches row tx of step ty
    row = cuda.blockIdx.y * SIDE + tx
    c, q, p = row % Cg, row // Cg % Q, row // Cg // Q
    total = dk.dtype.type(0)
    for first in range(0, N * Ho * Wo, SIDE):
        m = first + ty
        j, i, n = m % Wo, m // Wo % Ho, m // Wo // Ho
        h, w = sh * i + dh * p - top, sw * j + dw * q - left
        inside = n < N and p < P and 0 <= h < H and 0 <= w < W
        a[ty, tx] = x[n, h, w, group * Cg + c] if inside else dk.dtype.type(0)
        z[ty, tx] = dy[n, i, j, group * filters + f] if n < N and f < filters else dk.dtype.type(0)
        cuda.syncthreads()
        for step in range(SIDE):
            total += a[step, ty] * z[step, tx]
        cuda.syncthreads()
    row = cuda.blockIdx.y * SIDE + ty
    if row < P * Q * Cg and f < filters:
        dk[row // Cg // Q, row // Cg % Q, row % Cg, group * filters + f] = total
