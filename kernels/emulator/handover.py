"""Memory handed from thread to thread by a fence and an atomic operation, as the last block of a reduction gets it.

What a thread has done before a fence, and what its block had done before the barrier before it, is released by each
atomic operation that the thread does after the fence. A thread whose atomic operation comes later, on the same address,
acquires it, and so do the threads of its block behind the next barrier.

CUDA C++ Programming Guide, "Memory Fence Functions"; PTX ISA, "Release and Acquire Patterns". As in NVIDIA's own
example, the acquiring side needs no fence.
"""

import numpy as np

from kernels.emulator import machine as m
from kernels.emulator.scalars import jit

_THREAD, _CLOCK, _EPOCH = 1023, 11, 30  # of a stamp, see `races`


@jit
def note_fence(M, thread, reach):
    """Note a fence: from now on the thread's clock is another, so that later accesses can be told from earlier ones."""
    lane = thread & 31
    clocks = M.clocks[thread >> 5, lane]
    M.fences[thread, 0], M.fences[thread, 1] = M.state[m.EPOCH], reach
    for other in range(32):
        M.fences[thread, 2 + other] = clocks[other]
    clocks[lane] = min(clocks[lane] + 1, 0x7FFFF)
    M.state[m.CLOCKS_USED] = 1


@jit
def note_atomic(M, cell, thread, stamp, shared):
    """Note an atomic operation: it acquires what was released at this address, and releases what a fence allows."""
    if len(M.releases) == 0:
        return
    count = M.state[m.RELEASES]
    for i in range(count - 1, -1, -1):
        if M.releases[i, m.CELL] == cell:
            _acquire(M, cell, count, stamp)
            break
    if M.fences[thread, 1] > 0 and count < len(M.releases):
        entry = M.releases[count]
        entry[m.CELL], entry[m.FIRST], entry[m.UNTIL] = cell, M.state[m.FIRST_EPOCH], M.fences[thread, 0]
        entry[m.BY], entry[m.STAMP] = thread, stamp
        entry[m.REACH] = m.BLOCK_FENCE if shared else M.fences[thread, 1]
        for lane in range(32):
            M.release_clocks[count, lane] = M.fences[thread, 2 + lane]
        M.state[m.RELEASES] += 1


@jit
def _acquire(M, cell, count, stamp):
    """Enter an acquisition; in the place of the same thread's last one, if nothing came between."""
    at = M.state[m.ACQUIRES]
    for i in range(at):
        if M.acquires[i, m.CELL] == cell and M.acquires[i, 2] == stamp:
            at = i
    if at < len(M.acquires):
        M.acquires[at, m.CELL], M.acquires[at, m.SEEN], M.acquires[at, 2] = cell, count, stamp
        M.state[m.ACQUIRES] = max(M.state[m.ACQUIRES], at + 1)


@jit
def handed_over(M, cell, earlier, lanes, thread):
    """Return whether all accesses of a group were released, and `thread` has acquired them.

    earlier: the stamp of one of them.  lanes: which threads of its warp they are, as bits.
    """
    if M.state[m.ACQUIRES] == 0:
        return False
    for lane in range(32):
        if (lanes >> np.uint32(lane)) & np.uint32(1) and not _acquired(M, cell, earlier, lane, thread):
            return False
    return True


@jit
def _acquired(M, cell, earlier, lane, thread):
    for a in range(M.state[m.ACQUIRES] - 1, -1, -1):
        if not _knows(M, M.acquires[a, 2], thread):
            continue
        for r in range(M.acquires[a, m.SEEN] - 1, -1, -1):
            if M.releases[r, m.CELL] == M.acquires[a, m.CELL] and _covers(M, r, cell, earlier, lane):
                return True
    return False


@jit
def _knows(M, stamp, thread):
    """Return whether `thread` comes after the atomic operation with this stamp."""
    by = stamp & _THREAD
    if stamp >> _EPOCH < M.state[m.EPOCH] or by == thread:
        return True
    known = M.clocks[thread >> 5, thread & 31, by & 31]
    return by >> 5 == thread >> 5 and known >= (stamp >> _CLOCK) & 0x7FFFF


@jit
def _covers(M, r, cell, earlier, lane):
    """Return whether a release covers the access that a thread of an earlier access's warp did at that clock."""
    release, epoch, clock = M.releases[r], earlier >> _EPOCH, (earlier >> _CLOCK) & 0x7FFFF
    if release[m.FIRST] != M.state[m.FIRST_EPOCH] and release[m.REACH] != m.DEVICE_FENCE:
        return False
    if release[m.FIRST] <= epoch < release[m.UNTIL]:
        return True
    if (earlier & _THREAD) >> 5 != release[m.BY] >> 5:
        return False
    itself = release[m.CELL] == cell and release[m.BY] & 31 == lane and earlier >> _CLOCK == release[m.STAMP] >> _CLOCK
    return itself or (epoch == release[m.UNTIL] and clock <= M.release_clocks[r, lane])
