"""One use of an operation in a plan: its arrays, and where its gradients go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from convnet.engine.operator import Step
from kernels import registry

Run = Callable[[], None]
Pair = tuple[Run, Run]


def nothing() -> None:
    """Do nothing: the forward or backward of an operation that needs none."""


@dataclass
class Site:
    """One use of an operation in a plan: its arrays. dx and dp hold None for gradients that are not needed."""

    step: Step
    target: str
    x: tuple[np.ndarray, ...]
    y: np.ndarray
    p: tuple[np.ndarray, ...]
    dx: tuple[np.ndarray | None, ...] = ()
    dy: np.ndarray | None = None
    dp: tuple[np.ndarray | None, ...] = ()
    variant: str | None = None  # of the step's own operation, if it is not the target's default

    @property
    def settings(self) -> dict[str, Any]:
        """The step's settings, in normal form."""
        return self.step.settings

    def kernel(self, operation: str | None = None) -> ModuleType:
        """Return the target's default variant of the operation, or the step's own."""
        own = self.variant if operation in (None, self.step.operation) else None
        return registry.load(operation or self.step.operation, own or self.target)
