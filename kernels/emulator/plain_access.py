"""The plain loads and stores of a warp: most accesses of most kernels, by the rules of `memory` and `races`.

Words of four or eight bytes in shared memory or in arguments, where nothing needs a closer look. At the first thread
that may be at fault, or whose memory has more to it (atomic operations, a warp's own order, private memory), this
stops, having noted nothing of it, and leaves that thread and the later ones to `warp_memory`.
"""

import numpy as np

from kernels.emulator import machine as m
from kernels.emulator.races import CLOCK, EPOCH, THREAD, VOLATILE
from kernels.emulator.scalars import inlined, jit

_ALL_SET = np.uint32(0x01010101)  # four bytes that are m.SET
_NEITHER = np.uint32(0xFEFEFEFE)  # the bits of m.PENDING and m.GAP


@jit
def plain_access(M, row, R, base, warp, active, pc):
    """Run a load or a store for the threads before the first that needs a closer look; (that one's lane, the slot)."""
    stores = row[m.OP] == m.STORE
    width = row[m.BYTES] * row[m.LANES]
    slot = np.int64(0)
    if row[m.BYTES] < 4 or row[m.E] or row[m.SPACE] == m.LOCAL_SPACE or (row[m.C] and not stores):
        return 0, slot
    if M.state[m.CLOCKS_USED] or M.state[m.ALIASES]:
        return 0, slot
    for lane in range(32):
        if not active[lane]:
            continue
        address = R[base + row[m.A] + lane] + np.uint64(row[m.TARGET])
        slot, offset = np.int64(m.SHARED), np.int64(np.int32(address))
        if row[m.SPACE] != m.SHARED_SPACE:
            slot, offset = np.int64(address >> np.uint64(32)), np.int64(address & np.uint64(0xFFFFFFFF)) - m.HALF
            if slot < m.FIRST_BUFFER or slot >= len(M.slots) or M.slots[slot, m.UNWRITTEN]:
                return lane, slot
        if offset < 0 or offset + width > M.slots[slot, m.SIZE] or offset & (width - 1):
            return lane, slot
        start, cells, end, own = _place(M, slot, offset, width, warp * 32 + lane)
        if stores:
            if not _writable(M, slot, start, width) or not _may_write(M, cells, end, own, slot == m.SHARED):
                return lane, slot
            _write(M, cells, end, own, pc)
            _store(M, row, R, base + lane, start >> 2, slot == m.SHARED)
        else:
            if not _readable(M, slot, start, width) or not _may_read(M, cells, end, own, slot == m.SHARED):
                return lane, slot
            _read(M, cells, end, own, pc, slot == m.SHARED)
            _load(M, row, R, base + lane, start >> 2)
        M.scratch[0, lane] = offset
        M.fault[m.ADDRESS], M.fault[m.SLOT], M.fault[m.WIDTH] = offset, slot, width
    return 32, slot


@inlined
def plain_write(M, address, width, thread, pc):
    """Enter one thread's write to shared memory, and return where it goes; -1 if it needs a closer look."""
    slot, offset = m.SHARED, np.int64(np.int32(address))
    if M.state[m.CLOCKS_USED] or M.state[m.ALIASES] or offset < 0 or offset + width > M.slots[slot, m.SIZE]:
        return np.int64(-1)
    start, cells, end, own = _place(M, slot, offset, width, thread)
    if offset & (width - 1) or not _writable(M, slot, start, width) or not _may_write(M, cells, end, own, True):
        return np.int64(-1)
    _write(M, cells, end, own, pc)
    return start


@inlined
def plain_read(M, address, width, thread, pc):
    """Enter one thread's read of an argument, and return where it lies; -1 if it needs a closer look."""
    slot, offset = np.int64(address >> np.uint64(32)), np.int64(address & np.uint64(0xFFFFFFFF)) - m.HALF
    if M.state[m.CLOCKS_USED] or M.state[m.ALIASES] or slot < m.FIRST_BUFFER or slot >= len(M.slots):
        return np.int64(-1)
    if M.slots[slot, m.UNWRITTEN] or offset < 0 or offset + width > M.slots[slot, m.SIZE]:
        return np.int64(-1)
    start, cells, end, own = _place(M, slot, offset, width, thread)
    if width & (width - 1) or offset & (width - 1) or not _may_read(M, cells, end, own, False):
        return np.int64(-1)
    _read(M, cells, end, own, pc, False)
    return start


