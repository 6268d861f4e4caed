"""Two processes compile what a program needs: this one from its first kernel on, a helper from the last one on.

Both keep what they compile in the disk cache, and neither compiles what the other has or is at (turns.py). The helper
gets the calls that the program is going to make, with arrays of which only shape and type are told, and compiles for
them without running anything. It starts when the first kernel has to be compiled, so not at all if the cache holds all;
it ends when the program is through, or has ended: it reads from a pipe whose other end the program alone holds.

Whatever goes wrong with the helper, the program compiles by itself what it does not find.
"""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from kernels import turns
from kernels.compiled_files import folder
from kernels.jit import on_compile

SWITCH = "FORMULA_CONVNET_HELPER"  # "0": no helper
_LOCK = "helper"  # one of them for each folder
SECONDS = 5.0  # for the helper to end by itself

Run = Callable[[], Any]


@contextmanager
def helped(runs: Callable[[], Iterable[Run]]) -> Iterator[None]:
    """While in this context, let a helper compile what `runs` are going to call, the last of them first."""
    if not is_wanted():
        yield
        return
    helper = _Helper(runs)
    on_compile.append(helper.start)
    try:
        yield
    finally:
        on_compile.remove(helper.start)
        helper.stop()


def is_wanted() -> bool:
    """Return True if a helper can be of use: there is a cache, a second processor, and the user has not refused it."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    # a program that embeds Python is no interpreter to be started
    is_python = Path(sys.executable or "").name.startswith("python")
    return os.environ.get(SWITCH) != "0" and cores > 1 and is_python and turns.AVAILABLE and folder() is not None


class _Helper:
    """A process that compiles, started once."""

    process: subprocess.Popen | None = None
    started = _claimed = False

    def __init__(self, runs: Callable[[], Iterable[Run]]) -> None:
        self._runs = runs

    def start(self, _: str) -> None:
        """Start the process, unless it was."""
        if self.started:
            return
        self.started = True
        with suppress(OSError):
            self._claimed = turns.claim(str(folder()), _LOCK)
        if not self._claimed:  # another program's helper is filling this folder
            return
        theirs, self._pipe = os.pipe()
        try:
            with tempfile.TemporaryFile() as told:
                pickle.dump([described for run in self._runs() if (described := describe(run))][::-1], told)
                told.seek(0)
                code = f"import sys; sys.path[:] = {sys.path!r}; from kernels.ahead_child import main; main({theirs})"
                self.process = subprocess.Popen(
                    [sys.executable, "-c", code],
                    stdin=told,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    pass_fds=[theirs],
                    start_new_session=True,  # Ctrl-C is for the program
                )
        except OSError:
            os.close(self._pipe)  # no helper: the program compiles everything by itself
        finally:
            os.close(theirs)

    def stop(self) -> None:
        """End the process, and wait until it has ended."""
        if self._claimed:
            turns.release(str(folder()), _LOCK)
        if self.process is None:
            return
        with suppress(OSError):  # it may have ended
            os.write(self._pipe, b"0")  # a process that was forked meanwhile has this end of the pipe too
        os.close(self._pipe)
        try:
            self.process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def describe(run: Run) -> bytes | None:
    """Return a call of kernels for another process, its arrays without their numbers; None if it cannot be told."""
    told = io.BytesIO()
    with suppress(Exception):  # closures, and whatever a user's own loss holds
        _Describing(told).dump(run)
        return told.getvalue()
    return None


class _Describing(pickle.Pickler):
    def reducer_override(self, thing: Any) -> Any:
        """Tell an array's shape and type, and of an optimizer nothing about its model."""
        if type(thing) is np.ndarray and not thing.dtype.hasobject:
            flags = thing.flags
            order = "C" if flags.c_contiguous else "F" if flags.f_contiguous else "A"
            return blank, (thing.shape, thing.dtype, order, flags.writeable)
        if isinstance(thing, weakref.ref):  # whose it is concerns no kernel
            return type(None), ()
        return NotImplemented


def blank(shape: tuple[int, ...], dtype: Any, order: str, writeable: bool) -> np.ndarray:
    """Return an array of zeros, whose memory nobody touches, of the type that Numba sees in another one."""
    array = np.zeros((*shape, 2), dtype)[..., 0] if order == "A" else np.zeros(shape, dtype, order)  # type: ignore[call-overload]
    array.flags.writeable = writeable
    return array
