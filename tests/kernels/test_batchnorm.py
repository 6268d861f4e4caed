"""batchnorm: every variant standardises each channel, and its gradient goes through the statistics too.

The bounds are derived, not chosen: `errors_*` follow a quantity's error through the formula, operation by operation,
with u the unit roundoff and gamma_m = m u / (1 - m u) for a sum of m terms in any order.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import batchnorm, registry
from kernels.verify.operations.batchnorm import EPSILON, errors_backward, errors_forward, errors_y
from tests.guards import assert_guards_stand, guarded
from tests.pool_strategies import SEEDS, hidden
from tests.rounding import gamma
from tests.strategies import DTYPES

VARIANTS = registry.variants("batchnorm", "cpu")
EVERY = pytest.mark.parametrize("variant", VARIANTS)
ALL = pytest.mark.parametrize("variant", ["reference", *VARIANTS])


@st.composite
def problems(draw):
    """x, dy of rank 2 to 4, gamma and beta; channels of different scales, off their zero by some deviations."""
    shape = (*draw(st.lists(st.integers(1, 6), min_size=1, max_size=3)), draw(st.integers(1, 19)))
    dtype, rng = draw(DTYPES), np.random.default_rng(draw(SEEDS))
    scale, centre = 10.0 ** rng.integers(-2, 3, shape[-1]), 3 * rng.standard_normal(shape[-1])
    x = (rng.standard_normal(shape) + centre) * scale
    dy, weights = rng.standard_normal(shape), rng.standard_normal((2, shape[-1]))
    return tuple(a.astype(dtype) for a in (x, dy, *weights))


def assert_close(actuals, exacts, bounds, doubles):
    """Within the variant's bound plus the float64 reference's own."""
    for actual, exact, bound, double in zip(actuals, exacts, bounds, doubles, strict=True):
        assert np.all(np.abs(actual - exact) <= bound + double + 1e-44)


@EVERY
@given(p=problems())
def test_forward_and_its_statistics_are_within_the_derived_rounding_bound(variant, p):
    x, _, g, b = p
    exact = batchnorm.forward(x, g, b, variant="reference")
    actual = batchnorm.forward(x, g, b, variant=variant)
    bounds = [errors_forward(x.astype(float), g, b, *exact[1:], t) for t in (x.dtype, np.float64)]
    assert_close(actual, exact, *bounds)
    assert {a.dtype for a in actual} == {x.dtype}


@EVERY
@given(p=problems())
def test_inference_is_within_the_derived_rounding_bound(variant, p):
    x, dy, g, b = p
    mean, var = b * 2, g * g
    arguments = (x, g, b, mean, var)
    exact = batchnorm.inference(*arguments, variant="reference")
    actual = batchnorm.inference(*arguments, variant=variant)
    doubles = [a.astype(float) for a in arguments]
    assert_close((actual,), (exact,), *((errors_y(*doubles, 0, 0, t),) for t in (x.dtype, np.float64)))
    assert actual.dtype == x.dtype


@EVERY
@given(p=problems())
def test_backward_is_within_the_derived_rounding_bound(variant, p):
    x, dy, g, b = p
    _, mean, var = batchnorm.forward(x, g, b, variant=variant)
    arguments = (dy, x, g, mean, var)
    exact = batchnorm.backward(*arguments, variant="reference")
    actual = batchnorm.backward(*arguments, variant=variant)
    doubles = [a.astype(float) for a in arguments]
    assert_close(actual, exact, *(errors_backward(*doubles, t) for t in (x.dtype, np.float64)))
    assert {a.dtype for a in actual} == {x.dtype}


@EVERY
@given(half=st.sampled_from([1, 2, 4, 8, 32, 512]), channels=st.integers(1, 40), dtype=DTYPES, seed=SEEDS)
def test_where_every_step_is_exact_all_passes_are_the_reference_bit_for_bit(variant, half, channels, dtype, seed):
    """M a power of two, x one above or below an integer mean: var = 1, and epsilon = 3 makes the root 2."""
    rng = np.random.default_rng(seed)
    signs = rng.permuted(np.repeat([[1.0], [-1.0]], half, 0) * np.ones(channels), axis=0)
    x = (signs + rng.integers(-4, 5, channels)).astype(dtype)
    dy = rng.integers(-4, 5, x.shape).astype(dtype)
    g, b = rng.integers(-4, 5, (2, channels)).astype(dtype)
    results = []
    for v in (variant, "reference"):
        y, mean, var = batchnorm.forward(x, g, b, epsilon=3, variant=v)
        as_given = (mean.astype(dtype), var.astype(dtype))
        same = batchnorm.inference(x, g, b, *as_given, epsilon=3, variant=v)
        results.append((y, mean, var, same, *batchnorm.backward(dy, x, g, *as_given, epsilon=3, variant=v)))
    for actual, exact in zip(*results, strict=True):
        np.testing.assert_array_equal(actual, exact)
    np.testing.assert_array_equal(results[0][2], 1)
    np.testing.assert_array_equal(results[0][0], signs * g / 2 + b)


@ALL
def test_backward_is_the_central_difference_of_forward_in_x_gamma_and_beta(variant):
    rng = np.random.default_rng(7)
    x, dy, g, b = rng.standard_normal((3, 2, 4, 3)), rng.standard_normal((3, 2, 4, 3)), *rng.standard_normal((2, 3))
    _, mean, var = batchnorm.forward(x, g, b, variant=variant)
    gradients = batchnorm.backward(dy, x, g, mean, var, variant=variant)
    for which, gradient in enumerate(gradients):
        direction = rng.standard_normal(gradient.shape)
        ends = []
        for sign in (1, -1):
            arguments = [x, g, b]
            arguments[which] = arguments[which] + sign * 1e-5 * direction
            ends.append(np.vdot(dy, batchnorm.forward(*arguments, variant=variant)[0]))
        # the difference is off by h^2 of the third derivative and by u/h of the value: 1e-10 and 1e-11
        np.testing.assert_allclose((ends[0] - ends[1]) / 2e-5, np.vdot(gradient, direction), rtol=1e-7, atol=1e-8)


@ALL
@given(p=problems())
def test_the_gradient_of_x_is_orthogonal_to_what_the_statistics_remove(variant, p):
    """Shifting x changes nothing, so each channel's dx sums to 0, up to the rounding of its terms."""
    x, dy, g, b = (a.astype(float) for a in p)
    _, mean, var = batchnorm.forward(x, g, b, variant=variant)
    dx = batchnorm.backward(dy, x, g, mean, var, variant=variant)[0].reshape(-1, x.shape[-1])
    terms = errors_backward(dy, x, g, mean, var, np.float64)[0].reshape(dx.shape)
    mean_error = errors_forward(x, g, b, mean, var, np.float64)[1]
    slope = np.abs(g) / (var + EPSILON) * np.abs(dy).reshape(dx.shape).sum(0) * np.abs(x - mean).max()
    slack = gamma(len(dx), np.float64) * np.abs(dx).sum(0) + mean_error * slope / np.sqrt(var + EPSILON)
    assert np.all(np.abs(dx.sum(0)) <= terms.sum(0) + slack)


