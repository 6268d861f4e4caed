"""Inference with weights that no longer change: convolutions laid out once, with what follows them done at their store.

A convolution takes with it a normalization by kept statistics (as other weights), the addition of another array, and a
rectifier or a clip, as far as each is the only reader of what lies before it. By Winograd's transforms, where they are
allowed and pay, it takes a normalization with it only. So does one of many pixels with a border, which stays as it is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from convnet.engine.operator import Step, Value
from convnet.engine.parameter import Parameter

OPERATION, BY_WINOGRAD, DEPTHWISE = "conv2d_fixed", "conv2d_fixed_winograd", "conv2d_fixed_depthwise"


class Snapshot:
    """The parameters as they were, in the arena's place: `value` gives a plan its arrays."""

    def __init__(self, steps: Iterable[Step], winograd: bool = False) -> None:
        self.winograd = winograd  # whether its transforms are allowed
        self._copies = {p: p.value.copy() for step in steps for p in step.parameters}
        self._packed: dict[tuple[Any, ...], tuple[Parameter, Parameter]] = {}
        self.gradients: dict[Parameter, Any] = {}

    def value(self, p: Parameter) -> np.ndarray:
        """Return the copy of a model's parameter; what was packed is its own."""
        return self._copies.get(p, p.value)

    def send(self) -> None:
        """Do nothing: the numbers stay as they are."""

    def pack(self, conv: Step, norm: Step | None, way: ModuleType) -> tuple[Parameter, Parameter]:
        """Return the kernel and bias of a convolution, laid out; all plans share them."""
        key = (way, *conv.parameters, *(norm.parameters if norm else ()))
        if key not in self._packed:
            panels, start = way.pack(*self.folded(conv, norm))
            self._packed[key] = Parameter("panels", panels), Parameter("start", start)
        return self._packed[key]

    def fold(self, conv: Step, norm: Step | None) -> tuple[Parameter, ...]:
        """Return the kernel and bias of a convolution that takes a normalization along; without one, its own."""
        if norm is None:
            return conv.parameters
        key = (None, *conv.parameters, *norm.parameters)
        if key not in self._packed:
            k, b = self.folded(conv, norm)
            assert b is not None
            self._packed[key] = Parameter("kernel", k), Parameter("bias", b)
        return self._packed[key]

    def folded(self, conv: Step, norm: Step | None) -> tuple[np.ndarray, np.ndarray | None]:
        """Return k and b such that the convolution gives what the normalization behind it would.

        k' = k * g, b' = (b - mean) * g + beta, with g = gamma / sqrt(var + epsilon); computed in float64.
        """
        k, *b = map(self.value, conv.parameters)
        if norm is None:
            return k, (b[0] if b else None)
        gamma, beta, mean, var = (self.value(p).reshape(-1).astype(np.float64) for p in norm.parameters)
        with np.errstate(all="ignore"):  # a kept variance of -1, say: can_fix refuses what is not finite
            g = gamma / np.sqrt(var + norm.settings["epsilon"])
            return (k * g).astype(k.dtype), (((b[0] if b else 0) - mean) * g + beta).astype(k.dtype)


def fix(steps: list[Step], outputs: list[Value], snapshot: Snapshot, batch: int) -> list[Step]:
    """Return the steps with every convolution that can be fixed as one step with what it takes along."""
    from kernels.conv2d import fixed, fixed_winograd  # Numba, which a model can be made without
    from kernels.conv2d.cpu import is_depthwise

    steps = list(steps)
    for conv in [s for s in steps if s.operation == "conv2d"]:
        depthwise = is_depthwise(conv.parameters[0].shape, conv.settings["groups"])
        wanted = ("batchnorm_inference", "clamp") if depthwise else ("batchnorm_inference", "add", "clamp")
        chain = _chain(conv, steps, outputs, wanted)  # among what others have left
        norm = next((s for s in chain if s.operation == "batchnorm_inference"), None)
        k, b = snapshot.folded(conv, norm)
        if not np.isfinite(k).all() or not (b is None or np.isfinite(b).all()):
            continue
        if depthwise:
            made = _depthwise(conv, chain, snapshot.fold(conv, norm))
        elif not fixed.can_fix(k, conv.settings["groups"]):
            continue
        elif snapshot.winograd and fixed_winograd.can_fix(k, (batch, *conv.inputs[0].shape), conv.settings):
            chain = [norm] if norm else []
            made = _by_winograd(conv, norm, snapshot.pack(conv, norm, fixed_winograd))
        elif not fixed.pays((batch, *conv.output.shape), conv.settings["padding"]):
            if norm is None:
                continue
            chain, made = [norm], _folded(conv, norm, snapshot.fold(conv, norm))
        else:
            made = _fixed(conv, chain, snapshot.pack(conv, norm, fixed))
        steps[steps.index(chain[-1] if chain else conv)] = made
        steps = [s for s in steps if s is not conv and s not in chain]
    return steps


