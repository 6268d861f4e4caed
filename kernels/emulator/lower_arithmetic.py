"""Lowering of arithmetic: instructions of the table of operations, comparisons, conversions, carries."""

import re

from kernels.emulator.dispatch import NUMBERS
from kernels.emulator.lowering import OTHERS, TYPES, Lowering, rule
from kernels.emulator.parse import Instruction

# what an instruction's name may hold beside its type: what selects the operation, and what changes nothing here
_SELECTS = {
    "f": ("rz", "rm", "rp", "finite", "infinite", "notanumber"),
    "i": ("lo", "hi", "wide", "l", "r", "wrap", "clamp"),
}
_SAME = {"f": ("rn", "approx", "full", "ftz", "sat"), "i": ("b32",)}


def is_half(kind: str) -> bool:
    """Return whether a type is float16 or bfloat16, alone or two to a register."""
    return kind.removesuffix("x2") in ("f16", "bf16")


def unsigned(kind: str) -> str:
    """Return the unsigned type of a type's width."""
    return "u" + kind.lstrip("usbf") if kind != "pred" else kind


@rule(OTHERS)
def arithmetic(low: Lowering, instruction: Instruction) -> None:
    """Lower an instruction of the table of operations, under one of the names that it has there."""
    words = instruction.opcode.split(".")
    kind = words[-1]
    if not TYPES.match(kind):
        raise low.unsupported()
    floating = kind[0] == "f" or is_half(kind)
    family = "f" if floating else "i"
    stem, more = words[0], words[1:-1]
    selects = [w for w in more if w in _SELECTS[family]]
    if set(more) - {*selects, *_SAME[family]} or (is_half(kind) and {"ftz", "sat"} & set(more)):
        raise low.unsupported()
    if floating and stem == "mad":
        stem = "fma"
    stem += "".join(f".{w}" for w in selects) + (".ftz" if "ftz" in more and kind == "f32" else "")
    names = (f"{stem}.{kind}",) if floating else (f"{stem}.{kind}", f"{stem}.{unsigned(kind)}", f"{stem}.b{kind[1:]}")
    name = next((n for n in names if n in NUMBERS), None)
    if name is None:
        raise low.unsupported()
    result = low.register(instruction.operands[0])
    low.emit(name, result, [low.value(o) for o in instruction.operands[1:]])
    if "sat" in more:
        low.emit(f"sat.{kind}", result, [result])


@rule("setp")
def _setp(low: Lowering, instruction: Instruction) -> None:
    words, operands = instruction.opcode.split("."), instruction.operands
    kind, compare = words[-1], words[1]
    if kind[0] != "f" and not is_half(kind):
        if compare in ("lo", "ls", "hi", "hs"):
            kind, compare = unsigned(kind), {"lo": "lt", "ls": "le", "hi": "gt", "hs": "ge"}[compare]
        kind = unsigned(kind) if compare in ("eq", "ne") or kind[0] == "b" else kind
    name = f"setp.{compare}.{'ftz.' if 'ftz' in words and kind == 'f32' else ''}{kind}"
    if name not in NUMBERS or ("ftz" in words and is_half(kind)):
        raise low.unsupported()
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


@rule("selp")
def _selp(low: Lowering, instruction: Instruction) -> None:
    low.emit("selp", low.register(instruction.operands[0]), [low.value(o) for o in instruction.operands[1:]])


