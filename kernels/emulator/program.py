"""A kernel as the emulator runs it: rows of numbers, registers, and what each row says about the source."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np

from kernels.emulator import machine as m
from kernels.emulator.listing import Listing
from kernels.emulator.local_arrays import LocalArray, Placed

SPECIALS = ("%tid.x", "%tid.y", "%tid.z", "%ctaid.x", "%ctaid.y", "%ctaid.z", "%laneid")


class Origin(NamedTuple):
    """Where a register without a value may come from: "register" (its name), "shuffle" or "wrapped"; and the line."""

    what: str
    name: str
    place: tuple[int, int]


class Unsupported(NotImplementedError):
    """The kernel uses an instruction that the emulator does not know."""


@dataclass
class Line:
    """One row to be: its columns, the registers it reads and writes, and where it comes from."""

    columns: dict[int, int]
    reads: list[int] = field(default_factory=list)
    writes: list[int] = field(default_factory=list)
    target: str | None = None
    label: str | None = None
    place: tuple[int, int] = (0, 0)
    opcode: str = ""
    own: bool = False  # the emulator's, no instruction of the kernel
    origins: frozenset[Origin] = frozenset()  # of what it uses and what may hold no value

    @property
    def op(self) -> int:
        """The opcode's number; -1 for a label."""
        return self.columns.get(m.OP, -1)


@dataclass
class Program:
    """`constants` and `launch` say which registers hold a number, or what only the launch knows (by name)."""

    name: str
    code: np.ndarray
    lines: list[Line]
    registers: int
    constants: dict[int, int]
    launch: dict[str, int]
    shared: dict[str, tuple[int, int]]  # name -> (offset, bytes); the offset is the emulator's, with gaps
    shared_bytes: int  # without gaps
    local_bytes: int
    files: dict[int, str]
    data: dict[str, tuple[int, bytes, bool]]
    private: dict[str, tuple[int, int]] = field(default_factory=dict)  # name -> (offset, bytes), of a thread's memory
    after: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.bool_))  # see `flow`
    local_arrays: list[LocalArray] = field(default_factory=list)
    exceptions: dict[int, tuple[int, str]] = field(
        default_factory=dict
    )  # code -> what a kernel compiled with debug=True raises
    arrays: list[Placed] = field(default_factory=list)  # those local arrays whose place is known
    most_threads: int = 1024  # of a block

    @property
    def specials(self) -> int:
        """The first of the registers that `SPECIALS` names."""
        return 32

    @cached_property
    def listing(self) -> Listing:
        """The instructions by kind, line and loop."""
        return Listing(self.code, self.lines)

    @cached_property
    def hands_over(self) -> bool:
        """Whether a fence may hand memory from one thread to another."""
        return any(line.op == m.FENCE and line.columns[m.BYTES] for line in self.lines)

    @cached_property
    def prints(self) -> bool:
        """Whether the kernel prints."""
        return any(line.op == m.PRINT for line in self.lines)

    @cached_property
    def shared_granule(self) -> int:
        """The log2 of the bytes that are watched as one in shared memory: the narrowest access to it."""
        return self._narrowest(m.SHARED_SPACE).bit_length() - 1

    @cached_property
    def global_granule(self) -> int:
        """The bytes of the narrowest access to global memory."""
        return self._narrowest(m.GLOBAL_SPACE)

    def _narrowest(self, space: int) -> int:
        accesses = [c.columns for c in self.lines if m.LOAD <= c.op <= m.COPY]
        return min((c[m.BYTES] for c in accesses if c[m.SPACE] in (space, m.GENERIC)), default=4)


GAP = 1024  # bytes between two shared arrays, so that what runs over one does not reach the next; all banks, 8 times


def spread(variables: dict[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    """Return a layout with a gap after every variable; each stays in its banks."""
    starts = sorted({offset for offset, _ in variables.values()})
    return {name: (offset + GAP * starts.index(offset), size) for name, (offset, size) in variables.items()}


def layout(sizes: dict[str, tuple[int, int]]) -> tuple[dict[str, tuple[int, int]], int]:
    """Variables one after the other, aligned: (name -> (offset, bytes), bytes in all).

    Those without a size (dynamic shared memory) all begin where the others end.
    """
    offsets, end = {}, 0
    for name, (align, size) in sorted(sizes.items(), key=lambda item: item[1][1] == 0):
        end = -(-end // align) * align
        offsets[name] = (end, size)
        end += size
    return offsets, end


def assemble(lines: list[Line]) -> tuple[np.ndarray, list[Line]]:
    """Return (the rows, the lines they stand for): labels become row numbers."""
    places: dict[str, int] = {}
    kept: list[Line] = []
    for line in lines:
        if line.label is not None:
            places[line.label] = len(kept)
        else:
            kept.append(line)
    code = np.zeros((len(kept), m.COLUMNS), np.int64)
    code[:, m.GUARD] = -1
    for row, line in zip(code, kept, strict=True):
        for column, value in line.columns.items():
            row[column] = value
        if line.target is not None:
            if line.target not in places:
                raise ValueError(f"the PTX jumps to {line.target}, which is no label of the kernel")
            row[m.TARGET] = places[line.target]
    return code, kept
