"""avgpool2d: every variant is the mean over the window's real pixels, and its gradient."""

import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given, settings

from kernels import avgpool2d, registry
from tests.guards import assert_guards_stand, guarded
from tests.pool_strategies import PoolProblem, hidden, pool_problems
from tests.rounding import assert_within

VARIANTS = registry.variants("avgpool2d", "cpu")
EVERY = pytest.mark.parametrize("variant", VARIANTS)
ALL = pytest.mark.parametrize("variant", ["reference", *VARIANTS])
DIVISIBLE = 144  # by every number of real pixels up to 4x4


def passes(p: PoolProblem, variant, x=None, dy=None):
    x, dy = p.x if x is None else x, p.dy if dy is None else dy
    return (
        avgpool2d.forward(x, p.size, variant=variant, **p.settings),
        avgpool2d.backward(dy, p.x.shape, size=p.size, variant=variant, **p.settings),
    )


@EVERY
@given(p=pool_problems(integers=True))
def test_integers_that_every_window_divides_agree_with_the_reference_bit_for_bit(variant, p):
    for actual, exact in zip(
        passes(p, variant, DIVISIBLE * p.x, DIVISIBLE * p.dy),
        passes(p, "reference", DIVISIBLE * p.x, DIVISIBLE * p.dy),
        strict=True,
    ):
        np.testing.assert_array_equal(actual, exact)
        assert actual.dtype == p.x.dtype


@EVERY
@given(p=pool_problems())
def test_both_passes_are_within_the_rounding_bound_of_the_reference(variant, p):
    """A sum of at most P*Q terms, one division each (dx) or at the end (y)."""
    exact, magnitudes = passes(p, "reference"), passes(p, "reference", np.abs(p.x), np.abs(p.dy))
    for actual, value, magnitude in zip(passes(p, variant), exact, magnitudes, strict=True):
        assert_within(actual, value, magnitude, p.size[0] * p.size[1] + 1, p.x.dtype)


@EVERY
@given(p=pool_problems(integers=True))
def test_backward_is_the_adjoint_of_forward_and_conserves_the_gradients_sum(variant, p):
    """<dy, y> = <dx, x>, exactly, for multiples of every window's number of pixels."""
    y, dx = passes(p, variant, DIVISIBLE * p.x, DIVISIBLE * p.dy)
    assert np.vdot(DIVISIBLE * p.dy.astype(float), y.astype(float)) == np.vdot(dx.astype(float), DIVISIBLE * p.x)
    assert dx.sum() == DIVISIBLE * p.dy.sum()


@ALL
@given(p=pool_problems())
def test_a_constant_image_stays_constant_at_the_padded_edge_too(variant, p):
    np.testing.assert_array_equal(avgpool2d.forward(np.full_like(p.x, 3), p.size, variant=variant, **p.settings), 3)


@ALL
def test_a_3x3_mean_that_slides_is_scipys_uniform_filter_inside_the_image(variant):
    x = np.random.default_rng(0).integers(-9, 10, (8, 9)).astype(float) * 9
    y = avgpool2d.forward(x[None, :, :, None], 3, stride=1, variant=variant)[0, :, :, 0]
    np.testing.assert_allclose(y, scipy.ndimage.uniform_filter(x, 3)[1:-1, 1:-1], rtol=0, atol=1e-12)


@ALL
def test_a_nan_reaches_the_windows_that_hold_it_and_no_other(variant):
    x = np.ones((1, 6, 6, 3), np.float32)
    x[0, 2, 3, 1] = np.nan
    y = avgpool2d.forward(x, 2, variant=variant)
    expected = np.ones((1, 3, 3, 3))
    expected[0, 1, 1, 1] = np.nan
    np.testing.assert_array_equal(y, expected)
    dx = avgpool2d.backward(expected.astype(np.float32), x.shape, size=2, variant=variant)
    assert np.isnan(dx[0, 2:4, 2:4, 1]).all()
    assert np.isnan(dx).sum() == 4


