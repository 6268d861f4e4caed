"""A plan: the steps of a graph bound to buffers for one batch size, replayed without allocating."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.engine.bindings import BINDINGS
from convnet.engine.buffers import Buffers
from convnet.engine.fixing import Snapshot, fix
from convnet.engine.gradients import Gradients
from convnet.engine.graph import Graph, Node
from convnet.engine.heads import make_heads, measured
from convnet.engine.lowering import lower, value_of
from convnet.engine.operator import Step, Value
from convnet.engine.parameter import Parameter
from convnet.engine.penalties import Penalty, make_penalties
from convnet.engine.precision import FLOAT32, variant
from convnet.engine.replaying import PAYS_AFTER, not_replayable
from convnet.engine.rewrite import rewrite, separate
from convnet.engine.site import Run, Site, nothing
from convnet.nested.several import Several, joined, parts

if TYPE_CHECKING:
    from convnet.engine.arena import Arena
    from convnet.engine.device_arena import DeviceArena
    from convnet.losses import Loss, Objective


class Plan:
    """Forward, and with a loss backward, for batches of one size.

    Buffers: `x` (batch, *sample), `y` the output, each Several where the model has several; with a loss also `heads`,
    one for each output that has a loss, with its targets, sample weights and loss (0-d), and `gradients`, an array for
    each trainable parameter. They are the plan's own: copy what goes to a user.
    Everything but the gradients is NumPy's: on another target than the CPU `forward` copies x, the targets and the
    sample weights there, and y and the loss back; nothing else moves.
    """

    _threads: Callable[[], int]  # once it is replayed
    _has_run = False
    shelf: Any = None  # where it goes back to, if it is one that is lent (lending.py)

    def __init__(
        self,
        graph: Graph,
        batch: int,
        *,
        training: bool = False,
        loss: Loss | Objective | None = None,
        weighted: bool = False,
        target: str = "cpu",
        arena: Arena | DeviceArena | Snapshot | None = None,
        input_gradient: bool = False,
        rewritten: bool = True,
        precision: str = FLOAT32,
    ) -> None:
        """Lower the graph, allocate its arrays, and bind its kernels to them.

        graph           the recorded layer calls
        batch           samples in a batch
        training        run the layers in training mode
        loss            compute this loss and its gradients as well
        weighted        with a loss: there are sample weights
        target          where the kernels run
        arena           the model's packed parameters; without it each is used where it is. A Snapshot, for
                        inference on the CPU, keeps those of its time and lays convolutions out for them
        input_gradient  compute the gradient with respect to the input as well (`dx`)
        rewritten       False keeps every step as the layers gave it, in memory of its own, so that `of` finds every
                        layer's output and `gradient_of` the loss's gradient with respect to it
        precision       how a layer's sums are computed (precision.py)
        """
        if precision != FLOAT32 and graph.dtype != np.float32:
            raise ValueError(f"precision={precision!r} is for models in float32, got {graph.dtype}: use 'float32'")
        self.precision = precision
        self.batch, self.dtype, self.target = batch, graph.dtype, target
        self.low = lower(graph, training)
        rewrite(self.low, target) if rewritten else separate(self.low)
        if isinstance(arena, Snapshot):
            self.low.steps = fix(self.low.steps, self.low.outputs, arena, batch)
        # True if forward changes what layers keep beside their weights, the statistics of a batch normalization
        self.moves_statistics = any(step.operation == "batchnorm" for step in self.low.steps)
        self._arena = arena
        self._buffers = Buffers(batch, graph.dtype, target)
        inputs, outputs = map(self._buffers.input, self.low.inputs), tuple(map(self._buffers.output, self.low.outputs))
        self.x, self.y = joined(inputs, graph.takes.bare), joined(outputs, graph.gives.bare)
        self.gradients: dict[Parameter, Any] = {} if arena is None else arena.gradients
        self._gradients = Gradients(self.low, self._buffers, self.gradients, input_gradient)
        self._backward: list[Run] = []
        self._penalties: list[Penalty] = []
        losses = [] if loss is None else loss.of_outputs
        self.heads = make_heads(self.low, outputs, losses, weighted) if losses else []
        self._swallowed = {id(head.swallowed) for head in self.heads}
        computed = [head.bind(target, self._buffers, self._gradients, self._backward) for head in self.heads]
        self._forward: list[Run] = [*self._bind_steps(), *computed]
        self._replayed: dict[int, Run] = {}  # by the number of threads, a setting that some kernels are given
        self._runs = 0
        if self.heads:
            unwritten, self._bare = self._gradients.clear_unwritten(), graph.gives.bare
            self._penalties = make_penalties(self.low, self.gradients, unwritten, target)
            self.measured = measured(self.heads, self._bare, self._penalties)

    @property
    def loss(self) -> np.ndarray:
        """The loss of the only output, a 0-d array."""
        return self.heads[0].value

    @property
    def target_array(self) -> np.ndarray:
        """The targets of the only output."""
        return self.heads[0].target

    @property
    def sample_weights(self) -> np.ndarray | None:
        """The sample weights of the only output, if there are any."""
        return self.heads[0].sample_weights

    def fill(self, labels: Any, weights: Any) -> None:
        """Copy a batch's targets, and sample weights if there are any, to where the losses read them."""
        for head in self.heads:
            if self._bare:
                head.fill(labels, weights)
            else:
                some = weights.arrays[head.place] if isinstance(weights, Several) else weights
                head.fill(labels.arrays[head.place], some)

    # --- running

    def compiling_ahead(self, more: Callable[[], list[Run]] = list) -> AbstractContextManager[None]:
        """Return a context for the first run, in which a helper compiles what the plan calls, and `more()` after it."""
        if self._has_run or self.target != "cpu":
            self._has_run = True
            return nullcontext()
        self._has_run = True
        from kernels.ahead import helped  # Numba, which a model can be made without

        return helped(lambda: [*self._forward, *self._backward, *more()])

    def forward(self) -> None:
        """Compute `y` from `x`, and `loss` if the plan has one."""
        if not self._has_run:
            with self.compiling_ahead():
                self.forward()
            return
        if self._arena is not None:
            self._arena.send()
        self._buffers.send()
        for run in self._forward:
            run()
        self._buffers.fetch()
        for penalty in self._penalties:
            penalty.forward()

    def backward(self) -> None:
        """Compute every gradient of the loss; after forward."""
        for run in self._backward:
            run()
        for penalty in self._penalties:
            penalty.add_gradient()

    def run(self, x: Any) -> Any:
        """Return the output for a batch, as an array of the caller's own; Several, if the model gives several."""
        self.x[...] = x
        replayed = self._replayed.get(self._threads()) if self._replayed else None
        if replayed is not None:
            if self._arena is not None:
                self._arena.send()
            replayed()
        else:
            self.forward()
            self._runs += 1
            if self._runs >= PAYS_AFTER and self.can_be_replayed:
                y = self.y.copy()
                self.replay()
                return y
        return self.y.copy()

    @property
    def is_replayed(self) -> bool:
        """True if forward is one native call, for the calling thread's number of threads."""
        return bool(self._replayed) and self._threads() in self._replayed

    @property
    def can_be_replayed(self) -> bool:
        """True if every step of forward is a compiled kernel's on the CPU, and nothing else."""
        usual = self.target == "cpu" and self.precision == FLOAT32  # the matrix unit's kernels look at their inputs
        return usual and not self.heads and not not_replayable(self.low.steps)

    def replay(self) -> None:
        """From now on run forward as one native call, for this number of threads; `x` becomes zeros, `y` theirs."""
        from kernels.replay import Replay, note_calls  # Numba, which a model can be made without
        from kernels.scheduler import number_of_threads

        for x in parts(self.x):
            x[...] = 0  # memory that nobody has written may hold a NaN, which `quantize` refuses
        self._threads = number_of_threads
        self._replayed[self._threads()] = Replay([call for run in self._forward for call in note_calls(run)])

    def of(self, node: Node | Value) -> np.ndarray:
        """Return a recorded node's numbers after forward (of a plan that was not rewritten). Copy what you keep."""
        return self._buffers.on_host(self._buffers.array(value_of(self.low, node)))

    def gradient_of(self, node: Node | Value) -> np.ndarray:
        """Return the loss's gradient with respect to a node, after backward (of a plan that was not rewritten)."""
        return self._buffers.on_host(self._gradients.of_values[value_of(self.low, node)])

    def has_gradient(self, node: Node | Value) -> bool:
        """Return True if backward computes the gradient with respect to this node."""
        return value_of(self.low, node) in self._gradients.of_values

    @property
    def dx(self) -> np.ndarray:
        """The loss's gradient with respect to the (first) input, if the plan was made with `input_gradient`."""
        return self._buffers.on_host(self._gradients.of_values[self.low.input])

    # --- binding

    def _bind_steps(self) -> list[Run]:
        """Bind all steps, last first, as backward runs; return their forwards in the order of the steps."""
        forwards = []
        for step in reversed(self.low.steps):
            after: list[Run] = []
            site = self._site(step, after)
            forward, backward = BINDINGS[step.operation](site)
            forwards.append(forward)
            if site.dy is not None:
                self._backward += [r for r in (backward, *after) if r is not nothing]
        return [run for run in reversed(forwards) if run is not nothing]

    def _site(self, step: Step, after: list[Run]) -> Site:
        """Return a step's arrays; what must run after its backward is appended to `after`."""
        site = Site(
            step,
            self.target,
            tuple(self._buffers.array(v) for v in step.inputs),
            self._buffers.array(step.output),
            tuple(p.value if self._arena is None else self._arena.value(p) for p in step.parameters),
            variant=variant(step, self.precision),
        )
        dy = None if id(step) in self._swallowed else self._gradients.of_values.get(step.output)
        if dy is not None:
            site.dy = dy
            site.dx = tuple(self._gradients.input_slot(step, v, dy, after) for v in step.inputs)
            site.dp = tuple(self._gradients.parameter_slot(step, p, after) for p in step.parameters)
        return site
