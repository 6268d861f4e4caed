"""The outputs that have a loss: what each loss reads, and the arrays of its targets and sample weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.engine.buffers import Buffers
from convnet.engine.gradients import Gradients
from convnet.engine.operator import Lowering, Step, Value
from convnet.engine.penalties import Penalty
from convnet.engine.site import Run

if TYPE_CHECKING:
    from convnet.losses import Loss


@dataclass(eq=False)
class Head:
    """A loss on one output.

    place            which output
    loss             its loss
    weight           what its gradient is multiplied by: Keras's loss_weights
    reads            the value that the loss reads: the output, or the logits before it
    swallowed        the step whose backward the loss computes too: a final softmax or sigmoid
    target           the targets of a batch
    sample_weights   a weight a row, or None
    backward_weights those that the gradient is computed with: multiplied by `weight`
    value            the loss of the latest batch, a 0-d array
    """

    place: int
    loss: Loss
    weight: float
    reads: Value
    swallowed: Step | None
    target: np.ndarray
    sample_weights: np.ndarray | None
    value: np.ndarray
    backward_weights: np.ndarray | None = field(init=False)

    def __post_init__(self) -> None:
        plain = self.weight == 1 or self.sample_weights is None
        self.backward_weights = self.sample_weights if plain else np.ones_like(self.sample_weights)

    def fill(self, labels: Any, weights: Any) -> None:
        """Copy a batch's targets, and sample weights if there are any, to where the loss reads them."""
        self.loss.fill(self.target, labels)
        if self.sample_weights is None:
            return
        self.sample_weights[...] = 1 if weights is None else weights
        self.loss.scale(self.sample_weights)
        if self.backward_weights is not self.sample_weights:
            np.multiply(self.sample_weights, self.weight, out=self.backward_weights)

    def bind(self, target: str, buffers: Buffers, gradients: Gradients, backward: list[Run]) -> Run:
        """Return the loss's forward; its backward is appended to `backward`, if it is needed."""
        there: Callable[[Any], Any] = (lambda array: array) if self.loss.on_host else buffers.copy_of
        labels, predicted = there(self.target), buffers.array(self.reads)
        weights = None if self.sample_weights is None else there(self.sample_weights)
        logits = self.swallowed is not None
        bound = self.loss.bind(target, labels, predicted, weights, logits=logits)
        after: list[Run] = []
        if (start := gradients.start(self.reads, after)) is not None:
            back = bound
            if self.backward_weights is not self.sample_weights:
                scaled = there(self.backward_weights)
                back = self.loss.bind(target, labels, predicted, scaled, logits=logits)
            backward += [partial(back.backward, out=start), *after]
        return partial(bound.forward, out=self.value if self.loss.on_host else buffers.source_of(self.value))


def make_heads(
    low: Lowering, outputs: tuple[np.ndarray, ...], losses: list[tuple[Loss | None, float]], weighted: bool
) -> list[Head]:
    """Return the heads of a plan's outputs, for the losses of a model (one an output) and their weights."""
    heads = []
    for place, (value, y, (loss, weight)) in enumerate(zip(low.outputs, outputs, losses, strict=True)):
        if loss is None:
            continue
        last = _last_step(low, value)
        swallowed = last if last is not None and loss.takes_logits_of(last.operation) else None
        reads = value if swallowed is None else swallowed.inputs[0]
        ones = np.ones(y.shape[:-1], y.dtype) if weighted or loss.needs_weights or weight != 1 else None
        buffer = loss.target_buffer(y.shape, y.dtype)
        heads.append(Head(place, loss, weight, reads, swallowed, buffer, ones, np.zeros((), y.dtype)))
    return heads


def _last_step(low: Lowering, value: Value) -> Step | None:
    """Return the step that computes an output, if nothing else reads what it computes."""
    if low.outputs.count(value) > 1 or any(value in s.inputs for s in low.steps):
        return None
    return next((s for s in reversed(low.steps) if s.output is value), None)


def measured(heads: list[Head], bare: bool, penalties: list[Penalty]) -> Callable[[], Any]:
    """Return a function for the loss of the latest batch: a number, or of several outputs [total, *each one's].

    What parameters cost is part of the whole loss.
    """
    if penalties:
        plain = measured(heads, bare, [])

        def with_penalties() -> Any:
            cost = sum(penalty.cost for penalty in penalties)
            found = plain()
            return found + cost if bare else np.array([found[0] + cost, *found[1:]])

        return with_penalties
    if bare:
        (head,) = heads
        value, weight = head.value, head.weight
        return (lambda: float(value)) if weight == 1 else (lambda: weight * float(value))

    def all_of_them() -> np.ndarray:
        each = [float(head.value) for head in heads]
        return np.array([sum(head.weight * loss for head, loss in zip(heads, each, strict=True)), *each])

    return all_of_them
