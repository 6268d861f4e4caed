"""PTX instructions -> rows for the emulator: names become register numbers, the many spellings the few opcodes.

Each PTX opcode finds its function in RULES by its first word: the files `lower_*` enter theirs when
they are imported, as `launch` does.
"""

import re
from collections.abc import Callable
from itertools import pairwise

from kernels.emulator import machine as m
from kernels.emulator.aliases import WINDOW
from kernels.emulator.assigned import watch_unassigned
from kernels.emulator.dispatch import NUMBERS
from kernels.emulator.flow import after_warp_operations, mark_turns
from kernels.emulator.inline import flatten
from kernels.emulator.overflow import watch_indices
from kernels.emulator.parse import TARGETS, Function, Instruction, Module
from kernels.emulator.program import SPECIALS, Line, Program, Unsupported, assemble, layout, spread
from kernels.emulator.vector_loads import without_unread

TYPES = re.compile(r"(?:[usbf](?:8|16|32|64)|b?f16(?:x2)?|pred)$")
RULES: dict[str, Callable[["Lowering", Instruction], None]] = {}
OTHERS = ""  # the name of the rule for all that no rule names


def rule(*names: str) -> Callable:
    """Return a decorator: the function lowers the PTX instructions whose first word is one of `names`."""

    def enter(function: Callable) -> Callable:
        RULES.update(dict.fromkeys(names, function))
        return function

    return enter


def lower(module: Module) -> Program:
    """Return the module's kernel as a program; Unsupported names the instruction that the emulator does not know."""
    kernel = flatten(module)
    low = Lowering(module, kernel)
    low.targets = _targets(kernel.body)
    for instruction in kernel.body:
        if instruction.opcode != TARGETS:
            low.one(instruction)
    without_unread(low.lines)
    names = {row: name for name, row in low.rows.items()}
    lines, fits = watch_indices(low.lines, low.temporary)
    lines = watch_unassigned(lines, set(low.constants) | set(low.launch.values()) | low.given, names, fits)
    code, lines = assemble(lines)
    mark_turns(code)
    shared, shared_bytes = layout(module.shared)
    return Program(
        kernel.name, code, lines, low.count, low.constants, low.launch, spread(shared), shared_bytes,
        -(-low.local_bytes // 16) * 16, module.files, module.constants, low.private,
        after_warp_operations(code), most_threads=kernel.most_threads,
    )  # fmt: skip


def _targets(body: list[Instruction]) -> dict[str, list[str]]:
    """Return the lists of places that `brx.idx` jumps to, by their labels."""
    pairs = pairwise(body)
    return {label.label: list(one.operands) for label, one in pairs if one.opcode == TARGETS and label.label}


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
        shared = spread(layout(module.shared)[0])
        self.private, self.local_bytes = layout(kernel.locals)
        self.declared = kernel.registers
        dynamic = [n for n, (_, size) in shared.items() if not size]
        self.addresses = {n: at for n, (at, _) in (shared | self.private).items()}
        self.addresses |= {n: self.addresses[n] + (k << WINDOW) for k, n in enumerate(dynamic)}
        self.data = module.constants
        self.now = Instruction("", [])
        self.targets: dict[str, list[str]] = {}

    def one(self, instruction: Instruction) -> None:
        """Lower one instruction."""
        if instruction.label is not None:
            self.lines.append(Line({}, label=instruction.label))
            return
        self.now = instruction
        RULES.get(instruction.opcode.split(".")[0], RULES[OTHERS])(self, instruction)

    def register(self, name: str) -> int:
        """Return the number (times 32) of the register with this name."""
        if name not in self.rows:
            self.rows[name] = self.count * 32
            self.count += 1
        return self.rows[name]

    def temporary(self) -> int:
        """Return a register that no other instruction uses."""
        self.count += 1
        return (self.count - 1) * 32

    def constant(self, value: int) -> int:
        """Return a register that holds a number."""
        row = self.register(f"={value & 0xFFFFFFFFFFFFFFFF}")
        self.constants[row] = value & 0xFFFFFFFFFFFFFFFF
        return row

    def at_launch(self, name: str) -> int:
        """Return a register that the launch fills."""
        self.launch[name] = self.register(f"launch {name}")
        return self.launch[name]

    def value(self, operand: str) -> int:
        """Return the register that holds an operand: a register, a number, or a variable's address."""
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
        """Return the register that holds the address `name` or `name+number`."""
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
        """Return the error for an instruction that is not known."""
        text = f"{self.now.opcode} {', '.join(self.now.operands)}"
        return Unsupported(
            f"the emulator does not know the PTX instruction `{text}` (line {self.now.place[1]} of the Python source)"
        )
