"""`--executor`: from the command line's words to an executor."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import Any

from convnet.executors.errors import ExecutorError
from convnet.executors.local import LocalProcesses

FORMS = "local:N (processes), dask:ADDRESS (tcp://HOST:PORT), mpi, or ray"
PATIENCE = 10  # s: for a scheduler to answer


@contextmanager
def open_executor(text: str | Executor | None) -> Iterator[Executor | None]:
    """Yield the executor that a text such as "local:4" or "dask:tcp://10.0.0.1:8786" names.

    None, or an executor that is open already, is yielded as it is. Raises ExecutorError.
    """
    if text is None or isinstance(text, Executor):
        yield text
        return
    kind, _, rest = text.partition(":")
    if kind not in _OPEN or bool(rest) != (kind in ("local", "dask")):
        raise ExecutorError(f"--executor {text}: expected {FORMS}")
    with _OPEN[kind](rest) as executor:
        yield executor


@contextmanager
def _local(count: str) -> Iterator[Executor]:
    if not count.isdecimal() or not 0 < int(count) <= 1024:
        raise ExecutorError(f"--executor local:{count}: expected a number of processes, such as local:4")
    executor = LocalProcesses(int(count))
    try:
        yield executor
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


@contextmanager
def _dask(address: str) -> Iterator[Executor]:
    distributed = _needs("distributed", "dask")
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    try:
        client = distributed.Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise ExecutorError(
            f"--executor dask:{address}: no Dask scheduler answers there within {PATIENCE} s "
            f"({type(error).__name__}): is it running, and is the address the one that it prints?"
        ) from None
    with client:
        if not client.scheduler_info()["workers"]:
            raise ExecutorError(f"--executor dask:{address}: the scheduler has no workers: start some with dask worker")
        yield client.get_executor(pure=False, retries=2)


@contextmanager
def _mpi(_: str) -> Iterator[Executor]:
    futures = _needs("mpi4py.futures", "mpi")
    if _needs("mpi4py.MPI", "mpi").COMM_WORLD.Get_size() < 2:
        module = "python -m mpi4py.futures -m convnet ..."
        raise ExecutorError(f"--executor mpi: start it with processes to work on: mpiexec -n 4 {module}")
    with futures.MPIPoolExecutor() as executor:
        yield executor


@contextmanager
def _ray(_: str) -> Iterator[Executor]:
    ray = _needs("ray", "ray")
    ray.init(ignore_reinit_error=True, log_to_driver=False, include_dashboard=False)
    try:
        yield _RayExecutor(ray)
    finally:
        ray.shutdown()


class _RayExecutor(Executor):
    """Ray's tasks as futures; Ray gives a task to another worker if its own dies."""

    def __init__(self, ray: Any) -> None:
        self._ray = ray

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        """Submit a call."""
        task = self._ray.remote(max_retries=2)(function)
        future: Future[Any] = task.remote(*arguments, **named).future()
        return future


def _needs(module: str, extra: str) -> Any:
    from importlib import import_module

    try:
        import_module(module)
    except ImportError as error:
        raise ExecutorError(
            f"--executor {extra} needs {module}: pip install 'formula-convnet[{extra}]' ({error})"
        ) from None
    return sys.modules[module]


_OPEN: dict[str, Any] = {"local": _local, "dask": _dask, "mpi": _mpi, "ray": _ray}
