"""softmax: every variant is exp(x_k) / sum_j exp(x_j) over the last axis, and its gradient."""

import numpy as np
import pytest
import scipy.special
from hypothesis import given

from kernels import registry, softmax
from kernels.verify.operations.softmax import forward_bound, log_bound
from tests.array_strategies import assert_bounded, assert_ulps, equal_arrays, slope, strided_read_only
from tests.guards import BAND, assert_guards_stand, guarded
from tests.rounding import assert_within

VARIANTS = registry.variants("softmax", "cpu")


@pytest.mark.parametrize("variant", VARIANTS)
@given(p=equal_arrays(2, least_rank=1))
def test_both_passes_are_within_the_rounding_bound_of_the_reference(variant, p):
    x, dy = p[0] / 10, p[1]
    exact = softmax.forward(x, variant="reference")
    y = softmax.forward(x, variant=variant)
    assert y.dtype == x.dtype
    assert_bounded(y, exact, forward_bound(x, exact))
    dx, exact = softmax.backward(dy, y, variant=variant), softmax.backward(dy, y, variant="reference")
    magnitude = y * (np.abs(dy) + np.abs(dy.astype(float) * y).sum(-1, keepdims=True))
    assert_within(dx, exact, magnitude, x.shape[-1] + 4, x.dtype)


@given(p=equal_arrays(1, integers=True, least_rank=1, smallest=1))
def test_the_reference_is_scipys_softmax(p):
    exact = scipy.special.softmax(p[0].astype(float), axis=-1)
    assert_ulps(softmax.forward(p[0], variant="reference"), exact, 4 + p[0].shape[-1])


@pytest.mark.parametrize("variant", VARIANTS)
@given(p=equal_arrays(1, integers=True, least_rank=1))
def test_adding_a_number_to_a_row_changes_no_bit_while_the_sum_is_exact(variant, p):
    moved = softmax.forward(p[0] + p[0].dtype.type(1000), variant=variant)
    np.testing.assert_array_equal(moved, softmax.forward(p[0], variant=variant))


@pytest.mark.parametrize("variant", VARIANTS)
@given(p=equal_arrays(2, least_rank=1, smallest=1))
def test_rows_are_probabilities_and_the_gradient_keeps_their_sum(variant, p):
    y = softmax.forward(p[0], variant=variant)
    K, eps = y.shape[-1], np.finfo(y.dtype).eps
    assert (y >= 0).all()
    assert (y <= 1).all()
    np.testing.assert_allclose(y.astype(float).sum(-1), 1, rtol=0, atol=(K + 2) * eps)
    dx = softmax.backward(p[1], y, variant=variant).astype(float)
    assert np.all(np.abs(dx.sum(-1)) <= 4 * (K + 4) * eps * np.abs(p[1]).max(-1, initial=0))


@pytest.mark.parametrize("variant", VARIANTS)
@given(p=equal_arrays(2, least_rank=1))
def test_both_passes_of_the_logarithm_are_within_the_rounding_bound_of_the_reference(variant, p):
    x, dy = p[0] / 10, p[1]
    exact = softmax.forward(x, log=True, variant="reference")
    y = softmax.forward(x, log=True, variant=variant)
    assert y.dtype == x.dtype
    assert_bounded(y, exact, log_bound(x, exact))
    dx = softmax.backward(dy, y, log=True, variant=variant)
    exact = softmax.backward(dy, y, log=True, variant="reference")
    magnitude = np.abs(dy) + np.exp(y.astype(float)) * np.abs(dy.astype(float)).sum(-1, keepdims=True)
    assert_within(dx, exact, magnitude, x.shape[-1] + 6, x.dtype)


@given(p=equal_arrays(1, integers=True, least_rank=1, smallest=1))
def test_the_references_logarithm_is_scipys(p):
    exact = scipy.special.log_softmax(p[0].astype(float), axis=-1)
    y = softmax.forward(p[0], log=True, variant="reference")
    assert_bounded(y, exact, 2 * log_bound(p[0].astype(float), exact))


@pytest.mark.parametrize("variant", ["reference", *VARIANTS])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_logarithm_is_finite_where_the_quotient_underflows_and_follows_its_rule_elsewhere(variant, dtype):
    inf, nan = np.inf, np.nan
    rows = [
        ([0, -2000, -1e30], [0, -2000, -1e30]),
        ([1e30, 0, 0], [0, -1e30, -1e30]),
        ([0, -inf, -5000], [0, -inf, -5000]),
        ([nan, 0, 1], [nan] * 3),
        ([inf, 0, 0], [nan] * 3),
        ([-inf, -inf, -inf], [nan] * 3),
    ]
    y = softmax.forward(np.array([x for x, _ in rows], dtype), log=True, variant=variant)
    np.testing.assert_array_equal(y.astype(dtype), np.array([wanted for _, wanted in rows], dtype))
    with pytest.raises(TypeError, match="softmax: log must be True or False, got 2"):
        softmax.forward(np.zeros(3), log=2)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_gradient_of_the_logarithm_is_a_central_difference(variant):
    x, dy, u = np.random.default_rng(0).standard_normal((3, 4, 11))
    dx = softmax.backward(dy, softmax.forward(x, log=True, variant=variant), log=True, variant=variant)
    found = slope(lambda a: np.vdot(dy, softmax.forward(a, log=True, variant=variant)), x, u)
    assert found == pytest.approx(np.vdot(dx, u), rel=1e-7)


