"""The exercise `quantised`: a dot product of 8-bit integers, as an operation of its own for `kernels.verify`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kernels.verify.fill import draw_numbers
from kernels.verify.problem import Arguments, Geometry, Operation, Problem, exact
from kernels.verify.rounding import Limit, of_sum


def forward(
    x: np.ndarray, k: np.ndarray, scale: np.ndarray, b: np.ndarray, *, zero: int
) -> tuple[np.ndarray, np.ndarray]:
    """Compute total[n,f] = sum_c (x[n,c] - zero) * k[c,f] and y[n,f] = scale[f] * total[n,f] + b[f].

    x (N,C), k (C,F) int8  scale, b (F,)  ->  total (N,F) integers, y (N,F) float64
    Source: Jacob et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference,
    2018, equations 3 and 4, with the zero point of the kernel at 0.
    """
    total = np.zeros((len(x), k.shape[1]), np.int64)
    y = np.zeros(total.shape)
    for n, f in np.ndindex(total.shape):
        for c in range(len(k)):
            total[n, f] += (int(x[n, c]) - zero) * int(k[c, f])
        y[n, f] = float(scale[f]) * int(total[n, f]) + float(b[f])
    return total, y


class QuantisedDot(Operation):
    """Problems whose 8-bit products and sums do not fit into 8 or 16 bits."""

    name = "quantised"
    passes = {"forward": ("total", "y")}
    smallest = {"N": 1, "C": 1, "F": 1, "zero": 0}

    def reference(self, name: str) -> Callable[..., Any]:
        """Return the formula as plain loops."""
        return forward

    def draw(self, rng: np.random.Generator) -> Geometry:
        """Draw a small geometry."""
        N, C, F, zero = (int(v) for v in rng.integers((1, 1, 1, 0), (5, 40, 6, 30)))
        return {"N": N, "C": C, "F": F, "zero": zero}

    def problem(self, g: Geometry, dtype: Any, kind: str, seed: int, oracle: str = "reference") -> Problem:
        """Make the problem of a geometry."""
        rng = np.random.default_rng(seed)
        arrays = {
            "x": rng.integers(-128, 128, (g["N"], g["C"])).astype(np.int8),
            "k": rng.integers(-127, 128, (g["C"], g["F"])).astype(np.int8),
            "scale": np.abs(draw_numbers(rng, (g["F"],), dtype, kind)) + dtype(1 if kind == "integers" else 0),
            "b": draw_numbers(rng, (g["F"],), dtype, kind),
        }
        return Problem(g, arrays, {"zero": g["zero"]}, oracle)

    def arguments(self, name: str, p: Problem) -> Arguments:
        """Return the arguments of a pass."""
        return tuple(p[a] for a in ("x", "k", "scale", "b")), p.settings

    def limits(self, name: str, p: Problem) -> tuple[Limit, ...]:
        """Bound the integers by nothing, and y by a product and an addition."""
        total, _ = exact(self, name, p)
        size = np.abs(p["scale"].astype(float) * total) + np.abs(p["b"])
        return Limit(np.zeros(total.shape), np.abs(total).astype(float)), of_sum(4, size, p.dtype)
