"""compile_inference: a model's forward pass for batches of one size as one native call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.engine.fixing import Snapshot
from convnet.engine.lending import Lending
from convnet.engine.lowering import lower
from convnet.engine.plan import Plan
from convnet.engine.precision import FLOAT32, check
from convnet.engine.replaying import not_replayable
from convnet.nested.several import batch_size, each_shape, sample_shape
from kernels import checks

if TYPE_CHECKING:
    from convnet.engine.lending import Key
    from convnet.runner import Runner


class Inference:
    """A function of one batch: `y = predict(x)`; any number of threads may call it.

    It computes with the model's parameters as they are when it is called: what is trained or loaded meanwhile counts.
    With fixed weights it computes with those of the time when it was made.
    """

    def __init__(self, model: Runner, key: Key, fixed: bool, winograd: bool) -> None:
        self._model, self._key, self._shape, self._fixed = model, key, key[0], fixed
        self._plans = fixed_plans(model, key, winograd) if fixed else model.plans

    def __call__(self, x: Any) -> Any:
        """Return the outputs for a batch of the compiled shape, as arrays of your own; ValueError for another shape."""
        if type(x) is not np.ndarray or x.shape != self._shape or x.dtype.kind != "f":
            x = self._check(x)
        plan = self.take()
        try:
            if plan.precision == FLOAT32 and not plan.is_replayed:
                plan.replay()
            y = plan.run(x)
        finally:
            self.give(plan)
        return y if type(y) is np.ndarray else self._model.structured_output(x, y)

    def take(self) -> Plan:
        """Lend a plan to the caller, who gives it back."""
        return self._plans.take(self._key) if self._fixed else self._model.take_plan(self._key)

    def give(self, plan: Plan) -> None:
        """Take it back."""
        self._plans.give(plan)

    def _check(self, x: Any) -> Any:
        x = self._model.check_batch(x)
        if x.shape != self._shape:
            raise ValueError(
                f"{self._model.name}: this was compiled for batches of shape {self._shape}, got {x.shape}. "
                "Call compile_inference for that size, or the model itself, which takes any"
            )
        return x

    def __repr__(self) -> str:
        weights = ", with fixed weights" if self._fixed else ""
        return f"<Inference of {self._model.name} for batches of shape {self._shape}{weights}>"


def fixed_plans(model: Runner, key: Key, winograd: bool) -> Lending:
    """Return plans of this kind, for any number of threads, with the parameters as they are now."""
    with model.reading():
        graph = model.graph(sample_shape(key[0]))
        snapshot = Snapshot(lower(graph, False).steps, winograd)
    return Lending(lambda key: Plan(graph, batch_size(key[0]), arena=snapshot))


def compile_inference(
    model: Runner, batch: int, fixed: bool = False, winograd: bool = False, precision: str | None = None
) -> Inference:
    """Return the forward pass of a model that has seen its input, or was built, for batches of this many samples.

    fixed: with the parameters as they are now, laid out for the kernels once. winograd: its transforms are allowed.
    precision: how the sums are computed, if not as the model was compiled (engine/precision.py).
    """
    if winograd and not fixed:
        raise ValueError("compile_inference: winograd=True is for fixed=True, which transforms the weights once")
    wanted = precision or model.precision
    if fixed and wanted != FLOAT32:
        raise ValueError(f"compile_inference: fixed=True is for precision='float32', got {wanted!r}")
    size = checks.integer("compile_inference", "batch", batch)
    if model.input_shape is None:
        raise ValueError(
            f"compile_inference: {model.name} has not seen an input: call build((None, height, ...)) first"
        )
    if model.target != "cpu":
        raise ValueError(f"compile_inference: for models on the CPU; {model.name} is on {model.target!r}")
    check("compile_inference", wanted, model.target)
    own = () if wanted == model.precision else (wanted,)
    shapes = tuple((size, *shape) for shape in each_shape(model.input_shape))
    key = (shapes if each_shape(model.input_shape) is model.input_shape else shapes[0], False, False, False, *own)
    made = Inference(model, key, fixed, winograd)
    plan = made.take()
    try:
        stuck = not_replayable(plan.low.steps)
        if stuck:
            layers = ", ".join(f"{step.layer.name} ({step.operation})" for step in stuck)
            raise ValueError(f"compile_inference: {model.name} computes in Python in {layers}: call the model itself")
        if plan.precision == FLOAT32:
            plan.replay()
    finally:
        made.give(plan)
    return made
