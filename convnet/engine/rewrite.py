"""Rewrites of a plan's steps that compute the same numbers: with less work, or to be looked at."""

from __future__ import annotations

from convnet.engine.operator import Lowering, Step, Value
from kernels import convpool

NO_PADDING, TWO_BY_TWO = ((0, 0), (0, 0)), {"size": (2, 2), "stride": (2, 2), "padding": ((0, 0), (0, 0))}
PLAIN = {"stride": (1, 1), "padding": NO_PADDING, "dilation": (1, 1), "groups": 1}
RANDOM = ("dropout", "drawn", "warped")  # operations with a stream of random numbers
_GOLDEN = 0x9E3779B97F4A7C15  # spreads the seeds of a random layer's several uses


def rewrite(low: Lowering, target: str) -> None:
    """Rewrite the steps so that they are as little work as possible on this target."""
    low.steps = pool_before_relu(low.steps, low.outputs)
    low.steps = fuse_convpool(low.steps, low.outputs, target)
    low.steps = fuse_levels(low.steps, low.outputs)
    seed_random(low.steps)


def separate(low: Lowering) -> None:
    """Leave the steps as the layers gave them, each with an output of its own, so that all can be looked at."""
    separate_relus(low.steps)
    seed_random(low.steps)


def pool_before_relu(steps: list[Step], outputs: list[Value]) -> list[Step]:
    """Pool before a relu instead of after it, which leaves a quarter of the numbers to rectify.

    The largest of rectified numbers is the rectified largest number. The gradient is the same too: a window whose
    maximum is positive chooses the same pixel, and any other passes nothing on. Only if nothing else reads the
    rectified numbers, and they are no output.
    """
    steps = list(steps)
    for i in range(len(steps) - 1):
        relu, pool = steps[i], steps[i + 1]
        if relu.operation != "relu" or pool.operation != "maxpool2d" or relu.output.alias is None:
            continue
        if relu.output in outputs or [s for s in steps if relu.output in s.inputs] != [pool]:
            continue
        pooled = Value(pool.output.shape)
        steps[i] = Step("maxpool2d", relu.inputs, pooled, pool.layer, (), pool.settings)
        # what read the pool's output reads the same value, now the relu's
        pool.output.alias = pooled
        steps[i + 1] = Step("relu", (pooled,), pool.output, relu.layer)
    return steps


def fuse_convpool(steps: list[Step], outputs: list[Value], target: str = "cpu") -> list[Step]:
    """Make conv2d, max pooling and relu one convpool, if that pays and nothing else reads what lies between."""
    kept: list[Step] = []
    at = 0
    while at < len(steps):
        three = steps[at : at + 3]
        names = [s.operation for s in three]
        fused = names == ["conv2d", "maxpool2d", "relu"] and _is_convpool(three, steps, outputs, target)
        if fused:
            conv, _, relu = three
            relu.output.alias = None
            kept.append(Step("convpool", conv.inputs, relu.output, conv.layer, conv.parameters))
        else:
            kept.append(steps[at])
        at += 3 if fused else 1
    return kept


def _is_convpool(three: list[Step], steps: list[Step], outputs: list[Value], target: str) -> bool:
    conv, pool, relu = three
    for step, reader in ((conv, pool), (pool, relu)):
        if step.output in outputs or [s for s in steps if step.output in s.inputs] != [reader]:
            return False
    pays = convpool.pays(conv.parameters[0].shape, target)
    return conv.settings == PLAIN and pool.settings == TWO_BY_TWO and pays


def fuse_levels(steps: list[Step], outputs: list[Value]) -> list[Step]:
    """Make an 8-bit convolution and 2x2 max pooling one step, if nothing else reads what lies between."""
    kept: list[Step] = []
    for step in steps:
        before = kept[-1] if kept else step
        fused = (before.operation, step.operation) == ("conv2d_int8", "maxpool2d_int8") and step.settings == TWO_BY_TWO
        if fused and step.inputs == (before.output,) and before.output not in outputs and before.settings["levels"]:
            readers = [s for s in steps if before.output in s.inputs]
            if readers == [step]:
                inputs, layer, parameters = before.inputs, before.layer, before.parameters
                kept[-1] = Step("convpool_int8", inputs, step.output, layer, parameters, before.settings)
                continue
        kept.append(step)
    return kept


def separate_relus(steps: list[Step]) -> None:
    """Give every relu an output of its own: its input, and the gradients on both sides, can then be looked at."""
    for step in steps:
        if step.operation == "relu":
            step.output.alias = None


def seed_random(steps: list[Step]) -> None:
    """Give each use of a layer that draws random numbers a seed of its own, made from the layer's."""
    for number, step in enumerate(s for s in steps if s.operation in RANDOM):
        step.settings["seed"] = (step.layer.seed + number * _GOLDEN) % 2**64  # type: ignore[attr-defined]
