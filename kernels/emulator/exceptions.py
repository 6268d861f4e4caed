"""Exceptions that a kernel compiled with debug=True raises: a failed assertion, an index beyond an array, ...

numba-cuda leaves a number in a variable of the kernel, and the thread's and the block's place in six others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import numpy as np

from kernels.emulator import faults as f
from kernels.emulator import machine as m
from kernels.emulator.arguments import Buffer
from kernels.emulator.program import Program


@contextmanager
def listed_exceptions() -> Iterator[list[str]]:
    """Within this, the list gets a line for each exception that is compiled: its number, its place, what it says."""
    from numba.cuda.core import callconv

    lines: list[str] = []
    helper = callconv._MinimalCallHelper
    add = helper._add_exception

    def _add_exception(self: Any, exc: Any, exc_args: Any, locinfo: Any) -> int:
        number = add(self, exc, exc_args, locinfo)
        said = ", ".join(map(str, exc_args or ()))
        line = locinfo[2] if locinfo and len(locinfo) > 2 else 0
        name = getattr(exc, "__name__", "an exception")
        lines.append(f"{number} {line} {name}" + (f": {said}" if said else "").replace("\n", " "))
        return number

    with mock.patch.object(helper, "_add_exception", _add_exception):
        yield lines


def note_exceptions(ptx: str, lines: list[str]) -> str:
    """Return PTX with a comment for each exception."""
    return ptx + "".join(f"\n// exception {line}" for line in lines)


def noted_exceptions(ptx: str) -> dict[int, tuple[int, str]]:
    """Return the exceptions that stand in the comments: number -> (line, what it says); the kernel's own come last."""
    found = re.findall(r"^// exception (\d+) (\d+) (.*)$", ptx, re.M)
    return {int(number): (int(line), text) for number, line, text in found}


def raised_in(program: Program, name: str, machine: m.Machine, buffers: list[Buffer]) -> f.KernelFault | None:
    """Return the exception that a thread has raised, as a fault; None if none has."""
    values = {}
    for slot, buffer in enumerate(buffers, m.FIRST_BUFFER):
        if found := re.search(r"__(errcode|tid[xyz]|ctaid[xyz])__$", buffer.name):
            start = machine.slots[slot, m.START]
            values[found[1]] = int(machine.bytes[start : start + 4].view(np.int32)[0])
    if not values.get("errcode"):
        return None
    line, said = program.exceptions.get(values["errcode"], (0, "an exception"))
    thread, block = (tuple(values[f"{what}{axis}"] for axis in "xyz") for what in ("tid", "ctaid"))
    file, kind = program.files.get(1, "?"), f.KINDS[f.RAISED]
    facts = {"kind": kind.name, "kernel": name, "file": file, "line": line, "thread": thread, "block": block}
    text = f"{name}, line {line} of {file}: thread {thread} of block {block} {kind.what} {said}; {kind.do}"
    return f.KernelFault(text, **facts, address=None, memory=None)
