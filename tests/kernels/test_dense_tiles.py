"""tiles: the products behind a dense layer, within the rounding bound of NumPy's float64."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels.dense import tiles
from tests.rounding import assert_within
from tests.strategies import DTYPES, draw_seeded

SIZES = st.integers(0, 40)


@given(n=SIZES, c=SIZES, f=SIZES, dtype=DTYPES, seed=st.integers(0, 2**32 - 3))
def test_the_three_products_are_within_the_rounding_bound(n, c, f, dtype, seed):
    check(n, c, f, dtype, seed)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "sizes", [(32, 1600, 128), (32, 128, 10), (1, 1600, 128), (700, 33, 1), (513, 1, 65), (2048, 64, 64)]
)
def test_large_products_are_within_the_rounding_bound(sizes, dtype):
    check(*sizes, dtype, 0)


def check(n, c, f, dtype, seed):
    x, k, b, dy = (draw_seeded(s, dtype, seed + i, False) for i, s in enumerate(((n, c), (c, f), (f,), (n, f))))
    y, dx, dk, db = np.empty((n, f), dtype), np.empty((n, c), dtype), np.empty((c, f), dtype), np.empty(f, dtype)
    tiles.forward(x, k, b, out=y)
    tiles.backward_data(dy, k, out=dx)
    tiles.backward_weights(x, dy, out=(dk, db))
    x, k, b, dy = (a.astype(np.float64) for a in (x, k, b, dy))
    assert_within(y, x @ k + b, np.abs(x) @ np.abs(k) + np.abs(b), c + 2, dtype)
    assert_within(dx, dy @ k.T, np.abs(dy) @ np.abs(k.T), f + 1, dtype)
    assert_within(dk, x.T @ dy, np.abs(x.T) @ np.abs(dy), n + 1, dtype)
    assert_within(db, dy.sum(0), np.abs(dy).sum(0), n + 1, dtype)
