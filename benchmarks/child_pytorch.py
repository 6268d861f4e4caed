"""PyTorch's side of `inference`: the listing with the file's weights, in the faster of two layouts."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np

from benchmarks import listing_weights
from benchmarks.latencies import each, one_by_one
from benchmarks.protocol import serve

LAYOUTS = ("contiguous_format", "channels_last")
TRIES = 30  # calls by which a layout is chosen


class Peer:
    """The network as PyTorch runs it at once."""

    compiled = False

    def __init__(self) -> None:
        import torch

        self.torch, self.version = torch, torch.__version__

    @cache  # noqa: B019  (the process ends with the peer)
    def _network(self, path: str, layout: str) -> Callable[[Any], Any]:
        torch = self.torch
        w = {name: torch.from_numpy(a.copy()) for name, a in listing_weights.read(path).items()}
        for name in ("k1", "k2"):
            w[name] = w[name].to(memory_format=getattr(torch, layout))
        f = torch.nn.functional

        def forward(x: Any) -> Any:
            for i in "12":
                x = f.max_pool2d(torch.relu(f.conv2d(x, w[f"k{i}"], w[f"b{i}"])), 2)
            x = torch.relu(torch.addmm(w["b3"], x.flatten(1), w["k3"]))
            return torch.softmax(torch.addmm(w["b4"], x, w["k4"]), 1)

        return torch.compile(forward) if self.compiled else forward

    @cache  # noqa: B019
    def _run(self, path: str, images: str, threads: int) -> Callable[[], Any]:
        torch = self.torch
        torch.set_num_threads(threads)
        runs: list[Callable[[], Any]] = []
        for layout in LAYOUTS:
            x = torch.from_numpy(np.load(images)).to(memory_format=getattr(torch, layout))
            runs.append(partial(self._network(path, layout), x))
        with torch.inference_mode():
            return min(runs, key=lambda run: each(run, TRIES))

    def _measure(self, how: Any, path: str, images: str, threads: int, calls: int) -> Any:
        run = self._run(path, images, threads)
        self.torch.set_num_threads(threads)
        with self.torch.inference_mode():
            return how(run, calls)

    def outputs(self, path: str, images: str, threads: int) -> list[Any]:
        """What the network makes of the images."""
        return self._measure(lambda run, calls: run().tolist(), path, images, threads, 1)

    def predict(self, path: str, images: str, threads: int, calls: int) -> float:
        """Seconds of one call, in the mean of many."""
        return self._measure(each, path, images, threads, calls)

    def latencies(self, path: str, images: str, threads: int, calls: int) -> list[float]:
        """Seconds of every call."""
        return self._measure(one_by_one, path, images, threads, calls)


if __name__ == "__main__":
    serve(Peer)
