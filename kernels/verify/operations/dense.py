"""dense: problems of one matrix product, and the bounds of its sums."""

from typing import Any

import numpy as np

from kernels.verify.fill import draw_numbers
from kernels.verify.problem import Arguments, Geometry, Operation, Problem


class Dense(Operation):
    name = "dense"
    passes = {"forward": ("y",), "backward_data": ("dx",), "backward_weights": ("dk", "db")}
    smallest = {"N": 1, "C": 1, "F": 1}
    linear = ("x", "k", "b")
    scaled = {"forward": ("x", "b"), "backward_data": ("dy",), "backward_weights": ("dy",)}
    long = {"N": 1, "C": 70_001, "F": 1}
    large: tuple[Geometry, ...] = (
        {"N": 32, "C": 1600, "F": 128},
        {"N": 1, "C": 700, "F": 130},
        {"N": 70, "C": 65, "F": 67},
        {"N": 33, "C": 17, "F": 17},
        {"N": 2, "C": 900, "F": 37},  # with a bias: a sum that a GPU cuts into parts, not in fours
    )

    def draw(self, rng: np.random.Generator) -> Geometry:
        return {"N": int(rng.integers(1, 7)), "C": int(rng.integers(1, 21)), "F": int(rng.integers(1, 21))}

    def problem(self, g: Geometry, dtype: Any, kind: str, seed: int, oracle: str = "reference") -> Problem:
        N, C, F = g["N"], g["C"], g["F"]
        rng = np.random.default_rng(seed)
        shapes: dict[str, tuple[int, ...]] = {"x": (N, C), "k": (C, F), "dy": (N, F)}
        if seed % 2 == 0:  # every other problem has no bias: b is None
            shapes["b"] = (F,)
        return Problem(g, {n: draw_numbers(rng, s, dtype, kind) for n, s in shapes.items()}, {}, oracle)

    def arguments(self, name: str, p: Problem) -> Arguments:
        arrays = {"forward": ("x", "k", "b"), "backward_data": ("dy", "k"), "backward_weights": ("x", "dy")}
        return tuple(p.arrays.get(a) for a in arrays[name]), {}

    def work(self, p: Problem) -> int:
        return p["x"].shape[0] * p["k"].size

    def terms(self, name: str, p: Problem) -> tuple[int, ...]:
        N, C, F = p.geometry["N"], p.geometry["C"], p.geometry["F"]
        return {"forward": (C + 2,), "backward_data": (F + 1,), "backward_weights": (N + 1, N + 1)}[name]
