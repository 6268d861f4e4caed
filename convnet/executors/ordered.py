"""Jobs on an executor: a bounded number at a time, their results in the jobs' order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from importlib.metadata import version
from typing import Any, TypeVar

from convnet.executors.errors import ExecutorError

AT_ONCE = 64  # jobs: enough for many workers, few enough for the memory of the process that collects the results
Job = TypeVar("Job")


def run_ordered(
    executor: Executor,
    function: Callable[..., Any],
    jobs: Iterable[Job],
    arguments: Callable[[Job], tuple[Any, ...] | None] = lambda job: (job,),
    at_once: int = AT_ONCE,
) -> Generator[tuple[Job, Any], None, None]:
    """Yield (job, function(*arguments(job))) in the jobs' order; (job, None) where the arguments are None.

    function  one of a module's own, by name, which the workers have too
    at_once   jobs that are submitted and not yet taken from here
    Raises what the function raises, and ExecutorError if the workers cannot do the work.
    """
    ahead: deque[tuple[Job, Future[Any] | None]] = deque()
    try:
        for job in jobs:
            given = arguments(job)
            ahead.append((job, None if given is None else submit(executor, function, *given)))
            if len(ahead) >= at_once:
                first, future = ahead.popleft()
                yield first, None if future is None else result_of(future)
        while ahead:
            first, future = ahead.popleft()
            yield first, None if future is None else result_of(future)
    finally:
        for _, future in ahead:
            if future is not None:
                future.cancel()


def submit(executor: Executor, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
    """Give an executor one call."""
    try:
        return executor.submit(run_here, version("formula-convnet"), function, *arguments)
    except (RuntimeError, OSError) as error:
        raise ExecutorError(f"the executor takes no work: {error}") from None


def run_here(wanted: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Run a function in a worker, which has to be of the same version."""
    if (mine := version("formula-convnet")) != wanted:
        raise ExecutorError(f"a worker has formula-convnet {mine}, this process {wanted}: install the same on all")
    return function(*arguments)


def result_of(future: Future[Any]) -> Any:
    """Return a call's result, or raise what it raised; ExecutorError if the worker was lost or lacks what it needs."""
    try:
        return future.result()
    except (BrokenExecutor, CancelledError) as error:
        raise ExecutorError(f"the executor lost its workers: {error or type(error).__name__}") from None
    except ModuleNotFoundError as error:
        raise ExecutorError(f"a worker lacks a package: {error}. Install the same on all") from None
    except Exception as error:
        if type(error).__module__.partition(".")[0] in ("distributed", "ray"):  # their own errors, about workers
            raise ExecutorError(f"the executor lost its workers: {str(error).splitlines()[0]}") from None
        raise
