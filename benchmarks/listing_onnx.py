"""The listing as ONNX Runtime and OpenVINO like it best: channels first, and no transposition anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np


def write(model: Any, path: Path) -> None:
    """Write a trained listing (benchmarks.keras_like); its images are (N,1,28,28)."""
    from onnx import TensorProto, checker, helper, numpy_helper, save

    k1, b1, k2, b2, k3, b3, k4, b4 = model.get_weights()
    side = round((len(k3) / k2.shape[3]) ** 0.5)
    rows = k3.reshape(side, side, -1, k3.shape[1]).transpose(2, 0, 1, 3).reshape(k3.shape)  # of channels, then pixels
    arrays = {"k1": k1.transpose(3, 2, 0, 1), "b1": b1, "k2": k2.transpose(3, 2, 0, 1), "b2": b2}
    arrays |= {"k3": rows, "b3": b3, "k4": k4, "b4": b4}
    pool = {"kernel_shape": [2, 2], "strides": [2, 2]}
    steps: list[tuple[str, list[str], dict[str, Any]]] = [
        ("Conv", ["k1", "b1"], {}), ("Relu", [], {}), ("MaxPool", [], pool),
        ("Conv", ["k2", "b2"], {}), ("Relu", [], {}), ("MaxPool", [], pool),
        ("Flatten", [], {}), ("Gemm", ["k3", "b3"], {}), ("Relu", [], {}), ("Gemm", ["k4", "b4"], {}),
        ("Softmax", [], {}),
    ]  # fmt: skip
    nodes = [helper.make_node(op, [f"v{i}", *more], [f"v{i + 1}"], **a) for i, (op, more, a) in enumerate(steps)]
    graph = helper.make_graph(
        nodes,
        "listing",
        [helper.make_tensor_value_info("v0", TensorProto.FLOAT, ["N", 1, 28, 28])],
        [helper.make_tensor_value_info(f"v{len(steps)}", TensorProto.FLOAT, ["N", len(b4)])],
        [numpy_helper.from_array(np.ascontiguousarray(a), name) for name, a in arrays.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(made)
    save(made, path)
