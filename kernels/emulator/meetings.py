"""Where threads of a warp meet: if a mask names a thread that is still to come, the others wait until it comes."""

from kernels.emulator import faults as f
from kernels.emulator import machine as m
from kernels.emulator.matrices import load, multiply
from kernels.emulator.memory import fail
from kernels.emulator.scalars import jit
from kernels.emulator.warp_operations import AWAITED, BALLOT, HERE, among, gather, shuffle, synchronise, vote


@jit
def wake(M, code, R, base, warp):
    """No thread runs. If a group waits within a warp operation and is complete, let it go; False if none does.

    A group that waits for threads which can no longer come is a fault.
    """
    for first in range(32):
        if M.doing[warp, first] != m.AT_WARP_SYNC:
            continue
        pc = M.lane_pc[warp, first]
        for lane in range(32):
            M.active[1, lane] = M.doing[warp, lane] == m.AT_WARP_SYNC and M.lane_pc[warp, lane] == pc
        if gather(M, code[pc], R, base, warp, first, M.active[1], M.active[2]) == HERE:
            for lane in range(32):
                if M.active[2, lane]:
                    M.doing[warp, lane] = m.RUNS
            return True
    for lane in range(32):
        if M.doing[warp, lane] == m.AT_WARP_SYNC:
            return fail(M, f.WARP_SPLIT, warp * 32 + lane, M.lane_pc[warp, lane])
    return False


@jit
def note_missed(M, code, warp, pc):
    """Note who touches memory after a warp operation in which others of its warp still wait."""
    for waiting in range(32):
        waits = M.doing[warp, waiting] == m.AT_WARP_SYNC
        if waits and M.after[code[M.lane_pc[warp, waiting], m.TARGET], pc]:
            for lane in range(32):
                M.missed[warp, lane] |= M.active[1, lane]


@jit
def meet(M, row, R, base, warp, pc):
    """Run a warp operation for the threads of each mask; those whose mask names a thread that is not here wait."""
    op, all_here = row[m.OP], True
    for first in range(32):
        if not M.active[1, first]:
            continue
        found = gather(M, row, R, base, warp, first, M.active[1], M.active[2])
        if found == AWAITED:
            all_here = False
        elif found != HERE:
            fail(M, f.NOT_IN_MASK, warp * 32 + first, pc)
            return pc, m.FAULT
        elif op == m.SHUFFLE:
            shuffle(M, row, R, base, warp, M.active[2])
        elif op == m.VOTE:
            if row[m.BYTES] > BALLOT:
                among(M, row, R, base, M.active[2])
            else:
                vote(row, R, base, M.active[2])
        elif op == m.MULTIPLY:
            if not multiply(M, row, R, base, M.active[2], warp, pc):
                return pc, m.FAULT
        elif op == m.LOAD_MATRICES:
            if not load(M, row, R, base, M.active[2], warp, pc):
                return pc, m.FAULT
        else:
            synchronise(M, warp, M.active[2])
        for lane in range(32):
            if M.active[2, lane]:
                M.missed[warp, lane] = False
                M.active[1, lane] = False
                M.doing[warp, lane] = m.AT_WARP_SYNC if found == AWAITED else m.RUNS
                M.lane_pc[warp, lane] = pc if found == AWAITED else pc + 1
    if all_here:
        return pc + 1, m.GO_ON
    for lane in range(32):
        if M.active[0, lane] and M.doing[warp, lane] == m.RUNS:
            M.lane_pc[warp, lane] = pc + 1
    return pc, m.REGROUP
