"""What every optimizer has: a learning rate, its state beside the parameters, clipping, averages of the parameters."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any, ClassVar, Protocol

import numpy as np

from convnet.optimizers.averages import Averages
from convnet.optimizers.clipping import Clipping
from convnet.optimizers.schedules import LearningRateSchedule
from convnet.utils import check_name, refuse
from kernels import checks, targets


class Packed(Protocol):
    """A model's trainable parameters where the model runs.

    parameters  in the model's order, however they are packed
    slabs       pairs of flat arrays, parameters and gradients
    places      the slab that holds a parameter, and where in it the parameter starts
    target      where the model runs
    """

    parameters: list[Any]
    slabs: list[tuple[Any, Any]]
    places: dict[Any, tuple[int, int]]
    target: str


# what Keras's optimizers have besides; its own "off" may be spelled out
_OFF = {"amsgrad": False, "loss_scale_factor": None, "gradient_accumulation_steps": None}
COMMON = ("clipnorm", "clipvalue", "global_clipnorm", "use_ema", "ema_momentum", "ema_overwrite_frequency")


class Optimizer:
    """Keeps its state (velocities, moments) beside the slabs of parameters that it updates in place.

    An optimizer belongs to the one model that it was first used in. The learning rate is a number, or a schedule of
    `convnet.optimizers.schedules`, a function of the steps made so far.

    clipnorm                 each parameter's gradient is at most so long
    clipvalue                each number of a gradient is at most so large
    global_clipnorm          all gradients together are at most so long
    use_ema                  keep averages of the parameters, a <- m a + (1 - m) w, which `fit` leaves in the model
    ema_momentum             m
    ema_overwrite_frequency  also put the averages in the parameters' place every so many steps
    """

    name: str
    settings: ClassVar[tuple[str, ...]] = ("learning_rate", "weight_decay")
    states: int  # arrays kept for each array of parameters
    initial_state: float = 0.0  # what they start at

    def __init__(self, learning_rate: Any, weight_decay: float | None, name: str | None, **unknown: Any) -> None:
        where = type(self).__name__
        common = {key: unknown.pop(key) for key in COMMON if key in unknown}
        refuse(where, unknown, (*self.settings, *COMMON, "name"), _OFF)
        self.label = check_name(where, name) or self.name
        self.clipping = Clipping.of(where, {k: v for k, v in common.items() if k.startswith(("clip", "global"))})
        self.averages = Averages.of(where, {k: v for k, v in common.items() if "ema" in k})
        self.schedule = learning_rate if isinstance(learning_rate, LearningRateSchedule) else None
        self.rate = 0.0 if self.schedule else checks.number(where, "learning_rate", learning_rate, 0.0)  # of this step
        self.weight_decay = None if weight_decay is None else checks.number(where, "weight_decay", weight_decay, 0.0)
        self.iterations = 0
        self.state: list[list[np.ndarray]] = []
        self._owner: weakref.ref[Any] | None = None
        self._arena: Packed | None = None
        self._parked: dict[Any, list[np.ndarray]] = {}  # states of parameters that are frozen now

    def _bound(self, how: str) -> float | None:
        return self.clipping.bound if self.clipping is not None and self.clipping.how == how else None

    @property
    def clipnorm(self) -> float | None:
        """The bound of each parameter's gradient, None if there is none; it is given when the optimizer is made."""
        return self._bound("clipnorm")

    @property
    def clipvalue(self) -> float | None:
        """The bound of each number of a gradient."""
        return self._bound("clipvalue")

    @property
    def global_clipnorm(self) -> float | None:
        """The bound of all gradients together."""
        return self._bound("global_clipnorm")

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step."""
        return self.rate if self.schedule is None else self.schedule(self.iterations)

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        if self.schedule is not None:
            raise TypeError(
                f"{type(self).__name__}: its learning rate is a {type(self.schedule).__name__}, which sets the rate of "
                "each step; to change the rate yourself, make the optimizer with a number"
            )
        self.rate = value

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
        if arena.target != "cpu" and (self.clipping or self.averages):
            raise ValueError(
                f"{type(self).__name__}: {', '.join(self._common_config())} is for target='cpu', the model runs on "
                f"{arena.target!r}"
            )
        self._park()
        self._arena = arena
        self.state = [
            [targets.zeros(p.shape, p.dtype, targets.home(p)) for _ in range(self.states)] for p, _ in arena.slabs
        ]
        if self.initial_state:
            for states in self.state:
                for state in states:
                    targets.copy(state, np.full(state.shape, self.initial_state, state.dtype))
        if self.averages:
            for (slab_of_parameters, _), states in zip(arena.slabs, self.state, strict=True):
                states.append(slab_of_parameters.copy())
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

    def set_states_of(self, p: Any, arrays: list[np.ndarray]) -> None:
        """Continue with what was kept for a parameter; ValueError if its number or shapes differ."""
        wanted = self.states + (1 if self.averages else 0)
        if len(arrays) != wanted or any(a.shape != p.shape or a.dtype != p.dtype for a in arrays):
            raise ValueError(f"{type(self).__name__} keeps {wanted} arrays of {p.shape} for {p.name}")
        if self._arena is None or p not in self._arena.places:
            self._parked[p] = [a.copy() for a in arrays]
            return
        for mine, given in zip(self.states_of(p), arrays, strict=True):
            targets.copy(mine, given)

    def apply(self, slabs: list[tuple[np.ndarray, np.ndarray]], target: str) -> None:
        """Make one step on every slab, in place."""
        if self.schedule is not None:
            self.rate = self.schedule(self.iterations)
        if self.clipping is not None and self._arena is not None:
            self.clipping.clip(self._arena)
        self.iterations += 1
        for update in self.updates(slabs, target):
            update()
        if self.averages is not None:
            self.averages.follow(slabs, self.state, self.iterations)

    def updates(self, slabs: list[tuple[np.ndarray, np.ndarray]], target: str) -> list[Callable[[], None]]:
        """Return the kernels' calls of one step, a slab each."""
        own = self.state if self.averages is None else [states[:-1] for states in self.state]
        return [partial(self.update, p, g, states, target) for (p, g), states in zip(slabs, own, strict=True)]

    def finish(self, slabs: list[tuple[np.ndarray, np.ndarray]]) -> None:
        """Put the averages in the parameters' place, if they are kept: at the end of `fit`."""
        if self.averages is not None and self.iterations:
            self.averages.overwrite(slabs, self.state)

    def update(self, p: np.ndarray, g: np.ndarray, state: list[np.ndarray], target: str) -> None:
        """Make one step on one slab, in place."""
        raise TypeError(f"{type(self).__name__} must define update()")

    def get_config(self) -> dict[str, Any]:
        """Return the name and the settings, as plain JSON; a schedule of the learning rate as it is."""
        own = {s: getattr(self, s) for s in self.settings}
        rate = own["learning_rate"] if self.schedule is None else self.schedule
        return {"name": self.name} | own | {"learning_rate": rate} | self._common_config()

    def _common_config(self) -> dict[str, Any]:
        return (self.clipping.config() if self.clipping else {}) | (self.averages.config() if self.averages else {})


def _part(slab: Any, start: int, shape: tuple[int, ...]) -> Any:
    """Return a parameter's numbers in a slab, wherever that is: the same memory."""
    if isinstance(slab, np.ndarray):
        return slab[start : start + prod(shape)].reshape(shape)
    return slab.part(start, shape)
