"""Reading many files by a few workers, in the files' order, with a bounded number of them in memory."""

from __future__ import annotations

import atexit
import os
import queue
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from convnet.data.dicom import Step
from convnet.data.errors import DicomError
from convnet.data.limits import Limits
from convnet.data.preparation import Preparation
from convnet.data.reading import tasks
from convnet.data.reading.worker import Watch, Worker

Job = TypeVar("Job")


class Readers:
    """Workers that read files; `with Readers() as readers: ...`.

    limits   what one file may cost
    workers  how many processes; as many as this process may use processors, if None
    """

    def __init__(self, limits: Limits | None = None, workers: int | None = None) -> None:
        self.limits = limits or Limits()
        self.workers = [acquire_worker(self.limits) for _ in range(workers or processors())]
        self.width = len(self.workers)  # files that are read at the same time
        self.idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        for worker in self.workers:
            self.idle.put(worker)
        self.watch = Watch(self.workers)
        self.running: list[Generator[Any, None, None]] = []

    def __enter__(self) -> Readers:
        return self

    def __exit__(self, *_: object) -> None:
        for results in self.running:  # what nobody has taken to its end
            results.close()
        for worker in self.workers:
            if worker.process is None or worker.busy or worker.abandoned or len(_spare) >= MOST_SPARE:
                worker.abandon()
                worker.stop()
            else:
                _spare.append(worker)
        self.watch.stop()

    @property
    def peak(self) -> int:
        """Return the most memory that a worker has had so far, in bytes."""
        return max(worker.peak for worker in self.workers)

    def read(self, function: Callable[..., Any], path: object, *arguments: Any, limit: str = "memory") -> Iterator[Any]:
        """Yield the items that a function of `tasks` gives for one file. Raises DicomError.

        limit  the name of what bounds the bytes of all its arrays together
        """
        worker = self.idle.get()
        try:
            yield from worker.call(function, path, *arguments, limit=limit)
        finally:
            self.idle.put(worker)

    def map(self, read: Callable[[Job], Any], jobs: Iterable[Job]) -> Iterator[tuple[Job, Any]]:
        """Yield (job, read(job)) in the jobs' order; `read` runs in a thread. A DicomError is a result too."""
        self.running.append(self._map(read, jobs))
        return self.running[-1]

    def _map(self, read: Callable[[Job], Any], jobs: Iterable[Job]) -> Generator[tuple[Job, Any], None, None]:
        ahead: deque[tuple[Job, Future[Any]]] = deque()

        def attempt(job: Job) -> Any:
            try:
                return read(job)
            except DicomError as error:
                return error

        with ThreadPoolExecutor(self.width, "convnet-reader") as threads:
            try:
                for job in jobs:
                    ahead.append((job, threads.submit(attempt, job)))
                    if len(ahead) >= 4 * self.width:
                        first, result = ahead.popleft()
                        yield first, result.result()
                while ahead:
                    first, result = ahead.popleft()
                    yield first, result.result()
            except BaseException:  # Ctrl-C, or nobody wants the rest: nothing is waited for
                for _, future in ahead:
                    future.cancel()
                for worker in self.workers:
                    worker.abandon()
                raise


# workers that wait for the next `Readers` of this process: to start one takes half a second
_spare: list[Worker] = []
MOST_SPARE = 4


def acquire_worker(limits: Limits) -> Worker:
    """Return a waiting worker with these limits, or a new one."""
    for worker in list(_spare):
        if worker.limits == limits:
            _spare.remove(worker)
            worker.peak = 0
            return worker
    return Worker(limits)


@atexit.register
def _end_spare() -> None:
    for worker in _spare:
        worker.stop()


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def steps(readers: Readers, path: object, preparation: Preparation, frame: int | None) -> list[Step]:
    """Return `Source.steps`, computed in a worker."""
    return [Step(*step) for step in readers.read(tasks.steps, path, preparation.to_plain(), frame)]


def describe(readers: Readers, path: object) -> dict[str, Any]:
    """Return `Source.describe`, computed in a worker."""
    (found,) = readers.read(tasks.describe, path)
    return found
