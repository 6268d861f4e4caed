"""Shards of a batch, and the processes that share them: here one process, which has them all."""

from __future__ import annotations

from typing import Any

import numpy as np

from convnet.distribute.tree import Node, add_up, cover
from kernels import checks

MOST = 4096  # shards


class Shards:
    """Cut each batch into `shards` parts and add their gradients in a fixed tree, one after the other.

    Shard s of S has the samples floor(s B / S) to floor((s+1) B / S) of a batch of B. Its gradient counts n_s / B, so
    that the sum is the gradient of the mean over the batch. Batch normalisation takes each shard's own statistics.
    """

    rank, size = 0, 1

    def __init__(self, shards: int = 8) -> None:
        self.shards = checks.integer(type(self).__name__, "shards", shards)
        if self.shards > MOST:
            raise ValueError(f"{type(self).__name__}: shards={shards}: up to {MOST} can be told apart")

    @property
    def root(self) -> Node:
        """The node that stands for the whole batch."""
        return 0, self.shards

    @property
    def mine(self) -> range:
        """The shards that this process computes: neighbours, so that it can add most of them up by itself."""
        return range(self.rank * self.shards // self.size, (self.rank + 1) * self.shards // self.size)

    def bounds(self, count: int) -> list[int]:
        """Return where each shard of a batch begins, and where the last one ends."""
        return [s * count // self.shards for s in range(self.shards + 1)]

    def nodes_of(self, rank: int) -> list[Node]:
        """Return the largest nodes of the tree whose shards a process has all of."""
        return cover(self.root, rank * self.shards // self.size, (rank + 1) * self.shards // self.size)

    def add_up(self, sums: dict[Node, np.ndarray]) -> np.ndarray:
        """Return the sum over all shards, from this process's own `sums`, by shard; these are overwritten."""
        return add_up(self.root, sums)

    def gather(self, own: list[np.ndarray], shapes: list[tuple[int, ...]]) -> list[np.ndarray]:
        """Return an array for every shard, of these shapes, from this process's own."""
        return own

    def require_equal(self, facts: dict[str, Any]) -> None:
        """Raise RuntimeError, on all processes, if they are not about to train the same."""

    def get_config(self) -> dict[str, Any]:
        """Return what the result depends on, as plain JSON: not where the shards are computed."""
        return {"shards": self.shards}
