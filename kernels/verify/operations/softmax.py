"""softmax: rows of classes, and how the shift by the largest rounds."""

from typing import Any

import numpy as np

from kernels.verify.fill import draw_numbers
from kernels.verify.problem import Arguments, Geometry, Operation, Problem, exact, load_forward
from kernels.verify.rounding import Limit, of_sum, unit


def forward_bound(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Bound the error of softmax.

    The shift d = x - max rounds by u |d|, which exp turns into a relative error, for the row's sum on average;
    exp adds 2u to both, the sum K u, the quotient u. Twice, for the reference rounds too where x is float64.
    """
    shift = np.abs(x.astype(float) - np.max(x, axis=-1, keepdims=True, initial=-np.inf))
    relative = shift + (y * shift).sum(-1, keepdims=True) + x.shape[-1] + 5
    return 2 * unit(x.dtype) * relative * y + 2 * float(np.finfo(x.dtype).smallest_subnormal)


class Softmax(Operation):
    name = "softmax"
    passes = {"forward": ("y",), "backward": ("dx",)}
    smallest = {"M": 1, "K": 1}
    scaled = {"backward": ("dy",)}
    long = {"M": 23_001, "K": 3}
    large = ({"M": 3001, "K": 10}, {"M": 3, "K": 9001})

    def draw(self, rng: np.random.Generator) -> Geometry:
        return {"M": int(rng.integers(1, 7)), "K": int(rng.integers(1, 40))}

    def problem(self, g: Geometry, dtype: Any, kind: str, seed: int, oracle: str = "reference") -> Problem:
        rng, shape = np.random.default_rng(seed), (g["M"], g["K"])
        x, dy = (draw_numbers(rng, shape, dtype, kind) for _ in range(2))
        if kind == "integers":  # 2^m classes share the row, the others are far below: every quotient is 2^-m
            winners = 2 ** rng.integers(0, int(np.log2(g["K"])) + 1, shape[0])
            order = np.argsort(rng.random(shape), axis=1)
            x = (np.where(order < winners[:, None], 0, -1000) + rng.integers(-4, 5, (shape[0], 1))).astype(dtype)
        elif kind == "random":
            x = x / dtype(10)
        elif kind == "unlike":  # e to the power of one row's largest is no measure for another row
            x = (4 * rng.standard_normal(shape) + 1000.0 * rng.permutation(g["M"])[:, None]).astype(dtype)
        y = load_forward("softmax", oracle)(x).astype(dtype)
        return Problem(g, {"x": x, "dy": dy, "y": y}, {}, oracle)

    def arguments(self, name: str, p: Problem) -> Arguments:
        return ((p["x"],) if name == "forward" else (p["dy"], p["y"])), {}

    def limits(self, name: str, p: Problem) -> tuple[Limit, ...]:
        y = exact(self, "forward", p)[0]
        if name == "forward":
            return (Limit(forward_bound(p["x"], y), y),)
        dy, y = np.abs(p["dy"].astype(float)), p["y"].astype(float)
        return (of_sum(p.geometry["K"] + 4, y * (dy + (dy * y).sum(-1, keepdims=True)), p.dtype),)
