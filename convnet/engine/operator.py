"""What the engine knows of a layer, and the operations that a layer emits. No layer's class is named here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np

from convnet.engine.parameter import Parameter


class Window(NamedTuple):
    """The part of a layer's input that one output reads, along (height, width)."""

    size: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    before: tuple[int, int] = (0, 0)  # padding at the top and at the left


class Operator(Protocol):
    """A layer, as the engine and everything that reads recorded graphs see it."""

    settings: ClassVar[tuple[str, ...]]
    name: str
    own_parameters: list[Parameter]
    input_shape: tuple[int, ...] | None
    dtype: np.dtype | None
    uses: list[Any]  # its calls while models are connected from Input on

    @property
    def inputs(self) -> Any:
        """How many inputs it takes; of a connected model, their nodes."""

    @property
    def trainable(self) -> bool:
        """False if the parameters are frozen."""

    @property
    def parameters(self) -> list[Parameter]:
        """The layer's parameters, then those of the layers in it."""

    def __call__(self, x: Any, training: bool | None = None) -> Any:
        """Compute the layer on an array; record it on a node, or on a list of them."""

    def record(self, x: Any, training: bool | None) -> Any:
        """Note the call on the graph of the node `x`, and return the output's node."""

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        """Emit the operations that compute the layer."""

    def multiply_adds(self, *shapes: tuple[int, ...]) -> int:
        """Return the multiply-adds that one sample costs, forward."""

    def window(self, shape: tuple[int, ...]) -> Window | None:
        """Return the window of samples of this shape that one output sees; None for all of the image."""

    def regularizer_of(self, parameter: Parameter) -> Any:
        """Return what one of its parameters costs: an object with add_gradient, which is called on arrays, or None."""

    def count_params(self) -> int:
        """Return how many numbers the parameters hold."""

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this layer again, as plain JSON types."""


@dataclass(eq=False)
class Value:
    """An array of the plan: the shape of one sample, the value whose memory it shares, and its own dtype, if any."""

    shape: tuple[int, ...]
    alias: Value | None = None
    dtype: np.dtype | None = None  # None: the model's


@dataclass(eq=False)
class Step:
    """One operation: its inputs, its output, its parameters, and its settings in normal form."""

    operation: str
    inputs: tuple[Value, ...]
    output: Value
    layer: Operator
    parameters: tuple[Parameter, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def trains(self) -> bool:
        """True if it has parameters that get a gradient."""
        return self.layer.trainable and any(p.trainable for p in self.parameters)


@dataclass(eq=False)
class Lowering:
    """The steps of a graph in one mode."""

    training: bool
    steps: list[Step] = field(default_factory=list)
    inputs: list[Value] = field(default_factory=list)
    outputs: list[Value] = field(default_factory=list)
    values: dict[int, Value] = field(default_factory=dict)  # id of a node -> its value
    spans: dict[int, slice] = field(default_factory=dict)  # id of a call's output -> its steps, before any rewrite

    @property
    def input(self) -> Value:
        """The first input, which most models have only."""
        return self.inputs[0]

    @property
    def output(self) -> Value:
        """The first output, which most models have only."""
        return self.outputs[0]

    def steps_of(self, output: object) -> list[Step]:
        """Return the operations of the call whose output is this node (of steps that were not rewritten)."""
        return self.steps[self.spans[id(output)]]

    def emit(
        self,
        operation: str,
        inputs: tuple[Value, ...],
        shape: tuple[int, ...],
        layer: Operator,
        parameters: tuple[Parameter, ...] = (),
        in_place: bool = False,
        dtype: np.dtype | None = None,
        **settings: Any,
    ) -> Value:
        """Add a step and return its output.

        operation   its name in `kernels`, or "reshape"
        inputs      the values that it reads
        shape       one sample of its output
        layer       whose operation it is
        parameters  the layer's arrays that it reads, in the order of the kernel's arguments
        in_place    the output takes over its input's memory
        dtype       the output's, if it is not the model's (nor its input's, in place)
        settings    the kernel's other arguments, in normal form
        """
        output = Value(tuple(shape), inputs[0] if in_place else None, inputs[0].dtype if in_place else dtype)
        self.steps.append(Step(operation, inputs, output, layer, parameters, settings))
        return output
