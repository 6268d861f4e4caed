"""Lowering of what touches memory."""

import re

from kernels.emulator import machine as m
from kernels.emulator import warp_memory as atomics
from kernels.emulator.lowering import TYPES, Lowering, rule
from kernels.emulator.parse import Instruction

_SPACES = {
    "global": m.GLOBAL_SPACE,
    "const": m.GLOBAL_SPACE,
    "shared": m.SHARED_SPACE,
    "shared::cta": m.SHARED_SPACE,
    "local": m.LOCAL_SPACE,
}
_ATOMICS = {
    "and": atomics.AND,
    "or": atomics.OR,
    "xor": atomics.XOR,
    "exch": atomics.EXCHANGE,
    "cas": atomics.SWAP,
    "inc": atomics.INC,
    "dec": atomics.DEC,
}


# what an access's name may hold beside its memory: how it is cached and ordered, which changes no value here
_HOW = re.compile(
    r"(ld|ldu|st|param(::(entry|func))?|volatile|relaxed|acquire|release|weak|cta|gpu|sys|cluster|nc|c[agsv]|lu|wb|wt|v[24]"
    r"|L[12]::[\w:]+)$"
)


_ORDER = re.compile(r"(relaxed|acquire|release|cta|gpu|sys|cluster|L2::\w+)$")


def _refuse_unknown(low: Lowering, words: list[str]) -> None:
    if any(w not in _SPACES and not _HOW.match(w) for w in words[:-1]) or not TYPES.match(words[-1]):
        raise low.unsupported()


def _space(words: list[str]) -> int:
    return next((_SPACES[w] for w in words if w in _SPACES), m.GENERIC)


def place_of(low: Lowering, operand: str) -> tuple[int, int]:
    """Return (register, number to add) of `[register+number]` or `[variable+number]`."""
    found = re.match(r"\[\s*([^+\s\]]+)\s*(?:\+\s*(-?\d+))?\s*\]$", operand)
    if not found:
        raise low.unsupported()
    return low.value(found[1]), int(found[2] or 0)


def parameter_of(low: Lowering, operand: str) -> int:
    """Return the register that stands for a parameter: the kernel's, or one of an inlined call."""
    found = re.match(r"\[\s*([^+\s\]]+)\s*(?:\+\s*(\d+))?\s*\]$", operand)
    if not found:
        raise low.unsupported()
    name = f"{found[1]}+{found[2] or 0}"
    return low.at_launch(f"param {name}") if found[1] in low.parameters else low.register(f"param {name}")


def listed(operand: str) -> list[str]:
    """Return the names in an operand like {a, b}."""
    return [o.strip() for o in operand.strip("{}").split(",")]


@rule("ld", "ldu")
def _load(low: Lowering, instruction: Instruction) -> None:
    words = instruction.opcode.split(".")
    kind, names = words[-1], listed(instruction.operands[0])
    _refuse_unknown(low, words)
    rows = [low.register(n) if n != "_" else low.temporary() for n in names]
    if "param" in words:
        if len(rows) > 1:
            raise low.unsupported()
        source = parameter_of(low, instruction.operands[1])
        low.emit("mov" if kind[0] == "f" else f"extend.{kind.replace('b', 'u')}", rows[0], [source])
        return
    base, offset = place_of(low, instruction.operands[1])
    volatile = int("volatile" in words or "relaxed" in words)
    line = low.emit(
        m.LOAD, rows[0], [base], TARGET=offset, BYTES=int(kind[1:]) // 8, SPACE=_space(words),
        LANES=len(rows), SIGNED=int(kind[0] == "s"), E=volatile, **{f"D{i}": r for i, r in enumerate(rows) if i},
    )  # fmt: skip
    line.writes = rows


@rule("st")
def _store(low: Lowering, instruction: Instruction) -> None:
    words = instruction.opcode.split(".")
    _refuse_unknown(low, words)
    rows = [low.value(n) for n in listed(instruction.operands[1])]
    if "param" in words:
        low.emit("mov", parameter_of(low, instruction.operands[0]), rows)
        return
    base, offset = place_of(low, instruction.operands[0])
    line = low.emit(
        m.STORE, None, [base, rows[0]], TARGET=offset, BYTES=int(words[-1][1:]) // 8, SPACE=_space(words),
        LANES=len(rows), **{f"D{i}": r for i, r in enumerate(rows) if i},
    )  # fmt: skip
    line.reads += rows[1:]


