"""The blocks of a lowered PTX kernel, and which of them a launch reached."""

from __future__ import annotations

from pathlib import Path

from kernels.emulator import machine as m
from kernels.emulator.program import Program
from kernels.emulator.report import Report

ROOT = Path(__file__).resolve().parents[1]


def starts(program: Program) -> list[int]:
    """Return the first row of each block: the first of all, what is jumped to, and what follows a jump or an end."""
    code = program.code
    found = {0}
    for i, row in enumerate(code):
        if row[m.OP] == m.BRANCH:
            found |= {int(row[m.TARGET]), i + 1}
        elif row[m.OP] == m.EXIT:
            found.add(i + 1)
    return sorted(i for i in found if i < len(code))


def reached(report: Report) -> tuple[str, set[int], dict[int, frozenset[str]]]:
    """Return (the kernel as it was compiled, the blocks that ran, the lines of every block).

    A block that ends in a trap is an error's, and is left out.
    """
    program, issues = report.program, report.issues
    assert program is not None
    assert issues is not None
    first = starts(program)
    places = {}
    for start, stop in zip(first, [*first[1:], len(program.code)], strict=True):
        if not any(program.code[i][m.OP] == m.TRAP for i in range(start, stop)):
            places[start] = _place(program, start, stop)
    assert report.launch is not None
    kinds = ",".join(str(t.dtype) for t in report.launch.types if hasattr(t, "dtype"))
    name = f"{report.kernel}({kinds}; {len(program.code)} rows, {hash(program.code.tobytes()) & 0xFFFF:04x})"
    return name, {b for b in first if issues[b]}, places


def _place(program: Program, start: int, stop: int) -> frozenset[str]:
    """Return the lines of ours, "file:line", that a block is made from."""
    found = set()
    for line in program.lines[start:stop]:
        path = Path(program.files.get(line.place[0], "?"))
        if line.place[1] and path.is_relative_to(ROOT):
            found.add(f"{path.relative_to(ROOT).as_posix()}:{line.place[1]}")
    return frozenset(found)
