"""Optimizers with Keras's names, defaults and update rules; each update is an operation of `kernels`."""

from __future__ import annotations

import weakref
from math import prod
from typing import Any, ClassVar, Protocol

import numpy as np

from convnet.utils import check_name, name_what_exists, refuse
from kernels import checks, registry, targets


class Packed(Protocol):
    """A model's trainable parameters where the model runs.

    slabs   pairs of flat arrays, parameters and gradients
    places  the slab that holds a parameter, and where in it the parameter starts
    """

    slabs: list[tuple[Any, Any]]
    places: dict[Any, tuple[int, int]]


# what Keras's optimizers have besides; its own "off" may be spelled out
_OFF = {
    "amsgrad": False,
    "use_ema": False,
    "ema_momentum": 0.99,
    "clipnorm": None,
    "clipvalue": None,
    "global_clipnorm": None,
    "ema_overwrite_frequency": None,
    "loss_scale_factor": None,
    "gradient_accumulation_steps": None,
}


class Optimizer:
    """Keeps its state (velocities, moments) beside the slabs of parameters that it updates in place.

    An optimizer belongs to the one model that it was first used in.
    """

    name: str
    settings: ClassVar[tuple[str, ...]] = ("learning_rate", "weight_decay")
    states: int  # arrays kept for each array of parameters

    def __init__(self, learning_rate: float, weight_decay: float | None, name: str | None, **unknown: Any) -> None:
        where = type(self).__name__
        refuse(where, unknown, (*self.settings, "name"), _OFF)
        self.label = check_name(where, name) or self.name
        self.learning_rate = checks.number(where, "learning_rate", learning_rate, 0.0)
        self.weight_decay = None if weight_decay is None else checks.number(where, "weight_decay", weight_decay, 0.0)
        self.iterations = 0
        self.state: list[list[np.ndarray]] = []
        self._owner: weakref.ref[Any] | None = None
        self._arena: Packed | None = None
        self._parked: dict[Any, list[np.ndarray]] = {}  # states of parameters that are frozen now

    def build(self, arena: Packed, owner: Any) -> None:
        """Make the state for a model's parameters as they are packed now; what was kept for one of them stays.

        ValueError if the optimizer already belongs to another model, whose moments it holds.
        """
        if self._owner is not None and self._owner() is not owner:
            raise ValueError(
                f"{owner.name}: this {type(self).__name__} already belongs to another model and holds its moments and "
                f"step count: compile each model with an optimizer of its own, {type(self).__name__}(...)"
            )
        self._owner = weakref.ref(owner)
        if self._arena is arena and len(self.state) == len(arena.slabs):
            return
        self._park()
        self._arena = arena
        self.state = [
            [targets.zeros(p.shape, p.dtype, targets.home(p)) for _ in range(self.states)] for p, _ in arena.slabs
        ]
        for p, (slab, start) in arena.places.items():
            for kept, state in zip(self._parked.pop(p, ()), self.state[slab], strict=False):
                targets.copy(_part(state, start, kept.shape), kept)

    def _park(self) -> None:
        """Keep each parameter's states by themselves, on the host."""
        if self._arena is None:
            return
        for p in self._arena.places:
            self._parked[p] = [targets.to_host(s) for s in self.states_of(p)]

    def states_of(self, p: Any) -> list[np.ndarray]:
        """Return what is kept for a parameter (its velocity, its moments), where the model runs: the same memory."""
        if self._arena is None or p not in self._arena.places:
            return self._parked.get(p, [])
        slab, start = self._arena.places[p]
        return [_part(s, start, p.shape) for s in self.state[slab]]

    def apply(self, slabs: list[tuple[np.ndarray, np.ndarray]], target: str) -> None:
        """Make one step on every slab, in place."""
        self.iterations += 1
        for (p, g), state in zip(slabs, self.state, strict=True):
            self.update(p, g, state, target)

    def update(self, p: np.ndarray, g: np.ndarray, state: list[np.ndarray], target: str) -> None:
        """Make one step on one slab, in place."""
        raise TypeError(f"{type(self).__name__} must define update()")

    def get_config(self) -> dict[str, Any]:
        """Return the name and the settings, as plain JSON."""
        return {"name": self.name} | {s: getattr(self, s) for s in self.settings}


