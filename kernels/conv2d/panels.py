"""Kernels packed as the tiles read them: for each group and block of columns one panel, its rows as wide as the block.

forward reads k[p,q,c,f] with c as the step and f as the column; backward_data with f as the step and c as the column.
The columns beyond the last one are zeros, and what they sum to is never stored.
"""

import numpy as np

from kernels import simd
from kernels.jit import jit
from kernels.tiled_sums import block, block_count


@jit()
def pack_forward(k, groups):
    """Step (p,q,c), column f of the group."""
    P, Q, Cg, F = k.shape
    steps, columns, lanes = P * Q * Cg, F // groups, simd.lanes(k)
    vectors = -(-columns // lanes)
    flat = k.reshape(-1)
    panels = np.empty(groups * steps * vectors * lanes, k.dtype)
    at = 0
    for g in range(groups):
        for index in range(block_count(vectors)):
            first, vecs = block(vectors, index)
            f = first * lanes
            valid, wide = min(columns - f, vecs * lanes), vecs * lanes
            for t in range(steps):
                k_at = t * F + g * columns + f
                for lane in range(valid):
                    panels[at + lane] = flat[k_at + lane]
                for lane in range(valid, wide):
                    panels[at + lane] = 0
                at += wide
    return panels


@jit()
def pack_backward(k, groups):
    """Step (p,q,f), f of the group, column c: every k[p,q] transposed."""
    P, Q, Cg, F = k.shape
    terms, lanes = F // groups, simd.lanes(k)
    vectors = -(-Cg // lanes)
    flat = k.reshape(-1)
    panels = np.empty(groups * P * Q * terms * vectors * lanes, k.dtype)
    at = 0
    for g in range(groups):
        for index in range(block_count(vectors)):
            first, vecs = block(vectors, index)
            wide = vecs * lanes
            for pq in range(P * Q):
                for lane in range(wide):
                    c = first * lanes + lane
                    k_at = (pq * Cg + c) * F + g * terms
                    for f in range(terms):
                        panels[at + f * wide + lane] = flat[k_at + f] if c < Cg else 0
                at += terms * wide
    return panels
