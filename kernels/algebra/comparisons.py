"""What compiled CPU kernels do with their numbers beside moving them: max pooling may compare them, and no more.

A kernel that only compares and moves numbers takes the same steps for all inputs of one order (with the same NaNs): so
what is right for every order of its inputs is right for every input.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kernels.algebra import cpu
from kernels.algebra.constant_floats import FLOATING, opcode, result
from kernels.algebra.moves import refuse_looks_at_bits
from kernels.algebra.rewrite import MASKED, MOVES

# places in a window are carried as numbers, beside x's own, and become integers at the end: the variable's name tells
_PLACES = re.compile(r"^fptoui [^%]*%[\w.\"]*places")


@contextmanager
def noted(found: dict[str, set[str]]) -> Iterator[None]:
    """Within this, note for each compiled kernel that runs what it does with floating-point numbers."""

    def note(compiled: Any) -> str:
        text = cpu.text_of(compiled)
        found.setdefault(compiled.fndesc.qualname, set()).update(uses(text))
        return text

    with cpu.changed(note, {}):
        yield


def uses(text: str) -> set[str]:
    """Return the instructions and functions of a module that get or give a floating-point number and are no move.

    NotAlgebraicError if it looks at the bits of its numbers.
    """
    lines, found, at = text.splitlines(), set[str](), 0
    defined = set(re.findall(r'^define [^\n]*?@("[^"]+"|[\w.$]+)\(', text, re.MULTILINE))
    while at < len(lines):
        if not lines[at].startswith("define"):
            at += 1
            continue
        end = lines.index("}", at)
        refuse_looks_at_bits(lines[at:end])
        for line in lines[at + 1 : end]:
            _, instruction = result(line)
            code = opcode(instruction)
            if not FLOATING.search(instruction) or code in MOVES:
                continue
            called = re.search(r'@("[^"]+"|[\w.$-]+)\(', instruction) if code == "call" else None
            if called and (called[1] in defined or MASKED.search(instruction)):
                continue
            found.add(called[1] if called else f"{code} of places" if _PLACES.search(instruction) else code)
        at = end
    return found
