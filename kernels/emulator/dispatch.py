"""The table of `operations` as compiled code: one function a table, with a loop over the 32 threads of a warp a line.

A register is 32 uint64, one a thread, whatever its type. All 32 are computed, also those of threads that do not
take part (the caller keeps them from being stored): a loop without branches becomes SIMD instructions.
"""

import math
from collections.abc import Callable

import numpy as np

from kernels.algebra import arithmetic
from kernels.emulator import bits, halves, scalars
from kernels.emulator.operations import CONVERSIONS, FLOATS, INTEGERS, Operation

TABLES = (INTEGERS, FLOATS, CONVERSIONS)
SPACING = 1000  # an opcode's number is SPACING * its table + its line
NUMBERS = {name: SPACING * t + i for t, table in enumerate(TABLES) for i, name in enumerate(table)}

_KINDS = {f"{sign}{width}": None for sign in "us" for width in (8, 16, 32, 64)}


def _fetch(kind: str, letter: str) -> str:
    cell = f"R[{letter}_ + i]"
    if kind == "p":
        return f"{cell} != u64(0)"
    return f"{kind}({cell})"


def _store(kind: str, expression: str) -> str:
    if kind == "p":
        return f"u64({expression})"
    if kind in ("f16", "bf16"):
        return f"to_{kind}(f64_({expression}), 0)"
    if kind in ("f32", "f64"):
        return f"b{kind[1:]}({kind}_({expression}))"
    return f"u64(s64({kind}({expression})))" if kind[0] == "s" else f"u64({kind}({expression}))"


def source(name: str, table: dict[str, Operation], first: int) -> str:
    """Return the Python text of one table's function."""
    lines = [f"def {name}(op, R, d, a_, b_, c_, e_):"]
    _branch(lines, list(enumerate(table.values())), first, 1)
    return "\n".join(lines)


def _branch(lines: list[str], operations: list[tuple[int, Operation]], first: int, depth: int) -> None:
    """Write a binary search on the opcode: a chain of hundreds of comparisons is slow to compile."""
    pad = "    " * depth
    if len(operations) > 1:
        half = len(operations) // 2
        lines.append(f"{pad}if op < {first + operations[half][0]}:")
        _branch(lines, operations[:half], first, depth + 1)
        lines.append(f"{pad}else:")
        _branch(lines, operations[half:], first, depth + 1)
        return
    operation = operations[0][1]
    lines.append(f"{pad}for i in range(u64(32)):")
    lines += [f"{pad}    {x} = {_fetch(k, x)}" for x, k in zip("abce", operation.arguments, strict=False)]
    lines.append(f"{pad}    R[d + i] = {_store(operation.result, operation.expression)}")


def _compiled(name: str, table: dict[str, Operation], first: int) -> Callable:
    names = {n: getattr(module, n) for module in (scalars, bits, halves) for n in dir(module) if not n.startswith("_")}
    names |= {n: getattr(np, f"{'u' if n[0] == 'u' else ''}int{n[1:]}") for n in _KINDS}
    names |= {"np": np, "math": math, "f32_": np.float32, "f64_": np.float64, "__name__": __name__}
    names |= {f"algebra_{n}": getattr(arithmetic, n) for n in ("constant", *arithmetic.ARGUMENTS)}
    exec(compile(source(name, table, first), f"<{name} of kernels.emulator.operations>", "exec"), names)
    return scalars.jit(names[name])


integers = _compiled("integers", INTEGERS, 0)
floats = _compiled("floats", FLOATS, SPACING)
conversions = _compiled("conversions", CONVERSIONS, 2 * SPACING)
