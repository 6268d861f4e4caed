"""Which floating-point values of a function come from integers and constants alone, by the text of LLVM's language.

Numba computes with such ones when it divides integers, and a kernel when it makes the number of pixels a float. They
are not data: they stay as they are, and may be compared or turned back into integers.
"""

from __future__ import annotations

import re

NAME = re.compile(r'%(?:"[^"]*"|[\w.$-]+)')
FLOATING = re.compile(r'(?<![\w.$"@%-])(?:float|double)(?![\w.$"-])')  # a type, and no part of a name
_RESULT = re.compile(r'\s*(%(?:"[^"]*"|[\w.$-]+)) = (.*)')
_FROM_INTEGERS = ("sitofp", "uitofp")
_PASSES_ON = (
    *("fadd", "fsub", "fmul", "fdiv", "fneg", "frem", "fpext", "fptrunc", "phi", "select", "freeze"),
    *("insertelement", "extractelement", "shufflevector"),
)
_FUNCTIONS = re.compile(r"@llvm\.(floor|ceil|trunc|rint|log10|log2|log|sqrt|fabs|fmuladd|fma|copysign)\.")


def result(line: str) -> tuple[str, str]:
    """Return (the value's name or "", the instruction) of a line."""
    match = _RESULT.match(line)
    return (match[1], match[2]) if match else ("", line.strip())


def opcode(instruction: str) -> str:
    """Return an instruction's first word; "call" also for a tail call."""
    first = instruction.split(" ", 1)[0]
    return "call" if first in ("tail", "musttail", "notail") else first


def find(lines: list[str]) -> set[str]:
    """Return the names of a function's floating-point values that no array and no argument reaches."""
    made: dict[str, str] = {}
    for line in lines[1:]:
        name, instruction = result(line)
        if name and FLOATING.search(instruction) and not _gives_integers(instruction):
            made[name] = instruction
    found = {name for name, instruction in made.items() if _may_be(instruction)}
    floats = set(made) | set(NAME.findall(_arguments(lines[0])))
    while True:
        gone = {name for name in found if _reads(made[name], floats) - found}
        if not gone:
            return found
        found -= gone


def _arguments(head: str) -> str:
    """Return the floating-point arguments of a function's first line."""
    return " ".join(part for part in head.split(",") if FLOATING.search(part))


def _gives_integers(instruction: str) -> bool:
    return opcode(instruction) in ("fcmp", "fptosi", "fptoui", "getelementptr", "store", "alloca")


def _may_be(instruction: str) -> bool:
    code = opcode(instruction)
    return code in _FROM_INTEGERS or code in _PASSES_ON or (code == "call" and bool(_FUNCTIONS.search(instruction)))


def _reads(instruction: str, floats: set[str]) -> set[str]:
    """Return the floating-point values that an instruction is made from."""
    if opcode(instruction) in _FROM_INTEGERS:
        return set()
    return {name for name in NAME.findall(instruction) if name in floats}
