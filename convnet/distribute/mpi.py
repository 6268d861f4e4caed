"""The processes that `mpiexec` started, by mpi4py: `pip install 'formula-convnet[mpi]'`."""

from __future__ import annotations

import itertools
import json
import sys
import time
from typing import Any, NoReturn

import numpy as np

from convnet.distribute.shards import Shards
from convnet.distribute.tree import Node, add_up
from kernels import checks

FIRST_PATIENCE = 600.0  # s: some compile their kernels, others found them in the cache
SPIN = 0.002  # s of asking without a pause whether a message has come


class MPI(Shards):
    """Share the shards of each batch among the processes that `mpiexec -n R` started.

    shards    into how many parts a batch is cut; more than R only if you want to go on with more processes later
    patience  seconds that a process waits for the others before it ends the whole job
    """

    def __init__(self, shards: int = 8, patience: float = 60.0) -> None:
        super().__init__(shards)
        try:
            from mpi4py import MPI as mpi
        except ImportError as error:
            raise ImportError(
                f"distribute.MPI needs mpi4py and an MPI library: pip install 'formula-convnet[mpi]' ({error})"
            ) from error
        self._mpi, self._world = mpi, mpi.COMM_WORLD
        self.rank, self.size = self._world.Get_rank(), self._world.Get_size()
        if self.size > self.shards:
            raise ValueError(f"MPI: {self.size} processes for {self.shards} shards: give shards={self.size} or more")
        self.patience = checks.number("MPI", "patience", patience, 0.0)
        self._exchanged = False
        if self.size > 1:
            _end_all_together(self._world)

    def add_up(self, sums: dict[Node, np.ndarray]) -> np.ndarray:
        """Return the sum over all shards: each process adds up a piece of it, then all get all pieces.

        MPI's own reductions add in an order that depends on the number of processes and on MPI's version.
        """
        if self.size == 1:
            return super().add_up(sums)
        mine = [add_up(node, sums) for node in self.nodes_of(self.rank)]
        length, kind = mine[0].size, self._mpi._typedict[mine[0].dtype.char]
        cuts = [r * length // self.size for r in range(self.size + 1)]
        pieces = [b - a for a, b in itertools.pairwise(cuts)]
        nodes, own = [self.nodes_of(r) for r in range(self.size)], pieces[self.rank]
        sent = np.concatenate([v[cuts[r] : cuts[r + 1]] for r in range(self.size) for v in mine])
        counts = [len(mine) * piece for piece in pieces], [len(some) * own for some in nodes]
        received = np.empty((sum(map(len, nodes)), own), sent.dtype)
        self._wait(self._world.Ialltoallv([sent, counts[0], kind], [received, counts[1], kind]))
        total = add_up(self.root, dict(zip([n for some in nodes for n in some], received, strict=True)))
        whole = np.empty(length, sent.dtype)
        self._wait(self._world.Iallgatherv([total, kind], [whole, pieces, kind]))
        self._exchanged = True
        return whole

    def gather(self, own: list[np.ndarray], shapes: list[tuple[int, ...]]) -> list[np.ndarray]:
        """Return an array for every shard, of these shapes, from this process's own."""
        if self.size == 1:
            return own
        sizes = [int(np.prod(shape)) for shape in shapes]
        kind, whole = self._mpi._typedict[own[0].dtype.char], np.empty(sum(sizes), own[0].dtype)
        counts = [
            sum(sizes[r * self.shards // self.size : (r + 1) * self.shards // self.size]) for r in range(self.size)
        ]
        sent = np.concatenate([a.reshape(-1) for a in own])
        self._wait(self._world.Iallgatherv([sent, kind], [whole, counts, kind]))
        parts = np.split(whole, np.cumsum(sizes)[:-1])
        return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]

    def require_equal(self, facts: dict[str, Any]) -> None:
        """End the job if the processes are not about to train the same."""
        first, *others = self._share(facts)
        for rank, other in enumerate(others, 1):
            odd = [name for name in {**first, **other} if first.get(name) != other.get(name)]
            if odd:
                self.fail(
                    f"process {rank} is about to train something else than process 0: they differ in "
                    f"{', '.join(odd[:5])}. Start all with the same version, files and settings, and with "
                    "convnet.set_random_seed(...)",
                    by=0,
                )

    def _share(self, facts: dict[str, Any]) -> list[dict[str, Any]]:
        """Return what every process says."""
        mine = np.frombuffer(json.dumps(facts, sort_keys=True, default=str).encode(), np.uint8)
        lengths, byte = np.empty(self.size, np.int64), self._mpi.BYTE
        self._wait(self._world.Iallgather(np.array([mine.size]), lengths))
        texts = np.empty(lengths.sum(), np.uint8)
        self._wait(self._world.Iallgatherv([mine, byte], [texts, lengths.tolist(), byte]))
        return [json.loads(t.tobytes()) for t in np.split(texts, np.cumsum(lengths)[:-1])]

    def _wait(self, request: Any) -> None:
        """Wait until a message has come; end the job if it does not within `patience`."""
        begun = time.monotonic()
        patience = self.patience if self._exchanged else max(self.patience, FIRST_PATIENCE)
        while not request.Test():
            waited = time.monotonic() - begun
            if waited > patience:
                self.fail(f"process {self.rank} has waited {patience:.0f} s for another one, which hangs or has ended")
            if waited > SPIN:
                time.sleep(1e-4)

    def fail(self, message: str, by: int | None = None) -> NoReturn:
        """Say why, and end all processes of the job; `by` is the one that does it, where all know."""
        if by is not None and by != self.rank:
            time.sleep(self.patience)  # it comes sooner
        print(f"error: {message}", file=sys.__stderr__, flush=True)  # sys.stderr is silent but in the first process
        self._world.Abort(2)
        raise SystemExit(2)


def _end_all_together(world: Any) -> None:
    """See to it that an error in one process ends the others too: they would wait for it."""
    if _jobs:
        return
    _jobs.append(world)
    shown = sys.excepthook

    def show_and_end(kind: Any, error: Any, trace: Any) -> None:
        shown(kind, error, trace)
        end_job(1)

    sys.excepthook = show_and_end


_jobs: list[Any] = []  # this process's, if it has others


def end_job(code: int) -> None:
    """End the other processes of the job as well, if there are any."""
    for world in _jobs:
        sys.stderr.flush()
        world.Abort(code)
