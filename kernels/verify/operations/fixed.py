"""Convolutions with weights that no longer change, as a plan for inference runs them: laid out once, then applied.

y = min(max(b + sum_{p,q,c} x * k + a, low), high)      a: an array like y, or nothing
"""

from typing import Any

import numpy as np

from kernels import conv2d, registry
from kernels.verify.fill import draw_numbers
from kernels.verify.operations.conv2d import Conv2D, make_geometry
from kernels.verify.problem import NAIVE, Arguments, Geometry, Problem, exact
from kernels.verify.rounding import Limit, of_sum

CONVOLUTION = "b[f] + sum_{p,q,c} x[n, s i + d p - top, s j + d q - left, g + c] · k[p,q,c,f]"
LEAST_FILTERS = 17  # more than a vector of 512 bits holds: fewer have no such way
UNLIMITED = np.array([-np.inf, np.inf])


def _finish(y: np.ndarray, a: np.ndarray | None, limits: np.ndarray) -> np.ndarray:
    return np.clip(y if a is None else y + a, *limits)


def by_formula(x, k, b, a, limits, *, stride, padding, dilation, groups):
    """Apply formula (1), add a, and hold every number between the limits; a NaN stays one."""
    settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return _finish(registry.find("conv2d", "reference", "forward")(x, k, b, **settings), a, limits)


def fixed(x, k, b, a, limits, *, stride, padding, dilation, groups, variant, out=None):
    """Lay k out and apply it."""
    from kernels.conv2d import fixed as way

    settings = {"stride": stride, "padding": padding, "dilation": dilation}
    _, y_shape = conv2d.geometry(x.shape, k.shape, **settings, groups=groups)
    y = np.empty(y_shape, x.dtype) if out is None else out
    way.forward(x, *way.pack(k, b), way.lay_out(x.shape, k.shape, k.dtype, **settings), a, *limits, out=y)
    return y


def depthwise(x, k, b, a, limits, *, stride, padding, dilation, groups, variant, out=None):
    """Apply one filter for each channel, and hold the results between the limits."""
    settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    _, y_shape = conv2d.geometry(x.shape, k.shape, **settings)
    y = np.empty(y_shape, x.dtype) if out is None else out
    registry.find("conv2d", "cpu", "forward")(x, k, b, **settings, limits=limits, out=y)
    return y


def winograd(x, k, b, *, stride, padding, dilation, groups, variant, out=None):
    """Transform k and apply it."""
    from kernels.conv2d import fixed_winograd as way

    _, y_shape = conv2d.geometry(x.shape, k.shape, stride, padding, dilation, groups)
    y = np.empty(y_shape, x.dtype) if out is None else out
    way.forward(x, *way.pack(k, b), (padding[0][0], padding[1][0]), out=y)
    return y


