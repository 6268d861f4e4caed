"""What a lesson's page is made of, but for the arrays: the steps, their settings, and the code that computes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.explain.lessons.arrays import OPTIMIZERS, after_step
from convnet.explain.lessons.sources import code_of
from convnet.explain.lessons.subject import Subject

if TYPE_CHECKING:
    from convnet.engine.operator import Step, Value
    from convnet.engine.parameter import Parameter


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
        "layers": sorted({type(layer).__name__ for layer in s.model.layers}),
        "classes": s.names,
        "label": s.true,
        "answer": s.answer,
        "calibrated": s.calibrated,
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
    if step.operation == "resample" and np.isinf(step.settings["fill"]):  # JSON has no infinity
        settings["fill"] = "Infinity" if step.settings["fill"] > 0 else "-Infinity"
    if step.operation == "dropout":
        settings |= {"seed": str(step.settings["seed"]), "step": step.layer.calls}  # type: ignore[attr-defined]
    used = {}
    for name in ("forward", "data", "weights"):
        code = code_of(step.operation, name, step)
        if code is not None and (name != "weights" or step.parameters):
            grouped = step.settings.get("groups", 1) > 1  # its formula has one letter more
            key = f"{step.operation} {name} {code['fast']['file']} {code['fast']['line']} {grouped}"
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
