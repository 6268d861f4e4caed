"""Every way through a kernel's PTX, with symbols for sizes, thread and block: its accesses, and when it is taken.

An instruction whose result is not computed here (floating-point arithmetic, a load) gives a fresh symbol, which may be
anything: what is shown for anything is true. What waits for other threads, or calls, is refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import z3

from kernels.emulator.every_size.expressions import INTEGERS, PREDICATES, compare, resize, width
from kernels.emulator.parse import Function, Instruction

LONGEST = 2000  # instructions on one way: more, and a loop's length depends on a size
# what other threads matter to, or what goes on elsewhere
_REFUSED = {
    "bar", "barrier", "atom", "red", "shfl", "vote", "activemask", "match", "mma", "ldmatrix", "cp", "call", "brx",
}  # fmt: skip
_NUMBER = re.compile(r"-?\d+|0x[0-9a-fA-F]+")


class NotShownError(Exception):
    """Why nothing is shown of a kernel, or what a thread could do wrong."""


@dataclass(frozen=True)
class Access:
    """One load or store: whether it writes, the bytes, where, under which conditions, and the Python line."""

    writes: bool
    bytes: int
    address: Any
    conditions: tuple
    line: int


@dataclass
class _Way:
    at: int
    registers: dict[str, Any]
    conditions: tuple
    steps: int = 0


@dataclass
class Kernel:
    """A parsed kernel with what its launch gives it. parameters: name -> symbol; specials: %tid.x and the like."""

    function: Function
    parameters: dict[str, Any]
    specials: dict[str, Any]
    fresh: list[Any] = field(default_factory=list)  # the symbols that may be anything, for each thread another
    labels: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self.labels = {i.label: n for n, i in enumerate(self.function.body) if i.label}

    def anything(self, bits: int) -> Any:
        """Return a new symbol."""
        name = f"any{len(self.fresh)}"
        self.fresh.append(z3.Bool(name) if bits == 1 else z3.BitVec(name, bits))
        return self.fresh[-1]


def accesses(kernel: Kernel, premises: list[Any]) -> tuple[list[Access], int]:
    """Return the accesses of all ways that the premises allow, and how many ways there are."""
    solver = z3.Solver()
    solver.add(*premises)
    found: list[Access] = []
    ways, count = [_Way(0, {}, ())], 0
    while ways:
        way = ways.pop()
        for other in _follow(kernel, way, found):
            if solver.check(*other.conditions) != z3.unsat:
                ways.append(other)
        count += way.at >= len(kernel.function.body)
    return found, count


def _follow(kernel: Kernel, way: _Way, found: list[Access]) -> Iterator[_Way]:
    """Go on to the next branch, and yield both ways from there; the end leaves the way after the last instruction."""
    body = kernel.function.body
    while way.at < len(body):
        instruction = body[way.at]
        way.at, way.steps = way.at + 1, way.steps + 1
        if way.steps > LONGEST:
            raise NotShownError(f"a way of more than {LONGEST} instructions (line {instruction.place[1]})")
        name = instruction.opcode.split(".")[0]
        if name in _REFUSED:
            raise NotShownError(f"`{instruction.opcode}` (line {instruction.place[1]}) is not followed")
        if name in ("ret", "exit"):
            taken, other = _split(kernel, way, instruction, len(body))
        elif name == "bra":
            taken, other = _split(kernel, way, instruction, kernel.labels[instruction.operands[-1]])
        elif instruction.label or name in ("pragma", "trap"):
            continue
        else:
            _execute(kernel, way, instruction, found)
            continue
        if other is None:
            way.at = taken.at
            continue
        yield taken
        yield other
        way.at = -1
        return


def _split(kernel: Kernel, way: _Way, instruction: Instruction, target: int) -> tuple[_Way, _Way | None]:
    if instruction.guard is None:
        return _Way(target, way.registers, way.conditions, way.steps), None
    holds = _guard(kernel, way, instruction)
    taken = _Way(target, dict(way.registers), (*way.conditions, holds), way.steps)
    return taken, _Way(way.at, dict(way.registers), (*way.conditions, z3.Not(holds)), way.steps)


def _guard(kernel: Kernel, way: _Way, instruction: Instruction) -> Any:
    assert instruction.guard is not None
    holds = _value(kernel, way, instruction.guard, 1)
    return z3.Not(holds) if instruction.negated else holds


def _execute(kernel: Kernel, way: _Way, i: Instruction, found: list[Access]) -> None:
    *words, kind = i.opcode.split(".")
    name = ".".join(words)
    if words and words[0] in ("ld", "st"):
        return _memory(kernel, way, i, found)
    targets = i.operands[0].strip("{}").replace("|", ",").split(",")
    for target in map(str.strip, targets):
        bits = width(kernel.function.registers.get(target, "b64"))
        value = _computed(kernel, way, i, name, kind) if len(targets) == 1 else None
        if i.guard is not None and value is not None:
            value = z3.If(_guard(kernel, way, i), value, _value(kernel, way, target, bits))
        way.registers[target] = kernel.anything(bits) if value is None else value
    return None


def _computed(kernel: Kernel, way: _Way, i: Instruction, name: str, kind: str) -> Any:
    """Return what an instruction computes; None if that is not known here."""
    given = i.operands[1:]
    if name.startswith("setp.") and kind[0] in "subi" and len(given) == 2:
        return compare(name.split(".")[1], kind, *(_value(kernel, way, o, width(kind)) for o in given))
    if name == "selp" and kind[0] in "sub":
        a, b = (_value(kernel, way, o, width(kind)) for o in given[:2])
        return z3.If(_value(kernel, way, given[2], 1), a, b)
    if name.startswith("cvt.") and kind[0] in "sub" and re.fullmatch(r"cvt\.[sub]\d+", name):
        return resize(_value(kernel, way, given[0], width(kind)), width(name[4:]), kind[0] == "s")
    if kind == "pred" and name in PREDICATES:
        return PREDICATES[name](*(_value(kernel, way, o, 1) for o in given))
    if kind[0] in "sub" and name in INTEGERS:
        if name == "mov" and given[0].startswith(("{", "%f")):
            return None
        bits = [width(kind)] * len(given)
        if name in ("shl", "shr"):
            bits[1] = 32
        if name == "mad.wide":
            bits[2] = 2 * width(kind)
        return INTEGERS[name](kind, *(_value(kernel, way, o, b) for o, b in zip(given, bits, strict=True)))
    return None


def _memory(kernel: Kernel, way: _Way, i: Instruction, found: list[Access]) -> None:
    words = i.opcode.split(".")
    writes, bits = words[0] == "st", width(words[-1])
    names = [n.strip() for n in i.operands[1 if writes else 0].strip("{}").split(",")]
    place = i.operands[0 if writes else 1].strip("[]")
    if "param" in words:
        way.registers[names[0]] = kernel.parameters[place]
        return
    if "global" not in words:
        raise NotShownError(f"`{i.opcode}` (line {i.place[1]}), another memory than the arguments'")
    register, _, offset = place.partition("+")
    address = _value(kernel, way, register, 64) + z3.BitVecVal(int(offset or 0), 64)
    under = (*way.conditions, _guard(kernel, way, i)) if i.guard else way.conditions
    found.append(Access(writes, len(names) * bits // 8, z3.simplify(address), under, i.place[1]))
    if not writes:
        way.registers.update((n, kernel.anything(width(kernel.function.registers.get(n, "b64")))) for n in names)


def _value(kernel: Kernel, way: _Way, operand: str, bits: int) -> Any:
    """Return an operand's value in this many bits; a register that nothing has written may be anything."""
    if _NUMBER.fullmatch(operand):
        return z3.BitVecVal(int(operand, 0), bits)
    if operand in kernel.specials:
        return resize(kernel.specials[operand], bits, False)
    if operand not in way.registers:
        way.registers[operand] = kernel.anything(width(kernel.function.registers.get(operand, f"b{bits}")))
    value = way.registers[operand]
    return value if bits == 1 or value.size() == bits else resize(value, bits, False)
