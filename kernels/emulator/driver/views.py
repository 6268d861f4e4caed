"""Pieces of the emulated device's memory as numba-cuda's launches see them: cuda.core's classes, by their names."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from kernels.emulator.driver.memory import MEMORY


class Buffer:
    """Memory that is given back with this object."""

    def __init__(self, address: int, size: int) -> None:
        self.address, self.size = address, size

    def __del__(self) -> None:
        if self.address:
            MEMORY.free(self.address)

    @classmethod
    def from_handle(cls, ptr: int, size: int, mr: Any = None) -> Buffer:
        """Return what owns an address; numba-cuda asks for it with address 0 only."""
        return cls(ptr, size)


class Layout:
    """The strides of a view."""

    def __init__(self, shape: tuple[int, ...], strides: tuple[int, ...] | None, item: int) -> None:
        like = np.lib.stride_tricks.as_strided(np.empty(0, f"V{item}"), shape, strides)
        self.strides_in_bytes = like.strides
        self.is_contiguous_c, self.is_contiguous_f = like.flags.c_contiguous, like.flags.f_contiguous
        self.is_contiguous_any = self.is_contiguous_c or self.is_contiguous_f


class StridedMemoryView:
    """An array in the device's memory."""

    def __init__(self, ptr: int, shape: tuple, strides: tuple | None, dtype: np.dtype, owner: Any) -> None:
        self.ptr, self.shape, self.dtype, self.size = ptr, shape, dtype, prod(shape)
        self._layout, self._owner = Layout(shape, strides, dtype.itemsize), owner

    @classmethod
    def from_buffer(cls, buffer: Buffer, shape: tuple, strides: tuple | None, dtype: Any) -> StridedMemoryView:
        """Return a buffer as an array; `strides` count elements."""
        dtype = np.dtype(dtype)
        in_bytes = None if strides is None else tuple(n * dtype.itemsize for n in strides)
        return cls(buffer.address, tuple(shape), in_bytes, dtype, buffer)

    @classmethod
    def from_cuda_array_interface(cls, array: Any, stream_ptr: int | None = None) -> StridedMemoryView:
        """Return another library's array."""
        about = array.__cuda_array_interface__
        dtype = np.dtype(about["typestr"])
        return cls(about["data"][0], tuple(about["shape"]), about.get("strides"), dtype, array)

    @classmethod
    def from_dlpack(cls, array: Any, stream_ptr: int | None = None) -> StridedMemoryView:
        """Refuse: a tensor of another library is not in this device's memory."""
        raise NotImplementedError(f"the emulated device cannot see {type(array).__name__}: pass NumPy's arrays")

    @classmethod
    def from_array_interface(cls, array: np.ndarray) -> StridedMemoryView:
        """Return a NumPy array of the host, or a record, which has its place in one; NumPy knows no streams."""
        view = np.asarray(array)
        return cls(view.ctypes.data, view.shape, view.strides, view.dtype, view)

    @classmethod
    def from_any_interface(cls, array: np.ndarray, stream_ptr: int | None = None) -> StridedMemoryView:
        """Return a NumPy array of the host."""
        return cls.from_array_interface(array)

    @property
    def strides(self) -> tuple[int, ...]:
        """The strides in elements."""
        return tuple(n // self.dtype.itemsize for n in self._layout.strides_in_bytes)
