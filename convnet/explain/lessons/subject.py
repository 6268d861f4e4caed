"""What a lesson is about: one model, one image and its label, and the kernels' numbers for them, computed once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from convnet import losses
from convnet.explain.lessons.trace import Backward, Trace, Weights, trace
from convnet.study.answers import read_answers
from convnet.study.metadata import read_record

if TYPE_CHECKING:
    from convnet.callbacks import Recorder
    from convnet.engine.operator import Value
    from convnet.engine.parameter import Parameter
    from convnet.model import Model


@dataclass
class Subject:
    """What the lesson is about."""

    model: Model
    image: np.ndarray
    label: int | str | None
    classes: Sequence[str] | None
    training: bool
    recorder: Recorder | None
    title: str | None
    after: dict[tuple[str, str], tuple[Weights, Trace]] = field(default_factory=dict, repr=False)

    @cached_property
    def trace(self) -> Trace:
        """The kernels' values for the image; ValueError if the model does not give one number per class."""
        made = trace(self.model, self.image, training=self.training)
        shape = made.output.shape
        if len(shape) != 2:
            raise ValueError(
                f"lesson: {self.model.name} gives an output of shape {shape[1:]}: expected one number a class"
            )
        return made

    @cached_property
    def values(self) -> list[Value]:
        """The input, then each step's output."""
        return [self.trace.low.input, *(s.output for s in self.trace.steps)]

    @cached_property
    def parameters(self) -> list[Parameter]:
        """Every parameter once, in the order of its first use."""
        return list(dict.fromkeys(p for s in self.trace.steps for p in s.parameters))

    @cached_property
    def names(self) -> list[str]:
        """Class names: given, saved with the model, or numbers."""
        outputs = self.trace.output.shape[1]
        count = 2 if outputs == 1 else outputs
        found = self.classes if self.classes is not None else self.model.metadata.get("classes")
        if found is None:
            return [str(k) for k in range(count)]
        if len(found) != count:
            raise ValueError(f"lesson: {len(found)} class names for a model with {count} classes")
        return [str(c) for c in found]

    @cached_property
    def answer(self) -> int:
        """The class that the model names."""
        y = self.trace.output[0]
        if len(y) > 1:
            return int(y.argmax())
        return int(y[0] > (0.5 if self.last == "sigmoid" else 0))

    @cached_property
    def calibrated(self) -> list[float] | None:
        """The calibrated probabilities, as `diagnose` gives them; None in training mode or if the model has none."""
        if self.training or read_record(self.model).temperature is None:
            return None
        return [float(p) for p in read_answers(self.model, self.trace.output)[0]]

    @cached_property
    def true(self) -> int:
        """The label as a class number."""
        if self.label is None:
            return self.answer
        if np.size(self.label) != 1:
            raise ValueError(
                f"lesson: label must be one class, by number or name, got {self.label!r}: of a one-hot row give its "
                "argmax; an image of several classes cannot be shown"
            )
        if isinstance(self.label, (list, tuple, np.ndarray)):
            self.label = np.ravel(self.label)[0].item()  # a row of an (N, 1) table of labels
        if str(self.label) in self.names:
            return self.names.index(str(self.label))
        if isinstance(self.label, (int, np.integer)) and 0 <= self.label < len(self.names):
            return int(self.label)
        raise ValueError(f"lesson: label {self.label!r} is not a class of this model: {', '.join(self.names)}")

    @property
    def last(self) -> str:
        """The operation of the last step; empty if there is none."""
        return self.trace.steps[-1].operation if self.trace.steps else ""

    @cached_property
    def losses(self) -> dict[str, tuple[losses.Loss, np.ndarray, str]]:
        """{name: (loss, target, key of its code)}: the cross-entropy that fits the last step, and formula (3)."""
        K = self.trace.output.shape[1]
        dtype = self.image.dtype
        one_hot = np.eye(K, dtype=dtype)[[self.true]] if K > 1 else np.full((1, 1), self.true, dtype)
        found: dict[str, tuple[losses.Loss, np.ndarray, str]] = {}
        if self.last == "sigmoid":
            found["crossentropy"] = (losses.BinaryCrossentropy(), one_hot, "crossentropy binary")
        elif K > 1:
            logits = self.last != "softmax"
            entropy = losses.SparseCategoricalCrossentropy(from_logits=logits)
            key = "crossentropy logits" if logits else "crossentropy sparse"
            found["crossentropy"] = (entropy, np.array([self.true]), key)
        found["mse"] = (losses.MeanSquaredError(), one_hot, "mse")
        return found

    @cached_property
    def backward(self) -> dict[str, Backward]:
        """The gradients of each loss."""
        return {name: self.trace.backward(loss, y) for name, (loss, y, _) in self.losses.items()}

    @cached_property
    def chosen_loss(self) -> str:
        """The loss that the model was compiled with, where it is one of the two."""
        own = getattr(self.model.loss, "name", "")
        return "mse" if own == "mean_squared_error" or "crossentropy" not in self.losses else "crossentropy"
