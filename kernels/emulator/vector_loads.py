"""Vector loads from shared memory as wide as what is used of them.

NVIDIA's compiler reads three neighbours as four, also where the fourth lies beyond the array or holds nothing: memory
is given out in larger pieces. What goes to a register that nothing reads is no access of the kernel's.
"""

from kernels.emulator import machine as m
from kernels.emulator.program import Line


def without_unread(lines: list[Line]) -> None:
    """Take the last elements off the loads whose registers no line reads."""
    read = {row for line in lines for row in line.reads}
    read |= {line.columns[m.E] for line in lines if line.op in (m.WARP_SYNC, m.VOTE)}  # their masks
    for line in lines:
        if line.op != m.LOAD or line.columns[m.SPACE] != m.SHARED_SPACE:
            continue
        while line.columns[m.LANES] > 1 and line.writes[-1] not in read:
            line.writes = line.writes[:-1]
            line.columns[m.LANES] -= 1
