"""One warp, run until all its threads wait or have ended.

Threads that stand at the same instruction go together; of several groups, the one furthest behind goes first, so that
they meet again where their paths do. That is only an order: what is checked does not depend on it.
"""

import numpy as np

from kernels.emulator import faults as f
from kernels.emulator import machine as m
from kernels.emulator.dispatch import conversions, floats, integers
from kernels.emulator.handover import note_fence
from kernels.emulator.marks import keep_book
from kernels.emulator.meetings import meet, note_missed, wake
from kernels.emulator.memory import fail
from kernels.emulator.note_prints import note_print
from kernels.emulator.scalars import jit
from kernels.emulator.warp_memory import memory_step
from kernels.emulator.warp_operations import vote

FAR = 1 << 40


@jit
def run_warp(M, code, R, warp):
    """Run the threads of a warp as far as they come; False if one of them was at fault."""
    base = warp * (M.marks.shape[1] * 32)
    while True:
        pc, until, alone, count = _next_group(M, warp)
        if pc == FAR:
            if not wake(M, code, R, base, warp):
                return M.fault[m.KIND] == 0
            continue
        while pc < until:
            if alone and code[pc, m.OP] < m.LOAD and code[pc, m.GUARD] < 0:  # most instructions
                M.counts[pc, m.ISSUES] += 1
                M.counts[pc, m.THREADS] += count
                _compute(code[pc], R, base, code[pc, m.D])
                pc += 1
                continue
            pc, what = _step(M, code, R, base, warp, pc, alone)
            if what == m.FAULT:
                return False
            if what == m.REGROUP:
                break
        else:
            for lane in range(32):
                if M.active[0, lane]:
                    M.lane_pc[warp, lane] = pc


@jit
def _next_group(M, warp):
    """Return (instruction, where the next group is, whether there is no other, size): the threads furthest behind.

    They are marked in `active`.
    """
    pc, until, alone, count = FAR, FAR, True, 0
    for lane in range(32):
        if M.doing[warp, lane] == m.RUNS:
            pc = min(pc, M.lane_pc[warp, lane])
    for lane in range(32):
        runs = M.doing[warp, lane] == m.RUNS
        M.active[0, lane] = runs and M.lane_pc[warp, lane] == pc
        count += M.active[0, lane]
        if runs and M.lane_pc[warp, lane] > pc:
            until = min(until, M.lane_pc[warp, lane])
        if not M.active[0, lane] and M.doing[warp, lane] != m.ENDED:
            alone = False
    return pc, until, alone, count


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
        return pc + 1, m.GO_ON
    if op < m.LOAD:
        _compute(row, R, base, 0)  # for all 32, in register 0, of which those that take part have theirs
        for lane in range(32):
            if M.active[1, lane]:
                R[base + row[m.D] + lane] = R[base + lane]
        return pc + 1, m.GO_ON
    if op < m.BRANCH:
        if not alone:
            note_missed(M, code, warp, pc)
        fine = memory_step(M, row, R, base, warp, M.active[1], pc)
        return pc + 1, m.GO_ON if fine else m.FAULT
    if op >= m.CHECK:
        return pc + 1, m.GO_ON if keep_book(M, row, R, base, warp, pc) else m.FAULT
    if op == m.FENCE:
        for lane in range(32 if row[m.BYTES] else 0):
            if M.active[1, lane]:
                note_fence(M, warp * 32 + lane, row[m.BYTES])
        return pc + 1, m.GO_ON
    return _control(M, row, R, base, warp, pc)


@jit
def _compute(row, R, base, result):
    """Compute an arithmetic instruction for all 32 threads, to the register `result`."""
    start, op = np.uint64(base), row[m.OP]
    d = start + np.uint64(result)
    a, b = start + np.uint64(row[m.A]), start + np.uint64(row[m.B])
    c, e = start + np.uint64(row[m.C]), start + np.uint64(row[m.E])
    if op < 1000:
        integers(op, R, d, a, b, c, e)
    elif op < 2000:
        floats(op, R, d, a, b, c, e)
    else:
        conversions(op, R, d, a, b, c, e)


@jit
def _branch(M, row, warp, pc, count):
    group = 0
    for lane in range(32):
        group += M.active[0, lane]
    M.counts[pc, m.THREADS] += group - count  # a jump not taken is an instruction too
    if count == 0:
        return pc + 1, m.GO_ON
    if row[m.SIGNED]:  # another turn of a loop around a barrier
        for lane in range(32):
            M.turns[warp, lane] += row[m.SIGNED] if M.active[1, lane] else 0
    if row[m.TARGET] <= pc:
        M.state[m.STEPS] += count
        if M.state[m.STEPS] > M.state[m.LIMIT]:
            first = 0
            while not M.active[1, first]:
                first += 1
            fail(M, f.ENDLESS, warp * 32 + first, pc)
            return pc, m.FAULT
    if count == group:
        return row[m.TARGET], m.GO_ON
    for lane in range(32):
        if M.active[0, lane]:
            M.lane_pc[warp, lane] = row[m.TARGET] if M.active[1, lane] else pc + 1
    M.counts[pc, m.SPLITS] += 1
    return row[m.TARGET], m.REGROUP


@jit
def _park(M, warp, pc, what):
    """Let the threads whose guard is true wait (or end) here; the others go on."""
    for lane in range(32):
        if M.active[0, lane]:
            M.lane_pc[warp, lane] = pc + (0 if M.active[1, lane] else 1)
            if M.active[1, lane]:
                M.doing[warp, lane] = what
    return pc, m.REGROUP


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
        return pc, m.FAULT
    if op == m.PRINT:
        for lane in range(32):
            if M.active[1, lane] and not note_print(M, row, R, base + lane, warp * 32 + lane, pc):
                return pc, m.FAULT
        return pc + 1, m.GO_ON
    if op == m.ACTIVE:
        vote(row, R, base, M.active[1])
        return pc + 1, m.GO_ON
    return meet(M, row, R, base, warp, pc)
