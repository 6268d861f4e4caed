"""The next batches, fetched in a thread while the model computes the present one."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from typing import Any

DEPTH = 2  # batches ahead: each costs memory, and more of them wait for the same source
_PATIENCE = 0.2  # seconds between looks at whether the other side is still there
_LONGEST_WAIT = 5.0  # seconds for a source to finish the batch that nobody wants any more


class Prefetch:
    """An iterator over what `source` yields, fetched ahead; its errors are raised here, with their traceback.

    The thread ends with the source, with an error, or with `close`; it never keeps the process alive.
    """

    def __init__(self, source: Iterator[Any]) -> None:
        self._source = source
        self._ready: queue.Queue[tuple[str, Any]] = queue.Queue(DEPTH)
        self._stop, self._done = threading.Event(), False
        self._thread = threading.Thread(target=self._fetch, name="convnet-prefetch", daemon=True)
        self._thread.start()

    def _fetch(self) -> None:
        try:
            for batch in self._source:
                if not self._put("batch", batch):
                    return
            self._put("end", None)
        except BaseException as error:
            self._put("error", error)

    def _put(self, kind: str, value: Any) -> bool:
        """Hand something over; return False if nobody wants it any more."""
        while not self._stop.is_set():
            try:
                self._ready.put((kind, value), timeout=_PATIENCE)
                return True
            except queue.Full:
                continue
        return False

    def __iter__(self) -> Prefetch:
        return self

    def __next__(self) -> Any:
        if self._done:
            raise StopIteration
        kind, value = self._take()
        if kind == "batch":
            return value
        self._done = True
        if kind == "error":
            raise value
        raise StopIteration

    def _take(self) -> tuple[str, Any]:
        while True:
            try:
                return self._ready.get(timeout=_PATIENCE)
            except queue.Empty:
                if not self._thread.is_alive() and self._ready.empty():
                    raise RuntimeError("the thread that fetches batches ended without a word") from None

    def close(self) -> None:
        """End the thread. The source is not asked again; what it is computing now is waited for, some seconds."""
        self._done = True
        self._stop.set()
        until = time.monotonic() + _LONGEST_WAIT
        while self._thread.is_alive() and time.monotonic() < until:
            self._thread.join(_PATIENCE)
