"""Which registers may be read before anything was written to them: only these are watched while a kernel runs.

Compilers leave a register without a value where the value is not needed, and copy it along: a copy of nothing is
nothing, not a fault. A fault is to compute with it, to store it, or to branch on it.
"""

from kernels.emulator import machine as m
from kernels.emulator.dispatch import NUMBERS
from kernels.emulator.program import Line

_MOVE = NUMBERS["mov"]


def watch_unassigned(lines: list[Line], given: set[int]) -> list[Line]:
    """Return `lines` with a CHECK before each read that may come too early, and with marks after writes."""
    known = _assigned_before(lines, given)
    watched: set[int] = set()
    for line, sure in zip(lines, known, strict=True):
        if sure is not None:
            watched |= {r for r in line.reads if not sure >> (r >> 5) & 1}
    if not watched:
        return lines
    out: list[Line] = []
    for line in lines:
        copies_on = line.op == _MOVE and line.reads[0] in watched
        early = [r for r in dict.fromkeys(line.reads[1:] if copies_on else line.reads) if r in watched]
        out += [_like(line, m.CHECK, r) for r in early]
        out.append(line)
        if copies_on:
            out.append(_like(line, m.MARK_AS, line.writes[0], line.reads[0]))
        else:
            out += [_like(line, m.MARK, r) for r in line.writes if r in watched]
    return out


def _like(line: Line, op: int, register: int, source: int = 0) -> Line:
    columns = {m.OP: op, m.A: register, m.B: source}
    columns |= {c: line.columns[c] for c in (m.GUARD, m.NEGATED) if c in line.columns}
    if op == m.CHECK and register == columns.get(m.GUARD):
        del columns[m.GUARD]
    return Line(columns, place=line.place, opcode=line.opcode)


def _assigned_before(lines: list[Line], given: set[int]) -> list[int | None]:
    """For each line, as bits, the registers that have a value whatever path led there; None if none leads there."""
    places = {line.label: i for i, line in enumerate(lines) if line.label is not None}
    known: list[int | None] = [None] * len(lines)
    start = sum(1 << (r >> 5) for r in given)
    todo = [(0, start)]
    while todo:
        at, sure = todo.pop()
        while at < len(lines):
            before = known[at]
            now = sure if before is None else before & sure
            if now == before:
                break
            known[at] = now
            line = lines[at]
            sure = _after(line, now)
            if line.target is not None:
                todo.append((places[line.target], sure))
                if m.GUARD not in line.columns:
                    break
            if line.op == m.EXIT and m.GUARD not in line.columns:
                break
            at += 1
    return known


def _after(line: Line, sure: int) -> int:
    """Return the registers that surely have a value after the line, as bits; a copy may have none either."""
    if line.op == _MOVE and not sure >> (line.reads[0] >> 5) & 1:
        return sure & ~(1 << (line.writes[0] >> 5))
    if m.GUARD in line.columns:
        return sure
    return sure | sum(1 << (r >> 5) for r in set(line.writes))
