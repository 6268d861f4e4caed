"""A plan: the steps of a graph bound to buffers for one batch size, replayed without allocating."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from convnet.bindings import BINDINGS, Run, Site, nothing
from convnet.graph import Graph, Node
from convnet.lowering import Lowering, Step, Value, lower, value_of
from convnet.rewrite import pool_before_relu, separate_relus
from kernels import registry

if TYPE_CHECKING:
    from convnet.layers.base import Parameter
    from convnet.losses import Loss

_GOLDEN = 0x9E3779B97F4A7C15  # spreads the seeds of a dropout layer's several uses


class Plan:
    """Forward, and with a loss backward, for batches of one size.

    Buffers: `x` (batch, *sample), `y` the output; with a loss also `target`, `weights` (or None), `loss` (0-d), and
    `gradients`, an array for each trainable parameter. They are the plan's own: copy what goes to a user.
    `rewritten=False` keeps every step as the layers gave it, in memory of its own, so that `of` finds every layer's
    output and `gradient_of` the loss's gradient with respect to it.
    """

    def __init__(
        self,
        graph: Graph,
        batch: int,
        *,
        training: bool = False,
        loss: Loss | None = None,
        weighted: bool = False,
        target: str = "cpu",
        gradients: dict[Parameter, np.ndarray] | None = None,
        input_gradient: bool = False,
        rewritten: bool = True,
    ) -> None:
        self.batch, self.dtype, self.target = batch, graph.dtype, target
        self.low: Lowering = lower(graph, training)
        if rewritten:
            self.low.steps = pool_before_relu(self.low.steps)
        else:
            separate_relus(self.low.steps)
        self._arrays: dict[Value, np.ndarray] = {}
        self._grads: dict[Value, np.ndarray] = {}
        self.gradients = {} if gradients is None else gradients
        self._input_gradient = input_gradient
        self.x, self.y = self._array(self.low.input), self._array(self.low.output)
        self._seed_dropouts()
        self._backward: list[Run] = []
        self._forward: list[Run] = []
        skip = self._bind_loss(loss, weighted) if loss is not None else None
        self._bind_steps(skip)

    # --- running

    def forward(self) -> None:
        """From `x` to `y`, and to `loss` if the plan has one."""
        for run in self._forward:
            run()

    def backward(self) -> None:
        """From the loss to every gradient; after forward."""
        for run in self._backward:
            run()

    def run(self, x: np.ndarray) -> np.ndarray:
        """The output for a batch, as an array of the caller's own."""
        self.x[...] = x
        self.forward()
        return self.y.copy()

    def of(self, node: Node) -> np.ndarray:
        """The numbers of a recorded node after forward (of a plan that was not rewritten). Copy what you keep."""
        return self._array(value_of(self.low, node))

    def gradient_of(self, node: Node) -> np.ndarray:
        """The loss's gradient with respect to a recorded node, after backward (of a plan that was not rewritten)."""
        return self._grads[value_of(self.low, node)]

    @property
    def dx(self) -> np.ndarray:
        """The loss's gradient with respect to the input, where the plan was made with `input_gradient`."""
        return self._grads[self.low.input]

    # --- buffers

    def _array(self, value: Value) -> np.ndarray:
        """The value's buffer; one that takes over its input's memory is a view of it."""
        if value not in self._arrays:
            shape = (self.batch, *value.shape)
            own = value.alias is None
            self._arrays[value] = np.empty(shape, self.dtype) if own else self._array(value.alias).reshape(shape)  # type: ignore[arg-type]
        return self._arrays[value]

    def _seed_dropouts(self) -> None:
        for number, step in enumerate(s for s in self.low.steps if s.operation == "dropout"):
            step.settings["seed"] = (step.layer.seed + number * _GOLDEN) % 2**64  # type: ignore[attr-defined]

    # --- binding

    def _bind_loss(self, loss: Loss, weighted: bool) -> Step | None:
        """Bind the loss to the output; to its logits where a final softmax or sigmoid feeds nothing else.

        Returns the step that the loss has swallowed, whose backward is then not run.
        """
        last = self.low.steps[-1] if self.low.steps else None
        readers = sum(self.low.output in s.inputs for s in self.low.steps)
        fused = (
            last is not None and last.output is self.low.output and not readers and loss.takes_logits_of(last.operation)
        )
        source = last.inputs[0] if fused and last else self.low.output
        self.target_array = loss.target_buffer(self.y.shape, self.dtype)
        self.weights = np.ones(self.batch, self.dtype) if weighted else None
        self.loss = np.zeros((), self.dtype)
        bound = loss.bind(self.target, self.target_array, self._array(source), self.weights, logits=fused)
        self._loss_forward = partial(bound.forward, out=self.loss)
        if self._needs_gradient(source):
            self._grads[source] = np.empty_like(self._array(source))
            self._backward.append(partial(bound.backward, out=self._grads[source]))
        return last if fused else None

    def _needs_gradient(self, value: Value) -> bool:
        if value is self.low.input:
            return self._input_gradient
        step = next(s for s in self.low.steps if s.output is value)
        return step.trains or any(self._needs_gradient(v) for v in step.inputs)

    def _bind_steps(self, swallowed: Step | None) -> None:
        """Bind all steps, last first: whoever comes first writes a gradient, the others add to it."""
        written: set[Parameter] = set()
        for step in reversed(self.low.steps):
            dy = None if step is swallowed else self._grads.get(step.output)
            site = Site(
                step,
                self.target,
                tuple(self._array(v) for v in step.inputs),
                self._array(step.output),
                tuple(p.value for p in step.parameters),
            )
            after: list[Run] = []
            if dy is not None:
                site.dy = dy
                site.dx = tuple(self._input_slot(step, v, dy, after) for v in step.inputs)
                site.dp = tuple(self._weight_slot(step, p, written, after) for p in step.parameters)
            forward, backward = BINDINGS[step.operation](site)
            self._forward.append(forward)
            if dy is not None:
                self._backward += [r for r in (backward, *after) if r is not nothing]
        self._forward = [r for r in self._forward[::-1] if r is not nothing]
        if hasattr(self, "_loss_forward"):
            self._forward.append(self._loss_forward)

    def _input_slot(self, step: Step, value: Value, dy: np.ndarray, after: list[Run]) -> np.ndarray | None:
        if not self._needs_gradient(value):
            return None
        if value not in self._grads:
            shared = step.output.alias is value
            self._grads[value] = dy.reshape(self._array(value).shape) if shared else np.empty_like(self._array(value))
            return self._grads[value]
        return self._added_to(self._grads[value], after)

    def _weight_slot(self, step: Step, p: Parameter, written: set[Parameter], after: list[Run]) -> np.ndarray | None:
        if not (p.trainable and step.layer.trainable):
            return None
        slot = self.gradients.setdefault(p, np.empty_like(p.value)) if p not in self.gradients else self.gradients[p]
        if p not in written:
            written.add(p)
            return slot
        return self._added_to(slot, after)

    def _added_to(self, total: np.ndarray, after: list[Run]) -> np.ndarray:
        """Scratch for one more contribution to a gradient; adding it is appended to `after`."""
        scratch = np.empty_like(total)
        add = registry.find("add", self.target, "forward")
        after.append(partial(add, total, scratch, out=total))
        return scratch
