"""Hypothesis strategies for pooling and for the operations on arrays of any shape."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.strategies import DTYPES, draw_seeded

SEEDS = st.integers(0, 2**32 - 4)


@dataclass(frozen=True)
class PoolProblem:
    x: np.ndarray
    dy: np.ndarray
    size: tuple[int, int]
    settings: dict[str, Any]  # stride and padding


@st.composite
def pool_problems(draw, integers: bool = False) -> PoolProblem:
    def pair(low, high):
        return (draw(st.integers(low, high)), draw(st.integers(low, high)))

    size = pair(1, 4)
    tiling = draw(st.booleans())  # the usual case has kernels of its own
    stride = size if tiling else pair(1, 4)
    padding = tuple((0, 0) if tiling else (draw(st.integers(0, p - 1)), draw(st.integers(0, p - 1))) for p in size)
    image = [max(size[a] - sum(padding[a]), 1) + draw(st.integers(0, 6)) for a in (0, 1)]
    out = [(image[a] + sum(padding[a]) - size[a]) // stride[a] + 1 for a in (0, 1)]
    images, channels, dtype, seed = draw(st.integers(1, 2)), draw(st.integers(1, 9)), draw(DTYPES), draw(SEEDS)
    return PoolProblem(
        draw_seeded((images, *image, channels), dtype, seed, integers),
        draw_seeded((images, *out, channels), dtype, seed + 1, integers),
        size,
        {"stride": stride, "padding": padding},
    )


@st.composite
def arrays(draw, low_rank: int = 0, high_rank: int = 4, count: int = 1, integers: bool = False) -> list[np.ndarray]:
    """`count` arrays of one shape and dtype."""
    shape = tuple(draw(st.lists(st.integers(0, 6), min_size=low_rank, max_size=high_rank)))
    dtype, seed = draw(DTYPES), draw(SEEDS)
    return [np.asarray(draw_seeded(shape, dtype, seed + i, integers)) for i in range(count)]


def hidden(x: np.ndarray) -> np.ndarray:
    """x as a strided, read-only view of a wider array: what a user's slice looks like."""
    wide = np.repeat(x, 2, axis=-1)
    wide.flags.writeable = False
    return wide[..., ::2]
