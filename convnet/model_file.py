"""Models in files: safetensors with the architecture as JSON in its header. Numbers and text, no code, no pickle."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from convnet import initializers
from convnet.engine.graph import Graph, Node
from convnet.engine.lowering import lower
from convnet.layers import BUILT_IN, Input
from convnet.output.atomic import write_atomically
from kernels import targets

FORMAT = "formula-convnet 1"


class ModelFileError(ValueError):
    """A model file that is missing, damaged, or not one of ours."""


def save(model: Any, filepath: str | Path, include_optimizer: bool = True) -> None:
    """Write architecture, weights and, if compiled, loss, metrics, optimizer and its state.

    The file is complete or not there: it is written beside its place and then moved.
    ValueError where `call` does other things in training than layers do by themselves.
    """
    from safetensors.numpy import save as to_bytes

    graph = model.training_graph()
    _same_in_inference(model, graph)
    tensors = {name: np.ascontiguousarray(p.value) for name, p in _named_parameters(graph).items()}
    config: dict[str, Any] = {
        "format": FORMAT,
        "name": model.name,
        "dtype": str(model.compute_dtype),
        "input_shape": list(graph.input.sample_shape),
        **_wiring(graph),
        "metadata": model.metadata,
    }
    if include_optimizer and model.optimizer is not None and model.loss is not None:
        model.arena()
        config["compile"] = {
            "optimizer": model.optimizer.get_config() | {"iterations": model.optimizer.iterations},
            "loss": model.loss.get_config(),
            "metrics": [
                m if isinstance(m, str) else {"name": m.name, "label": m.label} for m in model.compiled_metrics
            ],
        }
        for i, states in enumerate(model.optimizer.state):
            tensors |= {f"optimizer.{i}.{j}": targets.to_host(s) for j, s in enumerate(states)}
    try:
        text = json.dumps(config)
    except TypeError as error:
        raise TypeError(f"{model.name}: model.metadata must hold plain JSON values: {error}") from None
    write_atomically(Path(filepath), to_bytes(tensors, {"convnet": text}))


def load(filepath: str | Path, connect: Callable[[Node, Node, str], Any]) -> Any:
    """Return the model of a file, compiled if it was; ModelFileError with the reason for a file that cannot be used.

    `connect` makes the model of an input, an output and a name.
    """
    config, tensors = _read(Path(filepath))
    try:
        with initializers.empty_weights(sum(t.size for t in tensors.values())):
            start = Input(tuple(config["input_shape"]), config["dtype"])
            model = connect(start, _rewire(config, start), config["name"])
        model.metadata = config["metadata"]
        _fill(model.training_graph(), tensors)
        if "compile" in config:
            _recompile(model, config["compile"], tensors)
        if not isinstance(model.metadata, dict):
            raise TypeError("its metadata is no table")
    except Exception as error:  # a damaged file can fail anywhere: in any layer, loss, metric or optimizer
        raise ModelFileError(f"{filepath}: damaged model file: {error or type(error).__name__}") from None
    return model


def load_weights(model: Any, filepath: str | Path) -> None:
    """Copy a file's weights into a built model with the same layers in the same order."""
    _, tensors = _read(Path(filepath))
    try:
        _fill(model.training_graph(), tensors)
    except ValueError as error:
        raise ModelFileError(f"{filepath}: {error}") from None


