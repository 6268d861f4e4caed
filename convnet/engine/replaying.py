"""A plan's forward as one native call, where every step of it is nothing but calls of compiled kernels."""

from __future__ import annotations

from collections.abc import Sequence

from convnet.engine.operator import Step
from convnet.engine.site import Run
from kernels import replay
from kernels.scheduler import number_of_threads

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
    ]
)
PAYS_AFTER = 1000  # runs: what they spend between kernels is about what making one call of them takes


class Replayed(replay.Replay):
    """A forward pass as one native call, for the number of threads that it was made with."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self.threads = number_of_threads()  # a setting that some kernels are given
        super().__init__([call for run in runs for call in replay.note_calls(run)])


def not_replayable(steps: Sequence[Step]) -> list[Step]:
    """Return the steps that compute in Python."""
    return [step for step in steps if step.operation not in REPLAYABLE]
