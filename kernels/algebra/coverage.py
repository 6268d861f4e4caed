"""Which blocks of compiled CPU kernels run, and so which lines: a mark in every block of the LLVM code."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kernels.algebra import cpu

_LABEL = re.compile(r'("[^"]*"|[\w.$-]+):')
_OURS = re.compile(r'^define [^@]*@"?(_ZN7kernels|_ZN13_3cdynamic)')
_ERRORS = re.compile(r"ret i32 (?:1|2|-1|-3)\b|unreachable|store ptr .*%excinfo|numba_do_raise|NRT_MemInfo_call_dtor")
ROOT = Path(__file__).resolve().parents[1]
Labels = Callable[[dict[str, Any]], Iterable[str]]  # a kernel's arguments by name -> what such a call is called


def _no_labels(arguments: dict[str, Any]) -> Iterable[str]:
    return ()


class Listening(AbstractContextManager):
    """Within this, a function is among the listeners."""

    def __init__(self, listeners: list, function: Callable) -> None:
        self.listeners, self.function = listeners, function

    def __enter__(self) -> None:
        self.listeners.append(self.function)

    def __exit__(self, *error: Any) -> None:
        self.listeners.remove(self.function)


@dataclass
class Reached:
    """The blocks of one compiled kernel, which of them ran, and the lines of source that each is made from."""

    kernel: str
    reached: set[int] = field(default_factory=set)
    places: dict[int, frozenset[str]] = field(default_factory=dict)  # block -> "file:line"
    by_label: dict[str, set[int]] = field(default_factory=dict)  # the blocks that ran in calls with a label

    @property
    def lines(self) -> set[str]:
        """The lines of source that have code in the kernel."""
        return set[str]().union(*self.places.values())

    @property
    def lines_reached(self) -> set[str]:
        """The lines of which code ran."""
        return self.lines_of(self.reached)

    def lines_of(self, blocks: Iterable[int]) -> set[str]:
        """Return the lines that some blocks are made from."""
        return set[str]().union(*(self.places.get(block, frozenset()) for block in blocks))

    def add(self, blocks: set[int], labels: Iterable[str]) -> None:
        """Note that blocks ran in a call with these labels."""
        self.reached |= blocks
        for label in labels:
            self.by_label.setdefault(label, set()).update(blocks)


@contextmanager
def watched(found: dict[str, Reached], label: Labels = _no_labels) -> Iterator[None]:
    """Within this, note in `found` the blocks of the CPU kernels that run, and in calls with which labels."""
    marked: dict[str, np.ndarray] = {}
    labels: list[Iterable[str]] = [()]  # of the call that is under way

    def change(compiled: Any) -> str:
        kinds = ",".join(str(t.dtype) for t in compiled.signature.args if hasattr(t, "dtype"))
        name = f"{compiled.fndesc.modname}.{compiled.fndesc.qualname}({kinds}) {compiled.fndesc.unique_name}"
        marks = np.zeros(1 << 16, np.uint8)
        text, places = mark(cpu.text_of(compiled), marks)
        marked[name] = marks
        found.setdefault(name, Reached(name, places=places))
        return text

    def called(dispatcher: Any, arguments: tuple) -> None:
        note()
        labels[0] = label(by_name(dispatcher.py_func, arguments))

    def note() -> None:
        for name, marks in marked.items():
            found[name].add({int(b) for b in np.flatnonzero(marks)}, labels[0])
            marks[:] = 0

    with cpu.changed(change, {}, called):
        yield
        note()


def by_name(function: Callable[..., Any], arguments: tuple) -> dict[str, Any]:
    """Return the arguments of a kernel by name, and the name of its module as `module`."""
    named = dict(zip(inspect.signature(function).parameters, arguments, strict=True))
    return {"module": function.__module__, **named}


def mark(text: str, marks: np.ndarray) -> tuple[str, dict[int, frozenset[str]]]:
    """Return the module with a store into `marks` in each block of our functions, and where each block is."""
    out: list[str] = []
    places: dict[int, frozenset[str]] = {}
    where = _lines(text)
    lines, at, base = text.splitlines(), 0, marks.ctypes.data
    while at < len(lines):
        if not _OURS.match(lines[at]):
            out.append(lines[at])
            at += 1
            continue
        end = lines.index("}", at)
        out.append(lines[at])
        for block in _blocks(lines[at + 1 : end]):
            head = next((i for i, line in enumerate(block) if not _goes_before(line)), len(block))
            if not any(_ERRORS.search(line) for line in block):
                number = len(places)
                found = {where.get(n, "") for line in block for n in re.findall(r"!dbg !(\d+)", line)}
                places[number] = frozenset(found - {""})
                mark_here = f"  store i8 1, ptr inttoptr (i64 {base + number} to ptr)"
                block = [*block[:head], mark_here, *block[head:]]
            out += block
        at = end
    return "\n".join(out), places


def _blocks(lines: list[str]) -> list[list[str]]:
    found: list[list[str]] = [[]]
    for line in lines:
        if _LABEL.match(line) and any(x.strip() for x in found[-1]):
            found.append([])
        found[-1].append(line)
    return found


def _goes_before(line: str) -> bool:
    """Return whether a line stands before the first instruction that may follow a block's phis."""
    return not line.strip() or line.startswith(";") or bool(_LABEL.match(line)) or " = phi " in line


def _lines(text: str) -> dict[str, str]:
    """Return the line of ours, "file:line", that each place of the compiler's record stands for, by its number.

    There is a record in a process with NUMBA_DEBUGINFO=1.
    """
    records = dict(
        re.findall(r"^!(\d+) = (?:distinct )?!(DI(?:Location|File|Subprogram|LexicalBlock\w*)\(.*)$", text, re.M)
    )
    files = {}
    for number, record in records.items():
        if record.startswith("DIFile"):
            name, folder = re.search(r'filename: "([^"]*)"', record), re.search(r'directory: "([^"]*)"', record)
            path = Path(folder[1] if folder else "", name[1] if name else "").resolve()  # it may be named by a link
            if path.is_relative_to(ROOT):
                files[number] = path.relative_to(ROOT).as_posix()
    found = {}
    for number, record in records.items():
        line = re.match(r"DILocation\(line: (\d+),.*?scope: !(\d+)", record)
        if line is None or line[1] == "0":
            continue
        file = re.search(r"file: !(\d+)", records.get(line[2], ""))
        if file and file[1] in files:
            found[number] = f"{files[file[1]]}:{line[1]}"
    return found
