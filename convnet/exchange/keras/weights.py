"""Numbers between a file of weights and a model: found by Keras's paths, checked, then copied."""

from __future__ import annotations

from typing import Any

import numpy as np

from convnet.exchange.keras.hdf5 import Tree
from convnet.exchange.keras.tree import keras_shape, own_parameters, walk
from convnet.layers import Layer, Normalization
from convnet.model import Model

# what a file of weights holds beside parameters: how far training was, and where random numbers stand
_ASIDE = ("optimizer", "_optimizer", "seed_generator", "_seed_generator", "random_generator", "metrics", "_metrics",
          "_loss_tracker", "_compile_metrics")  # fmt: skip


def assign(model: Model, tree: Tree) -> None:
    """Copy a file's arrays into a built model; ValueError, and nothing changed, unless all are there and fit."""
    found: list[tuple[Any, np.ndarray]] = []
    known = set()
    for path, layer in walk(model):
        key = path if path in tree else path.replace("layers", "_layer_checkpoint_dependencies")  # Keras 2.13
        known.add(key)
        arrays, parameters = tree.get(key, []), own_parameters(layer)
        found += _fit(path or model.name, layer, arrays, parameters)
    _check_rest(tree, known)
    with model.plans.alone():
        for parameter, array in found:
            parameter.value[...] = array.reshape(parameter.shape) if array.size == parameter.value.size else array


def _fit(path: str, layer: Layer, arrays: list[np.ndarray], parameters: list[Any]) -> list[tuple[Any, np.ndarray]]:
    if isinstance(layer, Normalization) and len(arrays) == len(parameters) + 1 == 3:
        arrays = arrays[:2]  # behind mean and variance, how often Keras's adapt has counted
    shapes, wanted = [a.shape for a in arrays], [keras_shape(layer, p) for p in parameters]
    if shapes != wanted:
        named = zip(parameters, wanted, strict=True)
        needs = ", ".join(f"{p.name.rsplit('/', 1)[-1]} {shape}" for p, shape in named) or "none"
        raise ValueError(f"{path}: the file has arrays of shapes {shapes}; layer {layer.name!r} needs {needs}")
    return list(zip(parameters, arrays, strict=True))


def _check_rest(tree: Tree, known: set[str]) -> None:
    """Raise ValueError for parameters of the file that no layer takes."""
    for path, arrays in tree.items():
        aside = any(part in _ASIDE for part in path.split("/"))
        if arrays and path not in known and not aside:
            raise ValueError(
                f"the file has parameters at {path!r} ({', '.join(str(a.shape) for a in arrays)}), and the model has "
                "no such layer"
            )


def _arrays(layer: Layer) -> list[np.ndarray]:
    """Return a layer's parameters as Keras keeps them."""
    parameters = own_parameters(layer)
    if isinstance(layer, Normalization) and parameters:
        one = layer.axis is None  # Keras has one number then, here it stands once for each channel
        return [*(np.array(p.value)[0] if one else np.array(p.value) for p in parameters), np.array(0, np.int32)]
    return [np.array(p.value).reshape(keras_shape(layer, p)) for p in parameters]


def collect(model: Model) -> tuple[Tree, dict[str, str]]:
    """Return a model's parameters by Keras's paths, and the names of their layers."""
    model.training_graph()
    with model.reading():
        places = list(walk(model))
        tree = {path: _arrays(layer) for path, layer in places}
    return tree, {path: layer.name for path, layer in places}
