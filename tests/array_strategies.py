"""Hypothesis strategies for operations on plain arrays, and bounds in units of the last place."""

import numpy as np
from hypothesis import strategies as st

from tests.strategies import DTYPES, draw_seeded

SEEDS = st.integers(0, 2**32 - 9)


@st.composite
def shapes(draw, least_rank: int = 0, smallest: int = 0, rank: int = 3) -> tuple[int, ...]:
    """Mostly small shapes, and sometimes one axis long enough to leave SIMD registers partly filled."""
    sides = draw(st.lists(st.integers(smallest, 6), min_size=least_rank, max_size=rank))
    if sides and draw(st.booleans()):
        sides[-1] = draw(st.integers(7, 70))
    return tuple(sides)


@st.composite
def equal_arrays(draw, count: int, integers: bool = False, least_rank: int = 0, smallest: int = 0):
    """`count` arrays of one shape and dtype."""
    shape, dtype, seed = draw(shapes(least_rank, smallest)), draw(DTYPES), draw(SEEDS)
    return tuple(np.asarray(draw_seeded(shape, dtype, seed + i, integers)) for i in range(count))


def assert_ulps(actual, exact, ulps: float) -> None:
    """|actual - exact| <= ulps * (the distance of neighbouring numbers of actual's dtype at exact)."""
    assert np.shape(actual) == np.shape(exact)
    exact = np.asarray(exact, np.longdouble)
    spacing = np.spacing(np.abs(exact).astype(actual.dtype)).astype(np.longdouble)
    error = np.abs(np.asarray(actual, np.longdouble) - exact) / spacing
    assert np.all(error <= ulps), f"worst error is {np.max(error):.3f} ulp, allowed {ulps}"


def assert_bounded(actual, exact, bound) -> None:
    """|actual - exact| <= bound, elementwise; NaN only where both are NaN."""
    np.testing.assert_array_equal(np.isnan(actual), np.isnan(exact))
    error = np.nan_to_num(np.abs(np.asarray(actual, float) - exact))
    assert np.all(error <= bound), f"worst error is {np.max(error / bound):.3g} of its bound"


def strided_read_only(array: np.ndarray) -> np.ndarray:
    """The same numbers, every second along the last axis of a read-only array."""
    view = np.repeat(array, 2, axis=-1)[..., ::2]
    view.flags.writeable = False
    return view


def slope(loss, x: np.ndarray, direction: np.ndarray, h: float = 1e-6) -> float:
    """The central difference of `loss` at x along `direction`."""
    return float((loss(x + h * direction) - loss(x - h * direction)) / (2 * h))
