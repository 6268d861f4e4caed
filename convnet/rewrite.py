"""Rewrites of a plan's steps that compute the same numbers: with less work, or to be looked at."""

from __future__ import annotations

from convnet.lowering import Step, Value


def pool_before_relu(steps: list[Step]) -> list[Step]:
    """relu then max pooling -> max pooling then relu, which has a quarter of the numbers to rectify.

    The largest of rectified numbers is the rectified largest number. The gradient is the same too: a window whose
    maximum is positive chooses the same pixel, and any other passes nothing on. Only where nobody else reads the
    rectified numbers.
    """
    steps = list(steps)
    for i in range(len(steps) - 1):
        relu, pool = steps[i], steps[i + 1]
        if relu.operation != "relu" or pool.operation != "maxpool2d" or relu.output.alias is None:
            continue
        if [s for s in steps if relu.output in s.inputs] != [pool]:
            continue
        pooled = Value(pool.output.shape)
        steps[i] = Step("maxpool2d", relu.inputs, pooled, pool.layer, (), pool.settings)
        # whoever read the pool's output reads the same value, now the rectifier's
        pool.output.alias = pooled
        steps[i + 1] = Step("relu", (pooled,), pool.output, relu.layer)
    return steps


def separate_relus(steps: list[Step]) -> None:
    """Give every relu an output of its own: its input, and the gradients on both sides, can then be looked at."""
    for step in steps:
        if step.operation == "relu":
            step.output.alias = None
