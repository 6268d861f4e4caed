"""What of Keras's API is here, found by trying: each argument is given, and what changes in the object is looked at."""

from __future__ import annotations

import inspect
import json
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import PurePath
from typing import Any

import numpy as np

from benchmarks.keras_api.collect import FILE
from convnet.layers.naming import snake_case

# values for arguments that have none of their own, and others than the default's for those that have
VALUES: dict[str, Any] = {
    "activation": "relu", "axis": 1, "beta_initializer": "ones", "bias_initializer": "ones", "boundaries": [2, 4],
    "class_id": 0, "cropping": ((1, 2), (0, 3)), "curve": "PR", "data_format": "channels_first", "decay_rate": 0.5,
    "decay_steps": 7, "depthwise_initializer": "zeros", "dilation_rate": 2, "dtype": "float64", "factor": 0.3,
    "filename": "log.csv", "filepath": "m.safetensors", "filters": 4, "first_decay_steps": 5, "function": abs,
    "gamma_initializer": "zeros", "groups": 2, "initial_learning_rate": 0.1, "interpolation": "bilinear", "k": 3,
    "kernel_initializer": "zeros", "kernel_size": 3, "learning_rate": 0.25, "mode": "max", "monitor": "accuracy",
    "moving_mean_initializer": "ones", "moving_variance_initializer": "zeros", "name": "given", "padding": "same",
    "pointwise_initializer": "zeros", "pool_size": (3, 2), "rate": 0.25, "reduction": "sum", "sample_weight": None,
    "schedule": float, "seed": 5, "separator": ";", "shape": (3,), "size": 3, "strides": 3, "target_shape": (4, 1),
    "thresholds": 0.25, "threshold": 0.25, "top_k": 2, "units": 3, "values": [0.1, 0.2, 0.3], "weight_decay": 0.125,
    "scale": 0.5, "offset": 0.5, "alpha_initializer": "ones", "average": "macro", "baseline": 0.5, "alpha": 0.5,
    "min_delta": 0.5, "initial_value_threshold": 0.5, "clipnorm": 0.5, "clipvalue": 0.5, "global_clipnorm": 0.5,
    "kernel_regularizer": "l2", "bias_regularizer": "l1", "beta_regularizer": "l2", "gamma_regularizer": "l2",
    "depthwise_regularizer": "l2", "pointwise_regularizer": "l2", "alpha_regularizer": "l2", "shared_axes": (1, 2),
    "max_value": 6.0, "height_factor": 0.2, "width_factor": 0.3, "mean": 0.5, "variance": 2.0, "ignore_class": 1,
    "summation_method": "minoring", "backup_dir": "backup", "log_dir": "elsewhere", "save_freq": 7, "stddev": 0.3,
    "ema_overwrite_frequency": 3, "warmup_target": 0.5, "fill_mode": "nearest", "value": 0.3, "value_range": (0, 1),
    "height": 4, "width": 5, "negative_slope": 0.2, "on_epoch_end": print, "output_padding": 1, "noise_shape": (2, 1),
    "limit": 0.3, "num_classes": 3, "target_class_ids": [0], "from_logits": True, "class_weight": {0: 2.0},
    "equation": "ab,bc->ac", "mask_value": 0.5, "precision": 0.5, "recall": 0.5, "specificity": 0.5,
    "sensitivity": 0.5, "input_shape": (4, 4, 1), "update_freq": 3, "t_mul": 3.0, "gain": 0.5,
}  # fmt: skip
# for one class alone
OWN: dict[str, dict[str, Any]] = {
    "Activation": {"activation": "sigmoid"},
    "Reshape": {"target_shape": (2, 2)},
    "BatchNormalization": {"axis": -1, "scale": False},
    "LayerNormalization": {"axis": -2, "scale": False},
    "GroupNormalization": {"axis": -1, "scale": False, "groups": 4},
    "Rescaling": {"scale": 0.5},
    "RandomFlip": {"mode": "vertical"},
    "ZeroPadding2D": {"padding": ((1, 2), (0, 3))},
    "ZeroPadding1D": {"padding": (1, 2)},
    "Cropping1D": {"cropping": (1, 2)},
    "UpSampling1D": {"size": 3},
    "MaxPooling1D": {"pool_size": 3, "strides": 3},
    "AveragePooling1D": {"pool_size": 3, "strides": 2},
    "ReLU": {"threshold": 0.5},
    "Conv2DTranspose": {"output_padding": 1, "strides": 2},
    "Softmax": {"axis": 1},
    "ExponentialDecay": {"staircase": True},
    "SGD": {"momentum": 0.5},
    "RandomZoom": {"height_factor": 0.2, "interpolation": "nearest"},
    "RandomTranslation": {"height_factor": 0.2, "interpolation": "nearest"},
    "RandomRotation": {"factor": 0.1, "interpolation": "nearest"},
    "RandomContrast": {"factor": 0.3},
    "Normalization": {"variance": 2.0, "mean": 0.5, "axis": 1},
    "SparseTopKCategoricalAccuracy": {"from_sorted_ids": True},
}
BESIDE = {
    "ema_momentum": {"use_ema": True},
    "ema_overwrite_frequency": {"use_ema": True},
    "mean": {"variance": 1.5},
    "variance": {"mean": 0.25},
    "output_padding": {"strides": 2},
    "nesterov": {"momentum": 0.5},
}  # fmt: skip  (what an argument needs beside it)
BASES = (
    "Callback",
    "CallbackList",
    "Initializer",
    "Layer",
    "LearningRateSchedule",
    "Loss",
    "Metric",
    "Optimizer",
    "Regularizer",
)
MADE_UP = ("name", "seed")  # without a value, a new one each time


