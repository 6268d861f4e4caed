"""What a training is: the model, the data and the arguments, as text and checksums by name."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np

from convnet.engine.batches import Batches
from convnet.feeding import Stream
from convnet.nested.several import Several, parts

_ROWS = 256  # samples that are read at once of what is no array in memory


def describe(model: Any, data: Batches | Stream, held: Batches | Stream | None, **more: Any) -> dict[str, Any]:
    """Return what must be the same for a training to go on to the same end; its length may change."""
    facts = {**more}
    layers = model.training_graph().layers if model.input_shape is not None else []
    for place, layer in enumerate(layers, 1):
        facts |= _settings(f"layer {place}, a {type(layer).__name__}: ", layer, ("name", "seed", "trainable"))
    facts |= _settings("the optimizer's ", model.optimizer)
    facts["the loss"] = _text(_config(model.loss))
    facts["the number of shards"] = "none" if model.distribute is None else model.distribute.shards
    measured = [*model.compiled_metrics, *model.weighted_metrics]
    facts["the metrics"] = _text([_config(m) for m in measured])
    facts |= _describe_data("", data)
    return facts | ({"validation": "none"} if held is None else _describe_data("validation ", held))


def _settings(of: str, thing: Any, without: tuple[str, ...] = ()) -> dict[str, str]:
    """Return each setting; not a layer's name and seed, which may be drawn anew, since those of the backup go on."""
    return {f"{of}{name}": _text(value) for name, value in thing.get_config().items() if name not in without}


def _config(thing: Any) -> Any:
    if hasattr(thing, "get_config"):
        return [type(thing).__name__, thing.get_config()]
    return thing if isinstance(thing, str) else getattr(thing, "__name__", type(thing).__name__)


def _text(value: Any) -> str:
    return json.dumps(value, default=_config, sort_keys=True)


def _describe_data(kind: str, data: Batches | Stream) -> dict[str, Any]:
    if isinstance(data, Stream):
        return {f"the {kind}batches in an epoch": data.steps}
    return {
        f"{kind}batch_size": data.size,
        f"the {kind}samples (x)": fingerprint(data.x),
        f"the {kind}targets (y)": fingerprint(data.y),
        f"the {kind}sample weights": fingerprint(data.weights),
    }


def fingerprint(data: Any) -> str:
    """Return the SHA-256 of samples: of their numbers, and of how they are augmented (`facts`), if they are."""
    if data is None:
        return "none"
    found = hashlib.sha256()
    for part in parts(data) if isinstance(data, Several) else [data]:
        if part is None:
            found.update(b"none")
            continue
        if hasattr(part, "facts"):
            found.update(_text(part.facts()).encode())
            part = part.x
        found.update(f"{part.dtype}{tuple(part.shape)}".encode())
        for start in range(0, len(part), _ROWS):
            found.update(np.ascontiguousarray(part[start : start + _ROWS]).tobytes())
    return found.hexdigest()
