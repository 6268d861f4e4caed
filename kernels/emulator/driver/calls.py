"""The CUDA driver's functions that numba-cuda calls, as cuda.bindings has them: each returns (CUresult, results...)."""

from __future__ import annotations

import ctypes
import itertools
import time
from typing import Any

from cuda.bindings import driver as real

from kernels.emulator.driver.code import LIBRARIES
from kernels.emulator.driver.memory import MEMORY, TOTAL

OK = real.CUresult.CUDA_SUCCESS
INVALID = real.CUresult.CUDA_ERROR_INVALID_VALUE
CONTEXT = real.CUcontext(0xC0DE)
_handles = itertools.count(0x10)
_stack: list[int] = []  # contexts that are current, the last on top
_host: dict[int, Any] = {}  # pinned host memory that the driver itself has made
_events: dict[int, float] = {}
CALLS: dict[str, Any] = {}

ATTRIBUTES = {
    "MAX_THREADS_PER_BLOCK": 1024, "MAX_BLOCK_DIM_X": 1024, "MAX_BLOCK_DIM_Y": 1024, "MAX_BLOCK_DIM_Z": 64,
    "MAX_GRID_DIM_X": 2**31 - 1, "MAX_GRID_DIM_Y": 65_535, "MAX_GRID_DIM_Z": 65_535,
    "MAX_SHARED_MEMORY_PER_BLOCK": 49_152, "TOTAL_CONSTANT_MEMORY": 65_536, "WARP_SIZE": 32,
    "MAX_REGISTERS_PER_BLOCK": 65_536, "CLOCK_RATE": 1_410_000, "MULTIPROCESSOR_COUNT": 108, "UNIFIED_ADDRESSING": 1,
    "CAN_MAP_HOST_MEMORY": 1, "INTEGRATED": 0, "COMPUTE_MODE": 0, "CONCURRENT_KERNELS": 1, "PCI_BUS_ID": 0,
    "PCI_DEVICE_ID": 0, "PCI_DOMAIN_ID": 0, "MANAGED_MEMORY": 1, "CONCURRENT_MANAGED_ACCESS": 1,
    "COOPERATIVE_LAUNCH": 1, "MAX_THREADS_PER_MULTIPROCESSOR": 2048, "MEMORY_CLOCK_RATE": 1_215_000,
    "GLOBAL_MEMORY_BUS_WIDTH": 5120, "L2_CACHE_SIZE": 41_943_040, "ASYNC_ENGINE_COUNT": 1,
}  # fmt: skip


def call(function: Any) -> Any:
    """Enter a function of the driver."""
    CALLS[function.__name__] = function
    return function


class Bindings:
    """cuda.bindings.driver with this module's functions; its types and constants are the real ones."""

    def __getattr__(self, name: str) -> Any:
        if name in CALLS:
            return CALLS[name]
        if name.startswith("cu") and name[2:3].isupper():
            raise NotImplementedError(f"the emulated driver has no {name}")
        return getattr(real, name)


def checked(name: str, *arguments: Any) -> Any:
    """Return what a function returns; RuntimeError if it fails."""
    code, result = CALLS[name](*arguments)
    if code != OK:
        raise RuntimeError(f"{name}: {code.name}")
    return result


def _plain(names: str) -> None:
    """Enter functions that have nothing to do: all work is done when a call returns."""
    for name in names.split():
        CALLS[name] = lambda *_: (OK,)
        CALLS[name].__name__ = name


_plain(
    "cuInit cuCtxSynchronize cuStreamSynchronize cuStreamDestroy cuStreamWaitEvent cuEventSynchronize "
    "cuDevicePrimaryCtxRelease cuDevicePrimaryCtxReset cuProfilerStart cuProfilerStop cuKernelSetCacheConfig "
    "cuKernelSetAttribute cuStreamQuery cuEventQuery cuMemHostUnregister"
)


@call
def cuDeviceGetCount() -> tuple:
    return OK, 1


@call
def cuDriverGetVersion() -> tuple:
    return OK, 13_000


@call
def cuDeviceGetAttribute(attribute: Any, device: int) -> tuple:
    name = attribute.name.removeprefix("CU_DEVICE_ATTRIBUTE_")
    return (OK, ATTRIBUTES[name]) if name in ATTRIBUTES else (INVALID, 0)


@call
def cuDeviceCanAccessPeer(device: Any, peer: Any) -> tuple:
    return OK, 0


@call
def cuCtxGetCurrent() -> tuple:
    return OK, real.CUcontext(_stack[-1] if _stack else 0)


