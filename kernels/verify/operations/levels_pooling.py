"""The largest levels and the means of windows."""

from typing import Any

import numpy as np

from kernels.int8 import LEAST, MOST
from kernels.pooling import normalize
from kernels.verify.operations.levels import OnLevels, draw_levels, draw_multiplier, draw_range
from kernels.verify.operations.pooling import GlobalAvgPool, Pooling, make_geometry
from kernels.verify.problem import Arguments, Geometry, Problem


class MaxLevels(OnLevels, Pooling):
    name, home = "maxpool2d_int8", "maxpool2d"
    line = "y[n,i,j,c] = max_{p,q} x[n, s i + p - top, s j + q - left, c]"
    large = (
        make_geometry((3, 31, 28, 33), (2, 2), (2, 2)),
        make_geometry((2, 37, 33, 29), (3, 3), (2, 2), (1, 1, 1, 0)),
        make_geometry((1, 129, 128, 16), (4, 4), (4, 4)),  # enough for several threads
    )

    def problem(self, g: Geometry, dtype: Any, kind: str, seed: int, oracle: str = "reference") -> Problem:
        shape, pad = (g["N"], g["H"], g["W"], g["C"]), ((g["top"], g["bottom"]), (g["left"], g["right"]))
        settings, _ = normalize(self.home, shape, (g["P"], g["Q"]), (g["sh"], g["sw"]), pad)
        rng = np.random.default_rng(seed)
        return Problem(g, {"x": draw_levels(rng, shape)}, {**settings, **self.more(rng, g["P"] * g["Q"])}, oracle)

    def more(self, rng: np.random.Generator, pixels: int) -> dict[str, Any]:
        """Return the settings of a mean of so many pixels; a maximum has none."""
        return {}

    def arguments(self, name: str, p: Problem) -> Arguments:
        return (p["x"], p.settings["size"]), {k: v for k, v in p.settings.items() if k != "size"}


def draw_mean(rng: np.random.Generator, pixels: int) -> dict[str, Any]:
    """Return the settings of a mean of so many pixels."""
    multiplier = float(draw_multiplier(rng, 74 / max(pixels, 1) ** 0.5))
    return {"x_zero": int(rng.integers(LEAST, MOST + 1)), "multiplier": multiplier, "levels": draw_range(rng)}


class AvgLevels(MaxLevels):
    name, home = "avgpool2d_int8", "avgpool2d"
    line = "y[n,i,j,c] = level({m}/{R[i,j]} sum_{p,q} (x[n, s i + p - top, s j + q - left, c] - zero))"

    def more(self, rng: np.random.Generator, pixels: int) -> dict[str, Any]:
        return draw_mean(rng, pixels)


class GlobalAvgLevels(OnLevels, GlobalAvgPool):
    name, home = "globalavgpool_int8", "globalavgpool"
    line = "y[n,c] = level({m}/{H W} sum_{h,w} (x[n,h,w,c] - zero))"

    def problem(self, g: Geometry, dtype: Any, kind: str, seed: int, oracle: str = "reference") -> Problem:
        rng = np.random.default_rng(seed)
        x = draw_levels(rng, (g["N"], g["H"], g["W"], g["C"]))
        return Problem(g, {"x": x}, draw_mean(rng, g["H"] * g["W"]), oracle)

    def arguments(self, name: str, p: Problem) -> Arguments:
        return (p["x"],), p.settings