@dataclass
class Row:
    """What became of one of Keras's names.

    taken    arguments that change something       ignored    those that are taken and change nothing
    refused  arguments refused by name             unwilling  those whose own default in Keras is refused
    differs  arguments whose default differs
    """

    name: str
    here: bool
    taken: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    differs: list[str] = field(default_factory=list)
    unwilling: list[str] = field(default_factory=list)


def keras_names() -> dict[str, Any]:
    """Return what keras.json holds."""
    return json.loads(FILE.read_text())


def compare_room(room: str) -> list[Row]:
    """Return a row for each of a room's names, other names of one left out."""
    module = "optimizers" if room == "optimizers.schedules" else room
    here = import_module(f"convnet.{module}") if find_spec(f"convnet.{module}") else None
    entries = keras_names()["rooms"][room]
    return [compare(name, _ask(here, name), e["arguments"]) for name, e in entries.items() if "alias" not in e]


def _ask(module: Any, name: str) -> Any:
    for asked in (name, snake_case(name)):  # an initializer is a function here: glorot_uniform
        found = _get(module, asked)
        if callable(found):
            return found
    return None


def _get(module: Any, name: str) -> Any:
    try:
        return getattr(module, name)
    except AttributeError:
        return None


def compare(name: str, ours: Any, arguments: dict[str, Any]) -> Row:
    """Try each of Keras's arguments on our class of the name."""
    row = Row(name, here=ours is not None)
    if ours is None or name in BASES:
        return row
    if not isinstance(ours, type):
        row.taken = [a for a in arguments if a in _signature(ours)]
        row.refused = {a: f"{a}: Python refuses it" for a in arguments if a not in row.taken}
        return row
    needed = {a: _value(name, a, given) for a, given in arguments.items() if not given and a in _signature(ours)}
    needed |= {"shape": (3,)} if name == "InputLayer" else {}
    base = ours(**needed)
    for argument, given in arguments.items():
        if given and argument not in MADE_UP and argument not in needed:
            _try_default(row, ours, needed, argument, given[0], base)
        _try(row, ours, needed, argument, _value(name, argument, given), base)
    return row


def _try_default(row: Row, ours: type, needed: dict[str, Any], argument: str, default: Any, base: Any) -> None:
    """Spell out Keras's default: it must pass, and mean what leaving it out means."""
    try:
        same = state(ours(**needed | {argument: default}), argument) == state(base, argument)
    except (TypeError, ValueError):
        row.unwilling.append(argument)
        return
    if not same:
        row.differs.append(argument)


# an argument that only goes with another value of one that is needed
ONLY_WITH: dict[str, dict[str, Any]] = {"save_weights_only": {"filepath": "m.weights.h5"}}


def _try(row: Row, ours: type, needed: dict[str, Any], argument: str, value: Any, base: Any) -> None:
    """Give another value: it must be refused by name, or change something."""
    beside = _beside(ours, needed, argument)
    try:
        made = ours(**needed | beside | ONLY_WITH.get(argument, {}) | {argument: value})
        before = state(ours(**needed | beside), argument) if beside else state(base, argument)
    except (TypeError, ValueError, ImportError) as error:
        row.refused[argument] = str(error)
        return
    known = argument in needed or argument in row.differs
    (row.taken if known or state(made, argument) != before else row.ignored).append(argument)


def _beside(ours: type, needed: dict[str, Any], argument: str) -> dict[str, Any]:
    """Return what an argument needs beside it to have an effect, if the class takes that."""
    given = BESIDE.get(argument, {})
    try:
        ours(**needed | given)
    except (TypeError, ValueError):
        return {}
    return given


def _value(name: str, argument: str, given: list[Any]) -> Any:
    """Return a value other than the default."""
    own = OWN.get(name, {})
    if argument in own or argument in VALUES:
        value = own.get(argument, VALUES.get(argument))
        if not given or value != given[0]:
            return value
    default = given[0] if given else None
    if isinstance(default, bool):
        return not default
    if isinstance(default, (int, float)):
        return default + 1 if isinstance(default, int) else default / 2 or 0.25
    return object()


def _signature(called: Any) -> set[str]:
    """Return the names of a function's or constructor's arguments."""
    return set(inspect.signature(called).parameters)


def compare_methods(name: str) -> list[Row]:
    """Return a row for each method of Model or Sequential, by its signature: what it lacks it refuses by name."""
    import convnet

    cls = getattr(convnet, name)
    rows = []
    for method, entry in keras_names()["methods"][name].items():
        ours = cls if method == "__init__" else getattr(cls, method, None)
        row = Row(method, here=callable(ours))
        if row.here:
            row.taken = [a for a in entry["arguments"] if a in _signature(ours)]
            row.refused = {a: a for a in entry["arguments"] if a not in row.taken}
        rows.append(row)
    return rows


def state(thing: Any, argument: str) -> Any:
    """Return what an object holds, comparable; numbers that are drawn and names that are made up only if asked for."""
    left_out = {"name", "label", "seed"} - ({argument, "label"} if argument == "name" else {argument})
    held = vars(thing) | (dict(thing) if isinstance(thing, dict) else {})
    return {k: _plain(v) for k, v in held.items() if k.lstrip("_") not in left_out}


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, (np.dtype, PurePath)):
        return str(value)
    if isinstance(value, (str, int, float, bool, type(None))):
        return value
    return {"type": type(value).__name__} | {k: _plain(v) for k, v in getattr(value, "__dict__", {}).items()}
