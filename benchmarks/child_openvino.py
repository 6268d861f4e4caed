"""OpenVINO's side of `inference`: a network from an ONNX file, for any batch and number of threads."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from benchmarks.latencies import each, one_by_one
from benchmarks.protocol import serve


class Peer:
    """Compiled networks by batch and number of threads, in float32, made for a short answer."""

    def __init__(self) -> None:
        import openvino

        self.openvino, self.version = openvino, openvino.__version__

    @cache  # noqa: B019  (the process ends with the peer)
    def _network(self, path: str, batch: int, threads: int) -> Any:
        core = self.openvino.Core()
        network = core.read_model(path)
        network.reshape([batch, *list(network.inputs[0].partial_shape)[1:]])
        hints = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads}
        return core.compile_model(network, "CPU", hints).create_infer_request()

    def _run(self, path: str, images: str, threads: int) -> Any:
        x = np.load(images)
        request = self._network(path, len(x), threads)
        return lambda: request.infer({0: x}, share_inputs=True)[0]

    def outputs(self, path: str, images: str, threads: int) -> list[Any]:
        """What the network makes of the images."""
        return self._run(path, images, threads)().tolist()

    def quantize(self, path: str, images: str, out: str) -> str:
        """Write the network in 8 bits."""
        from benchmarks.child_int8 import by_nncf

        return by_nncf(path, images, out)

    def predict(self, path: str, images: str, threads: int, calls: int) -> float:
        """Seconds of one call, in the mean of many."""
        return each(self._run(path, images, threads), calls)

    def latencies(self, path: str, images: str, threads: int, calls: int) -> list[float]:
        """Seconds of every call."""
        return one_by_one(self._run(path, images, threads), calls)


if __name__ == "__main__":
    serve(Peer)
