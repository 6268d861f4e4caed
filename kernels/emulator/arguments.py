"""A launch's arguments: arrays get a place in the emulated GPU's memory, everything becomes the kernel's parameters."""

from typing import NamedTuple

import numpy as np

from kernels.emulator import machine as m
from kernels.emulator.pieces import Piece, pieces_of_memory
from kernels.emulator.program import Program


class Buffer(NamedTuple):
    """A piece of global memory: `back` is the array that the kernel's writes go back to, if any."""

    name: str
    data: np.ndarray  # bytes
    item: int
    writable: bool
    back: np.ndarray | None
    unwritten: bool = False  # nothing has filled it yet


def bind(arguments: tuple, names: list[str], uninitialised: tuple[str, ...] = ()) -> tuple[list[Buffer], list[int]]:
    """Return (the arrays as buffers, the parameters' 64 bits each), passed as numba-cuda passes them.

    That is (meminfo, parent, items, bytes an item, address, shape, strides).
    """
    words: list[int] = []
    pieces = pieces_of_memory(
        [(name, a) for name, a in zip(names, arguments, strict=True) if isinstance(a, np.ndarray)]
    )
    for value, name in zip(arguments, names, strict=True):
        if isinstance(value, np.ndarray):
            slot = next(i for i, piece in enumerate(pieces) if any(n == name for n, _ in piece.arrays))
            address = ((m.FIRST_BUFFER + slot) << 32) + m.HALF + value.ctypes.data - pieces[slot].start
            words += [0, 0, value.size, value.itemsize, address, *value.shape, *value.strides]
        else:
            words += _words(name, value)
    return [_buffer(piece, uninitialised) for piece in pieces], words


def _buffer(piece: Piece, uninitialised: tuple[str, ...]) -> Buffer:
    """Return one piece of memory as a buffer; `back` is the memory itself, whatever arrays lie in it."""
    for name, value in piece.arrays:
        _check(name, value)
    names, values = zip(*piece.arrays, strict=True)
    item, writable = min(v.itemsize for v in values), any(v.flags.writeable for v in values)
    memory = values[0] if len(values) == 1 else piece.memory()
    data = np.frombuffer(memory.tobytes(), np.uint8)
    unwritten = all(name in uninitialised for name in names)
    return Buffer(" and ".join(names), data, item, writable, memory if writable else None, unwritten)


def _check(name: str, value: np.ndarray) -> None:
    if value.dtype.kind not in "fiub" or value.dtype.itemsize > 8:
        raise TypeError(
            f"kernels.emulator.run: argument {name}: arrays of numbers up to 64 bits are run, got {value.dtype}"
        )
    if not value.flags.c_contiguous:
        raise ValueError(
            f"kernels.emulator.run: argument {name}: the array must be C-contiguous; pass np.ascontiguousarray"
        )


def _words(name: str, value: object) -> list[int]:
    """Return a number, or the numbers of a tuple, one after the other."""
    if isinstance(value, tuple):
        return [word for each in value for word in _words(name, each)]
    return [_word(name, value)]


def _word(name: str, value: object) -> int:
    """Return the bits of a number, as Numba types it: Python's int is int64, its float float64."""
    if isinstance(value, (bool, np.bool_)):
        return int(value)
    if isinstance(value, (int, np.integer)):
        return int(value) & 0xFFFFFFFFFFFFFFFF
    if isinstance(value, np.float32):
        return int(value.view(np.uint32))
    if isinstance(value, float):
        return int(np.float64(value).view(np.uint64))
    raise TypeError(
        f"kernels.emulator.run: argument {name}: pass arrays, numbers and tuples of numbers, got {type(value).__name__}"
    )


def constants(program: Program) -> list[Buffer]:
    """Return the kernel's own global and constant memory."""
    return [
        Buffer(name, np.frombuffer(data, np.uint8), align, writable, None)
        for name, (align, data, writable) in program.data.items()
    ]


def at_launch(
    program: Program, words: list[int], places: dict[str, int], grid: tuple, block: tuple, shared: int
) -> dict[int, np.ndarray]:
    """Register -> what its 32 threads hold, for all that only the launch knows."""
    known: dict[str, object] = {f"data {n}": place for n, place in places.items()}
    known["%dynamic_smem_size"] = shared
    for i, axis in enumerate("xyz"):
        known |= {f"%ntid.{axis}": block[i], f"%nctaid.{axis}": grid[i]}
    lanes = [1 << lane for lane in range(32)]
    masks = {"eq": lanes, "lt": [b - 1 for b in lanes], "le": [2 * b - 1 for b in lanes]}
    masks |= {"ge": [(1 << 32) - b for b in lanes], "gt": [(1 << 32) - 2 * b for b in lanes]}
    known |= {f"%lanemask_{name}": values for name, values in masks.items()}
    out = {}
    for name, row in program.launch.items():
        value = known[name] if name in known else words[_number(name)]
        out[row] = np.broadcast_to(np.asarray(value, np.uint64), 32)
    return out


def _number(name: str) -> int:
    """Return which parameter `param kernel_param_7+0` is."""
    stem, _, offset = name.rpartition("+")
    if offset != "0":
        raise ValueError(f"the kernel reads into the middle of a parameter ({name}): pass arrays and plain numbers")
    return int(stem.rpartition("_")[2])