@call
def cuCtxGetDevice() -> tuple:
    return OK, real.CUdevice(0)


@call
def cuCtxPushCurrent(context: Any) -> tuple:
    _stack.append(int(context))
    return (OK,)


@call
def cuCtxPopCurrent() -> tuple:
    return (OK, real.CUcontext(_stack.pop())) if _stack else (real.CUresult.CUDA_ERROR_INVALID_CONTEXT, None)


@call
def cuMemGetInfo() -> tuple:
    return OK, TOTAL - MEMORY.used, TOTAL


@call
def cuMemAlloc(size: int) -> tuple:
    if size <= 0:
        return INVALID, real.CUdeviceptr(0)
    try:
        address = MEMORY.allocate(size)
    except MemoryError:
        return real.CUresult.CUDA_ERROR_OUT_OF_MEMORY, real.CUdeviceptr(0)
    return OK, real.CUdeviceptr(address)


@call
def cuMemAllocManaged(size: int, flags: int) -> tuple:
    return cuMemAlloc(size)


@call
def cuMemFree(address: Any) -> tuple:
    return (OK if MEMORY.free(int(address)) else INVALID,)


@call
def cuMemHostAlloc(size: int, flags: int) -> tuple:
    return OK, int(cuMemAlloc(size)[1])


@call
def cuMemFreeHost(address: Any) -> tuple:
    return cuMemFree(address)


@call
def cuMemHostRegister(pointer: int, size: int, flags: int) -> tuple:
    if flags & real.CU_MEMHOSTREGISTER_DEVICEMAP:
        raise NotImplementedError("the emulated device cannot map memory that the host allocated: use mapped_array")
    return (OK,)


@call
def cuMemHostGetDevicePointer(pointer: int, flags: int) -> tuple:
    return OK, real.CUdeviceptr(int(pointer))


@call
def cuPointerGetAttribute(attribute: Any, pointer: Any) -> tuple:
    if attribute != real.CUpointer_attribute.CU_POINTER_ATTRIBUTE_DEVICE_POINTER:
        return INVALID, None
    return OK, real.CUdeviceptr(int(pointer))


@call
def cuMemGetAddressRange(pointer: Any) -> tuple:
    found = MEMORY.extent(int(pointer))
    return (OK, real.CUdeviceptr(found[0]), found[1]) if found else (INVALID, None, 0)


def _copy(to: Any, source: Any, size: int, stream: Any = None) -> tuple:
    with MEMORY.in_use(launching=False):
        ctypes.memmove(int(to), int(source), size)
    return (OK,)


for _name in ("HtoD", "DtoH", "DtoD"):
    CALLS[f"cuMemcpy{_name}"] = CALLS[f"cuMemcpy{_name}Async"] = _copy


@call
def cuMemsetD8(address: Any, byte: int, count: int) -> tuple:
    with MEMORY.in_use(launching=False):
        ctypes.memset(int(address), byte, count)
    return (OK,)


@call
def cuMemsetD8Async(address: Any, byte: int, count: int, stream: Any) -> tuple:
    return cuMemsetD8(address, byte, count)


@call
def cuLibraryGetGlobal(library: Any, name: bytes) -> tuple:
    code = LIBRARIES[int(library)]
    known = code.module.constants
    if name.decode() not in known:
        return real.CUresult.CUDA_ERROR_NOT_FOUND, None, 0
    return OK, real.CUdeviceptr(code.address(name.decode())), len(known[name.decode()][1])


@call
def cuLibraryUnload(library: Any) -> tuple:
    LIBRARIES[int(library)].unload()
    return (OK,)


@call
def cuStreamCreate(flags: int) -> tuple:
    return OK, real.CUstream(next(_handles))


@call
def cuStreamAddCallback(stream: Any, callback: Any, data: Any, flags: int) -> tuple:
    function = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)(int(callback))
    function(int(stream), 0, int(data))
    return (OK,)


@call
def cuEventCreate(flags: int) -> tuple:
    event = next(_handles)
    _events[event] = 0.0
    return OK, real.CUevent(event)


@call
def cuEventRecord(event: int, stream: Any) -> tuple:
    _events[int(event)] = time.perf_counter()
    return (OK,)


@call
def cuEventDestroy(event: int) -> tuple:
    _events.pop(int(event), None)
    return (OK,)


@call
def cuEventElapsedTime(start: int, end: int) -> tuple:
    return OK, 1000 * (_events[int(end)] - _events[int(start)])


@call
def cuOccupancyMaxActiveBlocksPerMultiprocessor(kernel: Any, threads: int, shared: int) -> tuple:
    return OK, max(2048 // threads, 1)
