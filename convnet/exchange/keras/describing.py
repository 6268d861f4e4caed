"""A model of ours as Keras's config.json: a Sequential as one, anything else as a connected model of its layers."""

from __future__ import annotations

from typing import Any

from convnet.engine.graph import Node
from convnet.layers import BUILT_IN, InputLayer, Layer
from convnet.model import Model
from convnet.regularizers import L1L2
from convnet.sequential import Sequential

Entry = dict[str, Any]
# layers that Keras has not, and settings of others beyond Keras's, which must be at their defaults
FOREIGN = ("ConstantArithmetic", "Divide", "Elementwise", "Padding", "Reduce", "Slicing")
BEYOND: dict[str, dict[str, Any]] = {
    "AveragePooling2D": {"ceil_mode": False, "count_include_pad": False},
    "Conv2DTranspose": {"groups": 1},
    "MaxPooling2D": {"ceil_mode": False, "dilation_rate": (1, 1)},
    "Resizing": {"coordinates": "half_pixel", "rounding": "round_prefer_ceil", "scales": None},
}
LACKING = {"SpatialDropout2D": ("trainable",)}  # arguments that Keras's other layers take and this one does not
_OURS_ALONE = ("seed",)  # settings that mean nothing to Keras: its random numbers are others


def describe(model: Model) -> tuple[Entry, dict[str, Layer]]:
    """Return the model's entry, and its layers by the names they have there; ValueError for what Keras has not."""
    if type(model) is Sequential and all(type(layer) in BUILT_IN.values() for layer in model.stack):
        return _sequential(model)
    return _connected(model)


def entry(kind: str, module: str, config: dict[str, Any], **more: Any) -> Entry:
    """Return an object as Keras writes it."""
    return {"module": module, "class_name": kind, "config": config, "registered_name": None, **more}


def describe_object(value: Any, module: str) -> Any:
    """Return a setting as Keras writes it: plain JSON, or an object with its own settings."""
    if isinstance(value, tuple):
        return [describe_object(item, module) for item in value]
    if isinstance(value, L1L2):
        return entry("L1L2", "keras.regularizers", dict(value))
    if hasattr(value, "get_config"):
        config = {k: describe_object(v, module) for k, v in value.get_config().items() if k != "name"}
        room = type(value).__module__.removeprefix("convnet.").split(".")[0]
        return entry(type(value).__name__, f"keras.{'optimizers.schedules' if room == 'optimizers' else room}", config)
    return value


def _layer(layer: Layer, name: str) -> Entry:
    kind = type(layer).__name__
    if BUILT_IN.get(kind) is not type(layer) or kind in FOREIGN:
        raise ValueError(f"{layer.name}: Keras has no layer {kind}")
    padding = getattr(layer, "padding", None)
    if isinstance(padding, tuple) and not kind.startswith("ZeroPadding"):
        raise ValueError(
            f"{layer.name}: Keras's {kind} takes padding='valid' or 'same', not {padding}: use ZeroPadding2D before it"
        )
    beyond = BEYOND.get(kind, {})
    for setting, usual in beyond.items():
        if getattr(layer, setting) != usual:
            raise ValueError(f"{layer.name}: Keras's {kind} has no {setting}={getattr(layer, setting)!r}")
    left_out = (*_OURS_ALONE, *beyond, *LACKING.get(kind, ()))
    config = {k: describe_object(v, "keras") for k, v in layer.get_config().items() if k not in left_out}
    return entry(kind, "keras.layers", {**config, "name": name})


def _input(shape: tuple[int, ...], dtype: Any, name: str) -> Entry:
    config = {"batch_shape": [None, *shape], "dtype": str(dtype), "sparse": False, "ragged": False, "name": name}
    return entry("InputLayer", "keras.layers", config)


def _sequential(model: Sequential) -> tuple[Entry, dict[str, Layer]]:
    assert model.input_shape is not None
    names = _unique_names(model.layers, [f"{model.name}_input"])
    layers = [_layer(layer, names[id(layer)]) for layer in model.layers]
    start = _input(model.input_shape, model.compute_dtype, f"{model.name}_input")
    config = {"name": model.name, "trainable": True, "dtype": str(model.compute_dtype), "layers": [start, *layers]}
    return entry("Sequential", "keras", config), {names[id(layer)]: layer for layer in model.layers}


def _connected(model: Model) -> tuple[Entry, dict[str, Layer]]:
    graph: Any = model.training_graph()
    inputs = _unique_names(graph.inputs, [])
    made = [layer for layer in graph.layers if not isinstance(layer, InputLayer)]
    names = _unique_names(made, list(inputs.values()))
    history: dict[int, list[Any]] = {node: [name, 0, 0] for node, name in inputs.items()}
    nodes: dict[int, list[Any]] = {id(layer): [] for layer in made}
    for call in graph.calls:
        if isinstance(call.layer, InputLayer):  # of a Sequential: its output is its input
            history[id(call.output)] = history[id(call.inputs[0])]
            continue
        calls = nodes[id(call.layer)]
        tensors = [_tensor(node, history[id(node)], model.compute_dtype) for node in call.inputs]
        args = [tensors if len(tensors) > 1 else tensors[0]]
        calls.append({"args": args, "kwargs": {} if call.training is None else {"training": call.training}})
        history[id(call.output)] = [names[id(call.layer)], len(calls) - 1, 0]
    layers: list[Entry] = []
    for node in graph.inputs:
        name = inputs[id(node)]
        start = _input(node.sample_shape, model.compute_dtype, name)
        layers.append({**start, "name": name, "inbound_nodes": []})
    for layer in made:
        name = names[id(layer)]
        layers.append({**_layer(layer, name), "name": name, "inbound_nodes": nodes[id(layer)]})
    config = {"name": model.name, "trainable": True, "layers": layers}
    config["input_layers"] = graph.takes.build(history[id(node)] for node in graph.inputs)
    config["output_layers"] = graph.gives.build(history[id(node)] for node in graph.outputs)
    found = {names[id(layer)]: layer for layer in made}
    return entry("Functional", "keras.src.models.functional", config), found


def _tensor(node: Node, history: list[Any], dtype: Any) -> Entry:
    config = {"shape": [None, *node.sample_shape], "dtype": str(dtype), "keras_history": history}
    return {"class_name": "__keras_tensor__", "config": config}


def _unique_names(layers: Any, taken: list[str]) -> dict[int, str]:
    """Return a name for each layer, or each input: Keras wants all of a model's to differ."""
    names: dict[int, str] = {}
    used = set(taken)
    for layer in layers:
        name, number = layer.name, 1
        while name in used:
            name, number = f"{layer.name}_{number}", number + 1
        used.add(name)
        names[id(layer)] = name
    return names
