"""Models that we export, in ONNX Runtime and in OpenVINO: the outputs of `predict` within the rounding bound.

Needs ONNX Runtime, or OpenVINO (the `peers` extra).
"""

import numpy as np
import pytest

from tests.exchange.onnx_export_models import MODELS, built

INSTALL = "is not installed: pip install 'formula-convnet[peers]'"
LAYERS = 20  # of at most some hundred terms each


def onnx_runtime(path, x):
    runtime = pytest.importorskip("onnxruntime", reason=f"ONNX Runtime {INSTALL}")
    session = runtime.InferenceSession(path)
    return session.run(None, {session.get_inputs()[0].name: x})


def openvino(path, x):
    found = pytest.importorskip("openvino", reason=f"OpenVINO {INSTALL}")
    # it computes in bfloat16 where the processor can, unless it is told not to
    compiled = found.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return list(compiled(x).values())


@pytest.mark.parametrize("run", [onnx_runtime, openvino])
@pytest.mark.parametrize("name", MODELS)
def test_other_programs_compute_what_we_compute(name, run, tmp_path):
    model, x = built(name)
    model.export(tmp_path / "net.onnx")
    wanted = model.predict(x, verbose=0)
    (found,) = run(str(tmp_path / "net.onnx"), x)
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() <= LAYERS * 10 * np.finfo(np.float32).eps * np.abs(wanted).max()


@pytest.mark.parametrize("run", [onnx_runtime, openvino])
def test_any_number_of_images_is_taken(run, tmp_path):
    model, x = built("listing")
    model.export(tmp_path / "net.onnx")
    for count in (1, 2):
        assert run(str(tmp_path / "net.onnx"), x[:count])[0].shape == (count, 3)
