"""One class's score and its gradient at every layer: the pass that the explanations share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.engine.graph import Graph
from convnet.engine.plan import Plan
from convnet.losses import Bound, Loss

if TYPE_CHECKING:
    from convnet.model import Model


class Score(Loss):
    """L = z[class_index], summed over the batch: what a final softmax or sigmoid gets, else the output itself."""

    name = "score"

    def __init__(self, class_index: int) -> None:
        super().__init__()
        self.class_index = class_index

    def takes_logits_of(self, activation: str) -> bool:
        return activation in ("softmax", "sigmoid")

    def bind(self, target: str, y: np.ndarray, yhat: np.ndarray, weights: np.ndarray | None, *, logits: bool) -> Bound:
        scores = yhat.reshape(len(yhat), -1)[:, self.class_index]

        def forward(out: np.ndarray) -> None:
            out[...] = scores.sum()

        def backward(out: np.ndarray) -> None:
            out[...] = 0
            out.reshape(len(out), -1)[:, self.class_index] = 1

        return Bound(forward, backward)


def score_plan(model: Model, image: np.ndarray, class_index: int) -> tuple[Graph, Plan]:
    """The model's graph, and a plan that has gone forward from the image (H,W,C) and back from the class's score."""
    graph = model.graph(image.shape)
    plan = Plan(graph, 1, loss=Score(class_index), input_gradient=True, rewritten=False)
    plan.x[0] = image
    plan.forward()
    plan.backward()
    return graph, plan


def check_image(what: str, model: Model, image: Any) -> np.ndarray:
    """One image (H,W,C) of the model's kind, in the model's dtype; ValueError for anything else."""
    array = np.asarray(image)
    if array.ndim != 3:
        hint = ": add the channels, image[..., None]" if array.ndim == 2 else ": give one image of a batch, x[0]"
        raise ValueError(f"{what}: expects one image (height, width, channels), got shape {array.shape}{hint}")
    return np.ascontiguousarray(model.check_batch(array[None])[0], model.compute_dtype)


def check_class(what: str, model: Model, image: np.ndarray, class_index: Any) -> int:
    """The class index as an int; ValueError unless the model has that output."""
    classes = int(np.prod(model.graph(image.shape).output.sample_shape))
    if (
        isinstance(class_index, bool)
        or not isinstance(class_index, (int, np.integer))
        or not 0 <= class_index < classes
    ):
        raise ValueError(f"{what}: class_index must be in 0..{classes - 1}, the model's outputs, got {class_index!r}")
    return int(class_index)