@EVERY
@pytest.mark.parametrize(("size", "options"), [(2, {}), ((4, 2), {"stride": (2, 1), "padding": ((1, 3), (0, 1))})])
def test_large_arrays_that_several_threads_share_are_the_small_ones_side_by_side(variant, size, options):
    """Every image alone stays on one thread; all of them together do not."""
    rng = np.random.default_rng(4)
    x = rng.standard_normal((12, 14, 15, 37)).astype(np.float32)
    y = avgpool2d.forward(x, size, variant=variant, **options)
    dy = rng.standard_normal(y.shape).astype(np.float32)
    dx = avgpool2d.backward(dy, x.shape, size=size, variant=variant, **options)
    for n in range(len(x)):
        one = slice(n, n + 1)
        np.testing.assert_array_equal(y[one], avgpool2d.forward(x[one], size, variant=variant, **options))
        alone = avgpool2d.backward(dy[one], x[one].shape, size=size, variant=variant, **options)
        np.testing.assert_array_equal(dx[one], alone)


@EVERY
@settings(max_examples=20)
@given(p=pool_problems())
def test_strided_read_only_views_give_the_contiguous_answer_and_nothing_is_mutated(variant, p):
    x, dy = hidden(p.x), hidden(p.dy)
    copies = x.base.copy(), dy.base.copy()
    for actual, expected in zip(passes(p, variant, x, dy), passes(p, variant), strict=True):
        np.testing.assert_array_equal(actual, expected)
    np.testing.assert_array_equal(x.base, copies[0])
    np.testing.assert_array_equal(dy.base, copies[1])


@ALL
@given(p=pool_problems(integers=True))
def test_every_result_goes_to_out_and_nowhere_else(variant, p):
    y, dx = passes(p, variant)
    (out_y, band_y), (out_dx, band_dx) = guarded(y.shape, p.x.dtype), guarded(dx.shape, p.x.dtype)
    assert avgpool2d.forward(p.x, p.size, variant=variant, out=out_y, **p.settings) is out_y
    options = {"size": p.size, "variant": variant, **p.settings}
    assert avgpool2d.backward(p.dy, p.x.shape, out=out_dx, **options) is out_dx
    np.testing.assert_array_equal(out_y, y.astype(p.x.dtype))
    np.testing.assert_array_equal(out_dx, dx.astype(p.x.dtype))
    assert_guards_stand(band_y)
    assert_guards_stand(band_dx)


@ALL
@pytest.mark.parametrize("shape", [(0, 4, 4, 3), (2, 4, 4, 0)])
def test_no_images_or_no_channels_give_an_empty_result(variant, shape):
    y = avgpool2d.forward(np.ones(shape, np.float32), 2, variant=variant)
    assert y.shape == (shape[0], 2, 2, shape[3])
    assert avgpool2d.backward(y.astype(np.float32), shape, size=2, variant=variant).shape == shape


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"x": np.ones((4, 4, 2), np.float32)}, ValueError, r"avgpool2d: x must have 4 axes \(N,H,W,C\), got shape"),
        ({"x": [[1.0]]}, TypeError, "avgpool2d: x must be a NumPy array of float32 or float64, got list"),
        ({"size": (2, True)}, ValueError, r"size must be an integer >= 1 or a pair of them, got \(2, True\)"),
        ({"padding": 2}, ValueError, r"padding must be less than the window's size along H \(2\), got \(2, 2\)"),
        ({"out": np.ones((1, 2, 2, 2))}, ValueError, r"out must be float32 of shape \(1, 2, 2, 2\), got float64"),
    ],
)
def test_a_wrong_argument_is_named_with_what_arrived_and_what_was_expected(change, error, message):
    with pytest.raises(error, match=message):
        avgpool2d.forward(**{"x": np.ones((1, 4, 4, 2), np.float32), "size": 2, **change})


def test_backward_checks_dy_against_the_shapes():
    with pytest.raises(ValueError, match=r"avgpool2d: dy must have shape \(1, 2, 2, 2\) \(what forward makes of"):
        avgpool2d.backward(np.ones((1, 3, 2, 2)), (1, 4, 4, 2), size=2)
