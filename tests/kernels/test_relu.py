"""relu: every variant is max(x, 0) and its derivative."""

import numpy as np
import pytest
from hypothesis import given

from kernels import registry, relu
from tests.array_strategies import equal_arrays, strided_read_only
from tests.guards import BAND, assert_guards_stand, guarded

VARIANTS = registry.variants("relu", "cpu")


@pytest.mark.parametrize("variant", VARIANTS)
@given(p=equal_arrays(2))
def test_both_passes_agree_with_the_reference_bit_for_bit(variant, p):
    y = relu.forward(p[0], variant=variant)
    assert y.dtype == p[0].dtype
    np.testing.assert_array_equal(y, relu.forward(p[0], variant="reference"))
    np.testing.assert_array_equal(relu.backward(p[1], y, variant=variant), relu.backward(p[1], y, variant="reference"))


@given(p=equal_arrays(2))
def test_the_reference_is_numpys_maximum_and_where(p):
    np.testing.assert_array_equal(relu.forward(p[0], variant="reference"), np.maximum(p[0], 0))
    np.testing.assert_array_equal(relu.backward(*p, variant="reference"), np.where(p[1] > 0, p[0], 0))


@pytest.mark.parametrize("variant", ["reference", *VARIANTS])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nan_stays_nan_and_zero_has_no_slope(variant, dtype):
    x = np.array([np.nan, -np.inf, np.inf, 0, -0.0, 1e-45, -1] * 5, dtype)
    y = relu.forward(x, variant=variant)
    np.testing.assert_array_equal(y, np.array([np.nan, 0, np.inf, 0, 0, 1e-45, 0] * 5, dtype))
    assert not np.signbit(y[3:]).any()
    dy = np.full(3, np.nan, dtype)
    np.testing.assert_array_equal(relu.backward(dy, np.array([0, -1, 2], dtype), variant=variant), [0, 0, np.nan])


@pytest.mark.parametrize("variant", VARIANTS)
def test_large_arrays_on_all_cores_agree_with_numpy(variant):
    x, dy = np.random.default_rng(0).standard_normal((2, 150_001)).astype(np.float32)
    y = relu.forward(x, variant=variant)
    np.testing.assert_array_equal(y, np.maximum(x, 0))
    np.testing.assert_array_equal(relu.backward(dy, y, variant=variant), np.where(x > 0, dy, 0))


@pytest.mark.parametrize("variant", VARIANTS)
@given(p=equal_arrays(2, least_rank=1))
def test_strided_read_only_views_give_the_contiguous_answer_and_are_not_mutated(variant, p):
    views = [strided_read_only(a) for a in p]
    np.testing.assert_array_equal(relu.forward(views[0], variant=variant), np.maximum(p[0], 0))
    np.testing.assert_array_equal(relu.backward(*views, variant=variant), np.where(p[1] > 0, p[0], 0))
    for view, before in zip(views, p, strict=True):
        np.testing.assert_array_equal(view, before)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("shape", [(3, 7), (140_000,)])
def test_results_go_to_out_and_nowhere_else(variant, shape):
    (y, m1), (dx, m2) = guarded(shape, np.float32), guarded(shape, np.float32)
    assert relu.forward(np.full(shape, 2, np.float32), variant=variant, out=y) is y
    assert relu.backward(np.full(shape, 3, np.float32), y, variant=variant, out=dx) is dx
    for memory, value in ((m1, 2), (m2, 3)):
        assert_guards_stand(memory)
        np.testing.assert_array_equal(memory[BAND:-BAND], value)


def test_a_wrong_argument_is_named_with_what_arrived_and_what_was_expected():
    with pytest.raises(TypeError, match="relu: x must be float32 or float64, got int64"):
        relu.forward(np.arange(3))
    with pytest.raises(ValueError, match=r"relu: dy must have shape \(2,\) \(y's shape\), got \(3,\)"):
        relu.backward(np.ones(3), np.ones(2))
    x = np.ones(3)
    with pytest.raises(ValueError, match="out overlaps an input"):
        relu.forward(x, out=x)
