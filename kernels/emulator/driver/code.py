"""What the driver loads and links: PTX, which the emulator runs, beside the machine code that NVIDIA's linker makes."""

from __future__ import annotations

import ctypes
import itertools
import re
from dataclasses import dataclass, field
from typing import Any

from cuda.bindings import nvjitlink

from kernels.emulator import compile as compiler
from kernels.emulator.driver.memory import MEMORY
from kernels.emulator.lowering import lower
from kernels.emulator.parse import Library, parse_all
from kernels.emulator.program import Program, Unsupported

_handles = itertools.count(1)
LIBRARIES: dict[int, ObjectCode] = {}


@dataclass
class LinkerOptions:
    """cuda.core's options, by its names."""

    max_register_count: int | None = None
    lineinfo: bool | None = None
    arch: str = "sm_80"
    link_time_optimization: bool | None = None
    ptx: bool | None = None


@dataclass
class Attributes:
    """What a kernel needs, by cuda.core's names."""

    num_regs: int
    const_size_bytes: int
    local_size_bytes: int
    shared_size_bytes: int
    max_threads_per_block: int = 1024


def python_name(mangled: str) -> str:
    """Return the name that a kernel has in Python: the last part of `_ZN8__main__5scaleB2v1...`."""
    name, rest = mangled, mangled.removeprefix("_ZN")
    while found := re.match(r"\d+", rest):
        start, size = found.end(), int(found[0])
        name, rest = rest[start : start + size], rest[start + size :]
    return name


class Kernel:
    """One kernel of a loaded module."""

    def __init__(self, code: ObjectCode, name: str) -> None:
        self.code, self.name, self.handle = code, name, next(_handles)
        self._program: Program | None = None

    @property
    def program(self) -> Program:
        """The kernel as the emulator runs it."""
        if self._program is None:
            self._program = lower(self.code.module.of(self.name))
        return self._program

    @property
    def attributes(self) -> Attributes:
        """The registers of the machine code; what the emulator cannot lower counts as nothing."""
        try:
            program = self.program
        except Unsupported:
            return Attributes(self.code.registers(self.name), 0, 0, 0)
        constant = sum(len(data) for _, data, writable in program.data.values() if not writable)
        return Attributes(self.code.registers(self.name), constant, program.local_bytes, program.shared_bytes)


@dataclass
class ObjectCode:
    """A piece of code: PTX texts, and what they were linked to."""

    code: bytes
    kind: str = "ptx"
    name: str = ""
    texts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.handle = next(_handles)
        self._module: Library | None = None
        self.globals: dict[str, int] = {}
        LIBRARIES[self.handle] = self

    @property
    def module(self) -> Library:
        """All texts as one."""
        if self._module is None:
            if not self.texts:
                raise Unsupported(f"the emulator runs PTX, and this code is {self.kind}")
            self._module = parse_all(self.texts)
        return self._module

    def address(self, name: str) -> int:
        """Return where a variable of the module lies; it gets its memory when it is first asked for."""
        with MEMORY.in_use(launching=False):
            if name not in self.globals:
                data = self.module.constants[name][1]
                self.globals[name] = MEMORY.allocate(max(len(data), 1))
                ctypes.memmove(self.globals[name], data, len(data))
            return self.globals[name]

    def get_kernel(self, name: str) -> Kernel:
        """Return a kernel by its name."""
        return Kernel(self, name)

    def registers(self, kernel: str) -> int:
        """Return the registers a thread needs."""
        return compiler.registers_in(self.code) if self.kind == "cubin" else 0

    def unload(self) -> None:
        """Give the variables' memory back."""
        for address in self.globals.values():
            MEMORY.free(address)
        LIBRARIES.pop(self.handle, None)

    @classmethod
    def from_ptx(cls, code: bytes, name: str = "") -> ObjectCode:
        """Return PTX that is not linked yet."""
        text = code if isinstance(code, str) else code.decode().rstrip("\0")
        return cls(text.encode(), "ptx", name, [text])

    @classmethod
    def from_cubin(cls, code: bytes, name: str = "") -> ObjectCode:
        """Return machine code, which the emulator cannot run."""
        return cls(code, "cubin", name)

    @classmethod
    def from_ltoir(cls, code: bytes, name: str = "") -> ObjectCode:
        """Return NVIDIA's intermediate code; linked, it becomes PTX."""
        return cls(code, "ltoir", name)

    @classmethod
    def from_fatbin(cls, code: bytes, name: str = "") -> ObjectCode:
        """Return a fat binary."""
        return cls(code, "fatbin", name)

    @classmethod
    def from_object(cls, code: bytes, name: str = "") -> ObjectCode:
        """Return an object file."""
        return cls(code, "object", name)

    @classmethod
    def from_library(cls, code: bytes, name: str = "") -> ObjectCode:
        """Return a library of object files."""
        return cls(code, "library", name)


