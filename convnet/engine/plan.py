"""A plan: the steps of a graph bound to buffers for one batch size, replayed without allocating."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.engine.bindings import BINDINGS, Run, Site, nothing
from convnet.engine.graph import Graph, Node
from convnet.engine.lowering import lower, value_of
from convnet.engine.operator import Lowering, Step, Value
from convnet.engine.parameter import Parameter
from convnet.engine.rewrite import fuse_convpool, pool_before_relu, separate_relus
from kernels import registry, targets

if TYPE_CHECKING:
    from convnet.engine.arena import Arena
    from convnet.engine.device_arena import DeviceArena
    from convnet.losses import Loss

_GOLDEN = 0x9E3779B97F4A7C15  # spreads the seeds of a dropout layer's several uses


class Plan:
    """Forward, and with a loss backward, for batches of one size.

    Buffers: `x` (batch, *sample), `y` the output; with a loss also `target_array`, `weights` (or None), `loss` (0-d),
    and `gradients`, an array for each trainable parameter. They are the plan's own: copy what goes to a user.
    Everything but the gradients is NumPy's: on another target than the CPU `forward` copies x, the targets and the
    weights of samples there, and y and the loss back; nothing else moves.
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
        arena: Arena | DeviceArena | None = None,
        input_gradient: bool = False,
        rewritten: bool = True,
    ) -> None:
        self.batch, self.dtype, self.target = batch, graph.dtype, target
        self.low: Lowering = lower(graph, training)
        if rewritten:
            self.low.steps = pool_before_relu(self.low.steps)
            if target == "cpu":  # of convpool there are no variants for GPUs
                self.low.steps = fuse_convpool(self.low.steps, self.low.output)
        else:
            separate_relus(self.low.steps)
        self._arrays: dict[Value, np.ndarray] = {}
        self._grads: dict[Value, np.ndarray] = {}
        self._arena = arena
        self.gradients: dict[Parameter, Any] = {} if arena is None else arena.gradients
        self._input_gradient = input_gradient
        self._sent: list[tuple[Any, np.ndarray]] = []
        self._fetched: list[tuple[np.ndarray, Any]] = []
        self.x, self.y = self._at_the_edge(self.low.input), self._at_the_edge(self.low.output)
        if target != "cpu":
            self._sent.append((self._array(self.low.input), self.x))
            self._fetched.append((self.y, self._array(self.low.output)))
        seed_dropouts(self.low.steps)
        self._backward: list[Run] = []
        self._forward: list[Run] = []
        skip = self._bind_loss(loss, weighted) if loss is not None else None
        self._bind_steps(skip)

    # --- running

    def forward(self) -> None:
        """From `x` to `y`, and to `loss` if the plan has one."""
        if self._arena is not None:
            self._arena.send()
        for there, here in self._sent:
            targets.copy(there, here)
        for run in self._forward:
            run()
        for here, there in self._fetched:
            targets.copy(here, there)

    def backward(self) -> None:
        """From the loss to every gradient; after forward."""
        for run in self._backward:
            run()

    def run(self, x: np.ndarray) -> np.ndarray:
        """The output for a batch, as an array of the caller's own."""
        self.x[...] = x
        self.forward()
        return self.y.copy()

    def of(self, node: Node | Value) -> np.ndarray:
        """The numbers of a recorded node after forward (of a plan that was not rewritten). Copy what you keep."""
        return self._on_host(self._array(value_of(self.low, node)))

    def gradient_of(self, node: Node | Value) -> np.ndarray:
        """The loss's gradient with respect to a recorded node, after backward (of a plan that was not rewritten)."""
        return self._on_host(self._grads[value_of(self.low, node)])

    def has_gradient(self, node: Node | Value) -> bool:
        """Does backward compute the gradient with respect to this node?"""
        return value_of(self.low, node) in self._grads

    @property
    def dx(self) -> np.ndarray:
        """The loss's gradient with respect to the input, where the plan was made with `input_gradient`."""
        return self._on_host(self._grads[self.low.input])

    # --- buffers

    def _array(self, value: Value) -> np.ndarray:
        """The value's buffer; one that takes over its input's memory is a view of it."""
        if value not in self._arrays:
            shape = (self.batch, *value.shape)
            own = value.alias is None
            self._arrays[value] = self._empty(shape) if own else self._array(value.alias).reshape(shape)  # type: ignore[arg-type]
        return self._arrays[value]

    def _empty(self, shape: tuple[int, ...]) -> Any:
        return targets.empty(shape, self.dtype, self.target)

    def _at_the_edge(self, value: Value) -> np.ndarray:
        """The host's array of the input or the output: on the CPU the value's own."""
        return self._array(value) if self.target == "cpu" else np.zeros((self.batch, *value.shape), self.dtype)

    def _to_send(self, here: np.ndarray) -> Any:
        """The target's copy of a host array, which `forward` fills; on the CPU the array itself."""
        if self.target == "cpu":
            return here
        self._sent.append((targets.empty(here.shape, here.dtype, self.target), here))
        return self._sent[-1][0]

    def _on_host(self, array: Any) -> np.ndarray:
        return array if self.target == "cpu" else targets.to_host(array)

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
        self.loss_function, self.loss_reads, self.swallowed = loss, source, last if fused else None
        self.target_array = loss.target_buffer(self.y.shape, self.dtype)
        self.weights = np.ones(self.batch, self.dtype) if weighted else None
        self.loss = np.zeros((), self.dtype)
        there = self._to_send(self.target_array), None if self.weights is None else self._to_send(self.weights)
        bound = loss.bind(self.target, there[0], self._array(source), there[1], logits=fused)
        out = self.loss if self.target == "cpu" else self._empty(())
        if self.target != "cpu":
            self._fetched.append((self.loss, out))
        self._loss_forward = partial(bound.forward, out=out)
        if self._needs_gradient(source):
            self._grads[source] = targets.empty_like(self._array(source))
            self._backward.append(partial(bound.backward, out=self._grads[source]))
        return self.swallowed

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
                tuple(p.value if self._arena is None else self._arena.value(p) for p in step.parameters),
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
            array = self._array(value)
            self._grads[value] = dy.reshape(array.shape) if shared else targets.empty_like(array)
            return self._grads[value]
        return self._added_to(self._grads[value], after)

    def _weight_slot(self, step: Step, p: Parameter, written: set[Parameter], after: list[Run]) -> np.ndarray | None:
        if not (p.trainable and step.layer.trainable):
            return None
        if p not in self.gradients:
            self.gradients[p] = targets.empty(p.shape, p.dtype, self.target)
        slot = self.gradients[p]
        if p not in written:
            written.add(p)
            return slot
        return self._added_to(slot, after)

    def _added_to(self, total: np.ndarray, after: list[Run]) -> np.ndarray:
        """Scratch for one more contribution to a gradient; adding it is appended to `after`."""
        scratch = targets.empty_like(total)
        add = registry.find("add", self.target, "forward")
        after.append(partial(add, total, scratch, out=total))
        return scratch


def seed_dropouts(steps: list[Step]) -> None:
    """Each use of a dropout layer draws from a seed of its own, made from the layer's."""
    for number, step in enumerate(s for s in steps if s.operation == "dropout"):
        step.settings["seed"] = (step.layer.seed + number * _GOLDEN) % 2**64  # type: ignore[attr-defined]
