"""How a model runs: `call` is recorded once for each shape and mode, and plans that replay it are lent to threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np

from convnet.engine.arena import Arena
from convnet.engine.device_arena import DeviceArena
from convnet.engine.graph import RECORDING, Graph, has_nodes, record
from convnet.engine.lending import Key, Lending
from convnet.engine.plan import Plan
from convnet.layers.base import Layer, call_with_training
from convnet.layers.changes import count_changes
from convnet.layers.checks import float_type
from convnet.nested.several import Several, batch_size, each_shape, parts, sample_shape
from convnet.nested.structure import Structure, leaves
from convnet.training import Trainer

_GRAPHS_KEPT = 32  # recordings by shape and mode, beside those of the first shape


class Runner(Trainer, Layer):
    """What a model records and replays. Model adds what a user connects, reads, saves and looks at."""

    def __init__(self, name: str | None, dtype: Any) -> None:
        super().__init__(name=name, dtype=None)
        self.compute_dtype = float_type(self.name, dtype)
        self._graphs: dict[tuple, Graph] = {}
        self.takes: Structure | None = None  # how the inputs are given, once it is known
        self.plans = Lending(self._make_plan)
        self._arena: Arena | DeviceArena | None = None
        self._unfrozen: list[bool] = []
        self._graphs_know = self._plans_know = count_changes()  # of layers' settings

    def graph(self, shape: tuple[Any, ...], training: bool = False) -> Graph:
        """Return the recorded layer calls for samples of this shape, or of these shapes."""
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
        takes = self.takes or Structure()
        self.build_for(takes.build((None, *s) for s in each_shape(tuple(shape))))

        def call(given: Any) -> Any:
            return call_with_training(self.call, given, mode)

        graph = record(call, shape, self.compute_dtype, mode, f"{type(self).__name__}.call", takes)
        self._refuse_strangers(graph)
        graph.gives = self.known_outputs or graph.gives  # a connected model's names, not those of layers inside others
        if self.input_shape is None:
            self.input_shape, self.dtype = tuple(shape), self.compute_dtype
            self.connect_layers()
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

    def connect_layers(self) -> None:
        """Note where the layers stand, once their parameters are made: what a Sequential does."""

    def build(self, input_shape: Any) -> None:
        """Make the parameters for inputs (None, height, width, channels); the first axis is the batch's.

        A model with several inputs takes a list or dict of such shapes.
        """
        nested = isinstance(input_shape, dict) or (input_shape and isinstance(input_shape[0], (list, tuple)))
        if not nested:
            self.graph(tuple(input_shape[1:]))
            return
        items = input_shape.items() if isinstance(input_shape, dict) else enumerate(input_shape)
        named = {key: tuple(shape[1:]) for key, shape in items}
        given = {key: named[key] for key in sorted(named)}
        if self.takes is None:
            skeleton = dict.fromkeys(given) if isinstance(input_shape, dict) else [None] * len(given)
            names = [str(key) if isinstance(input_shape, dict) else f"input_{key}" for key in given]
            self.takes = Structure(skeleton, tuple(names))
        self.graph((*given.values(),))  # type: ignore[arg-type]

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
        plan = self.take_plan((shape, training, loss, weighted))
        try:
            yield plan
        finally:
            self.plans.give(plan)

    def plan(
        self, shape: tuple[int, ...], *, training: bool = False, loss: bool = False, weighted: bool = False
    ) -> Plan:
        """Return the model's own plan for a batch of this shape: for the one thread that trains."""
        self._make_ready(shape)
        return self.plans.trainer((shape, training, loss, weighted))

    def _make_ready(self, shape: tuple[Any, ...]) -> None:
        """Make the parameters, if this is the first input; pack them anew, if layers were frozen or thawed."""
        if self.input_shape is None:
            self.graph(sample_shape(shape))
        if self._plans_know != count_changes():
            with self.plans.alone():
                self._plans_know = count_changes()
                self.plans.clear()
        if not self._same_layers_train():
            with self.plans.alone():
                self.arena()

    def _make_plan(self, key: Key) -> Plan:
        shape, training, loss, weighted, precision = (*key, self.precision)[:5]
        graph, arena = self.graph(sample_shape(shape), training), self.arena()
        chosen = self.loss if loss else None
        return Plan(
            graph, batch_size(shape), training=training, loss=chosen, weighted=weighted, target=self.target,
            arena=arena, precision=precision,
        )  # fmt: skip

    def forget_plans(self) -> None:
        """Drop all plans and their buffers."""
        self.plans.clear()

    def reading(self) -> AbstractContextManager[None]:
        """Keep the parameters as they are while you read several of them, whatever another thread trains."""
        return self.plans.reading()

    def __call__(self, x: Any, training: bool | None = None) -> Any:
        """Return the output for a batch, as an array of your own; on a node, record this model inside another.

        Several inputs are given, and several outputs returned, as lists or dicts of arrays.
        """
        if not isinstance(x, np.ndarray) and has_nodes(x):
            return self.record(x, training)
        x = self.check_batch(x)
        y = self.run(x, bool(training))
        return y if isinstance(y, np.ndarray) else self.structured_output(x, y)

    def structured_input(self, x: Any) -> Any:
        """Return a checked batch as the user gives it: an array, or the model's list or dict of them."""
        return x if self.takes is None else self.takes.build(parts(x))

    def structured_output(self, x: Any, y: Any) -> Any:
        """Return several outputs for a checked batch as the model gives them."""
        return self.graph(sample_shape(x.shape)).gives.build(parts(y))

    def run(self, x: Any, training: bool = False) -> Any:
        """Return the output for a checked batch, Several of a model with several; any number of threads may call it."""
        if training or self.target != "cpu":
            with self.borrowed(x.shape, training=training) as plan:
                return plan.run(x)
        plan = self.take_plan((x.shape, False, False, False))
        try:
            return plan.run(x)
        finally:
            self.plans.give(plan)

    def take_plan(self, key: Key) -> Plan:
        """Lend a plan to the caller, who gives it back to `plans`."""
        self._make_ready(key[0])
        return self.plans.take(key)

    def check_batch(self, x: Any) -> Any:
        """Return x as an array that the model takes, or as Several, or raise.

        What slices like an array (a memory map) stays as it is.
        """
        if isinstance(x, Several):
            return x
        if isinstance(x, (list, tuple, dict)):
            takes = self._learn_structure(x)
            if not takes.bare:
                return self._check_several(takes.take(self.name, "x", x))
            if isinstance(x, dict) or (len(x) == 1 and self._is_batch(x[0])):
                (x,) = takes.take(self.name, "x", x)
        elif self.takes is not None and not self.takes.bare:
            raise ValueError(f"{self.name}: x must be {self.takes}; got {type(x).__name__}")
        x = self._numbers(x)
        expected = self.input_shape
        if len(x.shape) < 2 or (expected is not None and len(x.shape) != len(expected) + 1):
            like = ("batch", *expected) if expected else ("batch", "height", "width", "channels")
            raise ValueError(f"{self.name}: expected a batch of shape ({', '.join(map(str, like))}), got {x.shape}")
        if expected is not None and tuple(x.shape[1:]) != expected:
            self._check_other_size(tuple(x.shape[1:]))
        return x

    def _numbers(self, x: Any) -> Any:
        if not (isinstance(getattr(x, "dtype", None), np.dtype) and hasattr(x, "shape")):
            x = np.asarray(x)
        if x.dtype.kind not in "fiub":
            raise TypeError(f"{self.name}: the input must be an array of numbers, got {x.dtype}")
        return x

    def _is_batch(self, x: Any) -> bool:
        """Return True if what stands alone in a list is the batch, False if it is the only sample."""
        return self.input_shape is not None and np.ndim(x) == len(self.input_shape) + 1

    def _learn_structure(self, x: Any) -> Structure:
        """Return how the inputs are given; a subclass learns it from what it sees first, as in Keras."""
        if self.takes is None:
            several = isinstance(x, dict) or (len(x) > 1 and all(hasattr(item, "shape") for item in leaves(x)))
            if self.input_shape is not None or not several:
                return Structure()
            names = [f"input_{place}" for place in range(len(leaves(x)))]
            self.takes = Structure.of(x, names)
        return self.takes

    def _check_several(self, given: list[Any]) -> Several:
        """Return the arrays of several inputs, checked."""
        arrays = [self._numbers(x) for x in given]
        assert self.takes is not None
        names = self.takes.names
        expected: tuple[Any, ...] = self.input_shape or tuple(tuple(x.shape[1:]) for x in arrays)
        for name, x, shape in zip(names, arrays, expected, strict=True):
            if len(x.shape) != len(shape) + 1 or not len(x.shape):
                like = ", ".join(map(str, ("batch", *shape)))
                raise ValueError(f"{self.name}: expected {name!r} as a batch of shape ({like}), got {x.shape}")
            if len(x) != len(arrays[0]):
                raise ValueError(
                    f"{self.name}: all inputs need the same number of samples; {names[0]!r} has {len(arrays[0])}, "
                    f"{name!r} has {len(x)}"
                )
        several = Several(arrays)
        if sample_shape(several.shape) != expected:
            self._check_other_size(sample_shape(several.shape))
        return several

    def _check_other_size(self, shape: tuple[int, ...]) -> None:
        """Raise ValueError for images of another size than the first, unless the model averages over all of it."""
        try:
            self.graph(shape)
        except ValueError as error:
            if self.takes is not None and not self.takes.bare:
                raise ValueError(f"{self.name}: expected samples of {self.input_shape}, got {shape}: {error}") from None
            expected = ("batch", *(self.input_shape or ()))
            raise ValueError(
                f"{self.name}: expected a batch of shape ({', '.join(map(str, expected))}), got samples of {shape}: "
                f"{error}"
            ) from None
