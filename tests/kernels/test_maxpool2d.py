"""maxpool2d: every variant finds each window's first maximum and sends the gradient back to it."""

import numpy as np
import pytest
from hypothesis import given, settings

from kernels import maxpool2d, registry
from tests.guards import assert_guards_stand, guarded
from tests.pool_strategies import PoolProblem, hidden, pool_problems
from tests.rounding import assert_within

VARIANTS = registry.variants("maxpool2d", "cpu")
EVERY = pytest.mark.parametrize("variant", VARIANTS)
ALL = pytest.mark.parametrize("variant", ["reference", *VARIANTS])


def gradient(p: PoolProblem, argmax, variant, dy=None):
    dy = p.dy if dy is None else dy
    return maxpool2d.backward(dy, argmax, p.x.shape, size=p.size, variant=variant, **p.settings)


@EVERY
@given(p=pool_problems(integers=True))
def test_small_integers_with_many_ties_agree_with_the_reference_bit_for_bit(variant, p):
    y, argmax = maxpool2d.forward(p.x, p.size, variant=variant, **p.settings)
    exact_y, exact_argmax = maxpool2d.forward(p.x, p.size, variant="reference", **p.settings)
    np.testing.assert_array_equal(y, exact_y)
    np.testing.assert_array_equal(argmax, exact_argmax)
    assert (y.dtype, argmax.dtype) == (p.x.dtype, np.uint8)
    np.testing.assert_array_equal(gradient(p, argmax, variant), gradient(p, argmax, "reference"))


@EVERY
@given(p=pool_problems())
def test_forward_is_exact_and_backward_within_the_rounding_bound(variant, p):
    y, argmax = maxpool2d.forward(p.x, p.size, variant=variant, **p.settings)
    exact_y, exact_argmax = maxpool2d.forward(p.x, p.size, variant="reference", **p.settings)
    np.testing.assert_array_equal(y, exact_y)
    np.testing.assert_array_equal(argmax, exact_argmax)
    exact, magnitude = (gradient(p, argmax, "reference", dy) for dy in (p.dy, np.abs(p.dy)))
    assert_within(gradient(p, argmax, variant), exact, magnitude, p.size[0] * p.size[1], p.x.dtype)


@EVERY
@given(p=pool_problems(integers=True))
def test_backward_is_the_adjoint_of_copying_the_maximum_and_conserves_the_gradients_sum(variant, p):
    """<dy, y> = <dx, x>, exactly, for integers: y is x at the chosen pixels."""
    y, argmax = maxpool2d.forward(p.x, p.size, variant=variant, **p.settings)
    dx = gradient(p, argmax, variant)
    assert np.vdot(p.dy, y) == np.vdot(dx, p.x)
    assert dx.sum() == p.dy.sum()