@rule("mov")
def _mov(low: Lowering, instruction: Instruction) -> None:
    to, source = instruction.operands
    width = int(re.sub(r"\D", "", instruction.opcode) or 0)
    if source[0] == "{":
        parts = [low.value(o.strip()) for o in source.strip("{}").split(",")]
        if len(parts) != 2:
            raise low.unsupported()
        low.emit(f"pack.u{width}", low.register(to), parts)
    elif to[0] == "{":
        names = [o.strip() for o in to.strip("{}").split(",")]
        if len(names) != 2:
            raise low.unsupported()
        whole = low.temporary()
        low.emit("mov", whole, [low.value(source)])
        if names[0] != "_":
            low.emit(f"extend.u{width // 2}", low.register(names[0]), [whole])
        if names[1] != "_":
            low.emit(f"shr.u{width}", low.register(names[1]), [whole, low.constant(width // 2)])
    else:
        low.emit("mov", low.register(to), [low.value(source)])


def _narrow(low: Lowering, instruction: Instruction, words: list[str]) -> None:
    """Lower a conversion to the numbers of tensor cores."""
    name = ".".join(words[1:])
    if name not in ("rna.tf32.f32", "rn.bf16x2.f32"):
        raise low.unsupported()
    low.emit(name, low.register(instruction.operands[0]), [low.value(o) for o in instruction.operands[1:]])


@rule("cvt")
def _cvt(low: Lowering, instruction: Instruction) -> None:
    words = instruction.opcode.split(".")
    to, source = words[-2:]
    result, value = low.register(instruction.operands[0]), low.value(instruction.operands[1])
    way = next((w for w in words if w in ("rni", "rzi", "rmi", "rpi")), None)
    direction = next((f".{w}" for w in words if w in ("rz", "rm", "rp")), "")
    if words[-2] in ("tf32", "bf16x2"):
        _narrow(low, instruction, words)
        return
    known = ("cvt", "ftz", "sat", "rn", "rz", "rm", "rp", "rni", "rzi", "rmi", "rpi")
    if set(words[:-2]) - set(known) or is_half(to) or is_half(source):
        raise low.unsupported()
    if "ftz" in words and source == "f32":
        flushed = low.temporary()
        low.emit("flush.f32", flushed, [value])
        value = flushed
    if source[0] == "f" and to[0] == "f":
        name = f"{way}.to.{to}" if way and to == source else f"{to}{direction}.{source}"
        low.emit("mov" if to == source and not way else name, result, [value])
        if "ftz" in words and to == "f32":
            low.emit("flush.f32", result, [result])
        if "sat" in words:
            low.emit(f"sat.{to}", result, [result])
    elif source[0] == "f":
        whole = low.temporary()
        low.emit(f"{way}.{source}", whole, [value])
        low.emit(f"clamp.{to}", result, [whole])
    elif to[0] == "f":
        if direction:
            raise low.unsupported()
        low.emit(f"{to}.{source}", result, [value])
    elif "sat" in words:
        raise low.unsupported()
    else:
        low.emit(f"extend.{source if int(source[1:]) < int(to[1:]) else to}", result, [value])


def _with_carry(low: Lowering, name: str, kind: str, a: int, b: int, words: list[str]) -> None:
    """Lower d = a + b or a - b with the carry flag in (addc, subc) and out (.cc)."""
    flag = low.register("the carry flag")
    comes_in = flag if words[0].endswith("c") else low.constant(0)
    result = low.register(low.now.operands[0])
    goes_out = low.temporary()
    if "cc" in words:
        low.emit(f"carry.{name}.{kind}", goes_out, [a, b, comes_in])
    low.emit(f"{name}c.{kind}", result, [a, b, comes_in])
    if "cc" in words:
        low.emit("mov", flag, [goes_out])


@rule("add", "addc", "sub", "subc")
def _add(low: Lowering, instruction: Instruction) -> None:
    words = instruction.opcode.split(".")
    if "cc" not in words and words[0] in ("add", "sub"):
        arithmetic(low, instruction)
        return
    a, b = (low.value(o) for o in instruction.operands[1:])
    _with_carry(low, words[0][:3], unsigned(words[-1]), a, b, words)


@rule("mad", "madc")
def _mad(low: Lowering, instruction: Instruction) -> None:
    words = instruction.opcode.split(".")
    if "cc" not in words and words[0] == "mad":
        arithmetic(low, instruction)
        return
    a, b, c = (low.value(o) for o in instruction.operands[1:])
    product = low.temporary()
    half = next(w for w in words if w in ("lo", "hi"))
    low.emit(f"mul.{half}.{unsigned(words[-1]) if half == 'lo' else words[-1]}", product, [a, b])
    _with_carry(low, "add", unsigned(words[-1]), product, c, words)
