"""The smallest and the largest number at every place of a network, on images that are given for it."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log2
from typing import Any

import numpy as np

from convnet.engine.operator import Lowering, Value
from convnet.engine.plan import Plan
from convnet.nested.several import parts, rows
from kernels.int8 import LEAST, MOST

BATCH = 32
LARGEST_FACTOR = 22  # bits: kernels.add.LARGEST_FACTOR


@dataclass(frozen=True)
class Scale:
    """How levels stand for numbers: number = scale * (level - zero)."""

    scale: float
    zero: int

    @classmethod
    def of_range(cls, low: float, high: float) -> Scale:
        """Return the scale whose levels reach from low, or 0, to high, or 0; one level is 0 itself."""
        low, high = min(low, 0.0), max(high, 0.0)
        scale = float(np.float32((high - low) / (MOST - LEAST)))
        return cls(scale, int(np.clip(round(LEAST - low / scale), LEAST, MOST)))

    def level(self, number: float) -> int:
        """Return the level next to a number."""
        return int(np.clip(round(number / self.scale) + self.zero, LEAST, MOST))


@dataclass(frozen=True)
class Calibration:
    """A network's operations, and the range of every value of theirs."""

    low: Lowering
    ranges: dict[Value, tuple[float, float]]
    images: int

    def scale(self, value: Value, layer: str) -> Scale:
        """Return the scale for a value; ValueError if it was 0 for every image."""
        low, high = self.ranges[value]
        if low == high == 0 or not 0 < np.float32((max(high, 0) - min(low, 0)) / (MOST - LEAST)) < np.inf:
            raise ValueError(
                f"quantize: {layer} gives nothing but {high:g} for the {self.images} calibration images, so there is "
                "no scale for it: are they prepared as the model was trained? Or keep the layer in float32: "
                f"keep=[{layer!r}]"
            )
        return Scale.of_range(low, high)


def calibrate(model: Any, x: Any) -> Calibration:
    """Run the model on the images and note the range of every value; ValueError for images that say nothing."""
    x = _check(model, x)
    graph = model.graph(model.input_shape, training=False)
    batch = min(BATCH, len(x))
    plan = Plan(graph, batch, rewritten=False)
    ranges: dict[Value, tuple[float, float]] = {}
    for start in range(0, len(x), batch):
        first = min(start, len(x) - batch)  # the last batch may repeat images: their ranges stay
        some = rows(x, slice(first, first + batch))
        plan.run(some)
        for value, part in zip(plan.low.inputs, parts(some), strict=True):
            _note(ranges, value, np.asarray(part), "the input")
        for step in plan.low.steps:
            _note(ranges, step.output, plan.of(step.output), step.layer.name)
    return Calibration(plan.low, ranges, len(x))


def _check(model: Any, x: Any) -> Any:
    if model.input_shape is None:
        raise ValueError(f"quantize: {model.name} has not seen an input: call build((None, height, ...)) first")
    if x is None:
        raise ValueError("quantize: give calibration images, some hundred of those that the model was trained on")
    x = model.check_batch(x)
    if len(x) == 0:
        raise ValueError("quantize: there are no calibration images: give some hundred of the training images")
    for part in parts(x):
        strange = int(np.size(part) - np.isfinite(part).sum())
        if strange:
            raise ValueError(
                f"quantize: {strange} of {np.size(part)} pixels of the calibration images are NaN or infinite: "
                "a range would not be one; leave these images out"
            )
        if np.min(part) == np.max(part):
            raise ValueError(
                f"quantize: every pixel of the {len(x)} calibration images is {np.min(part):g}: "
                "they show no range; give images that the model was trained on"
            )
    return x


def _note(ranges: dict[Value, tuple[float, float]], value: Value, array: np.ndarray, layer: str) -> None:
    low, high = float(array.min()), float(array.max())
    if not np.isfinite([low, high]).all():
        raise ValueError(f"quantize: {layer} gives NaN or infinite numbers for the calibration images")
    before = ranges.get(value, (low, high))
    ranges[value] = min(low, before[0]), max(high, before[1])


def factors_of(a: Scale, b: Scale, result: Scale) -> tuple[list[int], float]:
    """Return whole numbers and a power of two: factor * multiplier is a's scale, and b's, through the result's."""
    ratios = a.scale / result.scale, b.scale / result.scale
    multiplier = 2.0 ** (ceil(log2(max(ratios))) - LARGEST_FACTOR)
    return [round(r / multiplier) for r in ratios], multiplier