@EVERY
@settings(max_examples=20)
@given(p=pool_problems(integers=True))
def test_backward_is_the_central_difference_where_no_two_pixels_tie(variant, p):
    """All pixels differ by 1 or more, so y is linear in a step of 1/4 and the difference is exact."""
    x = np.random.default_rng(p.x.size).permutation(p.x.size).reshape(p.x.shape).astype(float)
    dy = p.dy.astype(float)
    _, argmax = maxpool2d.forward(x, p.size, variant=variant, **p.settings)
    dx = gradient(p, argmax, variant, dy)
    for index in list(np.ndindex(x.shape))[:: max(1, x.size // 10)]:
        step = np.zeros_like(x)
        step[index] = 0.25
        up, _ = maxpool2d.forward(x + step, p.size, variant=variant, **p.settings)
        down, _ = maxpool2d.forward(x - step, p.size, variant=variant, **p.settings)
        assert dx[index] == np.vdot(dy, up - down) / 0.5


@ALL
@pytest.mark.parametrize("value", [2.0, -np.inf])
@given(p=pool_problems())
def test_a_constant_image_stays_constant_and_a_tie_goes_to_the_first_real_pixel(variant, value, p):
    y, argmax = maxpool2d.forward(np.full_like(p.x, value), p.size, variant=variant, **p.settings)
    np.testing.assert_array_equal(y, value)
    before = [sides[0] for sides in p.settings["padding"]]
    for i, j in np.ndindex(y.shape[1:3]):
        first_p, first_q = (max(0, before[a] - p.settings["stride"][a] * (i, j)[a]) for a in (0, 1))
        np.testing.assert_array_equal(argmax[:, i, j], first_p * p.size[1] + first_q)


@ALL
@pytest.mark.parametrize("size", [2, (2, 3), 3])
def test_a_nan_in_the_window_is_the_maximum_and_argmax_is_the_first_nan(variant, size):
    rng = np.random.default_rng(3)
    x = rng.standard_normal((1, 6, 6, 19)).astype(np.float32)
    x[rng.random(x.shape) < 0.4] = np.nan
    x[rng.random(x.shape) < 0.1] = np.inf
    y, argmax = maxpool2d.forward(x, size, variant=variant)
    P, Q = (size, size) if isinstance(size, int) else size
    for _, i, j, c in np.ndindex(y.shape):
        window = x[0, i * P : i * P + P, j * Q : j * Q + Q, c].ravel()
        expected = np.flatnonzero(np.isnan(window))[0] if np.isnan(window).any() else window.argmax()
        assert argmax[0, i, j, c] == expected
        np.testing.assert_array_equal(y[0, i, j, c], window[expected])


@EVERY
@pytest.mark.parametrize(
    ("size", "options"),
    [(2, {}), (3, {"stride": 2, "padding": 1}), ((3, 2), {"stride": (1, 2), "padding": "same"}), (2, {"stride": 3})],
)
def test_large_arrays_that_several_threads_share_agree_bit_for_bit(variant, size, options):
    """The oracle is cpu_naive in float64, itself proven against the reference above."""
    rng = np.random.default_rng(4)
    x = rng.integers(-9, 10, (3, 27, 30, 37)).astype(np.float32)
    y, argmax = maxpool2d.forward(x, size, variant=variant, **options)
    exact_y, exact_argmax = maxpool2d.forward(x.astype(float), size, variant="cpu_naive", **options)
    np.testing.assert_array_equal(y, exact_y)
    np.testing.assert_array_equal(argmax, exact_argmax)
    dy = rng.integers(-9, 10, y.shape).astype(np.float32)
    dx = maxpool2d.backward(dy, argmax, x.shape, size=size, variant=variant, **options)
    exact = maxpool2d.backward(dy.astype(float), argmax, x.shape, size=size, variant="cpu_naive", **options)
    np.testing.assert_array_equal(dx, exact)


@ALL
@pytest.mark.parametrize(("size", "dtype"), [((16, 16), np.uint8), ((1, 257), np.uint16), ((300, 300), np.uint32)])
def test_argmax_has_the_smallest_dtype_that_holds_the_windows_last_index(variant, size, dtype):
    x = np.zeros((1, *size, 1), np.float32)
    x[0, -1, -1] = 1
    y, argmax = maxpool2d.forward(x, size, variant=variant)
    assert argmax.dtype == dtype
    assert (y.item(), argmax.item()) == (1, size[0] * size[1] - 1)
    dx = maxpool2d.backward(np.full_like(y, 5, np.float32), argmax, x.shape, size=size, variant=variant)
    np.testing.assert_array_equal(dx, 5 * x)


@EVERY
@settings(max_examples=20)
@given(p=pool_problems())
def test_strided_read_only_views_give_the_contiguous_answer_and_nothing_is_mutated(variant, p):
    y, argmax = maxpool2d.forward(p.x, p.size, variant=variant, **p.settings)
    views = [hidden(a) for a in (p.x, p.dy, argmax)]
    copies = [v.base.copy() for v in views]
    same_y, same_argmax = maxpool2d.forward(views[0], p.size, variant=variant, **p.settings)
    np.testing.assert_array_equal(same_y, y)
    np.testing.assert_array_equal(same_argmax, argmax)
    np.testing.assert_array_equal(gradient(p, views[2], variant, views[1]), gradient(p, argmax, variant))
    for view, copy in zip(views, copies, strict=True):
        np.testing.assert_array_equal(view.base, copy)


@ALL
@given(p=pool_problems(integers=True))
def test_every_result_goes_to_out_and_nowhere_else(variant, p):
    y, argmax = maxpool2d.forward(p.x, p.size, variant=variant, **p.settings)
    (out_y, band_y), (out_argmax, band_argmax) = guarded(y.shape, p.x.dtype), guarded(y.shape, np.uint8)
    both = maxpool2d.forward(p.x, p.size, variant=variant, out=(out_y, out_argmax), **p.settings)
    assert both[0] is out_y
    assert both[1] is out_argmax
    np.testing.assert_array_equal(out_y, y)
    np.testing.assert_array_equal(out_argmax, argmax)
    dx, band_dx = guarded(p.x.shape, p.x.dtype)
    settings_ = {"size": p.size, "variant": variant, **p.settings}
    assert maxpool2d.backward(p.dy, argmax, p.x.shape, out=dx, **settings_) is dx
    np.testing.assert_array_equal(dx, gradient(p, argmax, variant))
    for band in (band_y, band_argmax, band_dx):
        assert_guards_stand(band)


@ALL
@pytest.mark.parametrize("shape", [(0, 4, 4, 3), (2, 4, 4, 0)])
def test_no_images_or_no_channels_give_an_empty_result(variant, shape):
    y, argmax = maxpool2d.forward(np.ones(shape, np.float32), 2, variant=variant)
    assert y.shape == argmax.shape == (shape[0], 2, 2, shape[3])
    dy = np.ones(y.shape, np.float32)
    assert maxpool2d.backward(dy, argmax, shape, size=2, variant=variant).shape == shape


@ALL
@pytest.mark.parametrize("stride", [2, 1])
def test_an_argmax_that_points_into_the_padding_gives_its_gradient_to_no_pixel(variant, stride):
    x_shape, options = (1, 3, 3, 1), {"size": 2, "stride": stride, "padding": 1, "variant": variant}
    side = 2 if stride == 2 else 4
    argmax = np.full((1, side, side, 1), 3, np.uint8)
    argmax[0, 0, 0, 0] = 0
    dy = np.ones(argmax.shape, np.float32)
    dx = maxpool2d.backward(dy, argmax, x_shape, **options)
    outside = 1 if stride == 2 else 8  # the corner; with stride 1 also what stands in the last row and column
    assert dx.sum() == dy.size - outside


def test_an_argmax_outside_the_window_is_an_error():
    dy, argmax = np.ones((1, 2, 2, 1), np.float32), np.zeros((1, 2, 2, 1), np.uint8)
    argmax[0, 1, 1, 0] = 4
    with pytest.raises(ValueError, match=r"maxpool2d: argmax must be below P\*Q=4 for a 2x2 window, got 4"):
        maxpool2d.backward(dy, argmax, (1, 4, 4, 1), size=2)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"x": np.ones((4, 4, 2), np.float32)}, ValueError, r"maxpool2d: x must have 4 axes \(N,H,W,C\), got shape"),
        ({"x": np.ones((1, 4, 4, 2), int)}, TypeError, "maxpool2d: x must be float32 or float64, got int64"),
        ({"x": np.ones((1, 0, 4, 2))}, ValueError, r"an image must have pixels, got \(1, 0, 4, 2\)"),
        ({"size": 0}, ValueError, "maxpool2d: size must be an integer >= 1 or a pair of them, got 0"),
        ({"size": 5}, ValueError, "does not fit: it spans 5 .* along H, the padded image has 4"),
        ({"stride": (2, 0)}, ValueError, r"stride must be .*, got \(2, 0\)"),
        ({"padding": 2}, ValueError, r"padding must be less than the window's size along H \(2\), got \(2, 2\)"),
        ({"padding": ((0, 0), (1, 2))}, ValueError, r"size along W \(2\), got \(1, 2\)"),
        ({"padding": "full"}, ValueError, "padding must be .*'same'.*, got 'full'"),
        ({"variant": "cpu_magic"}, ValueError, "no variant 'cpu_magic'; choose one of: reference, cpu_naive, cpu"),
        ({"out": np.ones((1, 2, 2, 2))}, TypeError, r"out must be a tuple of 2 arrays \(y, argmax\), got ndarray"),
    ],
)
def test_a_wrong_argument_is_named_with_what_arrived_and_what_was_expected(change, error, message):
    with pytest.raises(error, match=message):
        maxpool2d.forward(**{"x": np.ones((1, 4, 4, 2), np.float32), "size": 2, **change})


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"dy": np.ones((1, 2, 3, 2), np.float32)}, ValueError, r"dy must have shape \(1, 2, 2, 2\) \(what forward"),
        ({"argmax": np.zeros((1, 1, 2, 2), np.uint8)}, ValueError, r"argmax must have shape \(1, 2, 2, 2\)"),
        ({"argmax": np.zeros((1, 2, 2, 2), int)}, TypeError, "argmax must be uint8, got int64"),
        ({"x_shape": (1, 4, 4)}, ValueError, r"x_shape must be 4 non-negative integers \(N,H,W,C\), got \(1, 4, 4\)"),
    ],
)
def test_backward_checks_dy_and_argmax_against_the_shapes(change, error, message):
    arguments = {"dy": np.ones((1, 2, 2, 2), np.float32), "argmax": np.zeros((1, 2, 2, 2), np.uint8)}
    with pytest.raises(error, match=message):
        maxpool2d.backward(**{**arguments, "x_shape": (1, 4, 4, 2), "size": 2, **change})
