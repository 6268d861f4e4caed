"""A network's operations, put together to what one 8-bit layer computes: a convolution with all that follows it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from convnet.engine.graph import Call, Graph
from convnet.engine.operator import Lowering, Step, Value

WEIGHTED = ("conv2d", "dense")
MADE = (*WEIGHTED, "add", "avgpool2d", "globalavgpool")  # results with a scale of their own
PASSED = ("maxpool2d", "relu", "reshape")  # results with their input's scale


@dataclass(eq=False)
class Unit:
    """One layer of the quantized model.

    step           the operation
    call           the layer's call that it belongs to
    in_8_bits      False: it stays in float32; `whole`, the call as it is
    kernel, bias   of a convolution or dense layer, with a batch normalization folded in, float64
    output         the value it gives, after what is folded in
    rectified      None, or the largest number that the activation lets through (inf of a relu)
    """

    step: Step
    call: Call
    in_8_bits: bool
    output: Value
    inputs: tuple[Value, ...]
    whole: bool = False
    kernel: np.ndarray | None = None
    bias: np.ndarray | None = None
    rectified: float | None = None
    of: list[Step] = field(default_factory=list)

    @property
    def operation(self) -> str:
        """The name of what it computes: "relu" also for the function of `unary` that is one."""
        return operation_of(self.step)


class Units:
    """The units of a network in their order."""

    def __init__(self, graph: Graph, low: Lowering, keep: Iterable[str]) -> None:
        self._low, self._keep = low, set(keep)
        self._readers: dict[int, list[Step]] = {}
        for step in low.steps:
            for value in step.inputs:
                self._readers.setdefault(id(value), []).append(step)
        self._outputs = {id(v) for v in low.outputs}
        self._absorbed: set[int] = set()
        self.all = [unit for call in graph.calls for unit in self._of_call(call)]

    def readers(self, value: Value) -> list[Unit]:
        """Return the units that read a value."""
        return [unit for unit in self.all if any(v is value for v in unit.inputs)]

    def is_output(self, value: Value) -> bool:
        """Return True if the network gives this value."""
        return id(value) in self._outputs

    def misfits(self) -> list[Unit]:
        """Return the units that cannot be in 8 bits, and stand between others that are."""
        after: set[int] = set()  # values that come from a weighted layer in 8 bits
        between: list[tuple[Unit, set[int]]] = []
        for unit in self.all:
            behind = any(id(v) in after for v in unit.inputs)
            if behind or (unit.in_8_bits and unit.step.operation in WEIGHTED):
                after.add(id(unit.output))
            if behind and not unit.in_8_bits and unit.step.layer.name not in self._keep:
                between.append((unit, {id(unit.output)}))
        found = []
        for unit, reached in between:
            for later in self.all[self.all.index(unit) + 1 :]:
                if any(id(v) in reached for v in later.inputs):
                    reached.add(id(later.output))
                    if later.in_8_bits and later.step.operation in MADE:
                        found.append(unit)
                        break
        return found

    def _of_call(self, call: Call) -> Iterable[Unit]:
        steps = self._low.steps_of(call.output)
        values = tuple(self._low.values[id(node)] for node in call.inputs)
        alone = all(self._kind(step) is None for step in steps)
        if steps and (call.layer.name in self._keep or alone):
            yield Unit(steps[-1], call, False, self._low.values[id(call.output)], values, True, of=steps)
            return
        for step in steps:
            if id(step) not in self._absorbed:
                yield self._unit(step, call)

    def _kind(self, step: Step) -> str | None:
        """Return "made" or "passed" for an operation that there is on levels, "folded" if it is in one; else None."""
        if id(step) in self._absorbed:
            return "folded"
        operation = operation_of(step)
        return "made" if operation in MADE else "passed" if operation in PASSED else None

    def _unit(self, step: Step, call: Call) -> Unit:
        unit = Unit(step, call, self._kind(step) is not None, step.output, step.inputs, of=[step])
        if step.operation in WEIGHTED:
            unit.kernel = step.parameters[0].value.astype(np.float64)
            filters = unit.kernel.shape[-1]
            unit.bias = step.parameters[1].value.astype(np.float64) if len(step.parameters) > 1 else np.zeros(filters)
            follower = self._next(unit.output)
            if follower is not None and follower.operation == "batchnorm_inference":
                self._fold(unit, follower)
        if step.operation in (*WEIGHTED, "add"):
            follower = self._next(unit.output)
            if follower is not None and (most := _rectifies(follower)) is not None:
                self._absorb(unit, follower)
                unit.rectified = most
        return unit

    def _next(self, value: Value) -> Step | None:
        """Return the only step that reads a value, unless it is to be kept, or the network gives the value."""
        found = self._readers.get(id(value), [])
        if len(found) != 1 or self.is_output(value) or found[0].layer.name in self._keep:
            return None
        return found[0]

    def _absorb(self, unit: Unit, step: Step) -> None:
        self._absorbed.add(id(step))
        unit.output = step.output
        unit.of.append(step)

    def _fold(self, unit: Unit, step: Step) -> None:
        """Multiply the normalization into the kernel and the bias: gamma / sqrt(var + epsilon) is a filter's factor."""
        gamma, beta, mean, var = (p.value.astype(np.float64).reshape(-1) for p in step.parameters)
        factor = gamma / np.sqrt(var + step.settings["epsilon"])
        assert unit.kernel is not None
        assert unit.bias is not None
        unit.kernel = unit.kernel * factor
        unit.bias = (unit.bias - mean) * factor + beta
        self._absorb(unit, step)


def operation_of(step: Step) -> str:
    """Return a step's operation, "relu" also for the function of `unary` that is one."""
    return "relu" if _rectifies(step) == float("inf") else step.operation


def _rectifies(step: Step) -> float | None:
    """Return the largest number that a relu lets through, inf if it has no limit; None if it is none."""
    if step.operation == "relu":
        return float("inf")
    settings: dict[str, Any] = {**step.settings}
    if step.operation != "unary" or settings.pop("function", None) != "rectify":
        return None
    most = settings.pop("max_value", None)
    if any(v not in (None, 0, 0.0) for v in settings.values()):  # a slope below 0, or a threshold
        return None
    return float("inf") if most is None else float(most)
