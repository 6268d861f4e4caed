"""One warp, run until all its threads wait or have ended.

Threads that stand at the same instruction go together; of several groups, the one furthest behind goes first, so that
they meet again where their paths do. That is only an order: what is checked does not depend on it.
"""

import numpy as np

from kernels.emulator import faults as f
from kernels.emulator import machine as m
from kernels.emulator.dispatch import conversions, floats, integers
from kernels.emulator.matrices import load, multiply
from kernels.emulator.memory import fail
from kernels.emulator.scalars import jit
from kernels.emulator.warp_memory import memory_step
from kernels.emulator.warp_operations import members_are_here, shuffle, synchronise, vote

FAR = 1 << 40
_GO_ON, _REGROUP, _FAULT = 0, 1, 2


@jit
def run_warp(M, code, R, warp):
    """Run the threads of a warp as far as they come; False if one of them was at fault."""
    base = warp * (M.marks.shape[1] * 32)
    while True:
        pc, until, alone = _next_group(M, warp)
        if pc == FAR:
            if not _wake(M, code, R, base, warp):
                return M.fault[m.KIND] == 0
            continue
        while pc < until:
            pc, what = _step(M, code, R, base, warp, pc, alone)
            if what == _FAULT:
                return False
            if what == _REGROUP:
                break
        else:
            for lane in range(32):
                if M.active[0, lane]:
                    M.lane_pc[warp, lane] = pc


@jit
def _next_group(M, warp):
    """Return (instruction, where the next group is, whether there is no other): the threads furthest behind.

    They are marked in `active`.
    """
    pc, until, alone = FAR, FAR, True
    for lane in range(32):
        if M.doing[warp, lane] == m.RUNS:
            pc = min(pc, M.lane_pc[warp, lane])
    for lane in range(32):
        runs = M.doing[warp, lane] == m.RUNS
        M.active[0, lane] = runs and M.lane_pc[warp, lane] == pc
        if runs and M.lane_pc[warp, lane] > pc:
            until = min(until, M.lane_pc[warp, lane])
        if not M.active[0, lane] and M.doing[warp, lane] != m.ENDED:
            alone = False
    return pc, until, alone


@jit
def _wake(M, code, R, base, warp):
    """No thread runs. If a group waits within a warp operation and is complete, let it go; False if none does.

    A group that waits for threads which can no longer come is a fault.
    """
    for first in range(32):
        if M.doing[warp, first] != m.AT_WARP_SYNC:
            continue
        pc = M.lane_pc[warp, first]
        for lane in range(32):
            M.active[1, lane] = M.doing[warp, lane] == m.AT_WARP_SYNC and M.lane_pc[warp, lane] == pc
        if members_are_here(M, code[pc], R, base, warp, M.active[1]):
            for lane in range(32):
                if M.active[1, lane]:
                    M.doing[warp, lane] = m.RUNS
            return True
    for lane in range(32):
        if M.doing[warp, lane] == m.AT_WARP_SYNC:
            return fail(M, f.WARP_SPLIT, warp * 32 + lane, M.lane_pc[warp, lane])
    return False


@jit
def _guarded(M, row, R, base):
    """Mark in active[1] which threads of the group the instruction's guard lets through; their number."""
    if row[m.GUARD] < 0:
        count = 0
        for lane in range(32):
            M.active[1, lane] = M.active[0, lane]
            count += M.active[0, lane]
        return count
    count = 0
    for lane in range(32):
        true = R[base + row[m.GUARD] + lane] != np.uint64(0)
        M.active[1, lane] = M.active[0, lane] and true != (row[m.NEGATED] != 0)
        count += M.active[1, lane]
    return count


@jit
def _step(M, code, R, base, warp, pc, alone):
    """Run one instruction for the group; (the next instruction, whether to go on)."""
    row = code[pc]
    count = _guarded(M, row, R, base)
    op = row[m.OP]
    M.counts[pc, m.ISSUES] += 1
    M.counts[pc, m.THREADS] += count
    if op == m.BRANCH:
        return _branch(M, row, warp, pc, count)
    if count == 0:
        return pc + 1, _GO_ON
    if op < m.LOAD:
        _arithmetic(M, row, R, base, op, alone and row[m.GUARD] < 0)
        return pc + 1, _GO_ON
    if op < m.BRANCH:
        fine = memory_step(M, row, R, base, warp, M.active[1], pc)
        return pc + 1, _GO_ON if fine else _FAULT
    if op == m.CHECK or op == m.MARK or op == m.MARK_AS:
        return pc + 1, _GO_ON if _marks(M, row, warp, pc) else _FAULT
    if op == m.FENCE:
        return pc + 1, _GO_ON
    return _control(M, row, R, base, warp, pc)


