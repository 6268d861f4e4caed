"""Dynamic shared arrays all begin at the same byte: a value that one has written and another has overwritten is lost.

To read it is a fault, unless the other array has read the byte first: who reads it knows that it is shared.
Columns of `owners`: who wrote a byte last, whose value was lost by that, whether another array has read it since.
"""

from kernels.emulator import machine as m
from kernels.emulator.scalars import jit

WINDOW = 24  # bits of an address within shared memory; those above say which dynamic array it was computed from
_BY, _LOST, _SHARED = 0, 1, 2


@jit
def within(M, offset):
    """Return the offset in shared memory, and note which array the address belongs to."""
    array = (offset + (1 << (WINDOW - 1))) >> WINDOW
    M.state[m.ARRAY] = array
    return offset - (array << WINDOW)


@jit
def note_write(M, start, width):
    """Note that the bytes now hold what the current array has written."""
    me = M.state[m.ARRAY] + 1
    for owner in M.owners[start : start + width]:
        if owner[_BY] != 0 and owner[_BY] != me and not owner[_SHARED]:
            owner[_LOST] = owner[_BY]
        if owner[_LOST] == me:
            owner[_LOST] = 0
        owner[_BY], owner[_SHARED] = me, 0


@jit
def is_lost(M, start, width):
    """Return whether the current array reads what it had written and another has overwritten."""
    me = M.state[m.ARRAY] + 1
    for owner in M.owners[start : start + width]:
        if owner[_LOST] == me:
            return True
        owner[_SHARED] |= owner[_BY] != me
    return False
