"""What the kernels compute for one image: every value and every gradient, each in memory of its own.

A plan shares buffers and fuses the last activation with the loss; here nothing is shared or fused, so that each step
of a lesson has its numbers before and after.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.engine.bindings import BINDINGS
from convnet.engine.lowering import lower
from convnet.engine.operator import Lowering, Step, Value
from convnet.engine.rewrite import seed_random
from convnet.engine.site import Pair, Site

if TYPE_CHECKING:
    from convnet.engine.parameter import Parameter
    from convnet.losses import Loss
    from convnet.model import Model

Weights = dict["Parameter", np.ndarray]

UNSHOWN = (
    "drawn",
    "warped",
)  # operations on random numbers that are drawn on the host: the page cannot draw them again


@dataclass
class Backward:
    """One loss and its gradients. Lists follow the steps; None where a weight has no gradient."""

    loss: float
    dy: dict[Value, np.ndarray]  # of each value, all its readers' shares added
    dx: list[tuple[np.ndarray, ...]]  # a step's share, for each of its inputs
    dp: list[tuple[np.ndarray | None, ...]]  # a step's share, for each of its weights

    def of_weights(self, steps: list[Step]) -> Weights:
        """Return the gradient of each parameter that has one, over all steps that use it, in the steps' order."""
        total: Weights = {}
        for step, shares in zip(steps, self.dp, strict=True):
            for p, share in zip(step.parameters, shares, strict=True):
                if share is not None:
                    total[p] = total[p] + share if p in total else share
        return total


@dataclass
class Trace:
    """The steps and values of a model for one image; `weights` stand in for the model's own where they are given."""

    low: Lowering
    arrays: dict[Value, np.ndarray]
    weights: Weights

    @property
    def steps(self) -> list[Step]:
        """The steps of the lowered model, in order."""
        return self.low.steps

    @property
    def output(self) -> np.ndarray:
        """The model's answer for the image."""
        return self.arrays[self.low.output]

    def backward(self, loss: Loss, target: np.ndarray) -> Backward:
        """From a loss on the output, not fused with the last activation, to all gradients."""
        y = self.output
        buffer = loss.target_buffer(y.shape, y.dtype)
        loss.fill(buffer, target)
        bound = loss.bind("cpu", buffer, y, None, logits=False)
        value, start = np.zeros((), y.dtype), np.empty_like(y)
        bound.forward(out=value)
        bound.backward(out=start)
        return self._propagate(float(value), start)

    def _propagate(self, loss: float, start: np.ndarray) -> Backward:
        """Apply the chain rule, last step first."""
        dy: dict[Value, np.ndarray] = {self.low.output: start}
        dx: list[tuple[np.ndarray, ...]] = []
        dp: list[tuple[np.ndarray | None, ...]] = []
        for step in reversed(self.steps):
            shares = tuple(np.empty_like(self.arrays[v]) for v in step.inputs)
            gradients = tuple(np.empty_like(p.value) if p.trainable else None for p in step.parameters)
            forward, backward = self._bind(step, dy[step.output], shares, gradients)
            with _unchanged(step):
                forward()  # some gradients need what forward leaves behind: a maximum's place, a mask's number
                backward()
            for value, share in zip(step.inputs, shares, strict=True):
                dy[value] = dy[value] + share if value in dy else share
            dx.append(shares)
            dp.append(gradients)
        return Backward(loss, dy, dx[::-1], dp[::-1])

    def _bind(self, step: Step, dy: Any = None, dx: tuple = (), dp: tuple = ()) -> Pair:
        x = tuple(self.arrays[v] for v in step.inputs)
        p = tuple(self.weights.get(p, p.value).copy() for p in step.parameters)  # forward may move statistics
        return BINDINGS[step.operation](Site(step, "cpu", x, self.arrays[step.output], p, dx, dy, dp))

    def run(self, x: np.ndarray) -> None:
        """Forward: fill the arrays."""
        self.arrays[self.low.input] = x
        for step in self.steps:
            source = self.arrays[step.inputs[0]]
            shape = (len(source), *step.output.shape)
            reshaped = step.operation == "reshape"
            self.arrays[step.output] = source.reshape(shape).copy() if reshaped else np.empty(shape, x.dtype)
            with _unchanged(step):
                self._bind(step)[0]()


class _unchanged:
    """A layer that draws random numbers counts its calls: a lesson is not one of them."""

    def __init__(self, step: Step) -> None:
        self.layer = step.layer

    def __enter__(self) -> None:
        self.calls = getattr(self.layer, "calls", None)

    def __exit__(self, *_: object) -> None:
        if self.calls is not None:
            self.layer.calls = self.calls  # type: ignore[attr-defined]


def trace(model: Model, x: np.ndarray, *, training: bool = False, weights: Weights | None = None) -> Trace:
    """Run the kernels on one image x (1, *sample), in training mode or not; the model stays as it is."""
    low = lower(model.graph(x.shape[1:], training), training)
    seed_random(low.steps)
    if unshown := [step.layer.name for step in low.steps if step.operation in UNSHOWN]:
        raise ValueError(
            f"lesson: the random numbers of {', '.join(unshown)} have no page: make the lesson with training=False, "
            "where these layers do nothing"
        )
    made = Trace(low, {}, weights or {})
    made.run(np.ascontiguousarray(x, model.compute_dtype))
    return made
