"""What a kernel prints, noted while it runs: the address of each format, and the words of its arguments."""

import numpy as np

from kernels.emulator import machine as m
from kernels.emulator.memory import get, locate
from kernels.emulator.scalars import jit


@jit
def note_print(M, row, R, lane, thread, pc):
    """Note one call of vprintf; its result is the number of arguments. False if its memory is not the thread's."""
    text, values = R[lane + row[m.A]], R[lane + row[m.B]]
    noted = M.printed[M.state[m.PRINTED] % m.PRINTS]
    noted[:] = np.uint64(0)
    noted[0] = text
    slot, start = locate(M, text, m.GENERIC, 1, thread, pc)
    if slot < 0:
        return False
    end = M.slots[slot, m.START] + M.slots[slot, m.SIZE]
    count = 0
    while start < end and M.bytes[start] != 0:
        if M.bytes[start] == 37:  # %
            double = start + 1 < end and M.bytes[start + 1] == 37
            start += int(double)
            count += int(not double)
        start += 1
    if count:
        slot, start = locate(M, values, m.GENERIC, 1, thread, pc)
        if slot < 0:
            return False
        size = M.slots[slot, m.SIZE] - M.fault[m.ADDRESS]
        for i in range(m.PRINT_WORDS):
            width = min(8, size - 8 * i)
            if width > 0:
                noted[1 + i] = get(M, start + 8 * i, width)
    M.state[m.PRINTED] += 1
    R[lane + row[m.D]] = np.uint64(count)
    return True
