"""maxpool2d, avgpool2d and globalavgpool: windows over images."""

from typing import Any

import numpy as np

from kernels.pooling import normalize
from kernels.verify.fill import draw_numbers
from kernels.verify.problem import Arguments, Geometry, Operation, Problem, exact, load_forward
from kernels.verify.rounding import Limit, gamma, of_sum, wide

DIVISIBLE = 144  # by every number of real pixels up to 4x4: then integers' means are integers


NAMES = ("N", "H", "W", "C", "P", "Q", "sh", "sw", "top", "bottom", "left", "right")


def make_geometry(x: tuple, size: tuple, stride: tuple, pad: tuple = (0, 0, 0, 0)) -> Geometry:
    """Return x (N,H,W,C), window, stride and padding as one flat geometry."""
    return dict(zip(NAMES, (*x, *size, *stride, *pad), strict=True))


def wide_mean(operation: Operation, name: str, p: Problem, pixels: int, own: int = 4) -> Limit:
    """Bound a mean of so many pixels, of which no more than `own` roundings are in the array's type.

    Four: two of the additions before float64 takes up four pixels, the division, and the result's. backward: 2.
    """
    (magnitude,) = exact(operation, name, p.map_floats(np.abs))
    if name == "backward":
        return of_sum(2, magnitude, p.dtype)
    bound = (wide(pixels, own, p.dtype) + gamma(pixels + 1, np.float64)) * magnitude
    return Limit(bound + float(np.finfo(p.dtype).smallest_subnormal) * (own + 1), magnitude)


class Pooling(Operation):
    smallest = dict(zip(NAMES, [1] * 8 + [0] * 4, strict=True))
    linear = ("x",)
    strides = {"sh": "H", "sw": "W"}
    large: tuple[Geometry, ...] = (
        make_geometry((3, 31, 28, 33), (2, 2), (2, 2)),
        make_geometry((3, 16, 14, 24), (2, 2), (2, 2)),  # channels in fours; a row of windows more is another image
        make_geometry((2, 37, 33, 29), (3, 3), (2, 2), (1, 1, 1, 0)),
        make_geometry((2, 30, 31, 7), (4, 3), (1, 3), (2, 0, 1, 2)),
        make_geometry((1, 7, 9, 3), (2, 4), (1, 1)),  # four windows side by side hold a pixel
        make_geometry((2, 9, 11, 8), (2, 2), (2, 2)),  # channels in fours; a row and a column are left over
        make_geometry((1, 2, 300, 5), (1, 144), (1, 13)),  # long sums
        make_geometry((3, 30, 31, 17), (4, 2), (4, 2)),  # windows side by side leave two rows and a column over
        make_geometry((1, 258, 256, 16), (3, 2), (3, 2)),  # in no cache: see LARGE of kernels/cpu/prefetch.py
    )
    scale = 1  # of integer arrays
    scaled = {"forward": ("x",), "backward": ("dy",)}
    long = make_geometry((1, 260, 257, 1), (1, 1), (1, 1))

    def draw(self, rng: np.random.Generator) -> Geometry:
        P, Q = (int(v) for v in rng.integers(1, 5, 2))
        tiling = rng.random() < 0.5  # the usual case has kernels of its own
        stride = (P, Q) if tiling else tuple(int(v) for v in rng.integers(1, 5, 2))
        pad = (0, 0, 0, 0) if tiling else tuple(int(rng.integers(0, p)) for p in (P, P, Q, Q))
        H, W = (max(s - a - b, 1) + int(rng.integers(0, 7)) for s, a, b in ((P, *pad[:2]), (Q, *pad[2:])))
        return make_geometry((int(rng.integers(1, 3)), H, W, int(rng.integers(1, 10))), (P, Q), stride, pad)

    def work(self, p: Problem) -> int:
        return p["dy"].size * p.geometry["P"] * p.geometry["Q"]

    def fit(self, g: Geometry) -> Geometry:
        P, Q = max(g["P"], g["top"] + 1, g["bottom"] + 1), max(g["Q"], g["left"] + 1, g["right"] + 1)
        H, W = max(g["H"], P - g["top"] - g["bottom"]), max(g["W"], Q - g["left"] - g["right"])
        return {**g, "H": H, "W": W, "P": P, "Q": Q}

    def problem(self, g: Geometry, dtype: Any, kind: str, seed: int, oracle: str = "reference") -> Problem:
        x_shape, pad = (g["N"], g["H"], g["W"], g["C"]), ((g["top"], g["bottom"]), (g["left"], g["right"]))
        settings, y_shape = normalize(self.name, x_shape, (g["P"], g["Q"]), (g["sh"], g["sw"]), pad)
        rng = np.random.default_rng(seed)
        arrays = {n: draw_numbers(rng, s, dtype, kind) for n, s in (("x", x_shape), ("dy", y_shape))}
        if kind == "smooth":  # no two pixels tie, nor do within a step of a central difference
            arrays["x"] = rng.permutation(arrays["x"].size).reshape(x_shape).astype(dtype)
        if kind == "integers":
            arrays = {n: a * a.dtype.type(self.scale) for n, a in arrays.items()}
        return Problem(g, arrays, settings, oracle)

    def arguments(self, name: str, p: Problem) -> Arguments:
        if name == "forward":
            return (p["x"], p.settings["size"]), {k: v for k, v in p.settings.items() if k != "size"}
        return (p["dy"], p["x"].shape), p.settings

    def terms(self, name: str, p: Problem) -> tuple[int, ...]:
        return (p.geometry["P"] * p.geometry["Q"] + 1,)


