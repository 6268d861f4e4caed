"""Models in files: safetensors with the architecture as JSON in its header. Numbers and text, no code, no pickle."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from convnet import initializers
from convnet.distribute import Shards
from convnet.engine.graph import Graph
from convnet.layers.regularization import RandomLayer
from convnet.output.atomic import write_atomically
from convnet.output.formats import check_path
from convnet.wiring import check_same_in_inference, named_parameters, rewire, to_plain
from kernels import checks, targets

FORMAT = "formula-convnet 1"
_MOST_STATES = 8  # arrays that an optimizer keeps for a parameter


class ModelFileError(ValueError):
    """A model file that is missing, damaged, or not one of ours."""


def save(model: Any, filepath: str | Path, include_optimizer: bool = True) -> None:
    """Write a model's file (`to_bytes`), complete or not at all."""
    write_atomically(check_path(filepath), to_bytes(model, include_optimizer))


def to_bytes(model: Any, include_optimizer: bool = True) -> bytes:
    """Return architecture, parameters and, if compiled, loss, metrics, optimizer, its state and the random streams.

    ValueError where `call` does other things in training than layers do by themselves.
    """
    from safetensors.numpy import save as serialize

    from convnet import optimizers

    graph = model.training_graph()
    check_same_in_inference(model, graph)
    tensors = {name: np.ascontiguousarray(p.value) for name, p in named_parameters(graph).items()}
    config: dict[str, Any] = {
        "format": FORMAT,
        "name": model.name,
        "dtype": str(model.compute_dtype),
        **to_plain(graph),
        "metadata": model.metadata,
    }
    own = _own_functions(model) if include_optimizer else []
    if own:
        warnings.warn(
            f"{model.name} is saved without loss, metrics and optimizer: {own[0]} is your own code, and a model file "
            "holds none. Compile the loaded model again",
            stacklevel=3,
        )
    if include_optimizer and not own and model.optimizer is not None and model.loss is not None:
        model.arena()
        config["compile"] = {
            "optimizer": optimizers.to_json(model.optimizer) | {"iterations": model.optimizer.iterations},
            "states": "of parameters",
            "loss": model.loss.get_config(),
            "metrics": [m if isinstance(m, str) else m.get_config() for m in model.compiled_metrics],
            "weighted_metrics": [m if isinstance(m, str) else m.get_config() for m in model.weighted_metrics],
        }
        if model.distribute is not None:
            config["compile"]["distribute"] = model.distribute.get_config()
        config["random"] = _streams(model, graph)
        for name, p in named_parameters(graph).items():
            kept = model.optimizer.states_of(p)
            tensors |= {f"optimizer.{j}.{_key(name)}": targets.to_host(s).copy() for j, s in enumerate(kept)}
    try:
        text = json.dumps(config, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{model.name}: model.metadata must hold plain JSON values: {error}") from None
    return serialize(tensors, {"convnet": text})


def _own_functions(model: Any) -> list[str]:
    """Return the names of the losses and metrics that are a user's own."""
    from convnet import losses, metrics, optimizers

    if model.loss is None:
        return []
    found: list[Any] = [loss for loss, _ in model.loss.of_outputs if loss is not None]
    measured = [
        m.metric if isinstance(m, metrics.OutputMetric) else m
        for m in (*model.compiled_metrics, *model.weighted_metrics)
    ]
    own = [loss.name for loss in found if type(loss) not in losses.BY_NAME.values()]
    schedule = model.optimizer.schedule
    if schedule is not None and type(schedule) not in optimizers.schedules.BY_NAME.values():
        own.append(type(schedule).__name__)
    return own + [m.name for m in measured if not isinstance(m, str) and type(m) not in metrics.BY_NAME.values()]


def load(source: str | Path | bytes, connect: Callable[[Any, Any, str], Any]) -> Any:
    """Return the model of a file, compiled if it was; ModelFileError with the reason for a file that cannot be used.

    source   the file, or its content
    connect  makes the model of an input, an output (or lists or dicts of them) and a name
    """
    filepath = "the model's bytes" if isinstance(source, bytes) else source
    config, tensors = _parse(source) if isinstance(source, bytes) else _read(Path(source))
    try:
        with initializers.empty_weights(sum(t.size for t in tensors.values())):
            model = connect(*rewire(config), config["name"])
        model.metadata = config["metadata"]
        _fill(model.training_graph(), tensors)
        if "compile" in config:
            _recompile(model, config["compile"], tensors)
        _continue_streams(model, config.get("random", {}))
        if not isinstance(model.metadata, dict):
            raise TypeError("its metadata is no table")
    except Exception as error:  # a damaged file can fail anywhere: in any layer, loss, metric or optimizer
        raise ModelFileError(f"{filepath}: damaged model file: {error or type(error).__name__}") from None
    return model


def load_weights(model: Any, filepath: str | Path) -> None:
    """Copy a file's parameters into a built model with the same layers in the same order."""
    _, tensors = _read(Path(filepath))
    try:
        _fill(model.training_graph(), tensors)
    except ValueError as error:
        raise ModelFileError(f"{filepath}: {error}") from None


_DAMAGE = (OSError, ValueError, TypeError, AttributeError, LookupError, RecursionError, MemoryError)


def _read(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise ModelFileError(f"{path}: no such model file")
    check_path(path, ModelFileError)
    try:
        with safe_open(path, framework="numpy") as file:
            config = json.loads((file.metadata() or {}).get("convnet", "null"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a dict)
    except (SafetensorError, *_DAMAGE) as error:
        raise _damaged(path, error) from None
    return _check_format(path, config), tensors


def _parse(content: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load as parse

    where = "the model's bytes"
    try:
        tensors = parse(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        config = json.loads(header.get("__metadata__", {}).get("convnet", "null"))
    except (SafetensorError, *_DAMAGE) as error:
        raise _damaged(where, error) from None
    return _check_format(where, config), tensors


def _damaged(where: object, error: BaseException) -> ModelFileError:
    return ModelFileError(f"{where}: not a model file, or damaged: {error or type(error).__name__}")


def _check_format(where: object, config: Any) -> dict[str, Any]:
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        found = config.get("format") if isinstance(config, dict) else None
        raise ModelFileError(f"{where}: a safetensors file, but not a {FORMAT} model (its format: {found!r})")
    return config


# --- random numbers: training goes on with the bits of a run that was never interrupted


def _streams(model: Any, graph: Graph) -> dict[str, Any]:
    """Return where the streams of random numbers stand: the order of batches, and each layer's that draws them."""
    calls = {str(i): layer.calls for i, layer in enumerate(graph.layers) if isinstance(layer, RandomLayer)}
    return {"shuffle": list(model.shuffled) if model.shuffled else None, "dropout": calls}


def _continue_streams(model: Any, found: dict[str, Any]) -> None:
    if found.get("shuffle") is not None:
        seed, first = (checks.integer("shuffle", "a stream's place", n, 0) for n in found["shuffle"])
        model.shuffled = seed, first
    layers = model.training_graph().layers
    for place, calls in found.get("dropout", {}).items():
        if not isinstance(layers[int(place)], RandomLayer):
            raise ValueError(f"layer {place} draws no random numbers, but the file has a place in a stream of them")
        layers[int(place)].calls = checks.integer("dropout", "a stream's place", calls, 0)


# --- numbers


def _fill(graph: Graph, tensors: dict[str, np.ndarray]) -> None:
    """Copy the tensors into the parameters once all were checked; names of layers may differ, places may not."""
    wanted = named_parameters(graph)
    stored = {_key(name): t for name, t in tensors.items() if not name.startswith("optimizer.")}
    mine = {_key(name): p for name, p in wanted.items()}
    if set(stored) != set(mine):
        odd = sorted(set(stored) ^ set(mine))
        raise ValueError(f"the file's parameters do not fit the layers: {odd[0]} is only in one of them")
    for key, p in mine.items():
        if stored[key].shape != p.value.shape or stored[key].dtype != p.value.dtype:
            raise ValueError(
                f"parameter {key} is {stored[key].dtype} of {stored[key].shape} in the file, "
                f"but the layer needs {p.value.dtype} of {p.value.shape}"
            )
    for key, p in mine.items():
        p.value[...] = stored[key]


def _key(name: str) -> str:
    """Return "3.kernel" for "3.dense_1/kernel"."""
    return f"{name.split('.', 1)[0]}.{name.rsplit('/', 1)[-1]}"


def _recompile(model: Any, config: dict[str, Any], tensors: dict[str, np.ndarray]) -> None:
    from convnet import losses, metrics, optimizers

    settings = dict(config["optimizer"])
    iterations = settings.pop("iterations")
    loss = losses.from_config(config["loss"], model.known_outputs)
    found, weighted = (
        [m if isinstance(m, str) else metrics.from_config(m) for m in config.get(key, [])]
        for key in ("metrics", "weighted_metrics")
    )
    shards = Shards(**config["distribute"]) if "distribute" in config else None
    model.recompile(optimizers.from_json(settings), loss, found, weighted, shards)
    model.arena()
    model.rebuild_optimizer()
    model.optimizer.iterations = iterations
    if "states" not in config:  # a file of before states were kept by parameter: all were in one slab
        for i, states in enumerate(model.optimizer.state):
            for j, state in enumerate(states):
                np.copyto(state, tensors[f"optimizer.{i}.{j}"], casting="no")
        return
    for name, p in named_parameters(model.training_graph()).items():
        kept = [tensors[key] for j in range(_MOST_STATES) if (key := f"optimizer.{j}.{_key(name)}") in tensors]
        if kept or p in model.arena().places:
            model.optimizer.set_states_of(p, kept)
