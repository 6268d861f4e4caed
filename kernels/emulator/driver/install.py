"""Put the emulated driver in the place of NVIDIA's, for this process."""

from __future__ import annotations

from functools import cache, wraps
from importlib import import_module
from typing import Any

from kernels.emulator import compile as compiler

# what NVIDIA's linker says of a kernel with line numbers and of CUDA C without, if it optimises both as one
_CONFLICT = "'Debug Info Version': IDs have conflicting"


def _with_lines(kernel: Any) -> None:
    """Let every kernel be compiled with Python's line numbers, which faults are reported by, if it can be linked so."""
    make, bind = kernel.__init__, kernel.bind

    @wraps(make)
    def __init__(self: Any, *arguments: Any, **options: Any) -> None:
        self._make_as_asked = lambda: make(self, *arguments, **options)
        make(self, *arguments, **{**options, "lineinfo": not options.get("debug")})

    @wraps(bind)
    def bind_(self: Any) -> Any:
        try:
            return bind(self)
        except RuntimeError as error:
            if _CONFLICT not in str(error):
                raise
        self._make_as_asked()
        return bind(self)

    kernel.__init__, kernel.bind = __init__, bind_


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
    _with_lines(launching[0]._Kernel)
    for module in launching:
        module.launch = device.launch
        module.LaunchConfig = device.LaunchConfig
    driver.driver.is_initialized = False
    driver.driver.initialization_error = None
    driver.driver.lib = None
