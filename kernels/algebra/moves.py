"""No look at a number's bits: an integer loaded from memory that holds floating-point numbers is only stored again."""

from __future__ import annotations

import re
from collections.abc import Callable

from kernels.algebra.constant_floats import FLOATING, NAME, opcode, result
from kernels.algebra.refusal import NotAlgebraicError

_ADDRESS = ("getelementptr", "phi", "select", "freeze", "bitcast", "addrspacecast")


def refuse_looks_at_bits(lines: list[str]) -> None:
    """Raise NotAlgebraicError if a function reads floating-point memory as integers, to compute with them.

    Memory holds floating-point numbers if a pointer into it is used for them, or stepped by their size. Pointers are
    followed within the function, forward and back.
    """
    made = dict(filter(lambda pair: pair[0], map(result, lines[1:])))
    family = _families(made)
    floating = {family(p) for p in _floating_pointers(lines[1:])}
    for name, instruction in made.items():
        match = re.match(r"load (?:volatile )?(?:<\d+ x )?i(?:8|16|32|64)>?, ptr (\S+?)(?:,|$)", instruction)
        if match and family(match[1]) in floating and not _is_only_moved(name, lines[1:]):
            raise NotAlgebraicError("it reads the bits of its numbers as integers")


def _families(made: dict[str, str]) -> Callable[[str], str]:
    """Return a function from a pointer to the one that all pointers into the same memory share."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while name in parent:
            name = parent[name]
        return name

    for name, instruction in made.items():
        if opcode(instruction) not in _ADDRESS or not re.search(r"\bptr\b", instruction):
            continue
        code = opcode(instruction)
        if code == "getelementptr":
            sources = re.findall(r'ptr (%(?:"[^"]*"|[\w.$-]+))', instruction)[:1]
        elif code == "phi":
            sources = re.findall(r'\[ (%(?:"[^"]*"|[\w.$-]+)),', instruction)
        else:
            sources = re.findall(r'ptr (%(?:"[^"]*"|[\w.$-]+))', instruction)
        for source in sources:
            a, b = root(name), root(source)
            if a != b:
                parent[a] = b
    return root


def _floating_pointers(lines: list[str]) -> set[str]:
    found = set()
    for line in lines:
        _, instruction = result(line)
        if not FLOATING.search(instruction):
            continue
        code = opcode(instruction)
        pointers = re.findall(r'ptr (%(?:"[^"]*"|[\w.$-]+))', instruction)
        if code in ("load", "getelementptr") or (code == "call" and "@llvm.masked" in instruction):
            found |= set(pointers[:1])
        elif code == "store":
            found |= set(pointers[-1:])
    return found


def _is_only_moved(name: str, lines: list[str]) -> bool:
    """Return whether an integer goes nowhere but into memory."""
    users = [result(line) for line in lines if name in NAME.findall(line.split(" = ", 1)[-1])]
    return all(opcode(instruction) == "store" and _stored(instruction) == name for _, instruction in users)


def _stored(instruction: str) -> str:
    match = re.match(r"store (?:volatile )?(?:<\d+ x i\d+>|i\d+) (\S+),", instruction)
    return match[1] if match else ""
