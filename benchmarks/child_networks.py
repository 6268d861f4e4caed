"""PyTorch's side of `networks`: a training step and predictions, eager in two layouts and compiled."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from benchmarks.latencies import each
from benchmarks.protocol import serve

LAYOUTS = ("contiguous_format", "channels_last")


class Peer:
    """The networks by name and way; a way is a layout, or a layout with " compiled" behind it."""

    def __init__(self) -> None:
        import torch

        from tests.peers import torch_networks

        self.torch, self.made, self.version = torch, torch_networks, torch.__version__

    def _new(self, name: str) -> Any:
        made = self.made
        self.torch.manual_seed(0)
        network = {
            "ResNet-18, 28x28": lambda: made.ResNet18(10, small=True),
            "ResNet-18, 224x224": lambda: made.ResNet18(10),
            "MobileNetV2, 224x224": lambda: made.MobileNetV2(10, dropout=0.0),
            "U-Net, 128x128": lambda: made.UNet(width=32),
        }[name]()
        return network

    def write(self, name: str, shape: list[int], path: str, folded: bool) -> None:
        """Write the network for others; folded: without the normalizations, which become part of the convolutions."""
        self.made.export(self._new(name).eval(), tuple(shape), path, dynamo=False, folded=folded)

    @cache  # noqa: B019  (the process ends with the peer)
    def _ready(self, name: str, way: str, training: bool) -> tuple[Any, Any]:
        layout, _, compiled = way.partition(" ")
        form = getattr(self.torch, layout)
        network = self._new(name).train(training).to(memory_format=form)
        run = self.torch.compile(network) if compiled else network
        return (run, self.torch.optim.SGD(network.parameters(), 0.01)) if training else (run, None)

    def _input(self, images: str, way: str) -> Any:
        return self.torch.from_numpy(np.load(images)).to(  # contiguous() leaves one channel as it is
            memory_format=getattr(self.torch, way.partition(" ")[0])
        )

    def _step(self, name: str, way: str, images: str, labels: str) -> Any:
        network, optimizer = self._ready(name, way, True)
        x, y = self._input(images, way), self.torch.from_numpy(np.load(labels))

        def step() -> float:
            optimizer.zero_grad(set_to_none=True)
            loss = self.torch.nn.functional.cross_entropy(network(x), y)
            loss.backward()
            optimizer.step()
            return float(loss.detach())

        return step

    def losses(self, name: str, way: str, images: str, labels: str, steps: int) -> list[float]:
        """The losses of the first steps."""
        step = self._step(name, way, images, labels)
        return [step() for _ in range(steps)]

    def train(self, name: str, way: str, images: str, labels: str, calls: int) -> float:
        """Seconds of a training step."""
        return each(self._step(name, way, images, labels), calls)

    def predict(self, name: str, way: str, images: str, calls: int) -> float:
        """Seconds of a forward pass."""
        network, _ = self._ready(name, way, False)
        x = self._input(images, way)
        with self.torch.inference_mode():
            return each(lambda: network(x), calls)


if __name__ == "__main__":
    serve(Peer)
