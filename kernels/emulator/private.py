"""Values that nothing has given, on their way between registers and a thread's private memory.

The columns of a vector access: its first register is D (loads) or B (stores), the others D1 to D3.
"""

import numpy as np

from kernels.emulator import faults as f
from kernels.emulator import machine as m
from kernels.emulator.memory import fail
from kernels.emulator.scalars import jit


@jit
def private_read(M, start, width, thread, pc):
    """Return whether a thread may read its private memory here; what holds no value may be read, not used."""
    for i in range(start, start + width):
        if M.known[i] == m.GAP:
            return fail(M, f.OUT_OF_BOUNDS, thread, pc)
    return True


@jit
def mark_loaded(M, row, slot, start, thread):
    """Mark the registers of a load as holding a value, or none where private memory held none."""
    bit, width = np.uint64(1) << np.uint64(thread & 31), row[m.BYTES]
    for i in range(row[m.LANES]):
        held = True
        if slot == m.LOCAL:
            for byte in range(start + i * width, start + (i + 1) * width):
                held = held and M.known[byte] == m.SET
        register = row[m.D] if i == 0 else row[m.D1 + i - 1]
        marks = M.marks[thread >> 5, register >> 5] & ~bit
        M.marks[thread >> 5, register >> 5] = marks | bit if held else marks


@jit
def unset_values(M, row, thread):
    """Return which of a store's registers hold no value, as bits; column E has those that are watched."""
    found = 0
    for i in range(row[m.LANES]):
        register = row[m.B] if i == 0 else row[m.D1 + i - 1]
        held = (M.marks[thread >> 5, register >> 5] >> np.uint64(thread & 31)) & np.uint64(1)
        if (row[m.E] >> i) & 1 and not held:
            found |= 1 << i
    return found


@jit
def note_unset(M, row, start, thread):
    """Note what a store has left without a value in private memory."""
    found, width = unset_values(M, row, thread), row[m.BYTES]
    for i in range(row[m.LANES]):
        if (found >> i) & 1:
            M.known[start + i * width : start + (i + 1) * width] = m.UNSET
