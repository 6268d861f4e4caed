"""Layers that draw random numbers draw the same bits on the emulated GPU as on the CPU."""

import numpy as np
import pytest

pytest.importorskip("numba_cuda", reason="needs numba-cuda: pip install 'formula-convnet[cuda]' (no GPU needed)")

from convnet import layers
from convnet.engine.graph import record
from convnet.engine.plan import Plan
from convnet.losses import MeanSquaredError

X = np.random.default_rng(0).uniform(0.1, 0.9, (3, 6, 5, 3)).astype("f")
RANDOM = {
    "SpatialDropout2D": {"rate": 0.4},
    "GaussianNoise": {"stddev": 0.3},
    "GaussianDropout": {"rate": 0.3},
    "RandomFlip": {},
    "RandomRotation": {"factor": 0.2},
    "RandomZoom": {"height_factor": 0.3, "fill_mode": "constant", "fill_value": 0.2},
}


@pytest.mark.parametrize("name", RANDOM)
def test_output_and_gradient_have_the_cpus_bits(name):
    results = []
    for target in ("cpu", "cuda-emulated"):
        graph = record(getattr(layers, name)(**RANDOM[name], seed=3), X.shape[1:], np.float32, True, "test")
        plan = Plan(graph, len(X), training=True, loss=MeanSquaredError(), target=target, input_gradient=True)
        plan.x[...], plan.target_array[...] = X, 0
        plan.forward()
        plan.backward()
        results.append((np.array(plan.y), np.array(plan.dx)))
    for cpu, gpu in zip(*results, strict=True):
        np.testing.assert_array_equal(gpu, cpu)
    assert np.any(results[0][1])
