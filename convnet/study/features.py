"""Features of images in a network: what its convolutions find on the whole, and what its last dense layer looks at."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from convnet.engine.graph import Graph, Node
    from convnet.model import Model

MOST = 192  # more features are projected
HELD = 2**25  # numbers of all layers' outputs that are in memory at once: 128 MB


Features = dict[str, np.ndarray]


def features(model: Model, x: Any) -> Features:
    """Return two kinds of features of images (N,H,W,C), each (N, D) float64, D at most 192.

    textures  mean and standard deviation of every channel of every convolution's output
    last      the inputs of the last dense layers (of each member of an ensemble)

    More than 192 numbers are projected by random signs: f -> S f / sqrt(192), which keeps distances (Achlioptas 2003).
    ValueError for a model without convolutions, or that does not end in a dense layer.
    """
    return project_features(extract(model, x))


def project_features(found: Features) -> Features:
    """Return the features with at most 192 numbers of each kind."""
    return {name: project(f) for name, f in found.items()}


def extract(model: Model, x: Any) -> Features:
    """Return the features before they are projected. The model is run once over the images, up to 64 at a time."""
    from convnet.engine.plan import Plan

    graph = model.graph(tuple(x.shape[1:]))
    maps, last = convolved(graph), last_inputs(graph)
    if not maps or not last:
        raise ValueError(f"{model.name}: needs convolutions and a dense layer at its end to have features")
    found: dict[str, list[np.ndarray]] = {"textures": [], "last": []}
    plan: Plan | None = None
    batch = min(64, max(1, HELD // sum(prod(node.sample_shape) for call in graph.calls for node in call.outputs)))
    for start in range(0, len(x), batch):
        part = x[start : start + batch]
        if plan is None or plan.batch != len(part):
            plan = Plan(graph, len(part), rewritten=False)
        plan.run(part)
        textures = [moments(plan.of(node)) for node in maps]
        found["textures"].append(np.concatenate(textures, axis=1))
        found["last"].append(np.concatenate([plan.of(n).reshape(len(part), -1) for n in last], axis=1))
    return {name: np.concatenate(parts).astype(np.float64) for name, parts in found.items()}


def moments(maps: np.ndarray) -> np.ndarray:
    """Return mean and standard deviation of each channel of maps (N,H,W,C): (N,2C), computed in float64."""
    wide = maps.astype(np.float64)
    return np.concatenate([wide.mean(axis=(1, 2)), wide.std(axis=(1, 2))], axis=1)


def join_features(found: Sequence[Features]) -> Features:
    """Return the features of an ensemble from those of its members, before they are projected."""
    return {name: np.concatenate([f[name] for f in found], axis=1) for name in found[0]}


def convolved(graph: Graph) -> list[Node]:
    """Return the outputs of the convolutions, in the order in which they are computed."""
    from convnet.layers import Conv2D
    from convnet.layers.quantized import QuantizedConv2D

    return [call.output for call in graph.calls if isinstance(call.layer, (Conv2D, QuantizedConv2D))]


def last_inputs(graph: Graph) -> list[Node]:
    """Return the inputs of the dense layers behind which no layer has parameters."""
    from convnet.layers import Dense
    from convnet.layers.quantized import QuantizedDense

    of = {id(call.output): call for call in graph.calls}
    found: set[int] = set()
    ahead = [graph.output]
    while ahead:
        call = of.get(id(ahead.pop(0)))
        if call is None:
            continue
        if isinstance(call.layer, (Dense, QuantizedDense)):
            found.add(id(call))
        elif not call.layer.parameters:
            ahead += list(call.inputs)
    return [node for call in graph.calls if id(call) in found for node in call.inputs]


def project(f: np.ndarray) -> np.ndarray:
    """Return features (N, D) as (N, 192) if D is larger."""
    D = f.shape[1]
    if D <= MOST:
        return f
    bits = np.random.Philox(0).random_raw(-(-D * MOST // 64))  # raw numbers are the same in every version of NumPy
    signs = np.unpackbits(bits.astype("<u8").view(np.uint8))[: D * MOST].reshape(D, MOST)
    return f @ (2.0 * signs - 1) / np.sqrt(MOST)
