"""A trained model with its convolutions and dense layers in 8 bits, from the model and images to calibrate it by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet import layers, losses, metrics, optimizers
from convnet.engine.operator import Value
from convnet.layers import quantized as eight
from convnet.model import wire_freely
from convnet.quantization.calibration import Calibration, Scale, calibrate, factors_of
from convnet.quantization.units import WEIGHTED, Unit, Units
from kernels.int8 import LEAST, MOST

if TYPE_CHECKING:
    from convnet.model import Model

LARGEST_BIAS = 2**30


def quantize(model: Model, x: Any, *, keep: Iterable[str] = ()) -> Model:
    """Return a model of 8-bit weights and activations that answers as this one does, to within its levels.

    model  trained; it stays as it is
    x      calibration images, prepared as those it was trained on: some hundred of them. They set the scales
    keep   names of layers to leave in float32

    Kernels have a scale for each filter, activations one for each layer. A batch normalization behind a convolution is
    folded into it. What comes before the first and after the last of these layers, a softmax for example, stays in
    float32. ValueError names layers that 8 bits cannot hold, and what is wrong with the images.
    """
    kept = [keep] if isinstance(keep, str) else list(keep)
    if model.input_shape is not None and model.compute_dtype != np.float32:
        raise ValueError(f"quantize: for models in float32; {model.name} is in {model.compute_dtype}")
    found = calibrate(model, x)
    assert model.input_shape is not None  # calibrate checks it
    graph = model.graph(model.input_shape, training=False)
    unknown = set(kept) - {layer.name for layer in graph.layers}
    if unknown:
        names = ", ".join(layer.name for layer in graph.layers)
        raise ValueError(f"quantize: keep: {model.name} has no layer {sorted(unknown)[0]!r}; it has {names}")
    units = Units(graph, found.low, kept)
    _check(model, units)
    wiring = _Wiring(found, units)
    starts = [layers.Input(node.sample_shape, name=node.name) for node in graph.inputs]
    for value, start in zip(found.low.inputs, starts, strict=True):
        wiring.numbers[value] = start
    for unit in units.all:
        wiring.add(unit)
    outputs = [wiring.number(value) for value in found.low.outputs]
    made = wire_freely(graph.takes.build(starts), graph.gives.build(outputs), model.name)
    wiring.fill()
    made.metadata = {**model.metadata, "quantization": {"bits": 8, "images": found.images, "kept": kept}}
    _compile_like(made, model)
    return made


def _check(model: Model, units: Units) -> None:
    misfits = {unit.step.layer.name: unit.step.operation for unit in units.misfits()}
    if misfits:
        listed = ", ".join(f"{name} ({operation})" for name, operation in misfits.items())
        raise ValueError(
            f"quantize: {model.name} has layers that cannot be computed in 8 bits: {listed}. Leave them in float32: "
            f"keep={list(misfits)}"
        )
    if not any(unit.in_8_bits and unit.step.operation in WEIGHTED for unit in units.all):
        raise ValueError(f"quantize: {model.name} has no convolution and no dense layer to compute in 8 bits")


class _Wiring:
    """The new layers, as they are connected: of each value the node of its levels, of its numbers, or both."""

    def __init__(self, found: Calibration, units: Units) -> None:
        self._found, self._units = found, units
        self.numbers: dict[Value, Any] = {}
        self._levels: dict[Value, tuple[Any, Scale]] = {}
        self._names: Counter[str] = Counter()
        self._copies: dict[int, Any] = {}
        self._arrays: list[tuple[Any, tuple[np.ndarray, ...]]] = []
        self._weights: tuple[np.ndarray, ...] = ()  # of the layer that is being made

    def number(self, value: Value) -> Any:
        """Return the node of a value's numbers."""
        if value not in self.numbers:
            node, scale = self._levels[value]
            self.numbers[value] = eight.Dequantize(scale.scale, scale.zero, name=self._name("dequantize"))(node)
        return self.numbers[value]

    def level(self, value: Value, layer: str) -> tuple[Any, Scale]:
        """Return the node of a value's levels, and their scale."""
        if value not in self._levels:
            scale = self._found.scale(value, layer)
            node = eight.Quantize(scale.scale, scale.zero, name=self._name("quantize"))(self.numbers[value])
            self._levels[value] = node, scale
        return self._levels[value]

    def add(self, unit: Unit) -> None:
        """Connect one more unit."""
        if not unit.in_8_bits:
            self.numbers[unit.output] = self._in_float32(unit)
        elif unit.operation == "reshape" and unit.inputs[0] not in self._levels:
            shape = layers.Reshape(unit.output.shape, name=self._name(unit.step.layer.name))
            self.numbers[unit.output] = shape(self.numbers[unit.inputs[0]])
        else:
            getattr(self, f"_{unit.operation}")(unit)

    def fill(self) -> None:
        """Give the new layers their parameters, which they have since they were connected."""
        for layer, arrays in self._arrays:
            for parameter, array in zip(layer.parameters, arrays, strict=True):
                parameter.value[...] = array

    # --- layers in float32

    def _in_float32(self, unit: Unit) -> Any:
        inputs = [self.number(v) for v in unit.inputs]
        given = inputs if len(inputs) > 1 else inputs[0]
        if unit.whole:
            layer = unit.call.layer
            if id(layer) not in self._copies:
                copy = type(layer)(**{**layer.get_config(), "name": self._name(layer.name)})  # type: ignore[call-arg]
                self._copies[id(layer)] = copy
                self._arrays.append((copy, tuple(p.value for p in layer.parameters)))
            return self._copies[id(layer)](given, training=False)
        name, settings = self._name(unit.step.operation), dict(unit.step.settings)
        if unit.step.operation == "unary":
            return layers.Elementwise(settings.pop("function"), settings, name=name)(given)
        return layers.Activation(unit.step.operation, name=name)(given)

    # --- layers in 8 bits

    def _conv2d(self, unit: Unit) -> None:
        given, settings = self._weighted(unit), unit.step.settings
        shape = unit.kernel.shape  # type: ignore[union-attr]
        where = {"strides": settings["stride"], "padding": settings["padding"], "groups": settings["groups"]}
        where["dilation_rate"] = settings["dilation"]
        self._finish(unit, eight.QuantizedConv2D(shape[3], shape[:2], **where, **given))

    def _dense(self, unit: Unit) -> None:
        given = self._weighted(unit)
        self._finish(unit, eight.QuantizedDense(unit.kernel.shape[1], **given))  # type: ignore[union-attr]

    def _weighted(self, unit: Unit) -> dict[str, Any]:
        """Return a weighted layer's settings, and note its parameters: each filter's scale is its largest weight's."""
        _, x = self.level(unit.inputs[0], unit.step.layer.name)
        k, b = unit.kernel, unit.bias
        assert k is not None
        assert b is not None
        most = np.abs(k).reshape(-1, k.shape[-1]).max(axis=0, initial=0)
        scales = np.maximum(np.where(most > 0, most / MOST, 1.0), np.abs(b) / (LARGEST_BIAS * x.scale))
        result = None if self._is_real(unit) else self._scale(unit)
        step = 1.0 if result is None else result.scale
        multiplier = (x.scale * scales / step).astype(np.float32)
        if not (np.isfinite(multiplier).all() and (multiplier > 0).all()):
            raise ValueError(f"quantize: {unit.step.layer.name} has weights too large or too small for a scale")
        self._weights = np.rint(k / scales), np.rint(b / (x.scale * scales)), multiplier
        name = self._name(unit.step.layer.name)
        return {"x_zero": x.zero, "levels": None if result is None else _limits(unit, result), "name": name}

    def _finish(self, unit: Unit, layer: Any) -> None:
        node = layer(self._levels[unit.inputs[0]][0])
        self._arrays.append((layer, self._weights))
        if layer.levels is None:
            self.numbers[unit.output] = node
        else:
            self._levels[unit.output] = node, self._scale(unit)

    def _is_real(self, unit: Unit) -> bool:
        """Return True if nobody wants a result's levels: then it stays a real number, not rounded at all."""
        wanted = any(reader.in_8_bits for reader in self._units.readers(unit.output))
        return unit.rectified is None and not wanted

    def _scale(self, unit: Unit) -> Scale:
        return self._found.scale(unit.output, unit.of[-1].layer.name)

    def _add(self, unit: Unit) -> None:
        name = unit.step.layer.name
        (a, one), (b, other) = (self.level(v, name) for v in unit.inputs)
        result = self._scale(unit)
        factors, multiplier = factors_of(one, other, result)
        zeros, levels = (one.zero, other.zero), _limits(unit, result)
        layer = eight.QuantizedAdd(zeros, factors, multiplier, levels, name=self._name(name))
        self._levels[unit.output] = layer([a, b]), result

    def _avgpool2d(self, unit: Unit) -> None:
        node, given, result = self._mean(unit)
        window = unit.step.settings["size"], unit.step.settings["stride"], unit.step.settings["padding"]
        self._levels[unit.output] = eight.QuantizedAveragePooling2D(*window, **given)(node), result

    def _globalavgpool(self, unit: Unit) -> None:
        node, given, result = self._mean(unit)
        self._levels[unit.output] = eight.QuantizedGlobalAveragePooling2D(**given)(node), result

    def _mean(self, unit: Unit) -> tuple[Any, dict[str, Any], Scale]:
        node, x = self.level(unit.inputs[0], unit.step.layer.name)
        result = self._scale(unit)
        given = {"x_zero": x.zero, "multiplier": x.scale / result.scale, "levels": _limits(unit, result)}
        return node, {**given, "name": self._name(unit.step.layer.name)}, result

    def _maxpool2d(self, unit: Unit) -> None:
        node, scale = self.level(unit.inputs[0], unit.step.layer.name)
        window = unit.step.settings["size"], unit.step.settings["stride"], unit.step.settings["padding"]
        layer = eight.QuantizedMaxPooling2D(*window, name=self._name(unit.step.layer.name))
        self._levels[unit.output] = layer(node), scale

    def _relu(self, unit: Unit) -> None:
        node, scale = self.level(unit.inputs[0], unit.step.layer.name)
        self._levels[unit.output] = eight.QuantizedReLU(scale.zero, name=self._name("relu"))(node), scale

    def _reshape(self, unit: Unit) -> None:
        node, scale = self._levels[unit.inputs[0]]
        layer = layers.Reshape(unit.output.shape, name=self._name(unit.step.layer.name))
        self._levels[unit.output] = layer(node), scale

    def _name(self, name: str) -> str:
        """Return the name for one more layer: a layer that was called twice has become two."""
        self._names[name] += 1
        return name if self._names[name] == 1 else f"{name}_{self._names[name]}"


def _limits(unit: Unit, scale: Scale) -> list[int]:
    """Return [zero, low, high] of a result: nothing below 0 after a relu."""
    if unit.rectified is None:
        return [scale.zero, LEAST, MOST]
    return [scale.zero, scale.zero, MOST if unit.rectified == np.inf else scale.level(unit.rectified)]


def _compile_like(made: Model, model: Model) -> None:
    """Compile the new model as the other was, for `evaluate`, if its loss and metrics are the engine's own."""
    if model.loss is None or model.optimizer is None:
        return
    plain, weighted = (
        [m if isinstance(m, str) else metrics.from_config(m.get_config()) for m in some]
        for some in (model.compiled_metrics, model.weighted_metrics)
    )
    loss = losses.from_config(model.loss.get_config(), made.known_outputs)
    made.recompile(optimizers.from_json(optimizers.to_json(model.optimizer)), loss, plain, weighted, None)
