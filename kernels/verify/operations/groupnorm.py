"""groupnorm: the bounds of batchnorm, with each group of each sample in the place of a channel."""

from typing import Any

import numpy as np

from kernels.verify.fill import draw_numbers
from kernels.verify.operations.batchnorm import EPSILON, errors_backward, errors_forward, errors_scale
from kernels.verify.problem import Arguments, Geometry, Operation, Problem, exact, load_forward
from kernels.verify.rounding import Limit, unit, wide


def as_rows(x: np.ndarray, groups: int) -> np.ndarray:
    """Return (N,P,C) as (P * C/groups, N * groups): a column for each group of each sample."""
    N, P, C = x.shape
    return x.reshape(N, P, groups, C // groups).transpose(1, 3, 0, 2).reshape(P * C // groups, N * groups)


def from_rows(rows: np.ndarray, shape: tuple[int, int, int], groups: int) -> np.ndarray:
    """Return such columns as (N,P,C) again."""
    N, P, C = shape
    return rows.reshape(P, C // groups, N, groups).transpose(2, 0, 3, 1).reshape(shape)


class GroupNorm(Operation):
    name = "groupnorm"
    passes = {"forward": ("y", "mean", "var"), "backward": ("dx", "dgamma", "dbeta")}
    smallest = {"N": 1, "P": 1, "G": 1, "D": 1}
    long = {"N": 5, "P": 4099, "G": 2, "D": 2}
    large = ({"N": 70, "P": 33, "G": 4, "D": 5}, {"N": 3, "P": 700, "G": 1, "D": 17})

    def draw(self, rng: np.random.Generator) -> Geometry:
        return {n: int(rng.integers(1, high)) for n, high in (("N", 5), ("P", 12), ("G", 5), ("D", 6))}

    def problem(self, g: Geometry, dtype: Any, kind: str, seed: int, oracle: str = "reference") -> Problem:
        if kind == "integers":
            g = {**g, "P": 2 * 2 ** int(np.log2(g["P"])), "D": 2 ** int(np.log2(g["D"]))}
        rng, shape, groups = np.random.default_rng(seed), (g["N"], g["P"], g["G"] * g["D"]), g["G"]
        x = from_rows(self._pixels(rng, g["P"] * g["D"], g["N"] * groups, kind), shape, groups).astype(dtype)
        arrays = {"x": x, "dy": draw_numbers(rng, shape, dtype, kind)}
        arrays |= {n: draw_numbers(rng, shape[2:], dtype, kind) for n in ("gamma", "beta")}
        settings = {"groups": groups, "epsilon": 3.0 if kind == "integers" else EPSILON}
        inputs = (arrays[n] for n in ("x", "gamma", "beta"))
        _, mean, var = load_forward("groupnorm", oracle)(*inputs, **settings)
        arrays |= {"mean": mean.astype(dtype), "var": var.astype(dtype)}
        return Problem(g, arrays, settings, oracle)

    def _pixels(self, rng: np.random.Generator, M: int, columns: int, kind: str) -> np.ndarray:
        if kind == "integers":  # one above or below an integer mean: var = 1, and epsilon = 3 makes the root 2
            signs = rng.permuted(np.repeat([[1.0], [-1.0]], M // 2, 0) * np.ones(columns), axis=0)
            return signs + rng.integers(-4, 5, columns)
        if kind == "smooth":
            return rng.standard_normal((M, columns))
        scale, centre = 10.0 ** rng.integers(-2, 3, columns), 3 * rng.standard_normal(columns)
        return (rng.standard_normal((M, columns)) + centre) * scale

    def arguments(self, name: str, p: Problem) -> Arguments:
        arrays = ("x", "gamma", "beta") if name == "forward" else ("dy", "x", "gamma", "mean", "var")
        return tuple(p[a] for a in arrays), p.settings

    def spoil(self, name: str, p: Problem, rng: np.random.Generator, but: tuple[str, ...] = ()) -> Problem:
        q = super().spoil(name, p, rng, but)
        return q.replace(var=np.abs(q["var"]))

    def limits(self, name: str, p: Problem) -> tuple[Limit, ...]:
        """Return the variant's bound and the float64 reference's own."""
        results, both = exact(self, name, p), [self._errors(name, p, t) for t in (p.dtype, np.float64)]
        return tuple(
            Limit(single + double + 1e-44, np.abs(r)) for single, double, r in zip(*both, results, strict=True)
        )

    def _errors(self, name: str, p: Problem, dtype: Any) -> tuple[np.ndarray, ...]:
        x, dy, gamma, beta = (p[n].astype(float) for n in ("x", "dy", "gamma", "beta"))
        groups, rows = p.settings["groups"], as_rows(x, p.settings["groups"])
        if name == "forward":
            _, mean, var = (np.asarray(a, float) for a in exact(self, name, p))
            g, b = (as_rows(np.broadcast_to(a, x.shape), groups) for a in (gamma, beta))
            y, m, v = errors_forward(rows, g, b, mean.ravel(), var.ravel(), dtype)
            return from_rows(y, x.shape, groups), m.reshape(mean.shape), v.reshape(var.shape)
        mean, var = p["mean"].astype(float), p["var"].astype(float)
        scaled = as_rows(dy * gamma, groups)
        # dy * gamma is rounded before the rest is: one more rounding in each of a sum of three or more
        data = 2 * errors_backward(scaled, rows, 1.0, mean.ravel(), var.ravel(), dtype)[0]
        width = x.shape[2] // groups
        inverse = np.repeat(1 / np.sqrt(var + EPSILON), width, axis=1)[:, None]
        distance = np.abs(x - np.repeat(mean, width, axis=1)[:, None])
        grow, count = 1 + np.max(errors_scale(var, 0, unit(dtype))), x.shape[0] * x.shape[1]
        sums = (np.abs(dy) * distance * inverse).sum((0, 1))
        return (
            from_rows(data, x.shape, groups),
            sums * ((1 + wide(count, 9, dtype)) * grow - 1),
            wide(count, 3, dtype) * np.abs(dy).sum((0, 1)),
        )
