"""A Python function -> PTX, by numba-cuda's own compiler, on a machine with or without a GPU."""

from collections.abc import Callable
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from kernels import toolchain
from kernels.compiled_files import hash_sources
from kernels.emulator.exceptions import listed_exceptions, note_exceptions
from kernels.emulator.fingerprint import fingerprint
from kernels.emulator.kept import keep
from kernels.emulator.local_arrays import note_arrays
from kernels.emulator.without_zeros import without_zeros

INSTALL = "pip install 'formula-convnet[cuda]' (no GPU is needed to compile and to emulate)"


_made: dict[tuple, str] = {}


def numba_cuda() -> ModuleType:
    """Return `numba.cuda` of NVIDIA's numba-cuda; ImportError with the remedy where it is missing or simulated."""
    if not toolchain.has_compiler():
        raise ImportError(f"kernels.emulator needs numba-cuda: {INSTALL}")
    if toolchain.simulated():
        raise ImportError(
            "kernels.emulator needs the compiler, but NUMBA_ENABLE_CUDASIM is set: unset it and start anew"
        )
    return toolchain.numba_cuda()


def python_function(kernel: Any) -> tuple[Callable, dict[str, Any]]:
    """Return (the Python function, its compile options) of a plain function or of what `@cuda.jit` made of it."""
    options = dict(getattr(kernel, "targetoptions", {}))
    function = getattr(kernel, "py_func", kernel)
    if not callable(function):
        raise TypeError(f"kernels.emulator.run: the kernel must be a function or a @cuda.jit kernel, got {kernel!r}")
    keep = ("fastmath", "opt", "launch_bounds", "max_registers", "debug")
    return function, {name: options[name] for name in keep if options.get(name) is not None}


def to_ptx(
    function: Callable, signature: tuple, cc: tuple[int, int] = (8, 0), checked: bool = False, **options: Any
) -> str:
    """Return a kernel's PTX for the argument types `signature`, with Python's line numbers in it.

    checked: as the emulator runs it, without the zeros that Numba puts where the kernel has written nothing.
    """
    numba_cuda()
    options.pop("max_registers", None)
    key = function, signature, cc, checked, tuple(sorted(options.items()))
    if key not in _made:
        digest = fingerprint(function, signature, cc, checked, sorted(options.items()))
        kept = (digest, hash_sources(to_ptx)) if digest else None
        _made[key] = keep("ptx", function.__name__, kept, lambda: _compile(function, signature, cc, checked, options))
    return _made[key]


def _compile(function: Callable, signature: tuple, cc: tuple[int, int], checked: bool, options: dict[str, Any]) -> str:
    cuda = numba_cuda()
    zeros = not checked or bool(options.get("debug"))  # debug code loads every variable before it is written
    with _without_driver(cc), without_zeros(zeros) as arrays, listed_exceptions() as exceptions:
        made = cuda.compile_ptx(function, signature, cc=cc, device=False, abi="numba", lineinfo=True, **options)
    return note_exceptions(note_arrays(made[0], arrays), exceptions)


def signature(arguments: tuple) -> tuple:
    """Numba's types of a kernel's arguments, as a launch would infer them."""
    from numba import typeof, types

    def one(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            found = typeof(value)
            return types.Array(found.dtype, found.ndim, found.layout, readonly=not found.mutable)
        return typeof(value)

    return tuple(one(value) for value in arguments)


@contextmanager
def _without_driver(cc: tuple[int, int]) -> Any:
    """Answer in the driver's place: numba-cuda asks for the current device when a kernel calls a device function."""
    from numba.cuda import dispatcher

    asked = dispatcher.get_current_device
    dispatcher.get_current_device = lambda: SimpleNamespace(compute_capability=cc)
    try:
        yield
    finally:
        dispatcher.get_current_device = asked


def registers_per_thread(ptx: str, cc: tuple[int, int]) -> int | None:
    """Return the registers that the machine code needs, from NVIDIA's linker.

    None if that library is missing, or if blocks meet: their code is in another library, which only a program links.
    """
    if "cudaCGSynchronize" in ptx:
        return None
    try:
        from cuda.bindings import nvjitlink
    except ImportError:
        return None
    handle = nvjitlink.create(2, [f"-arch=sm_{cc[0]}{cc[1]}", "-lineinfo"])
    try:
        data = ptx.encode()
        nvjitlink.add_data(handle, nvjitlink.InputType.PTX, data, len(data), "kernel")
        nvjitlink.complete(handle)
        cubin = bytearray(nvjitlink.get_linked_cubin_size(handle))
        nvjitlink.get_linked_cubin(handle, cubin)
    finally:
        nvjitlink.destroy(handle)
    return registers_in(bytes(cubin))


def registers_in(cubin: bytes) -> int:
    """Return the register count that an ELF file of machine code states: attribute 0x2f of its section `.nv.info`."""
    start = int.from_bytes(cubin[0x28:0x30], "little")
    size, count, names = (int.from_bytes(cubin[a : a + 2], "little") for a in (0x3A, 0x3C, 0x3E))
    sections = [cubin[start + i * size : start + (i + 1) * size] for i in range(count)]
    text = int.from_bytes(sections[names][0x18:0x20], "little")
    for section in sections:
        at = text + int.from_bytes(section[:4], "little")
        if cubin[at : cubin.index(b"\0", at)] == b".nv.info":
            offset, length = (int.from_bytes(section[a : a + 8], "little") for a in (0x18, 0x20))
            info = cubin[offset : offset + length]
            found = info.index(b"\x04\x2f\x08\x00")  # (format, attribute, length); then the symbol and the count
            return int.from_bytes(info[found + 8 : found + 12], "little")
    raise ValueError("no register count in the linked file")
