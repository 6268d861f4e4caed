"""Learning rates that change from step to step, with Keras's names and formulas; s is the number of steps made."""

from __future__ import annotations

from math import ceil, cos, floor, log, pi
from typing import Any, ClassVar

import numpy as np

from convnet.utils import check_flag, check_name, name_what_exists
from kernels import checks


class LearningRateSchedule:
    """A function of the number of steps made so far. Your own: a subclass with `__call__(step)`."""

    settings: ClassVar[tuple[str, ...]] = ()

    def __call__(self, step: int) -> float:
        """Return the rate of the next step."""
        raise TypeError(f"{type(self).__name__} must define __call__(step)")

    def _set(self, name: str | None, **given: float) -> None:
        where = type(self).__name__
        self.name = check_name(where, name) or where
        for key, value in given.items():
            setattr(self, key, checks.number(where, key, value, 0.0))
        steps = {k: v for k, v in given.items() if k.endswith("decay_steps")}
        for key, value in steps.items():
            if not value > 0:
                raise ValueError(f"{where}: {key} must be > 0, got {value}")

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, as plain JSON."""
        return {name: getattr(self, name) for name in self.settings}


class ExponentialDecay(LearningRateSchedule):
    """initial * decay_rate^(s / decay_steps); `staircase` rounds the exponent down."""

    settings: ClassVar[tuple[str, ...]] = ("initial_learning_rate", "decay_steps", "decay_rate", "staircase")

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str | None = None,
    ) -> None:
        self._set(name, initial_learning_rate=initial_learning_rate, decay_steps=decay_steps, decay_rate=decay_rate)
        self.staircase = check_flag("ExponentialDecay", "staircase", staircase)

    initial_learning_rate: float
    decay_steps: float
    decay_rate: float

    def __call__(self, step: int) -> float:
        """Return the rate of the next step."""
        p = step / self.decay_steps
        return self.initial_learning_rate * self.decay_rate ** (floor(p) if self.staircase else p)


class InverseTimeDecay(ExponentialDecay):
    """initial / (1 + decay_rate * s / decay_steps); `staircase` rounds the quotient down."""

    def __call__(self, step: int) -> float:
        """Return the rate of the next step."""
        p = step / self.decay_steps
        return self.initial_learning_rate / (1 + self.decay_rate * (floor(p) if self.staircase else p))


class PiecewiseConstantDecay(LearningRateSchedule):
    """values[0] up to and including step boundaries[0], values[1] up to boundaries[1], ..., the last one after them."""

    settings: ClassVar[tuple[str, ...]] = ("boundaries", "values")

    def __init__(self, boundaries: Any, values: Any, name: str | None = None) -> None:
        self._set(name)
        self.boundaries = [checks.number("PiecewiseConstantDecay", "boundaries", b, 0.0) for b in boundaries]
        self.values = [checks.number("PiecewiseConstantDecay", "values", v, 0.0) for v in values]
        if len(self.values) != len(self.boundaries) + 1 or self.boundaries != sorted(self.boundaries):
            raise ValueError(
                "PiecewiseConstantDecay: needs rising boundaries and one value more than these, got "
                f"{self.boundaries} and {self.values}"
            )

    def __call__(self, step: int) -> float:
        """Return the rate of the next step."""
        return self.values[int(np.searchsorted(self.boundaries, step, side="left"))]


class PolynomialDecay(LearningRateSchedule):
    """(initial - end) * (1 - s / decay_steps)^power + end, and `end` after decay_steps.

    `cycle` stretches decay_steps to its first multiple that is not below s.
    """

    settings: ClassVar[tuple[str, ...]] = (
        "initial_learning_rate",
        "decay_steps",
        "end_learning_rate",
        "power",
        "cycle",
    )

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str | None = None,
    ) -> None:
        rates = {"initial_learning_rate": initial_learning_rate, "end_learning_rate": end_learning_rate}
        self._set(name, **rates, decay_steps=decay_steps, power=power)
        self.cycle = check_flag("PolynomialDecay", "cycle", cycle)

    initial_learning_rate: float
    end_learning_rate: float
    decay_steps: float
    power: float

    def __call__(self, step: int) -> float:
        """Return the rate of the next step."""
        whole = self.decay_steps * max(ceil(step / self.decay_steps), 1) if self.cycle else self.decay_steps
        p = min(step, whole) / whole
        return (self.initial_learning_rate - self.end_learning_rate) * (1 - p) ** self.power + self.end_learning_rate


class CosineDecay(LearningRateSchedule):
    """initial * ((1 - alpha) * (1 + cos(pi s / decay_steps)) / 2 + alpha). Source: Loshchilov & Hutter, ICLR 2017.

    With `warmup_target` the rate first rises to it, evenly over `warmup_steps`, and decays from there.
    """

    settings: ClassVar[tuple[str, ...]] = (
        "initial_learning_rate", "decay_steps", "alpha", "warmup_target", "warmup_steps",
    )  # fmt: skip

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        alpha: float = 0.0,
        name: str | None = None,
        warmup_target: float | None = None,
        warmup_steps: float = 0,
    ) -> None:
        given = {"initial_learning_rate": initial_learning_rate, "decay_steps": decay_steps, "alpha": alpha}
        self._set(name, **given, warmup_steps=warmup_steps)
        where = "CosineDecay"
        self.warmup_target = (
            None if warmup_target is None else checks.number(where, "warmup_target", warmup_target, 0.0)
        )

    initial_learning_rate: float
    decay_steps: float
    alpha: float
    warmup_steps: float

    def __call__(self, step: int) -> float:
        """Return the rate of the next step."""
        if self.warmup_target is None:
            return self._decayed(step, self.initial_learning_rate)
        if step < self.warmup_steps:
            rise = self.warmup_target - self.initial_learning_rate
            return rise * step / self.warmup_steps + self.initial_learning_rate
        return self._decayed(step - self.warmup_steps, self.warmup_target)

    def _decayed(self, step: float, start: float) -> float:
        p = min(step, self.decay_steps) / self.decay_steps
        return start * ((1 - self.alpha) * 0.5 * (1 + cos(pi * p)) + self.alpha)


class CosineDecayRestarts(LearningRateSchedule):
    """CosineDecay that begins again, each time over t_mul times as many steps and from m_mul times the height."""

    settings: ClassVar[tuple[str, ...]] = ("initial_learning_rate", "first_decay_steps", "t_mul", "m_mul", "alpha")

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: float,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str | None = None,
    ) -> None:
        given = {"initial_learning_rate": initial_learning_rate, "first_decay_steps": first_decay_steps}
        self._set(name, **given, t_mul=t_mul, m_mul=m_mul, alpha=alpha)

    initial_learning_rate: float
    first_decay_steps: float
    t_mul: float
    m_mul: float
    alpha: float

    def __call__(self, step: int) -> float:
        """Return the rate of the next step."""
        p = step / self.first_decay_steps
        if self.t_mul == 1:
            restarts = floor(p)
            p -= restarts
        else:
            restarts = floor(log(1 - p * (1 - self.t_mul)) / log(self.t_mul))
            p = (p - (1 - self.t_mul**restarts) / (1 - self.t_mul)) / self.t_mul**restarts
        height = 0.5 * self.m_mul**restarts * (1 + cos(pi * p))
        return self.initial_learning_rate * ((1 - self.alpha) * height + self.alpha)


BY_NAME: dict[str, type[LearningRateSchedule]] = {
    cls.__name__: cls
    for cls in (
        ExponentialDecay, PiecewiseConstantDecay, PolynomialDecay, InverseTimeDecay, CosineDecay, CosineDecayRestarts,
    )
}  # fmt: skip
__getattr__ = name_what_exists("convnet.optimizers.schedules", BY_NAME)


def to_json(schedule: LearningRateSchedule) -> dict[str, Any]:
    """Return a schedule as plain JSON; ValueError for a user's own, which no file holds."""
    kind = type(schedule).__name__
    if BY_NAME.get(kind) is not type(schedule):
        raise ValueError(f"the schedule {kind} is your own code, and a model file holds none")
    return {"class": kind, "config": schedule.get_config()}


def from_json(found: dict[str, Any]) -> LearningRateSchedule:
    """Return the schedule that `to_json` described."""
    return BY_NAME[found["class"]](**found["config"])
