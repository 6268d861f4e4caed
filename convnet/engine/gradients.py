"""Where a plan's gradients go: the first reader that is bound writes one, the others add to it."""

from __future__ import annotations

from functools import partial
from typing import Any

from convnet.engine.buffers import Buffers
from convnet.engine.operator import Lowering, Step, Value
from convnet.engine.parameter import Parameter
from convnet.engine.site import Run
from kernels import registry, targets


class Gradients:
    """The gradients of a plan: of values, and of parameters.

    `of_values` holds those that backward computes so far; it is filled from the loss on, as steps are bound last first.
    """

    def __init__(self, low: Lowering, buffers: Buffers, of_parameters: dict[Parameter, Any], of_input: bool) -> None:
        self.of_values: dict[Value, Any] = {}
        self.of_parameters = of_parameters
        self._buffers = buffers
        self._written: set[Parameter] = set()
        self._needed = set(low.inputs) if of_input else set()
        for step in low.steps:
            if step.trains or any(v in self._needed for v in step.inputs):
                self._needed.add(step.output)

    def start(self, value: Value, after: list[Run]) -> Any:
        """Return the array that a loss's gradient with respect to this value is written to; None if not needed.

        What must run after the loss's backward is appended to `after`: another loss may read the same value.
        """
        if value not in self._needed:
            return None
        if value in self.of_values:
            return self._add_to(self.of_values[value], after)
        self.of_values[value] = targets.empty_like(self._buffers.array(value))
        return self.of_values[value]

    def input_slot(self, step: Step, value: Value, dy: Any, after: list[Run]) -> Any:
        """Return the array for a step's gradient with respect to one of its inputs; None if not needed."""
        if value not in self._needed:
            return None
        if value in self.of_values:
            return self._add_to(self.of_values[value], after)
        array = self._buffers.array(value)
        shared = step.output.alias is value
        self.of_values[value] = dy.reshape(array.shape) if shared else targets.empty_like(array)
        return self.of_values[value]

    def parameter_slot(self, step: Step, p: Parameter, after: list[Run]) -> Any:
        """Return the array for a step's gradient with respect to one of its parameters; None if it is frozen."""
        if not (p.trainable and step.layer.trainable):
            return None
        if p not in self.of_parameters:
            self.of_parameters[p] = targets.empty(p.shape, p.dtype, self._buffers.target)
        slot = self.of_parameters[p]
        if p in self._written:
            return self._add_to(slot, after)
        self._written.add(p)
        return slot

    def clear_unwritten(self) -> set[Parameter]:
        """Set the gradients of parameters that no loss depends on to zero, and return these parameters.

        Another plan may have left numbers there.
        """
        for p, slot in self.of_parameters.items():
            if p not in self._written:
                targets.copy(slot, targets.zeros(p.shape, p.dtype, self._buffers.target))
        return set(self.of_parameters) - self._written

    def _add_to(self, total: Any, after: list[Run]) -> Any:
        """Return scratch for one more contribution to a gradient; adding it is appended to `after`."""
        scratch = targets.empty_like(total)
        add = registry.find("add", self._buffers.target, "forward")
        after.append(partial(add, total, scratch, out=total))
        return scratch