class Linker:
    """cuda.core's linker, on NVIDIA's nvJitLink."""

    def __init__(self, *codes: Any, options: LinkerOptions) -> None:
        self.codes, self.options = codes, options
        self._info = self._error = ""

    def link(self, kind: str) -> ObjectCode:
        """Return the codes as one."""
        texts = [_text(c) for c in self.codes if _kind(c) == "ptx"]
        intermediate = [c for c in self.codes if _kind(c) == "ltoir"]
        if intermediate:
            texts.append(self._run(intermediate, ["-lto", "-ptx"], "ptx").decode().rstrip("\0"))
        if kind == "ptx":
            return ObjectCode.from_ptx(texts[-1].encode())
        return ObjectCode(self._run(self.codes, ["-lto"] * bool(intermediate), "cubin"), "cubin", texts=texts)

    def _run(self, codes: Any, more: list[str], result: str) -> bytes:
        options = [f"-arch={self.options.arch}", "-lineinfo", *more]
        if self.options.max_register_count:
            options.append(f"-maxrregcount={self.options.max_register_count}")
        handle = nvjitlink.create(len(options), options)
        try:
            for code in codes:
                data, name = bytes(_bytes(code)), code.name or "code"
                nvjitlink.add_data(handle, _TYPES[_kind(code)], data, len(data), name)
            nvjitlink.complete(handle)
            size, get = {
                "ptx": (nvjitlink.get_linked_ptx_size, nvjitlink.get_linked_ptx),
                "cubin": (nvjitlink.get_linked_cubin_size, nvjitlink.get_linked_cubin),
            }[result]
            out = bytearray(size(handle))
            get(handle, out)
            self._info = _log(handle, nvjitlink.get_info_log_size, nvjitlink.get_info_log)
            return bytes(out)
        except nvjitlink.nvJitLinkError as error:
            self._error = _log(handle, nvjitlink.get_error_log_size, nvjitlink.get_error_log)
            raise RuntimeError(f"{error}\n{self._error}") from error
        finally:
            nvjitlink.destroy(handle)

    def get_info_log(self) -> str:
        """Return what the linker said."""
        return self._info

    def get_error_log(self) -> str:
        """Return what the linker complained about."""
        return self._error

    def close(self) -> None:
        """Do nothing: the linker is gone already."""


_TYPES = {
    "ptx": nvjitlink.InputType.PTX,
    "cubin": nvjitlink.InputType.CUBIN,
    "ltoir": nvjitlink.InputType.LTOIR,
    "fatbin": nvjitlink.InputType.FATBIN,
    "object": nvjitlink.InputType.OBJECT,
    "library": nvjitlink.InputType.LIBRARY,
}


def _kind(code: Any) -> str:
    return code.kind if isinstance(code, ObjectCode) else code.code_type


def _bytes(code: Any) -> bytes:
    return code.code if isinstance(code.code, bytes) else code.code.encode()


def _text(code: Any) -> str:
    return _bytes(code).decode().rstrip("\0")


def _log(handle: Any, size: Any, get: Any) -> str:
    out = bytearray(size(handle))
    get(handle, out)
    return out.decode().rstrip("\0")
