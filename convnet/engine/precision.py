"""precision=: whether a plan's sums are float32's own, or those of the matrix unit, where a layer fills its tiles.

A tile has 32 terms and 16 columns. A layer with fewer than LEAST channels or filters, in a group of a convolution,
fills less than half of it, and is left to float32's kernels; so are all operations but conv2d, convpool and dense.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernels import registry
from kernels.amx import processor

if TYPE_CHECKING:
    from convnet.engine.operator import Step

FLOAT32 = "float32"
# the products of bfloat16 parts that make one of float32, as XLA and oneMKL call them -> the kernels' variant
PRECISIONS = {"bfloat16": "cpu_amx_bf16", "bfloat16x3": "cpu_amx_3", "bfloat16x6": "cpu_amx"}
LEAST = 16


def check(caller: str, precision: str, target: str) -> None:
    """Raise ValueError for an unknown precision or another target than "cpu"; RuntimeError without a matrix unit."""
    if precision == FLOAT32:
        return
    if precision not in PRECISIONS:
        known = ", ".join((FLOAT32, *PRECISIONS))
        raise ValueError(f"{caller}: there is no precision {precision!r}; choose one of: {known}")
    if target != "cpu":
        raise ValueError(
            f"{caller}: precision={precision!r} is for target='cpu', got {target!r}: use precision='float32'"
        )
    lacks = processor.missing()
    if lacks is not None:
        raise RuntimeError(
            f"{caller}: precision={precision!r} needs Intel's matrix unit, AMX ({' and '.join(processor.FEATURES)}): "
            f"{lacks}. Use precision='float32'"
        )


def variant(step: Step, precision: str) -> str | None:
    """Return the variant that computes a step at this precision; None for the target's default."""
    if precision == FLOAT32 or step.operation not in registry.MATRIX_UNIT:
        return None
    terms, columns = step.parameters[0].shape[-2:]
    fills = terms >= LEAST and columns // step.settings.get("groups", 1) >= LEAST
    return PRECISIONS[precision] if fills else None