FEW = 64  # pixels of a window that may be summed in float32, whatever its size


class AvgPool(Pooling):
    name = "avgpool2d"
    passes = {"forward": ("y",), "backward": ("dx",)}
    scale = DIVISIBLE

    def is_exact(self, p: Problem) -> bool:
        return max(p.geometry["P"], p.geometry["Q"]) <= 4

    def problem(self, g: Geometry, dtype: Any, kind: str, seed: int, oracle: str = "reference") -> Problem:
        """In a window of many pixels, let the first be so large that float32 loses every other one added to it."""
        p = super().problem(g, dtype, kind, seed, oracle)
        if kind != "random" or g["P"] * g["Q"] <= FEW:
            return p
        x = draw_numbers(np.random.default_rng(seed), p["x"].shape, dtype, "positive")
        x[:, 0, 0] = 2.0**24
        return p.replace(x=x)

    large: tuple[Geometry, ...] = (
        *Pooling.large,
        make_geometry((1, 200, 173, 5), (200, 173), (200, 173)),
        make_geometry((1, 70, 61, 8), (64, 50), (3, 7), (2, 2, 5, 0)),
    )

    def limits(self, name: str, p: Problem) -> tuple[Limit, ...]:
        pixels = p.geometry["P"] * p.geometry["Q"]
        if name == "forward" and pixels > FEW:
            return (wide_mean(self, name, p, pixels, FEW + 1),)
        return super().limits(name, p)


class MaxPool(Pooling):
    name = "maxpool2d"
    passes = {"forward": ("y", "argmax"), "backward": ("dx",)}
    # a window of more pixels than a byte counts
    large: tuple[Geometry, ...] = (*Pooling.large, make_geometry((2, 40, 37, 5), (17, 16), (7, 9)))

    def problem(self, g: Geometry, dtype: Any, kind: str, seed: int, oracle: str = "reference") -> Problem:
        p = super().problem(g, dtype, kind, seed, oracle)
        args, settings = self.arguments("forward", p)
        return p.replace(argmax=load_forward(self.name, oracle)(*args, **settings)[1])

    def arguments(self, name: str, p: Problem) -> Arguments:
        if name == "forward":
            return super().arguments(name, p)
        return (p["dy"], p["argmax"], p["x"].shape), p.settings

    def limits(self, name: str, p: Problem) -> tuple[Limit, ...]:
        if name == "backward":
            return super().limits(name, p)
        nothing = np.zeros(p["dy"].shape)  # a maximum is a copy: nothing is rounded
        return Limit(nothing, nothing), Limit(nothing, nothing)


class GlobalAvgPool(Operation):
    name = "globalavgpool"
    passes = {"forward": ("y",), "backward": ("dx",)}
    smallest = {"N": 1, "H": 1, "W": 1, "C": 1}
    linear = ("x",)
    scaled = {"forward": ("x",), "backward": ("dy",)}
    long = {"N": 1, "H": 260, "W": 257, "C": 1}
    large = ({"N": 5, "H": 31, "W": 33, "C": 40}, {"N": 40, "H": 7, "W": 7, "C": 65})

    def draw(self, rng: np.random.Generator) -> Geometry:
        N, H, W, C = (int(v) for v in rng.integers(1, (4, 8, 8, 12)))
        return {"N": N, "H": H, "W": W, "C": C}

    def problem(self, g: Geometry, dtype: Any, kind: str, seed: int, oracle: str = "reference") -> Problem:
        rng, x_shape = np.random.default_rng(seed), (g["N"], g["H"], g["W"], g["C"])
        arrays = {n: draw_numbers(rng, s, dtype, kind) for n, s in (("x", x_shape), ("dy", (g["N"], g["C"])))}
        if kind == "integers":  # every mean is an integer
            arrays = {n: a * a.dtype.type(g["H"] * g["W"]) for n, a in arrays.items()}
        return Problem(g, arrays, {}, oracle)

    def arguments(self, name: str, p: Problem) -> Arguments:
        return ((p["x"],) if name == "forward" else (p["dy"], p["x"].shape)), {}

    def terms(self, name: str, p: Problem) -> tuple[int, ...]:
        return (p.geometry["H"] * p.geometry["W"] + 1 if name == "forward" else 2,)

    def limits(self, name: str, p: Problem) -> tuple[Limit, ...]:
        return (wide_mean(self, name, p, p.geometry["H"] * p.geometry["W"]),)
