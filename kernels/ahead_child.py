"""The helper of ahead.py: compile what the calls on standard input need, until the pipe's other end is closed."""

from __future__ import annotations

import os
import pickle
import sys
import threading
from contextlib import suppress
from typing import Any


def main(pipe: int) -> None:
    """Compile for each call, in their order; what cannot be compiled so is left to the program."""
    threading.Thread(target=_end_with, args=(pipe,), daemon=True).start()
    for told in pickle.load(sys.stdin.buffer):
        with suppress(Exception):
            _compile_for(pickle.loads(told))


def _end_with(pipe: int) -> None:
    """End when the program closes the pipe, or has ended; not in the middle of a file."""
    os.read(pipe, 1)
    from kernels.compiled_files import SAVING

    with SAVING:
        os._exit(0)


def _compile_for(run: Any) -> None:
    """Make a call in which compiled functions are compiled, and not run."""
    from numba.core.registry import CPUDispatcher

    from kernels.jit import ENTRIES

    class Compiling(CPUDispatcher):
        def __call__(self, *arguments: Any) -> None:
            self.compile(tuple(map(self.typeof_pyval, arguments)))

    for entry in ENTRIES:  # those, too, that only reading this call has imported
        entry.__class__ = Compiling
    run()
