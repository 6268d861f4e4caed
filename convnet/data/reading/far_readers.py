"""Reading files in the workers of an executor: each keeps processes with limits of its own, as here."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import asdict
from importlib import import_module
from typing import Any

from convnet.data.errors import DicomError
from convnet.data.limits import Limits
from convnet.data.reading.readers import Readers
from convnet.executors import ExecutorError
from convnet.executors.ordered import AT_ONCE, result_of, submit


def open_readers(limits: Limits | None, workers: int | None, executor: Executor | None) -> Readers:
    """Return readers that open files in this machine's processes or, if there is an executor, in its workers'."""
    return Readers(limits, workers) if executor is None else FarReaders(limits, executor)


class FarReaders(Readers):
    """Readers whose files are opened by an executor's workers, which see them under the same paths."""

    def __init__(self, limits: Limits | None, executor: Executor) -> None:
        self.limits, self._executor = limits or Limits(), executor
        self.workers, self.running, self.width = [], [], AT_ONCE

    def __exit__(self, *_: object) -> None:
        for results in self.running:
            results.close()

    @property
    def peak(self) -> int:
        """Return 0: the memory is that of other machines."""
        return 0

    def read(self, function: Callable[..., Any], path: object, *arguments: Any, limit: str = "memory") -> Iterator[Any]:
        """Yield the items that a function of `tasks` gives for one file. Raises DicomError."""
        name = f"{function.__module__}:{function.__qualname__}"
        there = os.path.abspath(str(path))  # a worker has a folder of its own
        given = (asdict(self.limits), limit, name, there, arguments)
        kind, found = result_of(submit(self._executor, read_far, *given))
        if kind == "refused":
            raise DicomError(path, found)
        if kind == "unseen":
            raise ExecutorError(
                f"a worker does not see {os.path.dirname(there)}: the executor's machines need "
                "the same files under the same paths, on a shared file system"
            )
        yield from found


def read_far(limits: dict[str, Any], limit: str, name: str, path: str, arguments: tuple[Any, ...]) -> tuple[str, Any]:
    """Read a file in a worker's own process with limits; return ("items", them), ("refused", why) or ("unseen", "")."""
    if not os.path.exists(path):
        return "unseen", ""
    module, _, function = name.partition(":")
    try:
        readers = _readers(Limits(**limits))
        return "items", list(readers.read(getattr(import_module(module), function), path, *arguments, limit=limit))
    except DicomError as error:
        return "refused", error.reason


_LOCK = threading.Lock()
_kept: dict[Limits, Readers] = {}  # of this worker, for all its files


def _readers(limits: Limits) -> Readers:
    with _LOCK:
        if limits not in _kept:
            _kept[limits] = Readers(limits, 1)
        return _kept[limits]
