"""exp in compiled loops: within one ulp, gradual underflow, IEEE's special values."""

import numpy as np
import pytest

from kernels.cpu.exponential import exp, exp_down
from kernels.jit import jit
from tests.array_strategies import assert_ulps


@jit()
def _fill(x, y):
    for i in range(x.size):
        y[i] = exp(x[i])


def compiled(x):
    y = np.empty_like(x)
    _fill(x, y)
    return y


def test_float32_is_within_one_ulp_on_every_4099th_float32():
    x = np.arange(0, 2**32, 4099, dtype=np.uint64).astype(np.uint32).view(np.float32)
    with np.errstate(all="ignore"):
        exact = np.exp(x.astype(np.float64))
    finite = exact <= np.finfo(np.float32).max  # False for NaN
    y = compiled(x)
    assert_ulps(y[finite], exact[finite], 1)
    assert np.isinf(y[exact > 3.4028236e38]).all()
    np.testing.assert_array_equal(np.isnan(y), np.isnan(x))


@pytest.mark.parametrize(("low", "high"), [(-88, 88.7), (-104.5, -87), (-1, 1), (-1e-3, 1e-3)])
def test_float32_is_within_one_ulp_on_dense_samples(low, high):
    x = np.random.default_rng(0).uniform(low, high, 1_000_000).astype(np.float32)
    assert_ulps(compiled(x), np.exp(x.astype(np.float64)), 1)


@pytest.mark.skipif(np.finfo(np.longdouble).eps > 1e-18, reason="needs a long double wider than float64")
@pytest.mark.parametrize(("low", "high"), [(-708, 709.7), (-746, -707), (-1, 1), (-1e-6, 1e-6)])
def test_float64_is_within_one_ulp_of_the_long_double_exp(low, high):
    x = np.random.default_rng(0).uniform(low, high, 400_000)
    assert_ulps(compiled(x), np.exp(x.astype(np.longdouble)), 1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_special_values_are_ieees(dtype):
    x = np.array([0, -0.0, np.inf, -np.inf, np.nan, 1e38, -1e38], dtype)
    np.testing.assert_array_equal(compiled(x), np.array([1, 1, np.inf, 0, np.nan, np.inf, 0], dtype))


@pytest.mark.parametrize(("dtype", "x", "smallest"), [(np.float32, -103.2, 1e-45), (np.float64, -745.0, 5e-324)])
def test_underflow_is_gradual(dtype, x, smallest):
    assert compiled(np.full(40, x, dtype)).max() == dtype(smallest) > 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_number_has_the_same_bits_in_and_behind_the_simd_part_of_a_loop(dtype):
    x = np.random.default_rng(0).uniform(-80, 80, 67).astype(dtype)
    np.testing.assert_array_equal(compiled(x), np.concatenate([compiled(x[i : i + 1]) for i in range(67)]))


@jit()
def _fill_down(x, y):
    for i in range(x.size):
        y[i] = exp_down(x[i])


def test_exp_down_is_exp_where_that_is_normal_and_zero_below():
    x = np.concatenate([np.random.default_rng(0).uniform(-708, 0, 400_000), [0, -0.0, -1e-300, -708]])
    y = np.empty_like(x)
    _fill_down(x, y)
    np.testing.assert_array_equal(y, compiled(x))
    x = np.array([-np.inf, -1e300, -750, -708.5, np.nan, np.float64(np.array(0x7FF8_0000_0000_0FFF).view(float))])
    y = np.empty_like(x)
    _fill_down(x, y)
    np.testing.assert_array_equal(y, [0, 0, 0, 0, np.nan, np.nan])
