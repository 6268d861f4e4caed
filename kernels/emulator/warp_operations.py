"""What the threads of a warp do together: shuffles, votes, synchronisation."""

import numpy as np

from kernels.emulator import machine as m
from kernels.emulator.bits import bits_set
from kernels.emulator.scalars import jit

UP, DOWN, BUTTERFLY, INDEX = range(4)  # column BYTES of SHUFFLE
ALL, ANY, UNIFORM, BALLOT = range(4)  # column BYTES of VOTE


HERE, AWAITED, NOT_NAMED = range(3)


@jit
def gather(M, row, R, base, warp, first, candidates, together):
    """Mark in `together` the candidates whose mask is that of thread `first`; return whether all that it names are in.

    Threads beyond the block are not waited for, nor those that have ended, unless they have missed the operation: had
    gone on to what comes after it.
    """
    mask = R[base + row[m.E] + first] & np.uint64(0xFFFFFFFF)
    result = HERE
    for lane in range(32):
        together[lane] = candidates[lane] and R[base + row[m.E] + lane] & np.uint64(0xFFFFFFFF) == mask
        named = (mask >> np.uint64(lane)) & np.uint64(1)
        if together[lane] and not named:
            return NOT_NAMED
        exists = M.doing[warp, lane] != m.ENDED or M.missed[warp, lane]
        if named and exists and not together[lane]:
            result = AWAITED
    return result


@jit
def shuffle(M, row, R, base, warp, active):
    """Run shfl.sync: each thread takes a register of another; no value, and all ones, if that one takes no part."""
    taken, marks, set_here = M.scratch[4], M.marks[warp], np.uint64(0)
    for lane in range(32):
        if not active[lane]:
            continue
        step = np.int64(R[base + row[m.B] + lane] & np.uint64(31))
        limits = np.int64(R[base + row[m.C] + lane] & np.uint64(0x1F1F))
        segment, limit = limits >> 8, limits & 31
        lowest = lane & segment
        highest = lowest | (limit & ~segment & 31)
        how = row[m.BYTES]
        if how == UP:
            other = lane - step
        elif how == DOWN:
            other = lane + step
        else:
            other = lane ^ step if how == BUTTERFLY else lowest | (step & ~segment & 31)
        inside = other >= highest if how == UP else other <= highest
        other = other if inside else lane
        here = 0 <= other < 32 and active[other]
        value = R[base + row[m.A] + other] & np.uint64(0xFFFFFFFF) if here else np.uint64(0xFFFFFFFF)
        taken[lane] = np.int64(value) | (np.int64(inside) << 32)
        if here and (not row[m.SPACE] or (marks[row[m.A] >> 5] >> np.uint64(other)) & np.uint64(1)):
            set_here |= np.uint64(1) << np.uint64(lane)
    for lane in range(32):
        if active[lane]:
            bit = np.uint64(1) << np.uint64(lane)
            marks[row[m.D] >> 5] = (marks[row[m.D] >> 5] & ~bit) | (set_here & bit)
            R[base + row[m.D] + lane] = np.uint64(taken[lane] & 0xFFFFFFFF)
            if row[m.D1] >= 0:
                R[base + row[m.D1] + lane] = np.uint64(taken[lane] >> 32)


@jit
def vote(row, R, base, active):
    """Run vote.sync: what the threads' predicates have in common."""
    ballot = np.uint64(0)
    here = np.uint64(0)
    for lane in range(32):
        if active[lane]:
            here |= np.uint64(1) << np.uint64(lane)
            if R[base + row[m.A] + lane] != np.uint64(0):
                ballot |= np.uint64(1) << np.uint64(lane)
    how = row[m.BYTES]
    result = ballot
    if how == ALL:
        result = np.uint64(ballot == here)
    elif how == ANY:
        result = np.uint64(bits_set(ballot) > np.uint64(0))
    elif how == UNIFORM:
        result = np.uint64(ballot == here or ballot == np.uint64(0))
    for lane in range(32):
        if active[lane]:
            R[base + row[m.D] + lane] = result


@jit
def synchronise(M, warp, active):
    """Run bar.warp.sync: what each member has done comes before what any of them does next."""
    clocks = M.clocks[warp]
    known = M.scratch[4]
    known[:] = 0
    for lane in range(32):
        if active[lane]:
            for other in range(32):
                known[other] = max(known[other], np.int64(clocks[lane, other]))
    for lane in range(32):
        if active[lane]:
            for other in range(32):
                clocks[lane, other] = known[other]
            clocks[lane, lane] = min(clocks[lane, lane] + 1, 0x7FFFF)  # what a stamp has room for
    M.state[m.CLOCKS_USED] = 1
