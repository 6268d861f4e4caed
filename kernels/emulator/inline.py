"""Calls replaced by the called function's body, so that a kernel is one list of instructions."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import count

from kernels.emulator.parse import Function, Instruction, Module
from kernels.emulator.program import Unsupported

# functions of NVIDIA's libraries, whose code no PTX holds: what the emulator has a rule for, like an instruction
KNOWN = ("vprintf", "cudaCGGetIntrinsicHandle", "cudaCGSynchronize")
# -> what Python has for the others
_OUTSIDE = {"__assertfail": "assert", "malloc": "memory of the device's heap", "free": "memory of the device's heap"}
_NAME = re.compile(r"[%$A-Za-z_][\w$~#]*")


def flatten(module: Module) -> Function:
    """Return the kernel with all calls inlined; ValueError for a call that cannot be (recursion, code elsewhere)."""
    entry = module.entry
    flat = replace(entry, returns=[], registers=dict(entry.registers), locals=dict(entry.locals))
    flat.body = list(_expand(module, entry, flat, (entry.name,), count(1)))
    return flat


def _expand(
    module: Module, function: Function, flat: Function, stack: tuple[str, ...], serial: Iterator[int]
) -> Iterator[Instruction]:
    for instruction in function.body:
        if instruction.opcode.split(".")[0] != "call":
            yield instruction
            continue
        name, results, arguments = _parts(instruction)
        if name in KNOWN and name not in module.functions:
            more = instruction.guard, instruction.negated, instruction.place
            yield Instruction(name, [*results, *arguments], *more)
            continue
        # an inlined call is one instance of the function: its names get the instance's number
        callee = _callee(module, name, stack)
        instance = f"#{next(serial)}"
        rename = {n: n + instance for n in (*callee.registers, *callee.locals)}
        rename |= {i.label: i.label + instance for i in callee.body if i.label}
        rename |= dict(zip(callee.returns, results, strict=True))
        rename |= dict(zip((n for _, n in callee.params), arguments, strict=True))
        flat.registers |= {rename[n]: t for n, t in callee.registers.items()}
        flat.locals |= {rename[n]: t for n, t in callee.locals.items()}
        end = f"$end{instance}"
        for inner in _expand(module, callee, flat, (*stack, callee.name), serial):
            yield _renamed(inner, rename, end)
        yield Instruction("label", [], label=end)


def _renamed(inner: Instruction, rename: dict, end: str) -> Instruction:
    if inner.opcode == "ret":
        return Instruction("bra", [end], inner.guard, inner.negated, inner.place)
    operands = [_NAME.sub(lambda m: rename.get(m[0], m[0]), o) for o in inner.operands]
    guard = rename.get(inner.guard, inner.guard)
    return Instruction(inner.opcode, operands, guard, inner.negated, inner.place, rename.get(inner.label, inner.label))


def _parts(call: Instruction) -> tuple[str, list[str], list[str]]:
    """Return (name of the function, names of its results, names of its arguments) of a call."""
    groups = [[n.strip() for n in o.strip("()").split(",") if n.strip()] for o in call.operands if o[0] == "("]
    name = next(o for o in call.operands if o[0] != "(")
    results = groups.pop(0) if call.operands[0][0] == "(" else []
    return name, results, groups[0] if groups else []


def _callee(module: Module, name: str, stack: tuple[str, ...]) -> Function:
    if name in stack:
        raise Unsupported(f"the kernel calls {name} recursively; the emulator runs kernels without recursion")
    if name.startswith("%"):
        raise Unsupported("the kernel calls a function by its address; the emulator runs calls by name")
    if name not in module.functions:
        meant = f" ({_OUTSIDE[name]})" if name in _OUTSIDE else ""
        raise Unsupported(
            f"the kernel calls {name}{meant}, whose code is not in the PTX: the emulator does not know it"
        )
    return module.functions[name]
