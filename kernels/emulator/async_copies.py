"""cp.async: a copy that is done as late as it may be, when its thread waits for it.

Until then the target's bytes are PENDING, and whoever touches them is at fault. A write of the waiting thread it is
then, so the others need a barrier after the wait: the check of races sees to that.
"""

import numpy as np

from kernels.emulator import faults as f
from kernels.emulator import machine as m
from kernels.emulator.memory import fail, get, locate, may_read, may_write, put
from kernels.emulator.scalars import jit


@jit
def start_copy(M, to, source, width, filled, thread, pc):
    """Start cp.async of `filled` bytes (the rest of `width` becomes zeros); False and a fault if it must not be."""
    count = M.queued[thread, 0]
    if count == m.QUEUE:
        return fail(M, f.QUEUE_FULL, thread, pc)
    slot, target = locate(M, to, m.SHARED_SPACE, width, thread, pc)
    if slot < 0 or not may_write(M, slot, target, width, thread, pc, False):
        return False
    if filled > 0:
        slot, origin = locate(M, source, m.GLOBAL_SPACE, filled, thread, pc)
        if slot < 0 or not may_read(M, slot, origin, filled, thread, pc, False):
            return False
    M.known[target : target + width] = m.PENDING
    entry = M.copies[thread, count]
    entry[m.TO], entry[m.FROM] = np.int64(to), np.int64(source)
    entry[m.COPIED], entry[m.FILLED], entry[m.GROUP], entry[m.COPY_PC] = width, filled, M.queued[thread, 1], pc
    M.queued[thread, 0] = count + 1
    return True


@jit
def finish_copies(M, thread, last):
    """Do the thread's copies of all groups up to `last`; False and a fault if a source has changed meanwhile."""
    kept = 0
    for i in range(M.queued[thread, 0]):
        entry = M.copies[thread, i]
        if entry[m.GROUP] > last:
            for column in range(6):
                M.copies[thread, kept, column] = entry[column]
            kept += 1
            continue
        if not _finish(M, entry, thread):
            return False
    M.queued[thread, 0] = kept
    return True


@jit
def _finish(M, entry, thread):
    width, filled, pc = entry[m.COPIED], entry[m.FILLED], entry[m.COPY_PC]
    slot, target = locate(M, np.uint64(entry[m.TO]), m.SHARED_SPACE, width, thread, pc)
    M.known[target : target + width] = m.SET
    if not may_write(M, slot, target, width, thread, pc, False):
        return False
    M.bytes[target : target + width] = 0
    if filled > 0:
        slot, origin = locate(M, np.uint64(entry[m.FROM]), m.GLOBAL_SPACE, filled, thread, pc)
        if not may_read(M, slot, origin, filled, thread, pc, False):
            return False
        for i in range(filled):
            put(M, target + i, 1, get(M, origin + i, 1))
    return True
