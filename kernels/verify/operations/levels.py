"""The passes on 8-bit levels: sums of whole numbers, so every bit must be the reference's."""

from importlib import import_module
from typing import Any

import numpy as np

from kernels import conv2d, registry
from kernels.int8 import LEAST, MOST, Levels
from kernels.verify.operations.conv2d import Conv2D, make_geometry
from kernels.verify.operations.dense import Dense
from kernels.verify.problem import NAIVE, Arguments, Geometry, Operation, Problem

CONVOLUTION = "b[f] + sum_{p,q,c} (x[n, s i + d p - top, s j + d q - left, g + c] - zero) · k[p,q,c,f]"
POOLED = CONVOLUTION.replace("s i", "s (2 i + a)").replace("s j", "s (2 j + b)")


class OnLevels(Operation):
    """A pass on levels; `home` is the folder of kernels/ that has it, and `line` its formula."""

    home = line = ""
    passes: dict[str, tuple[str, ...]] = {"forward_int8": ("y",)}
    dtypes = (np.int8,)
    without = ("random", "positive", "unlike", "special", "scales")

    def variants(self, target: str) -> tuple[str, ...]:
        there = registry.variants(self.home, target) if target == "cpu" else ()
        return tuple(v for v in there if hasattr(registry.load(self.home, v), "forward_int8"))

    def formula(self, name: str) -> str:
        return self.line

    def public(self, name: str) -> Any:
        return getattr(import_module(f"kernels.{self.home}"), name)

    def reference(self, name: str) -> Any:
        return registry.find(self.home, "reference", name)

    def random_oracle(self) -> str:
        return "reference"

    def work(self, p: Problem) -> int:
        return max(a.size for a in p.arrays.values())


def draw_levels(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Return any levels."""
    return rng.integers(LEAST, MOST + 1, shape).astype(np.int8)


def draw_range(rng: np.random.Generator) -> Levels:
    """Return the levels that a result may have: some are cut off below and above."""
    return Levels(*(int(v) for v in (rng.integers(LEAST, MOST + 1), rng.integers(LEAST, 0), rng.integers(1, MOST + 1))))


def draw_multiplier(rng: np.random.Generator, spread: Any, shape: tuple[int, ...] = ()) -> np.ndarray:
    """Return what makes some 60 levels of numbers with this spread; by powers of two, many lie halfway between two."""
    scale = 2.0 ** np.round(np.log2(60 / spread) + rng.integers(-3, 4, shape))
    return np.asarray(scale * rng.choice([1.0, 0.731], shape)).astype(np.float32)


class Sums(OnLevels):
    """A sum of products for each filter."""

    real = True  # whether the result may be numbers, not levels

    def make(self, g: Geometry, x: tuple, k: tuple, settings: dict[str, Any], seed: int, oracle: str) -> Problem:
        """Return the problem of images x and weights k."""
        rng, filters, terms = np.random.default_rng(seed), k[-1], int(np.prod(k[:-1]))
        reach = rng.choice([1, 8, 128], filters)  # small sums often lie halfway between two levels
        arrays = {"x": draw_levels(rng, x), "k": rng.integers(-reach, reach, k).astype(np.int8)}
        if seed % 2 == 0:  # every other problem has no bias: b is None
            arrays["b"] = rng.integers(-3000, 3000, filters).astype(np.int32)
        arrays["multiplier"] = draw_multiplier(rng, 60 * reach * max(terms, 1) ** 0.5, (filters,))
        levels = None if self.real and seed % 3 == 1 else draw_range(rng)
        settings = {**settings, "x_zero": int(rng.integers(LEAST, MOST + 1)), "levels": levels}
        return Problem(g, arrays, settings, oracle)

    def arguments(self, name: str, p: Problem) -> Arguments:
        return (p["x"], p["k"], p.arrays.get("b"), p["multiplier"]), p.settings


class ConvLevels(Sums, Conv2D):
    name, home = "conv2d_int8", "conv2d"
    line = f"y[n,i,j,f] = level(m[f] · ({CONVOLUTION}))"
    large = (
        *Conv2D.large,
        make_geometry((3, 9, 11, 64), (3, 3, 1, 64), pad=(2, 2, 2, 2), dilation=(2, 2)),
        make_geometry((2, 150, 160, 3), (3, 3, 3, 16), (2, 2)),  # the lines of one image fill a task's buffer
        # dense layers: what these do not reach, no dense layer does (kernels/verify/restrictions.py)
        *(make_geometry((N, 1, 1, C), (1, 1, C, F)) for N, C, F in ((7, 50, 70), (70, 250, 130), (2, 33_000, 2))),
    )

    def draw(self, rng: np.random.Generator) -> Geometry:
        g = super().draw(rng)
        return {**g, "C": 1, "F": 1, "groups": int(rng.integers(1, 40))} if rng.random() < 0.25 else g

    def problem(self, g: Geometry, dtype: Any, kind: str, seed: int, oracle: str = "reference") -> Problem:
        p = super().problem(g, np.float32, kind, seed, oracle)
        return self.make(g, p["x"].shape, p["k"].shape, p.settings, seed, oracle)

    def random_oracle(self) -> str:
        return NAIVE

    def ask(self, name: str, p: Problem) -> Any:
        args, settings = self.arguments(name, p)
        return conv2d.forward_int8(*args, **settings, variant=NAIVE)


class ConvPoolLevels(ConvLevels):
    name, home = "convpool_int8", "convpool"
    line = f"y[n,i,j,f] = level(m[f] · max_{{a,b}} ({POOLED}))"
    large = tuple(g for g in ConvLevels.large if g["H"] > 3)  # with room for a window of pixels
    real = False

    def draw(self, rng: np.random.Generator) -> Geometry:
        return self.fit(super().draw(rng))

    def fit(self, g: Geometry) -> Geometry:
        """Return the geometry with room for two pixels of the convolution each way."""
        H = g["dh"] * (g["P"] - 1) + 1 - g["top"] - g["bottom"] + g["sh"]
        W = g["dw"] * (g["Q"] - 1) + 1 - g["left"] - g["right"] + g["sw"]
        return {**g, "H": max(g["H"], H), "W": max(g["W"], W)}

    def ask(self, name: str, p: Problem) -> Any:
        z = super().ask(name, p)
        return registry.find("maxpool2d", "reference", name)(z, (2, 2), stride=(2, 2))


class DenseLevels(Sums, Dense):
    name, home = "dense_int8", "dense"
    line = "y[n,f] = level(m[f] · (b[f] + sum_{c} (x[n,c] - zero) · k[c,f]))"
    long = {"N": 70_001, "C": 1, "F": 1}
    large = (
        {"N": 33, "C": 130, "F": 67},
        {"N": 1, "C": 702, "F": 96},  # whole tiles and pairs of rows: k is read as it lies
        {"N": 1, "C": 701, "F": 130},
        {"N": 70, "C": 250, "F": 130},  # enough for several threads
        {"N": 5, "C": 1, "F": 1},  # one channel, into real numbers
        {"N": 2, "C": 33_000, "F": 2},  # a sample is too long for a task's buffer
    )

    def problem(self, g: Geometry, dtype: Any, kind: str, seed: int, oracle: str = "reference") -> Problem:
        return self.make(g, (g["N"], g["C"]), (g["C"], g["F"]), {}, seed, oracle)
