"""The book of registers that may hold no value: for each, which threads' copies hold one, as bits of one number."""

import numpy as np

from kernels.emulator import faults as f
from kernels.emulator import machine as m
from kernels.emulator.memory import fail
from kernels.emulator.scalars import jit

ALL = np.uint64(0xFFFFFFFF)


@jit
def bits_of(lanes):
    """Return 32 truth values as the bits of a number."""
    bits = np.uint64(0)
    for lane in range(32):
        bits |= np.uint64(lanes[lane]) << np.uint64(lane)
    return bits


@jit
def _where(R, register):
    """Return which threads' copies of a register are not zero, as bits."""
    bits = np.uint64(0)
    for lane in range(32):
        bits |= np.uint64(R[register + lane] != np.uint64(0)) << np.uint64(lane)
    return bits


@jit
def _fits(R, wide, narrow):
    """Return which threads' 32-bit registers, with their signs, are what the 64-bit ones beside them hold, as bits."""
    bits = np.uint64(0)
    for lane in range(32):
        bits |= np.uint64(np.int64(np.int32(R[narrow + lane])) == np.int64(R[wide + lane])) << np.uint64(lane)
    return bits


@jit
def _held(M, warp, register):
    """Return which threads' copies of a register hold a value; all, if it is not watched (0)."""
    return M.marks[warp, register >> 5] if register > 0 else ALL


@jit
def keep_book(M, row, R, base, warp, pc):
    """Run one row that marks a register, or checks it; False and a fault if a thread's copy holds no value."""
    op, acts = row[m.OP], bits_of(M.active[1])
    if op == m.CHECK:
        missing = acts & ~M.marks[warp, row[m.A] >> 5]
        lane = 0
        while missing and not (missing >> np.uint64(lane)) & np.uint64(1):
            lane += 1
        return missing == 0 or fail(M, f.UNSET_REGISTER, warp * 32 + lane, pc)
    held = ALL
    first, second = _held(M, warp, row[m.B]), _held(M, warp, row[m.C])
    if op == m.MARK_ALL:
        held = first & second & _held(M, warp, row[m.E]) & _held(M, warp, row[m.D1])
    elif op == m.MARK_CHOSEN:
        chosen = _where(R, base + row[m.E])
        held = ((first & chosen) | (second & ~chosen)) & _held(M, warp, row[m.D1])
    elif op == m.MARK_DECIDED:
        a, b = _where(R, base + row[m.D1]), _where(R, base + row[m.D2])
        if row[m.E] == 0:
            a, b = ~a, ~b
        held = (first & second) | (first & a) | (second & b)
    elif op == m.MARK_FITS:
        held = first & _fits(R, base + row[m.D1], base + row[m.D2])
    mine = M.marks[warp, row[m.A] >> 5]
    M.marks[warp, row[m.A] >> 5] = (mine & ~acts) | (held & acts)
    return True
