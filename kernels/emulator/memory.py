"""Loads, stores, atomics and asynchronous copies of one thread, checked: bounds, alignment, content, races."""

import numpy as np

from kernels.emulator import faults as f
from kernels.emulator import machine as m
from kernels.emulator.aliases import is_lost, note_write, within
from kernels.emulator.races import adds, reads, writes
from kernels.emulator.scalars import jit


@jit
def fail(M, kind, thread, pc):
    """Note a fault of `thread` at instruction `pc`; False."""
    M.fault[m.KIND] = kind
    M.fault[m.THREAD] = thread
    M.fault[m.PC] = pc
    return False


@jit
def locate(M, address, space, width, thread, pc):
    """Return (slot, offset in `bytes`) of an access of `width` bytes.

    (-1, 0) and a fault if there is no such memory.
    """
    if space == m.SHARED_SPACE:
        slot, offset = np.int64(m.SHARED), np.int64(np.int32(address))
    elif space == m.LOCAL_SPACE:
        slot, offset = np.int64(m.LOCAL), np.int64(np.int32(address))
    else:
        slot, offset = np.int64(address >> np.uint64(32)), np.int64(address & np.uint64(0xFFFFFFFF)) - m.HALF
    if slot == m.SHARED and M.state[m.ALIASES]:
        offset = within(M, offset)
    M.fault[m.ADDRESS] = offset
    M.fault[m.SLOT] = slot
    M.fault[m.WIDTH] = width
    if slot < 1 or slot >= len(M.slots) or (space == m.GLOBAL_SPACE and slot < m.FIRST_BUFFER):
        if slot < 1 or slot >= len(M.slots):
            M.fault[m.SLOT] = 0
        fail(M, f.WRONG_SPACE, thread, pc)
        return np.int64(-1), np.int64(0)
    if offset < 0 or offset + width > M.slots[slot, m.SIZE]:
        fail(M, f.OUT_OF_BOUNDS, thread, pc)
        return np.int64(-1), np.int64(0)
    if width & (width - 1) == 0 and offset & (width - 1):
        fail(M, f.MISALIGNED, thread, pc)
        return np.int64(-1), np.int64(0)
    start = M.slots[slot, m.START] + offset
    return slot, start + thread * M.state[m.LOCAL_BYTES] if slot == m.LOCAL else start


@jit
def may_read(M, slot, start, width, thread, pc, atomic):
    """Return whether the bytes hold something that this thread may read now, and note the read."""
    if slot < m.FIRST_BUFFER:
        for i in range(start, start + width):
            if M.known[i] == m.GAP:
                return fail(M, f.OUT_OF_BOUNDS, thread, pc)
            if M.known[i] != m.SET:
                pending = M.known[i] == m.PENDING
                unset = f.UNSET_SHARED if slot == m.SHARED else f.UNSET_LOCAL
                return fail(M, f.PENDING_COPY if pending else unset, thread, pc)
        if slot == m.SHARED and M.state[m.ALIASES] and is_lost(M, start, width):
            return fail(M, f.ALIASED, thread, pc)
    elif M.slots[slot, m.UNWRITTEN]:
        for i in range(start, start + width):
            if M.known[i] == m.UNSET:
                return fail(M, f.UNSET_GLOBAL, thread, pc)
    if slot == m.LOCAL:
        return True
    first = M.slots[slot, m.SHADOW] - (M.slots[slot, m.START] >> M.slots[slot, m.GRANULE])
    shift = M.slots[slot, m.GRANULE]
    for cell in range(start >> shift, ((start + width - 1) >> shift) + 1):
        if not reads(M, first + cell, thread, pc, slot == m.SHARED, atomic):
            return False
    return True


@jit
def may_write(M, slot, start, width, thread, pc, atomic):
    """Return whether this thread may write the bytes now, and note the write. An atomic also reads."""
    if not M.slots[slot, m.WRITABLE]:
        return fail(M, f.READ_ONLY, thread, pc)
    if slot < m.FIRST_BUFFER:
        for i in range(start, start + width):
            if M.known[i] == m.GAP:
                return fail(M, f.OUT_OF_BOUNDS, thread, pc)
            if M.known[i] == m.PENDING:
                return fail(M, f.PENDING_COPY, thread, pc)
            if atomic and M.known[i] == m.UNSET:
                return fail(M, f.UNSET_SHARED if slot == m.SHARED else f.UNSET_LOCAL, thread, pc)
            M.known[i] = m.SET
        if slot == m.SHARED and M.state[m.ALIASES]:
            if atomic and is_lost(M, start, width):
                return fail(M, f.ALIASED, thread, pc)
            note_write(M, start, width)
    elif M.slots[slot, m.UNWRITTEN]:
        for i in range(start, start + width):
            if atomic and M.known[i] == m.UNSET:
                return fail(M, f.UNSET_GLOBAL, thread, pc)
            M.known[i] = m.SET
    if slot == m.LOCAL:
        return True
    first = M.slots[slot, m.SHADOW] - (M.slots[slot, m.START] >> M.slots[slot, m.GRANULE])
    shift = M.slots[slot, m.GRANULE]
    for cell in range(start >> shift, ((start + width - 1) >> shift) + 1):
        if atomic:
            if not adds(M, first + cell, thread, pc, slot == m.SHARED):
                return False
        elif not writes(M, first + cell, thread, pc, slot == m.SHARED):
            return False
    return True


@jit
def get(M, start, width):
    """Return `width` bytes as a number."""
    memory = M.bytes
    if width == 4:
        low = np.uint64(memory[start]) | (np.uint64(memory[start + 1]) << np.uint64(8))
        return low | (np.uint64(memory[start + 2]) << np.uint64(16)) | (np.uint64(memory[start + 3]) << np.uint64(24))
    value = np.uint64(0)
    for i in range(width):
        value |= np.uint64(memory[start + i]) << np.uint64(8 * i)
    return value


@jit
def put(M, start, width, value):
    """Write the low `width` bytes of a number to memory."""
    for i in range(width):
        M.bytes[start + i] = np.uint8(value >> np.uint64(8 * i))


@jit
def signed(value, width):
    """Return a number of `width` bytes with its sign spread over 64 bits."""
    if width == 1:
        return np.uint64(np.int64(np.int8(value)))
    if width == 2:
        return np.uint64(np.int64(np.int16(value)))
    return np.uint64(np.int64(np.int32(value))) if width == 4 else value
