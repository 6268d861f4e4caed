"""Who touched which memory, and whether a barrier stands between: races by happens-before, not by luck.

A stamp packs (epoch, clock, volatile, thread). The epoch counts barriers over the whole launch, so it also tells the
block; the clock counts a thread's warp synchronisations since. 0 is nobody.

Each granule keeps its last plain write, and two groups each of the reads and of the atomic operations since: a group is
the threads of one warp at one clock. Two are enough to find a race with any other warp, since nothing but a barrier
orders two warps.
"""

import numpy as np

from kernels.emulator import machine as m
from kernels.emulator.faults import RACE, RACE_OF_BLOCKS
from kernels.emulator.handover import handed_over, note_atomic
from kernels.emulator.scalars import jit

_WRITE, _READS, _ATOMICS, _END = 0, 1, 3, 5  # columns of a granule's stamps
THREAD, VOLATILE, CLOCK, EPOCH = 1023, 10, 11, 30


@jit
def stamp(M, thread, volatile):
    """Return the stamp of an access that `thread` makes now."""
    lane = thread & 31
    clock = np.int64(M.clocks[thread >> 5, lane, lane])
    return (M.state[m.EPOCH] << EPOCH) | (clock << CLOCK) | (np.int64(volatile) << VOLATILE) | thread


@jit
def before(M, earlier, lanes, thread, shared):
    """Return whether all accesses of a group are sure to have happened before `thread` goes on.

    earlier: the stamp of one of them.  lanes: which threads of its warp they are, as bits.
    """
    epoch = earlier >> EPOCH
    if epoch < M.state[m.FIRST_EPOCH]:
        return shared or earlier == 0  # another block: its shared memory is not ours
    if epoch < M.state[m.EPOCH]:
        return True
    if (earlier & THREAD) >> 5 != thread >> 5:
        return False
    known, clock = M.clocks[thread >> 5, thread & 31], (earlier >> CLOCK) & 0x7FFFF
    for lane in range(32):
        if (lanes >> np.uint32(lane)) & np.uint32(1) and lane != thread & 31 and known[lane] < clock:
            return False
    return True


@jit
def _conflict(M, cell, first, end, thread, pc, shared, volatile):
    """Note a race with one of the groups first..end, if one is not before `thread`; False then.

    volatile: whether a volatile read of another thread is none of this access's business.
    """
    for i in range(first, end):
        earlier = M.stamps[cell, i]
        passes = earlier == 0 or (volatile and (earlier >> VOLATILE) & 1)
        if passes or before(M, earlier, M.lanes[cell, i], thread, shared):
            continue
        if handed_over(M, cell, earlier, M.lanes[cell, i], thread):
            continue
        M.fault[m.KIND] = RACE_OF_BLOCKS if earlier >> EPOCH < M.state[m.FIRST_EPOCH] else RACE
        M.fault[m.PC] = pc
        M.fault[m.THREAD] = thread
        M.fault[m.OTHER_THREAD] = _one_of(M, earlier, M.lanes[cell, i], thread, shared)
        M.fault[m.OTHER_PC] = M.places[cell, i]
        return False
    return True


@jit
def _one_of(M, earlier, lanes, thread, shared):
    """Return a thread of the group that is not before `thread`."""
    first = earlier & THREAD & ~31
    for lane in range(32):
        bit = np.uint32(1) << np.uint32(lane)
        if lanes & bit and not before(M, earlier, bit, thread, shared):
            return first | lane
    return earlier & THREAD


@jit
def _join(M, cell, first, thread, pc, shared, volatile):
    """Enter an access in one of the two groups from `first` on."""
    mine = stamp(M, thread, volatile)
    bit = np.uint32(1) << np.uint32(thread & 31)
    for i in range(first, first + 2):  # with the threads of its warp
        if M.stamps[cell, i] >> 5 == mine >> 5:
            M.lanes[cell, i] |= bit
            return
    for i in range(first, first + 2):  # in the place of what is before it
        earlier = M.stamps[cell, i]
        if earlier == 0 or before(M, earlier, M.lanes[cell, i], thread, shared):
            M.stamps[cell, i] = mine
            M.lanes[cell, i] = bit
            M.places[cell, i] = pc
            return


@jit
def reads(M, cell, thread, pc, shared, volatile):
    """Note that `thread` reads a granule; False (and a fault) if a write or an atomic is not ordered before.

    volatile: such reads may meet atomics: loops around an atomic compare-and-swap begin with one.
    """
    if not _conflict(M, cell, _WRITE, _READS, thread, pc, shared, False):
        return False
    if not volatile and not _conflict(M, cell, _ATOMICS, _END, thread, pc, shared, False):
        return False
    _join(M, cell, _READS, thread, pc, shared, volatile)
    return True


@jit
def adds(M, cell, thread, pc, shared):
    """Note an atomic operation; False (and a fault) if a plain access is not ordered before."""
    if not _conflict(M, cell, _WRITE, _ATOMICS, thread, pc, shared, True):
        return False
    _join(M, cell, _ATOMICS, thread, pc, shared, False)
    note_atomic(M, cell, thread, stamp(M, thread, False), shared)
    return True


@jit
def writes(M, cell, thread, pc, shared):
    """Note that `thread` writes a granule; False (and a fault) if an access to it is not ordered before."""
    if not _conflict(M, cell, _WRITE, _END, thread, pc, shared, False):
        return False
    M.stamps[cell, _WRITE] = stamp(M, thread, False)
    M.lanes[cell, _WRITE] = np.uint32(1) << np.uint32(thread & 31)
    M.places[cell, _WRITE] = pc
    for i in range(_READS, _END):  # what was before this write is before all that comes after it
        M.stamps[cell, i] = 0
    return True
