"""sgd, rmsprop and adam: one step, which overwrites the parameter and its states."""

from typing import Any

import numpy as np

from kernels.verify.fill import draw_numbers
from kernels.verify.problem import Arguments, Geometry, Operation, Problem, exact
from kernels.verify.rounding import Limit, of_sum


class Update(Operation):
    smallest = {"M": 1, "mode": 0}
    long = {"M": 70_001, "mode": 1}
    arrays: tuple[str, ...] = ()
    modes: tuple[dict[str, Any], ...] = ()
    lr = 0.01
    squares = True  # whether v is a mean of squares

    def draw(self, rng: np.random.Generator) -> Geometry:
        return {"M": int(rng.integers(1, 70)), "mode": int(rng.integers(len(self.modes)))}

    def problem(self, g: Geometry, dtype: Any, kind: str, seed: int, oracle: str = "reference") -> Problem:
        rng = np.random.default_rng(seed)
        arrays = {n: draw_numbers(rng, (g["M"],), dtype, kind) for n in self.arrays}
        settings = dict(self.modes[g["mode"] % len(self.modes)])
        if kind == "integers":
            settings |= self.exact_settings(settings)
        return self.finish(Problem(g, arrays, settings, oracle), kind)

    def exact_settings(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Return powers of two, for which every step is exact."""
        raise NotImplementedError

    def finish(self, p: Problem, kind: str) -> Problem:
        return p

    def arguments(self, name: str, p: Problem) -> Arguments:
        return tuple(p[a] for a in self.arrays), p.settings

    def spoil(self, name: str, p: Problem, rng: np.random.Generator, but: tuple[str, ...] = ()) -> Problem:
        q = super().spoil(name, p, rng, but)
        return q.replace(v=np.abs(q["v"])) if self.squares else q


class Sgd(Update):
    name = "sgd"
    squares = False
    passes = {"update": ("p", "v")}
    arrays = ("p", "g", "v")
    large = ({"M": 70_145, "mode": 0}, {"M": 40_449, "mode": 3})
    long = {"M": 70_145, "mode": 3}  # from 65,536 on several threads, with a momentum and without
    modes = tuple(
        {"lr": 0.01, "weight_decay": 0.3, **m}
        for m in ({}, {"weight_decay": 0.0}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True})
    )

    def exact_settings(self, settings: dict[str, Any]) -> dict[str, Any]:
        halves = {"lr": 0.25, "weight_decay": 0.5 if settings["weight_decay"] else 0.0}
        return {**halves, "momentum": 0.5} if "momentum" in settings else halves

    def limits(self, name: str, p: Problem) -> tuple[Limit, ...]:
        """Bound the update by the same one with every term positive and without decay: the sum of the magnitudes."""
        positive = p.map_floats(np.abs).replace(g=-np.abs(p["g"]))
        size = exact(self, name, Problem(p.geometry, positive.arrays, {**p.settings, "weight_decay": 0.0}))
        return of_sum(8, size[0], p.dtype), of_sum(4, size[1], p.dtype)


class RmsProp(Update):
    name = "rmsprop"
    passes = {"update": ("p", "v", "m", "a")}
    arrays = ("p", "g", "v", "m", "a")
    large = ({"M": 40_449, "mode": 1}, {"M": 40_449, "mode": 3})
    modes = tuple(
        {"lr": 0.01, "weight_decay": 0.3, **m}
        for m in ({}, {"momentum": 0.9}, {"centered": True}, {"momentum": 0.9, "centered": True, "rho": 0.5})
    )

    def exact_settings(self, settings: dict[str, Any]) -> dict[str, Any]:
        """With rho = 1/2 and v, a and g as `finish` makes them, the root is a power of two."""
        momentum = {"momentum": 0.5} if "momentum" in settings else {}
        return {"lr": 0.25, "rho": 0.5, "epsilon": 0.0, "weight_decay": 0.5, **momentum}

    def finish(self, p: Problem, kind: str) -> Problem:
        """Make v a mean of squares, well above the square of the mean a, so that the variance is not all rounding."""
        if kind != "integers":
            return p.replace(v=p["v"] * p["v"] + 2 * p["a"] * p["a"])
        rng = np.random.default_rng(len(p["g"]))
        g = rng.choice([-4, -2, -1, 1, 2, 4], p["g"].shape).astype(p.dtype)
        if p.settings.get("centered"):  # the new mean is 0, so what stands under the root is v, that is g^2
            return p.replace(g=g, v=g * g, a=-g)
        return p.replace(g=g, v=g * g)

    def limits(self, name: str, p: Problem) -> tuple[Limit, ...]:
        """Bound d by what the difference v - a^2 loses: its terms' size over its value, halved by the root."""
        w, g, v, m, a = (p[x].astype(float) for x in self.arrays)
        s = {"rho": 0.9, "momentum": 0.0, "centered": False, "epsilon": 1e-7, **p.settings}
        _, new_v, _, new_a = exact(self, name, p)
        size_v, size_a = s["rho"] * v + (1 - s["rho"]) * g * g, s["rho"] * np.abs(a) + (1 - s["rho"]) * np.abs(g)
        spread = new_v - (new_a * new_a if s["centered"] else 0.0) + s["epsilon"]
        terms = size_v + (2 * size_a * size_a if s["centered"] else 0.0) + s["epsilon"]
        step = s["lr"] * np.abs(g) / np.sqrt(spread) * (1 + terms / spread)
        size = s["momentum"] * np.abs(m) + step
        return (
            of_sum(20, np.abs(w) + size, p.dtype),
            of_sum(5, size_v, p.dtype),
            of_sum(16, size if s["momentum"] else np.abs(m), p.dtype),
            of_sum(5, size_a if s["centered"] else np.abs(a), p.dtype),
        )


class Adam(Update):
    name = "adam"
    passes = {"update": ("p", "m", "v")}
    arrays = ("p", "g", "m", "v")
    large = ({"M": 40_449, "mode": 2},)
    modes = ({"step": 1}, {"step": 9, "weight_decay": 0.1}, {"step": 5000})

    def exact_settings(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Return beta2 = 3/4 and the first step, the only one for which alpha = lr sqrt(1 - 1/4) / ... is rational."""
        return {"step": 1, "lr": 0.25, "beta1": 0.5, "beta2": 0.75, "epsilon": 0.0, "weight_decay": 0.5}

    def finish(self, p: Problem, kind: str) -> Problem:
        if kind != "integers":
            return p.replace(v=np.abs(p["v"]))
        rng = np.random.default_rng(len(p["g"]))  # v = g^2 is a square, and stays it
        g = rng.choice([-4, -2, -1, 1, 2, 4], p["g"].shape).astype(p.dtype)
        return p.replace(g=g, v=g * g)

    def limits(self, name: str, p: Problem) -> tuple[Limit, ...]:
        w, g, m, v = (p[a].astype(float) for a in self.arrays)
        step, new_v = p.settings["step"], exact(self, name, p)[2]
        sizes = np.abs(m) + 0.1 * (np.abs(g) + np.abs(m)), v + 0.001 * (g**2 + v)
        # m's error goes into p through alpha / (sqrt(v) + epsilon)
        alpha = 0.001 * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
        size = np.abs(w) + alpha * sizes[0] / (np.sqrt(new_v) + 1e-7)
        return of_sum(20, size, p.dtype), of_sum(5, sizes[0], p.dtype), of_sum(5, sizes[1], p.dtype)
