"""mse: every variant is formula (3), with weights, and its gradient."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels import mse, registry
from tests.array_strategies import SEEDS, equal_arrays, slope, strided_read_only
from tests.guards import assert_guards_stand, guarded
from tests.rounding import assert_within
from tests.strategies import draw_seeded

VARIANTS = registry.variants("mse", "cpu")


@st.composite
def problems(draw, integers=False):
    """y, yhat and, in half of the cases, weights."""
    y, yhat = draw(equal_arrays(2, integers, least_rank=1, smallest=1))
    weights = np.abs(draw_seeded(y.shape[:1], y.dtype, draw(SEEDS), integers)) if draw(st.booleans()) else None
    return y, yhat, weights


@pytest.mark.parametrize("variant", VARIANTS)
@given(p=problems(integers=True))
def test_small_integers_agree_with_the_reference_up_to_rounding_the_quotient(variant, p):
    L = mse.forward(*p, variant=variant)
    assert L.dtype == p[1].dtype
    assert L.shape == ()
    assert mse.forward(*p, variant="reference").astype(p[1].dtype) == L


@pytest.mark.parametrize("variant", VARIANTS)
@given(p=problems())
def test_both_passes_are_within_the_rounding_bound_of_the_reference(variant, p):
    y, yhat, weights = p
    exact = mse.forward(*p, variant="reference")
    # the sum is in float64: what is left in float32 is one rounding
    terms = 2 if y.dtype == np.float32 else y.size + 4
    assert_within(mse.forward(*p, variant=variant), exact, exact, terms, y.dtype)
    exact = mse.backward(*p, variant="reference")
    assert_within(mse.backward(*p, variant=variant), exact, np.abs(exact), 4, y.dtype)


@given(p=problems(integers=True))
def test_the_reference_is_the_weighted_mean_of_numpys_squares(p):
    y, yhat, weights = p
    w = 1 if weights is None else weights.reshape(-1, *[1] * (y.ndim - 1))
    assert mse.forward(*p, variant="reference") == ((y - yhat) ** 2 * w).sum(dtype=float) / y.size


@pytest.mark.parametrize("variant", VARIANTS)
@given(p=problems())
def test_the_minimum_is_zero_at_the_truth_and_the_loss_is_convex(variant, p):
    y, yhat, weights = (None if a is None else a.astype(np.float64) for a in p)
    assert mse.forward(y, y, weights, variant=variant) == 0
    assert not mse.backward(y, y, weights, variant=variant).any()
    ends = [mse.forward(y, a, weights, variant=variant) for a in (yhat, -yhat)]
    middle = mse.forward(y, 0.75 * yhat + 0.25 * -yhat, weights, variant=variant)
    assert 0 <= middle <= (0.75 * ends[0] + 0.25 * ends[1]) * (1 + 1e-12)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("weighted", [False, True])
def test_the_gradient_is_a_central_difference(variant, weighted):
    rng = np.random.default_rng(0)
    (y, yhat, u), weights = rng.standard_normal((3, 4, 5)), rng.uniform(0, 2, 4) if weighted else None
    dyhat = mse.backward(y, yhat, weights, variant=variant)
    assert slope(lambda a: mse.forward(y, a, weights, variant=variant), yhat, u) == pytest.approx(
        np.vdot(dyhat, u), rel=1e-7
    )


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("shape", "weighted"), [((70_001,), False), ((7, 10_001), True), ((70_001,), True)])
def test_large_arrays_on_all_cores_agree_with_exact_integers(variant, shape, weighted):
    y, yhat = (draw_seeded(shape, np.float32, i, True) for i in (0, 1))
    weights = np.abs(draw_seeded(shape[:1], np.float32, 2, True)) if weighted else None
    w = weights.reshape(-1, *[1] * (len(shape) - 1)) if weighted else np.float32(1)
    total = (w * (y - yhat) ** 2).sum(dtype=float)
    assert mse.forward(y, yhat, weights, variant=variant) == np.float32(total / y.size)
    expected = 2.0 * w * (yhat.astype(float) - y) / y.size
    np.testing.assert_allclose(mse.backward(y, yhat, weights, variant=variant), expected, rtol=5e-7)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_sample_without_weight_counts_in_n_only(variant):
    y, yhat, weights = np.zeros((4, 2)), np.full((4, 2), 3.0), np.array([1.0, 0, 0, 1])
    assert mse.forward(y, yhat, weights, variant=variant) == 4.5
    np.testing.assert_array_equal(mse.backward(y, yhat, weights, variant=variant)[1:3], 0)


@pytest.mark.parametrize("variant", ["reference", *VARIANTS])
def test_a_nan_reaches_the_loss_and_its_own_gradient(variant):
    y, yhat = np.zeros(9, np.float32), np.ones(9, np.float32)
    yhat[3] = np.nan
    assert np.isnan(mse.forward(y, yhat, variant=variant))
    assert np.flatnonzero(np.isnan(mse.backward(y, yhat, variant=variant))).tolist() == [3]


@pytest.mark.parametrize("variant", VARIANTS)
@given(p=problems())
def test_strided_read_only_views_give_the_contiguous_answer_and_are_not_mutated(variant, p):
    views = [None if a is None else strided_read_only(a) for a in p]
    assert mse.forward(*views, variant=variant) == mse.forward(*p, variant=variant)
    np.testing.assert_array_equal(mse.backward(*views, variant=variant), mse.backward(*p, variant=variant))
    for view, before in zip(views, p, strict=True):
        np.testing.assert_array_equal(view, before)


@pytest.mark.parametrize("variant", ["reference", *VARIANTS])
def test_results_go_to_out_and_nowhere_else(variant):
    y, yhat = np.zeros((3, 7), np.float32), np.ones((3, 7), np.float32)
    (L, m1), (dyhat, m2) = guarded((), np.float32), guarded((3, 7), np.float32)
    assert mse.forward(y, yhat, variant=variant, out=L) is L
    assert mse.backward(y, yhat, variant=variant, out=dyhat) is dyhat
    assert_guards_stand(m1)
    assert_guards_stand(m2)
    assert L == 1
    np.testing.assert_array_equal(dyhat, np.float32(2 / 21))


def test_one_number_is_an_array_too():
    assert mse.forward(np.array(1.0), np.array(3.0)) == 4


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((np.ones((2, 3)), np.ones((3, 2))), ValueError, r"mse: y must have shape \(3, 2\) \(yhat's shape\)"),
        ((np.ones((0, 3)), np.ones((0, 3))), ValueError, r"the mean of no elements is not defined: .*\(0, 3\)"),
        ((np.ones(3), np.ones(3, np.float32)), TypeError, "one dtype, but y is float64, yhat is float32"),
        (
            (np.ones((2, 3)), np.ones((2, 3)), np.ones(3)),
            ValueError,
            r"weights must have shape \(2,\) \(one per sample",
        ),
    ],
)
def test_a_wrong_argument_is_named_with_what_arrived_and_what_was_expected(arguments, error, message):
    for function in (mse.forward, mse.backward):
        with pytest.raises(error, match=message):
            function(*arguments)
