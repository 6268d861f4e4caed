"""A model's architecture as JSON values, and back: its layers, and which of them is called on what."""

from __future__ import annotations

from typing import Any

from convnet.engine.graph import Graph
from convnet.engine.lowering import lower
from convnet.layers import BUILT_IN, Input
from convnet.layers.quantized import QUANTIZED
from convnet.nested.structure import leaves, rebuild

MOST_CALLS = 5000  # of layers in one model; the time to plan a model grows in proportion


def named_parameters(graph: Graph) -> dict[str, Any]:
    """Return the parameters by unique names: the layer's place and name, the parameter's name."""
    return {f"{i}.{p.name}": p for i, layer in enumerate(graph.layers) for p in layer.parameters}


def to_plain(graph: Graph) -> dict[str, Any]:
    """Return a graph's layers, their calls, and its inputs and outputs, as JSON values."""
    layers = graph.layers
    inputs = len(graph.inputs)
    place: dict[int, int] = {id(node): i for i, node in enumerate(graph.inputs)}
    place |= {id(c.output): inputs + i for i, c in enumerate(graph.calls)}
    bare = graph.takes.bare and graph.gives.bare
    structure = {
        "inputs": {"skeleton": graph.takes.skeleton, "names": graph.takes.names},
        "outputs": {"skeleton": graph.gives.skeleton, "names": graph.gives.names},
    }
    return {
        "input_shape": list(graph.input.sample_shape) if bare else [list(n.sample_shape) for n in graph.inputs],
        "layers": [{"class": type(layer).__name__, "config": layer.get_config()} for layer in layers],
        "calls": [
            {"layer": layers.index(c.layer), "inputs": [place[id(n)] for n in c.inputs], "training": c.training}
            for c in graph.calls
        ],
        "output": place[id(graph.output)] if bare else [place[id(node)] for node in graph.outputs],
        **({} if bare else {"structure": structure}),
    }


def rewire(config: dict[str, Any]) -> tuple[Any, Any]:
    """Return the inputs and the outputs of a file's architecture, as nodes in the structure that the model had."""
    if len(config["calls"]) > MOST_CALLS:
        raise ValueError(f"it has {len(config['calls'])} calls of layers; up to {MOST_CALLS} can be read")
    known = BUILT_IN | QUANTIZED
    layers = [known[entry["class"]](**entry["config"]) for entry in config["layers"]]
    several = config.get("structure")
    if several is None:
        starts: list[Any] = [Input(tuple(config["input_shape"]), config["dtype"])]
    else:
        named = zip(config["input_shape"], several["inputs"]["names"], strict=True)
        starts = [Input(tuple(shape), config["dtype"], name) for shape, name in named]
    nodes = list(starts)
    for call in config["calls"]:
        inputs = [nodes[i] for i in call["inputs"]]
        nodes.append(layers[call["layer"]](inputs if len(inputs) > 1 else inputs[0], training=call["training"]))
    if several is None:
        return starts[0], nodes[config["output"]]
    outputs = [nodes[i] for i in config["output"]]
    return _structured(several["inputs"], starts), _structured(several["outputs"], outputs)


def _structured(found: dict[str, Any], nodes: list[Any]) -> Any:
    """Return nodes in the lists and dicts of a file; ValueError unless there are as many as these have places."""
    if len(leaves(found["skeleton"])) != len(nodes):
        raise ValueError(f"there are {len(nodes)} inputs or outputs, but another number of places for them")
    return rebuild(found["skeleton"], nodes)


def check_same_in_inference(model: Any, training_graph: Graph) -> None:
    """Raise ValueError unless the recording of training, lowered for inference, does what the other recording does."""
    recorded = model.graph(model.input_shape, training=False)

    def trace(graph: Graph) -> list[tuple[Any, ...]]:
        """Return what each step computes; layers without parameters by class (node + node makes a new Add)."""
        return [
            (step.layer if step.parameters else type(step.layer), step.operation, step.output.shape, step.settings)
            for step in lower(graph, training=False).steps
        ]

    if trace(recorded) != trace(training_graph):
        raise ValueError(
            f"{model.name}: cannot be saved: `call` uses other layers with training=False than with training=True. "
            "Let the layers follow the mode (Dropout and BatchNormalization do), or save get_weights() yourself"
        )
