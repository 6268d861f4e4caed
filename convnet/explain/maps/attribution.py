"""Which part of an image speaks for a class: Grad-CAM and occlusion maps, for any model of ours.

A map says what the network used, not what is there, and may mislead: `convnet.explain.maps.sanity` tests whether a map
depends on what the network has learned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.engine.graph import record
from convnet.engine.plan import Plan
from convnet.explain.maps.score import check_class, check_image, score_plan
from convnet.terms.receptive import Field, fields
from kernels import checks

if TYPE_CHECKING:
    from convnet.engine.graph import Call, Graph, Node
    from convnet.layers.base import Layer
    from convnet.model import Model


def grad_cam(
    model: Model,
    image: np.ndarray,
    class_index: int,
    layer: Layer | str | None = None,
    *,
    upsample: bool = True,
    border: str = "repeat",
) -> np.ndarray:
    """Return Grad-CAM: the layer's maps A, each weighted by the mean of its gradient, added up, negatives cut off.

        alpha[f] = mean_{i,j} dz[class_index] / dA[i,j,f]        L[i,j] = max(0, sum_f alpha[f] * A[i,j,f])

    z: the class's score before the final softmax or sigmoid.  image (H,W,C), float; layer: a layer or its name, by
    default the last one before pooling whose output is an image (its last call, where it is used twice).
    -> (H,W) float64, >= 0, in units of the score; upsample=False gives L as it is, (Ho,Wo). Each L[i,j] stands at the
    middle of its receptive field, and lines join them. All zeros if nothing speaks for the class, or only a
    place does: alpha is a mean over all places, which a dense layer after Flatten tells apart; try `occlusion` then.
    border: layers that pad with zeros see a dark frame around the image and may answer it, so that A is large along the
    edges although the image shows nothing there. "repeat" takes A from the image continued by its outermost pixels,
    which changes only those A that see the padding; "zero" takes A as the network computes it. alpha is the same.
    ValueError for an image, class or layer that does not fit the model.  Source: Selvaraju et al., ICCV 2017, (1), (2).
    """
    if border not in ("repeat", "zero"):
        raise ValueError(f"grad_cam: border must be 'repeat' or 'zero', got {border!r}")
    image = check_image("grad_cam", model, image)
    class_index = check_class("grad_cam", model, image, class_index)
    graph, plan = score_plan(model, image, class_index)
    place = _find(graph, layer)
    node = graph.calls[place].output
    maps, gradient = (a[0].astype(np.float64) for a in (plan.of(node), plan.gradient_of(node)))
    field = fields(graph)[place]
    if field is None:
        raise ValueError(f"grad_cam: every number of layer {graph.calls[place].layer.name!r} sees the whole image")
    if border == "repeat" and (margin := reach(field, maps.shape, image.shape)) != (0, 0):
        maps = continued_maps(graph, place, image, margin, field)
    total = np.maximum(maps @ gradient.mean(axis=(0, 1)), 0)
    return spread(total, field, image.shape[:2]) if upsample else total


def _find(graph: Graph, layer: Layer | str | None) -> int:
    """Return the place in graph.calls of the layer to look at."""
    images = [n for n, call in enumerate(graph.calls) if _is_image(call)]
    if layer is None:
        found = [n for n in images if "Pooling" not in type(graph.calls[n].layer).__name__]
        if not found:
            raise ValueError("grad_cam: no layer of this model gives an image; Grad-CAM needs a convolution's maps")
    else:
        found = [n for n in images if layer in (graph.calls[n].layer, graph.calls[n].layer.name)]
        if not found:
            named = getattr(layer, "name", layer)
            there = ", ".join(dict.fromkeys(graph.calls[n].layer.name for n in images)) or "none"
            raise ValueError(f"grad_cam: no layer {named!r} of this model gives an image; those that do: {there}")
    return found[-1]


def _is_image(call: Call) -> bool:
    """Return True if the output has rows and columns that belong to places of the input."""
    return len(call.output.sample_shape) == 3


def reach(field: Field, maps: tuple[int, ...], image: tuple[int, ...]) -> tuple[int, int]:
    """Return how far beyond the image the maps see, in pixels by axis: the next multiple of a map's step."""
    before = [-start for start in field.start]
    after = [field.start[a] + (maps[a] - 1) * field.step[a] + field.size[a] - image[a] for a in (0, 1)]
    rows, columns = (-(-max(b, a, 0) // step) * step for b, a, step in zip(before, after, field.step, strict=True))
    return rows, columns


def continued_maps(graph: Graph, place: int, image: np.ndarray, margin: tuple[int, int], field: Field) -> np.ndarray:
    """Return a layer's maps (Ho,Wo,F) of the image continued by its outermost pixels, cut to the image, float64.

    A margin of whole steps leaves every window where it was: strides and "same" padding fall on the same pixels.
    """
    rows, columns = margin
    wide = np.pad(image, ((rows, rows), (columns, columns), (0, 0)), mode="edge")
    target = graph.calls[place].output

    def call(x: Node) -> Node:
        nodes = {id(graph.input): x}
        for one in _leading_to(graph, place):
            inputs = [nodes[id(node)] for node in one.inputs]
            nodes[id(one.output)] = one.layer(inputs[0] if len(inputs) == 1 else inputs)  # type: ignore[operator]
        return nodes[id(target)]

    plan = Plan(record(call, wide.shape, graph.dtype, False, "grad_cam"), 1)
    plan.run(wide[None])
    top, left = rows // field.step[0], columns // field.step[1]
    height, width, _ = target.sample_shape
    return plan.y[0, top : top + height, left : left + width].astype(np.float64)


def _leading_to(graph: Graph, place: int) -> list[Call]:
    """Return the calls, in order, whose outputs the call at this place is made of, itself included."""
    wanted, found = {id(graph.calls[place].output)}, []
    for call in reversed(graph.calls[: place + 1]):
        if id(call.output) in wanted:
            wanted |= {id(node) for node in call.inputs}
            found.append(call)
    return found[::-1]


def spread(values: np.ndarray, field: Field, size: tuple[int, ...]) -> np.ndarray:
    """Spread numbers (Ho,Wo) to (H,W): each at the middle of its receptive field, linear between, flat outside."""
    for axis in (0, 1):
        places = field.start[axis] + np.arange(values.shape[axis]) * field.step[axis] + (field.size[axis] - 1) / 2
        pixels = np.arange(size[axis])
        values = np.apply_along_axis(lambda line, at=places, to=pixels: np.interp(to, at, line), axis, values)
    return values


def occlusion(
    model: Model,
    image: np.ndarray,
    class_index: int,
    *,
    size: Any = None,
    stride: Any = None,
    fill: float | None = None,
    batch_size: int = 64,
) -> np.ndarray:
    """Return an occlusion map: how much the class's output falls when a square that holds the pixel is covered.

        drop[t]    = y[class_index](x) - y[class_index](x with square t filled)
        map[h,w]   = the mean of drop[t] over the squares t that cover pixel (h,w)

    -> (H,W) float64, in units of the model's output; above 0 the pixel speaks for the class, below against it. It
    costs one forward pass for every square.

    model        any model of ours
    image        (H,W,C), float
    class_index  the output whose fall is measured
    size         of the square in pixels, an int or (height, width); by default a sixth of the image
    stride       between squares; by default half of size, at most size
    fill         the covering grey; by default each channel's mean of the image
    batch_size   squares in one forward pass

    ValueError for an image, class, size or stride that does not fit.  Source: Zeiler & Fergus, ECCV 2014, 4.2.
    """
    image = check_image("occlusion", model, image)
    class_index = check_class("occlusion", model, image, class_index)
    sides = image.shape[:2]
    size = tuple(-(-n // 6) for n in sides) if size is None else checks.pair("occlusion", "size", size)
    stride = tuple(max(1, n // 2) for n in size) if stride is None else checks.pair("occlusion", "stride", stride)
    if any(n > side for n, side in zip(size, sides, strict=True)):
        raise ValueError(f"occlusion: a square of {size} pixels is larger than the image of {sides}")
    if any(s > n for s, n in zip(stride, size, strict=True)):
        raise ValueError(f"occlusion: stride {stride} is more than size {size}: pixels between would never be covered")
    grey = image.mean(axis=(0, 1)) if fill is None else fill
    if not np.all(np.isfinite(grey)):
        raise ValueError(f"occlusion: fill must be a number, got {fill}")
    corners = [
        (top, left) for top in _starts(sides[0], size[0], stride[0]) for left in _starts(sides[1], size[1], stride[1])
    ]
    covered = _Covered(image, corners, size, grey)
    outputs = _class_outputs(model, covered, class_index, batch_size)
    before = float(_class_outputs(model, image[None], class_index, 1)[0])
    total, count = np.zeros(sides), np.zeros(sides)
    for (top, left), y in zip(corners, outputs, strict=True):
        window = slice(top, top + size[0]), slice(left, left + size[1])
        total[window] += before - float(y)
        count[window] += 1
    return total / count


class _Covered:
    """The image once for every square, each covered by it; made a batch at a time, when it is sliced."""

    def __init__(self, image: np.ndarray, corners: list[tuple[int, int]], size: tuple[int, ...], grey: Any) -> None:
        self.image, self.corners, self.size, self.grey = image, corners, size, grey

    def __len__(self) -> int:
        return len(self.corners)

    def __getitem__(self, part: slice) -> np.ndarray:
        corners = self.corners[part]
        batch = np.repeat(self.image[None], len(corners), axis=0)
        for one, (top, left) in zip(batch, corners, strict=True):
            one[top : top + self.size[0], left : left + self.size[1]] = self.grey
        return batch


def _class_outputs(model: Model, x: Any, class_index: int, batch_size: int) -> np.ndarray:
    """Return the class's output for each image."""
    parts = [model(x[start : start + batch_size]) for start in range(0, len(x), batch_size)]
    return np.concatenate([part.reshape(len(part), -1)[:, class_index] for part in parts])


def _starts(side: int, size: int, stride: int) -> list[int]:
    """Return where squares begin: every `stride` pixels, and one that ends with the image."""
    return sorted({*range(0, side - size + 1, stride), side - size})
