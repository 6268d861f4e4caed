"""Which process of a job this is: told by the variables that `mpiexec` and `srun` set, before MPI is loaded."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

from convnet.distribute.mpi import MPI
from convnet.distribute.shards import Shards

SHARDS = 8  # of a batch, under mpiexec
_SIZES = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_SIZE")
_RANKS = ("OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK")


def count_processes() -> int:
    """Return how many processes `mpiexec` started to train together; 1 without it, or where they serve an executor."""
    if "mpi4py.futures" in sys.modules:
        return 1
    return max(1, *(int(os.environ.get(name) or 1) for name in _SIZES))


def rank_in_job() -> int:
    """Return which of these processes this is."""
    if count_processes() == 1:
        return 0
    return max(int(os.environ.get(name) or 0) for name in _RANKS)


def choose_number(shards: int) -> int:
    """Return a recipe's number of shards; under mpiexec the default takes the place of 0, which is none."""
    return shards or (SHARDS if count_processes() > 1 else 0)


def choose(shards: int) -> Shards | None:
    """Return how batches are cut into so many shards, 0 being none, by all processes that mpiexec started."""
    if count_processes() > 1:
        return MPI(shards)
    return Shards(shards) if shards else None


def refuse_executor(executor: object) -> None:
    """Raise ValueError for an executor in a job whose processes train together: its workers would want to join."""
    if executor is not None and count_processes() > 1:
        raise ValueError(
            "--executor: the processes that mpiexec started train each model together. Start the command alone, or for "
            "--executor mpi with: mpiexec -n 4 python -m mpi4py.futures -m convnet ..."
        )


@contextmanager
def writing_once(*files: Path | None) -> Iterator[list[Path | None]]:
    """Give the first process the files to write, each other one files in a folder that is removed; it prints nothing.

    All compute the same, so that whatever they have to agree on is the same.
    """
    if not rank_in_job():
        yield list(files)
        return
    with (
        TemporaryDirectory() as folder,
        open(os.devnull, "w") as nowhere,
        redirect_stdout(nowhere),
        redirect_stderr(nowhere),
    ):
        yield [None if file is None else Path(folder) / file.name for file in files]
