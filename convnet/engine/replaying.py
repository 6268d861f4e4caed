"""Which plans can be replayed as one native call: those whose steps do nothing but call compiled kernels."""

from __future__ import annotations

from collections.abc import Sequence

from convnet.engine.lowering import OF_LEVELS
from convnet.engine.operator import Step

# Operations whose forward pass does nothing in Python but call compiled kernels with a plan's arrays and settings.
# tests/convnet/test_replay.py holds each to it, with other numbers in every array than those that were recorded.
REPLAYABLE = frozenset(
    [
        "add",
        "arithmetic",
        "avgpool2d",
        "batchnorm_inference",
        "concatenate",
        "conv2d",
        "conv2d_fixed",
        "conv2d_fixed_depthwise",
        "conv2d_fixed_winograd",
        "conv2dtranspose",
        "convpool",
        "dense",
        "globalavgpool",
        "groupnorm",
        "log_softmax",
        "maxpool2d",
        "relu",
        "resample",
        "reshape",
        "sigmoid",
        "softmax",
        "unary",
        "quantize",
        *OF_LEVELS,
    ]
)
PAYS_AFTER = 1000  # runs: what they spend between kernels is about what making one call of them takes


def not_replayable(steps: Sequence[Step]) -> list[Step]:
    """Return the steps that compute in Python."""
    return [step for step in steps if step.operation not in REPLAYABLE]
