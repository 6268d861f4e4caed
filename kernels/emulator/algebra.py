"""A lowered PTX kernel in another arithmetic than floating point (kernels.algebra): its rows, with other opcodes.

What such numbers cannot do is refused by name: comparisons, minima, functions, and integer instructions on a register
that holds one. So what can be exchanged branches on no number that it is given.
"""

from __future__ import annotations

import dataclasses
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from kernels.algebra import arithmetic
from kernels.algebra.refusal import NotAlgebraicError
from kernels.emulator import launch
from kernels.emulator import machine as m
from kernels.emulator.dispatch import NUMBERS, TABLES
from kernels.emulator.program import Line, Program

_NAMES = {number: name for name, number in NUMBERS.items()}
_SIMPLE = {"add": "add", "sub": "subtract", "mul": "multiply", "div": "divide", "fma": "fuse", "neg": "negate"}
_MOVES = ("mov", "selp", "pack.u64", "flush.f32")
_FLOATING = re.compile(r"\.f(32|64)$")


@contextmanager
def swapped(world: int) -> Iterator[set[str]]:
    """Within this, kernels on the emulator compute in the world's arithmetic, on integers seen as floats.

    The names of those that ran are in what it yields.
    """
    used = set[str]()

    def change(program: Program) -> Program:
        used.add(program.name)
        return swap(program, world)

    launch.on_program.append(change)
    try:
        yield used
    finally:
        launch.on_program.remove(change)


def swap(program: Program, world: int) -> Program:
    """Return the program in the world's arithmetic; NotAlgebraicError names an instruction that has none there."""
    return _Swap(program, world).program


class _Swap:
    def __init__(self, program: Program, world: int) -> None:
        self.before, self.world = program, world
        self.constants, self.count = dict(program.constants), program.registers
        self.made: dict[tuple[int, int], int] = {}
        self.world_row = self._register(world)
        self.code = program.code.copy()
        self.numbers = self._find_numbers()
        for row, line in zip(self.code, program.lines, strict=True):
            self._change(row, line)
        self.program = dataclasses.replace(
            program, code=self.code, registers=self.count, constants=self.constants, lines=program.lines
        )

    def _register(self, value: int) -> int:
        """Return a register that holds a number."""
        self.count += 1
        self.constants[(self.count - 1) * 32] = value & 0xFFFFFFFFFFFFFFFF
        return (self.count - 1) * 32

    def _find_numbers(self) -> set[int]:
        """Return the registers that hold floating-point numbers: what floating-point instructions read or write.

        Moves hand this on, forth and back.
        """
        found: set[int] = set()
        for line in self.before.lines:
            name = _NAMES.get(line.op, "")
            if name in TABLES[1] and not name.startswith("setp") and not name.startswith("testp"):
                found |= set(line.reads) | set(line.writes)
            elif name in TABLES[1]:
                found |= set(line.reads)
            elif _FLOATING.search(line.opcode) and line.op in (m.LOAD, m.STORE):
                found |= {line.columns[m.D]} if line.op == m.LOAD else {line.columns[m.B]}
            elif re.match(r"[fr][a-z0-9.]*\.f(32|64)$", name):
                found |= set(line.reads)
        found -= set(self.before.constants)
        moves = [x for x in self.before.lines if _NAMES.get(x.op) in ("mov", "selp")]
        while True:
            more = {r for x in moves for r in self._linked(x, found)} - found
            if not more:
                return found
            found |= more

    def _linked(self, line: Line, found: set[int]) -> set[int]:
        """Return the registers between which a move exchanges numbers, if one of them holds one."""
        values = {line.columns[m.D], line.columns[m.A]}
        if _NAMES[line.op] == "selp":
            values.add(line.columns[m.B])
        values -= set(self.before.constants)
        return values if values & found else set()

    def _change(self, row: np.ndarray, line: Line) -> None:
        name = _NAMES.get(int(row[m.OP]), "")
        if name in TABLES[1] or name in TABLES[2]:
            self._arithmetic(row, line, name)
        elif name in ("mov", "selp") and row[m.D] in self.numbers:
            for column in (m.A, m.B)[: 2 if name == "selp" else 1]:
                row[column] = self._constant(int(row[column]), 32 if "64" not in line.opcode else 64)
        elif row[m.OP] == m.STORE and _FLOATING.search(line.opcode):
            row[m.B] = self._constant(int(row[m.B]), 8 * int(row[m.BYTES]))
        elif name in TABLES[0] and name not in _MOVES and {*line.reads, *line.writes} & self.numbers:
            raise NotAlgebraicError(f"it uses {line.opcode} on its numbers")
        elif row[m.OP] == m.MULTIPLY:
            raise NotAlgebraicError(f"it uses {line.opcode}, which rounds its numbers")
        elif row[m.OP] == m.ATOMIC and "f" in line.opcode.split(".")[-1]:
            raise NotAlgebraicError(f"it uses {line.opcode}, whose order is not determined")

    def _arithmetic(self, row: np.ndarray, line: Line, name: str) -> None:
        """Exchange one floating-point instruction or conversion."""
        kind = re.fullmatch(r"(\w+)(?:\.ftz)?\.f(32|64)", name)
        width = 64 if name.endswith("f64") else 32
        if kind and kind[1] in _SIMPLE:
            for column in (m.A, m.B, m.C)[: arithmetic.ARGUMENTS[_SIMPLE[kind[1]]]]:
                row[column] = self._constant(int(row[column]), width)
            self._set(row, f"algebra.{_SIMPLE[kind[1]]}")
        elif kind and kind[1] == "rcp":
            row[m.B] = self._constant(int(row[m.A]), width)
            row[m.A] = self._one()
            self._set(row, "algebra.divide")
        elif re.fullmatch(r"f(32|64)\.[us](8|16|32|64)", name):
            self._set(row, f"algebra.{name[4:]}")
        elif name == "f64.f32":
            row[m.OP] = NUMBERS["mov"]
        elif name == "f32.f64":
            self._set(row, "algebra.round_off")
        elif not name.startswith("extend") and {*line.reads, *line.writes} & self.numbers:
            raise NotAlgebraicError(f"it uses {line.opcode} on its numbers")

    def _set(self, row: np.ndarray, name: str) -> None:
        row[m.OP], row[m.E] = NUMBERS[name], self.world_row

    def _one(self) -> int:
        return self.made.setdefault((-1, 0), self._register(int(arithmetic.constant(1.0, 0, self.world))))

    def _constant(self, register: int, width: int) -> int:
        """Return the register that holds a constant's number in the arithmetic; another register as it is."""
        if register not in self.before.constants:
            return register
        if (register, width) not in self.made:
            bits = self.before.constants[register] & ((1 << width) - 1)
            value = struct.unpack("<f" if width == 32 else "<d", bits.to_bytes(width // 8, "little"))[0]
            self.made[register, width] = self._register(int(arithmetic.constant(value, int(width == 32), self.world)))
        return self.made[register, width]
