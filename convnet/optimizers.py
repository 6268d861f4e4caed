"""Optimizers with Keras's names, defaults and update rules; each update is an operation of `kernels`."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from convnet.utils import refuse
from kernels import checks, registry, targets


class Optimizer:
    """Keeps its state (velocities, moments) beside the slabs of weights that it updates in place."""

    name: ClassVar[str]
    settings: ClassVar[tuple[str, ...]] = ("learning_rate", "weight_decay")
    states: ClassVar[int]  # arrays kept for each array of weights

    def __init__(self, learning_rate: float, weight_decay: float | None, name: str | None, **unknown: Any) -> None:
        where = type(self).__name__
        refuse(where, {k: v for k, v in unknown.items() if v is not False}, (*self.settings, "name"))
        self.learning_rate = checks.number(where, "learning_rate", learning_rate, 0.0)
        self.weight_decay = None if weight_decay is None else checks.number(where, "weight_decay", weight_decay, 0.0)
        self.iterations = 0
        self.state: list[list[np.ndarray]] = []

    def build(self, slabs: list[tuple[np.ndarray, np.ndarray]]) -> None:
        """Zero state for these pairs of (weights, gradients)."""
        self.iterations = 0
        self.state = [[targets.zeros(p.shape, p.dtype, targets.home(p)) for _ in range(self.states)] for p, _ in slabs]

    def apply(self, slabs: list[tuple[np.ndarray, np.ndarray]], target: str) -> None:
        """One step on every slab, in place."""
        self.iterations += 1
        for (p, g), state in zip(slabs, self.state, strict=True):
            self.update(p, g, state, target)

    def update(self, p: np.ndarray, g: np.ndarray, state: list[np.ndarray], target: str) -> None:
        raise TypeError(f"{type(self).__name__} must define update()")

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name} | {s: getattr(self, s) for s in self.settings}


class SGD(Optimizer):
    """w -= lr * g, or with momentum: v = momentum*v - lr*g; w += v (nesterov: w += momentum*v - lr*g)."""

    name = "sgd"
    settings: ClassVar[tuple[str, ...]] = ("learning_rate", "momentum", "nesterov", "weight_decay")

    def __init__(
        self,
        learning_rate: float = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float | None = None,
        name: str | None = None,
        **unknown: Any,
    ) -> None:
        super().__init__(learning_rate, weight_decay, name, **unknown)
        self.momentum = checks.number("SGD", "momentum", momentum, 0.0, 1.0)
        self.nesterov = bool(nesterov)

    @property
    def states(self) -> int:  # type: ignore[override]
        return 1 if self.momentum else 0

    def update(self, p: np.ndarray, g: np.ndarray, state: list[np.ndarray], target: str) -> None:
        registry.find("sgd", target, "update")(
            p,
            g,
            state[0] if state else None,
            lr=self.learning_rate,
            momentum=self.momentum,
            nesterov=self.nesterov,
            weight_decay=self.weight_decay or 0.0,
        )


class Adam(Optimizer):
    """m += (1-b1)(g-m); v += (1-b2)(g^2-v); w -= lr*sqrt(1-b2^t)/(1-b1^t) * m / (sqrt(v)+epsilon).

    Source: Kingma & Ba, ICLR 2015, end of section 2 (epsilon is their epsilon-hat, as in Keras).
    """

    name = "adam"
    settings: ClassVar[tuple[str, ...]] = ("learning_rate", "beta_1", "beta_2", "epsilon", "weight_decay")
    states = 2

    def __init__(
        self,
        learning_rate: float = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        weight_decay: float | None = None,
        name: str | None = None,
        **unknown: Any,
    ) -> None:
        where = type(self).__name__
        super().__init__(learning_rate, weight_decay, name, **unknown)
        if amsgrad:
            raise TypeError(f"{where}: amsgrad is not supported")
        self.beta_1 = checks.number(where, "beta_1", beta_1, 0.0, 1.0, below=True)
        self.beta_2 = checks.number(where, "beta_2", beta_2, 0.0, 1.0, below=True)
        self.epsilon = checks.number(where, "epsilon", epsilon, 0.0)

    def update(self, p: np.ndarray, g: np.ndarray, state: list[np.ndarray], target: str) -> None:
        registry.find("adam", target, "update")(
            p,
            g,
            *state,
            step=self.iterations,
            lr=self.learning_rate,
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            weight_decay=self.weight_decay or 0.0,
        )


class AdamW(Adam):
    """Adam with decoupled weight decay: w -= lr*weight_decay*w first. Source: Loshchilov & Hutter, ICLR 2019."""

    name = "adamw"

    def __init__(self, learning_rate: float = 0.001, weight_decay: float = 0.004, **settings: Any) -> None:
        super().__init__(learning_rate, weight_decay=weight_decay, **settings)


BY_NAME: dict[str, Any] = {cls.name: cls for cls in (SGD, Adam, AdamW)}


def get(optimizer: Any) -> Optimizer:
    """An optimizer object, from one or from its name in any case."""
    if isinstance(optimizer, Optimizer):
        return optimizer
    name = optimizer.lower() if isinstance(optimizer, str) else optimizer
    if not isinstance(name, str) or name not in BY_NAME:
        raise ValueError(f"optimizer {optimizer!r} is not supported; choose one of: {', '.join(BY_NAME)}")
    return BY_NAME[name]()
