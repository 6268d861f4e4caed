"""What a model was compiled with: Keras's compile_config as our `compile`, with the optimizer's state."""

from __future__ import annotations

from typing import Any

import numpy as np

from convnet.engine.parameter import Parameter
from convnet.exchange.keras.describing import describe_object, entry
from convnet.exchange.keras.hdf5 import Tree
from convnet.exchange.keras.objects import make
from convnet.exchange.keras.tree import keras_shape, walk
from convnet.losses.objective import Objective
from convnet.model import Model
from kernels import targets

_INTERLEAVED = ("adam", "adamw")  # Keras keeps (m, v) of one parameter after the other; others, block by block
_CARRIED = (*_INTERLEAVED, "sgd", "rmsprop", "adagrad", "lion")  # whose state is the same arrays in both


def compile_like(model: Model, config: dict[str, Any], tree: Tree, notes: list[str]) -> None:
    """Compile the model as the file says, and continue its optimizer; errors as `compile` raises them."""
    optimizer = config["optimizer"]
    settings = {k: v for k, v in optimizer["config"].items() if k != "name"}
    chosen = make(optimizer["class_name"], "keras.optimizers", settings, notes, "optimizer")
    metrics, weighted = (_read(config.get(key), "metrics", notes) for key in ("metrics", "weighted_metrics"))
    loss = _read(config["loss"], "losses", notes)
    model.compile(chosen, loss, metrics, weighted, loss_weights=config.get("loss_weights"))
    _continue(model, tree, notes)


def _read(given: Any, room: str, notes: list[str]) -> Any:
    """Return a loss or metric, or the lists and dicts of them that a model with several outputs has."""
    if isinstance(given, list):
        return [_read(item, room, notes) for item in given]
    if isinstance(given, dict) and "class_name" not in given:
        return {name: _read(item, room, notes) for name, item in given.items()}
    if not isinstance(given, dict):
        return given
    settings = {k: v for k, v in given["config"].items() if k not in ("fn", "dtype")}
    return make(given["class_name"], f"keras.{room}", settings, notes, room)


def _continue(model: Model, tree: Tree, notes: list[str]) -> None:
    """Set the optimizer's step count and, where the file has them, its moments."""
    arrays = tree.get("optimizer") or tree.get("_optimizer")
    if not arrays:
        return
    if not _is_carried(model):
        notes.append(f"the state of optimizer {model.optimizer.name} is another here; it starts anew")  # type: ignore[union-attr]
        return
    wanted = [s for s, _ in _states(model, [p for p in model.parameters if p.trainable])]
    kept = arrays[len(arrays) - len(wanted) :]
    fits = len(arrays) - len(kept) in (1, 2) and [s.size for s in wanted] == [a.size for a in kept]
    if not fits and len(arrays) > 2:
        notes.append(f"the state of optimizer {model.optimizer.name} does not fit; its moments start at zero")  # type: ignore[union-attr]
        return
    model.optimizer.iterations = int(arrays[0])  # type: ignore[union-attr]
    if fits:
        for state, array in zip(wanted, kept, strict=True):
            np.copyto(state, array.reshape(state.shape))


def _is_carried(model: Model) -> bool:
    """Return True if the optimizer keeps the same arrays as Keras's, in an order that is known."""
    optimizer = model.optimizer
    return optimizer is not None and optimizer.name in _CARRIED and not getattr(optimizer, "use_ema", False)


def _states(model: Model, parameters: list[Parameter]) -> list[tuple[np.ndarray, Parameter]]:
    """Return the optimizer's arrays in Keras's order, the same memory, each with the parameter that it is of."""
    optimizer = model.optimizer
    assert optimizer is not None
    model.arena()
    model.rebuild_optimizer()
    states = [[(s, p) for s in found] for p in parameters if (found := optimizer.states_of(p))]
    if optimizer.name in _INTERLEAVED:
        return [pair for kept in states for pair in kept]
    return [kept[i] for i in range(len(states[0]) if states else 0) for kept in states]


def describe_compile(model: Model) -> dict[str, Any]:
    """Return what the model is compiled with as Keras writes it; ValueError for what is no object of Keras's."""
    loss: Any = model.loss
    several = isinstance(loss, Objective)
    losses = [_describe(one, "losses") for one in loss.losses] if several else _describe(loss, "losses")
    return {
        "optimizer": _describe(model.optimizer, "optimizers"),
        "loss": _by_output(model, losses) if several else losses,
        "loss_weights": _by_output(model, loss.weights) if several else None,
        "metrics": _describe_metrics(model, model.compiled_metrics),
        "weighted_metrics": _describe_metrics(model, model.weighted_metrics),
        "run_eagerly": False,
        "steps_per_execution": 1,
        "jit_compile": "auto",
    }


def _by_output(model: Model, values: list[Any]) -> Any:
    """Return one value for each output, in Keras's structure: a list, or a dict where the outputs are one."""
    gives = model.training_graph().gives
    return dict(zip(gives.names, values, strict=True)) if isinstance(gives.skeleton, dict) else values


def _describe_metrics(model: Model, metrics: list[Any]) -> Any:
    if not metrics:
        return None
    if not isinstance(model.loss, Objective):
        return [_describe(metric, "metrics") for metric in metrics]
    found: list[list[Any]] = [[] for _ in model.loss.losses]
    for metric in metrics:
        found[metric.place].append(_describe(metric.metric, "metrics"))
    return _by_output(model, found)


def _describe(thing: Any, room: str) -> Any:
    if thing is None or isinstance(thing, str):
        return thing
    kind = type(thing)
    if not kind.__module__.startswith(f"convnet.{room}"):
        raise ValueError(f"{kind.__name__} is a class of your own, which Keras does not know")
    config = {k: describe_object(v, f"keras.{room}") for k, v in thing.get_config().items() if k != "label"}
    return entry(kind.__name__, f"keras.{room}", {**config, "name": getattr(thing, "label", None) or thing.name})


def state(model: Model, parameters: list[Parameter]) -> list[np.ndarray]:
    """Return the optimizer's variables as Keras keeps them, for parameters in Keras's order; none if they differ."""
    if not _is_carried(model):
        return []
    optimizer = model.optimizer
    assert optimizer is not None
    shapes = {id(p): keras_shape(layer, p) for _, layer in walk(model) for p in layer.own_parameters}
    kept = [targets.to_host(s).reshape(shapes.get(id(p), p.shape)) for s, p in _states(model, parameters)]
    rate = [np.float32(optimizer.learning_rate)] if optimizer.schedule is None else []
    return [np.asarray(v) for v in (np.int32(optimizer.iterations), *rate, *kept)]
