"""Compiled PTX, and kernels as the emulator runs them, kept on disk for the next process.

numba-cuda takes a second or more a kernel. The files lie beside the CPU's compiled kernels (`compiled_files`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from kernels.compiled_files import CompiledFiles, folder

# called with what is made ("ptx", "program") and the kernel's name, whenever no file holds it
on_make: list[Callable[[str, str], None]] = []


def keep(what: str, name: str, key: tuple | None, make: Callable[[], Any]) -> Any:
    """Return what is kept under a key; if nothing is, what `make` returns, kept from now on. None: keep nothing."""
    files = _files(what) if key is not None else None
    found = files.load(key) if files else None
    if found is not None:
        return found
    for listener in on_make:
        listener(what, name)
    made = make()
    if files:
        files.save(key, made)
    return made


@cache
def _files(what: str) -> CompiledFiles | None:
    path = folder()
    return CompiledFiles(str(path), f"emulator-{what}") if path is not None else None
