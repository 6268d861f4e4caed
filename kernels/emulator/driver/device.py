"""The emulated device, its streams, and the launch: cuda.core's classes, by their names."""

from __future__ import annotations

import ctypes
import struct
from dataclasses import dataclass
from math import prod
from types import SimpleNamespace
from typing import Any

import numpy as np
from cuda.core._utils.cuda_utils import CUDAError

from kernels.emulator.driver import calls
from kernels.emulator.driver.code import Kernel, python_name
from kernels.emulator.driver.memory import MEMORY
from kernels.emulator.driver.views import Buffer
from kernels.emulator.launch import execute, shape
from kernels.emulator.occupancy import refuse, refuse_bounds
from kernels.emulator.program import Program

CC = (8, 0)


class ComputeCapability(tuple):
    """(major, minor)."""

    @property
    def major(self) -> int:
        """The first number."""
        return self[0]

    @property
    def minor(self) -> int:
        """The second number."""
        return self[1]


class Device:
    """The one device."""

    device_id, name, uuid = 0, "emulator", "00000000-0000-0000-0000-000000000000"

    def __init__(self, number: int = 0) -> None:
        self.compute_capability = ComputeCapability(CC)
        self.context = SimpleNamespace(handle=calls.CONTEXT)
        self.memory_resource = None

    def allocate(self, size: int, stream: Any = None) -> Buffer:
        """Return new memory."""
        return Buffer(int(calls.checked("cuMemAlloc", size)), size)

    def set_current(self) -> None:
        """Push the device's context if none is current."""
        if not int(calls.cuCtxGetCurrent()[1]):
            calls.cuCtxPushCurrent(calls.CONTEXT)


class Stream:
    """A stream; all of its work is done when a call returns."""

    def __init__(self, handle: int) -> None:
        self.handle = handle

    @classmethod
    def from_handle(cls, handle: Any) -> Stream:
        """Return the stream with a handle."""
        return cls(int(handle))

    def __cuda_stream__(self) -> tuple[int, int]:
        return 0, self.handle

    def sync(self) -> None:
        """Do nothing."""


@dataclass
class LaunchConfig:
    """What a launch is asked for, by cuda.core's names."""

    grid: Any = None
    block: Any = None
    shmem_size: int = 0
    is_cooperative: bool = False


def launch(stream: Any, config: LaunchConfig, kernel: Kernel, *arguments: Any) -> None:
    """Run a kernel on the emulator, on the device's memory."""
    program = kernel.program
    granule = program.global_granule
    grid, block = shape("grid", config.grid), shape("block", config.block)
    _refuse(program, kernel, prod(block), config.shmem_size)
    words = [_word(a) for a in arguments]
    with MEMORY.in_use():
        places = {name: kernel.code.address(name) for name in program.data if f"data {name}" in program.launch}
        buffers = MEMORY.buffers(granule)
        execute(program, python_name(kernel.name), grid, block, buffers, words, config.shmem_size, places=places)


def _refuse(program: Program, kernel: Kernel, threads: int, shared: int) -> None:
    """Raise cuda.core's error for a launch that no GPU of the emulated device's kind accepts."""
    alone = len(kernel.code.module.entries) == 1  # else the code states the registers of several kernels
    registers = kernel.code.registers(kernel.name) if alone else 0
    for error, reason in (
        ("CUDA_ERROR_INVALID_VALUE", refuse_bounds(threads, program.most_threads)),
        ("CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", refuse(CC, threads, registers, program.shared_bytes, shared)),
    ):
        if reason:
            raise CUDAError(f"{error}: {python_name(kernel.name)} cannot be launched: {reason}")


def _word(value: Any) -> int:
    """Return the bits of an argument, as cuda.core passes it."""
    if isinstance(value, (ctypes._SimpleCData)):
        return int.from_bytes(bytes(value), "little")
    if isinstance(value, (bool, np.bool_)):
        return int(value)
    if isinstance(value, np.generic):
        return int.from_bytes(value.tobytes(), "little")
    if isinstance(value, float):
        return struct.unpack("<Q", struct.pack("<d", value))[0]
    return int(value) & 0xFFFFFFFFFFFFFFFF
