"""Where Keras keeps a layer's arrays in a file of weights: the path of attributes that leads to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from convnet.engine.parameter import Parameter
from convnet.exchange.attributes import own_attributes
from convnet.layers import Layer, Normalization
from convnet.layers.naming import snake_case
from convnet.model import Model
from convnet.sequential import Sequential


def walk(model: Model) -> Iterator[tuple[str, Layer]]:
    """Yield each layer once, with its path, in Keras's order.

    A Sequential's and a connected model's layers are "layers/conv2d", "layers/conv2d_1", numbered class by class; those
    of a class are named by its attributes, in alphabetical order, private ones last: "c1", "blocks/dense_1".
    Source: Keras 3, `_save_state` in keras/src/saving/saving_lib.py.
    """
    yield from _layer(model, "", set())


def _layer(layer: Layer, path: str, seen: set[int]) -> Iterator[tuple[str, Layer]]:
    if id(layer) in seen:
        return
    seen.add(id(layer))
    yield path, layer
    for name, value in _attributes(layer):
        inner = f"{path}/{name}" if path else name
        if isinstance(value, Layer):
            yield from _layer(value, inner, seen)
        else:
            yield from _container(value, inner, seen)


def _attributes(layer: Layer) -> Iterator[tuple[str, Any]]:
    """Yield the attributes that may hold layers, in Keras's order."""
    mine = own_attributes(layer)
    if isinstance(layer, Model):
        mine["layers"] = layer.layers
        if is_connected(layer):  # comes first
            yield "layers", mine.pop("layers")
    for name in sorted(mine, key=lambda n: f"~{n}" if n.startswith("_") else n):
        yield name, mine[name]


def is_connected(layer: Layer) -> bool:
    """Return True for a model that Keras would know without its class: a Sequential, or inputs and outputs."""
    return type(layer) in (Sequential, Model)


def _container(value: Any, path: str, seen: set[int]) -> Iterator[tuple[str, Layer]]:
    used: dict[str, int] = {}
    for item in value.values() if isinstance(value, dict) else value:
        if isinstance(item, Layer):
            yield from _layer(item, f"{path}/{_numbered(class_name(item), used)}", seen)
        elif isinstance(item, (list, tuple, dict)):
            yield from _container(item, f"{path}/{_numbered('container', used)}", seen)


def class_name(layer: Layer) -> str:
    """Return the name of the layer's class as Keras writes it in a path."""
    return "functional" if type(layer) is Model else snake_case(type(layer).__name__)


def _numbered(name: str, used: dict[str, int]) -> str:
    used[name] = used.get(name, -1) + 1
    return f"{name}_{used[name]}" if used[name] else name


def own_parameters(layer: Layer) -> list[Any]:
    """Return the layer's own parameters in Keras's order: trainable ones first."""
    return sorted(layer.own_parameters, key=lambda p: not p.trainable)


def keras_shape(layer: Layer, parameter: Parameter) -> tuple[int, ...]:
    """Return the shape of a parameter in Keras: the same numbers in the same order.

    A Normalization over all axes keeps one number there. A kernel of Conv1D has no axis for the rows there; a depthwise
    one (P,Q,1,C*M) is (P,Q,C,M).
    """
    shape, last = parameter.shape, parameter.name.rsplit("/", 1)[-1]
    if isinstance(layer, Normalization) and layer.axis is None:
        return ()
    if type(layer).__name__ == "Conv1D" and last == "kernel" and len(shape) == 4:
        return shape[1:]
    depthwise = type(layer).__name__ in ("DepthwiseConv2D", "SeparableConv2D") and "pointwise" not in last
    if depthwise and len(shape) == 4 and shape[2] == 1:
        times: int = layer.depth_multiplier
        return (*shape[:2], shape[3] // times, times)
    return shape
