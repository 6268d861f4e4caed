"""The exercises, in order: which operation and passes a file must define, and which settings its problems leave out.

`fixed` are numbers of the problems' geometry, kernels/verify/operations says which there are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kernels.verify.problem import Operation

PLAIN = {"top": 0, "bottom": 0, "left": 0, "right": 0}
ONE_STRIDE = {"sh": 1, "sw": 1, "dh": 1, "dw": 1, "groups": 1}


@dataclass(frozen=True)
class Exercise:
    """One exercise: what a student writes, and the problems that check it."""

    name: str
    title: str
    operation: str
    passes: tuple[str, ...]
    fixed: dict[str, int] = field(default_factory=dict)
    fast: bool = False  # must be quick enough for large problems
    emulated: bool = False  # a kernel for a GPU, run on the emulator

    @property
    def start(self) -> Path:
        """The file to begin with."""
        return Path(__file__).parent / "start" / f"{self.name}.py"

    def load_operation(self) -> Operation:
        """Return what verification knows of the operation, for the problems of this exercise."""
        from convnet.exercises.quantised import QuantisedDot
        from kernels.verify.operations import load_operations

        op = QuantisedDot() if self.operation == QuantisedDot.name else load_operations()[self.operation]
        op.fixed = self.fixed
        return op


EXERCISES = (
    Exercise("sum", "write the sum: formula (1) without padding", "conv2d", ("forward",), {**PLAIN, **ONE_STRIDE}),
    Exercise("padding", "pixels outside the image are 0", "conv2d", ("forward",), ONE_STRIDE),
    Exercise("stride", "stride and dilation: which pixel does tap (p,q) read?", "conv2d", ("forward",), {"groups": 1}),
    Exercise("data_gradient", "the gradient of the image", "conv2d", ("backward_data",), {"groups": 1}),
    Exercise("weights_gradient", "the gradient of kernel and bias", "conv2d", ("backward_weights",), {"groups": 1}),
    Exercise("maxpool", "max pooling, and where its gradient goes", "maxpool2d", ("forward", "backward"), PLAIN),
    Exercise(
        *("crossentropy", "softmax and cross-entropy that do not overflow", "crossentropy", ("forward", "backward")),
        fixed={"kind": 0, "logits": 1, "weighted": 0},
    ),
    Exercise("tiles", "tile it: compiled, in tiles, on all cores", "conv2d", ("forward",), {"groups": 1}, fast=True),
    Exercise(
        "gpu",
        "put it on the GPU (emulated): one thread per output",
        "conv2d",
        ("forward",),
        {"groups": 1},
        emulated=True,
    ),
    Exercise("avgpool", "average pooling, and its gradient", "avgpool2d", ("forward", "backward"), PLAIN),
    Exercise("batchnorm_gradient", "the gradient of batch normalisation", "batchnorm", ("backward",)),
    Exercise("adam_step", "one step of Adam", "adam", ("update",)),
    Exercise(
        *("depthwise", "a depthwise convolution: one kernel for each channel", "conv2d", ("forward",)),
        fixed={"C": 1, "F": 1, "dh": 1, "dw": 1},
    ),
    Exercise("quantised", "a dot product of 8-bit integers", "quantised", ("forward",)),
)


def find(name: str) -> Exercise:
    """Return an exercise by its name, or by its number from 1 on; ValueError lists them."""
    for number, exercise in enumerate(EXERCISES, 1):
        if name in (exercise.name, str(number)):
            return exercise
    raise ValueError(f"there is no exercise {name!r}; choose one of: {', '.join(e.name for e in EXERCISES)}")
