"""What a name in an ONNX graph stands for: numbers that are known, or the output of a layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from convnet.exchange.onnx.layout import Atoms, Layout, LayoutError, channels_last, sizes


@dataclass(frozen=True, eq=False)
class Constant:
    """Numbers that are known when the file is read.

    array      the numbers; where they depend on the number of images, those for the first of two trial numbers
    other      those for the second of them; the same array where they do not depend on it
    names      the initializers that it is
    """

    array: np.ndarray
    other: np.ndarray
    name: str = ""

    @property
    def fixed(self) -> bool:
        """True if the numbers do not depend on the number of images."""
        return self.other is self.array

    def __getitem__(self, trial: int) -> np.ndarray:
        return (self.array, self.other)[trial]


def constant(array: Any, other: Any = None, name: str = "") -> Constant:
    """Return numbers, for both trial numbers of images if they differ."""
    array = np.asarray(array)
    same = other is None or (np.shape(other) == array.shape and np.array_equal(array, other, equal_nan=False))
    return Constant(array, array if same else np.asarray(other), name)


@dataclass(frozen=True, eq=False)
class Value:
    """The output of a layer: its node in the recorded model, and how ONNX's axes lie in it. The batch axis is apart."""

    node: Any
    layout: Layout

    @property
    def shape(self) -> tuple[int, ...]:
        """One sample's shape in ONNX."""
        return self.layout.shape

    def arranged(self, groups: tuple[Atoms, ...]) -> Value:
        """Return the value with these axes in the engine; LayoutError if its numbers would have to be moved."""
        if tuple(a for group in groups for a in group) != self.layout.order:
            raise LayoutError(f"a value of shape {('N', *self.shape)} lies in another order of axes")
        return Value(reshape(self.node, tuple(sizes(groups)) or (1,)), self.layout)

    def as_image(self) -> Value:
        """Return the value (N, C, H, W) or (N, C, L) as the engine's (N, H, W, C) or (N, 1, L, C)."""
        if len(self.shape) not in (2, 3):
            raise LayoutError(f"a value of shape {('N', *self.shape)} is no image (N, C, H, W), nor a signal (N, C, L)")
        channels, *places = self.layout.axes
        return self.arranged((*((),) * (2 - len(places)), *places, channels))

    def as_rows(self, axis: int) -> Value:
        """Return the value with one of ONNX's axes last, and the others as they lie."""
        wanted = self.layout.axes[axis]
        if not wanted:
            return self.arranged((*self.layout.groups(), ()))
        order = self.layout.order
        at = len(order) - len(wanted)
        if set(map(id, order[at:])) != set(map(id, wanted)):
            raise LayoutError(f"axis {axis + 1} of a value of shape {('N', *self.shape)} is not the last")
        front = Layout(tuple(a for i, a in enumerate(self.layout.axes) if i != axis), order[:at])
        return self.arranged((*front.groups(), order[at:]))


@dataclass(frozen=True, eq=False)
class Label:
    """The place of the largest score along an axis: the end of a model, whose output here are the scores.

    axis      of one sample in ONNX
    keepdims  whether the axis stays, with length 1
    classes   what each place is called, if the file says it
    """

    scores: Value
    axis: int
    keepdims: bool
    classes: tuple[str, ...] = ()


def image(node: Any, rank: int = 3) -> Value:
    """Return the value of an image that a layer made, (H, W, C), as ONNX's (C, H, W); of a signal as (C, L)."""
    height, width, channels = node.sample_shape
    return Value(node, channels_last((channels, height, width)[:1] + ((height, width) if rank == 3 else (width,))))


def reshape(node: Any, shape: tuple[int, ...]) -> Any:
    """Return the node with another shape of samples; itself if it has it."""
    from convnet.layers import Flatten, Reshape

    if tuple(node.sample_shape) == shape:
        return node
    return Flatten()(node) if len(shape) == 1 else Reshape(shape)(node)


def short(number: float) -> float:
    """Return a float32 as the shortest decimal number that it is the nearest to: 1e-05, not 9.99999974e-06."""
    return float(str(np.float32(number)))
