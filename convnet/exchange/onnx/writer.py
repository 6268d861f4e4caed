"""An ONNX graph while it is written: nodes, constants, and the names of each value in both orders of axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from convnet.engine.operator import Step, Value
from convnet.engine.parameter import Parameter
from convnet.exchange.onnx.package import onnx

OPSET, IR_VERSION = 20, 10  # read by ONNX Runtime since 1.17 and by OpenVINO since 2024
TO_FIRST, TO_LAST = (0, 3, 1, 2), (0, 2, 3, 1)


class Writer:
    """Collects a graph. An image has a name with channels last, as in the engine, one with channels first, or both."""

    def __init__(self, dtype: np.dtype) -> None:
        self.dtype, self.opset = dtype, OPSET
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}
        self._last: dict[Value, str] = {}
        self._first: dict[Value, str] = {}
        self._parameters: dict[tuple[int, str], tuple[Parameter, str]] = {}
        self._taken: set[str] = set()

    # --- names

    def unique(self, wish: str) -> str:
        """Return a name like the one wished for, which nothing else in the graph has."""
        name, n = wish, 1
        while name in self._taken:
            name, n = f"{wish}_{n}", n + 1
        self._taken.add(name)
        return name

    def last(self, value: Value) -> str:
        """Return the value's name with the engine's axes; a transposition is written if only the other is there."""
        if value not in self._last:
            self._last[value] = self.transpose(self._first[value], TO_LAST)
        return self._last[value]

    def first(self, value: Value) -> str:
        """Return an image's name with channels first."""
        if value not in self._first:
            self._first[value] = self.transpose(self._last[value], TO_FIRST)
        return self._first[value]

    def is_first(self, value: Value) -> bool:
        """Return True if the value is an image that was computed with channels first."""
        return value in self._first

    def set_last(self, value: Value, name: str) -> None:
        """Note the name of a value with the engine's axes."""
        self._last[value] = name

    def set_first(self, value: Value, name: str) -> None:
        """Note the name of an image with channels first."""
        self._first[value] = name

    # --- what is written

    def node(self, operator: str, inputs: list[str], wish: str, **attributes: Any) -> str:
        """Write a node and return the name of its output."""
        name = self.unique(wish)
        self.nodes.append(onnx("helper").make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def transpose(self, name: str, perm: tuple[int, ...]) -> str:
        """Write a transposition."""
        return self.node("Transpose", [name], f"{name}_{'last' if perm == TO_LAST else 'first'}", perm=perm)

    def constant(self, wish: str, array: Any) -> str:
        """Write numbers and return their name."""
        name = self.unique(wish)
        self.constants[name] = np.ascontiguousarray(array)
        return name

    def parameter(self, parameter: Parameter, array: np.ndarray, form: str = "") -> str:
        """Write a parameter's numbers in a form that is named, once for all its uses."""
        key = (id(parameter), form)
        if key not in self._parameters:
            self._parameters[key] = (parameter, self.constant(parameter.name, array))
        return self._parameters[key][1]

    def apply(self, step: Step, operator: str, *more: str, **attributes: Any) -> None:
        """Write a node that computes a step number by number, in whichever order of axes its input has."""
        value, wish = step.inputs[0], step.layer.name
        if self.is_first(value):
            self.set_first(step.output, self.node(operator, [self.first(value), *more], wish, **attributes))
        else:
            self.set_last(step.output, self.node(operator, [self.last(value), *more], wish, **attributes))

    def combine(self, step: Step, operator: str) -> None:
        """Write a node that combines a step's inputs number by number."""
        images = [v for v in step.inputs if len(v.shape) == 3]
        if len(images) == len(step.inputs) and any(self.is_first(v) for v in step.inputs):
            self.set_first(step.output, self.node(operator, [self.first(v) for v in step.inputs], step.layer.name))
        else:
            self.set_last(step.output, self.node(operator, [self.last(v) for v in step.inputs], step.layer.name))
