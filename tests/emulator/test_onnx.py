"""A model from an ONNX file on the emulated device."""

import numpy as np
import pytest

pytest.importorskip("numba_cuda", reason="needs numba-cuda: pip install 'formula-convnet[cuda]' (no GPU needed)")
pytest.importorskip("onnx", reason="needs onnx: pip install 'formula-convnet[onnx]'")

from convnet.exchange.onnx.importing import convert
from tests.exchange.onnx_files import model as proto_of


def test_it_predicts_and_trains_there_as_on_the_cpu():
    rng = np.random.default_rng(0)
    weights = {
        "k": rng.standard_normal((3, 2, 3, 3)).astype(np.float32),
        "b": rng.standard_normal(3).astype(np.float32),
    }
    weights["s"], weights["w"] = np.float32(0.5), rng.standard_normal((2, 3)).astype(np.float32)
    nodes = [
        *(("Mul", "x s", "h", {}), ("Conv", "h k b", "c", {"pads": [1, 1, 1, 1]}), ("Relu", "c", "r", {})),
        *(("GlobalAveragePool", "r", "g", {}), ("Flatten", "g", "f", {}), ("Gemm", "f w", "y", {"transB": 1})),
    ]
    x, y = rng.standard_normal((2, 6, 6, 2)).astype(np.float32), rng.standard_normal((2, 2)).astype(np.float32)
    found = []
    for target in ("cpu", "cuda-emulated"):
        loaded = convert(proto_of(nodes, {"x": ["N", 2, 6, 6]}, {"y": ["N", 2]}, weights), "net.onnx")
        loaded.compile("sgd", "mse", target=target)
        before = loaded.predict(x, verbose=0)
        loaded.train_on_batch(x, y)
        found.append([before, *loaded.get_weights()])
    for here, there in zip(*found, strict=True):
        np.testing.assert_allclose(here, there, rtol=1e-4, atol=1e-5)
