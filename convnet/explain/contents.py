"""What a lesson's page is made of: the steps, the kernels' numbers before and after each, the code that made them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet import losses
from convnet.explain.pack import Box, packed
from convnet.explain.sources import code_of
from convnet.explain.trace import Backward, Trace, Weights, trace
from kernels import registry

if TYPE_CHECKING:
    from convnet.callbacks import Recorder
    from convnet.layers.base import Parameter
    from convnet.lowering import Step, Value
    from convnet.model import Model

LARGE = 400_000  # numbers of a weight above which a page that must save leaves the kernels' gradient out
AFTER = 40_000  # numbers of a weight above which its values after an optimizer's step are left out
# the first step of each, from zero moments
OPTIMIZERS: dict[str, dict[str, float]] = {
    "sgd": {"lr": 0.001},
    "adam": {"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-7},
}


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
        return self.trace.steps[-1].operation if self.trace.steps else ""

    @cached_property
    def losses(self) -> dict[str, tuple[losses.Loss, np.ndarray, str]]:
        """name -> (loss, target, key of its code): the cross-entropy that fits the last step, and formula (3)."""
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
        return {name: self.trace.backward(loss, y) for name, (loss, y, _) in self.losses.items()}

    @cached_property
    def chosen_loss(self) -> str:
        """The loss that the model was compiled with, where it is one of the two."""
        own = getattr(self.model.loss, "name", "")
        return "mse" if own == "mean_squared_error" or "crossentropy" not in self.losses else "crossentropy"


def document(s: Subject) -> dict[str, Any]:
    """Everything but the arrays."""
    index = {v: i for i, v in enumerate(s.values)}
    places = {p: i for i, p in enumerate(s.parameters)}
    codes: dict[str, Any] = {}
    return {
        "format": 1,
        "title": s.title or "",
        "model": s.model.name,
        "dtype": s.image.dtype.name,
        "training": s.training,
        "classes": s.names,
        "label": s.true,
        "answer": s.answer,
        "label_given": s.label is not None,
        "values": [{"shape": list(v.shape)} for v in s.values],
        "steps": [_step(step, index, places, codes) for step in s.trace.steps],
        "parameters": [{"name": p.name, "trainable": p.trainable, "shape": list(p.value.shape)} for p in s.parameters],
        "losses": {name: _loss(s, name, codes) for name in s.losses},
        "chosen_loss": s.chosen_loss,
        "optimizers": {name: _optimizer(s, name, codes) for name in OPTIMIZERS},
        "codes": codes,
        "notice": s.model.metadata.get("notice", "For research and teaching. Not for clinical use."),
    }


def _step(step: Step, index: dict[Value, int], places: dict[Parameter, int], codes: dict[str, Any]) -> dict[str, Any]:
    settings = dict(step.settings)
    if step.operation == "dropout":
        settings |= {"seed": str(step.settings["seed"]), "step": step.layer.calls}  # type: ignore[attr-defined]
    used = {}
    for name in ("forward", "data", "weights"):
        code = code_of(step.operation, name, step)
        if code is not None and (name != "weights" or step.parameters):
            key = f"{step.operation} {name} {code['fast']['file']} {code['fast']['line']}"
            codes[key] = code
            used[name] = key
    return {
        "operation": step.operation,
        "layer": step.layer.name,
        "kind": type(step.layer).__name__,
        "inputs": [index[v] for v in step.inputs],
        "output": index[step.output],
        "parameters": [places[p] for p in step.parameters],
        "trains": step.layer.trainable,
        "settings": settings,
        "code": used,
    }


def _loss(s: Subject, name: str, codes: dict[str, Any]) -> dict[str, Any]:
    loss, target, key = s.losses[name]
    used = {}
    for part in ("forward", "data"):
        codes[f"{key} {part}"] = code_of(key, part)
        used[part] = f"{key} {part}"
    return {
        "operation": key,
        "target": [float(v) for v in np.ravel(target)],
        "value": s.backward[name].loss,
        "code": used,
    }


def _optimizer(s: Subject, name: str, codes: dict[str, Any]) -> dict[str, Any]:
    codes[name] = code_of(name, "forward")
    after = {loss: after_step(s, loss, name)[1] for loss in s.losses}
    ends = {loss: t.backward(*s.losses[loss][:2]).loss for loss, t in after.items()}
    return {
        "settings": OPTIMIZERS[name],
        "code": {"forward": name},
        "loss_after": ends,
        "output_after": {loss: [float(v) for v in t.output[0]] for loss, t in after.items()},
    }


# --- arrays


def after_step(s: Subject, loss: str, optimizer: str) -> tuple[Weights, Trace]:
    """The weights after the kernel's first step down this image's gradient, and the network with them."""
    if (loss, optimizer) not in s.after:
        s.after[loss, optimizer] = _stepped(s, loss, optimizer)
    return s.after[loss, optimizer]


def _stepped(s: Subject, loss: str, optimizer: str) -> tuple[Weights, Trace]:
    update = registry.find(optimizer, "cpu", "update")
    new: Weights = {}
    frozen = {p for step in s.trace.steps if not step.layer.trainable for p in step.parameters}
    for p, gradient in s.backward[loss].of_weights(s.trace.steps).items():
        if p in frozen:
            continue
        value = p.value.copy()
        if optimizer == "adam":
            update(value, gradient, np.zeros_like(value), np.zeros_like(value), step=1, **OPTIMIZERS["adam"])
        else:
            update(value, gradient, None, **OPTIMIZERS["sgd"])
        new[p] = value
    return new, trace(s.model, s.image, training=s.training, weights=new)


def tensors(s: Subject, cut: int | None) -> dict[str, Any]:
    """All arrays by name: x{value}, p{parameter}, and for each loss the gradients; with `cut` the middle of maps."""
    found = {f"x{i}": packed(s.trace.arrays[v][0], _middle(v.shape, cut)) for i, v in enumerate(s.values)}
    found["x0"] = packed(s.trace.arrays[s.values[0]][0])  # the image itself is always whole
    found |= {f"p{i}": packed(p.value) for i, p in enumerate(s.parameters)}
    for t, step in enumerate(s.trace.steps):
        if step.operation == "batchnorm":
            found[f"mean{t}"], found[f"variance{t}"] = (packed(a) for a in _statistics(s, step))
    for loss in s.losses:
        found |= _gradients(s, loss, cut)
        for optimizer in OPTIMIZERS:
            new, _ = after_step(s, loss, optimizer)
            for i, p in enumerate(s.parameters):
                if p in new and p.value.size <= AFTER:
                    found[f"{loss} {optimizer} p{i}"] = packed(new[p])
    return found


def _statistics(s: Subject, step: Step) -> tuple[np.ndarray, np.ndarray]:
    """The mean and variance of this image that the kernel of batch normalisation finds."""
    x = s.trace.arrays[step.inputs[0]]
    gamma, beta = (p.value for p in step.parameters[:2])
    forward = registry.find("batchnorm", "cpu", "forward")
    mean, variance = np.empty_like(gamma), np.empty_like(gamma)
    rows = x.reshape(-1, x.shape[-1])
    forward(rows, gamma, beta, epsilon=step.settings["epsilon"], out=(np.empty_like(rows), mean, variance))
    return mean, variance


def raw_bytes(s: Subject, cut: int | None) -> int:
    """What the values, and their gradients for each loss, take before they are packed."""
    kept = 0
    for v in s.values:
        box = _middle(v.shape, cut)
        kept += prod(v.shape) if box is None else prod(b - a for a, b in box) * v.shape[2]
    return kept * s.image.itemsize * (1 + len(s.losses))


def _gradients(s: Subject, loss: str, cut: int | None) -> dict[str, Any]:
    """`LOSS dx{value}`; a step's shares `LOSS dx{step}.{input}` where others add to them; `LOSS dp{step}.{weight}`."""
    b, found = s.backward[loss], {}
    readers = [sum(list(step.inputs).count(v) for step in s.trace.steps) for v in s.values]
    for i, v in enumerate(s.values):
        found[f"{loss} dx{i}"] = packed(b.dy[v][0], _middle(v.shape, cut))
    for t, step in enumerate(s.trace.steps):
        for n, v in enumerate(step.inputs):
            if readers[s.values.index(v)] > 1:
                found[f"{loss} dx{t}.{n}"] = packed(b.dx[t][n][0], _middle(v.shape, cut))
        for n, share in enumerate(b.dp[t]):
            if share is not None and (cut is None or share.size <= LARGE):
                found[f"{loss} dp{t}.{n}"] = packed(share)
    return found


