"""Keras's files: .keras, a model, and .weights.h5, its parameters. No Keras is needed to read or write them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

from convnet import initializers
from convnet.exchange.keras import archive, compiling, hdf5, weights
from convnet.exchange.keras.architecture import Architect
from convnet.model import Model
from convnet.model_file import ModelFileError

SLACK = 2**16  # numbers: a Normalization over all axes has one in the file, and one for each channel here
_BAD = (ValueError, TypeError, LookupError, AttributeError, RecursionError, MemoryError)


def load_keras(
    filepath: str | Path,
    model: Model | None = None,
    *,
    custom_objects: Mapping[str, type] | None = None,
    compile: bool = True,
) -> Model:
    """Return the model of a .keras file, or `model` with the parameters of a .weights.h5 file.

    model           for .weights.h5, which holds no architecture: a built model with the same layers
    custom_objects  for models and layers that the file knows by their class's name only: classes of yours, made of
                    convnet's layers, with the same attributes
    compile         False leaves out optimizer, loss and metrics

    ModelFileError, and nothing changed, for a file that is damaged or has what this engine has not. A warning says what
    could not be carried over and does not change the model's outputs.
    """
    path = Path(filepath)
    if path.suffix.lower() in (".h5", ".hdf5"):
        if model is None:
            raise ValueError(
                f"load_keras: {path.name} holds parameters and no architecture: give the model, load_keras(path, "
                "model), or save model.save('m.keras') in Keras"
            )
        load_weights(model, path)
        return model
    if model is not None:
        raise ValueError("load_keras: a .keras file has its own model; for its parameters alone: model.load_weights")
    config, content = archive.read(path)
    tree = hdf5.read(content, path)
    architect = Architect(custom_objects)
    try:
        with initializers.empty_weights(SLACK + sum(a.size for arrays in tree.values() for a in arrays)):
            made = architect.model(config)
        weights.assign(made, tree)
    except _BAD as error:
        raise ModelFileError(f"{path}: cannot be read: {_say(error)}") from None
    if compile and config.get("compile_config", {}).get("optimizer") and config["compile_config"].get("loss"):
        try:
            compiling.compile_like(made, config["compile_config"], tree, architect.notes)
        except _BAD as error:
            made.optimizer = made.loss = None
            architect.notes.append(
                f"not compiled, since {_say(error)}; the model predicts, and `compile` makes it train"
            )
    if architect.notes:
        warnings.warn(f"{path}: " + "; ".join(dict.fromkeys(architect.notes)), stacklevel=2)
    return made


def load_weights(model: Model, filepath: str | Path) -> None:
    """Copy the parameters of a .weights.h5 or .keras file into a built model of the same layers."""
    path = Path(filepath)
    tree = hdf5.read(archive.read(path)[1] if path.suffix.lower() == ".keras" else path, path)
    model.training_graph()
    try:
        weights.assign(model, tree)
    except _BAD as error:
        raise ModelFileError(f"{path}: {_say(error)}") from None


def _say(error: BaseException) -> str:
    """Return an error's reason; a missing key has only its name."""
    return f"{error} is missing" if isinstance(error, KeyError) else str(error) or type(error).__name__
