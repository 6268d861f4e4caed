"""Model: what a user subclasses or connects, and how a model runs."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from convnet import model_file
from convnet.engine.arena import Arena
from convnet.engine.device_arena import DeviceArena
from convnet.engine.graph import Graph, Node, record
from convnet.engine.plan import Plan
from convnet.layers.base import Layer, call_with_training, set_parameters, takes_training
from convnet.layers.checks import float_type
from convnet.training import Trainer

_PLANS_KEPT = 8  # plans by batch size and mode; the least recently used is dropped with its buffers


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
        self._plans: OrderedDict[tuple, Plan] = OrderedDict()
        self._arena: Arena | DeviceArena | None = None
        self._unfrozen: list[bool] = []
        self._wiring: Graph | None = None
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
        self.wired_layers = self._wiring.layers
        self.build((None, *inputs.sample_shape))

    def call(self, x: Any, training: bool | None = None) -> Any:
        """The forward computation in terms of layers; a model made of inputs and outputs repeats its wiring."""
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
        """The recorded layer calls for samples of this shape."""
        mode = training if takes_training(type(self).call) else None
        key = (tuple(shape), mode)
        if key not in self._graphs:

            def call(node: Node) -> Any:
                return call_with_training(self.call, node, mode)

            graph = record(call, shape, self.compute_dtype, mode, f"{type(self).__name__}.call")
            self._refuse_strangers(graph)
            self._graphs[key] = graph
            if self.input_shape is None:
                self.input_shape, self.dtype = tuple(shape), self.compute_dtype
        return self._graphs[key]

    def _refuse_strangers(self, graph: Graph) -> None:
        """A layer with weights that was made inside `call` would be a new one, with new weights, at every call."""
        mine = set(self.parameters)
        for layer in graph.layers:
            if not mine.issuperset(layer.parameters):
                raise ValueError(
                    f"{layer.name} is not kept by {type(self).__name__}: a layer made inside `call` has new weights at "
                    "every call. Make it in __init__ and keep it as an attribute (or in a list or dict that is one)"
                )

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weights for inputs (None, height, width, channels); the first axis is the batch's."""
        self.graph(tuple(input_shape[1:]))  # type: ignore[arg-type]

    def arena(self) -> Arena | DeviceArena:
        """The trainable weights packed flat where the model runs, in the order in which the graph uses them."""
        layers = self.training_graph().layers
        self._unfrozen = [layer.trainable for layer in layers]
        wanted = [p for layer in layers if layer.trainable for p in layer.parameters if p.trainable]
        if self._arena is None or self._arena.target != self.target or self._arena.parameters != wanted:
            self._plans.clear()  # their views of the weights are no longer the right ones
            self._arena = Arena(wanted) if self.target == "cpu" else DeviceArena(wanted, self.target)
            self.rebuild_optimizer()
        return self._arena

    def _same_layers_train(self) -> bool:
        """Has nobody frozen or thawed a layer since the weights were packed?"""
        layers = self.training_graph().layers
        return self._arena is not None and self._unfrozen == [layer.trainable for layer in layers]

    def training_graph(self) -> Graph:
        if self.input_shape is None:
            raise ValueError(
                f"{self.name} has no weights yet: it has not seen an input. Call it on a batch, call fit, "
                "or build((None, height, width, channels))"
            )
        return self.graph(self.input_shape, training=True)

    def plan(
        self, shape: tuple[int, ...], *, training: bool = False, loss: bool = False, weighted: bool = False
    ) -> Plan:
        """The plan for a batch of this shape, from the cache or new."""
        key = (shape, training, loss, weighted)
        if key not in self._plans or not self._same_layers_train():
            graph, arena = self.graph(shape[1:], training), self.arena()
            while len(self._plans) >= _PLANS_KEPT:
                self._plans.popitem(last=False)
            self._plans[key] = Plan(
                graph,
                shape[0],
                training=training,
                loss=self.loss if loss else None,
                weighted=weighted,
                target=self.target,
                arena=arena,
            )
        self._plans.move_to_end(key)
        return self._plans[key]

    def forget_plans(self) -> None:
        """Drop all plans and their buffers."""
        self._plans.clear()

    def __call__(self, x: Any, training: bool | None = None) -> Any:
        """The output for a batch, as an array of your own; on a node, record this model inside another."""
        if isinstance(x, Node):
            return call_with_training(self.call, x, training if training is not None else x.graph.training)
        x = self.check_batch(x)
        return self.plan(x.shape, training=bool(training)).run(x)

    def check_batch(self, x: Any) -> Any:
        """An array of numbers, checked; an object that slices like one (data.augment, a memory map) stays as it is."""
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
        """Images of another size than the first fit only a model that averages over the whole image."""
        try:
            self.graph(shape)
        except ValueError as error:
            expected = ("batch", *(self.input_shape or ()))
            raise ValueError(
                f"{self.name}: expected a batch of shape ({', '.join(map(str, expected))}), got samples of {shape}: "
                f"{error}"
            ) from None

    # --- weights

    def get_weights(self) -> list[np.ndarray]:
        """Copies of all weights, layer by layer."""
        self.training_graph()
        return super().get_weights()

    def set_weights(self, weights: list[np.ndarray]) -> None:
        """Overwrite all weights; ValueError, and nothing changed, unless number and shapes fit."""
        self.training_graph()
        set_parameters(self.name, self.parameters, weights)

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """A layer by its name or its place in `layers`."""
        if index is not None:
            return self.layers[index]
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise ValueError(f"{self.name}: no layer {name!r}; there is {', '.join(layer.name for layer in self.layers)}")

    def save(self, filepath: str | Path, include_optimizer: bool = True) -> None:
        """Write the model to one .safetensors file, whole or not at all; convnet.load reads it back."""
        model_file.save(self, filepath, include_optimizer)

    def load_weights(self, filepath: str | Path) -> None:
        """Take the weights from a saved model whose layers have the same shapes."""
        model_file.load_weights(self, filepath)

    def summary(self, print_fn: Any = None) -> None:
        """Print the table of layers: shapes, parameters, multiply-adds, bytes, receptive field.

        Nothing is returned, so that a notebook shows it once; convnet.terms.summary.Summary(model) has the numbers.
        """
        from convnet.terms.summary import Summary

        (print_fn or print)(str(Summary(self)))

    def explain(self, x: Any, *index: int, layer: Layer | str | None = None) -> Any:
        """One output, y[index], of a layer (by default the last) for a batch x of the model's inputs, term by term.

        model.explain(x, n, i, j, f, layer="conv2d_1"). A layer used several times: its last use.
        """
        from convnet.terms.explain import explain_model

        return explain_model(self, x, index, layer)

    def explain_backward(  # type: ignore[override]
        self, x: Any, y: Any, *index: int, layer: Layer | str | None = None, of: str = "x"
    ) -> Any:
        """One number of the gradient of the compiled loss for inputs x and targets y, at a layer, term by term.

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
