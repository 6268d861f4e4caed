"""The parameters of a model that runs on a device: there during training, on the host when they are asked for."""

from __future__ import annotations

from typing import Any

from convnet.engine.arena import padded
from convnet.engine.parameter import Parameter
from kernels import targets


class DeviceArena:
    """As Arena: `slabs` of trainable parameters and their gradients, flat, and `gradients`; all in the device's memory.

    Parameters go there before a run, if the host has the latest numbers (`send`), and come home when a parameter's
    `value` is asked for (`bring_home`); from step to step they stay.
    """

    def __init__(self, parameters: list[Parameter], target: str) -> None:
        self.parameters, self.target = parameters, target
        starts, end = padded(parameters)
        dtype = parameters[0].dtype if parameters else "f4"
        values, gradients = targets.zeros((end,), dtype, target), targets.zeros((end,), dtype, target)
        self.slabs = [(values, gradients)] if parameters else []
        places = list(zip(parameters, starts, strict=True))
        self.gradients = {p: gradients.part(start, p.shape) for p, start in places}
        self.places = {p: (0, start) for p, start in places}  # slab, and where in it
        self._there = {p: values.part(start, p.shape) for p, start in places}
        self._home = True  # the host's numbers are the latest

    def value(self, p: Parameter) -> Any:
        """Return the device's array of a parameter: of the slab, or its own if it is not trained."""
        if p not in self._there:
            self.bring_home()
            self._there[p] = targets.empty(p.shape, p.dtype, self.target)
        return self._there[p]

    def send(self) -> None:
        """Copy the parameters to the device, unless they are there."""
        if not self._home:
            return
        for p, there in self._there.items():
            targets.copy(there, p.value)
            p.away = self
        self._home = False

    def bring_home(self) -> None:
        """Copy the parameters to the host, unless they are there."""
        if self._home:
            return
        self._home = True
        for p, there in self._there.items():
            p.away = None
            targets.copy(p.value, there)
