"""The arrays of a lesson's page: values, weights, gradients, weights after a step, recorded epochs."""

from __future__ import annotations

import json
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.explain.lessons.pack import Box, packed
from convnet.explain.lessons.subject import Subject
from convnet.explain.lessons.trace import Trace, Weights, trace
from kernels import registry

if TYPE_CHECKING:
    from convnet.engine.operator import Step

LARGE = 400_000  # numbers of a weight above which a page that must save leaves the kernels' gradient out
AFTER = 40_000  # numbers of a weight above which its values after an optimizer's step are left out
# the first step of each, from zero moments
OPTIMIZERS: dict[str, dict[str, float]] = {
    "sgd": {"lr": 0.001},
    "adam": {"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-7},
}


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
    if record is None:
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