@EVERY
def test_the_variance_keeps_its_digits_far_from_zero(variant):
    """mean(x^2) - mean(x)^2 in float32 would be off by 64 here."""
    x = (np.tile([[-1.0], [1.0]], (512, 20)) + 4096 * 4).astype(np.float32)
    one = np.ones(20, np.float32)
    _, mean, var = batchnorm.forward(x, one, one, variant=variant)
    np.testing.assert_array_equal(mean, 4096 * 4)
    np.testing.assert_array_equal(var, 1)


@EVERY
@pytest.mark.parametrize("shape", [(3, 41, 43, 17), (70_001, 1), (33, 2000), (5, 7, 1000)])
def test_arrays_of_several_chunks_that_threads_share_are_within_the_bound_of_numpy_in_float64(variant, shape):
    rng = np.random.default_rng(8)
    x, dy = (rng.standard_normal(shape) + 1).astype(np.float32), rng.standard_normal(shape).astype(np.float32)
    g, b = rng.standard_normal((2, shape[-1])).astype(np.float32)
    axes, x64, dy64 = tuple(range(len(shape) - 1)), x.astype(float), dy.astype(float)
    mean, var = x64.mean(axes), x64.var(axes)
    exact = ((x64 - mean) / np.sqrt(var + EPSILON) * g + b, mean, var)
    bounds = [errors_forward(x64, g, b, mean, var, t) for t in (np.float32, np.float64)]
    actual = batchnorm.forward(x, g, b, variant=variant)
    assert_close(actual, exact, *bounds)
    mean, var = (a.astype(float) for a in actual[1:])
    m, xhat = x64[..., 0].size, (x64 - mean) / np.sqrt(var + EPSILON)
    dgamma, dbeta = (dy64 * xhat).sum(axes), dy64.sum(axes)
    exact = (g / np.sqrt(var + EPSILON) * (dy64 - dbeta / m - xhat * dgamma / m), dgamma, dbeta)
    bounds = [errors_backward(dy64, x64, g, mean, var, t) for t in (np.float32, np.float64)]
    assert_close(batchnorm.backward(dy, x, g, *actual[1:], variant=variant), exact, *bounds)
    actual = batchnorm.inference(x, g, b, *actual[1:], variant=variant)
    exact = xhat * g + b
    assert_close((actual,), (exact,), *((errors_y(x64, g, b, mean, var, 0, 0, t),) for t in (np.float32, np.float64)))


@ALL
def test_a_nan_spoils_its_own_channel_and_no_other(variant):
    x = np.arange(24.0).reshape(8, 3)
    x[5, 1] = np.nan
    one = np.ones(3)
    y, mean, var = batchnorm.forward(x, one, one, variant=variant)
    dx, dgamma, _ = batchnorm.backward(x * x, x, one, mean, var, variant=variant)
    for result in (y, mean, var, dx, dgamma):
        np.testing.assert_array_equal(np.isnan(result), np.broadcast_to([False, True, False], result.shape))


