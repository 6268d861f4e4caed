"""Callbacks made of a user's functions."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, signature
from typing import Any

from convnet.callbacks.base import Callback, Logs


class LearningRateScheduler(Callback):
    """Set the learning rate before each epoch to schedule(epoch, learning_rate), or schedule(epoch)."""

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Ask the schedule for this epoch's rate."""
        optimizer = self.model.optimizer
        assert optimizer is not None
        two = _takes_two(self.schedule)
        rate = self.schedule(epoch, float(optimizer.learning_rate)) if two else self.schedule(epoch)
        if not isinstance(rate, float):
            raise ValueError(f"LearningRateScheduler: schedule must return a float, got {rate!r} at epoch {epoch}")
        optimizer.learning_rate = rate
        if self.verbose:
            print(f"Epoch {epoch + 1}: the learning rate is {rate:g}.")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Report the rate beside the metrics."""
        if logs is not None and self.model.optimizer is not None:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)


def _takes_two(schedule: Callable[..., Any]) -> bool:
    """Return True for a schedule(epoch, learning_rate), False for a schedule(epoch)."""
    kinds = [p.kind for p in signature(schedule).parameters.values()]
    plain = [k for k in kinds if k in (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)]
    return len(plain) > 1 or Parameter.VAR_POSITIONAL in kinds


class LambdaCallback(Callback):
    """A callback of functions, each named as the hook that it is: LambdaCallback(on_epoch_end=...)."""

    def __init__(self, **hooks: Callable[..., Any] | None) -> None:
        known = [name for name in vars(Callback) if name.startswith("on_")]
        for name, function in hooks.items():
            if name not in known:
                raise TypeError(f"LambdaCallback: {name} is not a hook; choose one of: {', '.join(known)}")
            if function is not None:
                setattr(self, name, function)