@inlined
def _place(M, slot, offset, width, thread):
    """Return (where an access begins, its first cell, the end of its cells, the thread's stamp)."""
    start, shift = M.slots[slot, m.START] + offset, M.slots[slot, m.GRANULE]
    first = M.slots[slot, m.SHADOW] - (M.slots[slot, m.START] >> shift)
    lane = thread & 31
    own = (M.state[m.EPOCH] << EPOCH) | (np.int64(M.clocks[thread >> 5, lane, lane]) << CLOCK) | thread
    return start, first + (start >> shift), first + ((start + width - 1) >> shift) + 1, own


@inlined
def _readable(M, slot, start, width):
    """Return whether all bytes hold a value; the caller knows that an argument's do."""
    if slot == m.SHARED:
        for i in range(start >> 2, (start + width) >> 2):
            if M.known_words[i] != _ALL_SET:
                return False
    return True


@inlined
def _writable(M, slot, start, width):
    if not M.slots[slot, m.WRITABLE]:
        return False
    if slot == m.SHARED:
        for i in range(start >> 2, (start + width) >> 2):
            if M.known_words[i] & _NEITHER:
                return False
    return True


@inlined
def _is_over(M, stamp, shared):
    """Return whether an access of another epoch is before this one's; see `races.before`."""
    epoch = stamp >> EPOCH
    return epoch < M.state[m.EPOCH] and (shared or epoch >= M.state[m.FIRST_EPOCH])


@inlined
def _may_read(M, cells, end, own, shared):
    """Return whether reads are free of races: at most this thread itself has written here since the last barrier."""
    for cell in range(cells, end):
        written = M.stamps[cell, 0]
        mine = written >> EPOCH == own >> EPOCH and (written ^ own) & THREAD == 0
        if written and not mine and not _is_over(M, written, shared):
            return False
        if M.stamps[cell, 3] | M.stamps[cell, 4] or ((M.stamps[cell, 1] | M.stamps[cell, 2]) >> VOLATILE) & 1:
            return False
    return True


@inlined
def _read(M, cells, end, own, pc, shared):
    """Enter a read in one of the granule's two groups of readers, as `races` does."""
    bit = np.uint32(1) << np.uint32(own & 31)
    for cell in range(cells, end):
        if M.stamps[cell, 1] >> 5 == own >> 5:
            M.lanes[cell, 1] |= bit
        elif M.stamps[cell, 2] >> 5 == own >> 5:
            M.lanes[cell, 2] |= bit
        else:
            for i in range(1, 3):
                if M.stamps[cell, i] == 0 or _is_over(M, M.stamps[cell, i], shared):
                    M.stamps[cell, i], M.lanes[cell, i], M.places[cell, i] = own, bit, pc
                    break


@inlined
def _may_write(M, cells, end, own, shared):
    """Return whether writes are free of races: nobody else has been here since the last barrier."""
    bit = np.uint32(1) << np.uint32(own & 31)
    for cell in range(cells, end):
        for i in range(5):
            stamp = M.stamps[cell, i]
            same_warp = stamp >> EPOCH == own >> EPOCH and (stamp ^ own) & THREAD & ~31 == 0
            if stamp and not (same_warp and M.lanes[cell, i] == bit) and not _is_over(M, stamp, shared):
                return False
    return True


@inlined
def _write(M, cells, end, own, pc):
    for cell in range(cells, end):
        M.stamps[cell, 0], M.lanes[cell, 0], M.places[cell, 0] = own, np.uint32(1) << np.uint32(own & 31), pc
        for i in range(1, 5):
            M.stamps[cell, i] = 0


@inlined
def _load(M, row, R, lane, word):
    """Load numbers of one or two words from `words`, the first with its sign if it has one."""
    if row[m.BYTES] == 8:
        for i in range(row[m.LANES]):
            low, high = np.uint64(M.words[word + 2 * i]), np.uint64(M.words[word + 2 * i + 1])
            R[lane + (row[m.D] if i == 0 else row[m.D1 + i - 1])] = low | (high << np.uint64(32))
        return
    value = M.words[word]
    R[lane + row[m.D]] = np.uint64(np.int64(np.int32(value))) if row[m.SIGNED] else np.uint64(value)
    for i in range(1, row[m.LANES]):
        R[lane + row[m.D1 + i - 1]] = np.uint64(M.words[word + i])


@inlined
def _store(M, row, R, lane, word, shared):
    each = row[m.BYTES] >> 2
    for i in range(row[m.LANES]):
        value = R[lane + (row[m.B] if i == 0 else row[m.D1 + i - 1])]
        M.words[word + each * i] = np.uint32(value)
        if each == 2:
            M.words[word + 2 * i + 1] = np.uint32(value >> np.uint64(32))
    if shared:
        for i in range(word, word + each * row[m.LANES]):
            M.known_words[i] = _ALL_SET
