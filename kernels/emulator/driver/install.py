"""Put the emulated driver in the place of NVIDIA's, for this process."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from importlib import import_module
from typing import Any

from kernels.emulator import compile as compiler


def _with_lines(make: Callable) -> Callable:
    """Let every kernel be compiled with Python's line numbers, which faults are reported by.

    Not if it allocates memory (NRT): with line numbers, numba-cuda's own code for that cannot be linked to it.
    """
    config: Any = import_module("numba.cuda").config

    @wraps(make)
    def __init__(self: Any, *arguments: Any, **options: Any) -> None:
        lines = not options.get("debug") and not config.CUDA_ENABLE_NRT
        try:
            make(self, *arguments, **{**options, "lineinfo": lines or options.get("lineinfo", False)})
        except ZeroDivisionError:  # numba-cuda describes no argument without bytes, such as a tuple of empty tuples
            make(self, *arguments, **options)

    return __init__


def _linkable(compile_ir: Callable) -> Callable:
    """Let code with line numbers be optimised as one with NVIDIA's own, which marks their version as it must be equal.

    Without this, the linker refuses kernels that call CUDA C: their marks say that a warning is enough.
    """

    @wraps(compile_ir)
    def compile_linkable(texts: list[str], **options: Any) -> Any:
        if "gen-lto" in options:
            texts = [text.replace('i32 2, !"Debug Info Version"', 'i32 1, !"Debug Info Version"') for text in texts]
        return compile_ir(texts, **options)

    return compile_linkable


@cache
def install() -> None:
    """Let `numba.cuda` run on the emulator from now on: devices, memory, streams, events, linking and launches.

    RuntimeError on a machine with a GPU whose driver is in use.
    """
    compiler.numba_cuda()
    names = ("cudadrv.driver", "cudadrv.devicearray", "dispatcher", "memory_management.nrt")
    modules: list[Any] = [import_module(f"numba.cuda.{name}") for name in names]
    driver, devicearray, *launching = modules
    from kernels.emulator.driver import calls, code, device, views

    if not driver.driver.initialization_error and driver.driver.is_initialized:
        raise RuntimeError("kernels.emulator.driver: NVIDIA's driver is in use; start a new process")
    driver.binding = calls.Bindings()
    driver.ExperimentalDevice = device.Device
    driver.ExperimentalStream = device.Stream
    for name in ("Linker", "LinkerOptions", "ObjectCode"):
        setattr(driver, name, getattr(code, name))
    for name in ("Buffer", "StridedMemoryView"):
        setattr(devicearray, name, getattr(views, name))
    kernel = launching[0]._Kernel
    kernel.__init__ = _with_lines(kernel.__init__)
    nvvm: Any = import_module("numba.cuda.cudadrv.nvvm")
    nvvm.compile_ir = _linkable(nvvm.compile_ir)
    for module in launching:
        module.launch = device.launch
        module.LaunchConfig = device.LaunchConfig
    driver.driver.is_initialized = False
    driver.driver.initialization_error = None
    driver.driver.lib = None
