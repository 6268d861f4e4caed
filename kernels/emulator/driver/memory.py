"""Memory of the emulated device: real pages of this process, at the addresses that the emulator gives its buffers.

A device address is therefore also a host address: copies are plain copies, and mapped and managed memory needs no more.

A launch copies all of the memory, and writes it back. So launches and copies of the process's threads take turns, as
on a GPU's default stream; what is given back meanwhile, also by Python's garbage collection, is kept until the end.
"""

from __future__ import annotations

import ctypes
import mmap
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from kernels.emulator import machine as m
from kernels.emulator.arguments import Buffer

TOTAL = 1 << 32  # bytes that the device pretends to have
_PAGES = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x100000  # the last is MAP_FIXED_NOREPLACE
_LAST = 0x2000  # slots beyond could meet what the process itself has mapped
_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_int64]
_libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]


class Memory:
    """All allocations of the device. `sizes`: address -> bytes."""

    def __init__(self) -> None:
        self.sizes: dict[int, int] = {}
        self._free = list(range(_LAST, m.FIRST_BUFFER - 1, -1))
        self._lock = threading.RLock()
        self._launching = False
        self._given_back: deque[int] = deque()

    @contextmanager
    def in_use(self, launching: bool = True) -> Iterator[None]:
        """Let no other thread launch, copy or allocate within this; launching: free nothing either."""
        with self._lock:
            before, self._launching = self._launching, launching or self._launching
            try:
                yield
            finally:
                self._launching = before
                if not before:
                    self._unmap()

    @property
    def used(self) -> int:
        """The bytes in use."""
        with self.in_use(launching=False):
            return sum(self.sizes.values())

    def allocate(self, size: int) -> int:
        """Return the address of `size` new bytes, all 0xFF; MemoryError if the device has no such memory left."""
        with self.in_use(launching=False):
            if size > TOTAL >> 1 or self.used + size > TOTAL or not self._free:
                raise MemoryError(f"the emulated device has no {size:,} bytes left")
            slot = self._free.pop()
            address = (slot << 32) + m.HALF
            made = _libc.mmap(address, size, mmap.PROT_READ | mmap.PROT_WRITE, _PAGES, -1, 0)
            if made != address:
                raise MemoryError(f"the process has no room at address {address:#x} for the emulated device's memory")
            ctypes.memset(address, 0xFF, size)
            self.sizes[address] = size
            return address

    def adopt(self, host: int, size: int) -> None:
        """Do nothing: host memory has no address of its own on the emulated device."""

    def free(self, address: int) -> bool:
        """Give an allocation back, without waiting for other threads; False if there is none at this address."""
        if address not in self.sizes:
            return False
        self._given_back.append(address)
        if self._lock.acquire(blocking=False):
            try:
                if not self._launching:
                    self._unmap()
            finally:
                self._lock.release()
        return True

    def _unmap(self) -> None:
        """Give back what has been freed; the lock is held."""
        while self._given_back:
            address = self._given_back.popleft()
            size = self.sizes.pop(address, None)
            if size is not None:
                _libc.munmap(address, size)
                self._free.append(address >> 32)

    def extent(self, address: int) -> tuple[int, int] | None:
        """Return (start, bytes) of the allocation that holds an address, if one does."""
        start = ((address - m.HALF) >> 32 << 32) + m.HALF
        size = self.sizes.get(start)
        return None if size is None or address - start > size else (start, size)

    def buffers(self, granule: int) -> list[Buffer]:
        """Return every slot as the emulator's buffer, those without an allocation empty."""
        last = max((address >> 32 for address in self.sizes), default=m.FIRST_BUFFER - 1)
        empty = np.empty(0, np.uint8)
        out = [Buffer("", empty, granule, False, None) for _ in range(m.FIRST_BUFFER, last + 1)]
        for address, size in self.sizes.items():
            slot = (address >> 32) - m.FIRST_BUFFER
            view = np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(address))
            out[slot] = Buffer(f"at {address:#x}", view, granule, True, view)
        return out


MEMORY = Memory()
