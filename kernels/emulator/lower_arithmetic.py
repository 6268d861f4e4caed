"""Lowering of arithmetic: instructions of the table of operations, moves, conversions, carries."""

import re

from kernels.emulator.dispatch import NUMBERS
from kernels.emulator.lowering import OTHERS, TYPES, Lowering, rule
from kernels.emulator.parse import Instruction

# what an instruction's name may hold beside its type: what selects the operation, and what changes nothing here
_SELECTS = {
    "f": ("rz", "rm", "rp", "finite", "infinite", "notanumber", "NaN"),
    "i": ("lo", "hi", "wide", "l", "r", "wrap", "clamp", "shiftamt"),
}
_SAME = {"f": ("rn", "approx", "full", "ftz", "sat", "relu"), "i": ("b32",)}


def is_half(kind: str) -> bool:
    """Return whether a type is float16 or bfloat16, alone or two to a register."""
    return kind.removesuffix("x2") in ("f16", "bf16")


def is_floating(kind: str) -> bool:
    """Return whether a type is one of floating-point numbers."""
    return kind[0] == "f" or is_half(kind)


def halves_of(low: Lowering, source: int) -> list[int]:
    """Return two registers with the lower and the upper half of a register of 32 bits."""
    parts = [low.temporary(), low.temporary()]
    low.emit("extend.u16", parts[0], [source])
    low.emit("shr.u32", parts[1], [source, low.constant(16)])
    return parts


def _of_halves(low: Lowering, name: str, result: int, sources: list[int]) -> None:
    """Lower an instruction on two numbers to a register."""
    done = []
    for part in zip(*(halves_of(low, s) for s in sources), strict=True):
        done.append(low.temporary())
        low.emit(name, done[-1], list(part))
    low.emit("pack.u32", result, done)


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
    floating = is_floating(kind)
    family = "f" if floating else "i"
    stem, more = words[0], words[1:-1]
    selects = [w for w in more if w in _SELECTS[family]]
    clamps = [w for w in more if w in ("sat", "relu")]
    if set(more) - {*selects, *_SAME[family]} or (clamps and f"{clamps[0]}.{kind}" not in NUMBERS):
        raise low.unsupported()
    if floating and stem == "mad":
        stem = "fma"
    stem += "".join(f".{w}" for w in selects) + (".ftz" if "ftz" in more and kind != "f64" else "")
    one = kind.removesuffix("x2")
    names = (f"{stem}.{one}",) if floating else (f"{stem}.{kind}", f"{stem}.{unsigned(kind)}", f"{stem}.b{kind[1:]}")
    name = next((n for n in names if n in NUMBERS), None)
    if name is None:
        raise low.unsupported()
    result, sources = low.register(instruction.operands[0]), [low.value(o) for o in instruction.operands[1:]]
    if kind.endswith("x2"):
        _of_halves(low, name, result, sources)
    else:
        low.emit(name, result, sources)
    for clamp in clamps:
        low.emit(f"{clamp}.{kind}", result, [result])


@rule("mov")
def _mov(low: Lowering, instruction: Instruction) -> None:
    to, source = instruction.operands
    width = int(re.sub(r"\D", "", instruction.opcode) or 0)
    if source[0] == "{":
        parts = [low.value(o.strip()) for o in source.strip("{}").split(",")]
        if len(parts) not in (2, 4):
            raise low.unsupported()
        if len(parts) == 4:
            pairs = [low.temporary(), low.temporary()]
            low.emit(f"pack.u{width // 2}", pairs[0], parts[:2])
            low.emit(f"pack.u{width // 2}", pairs[1], parts[2:])
            parts = pairs
        low.emit(f"pack.u{width}", low.register(to), parts)
    elif to[0] == "{":
        names = [o.strip() for o in to.strip("{}").split(",")]
        if len(names) not in (2, 4):
            raise low.unsupported()
        whole = low.temporary()
        low.emit("mov", whole, [low.value(source)])
        each = width // len(names)
        for i, name in enumerate(names):
            if name == "_":
                continue
            part = whole
            if i:
                part = low.register(name)
                low.emit(f"shr.u{width}", part, [whole, low.constant(i * each)])
            if i < len(names) - 1:
                low.emit(f"extend.u{each}", low.register(name), [part])
    else:
        low.emit("mov", low.register(to), [low.value(source)])


def _narrow(low: Lowering, instruction: Instruction, words: list[str]) -> None:
    """Lower a conversion to the numbers of tensor cores."""
    name = ".".join(words[1:])
    if name not in ("rna.tf32.f32", "rn.bf16x2.f32", "rn.f16x2.f32"):
        raise low.unsupported()
    low.emit(name, low.register(instruction.operands[0]), [low.value(o) for o in instruction.operands[1:]])


@rule("cvt")
def _cvt(low: Lowering, instruction: Instruction) -> None:
    words = instruction.opcode.split(".")
    to, source = words[-2:]
    result, value = low.register(instruction.operands[0]), low.value(instruction.operands[1])
    way = next((w for w in words if w in ("rni", "rzi", "rmi", "rpi")), None)
    direction = next((f".{w}" for w in words if w in ("rz", "rm", "rp")), "")
    if words[-2] in ("tf32", "bf16x2", "f16x2"):
        _narrow(low, instruction, words)
        return
    known = ("cvt", "ftz", "sat", "rn", "rz", "rm", "rp", "rni", "rzi", "rmi", "rpi")
    if set(words[:-2]) - set(known) or source.endswith("x2"):
        raise low.unsupported()
    if "ftz" in words and source == "f32":
        flushed = low.temporary()
        low.emit("flush.f32", flushed, [value])
        value = flushed
    if is_floating(source) and is_floating(to):
        name = f"{way}.to.{to}" if way and to == source else f"{to}{direction}.{source}"
        low.emit("mov" if to == source and not way else name, result, [value])
        if "ftz" in words and to == "f32":
            low.emit("flush.f32", result, [result])
        if "sat" in words:
            low.emit(f"sat.{to}", result, [result])
    elif is_floating(source):
        whole = low.temporary()
        low.emit(f"{way}.{source}", whole, [value])
        low.emit(f"clamp.{to}", result, [whole])
    elif is_floating(to):
        if direction and to not in ("f32", "f64"):
            raise low.unsupported()
        low.emit(f"{to}{direction}.{source}", result, [value])
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
