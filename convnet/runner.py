"""How a model runs: `call` is recorded once for each shape and mode, and plans that replay it are lent to threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np

from convnet.engine.arena import Arena
from convnet.engine.device_arena import DeviceArena
from convnet.engine.graph import RECORDING, Graph, Node, record
from convnet.engine.lending import Key, Lending
from convnet.engine.plan import Plan
from convnet.layers.base import Layer, call_with_training
from convnet.layers.changes import count_changes
from convnet.layers.checks import float_type
from convnet.training import Trainer

_GRAPHS_KEPT = 32  # recordings by shape and mode, beside those of the first shape


class Runner(Trainer, Layer):
    """What a model records and replays. Model adds what a user connects, reads, saves and looks at."""

    def __init__(self, name: str | None, dtype: Any) -> None:
        super().__init__(name=name, dtype=None)
        self.compute_dtype = float_type(self.name, dtype)
        self._graphs: dict[tuple, Graph] = {}
        self.plans = Lending(self._make_plan)
        self._arena: Arena | DeviceArena | None = None
        self._unfrozen: list[bool] = []
        self._graphs_know = self._plans_know = count_changes()  # of layers' settings

    def graph(self, shape: tuple[int, ...], training: bool = False) -> Graph:
        """Return the recorded layer calls for samples of this shape."""
        key = (tuple(shape), bool(training))
        found = self._graphs.get(key)
        if found is None or self._graphs_know != count_changes():
            with RECORDING:
                self._forget_old_graphs()
                self._record_graph(key, shape, bool(training))
                return self._graphs[key]
        return found

    def _forget_old_graphs(self) -> None:
        """Forget the recordings if a setting of a layer (its activation, a rate) has changed since."""
        if self._graphs_know != count_changes():
            self._graphs_know = count_changes()
            self._graphs.clear()

    @classmethod
    def _own_builds(cls) -> tuple[Any, ...]:
        return (Runner.build,)

    def _record_graph(self, key: tuple, shape: tuple[int, ...], mode: bool) -> None:
        if key in self._graphs:  # another thread was faster
            return
        self.build_for([tuple(shape)])

        def call(node: Node) -> Any:
            return call_with_training(self.call, node, mode)

        graph = record(call, shape, self.compute_dtype, mode, f"{type(self).__name__}.call")
        self._refuse_strangers(graph)
        if self.input_shape is None:
            self.input_shape, self.dtype = tuple(shape), self.compute_dtype
        others = [k for k in self._graphs if k[0] != self.input_shape]
        for old in others[: max(len(others) - _GRAPHS_KEPT + 1, 0)]:
            del self._graphs[old]
        self._graphs[key] = graph

    def _refuse_strangers(self, graph: Graph) -> None:
        """Raise ValueError for a layer that `call` makes: it would be a new one, with new parameters, at every call."""
        mine = set(self.parameters)
        for layer in graph.layers:
            if not mine.issuperset(layer.parameters):
                raise ValueError(
                    f"{layer.name} is not kept by {type(self).__name__}: a layer made in `call` has new parameters at "
                    "every call. Make it in __init__ and keep it as an attribute (or in a list or dict that is one)"
                )

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the parameters for inputs (None, height, width, channels); the first axis is the batch's."""
        self.graph(tuple(input_shape[1:]))  # type: ignore[arg-type]

    def arena(self) -> Arena | DeviceArena:
        """Return the trainable parameters packed flat where the model runs, in the graph's order."""
        layers = self.training_graph().layers
        self._unfrozen = [layer.trainable for layer in layers]
        wanted = [p for layer in layers if layer.trainable for p in layer.parameters if p.trainable]
        if self._arena is None or self._arena.target != self.target or self._arena.parameters != wanted:
            self.plans.clear()  # their views of the weights are no longer the right ones
            self._arena = Arena(wanted) if self.target == "cpu" else DeviceArena(wanted, self.target)
            self.rebuild_optimizer()
        return self._arena

    def _same_layers_train(self) -> bool:
        """Return True if no layer was frozen or thawed since the parameters were packed."""
        layers = self.training_graph().layers
        return self._arena is not None and self._unfrozen == [layer.trainable for layer in layers]

    def training_graph(self) -> Graph:
        """Return the recorded layer calls of training; ValueError before the first input is seen."""
        if self.input_shape is None:
            raise ValueError(
                f"{self.name} has no parameters yet: it has not seen an input. Call it on a batch, call fit, "
                "or build((None, height, width, channels))"
            )
        return self.graph(self.input_shape, training=True)

    @contextmanager
    def borrowed(
        self, shape: tuple[int, ...], *, training: bool = False, loss: bool = False, weighted: bool = False
    ) -> Iterator[Plan]:
        """Lend a plan for a batch of this shape to the caller, who is alone if layers, or a device's memory, change."""
        if training or self.target != "cpu":
            with self.plans.alone():
                yield self.plan(shape, training=training, loss=loss, weighted=weighted)
            return
        self._make_ready(shape[1:])
        plan = self.plans.take((shape, training, loss, weighted))
        try:
            yield plan
        finally:
            self.plans.give(plan)

    def plan(
        self, shape: tuple[int, ...], *, training: bool = False, loss: bool = False, weighted: bool = False
    ) -> Plan:
        """Return the model's own plan for a batch of this shape: for the one thread that trains."""
        self._make_ready(shape[1:])
        return self.plans.trainer((shape, training, loss, weighted))

    def _make_ready(self, sample_shape: tuple[int, ...]) -> None:
        """Make the parameters, if this is the first input; pack them anew, if layers were frozen or thawed."""
        if self.input_shape is None:
            self.graph(sample_shape)
        if self._plans_know != count_changes():
            with self.plans.alone():
                self._plans_know = count_changes()
                self.plans.clear()
        if not self._same_layers_train():
            with self.plans.alone():
                self.arena()

    def _make_plan(self, key: Key) -> Plan:
        shape, training, loss, weighted = key
        graph, arena = self.graph(shape[1:], training), self.arena()
        chosen = self.loss if loss else None
        return Plan(graph, shape[0], training=training, loss=chosen, weighted=weighted, target=self.target, arena=arena)

    def forget_plans(self) -> None:
        """Drop all plans and their buffers."""
        self.plans.clear()

    def reading(self) -> AbstractContextManager[None]:
        """Keep the parameters as they are while you read several of them, whatever another thread trains."""
        return self.plans.reading()

    def __call__(self, x: Any, training: bool | None = None) -> Any:
        """Return the output for a batch, as an array of your own; on a node, record this model inside another."""
        if isinstance(x, Node):
            return self.record(x, training)
        return self.run(self.check_batch(x), bool(training))

    def run(self, x: Any, training: bool = False) -> np.ndarray:
        """Return the output for a checked batch; any number of threads may call it."""
        if training or self.target != "cpu":
            with self.borrowed(x.shape, training=training) as plan:
                return plan.run(x)
        self._make_ready(x.shape[1:])
        plan = self.plans.take((x.shape, False, False, False))
        try:
            return plan.run(x)
        finally:
            self.plans.give(plan)

    def check_batch(self, x: Any) -> Any:
        """Return x as an array that the model takes, or raise; what slices like one (a memory map) stays as it is."""
        if not (isinstance(getattr(x, "dtype", None), np.dtype) and hasattr(x, "shape")):
            x = np.asarray(x)
        if x.dtype.kind not in "fiub":
            raise TypeError(f"{self.name}: the input must be an array of numbers, got {x.dtype}")
        expected = self.input_shape
        if len(x.shape) < 2 or (expected is not None and len(x.shape) != len(expected) + 1):
            like = ("batch", *expected) if expected else ("batch", "height", "width", "channels")
            raise ValueError(f"{self.name}: expected a batch of shape ({', '.join(map(str, like))}), got {x.shape}")
        if expected is not None and tuple(x.shape[1:]) != expected:
            self._check_other_size(tuple(x.shape[1:]))
        return x

    def _check_other_size(self, shape: tuple[int, ...]) -> None:
        """Raise ValueError for images of another size than the first, unless the model averages over all of it."""
        try:
            self.graph(shape)
        except ValueError as error:
            expected = ("batch", *(self.input_shape or ()))
            raise ValueError(
                f"{self.name}: expected a batch of shape ({', '.join(map(str, expected))}), got samples of {shape}: "
                f"{error}"
            ) from None
