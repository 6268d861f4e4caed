"""JAX's side of `inference`: the listing with the file's weights, jitted, channels last as XLA prefers on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from benchmarks import child_jax, listing_weights
from benchmarks.latencies import each, one_by_one
from benchmarks.protocol import serve


class Peer(child_jax.Peer):
    """`threads` is what the process was started with: JAX takes all processors that it may use."""

    @cache  # noqa: B019  (the process ends with the peer)
    def _answer(self, path: str, images: str) -> Callable[[], Any]:
        w = listing_weights.read(path)
        side = round((len(w["k3"]) / len(w["k2"])) ** 0.5)
        rows = w["k3"].reshape(len(w["k2"]), side, side, -1).transpose(1, 2, 0, 3).reshape(w["k3"].shape)
        arrays = [w["k1"].transpose(2, 3, 1, 0), w["b1"], w["k2"].transpose(2, 3, 1, 0), w["b2"]]
        p = [self.jax.numpy.asarray(a) for a in (*arrays, rows, w["b3"], w["k4"], w["b4"])]
        x = self.jax.numpy.asarray(np.load(images).transpose(0, 2, 3, 1))
        return lambda: self.forward(p, x).block_until_ready()

    def outputs(self, path: str, images: str, threads: int) -> list[Any]:
        """What the network makes of the images."""
        return self._answer(path, images)().tolist()

    def predict(self, path: str, images: str, threads: int, calls: int) -> float:
        """Seconds of one call, in the mean of many."""
        return each(self._answer(path, images), calls)

    def latencies(self, path: str, images: str, threads: int, calls: int) -> list[float]:
        """Seconds of every call."""
        return one_by_one(self._answer(path, images), calls)


if __name__ == "__main__":
    serve(Peer)
