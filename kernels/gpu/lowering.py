"""PTX instructions -> rows for the emulator: names become register numbers, the many spellings the few opcodes.

Arithmetic is here; `lower_memory` has what touches memory or other threads. Each PTX opcode finds its function in
RULES by its first word.
"""

import re
from collections.abc import Callable

from kernels.gpu import machine as m
from kernels.gpu.assigned import watch_unassigned
from kernels.gpu.dispatch import NUMBERS
from kernels.gpu.inline import flatten
from kernels.gpu.parse import Function, Instruction, Module
from kernels.gpu.program import SPECIALS, Line, Program, Unsupported, assemble, layout

TYPES = re.compile(r"(?:[usbf](?:8|16|32|64)|pred)$")
RULES: dict[str, Callable[["Lowering", Instruction], None]] = {}


def rule(*names: str) -> Callable:
    """Decorator: the function lowers the PTX instructions whose first word is one of `names`."""

    def enter(function: Callable) -> Callable:
        RULES.update(dict.fromkeys(names, function))
        return function

    return enter


def lower(module: Module) -> Program:
    """The module's kernel as a program; Unsupported names the instruction that the emulator does not know."""
    from kernels.gpu import lower_memory  # noqa: F401  (enters its rules)

    kernel = flatten(module)
    self = Lowering(module, kernel)
    for instruction in kernel.body:
        self.one(instruction)
    lines = watch_unassigned(self.lines, set(self.constants) | set(self.launch.values()) | self.given)
    code, lines = assemble(lines)
    shared, shared_bytes = layout(module.shared)
    return Program(
        kernel.name, code, lines, self.count, self.constants, self.launch, shared, shared_bytes,
        -(-self.local_bytes // 16) * 16, module.files, module.constants,
    )  # fmt: skip


class Lowering:
    """The state of one translation: registers given out so far, and the rows."""

    def __init__(self, module: Module, kernel: Function) -> None:
        self.lines: list[Line] = []
        self.rows: dict[str, int] = {}
        self.constants: dict[int, int] = {}
        self.launch: dict[str, int] = {}
        self.count = 1  # register 0 is the emulator's own
        self.given = {0} | {self.register(name) for name in SPECIALS}
        self.parameters = {name for _, name in module.entry.params}
        shared, _ = layout(module.shared)
        private, self.local_bytes = layout(kernel.locals)
        self.declared = kernel.registers
        self.addresses = {n: at for n, (at, _) in (shared | private).items()}
        self.data = module.constants
        self.now = Instruction("", [])

    def one(self, instruction: Instruction) -> None:
        """Lower one instruction."""
        if instruction.label is not None:
            self.lines.append(Line({}, label=instruction.label))
            return
        self.now = instruction
        found = RULES.get(instruction.opcode.split(".")[0])
        (found or arithmetic)(self, instruction)

    def register(self, name: str) -> int:
        """The number (times 32) of the register with this name."""
        if name not in self.rows:
            self.rows[name] = self.count * 32
            self.count += 1
        return self.rows[name]

    def temporary(self) -> int:
        """A register that no other instruction uses."""
        self.count += 1
        return (self.count - 1) * 32

    def constant(self, value: int) -> int:
        """A register that holds a number."""
        row = self.register(f"={value & 0xFFFFFFFFFFFFFFFF}")
        self.constants[row] = value & 0xFFFFFFFFFFFFFFFF
        return row

    def at_launch(self, name: str) -> int:
        """A register that the launch fills."""
        self.launch[name] = self.register(f"launch {name}")
        return self.launch[name]

    def value(self, operand: str) -> int:
        """The register that holds an operand: a register, a number, or a variable's address."""
        if operand.startswith("!"):
            row = self.temporary()
            self.emit("not.pred", row, [self.value(operand[1:])])
            return row
        if operand in self.declared or operand in SPECIALS:
            return self.register(operand)
        if operand.startswith(("%ntid.", "%nctaid.", "%lanemask_", "%dynamic_smem_size")):
            return self.at_launch(operand)
        if operand.startswith("%"):
            raise self.unsupported()
        if re.match(r"0[fFdD][0-9a-fA-F]{8}", operand):
            return self.constant(int(operand[2:], 16))
        if re.match(r"-?\d", operand):
            return self.constant(int(operand.rstrip("U"), 0))
        return self.variable(operand)

    def variable(self, operand: str) -> int:
        """The register that holds the address `name` or `name+number`."""
        name, _, more = operand.partition("+")
        if name == "WARP_SZ":
            return self.constant(32)
        if name in self.addresses:
            return self.constant(self.addresses[name] + int(more or 0))
        if name in self.data and not more:
            return self.at_launch(f"data {name}")
        raise self.unsupported()

    def emit(self, op: str | int, result: int | None, sources: list[int], **more: int) -> Line:
        """Append a row: an opcode, the register it writes, those it reads, other columns by name."""
        columns = {m.OP: NUMBERS[op] if isinstance(op, str) else op}
        columns |= dict(zip((m.A, m.B, m.C, m.E), sources, strict=False))
        columns |= {getattr(m, name): number for name, number in more.items()}
        line = Line(columns, list(sources), [], place=self.now.place, opcode=self.now.opcode)
        if result is not None:
            columns[m.D] = result
            line.writes.append(result)
        if self.now.guard:
            columns[m.GUARD] = self.register(self.now.guard)
            columns[m.NEGATED] = int(self.now.negated)
            line.reads.append(columns[m.GUARD])
        self.lines.append(line)
        return line

    def unsupported(self) -> Unsupported:
        """The error for an instruction that is not known."""
        text = f"{self.now.opcode} {', '.join(self.now.operands)}"
        return Unsupported(
            f"the emulator does not know the PTX instruction `{text}` (line {self.now.place[1]} of the Python source)"
        )


def unsigned(kind: str) -> str:
    """The unsigned type of a type's width."""
    return "u" + kind.lstrip("usbf") if kind != "pred" else kind


def arithmetic(self: Lowering, instruction: Instruction) -> None:
    """An instruction of the table of operations, under one of the names that it has there."""
    words = instruction.opcode.split(".")
    kind = words[-1]
    if not TYPES.match(kind):
        raise self.unsupported()
    stem = words[0]
    if kind[0] == "f":
        stem = "fma" if stem == "mad" else stem
        stem += "".join(f".{w}" for w in words[1:-1] if w in ("rz", "rm", "rp", "finite", "infinite", "notanumber"))
        stem += ".ftz" if "ftz" in words and kind == "f32" else ""
    else:
        stem += "".join(f".{w}" for w in words[1:-1] if w in ("lo", "hi", "wide", "l", "r", "wrap", "clamp"))
        if "sat" in words or "cc" in words:
            raise self.unsupported()
    names = (f"{stem}.{kind}", f"{stem}.{unsigned(kind)}", f"{stem}.b{kind[1:]}")
    name = next((n for n in names if n in NUMBERS), None)
    if name is None:
        raise self.unsupported()
    result = self.register(instruction.operands[0])
    self.emit(name, result, [self.value(o) for o in instruction.operands[1:]])
    if "sat" in words:
        self.emit(f"sat.{kind}", result, [result])


@rule("setp")
def _setp(self: Lowering, instruction: Instruction) -> None:
    words, operands = instruction.opcode.split("."), instruction.operands
    kind, compare = words[-1], words[1]
    if "|" in operands[0]:
        raise self.unsupported()
    if kind[0] != "f":
        if compare in ("lo", "ls", "hi", "hs"):
            kind, compare = unsigned(kind), {"lo": "lt", "ls": "le", "hi": "gt", "hs": "ge"}[compare]
        kind = unsigned(kind) if compare in ("eq", "ne") or kind[0] == "b" else kind
    name = f"setp.{compare}.{'ftz.' if 'ftz' in words and kind == 'f32' else ''}{kind}"
    if name not in NUMBERS:
        raise self.unsupported()
    combine = next((w for w in words[2:-1] if w in ("and", "or", "xor")), None)
    result = self.register(operands[0])
    first = self.temporary() if combine else result
    self.emit(name, first, [self.value(o) for o in operands[1:3]])
    if combine:
        self.emit(f"{combine}.pred", result, [first, self.value(operands[3])])


@rule("selp")
def _selp(self: Lowering, instruction: Instruction) -> None:
    self.emit("selp", self.register(instruction.operands[0]), [self.value(o) for o in instruction.operands[1:]])


@rule("mov")
def _mov(self: Lowering, instruction: Instruction) -> None:
    to, source = instruction.operands
    width = int(re.sub(r"\D", "", instruction.opcode) or 0)
    if source[0] == "{":
        parts = [self.value(o.strip()) for o in source.strip("{}").split(",")]
        if len(parts) != 2:
            raise self.unsupported()
        self.emit(f"pack.u{width}", self.register(to), parts)
    elif to[0] == "{":
        names = [o.strip() for o in to.strip("{}").split(",")]
        if len(names) != 2:
            raise self.unsupported()
        whole = self.temporary()
        self.emit("mov", whole, [self.value(source)])
        if names[0] != "_":
            self.emit(f"extend.u{width // 2}", self.register(names[0]), [whole])
        if names[1] != "_":
            self.emit(f"shr.u{width}", self.register(names[1]), [whole, self.constant(width // 2)])
    else:
        self.emit("mov", self.register(to), [self.value(source)])


@rule("cvt")
def _cvt(self: Lowering, instruction: Instruction) -> None:
    words = instruction.opcode.split(".")
    to, source = words[-2:]
    result, value = self.register(instruction.operands[0]), self.value(instruction.operands[1])
    way = next((w for w in words if w in ("rni", "rzi", "rmi", "rpi")), None)
    direction = next((f".{w}" for w in words if w in ("rz", "rm", "rp")), "")
    if "16" in (to[1:], source[1:]) and "f" in (to[0], source[0]) and "f16" in words:
        raise self.unsupported()
    if "ftz" in words and source == "f32":
        flushed = self.temporary()
        self.emit("flush.f32", flushed, [value])
        value = flushed
    if source[0] == "f" and to[0] == "f":
        name = f"{way}.to.{to}" if way and to == source else f"{to}{direction}.{source}"
        self.emit("mov" if to == source and not way else name, result, [value])
        if "ftz" in words and to == "f32":
            self.emit("flush.f32", result, [result])
        if "sat" in words:
            self.emit(f"sat.{to}", result, [result])
    elif source[0] == "f":
        whole = self.temporary()
        self.emit(f"{way}.{source}", whole, [value])
        self.emit(f"clamp.{to}", result, [whole])
    elif to[0] == "f":
        if direction:
            raise self.unsupported()
        self.emit(f"{to}.{source}", result, [value])
    elif "sat" in words:
        raise self.unsupported()
    else:
        self.emit(f"extend.{source if int(source[1:]) < int(to[1:]) else to}", result, [value])


def _with_carry(self: Lowering, name: str, kind: str, a: int, b: int, words: list[str]) -> None:
    """d = a + b or a - b with the carry flag in (addc, subc) and out (.cc)."""
    flag = self.register("the carry flag")
    comes_in = flag if words[0].endswith("c") else self.constant(0)
    result = self.register(self.now.operands[0])
    goes_out = self.temporary()
    if "cc" in words:
        self.emit(f"carry.{name}.{kind}", goes_out, [a, b, comes_in])
    self.emit(f"{name}c.{kind}", result, [a, b, comes_in])
    if "cc" in words:
        self.emit("mov", flag, [goes_out])


@rule("add", "addc", "sub", "subc")
def _add(self: Lowering, instruction: Instruction) -> None:
    words = instruction.opcode.split(".")
    if "cc" not in words and words[0] in ("add", "sub"):
        arithmetic(self, instruction)
        return
    a, b = (self.value(o) for o in instruction.operands[1:])
    _with_carry(self, words[0][:3], unsigned(words[-1]), a, b, words)


@rule("mad", "madc")
def _mad(self: Lowering, instruction: Instruction) -> None:
    words = instruction.opcode.split(".")
    if "cc" not in words and words[0] == "mad":
        arithmetic(self, instruction)
        return
    a, b, c = (self.value(o) for o in instruction.operands[1:])
    product = self.temporary()
    half = next(w for w in words if w in ("lo", "hi"))
    self.emit(f"mul.{half}.{unsigned(words[-1]) if half == 'lo' else words[-1]}", product, [a, b])
    _with_carry(self, "add", unsigned(words[-1]), product, c, words)
