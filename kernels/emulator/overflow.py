"""Indices of 32 bits that wrap around: beside each register that goes into one runs another, of 64 bits, that does not.

Only signed ones: where PTX extends a register's sign to 64 bits, and the result goes into an address, what the two hold
must be equal. What masks and shifts have cut (as hashes and random numbers do) counts as meant.
"""

from __future__ import annotations

from collections.abc import Callable

from kernels.emulator import machine as m
from kernels.emulator.dispatch import NUMBERS
from kernels.emulator.program import Line

Fits = dict[int, list[tuple[int, int]]]  # id of a line -> (the wide register, the narrow one) of each of its sources

_WIDE = {
    NUMBERS[f"{name}.u32"]: NUMBERS[f"{name}.u64"] for name in ("add", "sub", "mul.lo", "mad.lo", "shl", "neg")
} | {NUMBERS[name]: NUMBERS[name] for name in ("mov", "selp")}
_CUT, _EXTEND = NUMBERS["extend.u32"], NUMBERS["extend.s32"]
_PLAIN = (NUMBERS["mov"], NUMBERS["selp"])  # these pass on what has wrapped, and wrap nothing themselves
_SHIFT = NUMBERS["shl.u32"]
_SINKS = ("cvt.s64.s32", "mul.wide.s32", "mad.wide.s32")


def watch_indices(lines: list[Line], temporary: Callable[[], int]) -> tuple[list[Line], Fits]:
    """Return (the lines with the wide registers' own, which of them must hold what narrow ones hold)."""
    addresses = _reach_addresses(lines)
    sinks = [line for line in lines if line.opcode in _SINKS and line.op < m.LOAD and set(line.writes) & addresses]
    may_wrap = _may_wrap(lines) if sinks else set()
    needed = _needed(lines, {r for line in sinks for r in _narrow(line)} & may_wrap, may_wrap)
    if not needed:
        return lines, {}
    wide = {r: temporary() for r in sorted(needed)}
    out: list[Line] = []
    for line in lines:
        out += [*_beside(line, wide, temporary), line]
        if not _is_wide(line):
            out += [_own(line, _EXTEND, wide[r], [r]) for r in line.writes if r in wide]
    return out, {id(s): [(wide[r], r) for r in _narrow(s) if r in wide] for s in sinks if set(_narrow(s)) & needed}


def _narrow(line: Line) -> list[int]:
    """Return the 32-bit sources of a sink."""
    return line.reads[:1] if line.opcode.startswith("cvt") else line.reads[:2]


def _is_wide(line: Line) -> bool:
    """Return whether an instruction has a counterpart of 64 bits; a cut to 32 bits is a copy there."""
    return line.op in _WIDE or line.op == _CUT


def _sources(line: Line) -> list[int]:
    """Return the registers whose wide counterparts an instruction's own wide counterpart reads."""
    count = {_CUT: 0, _SHIFT: 1, NUMBERS["selp"]: 2}.get(line.op, 3)
    reads = line.reads[: len(line.reads) - (m.GUARD in line.columns)]
    return reads[:count]


def _reach_addresses(lines: list[Line]) -> set[int]:
    """Return the registers from which addresses are computed."""
    found: set[int] = set()
    for line in lines:
        if m.LOAD <= line.op <= m.COPY:
            found |= set(line.reads[: 2 if line.op == m.COPY else 1])
    while True:
        more = {r for line in lines if 0 <= line.op < m.LOAD and set(line.writes) & found for r in line.reads} - found
        if not more:
            return found
        found |= more


def _may_wrap(lines: list[Line]) -> set[int]:
    """Return the registers that hold the result of an operation that wraps, or a copy of it."""
    found = {line.writes[0] for line in lines if _is_wide(line) and line.op not in _PLAIN}
    while True:
        more = {line.writes[0] for line in lines if line.op in _PLAIN and set(_sources(line)) & found} - found
        if not more:
            return found
        found |= more


def _needed(lines: list[Line], found: set[int], may_wrap: set[int]) -> set[int]:
    """Return the registers whose wide counterparts are needed for those found."""
    found = set(found)
    while True:
        used = [line for line in lines if _is_wide(line) and set(line.writes) & found]
        more = ({r for line in used for r in _sources(line)} & may_wrap) - found
        if not more:
            return found
        found |= more


def _beside(line: Line, wide: dict[int, int], temporary: Callable[[], int]) -> list[Line]:
    """Return what an instruction does to the wide counterpart of its result, before it is done itself."""
    if not _is_wide(line) or line.writes[0] not in wide:
        return []
    result, reads = wide[line.writes[0]], line.reads[: len(line.reads) - (m.GUARD in line.columns)]
    if line.op == _CUT:
        return [_own(line, NUMBERS["mov"], result, reads)]
    out, sources = [], list(reads)
    for i, r in enumerate(_sources(line)):
        sources[i] = wide.get(r) or temporary()
        if r not in wide:
            out.append(_own(line, _EXTEND, sources[i], [r]))
    return [*out, _own(line, _WIDE[line.op], result, sources)]


def _own(line: Line, op: int, result: int, reads: list[int]) -> Line:
    """Return a row of the emulator's own beside a line, under the same guard."""
    columns = {m.OP: op, m.D: result} | dict(zip((m.A, m.B, m.C, m.E), reads, strict=False))
    columns |= {c: line.columns[c] for c in (m.GUARD, m.NEGATED) if c in line.columns}
    guard = [columns[m.GUARD]] if m.GUARD in columns else []
    return Line(columns, [*reads, *guard], [result], place=line.place, opcode=line.opcode, own=True)
