"""Several inputs into one: Add, Subtract, Multiply, Average, Maximum, Minimum and Concatenate."""

from __future__ import annotations

from functools import reduce
from typing import Any, ClassVar

import numpy as np

from convnet.engine.graph import Node
from convnet.engine.operator import Lowering, Value
from convnet.layers.base import Layer
from kernels import add, arithmetic, checks, concatenate


class _Merging(Layer):
    inputs: ClassVar[int] = 2
    several: ClassVar[bool] = True  # more than two are taken as well

    def accepts(self, count: int) -> bool:
        """Return True if the layer can be called on so many inputs."""
        return count == 2 or (self.several and count > 2)

    def __call__(self, x: Any, training: bool | None = None) -> Any:
        """Merge a list of arrays; on a list of nodes, record the call."""
        if not isinstance(x, (list, tuple)) or not self.accepts(len(x)):
            wanted = "two or more inputs, [a, b, ...]" if self.several else "two inputs, [a, b]"
            got = f"a list of {len(x)}" if isinstance(x, (list, tuple)) else type(x).__name__
            raise ValueError(f"{self.name}: expects a list of {wanted}, got {got}")
        if any(isinstance(v, Node) for v in x):
            return super().__call__(x, training)
        return self.merge([np.asarray(v) for v in x])

    def merge(self, arrays: list[np.ndarray]) -> np.ndarray:
        """Compute the layer on arrays."""
        raise NotImplementedError


class _Arithmetic(_Merging):
    """y = a (kind) b, number by number; axes of length 1 are repeated, as NumPy repeats them."""

    kind: ClassVar[str]

    def output_shape(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of one output sample."""
        try:
            return reduce(lambda a, b: broadcast_samples(self.name, a, b), shapes)
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from None

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        """Emit the operations that compute this layer."""
        return reduce(lambda a, b: self._emit(low, a, b), inputs)

    def _emit(self, low: Lowering, a: Value, b: Value) -> Value:
        shape = broadcast_samples(self.name, a.shape, b.shape)
        return low.emit("arithmetic", (a, b), shape, self, kind=self.kind)

    def merge(self, arrays: list[np.ndarray]) -> np.ndarray:
        """Compute the layer on arrays."""
        return reduce(lambda a, b: arithmetic.forward(a, b, self.kind), arrays)


class Add(_Arithmetic):
    """a + b + ..; axes of length 1 are repeated. `a + b` on the outputs of layers does the same."""

    kind = "add"

    def _emit(self, low: Lowering, a: Value, b: Value) -> Value:
        return low.emit("add", (a, b), a.shape, self) if a.shape == b.shape else super()._emit(low, a, b)

    def merge(self, arrays: list[np.ndarray]) -> np.ndarray:
        """Compute the layer on arrays."""
        return reduce(lambda a, b: add.forward(a, b) if a.shape == b.shape else arithmetic.forward(a, b, "add"), arrays)


class Subtract(_Arithmetic):
    """a - b, of two inputs; axes of length 1 are repeated."""

    kind, several = "subtract", False


class Multiply(_Arithmetic):
    """a * b * ..; axes of length 1 are repeated, as (N,1,1,C) in a squeeze-and-excitation block."""

    kind = "multiply"


class Divide(_Arithmetic):
    """a / b, of two inputs; axes of length 1 are repeated. Keras has no such layer."""

    kind, several = "divide", False


class Maximum(_Arithmetic):
    """The largest of a, b, ..; of equal numbers the first gets the gradient."""

    kind = "maximum"


class Minimum(_Arithmetic):
    """The smallest of a, b, ..; of equal numbers the first gets the gradient."""

    kind = "minimum"


class Average(Add):
    """(a + b + ..) / count; axes of length 1 are repeated."""

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        """Emit the operations that compute this layer."""
        total = super().lower(low, *inputs)
        return low.emit("arithmetic", (total,), total.shape, self, kind="divide", constant=float(len(inputs)))

    def merge(self, arrays: list[np.ndarray]) -> np.ndarray:
        """Compute the layer on arrays."""
        total = super().merge(arrays)
        return arithmetic.forward(total, np.full(1, len(arrays), total.dtype), "divide")


class Concatenate(_Merging):
    """One input after the other along `axis`, which counts the axis of the samples, 0, as well: -1 is the channels."""

    settings: ClassVar[tuple[str, ...]] = ("axis",)

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis if isinstance(axis, int) and axis < 0 else checks.integer(self.name, "axis", axis)

    def output_shape(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of one output sample."""
        return self._joined(shapes)[1]

    def _joined(self, shapes: tuple[tuple[int, ...], ...]) -> tuple[int, tuple[int, ...]]:
        """Return the axis, counted with that of the samples, and the shape of one output sample."""
        try:
            axis, shape = concatenate.shape_of(tuple((1, *s) for s in shapes), self.axis)
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from None
        if axis == 0:
            raise ValueError(f"{self.name}: axis={self.axis} is the axis of the samples, which a layer cannot lengthen")
        return axis, shape[1:]

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        """Emit the operations that compute this layer."""
        axis, shape = self._joined(tuple(v.shape for v in inputs))
        return low.emit("concatenate", inputs, shape, self, axis=axis)

    def merge(self, arrays: list[np.ndarray]) -> np.ndarray:
        """Compute the layer on arrays."""
        return concatenate.forward(*arrays, axis=self.axis)


class ConstantArithmetic(Layer):
    """x (kind) constant, or constant (kind) x if `reversed`: a sum or product with fixed numbers, as ONNX graphs have.

    kind      a kind of kernels.arithmetic: "add", "subtract", "multiply", "divide", "maximum" or "minimum"
    shape     of the constant; with a sample's axes, or fewer: counted from the last, axes of length 1 are repeated
    reversed  the constant is the first operand
    learned   True trains it with the other parameters
    """

    settings: ClassVar[tuple[str, ...]] = ("kind", "shape", "reversed", "learned")

    def __init__(
        self, kind: str, shape: Any = (1,), reversed: bool = False, learned: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if kind not in arithmetic.KINDS:
            raise ValueError(f"{self.name}: kind must be one of {', '.join(arithmetic.KINDS)}, got {kind!r}")
        self.kind, self.reversed, self.learned = kind, bool(reversed), bool(learned)
        self.shape = tuple(checks.integer(self.name, "shape", n) for n in shape)

    def build(self, shape: tuple[int, ...]) -> None:
        """Make the constant, which is neutral until it is set."""
        start = "ones" if self.kind in ("multiply", "divide") else "zeros"
        self.constant = self.add_weight("constant", self.shape, start, trainable=self.learned)

    def output_shape(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of one output sample."""
        if len(self.shape) > len(shapes[0]):
            raise ValueError(f"{self.name}: a constant of shape {self.shape} has more axes than a sample, {shapes[0]}")
        return broadcast_samples(self.name, shapes[0], (1,) * (len(shapes[0]) - len(self.shape)) + self.shape)

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        """Emit the operations that compute this layer."""
        shape = self.output_shape(inputs[0].shape)
        return low.emit("arithmetic", inputs, shape, self, (self.constant,), kind=self.kind, reversed=self.reversed)


def broadcast_samples(where: str, a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of a sample made of two; ValueError unless they have one number of axes and fit."""
    if len(a) != len(b):
        raise ValueError(f"{where}: samples of shapes {a} and {b} must have one number of axes: use Reshape")
    return arithmetic.broadcast(where, a, b)
