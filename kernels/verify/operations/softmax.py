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


def log_bound(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Bound the error of log softmax: the shift's rounding, the relative error of the sum, its logarithm's, and y's."""
    shift = np.abs(x.astype(float) - np.max(x, axis=-1, keepdims=True, initial=-np.inf))
    total = np.maximum(np.exp(-shift).sum(-1, keepdims=True), 1)  # the largest's own power; no classes have no sum
    mean = (np.exp(-shift) * np.where(np.exp(-shift) > 0, shift, 0)).sum(-1, keepdims=True) / total
    size = np.where(np.isfinite(y), shift + np.abs(y), 0)
    return 2 * unit(x.dtype) * (size + mean + x.shape[-1] + 5 + 3 * np.log(total))


class Softmax(Operation):
    name = "softmax"
    passes = {"forward": ("y",), "backward": ("dx",)}
    smallest = {"M": 1, "K": 1, "log": 0}
    choices = {"log": 2}
    scaled = {"backward": ("dy",)}
    long = {"M": 23_001, "K": 3, "log": 0}
    large = tuple({"M": m, "K": k, "log": log} for m, k in ((3001, 10), (3, 9001)) for log in (0, 1))

    def draw(self, rng: np.random.Generator) -> Geometry:
        return {"M": int(rng.integers(1, 7)), "K": int(rng.integers(1, 40)), "log": int(rng.integers(2))}

    def problem(self, g: Geometry, dtype: Any, kind: str, seed: int, oracle: str = "reference") -> Problem:
        rng, shape, log = np.random.default_rng(seed), (g["M"], g["K"]), bool(g.get("log", 0))
        x, dy = (draw_numbers(rng, shape, dtype, kind) for _ in range(2))
        if kind == "integers":  # 2^m classes share the row, the others are far below: every quotient is 2^-m
            most = 0 if log else int(np.log2(g["K"]))  # log 1 is exact
            winners = 2 ** rng.integers(0, most + 1, shape[0])
            order = np.argsort(rng.random(shape), axis=1)
            x = (np.where(order < winners[:, None], 0, -1000) + rng.integers(-4, 5, (shape[0], 1))).astype(dtype)
        elif kind == "random":
            x = x / dtype(10)
        elif kind == "unlike":  # e to the power of one row's largest is no measure for another row
            x = (4 * rng.standard_normal(shape) + 1000.0 * rng.permutation(g["M"])[:, None]).astype(dtype)
        y = load_forward("softmax", oracle)(x, log=log).astype(dtype)
        return Problem(g, {"x": x, "dy": dy, "y": y}, {"log": log}, oracle)

    def arguments(self, name: str, p: Problem) -> Arguments:
        return ((p["x"],) if name == "forward" else (p["dy"], p["y"])), p.settings

    def limits(self, name: str, p: Problem) -> tuple[Limit, ...]:
        y = exact(self, "forward", p)[0]
        if name == "forward" and p.settings["log"]:
            return (Limit(log_bound(p["x"], y), np.abs(y)),)
        if name == "forward":
            return (Limit(forward_bound(p["x"], y), y),)
        dy, y = np.abs(p["dy"].astype(float)), p["y"].astype(float)
        if p.settings["log"]:
            return (of_sum(p.geometry["K"] + 6, dy + np.exp(y) * dy.sum(-1, keepdims=True), p.dtype),)
        return (of_sum(p.geometry["K"] + 4, y * (dy + (dy * y).sum(-1, keepdims=True)), p.dtype),)
