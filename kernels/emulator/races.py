"""Who touched which memory last, and whether a barrier stands between: races by happens-before, not by luck.

A stamp packs (epoch, clock, atomic, thread). The epoch counts barriers over the whole launch, so it also tells the
block; the clock counts a thread's warp synchronisations since. 0 is nobody.
"""

import numpy as np

from kernels.emulator import machine as m
from kernels.emulator.faults import RACE, RACE_OF_BLOCKS
from kernels.emulator.scalars import jit


@jit
def stamp(M, thread, atomic):
    """Return the stamp of an access that `thread` makes now."""
    lane = thread & 31
    clock = np.int64(M.clocks[thread >> 5, lane, lane])
    return (M.state[m.EPOCH] << 30) | (clock << 11) | (np.int64(atomic) << 10) | thread


@jit
def before(M, earlier, thread, shared):
    """Return whether what left the stamp `earlier` is sure to have happened before `thread` goes on."""
    epoch = earlier >> 30
    if epoch < M.state[m.FIRST_EPOCH]:
        return shared or earlier == 0  # another block: its shared memory is not ours
    other = earlier & 1023
    if epoch < M.state[m.EPOCH] or other == thread:
        return True
    if other >> 5 != thread >> 5:
        return False
    return M.clocks[thread >> 5, thread & 31, other & 31] >= ((earlier >> 11) & 0x7FFFF)


@jit
def _race(M, earlier, place, thread, pc):
    M.fault[m.KIND] = RACE_OF_BLOCKS if earlier >> 30 < M.state[m.FIRST_EPOCH] else RACE
    M.fault[m.PC] = pc
    M.fault[m.THREAD] = thread
    M.fault[m.OTHER_THREAD] = earlier & 1023
    M.fault[m.OTHER_PC] = place
    return False


@jit
def reads(M, cell, thread, pc, shared, atomic):
    """Note that `thread` reads a granule; False (and a fault) if its last write is not ordered before.

    atomic: a volatile read, as loops around an atomic compare-and-swap begin with; it may meet atomics.
    """
    writer = M.stamps[cell, 0]
    both_atomic = atomic and (writer >> 10) & 1
    if writer != 0 and not both_atomic and not before(M, writer, thread, shared):
        return _race(M, writer, M.places[cell, 0], thread, pc)
    for i in range(1, 3):
        reader = M.stamps[cell, i]
        if reader == 0 or before(M, reader, thread, shared):
            M.stamps[cell, i] = stamp(M, thread, atomic)
            M.places[cell, i] = pc
            break
    return True


@jit
def writes(M, cell, thread, pc, shared, atomic):
    """Note that `thread` writes a granule; False (and a fault) if an access to it is not ordered before."""
    for i in range(3):
        other = M.stamps[cell, i]
        both_atomic = atomic and (other >> 10) & 1
        if other != 0 and not both_atomic and not before(M, other, thread, shared):
            return _race(M, other, M.places[cell, i], thread, pc)
    M.stamps[cell, 0] = stamp(M, thread, atomic)
    M.places[cell, 0] = pc
    M.stamps[cell, 1] = 0  # what reads were before this write are before all that comes after it
    M.stamps[cell, 2] = 0
    return True
