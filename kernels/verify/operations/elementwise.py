"""add, relu, sigmoid and dropout: each number by itself."""

from typing import Any

import numpy as np

from kernels.dropout import reference
from kernels.verify.fill import draw_numbers
from kernels.verify.problem import Arguments, Geometry, Operation, Problem, exact, load_forward
from kernels.verify.rounding import Limit, of_sum


class Elementwise(Operation):
    smallest = {"M": 1}
    large: tuple[Geometry, ...] = ({"M": 40_449},)  # 79 * 512 + 1: one after a GPU's last whole block
    long = {"M": 70_001}
    inputs: tuple[str, ...] = ("x",)
    backward_inputs: tuple[str, ...] = ("dy", "y")
    passes = {"forward": ("y",), "backward": ("dx",)}

    def draw(self, rng: np.random.Generator) -> Geometry:
        return {"M": int(rng.integers(1, 70))}

    def problem(self, g: Geometry, dtype: Any, kind: str, seed: int, oracle: str = "reference") -> Problem:
        rng = np.random.default_rng(seed)
        arrays = {n: draw_numbers(rng, (g["M"],), dtype, kind) for n in (*self.inputs, "dy")}
        if kind == "integers":
            arrays |= self.integers(rng, arrays)
        if "y" in self.backward_inputs:
            arrays["y"] = load_forward(self.name, oracle)(arrays["x"]).astype(dtype)
        return Problem(g, arrays, {}, oracle)

    def integers(self, rng: np.random.Generator, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return what must be other than small integers for every result to be exact."""
        return {}

    def arguments(self, name: str, p: Problem) -> Arguments:
        return tuple(p[a] for a in (self.inputs if name == "forward" else self.backward_inputs)), p.settings

    def limits(self, name: str, p: Problem) -> tuple[Limit, ...]:
        results = exact(self, name, p)
        return tuple(of_sum(m, np.abs(r), p.dtype) for m, r in zip(self.terms(name, p), results, strict=True))


class Add(Elementwise):
    name = "add"
    inputs, backward_inputs, linear = ("a", "b"), ("dy",), ("a", "b")
    passes = {"forward": ("y",), "backward": ("da", "db")}
    scaled = {"forward": ("a", "b"), "backward": ("dy",)}

    def terms(self, name: str, p: Problem) -> tuple[int, ...]:
        return (1,) if name == "forward" else (0, 0)


class Relu(Elementwise):
    name = "relu"
    linear = ("x",)  # relu(t x) = t relu(x) for t > 0
    long = {"M": 140_001}  # from 131,072 on, several threads
    scaled = {"forward": ("x",), "backward": ("dy",)}

    def problem(self, g: Geometry, dtype: Any, kind: str, seed: int, oracle: str = "reference") -> Problem:
        p = super().problem(g, dtype, kind, seed, oracle)
        if kind != "smooth":
            return p
        x = np.where(np.abs(p["x"]) < 0.01, 1, p["x"])  # off the kink
        return p.replace(x=x, y=np.maximum(x, 0))

    def limits(self, name: str, p: Problem) -> tuple[Limit, ...]:
        nothing = np.zeros(p["x"].shape)  # a copy or 0: nothing is rounded
        return (Limit(nothing, np.abs(exact(self, name, p)[0])),)


class Sigmoid(Elementwise):
    name = "sigmoid"
    scaled = {"backward": ("dy",)}

    def integers(self, rng: np.random.Generator, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return sigmoid is 1/2 at 0, and 0 or 1 to the last bit far out; elsewhere it is irrational."""
        x = arrays["x"]
        return {"x": rng.choice([-1000, 0, 1000], x.shape).astype(x.dtype)}

    def limits(self, name: str, p: Problem) -> tuple[Limit, ...]:
        y = exact(self, name, p)[0]
        if name == "backward":
            return (of_sum(3, np.abs(y), p.dtype),)
        # exp is within 1 ulp, the sum and the quotient add half of one each; in float64 the reference errs as much
        step = np.spacing(np.abs(y).astype(p.dtype)).astype(float)
        return (Limit((4 if p.dtype == np.float32 else 6) * step, y),)


class Dropout(Elementwise):
    name = "dropout"
    backward_inputs, linear = ("dy",), ("x",)
    scaled = {"forward": ("x",), "backward": ("dy",)}
    large = ({"M": 16_385},)  # the reference's random numbers are slow; some blocks of 4096

    def problem(self, g: Geometry, dtype: Any, kind: str, seed: int, oracle: str = "reference") -> Problem:
        p, rng = super().problem(g, dtype, kind, seed, oracle), np.random.default_rng(seed)
        rate = rng.choice([0.0, 0.5, 0.75] if kind == "integers" else [0.1, 0.3, 0.9])
        settings = {"seed": int(rng.integers(2**63)), "step": int(rng.integers(2**40))}
        if kind == "random" and seed % 2:  # an element whose random number is the rate itself is kept
            e = int(rng.integers(g["M"]))
            rate = reference.draw_word(e, **settings) / 2**32
        return Problem(g, p.arrays, {"rate": float(rate), **settings}, oracle)

    def arguments(self, name: str, p: Problem) -> Arguments:
        counter = {n: v for n, v in p.settings.items() if n != "rate"}
        return (p["x"] if name == "forward" else p["dy"], p.settings["rate"]), counter

    def terms(self, name: str, p: Problem) -> tuple[int, ...]:
        return (3,)  # 1 - rate, the quotient, the product
