"""batchnorm: the bounds are derived, not chosen.

`errors_*` follow a quantity's error through the formula, operation by operation, with u the unit roundoff and
gamma_m = m u / (1 - m u) for a sum of m terms in any order. Sums over the rows are in float64: `rounding.wide`.
"""

from typing import Any

import numpy as np

from kernels.verify.fill import draw_numbers
from kernels.verify.problem import Arguments, Geometry, Operation, Problem, exact, load_forward
from kernels.verify.rounding import Limit, unit, wide

EPSILON = 1e-3


def errors_scale(var, error_var, u):
    """Bound the relative error of 1/sqrt(var + epsilon): half of the sum's own, then a root and a division.

    |1/sqrt(1 + r) - 1| <= |r| for |r| <= 1/2.  epsilon in the array's dtype is off by u.
    """
    r = (error_var + u * EPSILON) / (var + EPSILON) * (1 + u) + u
    assert np.all(r <= 0.5)
    return (1 + r) * (1 + u) ** 2 - 1


def errors_y(x, g, b, mean, var, error_mean, error_var, dtype):
    """Bound the error of y = d * s + b, d = x - mean, s = g / sqrt(var + epsilon): its factors, two roundings, b."""
    u = unit(dtype)
    d, s = np.abs(x - mean), np.abs(g) / np.sqrt(var + EPSILON)
    error_d = error_mean + u * (d + error_mean)
    growth = (1 + errors_scale(var, error_var, u)) * (1 + u) ** 2
    return s * ((d + error_d) * growth - d) + u * np.abs(b)


def errors_forward(x, g, b, mean, var, dtype):
    """Bound the errors of y, mean (M terms, a division) and var (terms rounded twice, the mean's error squared)."""
    m, axes = x[..., 0].size, tuple(range(x.ndim - 1))
    error_mean = wide(m, 4, dtype) * np.abs(x).mean(axes)
    shifted = var + error_mean**2  # the mean of (x - a)^2 is var + (a - mean)^2
    error_var = wide(m, 7, dtype) * shifted + error_mean**2
    return errors_y(x, g, b, mean, var, error_mean, error_var, dtype), error_mean, error_var


def errors_backward(dy, x, g, mean, var, dtype):
    """Bound the errors of dx, dgamma and dbeta, following each sum of magnitudes."""
    u, m, axes = unit(dtype), x[..., 0].size, tuple(range(x.ndim - 1))
    inverse, grow = 1 / np.sqrt(var + EPSILON), 1 + errors_scale(var, 0, u)
    d, dy = np.abs(x - mean), np.abs(dy)
    dbeta, dgamma = dy.sum(axes), (dy * d).sum(axes) * inverse  # sums of magnitudes
    error_beta = wide(m, 3, dtype) * dbeta
    error_gamma = dgamma * ((1 + wide(m, 7, dtype)) * grow - 1)
    # what dx subtracts: dbeta/M, and d * dgamma/(M sqrt(var + epsilon)); magnitudes bound the true values
    share, slope = dbeta / m, dgamma * inverse / m
    error_share = (dbeta + error_beta) * (1 + u) / m - share
    error_slope = (dgamma + error_gamma) * inverse / m * grow * (1 + u) ** 2 - slope
    error_product = d * (1 + u) ** 2 * (slope + error_slope) - d * slope
    inner = dy + share + d * slope
    error_inner = (inner + error_share + error_product) * (1 + u) ** 2 - inner
    error_dx = np.abs(g) * inverse * ((inner + error_inner) * grow * (1 + u) ** 2 - inner)
    return error_dx, error_gamma, error_beta


class BatchNorm(Operation):
    name = "batchnorm"
    passes = {
        "forward": ("y", "mean", "var"),
        "inference": ("y",),
        "inference_backward": ("dx",),
        "backward": ("dx", "dgamma", "dbeta"),
    }
    forwards = {"inference_backward": "inference"}
    smallest = {"M": 1, "C": 1}
    scaled = {"inference_backward": ("dy",)}
    long = {"M": 65_537, "C": 2}
    large = ({"M": 2801, "C": 17}, {"M": 300, "C": 130})  # 93 * 512 + 1 numbers: one after a GPU's last whole block

    def draw(self, rng: np.random.Generator) -> Geometry:
        return {"M": int(rng.integers(1, 40)), "C": int(rng.integers(1, 20))}

    def problem(self, g: Geometry, dtype: Any, kind: str, seed: int, oracle: str = "reference") -> Problem:
        if kind == "integers":
            g = {**g, "M": 2 * 2 ** int(np.log2(g["M"]))}
        rng, M, C = np.random.default_rng(seed), g["M"], g["C"]
        arrays = {"x": self._pixels(rng, M, C, kind).astype(dtype), "dy": draw_numbers(rng, (M, C), dtype, kind)}
        arrays |= {n: draw_numbers(rng, (C,), dtype, kind) for n in ("gamma", "beta")}
        epsilon = 3.0 if kind == "integers" else EPSILON
        inputs = (arrays[n] for n in ("x", "gamma", "beta"))
        _, mean, var = load_forward("batchnorm", oracle)(*inputs, epsilon=epsilon)
        arrays |= {"mean": mean.astype(dtype), "var": var.astype(dtype)}
        return Problem(g, arrays, {"epsilon": epsilon}, oracle)

    def _pixels(self, rng: np.random.Generator, M: int, C: int, kind: str) -> np.ndarray:
        if kind == "integers":  # one above or below an integer mean: var = 1, and epsilon = 3 makes the root 2
            signs = rng.permuted(np.repeat([[1.0], [-1.0]], M // 2, 0) * np.ones(C), axis=0)
            return signs + rng.integers(-4, 5, C)
        if kind == "smooth":
            return rng.standard_normal((M, C))
        scale, centre = 10.0 ** rng.integers(-2, 3, C), 3 * rng.standard_normal(C)  # off their zero by some deviations
        return (rng.standard_normal((M, C)) + centre) * scale

    def arguments(self, name: str, p: Problem) -> Arguments:
        arrays = {
            "forward": ("x", "gamma", "beta"),
            "inference": ("x", "gamma", "beta", "mean", "var"),
            "inference_backward": ("dy", "gamma", "var"),
            "backward": ("dy", "x", "gamma", "mean", "var"),
        }
        return tuple(p[a] for a in arrays[name]), p.settings

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
        x, dy, g, b, mean, var = (p[n].astype(float) for n in ("x", "dy", "gamma", "beta", "mean", "var"))
        if name == "forward":
            _, m, v = exact(self, name, p)
            return errors_forward(x, g, b, m, v, dtype)
        if name == "inference":
            return (errors_y(x, g, b, mean, var, 0, 0, dtype),)
        if name == "inference_backward":  # inference of dy, with a mean and a beta of 0
            return (errors_y(dy, g, 0 * b, 0 * mean, var, 0, 0, dtype),)
        return errors_backward(dy, x, g, mean, var, dtype)
