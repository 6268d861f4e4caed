"""A launch on the emulated GPU: memory laid out, run, and what happened told in the user's words."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

import kernels.emulator.lower_arithmetic  # enters its rules
import kernels.emulator.lower_matrices  # enters its rules
import kernels.emulator.lower_memory  # noqa: F401  (enters its rules)
from kernels.emulator import faults as f
from kernels.emulator import machine as m
from kernels.emulator.arguments import Buffer, at_launch, bind, constants
from kernels.emulator.lowering import lower
from kernels.emulator.parse import parse
from kernels.emulator.program import GAP, Program
from kernels.emulator.report import Launch, Report, report
from kernels.emulator.watch import run_watched

# CUDA C++ Programming Guide, technical specifications
MOST = {"grid": (2**31 - 1, 65_535, 65_535), "block": (1024, 1024, 64)}
# called with every program before it runs, in order; each returns the one to run
on_program: list[Callable[[Program], Program]] = []
_compiled: dict[Any, tuple[Program, int | None]] = {}


def run(
    kernel: Callable,
    grid: int | tuple[int, ...],
    block: int | tuple[int, ...],
    args: tuple,
    *,
    shared: int = 0,
    cc: tuple[int, int] = (8, 0),
    limit: int = 10**10,
) -> Report:
    """Run a numba-cuda kernel on the CPU, as compiled for a GPU, with every access checked; the Report of what it cost.

    kernel: a function or what `@cuda.jit` (without a signature) made of it. grid, block: as in `kernel[grid, block]`.
    args: NumPy arrays (written in place), numbers, tuples of numbers. shared: bytes of dynamic shared memory. cc: the
    compute capability to compile for. limit: jumps back that all threads together may take before the kernel counts
    as endless.
    Raises KernelFault where the kernel does what it must not; the arrays then hold what was written until then.
    ValueError for a launch that no GPU of this compute capability accepts.
    """
    from kernels.emulator import compile as compiler
    from kernels.emulator import occupancy

    function, options = compiler.python_function(kernel)
    names = list(inspect.signature(function).parameters)
    args = tuple(args)
    if len(names) != len(args):
        raise TypeError(f"kernels.emulator.run: {function.__name__} takes {len(names)} arguments, got {len(args)}")
    buffers, words = bind(args, names)
    types = compiler.signature(args)
    key = (function, types, cc, tuple(sorted(options.items())))
    if key not in _compiled:
        ptx = compiler.to_ptx(function, types, cc, **options)
        program = lower(parse(ptx))
        _refuse(function, occupancy.refuse(cc, 1, 0, program.shared_bytes, 0))  # NVIDIA's linker fails without a word
        _compiled[key] = program, compiler.registers_per_thread(ptx, cc)
    program, registers = _compiled[key]
    grid, block = shape("grid", grid), shape("block", block)
    _refuse(function, occupancy.refuse(cc, int(np.prod(block)), registers or 0, program.shared_bytes, shared))
    for change in on_program:
        program = change(program)
    result = execute(program, function.__name__, grid, block, buffers, words, shared, limit)
    result.launch = Launch(function, types, options, grid, block, shared)
    if registers is not None:
        result.occupancy = occupancy.occupancy(cc, int(np.prod(block)), registers, program.shared_bytes + shared)
    return result


def _refuse(function: Callable, reason: str) -> None:
    if reason:
        raise ValueError(f"kernels.emulator.run: {function.__name__} cannot be launched: {reason}")


def shape(what: str, given: int | tuple[int, ...]) -> tuple[int, int, int]:
    """Return a grid's or block's (x, y, z)."""
    sizes = (given,) if isinstance(given, (int, np.integer)) else tuple(given)
    if not 1 <= len(sizes) <= 3 or any(not isinstance(n, (int, np.integer)) or n < 1 for n in sizes):
        raise ValueError(f"kernels.emulator.run: {what} must be 1 to 3 positive integers, got {given!r}")
    if what == "block" and int(np.prod(sizes)) > 1024:
        raise ValueError(f"kernels.emulator.run: a block has at most 1024 threads, got {given!r}")
    x, y, z = (*map(int, sizes), 1, 1)[:3]
    for axis, n, most in zip("xyz", (x, y, z), MOST[what], strict=True):
        if n > most:
            raise ValueError(f"kernels.emulator.run: {what}.{axis} is {n}, but a GPU takes at most {most:,}")
    return x, y, z


def execute(
    program: Program,
    name: str,
    grid: tuple[int, int, int],
    block: tuple[int, int, int],
    buffers: list[Buffer],
    words: list[int],
    shared: int = 0,
    limit: int = 10**10,
    places: dict[str, int] | None = None,
) -> Report:
    """Run a lowered kernel; the buffers' arrays are written back also where it is at fault.

    places: where the module's variables lie, if they are among the buffers.
    """
    from kernels.emulator.grid import run_grid

    every = buffers + (constants(program) if places is None else [])
    if places is None:
        places = {n: m.HALF + ((m.FIRST_BUFFER + len(buffers) + i) << 32) for i, n in enumerate(program.data)}
    machine = _machine(program, every, int(np.prod(block)), shared, limit)
    registers = np.zeros((len(machine.doing), program.registers, 32), np.uint64)
    for row, value in program.constants.items():
        registers[:, row // 32] = np.uint64(value)
    for row, values in at_launch(program, words, places, grid, block, shared).items():
        registers[:, row // 32] = values
    launched = registers.reshape(-1), program.specials, np.array(grid), np.array(block)
    number = run_watched(machine, lambda: run_grid(machine, program.code, *launched))
    for slot, buffer in enumerate(every, m.FIRST_BUFFER):
        if buffer.back is not None:
            start = machine.slots[slot, m.START]
            data = machine.bytes[start : start + len(buffer.data)]
            buffer.back[...] = data.view(buffer.back.dtype).reshape(buffer.back.shape)
    if number >= 0:
        raise _fault(program, name, machine, every, number, grid, block)
    return report(program, name, machine.counts, int(machine.state[m.UNAWAITED]))


def _machine(program: Program, buffers: list[Buffer], threads: int, shared: int, limit: int) -> m.Machine:
    """Memory of one block and all buffers, each from a multiple of 256 bytes on; nothing known of anything."""
    warps = -(-threads // 32)
    parts = _shared_parts(program, shared)
    sizes = [
        max((start + size for start, size in parts), default=0),
        program.local_bytes * threads,
        *(len(b.data) for b in buffers),
    ]
    starts = np.concatenate([[0], np.cumsum([-(-n // 256) * 256 for n in sizes])]).astype(np.int64)
    granules = [program.shared_granule(), 0, *((max(b.item, 1)).bit_length() - 1 for b in buffers)]
    cells = [0 if i == 1 else -(-n // (1 << g)) for i, (n, g) in enumerate(zip(sizes, granules, strict=True))]
    slots = np.zeros((m.SHARED + len(sizes), 5), np.int64)
    slots[1:, m.START], slots[1:, m.SIZE], slots[1:, m.GRANULE] = starts[:-1], sizes, granules
    slots[m.LOCAL, m.SIZE] = program.local_bytes
    slots[1:, m.SHADOW] = np.concatenate([[0], np.cumsum(cells[:-1])])
    slots[1:, m.WRITABLE] = [1, 1, *(b.writable for b in buffers)]
    memory = np.zeros(int(starts[-1]), np.uint8)
    for buffer, start in zip(buffers, starts[2:], strict=False):
        memory[start : start + len(buffer.data)] = buffer.data
    fresh = np.full(int(starts[2]), m.UNSET, np.uint8)
    fresh[: sizes[0]] = m.GAP
    for start, size in parts:
        fresh[start : start + size] = m.UNSET
    state = np.zeros(8, np.int64)
    state[[m.THREADS_PER_BLOCK, m.LOCAL_BYTES, m.LIMIT]] = threads, program.local_bytes, limit
    return m.Machine(
        bytes=memory,
        known=fresh.copy(),
        fresh=fresh,
        slots=slots,
        stamps=np.zeros((sum(cells), 5), np.int64),
        lanes=np.zeros((sum(cells), 5), np.uint32),
        places=np.zeros((sum(cells), 5), np.int32),
        clocks=np.zeros((warps, 32, 32), np.int32),
        counts=np.zeros((len(program.code), 8), np.int64),
        fault=np.zeros(8, np.int64),
        state=state,
        copies=np.zeros((warps * 32, m.QUEUE, 6), np.int64),
        queued=np.zeros((warps * 32, 2), np.int64),
        lane_pc=np.zeros((warps, 32), np.int64),
        doing=np.zeros((warps, 32), np.int64),
        active=np.zeros((2, 32), np.bool_),
        scratch=np.zeros((8, 128), np.int64),
        matrices=np.zeros((4, 16, 16)),
        marks=np.zeros((warps, program.registers), np.uint64),
    )


def _shared_parts(program: Program, dynamic: int) -> list[tuple[int, int]]:
    """Return (start, bytes) of every shared array; those without a size of their own are the dynamic memory."""
    return [(start, size or dynamic) for start, size in program.shared.values()]


def _fault(
    program: Program, name: str, machine: m.Machine, buffers: list[Buffer], number: int, grid: tuple, block: tuple
) -> f.KernelFault:
    """Return the fault that the machine has noted, as an error in words."""
    noted = machine.fault.tolist()
    kind = f.KINDS[noted[m.KIND]]
    file, line = _place(program, noted[m.PC])
    thread, where = split(noted[m.THREAD], block), split(number, grid)
    text = f"{name}, line {line} of {file}: thread {thread} of block {where} {kind.what}"
    if "thread" in kind.what and noted[m.KIND] in (f.RACE, f.RACE_OF_BLOCKS):
        text = text.replace("another thread", f"thread {split(noted[m.OTHER_THREAD], block)}", 1)
    memory, address = None, None
    if kind.what.endswith(("of", "in", ",")):
        memory, address = _memory(program, buffers, noted[m.SLOT], noted[m.ADDRESS])
        text += f" {memory}, {noted[m.WIDTH]} bytes at byte {address}"
    if noted[m.KIND] in (f.RACE, f.RACE_OF_BLOCKS, f.BARRIER_SPLIT):
        text += f" (the other at line {_place(program, noted[m.OTHER_PC])[1]})"
    facts = {"kind": kind.name, "kernel": name, "file": file, "line": line, "thread": thread, "block": where}
    return f.KernelFault(f"{text}; {kind.do}", **facts, address=address, memory=memory)


def split(number: int, sizes: tuple) -> tuple[int, int, int]:
    """Return the (x, y, z) of a thread or block."""
    return number % sizes[0], number // sizes[0] % sizes[1], number // (sizes[0] * sizes[1])


def _place(program: Program, pc: int) -> tuple[str, int]:
    """Return (file, line) of an instruction, or of the nearest before it if the compiler gave none."""
    for line in reversed(program.lines[: pc + 1]):
        if line.place[1]:
            return program.files.get(line.place[0], "?"), line.place[1]
    return "?", 0


def _memory(program: Program, buffers: list[Buffer], slot: int, address: int) -> tuple[str, int]:
    """Describe an address: (what lies there, the byte within it)."""
    if slot == m.SHARED:
        for name, (start, size) in program.shared.items():
            if size and start <= address < start + size + GAP:
                return f"the shared array {name} of {size} bytes", address - start
        return f"shared memory of {program.shared_bytes} bytes", address
    if slot == m.LOCAL:
        return f"a thread's local memory of {program.local_bytes} bytes", address
    if slot >= m.FIRST_BUFFER:
        buffer = buffers[slot - m.FIRST_BUFFER]
        return f"argument {buffer.name} of {len(buffer.data)} bytes", address
    return "no memory", address
