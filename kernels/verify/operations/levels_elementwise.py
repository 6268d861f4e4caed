"""Levels one by one: sums of two, the rectifier, and numbers into levels and back."""

from importlib import import_module
from typing import Any

import numpy as np

from kernels.int8 import LEAST, MOST
from kernels.verify.operations.elementwise import Elementwise
from kernels.verify.operations.levels import OnLevels, draw_levels, draw_multiplier, draw_range
from kernels.verify.problem import Arguments, Geometry, Problem


class AddLevels(OnLevels, Elementwise):
    name, home = "add_int8", "add"
    line = "y = level(m · (f[1] · (a - zero[1]) + f[2] · (b - zero[2])))"
    inputs: tuple[str, ...] = ("a", "b")

    def problem(self, g: Geometry, dtype: Any, kind: str, seed: int, oracle: str = "reference") -> Problem:
        rng = np.random.default_rng(seed)
        factors = tuple(int(v) for v in rng.integers(0, 2**22 + 1, 2))
        settings: dict[str, Any] = {
            "zeros": tuple(int(v) for v in rng.integers(LEAST, MOST + 1, 2)),
            "factors": factors,
        }
        settings |= {"multiplier": float(draw_multiplier(rng, 74.0 * max(*factors, 1))), "levels": draw_range(rng)}
        return Problem(g, {n: draw_levels(rng, (g["M"],)) for n in self.inputs}, settings, oracle)

    def arguments(self, name: str, p: Problem) -> Arguments:
        return tuple(p[n] for n in self.inputs), p.settings


class ReluLevels(AddLevels):
    name, home, line = "relu_int8", "relu", "y = max(x, zero)"
    inputs = ("x",)

    def problem(self, g: Geometry, dtype: Any, kind: str, seed: int, oracle: str = "reference") -> Problem:
        rng = np.random.default_rng(seed)
        return Problem(g, {"x": draw_levels(rng, (g["M"],))}, {"zero": int(rng.integers(LEAST, MOST + 1))}, oracle)


class Quantize(AddLevels):
    """Numbers into levels and back."""

    name, home = "quantize", "int8"
    passes = {"quantize": ("level",), "dequantize": ("x",)}
    large = ({"M": (1 << 17) + 1},)  # enough for several threads
    lines = {"quantize": "level = round({x}/{scale}) + zero", "dequantize": "x = scale · (level - zero)"}

    def variants(self, target: str) -> tuple[str, ...]:
        return ("cpu",) if target == "cpu" else ()

    def formula(self, name: str) -> str:
        return self.lines[name]

    def reference(self, name: str) -> Any:
        return getattr(import_module("kernels.int8.reference"), name)

    def problem(self, g: Geometry, dtype: Any, kind: str, seed: int, oracle: str = "reference") -> Problem:
        """Return numbers some of which lie halfway between two levels, beyond all of them, or near 0."""
        rng, scale = np.random.default_rng(seed), float(draw_multiplier(np.random.default_rng(seed), 60.0))
        steps = rng.choice([0.5, 1.0, 0.37], g["M"]) * rng.integers(-300, 301, g["M"])
        x = (steps * scale).astype(np.float32)
        strange = np.array([np.inf, -np.inf, 3e38, -3e38, 1e-45, -0.0], np.float32)
        places = rng.random(g["M"]) < 0.1
        x[places] = rng.choice(strange, int(places.sum()))
        settings = {"scale": scale, "zero": int(rng.integers(LEAST, MOST + 1))}
        return Problem(g, {"x": x, "level": draw_levels(rng, (g["M"],))}, settings, oracle)

    def arguments(self, name: str, p: Problem) -> Arguments:
        return (p["x" if name == "quantize" else "level"],), p.settings
