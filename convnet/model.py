"""Model: what a user subclasses or connects, and how a model runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from convnet import model_file
from convnet.engine.arena import Arena
from convnet.engine.device_arena import DeviceArena
from convnet.engine.graph import RECORDING, Graph, Node, record
from convnet.engine.lending import Key, Lending
from convnet.engine.order import keras_order
from convnet.engine.plan import Plan
from convnet.layers.base import Layer, call_with_training, set_parameters
from convnet.layers.changes import count_changes
from convnet.layers.checks import float_type
from convnet.measuring import Run
from convnet.training import Trainer

_GRAPHS_KEPT = 32  # recordings by shape and mode, beside those of the first shape


class Model(Trainer, Layer):
    """A network. Subclass it and give `call(self, x)` made of layers, or Model(inputs=Input(...), outputs=node).

    `call` runs on symbolic nodes, once for each shape of input and mode; what it did is replayed on buffers.
    """

    settings: ClassVar[tuple[str, ...]] = ("inputs", "outputs")

    def __init__(self, inputs: Any = None, outputs: Any = None, *, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(name=name, dtype=None)
        self.compute_dtype = float_type(self.name, dtype or (inputs.dtype if isinstance(inputs, Node) else "float32"))
        self.stop_training = False
        self.metadata: dict[str, Any] = {}  # JSON values that are saved with the model
        self._graphs: dict[tuple, Graph] = {}
        self.plans = Lending(self._make_plan)
        self._runs = Run()
        self._arena: Arena | DeviceArena | None = None
        self._unfrozen: list[bool] = []
        self._wiring: Graph | None = None
        self._graphs_know = self._plans_know = count_changes()  # of layers' settings
        if (inputs is None) != (outputs is None):
            raise ValueError(f"{self.name}: give both inputs and outputs, or neither and a `call` in a subclass")
        if inputs is not None:
            self._wire(inputs, outputs)

    def _wire(self, inputs: Any, outputs: Any) -> None:
        if not isinstance(inputs, Node) or not isinstance(outputs, Node):
            raise TypeError(
                f"{self.name}: inputs must be one Input and outputs one layer's output; several are not supported"
            )
        if inputs.graph is not outputs.graph:
            raise ValueError(f"{self.name}: outputs do not come from inputs")
        self._wiring = outputs.graph.finish(outputs, self.name)
        self.wired_layers = keras_order(self._wiring)
        self.build((None, *inputs.sample_shape))

    def call(self, x: Any, training: bool | None = None) -> Any:
        """Compute the output by layers; a model made of inputs and outputs repeats its wiring."""
        if self._wiring is None:
            raise TypeError(f"{type(self).__name__} has no `call`: define call(self, x), or use Sequential")
        nodes = {id(self._wiring.input): x}
        for step in self._wiring.calls:
            given = [nodes[id(node)] for node in step.inputs]
            mode = training if step.training is None else step.training
            nodes[id(step.output)] = step.layer(given if len(given) > 1 else given[0], training=mode)
        return nodes[id(self._wiring.output)]

    # --- recording and plans

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
        return (Model.build,)

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

    # --- parameters

    def get_weights(self) -> list[np.ndarray]:
        """Return copies of all parameters, layer by layer, as one finished step of training left them."""
        self.training_graph()
        with self.reading():
            return super().get_weights()

    def set_weights(self, weights: list[np.ndarray]) -> None:
        """Overwrite all parameters; ValueError, and nothing changed, unless number and shapes fit."""
        self.training_graph()
        with self.plans.alone():
            set_parameters(self.name, self.parameters, weights)

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Return a layer by its name or its place in `layers`."""
        if index is not None:
            return self.layers[index]
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise ValueError(f"{self.name}: no layer {name!r}; there is {', '.join(layer.name for layer in self.layers)}")

    def save(self, filepath: str | Path, include_optimizer: bool = True) -> None:
        """Write the model to one .safetensors file, whole or not at all; convnet.load reads it back."""
        with self.reading():
            model_file.save(self, filepath, include_optimizer)

    def __reduce__(self) -> Any:
        """Pickle and copy the model by way of its file: numbers and JSON, and no code but `from_bytes`."""
        if self.input_shape is None:
            raise TypeError(
                f"{self.name}: cannot be pickled or copied before it has parameters: call it on a batch, call fit, or "
                "build((None, height, width, channels))"
            )
        with self.reading():
            return from_bytes, (model_file.to_bytes(self),)

    def load_weights(self, filepath: str | Path) -> None:
        """Take the parameters from a saved model whose layers have the same shapes."""
        with self.plans.alone():
            model_file.load_weights(self, filepath)

    def summary(self, print_fn: Any = None) -> None:
        """Print the table of layers: shapes, parameters, multiply-adds, bytes, receptive field.

        Nothing is returned, so that a notebook shows it once; convnet.terms.summary.Summary(model) has the numbers.
        """
        from convnet.terms.summary import Summary

        (print_fn or print)(str(Summary(self)))

    def explain(self, x: Any, *index: int, layer: Layer | str | None = None) -> Any:
        """Take one output, y[index], of a layer (by default the last) apart, for a batch x of the model's inputs.

        model.explain(x, n, i, j, f, layer="conv2d_1"). A layer used several times: its last use.
        """
        from convnet.terms.explain import explain_model

        return explain_model(self, x, index, layer)

    def explain_backward(  # type: ignore[override]
        self, x: Any, y: Any, *index: int, layer: Layer | str | None = None, of: str = "x"
    ) -> Any:
        """Take one number of the compiled loss's gradient apart, for inputs x and targets y, at a layer.

        of="x" (the layer's input), "y" (its output), "z" (what its activation reads) or a weight's name: "kernel", ...
        model.explain_backward(x, y, p, q, c, f, layer="conv2d", of="kernel").
        """
        from convnet.terms.explain import explain_model_backward

        return explain_model_backward(self, x, y, index, layer, of)

    def _repr_html_(self) -> str:
        from convnet.terms.display import layer_table
        from convnet.terms.summary import Summary

        return (Summary(self) if self.input_shape is not None else layer_table(self))._repr_html_()

    def __repr__(self) -> str:
        built = f"input {self.input_shape}, {self.count_params():,} parameters" if self.input_shape else "not built yet"
        return f"<{type(self).__name__} {self.name}: {len(self.layers)} layers, {built}>"


def load(filepath: str | Path) -> Model:
    """Return a model as it was saved, compiled if it was; ModelFileError with the reason for any other file."""
    return model_file.load(filepath, lambda start, end, name: Model(start, end, name=name))


def from_bytes(content: bytes) -> Model:
    """Return the model whose file has this content (`model_file.to_bytes`); ModelFileError for any other."""
    return model_file.load(content, lambda start, end, name: Model(start, end, name=name))
