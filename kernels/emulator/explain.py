"""What the machine has noted about a fault, in words: the line, the thread, and what it touched."""

from __future__ import annotations

from kernels.emulator import faults as f
from kernels.emulator import machine as m
from kernels.emulator.arguments import Buffer
from kernels.emulator.program import GAP, Origin, Program
from kernels.emulator.without_zeros import python_name

_PAIRS = (f.RACE, f.RACE_OF_BLOCKS, f.BARRIER_SPLIT)  # faults of two threads, at two lines


def fault(
    program: Program, name: str, machine: m.Machine, buffers: list[Buffer], number: int, grid: tuple, block: tuple
) -> f.KernelFault:
    """Return the fault that the machine has noted, as an error in words."""
    noted = machine.fault.tolist()
    kind, used = f.KINDS[noted[m.KIND]], ""
    if noted[m.KIND] == f.UNSET_REGISTER:
        kind, used = _without_value(program, noted[m.PC])
    file, line = place(program, noted[m.PC])
    thread, where = split(noted[m.THREAD], block), split(number, grid)
    text = f"{name}, line {line} of {file}: thread {thread} of block {where} {kind.what}{used}"
    if noted[m.KIND] in (f.RACE, f.RACE_OF_BLOCKS):
        text = text.replace("another thread", f"thread {split(noted[m.OTHER_THREAD], block)}", 1)
    memory, address = None, None
    if kind.what.endswith(("of", "in", ",")) and not used:
        memory, address = _memory(program, buffers, noted[m.SLOT], noted[m.ADDRESS], int(machine.state[m.ARRAY]))
        text += f" {memory}, {noted[m.WIDTH]} bytes at byte {address}"
    if noted[m.KIND] in _PAIRS:
        text += f" (the other at line {place(program, noted[m.OTHER_PC])[1]})"
    facts = {"kind": kind.name, "kernel": name, "file": file, "line": line, "thread": thread, "block": where}
    return f.KernelFault(f"{text}; {kind.do}", **facts, address=address, memory=memory)


def split(number: int, sizes: tuple) -> tuple[int, int, int]:
    """Return the (x, y, z) of a thread or block."""
    return number % sizes[0], number // sizes[0] % sizes[1], number // (sizes[0] * sizes[1])


def place(program: Program, pc: int) -> tuple[str, int]:
    """Return (file, line) of an instruction, or of the nearest before it if the compiler gave none."""
    for line in reversed(program.lines[: pc + 1]):
        if line.place[1]:
            return program.files.get(line.place[0], "?"), line.place[1]
    return "?", 0


def _without_value(program: Program, pc: int) -> tuple[f.Kind, str]:
    """Return the kind of fault that the use of a value is which nothing has given, and what the value comes from."""
    origins = program.lines[pc].origins
    taken = sorted({o.place[1] for o in origins if o.what == "shuffle"})
    if taken:
        return f.KINDS[f.ABSENT_THREAD], f" in a shuffle (line {', '.join(map(str, taken))})"
    if all(o.what == "wrapped" for o in origins):
        return f.KINDS[f.OVERFLOW], ""
    local = {a.name for a in program.local_arrays}
    names = sorted({_called(o, local) for o in origins} - {""})
    if any(n.startswith("the local") for n in names):
        return f.KINDS[f.UNSET_LOCAL], f" {' or '.join(names)}"
    return f.KINDS[f.UNSET_REGISTER], f": {' or '.join(names)}" if names else ""


def _called(origin: Origin, local: set[str]) -> str:
    name = python_name(origin.name)
    return f"the {'local array' if name in local else 'variable'} {name}" if name else ""


def _memory(program: Program, buffers: list[Buffer], slot: int, address: int, array: int) -> tuple[str, int]:
    """Describe an address: (what lies there, the byte within it)."""
    if slot == m.SHARED:
        for name, (start, size) in program.shared.items():
            if size and start <= address < start + size + GAP:
                return f"the shared array {python_name(name) or name} of {size} bytes", address - start
        dynamic = [(python_name(name), start) for name, (start, size) in program.shared.items() if not size]
        called, start = dynamic[array] if array < len(dynamic) else ("", 0)
        return f"the dynamic shared array {called}".rstrip() if dynamic else "shared memory", address - start
    if slot == m.LOCAL:
        for local in program.arrays:
            if local.start <= address < local.end:
                return f"the local array {local.name} of {local.size} bytes", address - local.start
        return f"a thread's local memory of {program.local_bytes} bytes", address
    if slot >= m.FIRST_BUFFER:
        buffer = buffers[slot - m.FIRST_BUFFER]
        return f"argument {buffer.name} of {len(buffer.data)} bytes", address
    return "no memory", address
