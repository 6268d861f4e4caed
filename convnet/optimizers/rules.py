"""Optimizers with Keras's names, defaults and update rules; each update is an operation of `kernels`."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from convnet.optimizers.base import Optimizer
from kernels import checks, registry
from kernels.nadam.momentum import momentum, product


class SGD(Optimizer):
    """w -= lr * g, or with momentum: v = momentum*v - lr*g; w += v (nesterov: w += momentum*v - lr*g)."""

    name = "sgd"
    settings: ClassVar[tuple[str, ...]] = ("learning_rate", "momentum", "nesterov", "weight_decay")

    def __init__(
        self,
        learning_rate: Any = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
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
            lr=self.rate,
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
        learning_rate: Any = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
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
            lr=self.rate,
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
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
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
            lr=self.rate,
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
        learning_rate: Any = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **settings: Any,
    ) -> None:
        """Take Keras's arguments, in Keras's order."""
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay, **settings)


class Adagrad(Optimizer):
    """v += g^2; w -= lr * g / sqrt(v+epsilon). Source: Duchi, Hazan & Singer, JMLR 12, 2011."""

    name = "adagrad"
    settings: ClassVar[tuple[str, ...]] = ("learning_rate", "initial_accumulator_value", "epsilon", "weight_decay")
    states = 1

    def __init__(
        self,
        learning_rate: Any = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        name: str | None = None,
        **unknown: Any,
    ) -> None:
        """Take Keras's arguments, in Keras's order."""
        clip = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
        super().__init__(learning_rate, weight_decay, name, **clip, **unknown)
        value = checks.number("Adagrad", "initial_accumulator_value", initial_accumulator_value, 0.0)
        self.initial_accumulator_value = self.initial_state = value
        self.epsilon = checks.number("Adagrad", "epsilon", epsilon, 0.0)

    def update(self, p: np.ndarray, g: np.ndarray, state: list[np.ndarray], target: str) -> None:
        """Make one step on one slab, in place."""
        registry.find("adagrad", target, "update")(
            p, g, *state, lr=self.rate, epsilon=self.epsilon, weight_decay=self.weight_decay or 0.0
        )


class Nadam(Adam):
    """Adam with Nesterov's look ahead; kernels/nadam has the formula. Source: Dozat, ICLR workshop 2016."""

    name = "nadam"

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        weight_decay: float | None = None,
        **settings: Any,
    ) -> None:
        """Take Keras's arguments, in Keras's order."""
        super().__init__(learning_rate, beta_1, beta_2, epsilon, weight_decay=weight_decay, **settings)
        self._product = (0, 1.0)  # a step t, and u_1 u_2 ... u_t

    def update(self, p: np.ndarray, g: np.ndarray, state: list[np.ndarray], target: str) -> None:
        """Make one step on one slab, in place."""
        registry.find("nadam", target, "update")(
            p,
            g,
            *state,
            step=self.iterations,
            lr=self.rate,
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            weight_decay=self.weight_decay or 0.0,
            U=self._product_now(),
        )

    def _product_now(self) -> float:
        """Return this step's product, from the last step's: the same bits as from the first step on."""
        step, found = self._product
        if step == self.iterations - 1:
            self._product = self.iterations, found * momentum(self.iterations, self.beta_1)
        elif step != self.iterations:
            self._product = self.iterations, product(self.iterations, self.beta_1)
        return self._product[1]


class Lion(Optimizer):
    """w -= lr * sign(b1*m + (1-b1)*g); m = b2*m + (1-b2)*g. Source: Chen et al., arXiv:2302.06675, 2023."""

    name = "lion"
    settings: ClassVar[tuple[str, ...]] = ("learning_rate", "beta_1", "beta_2", "weight_decay")
    states = 1

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        name: str | None = None,
        **unknown: Any,
    ) -> None:
        """Take Keras's arguments, in Keras's order."""
        clip = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
        super().__init__(learning_rate, weight_decay, name, **clip, **unknown)
        self.beta_1 = checks.number("Lion", "beta_1", beta_1, 0.0, 1.0, below=True)
        self.beta_2 = checks.number("Lion", "beta_2", beta_2, 0.0, 1.0, below=True)

    def update(self, p: np.ndarray, g: np.ndarray, state: list[np.ndarray], target: str) -> None:
        """Make one step on one slab, in place."""
        registry.find("lion", target, "update")(
            p, g, *state, lr=self.rate, beta1=self.beta_1, beta2=self.beta_2, weight_decay=self.weight_decay or 0.0
        )
