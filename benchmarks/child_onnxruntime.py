"""ONNX Runtime's side of `inference`: a network from an ONNX file, for any batch and number of threads."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from benchmarks.latencies import each, one_by_one
from benchmarks.protocol import serve


class Peer:
    """Sessions by number of threads; the batch axis is symbolic."""

    def __init__(self) -> None:
        import onnxruntime

        self.runtime, self.version = onnxruntime, onnxruntime.__version__

    @cache  # noqa: B019  (the process ends with the peer)
    def _session(self, path: str, threads: int) -> Any:
        settings = self.runtime.SessionOptions()
        settings.intra_op_num_threads = threads
        return self.runtime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])

    def _run(self, path: str, images: str, threads: int) -> Any:
        session, x = self._session(path, threads), np.load(images)
        given = session.get_inputs()[0].name
        return lambda: session.run(None, {given: x})[0]

    def outputs(self, path: str, images: str, threads: int) -> list[Any]:
        """What the network makes of the images."""
        return self._run(path, images, threads)().tolist()

    def quantize(self, path: str, images: str, out: str) -> str:
        """Write the network in 8 bits."""
        from benchmarks.child_int8 import by_onnxruntime

        return by_onnxruntime(path, images, out)

    def predict(self, path: str, images: str, threads: int, calls: int) -> float:
        """Seconds of one call, in the mean of many."""
        return each(self._run(path, images, threads), calls)

    def latencies(self, path: str, images: str, threads: int, calls: int) -> list[float]:
        """Seconds of every call."""
        return one_by_one(self._run(path, images, threads), calls)


if __name__ == "__main__":
    serve(Peer)
