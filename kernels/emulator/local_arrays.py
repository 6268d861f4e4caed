"""Where a kernel's local arrays lie, with a gap behind each: read from what the compiler left of them.

PTX has one piece of private memory a function, and does not say what lies in it. What the compiler was asked for stands
in comments that `note_arrays` adds; each array's bytes are chosen so that the size of the whole tells which are left.
"""

from __future__ import annotations

import re
from itertools import combinations
from typing import NamedTuple

GAP = 256  # bytes at least behind a local array
MOST = 12  # arrays that are told from one another


class LocalArray(NamedTuple):
    """A local array of `size` bytes, which takes `total` with the gap behind it."""

    name: str
    size: int
    total: int


class Placed(NamedTuple):
    """A local array that begins at byte `start` of a thread's private memory, and the end of the gap behind it."""

    name: str
    start: int
    size: int
    end: int


def note_arrays(ptx: str, arrays: list[LocalArray]) -> str:
    """Return PTX with a comment for each local array."""
    return ptx + "".join(f"\n// local array {a.name} {a.size} {a.total}" for a in arrays)


def noted_arrays(ptx: str) -> list[LocalArray]:
    """Return the local arrays that stand in the comments."""
    found = re.findall(r"^// local array (\w*) (\d+) (\d+)$", ptx, re.M)
    return [LocalArray(name, int(size), int(total)) for name, size, total in found]


def place_arrays(arrays: list[LocalArray], memories: dict[str, tuple[int, int]]) -> list[Placed]:
    """Return where the arrays lie in the functions' private memories (name -> (offset, bytes)).

    None for a memory whose size fits no selection of them, or more than one.
    """
    placed: list[Placed] = []
    for offset, size in memories.values():
        fitting = [chosen for chosen in _selections(arrays[:MOST]) if sum(a.total for a in chosen) == size]
        for a in fitting[0] if len(fitting) == 1 else ():
            placed.append(Placed(a.name, offset, a.size, offset + a.total))
            offset += a.total
    return placed


def _selections(arrays: list[LocalArray]) -> list[tuple[LocalArray, ...]]:
    return [chosen for n in range(1, len(arrays) + 1) for chosen in combinations(arrays, n)]
