"""Lowering of comparisons and of what selects by one."""

from kernels.emulator.dispatch import NUMBERS
from kernels.emulator.lower_arithmetic import halves_of, is_half, unsigned
from kernels.emulator.lowering import Lowering, rule
from kernels.emulator.parse import Instruction

# what `set` gives for true, by the type of its result: all ones of an integer, 1 of a floating-point number
_TRUE = {"f32": 0x3F800000, "f16": 0x3C00, "bf16": 0x3F80, "u16": 0xFFFF, "s16": 0xFFFF}


def _comparison(low: Lowering, compare: str, kind: str, flushed: bool) -> str:
    """Return the name that a comparison has in the table of operations."""
    if kind[0] != "f" and not is_half(kind):
        if compare in ("lo", "ls", "hi", "hs"):
            kind, compare = unsigned(kind), {"lo": "lt", "ls": "le", "hi": "gt", "hs": "ge"}[compare]
        kind = unsigned(kind) if compare in ("eq", "ne") or kind[0] == "b" else kind
    name = f"setp.{compare}.{'ftz.' if flushed and kind == 'f32' else ''}{kind}"
    if name not in NUMBERS or (flushed and is_half(kind)):
        raise low.unsupported()
    return name


@rule("setp")
def _setp(low: Lowering, instruction: Instruction) -> None:
    words, operands = instruction.opcode.split("."), instruction.operands
    name = _comparison(low, words[1], words[-1], "ftz" in words)
    combine = next((w for w in words[2:-1] if w in ("and", "or", "xor")), None)
    names = [o.strip() for o in operands[0].split("|")]
    first = low.temporary() if combine or names[0] == "_" else low.register(names[0])
    rows = [first]
    low.emit(name, first, [low.value(o) for o in operands[1:3]])
    if len(names) > 1:  # the second is the comparison's opposite
        rows.append(low.temporary() if combine or names[1] == "_" else low.register(names[1]))
        low.emit("not.pred", rows[1], [first])
    if combine:
        third = low.value(operands[3])
        for row, to in zip(rows, names, strict=True):
            low.emit(f"{combine}.pred", low.register(to) if to != "_" else low.temporary(), [row, third])


@rule("set")
def _set(low: Lowering, instruction: Instruction) -> None:
    words = instruction.opcode.split(".")
    to, kind = words[-2:]
    if set(words[2:-2]) - {"ftz"} or to.endswith("x2") != kind.endswith("x2"):
        raise low.unsupported()
    name = _comparison(low, words[1], kind.removesuffix("x2"), "ftz" in words)
    true, false = low.constant(_TRUE.get(to.removesuffix("x2"), 0xFFFFFFFF)), low.constant(0)
    result, sources = low.register(instruction.operands[0]), [low.value(o) for o in instruction.operands[1:]]
    parts = []
    for pair in zip(*(halves_of(low, s) for s in sources), strict=True) if to.endswith("x2") else [sources]:
        holds = low.temporary()
        low.emit(name, holds, list(pair))
        parts.append(low.temporary())
        low.emit("selp", parts[-1], [true, false, holds])
    low.emit("pack.u32" if len(parts) > 1 else "mov", result, parts)


@rule("selp")
def _selp(low: Lowering, instruction: Instruction) -> None:
    low.emit("selp", low.register(instruction.operands[0]), [low.value(o) for o in instruction.operands[1:]])


@rule("slct")
def _slct(low: Lowering, instruction: Instruction) -> None:
    words = instruction.opcode.split(".")
    name = _comparison(low, "ge", words[-1], "ftz" in words)
    a, b, c = (low.value(o) for o in instruction.operands[1:])
    holds = low.temporary()
    low.emit(name, holds, [c, low.constant(0)])
    low.emit("selp", low.register(instruction.operands[0]), [a, b, holds])


@rule("cnot")
def _cnot(low: Lowering, instruction: Instruction) -> None:
    zero, holds = low.constant(0), low.temporary()
    name = _comparison(low, "eq", instruction.opcode.split(".")[-1], False)
    low.emit(name, holds, [low.value(instruction.operands[1]), zero])
    low.emit("selp", low.register(instruction.operands[0]), [low.constant(1), zero, holds])
