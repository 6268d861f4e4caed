"""conv2dtranspose: problems with stride, padding, output padding, dilation and groups, and the bounds of its sums."""

from math import prod
from typing import Any

import numpy as np

from kernels import conv2d, conv2dtranspose
from kernels.verify.fill import draw_numbers
from kernels.verify.problem import NAIVE, Arguments, Geometry, Operation, Problem

SIZES = ("N", "H", "W", "C", "P", "Q", "F", "groups", "sh", "sw", "dh", "dw")
NAMES = (*SIZES, "top", "bottom", "left", "right", "more_h", "more_w")


def make_geometry(sizes: tuple, pad: tuple = (0, 0, 0, 0), more: tuple = (0, 0)) -> Geometry:
    """Return one flat geometry; its C and F are those of one group."""
    return dict(zip(NAMES, (*sizes, *pad, *more), strict=True))


class Conv2DTranspose(Operation):
    name = "conv2dtranspose"
    passes = {"forward": ("y",), "backward_data": ("dx",), "backward_weights": ("dk", "db")}
    smallest = dict.fromkeys(SIZES, 1) | dict.fromkeys(NAMES[len(SIZES) :], 0)
    linear = ("x", "k", "b")
    scaled = {"forward": ("x", "b"), "backward_data": ("dy",), "backward_weights": ("dy",)}
    long = make_geometry((1, 260, 257, 1, 1, 1, 1, 1, 1, 1, 1, 1))
    meet_padding = {"forward": ("k",), "backward_data": ("k",), "backward_weights": ("x",)}
    large = (
        make_geometry((2, 15, 14, 33, 2, 2, 20, 1, 2, 2, 1, 1)),
        make_geometry((2, 13, 15, 20, 3, 3, 34, 1, 2, 2, 1, 1), (0, 1, 1, 0)),
        make_geometry((1, 11, 12, 12, 3, 4, 10, 2, 1, 3, 2, 1), (2, 1, 0, 0), (0, 2)),
        make_geometry((2, 5, 4, 1, 3, 3, 1, 88, 2, 2, 1, 1)),  # channels do not mix
        make_geometry((1, 5, 17, 4, 3, 3, 5, 1, 1, 1, 1, 1)),  # neighbouring pixels share columns
        make_geometry((1, 4, 17, 1, 3, 3, 1, 35, 1, 1, 1, 1)),  # and channels do not mix
        make_geometry((1, 5, 6, 9, 2, 3, 2, 1, 2, 1, 1, 1)),  # many channels and few filters
        make_geometry((1, 5, 6, 2, 3, 2, 9, 1, 1, 2, 1, 1)),  # and the other way round
        make_geometry((3, 20, 20, 18, 4, 3, 20, 1, 1, 1, 1, 1)),  # the gradient of many weights in several parts
    )

    def draw(self, rng: np.random.Generator) -> Geometry:
        groups = int(rng.choice([1, 1, 1, 2, 3]))
        (P, Q), (sh, sw), (dh, dw) = rng.integers(1, 5, 2), rng.integers(1, 4, 2), rng.integers(1, 3, 2)
        H, W, C, F = (*rng.integers(1, 6, 2), *rng.integers(1, 5, 2))
        more = rng.integers(0, (sh, sw))
        pad = rng.integers(0, 3, 4)
        sizes = (rng.integers(1, 3), H, W, C, P, Q, F, groups, sh, sw, dh, dw)
        return self.fit({n: int(v) for n, v in make_geometry(sizes, tuple(pad), tuple(more)).items()})

    def problem(self, g: Geometry, dtype: Any, kind: str, seed: int, oracle: str = "reference") -> Problem:
        x_shape = (g["N"], g["H"], g["W"], g["C"] * g["groups"])
        k_shape = (g["P"], g["Q"], g["F"], g["C"] * g["groups"])
        pad = ((g["top"], g["bottom"]), (g["left"], g["right"]))
        stride, dilation, more = (g["sh"], g["sw"]), (g["dh"], g["dw"]), (g["more_h"], g["more_w"])
        settings, y_shape = conv2dtranspose.geometry(x_shape, k_shape, stride, pad, more, dilation, g["groups"])
        rng = np.random.default_rng(seed)
        shapes: dict[str, tuple[int, ...]] = {"x": x_shape, "k": k_shape, "dy": y_shape}
        if seed % 2 == 0:  # every other problem has no bias: b is None
            shapes["b"] = y_shape[3:]
        return Problem(g, {n: draw_numbers(rng, s, dtype, kind) for n, s in shapes.items()}, settings, oracle)

    def arguments(self, name: str, p: Problem) -> Arguments:
        if name == "forward":
            return (p["x"], p["k"], p.arrays.get("b")), p.settings
        if name == "backward_data":
            return (p["dy"], p["k"], p["x"].shape), p.settings
        return (p["x"], p["dy"], p["k"].shape), p.settings

    def terms(self, name: str, p: Problem) -> tuple[int, ...]:
        P, Q, F, C = p["k"].shape
        if name == "forward":
            return (P * Q * C // p.settings["groups"] + 2,)
        if name == "backward_data":
            return (P * Q * F + 1,)
        return prod(p["x"].shape[:3]) + 1, prod(p["dy"].shape[:3]) + 1

    def work(self, p: Problem) -> int:
        return prod(p["x"].shape[:3]) * p["k"].size

    def random_oracle(self) -> str:
        return NAIVE

    def ask(self, name: str, p: Problem) -> Any:
        """Return what conv2d's plain loops make of it, in float64, with the passes exchanged."""
        args, settings = self.arguments(name, p.map_floats(lambda a: a.astype(np.float64)))
        settings = {key: value for key, value in settings.items() if key != "output_padding"} | {"variant": p.oracle}
        if name == "forward":
            y = conv2d.backward_data(args[0], args[1], p["dy"].shape, **settings)
            return y if args[2] is None else y + args[2]
        if name == "backward_data":
            return conv2d.forward(args[0], args[1], None, **settings)
        x, dy, k_shape = args
        return conv2d.backward_weights(dy, x, k_shape, **settings)[0], dy.sum((0, 1, 2))

    def fit(self, g: Geometry) -> Geometry:
        made = dict(g)
        for length, taps, s, d, before, after, more in (
            ("H", "P", "sh", "dh", "top", "bottom", "more_h"), ("W", "Q", "sw", "dw", "left", "right", "more_w"),
        ):  # fmt: skip
            made[more] = min(g[more], g[s] - 1)
            size = (g[length] - 1) * g[s] + g[d] * (g[taps] - 1) + 1 + made[more] - g[before] - g[after]
            made[length] += max(-(-(1 - size) // g[s]), 0)
        return made
