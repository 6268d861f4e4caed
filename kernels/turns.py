"""One process compiles a kernel while the others that need it wait, and then read what it has kept.

A lock is a byte of a file in the cache's folder. The system opens it when the process that holds it ends, however that
ends. Nobody waits for a stopped process forever: after a while a kernel is compiled twice. What compiles a kernel holds
its lock and takes those of the functions it calls: calls form no circle, so neither do those who wait.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

try:
    import fcntl
except ImportError:  # no such locks on Windows: two processes may compile the same kernel
    fcntl = None  # type: ignore[assignment]

AVAILABLE = fcntl is not None
LONGEST, PAUSE = 60.0, 0.005  # seconds: longer than any kernel takes to compile; between two looks


@contextmanager
def turn(folder: str, name: str) -> Iterator[None]:
    """Hold the lock `name` of a folder; without it, if the file system has no locks or its holder does not move on.

    Threads of this process must not ask for the same lock at once: they hold Numba's lock while they compile.
    """
    held = AVAILABLE and _wait(folder, name)
    try:
        yield
    finally:
        if held:
            release(folder, name)


def claim(folder: str, name: str) -> bool:
    """Take a lock unless another process holds it, and return whether it was taken; OSError if there are no locks."""
    descriptor = _open(folder)
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _place(name))
    except (BlockingIOError, PermissionError):  # systems differ in how they say that it is held
        return False
    return True


def release(folder: str, name: str) -> None:
    """Give a lock back."""
    with suppress(OSError):
        fcntl.lockf(_open(folder), fcntl.LOCK_UN, 1, _place(name))


def _place(name: str) -> int:
    """Return which byte is the lock of a name."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:7], "little")


def _wait(folder: str, name: str) -> bool:
    end = time.monotonic() + LONGEST
    with suppress(OSError):
        while not claim(folder, name):
            if time.monotonic() > end:
                return False
            time.sleep(PAUSE)
        return True
    return False


@cache
def _open(folder: str) -> int:
    """Return the one descriptor of the file: closing any of them would open all locks of this process."""
    return os.open(Path(folder) / "turns", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
