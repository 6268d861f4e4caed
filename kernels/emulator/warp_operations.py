"""What the threads of a warp do together: shuffles, votes, synchronisation."""

import numpy as np

from kernels.emulator import machine as m
from kernels.emulator.bits import bits_set
from kernels.emulator.scalars import jit

UP, DOWN, BUTTERFLY, INDEX = range(4)  # column BYTES of SHUFFLE
ALL, ANY, UNIFORM, BALLOT = range(4)  # column BYTES of VOTE
(MATCH_ANY, MATCH_ALL, ELECT, ADD, AND, OR, XOR, MIN_U, MAX_U, MIN_S, MAX_S) = range(4, 15)  # the same
AMONG = {
    "match.any": MATCH_ANY, "match.all": MATCH_ALL, "elect": ELECT, "redux.add": ADD, "redux.and": AND, "redux.or": OR,
    "redux.xor": XOR, "redux.min": MIN_U, "redux.max": MAX_U, "redux.smin": MIN_S, "redux.smax": MAX_S,
}  # fmt: skip


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
def among(M, row, R, base, active):
    """Run match.sync, elect.sync and redux.sync: what the threads' numbers have in common, or come to."""
    how = row[m.BYTES]
    first, here = -1, np.uint64(0)
    for lane in range(32):
        if active[lane]:
            first = lane if first < 0 else first
            here |= np.uint64(1) << np.uint64(lane)
    value, same = np.uint64(first), True
    if how != ELECT:
        value = R[base + row[m.A] + first]
        for lane in range(first + 1, 32):
            if active[lane]:
                same = same and R[base + row[m.A] + lane] == value if how == MATCH_ALL else same
                value = value if how <= MATCH_ALL else _joined(how, value, R[base + row[m.A] + lane])
    if how == MATCH_ALL:
        value = here if same else np.uint64(0)
    equals = M.scratch[4]
    for lane in range(32):
        if active[lane] and how == MATCH_ANY:
            equals[lane] = np.int64(_equals(R, base + row[m.A], lane, active))
    for lane in range(32):
        if active[lane]:
            R[base + row[m.D] + lane] = np.uint64(equals[lane]) if how == MATCH_ANY else value
            if row[m.D1] >= 0:
                R[base + row[m.D1] + lane] = np.uint64(lane == first if how == ELECT else same)


@jit
def _joined(how, a, b):
    """Return what redux.sync makes of two numbers of 32 bits."""
    a, b = a & np.uint64(0xFFFFFFFF), b & np.uint64(0xFFFFFFFF)
    if how == ADD:
        return (a + b) & np.uint64(0xFFFFFFFF)
    if how == AND:
        return a & b
    if how == OR:
        return a | b
    if how == XOR:
        return a ^ b
    if how in (MIN_U, MAX_U):
        return a if (a < b) == (how == MIN_U) else b
    return a if (np.int32(a) < np.int32(b)) == (how == MIN_S) else b


@jit
def _equals(R, register, lane, active):
    """Return which threads hold the same number as one of them."""
    found = np.uint64(0)
    for other in range(32):
        if active[other] and R[register + other] == R[register + lane]:
            found |= np.uint64(1) << np.uint64(other)
    return found


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
