"""A model of ours from Keras's config.json: Sequential, connected and nested models, and a user's own classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from convnet.exchange.keras import wiring
from convnet.exchange.keras.objects import arguments
from convnet.layers import BUILT_IN, Layer
from convnet.model import Model
from convnet.sequential import Sequential
from convnet.wiring import MOST_CALLS

Entry = dict[str, Any]  # one object of config.json: class_name, module, config, build_config, ...


class Architect:
    """Makes layers and models from their entries.

    custom_objects  classes of the user's by name, for those that the file only names
    notes           what could not be carried over exactly, and does not change what the model computes
    """

    def __init__(self, custom_objects: Mapping[str, Any] | None = None) -> None:
        self.custom = dict(custom_objects or {})
        self.notes: list[str] = []
        self.made = 0

    def model(self, entry: Entry) -> Model:
        """Return the model of a file's outermost entry, built."""
        model = self.layer(entry)
        if not isinstance(model, Model):
            raise ValueError(f"{entry.get('class_name')} is a layer, not a model")
        shape = (entry.get("build_config") or {}).get("input_shape")
        if model.input_shape is None and shape:
            model.build(shape)
        if model.input_shape is None:
            raise ValueError("the model was never built in Keras: call it on a batch, then save it")
        return model

    def layer(self, entry: Entry) -> Layer:
        """Return the layer, or the model, of one entry."""
        self.made += 1
        if self.made > MOST_CALLS:
            raise ValueError(f"it has more than {MOST_CALLS} layers")
        kind, module = entry["class_name"], str(entry.get("module") or "")
        name = str(entry.get("registered_name") or kind).split(">")[-1]
        if name in self.custom or kind in self.custom:
            return self._own(self.custom[name if name in self.custom else kind], entry)
        if kind == "Sequential" and _is_keras(module):
            return self._sequential(entry["config"], entry.get("build_config") or {})
        if kind in ("Functional", "Model") and _is_keras(module) and "layers" in entry["config"]:
            return self._finish(wiring.connect(entry["config"], self, _dtype(entry["config"])), entry["config"])
        if not _is_keras(module):
            raise ValueError(
                f"{kind} is a class of its author's, and the file holds its name, not its layers: give "
                f"custom_objects={{{kind!r}: <the same class made of convnet.layers>}}, or save a model that Keras "
                "connects, keras.Model(inputs, outputs)"
            )
        if kind not in BUILT_IN:
            raise ValueError(
                f"layer {entry['config'].get('name')!r} is Keras's {kind}, which this engine has not; it has "
                f"{', '.join(BUILT_IN)}"
            )
        return BUILT_IN[kind](**_input(entry["config"]) if kind == "InputLayer" else self.read(entry["config"]))

    def read(self, config: dict[str, Any]) -> dict[str, Any]:
        """Return a configuration as arguments of ours."""
        return arguments(config, self.notes)

    def _sequential(self, config: dict[str, Any], built: dict[str, Any]) -> Sequential:
        model = Sequential([self.layer(e) for e in config["layers"]], name=config["name"], dtype=_dtype(config))
        shape = built.get("input_shape") or config.get("build_input_shape")
        if model.input_shape is None and shape:
            model.build((None, *shape[1:]))
        return self._finish(model, config)

    def _own(self, cls: Any, entry: Entry) -> Layer:
        """Return an instance of the user's class, made as Keras makes it."""
        if not (isinstance(cls, type) and issubclass(cls, Layer)):
            raise TypeError(f"custom_objects: {entry['class_name']} must be a class made of convnet's, got {cls!r}")
        config = {name: v for name, v in self.read(entry["config"]).items() if name != "trainable"}
        if issubclass(cls, Model) and "dtype" in config and config["dtype"] == "float32":
            del config["dtype"]  # the default: many a constructor takes no such argument
        return self._finish(cls(**config), entry["config"])

    def _finish(self, layer: Any, config: dict[str, Any]) -> Any:
        if config.get("trainable") is False:
            layer.trainable = False
        return layer


def _is_keras(module: str) -> bool:
    return module == "keras" or module.startswith(("keras.", "tensorflow.keras", "tf_keras"))


def _input(config: dict[str, Any]) -> dict[str, Any]:
    shape = config.get("batch_shape") or config.get("batch_input_shape")
    if config.get("sparse") or config.get("ragged"):
        raise ValueError(f"input {config['name']!r} is sparse or ragged, which is not supported")
    return {"shape": tuple(shape[1:]), "name": config["name"]}  # type: ignore[index]


def _dtype(config: dict[str, Any]) -> Any:
    """Return the type that the first layer with parameters of a model computes in."""
    for entry in config["layers"]:
        given = entry["config"].get("dtype")
        if entry["class_name"] == "InputLayer" or given is None:
            found = _dtype(entry["config"]) if "layers" in entry["config"] else None
        else:
            found = given["config"]["name"] if isinstance(given, dict) else given
        if found is not None:
            return np.dtype(found) if found in ("float32", "float64") else found
    return None
