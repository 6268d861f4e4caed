"""The last features: what a network's last dense layer looks at, as a few hundred numbers an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from convnet.graph import Graph, Node
    from convnet.model import Model

MOST = 256  # more features are projected


def features(model: Model, x: Any, batch: int = 64) -> np.ndarray:
    """The inputs of the last dense layers (of each member of an ensemble), (N, D) float64, D at most 256.

    More than 256 numbers are projected by random signs: f -> S f / sqrt(256), which keeps distances (Achlioptas 2003).
    ValueError for a model that does not end in a dense layer.
    """
    from convnet.plan import Plan

    graph = model.graph(tuple(x.shape[1:]))
    nodes = last_inputs(graph)
    if not nodes:
        raise ValueError(f"{model.name}: does not end in a dense layer: it has no last features")
    out = []
    for start in range(0, len(x), batch):
        part = x[start : start + batch]
        plan = Plan(graph, len(part), rewritten=False)
        plan.run(part)
        out.append(np.concatenate([plan.of(node).reshape(len(part), -1) for node in nodes], axis=1))
    return project(np.concatenate(out).astype(np.float64))


def last_inputs(graph: Graph) -> list[Node]:
    """What goes into the dense layers that the output comes from through nothing but layers without weights."""
    from convnet.layers import Dense

    of = {id(call.output): call for call in graph.calls}
    found: set[int] = set()
    ahead = [graph.output]
    while ahead:
        call = of.get(id(ahead.pop(0)))
        if call is None:
            continue
        if isinstance(call.layer, Dense):
            found.add(id(call))
        elif not call.layer.parameters:
            ahead += list(call.inputs)
    return [node for call in graph.calls if id(call) in found for node in call.inputs]


def project(f: np.ndarray) -> np.ndarray:
    """(N, D) -> (N, 256) where D is larger."""
    D = f.shape[1]
    if D <= MOST:
        return f
    bits = np.random.Philox(0).random_raw(-(-D * MOST // 64))  # raw numbers are the same in every version of NumPy
    signs = np.unpackbits(bits.astype("<u8").view(np.uint8))[: D * MOST].reshape(D, MOST)
    return f @ (2.0 * signs - 1) / np.sqrt(MOST)
