"""PyTorch's side of `listing`, in our process: eager, in the fastest of its layouts and Adams."""

from __future__ import annotations

import time
from typing import Any

from benchmarks.protocol import data


class TorchListing:
    """One way to run it: memory format and kind of Adam. Given shuffled batches; no accuracy is kept, unlike `fit`."""

    def __init__(self, torch: Any, layout: str, fused: bool) -> None:
        self.torch, self.name = torch, f"{layout}, {'fused' if fused else 'default'} Adam"
        nn = torch.nn
        self.form = torch.channels_last if layout == "channels_last" else torch.contiguous_format
        convolutions = (nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU())
        dense = (nn.MaxPool2d(2), nn.Flatten(), nn.Linear(1600, 128), nn.ReLU(), nn.Linear(128, 10))
        self.model = nn.Sequential(*convolutions, *dense).to(memory_format=self.form)
        self.optimizer = torch.optim.Adam(self.model.parameters(), fused=fused or None)
        self.data: dict[tuple[int, int], Any] = {}

    def train(self, batch: int, steps: int) -> float:
        """Seconds a step, after two to warm up."""
        if (batch, steps) not in self.data:
            x, y = data(batch, steps)
            x = self.torch.from_numpy(x.transpose(0, 3, 1, 2)).to(memory_format=self.form)
            self.data[batch, steps] = x, self.torch.from_numpy(y)
        x, y = self.data[batch, steps]
        self._run(x, y, batch, min(2, steps))
        start = time.perf_counter()
        self._run(x, y, batch, steps)
        return (time.perf_counter() - start) / steps

    def _run(self, x: Any, y: Any, batch: int, steps: int) -> None:
        order = self.torch.randperm(len(x))
        for i in range(steps):
            part = order[i * batch : (i + 1) * batch]
            self.optimizer.zero_grad(set_to_none=True)
            loss = self.torch.nn.functional.cross_entropy(self.model(x[part]), y[part])
            loss.backward()
            self.optimizer.step()

    def image(self, calls: int) -> float:
        """Seconds of the forward pass and softmax of one image."""
        torch = self.torch
        x = torch.from_numpy(data(1, 1)[0].transpose(0, 3, 1, 2)).to(memory_format=self.form)
        with torch.inference_mode():
            torch.softmax(self.model(x), 1)
            start = time.perf_counter()
            for _ in range(calls):
                torch.softmax(self.model(x), 1)
        return (time.perf_counter() - start) / calls


def fastest(torch: Any, batch: int, steps: int) -> TorchListing:
    """Of the four ways the one that trains fastest with this batch, each tried twice."""
    ways = [TorchListing(torch, form, fused) for form in ("contiguous", "channels_last") for fused in (False, True)]
    return min(ways, key=lambda way: min(way.train(batch, steps) for _ in range(2)))
