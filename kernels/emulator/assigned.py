"""Which registers may hold no value: only these are watched while a kernel runs.

A register holds none before anything was written to it, if a shuffle took it from a thread that takes no part, or if
it was read from private memory that nothing has written. Neither does what is computed from it. That alone is no fault:
compilers copy and compute what is then not used. A fault is to store it, to branch on it, or to use it as an address.
"""

from kernels.emulator import machine as m
from kernels.emulator.dispatch import NUMBERS
from kernels.emulator.overflow import Fits
from kernels.emulator.program import Line, Origin

_MOVE, _SELECT, _AND, _OR = (NUMBERS[name] for name in ("mov", "selp", "and.pred", "or.pred"))
_PRIVATE = (m.LOCAL_SPACE, m.GENERIC)
Origins = dict[int, frozenset[Origin]]


def watch_unassigned(lines: list[Line], given: set[int], names: dict[int, str], fits: Fits) -> list[Line]:
    """Return `lines` with a CHECK before each use of what may hold no value, and with a mark at each write.

    given: the registers that the launch fills. names: what registers are called, for the report of a fault.
    fits: instructions whose result holds no value if their sources have wrapped around.
    """
    watched = _origins(lines, given, names, fits)
    return [new for line in lines for new in _with_book(line, watched, fits)] if watched else lines


def _with_book(line: Line, watched: Origins, fits: Fits) -> list[Line]:
    needed, handed_on = _uses(line)
    if not m.LOAD <= line.op <= m.COPY:
        needed = [r for r in needed if _is_without_value(watched.get(r))]
    before = [_row(line, m.CHECK, r, origins=watched[r]) for r in needed if r in watched]
    after = []
    written = [r for r in line.writes if r in watched]
    if line.op < m.LOAD:
        if written:
            before.append(_mark(line, watched))
            before += [
                _row(line, m.MARK_FITS, written[0], {m.B: written[0], m.D1: w, m.D2: n})
                for w, n in fits.get(id(line), ())
            ]
    elif line.op == m.SHUFFLE:
        line.columns[m.SPACE] = int(line.reads[0] in watched)
    elif line.op == m.STORE:
        line.columns[m.E] = sum(1 << i for i, r in enumerate(handed_on) if _is_without_value(watched.get(r)))
        line.origins = frozenset().union(*(watched.get(r, ()) for r in handed_on))
    elif line.op == m.LOAD and line.columns[m.SPACE] in _PRIVATE:
        line.columns[m.C] = int(bool(written))
    else:
        after = [_row(line, m.MARK, r) for r in written]
    return [*before, line, *after]


def _is_without_value(origins: frozenset[Origin] | None) -> bool:
    """Return whether a register may hold no value; what has wrapped around is a value, but no index."""
    return any(o.what != "wrapped" for o in origins or ())


def _uses(line: Line) -> tuple[list[int], list[int]]:
    """Return (the registers that must hold a value here, those whose having none is only handed on)."""
    guard = [line.columns[m.GUARD]] if m.GUARD in line.columns else []
    reads = line.reads[: len(line.reads) - len(guard)]
    if line.op < 0:
        return [], []
    if line.op < m.LOAD:
        return guard, reads
    if line.op == m.SHUFFLE:
        return reads[1:] + guard, reads[:1]
    if line.op == m.STORE:
        return reads[:1] + guard, reads[1:]
    return list(dict.fromkeys(reads + guard)), []


def _mark(line: Line, watched: Origins) -> Line:
    """Return the row that says, before an arithmetic instruction, whether its result will hold a value."""
    result, reads = line.writes[0], _uses(line)[1]
    seen = [r if r in watched else 0 for r in reads]
    if line.op == _SELECT:
        return _row(line, m.MARK_CHOSEN, result, {m.B: seen[0], m.C: seen[1], m.E: reads[2], m.D1: seen[2]})
    if line.op in (_AND, _OR):
        decides = int(line.op == _OR)
        columns = {m.B: seen[0], m.C: seen[1], m.E: decides, m.D1: reads[0], m.D2: reads[1]}
        return _row(line, m.MARK_DECIDED, result, columns)
    if not any(seen):
        return _row(line, m.MARK, result)
    return _row(line, m.MARK_ALL, result, dict(zip((m.B, m.C, m.E, m.D1), seen, strict=False)))


def _row(
    line: Line, op: int, register: int, more: dict[int, int] | None = None, origins: frozenset[Origin] = frozenset()
) -> Line:
    columns = {m.OP: op, m.A: register} | (more or {})
    columns |= {c: line.columns[c] for c in (m.GUARD, m.NEGATED) if c in line.columns}
    if op == m.CHECK and register == columns.get(m.GUARD):
        del columns[m.GUARD]
    return Line(columns, place=line.place, opcode=line.opcode, origins=origins, own=True)


def _origins(lines: list[Line], given: set[int], names: dict[int, str], fits: Fits) -> Origins:
    """Return the registers that may hold no value, each with what that may come from."""
    found: dict[int, set[Origin]] = {}
    for line, sure in zip(lines, _assigned_before(lines, given), strict=True):
        for r in line.reads:
            if sure is not None and not sure >> (r >> 5) & 1:
                found.setdefault(r, set()).add(Origin("register", names.get(r, ""), line.place))
        if line.op == m.SHUFFLE:
            found.setdefault(line.writes[0], set()).add(Origin("shuffle", "", line.place))
        if id(line) in fits:
            found.setdefault(line.writes[0], set()).add(Origin("wrapped", "", line.place))
    private: set[Origin] = set()
    while True:
        before = sum(map(len, found.values())) + len(private)
        for line in lines:
            come = set().union(*(found.get(r, ()) for r in _uses(line)[1]))
            if line.op == m.STORE and line.columns[m.SPACE] in _PRIVATE:
                private |= come
            elif line.op == m.LOAD and line.columns[m.SPACE] in _PRIVATE:
                come = private
            if come and line.op >= 0:
                for r in line.writes:
                    found.setdefault(r, set()).update(come)
        if sum(map(len, found.values())) + len(private) == before:
            return {r: frozenset(origins) for r, origins in found.items()}


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
