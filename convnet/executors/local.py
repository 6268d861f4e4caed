"""Processes of this machine, which are started anew when one of them dies."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

TRIES = 3  # of one call: the death of a process fails all calls that any of them has


class LocalProcesses(Executor):
    """N processes; each computes on its share of the processors."""

    def __init__(self, count: int) -> None:
        self._count, self._lock, self._closed = count, threading.Lock(), False
        self._pool = self._open()

    def _open(self) -> ProcessPoolExecutor:
        threads = max(1, (os.cpu_count() or 1) // self._count)
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self._count, context, initializer=use_threads, initargs=(threads,))

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        """Submit a call; it is given to another process if the one that has it dies."""
        outer: Future[Any] = Future()
        outer.set_running_or_notify_cancel()
        self._try(outer, TRIES, function, arguments, named)
        return outer

    def _try(self, outer: Future[Any], left: int, function: Any, arguments: Any, named: Any) -> None:
        pool = self._pool
        try:
            inner = pool.submit(function, *arguments, **named)
        except BrokenProcessPool as error:
            inner = Future()
            inner.set_exception(error)

        def done(inner: Future[Any]) -> None:
            error = None if inner.cancelled() else inner.exception()
            if inner.cancelled():
                outer.set_exception(BrokenProcessPool("the processes were ended"))
            elif isinstance(error, BrokenProcessPool) and left > 1 and not self._closed:
                self._replace(pool)
                self._try(outer, left - 1, function, arguments, named)
            elif error is not None:
                outer.set_exception(error)
            else:
                outer.set_result(inner.result())

        inner.add_done_callback(done)

    def _replace(self, broken: ProcessPoolExecutor) -> None:
        with self._lock:
            if self._pool is broken:
                broken.shutdown(wait=False)
                self._pool = self._open()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes."""
        self._closed = True
        self._pool.shutdown(wait=wait, cancel_futures=cancel_futures)


def use_threads(count: int) -> None:
    """Let this process's kernels use so many threads."""
    os.environ["NUMBA_NUM_THREADS"] = str(count)
