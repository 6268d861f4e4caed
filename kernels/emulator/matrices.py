"""What a warp does with small matrices that its 32 threads hold together: mma.sync and ldmatrix.

PTX says where in the matrices a thread's registers lie, and that products are exact and sums "at least single
precision"; in which order they are added and how each is rounded, it leaves open. Here sums are as bad as GPUs have
been seen to make them: four products in TF32, or eight in bfloat16, and what they are added to are cut off below the
last place that the largest of them has as a float32, added, and cut off again. What holds here holds of a better sum.
Source: PTX ISA, "Matrix multiply-accumulate operation using mma"; Fasi, Higham, Mikaitis and Pranesh, Numerical
behavior of NVIDIA tensor cores, 2021.
"""

import math

import numpy as np

from kernels.emulator import faults as f
from kernels.emulator import machine as m
from kernels.emulator.counters import count_wavefronts
from kernels.emulator.memory import fail, get, locate, may_read
from kernels.emulator.scalars import b32, b64, f32, f64, jit

TF32, BF16 = range(2)  # column BYTES of MULTIPLY
STEPS = (8, 16)  # along k, of one instruction


@jit
def is_whole(M, active, warp, pc):
    """Return whether all 32 threads of the warp are here, as both instructions demand; a fault if not."""
    for lane in range(32):
        if not active[lane]:
            return fail(M, f.WARP_SPLIT, warp * 32, pc)
    return True


@jit
def number(R, register, half, kind):
    """Return a number of a matrix as float64: TF32 is a float32 without its lowest 13 bits, bfloat16 without 16."""
    bits = R[register] & np.uint64(0xFFFFFFFF)
    if kind == TF32:
        bits &= np.uint64(0xFFFFE000)
    elif half:
        bits &= np.uint64(0xFFFF0000)
    else:
        bits = (bits << np.uint64(16)) & np.uint64(0xFFFF0000)
    return np.float64(f32(bits))


@jit
def multiply(M, row, R, base, active, warp, pc):
    """Run mma.sync: d = a b + c, a (16, k), b (k, 8); False and a fault if the warp is not whole."""
    if not is_whole(M, active, warp, pc):
        return False
    kind, a, b, terms = row[m.BYTES], M.matrices[0], M.matrices[1], M.matrices[2, 0]
    steps = _take(row, R, base, kind, a, b)
    of_c, of_d = (m.C, m.C1, m.C2, m.C3), (m.D, m.D1, m.D2, m.D3)
    together = steps // 2
    for i in range(16):
        for j in range(8):
            lane, e = i % 8 * 4 + j // 2, i // 8 * 2 + j % 2
            total = np.float64(f32(R[base + row[of_c[e]] + lane]))
            for first in range(0, steps, together):
                for k in range(together):
                    terms[k] = a[i, first + k] * b[j, first + k]
                total = add_cut_off(total, terms, together)
            M.matrices[3, i, j] = total
    for i in range(16):
        for j in range(8):
            lane, e = i % 8 * 4 + j // 2, i // 8 * 2 + j % 2
            R[base + row[of_d[e]] + lane] = b32(np.float32(M.matrices[3, i, j]))
    return True


@jit
def _take(row, R, base, kind, a, b):
    """Write the matrices a (16, k) and b (8, k) from the threads' registers; k."""
    of_a, of_b = (m.A, m.A1, m.A2, m.A3), (m.B, m.B1)
    halves = 1 if kind == TF32 else 2
    for lane in range(32):
        g, t = lane // 4, lane % 4
        for half in range(halves):
            for e in range(4):
                a[g + e % 2 * 8, (t + e // 2 * 4) * halves + half] = number(R, base + row[of_a[e]] + lane, half, kind)
            for e in range(2):
                b[g, (t + e * 4) * halves + half] = number(R, base + row[of_b[e]] + lane, half, kind)
    return 8 * halves


@jit
def add_cut_off(total, terms, count):
    """Return total + terms[0] + ..., each cut off below the largest one's last place as a float32, and so the sum."""
    largest, plain = abs(total), total
    for k in range(count):
        largest = max(largest, abs(terms[k]))
        plain += terms[k]
    if not abs(plain) < math.inf or largest == 0:
        return plain
    place = last_place(largest)
    whole = np.trunc(total / place)
    for k in range(count):
        whole += np.trunc(terms[k] / place)
    whole *= place
    if whole == 0:
        return whole
    return np.trunc(whole / last_place(abs(whole))) * last_place(abs(whole))


@jit
def last_place(v):
    """Return the distance of a positive number from the next float32 above its power of two."""
    exponent = np.int64(b64(v) >> np.uint64(52)) - 1023
    exponent = max(exponent - 23, -149)
    return f64(np.uint64(exponent + 1023) << np.uint64(52))


@jit
def load(M, row, R, base, active, warp, pc):
    """Run ldmatrix: 8 rows of 16 bytes for each matrix; a thread gets 4 bytes of each. False where one is at fault."""
    if not is_whole(M, active, warp, pc):
        return False
    count, offsets, starts = row[m.LANES], M.scratch[0], M.scratch[5]
    asked = M.active[0]
    for lane in range(32):
        asked[lane] = lane < 8 * count
        if asked[lane]:
            address = R[base + row[m.A] + lane] + np.uint64(row[m.C1])
            slot, start = locate(M, address, m.SHARED_SPACE, 16, warp * 32 + lane, pc)
            offsets[lane] = M.fault[m.ADDRESS]
            if slot < 0 or not may_read(M, slot, start, 16, warp * 32 + lane, pc, False):
                return False
            starts[lane] = start
    of_d = (m.D, m.D1, m.D2, m.D3)
    for i in range(count):
        for lane in range(32):
            if row[m.SIGNED]:  # transposed: two numbers of 16 bits from neighbouring rows
                at, down = starts[8 * i + lane % 4 * 2], starts[8 * i + lane % 4 * 2 + 1]
                value = get(M, at + lane // 4 * 2, 2) | (get(M, down + lane // 4 * 2, 2) << np.uint64(16))
            else:
                value = get(M, starts[8 * i + lane // 4] + lane % 4 * 4, 4)
            R[base + row[of_d[i]] + lane] = value
    count_wavefronts(M, offsets, asked, 16, pc)
    for lane in range(32):
        asked[lane] = True
    return True