@pytest.mark.parametrize("variant", ["reference", *VARIANTS])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extreme_logits_behave_and_a_nan_spoils_its_own_row_only(variant, dtype):
    inf, nan = np.inf, np.nan
    rows = [
        ([1e38, -1e38, 0], [1, 0, 0]),
        ([-1e38, -1e38, -1e38], [1 / 3] * 3),
        ([0, -inf, 0], [0.5, 0, 0.5]),
        ([nan, 0, 1], [nan] * 3),
        ([3, 3, nan], [nan] * 3),
        ([inf, 0, 0], [nan] * 3),
        ([-inf, -inf, -inf], [nan] * 3),
        ([-800, 0, -800], [0, 1, 0]),
    ]
    y = softmax.forward(np.array([x for x, _ in rows], dtype), variant=variant)
    np.testing.assert_array_equal(y.astype(dtype), np.array([wanted for _, wanted in rows], dtype))
    dy = np.array([[1, nan, 2], [1, 2, 3]], dtype)
    dx = softmax.backward(dy, np.full((2, 3), 1 / 3, dtype), variant=variant)
    np.testing.assert_array_equal(np.isnan(dx), [[True] * 3, [False] * 3])


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_gradient_is_a_central_difference(variant):
    x, dy, u = np.random.default_rng(0).standard_normal((3, 4, 11))
    dx = softmax.backward(dy, softmax.forward(x, variant=variant), variant=variant)
    assert slope(lambda a: np.vdot(dy, softmax.forward(a, variant=variant)), x, u) == pytest.approx(
        np.vdot(dx, u), rel=1e-7
    )


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("shape", [(3001, 10), (3, 9001), (20_000, 1)])
def test_large_arrays_on_all_cores_have_the_bits_of_their_rows(variant, shape):
    x, dy = np.random.default_rng(0).standard_normal((2, *shape)).astype(np.float32)
    y = softmax.forward(x, variant=variant)
    dx = softmax.backward(dy, y, variant=variant)
    for m in (0, 1, shape[0] // 2, shape[0] - 1):
        np.testing.assert_array_equal(y[m], softmax.forward(x[m], variant=variant))
        np.testing.assert_array_equal(dx[m], softmax.backward(dy[m], y[m], variant=variant))
    y = softmax.forward(x, log=True, variant=variant)
    dx = softmax.backward(dy, y, log=True, variant=variant)
    for m in (0, 1, shape[0] // 2, shape[0] - 1):
        np.testing.assert_array_equal(y[m], softmax.forward(x[m], log=True, variant=variant))
        np.testing.assert_array_equal(dx[m], softmax.backward(dy[m], y[m], log=True, variant=variant))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 3), (2, 0, 3)])
def test_no_rows_or_no_classes_give_an_empty_array(variant, shape):
    x = np.ones(shape, np.float32)
    assert softmax.forward(x, variant=variant).shape == shape
    assert softmax.backward(x, x, variant=variant).shape == shape
    assert softmax.forward(x, variant="reference").shape == shape


@pytest.mark.parametrize("variant", VARIANTS)
@given(p=equal_arrays(2, least_rank=1))
def test_strided_read_only_views_give_the_contiguous_answer_and_are_not_mutated(variant, p):
    views = [strided_read_only(a) for a in p]
    np.testing.assert_array_equal(softmax.forward(views[0], variant=variant), softmax.forward(p[0], variant=variant))
    np.testing.assert_array_equal(softmax.backward(*views, variant=variant), softmax.backward(*p, variant=variant))
    for view, before in zip(views, p, strict=True):
        np.testing.assert_array_equal(view, before)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("shape", [(3, 4), (5000, 4)])
def test_results_go_to_out_and_nowhere_else(variant, shape):
    (y, m1), (dx, m2) = guarded(shape, np.float32), guarded(shape, np.float32)
    assert softmax.forward(np.zeros(shape, np.float32), variant=variant, out=y) is y
    assert softmax.backward(np.ones(shape, np.float32), y, variant=variant, out=dx) is dx
    for memory, value in ((m1, 0.25), (m2, 0)):
        assert_guards_stand(memory)
        np.testing.assert_array_equal(memory[BAND:-BAND], value)


def test_a_wrong_argument_is_named_with_what_arrived_and_what_was_expected():
    with pytest.raises(ValueError, match="softmax: x must have at least 1 axis, the classes, got shape"):
        softmax.forward(np.array(1.0))
    with pytest.raises(TypeError, match="softmax: x must be float32 or float64, got int64"):
        softmax.forward(np.arange(3))
    with pytest.raises(ValueError, match=r"softmax: dy must have shape \(2,\) \(y's shape\), got \(3,\)"):
        softmax.backward(np.ones(3), np.ones(2))