def _read(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise ModelFileError(f"{path}: no such model file")
    try:
        with safe_open(path, framework="numpy") as file:
            config = json.loads((file.metadata() or {}).get("convnet", "null"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a dict)
    except (SafetensorError, OSError, ValueError, TypeError, AttributeError, RecursionError, MemoryError) as error:
        what = str(error) or type(error).__name__
        raise ModelFileError(f"{path}: not a model file, or damaged: {what}") from None
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        found = config.get("format") if isinstance(config, dict) else None
        raise ModelFileError(f"{path}: a safetensors file, but not a {FORMAT} model (its format: {found!r})")
    return config, tensors


# --- the architecture as JSON


def _named_parameters(graph: Graph) -> dict[str, Any]:
    """Every weight under a name of its own: the layer's place and name, the weight's name."""
    return {f"{i}.{p.name}": p for i, layer in enumerate(graph.layers) for p in layer.parameters}


def _wiring(graph: Graph) -> dict[str, Any]:
    layers = graph.layers
    place: dict[int, int] = {id(graph.input): 0} | {id(c.output): i + 1 for i, c in enumerate(graph.calls)}
    return {
        "layers": [{"class": type(layer).__name__, "config": layer.get_config()} for layer in layers],
        "calls": [
            {"layer": layers.index(c.layer), "inputs": [place[id(n)] for n in c.inputs], "training": c.training}
            for c in graph.calls
        ],
        "output": place[id(graph.output)],
    }


def _rewire(config: dict[str, Any], start: Node) -> Node:
    layers = [BUILT_IN[entry["class"]](**entry["config"]) for entry in config["layers"]]
    nodes = [start]
    for call in config["calls"]:
        inputs = [nodes[i] for i in call["inputs"]]
        nodes.append(layers[call["layer"]](inputs if len(inputs) > 1 else inputs[0], training=call["training"]))
    return nodes[config["output"]]


def _same_in_inference(model: Any, training_graph: Graph) -> None:
    """The recording of training mode serves both if, lowered for inference, it does what the other recording does."""
    recorded = model.graph(training_graph.input.sample_shape, training=False)

    def trace(graph: Graph) -> list[tuple[Any, ...]]:
        """What each step computes; a layer without weights (node + node makes a new Add each time) by its class."""
        return [
            (step.layer if step.parameters else type(step.layer), step.operation, step.output.shape, step.settings)
            for step in lower(graph, training=False).steps
        ]

    if trace(recorded) != trace(training_graph):
        raise ValueError(
            f"{model.name}: cannot be saved: `call` uses other layers with training=False than with training=True. "
            "Let the layers follow the mode (Dropout and BatchNormalization do), or save get_weights() yourself"
        )


# --- numbers


def _fill(graph: Graph, tensors: dict[str, np.ndarray]) -> None:
    """Copy the tensors into the weights after all were checked; names of layers may differ, places may not."""
    wanted = _named_parameters(graph)
    stored = {_key(name): t for name, t in tensors.items() if not name.startswith("optimizer.")}
    mine = {_key(name): p for name, p in wanted.items()}
    if set(stored) != set(mine):
        odd = sorted(set(stored) ^ set(mine))
        raise ValueError(f"the file's weights do not fit the layers: {odd[0]} is only in one of them")
    for key, p in mine.items():
        if stored[key].shape != p.value.shape or stored[key].dtype != p.value.dtype:
            raise ValueError(
                f"weight {key} is {stored[key].dtype} of {stored[key].shape} in the file, "
                f"but the layer needs {p.value.dtype} of {p.value.shape}"
            )
    for key, p in mine.items():
        p.value[...] = stored[key]


def _key(name: str) -> str:
    """ "3.dense_1/kernel" -> "3.kernel"."""
    return f"{name.split('.', 1)[0]}.{name.rsplit('/', 1)[-1]}"


def _recompile(model: Any, config: dict[str, Any], tensors: dict[str, np.ndarray]) -> None:
    from convnet import losses, metrics, optimizers

    settings = dict(config["optimizer"])
    name, iterations = settings.pop("name"), settings.pop("iterations")
    loss = dict(config["loss"])
    loss_class = losses.BY_NAME[loss.pop("name")]
    found = [m if isinstance(m, str) else metrics.BY_NAME[m["name"]](m["label"]) for m in config["metrics"]]
    model.compile(optimizers.BY_NAME[name](**settings), loss_class(**loss), found)
    model.arena()
    model.rebuild_optimizer()
    model.optimizer.iterations = iterations
    for i, states in enumerate(model.optimizer.state):
        for j, state in enumerate(states):
            np.copyto(state, tensors[f"optimizer.{i}.{j}"], casting="no")
