"""The memory instructions of a warp: each active thread's access, checked and counted."""

import numpy as np

from kernels.emulator import faults as f
from kernels.emulator import machine as m
from kernels.emulator.async_copies import finish_copies, start_copy
from kernels.emulator.counters import count_access, count_copied, count_wavefronts
from kernels.emulator.halves import NEAREST, bf16, f16, sum_to_odd, to_bf16, to_f16
from kernels.emulator.memory import fail, get, locate, may_read, may_write, put, signed
from kernels.emulator.plain_access import plain_access
from kernels.emulator.private import mark_loaded, note_unset, private_read, unset_values
from kernels.emulator.scalars import add_directed, b32, b64, f32, f64, jit, maximum, minimum  # noqa: F401

# atomic operations, in the column SIGNED of ATOMIC
ADD, MIN_U, MAX_U, MIN_S, MAX_S, AND, OR, XOR, EXCHANGE, SWAP, ADD_F, INC, DEC, ADD_F16, ADD_BF16 = range(15)


@jit
def memory_step(M, row, R, base, warp, active, pc):
    """Run one memory instruction for the active threads of a warp; False if one of them was at fault."""
    op = row[m.OP]
    if op == m.COPY or op == m.COMMIT or op == m.WAIT or op == m.WAIT_ALL:
        return _asynchronous(M, row, R, base, warp, active, pc)
    width = row[m.BYTES] * row[m.LANES]
    offsets = M.scratch[0]
    first, slot = 0, np.int64(0)
    if op != m.ATOMIC:
        first, slot = plain_access(M, row, R, base, warp, active, pc)
    for lane in range(first, 32):
        if active[lane]:
            thread = warp * 32 + lane
            address = R[base + row[m.A] + lane] + np.uint64(row[m.TARGET])
            slot, start = locate(M, address, row[m.SPACE], width, thread, pc)
            if slot < 0:
                return False
            offsets[lane] = M.fault[m.ADDRESS]
            if op == m.LOAD:
                if row[m.C] and slot == m.LOCAL:
                    if not private_read(M, start, width, thread, pc):
                        return False
                elif not may_read(M, slot, start, width, thread, pc, row[m.E] != 0):
                    return False
                _load(M, row, R, base + lane, start)
                if row[m.C]:
                    mark_loaded(M, row, slot, start, thread)
            elif op == m.STORE:
                if row[m.E] and slot != m.LOCAL and unset_values(M, row, thread):
                    return fail(M, f.UNSET_REGISTER, thread, pc)
                if not may_write(M, slot, start, width, thread, pc, False):
                    return False
                _store(M, row, R, base + lane, start)
                if row[m.E] and slot == m.LOCAL:
                    note_unset(M, row, start, thread)
            else:
                if not may_write(M, slot, start, width, thread, pc, True):
                    return False
                _atomic(M, row, R, base + lane, start)
    count_access(M, offsets, active, slot, width, pc)
    return True


@jit
def _load(M, row, R, lane, start):
    width = row[m.BYTES]
    value = get(M, start, width)
    R[lane + row[m.D]] = signed(value, width) if row[m.SIGNED] else value
    for i in range(1, row[m.LANES]):
        R[lane + row[m.D1 + i - 1]] = get(M, start + i * width, width)


@jit
def _store(M, row, R, lane, start):
    width = row[m.BYTES]
    put(M, start, width, R[lane + row[m.B]])
    for i in range(1, row[m.LANES]):
        put(M, start + i * width, width, R[lane + row[m.D1 + i - 1]])


@jit
def _atomic(M, row, R, lane, start):
    """Read, change, write in one; the old value goes to the result's register."""
    width = row[m.BYTES]
    old = get(M, start, width)
    b, c = R[lane + row[m.B]], R[lane + row[m.C]]
    if width < 8:
        ones = (np.uint64(1) << np.uint64(8 * width)) - np.uint64(1)
        b, c = b & ones, c & ones
    put(M, start, width, _changed(row[m.SIGNED], old, b, c, width))
    if row[m.D] >= 0:
        R[lane + row[m.D]] = old


@jit
def _changed(what, old, b, c, width):
    """Return what an atomic operation stores."""
    if what == ADD:
        return old + b
    if what == ADD_F:
        return b32(f32(old) + f32(b)) if width == 4 else b64(f64(old) + f64(b))
    if what == ADD_F16:
        return to_f16(sum_to_odd(f16(old), f16(b)), NEAREST)
    if what == ADD_BF16:
        return to_bf16(sum_to_odd(bf16(old), bf16(b)), NEAREST)
    if what in (MIN_U, MAX_U):
        return b if (b < old) == (what == MIN_U) else old
    if what in (MIN_S, MAX_S):
        return b if (np.int64(signed(b, width)) < np.int64(signed(old, width))) == (what == MIN_S) else old
    if what == AND:
        return old & b
    if what == OR:
        return old | b
    if what == XOR:
        return old ^ b
    if what == SWAP:
        return c if old == b else old
    if what == INC:
        return np.uint64(0) if old >= b else old + np.uint64(1)
    if what == DEC:
        return b if old == np.uint64(0) or old > b else old - np.uint64(1)
    return b


@jit
def _asynchronous(M, row, R, base, warp, active, pc):
    """Run cp.async, its groups and its waits."""
    op = row[m.OP]
    if op == m.COPY:
        return _copy(M, row, R, base, warp, active, pc)
    for lane in range(32):
        if not active[lane]:
            continue
        thread = warp * 32 + lane
        if op == m.COMMIT:
            M.queued[thread, 1] += 1
        elif op == m.WAIT:
            if not finish_copies(M, thread, M.queued[thread, 1] - 1 - row[m.TARGET]):
                return False
        elif not finish_copies(M, thread, np.int64(1 << 60)):
            return False
    return True


@jit
def _copy(M, row, R, base, warp, active, pc):
    """Run cp.async: a request to global memory, if something is read, and one to shared memory."""
    targets, sources, reads = M.scratch[0], M.scratch[5], M.scratch[6]
    for lane in range(32):
        reads[lane] = 0
        if not active[lane]:
            continue
        to = R[base + row[m.A] + lane] + np.uint64(row[m.TARGET])
        source = R[base + row[m.B] + lane] + np.uint64(row[m.SIGNED])
        filled = row[m.BYTES]
        if row[m.C] >= 0:
            filled = min(filled, np.int64(R[base + row[m.C] + lane] & np.uint64(0xFFFFFFFF)))
        if not start_copy(M, to, source, row[m.BYTES], filled, warp * 32 + lane, pc):
            return False
        targets[lane] = np.int64(np.int32(to))
        sources[lane] = np.int64(source)
        reads[lane] = filled
    count_wavefronts(M, targets, active, row[m.BYTES], pc)
    count_copied(M, sources, reads, pc)
    return True
