"""What the peers of `int8` do beside answering: a network's file in float32 becomes one in 8 bits, calibrated."""

from __future__ import annotations

from typing import Any

import numpy as np


def by_onnxruntime(path: str, images: str, out: str) -> str:
    """Quantize an ONNX file statically: uint8 activations, int8 weights by channel, in the QDQ format."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Images(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.batches = iter(np.array_split(np.load(images), 8))

        def get_next(self) -> Any:
            x = next(self.batches, None)
            return None if x is None else {"v0": x}

    quant_pre_process(path, out, skip_symbolic_shape=True)
    types = {"activation_type": QuantType.QUInt8, "weight_type": QuantType.QInt8, "quant_format": QuantFormat.QDQ}
    quantize_static(out, out, Images(), per_channel=True, **types)
    return out


def by_nncf(path: str, images: str, out: str) -> str:
    """Quantize an ONNX file by OpenVINO's own tool, NNCF, into OpenVINO's format."""
    import nncf
    import openvino

    x = np.load(images)
    network = openvino.Core().read_model(path)
    made = nncf.quantize(network, nncf.Dataset([x[i : i + 32] for i in range(0, len(x), 32)]), subset_size=len(x) // 32)
    openvino.save_model(made, out)
    return out
