"""Arrays that share memory are one piece of memory on a GPU, so they are one on the emulated GPU too."""

from __future__ import annotations

import ctypes
from typing import NamedTuple

import numpy as np


class Piece(NamedTuple):
    """`size` bytes from address `start` on, and the arrays (name, array) that lie there."""

    start: int
    size: int
    arrays: list[tuple[str, np.ndarray]]

    def memory(self) -> np.ndarray:
        """Return the bytes themselves, not a copy; the arrays must outlive it."""
        return np.ctypeslib.as_array((ctypes.c_uint8 * self.size).from_address(self.start))


def pieces_of_memory(arrays: list[tuple[str, np.ndarray]]) -> list[Piece]:
    """Return the pieces of memory that C-contiguous arrays lie in, in their order; those that overlap share one."""
    pieces: list[Piece] = []
    for name, array in arrays:
        start, end, members = array.ctypes.data, array.ctypes.data + array.nbytes, [(name, array)]
        at = len(pieces)
        for i in reversed(range(len(pieces))):
            other = pieces[i]
            if start < other.start + other.size and other.start < end:
                start, end = min(start, other.start), max(end, other.start + other.size)
                members, at = other.arrays + members, i
                del pieces[i]
        pieces.insert(at, Piece(start, end - start, members))
    return pieces
