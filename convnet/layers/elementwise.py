"""Functions of one number with numbers of their own, as layers."""

from __future__ import annotations

from math import isfinite
from typing import Any, ClassVar

from convnet.engine.operator import Lowering, Value
from convnet.layers.base import Layer
from kernels import checks
from kernels.unary import functions


class _Function(Layer):
    """A layer that is one function of kernels.unary."""

    def function(self) -> tuple[str, dict[str, Any]]:
        """Return the function's name and its numbers."""
        raise NotImplementedError

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        """Emit the operations that compute this layer."""
        name, numbers = self.function()
        return low.emit("unary", inputs, inputs[0].shape, self, function=name, **numbers)


class ReLU(_Function):
    """min(x, max_value) above the threshold, negative_slope * (x - threshold) elsewhere; by default max(x, 0)."""

    settings: ClassVar[tuple[str, ...]] = ("max_value", "negative_slope", "threshold")

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.max_value = None if max_value is None else checks.number(self.name, "max_value", max_value, 0.0)
        self.negative_slope = checks.number(self.name, "negative_slope", negative_slope or 0.0, 0.0)
        self.threshold = checks.number(self.name, "threshold", threshold or 0.0, 0.0)

    def function(self) -> tuple[str, dict[str, Any]]:
        """Return the function's name and its numbers."""
        numbers = {"negative_slope": self.negative_slope, "threshold": self.threshold}
        return "rectify", numbers if self.max_value is None else {**numbers, "max_value": self.max_value}


class LeakyReLU(_Function):
    """x for x > 0, else negative_slope * x."""

    settings: ClassVar[tuple[str, ...]] = ("negative_slope",)

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.negative_slope = checks.number(self.name, "negative_slope", negative_slope, 0.0)

    def function(self) -> tuple[str, dict[str, Any]]:
        """Return the function's name and its numbers."""
        return "rectify", {"negative_slope": self.negative_slope}


class ELU(_Function):
    """x for x > 0, else alpha * (e^x - 1)."""

    settings: ClassVar[tuple[str, ...]] = ("alpha",)

    def __init__(self, alpha: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alpha = checks.number(self.name, "alpha", alpha, 0.0)

    def function(self) -> tuple[str, dict[str, Any]]:
        """Return the function's name and its numbers."""
        return "elu", {"alpha": self.alpha}


class Elementwise(_Function):
    """A function of `kernels.unary` by its name there, with its numbers: Elementwise("clip", low=-1.0, high=1.0).

    For what Keras has as a function with arguments, or not at all: "gelu_tanh", "clip", "hard_sigmoid" with numbers.
    """

    settings: ClassVar[tuple[str, ...]] = ("kind", "numbers")

    def __init__(
        self, kind: str, numbers: dict[str, Any] | None = None, *, name: str | None = None, **given: Any
    ) -> None:
        base = {key: given.pop(key) for key in ("trainable", "dtype") if key in given}
        super().__init__(name=name, **base)
        functions.make(kind, {**(numbers or {}), **given})
        # an infinite bound is none, and JSON has no infinity
        self.kind, self.numbers = kind, {k: v for k, v in {**(numbers or {}), **given}.items() if isfinite(v)}

    def function(self) -> tuple[str, dict[str, Any]]:
        """Return the function's name and its numbers."""
        return self.kind, self.numbers
