"""compile_inference: a model's forward pass for batches of one size as one native call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.engine.precision import FLOAT32, check
from convnet.engine.replaying import not_replayable
from convnet.nested.several import each_shape
from kernels import checks

if TYPE_CHECKING:
    from convnet.engine.lending import Key
    from convnet.runner import Runner


class Inference:
    """A function of one batch: `y = predict(x)`; any number of threads may call it.

    It computes with the model's parameters as they are when it is called: what is trained or loaded meanwhile counts.
    """

    def __init__(self, model: Runner, key: Key) -> None:
        self._model, self._key, self._shape = model, key, key[0]

    def __call__(self, x: Any) -> Any:
        """Return the outputs for a batch of the compiled shape, as arrays of your own; ValueError for another shape."""
        model = self._model
        if type(x) is not np.ndarray or x.shape != self._shape or x.dtype.kind != "f":
            x = self._check(x)
        plan = model.take_plan(self._key)
        try:
            if plan.precision == FLOAT32 and not plan.is_replayed:
                plan.replay()
            y = plan.run(x)
        finally:
            model.plans.give(plan)
        return y if type(y) is np.ndarray else model.structured_output(x, y)

    def _check(self, x: Any) -> Any:
        x = self._model.check_batch(x)
        if x.shape != self._shape:
            raise ValueError(
                f"{self._model.name}: this was compiled for batches of shape {self._shape}, got {x.shape}. "
                "Call compile_inference for that size, or the model itself, which takes any"
            )
        return x

    def __repr__(self) -> str:
        return f"<Inference of {self._model.name} for batches of shape {self._shape}>"


def compile_inference(model: Runner, batch: int, precision: str | None = None) -> Inference:
    """Return the forward pass of a model that has seen its input, or was built, for batches of this many samples."""
    size = checks.integer("compile_inference", "batch", batch)
    if model.input_shape is None:
        raise ValueError(
            f"compile_inference: {model.name} has not seen an input: call build((None, height, ...)) first"
        )
    if model.target != "cpu":
        raise ValueError(f"compile_inference: for models on the CPU; {model.name} is on {model.target!r}")
    own = () if precision in (None, model.precision) else (precision,)
    check("compile_inference", precision or model.precision, model.target)
    shapes = tuple((size, *shape) for shape in each_shape(model.input_shape))
    key = (shapes if each_shape(model.input_shape) is model.input_shape else shapes[0], False, False, False, *own)
    plan = model.take_plan(key)
    try:
        stuck = not_replayable(plan.low.steps)
        if stuck:
            layers = ", ".join(f"{step.layer.name} ({step.operation})" for step in stuck)
            raise ValueError(f"compile_inference: {model.name} computes in Python in {layers}: call the model itself")
        if plan.precision == FLOAT32:
            plan.replay()
    finally:
        model.plans.give(plan)
    return Inference(model, key)
