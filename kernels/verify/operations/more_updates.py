"""adagrad, nadam and lion: one step, which overwrites the parameter and its states."""

from typing import Any

import numpy as np

from kernels.nadam.momentum import factors, product
from kernels.verify.operations.updates import Update
from kernels.verify.problem import Problem, exact
from kernels.verify.rounding import Limit, gamma, of_sum


class Adagrad(Update):
    name = "adagrad"
    passes = {"update": ("p", "v")}
    arrays = ("p", "g", "v")
    large = ({"M": 40_449, "mode": 0},)
    modes = ({"lr": 0.01}, {"lr": 0.01, "weight_decay": 0.3})

    def exact_settings(self, settings: dict[str, Any]) -> dict[str, Any]:
        """With v = 3 g^2 the root is 2 |g|, a power of two."""
        return {"lr": 0.25, "epsilon": 0.0, "weight_decay": 0.5}

    def finish(self, p: Problem, kind: str) -> Problem:
        if kind != "integers":
            return p.replace(v=np.abs(p["v"]))
        g = np.random.default_rng(len(p["g"])).choice([-4, -2, -1, 1, 2, 4], p["g"].shape).astype(p.dtype)
        return p.replace(g=g, v=3 * g * g)

    def limits(self, name: str, p: Problem) -> tuple[Limit, ...]:
        w, g, v = (p[a].astype(float) for a in self.arrays)
        s = {"epsilon": 1e-7, "weight_decay": 0.0, **p.settings}
        size_v = v + g * g
        with np.errstate(invalid="ignore", divide="ignore"):
            step = np.nan_to_num(s["lr"] * np.abs(g) / np.sqrt(size_v + s["epsilon"]))
        return of_sum(14, np.abs(w) + step, p.dtype), of_sum(4, size_v, p.dtype)


class Nadam(Update):
    name = "nadam"
    passes = {"update": ("p", "m", "v")}
    arrays = ("p", "g", "m", "v")
    large = ({"M": 40_449, "mode": 2},)
    modes = ({"step": 1}, {"step": 9, "weight_decay": 0.1}, {"step": 5000})

    def exact_settings(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Without momentum the numerator is g; with beta2 = 3/4 at the first step and v = g^2 the root is 2 |g|."""
        return {"step": 1, "lr": 0.25, "beta1": 0.0, "beta2": 0.75, "epsilon": 0.0, "weight_decay": 0.5}

    def finish(self, p: Problem, kind: str) -> Problem:
        if kind != "integers":
            return p.replace(v=np.abs(p["v"]))
        g = np.random.default_rng(len(p["g"])).choice([-4, -2, -1, 1, 2, 4], p["g"].shape).astype(p.dtype)
        return p.replace(g=g, v=g * g)

    def limits(self, name: str, p: Problem) -> tuple[Limit, ...]:
        w, g, m, v = (p[a].astype(float) for a in self.arrays)
        s = {"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-7, **p.settings}
        ahead, now, root = factors(s["step"], s["beta1"], s["beta2"], product(s["step"], s["beta1"]))
        new_v = exact(self, name, p)[2]
        sizes = np.abs(m) + (1 - s["beta1"]) * (np.abs(g) + np.abs(m)), v + (1 - s["beta2"]) * (g * g + v)
        with np.errstate(invalid="ignore", divide="ignore"):
            step = s["lr"] * (ahead * sizes[0] + now * np.abs(g)) / (np.sqrt(new_v) * root + s["epsilon"])
        size = np.abs(w) + np.nan_to_num(step)
        return of_sum(30, size, p.dtype), of_sum(5, sizes[0], p.dtype), of_sum(5, sizes[1], p.dtype)


class Lion(Update):
    name = "lion"
    squares = False
    passes = {"update": ("p", "m")}
    arrays = ("p", "g", "m")
    large = ({"M": 40_449, "mode": 0},)
    modes = ({"lr": 0.01}, {"lr": 0.01, "weight_decay": 0.3, "beta1": 0.5})

    def exact_settings(self, settings: dict[str, Any]) -> dict[str, Any]:
        return {"lr": 0.25, "beta1": 0.5, "beta2": 0.75, "weight_decay": 0.5}

    def limits(self, name: str, p: Problem) -> tuple[Limit, ...]:
        """Where m and g cancel to their last bits, rounding decides the sign: there the step may differ by 2 lr."""
        w, g, m = (p[a].astype(float) for a in self.arrays)
        s = {"beta1": 0.9, "beta2": 0.99, **p.settings}
        size = s["beta1"] * np.abs(m) + (1 - s["beta1"]) * np.abs(g)
        open_ = np.abs(s["beta1"] * m + (1 - s["beta1"]) * g) <= gamma(6, p.dtype) * size
        of_p = of_sum(8, np.abs(w) + s["lr"], p.dtype)
        kept = s["beta2"] * np.abs(m) + (1 - s["beta2"]) * np.abs(g)
        return Limit(of_p.bound + 2 * s["lr"] * (open_ & (size > 0)), of_p.magnitude), of_sum(6, kept, p.dtype)