def _chain(conv: Step, steps: list[Step], outputs: list[Value], wanted: Sequence[str]) -> list[Step]:
    """Return the steps behind a convolution that it can take along: of what is wanted, in this order."""
    chain: list[Step] = []
    at = steps.index(conv)
    value = conv.output
    while value not in outputs:
        readers = [s for s in steps if value in s.inputs]
        if len(readers) != 1:
            break
        kind = "clamp" if limits(readers[0]) else readers[0].operation
        if kind not in wanted or (kind == "add" and not _can_add(conv, readers[0], value, steps[at:])):
            break
        wanted = wanted[wanted.index(kind) + 1 :]
        chain.append(readers[0])
        value = readers[0].output
    return chain


def _can_add(conv: Step, add: Step, value: Value, behind: list[Step]) -> bool:
    """Return whether an addition adds another array, and the convolution may wait until that is there."""
    other = [v for v in add.inputs if v is not value]
    between = behind[: behind.index(add)]
    return len(other) == 1 and not any(s.output.alias in (conv.inputs[0], other[0]) for s in between)


def limits(step: Step) -> tuple[float, float] | None:
    """Return (low, high) if a step holds its numbers between two, else None."""
    s = step.settings
    if step.operation == "relu":
        return 0.0, math.inf
    if step.operation != "unary":
        return None
    if s["function"] == "clip":
        return s.get("low", -math.inf), s.get("high", math.inf)
    if s["function"] == "rectify" and not s.get("negative_slope") and not s.get("threshold"):
        return 0.0, s.get("max_value", math.inf)
    return None


def _fixed(conv: Step, chain: list[Step], packed: tuple[Parameter, Parameter]) -> Step:
    before = {conv.output, *(s.output for s in chain)}
    others = tuple(v for s in chain if s.operation == "add" for v in s.inputs if v not in before)
    output = chain[-1].output if chain else conv.output
    output.alias = None  # what it took over the memory of is no longer there
    low, high = next((found for s in chain if (found := limits(s))), (-math.inf, math.inf))
    settings = {name: conv.settings[name] for name in ("stride", "padding", "dilation")}
    settings |= {"k_shape": conv.parameters[0].shape, "low": low, "high": high}
    return Step(OPERATION, (*conv.inputs, *others), output, conv.layer, packed, settings)


def _depthwise(conv: Step, chain: list[Step], parameters: tuple[Parameter, ...]) -> Step:
    output = chain[-1].output if chain else conv.output
    output.alias = None
    found = next((found for s in chain if (found := limits(s))), None)
    return Step(DEPTHWISE, conv.inputs, output, conv.layer, parameters, {**conv.settings, "limits": found})


def _folded(conv: Step, norm: Step, parameters: tuple[Parameter, ...]) -> Step:
    norm.output.alias = None
    return Step("conv2d", conv.inputs, norm.output, conv.layer, parameters, conv.settings)


def _by_winograd(conv: Step, norm: Step | None, packed: tuple[Parameter, Parameter]) -> Step:
    (top, _), (left, _) = conv.settings["padding"]
    output = norm.output if norm else conv.output
    output.alias = None
    return Step(BY_WINOGRAD, conv.inputs, output, conv.layer, packed, {"before": (top, left)})
