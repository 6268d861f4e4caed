"""convpool: problems for each of its ways, and the bounds of its sums; a maximum rounds nothing."""

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from kernels import convpool
from kernels.verify.fill import draw_numbers
from kernels.verify.problem import Arguments, Geometry, Operation, Problem, load_forward
from kernels.verify.rounding import Limit, of_sum

NAMES = ("N", "H", "W", "C", "P", "Q", "F")


def make_geometry(x: tuple, k: tuple) -> Geometry:
    """Return x (N,H,W,C) and k (P,Q,C,F) as one flat geometry."""
    return dict(zip(NAMES, (*x, *k[:2], k[3]), strict=True))


class ConvPool(Operation):
    name = "convpool"
    passes = {"forward": ("y", "argmax"), "backward_data": ("dx",), "backward_weights": ("dk", "db")}
    smallest = {**dict.fromkeys(NAMES, 1), "H": 2, "W": 2}
    scaled = {"forward": ("x", "b"), "backward_data": ("dy",), "backward_weights": ("dy",)}
    selective = ("backward_data", "backward_weights")
    long = make_geometry((1, 260, 257, 1), (1, 1, 1, 1))
    large = (
        make_geometry((3, 28, 29, 1), (3, 3, 1, 40)),
        make_geometry((5, 13, 12, 48), (3, 3, 48, 70)),
        make_geometry((2, 9, 11, 32), (3, 3, 32, 33)),
        make_geometry((2, 20, 17, 5), (4, 3, 5, 18)),
        make_geometry((2, 20, 17, 1), (4, 3, 1, 1)),  # channels do not mix
        make_geometry((3, 23, 22, 20), (4, 3, 20, 18)),  # the gradient of many weights in several parts
    )

    def draw(self, rng: np.random.Generator) -> Geometry:
        P, Q = (3, 3) if rng.random() < 0.7 else rng.integers(1, 5, 2)
        C = rng.choice([1, 2, 16, 32]) if (P, Q) == (3, 3) else rng.integers(1, 5)
        H, W = P + rng.integers(1, 6), Q + rng.integers(1, 6)
        return {
            n: int(v) for n, v in make_geometry((rng.integers(1, 3), H, W, C), (P, Q, C, rng.integers(1, 6))).items()
        }

    def fit(self, g: Geometry) -> Geometry:
        return {**g, "H": max(g["H"], g["P"] + 1), "W": max(g["W"], g["Q"] + 1)}

    def work(self, p: Problem) -> int:
        return 4 * prod(p["dy"].shape[:3]) * p["k"].size

    def problem(self, g: Geometry, dtype: Any, kind: str, seed: int, oracle: str = "reference") -> Problem:
        x_shape, k_shape = (g["N"], g["H"], g["W"], g["C"]), (g["P"], g["Q"], g["C"], g["F"])
        shapes = {"x": x_shape, "k": k_shape, "b": k_shape[3:], "dy": convpool.shape(x_shape, k_shape)}
        rng = np.random.default_rng(seed)
        if seed % 3 == 2:  # every third problem has no bias: b is None
            del shapes["b"]
        p = Problem(g, {n: draw_numbers(rng, s, dtype, kind) for n, s in shapes.items()}, {}, oracle)
        given = p.map_floats(lambda a: a.astype(np.float64)).arrays
        y, argmax = load_forward(self.name, oracle)(given["x"], given["k"], given.get("b"))
        return p.replace(y=y.astype(dtype), argmax=argmax)

    def arguments(self, name: str, p: Problem) -> Arguments:
        if name == "forward":
            return (p["x"], p["k"], p.arrays.get("b")), {}
        if name == "backward_data":
            return (p["dy"], p["y"], p["argmax"], p["k"], p["x"].shape), {}
        return (p["x"], p["dy"], p["y"], p["argmax"], p["k"].shape), {}

    def terms(self, name: str, p: Problem) -> tuple[int, ...]:
        if name == "backward_data":
            return (prod(p["k"].shape[:2]) * p["k"].shape[3] + 1,)
        return (prod(p["dy"].shape[:3]) + 1,) * 2

    def limits_of_sums(self, name: str, p: Problem, roundings: Callable[[int], int]) -> tuple[Limit, ...]:
        """Bound y by its pixels; a window's argmax may differ only if two of its pixels are that near.

        Only forward has a sum on the matrix unit.
        """
        if name != "forward":
            return super().limits_of_sums(name, p, lambda m: m)
        z, magnitude = (
            _pixels(p.map_floats(lambda a: a.astype(float))),
            _pixels(p.map_floats(lambda a: np.abs(a.astype(float)))),
        )
        limit = of_sum(roundings(p["k"][..., 0].size + 2), magnitude.max(-1), p.dtype)
        best = np.sort(z, -1)
        near = best[..., -1] - best[..., -2] <= 2 * limit.bound
        return limit, Limit(np.where(near, 3.0, 0.0), np.zeros(near.shape))


def _pixels(p: Problem) -> np.ndarray:
    """Return the convolution's results, the four of each window last."""
    z = load_forward("conv2d", "cpu_naive")(p["x"], p["k"], p.arrays.get("b"))
    N, Ho, Wo, F = p["dy"].shape
    z = z[:, : 2 * Ho, : 2 * Wo].reshape(N, Ho, 2, Wo, 2, F)
    return z.transpose(0, 1, 3, 5, 2, 4).reshape(N, Ho, Wo, F, 4)
