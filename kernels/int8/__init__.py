"""Real numbers as 8-bit levels and back, and what the 8-bit passes of the operations share; README.md is the lesson.

x any shape, float32; its levels int8. `out`: where to write the result, C-contiguous and apart from the input.
`variant`: "cpu", or "reference", the formula number by number.
Both functions raise TypeError for a wrong kind of array and ValueError for shapes or settings that do not fit.
Source: Jacob et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference,
2018, equation 1; ONNX, QuantizeLinear and DequantizeLinear.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from kernels import checks
from kernels.int8.levels import LEAST, MOST, REAL, TYPE, Levels, check_level, check_multiplier, deliver

__all__ = ["LEAST", "MOST", "Levels", "dequantize", "quantize"]
_VARIANTS = ("reference", "cpu")


def quantize(
    x: np.ndarray, *, scale: float, zero: int = 0, variant: str = "cpu", out: np.ndarray | None = None
) -> np.ndarray:
    """Compute level = round(x / scale) + zero, at least -128 and at most 127, ties to even  -> int8, x's shape.

    The division is float32's. ValueError for a NaN: no level stands for one. An infinity is the last level.
    """
    x = checks.array("quantize", "x", x, None, (REAL,))
    step, middle = check_multiplier("quantize", scale), check_level("quantize", "zero", zero)
    run = _module(variant)
    if variant == "reference":
        return deliver("quantize", run.quantize(x, step, middle), out)
    y = checks.output("quantize", "out", out, x.shape, TYPE, (x,))
    run.quantize(x, step, middle, out=y)
    return y


def dequantize(
    x: np.ndarray, *, scale: float, zero: int = 0, variant: str = "cpu", out: np.ndarray | None = None
) -> np.ndarray:
    """Compute number = scale * (level - zero) in float32  -> x's shape."""
    x = checks.array("dequantize", "x", x, None, (TYPE,))
    step, middle = check_multiplier("dequantize", scale), check_level("dequantize", "zero", zero)
    run = _module(variant)
    if variant == "reference":
        return deliver("dequantize", run.dequantize(x, step, middle), out)
    y = checks.output("dequantize", "out", out, x.shape, REAL, (x,))
    run.dequantize(x, step, middle, out=y)
    return y


def _module(variant: Any) -> ModuleType:
    if variant not in _VARIANTS:
        raise ValueError(f"quantize: there is no variant {variant!r}; choose one of: {', '.join(_VARIANTS)}")
    return import_module(f"kernels.int8.{variant}")
