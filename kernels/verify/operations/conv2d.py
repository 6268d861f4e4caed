"""conv2d: problems with stride, padding, dilation and groups, and the bounds of its sums."""

from math import prod
from typing import Any

import numpy as np

from kernels import conv2d
from kernels.verify.fill import draw_numbers
from kernels.verify.problem import Arguments, Geometry, Operation, Problem
from kernels.verify.rounding import Limit, of_sum

TRANSFORMS = 40  # roundings of cpu_winograd's transforms, as registry.OWN_BOUNDS states them


NAMES = tuple(["N", "H", "W", "C", "P", "Q", "F", "groups", "sh", "sw", "top", "bottom", "left", "right", "dh", "dw"])


def make_geometry(
    x: tuple, k: tuple, stride: tuple = (1, 1), pad: tuple = (0, 0, 0, 0), dilation: tuple = (1, 1)
) -> Geometry:
    """Return x (N,H,W,C), k (P,Q,C/groups,F) and settings as one flat geometry; its C and F are those of one group."""
    groups = x[3] // k[2]
    return dict(zip(NAMES, (*x[:3], k[2], *k[:2], k[3] // groups, groups, *stride, *pad, *dilation), strict=True))


class Conv2D(Operation):
    name = "conv2d"
    passes = {"forward": ("y",), "backward_data": ("dx",), "backward_weights": ("dk", "db")}
    smallest = dict(zip(NAMES, [1] * 10 + [0] * 4 + [1] * 2, strict=True))
    linear = ("x", "k", "b")
    strides = {"sh": "H", "sw": "W"}
    scaled = {"forward": ("x", "b"), "backward_data": ("dy",), "backward_weights": ("dy",)}
    meet_padding = {"forward": ("k",), "backward_data": ("k",), "backward_weights": ("dy",)}
    long = make_geometry((1, 260, 257, 1), (1, 1, 1, 1))
    large: tuple[Geometry, ...] = (
        make_geometry((3, 30, 29, 20), (3, 3, 20, 70)),
        make_geometry((2, 28, 28, 1), (3, 3, 1, 32), pad=(1, 1, 1, 1)),
        make_geometry((2, 33, 31, 33), (5, 3, 33, 34), (2, 1), (2, 1, 0, 2)),
        make_geometry((2, 20, 21, 48), (3, 3, 24, 40), pad=(2, 2, 2, 2), dilation=(2, 2)),
        make_geometry((1, 40, 40, 24), (3, 3, 1, 24), pad=(1, 1, 1, 1)),
        make_geometry((1, 5, 5, 600), (3, 3, 600, 17), pad=(1, 1, 1, 1)),
        make_geometry((70, 3, 3, 13), (3, 3, 13, 113)),
        make_geometry((1, 3, 11, 17), (1, 1, 17, 17)),  # every sum is one longer than tiles of 16
        make_geometry((1, 2, 3, 320), (1, 1, 320, 12)),  # on a GPU a sum in parts, in fours, with a bias
        make_geometry((2, 9, 10, 88), (3, 3, 1, 88), (2, 2), (1, 1, 1, 1)),  # blocks of every number of vectors
        make_geometry((1, 2, 3, 300), (1, 1, 300, 7)),  # the same with seven filters
        make_geometry((2, 5, 6, 88), (3, 3, 88, 88)),  # so large a k that Winograd's transform of it is not kept
        make_geometry((0, 5, 6, 3), (3, 3, 3, 4)),  # no image
    )

    def draw(self, rng: np.random.Generator) -> Geometry:
        groups = int(rng.choice([1, 1, 1, 2, 3]))
        (P, Q), (sh, sw), (dh, dw) = rng.integers(1, 5, 2), rng.integers(1, 4, 2), rng.integers(1, 3, 2)
        pad = rng.integers(0, 3, 4)
        H = max(dh * (P - 1) + 1 - pad[0] - pad[1], 1) + rng.integers(0, 6)
        W = max(dw * (Q - 1) + 1 - pad[2] - pad[3], 1) + rng.integers(0, 6)
        C, F = rng.integers(1, 5), rng.integers(1, 6)
        x, k = (rng.integers(1, 3), H, W, C * groups), (P, Q, C, F * groups)
        return {name: int(v) for name, v in make_geometry(x, k, (sh, sw), tuple(pad), (dh, dw)).items()}

    def problem(self, g: Geometry, dtype: Any, kind: str, seed: int, oracle: str = "reference") -> Problem:
        x_shape = (g["N"], g["H"], g["W"], g["C"] * g["groups"])
        k_shape = (g["P"], g["Q"], g["C"], g["F"] * g["groups"])
        pad = ((g["top"], g["bottom"]), (g["left"], g["right"]))
        stride, dilation = (g["sh"], g["sw"]), (g["dh"], g["dw"])
        settings, y_shape = conv2d.geometry(x_shape, k_shape, stride, pad, dilation, g["groups"])
        rng = np.random.default_rng(seed)
        shapes: dict[str, tuple[int, ...]] = {"x": x_shape, "k": k_shape, "dy": y_shape}
        if seed % 2 == 0:  # every other problem has no bias: b is None
            shapes["b"] = k_shape[3:]
        return Problem(g, {n: draw_numbers(rng, s, dtype, kind) for n, s in shapes.items()}, settings, oracle)

    def arguments(self, name: str, p: Problem) -> Arguments:
        if name == "forward":
            return (p["x"], p["k"], p.arrays.get("b")), p.settings
        if name == "backward_data":
            return (p["dy"], p["k"], p["x"].shape), p.settings
        return (p["x"], p["dy"], p["k"].shape), p.settings

    def terms(self, name: str, p: Problem) -> tuple[int, ...]:
        P, Q, C, F = p["k"].shape
        if name == "forward":
            return (P * Q * C + 2,)
        if name == "backward_data":
            return (P * Q * F // p.settings["groups"] + 1,)
        return (prod(p["dy"].shape[:3]) + 1,) * 2

    def work(self, p: Problem) -> int:
        return prod(p["dy"].shape[:3]) * p["k"].size

    def for_own_bounds(self, g: Geometry) -> Geometry:
        return self.fit({**g, **dict.fromkeys(("sh", "sw", "dh", "dw", "groups"), 1), "P": 3, "Q": 3})

    def fit(self, g: Geometry) -> Geometry:
        H = max(g["H"], g["dh"] * (g["P"] - 1) + 1 - g["top"] - g["bottom"])
        return {**g, "H": H, "W": max(g["W"], g["dw"] * (g["Q"] - 1) + 1 - g["left"] - g["right"])}

    def own_limits(self, name: str, p: Problem, factor: float) -> tuple[Limit, ...]:
        x, dy, k = np.abs(p["x"]).max((1, 2)), np.abs(p["dy"]).max((1, 2)), np.abs(p["k"]).max((0, 1))
        x, dy, k = (a.astype(float) for a in (x, dy, k))  # (N,C), (N,F), (C,F)
        N, Ho, Wo, F = p["dy"].shape
        area = (Ho + 3) * (Wo + 3)  # of whole squares
        if name == "forward":
            whole = (9 * x @ k + np.abs(p.arrays.get("b", 0)))[:, None, None]
            return (
                of_sum(9 * p["k"].shape[2] + 2 + TRANSFORMS, np.broadcast_to(whole, p["dy"].shape), p.dtype, factor),
            )
        if name == "backward_data":
            whole = np.broadcast_to((9 * dy @ k.T)[:, None, None], p["x"].shape)
            return (of_sum(9 * F + 1 + TRANSFORMS, whole, p.dtype, factor),)
        whole = np.broadcast_to(area * x.T @ dy, p["k"].shape)
        db = of_sum(N * Ho * Wo + 1, np.abs(p["dy"]).sum((0, 1, 2), dtype=float), p.dtype)  # an ordinary sum
        return of_sum(N * area + 1 + TRANSFORMS, whole, p.dtype, factor), db
