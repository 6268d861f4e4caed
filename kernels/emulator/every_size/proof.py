"""Show that a kernel, at every size, stays within its arrays, reads and writes where it may, and races with no thread.

A thread is symbols: its number in the block, its block, and the sizes. An access is wrong if the solver finds values
for which it leaves its array. Two accesses race if it finds two different threads of the launch for which they touch
the same byte. If it finds none, that is a proof for every size, block and thread. A kernel that reads an address from
memory, or whose loops grow with a size, is not shown and says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import z3

from kernels.emulator.every_size.paths import Access, Kernel, NotShownError, accesses
from kernels.emulator.parse import Function

LARGEST = 2**40  # elements of an array
ALIGNED = 16  # bytes that the start of every array is a multiple of
SECONDS = 60  # for one question to the solver


@dataclass
class _Array:
    """An argument: the symbols of its first byte and of its elements, and the bytes of one."""

    name: str
    start: Any
    size: Any
    item: int

    @property
    def bytes(self) -> Any:
        return self.size * self.item


@dataclass(frozen=True)
class Shown:
    """What was shown: on how many ways through the code, of how many accesses, by how many questions."""

    ways: int
    accesses: int
    questions: int


class _Questions:
    """The solver under the premises that hold for every launch."""

    def __init__(self, premises: list[Any]) -> None:
        self.solver = z3.Solver()
        self.solver.set("timeout", SECONDS * 1000)
        self.solver.add(*premises)
        self.asked = 0

    def refute(self, what: str, *claims: Any) -> None:
        """Raise NotShownError unless no values make all the claims true."""
        self.asked += 1
        found = self.solver.check(*claims)
        if found == z3.sat:
            model = self.solver.model()
            values = ", ".join(
                f"{d.name()} = {model[d]}" for d in sorted(model.decls(), key=str) if "any" not in d.name()
            )
            raise NotShownError(f"{what}, for example with {values}")
        if found == z3.unknown:
            raise NotShownError(f"{what}? The solver did not decide within {SECONDS} s")


def show(function: Function, types: tuple, names: list[str], block: int, in_place: bool = False) -> Shown:
    """Show the properties of a parsed kernel for launches with this many threads a block; NotShownError says why not.

    types, names: Numba's types of the arguments, and what they are called. All arrays are taken to have equally many
    elements. in_place: all arrays may also be one and the same.
    """
    parameters, arrays = _parameters(function, types, names)
    thread, number = z3.BitVec("thread", 32), z3.BitVec("block", 32)
    specials = {"%tid.x": thread, "%ctaid.x": number, "%ntid.x": z3.BitVecVal(block, 32)}
    zeros = [f"%{s}.{axis}" for s in ("tid", "ctaid") for axis in "yz"]
    kernel = Kernel(function, parameters, specials | {z: z3.BitVecVal(0, 32) for z in zeros})
    premises = [*_memory(arrays, in_place), *_thread(thread, number, block)]
    found, ways = accesses(kernel, premises)
    questions = _Questions(premises)
    for a in found:
        _within(questions, a, arrays)
    _no_races(questions, found, arrays, kernel, (thread, number, block), in_place)
    return Shown(ways, len(found), questions.asked)


def _parameters(function: Function, types: tuple, names: list[str]) -> tuple[dict[str, Any], list[_Array]]:
    """Return the kernel's parameters by name, as numba-cuda passes them, and the arrays among them."""
    from numba.core.types import Array

    passed: list[Any] = []
    arrays: list[_Array] = []
    size = z3.BitVec("size", 64)
    for kind, name in zip(types, names, strict=True):
        if not isinstance(kind, Array):
            passed += [None] * (len(kind) if hasattr(kind, "__len__") else 1)
            continue
        if kind.ndim != 1 or kind.layout != "C":
            raise NotShownError(f"argument {name} is no flat array")
        a = _Array(name, z3.BitVec(f"start of {name}", 64), size, kind.dtype.bitwidth // 8)
        arrays.append(a)
        item = z3.BitVecVal(a.item, 64)
        passed += [None, None, size, item, a.start, size, item]
    if len(passed) != len(function.params):
        raise NotShownError("its arguments hold more than flat arrays, numbers and tuples of numbers")
    pairs = zip(function.params, passed, strict=True)
    return {n: z3.BitVec(n, int(k[1:])) if symbol is None else symbol for (k, n), symbol in pairs}, arrays


def _memory(arrays: list[_Array], in_place: bool) -> list[Any]:
    """Return the premises on sizes and places."""
    out = [a.size >= 0 for a in arrays] + [a.size <= LARGEST for a in arrays]
    out += [z3.URem(a.start, ALIGNED) == 0 for a in arrays] + [z3.ULT(a.start, 2**62) for a in arrays]
    for a, b in combinations(arrays, 2):
        apart = z3.Or(z3.ULE(a.start + a.bytes, b.start), z3.ULE(b.start + b.bytes, a.start))
        out.append(z3.Or(apart, a.start == b.start) if in_place else apart)
    return out


def _thread(thread: Any, number: Any, block: int) -> list[Any]:
    return [z3.ULT(thread, block), z3.ULT(number, 2**31 - 1)]


def _array_of(a: Access, arrays: list[_Array]) -> _Array:
    """Return the argument that an address begins from."""
    named = {str(v) for v in _symbols(a.address)}
    found = [array for array in arrays if str(array.start) in named]
    if len(found) != 1:
        raise NotShownError(f"line {a.line}: the address is not that of one argument's element")
    return found[0]


def _symbols(expression: Any) -> list[Any]:
    seen, queue, out = set(), [expression], []
    while queue:
        e = queue.pop()
        if e.get_id() not in seen:
            seen.add(e.get_id())
            queue += e.children()
            if z3.is_const(e) and e.decl().kind() == z3.Z3_OP_UNINTERPRETED:
                out.append(e)
    return out


def _within(questions: _Questions, a: Access, arrays: list[_Array]) -> None:
    array = _array_of(a, arrays)
    offset = z3.simplify(a.address - array.start)
    outside = z3.Or(offset < 0, offset > array.bytes - a.bytes)
    questions.refute(f"line {a.line}: outside of argument {array.name}", *a.conditions, outside)
    questions.refute(
        f"line {a.line}: misaligned in argument {array.name}", *a.conditions, z3.URem(offset, a.bytes) != 0
    )


def _no_races(
    questions: _Questions, found: list[Access], arrays: list[_Array], kernel: Kernel, launch: tuple, in_place: bool
) -> None:
    """Ask of every write and every access to the same array whether two threads can touch the same byte."""
    thread, number, block = launch
    own = [thread, number, *kernel.fresh]
    others = [z3.Const(f"other {v}", v.sort()) for v in own]
    renamed = list(zip(own, others, strict=True))
    questions.solver.add(*_thread(others[0], others[1], block))
    different = z3.Or(thread != others[0], number != others[1])
    placed = [(a, _array_of(a, arrays)) for a in found]
    for a, array in (p for p in placed if p[0].writes):
        for b, second in placed:
            if array is second or in_place:
                there = z3.substitute(b.address - second.start, *renamed)
                here = a.address - array.start
                both = z3.And(here < there + b.bytes, there < here + a.bytes)
                conditions = [z3.substitute(c, *renamed) for c in b.conditions]
                what = f"lines {a.line} and {b.line}: two threads touch the same number of argument {second.name}"
                questions.refute(what, *a.conditions, *conditions, different, z3.simplify(both))
