"""Mutated model files: safetensors, whose header holds the architecture as JSON."""

from __future__ import annotations

import json
import random
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tests.fuzz import bytes as plain

HOSTILE = (
    *(0, 1, -1, 2, 3, 2**31, 2**63, 10**30, 0.5, -1e308, float("nan"), float("inf"), True, None, "", "same", "valid"),
    *(
        "relu",
        "x" * 5000,
        "../../etc/passwd",
        [],
        {},
        [0],
        [1, 1],
        [10**9, 10**9, 1],
        [[[[]]]],
        {"a": {"b": []}},
        "\udcff",
    ),
)


@cache
def seeds() -> list[bytes]:
    """The three networks that the command line trains, one after a step of training, and one with two branches."""
    import convnet
    from convnet import layers
    from convnet.study.networks import NETWORKS, compile_for

    convnet.set_random_seed(0)
    facts = {
        "classes": ["absent", "present"],
        "pipeline": {"size": 12, "aspect": "pad", "window": None},
        "network": "listing",
        "seed": 0,
        "seen": ["0123456789abcdef"],
        "notice": "For research and teaching. Not for clinical use.",
    }
    out = []
    with tempfile.TemporaryDirectory() as folder:

        def keep(model: Any) -> None:
            model.metadata = facts
            model.save(Path(folder) / "m")
            out.append((Path(folder) / "m").read_bytes())

        for name in ("listing", "gap", "formula"):
            model = NETWORKS[name](2, name=name)
            compile_for(model, name)
            model.build((None, 12, 12, 1))
            keep(model)
        x = convnet.Input((12, 12, 1))
        y = layers.Conv2D(4, 3, padding="same", dilation_rate=2, groups=1)(x)
        y = layers.Conv2D(4, 3, padding="same", activation="sigmoid")(y) + y
        y = layers.Dense(2, activation="softmax")(layers.Flatten()(layers.AveragePooling2D(2)(y)))
        model = convnet.Model(x, y)
        model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(np.zeros((4, 12, 12, 1), np.float32), np.array([0, 1, 0, 1]), verbose=0)
        keep(model)
    return out


def good() -> bytes:
    """A model that must load whatever its neighbours are."""
    return seeds()[-1]


def mutation(seed: int, number: int) -> bytes:
    """Mutated model `number`: bytes, or values of the header, or both."""
    chance = random.Random(f"model/{seed}/{number}")
    data = chance.choice(seeds())
    kind = chance.random()
    if kind > 0.3:
        data = header_mutated(data, chance)
    return plain.mutated(data, chance, chance.choice(seeds())) if kind < 0.4 else data


def header_mutated(data: bytes, chance: random.Random) -> bytes:
    """1 to 3 values of the header or of the architecture replaced, removed, repeated or nested; numbers as they are."""
    length = int.from_bytes(data[:8], "little")
    head, rest = json.loads(data[8 : 8 + length]), data[8 + length :]
    config = json.loads(head["__metadata__"]["convnet"])
    for _ in range(chance.choice((1, 1, 2, 3))):
        change(head if chance.random() < 0.25 else config, chance)
    if isinstance(head.get("__metadata__"), dict):
        text = json.dumps(config)
        if chance.random() < 0.05:
            text = "[" * 100_000
        head["__metadata__"]["convnet"] = text
    text = json.dumps(head).encode()
    if chance.random() < 0.03:
        text = text.replace(b'"F32"', chance.choice((b'"F64"', b'"I64"', b'"BF16"', b'"BOOL"', b'"F8_E4M3"')))
    stated = len(text) if chance.random() < 0.97 else chance.choice(plain.EXTREMES)
    return stated.to_bytes(8, "little") + text + rest


def change(tree: Any, chance: random.Random) -> None:
    """One change somewhere in a tree of JSON, in place."""
    places: list[tuple[Any, Any]] = []
    stack = [tree]
    while stack:
        node = stack.pop()
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            places.append((node, key))
            if isinstance(node[key], (dict, list)):
                stack.append(node[key])
    if not places:
        return
    node, key = chance.choice(places)
    what = chance.random()
    if what < 0.6:
        node[key] = chance.choice(HOSTILE)
    elif what < 0.75:
        del node[key]
    elif what < 0.9 and isinstance(node, list):
        node.insert(key, node[key])
    else:
        other, of = chance.choice(places)
        try:
            node[key] = json.loads(json.dumps(other[of]))
        except (KeyError, IndexError):  # what was there is gone
            node[key] = None


def model_file(path: str) -> Iterator[tuple[str, float]]:
    """Everything that commands do with a model before the first image. Yields ('model' or why not, seconds)."""
    from convnet.model import load
    from convnet.model_file import ModelFileError
    from convnet.study.metadata import count_seen, read_classes, read_preparation, read_record
    from convnet.study.outputs import predict_probabilities

    start = time.monotonic()
    try:
        model = load(path)
    except ModelFileError as error:
        yield " ".join(str(error).replace(str(path), "").split()), time.monotonic() - start
        return
    try:
        classes, size = read_classes(model), read_preparation(model).size
        model.summary(print_fn=lambda _: None)
        x = np.zeros((1, size, size, 1), np.float32)
        count_seen(read_record(model), x)
        if predict_probabilities(model, x).shape != (1, len(classes)):
            raise AssertionError("a probability for each class")
    except ValueError as error:
        yield " ".join(str(error).split()), time.monotonic() - start
        return
    yield "model", time.monotonic() - start
