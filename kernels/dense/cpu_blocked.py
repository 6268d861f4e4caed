"""Rows instead of sums: y[i,:] += a[i,l] * b[l,:] runs along memory, so one instruction does 8 or 16 outputs.

All three passes are the product of a (I,L) and b (L,J): x k, dy kᵀ, xᵀ dy. It is cut into blocks of y that threads
take whole; b's part of a block (LENGTH x WIDTH) stays in the first cache while all its rows use it. Eight terms are
added to a row of y before it is stored again. Every sum runs over l = 0, 1, 2, ... whatever the number of threads.
"""

import numba
import numpy as np

from kernels.jit import jit

HEIGHT, WIDTH, LENGTH = 16, 128, 32  # rows and columns of a block of y, terms added at a time
PARALLEL = 1 << 16  # products; below, one thread is done before several have started


def forward(x, k, b=None, *, out):
    """Compute y[n,f] = b[f] + sum_c x[n,c] * k[c,f], into out."""
    out[...] = 0 if b is None else b
    run = _product_parallel if x.size * k.shape[1] >= PARALLEL else _product
    run(x, k, out)


def backward_data(dy, k, *, out):
    """Compute dx[n,c] = sum_f dy[n,f] * k[c,f], into out."""
    run = _backward_data_parallel if dy.size * k.shape[0] >= PARALLEL else _backward_data
    run(dy, k, out)


def backward_weights(x, dy, *, out):
    """Compute dk[c,f] = sum_n x[n,c] * dy[n,f], db[f] = sum_n dy[n,f], into out = (dk, db)."""
    dk, db = out
    dk[...] = 0
    run = _product_parallel if x.size * dy.shape[1] >= PARALLEL else _product
    run(x.T, dy, dk)
    _column_sums(dy, db)


@jit(inner=True)
def _add_block(a, b, y, top, left):
    """Compute y += a b for the block of y that begins at (top, left); a's rows are y's."""
    L = a.shape[1]
    right = min(left + WIDTH, y.shape[1])
    for first in range(0, L, LENGTH):
        last = min(first + LENGTH, L)
        eights = first + (last - first) // 8 * 8
        for i in range(top, min(top + HEIGHT, y.shape[0])):
            row = y[i, left:right]
            for l in range(first, eights, 8):
                _add_eight(a[i, l : l + 8], b[l : l + 8], row, left)
            for l in range(eights, last):
                _add_one(a[i, l], b[l, left:right], row)


@jit(inner=True)
def _add_eight(a, b, row, left):
    """Compute row[j] += a[0] * b[0,left+j] + ... + a[7] * b[7,left+j], term after term."""
    right = left + row.size
    b0, b1, b2, b3 = b[0, left:right], b[1, left:right], b[2, left:right], b[3, left:right]
    b4, b5, b6, b7 = b[4, left:right], b[5, left:right], b[6, left:right], b[7, left:right]
    a0, a1, a2, a3, a4, a5, a6, a7 = a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]
    for j in range(row.size):
        total = row[j] + a0 * b0[j]
        total += a1 * b1[j]
        total += a2 * b2[j]
        total += a3 * b3[j]
        total += a4 * b4[j]
        total += a5 * b5[j]
        total += a6 * b6[j]
        row[j] = total + a7 * b7[j]


@jit(inner=True)
def _add_one(a, b, row):
    for j in range(row.size):
        row[j] += a * b[j]


@jit()
def _product(a, b, y):
    for top in range(0, y.shape[0], HEIGHT):
        for left in range(0, y.shape[1], WIDTH):
            _add_block(a, b, y, top, left)


@jit(parallel=True)
def _product_parallel(a, b, y):
    across = (y.shape[1] + WIDTH - 1) // WIDTH
    down = (y.shape[0] + HEIGHT - 1) // HEIGHT
    for t in numba.prange(down * across):
        _add_block(a, b, y, t // across * HEIGHT, t % across * WIDTH)


@jit(inner=True)
def _transposed_product(dy, k, dx, left):
    """Compute dx = dy kᵀ for WIDTH columns: their rows of k are transposed once, to multiply along memory."""
    C, F = min(WIDTH, k.shape[0] - left), k.shape[1]
    turned = np.empty((F, C), k.dtype)
    for f in range(F):
        for c in range(C):
            turned[f, c] = k[left + c, f]
    part = np.zeros((dy.shape[0], C), k.dtype)
    for top in range(0, dy.shape[0], HEIGHT):
        _add_block(dy, turned, part, top, 0)
    dx[:, left : left + C] = part


@jit()
def _backward_data(dy, k, dx):
    for left in range(0, k.shape[0], WIDTH):
        _transposed_product(dy, k, dx, left)


@jit(parallel=True)
def _backward_data_parallel(dy, k, dx):
    for t in numba.prange((k.shape[0] + WIDTH - 1) // WIDTH):
        _transposed_product(dy, k, dx, t * WIDTH)


@jit()
def _column_sums(dy, db):
    db[...] = 0
    for n in range(dy.shape[0]):
        _add_one(dy.dtype.type(1), dy[n], db)