@jit
def _arithmetic(M, row, R, base, op, all_threads):
    """Compute for all 32; where not all take part, in register 0, and take over what is theirs."""
    start = np.uint64(base)
    d = start + np.uint64(row[m.D] if all_threads else 0)
    a, b = start + np.uint64(row[m.A]), start + np.uint64(row[m.B])
    c, e = start + np.uint64(row[m.C]), start + np.uint64(row[m.E])
    if op < 1000:
        integers(op, R, d, a, b, c, e)
    elif op < 2000:
        floats(op, R, d, a, b, c, e)
    else:
        conversions(op, R, d, a, b, c, e)
    if not all_threads:
        for lane in range(32):
            if M.active[1, lane]:
                R[base + row[m.D] + lane] = R[base + lane]


@jit
def _branch(M, row, warp, pc, count):
    group = 0
    for lane in range(32):
        group += M.active[0, lane]
    M.counts[pc, m.THREADS] += group - count  # a jump not taken is an instruction too
    if count == 0:
        return pc + 1, _GO_ON
    if row[m.TARGET] <= pc:
        M.state[m.STEPS] += count
        if M.state[m.STEPS] > M.state[m.LIMIT]:
            first = 0
            while not M.active[1, first]:
                first += 1
            fail(M, f.ENDLESS, warp * 32 + first, pc)
            return pc, _FAULT
    if count == group:
        return row[m.TARGET], _GO_ON
    for lane in range(32):
        if M.active[0, lane]:
            M.lane_pc[warp, lane] = row[m.TARGET] if M.active[1, lane] else pc + 1
    M.counts[pc, m.SPLITS] += 1
    return row[m.TARGET], _REGROUP


@jit
def _marks(M, row, warp, pc):
    """Return the book of registers that not every path gives a value."""
    for lane in range(32):
        if not M.active[1, lane]:
            continue
        bit = np.uint64(1) << np.uint64(lane)
        if row[m.OP] == m.MARK:
            M.marks[warp, row[m.A] >> 5] |= bit
        elif row[m.OP] == m.MARK_AS:
            if M.marks[warp, row[m.B] >> 5] & bit:
                M.marks[warp, row[m.A] >> 5] |= bit
            else:
                M.marks[warp, row[m.A] >> 5] &= ~bit
        elif not M.marks[warp, row[m.A] >> 5] & bit:
            return fail(M, f.UNSET_REGISTER, warp * 32 + lane, pc)
    return True


@jit
def _park(M, warp, pc, what):
    """Let the threads whose guard is true wait (or end) here; the others go on."""
    for lane in range(32):
        if M.active[0, lane]:
            M.lane_pc[warp, lane] = pc + (0 if M.active[1, lane] else 1)
            if M.active[1, lane]:
                M.doing[warp, lane] = what
    return pc, _REGROUP


@jit
def _control(M, row, R, base, warp, pc):
    """Run ends, barriers and what the threads of a warp do together."""
    op = row[m.OP]
    if op == m.EXIT:
        return _park(M, warp, pc, m.ENDED)
    if op == m.BARRIER:
        return _park(M, warp, pc, m.AT_BARRIER)
    if op == m.TRAP:
        fail(M, f.TRAPPED, warp * 32, pc)
        return pc, _FAULT
    if op == m.ACTIVE:
        vote(row, R, base, M.active[1])
        return pc + 1, _GO_ON
    if not members_are_here(M, row, R, base, warp, M.active[1]):
        return _park(M, warp, pc, m.AT_WARP_SYNC)
    if op == m.SHUFFLE:
        shuffle(M, row, R, base, M.active[1])
    elif op == m.VOTE:
        vote(row, R, base, M.active[1])
    elif op == m.MULTIPLY:
        return pc + 1, _GO_ON if multiply(M, row, R, base, M.active[1], warp, pc) else _FAULT
    elif op == m.LOAD_MATRICES:
        return pc + 1, _GO_ON if load(M, row, R, base, M.active[1], warp, pc) else _FAULT
    else:
        synchronise(M, warp, M.active[1])
    return pc + 1, _GO_ON
