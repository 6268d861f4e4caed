"""A launch on the emulated GPU: memory laid out, run, and what happened told in the user's words."""

import inspect
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import numpy as np

import kernels.emulator.lower_arithmetic  # enters its rules
import kernels.emulator.lower_comparisons  # enters its rules
import kernels.emulator.lower_matrices  # enters its rules
import kernels.emulator.lower_memory
import kernels.emulator.lower_threads  # noqa: F401  (enters its rules)
from kernels.compiled_files import hash_sources
from kernels.emulator import machine as m
from kernels.emulator.arguments import Buffer, at_launch, bind, constants
from kernels.emulator.build import build
from kernels.emulator.exceptions import noted_exceptions, raised_in
from kernels.emulator.explain import fault
from kernels.emulator.fingerprint import compilers
from kernels.emulator.kept import keep
from kernels.emulator.local_arrays import noted_arrays, place_arrays
from kernels.emulator.lowering import lower
from kernels.emulator.parse import parse
from kernels.emulator.prints import write_prints
from kernels.emulator.program import Program
from kernels.emulator.report import Launch, Report, report
from kernels.emulator.waiting import run_all
from kernels.emulator.watch import run_watched

# CUDA C++ Programming Guide, technical specifications
LIMIT = 10**10  # jumps back in one launch
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
    limit: int | None = None,
    uninitialised: tuple[str, ...] = (),
) -> Report:
    """Run a numba-cuda kernel on the CPU, as compiled for a GPU, with every access checked; the Report of what it cost.

    kernel: a function or what `@cuda.jit` (without a signature) made of it. grid, block: as in `kernel[grid, block]`.
    args: NumPy arrays (written in place), numbers, tuples of numbers. shared: bytes of dynamic shared memory. cc: the
    compute capability to compile for. limit: jumps back that all threads together may take before the kernel counts
    as endless; without one, 10^10, and half a minute of processor time without a barrier, or a minute in one block.
    uninitialised: names of arrays that nothing has filled, as `cuda.device_array` gives them: to read them before the
    kernel has written them is a fault.
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
    if unknown := set(uninitialised) - set(names):
        raise ValueError(f"kernels.emulator.run: uninitialised names {sorted(unknown)}, but the arguments are {names}")
    buffers, words = bind(args, names, uninitialised)
    types = compiler.signature(args)
    key = (function, types, cc, tuple(sorted(options.items())))
    if key not in _compiled:
        ptx = compiler.to_ptx(function, types, cc, checked=True, **options)
        stamp = sha256(ptx.encode()).hexdigest(), cc, compilers(), hash_sources(run)
        _compiled[key] = keep("program", function.__name__, stamp, lambda: _prepare(ptx, function, cc))
    program, registers = _compiled[key]
    grid, block = shape("grid", grid), shape("block", block)
    threads = int(np.prod(block))
    _refuse(function, occupancy.refuse_bounds(threads, program.most_threads))
    _refuse(function, occupancy.refuse(cc, threads, registers or 0, program.shared_bytes, shared))
    for change in on_program:
        program = change(program)
    result = execute(program, function.__name__, grid, block, buffers, words, shared, limit)
    result.launch = Launch(function, types, options, grid, block, shared)
    if registers is not None:
        result.occupancy = occupancy.occupancy(cc, threads, registers, program.shared_bytes + shared)
    return result


def _prepare(ptx: str, function: Callable, cc: tuple[int, int]) -> tuple[Program, int | None]:
    """Return (the kernel as the emulator runs it, the registers of a thread on a GPU)."""
    from kernels.emulator import compile as compiler
    from kernels.emulator import occupancy

    program = lower(parse(ptx))
    program.exceptions = noted_exceptions(ptx)
    program.local_arrays = noted_arrays(ptx)
    program.arrays = place_arrays(program.local_arrays, program.private)
    _refuse(function, occupancy.refuse(cc, 1, 0, program.shared_bytes, 0))  # NVIDIA's linker fails without a word
    return program, compiler.registers_per_thread(ptx, cc)


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
    limit: int | None = None,
    places: dict[str, int] | None = None,
) -> Report:
    """Run a lowered kernel; the buffers' arrays are written back also where it is at fault.

    places: where the module's variables lie, if they are among the buffers.
    """
    from kernels.emulator.grid import run_grid

    every = buffers + (constants(program) if places is None else [])
    if places is None:
        places = {n: m.HALF + ((m.FIRST_BUFFER + len(buffers) + i) << 32) for i, n in enumerate(program.data)}
    machine = build(program, every, int(np.prod(grid)), int(np.prod(block)), shared)
    machine.state[m.LIMIT] = LIMIT if limit is None else limit
    registers = np.zeros((len(machine.doing), program.registers, 32), np.uint64)
    for row, value in program.constants.items():
        registers[:, row // 32] = np.uint64(value)
    for row, values in at_launch(program, words, places, grid, block, shared).items():
        registers[:, row // 32] = values
    launched = registers.reshape(-1), program.specials, np.array(grid), np.array(block)

    def run_blocks(first: int, begins: bool) -> tuple[int, int]:
        return run_grid(machine, program.code, *launched, first, begins)

    blocks = int(np.prod(grid))
    number = run_watched(machine, lambda: run_all(machine, launched[0], blocks, run_blocks), limit is None)
    for slot, buffer in enumerate(every, m.FIRST_BUFFER):
        if buffer.back is not None:
            start = machine.slots[slot, m.START]
            data = machine.bytes[start : start + len(buffer.data)]
            buffer.back[...] = data.view(buffer.back.dtype).reshape(buffer.back.shape)
    write_prints(machine)
    raised = raised_in(program, name, machine, every)
    if raised:
        raise raised
    if number >= 0:
        raise fault(program, name, machine, every, number, grid, block)
    return report(program, name, machine.counts, int(machine.state[m.UNAWAITED]))