@rule("atom", "red")
def _atomic(low: Lowering, instruction: Instruction) -> None:
    words, operands = instruction.opcode.split("."), list(instruction.operands)
    kind = words[-1]
    what = next((w for w in words if w in (*_ATOMICS, "add", "min", "max")), None)
    known = {*_SPACES, *_ATOMICS, "atom", "red", "add", "noftz", "min", "max", "acq_rel"}
    narrow = {("add", "f16"): atomics.ADD_F16, ("add", "bf16"): atomics.ADD_BF16, ("cas", "b16"): atomics.SWAP}
    if any(w not in known and not _ORDER.match(w) for w in words[:-1]):
        raise low.unsupported()
    if what is None or (kind[1:] not in ("32", "64") and (what, kind) not in narrow):
        raise low.unsupported()
    if (what, kind) in narrow:
        code = narrow[what, kind]
    elif what == "add":
        code = atomics.ADD_F if kind[0] == "f" else atomics.ADD
    elif what in ("min", "max"):
        code = getattr(atomics, f"{what.upper()}_{'S' if kind[0] == 's' else 'U'}")
    else:
        code = _ATOMICS[what]
    result = None
    if words[0] == "atom":
        name = operands.pop(0)
        result = low.register(name) if name != "_" else low.temporary()
    base, offset = place_of(low, operands[0])
    line = low.emit(
        m.ATOMIC, result, [base, *(low.value(o) for o in operands[1:])],
        TARGET=offset, BYTES=int(kind.lstrip("usbf")) // 8, SPACE=_space(words), LANES=1, SIGNED=code,
    )  # fmt: skip
    if result is None:
        line.columns[m.D] = -1


@rule("cvta")
def _cvta(low: Lowering, instruction: Instruction) -> None:
    words = instruction.opcode.split(".")
    slot = {m.SHARED_SPACE: m.SHARED, m.LOCAL_SPACE: m.LOCAL}.get(_space(words))
    result, source = low.register(instruction.operands[0]), low.value(instruction.operands[1])
    if slot is None:
        low.emit("mov", result, [source])
    else:
        window = low.constant((slot << 32) + m.HALF)
        low.emit("sub.u64" if "to" in words else "add.u64", result, [source, window])


@rule("cp")
def _copy(low: Lowering, instruction: Instruction) -> None:
    words, operands = instruction.opcode.split("."), instruction.operands
    if words[1] != "async" or "bulk" in words or "mbarrier" in words:
        raise low.unsupported()
    if "commit_group" in words:
        low.emit(m.COMMIT, None, [])
    elif "wait_all" in words:
        low.emit(m.WAIT_ALL, None, [])
    elif "wait_group" in words:
        low.emit(m.WAIT, None, [], TARGET=int(operands[0]))
    else:
        to, offset = place_of(low, operands[0])
        source, more = place_of(low, operands[1])
        size = [low.value(operands[3])] if len(operands) > 3 else []
        line = low.emit(
            m.COPY, None, [to, source, *size], TARGET=offset, SIGNED=more, BYTES=int(operands[2]), SPACE=m.SHARED_SPACE
        )
        line.columns.setdefault(m.C, -1)


@rule("isspacep")
def _is_space(low: Lowering, instruction: Instruction) -> None:
    """Lower the question whether an address lies in a memory: its upper half is the memory's number."""
    space = _space(instruction.opcode.split("."))
    slot, result = low.temporary(), low.register(instruction.operands[0])
    low.emit("shr.u64", slot, [low.value(instruction.operands[1]), low.constant(32)])
    if space == m.GLOBAL_SPACE:
        low.emit("setp.ge.u64", result, [slot, low.constant(m.FIRST_BUFFER)])
    else:
        low.emit("setp.eq.u64", result, [slot, low.constant(m.SHARED if space == m.SHARED_SPACE else m.LOCAL)])
