"""Where a training stands: everything that decides what its next step does, gathered and put back."""

from __future__ import annotations

from typing import Any

import numpy as np

from convnet.callbacks.backup.packing import can_pack
from convnet.layers.regularization import RandomLayer
from convnet.metrics import Metric
from convnet.utils import random_stream
from kernels import targets


def of_model(model: Any) -> dict[str, Any]:
    """Return parameters, which layers are frozen, the optimizer and the random streams."""
    layers = model.training_graph().layers
    model.arena()
    optimizer = model.optimizer
    with model.reading():
        parameters = [p for layer in layers for p in layer.parameters]
        return {
            "input_shape": model.input_shape,
            "parameters": [np.array(p.value) for p in parameters],
            "trainable": [layer.trainable for layer in layers],
            "settings": {s: getattr(optimizer, s) for s in optimizer.settings if s != "learning_rate"},
            "rate": optimizer.rate,
            "iterations": optimizer.iterations,
            "states": [[np.array(targets.to_host(s)) for s in optimizer.states_of(p)] for p in parameters],
            "layers": [[layer.seed, layer.calls] if isinstance(layer, RandomLayer) else None for layer in layers],
            "common": of_generator(random_stream()),
            "own": generators(model),
        }


def put_into_model(model: Any, state: dict[str, Any]) -> None:
    """Put the state of `of_model` back; ValueError if it does not fit the model."""
    if model.input_shape is None:
        model.graph(state["input_shape"])
    layers = model.training_graph().layers
    parameters = [p for layer in layers for p in layer.parameters]
    arrays = state["parameters"]
    if [(a.shape, a.dtype) for a in arrays] != [(p.shape, p.dtype) for p in parameters]:
        raise ValueError("its parameters do not fit the layers")
    for layer, trainable, stream in zip(layers, state["trainable"], state["layers"], strict=True):
        if layer.trainable != trainable:
            layer.trainable = trainable
        if isinstance(layer, RandomLayer):
            seed, calls = stream
            if layer.seed != seed:
                layer.seed = seed
            layer.calls = calls
    optimizer = model.optimizer
    with model.plans.alone():
        model.arena()
        model.rebuild_optimizer()
        for p, array in zip(parameters, arrays, strict=True):
            p.value[...] = array
        for name in optimizer.settings:
            if name != "learning_rate":
                setattr(optimizer, name, state["settings"][name])
        optimizer.rate, optimizer.iterations = state["rate"], state["iterations"]
        for p, kept in zip(parameters, state["states"], strict=True):
            if kept:
                optimizer.set_states_of(p, kept)
    put_into_generator(random_stream(), state["common"])
    put_into_generators(model, state["own"])


# --- whatever keeps something: callbacks, metrics, data


def of_object(thing: Any) -> dict[str, Any]:
    """Return what an object keeps: its `state_dict()`, if it has one, and its generators."""
    own = thing.state_dict() if callable(getattr(thing, "state_dict", None)) else None
    return {"own": own, "generators": generators(thing)}


def put_into_object(thing: Any, state: dict[str, Any]) -> None:
    """Put the state of `of_object` back."""
    if state["own"] is not None:
        thing.load_state_dict(state["own"])
    put_into_generators(thing, state["generators"])


def of_metric(metric: Metric) -> dict[str, Any]:
    """Return what a metric has gathered: its attributes, as far as they are numbers, text and arrays."""
    kept = {name: value for name, value in vars(metric).items() if can_pack(value)}
    return kept | {name: of_metric(value) for name, value in vars(metric).items() if isinstance(value, Metric)}


def put_into_metric(metric: Metric, state: dict[str, Any]) -> None:
    """Put the state of `of_metric` back."""
    for name, value in state.items():
        if isinstance(inner := getattr(metric, name, None), Metric):
            put_into_metric(inner, value)
        else:
            setattr(metric, name, value)


# --- NumPy's generators


def generators(thing: Any) -> dict[str, Any]:
    """Return the states of the generators among an object's attributes."""
    if isinstance(thing, np.ndarray):
        return {}
    found = getattr(thing, "__dict__", {})
    return {name: of_generator(g) for name, g in found.items() if isinstance(g, np.random.Generator)}


def put_into_generators(thing: Any, state: dict[str, Any]) -> None:
    """Put the states of `generators` back."""
    for name, one in state.items():
        put_into_generator(getattr(thing, name), one)


def of_generator(generator: np.random.Generator) -> dict[str, Any]:
    """Return a generator's place."""
    return dict(generator.bit_generator.state)


def put_into_generator(generator: np.random.Generator, state: dict[str, Any]) -> None:
    """Move a generator to a place."""
    generator.bit_generator.state = state