@ALL
@pytest.mark.parametrize("m", [1, 5])
def test_a_constant_channel_gives_beta_and_passes_no_gradient_to_x(variant, m):
    x, g, b = np.full((m, 4), 2.5), np.full(4, 3.0), np.arange(4.0)
    y, mean, var = batchnorm.forward(x, g, b, variant=variant)
    np.testing.assert_array_equal(y, np.tile(b, (m, 1)))
    np.testing.assert_array_equal(var, 0)
    dx, _, dbeta = batchnorm.backward(np.ones_like(x), x, g, mean, var, variant=variant)
    np.testing.assert_array_equal(dx, 0)
    np.testing.assert_array_equal(dbeta, m)


@EVERY
@settings(max_examples=20)
@given(p=problems())
def test_strided_read_only_views_give_the_contiguous_answer_and_nothing_is_mutated(variant, p):
    views = [hidden(a) for a in p]
    copies = [v.base.copy() for v in views]
    results = []
    for x, dy, g, b in (p, views):
        y, mean, var = batchnorm.forward(x, g, b, variant=variant)
        same = batchnorm.inference(x, g, b, hidden(mean), hidden(var), variant=variant)
        results.append((y, mean, var, same, *batchnorm.backward(dy, x, g, mean, var, variant=variant)))
    for actual, expected in zip(*results, strict=True):
        np.testing.assert_array_equal(actual, expected)
    for view, copy in zip(views, copies, strict=True):
        np.testing.assert_array_equal(view.base, copy)


@ALL
@given(p=problems())
def test_every_result_goes_to_out_and_nowhere_else(variant, p):
    x, dy, g, b = p
    spots = [guarded(s.shape, x.dtype) for s in (x, g, g, x, x, g, g)]
    arrays = [array for array, _ in spots]
    outs = batchnorm.forward(x, g, b, variant=variant, out=tuple(arrays[:3]))
    same = batchnorm.inference(x, g, b, outs[1], outs[2], variant=variant, out=arrays[3])
    back = batchnorm.backward(dy, x, g, outs[1], outs[2], variant=variant, out=tuple(arrays[4:]))
    assert all(a is b for a, b in zip((*outs, same, *back), arrays, strict=True))
    expected = (
        *batchnorm.forward(x, g, b, variant=variant),
        batchnorm.inference(x, g, b, outs[1], outs[2], variant=variant),
        *batchnorm.backward(dy, x, g, outs[1], outs[2], variant=variant),
    )
    for array, value in zip(arrays, expected, strict=True):
        np.testing.assert_array_equal(array, value.astype(x.dtype))
    for _, band in spots:
        assert_guards_stand(band)


@ALL
def test_no_channels_give_empty_results_and_inference_accepts_an_empty_batch(variant):
    none = np.ones(0, np.float32)
    y, mean, var = batchnorm.forward(np.ones((4, 0), np.float32), none, none, variant=variant)
    assert (y.shape, mean.shape, var.shape) == ((4, 0), (0,), (0,))
    one = np.ones(3, np.float32)
    x = np.ones((0, 5, 3), np.float32)
    assert batchnorm.inference(x, one, one, one, one, variant=variant).shape == (0, 5, 3)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"x": np.ones(3)}, ValueError, r"batchnorm: x must have at least 2 axes, .* got shape \(3,\)"),
        ({"x": np.ones((0, 3))}, ValueError, r"need at least one value per channel, got x.shape=\(0, 3\)"),
        ({"gamma": np.ones(4)}, ValueError, r"gamma must have shape \(3,\) \(one number per channel: x.shape=\(5, 3\)"),
        ({"beta": np.ones((1, 3))}, ValueError, r"beta must have 1 axes \(C\), got shape \(1, 3\)"),
        ({"beta": np.ones(3, np.float32)}, TypeError, "one dtype, but x is float64, gamma is float64, beta is float32"),
        ({"epsilon": 0}, ValueError, "batchnorm: epsilon must be > 0 .*, got 0"),
        ({"epsilon": -1.0}, ValueError, "epsilon must be a number .*, got -1.0"),
        ({"out": np.ones((5, 3))}, TypeError, r"out must be a tuple of 3 arrays \(y, mean, var\), got ndarray"),
    ],
)
def test_a_wrong_argument_is_named_with_what_arrived_and_what_was_expected(change, error, message):
    arguments = {"x": np.ones((5, 3)), "gamma": np.ones(3), "beta": np.ones(3), **change}
    with pytest.raises(error, match=message):
        batchnorm.forward(**arguments)


def test_backward_checks_dy_against_x():
    x, one = np.ones((5, 3)), np.ones(3)
    with pytest.raises(ValueError, match=r"batchnorm: dy must have shape \(5, 3\) \(x's shape\), got \(3, 5\)"):
        batchnorm.backward(x.T.copy(), x, one, one, one)
    with pytest.raises(ValueError, match="need at least one value per channel"):
        batchnorm.backward(x[:0], x[:0], one, one, one)
