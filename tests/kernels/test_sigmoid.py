"""sigmoid: every variant is formula (2) and its derivative."""

import numpy as np
import pytest
import scipy.special
from hypothesis import given

from kernels import registry, sigmoid
from tests.array_strategies import assert_ulps, equal_arrays, slope, strided_read_only
from tests.guards import BAND, assert_guards_stand, guarded
from tests.rounding import assert_within

VARIANTS = registry.variants("sigmoid", "cpu")


@pytest.mark.parametrize("variant", VARIANTS)
@given(p=equal_arrays(1))
def test_forward_is_within_4_ulp_of_the_reference(variant, p):
    """exp is within 1 ulp = 2u, the sum and the quotient add u each: 4u, and an ulp is at least u."""
    y = sigmoid.forward(p[0], variant=variant)
    assert y.dtype == p[0].dtype
    assert_ulps(y, sigmoid.forward(p[0], variant="reference"), 4 if y.dtype == np.float32 else 6)


@pytest.mark.parametrize("variant", VARIANTS)
@given(p=equal_arrays(2))
def test_backward_is_within_three_roundings_of_the_reference(variant, p):
    dy, y = p
    exact = sigmoid.backward(dy, y, variant="reference")
    assert_within(sigmoid.backward(dy, y, variant=variant), exact, np.abs(exact), 3, y.dtype)


def test_the_reference_is_scipys_expit():
    x = np.linspace(-700, 700, 997)
    assert_ulps(sigmoid.forward(x, variant="reference"), scipy.special.expit(x), 3)


@pytest.mark.parametrize("variant", ["reference", *VARIANTS])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_overflow_and_ieees_special_values(variant, dtype):
    x = np.array([0, -0.0, np.inf, -np.inf, 1e38, -1e38, 700, np.nan], dtype)
    y = sigmoid.forward(x, variant=variant)
    np.testing.assert_array_equal(y, [0.5, 0.5, 1, 0, 1, 0, 1, np.nan])


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_minus_f_is_f_of_minus_x_up_to_rounding(variant, dtype):
    x = np.random.default_rng(0).uniform(-30, 30, 4001).astype(dtype)
    y, mirrored = sigmoid.forward(x, variant=variant), sigmoid.forward(-x, variant=variant)
    assert np.abs(y.astype(float) + mirrored - 1).max() <= 4 * np.finfo(dtype).eps


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_larger_x_never_has_a_smaller_y_beyond_rounding(variant, dtype):
    x = np.sort(np.random.default_rng(0).uniform(-100, 100, 50_000).astype(dtype))
    y = sigmoid.forward(x, variant=variant)
    assert (y >= 0).all()
    assert (y <= 1).all()
    assert (np.diff(y) >= -4 * np.spacing(y[1:])).all()
    steps = sigmoid.forward(np.linspace(-15, 15, 1001).astype(dtype), variant=variant)
    assert (np.diff(steps[:500]) > 0).all()


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_gradient_is_a_central_difference(variant):
    rng = np.random.default_rng(0)
    x, dy, u = rng.standard_normal((3, 4, 5))
    dx = sigmoid.backward(dy, sigmoid.forward(x, variant=variant), variant=variant)
    assert slope(lambda a: np.vdot(dy, sigmoid.forward(a, variant=variant)), x, u) == pytest.approx(
        np.vdot(dx, u), rel=1e-7
    )


@pytest.mark.parametrize("variant", VARIANTS)
def test_large_arrays_on_all_cores_have_the_bits_of_small_ones(variant):
    x, dy = np.random.default_rng(0).standard_normal((2, 70_001)).astype(np.float32) * 20
    y = sigmoid.forward(x, variant=variant)
    np.testing.assert_array_equal(
        y, np.concatenate([sigmoid.forward(a, variant=variant) for a in np.array_split(x, 9)])
    )
    dx = [sigmoid.backward(a, b, variant=variant) for a, b in zip(np.split(dy, [9]), np.split(y, [9]), strict=True)]
    np.testing.assert_array_equal(sigmoid.backward(dy, y, variant=variant), np.concatenate(dx))


@pytest.mark.parametrize("variant", VARIANTS)
@given(p=equal_arrays(2, least_rank=1))
def test_strided_read_only_views_give_the_contiguous_answer_and_are_not_mutated(variant, p):
    views = [strided_read_only(a) for a in p]
    np.testing.assert_array_equal(sigmoid.forward(views[0], variant=variant), sigmoid.forward(p[0], variant=variant))
    np.testing.assert_array_equal(sigmoid.backward(*views, variant=variant), sigmoid.backward(*p, variant=variant))
    for view, before in zip(views, p, strict=True):
        np.testing.assert_array_equal(view, before)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("shape", [(3, 7), (40_000,)])
def test_results_go_to_out_and_nowhere_else(variant, shape):
    (y, m1), (dx, m2) = guarded(shape, np.float32), guarded(shape, np.float32)
    assert sigmoid.forward(np.zeros(shape, np.float32), variant=variant, out=y) is y
    assert sigmoid.backward(np.ones(shape, np.float32), y, variant=variant, out=dx) is dx
    for memory, value in ((m1, 0.5), (m2, 0.25)):
        assert_guards_stand(memory)
        np.testing.assert_array_equal(memory[BAND:-BAND], value)


def test_a_wrong_argument_is_named_with_what_arrived_and_what_was_expected():
    with pytest.raises(TypeError, match="sigmoid: x must be float32 or float64, got int64"):
        sigmoid.forward(np.arange(3))
    with pytest.raises(ValueError, match=r"sigmoid: dy must have shape \(2,\) \(y's shape\), got \(3,\)"):
        sigmoid.backward(np.ones(3), np.ones(2))
    with pytest.raises(TypeError, match="one dtype, but dy is float64, y is float32"):
        sigmoid.backward(np.ones(3), np.ones(3, np.float32))
    x = np.ones(3)
    with pytest.raises(ValueError, match="out overlaps an input"):
        sigmoid.forward(x, out=x)
