"""arithmetic, concatenate and resample: axes that are repeated, put together, or read at other places."""

from typing import Any

import numpy as np

from kernels.arithmetic import KINDS
from kernels.resample import taps as make
from kernels.verify.fill import draw_numbers
from kernels.verify.problem import Arguments, Geometry, Operation, Problem, exact
from kernels.verify.rounding import Limit, of_sum

AXES = ("N", "H", "W", "C")


def shape_of(g: Geometry) -> tuple[int, ...]:
    """Return (N,H,W,C) of a geometry."""
    return tuple(g[n] for n in AXES)


def draw_shape(rng: np.random.Generator) -> Geometry:
    """Draw a small N, H, W and C."""
    return {n: int(v) for n, v in zip(AXES, rng.integers(1, (4, 6, 6, 9)), strict=True)}


class Arithmetic(Operation):
    """`kind`: its number; `a`, `b`: a bit for each axis along which the array is repeated."""

    name = "arithmetic"
    passes = {"forward": ("y",), "backward": ("da", "db")}
    smallest = dict.fromkeys((*AXES,), 1) | {"kind": 0, "a": 0, "b": 0}
    choices = {"kind": len(KINDS), "a": 16, "b": 16}
    long = {"N": 1, "H": 260, "W": 257, "C": 1, "kind": 2, "a": 0, "b": 0}
    large = (
        *(
            {"N": 3, "H": 31, "W": 29, "C": 33, "kind": kind, "a": a, "b": b}
            for kind, a, b in ((2, 0, 0b0110), (3, 0b0110, 0), (0, 0, 0b0111), (1, 0b0001, 0b1000), (4, 0, 0b1111))
        ),
        # repeated along every other axis, so that none of the four can be put together with its neighbour
        {"N": 3, "H": 4, "W": 5, "C": 6, "kind": 2, "a": 0b1010, "b": 0b0101},
        {"N": 3, "H": 4, "W": 5, "C": 6, "kind": 1, "a": 0b0101, "b": 0b1010},
    )

    def draw(self, rng: np.random.Generator) -> Geometry:
        bits = {n: int(rng.integers(0, 16)) for n in "ab"}
        return draw_shape(rng) | {"kind": int(rng.integers(0, len(KINDS)))} | bits

    def problem(self, g: Geometry, dtype: Any, kind: str, seed: int, oracle: str = "reference") -> Problem:
        rng, whole, what = np.random.default_rng(seed), shape_of(g), KINDS[g["kind"]]
        shapes = {n: tuple(1 if g[n] >> i & 1 else s for i, s in enumerate(whole)) for n in "ab"}
        shapes["dy"] = np.broadcast_shapes(shapes["a"], shapes["b"])
        arrays = {n: draw_numbers(rng, s, dtype, kind) for n, s in shapes.items()}
        if what == "divide" and kind == "integers":  # powers of two, by which the other numbers can be divided twice
            arrays["b"] = rng.choice([-4, -2, -1, 1, 2, 4], shapes["b"]).astype(dtype)
            arrays = {n: v if n == "b" else v * 16 for n, v in arrays.items()}
        elif what == "divide":
            arrays["b"] = arrays["b"] + np.where(arrays["b"] < 0, -1, 1).astype(dtype)  # away from 0
        return Problem(g, arrays, {"kind": what}, oracle)

    def arguments(self, name: str, p: Problem) -> Arguments:
        operands = (p["a"], p["b"], p.settings["kind"])
        return (operands if name == "forward" else (p["dy"], *operands)), {}

    def limits(self, name: str, p: Problem) -> tuple[Limit, ...]:
        if name == "forward":
            y = exact(self, name, p)[0]
            rounded = p.settings["kind"] in ("add", "subtract", "multiply", "divide")
            return (of_sum(1, np.abs(y), p.dtype) if rounded else Limit(np.zeros(y.shape), np.abs(y)),)
        names = ("dy", "a", "b") if p.settings["kind"] in ("multiply", "divide") else ("dy",)
        magnitudes = exact(self, name, p.replace(**{n: np.abs(p[n]) for n in names}))
        terms = (p["dy"].size // max(r.size, 1) for r in magnitudes)
        return tuple(of_sum(m + 4, np.abs(r), p.dtype) for m, r in zip(terms, magnitudes, strict=True))


class Concatenate(Operation):
    """Two arrays, of lengths `first` and `second` along the axis."""

    name = "concatenate"
    passes = {"forward": ("y",), "backward": ("dx0", "dx1")}
    smallest = dict.fromkeys((*AXES, "first", "second"), 1) | {"axis": 0}
    choices = {"axis": 4}
    linear = ("x0", "x1")
    scaled = {"forward": ("x0", "x1"), "backward": ("dy",)}
    long = {"N": 1, "H": 260, "W": 257, "C": 1, "axis": 1, "first": 130, "second": 130}
    large = tuple({"N": 3, "H": 31, "W": 29, "C": 33, "axis": axis, "first": 40, "second": 17} for axis in (0, 1, 3))

    def draw(self, rng: np.random.Generator) -> Geometry:
        lengths = {n: int(rng.integers(1, 8)) for n in ("first", "second")}
        return draw_shape(rng) | {"axis": int(rng.integers(0, 4))} | lengths

    def problem(self, g: Geometry, dtype: Any, kind: str, seed: int, oracle: str = "reference") -> Problem:
        rng, axis = np.random.default_rng(seed), g["axis"]
        lengths = {"x0": g["first"], "x1": g["second"], "dy": g["first"] + g["second"]}
        shapes = {n: (*shape_of(g)[:axis], m, *shape_of(g)[axis + 1 :]) for n, m in lengths.items()}
        return Problem(g, {n: draw_numbers(rng, s, dtype, kind) for n, s in shapes.items()}, {"axis": axis}, oracle)

    def arguments(self, name: str, p: Problem) -> Arguments:
        arrays, axis = tuple(a for n, a in p.arrays.items() if n != "dy"), p.settings["axis"]
        return (arrays if name == "forward" else (p["dy"], tuple(a.shape[axis] for a in arrays))), p.settings

    def limits(self, name: str, p: Problem) -> tuple[Limit, ...]:
        return tuple(Limit(np.zeros(r.shape), np.abs(r)) for r in exact(self, name, p))  # copies


RESAMPLINGS = ("zeros", "crop", "edge", "reflect", "backwards", "nearest", "linear", "corners")


class Resample(Operation):
    """down, across: numbers of RESAMPLINGS.

    channels: 0 leaves them and the images as they are, 1 pads the channels, 2 resizes both.
    """

    name = "resample"
    passes = {"forward": ("y",), "backward": ("dx",)}
    smallest = dict.fromkeys(("N", "C"), 1) | dict.fromkeys(("H", "W"), 4) | {"down": 0, "across": 0, "channels": 0}
    choices = {"down": len(RESAMPLINGS), "across": len(RESAMPLINGS), "channels": 3}
    linear = ("x",)
    scaled = {"forward": ("x",), "backward": ("dy",)}
    long = {"N": 1, "H": 260, "W": 257, "C": 1, "down": 0, "across": 3, "channels": 0}
    large = tuple(
        {"N": 3, "H": 31, "W": 29, "C": 33, "down": down, "across": across, "channels": channels}
        for down, across, channels in ((0, 3, 0), (5, 6, 0), (6, 7, 0), (4, 1, 1))
    )

    def draw(self, rng: np.random.Generator) -> Geometry:
        sizes = {"H": int(rng.integers(4, 9)), "W": int(rng.integers(4, 9)), "channels": int(rng.integers(0, 3))}
        return draw_shape(rng) | sizes | {n: int(rng.integers(0, len(RESAMPLINGS))) for n in ("down", "across")}

    def problem(self, g: Geometry, dtype: Any, kind: str, seed: int, oracle: str = "reference") -> Problem:
        rng, x_shape = np.random.default_rng(seed), shape_of(g)
        integers, linear = kind == "integers", RESAMPLINGS.index("linear")
        images, channels = None, make.pad(g["C"], 1, 0) if g["channels"] else None
        if g["channels"] == 2:
            images, channels = (places(g[n], linear, integers) for n in "NC")
        taps = (images, places(g["H"], g["down"], integers), places(g["W"], g["across"], integers), channels)
        y_shape = tuple(n if t is None else len(t) for n, t in zip(x_shape, taps, strict=True))
        arrays = {n: draw_numbers(rng, s, dtype, kind) for n, s in (("x", x_shape), ("dy", y_shape))}
        return Problem(g, arrays, {"taps": taps}, oracle)

    def arguments(self, name: str, p: Problem) -> Arguments:
        taps = p.settings["taps"]
        return (
            ((p["x"], taps), {"fill": p.settings.get("fill", 0.0)})
            if name == "forward"
            else ((p["dy"], p["x"].shape, taps), {})
        )

    def terms(self, name: str, p: Problem) -> tuple[int, ...]:
        longest = 1
        for length, taps in zip(p["x"].shape, p.settings["taps"], strict=True):
            if taps is not None:
                readers = np.bincount([place for pairs in taps for place, _ in pairs], minlength=length)
                longest *= max(int(readers.max()), 1) if name == "backward" else 2
        return (longest + 4,)


def places(length: int, how: int, integers: bool) -> make.Places:
    """Return the taps of an axis; in "integers" resizing doubles it asymmetrically, with weights of halves."""
    name = RESAMPLINGS[how]
    if name in ("zeros", "edge", "reflect"):
        return make.pad(length, 2, 1, "constant" if name == "zeros" else name)
    if name == "crop":
        return make.pad(length, -1, -1)
    if name == "backwards":
        return make.cut(length, length - 1, (length + 1) // 2, -2)
    if integers:
        return make.resize(
            length, 2 * length, make.Sampling("nearest" if name == "nearest" else "linear", "asymmetric")
        )
    coordinates = "align_corners" if name == "corners" else "half_pixel"
    sampling = make.Sampling("nearest" if name == "nearest" else "linear", coordinates)
    return make.resize(length, (3 * length + 1) // 2, sampling)