class Fixed(Conv2D):
    name = "conv2d_fixed"
    line = f"y[n,i,j,f] = min(max({CONVOLUTION} + a[n,i,j,f], low), high)"
    passes = {"forward": ("y",)}
    smallest = {n: v for n, v in Conv2D.smallest.items() if n != "groups"} | {"F": LEAST_FILTERS}
    large = (
        *(g for g in Conv2D.large if g["F"] >= LEAST_FILTERS and g["groups"] == 1),
        # k in several panels, the pixels divided among threads: sums are left in y and taken up again
        make_geometry((1, 16, 16, 256), (3, 3, 256, 64), pad=(1, 1, 1, 1)),
    )
    long = make_geometry((1, 260, 257, 1), (1, 1, 1, LEAST_FILTERS))
    scaled = {"forward": ("x", "b", "a", "limits")}
    meet_padding: dict[str, tuple[str, ...]] = {}
    validated = ("k", "limits")  # a border of zeros meets k, so k must be finite
    without = ("layouts",)  # a plan's arrays are contiguous
    run: Any = staticmethod(fixed)

    def variants(self, target: str) -> tuple[str, ...]:
        return ("cpu",) if target == "cpu" else ()

    def formula(self, name: str) -> str:
        return self.line

    def public(self, name: str) -> Any:
        return self.run

    def reference(self, name: str) -> Any:
        return by_formula

    def random_oracle(self) -> str:
        return NAIVE

    def ask(self, name: str, p: Problem) -> Any:
        (x, k, b, a, limits), settings = self.arguments(name, p.map_floats(lambda v: v.astype(np.float64)))
        return _finish(conv2d.forward(x, k, b, **settings, variant=NAIVE), a, limits)

    def draw(self, rng: np.random.Generator) -> Geometry:
        return {**super().draw(rng), "groups": 1, "N": 1, "F": LEAST_FILTERS + int(rng.integers(0, 16))}

    def fit(self, g: Geometry) -> Geometry:
        return super().fit({**g, "F": max(g["F"], LEAST_FILTERS)})

    def problem(self, g: Geometry, dtype: Any, kind: str, seed: int, oracle: str = "reference") -> Problem:
        p = super().problem(g, dtype, kind, seed, oracle)
        arrays, y_shape = dict(p.arrays), p["dy"].shape
        del arrays["dy"]
        if seed % 3:
            arrays["a"] = draw_numbers(np.random.default_rng(seed + 1), y_shape, dtype, kind)
        arrays["limits"] = np.array([(-np.inf, np.inf), (0.0, np.inf), (-8.0, 30.0)][seed % 4 % 3], dtype)
        return Problem(g, arrays, p.settings, oracle)

    def arguments(self, name: str, p: Problem) -> Arguments:
        return (p["x"], p["k"], p.arrays.get("b"), p.arrays.get("a"), p["limits"]), p.settings

    def work(self, p: Problem) -> int:
        return p["x"].size * p["k"].size

    def limits(self, name: str, p: Problem) -> tuple[Limit, ...]:
        """Return the bound of the sum: what holds it between two numbers brings nothing further apart."""
        q = p.map_floats(np.abs).replace(limits=UNLIMITED.astype(p.dtype))
        return (of_sum(p["k"][..., 0].size + 3, exact(self, name, q)[0], p.dtype),)


class FixedDepthwise(Fixed):
    name = "conv2d_fixed_depthwise"
    line = "y[n,i,j,c] = min(max(b[c] + sum_{p,q} x[n, s i + d p - top, s j + d q - left, c] · k[p,q,1,c], low), high)"
    smallest = {n: v for n, v in Conv2D.smallest.items() if n not in ("C", "F")}
    large = (
        make_geometry((1, 40, 40, 24), (3, 3, 1, 24), pad=(1, 1, 1, 1)),
        make_geometry((3, 20, 21, 67), (3, 5, 1, 67), (2, 1), (1, 1, 2, 2)),
        make_geometry((2, 33, 31, 130), (3, 3, 1, 130), pad=(2, 2, 2, 2), dilation=(2, 2)),
    )
    long = make_geometry((1, 130, 129, 4), (1, 1, 1, 4))
    run: Any = staticmethod(depthwise)

    def draw(self, rng: np.random.Generator) -> Geometry:
        return {**Conv2D.draw(self, rng), "C": 1, "F": 1, "groups": int(rng.integers(1, 40))}

    def fit(self, g: Geometry) -> Geometry:
        return Conv2D.fit(self, {**g, "C": 1, "F": 1})

    def problem(self, g: Geometry, dtype: Any, kind: str, seed: int, oracle: str = "reference") -> Problem:
        p = super().problem(g, dtype, kind, seed, oracle)
        p.arrays.pop("a", None)
        return p


class FixedWinograd(Conv2D):
    name = "conv2d_fixed_winograd"
    line = f"y[n,i,j,f] = {CONVOLUTION}"
    passes = {"forward": ("y",)}
    large = tuple(g for g in Conv2D.large if g["groups"] == 1)
    without = ("layouts",)

    def variants(self, target: str) -> tuple[str, ...]:
        return ("cpu",) if target == "cpu" else ()

    def own_bound(self, variant: str) -> float | None:
        return registry.OWN_BOUNDS["conv2d", "cpu_winograd"]

    def formula(self, name: str) -> str:
        return self.line

    def public(self, name: str) -> Any:
        return winograd

    def reference(self, name: str) -> Any:
        return registry.find("conv2d", "reference", name)

    def random_oracle(self) -> str:
        return NAIVE

    def ask(self, name: str, p: Problem) -> Any:
        args, settings = self.arguments(name, p.map_floats(lambda v: v.astype(np.float64)))
        return conv2d.forward(*args, **settings, variant=NAIVE)
