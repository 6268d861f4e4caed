"""unary: every function by itself, with numbers of its own; how far a correct kernel may be from each."""

from itertools import count
from typing import Any

import numpy as np

from kernels.unary.functions import FUNCTIONS, SELU, make
from kernels.unary.reference import FORMULAS
from kernels.verify.fill import draw_numbers
from kernels.verify.operations.elementwise import Elementwise
from kernels.verify.problem import Geometry, Problem, exact
from kernels.verify.rounding import Limit, unit

# function -> the roundings of its value and of its slope, each in units of the magnitude below
ROUNDINGS = {
    "tanh": (6, 6),
    "rectify": (3, 3),
    "elu": (4, 4),
    "gelu": (10, 10),
    "gelu_tanh": (6, 6),
    "silu": (6, 6),
    "softplus": (6, 5),
    "softsign": (4, 6),
    "hard_sigmoid": (3, 3),
    "hard_silu": (4, 4),
    "exponential": (3, 3),
    "clip": (1, 1),
}
PRODUCTS = (
    "gelu",
    "gelu_tanh",
    "silu",
    "hard_silu",
)  # x g(x), whose slope is g(x) + x g'(x)
# numbers of each function on which small integers stay exact, and others
EXACT: dict[str, list[dict[str, float]]] = {
    "rectify": [{}, {"negative_slope": 0.25}, {"max_value": 2.0}, {"negative_slope": 0.5, "threshold": 1.0}],
    "elu": [{}, {"alpha": 0.5, "scale": 2.0}],
    "hard_sigmoid": [{"alpha": 0.25}],
    "clip": [{"low": -2.0, "high": 3.0}, {"high": 1.0}],
}
ANY = {"rectify": [{"negative_slope": 0.3, "max_value": 6.0}], "elu": [SELU], "hard_sigmoid": [{}, {"alpha": 0.2}]}
# arguments on which a function with e^x in it, or a sixth, is exact, slope included
EXACT_AT = {
    "tanh": (-1000, 0, 1000),
    "elu": (-1000, 0, 1, 2, 4),
    "gelu": (-1000, 1000),
    "gelu_tanh": (-1000, 0, 1000),
    "silu": (-1000, 0, 1000),
    "softplus": (-1000, 1000),
    "softsign": (-3, -1, 0, 1, 3),
    "hard_silu": (-4, -3, 3, 4),
    "exponential": (-1000, 0),
}
KINKS = {
    "hard_sigmoid": (-3, -2.5, -2, 2, 2.5, 3),
    "hard_silu": (-3, 3),
    "rectify": (0, 1, 2, 6),
    "elu": (0,),
    "clip": (-2, 1, 3),
}


def growth(function: str, x: np.ndarray) -> np.ndarray:
    """Return the further roundings that a large argument of e^x makes of a small one: v of e^-v, in units of u."""
    if function == "gelu_tanh":
        size = np.where(x < 0, np.minimum(-x, 40), 0)
        return 5 * (1.6 * size + 0.0714 * size**3)
    return np.zeros(x.shape)


def magnitude(name: str, function: str, x: np.ndarray, settings: dict[str, float]) -> np.ndarray:
    """Return the sum of the magnitudes of the terms that a value, or a slope, consists of."""
    f, pair = make(function, settings), FORMULAS[function]
    size = np.abs(x)
    if (name, function) == ("forward", "rectify"):
        below = abs(f.negative_slope) * (size + abs(f.threshold))
        return np.where(x > f.threshold, np.abs(_each(pair[0], x, f)), below)
    if (name, function) == ("forward", "hard_sigmoid"):
        return abs(f.alpha) * size + abs(f.beta)
    if (name, function) == ("forward", "hard_silu"):
        return np.where(size < 3, size * (size + 3) / 6, np.abs(_each(pair[0], x, f)))
    result = _each(pair[name == "backward"], x, f)
    if name == "backward" and function in PRODUCTS:
        factor = np.where(x == 0, result, _each(pair[0], x, f) / np.where(x == 0, 1, x))
        return np.abs(factor) + np.abs(result - factor)
    return np.abs(result)


def _each(formula: Any, x: np.ndarray, f: Any) -> np.ndarray:
    return np.array([formula(float(v), *f) for v in x.flat]).reshape(x.shape)


def bound(
    name: str, function: str, x: np.ndarray, settings: dict[str, float], dtype: Any, counted: int = 0
) -> np.ndarray:
    """Return how far a correct value f(x), or slope f'(x) for the name "backward", may be from the reference's.

    The reference errs in float64: some roundings, and in gelu the square of a negative x, which its erfc makes of a
    rounded argument. `counted` roundings are in the caller's own bound already.
    """
    x = np.asarray(x, float)
    more = growth(function, x)
    m = np.maximum(ROUNDINGS[function][name == "backward"] + more - counted, 0)
    own = 4 + more + (2 * np.clip(-x, 0, 40) ** 2 if function == "gelu" else 0)
    least = float(np.finfo(dtype).smallest_subnormal) * (m + 4) * (1 + np.minimum(np.abs(x), 1000))
    return 1.01 * (m * unit(dtype) + own * unit(np.float64)) * magnitude(name, function, x, settings) + least


class Unary(Elementwise):
    name = "unary"
    smallest = {"M": 1, "function": 0}
    large = tuple({"M": 33_001 + 512 * i, "function": i} for i in (0, 3, 6))
    long = {"M": 70_001, "function": 1}
    choices = {"function": len(FUNCTIONS)}
    backward_inputs = ("dy", "x")

    def __init__(self) -> None:
        self.turn = count()

    def draw(self, rng: np.random.Generator) -> Geometry:
        return {"M": int(rng.integers(1, 70)), "function": next(self.turn) % len(FUNCTIONS)}

    def problem(self, g: Geometry, dtype: Any, kind: str, seed: int, oracle: str = "reference") -> Problem:
        rng = np.random.default_rng(seed)
        arrays = {n: draw_numbers(rng, (g["M"],), dtype, kind) for n in ("x", "dy")}
        function = list(FUNCTIONS)[g["function"]]
        choices = EXACT.get(function, [{}]) + ([] if kind == "integers" else ANY.get(function, []))
        settings = choices[int(rng.integers(len(choices)))]
        arrays["x"] = _fit(arrays["x"], function, kind, rng).astype(dtype)
        return Problem(g, arrays, {"function": function, **settings}, oracle)

    def limits(self, name: str, p: Problem) -> tuple[Limit, ...]:
        settings = {n: v for n, v in p.settings.items() if n != "function"}
        dy = np.abs(p["dy"].astype(float)) if name == "backward" else 1.0
        one = bound(name, p.settings["function"], p["x"], settings, p.dtype, counted=-2 if name == "backward" else 0)
        tiny = float(np.finfo(p.dtype).smallest_subnormal)
        return (Limit(one * dy + tiny, np.abs(exact(self, name, p)[0])),)


def _fit(x: np.ndarray, function: str, kind: str, rng: np.random.Generator) -> np.ndarray:
    """Return arguments on which the function is exact, or off its kinks, or not infinite."""
    if kind == "integers":
        return rng.choice(EXACT_AT[function], x.shape) if function in EXACT_AT else x
    if function == "exponential":
        return np.clip(x, -60, 60)
    for kink in KINKS.get(function, ()):
        x = np.where(np.abs(x - kink) < 0.01, kink + 0.2, x)
    return x
