"""How arithmetic, joining, cutting, padding and resizing are written as ONNX nodes."""

from __future__ import annotations

from typing import Any

import numpy as np

from convnet.engine.operator import Step
from convnet.exchange.onnx.errors import OnnxError
from convnet.exchange.onnx.writer import Writer

KINDS = {"add": "Add", "subtract": "Sub", "multiply": "Mul", "divide": "Div", "maximum": "Max", "minimum": "Min"}
FIRST = {1: 2, 2: 3, 3: 1}  # an image's axes with channels last -> the same with channels first


def arithmetic(w: Writer, step: Step) -> None:
    """Write a sum, a product or their like of two values, or of one and numbers."""
    first = all(len(v.shape) == 3 for v in step.inputs) and any(w.is_first(v) for v in step.inputs)
    names = [w.first(v) if first else w.last(v) for v in step.inputs]
    if len(names) == 1:
        names.append(_numbers(w, step, first))
    if step.settings.get("reversed"):
        names.reverse()
    (w.set_first if first else w.set_last)(step.output, w.node(KINDS[step.settings["kind"]], names, step.layer.name))


def _numbers(w: Writer, step: Step, first: bool) -> str:
    """Write the numbers that a value is combined with: a parameter, or one fixed number."""
    if not step.parameters:
        return w.constant(f"{step.layer.name}_constant", np.array([step.settings["constant"]], w.dtype))
    (parameter,) = step.parameters
    array = parameter.value
    if not first:
        return w.parameter(parameter, array)
    image = array.reshape((1,) * (3 - array.ndim) + array.shape)
    return w.parameter(parameter, image.transpose(2, 0, 1), "CHW")


def concatenate(w: Writer, step: Step) -> None:
    """Write values put together along an axis."""
    axis, values = step.settings["axis"], step.inputs
    first = len(values[0].shape) == 3 and any(w.is_first(v) for v in values)
    names = [w.first(v) if first else w.last(v) for v in values]
    made = w.node("Concat", names, step.layer.name, axis=FIRST[axis] if first else axis)
    (w.set_first if first else w.set_last)(step.output, made)


def resample(w: Writer, step: Step) -> None:
    """Write padding, a slice or resizing, in whichever order of axes the value has."""
    value, layer = step.inputs[0], step.layer  # what the taps came from, the layer knows
    settings = layer.get_config()
    if "interpolation" in settings:
        w.set_first(step.output, _resize(w, step, w.first(value)))
        return
    first = w.is_first(value)
    name = w.first(value) if first else w.last(value)
    axes = [(FIRST[i] if first else i, taps) for i, taps in enumerate(step.settings["taps"]) if taps is not None]
    if settings.get("mode", "constant") != "constant":
        name = _pad(w, step, name, [(axis, *settings["paddings"][i - 1]) for i, axis in _changed(step, first)])
    else:
        name = _cut_and_fill(w, step, name, axes)
    (w.set_first if first else w.set_last)(step.output, name)


def _changed(step: Step, first: bool) -> list[tuple[int, int]]:
    return [(i, FIRST[i] if first else i) for i, taps in enumerate(step.settings["taps"]) if taps is not None]


def _cut_and_fill(w: Writer, step: Step, name: str, axes: list[tuple[int, Any]]) -> str:
    """Write a slice of what the places read, then the places that read nothing."""
    slices, pads = [], []
    for axis, taps in axes:
        read = [pairs[0][0] for pairs in taps if pairs]
        before = next(i for i, pairs in enumerate(taps) if pairs)
        after = len(taps) - len(read) - before
        pads.append((axis, before, after))
        step_by = read[1] - read[0] if len(read) > 1 else 1
        if read != [read[0] + step_by * i for i in range(len(read))]:
            raise OnnxError(f"{step.layer.name}: cannot be written as a Slice and a Pad")
        slices.append((axis, read[0], read[-1] + (1 if step_by > 0 else -1), step_by))
    if slices:
        rows = [list(column) for column in zip(*slices, strict=True)]
        ends = [end if end >= 0 else -(2**31) for end in rows[2]]  # backwards to the very first
        lists = {"starts": rows[1], "ends": ends, "axes": rows[0], "steps": rows[3]}
        given = [w.constant(f"{step.layer.name}_{k}", np.array(v, np.int64)) for k, v in lists.items()]
        name = w.node("Slice", [name, *given], f"{step.layer.name}_part")
    return _pad(w, step, name, pads) if any(before or after for _, before, after in pads) else name


def _pad(w: Writer, step: Step, name: str, pads: list[tuple[int, int, int]]) -> str:
    axes, before, after = (list(column) for column in zip(*pads, strict=True))
    layer = step.layer
    numbers = w.constant(f"{layer.name}_pads", np.array([*before, *after], np.int64))
    fill = w.constant(f"{layer.name}_fill", np.array(step.settings["fill"], w.dtype))
    where = w.constant(f"{layer.name}_axes", np.array(axes, np.int64))
    return w.node("Pad", [name, numbers, fill, where], layer.name, mode=getattr(layer, "mode", "constant"))


def _resize(w: Writer, step: Step, name: str) -> str:
    layer: Any = step.layer
    words = {
        "mode": "nearest" if layer.interpolation == "nearest" else "linear",
        "coordinate_transformation_mode": getattr(layer, "coordinates", "half_pixel"),
        "nearest_mode": getattr(layer, "rounding", "round_prefer_floor"),
    }
    scales = getattr(layer, "scales", None)
    if scales is not None:  # for all four axes: ONNX Runtime 1.32 refuses `axes` of some of them
        given = ["", w.constant(f"{layer.name}_scales", np.array([1, 1, *scales], np.float32))]
    else:
        kept = w.node("Shape", [name], f"{layer.name}_kept", start=0, end=2)
        new = w.constant(f"{layer.name}_size", np.array(step.output.shape[:2], np.int64))
        given = ["", "", w.node("Concat", [kept, new], f"{layer.name}_sizes", axis=0)]
    return w.node("Resize", [name, *given], layer.name, **words)
