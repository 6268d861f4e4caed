"""The calls of a connected model, as Keras lists them: for each layer its nodes, each with the tensors that go in."""

from __future__ import annotations

from typing import Any, Protocol

from convnet.engine.graph import Node
from convnet.layers import BUILT_IN, Activation, Input, Layer
from convnet.layers.operators import compute
from convnet.model import Model
from convnet.wiring import MOST_CALLS

# operations on tensors that Keras records like layers, and the layers that compute them here
_OPERATIONS = {name: name for name in ("Maximum", "Minimum", "Average", "Concatenate")}
_ACTIVATIONS = {"Relu": "relu", "Sigmoid": "sigmoid", "Softmax": "softmax",
                "LogSoftmax": "log_softmax", "Tanh": "tanh", "Silu": "silu",
                "Elu": "elu", "Selu": "selu", "Gelu": "gelu", "Softplus": "softplus", "HardSigmoid": "hard_sigmoid",
                "HardSilu": "hard_silu"}  # fmt: skip
_SYMBOLS = {"Add": "+", "Subtract": "-", "Multiply": "*", "Divide": "/", "TrueDivide": "/", "Negative": "*"}
_IDLE = {"training": None, "mask": None}  # what a call may be given without an effect


class Maker(Protocol):
    """Who makes the layer of an entry."""

    def layer(self, entry: dict[str, Any]) -> Layer:
        """Return the layer."""


class Operation:
    """+ - * / on tensors, one of which may be a number."""

    def __init__(self, kind: str, name: str) -> None:
        self.symbol, self.name, self.second = _SYMBOLS[kind], name, [-1.0] if kind == "Negative" else []

    def __call__(self, x: Any, training: bool | None = None) -> Any:
        """Return the output of the layer that computes it."""
        operands: list[Any] = [*(x if isinstance(x, list) else [x]), *self.second]
        return compute(self.symbol, operands[0], operands[1], self.name)


def connect(config: dict[str, Any], maker: Maker, dtype: Any) -> Model:
    """Return the model of a connected model's configuration."""
    made: dict[str, list[Any]] = {}  # by the layer's name, the output of each of its calls
    layers: dict[str, Any] = {}
    waiting: list[tuple[str, list[Any]]] = []
    for entry in config["layers"]:
        name = entry.get("name") or entry["config"]["name"]
        if name in made:
            raise ValueError(f"two layers are called {name!r}")
        made[name] = []
        if entry["class_name"] == "InputLayer":
            shape = entry["config"].get("batch_shape") or entry["config"].get("batch_input_shape")
            made[name].append(Input(tuple(shape[1:]), dtype or "float32", name))
            continue
        layers[name] = _operation(entry) if "ops" in str(entry.get("module")) else maker.layer(entry)
        waiting.append((name, list(entry["inbound_nodes"])))
    _check_number(waiting)
    _call_all(layers, waiting, made)
    start, end = (_structure(config[key], made) for key in ("input_layers", "output_layers"))
    return Model(start, end, name=config["name"])


def _check_number(waiting: list[tuple[str, list[Any]]]) -> None:
    calls = sum(len(nodes) for _, nodes in waiting)
    if calls > MOST_CALLS:
        raise ValueError(f"it has {calls} calls of layers; up to {MOST_CALLS} can be read")


def _call_all(layers: dict[str, Any], waiting: list[tuple[str, list[Any]]], made: dict[str, list[Any]]) -> None:
    """Make the calls, each once its inputs are there: layers of one name may be called at several depths."""
    while waiting:
        before = sum(len(nodes) for _, nodes in waiting)
        for name, nodes in waiting:
            while nodes and _is_ready(nodes[0], made):
                made[name].append(_call(layers[name], name, nodes.pop(0), made))
        waiting = [(name, nodes) for name, nodes in waiting if nodes]
        if sum(len(nodes) for _, nodes in waiting) == before:
            raise ValueError(f"the inputs of layer {waiting[0][0]!r} come from nowhere")


def _call(layer: Any, name: str, node: Any, made: dict[str, list[Any]]) -> Any:
    inputs, given = _arguments(node, made)
    unknown = {key: v for key, v in given.items() if key not in _IDLE or (key == "mask" and v is not None)}
    if unknown:
        raise ValueError(f"layer {name!r} is called with {', '.join(unknown)}, which is not supported")
    if len(inputs) == 1:
        return layer(inputs[0], training=given.get("training"))
    return layer(list(inputs), training=given.get("training"))


def _arguments(node: Any, made: dict[str, list[Any]]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(node, dict):
        return tuple(_revive(a, made) for a in node["args"]), dict(node.get("kwargs") or {})
    tensors = [_output(entry[:3], made) for entry in node]  # Keras 2: [name, call, output, kwargs] for each input
    return (tensors[0] if len(tensors) == 1 else tensors,), dict(node[0][3]) if len(node[0]) > 3 else {}


def _revive(value: Any, made: dict[str, list[Any]]) -> Any:
    if isinstance(value, list):
        return [_revive(item, made) for item in value]
    if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        return _output(value["config"]["keras_history"], made)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    raise ValueError(f"a call has an argument that is no layer's output: {value!r}")


def _output(place: list[Any], made: dict[str, list[Any]]) -> Node:
    name, call, output = place
    found = made[name][call]
    return found[output] if isinstance(found, (list, tuple)) else found


def _is_ready(value: Any, made: dict[str, list[Any]]) -> bool:
    """Return True if all outputs that a node reads are there."""
    if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        name, call, _ = value["config"]["keras_history"]
        return call < len(made[name])
    if isinstance(value, dict):
        return all(_is_ready(item, made) for item in value.values())
    if isinstance(value, list) and len(value) in (3, 4) and isinstance(value[0], str) and value[0] in made:
        return value[1] < len(made[value[0]])
    return all(_is_ready(item, made) for item in value) if isinstance(value, list) else True


def _structure(places: Any, made: dict[str, list[Any]]) -> Any:
    """Return the nodes of a model's inputs or outputs: one, a list or a table of them."""
    if isinstance(places, dict):
        return {key: _structure(value, made) for key, value in places.items()}
    if len(places) == 3 and isinstance(places[0], str):
        return _output(places, made)
    nodes = [_structure(place, made) for place in places]
    return nodes[0] if len(nodes) == 1 else nodes


def _operation(entry: dict[str, Any]) -> Any:
    """Return what computes one of Keras's operations on tensors."""
    kind, config = entry["class_name"], entry["config"]
    settings = {key: value for key, value in config.items() if key not in ("name", "dtype")}
    if kind in _ACTIVATIONS:
        return Activation(_ACTIVATIONS[kind], name=config["name"])
    if kind in _SYMBOLS:
        return Operation(kind, config["name"])
    if _OPERATIONS.get(kind) not in BUILT_IN:
        raise ValueError(
            f"{config['name']!r} is Keras's operation {kind} on tensors, which cannot be read: use a layer for it"
        )
    made: Any = BUILT_IN[_OPERATIONS[kind]]
    return made(**settings, name=config["name"])
