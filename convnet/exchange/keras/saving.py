"""Models and parameters as files that Keras 3 loads."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime
from pathlib import Path

from convnet import initializers
from convnet.engine.parameter import Parameter
from convnet.exchange.keras import archive, compiling, hdf5, weights
from convnet.exchange.keras.architecture import Architect
from convnet.exchange.keras.describing import describe
from convnet.layers import Layer
from convnet.layers.naming import unnumbered
from convnet.model import Model
from convnet.output.atomic import write_atomically
from convnet.wiring import check_same_in_inference

KERAS = "3.15.1"  # the version whose files these are


def save(model: Model, filepath: str | Path, include_optimizer: bool = True) -> None:
    """Write a .keras file: a Sequential as a Sequential, any other model as a connected model of its layers.

    ValueError for a model that Keras could not load or would compute differently. Where Keras has not the loss or a
    metric, a warning says that the file is not compiled.
    """
    graph = model.training_graph()
    check_same_in_inference(model, graph)
    config, layers = describe(model)
    with unnumbered(), initializers.empty_weights(model.count_params()):
        twin = Architect().model(config)  # the model as Keras will build it: its layers in Keras's order
    with model.reading():
        pairs = {its: mine for name, layer in layers.items() for its, mine in _pairs(twin.get_layer(name), layer)}
        for its, mine in pairs.items():
            its.value[...] = mine.value
    tree, names = weights.collect(twin)
    if include_optimizer and model.optimizer is not None and model.loss is not None:
        try:
            config["compile_config"] = compiling.describe_compile(model)
            tree["optimizer"], names["optimizer"] = (
                compiling.state(model, [pairs[p] for p in twin.parameters if p.trainable]),
                model.optimizer.name,
            )
        except ValueError as error:
            warnings.warn(f"{filepath}: written without its compilation: {error}", stacklevel=3)
    metadata = {"keras_version": KERAS, "date_saved": datetime.now(UTC).strftime("%Y-%m-%d@%H:%M:%S")}
    write_atomically(Path(filepath), archive.pack(config, metadata, hdf5.pack(tree, names)))


def save_weights(model: Model, filepath: str | Path) -> None:
    """Write a .weights.h5 file, for a Keras model of the same layers: of the same class, if it is a class of yours."""
    tree, names = weights.collect(model)
    if model.optimizer is not None and model.loss is not None:
        tree["optimizer"] = compiling.state(model, [p for p in model.parameters if p.trainable])
        names["optimizer"] = model.optimizer.name
    write_atomically(Path(filepath), hdf5.pack(tree, names))


def _pairs(twin: Layer, layer: Layer) -> zip[tuple[Parameter, Parameter]]:
    return zip(twin.own_parameters, layer.own_parameters, strict=True)
