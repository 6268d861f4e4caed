"""Model: what a user subclasses or connects, reads, saves and looks at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from convnet import model_file
from convnet.engine.graph import Graph, Node, connect
from convnet.engine.order import keras_order
from convnet.inference import Inference, compile_inference
from convnet.layers.base import Layer
from convnet.layers.naming import require_names
from convnet.layers.parameters import set_parameters
from convnet.measuring import Run
from convnet.nested.structure import leaves, rebuild
from convnet.output import formats
from convnet.runner import Runner


class Model(Runner):
    """A network. Subclass it and give `call(self, x)` made of layers, or Model(inputs=Input(...), outputs=node).

    Several inputs or outputs are lists or dicts; a dict's keys, or the names of the Inputs and of the layers whose
    outputs they are, are the names by which data, losses and metrics may be given.
    `call` runs on symbolic nodes, once for each shape of input and mode; what it did is replayed on buffers.
    """

    def __init__(self, inputs: Any = None, outputs: Any = None, *, name: str | None = None, dtype: Any = None) -> None:
        first = next(iter(leaves(inputs)), None)
        super().__init__(name, dtype or (first.dtype if isinstance(first, Node) else "float32"))
        self.stop_training = False
        self.metadata: dict[str, Any] = {}  # JSON values that are saved with the model
        self._runs = Run()
        self._wiring: Graph | None = None
        if (inputs is None) != (outputs is None):
            raise ValueError(f"{self.name}: give both inputs and outputs, or neither and a `call` in a subclass")
        if inputs is not None:
            self._wire(inputs, outputs)
            require_names(self.name, self.wired_layers)

    def _wire(self, inputs: Any, outputs: Any) -> None:
        wiring = connect(inputs, outputs, self.name)
        self._wiring, self.takes, self.known_outputs = wiring, wiring.takes, wiring.gives
        self.wired_layers = keras_order(wiring)
        shapes = [node.shape for node in wiring.inputs]
        self.build(shapes[0] if wiring.takes.bare else shapes)

    def call(self, x: Any, training: bool | None = None) -> Any:
        """Compute the output by layers; a model made of inputs and outputs repeats its wiring."""
        wiring = self._wiring
        if wiring is None:
            raise TypeError(f"{type(self).__name__} has no `call`: define call(self, x), or use Sequential")
        given = wiring.takes.take(self.name, "x", x)
        nodes = {id(node): value for node, value in zip(wiring.inputs, given, strict=True)}
        for step in wiring.calls:
            x = rebuild(step.takes, [nodes[id(node)] for node in step.inputs])
            found = step.layer(x, training=training if step.training is None else step.training)
            nodes |= {id(node): value for node, value in zip(step.outputs, leaves(found), strict=True)}
        return wiring.gives.build(nodes[id(node)] for node in wiring.outputs)

    def compile_inference(
        self, batch: int = 1, fixed: bool = False, winograd: bool = False, precision: str | None = None
    ) -> Inference:
        """Return a function of one batch of this many samples that computes the outputs in one native call.

        Its numbers are those of `predict`, to the bit, with the parameters as they are when it is called; any number
        of threads may call it. `predict` and `model(x)` do the same by themselves after a thousand batches of a size.
        fixed=True takes the parameters as they are now, whatever is trained or loaded later, and lays them out for the
        kernels: much faster for networks of many layers and channels. A normalization behind a convolution becomes
        part of its weights, which rounds differently; without one the numbers are the same. winograd=True allows
        Winograd's transforms for 3x3 layers of 32 channels and more, twice as fast; their rounding errors are larger
        (`kernels.registry.OWN_BOUNDS`), and a NaN or an infinite number spreads to its neighbours.
        `precision` is that of `compile`, and the model's own by default. What uses the matrix unit is called step by
        step, since its kernels look at the numbers they are given; then RuntimeError where there is no such unit.
        ValueError for a model without an input yet, one on a GPU, or a layer that computes in Python.
        """
        return compile_inference(self, batch, fixed, winograd, precision)

    # --- as a connected model

    @property
    def input(self) -> Any:
        """The symbolic input, or the list or dict of them; of a connected model or a built Sequential."""
        wiring = self._connected("input")
        return wiring.takes.build(wiring.inputs)

    @property
    def output(self) -> Any:
        """The symbolic output, or the list or dict of them; of a connected model or a built Sequential."""
        wiring = self._connected("output")
        return wiring.gives.build(wiring.outputs)

    @property
    def inputs(self) -> list[Node]:  # type: ignore[override]
        """The symbolic inputs."""
        return list(self._connected("inputs").inputs)

    @property
    def outputs(self) -> list[Node]:
        """The symbolic outputs."""
        return list(self._connected("outputs").outputs)

    @property
    def input_names(self) -> list[str]:
        """The names by which data may be given."""
        return list(self._connected("input_names").takes.names)

    @property
    def output_names(self) -> list[str]:
        """The names by which losses, metrics and targets may be given."""
        return list(self._connected("output_names").gives.names)

    def _connected(self, what: str) -> Graph:
        if self._wiring is None:
            raise ValueError(
                f"{self.name} has no {what}: a subclass with a `call` is recorded, not connected, and a Sequential is "
                "connected when the shape of its input is known: start it with Input(...), or call build"
            )
        return self._wiring

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
        """Write the model to one file, whole or not at all: .safetensors, which convnet.load reads back, or .keras."""
        write = formats.find_writer(filepath) or model_file.save
        with self.reading():
            write(self, filepath, include_optimizer)

    def export(self, filepath: str | Path, format: str = "onnx") -> None:
        """Write the model as an ONNX file for other programs, with the inputs and outputs of `predict`."""
        if format != "onnx":
            raise ValueError(f"{self.name}: export writes format='onnx', got {format!r}")
        formats.find("convnet.exchange.onnx.exporting:export_onnx")(self, filepath)

    def save_weights(self, filepath: str | Path) -> None:
        """Write the parameters alone as Keras's file, whose name ends in .weights.h5; Keras's load_weights reads it."""
        if not str(filepath).endswith(".weights.h5"):
            raise ValueError(f"{filepath}: save_weights writes Keras's file of weights: give a name in .weights.h5")
        formats.find("convnet.exchange.keras.saving:save_weights")(self, filepath)

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
        """Take the parameters from a saved model whose layers have the same shapes: .safetensors, or Keras's file."""
        read = formats.find_weight_reader(filepath) or model_file.load_weights
        with self.plans.alone():
            read(self, filepath)

    def load_torch(self, source: Any, names: dict[str, str] | None = None) -> Any:
        """Take the parameters from PyTorch's state_dict: a .safetensors or .pt file, or the dict itself.

        Modules and layers are matched by `names`, by paths, or by order; layouts are converted. Printing what is
        returned shows each array's place. On any error nothing is changed.
        """
        return formats.find("convnet.exchange.torch:load_torch")(self, source, names)

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
    return model_file.load(filepath, wire_freely)


def from_bytes(content: bytes) -> Model:
    """Return the model whose file has this content (`model_file.to_bytes`); ModelFileError for any other."""
    return model_file.load(content, wire_freely)


def wire_freely(inputs: Any, outputs: Any, name: str) -> Model:
    """Return the connected model of a file, in which layers may share a name, as those of a class's blocks do."""
    model = Model(name=name, dtype=next(iter(leaves(inputs))).dtype)
    model._wire(inputs, outputs)
    return model
