"""cp.async: a copy that is done as late as it may be, when its thread waits for it.

Until then the target's bytes are PENDING, and whoever touches them is at fault. A write of the waiting thread it is
then, so the others need a barrier after the wait: the check of races sees to that.
"""

import numpy as np

from kernels.emulator import faults as f
from kernels.emulator import machine as m
from kernels.emulator.memory import fail, locate, may_read, may_write
from kernels.emulator.plain_access import plain_read, plain_write
from kernels.emulator.scalars import inlined, jit


@inlined
def start_copy(M, to, source, width, filled, thread, pc):
    """Start cp.async of `filled` bytes (the rest of `width` becomes zeros); False and a fault if it must not be."""
    count = M.queued[thread, 0]
    if count == m.QUEUE:
        return fail(M, f.QUEUE_FULL, thread, pc)
    target = plain_write(M, to, width, thread, pc)
    if target < 0:
        slot, target = locate(M, to, m.SHARED_SPACE, width, thread, pc)
        if slot < 0 or not may_write(M, slot, target, width, thread, pc, False):
            return False
    if filled > 0 and plain_read(M, source, filled, thread, pc) < 0:
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


@inlined
def _finish(M, entry, thread):
    to, source = np.uint64(entry[m.TO]), np.uint64(entry[m.FROM])
    width, filled, pc = entry[m.COPIED], entry[m.FILLED], entry[m.COPY_PC]
    target = M.slots[m.SHARED, m.START] + np.int64(np.int32(to))  # it was there when the copy was started
    for i in range(width):
        M.known[target + i] = m.SET
    if plain_write(M, to, width, thread, pc) < 0:
        slot, target = locate(M, to, m.SHARED_SPACE, width, thread, pc)
        if not may_write(M, slot, target, width, thread, pc, False):
            return False
    origin = np.int64(0)
    if filled > 0:
        origin = plain_read(M, source, filled, thread, pc)
        if origin < 0:
            slot, origin = locate(M, source, m.GLOBAL_SPACE, filled, thread, pc)
            if not may_read(M, slot, origin, filled, thread, pc, False):
                return False
    for i in range(width):
        M.bytes[target + i] = M.bytes[origin + i] if i < filled else np.uint8(0)
    return True
