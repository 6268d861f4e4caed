"""Hypothesis strategies: problems for the operations, small enough for the reference's plain loops."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from kernels.verify.fill import draw_seeded

__all__ = ["DTYPES", "ConvProblem", "conv_problems", "draw_seeded"]

DTYPES = st.sampled_from([np.float32, np.float64])


@dataclass(frozen=True)
class ConvProblem:
    x: np.ndarray
    k: np.ndarray
    b: np.ndarray
    dy: np.ndarray
    settings: dict[str, Any]

    def absolute(self) -> "ConvProblem":
        """The same problem with every number's magnitude: its result is sum|terms|."""
        return replace(self, **{name: np.abs(getattr(self, name)) for name in ("x", "k", "b", "dy")})


@st.composite
def conv_problems(draw, integers: bool = False) -> ConvProblem:
    def pair(low, high):
        return (draw(st.integers(low, high)), draw(st.integers(low, high)))

    groups = draw(st.sampled_from([1, 1, 1, 2, 3]))
    channels, filters = draw(st.integers(1, 4)), groups * draw(st.integers(1, 6))
    kernel, stride, dilation = pair(1, 4), pair(1, 3), pair(1, 2)
    padding = (pair(0, 2), pair(0, 2))
    spans = [dilation[a] * (kernel[a] - 1) + 1 for a in (0, 1)]
    image = [max(spans[a] - sum(padding[a]), 1) + draw(st.integers(0, 6)) for a in (0, 1)]
    out = [(image[a] + sum(padding[a]) - spans[a]) // stride[a] + 1 for a in (0, 1)]
    images, dtype, seed = draw(st.integers(1, 2)), draw(DTYPES), draw(st.integers(0, 2**32 - 4))
    return ConvProblem(
        draw_seeded((images, *image, channels * groups), dtype, seed, integers),
        draw_seeded((*kernel, channels, filters), dtype, seed + 1, integers),
        draw_seeded((filters,), dtype, seed + 2, integers),
        draw_seeded((images, *out, filters), dtype, seed + 3, integers),
        {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups},
    )
