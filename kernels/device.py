"""Arrays in a device's memory, and the one way in which a kernel for CUDA is launched on them.

A kernel does not know where it runs. Three such places exist: a GPU ("cuda"); the emulator (kernels/emulator), which
executes the compiled kernel on the CPU and checks every access ("cuda-emulated"); Numba's simulator, which runs the
kernel's Python text, a mode of the whole process ("simulated").
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from math import prod
from typing import Any

import numpy as np

from kernels import toolchain

ALIGNMENT = 16  # bytes: every array begins at a multiple, so that a thread can move 16 bytes at once

# called with the Report of every launch on the emulator
on_report: list[Callable[[Any], None]] = []


class DeviceArray:
    """A C-contiguous array in the memory of `target`. No arithmetic: kernels read and write it.

    shape, dtype, ndim, size, nbytes as NumPy's. `targets.to_host` makes a NumPy array of it, `targets.copy` moves data.
    """

    __slots__ = ("data", "target")

    def __init__(self, data: Any, target: str) -> None:
        self.data, self.target = data, target

    @property
    def shape(self) -> tuple[int, ...]:
        """The array's shape."""
        return tuple(self.data.shape)

    @property
    def dtype(self) -> np.dtype:
        """The array's dtype."""
        return np.dtype(self.data.dtype)

    @property
    def ndim(self) -> int:
        """How many axes it has."""
        return len(self.data.shape)

    @property
    def size(self) -> int:
        """How many elements it has."""
        return prod(self.data.shape)

    @property
    def nbytes(self) -> int:
        """How many bytes it takes."""
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def reshape(self, *shape: Any) -> DeviceArray:
        """Return the same memory under another shape; one -1 stands for what is left."""
        wanted = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple) else shape
        if -1 in wanted:
            rest = prod(n for n in wanted if n != -1)
            wanted = tuple(self.size // max(rest, 1) if n == -1 else n for n in wanted)
        return DeviceArray(self.data.reshape(wanted), self.target)

    def part(self, start: int, shape: tuple[int, ...]) -> DeviceArray:
        """Return the elements from `start` on, in C order, as an array of `shape`: the same memory."""
        if start * self.dtype.itemsize % ALIGNMENT:
            raise ValueError(f"DeviceArray.part: start={start} is no multiple of {ALIGNMENT} bytes")
        flat = self.data.reshape(self.size)[start : start + prod(shape)]
        return DeviceArray(flat.reshape(shape), self.target)

    def __array__(self, *args: Any, **kwargs: Any) -> np.ndarray:
        raise TypeError(f"this array is in the memory of {self.target!r}: copy it with kernels.targets.to_host(array)")

    def __repr__(self) -> str:
        return f"<DeviceArray {self.dtype} {self.shape} on {self.target}>"


class Emulated:
    """The emulator's memory is NumPy's. What no kernel has written is NaN there, and 255 in bytes."""

    name = "cuda-emulated"

    def empty(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """Return an array of NaN, or of 255 in bytes."""
        dtype = np.dtype(dtype)
        raw = np.full(prod(shape) * dtype.itemsize + ALIGNMENT, 255, np.uint8)
        start = -raw.ctypes.data % ALIGNMENT
        return raw[start : start + prod(shape) * dtype.itemsize].view(dtype).reshape(shape)

    def copy(self, to: np.ndarray, source: np.ndarray) -> None:
        """Overwrite `to` by `source`."""
        to[...] = source

    to_device = to_host = copy

    def address(self, data: np.ndarray) -> int:
        """Return where the array begins."""
        return data.ctypes.data

    def launch(self, kernel: Any, grid: Any, block: Any, arguments: tuple) -> None:
        """Run the compiled kernel on the emulator, and tell `on_report`'s listeners."""
        from kernels.emulator import run

        report = run(kernel, grid, block, arguments)
        report.kernel = f"{kernel.py_func.__module__.removeprefix('kernels.')}.{report.kernel}"  # many are _forward
        for listener in on_report:
            listener(report)

    def synchronize(self) -> None:
        """Do nothing: a launch has ended when it returns."""

    def properties(self) -> dict[str, Any]:
        """Return the emulated device's name and compute capability."""
        return {"name": "emulator of kernels/emulator", "compute_capability": (8, 0)}


class NumbaCuda:
    """numba-cuda's own memory and launches: a GPU, or Numba's simulator."""

    def __init__(self, name: str) -> None:
        self.name, self.cuda = name, toolchain.numba_cuda()
        # a small problem has a small grid: that is no fault of the caller
        warnings.filterwarnings("ignore", message="Grid size .* under-utilization")

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Any:
        """Return a device array that is not initialized."""
        return self.cuda.device_array(shape, dtype)

    def to_device(self, to: Any, source: np.ndarray) -> None:
        """Copy a NumPy array to the device."""
        to.copy_to_device(np.asarray(source, order="C"))

    def to_host(self, to: np.ndarray, source: Any) -> None:
        """Copy a device array to the host."""
        to[...] = source.copy_to_host()

    def copy(self, to: Any, source: Any) -> None:
        """Copy within the device."""
        to.copy_to_device(source)

    def address(self, data: Any) -> int:
        """Return where the array begins in the device's memory."""
        if self.name == "simulated":
            return data._ary.ctypes.data
        return data.__cuda_array_interface__["data"][0]

    def launch(self, kernel: Any, grid: Any, block: Any, arguments: tuple) -> None:
        """Start the kernel; in the simulator, say what it cannot do."""
        try:
            kernel[grid, block](*arguments)
        except AttributeError as error:
            if self.name == "simulated" and "shfl" in str(error):
                raise RuntimeError("the simulator has no warp shuffles: use 'cuda-emulated'") from error
            raise

    def synchronize(self) -> None:
        """Wait until everything launched has run."""
        self.cuda.synchronize()

    def properties(self) -> dict[str, Any]:
        """Return the device's name, and a GPU's compute capability, clocks and sizes."""
        if self.name == "simulated":
            return {"name": "Numba's simulator"}
        device = self.cuda.get_current_device()
        name = device.name.decode() if isinstance(device.name, bytes) else device.name
        return {
            "name": name, "compute_capability": tuple(device.compute_capability),
            "multiprocessors": device.MULTIPROCESSOR_COUNT, "clock_khz": device.CLOCK_RATE,
            "memory_clock_khz": device.MEMORY_CLOCK_RATE, "memory_bus_bits": device.GLOBAL_MEMORY_BUS_WIDTH,
            "l2_bytes": device.L2_CACHE_SIZE,
        }  # fmt: skip


@cache
def backend(target: str) -> Emulated | NumbaCuda:
    """Return the memory and launches of a target that is not the CPU; `targets.require` says if it is available."""
    return Emulated() if target == "cuda-emulated" else NumbaCuda(target)


def launch(kernel: Callable, grid: int | tuple[int, ...], block: int | tuple[int, ...], *arguments: Any) -> None:
    """Start kernel[grid, block](*arguments) on the arrays' target; do nothing if the grid is empty."""
    if prod((grid,) if isinstance(grid, int) else grid) == 0:
        return
    target = next(a.target for a in arguments if isinstance(a, DeviceArray))
    given = tuple(a.data if isinstance(a, DeviceArray) else a for a in arguments)
    backend(target).launch(kernel, grid, block, given)


def launch_flat(kernel: Callable, threads: int, *arguments: Any, block: int = 128) -> None:
    """Launch at least `threads` threads, in one dimension: `cuda.grid(1)` counts them."""
    launch(kernel, -(-threads // block), block, *arguments)


def launch_fours(kernel: Callable, *arguments: Any) -> None:
    """Launch a thread for every four numbers of the largest array; arrays are passed flat."""
    given = [a.reshape(-1) if isinstance(a, DeviceArray) and a.ndim != 1 else a for a in arguments]
    launch_flat(kernel, -(-max(a.size for a in given if isinstance(a, DeviceArray)) // 4), *given)


_scratch: dict[tuple, DeviceArray] = {}


def scratch(like: DeviceArray, shape: tuple[int, ...], dtype: Any = None, use: str = "") -> DeviceArray:
    """Return memory for one pass's own use, beside the array: the next pass with this `use` gets the same."""
    key, size = (like.target, np.dtype(dtype or like.dtype), use), prod(shape)
    if key not in _scratch or _scratch[key].size < size:
        _scratch[key] = DeviceArray(backend(like.target).empty((size,), key[1]), like.target)
    return _scratch[key].part(0, shape)


def overlap(a: Any, b: Any) -> bool:
    """Return True if two arrays have memory in common."""
    if type(a) is np.ndarray and type(b) is np.ndarray:
        return np.may_share_memory(a, b)
    if isinstance(a, DeviceArray) and isinstance(b, DeviceArray):
        if a.target != b.target or not a.size or not b.size:
            return False
        first, second = (backend(v.target).address(v.data) for v in (a, b))
        return first < second + b.nbytes and second < first + a.nbytes
    both = isinstance(a, np.ndarray) and isinstance(b, np.ndarray)
    return both and np.may_share_memory(a, b)
