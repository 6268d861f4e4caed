"""Models that we export, in ONNX Runtime and in OpenVINO: the outputs of `predict` within the rounding bound.

Needs ONNX Runtime, or OpenVINO (the `peers` extra).
"""

import numpy as np
import pytest

from tests.exchange.onnx_export_models import MODELS, built, listed

INSTALL = "is not installed: pip install 'formula-convnet[peers]'"
LAYERS = 20  # of at most some hundred terms each


def onnx_runtime(path, x):
    runtime = pytest.importorskip("onnxruntime", reason=f"ONNX Runtime {INSTALL}")
    session = runtime.InferenceSession(path)
    return session.run(None, dict(zip([i.name for i in session.get_inputs()], listed(x), strict=True)))


def openvino(path, x):
    found = pytest.importorskip("openvino", reason=f"OpenVINO {INSTALL}")
    # it computes in bfloat16 where the processor can, unless it is told not to
    compiled = found.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return list(compiled(listed(x)).values())


@pytest.mark.parametrize("run", [onnx_runtime, openvino])
@pytest.mark.parametrize("name", MODELS)
def test_other_programs_compute_what_we_compute(name, run, tmp_path):
    model, x = built(name)
    model.export(tmp_path / "net.onnx")
    outputs = zip(run(str(tmp_path / "net.onnx"), x), listed(model.predict(x, verbose=0)), strict=True)
    for found, wanted in outputs:
        assert found.shape == wanted.shape
        assert np.abs(found - wanted).max() <= LAYERS * 10 * np.finfo(np.float32).eps * np.abs(wanted).max()


@pytest.mark.parametrize("run", [onnx_runtime, openvino])
def test_any_number_of_images_is_taken(run, tmp_path):
    model, x = built("listing")
    model.export(tmp_path / "net.onnx")
    for count in (1, 2):
        assert run(str(tmp_path / "net.onnx"), x[:count])[0].shape == (count, 3)
