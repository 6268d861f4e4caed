"""All blocks of a launch, one after the other, their warps from barrier to barrier."""

import numpy as np

from kernels.emulator import faults as f
from kernels.emulator import machine as m
from kernels.emulator.memory import fail
from kernels.emulator.scalars import jit as inner
from kernels.emulator.warp import run_warp
from kernels.jit import jit


@jit(fastmath=False, _nrt=False)
def run_grid(M, code, R, specials, grid, block, first, begins):
    """Run the blocks from number `first` on (x fastest); (the block that was run last, what became of it).

    specials: the first of the registers tid.x, .y, .z, ctaid.x, .y, .z and laneid, which differ by thread or block.
    begins: false if only this one block is run, and goes on from where it waited.
    """
    blocks = grid[0] * grid[1] * grid[2]
    for number in range(first, blocks if begins else first + 1):
        if begins:
            _start_block(M, R, specials, grid, block, number)
        what = _run_block(M, code, R)
        if what != m.BLOCK_ENDED:
            return number, what
    return first, m.BLOCK_ENDED


@inner
def _run_block(M, code, R):
    """Run a block until it ends, waits for all other blocks, or a thread is at fault."""
    while True:
        for warp in range(len(M.doing)):
            if not run_warp(M, code, R, warp):
                return m.BLOCK_FAULT
        place = _release(M)
        if place < 0:
            return m.BLOCK_FAULT if M.fault[m.KIND] != 0 else m.BLOCK_ENDED
        if code[place, m.BYTES] != m.PLAIN:
            _reduce(M, code[place], R)
        if code[place, m.SPACE] == m.GRID_BARRIER:
            return m.BLOCK_WAITS


@inner
def _reduce(M, row, R):
    """Give every thread at a barrier what all their predicates come to."""
    registers, count, threads = M.marks.shape[1] * 32, 0, M.state[m.THREADS_PER_BLOCK]
    for thread in range(threads):
        count += R[(thread >> 5) * registers + row[m.A] + (thread & 31)] != np.uint64(0)
    value = np.uint64(count)
    if row[m.BYTES] != m.POPC_RED:
        value = np.uint64(count == threads if row[m.BYTES] == m.AND_RED else count > 0)
    for thread in range(threads):
        R[(thread >> 5) * registers + row[m.D] + (thread & 31)] = value


@inner
def _start_block(M, R, specials, grid, block, number):
    """Start a block: its memory holds nothing, its threads are at the first instruction."""
    M.state[m.EPOCH] += 1
    M.state[m.FIRST_EPOCH] = M.state[m.EPOCH]
    for i in range(M.fresh.size):
        M.known[i] = M.fresh[i]
    M.owners[:] = 0
    M.turns[:] = 0
    M.missed[:] = False
    M.fences[:] = 0
    M.state[m.ACQUIRES] = 0
    M.queued[:] = 0
    M.marks[:] = np.uint64(0)
    M.lane_pc[:] = 0
    _reset_clocks(M)
    registers = M.marks.shape[1] * 32
    for thread in range(len(M.doing) * 32):
        M.doing[thread >> 5, thread & 31] = m.RUNS if thread < M.state[m.THREADS_PER_BLOCK] else m.ENDED
        at = (thread >> 5) * registers + specials + (thread & 31)
        R[at] = thread % block[0]
        R[at + 32] = thread // block[0] % block[1]
        R[at + 64] = thread // (block[0] * block[1])
        R[at + 96] = number % grid[0]
        R[at + 128] = number // grid[0] % grid[1]
        R[at + 160] = number // (grid[0] * grid[1])
        R[at + 192] = thread & 31


@inner
def _reset_clocks(M):
    M.clocks[:] = 0
    for warp in range(len(M.clocks)):
        for lane in range(32):
            M.clocks[warp, lane, lane] = 1
    M.state[m.CLOCKS_USED] = 0


@inner
def _release(M):
    """Let waiting threads pass if all are at the same barrier; which that is, or -1 if all have ended.

    Anything else is a fault, and ends the block too.
    """
    first, ended = -1, -1
    for thread in range(M.state[m.THREADS_PER_BLOCK]):
        warp, lane = thread >> 5, thread & 31
        if M.doing[warp, lane] == m.ENDED:
            ended = thread
            M.state[m.UNAWAITED] += M.queued[thread, 0]
            M.queued[thread, 0] = 0
        elif first < 0:
            first = thread
    if first < 0:
        return np.int64(-1)
    place = M.lane_pc[first >> 5, first & 31]
    M.fault[m.SLOT] = 0
    if ended >= 0:
        M.fault[m.OTHER_THREAD] = ended
        fail(M, f.BARRIER_MISSED, first, place)
        return np.int64(-1)
    for thread in range(M.state[m.THREADS_PER_BLOCK]):
        if M.lane_pc[thread >> 5, thread & 31] != place:
            M.fault[m.OTHER_THREAD] = thread
            M.fault[m.OTHER_PC] = M.lane_pc[thread >> 5, thread & 31]
            fail(M, f.BARRIER_SPLIT, first, place)
            return np.int64(-1)
    for thread in range(M.state[m.THREADS_PER_BLOCK]):
        if M.turns[thread >> 5, thread & 31] != M.turns[first >> 5, first & 31]:
            M.fault[m.OTHER_THREAD] = first
            fail(M, f.BARRIER_TURN, thread, place)
            return np.int64(-1)
    M.turns[:] = 0
    for thread in range(M.state[m.THREADS_PER_BLOCK]):
        M.doing[thread >> 5, thread & 31] = m.RUNS
        M.lane_pc[thread >> 5, thread & 31] = place + 1
    M.state[m.EPOCH] += 1
    if M.state[m.CLOCKS_USED]:
        _reset_clocks(M)
    return place
