"""A kernel's instructions by kind, by line of Python and by loop: what a launch's counts are added up by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from kernels.emulator import machine as m
from kernels.emulator.machine_code import innermost

# a warp instruction's opcode -> the multiply-adds that it is made of
MATRICES = {
    "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32": 16 * 8 * 8,
    "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32": 16 * 8 * 16,
}
MULTIPLY_ADDS = (*(f"fma.rn.{kind}" for kind in ("f32", "ftz.f32", "f64")), *MATRICES)


class Listing:
    """The rows of a program (its `code` and `lines`) that are instructions of the kernel, not the emulator's own."""

    def __init__(self, code: np.ndarray, every_line: Sequence[Any]) -> None:
        lines = [(i, line) for i, line in enumerate(every_line) if not line.own]
        self.rows = np.array([i for i, _ in lines], np.int64)
        self.branches = np.array([line.op == m.BRANCH for _, line in lines], bool)
        self._kinds = list(dict.fromkeys(line.opcode for _, line in lines))
        self._places = list(dict.fromkeys(line.place[1] for _, line in lines))
        kinds, places = ({key: i for i, key in enumerate(keys)} for keys in (self._kinds, self._places))
        self._kind_of = np.array([kinds[line.opcode] for _, line in lines], np.int64)
        self._place_of = np.array([places[line.place[1]] for _, line in lines], np.int64)
        jumps = np.flatnonzero(code[:, m.OP] == m.BRANCH)
        back = [(int(code[i, m.TARGET]), int(i)) for i in jumps if code[i, m.TARGET] <= i]
        self.loops = innermost(back, [line.opcode for line in every_line], MULTIPLY_ADDS)

    def by_kind(self, numbers: np.ndarray) -> Counter:
        """Return the sums of what each row has, by opcode, without zeros."""
        sums = _sums(self._kind_of, numbers, len(self._kinds))
        return Counter({kind: n for kind, n in zip(self._kinds, sums, strict=True) if n})

    def by_line(self, columns: Iterable[np.ndarray]) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Return (line, the sums of each column)."""
        sums = (_sums(self._place_of, column, len(self._places)) for column in columns)
        return zip(self._places, zip(*sums, strict=True), strict=True)


def _sums(groups: np.ndarray, numbers: np.ndarray, count: int) -> list[int]:
    found = np.zeros(count, np.int64)
    np.add.at(found, groups, numbers)
    return found.tolist()