def _middle(shape: tuple[int, ...], cut: int | None) -> Box | None:
    """The middle `cut` rows and columns of an image that has more."""
    if cut is None or len(shape) != 3 or max(shape[:2]) <= cut:
        return None
    (top, bottom), (left, right) = (((n - min(n, cut)) // 2, (n + min(n, cut)) // 2) for n in shape[:2])
    return (top, bottom), (left, right)


def epochs(s: Subject, room: int) -> tuple[dict[str, Any], int]:
    """The recorded epochs that fit in `room` bytes, evenly chosen, and how many were left out."""
    record = s.recorder
    if record is None or not record.epochs:
        return {"epochs": []}, 0
    numbers = {p.name: i for i, p in enumerate(s.parameters)}
    unknown = [
        n
        for n, arrays in record.weights.items()
        if n not in numbers or arrays[0].shape != s.parameters[numbers[n]].value.shape
    ]
    if unknown or not record.weights:
        what = f"it has {unknown[0]}, which the model has not" if unknown else "it holds no convolution's weights"
        raise ValueError(f"lesson: the record is of another network: {what}")

    def frame(e: int) -> dict[str, Any]:
        return {str(numbers[n]): packed(arrays[e].astype(np.float32)) for n, arrays in record.weights.items()}

    facts: dict[str, Any] = {"logs": [{n: v for n, v in entry.items() if np.isfinite(v)} for entry in record.logs]}
    facts |= {"all_epochs": record.epochs, "kept": s.model.metadata.get("best_epoch")}
    each = max(len(json.dumps(frame(e))) for e in {0, len(record.epochs) - 1}) * 1.02  # later weights pack less well
    room -= len(json.dumps(facts)) + 1000
    total = len(record.epochs)
    count = max(2, min(total, int(room / each)))
    chosen = sorted({round(i) for i in np.linspace(0, total - 1, count)})
    return {
        "epochs": [record.epochs[e] for e in chosen],
        "frames": [frame(e) for e in chosen],
        **facts,
    }, total - len(chosen)
