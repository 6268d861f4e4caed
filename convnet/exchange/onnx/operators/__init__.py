"""How each ONNX operator becomes layers of this engine: one table, from the operator's name to its conversion."""

from __future__ import annotations

from convnet.exchange.onnx.conversion import Convert
from convnet.exchange.onnx.operators import (
    activations,
    convolution,
    dense,
    elementwise,
    joining,
    labels,
    normalization,
    pooling,
    reductions,
    resizing,
    shapes,
)

OPERATORS: dict[str, Convert] = {
    **activations.OPERATORS,
    **convolution.OPERATORS,
    **dense.OPERATORS,
    **elementwise.OPERATORS,
    **joining.OPERATORS,
    **labels.OPERATORS,
    **normalization.OPERATORS,
    **pooling.OPERATORS,
    **reductions.OPERATORS,
    **resizing.OPERATORS,
    **shapes.OPERATORS,
    "Upsample": resizing.resize,  # opsets.py makes it a Resize
}