def _part(slab: Any, start: int, shape: tuple[int, ...]) -> Any:
    """Return a parameter's numbers in a slab, wherever that is: the same memory."""
    if isinstance(slab, np.ndarray):
        return slab[start : start + prod(shape)].reshape(shape)
    return slab.part(start, shape)


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
        clipnorm: None = None,
        clipvalue: None = None,
        global_clipnorm: None = None,
        name: str | None = None,
        **unknown: Any,
    ) -> None:
        """Take Keras's arguments, in Keras's order."""
        clip = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
        super().__init__(learning_rate, weight_decay, name, **clip, **unknown)
        self.momentum = checks.number("SGD", "momentum", momentum, 0.0, 1.0)
        self.nesterov = bool(nesterov)

    @property
    def states(self) -> int:  # type: ignore[override]
        """A velocity, with momentum."""
        return 1 if self.momentum else 0

    def update(self, p: np.ndarray, g: np.ndarray, state: list[np.ndarray], target: str) -> None:
        """Make one step on one slab, in place."""
        registry.find("sgd", target, "update")(
            p,
            g,
            state[0] if state else None,
            lr=self.learning_rate,
            momentum=self.momentum,
            nesterov=self.nesterov,
            weight_decay=self.weight_decay or 0.0,
        )


class RMSprop(Optimizer):
    """v = rho*v + (1-rho)*g^2; w -= lr * g / sqrt(v+epsilon), or by way of a velocity with momentum.

    Centered: the running mean of g, squared, is subtracted from v. Source: Tieleman & Hinton 2012; Graves 2013.
    """

    name = "rmsprop"
    settings: ClassVar[tuple[str, ...]] = ("learning_rate", "rho", "momentum", "epsilon", "centered", "weight_decay")

    def __init__(
        self,
        learning_rate: float = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        weight_decay: float | None = None,
        clipnorm: None = None,
        clipvalue: None = None,
        global_clipnorm: None = None,
        name: str | None = None,
        **unknown: Any,
    ) -> None:
        """Take Keras's arguments, in Keras's order."""
        clip = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
        super().__init__(learning_rate, weight_decay, name, **clip, **unknown)
        self.rho = checks.number("RMSprop", "rho", rho, 0.0, 1.0, below=True)
        self.momentum = checks.number("RMSprop", "momentum", momentum, 0.0, 1.0, below=True)
        self.epsilon = checks.number("RMSprop", "epsilon", epsilon, 0.0)
        self.centered = bool(centered)

    @property
    def states(self) -> int:  # type: ignore[override]
        """The mean square; with momentum the velocity; centered the mean."""
        return 1 + (self.momentum > 0) + self.centered

    def update(self, p: np.ndarray, g: np.ndarray, state: list[np.ndarray], target: str) -> None:
        """Make one step on one slab, in place."""
        v, *rest = state
        registry.find("rmsprop", target, "update")(
            p,
            g,
            v,
            rest.pop(0) if self.momentum else None,
            rest.pop(0) if self.centered else None,
            lr=self.learning_rate,
            rho=self.rho,
            momentum=self.momentum,
            centered=self.centered,
            epsilon=self.epsilon,
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
        clipnorm: None = None,
        clipvalue: None = None,
        global_clipnorm: None = None,
        name: str | None = None,
        **unknown: Any,
    ) -> None:
        """Take Keras's arguments, in Keras's order."""
        where = type(self).__name__
        clip = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
        super().__init__(learning_rate, weight_decay, name, amsgrad=amsgrad, **clip, **unknown)
        self.beta_1 = checks.number(where, "beta_1", beta_1, 0.0, 1.0, below=True)
        self.beta_2 = checks.number(where, "beta_2", beta_2, 0.0, 1.0, below=True)
        self.epsilon = checks.number(where, "epsilon", epsilon, 0.0)

    def update(self, p: np.ndarray, g: np.ndarray, state: list[np.ndarray], target: str) -> None:
        """Make one step on one slab, in place."""
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

    def __init__(
        self,
        learning_rate: float = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **settings: Any,
    ) -> None:
        """Take Keras's arguments, in Keras's order."""
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay, **settings)


_CLASSES: tuple[type[Any], ...] = (SGD, RMSprop, Adam, AdamW)
BY_NAME: dict[str, Any] = {cls.name: cls for cls in _CLASSES}
__getattr__ = name_what_exists("convnet.optimizers", [cls.__name__ for cls in _CLASSES])


def get(optimizer: Any) -> Optimizer:
    """Return an optimizer object, from one or from its name in any case."""
    if isinstance(optimizer, Optimizer):
        return optimizer
    name = optimizer.lower() if isinstance(optimizer, str) else optimizer
    if not isinstance(name, str) or name not in BY_NAME:
        raise ValueError(f"optimizer {optimizer!r} is not supported; choose one of: {', '.join(BY_NAME)}")
    return BY_NAME[name]()
