"""What every layer has: a name, parameters that are made when the first input's shape is known, and a call."""

from __future__ import annotations

from functools import cache
from inspect import signature
from typing import Any, ClassVar

import numpy as np

from convnet import regularizers
from convnet.engine.graph import Graph, Node, has_nodes, record
from convnet.engine.operator import Lowering, Value, Window
from convnet.engine.parameter import Parameter
from convnet.layers.changes import changed_setting, note_change
from convnet.layers.checks import float_type
from convnet.layers.naming import unique_name
from convnet.layers.parameters import Parametric
from convnet.nested.structure import leaves, rebuild, skeleton_of
from convnet.utils import refuse


class Layer(Parametric):
    """A layer: called on an array it computes, called on a node it is recorded.

    A built-in subclass gives `build` (make the parameters), `output_shape` and `lower` (its formula as operations
    of `kernels`); a user's own layer gives `call`, made of other layers.
    """

    inputs: ClassVar[int] = 1
    settings: ClassVar[tuple[str, ...]] = ()  # constructor arguments, kept as attributes of the same name
    defaults: ClassVar[dict[str, Any]] = {"autocast": True}  # Keras's, which may be spelled out

    def __init__(self, *, name: str | None = None, trainable: bool = True, dtype: Any = None, **unknown: Any) -> None:
        cls = type(self)
        for setting in cls.regularizers():
            setattr(self, setting, regularizers.get(cls.__name__, unknown.pop(setting, None)))
        refuse(
            cls.__name__,
            unknown,
            (*cls.settings, *cls.regularizers(), "name", "trainable", "dtype"),
            Layer.defaults | cls.defaults,
        )
        self.own_parameters: list[Parameter] = []
        self.name = name or unique_name(cls.__name__)
        self.trainable = trainable
        self.dtype = None if dtype is None else float_type(cls.__name__, dtype)
        self.input_shape: tuple[int, ...] | None = None  # of one sample; None until the layer is built
        self._call_is_built = False
        self.uses: list[Any] = []  # its calls while models are connected from Input on

    def __setattr__(self, name: str, value: Any) -> None:
        """Check a setting that is changed after the layer was made, and let the models that use it start afresh."""
        if name in type(self).settings and name in vars(self):
            value = changed_setting(self, name, value)
        elif name in type(self).regularizers() and name in vars(self):
            note_change()
            value = regularizers.get(self.name, value)
        super().__setattr__(name, value)

    # --- what a subclass gives

    def build(self, shape: tuple[int, ...]) -> None:
        """Make the parameters for samples of this shape; the base has none."""

    def accepts(self, count: int) -> bool:
        """Return True if the layer can be called on so many inputs."""
        return count == self.inputs

    def output_shape(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of one output sample; the base keeps its input's."""
        return shapes[0]

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        """Emit the operations that compute this layer."""
        raise TypeError(f"{type(self).__name__} has neither `lower` nor `call`: give it a `call(self, x)` of layers")

    def multiply_adds(self, *shapes: tuple[int, ...]) -> int:
        """Return the multiply-adds that one sample costs, forward."""
        return 0

    def window(self, shape: tuple[int, ...]) -> Window | None:
        """Return the window of samples of this shape that one output sees; None for all of the image."""
        return Window()

    # --- calling

    def __call__(self, x: Any, training: bool | None = None) -> Any:
        """Compute the layer on an array of samples; on a node, record the call."""
        if has_nodes(x):
            return self.record(x, training)
        return self._compute(x, bool(training))

    def record(self, x: Any, training: bool | None) -> Any:
        """Note the call on the graph of the node `x`, and return the output's node."""
        inputs = tuple(leaves(x))
        if not all(isinstance(node, Node) for node in inputs):
            raise TypeError(f"{self.name}: called on arrays and outputs of layers together: give only one kind")
        if hasattr(type(self), "call"):
            return self._record_call(x, inputs, training)
        if not self.accepts(len(inputs)):
            raise ValueError(f"{self.name}: takes {self.inputs} input(s), got {len(inputs)}")
        shapes = tuple(node.sample_shape for node in inputs)
        self.ensure_built(shapes[0], inputs[0].graph.dtype)
        return inputs[0].graph.add(self, inputs, self.output_shape(*shapes), training)

    def _record_call(self, x: Any, inputs: tuple[Node, ...], training: bool | None) -> Any:
        """Record what a `call` of a user's does.

        While a model is connected from Input on, its mode is not known yet. There the whole layer is one call, and its
        `call` runs again in each mode; here it runs only to tell the output's shape.
        """
        graph = inputs[0].graph
        takes = skeleton_of(x)
        self.build_for(rebuild(takes, [node.shape for node in inputs]))
        if graph.training is not None:
            return call_with_training(self.call, x, graph.training if training is None else training)  # type: ignore[attr-defined]
        trial = Graph(graph.dtype, training=False)
        nodes = rebuild(takes, [Node(trial, node.sample_shape, node.name) for node in inputs])
        y = call_with_training(self.call, nodes, training or False)  # type: ignore[attr-defined]
        trial.finish(y, f"{self.name}.call", checked=False)
        shapes = [node.sample_shape for node in trial.outputs]
        return rebuild(skeleton_of(y), graph.add_call(self, inputs, shapes, training, takes))

    def build_for(self, shapes: Any) -> None:
        """Call a user's own `build` once, with Keras's shapes: None for the number of samples."""
        if self._call_is_built or not hasattr(type(self), "call"):
            return
        self._call_is_built = True
        if type(self).build not in self._own_builds():
            self.build(shapes)

    @classmethod
    def _own_builds(cls) -> tuple[Any, ...]:
        """Return the `build` methods that are the engine's."""
        return (Layer.build,)

    def _compute(self, x: Any, training: bool) -> np.ndarray:
        from convnet.engine.plan import Plan

        if isinstance(x, (list, tuple)) and any(isinstance(v, np.ndarray) for v in x):
            raise ValueError(f"{self.name}: takes one array, got a {type(x).__name__} of {len(x)}: use numpy.stack")
        x = np.asarray(x)
        if x.ndim < 1 or x.dtype.kind not in "fiub":
            raise ValueError(f"{self.name}: expected a batch of real numbers, got {x.dtype} of shape {x.shape}")
        dtype = self.dtype or np.dtype(np.float32)
        graph = record(lambda node: self.record(node, None), x.shape[1:], dtype, training, self.name)
        return Plan(graph, len(x), training=training).run(x)

    def ensure_built(self, shape: tuple[int, ...], dtype: Any) -> None:
        """Make the parameters at the first call; later calls must bring samples that fit them."""
        if self.dtype is not None and self.dtype != dtype:
            raise ValueError(f"{self.name}: this layer is {self.dtype}, the model {dtype}: give both the same dtype")
        if self.input_shape is None:
            self.dtype = np.dtype(dtype)
            self.build(shape)
            self.input_shape = shape
        elif self.own_parameters and shape != self.input_shape:
            self.check_shape(shape)

    def check_shape(self, shape: tuple[int, ...]) -> None:
        """Raise ValueError if samples of another shape than the first do not fit the parameters."""
        assert self.input_shape is not None
        if shape[-1] != self.input_shape[-1]:
            raise ValueError(
                f"{self.name} was built for samples of shape {self.input_shape}, now called on {shape}: the last axis "
                f"(channels) must stay {self.input_shape[-1]}; make a new layer for other inputs"
            )

    # --- where it stands in connected models

    @property
    def input(self) -> Any:
        """What the layer was first called on, from Input on: a node, or a list or dict of them."""
        call = self._first_use("input")
        return rebuild(call.takes, call.inputs)

    @property
    def output(self) -> Any:
        """What the layer's first call gave, from Input on: Model(model.input, layer.output) stops there."""
        outputs = self._first_use("output").outputs
        return outputs[0] if len(outputs) == 1 else list(outputs)

    def _first_use(self, what: str) -> Any:
        if not self.uses:
            raise ValueError(
                f"{self.name} has no {what}: it was not called on Input(...) or what comes from it. In a subclass of "
                "Model layers are called in `call` only; Model(inputs, outputs) and Sequential have the symbolic ones"
            )
        return self.uses[0]

    # --- explaining

    def explain(self, x: Any, *index: int) -> Any:
        """Take one output, y[index], apart for a batch x of inputs: the formula's terms, and the kernel's number.

        conv.explain(x, n, i, j, f); dense.explain(x, n, f). The result prints as a table; `.terms` has all terms,
        `.holds` says whether sum and kernel agree within the rounding bound.
        """
        from convnet.terms.explain import explain_layer

        return explain_layer(self, x, index)

    def explain_backward(self, x: Any, dy: Any, *index: int, of: str = "x") -> Any:
        """Take one number of the gradient with respect to `of` apart, with dy = dL/dy: every term of the chain rule.

        of="x" (the input), "y" (the output), "z" (what the activation reads) or a weight's name: "kernel", "bias", ...
        conv.explain_backward(x, dy, n, h, w, c); conv.explain_backward(x, dy, p, q, c, f, of="kernel").
        """
        from convnet.terms.explain import explain_layer_backward

        return explain_layer_backward(self, x, dy, index, of)

    def _repr_html_(self) -> str:
        from convnet.terms.display import layer_table

        return layer_table(self)._repr_html_()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what `copy` and `pickle` look for, in a layer that is being made too
            raise AttributeError(name)
        if "own_parameters" not in vars(self):
            raise RuntimeError(f"{type(self).__name__}.__init__ must call super().__init__() before anything else")
        raise AttributeError(f"{type(self).__name__} {vars(self).get('name')!r} has no attribute {name!r}")

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this layer again, as plain JSON types."""
        config: dict[str, Any] = {"name": self.name, "trainable": self.trainable}
        if self.dtype is not None:
            config["dtype"] = str(self.dtype)
        given = {name: getattr(self, name) for name in type(self).regularizers() if getattr(self, name) is not None}
        return config | {name: getattr(self, name) for name in self.settings} | given

    def __repr__(self) -> str:
        arguments = ", ".join(f"{k}={v!r}" for k, v in self.get_config().items() if k not in ("trainable", "dtype"))
        return f"{type(self).__name__}({arguments})"


def call_with_training(call: Any, x: Any, training: bool | None) -> Any:
    """Return `call(x)`, or `call(x, training=...)` if its signature has that argument."""
    return call(x, training=training) if takes_training(type(call.__self__).call) else call(x)


@cache
def takes_training(call: Any) -> bool:
    """Return True if the `call` of a user's class asks for the mode."""
    return "training" in signature(call).parameters
